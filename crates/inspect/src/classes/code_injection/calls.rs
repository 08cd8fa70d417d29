//! Calls: of functions that run what they are given, however the function is named.

use std::sync::LazyLock;

use super::super::shared::{Literals, find, find_all, more_than, run, word_begins};
use super::holds;

/// Functions that run what they are given.
const CALLS: &[&[u8]] = &[
    b"system",
    b"exec",
    b"shell_exec",
    b"passthru",
    b"eval",
    b"assert",
    b"base64_decode",
    b"proc_open",
    b"popen",
    b"file_get_contents",
    b"file_put_contents",
    b"fopen",
    b"preg_replace",
    b"create_function",
    b"call_user_func",
    b"call_user_func_array",
    b"pcntl_exec",
    b"phpinfo",
    b"phpversion",
    b"print",
    b"die",
    b"exit",
    b"include",
    b"require",
    b"unserialize",
    b"readfile",
    b"move_uploaded_file",
    b"os.system",
    b"subprocess.check_output",
    b"subprocess.check_call",
    b"subprocess.run",
    b"subprocess.call",
];
/// Of these, the ones that act by their name alone, given to another function.
const ARMED: &[&[u8]] = &[
    b"system",
    b"exec",
    b"shell_exec",
    b"passthru",
    b"eval",
    b"assert",
    b"proc_open",
    b"popen",
    b"pcntl_exec",
    b"phpinfo",
    b"file_get_contents",
    b"file_put_contents",
    b"readfile",
    b"create_function",
];
/// What is called on a number to see whether it is called at all.
const CANARIES: &[&[u8]] = &[b"md5(", b"sha1(", b"crc32(", b"phpversion(", b"php_uname("];
/// Most places looked at for one sign.
const PLACES_MAX: usize = 32;
/// Longest name put together of strings, in bytes.
const COMPUTED_BYTES_MAX: usize = 64;

static CALL_TABLE: LazyLock<Literals> = LazyLock::new(|| Literals::of(CALLS.iter().copied()));

/// Gives the most convincing call: its score and offset.
pub(super) fn search(text: &[u8]) -> Option<(f64, usize)> {
    let calls = CALL_TABLE.firsts(text).filter_map(|(row, at)| call(text, CALLS.get(row)?, at));
    calls.max_by(|a, b| a.0.total_cmp(&b.0))
}

/// `name('…')` or `name($…)` that begins the value or follows code; prose brackets words.
fn call(text: &[u8], name: &[u8], at: usize) -> Option<(f64, usize)> {
    let open = at + name.len() + run(text, at + name.len(), |byte| byte == b' ');
    if text.get(open) != Some(&b'(') || !word_begins(text, at) {
        return None;
    }
    let inside = text.get(open + 1).copied().unwrap_or(b')');
    let before = at.checked_sub(1).and_then(|at| text.get(at)).copied();
    let glued = before.is_none_or(|byte| {
        matches!(
            byte,
            b';' | b'{' | b'(' | b'@' | b'"' | b'\'' | b'.' | b'&' | b'|' | b'}' | b' ' | b'='
        )
    });
    let unarmed = matches!(name, b"print" | b"die" | b"exit" | b"include" | b"require" | b"assert");
    let listed = matches!(text.get(open + 1..), Some([b'[', b'\'' | b'"', ..]));
    let argument = matches!(inside, b'\'' | b'"' | b'$' | b'`' | b'/' | b'\\')
        || inside.is_ascii_digit()
        || listed;
    let closed = inside == b')' && matches!(name, b"phpinfo" | b"phpversion");
    let nested = more_than(text, b'(', 1);
    let arguments = text.get(open + 1..).unwrap_or_default();
    if unarmed && !(outside(name, arguments) && ends(arguments)) {
        return None;
    }
    // `".system(id)."`: between two strings that it is joined with.
    let joined = before == Some(b'.')
        && at.checked_sub(2).and_then(|at| text.get(at)).is_some_and(|b| matches!(b, b'\'' | b'"'));
    match (glued, argument || closed, nested) {
        (true, true, _) => Some((if unarmed { 0.55 } else { 0.8 }, at)),
        (true, false, _) if joined && !unarmed => Some((0.7, at)),
        (true, false, true) if !unarmed => Some((0.6, at)),
        // `';exit(md5('x'));//`: a statement of its own, between two others.
        (true, false, true) if at > 0 && before != Some(b' ') => Some((0.55, at)),
        // `die(md5(1))`: the answer shows whether it ran.
        (true, false, true) if CANARIES.iter().any(|name| arguments.starts_with(name)) => {
            Some((0.55, at))
        }
        _ => None,
    }
}

/// Tells whether what is included comes from outside of the program: `require('express')` does not.
fn outside(name: &[u8], arguments: &[u8]) -> bool {
    let end = memchr::memchr(b')', arguments).unwrap_or(arguments.len());
    let argument = arguments.get(..end).unwrap_or_default();
    name != b"require"
        || holds(argument, &[b"://", b"..", b"/etc/", b"$", b"child_process", b"php:", b"`"])
}

/// Tells whether nothing but code follows the closed call: a sentence goes on with a word.
fn ends(arguments: &[u8]) -> bool {
    let Some(close) = memchr::memchr(b')', arguments) else { return true };
    let after = arguments.get(close + 1..).unwrap_or_default();
    !matches!(after, [b' ', letter, ..] if letter.is_ascii_alphabetic())
}

/// `(system)('id')`, `('sys'.'tem')('id')`: the name in brackets, or put together of strings.
pub(super) fn computed(text: &[u8]) -> Option<(f64, usize)> {
    find_all(text, b")(").take(PLACES_MAX).find_map(|close| {
        let lead = text.get(close.saturating_sub(COMPUTED_BYTES_MAX)..close)?;
        let open = memchr::memrchr(b'(', lead)?;
        let mut name = lead.get(open + 1..)?.to_vec();
        name.retain(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        ARMED.contains(&name.as_slice()).then_some((0.75, close - (lead.len() - open)))
    })
}

/// `array_map('system',['id'])`: the name as a string, given to a function that calls it.
pub(super) fn callback(text: &[u8]) -> Option<(f64, usize)> {
    const GIVEN: &[&[u8]] = &[b"system", b"shell_exec", b"passthru", b"proc_open", b"pcntl_exec"];
    GIVEN.iter().find_map(|name| {
        let at = find(text, name)?;
        let before =
            text.get(..at)?.strip_suffix(b"'").or_else(|| text.get(..at)?.strip_suffix(b"\""));
        let before = before?.trim_ascii_end();
        let after = text.get(at + name.len()..)?;
        let quoted = matches!(after, [b'\'' | b'"', b',' | b')', ..]);
        let called = match before.strip_suffix(b"(") {
            Some(function) => {
                function.last().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
            }
            None => before.ends_with(b",") && before.contains(&b'('),
        };
        // `on('system', f)` listens to an event of that name.
        let listens =
            before.ends_with(b"on(") || before.ends_with(b"emit(") || before.ends_with(b"get(");
        (quoted && called && !listens).then_some((0.65, at))
    })
}

/// `Function('return process')()`: a function made of a string, and called.
pub(super) fn constructed(text: &[u8]) -> Option<(f64, usize)> {
    let at = find(text, b"function('").or_else(|| find(text, b"function(\""))?;
    let rest = text.get(at..)?;
    let called = [&b"')("[..], b"\")(", b"('return", b"(\"return"];
    (word_begins(text, at) && holds(rest, &called)).then_some((0.7, at))
}
