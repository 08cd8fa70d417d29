//! The shapes that SQL takes when it comes from outside.

use super::super::Evidence;
use super::reading::{Reading, TERM_TOKENS_MAX, closed, completes, operand_ends};
use super::tokens::{Kind, Token};
use super::words::Word;
use super::{breakout, calls, conditions, statement};

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
        consider(conditions::expression(text, reading), 0);
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
        Some(Kind::Word(Word::Union)) => union(text, reading, at),
        Some(Kind::Word(Word::Logic) | Kind::Logic) => conditions::condition(text, reading, at),
        Some(Kind::Word(Word::Condition)) => conditions::filter(reading, at),
        Some(Kind::Word(Word::HotFunction)) => calls::call(text, reading, at),
        Some(Kind::Word(Word::Catalog)) => calls::catalog(text, reading, at),
        Some(Kind::Word(Word::Statement))
            if statement::fits(text, reading, at) || statement::certain(text, reading, at) =>
        {
            statement::score(text, reading, at)
        }
        Some(Kind::Word(Word::Name))
            if statement::behind_value(reading, at) && statement::certain(text, reading, at) =>
        {
            0.75
        }
        Some(Kind::Word(Word::Select)) => subselect(reading, at),
        Some(Kind::Word(Word::Clause)) => clause(text, reading, at),
        Some(Kind::Word(Word::Case)) => case(reading, at),
        Some(Kind::Word(Word::Function)) => calls::plain_call(text, reading, at),
        Some(Kind::Word(Word::From)) => cut(reading, at),
        Some(Kind::Open) => calls::grouped(reading, at),
        _ => 0.0,
    }
}

/// `union all select …`.
fn union(text: &[u8], reading: &Reading, at: usize) -> f64 {
    let mut next = at + 1;
    // A plus that a second decoder would have made a space.
    let plus = |at: usize| {
        reading.tokens.get(at).is_some_and(|token| text.get(token.start) == Some(&b'+'))
    };
    while matches!(reading.kind(next), Some(Kind::Open | Kind::Comma | Kind::Word(Word::Modifier)))
        || plus(next)
    {
        next += 1;
    }
    if reading.word(next) != Some(Word::Select) {
        return unfinished(reading, at).max(union_of(text, reading, at, next));
    }
    // "database union": a word before it, as in a sentence.
    let lead = at == 0
        || !matches!(reading.word(at - 1), Some(Word::Name | Word::Function))
        || reading.broke_out;
    match reading.kind(next + 1) {
        Some(Kind::Word(Word::Name)) => match reading.kind(next + 2) {
            // "union select committee" is English until a list or a table follows.
            None | Some(Kind::Word(_) | Kind::Other | Kind::Number)
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

/// `1 union values row(1,2)`, `1 union table users`, `1 union exec …`: united with what is no `select`,
/// behind a value.
fn union_of(text: &[u8], reading: &Reading, at: usize, next: usize) -> f64 {
    let led =
        at > 0 && matches!(reading.kind(at - 1), Some(Kind::Number | Kind::Text | Kind::Close));
    let led = led || at == 0 && reading.broke_out;
    let named = matches!(reading.word(next + 1), Some(Word::Name | Word::Catalog));
    let fits = match statement::spelt(text, reading, next) {
        b"values" => {
            reading.kind(next + 1) == Some(Kind::Open)
                || statement::spelt(text, reading, next + 1) == b"row"
        }
        b"table" => {
            named && (completes(reading, next + 2) || reading.kind(next + 2) == Some(Kind::Dot))
        }
        b"exec" | b"execute" => named,
        _ => false,
    };
    if led && fits && !reading.is_prose() { 0.7 } else { 0.0 }
}

/// `-1 union`, `-1 union/*`: the rest of it comes in by another parameter, or is being tried out.
fn unfinished(reading: &Reading, at: usize) -> f64 {
    let plain =
        |token: &Token| matches!(token.kind, Kind::Number | Kind::Arithmetic | Kind::LineComment);
    let numbers = || reading.tokens.iter().take(at).all(plain);
    let ends = matches!(reading.kind(at + 1), None | Some(Kind::LineComment | Kind::BlockComment));
    if (2..=TERM_TOKENS_MAX).contains(&at) && ends && numbers() { 0.55 } else { 0.0 }
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
                | Kind::Word(Word::Function | Word::HotFunction | Word::Literal | Word::Case)
        )
    ) || reading.word(at + 1) == Some(Word::Modifier)
        && reading.word(at + 2) != Some(Word::Name);
    let from = reading
        .tokens
        .iter()
        .skip(at)
        .take(TERM_TOKENS_MAX)
        .any(|t| t.kind == Kind::Word(Word::From));
    let leads = at == 0 && statement::gap(reading);
    // A whole statement by itself is a query console's daily bread: worth a note, not an alarm.
    let begins = reading.tokens.iter().position(|token| token.kind != Kind::Open).unwrap_or(0);
    let whole = matches!(reading.word(begins), Some(Word::Select | Word::From | Word::Condition))
        && (begins == 0 || !listed)
        && !reading.broke_out;
    match (opened || stacked || leads, listed, from) {
        _ if whole && at == 0 && from && constants(reading, at) => 0.55,
        // `(select id from users limit 1,1)`: in brackets it is an operand, and no console's query.
        _ if whole && at == 1 && from && bracketed(reading) && !reading.is_prose() => 0.55,
        // A statement in the quotes of somebody's program.
        _ if whole || reading.is_prose() || reading.opened => 0.3,
        (true, true, _) => 0.85,
        (true, _, true) => 0.75,
        (false, true, true) => 0.7,
        _ => 0.0,
    }
}

/// Tells whether one pair of brackets holds all of the text.
fn bracketed(reading: &Reading) -> bool {
    let all = reading.tokens.len();
    all <= TERM_TOKENS_MAX && closed(reading, 0) == Some(all)
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
fn clause(text: &[u8], reading: &Reading, at: usize) -> f64 {
    let (own, next) =
        (statement::spelt(text, reading, at), statement::spelt(text, reading, at + 1));
    // `limit 0,1 into @a`
    let behind_number = at > 0 && reading.kind(at - 1) == Some(Kind::Number);
    let into_variable = own == b"into" && reading.kind(at + 1) == Some(Kind::Variable);
    if into_variable && behind_number && at > 1 && !reading.is_prose() {
        return 0.6;
    }
    // `procedure analyse(extractvalue(…))`
    if own == b"procedure" && next == b"analyse" && reading.kind(at + 2) == Some(Kind::Open) {
        return 0.85;
    }
    if own == b"into" && matches!(next, b"outfile" | b"dumpfile") && reading.kind(at + 2).is_some()
    {
        return 0.6_f64.max(if reading.kind(at + 2) == Some(Kind::Text) { 0.85 } else { 0.0 });
    }
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
