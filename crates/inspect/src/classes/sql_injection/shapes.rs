//! The shapes that SQL takes when it comes from outside.

use super::super::Evidence;
use super::reading::{Reading, TERM_TOKENS_MAX, closed, completes, operand_ends, term};
use super::tokens::{Kind, Token};
use super::words::Word;
use super::{breakout, statement};

/// Finds the most convincing shape.
pub(super) fn search(text: &[u8], reading: &Reading) -> Option<Evidence> {
    let mut best: Option<(f64, usize)> = None;
    let mut consider = |score: f64, at: usize| {
        if score > 0.0 && best.is_none_or(|(known, _)| known < score) {
            best = Some((score, at));
        }
    };
    if reading.broke_out {
        consider(breakout::score(text, reading), 0);
    } else {
        consider(expression(text, reading), 0);
    }
    for at in 0..reading.tokens.len() {
        consider(shape(text, reading, at), at);
    }
    let (score, at) = best?;
    let before = at.checked_sub(1).and_then(|before| reading.tokens.get(before));
    let start = before.map_or(reading.origin, |token| token.start);
    Some(Evidence { score, span: start..text.len() })
}

/// Scores the shape that begins at token `at`.
fn shape(text: &[u8], reading: &Reading, at: usize) -> f64 {
    match reading.kind(at) {
        Some(Kind::Word(Word::Union)) => union(reading, at),
        Some(Kind::Word(Word::Logic) | Kind::Logic) => condition(reading, at),
        Some(Kind::Word(Word::Condition)) => filter(reading, at),
        Some(Kind::Word(Word::HotFunction)) => call(reading, at),
        Some(Kind::Word(Word::Catalog)) => catalog(reading, at),
        Some(Kind::Word(Word::Statement)) if statement::fits(text, reading, at) => {
            statement(reading, at)
        }
        Some(Kind::Word(Word::Select)) => subselect(reading, at),
        Some(Kind::Word(Word::Clause)) => clause(reading, at),
        Some(Kind::Word(Word::Case)) => case(reading, at),
        Some(Kind::Word(Word::Function)) => plain_call(text, reading, at),
        Some(Kind::Word(Word::From)) => cut(reading, at),
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
        return unfinished(reading, at);
    }
    // "database union": a word before it, as in a sentence.
    let lead = at == 0
        || !matches!(reading.word(at - 1), Some(Word::Name | Word::Function))
        || reading.broke_out;
    match reading.kind(next + 1) {
        Some(Kind::Word(Word::Name)) => match reading.kind(next + 2) {
            // "union select committee" is English until a list or a table follows.
            None | Some(Kind::Word(_) | Kind::Other)
                if reading.word(next + 2) != Some(Word::From) =>
            {
                if lead && at > 0 && !reading.is_prose() { 0.6 } else { 0.3 }
            }
            _ => 0.95,
        },
        _ if lead || next > at + 1 => 0.95,
        Some(_) => 0.9,
        None => 0.3,
    }
}

/// `-1 union`, `-1 union/*`: the rest of it comes in by another parameter, or is being tried out.
fn unfinished(reading: &Reading, at: usize) -> f64 {
    let plain =
        |token: &Token| matches!(token.kind, Kind::Number | Kind::Arithmetic | Kind::LineComment);
    let numbers = || reading.tokens.iter().take(at).all(plain);
    let ends = matches!(reading.kind(at + 1), None | Some(Kind::LineComment | Kind::BlockComment));
    if (2..=TERM_TOKENS_MAX).contains(&at) && ends && numbers() { 0.55 } else { 0.0 }
}

