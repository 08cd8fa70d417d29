//! Code that stands in marks of its own: tags of pages, quotes that run commands, formulas.

use super::super::shared::{find, run};
use super::holds;

/// Longest tag looked into, in bytes.
const TAG_BYTES_MAX: usize = 512;

/// `<? system('id'); ?>`, `<%= File.read('/etc/passwd') %>`: a page's tag with code in it. A name
/// alone is a placeholder.
pub(super) fn tag(text: &[u8]) -> Option<(f64, usize)> {
    let (at, inside) = [(&b"<? "[..], 3), (b"<%=", 3)]
        .into_iter()
        .find_map(|(open, length)| find(text, open).map(|at| (at, at + length)))?;
    let inside = text.get(inside..)?;
    let inside = inside.get(..TAG_BYTES_MAX).unwrap_or(inside);
    let end = find(inside, b"?>").or_else(|| find(inside, b"%>")).unwrap_or(inside.len());
    let code = inside
        .get(..end)?
        .iter()
        .any(|byte| matches!(byte, b'(' | b'`' | b'[' | b'$' | b':' | b'*' | b'+' | b'"' | b'\''));
    Some((if code { 0.6 } else { 0.4 }, at))
}

/// `'java.lang.Runtime'`, `@java.lang.System`, `new java.lang.…`: a class named to be loaded. A trace
/// of calls names classes as well, after a space.
pub(super) fn class_name(text: &[u8]) -> Option<(f64, usize)> {
    let at = find(text, b"java.lang.")?;
    let before = text.get(..at)?;
    let named =
        before.last().is_some_and(|b| matches!(b, b'\'' | b'"' | b'@' | b'{' | b'$' | b'('))
            || before.ends_with(b"new ")
            || before.ends_with(b"<interface>");
    let rest = text.get(at + 10..)?;
    let class = rest.get(..run(rest, 0, |byte| byte.is_ascii_alphanumeric()))?;
    let trouble = class.ends_with(b"exception") || class.ends_with(b"error");
    Some((if named && !trouble { 0.55 } else { 0.4 }, at))
}

/// `%x(id)`, `` print `id`; ``: all of a value in quotes that run what they hold.
pub(super) fn command(text: &[u8]) -> Option<(f64, usize)> {
    let text = text.trim_ascii();
    let body = text.strip_prefix(b"%x").or_else(|| text.strip_prefix(b"qx"));
    if let Some(body) = body
        && let [open, .., last] = body
    {
        let close = match open {
            b'(' => b')',
            b'{' => b'}',
            b'[' => b']',
            b'/' | b'|' | b'!' => *open,
            _ => return None,
        };
        let inside = body.get(1..body.len() - 1)?;
        let word = inside.iter().any(u8::is_ascii_alphabetic) && !inside.contains(&close);
        return (*last == close && word).then_some((0.6, 0));
    }
    let shown =
        text.strip_prefix(b"print").or_else(|| text.strip_prefix(b"echo"))?.trim_ascii_start();
    let statement = shown.strip_prefix(b"`").and_then(|shown| shown.strip_suffix(b"`;"));
    let canary = shown.starts_with(b"md5(") && shown.ends_with(b";");
    (canary || statement.is_some_and(|inside| !inside.contains(&b'`'))).then_some((0.6, 0))
}

/// `=cmd|' /C calc'!A0`: a cell that runs a program or sends what its neighbours hold, once the export
/// it ends up in is opened.
pub(super) fn formula(text: &[u8]) -> Option<(f64, usize)> {
    if !matches!(text.first(), Some(b'=' | b'+' | b'-' | b'@')) {
        return None;
    }
    // A program, a topic and an item: the old exchange between programs.
    let exchange = find(text, b"|'").and_then(|at| find(text.get(at + 2..)?, b"'!"));
    if exchange.is_some() {
        return Some((0.85, 0));
    }
    let name = text.get(1..)?;
    let name = name.get(..run(name, 0, |byte| byte.is_ascii_alphanumeric()))?;
    let called = text.get(1 + name.len()) == Some(&b'(');
    let fetches = matches!(
        name,
        b"webservice" | b"importxml" | b"importdata" | b"importfeed" | b"importhtml" | b"dde"
    );
    // A link that takes a cell along.
    let sends = name == b"hyperlink" && text.contains(&b'&') && holds(text, &[b"http"]);
    (called && (fetches || sends)).then_some((0.65, 0))
}
