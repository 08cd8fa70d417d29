//! What a written value means for the field it stands with.

use std::ops::Range;

use model::{Civil, Field, FieldKind, Timestamp};

use super::scan::Phrase;
use crate::{
    Case, Comparison, FieldRef, Glyph, Matcher, Network, Node, Number, SyntaxError, Test,
    TextMatcher,
};

const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3_600e9),
    ("d", 86_400e9),
    ("w", 604_800e9),
];

/// Tells whether a field holds running text, of which a value is a part.
pub(crate) fn holds_prose(field: &FieldRef) -> bool {
    matches!(field, FieldRef::Known(Field::Message | Field::EventOriginal | Field::ErrorMessage))
}

/// Gives the test of a free text.
pub(super) fn anywhere(phrase: &Phrase) -> Node {
    each_word(phrase, |word| match parts(word) {
        None => Node::All,
        Some(matcher) => Node::Test(Test::Anywhere(matcher)),
    })
}

/// Gives the test of `field: value`.
pub(super) fn equals(field: &FieldRef, phrase: &Phrase) -> Node {
    let test = |matcher| Node::Test(Test::Field { field: field.clone(), matcher });
    if holds_prose(field) {
        return each_word(phrase, |word| test(parts(word).map_or(Matcher::Exists, Matcher::Text)));
    }
    let glyphs = phrase.words.join(&Glyph::Char(' '));
    if !glyphs.is_empty() && glyphs.iter().all(|glyph| *glyph == Glyph::Any) {
        return test(Matcher::Exists);
    }
    let plain = plain_text(&glyphs);
    if let Some(text) = &plain {
        if let Some(matcher) = typed(field, text) {
            return test(matcher);
        }
        if kind(field) == Some(FieldKind::Date)
            && let Some(span) = moment(text)
        {
            return Node::And(vec![
                test(Matcher::Time(Comparison::GreaterOrEqual, span.start)),
                test(Matcher::Time(Comparison::Less, span.end)),
            ]);
        }
    }
    test(Matcher::Text(TextMatcher::from_glyphs(Case::Folded, &glyphs)))
}

/// Gives the test of `field >= value`.
pub(super) fn compares(
    field: &FieldRef,
    comparison: Comparison,
    phrase: &Phrase,
) -> Result<Node, SyntaxError> {
    let error =
        |message: &str| Err(SyntaxError { column: phrase.column, message: message.to_owned() });
    let text = plain_text(&phrase.words.join(&Glyph::Char(' '))).unwrap_or_default();
    let number =
        || Some(Matcher::Number(comparison, Number::parse(&text).or_else(|| duration(&text))?));
    let time = || Some(time_matcher(comparison, &moment(&text)?));
    let matcher = match kind(field) {
        Some(FieldKind::Ip) => {
            return error("addresses have no order: use a network, such as source.ip: 10.0.0.0/8");
        }
        Some(FieldKind::Date) => match time() {
            Some(matcher) => matcher,
            None => return error("expected a time such as 2026-11-21 or \"2026-11-21T06:58:00Z\""),
        },
        _ => match number().or_else(time) {
            Some(matcher) => matcher,
            None => {
                return error(
                    "expected a number, a duration such as 5s or a time such as 2026-11-21",
                );
            }
        },
    };
    Ok(Node::Test(Test::Field { field: field.clone(), matcher }))
}

fn kind(field: &FieldRef) -> Option<FieldKind> {
    match field {
        FieldRef::Known(field) => Some(field.kind()),
        FieldRef::Named(_) => None,
    }
}

/// Gives the matcher of a value that is more than text for its field.
fn typed(field: &FieldRef, text: &str) -> Option<Matcher> {
    match kind(field) {
        Some(FieldKind::Ip) => Network::parse(text).map(Matcher::Network),
        Some(FieldKind::Long | FieldKind::Float) => Number::parse(text)
            .or_else(|| duration(text))
            .map(|number| Matcher::Number(Comparison::Equal, number)),
        None if text.contains('/') => Network::parse(text).map(Matcher::Network),
        _ => None,
    }
}

