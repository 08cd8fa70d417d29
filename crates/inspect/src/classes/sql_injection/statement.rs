//! What has to stand behind the first word of a statement for it to be one.

use super::reading::Reading;
use super::tokens::Kind;
use super::words::Word;

/// What `drop`, `create`, `alter` and `truncate` are done to.
const OBJECTS: &[&[u8]] = &[
    b"table",
    b"database",
    b"view",
    b"index",
    b"user",
    b"procedure",
    b"proc",
    b"function",
    b"trigger",
    b"login",
    b"schema",
    b"column",
    b"role",
    b"sequence",
    b"extension",
    b"temporary",
    b"temp",
    b"unique",
    b"or",
    b"alias",
    b"session",
    b"system",
    b"server",
    b"materialized",
    b"global",
];
/// How far behind `update` its `set` may stand, in tokens.
const SET_TOKENS_MAX: usize = 8;

/// Tells whether the statement at token `at` goes on as its first word demands. Words that demand
/// nothing in particular fit.
pub(super) fn fits(text: &[u8], reading: &Reading, at: usize) -> bool {
    let next = spelt(text, reading, at + 1);
    let kind = reading.kind(at + 1);
    match spelt(text, reading, at) {
        b"insert" => matches!(next, b"into" | b"ignore" | b"low_priority" | b"delayed"),
        b"replace" => next == b"into",
        b"delete" => next == b"from" || reading.word(at + 2) == Some(Word::Condition),
        b"update" => (at + 2..at + SET_TOKENS_MAX).any(|at| spelt(text, reading, at) == b"set"),
        b"drop" | b"create" | b"alter" | b"truncate" | b"rename" => OBJECTS.contains(&next),
        b"print" => matches!(
            kind,
            Some(Kind::Text | Kind::OpenText | Kind::Variable | Kind::Number | Kind::Open)
        ),
        b"use" => matches!(kind, Some(Kind::Word(Word::Name | Word::Catalog))),
        b"load" | b"backup" | b"restore" | b"merge" | b"grant" | b"revoke" | b"begin" => {
            !matches!(kind, Some(Kind::Word(Word::Clause | Word::From)))
        }
        b"exec" | b"execute" | b"call" => {
            !matches!(kind, Some(Kind::Word(Word::Clause | Word::From | Word::Filler)))
        }
        _ => true,
    }
}

/// Tells whether the statement at token `at` says by its second word what it is, as nothing but a
/// statement does: `alter table t`, `load xml infile`, `declare @x int`.
pub(super) fn certain(text: &[u8], reading: &Reading, at: usize) -> bool {
    let next = spelt(text, reading, at + 1);
    let (kind, third) = (reading.kind(at + 1), reading.kind(at + 2));
    let named = matches!(third, Some(Kind::Word(Word::Name | Word::Catalog)));
    match spelt(text, reading, at) {
        b"drop" if kind == Some(Kind::Word(Word::Name)) && third == Some(Kind::LineComment) => true,
        b"drop" | b"create" | b"alter" | b"truncate" => OBJECTS.contains(&next) && named,
        b"backup" | b"restore" => matches!(next, b"database" | b"log") && named,
        b"handler" => matches!(spelt(text, reading, at + 2), b"open" | b"read" | b"close"),
        b"load" => matches!(next, b"xml" | b"data"),
        b"declare" => kind == Some(Kind::Variable) && third.is_some(),
        b"shutdown" => next == b"with" || kind == Some(Kind::LineComment),
        // Everyday words, so names to the grammar.
        b"attach" => next == b"database" || kind == Some(Kind::Text),
        b"bulk" => next == b"insert",
        b"copy" => (at + 1..at + SET_TOKENS_MAX).any(|at| spelt(text, reading, at) == b"program"),
        b"do" => matches!(kind, Some(Kind::Text | Kind::Open)),
        b"prepare" => spelt(text, reading, at + 2) == b"from",
        b"exec" => kind == Some(Kind::Open) && third == Some(Kind::Variable),
        _ => false,
    }
}

/// Gives the spelling of token `at` where it is a word.
pub(super) fn spelt<'a>(text: &'a [u8], reading: &Reading, at: usize) -> &'a [u8] {
    let Some(token) = reading.tokens.get(at) else { return b"" };
    let rest = text.get(token.start..).unwrap_or_default();
    let length =
        rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    rest.get(..length).unwrap_or_default()
}

/// Tells whether the text broke out of a string, and its first word stands apart from the quote: a
/// program's text begins with the word itself.
pub(super) fn gap(reading: &Reading) -> bool {
    reading.broke_out
        && reading.tokens.first().is_some_and(|token| token.start > reading.origin + 1)
}

/// `; drop table x`, `exec xp_cmdshell`, `waitfor delay '…'`.
pub(super) fn score(text: &[u8], reading: &Reading, at: usize) -> f64 {
    let stacked = at > 0 && reading.kind(at - 1) == Some(Kind::Semicolon);
    if certain(text, reading, at) && (behind_value(reading, at) || declares(text, reading, at)) {
        return 0.75;
    }
    let leads = at == 0 && gap(reading) || stacked;
    let next = reading.kind(at + 1);
    let followed = matches!(
        next,
        Some(
            Kind::Variable
                | Kind::Word(Word::From | Word::Clause | Word::HotFunction | Word::Filler)
        )
    );
    let prose = reading.is_prose();
    match (leads, followed) {
        (_, true) if leads && !prose => 0.9,
        (true, false) if !prose && next == Some(Kind::Word(Word::Name)) => {
            let goes_on = matches!(
                reading.kind(at + 2),
                Some(
                    Kind::Open | Kind::Dot | Kind::Text | Kind::Variable | Kind::Word(Word::Clause)
                )
            );
            if goes_on { 0.75 } else { 0.0 }
        }
        (true, false) if !prose && matches!(next, Some(Kind::LineComment | Kind::Open)) => 0.7,
        (false, true)
            if reading.word(at + 1) == Some(Word::HotFunction)
                && !matches!(
                    reading.kind(at + 2),
                    None | Some(Kind::Word(_) | Kind::Other | Kind::Comma)
                ) =>
        {
            0.8
        }
        (false, true)
            if reading.word(at + 1) == Some(Word::Filler)
                && matches!(reading.kind(at + 2), Some(Kind::Text | Kind::OpenText)) =>
        {
            0.85
        }
        (false, true) if next == Some(Kind::Variable) && !prose => 0.6,
        _ => 0.0,
    }
}

/// Tells whether the statement at `at` is stacked on a value and not on a sentence.
pub(super) fn behind_value(reading: &Reading, at: usize) -> bool {
    let Some(semicolon) = at.checked_sub(1) else { return gap(reading) };
    let value = match semicolon.checked_sub(1) {
        Some(before) => {
            matches!(reading.kind(before), Some(Kind::Number | Kind::Text | Kind::Close))
        }
        None => reading.broke_out && reading.lead_words <= 1,
    };
    value && reading.kind(semicolon) == Some(Kind::Semicolon) && reading.lead_words <= 1
}

/// `declare @s varchar(8000)`, `exec(@s)`: variables of a server's own language, wherever they stand.
fn declares(text: &[u8], reading: &Reading, at: usize) -> bool {
    let declared = reading.kind(at + 1) == Some(Kind::Variable)
        && matches!(reading.word(at + 2), Some(Word::Name | Word::Function));
    spelt(text, reading, at) == b"declare" && declared
}
