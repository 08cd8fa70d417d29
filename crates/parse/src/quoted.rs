//! Text in quotes, and the escapes in it, as servers and firewalls write them: `\"`, `\\`, `\n` and
//! `\xHH` for a byte.

use model::{Event, Field};

/// Splits a text whose opening quote has been read at its closing one: the inner text, its escapes
/// still in it, and what follows.
pub(crate) fn closing(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
        at += 2;
    }
}

/// Sets a field to a text, its escapes undone; a text without escapes is not copied.
pub(crate) fn set(event: &mut Event, field: Field, raw: &str) {
    if raw.contains('\\') {
        event.set_made(field, |out| undo(raw, out));
    } else {
        event.set(field, raw);
    }
}

/// Sets an unknown field to a text, its escapes undone.
pub(crate) fn set_extra(event: &mut Event, name: &str, raw: &str) {
    if raw.contains('\\') {
        event.set_extra_made(name, |out| undo(raw, out));
    } else {
        event.set_extra(name, raw);
    }
}

/// Appends what an escaped text means. Bytes that are no UTF-8, and escapes that nobody knows, stay
/// as they are written.
pub(crate) fn undo(raw: &str, out: &mut String) {
    let mut bytes = Vec::new();
    let mut rest = raw;
    while let Some((clean, tail)) = rest.split_once('\\') {
        if let Some((byte, after)) = hex_byte(tail) {
            flush_unless_adjacent(clean, &mut bytes, out);
            bytes.push(byte);
            rest = after;
            continue;
        }
        flush(&mut bytes, out);
        out.push_str(clean);
        let mut characters = tail.chars();
        match characters.next() {
            Some(escaped @ ('"' | '\\' | '\'' | '/')) => out.push(escaped),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
        rest = characters.as_str();
    }
    flush(&mut bytes, out);
    out.push_str(rest);
}

/// Appends what a text means in which a mark and two hexadecimal digits stand for a byte (`%22`, `#22`).
/// Bytes that are no UTF-8 are written as `\xHH`.
pub(crate) fn undo_marked(raw: &str, mark: char, out: &mut String) {
    let mut bytes = Vec::new();
    let mut rest = raw;
    while let Some((clean, tail)) = rest.split_once(mark) {
        flush_unless_adjacent(clean, &mut bytes, out);
        if let Some((byte, after)) = two_digits(tail) {
            bytes.push(byte);
            rest = after;
        } else {
            flush(&mut bytes, out);
            out.push(mark);
            rest = tail;
        }
    }
    flush(&mut bytes, out);
    out.push_str(rest);
}

/// Gives the length of `xHH\xHH…` at the beginning of a text whose first backslash has been read.
pub(crate) fn hex_run(text: &str) -> usize {
    let mut rest = text;
    let mut end = text;
    while let Some((_, after)) = hex_byte(rest) {
        end = after;
        let Some(next) = after.strip_prefix('\\') else { break };
        rest = next;
    }
    text.len() - end.len()
}

/// Reads `xHH`.
fn hex_byte(text: &str) -> Option<(u8, &str)> {
    two_digits(text.strip_prefix(['x', 'X'])?)
}

fn two_digits(text: &str) -> Option<(u8, &str)> {
    let (digits, after) = text.split_at_checked(2)?;
    let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain.then(|| u8::from_str_radix(digits, 16).ok())?.map(|byte| (byte, after))
}

/// Ends the run of bytes where other text stands between it and the next one.
fn flush_unless_adjacent(clean: &str, bytes: &mut Vec<u8>, out: &mut String) {
    if !clean.is_empty() {
        flush(bytes, out);
        out.push_str(clean);
    }
}

/// Writes a run of bytes: as text where it is text.
fn flush(bytes: &mut Vec<u8>, out: &mut String) {
    use std::fmt::Write;
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    bytes.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_quote_is_not_an_escaped_one() {
        assert_eq!(closing(r#"a \" b" c"#), Some((r#"a \" b"#, " c")));
        assert_eq!(closing(r#"a\\" c"#), Some((r"a\\", " c")));
        assert_eq!(closing(r#""""#), Some(("", "\"")));
        assert_eq!(closing("never"), None);
        assert_eq!(closing("never\\"), None);
        assert_eq!(closing("never\\\""), None);
        assert_eq!(closing("é\\é\""), Some(("é\\é", "")));
    }

    #[test]
    fn escapes_undone() {
        let undone = |raw: &str| {
            let mut out = String::new();
            undo(raw, &mut out);
            out
        };
        assert_eq!(undone(r#"a \" \\ b"#), "a \" \\ b");
        assert_eq!(undone(r"\x16\x03"), "\u{16}\u{3}");
        assert_eq!(undone(r"\xD0\xBF\xC3\xA9!"), "пé!");
        assert_eq!(undone(r"\xff\xC3x\xC3"), r"\xff\xc3x\xc3");
        assert_eq!(undone(r"\q \x4 \xé \"), r"\q \x4 \xé \");
    }

    #[test]
    fn marks_undone_once() {
        let undone = |raw: &str, mark| {
            let mut out = String::new();
            undo_marked(raw, mark, &mut out);
            out
        };
        assert_eq!(undone("a%20%2522%c3%a9+", '%'), "a %22é+");
        assert_eq!(undone("%ff%c3x%", '%'), "\\xff\\xc3x%");
        assert_eq!(undone("a#22b%22#2#zz#é", '#'), "a\"b%22#2#zz#é");
    }
}
