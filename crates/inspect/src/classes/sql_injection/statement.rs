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

/// Gives the spelling of token `at` where it is a word.
pub(super) fn spelt<'a>(text: &'a [u8], reading: &Reading, at: usize) -> &'a [u8] {
    let Some(token) = reading.tokens.get(at) else { return b"" };
    let rest = text.get(token.start..).unwrap_or_default();
    let length =
        rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    rest.get(..length).unwrap_or_default()
}
