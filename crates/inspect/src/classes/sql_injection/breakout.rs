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
    if balanced(text, reading) || values(reading) {
        return 0.65;
    }
    let mut at = 0;
    while matches!(reading.kind(at), Some(Kind::Close | Kind::Semicolon)) {
        at += 1;
    }
    // `' sounds like '`, `' not rlike '`
    let compares = |at: usize| {
        matches!(reading.word(at), Some(Word::Compare | Word::Not))
            && matches!(reading.word(at + 1), Some(Word::Compare))
    };
    while compares(at) {
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

/// Longest rest of the string that is opened again, in bytes.
const REOPENED_BYTES_MAX: usize = 8;
/// Most tokens between the quote that closes and the one that opens again.
const BALANCED_TOKENS_MAX: usize = 12;

/// `1' * id - '0`, `aa'or column!='1`: operators join the string that is closed, a column or two, and
/// the string that is opened again for the statement to close.
fn balanced(text: &[u8], reading: &Reading) -> bool {
    let Some((last, between)) = reading.tokens.split_last() else { return false };
    let glued = reading.origin.checked_sub(1).and_then(|at| text.get(at));
    let rest = text.get(last.start + 1..).unwrap_or_default();
    // A quote that opens, and a sentence behind the last one, belong to a quotation.
    if !glued.is_some_and(u8::is_ascii_alphanumeric)
        || rest.len() > REOPENED_BYTES_MAX
        || !rest.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b' '))
    {
        return false;
    }
    if last.kind != Kind::OpenText
        || text.get(last.start) != text.get(reading.origin)
        || between.len() > BALANCED_TOKENS_MAX
    {
        return false;
    }
    let operator = |kind: Option<Kind>| {
        matches!(
            kind,
            Some(
                Kind::Arithmetic
                    | Kind::Logic
                    | Kind::Compare
                    | Kind::Not
                    | Kind::Word(Word::Logic | Word::Compare | Word::Not)
            )
        )
    };
    let mut names = 0;
    for at in 0..between.len() {
        if !matches!(reading.word(at), Some(Word::Name | Word::Literal)) {
            continue;
        }
        names += usize::from(reading.word(at) == Some(Word::Name));
        let dotted = |at: usize| reading.kind(at) == Some(Kind::Dot);
        let before = at > 0 && (operator(reading.kind(at - 1)) || dotted(at - 1));
        if !before || !(operator(reading.kind(at + 1)) || dotted(at + 1)) {
            return false;
        }
    }
    let known = |kind: Option<Kind>| {
        operator(kind)
            || matches!(
                kind,
                Some(
                    Kind::Dot
                        | Kind::Number
                        | Kind::Variable
                        | Kind::Word(Word::Name | Word::Literal)
                )
            )
    };
    // Sums of two words (`6'-a-'`) stand in no sentence; joined by "and" and "or" alone they might.
    let compared = (0..between.len())
        .any(|at| operator(reading.kind(at)) && reading.word(at) != Some(Word::Logic));
    (1..=2).contains(&names)
        && compared
        && operator(reading.kind(0))
        && (0..between.len()).all(|at| known(reading.kind(at)))
}

/// `x','y','z');--`: the values of a row are filled in to its end, and a comment hides the rest.
fn values(reading: &Reading) -> bool {
    let mut at = 0;
    while reading.kind(at) == Some(Kind::Comma)
        && matches!(
            reading.kind(at + 1),
            Some(Kind::Text | Kind::Number | Kind::Variable | Kind::Word(Word::Literal))
        )
    {
        at += 2;
    }
    let closes = reading.kind(at) == Some(Kind::Close);
    let behind = at + 1 + usize::from(reading.kind(at + 1) == Some(Kind::Semicolon));
    at > 0 && closes && matches!(reading.kind(behind), Some(Kind::LineComment | Kind::BlockComment))
}

/// A string in the other kind of quote that nothing closes: the statement would not close it either.
pub(super) fn other_quote(text: &[u8], reading: &Reading) -> bool {
    reading.tokens.last().is_some_and(|last| {
        last.kind == Kind::OpenText && text.get(last.start) != text.get(reading.origin)
    })
}

fn number_before(text: &[u8], reading: &Reading) -> bool {
    let lead = text.get(..reading.origin).unwrap_or_default();
    !lead.is_empty() && lead.iter().all(u8::is_ascii_digit)
}
