//! What stands directly behind the quote that closed the string.

use super::reading::{Reading, completes, term};
use super::tokens::Kind;
use super::words::Word;

/// Scores it.
pub(super) fn score(text: &[u8], reading: &Reading) -> f64 {
    if !reading.is_prose() && reading.lead_words <= 3 && counted_on(text, reading) {
        return 0.75;
    }
    if reading.lead_words > 1 || reading.is_prose() || reading.opened {
        return 0.0;
    }
    let mut at = 0;
    while matches!(reading.kind(at), Some(Kind::Close | Kind::Semicolon)) {
        at += 1;
    }
    if reading.word(at) == Some(Word::Not) && reading.word(at + 1) == Some(Word::Compare) {
        at += 1;
    }
    match reading.kind(at) {
        // `admin'--`, `x') /*`
        Some(Kind::LineComment | Kind::BlockComment) => 0.75,
        // `'+'`, `'||'x`, `'='`
        Some(
            Kind::Arithmetic
            | Kind::Logic
            | Kind::Compare
            | Kind::Word(Word::Logic | Word::Compare),
        ) => match term(reading, at + 1) {
            _ if other_quote(text, reading) => 0.0,
            Some(term) if term.names == 0 && completes(reading, term.end) => 0.7,
            _ => 0.0,
        },
        Some(Kind::Word(Word::Clause | Word::Condition)) if at > 0 => 0.4,
        // `1')`
        None if at >= 1 && number_before(text, reading) => 0.55,
        None if at >= 2 => 0.3,
        _ => 0.0,
    }
}

/// `'or'a='a`: the quotes of the statement are counted on to close the ones that are missing.
fn counted_on(text: &[u8], reading: &Reading) -> bool {
    let [logic, quoted, name, ..] = reading.tokens.as_slice() else { return false };
    let glued = logic.start == reading.origin + 1 && reading.joins(0);
    let quoted = text.get(quoted.start..name.start).unwrap_or_default();
    let compared = quoted.strip_suffix(b"'").or_else(|| quoted.strip_suffix(b"\""));
    let compared = compared.and_then(|quoted| quoted.strip_suffix(b"="));
    let left = compared.and_then(|quoted| quoted.get(1..)).unwrap_or_default();
    let right = text.get(name.start..).unwrap_or_default();
    glued && !left.is_empty() && right.starts_with(left)
}

/// A string in the other kind of quote that nothing closes: the statement would not close it either.
fn other_quote(text: &[u8], reading: &Reading) -> bool {
    reading.tokens.last().is_some_and(|last| {
        last.kind == Kind::OpenText && text.get(last.start) != text.get(reading.origin)
    })
}

fn number_before(text: &[u8], reading: &Reading) -> bool {
    let lead = text.get(..reading.origin).unwrap_or_default();
    !lead.is_empty() && lead.iter().all(u8::is_ascii_digit)
}