/// A moment stands for as long as it is written: past a day begins where the day ends.
fn time_matcher(comparison: Comparison, span: &Range<Timestamp>) -> Matcher {
    match comparison {
        Comparison::Less => Matcher::Time(Comparison::Less, span.start),
        Comparison::LessOrEqual => Matcher::Time(Comparison::Less, span.end),
        Comparison::Greater => Matcher::Time(Comparison::GreaterOrEqual, span.end),
        Comparison::GreaterOrEqual | Comparison::Equal => {
            Matcher::Time(Comparison::GreaterOrEqual, span.start)
        }
    }
}

/// Gives the matcher of a word that may stand anywhere in a text, or `None` if any text will do.
fn parts(word: &[Glyph]) -> Option<TextMatcher> {
    if !word.is_empty() && word.iter().all(|glyph| *glyph == Glyph::Any) {
        return None;
    }
    let open: Vec<Glyph> =
        [&[Glyph::Any], word, &[Glyph::Any]].into_iter().flatten().copied().collect();
    Some(TextMatcher::from_glyphs(Case::Folded, &open))
}

fn each_word(phrase: &Phrase, test: impl Fn(&[Glyph]) -> Node) -> Node {
    match phrase.words.as_slice() {
        [word] => test(word),
        several => Node::And(several.iter().map(|word| test(word)).collect()),
    }
}

/// Gives the text of glyphs that hold no wildcard.
fn plain_text(glyphs: &[Glyph]) -> Option<String> {
    glyphs
        .iter()
        .map(|glyph| if let Glyph::Char(character) = glyph { Some(*character) } else { None })
        .collect()
}

/// Reads `5s` as nanoseconds.
fn duration(text: &str) -> Option<Number> {
    let (figures, scale) = UNITS
        .into_iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))
        .filter(|(figures, _)| figures.bytes().all(|b| b.is_ascii_digit() || b == b'.'))?;
    let nanos = figures.parse::<f64>().ok()? * scale;
    // Printed and read again rather than cast: a duration is a whole number of nanoseconds.
    Number::parse(&format!("{nanos:.0}"))
}

/// Reads a moment and gives how long it lasts as written: a year, a month, a day, …, a fraction.
fn moment(text: &str) -> Option<Range<Timestamp>> {
    let part = |range: Range<usize>| text.get(range)?.parse::<u16>().ok();
    let dashed = |at: usize| text.as_bytes().get(at) == Some(&b'-');
    let short = matches!(text.len(), 4 | 7 | 10)
        && (text.len() < 7 || dashed(4))
        && (text.len() < 10 || dashed(7));
    if short {
        let year = i32::from(part(0..4)?);
        let month = if text.len() >= 7 { u8::try_from(part(5..7)?).ok()? } else { 1 };
        let day = if text.len() >= 10 { u8::try_from(part(8..10)?).ok()? } else { 1 };
        let start = midnight(year, month, day)?;
        let end = match text.len() {
            4 => midnight(year + 1, 1, 1)?,
            7 if month == 12 => midnight(year + 1, 1, 1)?,
            7 => midnight(year, month + 1, 1)?,
            _ => start.plus(std::time::Duration::from_hours(24)),
        };
        return Some(start..end);
    }
    if text.len() == 16 {
        let start = Timestamp::parse(&format!("{text}:00Z"))?;
        return Some(start..start.plus(std::time::Duration::from_mins(1)));
    }
    let start = Timestamp::parse(text)?;
    let fraction = text.get(19..)?.strip_prefix(['.', ',']).unwrap_or_default();
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count().min(9);
    let nanos = 10_u64.pow(u32::try_from(9 - digits).ok()?);
    Some(start..start.plus(std::time::Duration::from_nanos(nanos)))
}

fn midnight(year: i32, month: u8, day: u8) -> Option<Timestamp> {
    let civil = Civil { year, month, day, hour: 0, minute: 0, second: 0, nanosecond: 0 };
    Timestamp::from_civil(civil, 0)
}