/// `and 1=1`, `or 'a' like 'a`, `|| sleep(1)`: from the joining word on.
fn condition(reading: &Reading, at: usize) -> f64 {
    let Some(term) = term(reading, at + 1) else { return 0.0 };
    let led = at == 0 || operand_ends(reading, at - 1);
    if !reading.broke_out && is_sum(reading, at) {
        return 0.4;
    }
    if !completes(reading, term.end) {
        let number = at > 0 && reading.kind(at - 1) == Some(Kind::Number);
        let asks = number && term.compared && term.calls > 0 && term.names == 0;
        return if asks && !reading.is_prose() { 0.7 } else { 0.0 };
    }
    let score: f64 = match (reading.broke_out, term.compared, term.names) {
        (_, true, 0) if led => 0.95,
        (true, true, _) if led => 0.85,
        (true, false, 0) if led && at <= 3 && reading.lead_words <= 1 && !reading.opened => 0.7,
        (false, true, _) if term.calls > 0 && led => 0.85,
        (false, false, 0) if term.calls > 0 && led && !calls_before(reading, at) => 0.75,
        (true, false, _) if at == 0 && term.calls > 0 => 0.7,
        _ => 0.0,
    };
    if reading.is_prose() || reading.lead_words > 3 { score - 0.5 } else { score }
}

/// `3 > 1 && 1 < 30`: the value compares before it joins, so it is a condition of its own.
fn is_sum(reading: &Reading, at: usize) -> bool {
    let before = reading.tokens.get(..at).unwrap_or_default();
    let compares = before.iter().any(|token| token.kind == Kind::Compare);
    let plain = |token: &Token| {
        matches!(token.kind, Kind::Number | Kind::Compare | Kind::Arithmetic | Kind::Logic)
    };
    reading.tokens.len() <= TERM_TOKENS_MAX && compares && reading.tokens.iter().all(plain)
}

/// `f() and g()`: talk of calls.
fn calls_before(reading: &Reading, at: usize) -> bool {
    at > 1 && reading.kind(at - 1) == Some(Kind::Close) && reading.kind(at - 2) == Some(Kind::Open)
}

/// `where 1=1`, `having 1=1`, `having (1 or 1)`: a condition that asks about no column.
fn filter(reading: &Reading, at: usize) -> f64 {
    let Some(term) = term(reading, at + 1) else { return 0.0 };
    let inside = reading.tokens.get(at + 1..term.end).unwrap_or_default();
    let named = inside.iter().any(|token| token.kind == Kind::Word(Word::Name));
    let joined = reading.kind(at + 1) == Some(Kind::Open)
        && inside.iter().any(|t| matches!(t.kind, Kind::Logic | Kind::Word(Word::Logic)));
    if (term.compared || joined) && !named && completes(reading, term.end) { 0.7 } else { 0.0 }
}

/// `1) from users where name='x'`: the statement's own parenthesis is closed, and it goes on.
fn cut(reading: &Reading, at: usize) -> f64 {
    let before = || reading.tokens.iter().take(at).rev().take(TERM_TOKENS_MAX);
    let count = |kind| before().filter(|token| token.kind == kind).count();
    let closes = at > 0 && reading.kind(at - 1) == Some(Kind::Close);
    let goes_on = matches!(reading.word(at + 1), Some(Word::Name | Word::Catalog))
        && matches!(reading.word(at + 2), Some(Word::Condition));
    let cuts = closes && goes_on && count(Kind::Close) > count(Kind::Open);
    if cuts && !reading.is_prose() { 0.7 } else { 0.0 }
}

/// `(1 or @a) --`, `1 /*`: all of the value is an expression of constants, and a comment ends it.
fn expression(text: &[u8], reading: &Reading) -> f64 {
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
    if at == end && (numbers && !hashed || grouped) { 0.6 } else { 0.0 }
}

