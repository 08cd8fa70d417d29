//! SQL injection: the value is more than a value once it stands in a statement.
//!
//! The text is read three times, as a statement would meet it: outside a string, and inside one
//! of either quote, where everything up to the first such quote is data. Each reading is searched
//! for [`shapes`] of SQL: a union, a stacked statement, a condition that completes, a call that
//! only an attacker makes. What it takes to convince depends on the reading: a value that leaves
//! its string needs less than a sentence that happens to contain the words.

mod breakout;
mod calls;
mod conditions;
mod plain;
mod reading;
mod shapes;
mod statement;
mod tokens;
mod vocabulary;
mod words;

use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::bytes::{ANGLE, BACKTICK, EQUALS, HASH, PAREN, QUOTE, SEMICOLON};
use crate::parts::Kind;
use reading::Reading;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::SqlInjection,
    summary: "SQL in a value that breaks out of, or extends, a statement",
    literals: &[
        "select",
        "union",
        "sleep",
        "benchmark",
        "waitfor",
        "and ",
        "or ",
        " having ",
        "order by",
        "group by",
        "information_schema",
        "/*",
        "case ",
        "exec",
        "insert",
        "delete",
        "drop",
        "update",
        "||",
        "&&",
        "--",
        "declare",
        "procedure",
        "outfile",
        " into @",
        "rlike",
        "regexp",
    ],
    kinds: QUOTE | PAREN | HASH | EQUALS | SEMICOLON | BACKTICK | ANGLE,
    path_kinds: QUOTE | PAREN,
    header_kinds: QUOTE,
    deaf: &[],
    confirm,
};

fn confirm(view: &View<'_>) -> Option<Evidence> {
    if plain::is_plain(view.lower) {
        return None;
    }
    let mut best: Option<Evidence> = None;
    let mut consider = |evidence: Option<Evidence>| {
        if let Some(evidence) = evidence
            && best.as_ref().is_none_or(|best| best.score < evidence.score)
        {
            best = Some(evidence);
        }
    };
    let mut read = |reading: &Reading| {
        consider(shapes::search(view.lower, reading));
        if let Some(reading) = reading.over_lines() {
            consider(shapes::search(view.lower, &reading));
        }
    };
    read(&Reading::outside(view.lower));
    for quote in [b'\'', b'"'] {
        if let Some(at) = memchr::memchr(quote, view.lower) {
            read(&Reading::inside(view.lower, at));
        }
    }
    // MySQL quotes names with backticks; so does Markdown, but not glued to a value.
    if let Some(at) = memchr::memchr(b'`', view.lower)
        && view
            .lower
            .get(..at)
            .is_some_and(|lead| !lead.is_empty() && lead.iter().all(u8::is_ascii_alphanumeric))
    {
        read(&Reading::inside(view.lower, at));
    }
    // Headers and paths have quotes and semicolons of their own: half a sign is none there.
    let score_min = if matches!(view.kind, Kind::Header | Kind::Agent) { 0.7 } else { 0.3 };
    best.filter(|evidence| evidence.score >= score_min)
}
