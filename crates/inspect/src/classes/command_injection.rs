//! Command injection: shell syntax that leaves a value, followed by a command.
//!
//! A separator alone is punctuation and a command alone is a word. Together they convince when what
//! follows looks like an argument, or when nothing follows at all.

mod commands;

use super::shared::{find, from, prose_words, run};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::bytes::{AMPERSAND, BACKTICK, CONTROL, DOLLAR, PIPE, SEMICOLON};
use crate::parts::Kind;
use commands::{Command, command};

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::CommandInjection,
    summary: "shell syntax that leaves a value, followed by a command",
    literals: &[
        "$ifs",
        "${ifs",
        "/bin/",
        "cmd.exe",
        "/dev/tcp",
        "() {",
        "(){",
        "$(",
        "powershell",
        "xp_cmd",
    ],
    kinds: SEMICOLON | PIPE | AMPERSAND | BACKTICK | DOLLAR | CONTROL,
    path_kinds: SEMICOLON | PIPE | BACKTICK | DOLLAR | AMPERSAND,
    header_kinds: BACKTICK | PIPE | AMPERSAND,
    deaf: &[],
    confirm,
};

/// Most separators followed in one text.
const SEPARATORS_MAX: usize = 256;
/// Longest argument looked at, in bytes.
const ARGUMENT_BYTES_MAX: usize = 256;
/// Longest command name read, quotes and all.
const NAME_BYTES_MAX: usize = 64;

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    if view.kind == Kind::Value && (text.starts_with(b"/bin/") || text.starts_with(b"/usr/bin/")) {
        return Some(from(view, 0, 0.7));
    }
    if view.kind == Kind::Value && piped(text) {
        return Some(from(view, 0, 0.5));
    }
    if let Some((score, at)) = sign(text) {
        return Some(from(view, at, score));
    }
    if is_table(text) || view.kind == Kind::Agent {
        return None;
    }
    let mut best: Option<(f64, usize)> = None;
    let starts = (0..text.len()).filter_map(|at| separator(text, at).map(|after| (at, after)));
    for (at, after) in starts.take(SEPARATORS_MAX) {
        let score = behind(text, at, after);
        if score > 0.0 && best.is_none_or(|(known, _)| known < score) {
            best = Some((score, at));
        }
    }
    best.map(|(score, at)| from(view, at, score))
}

/// Signs that need no command: nobody writes them by accident.
fn sign(text: &[u8]) -> Option<(f64, usize)> {
    const SIGNS: &[(&[u8], f64)] = &[
        (b"$ifs", 0.9),
        (b"${ifs", 0.9),
        (b"/dev/tcp/", 0.9),
        (b"() { :", 0.95),
        (b"(){:", 0.95),
        (b"() { _", 0.95),
        (b"cmd.exe /c", 0.9),
        (b"cmd.exe?/c", 0.9),
        (b"cmd /c ", 0.8),
        (b"/bin/sh -c", 0.9),
        (b"/bin/bash -", 0.9),
        (b"powershell -", 0.8),
        (b"powershell.exe -", 0.8),
        (b"$((", 0.55),
    ];
    SIGNS.iter().find_map(|(sign, score)| {
        let at = find(text, sign)?;
        (prose_words(text, at) < 3).then_some((*score, at))
    })
}

/// `name|`: Perl's `open` runs a name that ends so.
fn piped(text: &[u8]) -> bool {
    memchr::memchr(b'|', text).is_some_and(|at| at + 1 == text.len())
}

/// A row of a Markdown table is all pipes and means none of them.
fn is_table(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.starts_with(b"| ") && text.ends_with(b" |")
}

/// Gives the offset behind the separator at `at`.
fn separator(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    match rest {
        [b'$' | b'<' | b'>', b'(', ..] | [b'|', b'|', ..] | [b'&', b'&', ..] => Some(at + 2),
        [b';' | b'|' | b'&' | b'`' | b'\n' | b'\r', ..] => Some(at + 1),
        _ => None,
    }
}

/// Scores the command behind the separator at `at`.
fn behind(text: &[u8], at: usize, after: usize) -> f64 {
    let start = after
        + run(text, after, |byte| {
            byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'(' | b'{' | b'+' | b'@')
        });
    let length = run(text, start, |byte| {
        !byte.is_ascii_whitespace()
            && !matches!(
                byte,
                b';' | b'|' | b'&' | b'`' | b')' | b'<' | b'>' | b',' | b'}' | b'=' | b'+' | b'('
            )
    })
    .min(NAME_BYTES_MAX);
    let word = text.get(start..start + length).unwrap_or_default();
    let plain: Vec<u8> = word
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\'' | b'"' | b'\\' | b'^' | b'@' | b'$'))
        .collect();
    let pathed = plain.contains(&b'/');
    let name = plain.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let name = name.strip_suffix(b".exe").unwrap_or(name);
    let Some(known) = command(name) else { return 0.0 };
    let end = start + length;
    // `data:image/png;base64,…` and `&copy;`
    let listed =
        text.get(end) == Some(&b',') && !text.get(after..start).unwrap_or_default().contains(&b'{');
    let entity = text.get(at) == Some(&b'&') && after == at + 1 && text.get(end) == Some(&b';');
    if listed || entity {
        return 0.0;
    }
    let follows = arguments(text, end);
    // Markdown sets commands in backticks too; a word before them makes it a sentence.
    let quoted = text.get(at) == Some(&b'`') && prose_words(text, at) >= 1;
    let prose = prose_words(text, at) >= 2 || quoted;
    let newline = matches!(text.get(at), Some(b'\n' | b'\r'));
    let substituted = text.get(at) == Some(&b'$');
    let score: f64 = match (known, follows) {
        _ if pathed || substituted => 0.85,
        (Command::Plain, Arguments::Shaped) => 0.85,
        (Command::Plain, Arguments::None) | (Command::Word, Arguments::Shaped) => 0.75,
        // "python & ruby developers"
        (Command::Plain, Arguments::Words) if text.get(at) == Some(&b'&') => 0.4,
        (Command::Plain, Arguments::Words) => 0.5,
        (Command::Word, Arguments::None) if !newline => 0.6,
        _ => 0.0,
    };
    if prose || newline { score - 0.4 } else { score }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Arguments {
    None,
    /// An option, a path, a number, a variable, an address.
    Shaped,
    /// Plain words, as a sentence goes on.
    Words,
}

fn arguments(text: &[u8], at: usize) -> Arguments {
    let at = at
        + run(text, at, |byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'+'));
    let rest = text.get(at..).unwrap_or_default();
    let rest = rest.get(..ARGUMENT_BYTES_MAX).unwrap_or(rest);
    let length = run(rest, 0, |byte| !byte.is_ascii_whitespace());
    let word = rest.get(..length).unwrap_or_default();
    match word.first() {
        None | Some(b';' | b'|' | b'&' | b'`' | b')' | b'}' | b'#' | b'<' | b'>') => {
            Arguments::None
        }
        Some(
            b'-'
            | b'/'
            | b'$'
            | b'.'
            | b'~'
            | b'%'
            | b'{'
            | b'*'
            | b'('
            | b'='
            | b'['
            | b'0'..=b'9',
        ) => Arguments::Shaped,
        _ if word
            .iter()
            .any(|byte| matches!(byte, b'/' | b'.' | b'\\' | b':' | b'$' | b'=' | b'`' | b'@'))
            && !word.ends_with(b".") =>
        {
            Arguments::Shaped
        }
        _ => Arguments::Words,
    }
}