/// A call of a function that applications do not take from their users.
fn call(reading: &Reading, at: usize) -> f64 {
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
fn catalog(reading: &Reading, at: usize) -> f64 {
    let from = at > 0 && reading.word(at - 1) == Some(Word::From);
    let selects = reading.select.is_some_and(|select| select < at);
    if from && selects && !reading.is_prose() { 0.9 } else { 0.0 }
}

/// Tells whether the text broke out of a string, and its first word stands apart from the quote: a
/// program's text begins with the word itself.
fn gap(reading: &Reading) -> bool {
    reading.broke_out
        && reading.tokens.first().is_some_and(|token| token.start > reading.origin + 1)
}

/// `; drop table x`, `exec xp_cmdshell`, `waitfor delay '…'`.
fn statement(reading: &Reading, at: usize) -> f64 {
    let stacked = at > 0 && reading.kind(at - 1) == Some(Kind::Semicolon);
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
    let leads = at == 0 && gap(reading);
    // A whole statement by itself is a query console's daily bread: worth a note, not an alarm.
    let begins = reading.tokens.iter().position(|token| token.kind != Kind::Open).unwrap_or(0);
    let whole = matches!(reading.word(begins), Some(Word::Select | Word::From | Word::Condition))
        && (begins == 0 || !listed)
        && !reading.broke_out;
    match (opened || stacked || leads, listed, from) {
        _ if whole && at == 0 && from && constants(reading, at) => 0.55,
        // A statement in the quotes of somebody's program.
        _ if whole || reading.is_prose() || reading.opened => 0.3,
        (true, true, _) => 0.85,
        (true, _, true) => 0.75,
        (false, true, true) => 0.7,
        _ => 0.0,
    }
}

/// `select 1,sin(1),2 from bar`: whoever selects constants in a row asks how many columns there are.
fn constants(reading: &Reading, at: usize) -> bool {
    let list = reading.tokens.iter().skip(at + 1).take(TERM_TOKENS_MAX);
    let mut list = list.take_while(|token| token.kind != Kind::Word(Word::From)).peekable();
    let (mut commas, mut constants, mut begins) = (0_usize, 0_usize, true);
    while let Some(token) = list.next() {
        let next = list.peek().map(|token| token.kind);
        let ends = matches!(next, None | Some(Kind::Comma | Kind::Close));
        commas += usize::from(token.kind == Kind::Comma);
        constants += usize::from(begins && ends && matches!(token.kind, Kind::Number | Kind::Text));
        begins = matches!(token.kind, Kind::Comma | Kind::Open | Kind::Arithmetic);
    }
    commas > 0 && constants > 1
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
    // `group by concat(version(),floor(rand(0)*2))`
    let by_call = reading.word(at + 1) == Some(Word::By)
        && matches!(reading.word(at + 2), Some(Word::Function | Word::HotFunction))
        && reading.kind(at + 3) == Some(Kind::Open);
    if (by_number || by_call) && led && !reading.is_prose() {
        return 0.8;
    }
    let file = at + 2 + usize::from(reading.kind(at + 2) == Some(Kind::Open));
    let into = reading.word(at + 1) == Some(Word::Clause)
        && matches!(reading.kind(file), Some(Kind::Text | Kind::OpenText));
    if into { 0.85 } else { 0.0 }
}

/// `case when 2 then 3 end`, `case sin(1) when …`: a choice between constants or calls.
fn case(reading: &Reading, at: usize) -> f64 {
    let fillers = |token: &&Token| token.kind == Kind::Word(Word::Filler);
    let after = reading.tokens.get(at + 1..).unwrap_or_default();
    let count = after.iter().take(TERM_TOKENS_MAX).filter(fillers).count();
    let chosen = after.windows(2).take(TERM_TOKENS_MAX).any(|pair| {
        matches!(pair, [filler, value] if filler.kind == Kind::Word(Word::Filler)
            && matches!(value.kind, Kind::Number | Kind::Text | Kind::Open | Kind::Variable
                | Kind::Word(Word::Function | Word::HotFunction | Word::Literal | Word::Select)))
    });
    let whole = reading.word(0) == Some(Word::Select);
    if count >= 3 && chosen && !whole && !reading.is_prose() { 0.7 } else { 0.0 }
}

/// `char(97)+char(98)`, `convert(int, …)`: everyday calls, in a value that has nothing else.
fn plain_call(text: &[u8], reading: &Reading, at: usize) -> f64 {
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
    if chooses && listed && inner {
        return 0.7;
    }
    if chooses && starts && inner && (after.is_none() || reading.word(end) == Some(Word::Select)) {
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
