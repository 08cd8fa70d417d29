//! The shapes that SQL takes when it comes from outside.

use super::super::Evidence;
use super::reading::{Reading, TERM_TOKENS_MAX, closed, completes, operand_ends, term};
use super::tokens::Kind;
use super::words::Word;

/// Finds the most convincing shape.
pub(super) fn search(text: &[u8], reading: &Reading) -> Option<Evidence> {
    let mut best: Option<(f64, usize)> = None;
    let mut consider = |score: f64, at: usize| {
        if score > 0.0 && best.is_none_or(|(known, _)| known < score) {
            best = Some((score, at));
        }
    };
    if reading.broke_out {
        consider(breakout(reading), 0);
    }
    for at in 0..reading.tokens.len() {
        consider(shape(reading, at), at);
    }
    let (score, at) = best?;
    let before = at.checked_sub(1).and_then(|before| reading.tokens.get(before));
    let start = before.map_or(reading.origin, |token| token.start);
    Some(Evidence { score, span: start..text.len() })
}

/// Scores the shape that begins at token `at`.
fn shape(reading: &Reading, at: usize) -> f64 {
    match reading.kind(at) {
        Some(Kind::Word(Word::Union)) => union(reading, at),
        Some(Kind::Word(Word::Logic) | Kind::Logic) => condition(reading, at),
        Some(Kind::Word(Word::Condition)) => filter(reading, at),
        Some(Kind::Word(Word::HotFunction)) => call(reading, at),
        Some(Kind::Word(Word::Catalog)) => catalog(reading, at),
        Some(Kind::Word(Word::Statement)) => statement(reading, at),
        Some(Kind::Word(Word::Select)) => subselect(reading, at),
        Some(Kind::Word(Word::Clause)) => clause(reading, at),
        Some(Kind::Word(Word::Case)) => case(reading, at),
        Some(Kind::Word(Word::Function)) => plain_call(reading, at),
        Some(Kind::Open) => grouped(reading, at),
        _ => 0.0,
    }
}

/// `union all select …`.
fn union(reading: &Reading, at: usize) -> f64 {
    let mut next = at + 1;
    while matches!(reading.kind(next), Some(Kind::Open | Kind::Comma | Kind::Word(Word::Modifier)))
    {
        next += 1;
    }
    if reading.word(next) != Some(Word::Select) {
        return 0.0;
    }
    let lead = at == 0 || !matches!(reading.word(at - 1), Some(Word::Name)) || reading.broke_out;
    match reading.kind(next + 1) {
        Some(Kind::Word(Word::Name)) => match reading.kind(next + 2) {
            // "union select committee" is English until a list or a table follows.
            None | Some(Kind::Word(_)) if reading.word(next + 2) != Some(Word::From) => {
                if lead && at > 0 { 0.6 } else { 0.3 }
            }
            _ => 0.95,
        },
        _ if lead || next > at + 1 => 0.95,
        Some(_) => 0.9,
        None => 0.3,
    }
}

/// `and 1=1`, `or 'a' like 'a`, `|| sleep(1)`: from the joining word on.
fn condition(reading: &Reading, at: usize) -> f64 {
    let Some(term) = term(reading, at + 1) else { return 0.0 };
    if !completes(reading, term.end) {
        return 0.0;
    }
    let led = at == 0 || operand_ends(reading, at - 1);
    let score: f64 = match (reading.broke_out, term.compared, term.names) {
        (_, true, 0) if led => 0.95,
        (true, true, _) if led => 0.85,
        (true, false, 0) if led && at <= 3 && reading.lead_words <= 1 => 0.7,
        (false, true, _) if term.calls > 0 && led => 0.85,
        (false, false, 0) if term.calls > 0 && led => 0.75,
        (true, false, _) if at == 0 && term.calls > 0 => 0.7,
        _ => 0.0,
    };
    if reading.is_prose() || reading.lead_words > 3 { score - 0.5 } else { score }
}

/// `where 1=1`, `having 1=1`.
fn filter(reading: &Reading, at: usize) -> f64 {
    match term(reading, at + 1) {
        Some(term) if term.compared && term.names == 0 && completes(reading, term.end) => 0.7,
        _ => 0.0,
    }
}

