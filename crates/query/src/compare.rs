//! Order among numbers and moments, and the parts of a moment.

use std::cmp::Ordering;
use std::fmt;

use model::{Timestamp, Value};

/// How two things must stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// The same.
    Equal,
    /// Above the bound.
    Greater,
    /// Above the bound, or the bound itself.
    GreaterOrEqual,
    /// Below the bound.
    Less,
    /// Below the bound, or the bound itself.
    LessOrEqual,
}

impl Comparison {
    /// Tells whether a value that stands so to the bound satisfies the comparison.
    pub fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }

    /// Gives the comparison's sign in the search bar.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => ":",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

/// A number to compare with; never infinite and never NaN when it came from [`Number::parse`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
}

impl Number {
    /// Reads a decimal number.
    pub fn parse(text: &str) -> Option<Self> {
        // `parse` would also take "inf", "nan" and their like.
        let decimal =
            text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        if !decimal {
            return None;
        }
        if let Ok(whole) = text.parse() {
            return Some(Self::Integer(whole));
        }
        text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Float)
    }

    /// Gives how a value stands to this number: a number itself, or a text that is one.
    pub fn order_of(self, value: Value<'_>) -> Option<Ordering> {
        let value = match value {
            Value::Integer(number) => Self::Integer(number),
            Value::Float(number) => Self::Float(number),
            Value::Text(text) => Self::parse(text.trim())?,
            _ => return None,
        };
        match (value, self) {
            (Self::Integer(one), Self::Integer(other)) => Some(one.cmp(&other)),
            (one, other) => one.wide().partial_cmp(&other.wide()),
        }
    }

    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "a whole number is compared with a fraction at the fraction's own precision"
    )]
    fn wide(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            // The fraction stays visible, so that it is read again as a fraction.
            Self::Float(number) => write!(f, "{number:?}"),
        }
    }
}

/// Gives the moment that a value holds, as itself or written out.
pub(crate) fn moment(value: Value<'_>) -> Option<Timestamp> {
    match value {
        Value::Time(time) => Some(time),
        Value::Text(text) => Timestamp::parse(text),
        _ => None,
    }
}

/// A part of a moment, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimePart {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    Day,
    /// 1 to 53, the week of ISO 8601.
    Week,
    /// 1 to 12.
    Month,
    /// Such as 2026.
    Year,
}

impl TimePart {
    /// Gives the part of a moment.
    pub fn of(self, time: Timestamp) -> i64 {
        let civil = time.civil();
        match self {
            Self::Minute => i64::from(civil.minute),
            Self::Hour => i64::from(civil.hour),
            Self::Day => i64::from(civil.day),
            Self::Week => iso_week(time),
            Self::Month => i64::from(civil.month),
            Self::Year => i64::from(civil.year),
        }
    }

    /// Gives the part's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// A week belongs to the year that holds its Thursday, and is numbered within it.
fn iso_week(time: Timestamp) -> i64 {
    const DAY_SECONDS: i64 = 86_400;
    let day = time.seconds().div_euclid(DAY_SECONDS);
    // 1970-01-01 was a Thursday: 0 is Monday.
    let weekday = (day + 3).rem_euclid(7);
    let thursday = day - weekday + 3;
    let year = Timestamp::from_seconds(thursday * DAY_SECONDS).civil().year;
    let first =
        model::Civil { year, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond: 0 };
    let new_year = Timestamp::from_civil(first, 0)
        .map_or(thursday, |time| time.seconds().div_euclid(DAY_SECONDS));
    (thursday - new_year) / 7 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_of_iso_8601() {
        for (day, week) in [
            ("2021-01-03", 53),
            ("2021-01-04", 1),
            ("2024-12-30", 1),
            ("2026-11-21", 47),
            ("2027-01-01", 53),
            ("1969-12-28", 52),
            ("1969-12-29", 1),
        ] {
            let time = Timestamp::parse(&format!("{day}T12:00:00Z")).unwrap();
            assert_eq!(TimePart::Week.of(time), week, "{day}");
        }
    }

    #[test]
    fn numbers_and_what_only_looks_like_one() {
        assert_eq!(Number::parse("42"), Some(Number::Integer(42)));
        assert_eq!(Number::parse("-1.5"), Some(Number::Float(-1.5)));
        assert_eq!(Number::parse("1e3"), Some(Number::Float(1000.0)));
        for odd in ["", "inf", "nan", "1e999", "0x10", "1 ", "-", "e"] {
            assert_eq!(Number::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn large_whole_numbers_are_compared_exactly() {
        let bound = Number::Integer(i64::MAX);
        assert_eq!(bound.order_of(Value::Integer(i64::MAX - 1)), Some(Ordering::Less));
        assert_eq!(bound.order_of(Value::Text("9223372036854775807")), Some(Ordering::Equal));
        assert_eq!(bound.order_of(Value::Flag(true)), None);
    }
}
