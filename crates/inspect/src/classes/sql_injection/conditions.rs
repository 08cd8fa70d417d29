//! Conditions and expressions: what a value becomes once it is joined to a condition.

use super::breakout;
use super::reading::{Reading, TERM_TOKENS_MAX, completes, operand_ends, term};
use super::tokens::{Kind, Token};
use super::words::Word;

/// `and 1=1`, `or 'a' like 'a`, `|| sleep(1)`: from the joining word on.
pub(super) fn condition(text: &[u8], reading: &Reading, at: usize) -> f64 {
    let Some(term) = term(reading, at + 1) else { return 0.0 };
    let commented = reading.broke_out && term.compared && term.names == 0;
    let commented = commented && ends_in_comment(reading, term.end);
    let led = at == 0 || operand_ends(reading, at - 1);
    if !reading.broke_out && is_sum(reading, at) {
        return 0.4;
    }
    if !completes(reading, term.end) && !commented {
        let number = at > 0 && reading.kind(at - 1) == Some(Kind::Number);
        let asks = number && term.compared && term.calls > 0 && term.names == 0;
        return if asks && !reading.is_prose() { 0.7 } else { 0.0 };
    }
    let score: f64 = match (reading.broke_out, term.compared, term.names) {
        (_, true, 0) if led => 0.95,
        (true, true, _) if led => 0.85,
        // `6'2" or 6'3"`: the string that is left open is in the other quotes.
        (true, false, 0) if breakout::other_quote(text, reading) => 0.0,
        (true, false, 0) if decades(text, reading, at) => 0.0,
        (true, false, 0) if led && at <= 3 && reading.lead_words <= 1 && !reading.opened => 0.7,
        (false, true, _) if term.calls > 0 && led => 0.85,
        (false, true, 1) if asks_a_column(text, reading, at, term.end) => 0.6,
        (false, false, 0) if term.calls > 0 && led && !calls_before(reading, at) => 0.75,
        (true, false, _) if at == 0 && term.calls > 0 => 0.7,
        _ => 0.0,
    };
    if reading.is_prose() || reading.lead_words > 3 { score - 0.5 } else { score }
}

/// "the '90s or '80s": what stands behind both quotes is a decade.
fn decades(text: &[u8], reading: &Reading, at: usize) -> bool {
    let decade =
        |quote: usize| matches!(text.get(quote + 1..), Some([b'0'..=b'9', b'0'..=b'9', b's', ..]));
    let other = reading.tokens.get(at + 1).filter(|token| token.kind == Kind::OpenText);
    at == 1 && decade(reading.origin) && other.is_some_and(|other| decade(other.start))
}

/// `1 or name like '%'`, `1 || id is not null`: a number, and a column that is asked about a constant.
fn asks_a_column(text: &[u8], reading: &Reading, at: usize, end: usize) -> bool {
    let joined = reading.tokens.get(at).map_or(0, |token| token.start);
    let number = text.get(..joined).unwrap_or_default().trim_ascii();
    let number = number.iter().all(u8::is_ascii_digit);
    let last = end.checked_sub(1).and_then(|last| reading.kind(last));
    let constant = matches!(last, Some(Kind::Text | Kind::OpenText | Kind::Word(Word::Literal)));
    at == 1
        && number
        && reading.kind(0) == Some(Kind::Number)
        && constant
        && reading.kind(end).is_none()
}

/// `… with ur --`: a word or two of the statement's own, and a comment ends it.
fn ends_in_comment(reading: &Reading, at: usize) -> bool {
    let rest = reading.tokens.get(at..).unwrap_or_default();
    let Some((last, words)) = rest.split_last() else { return false };
    last.kind == Kind::LineComment
        && words.len() <= 2
        && words.iter().all(|token| token.kind == Kind::Word(Word::Name))
}

/// `3 > 1 && 1 < 30`: the value compares before it joins, so it is a condition of its own.
fn is_sum(reading: &Reading, at: usize) -> bool {
    let before = reading.tokens.get(..at).unwrap_or_default();
    let compares = before.iter().any(|token| token.kind == Kind::Compare);
    let plain = |token: &Token| {
        let joins = matches!(token.kind, Kind::Logic | Kind::Word(Word::Logic));
        joins || matches!(token.kind, Kind::Number | Kind::Compare | Kind::Arithmetic)
    };
    reading.tokens.len() <= TERM_TOKENS_MAX && compares && reading.tokens.iter().all(plain)
}

/// `f() and g()`: talk of calls.
fn calls_before(reading: &Reading, at: usize) -> bool {
    at > 1 && reading.kind(at - 1) == Some(Kind::Close) && reading.kind(at - 2) == Some(Kind::Open)
}

/// `where 1=1`, `having 1=1`, `having (1 or 1)`: a condition that asks about no column.
pub(super) fn filter(reading: &Reading, at: usize) -> f64 {
    let Some(term) = term(reading, at + 1) else { return 0.0 };
    let inside = reading.tokens.get(at + 1..term.end).unwrap_or_default();
    let named = inside.iter().any(|token| token.kind == Kind::Word(Word::Name));
    let joined = reading.kind(at + 1) == Some(Kind::Open)
        && inside.iter().any(|t| matches!(t.kind, Kind::Logic | Kind::Word(Word::Logic)));
    if (term.compared || joined) && !named && completes(reading, term.end) { 0.7 } else { 0.0 }
}

/// `(1 or @a) --`, `1 /*`: all of the value is an expression of constants, and a comment ends it.
pub(super) fn expression(text: &[u8], reading: &Reading) -> f64 {
    let Some((last, before)) = reading.tokens.split_last() else { return 0.0 };
    if !matches!(last.kind, Kind::LineComment | Kind::BlockComment) || before.is_empty() {
        return 0.0;
    }
    let end = before.len();
    let mut at = 0;
    loop {
        match term(reading, at) {
            Some(term) if term.names == 0 => at = term.end,
            _ => return 0.0,
        }
        if at >= end {
            break;
        }
        if !reading.joins(at) {
            return 0.0;
        }
        at += 1;
    }
    let numbers = before.iter().all(|token| token.kind == Kind::Number);
    let grouped = before.iter().any(|token| token.kind == Kind::Open);
    // "5 #" is how people number things.
    let hashed = text.get(last.start) == Some(&b'#');
    // "10 -- the tenth of them": what a comment cuts off is not told by the one who cuts.
    let told =
        text.get(last.start..).unwrap_or_default().iter().filter(|b| b.is_ascii_alphabetic());
    let numbered = numbers && !hashed && told.count() <= COMMENT_LETTERS_MAX;
    if at == end && (numbered || grouped) { 0.6 } else { 0.0 }
}

/// Most letters in a comment that only cuts off.
const COMMENT_LETTERS_MAX: usize = 4;