/// A call of a function that applications do not take from their users.
fn call(reading: &Reading, at: usize) -> f64 {
    let dotted = reading.kind(at + 1) == Some(Kind::Dot);
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
fn catalog(reading: &Reading, at: usize) -> f64 {
    let from = at > 0 && reading.word(at - 1) == Some(Word::From);
    let selects = reading.select.is_some_and(|select| select < at);
    if from && selects && !reading.is_prose() { 0.9 } else { 0.0 }
}

/// `; drop table x`, `exec xp_cmdshell`, `waitfor delay '…'`.
fn statement(reading: &Reading, at: usize) -> f64 {
    let stacked = at > 0 && reading.kind(at - 1) == Some(Kind::Semicolon);
    let leads = at == 0 && reading.broke_out || stacked;
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
        (false, true) if reading.word(at + 1) == Some(Word::HotFunction) => 0.8,
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

/// `(select … from …)` where a value belongs.
fn subselect(reading: &Reading, at: usize) -> f64 {
    let opened = at > 0 && reading.kind(at - 1) == Some(Kind::Open);
    let stacked = at > 0 && reading.kind(at - 1) == Some(Kind::Semicolon);
    let listed = matches!(
        reading.kind(at + 1),
        Some(
            Kind::Number
                | Kind::Text
                | Kind::Open
                | Kind::Variable
                | Kind::Arithmetic
                | Kind::Word(
                    Word::Function
                        | Word::HotFunction
                        | Word::Literal
                        | Word::Case
                        | Word::Modifier
                )
        )
    );
    let from = reading
        .tokens
        .iter()
        .skip(at)
        .take(TERM_TOKENS_MAX)
        .any(|t| t.kind == Kind::Word(Word::From));
    let leads = at == 0 && reading.broke_out;
    // A whole statement by itself is a query console's daily bread: worth a note, not an alarm.
    let whole = matches!(reading.word(0), Some(Word::Select | Word::From | Word::Condition))
        && !reading.broke_out;
    match (opened || stacked || leads, listed, from) {
        _ if whole || reading.is_prose() => 0.3,
        (true, true, _) => 0.85,
        (true, _, true) => 0.75,
        (false, true, true) => 0.7,
        _ => 0.0,
    }
}

/// `order by 10--`, `procedure analyse(`, `into outfile '…'`.
fn clause(reading: &Reading, at: usize) -> f64 {
    let ends = |at: usize| {
        matches!(
            reading.kind(at),
            None | Some(Kind::LineComment | Kind::BlockComment | Kind::Comma)
        )
    };
    let by_number = reading.word(at + 1) == Some(Word::By)
        && reading.kind(at + 2) == Some(Kind::Number)
        && ends(at + 3);
    let led = at > 0 && operand_ends(reading, at - 1) || at == 0 && reading.broke_out;
    if by_number && led && !reading.is_prose() {
        return 0.8;
    }
    let into = reading.word(at + 1) == Some(Word::Clause)
        && matches!(reading.kind(at + 2), Some(Kind::Text | Kind::OpenText));
    if into { 0.85 } else { 0.0 }
}

/// `case when … then …`.
fn case(reading: &Reading, at: usize) -> f64 {
    let when = reading.word(at + 1) == Some(Word::Filler);
    let ends = reading
        .tokens
        .iter()
        .skip(at + 2)
        .take(TERM_TOKENS_MAX)
        .filter(|t| t.kind == Kind::Word(Word::Filler))
        .count();
    if when && ends >= 2 && !reading.is_prose() && reading.word(0) != Some(Word::Select) {
        0.7
    } else {
        0.0
    }
}

/// `char(97)+char(98)`, `convert(int, …)`: everyday calls, in a value that has nothing else.
fn plain_call(reading: &Reading, at: usize) -> f64 {
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
    if starts && inner && (after.is_none() || reading.word(end) == Some(Word::Select)) {
        return 0.7;
    }
    let again = glued(after) && matches!(reading.word(end + 1), Some(Word::Function));
    let broke = reading.broke_out && at <= 3 && glued(before);
    if again || broke { 0.75 } else { 0.0 }
}

/// `(1=1)*9`: a comparison of two numbers that is itself counted with.
fn grouped(reading: &Reading, at: usize) -> f64 {
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

/// What stands directly behind the quote that closed the string.
fn breakout(reading: &Reading) -> f64 {
    if reading.lead_words > 1 || reading.is_prose() || reading.opened {
        return 0.0;
    }
    let mut at = 0;
    while matches!(reading.kind(at), Some(Kind::Close | Kind::Semicolon)) {
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
        ) => {
            match term(reading, at + 1) {
                Some(term) if term.names == 0 && completes(reading, term.end) => 0.7,
                // `'or'a='a`: the quotes are counted on to close one another.
                Some(_) if reading.lead_words == 0 && reading.joins(at) && reading.short => 0.6,
                _ => 0.0,
            }
        }
        Some(Kind::Word(Word::Clause | Word::Condition)) if at > 0 => 0.4,
        None if at >= 2 => 0.3,
        _ => 0.0,
    }
}
