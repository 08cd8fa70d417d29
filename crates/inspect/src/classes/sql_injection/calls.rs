//! Calls: of functions that attacks need, of those that tell about the server, and of everyday ones.

use super::reading::{Reading, TERM_TOKENS_MAX, closed};
use super::statement;
use super::tokens::Kind;
use super::words::Word;

/// A call of a function that applications do not take from their users.
pub(super) fn call(text: &[u8], reading: &Reading, at: usize) -> f64 {
    // `time.sleep(5)`, `math.exp(x)`: a method in some program.
    let method = at > 0 && reading.kind(at - 1) == Some(Kind::Dot);
    if method && matches!(statement::spelt(text, reading, at), b"sleep" | b"exp" | b"elt") {
        return 0.3;
    }
    let dotted = reading.kind(at + 1) == Some(Kind::Dot) && reading.word(at + 2).is_some();
    if !dotted && reading.kind(at + 1) != Some(Kind::Open) {
        return 0.0;
    }
    let end = if dotted { Some(at + 2) } else { closed(reading, at + 1) };
    let Some(end) = end else {
        return if reading.is_prose() { 0.0 } else { 0.6 };
    };
    // "sleep(8) hours a night"
    if reading.word(end) == Some(Word::Name) || reading.is_prose() {
        return 0.3;
    }
    if at == 0 && !reading.broke_out && reading.tokens.len() <= 4 { 0.6 } else { 0.9 }
}

/// A table of the server itself, where something is read from it.
pub(super) fn catalog(text: &[u8], reading: &Reading, at: usize) -> f64 {
    // `(table information_schema.schemata limit 1)<(1,2)`
    let table = at > 1
        && statement::spelt(text, reading, at - 1) == b"table"
        && reading.kind(at - 2) == Some(Kind::Open);
    if table && !reading.is_prose() {
        return 0.8;
    }
    let from = at > 0 && reading.word(at - 1) == Some(Word::From);
    let selects = reading.select.is_some_and(|select| select < at);
    if from && selects && !reading.is_prose() { 0.9 } else { 0.0 }
}

/// `char(97)+char(98)`, `convert(int, …)`: everyday calls, in a value that has nothing else.
pub(super) fn plain_call(text: &[u8], reading: &Reading, at: usize) -> f64 {
    if reading.kind(at + 1) != Some(Kind::Open) || reading.is_prose() {
        return 0.0;
    }
    let Some(end) = closed(reading, at + 1) else { return 0.0 };
    let before = at.checked_sub(1).and_then(|at| reading.kind(at));
    let after = reading.kind(end);
    let glued = |kind| matches!(kind, Some(Kind::Arithmetic | Kind::Logic | Kind::Compare));
    let inner = (at + 1..end).any(|at| reading.kind(at) == Some(Kind::Compare));
    let starts = matches!(before, None | Some(Kind::Semicolon | Kind::Close | Kind::Logic));
    // `iif(1=1,1,1/0)`, `if (1=2) select …`
    let listed = before == Some(Kind::Comma) && at > 1;
    let chooses = matches!(statement::spelt(text, reading, at), b"if" | b"iif");
    // `if (depth < 16)` is a program's; a condition from outside asks about constants and calls.
    let argument = (at + 1..end).take_while(|at| reading.kind(*at) != Some(Kind::Comma));
    let named = argument.into_iter().any(|at| reading.word(at) == Some(Word::Name));
    let chooses = chooses && !(named && reading.word(end) != Some(Word::Select));
    if asks_the_server(text, reading, at, end) {
        return 0.6;
    }
    if chooses && listed && inner {
        return 0.7;
    }
    if chooses && starts && inner && (after.is_none() || reading.word(end) == Some(Word::Select)) {
        return 0.7;
    }
    let sums = [at, end + 1].iter().all(|at| REAL.contains(&statement::spelt(text, reading, *at)));
    let again = glued(after) && matches!(reading.word(end + 1), Some(Word::Function)) && !sums;
    let broke = reading.broke_out && at <= 3 && glued(before);
    if again || broke { 0.75 } else { 0.0 }
}

/// Functions of numbers, which people join in sums.
const REAL: &[&[u8]] = &[
    b"abs", b"acos", b"asin", b"atan", b"ceil", b"cos", b"floor", b"ln", b"log", b"max", b"min",
    b"pow", b"power", b"round", b"sin", b"sqrt", b"tan",
];

/// Functions that tell what server it is and who asks.
const TELLING: &[&[u8]] = &[
    b"version",
    b"user",
    b"database",
    b"schema",
    b"current_user",
    b"session_user",
    b"system_user",
    b"db_name",
    b"host_name",
];

/// `hex(substr(version(),1))`, `database() like schema()`: what the server says of itself, looked into
/// or compared. Also `ascii(substring(passwd,1,1))`: one character of a column as a number.
fn asks_the_server(text: &[u8], reading: &Reading, at: usize, end: usize) -> bool {
    let spelt = |at: usize| statement::spelt(text, reading, at);
    let tells = |at: usize| {
        let method = at > 0 && reading.kind(at - 1) == Some(Kind::Dot);
        !method
            && TELLING.contains(&spelt(at))
            && reading.kind(at + 1) == Some(Kind::Open)
            && reading.kind(at + 2) == Some(Kind::Close)
    };
    let numbers = matches!(spelt(at), b"ascii" | b"ord" | b"unicode");
    let picks = matches!(spelt(at + 2), b"substring" | b"substr" | b"mid" | b"lower" | b"upper");
    let looked_into = (at + 2..end.min(at + TERM_TOKENS_MAX)).any(tells);
    let compared = tells(at)
        && matches!(reading.kind(end), Some(Kind::Compare | Kind::Word(Word::Compare)))
        && matches!(
            reading.kind(end + 1),
            Some(Kind::Number | Kind::Text | Kind::OpenText | Kind::Word(Word::Function))
        );
    looked_into || compared || numbers && picks && reading.kind(at + 3) == Some(Kind::Open)
}

/// `(1=1)*9`: a comparison of two numbers that is itself counted with.
pub(super) fn grouped(reading: &Reading, at: usize) -> f64 {
    let kinds = [at + 1, at + 2, at + 3, at + 4, at + 5].map(|at| reading.kind(at));
    match kinds {
        [
            Some(Kind::Number),
            Some(Kind::Compare),
            Some(Kind::Number),
            Some(Kind::Close),
            Some(Kind::Arithmetic),
        ] if !reading.is_prose() => 0.6,
        _ => 0.0,
    }
}
