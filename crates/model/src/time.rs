//! A moment, and the calendar around it.
//!
//! The conversions between days and dates follow Howard Hinnant, "chrono-Compatible Low-Level Date
//! Algorithms" (proleptic Gregorian calendar).

use std::fmt;
use std::time::Duration;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted; reaches from 1677 to 2262.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A date and a time of day, without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year, such as 2026.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60; a leap second counts as the first second of the next minute.
    pub second: u8,
    /// 0 to 999,999,999.
    pub nanosecond: u32,
}

impl Timestamp {
    /// The earliest moment.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest moment.
    pub const MAX: Self = Self(i64::MAX);

    /// Gives the moment `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Gives the moment `seconds` after the epoch, held within the range.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// Gives the moment `millis` milliseconds after the epoch, held within the range.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Gives the nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Gives the whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SECOND)
    }

    /// Gives the whole milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Gives how long after `earlier` this is; zero where it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Gives the moment `duration` later, held within the range.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Gives the moment `duration` earlier, held within the range.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Gives the moment of a date and time that is `offset_seconds` ahead of UTC, or `None` where
    /// the date does not exist or lies out of range.
    pub fn from_civil(civil: Civil, offset_seconds: i32) -> Option<Self> {
        let valid = (1..=12).contains(&civil.month)
            && (1..=days_in_month(civil.year, civil.month)).contains(&civil.day)
            && civil.hour < 24
            && civil.minute < 60
            && civil.second <= 60
            && civil.nanosecond < 1_000_000_000;
        if !valid {
            return None;
        }
        let time_of_day =
            i64::from(civil.hour) * 3600 + i64::from(civil.minute) * 60 + i64::from(civil.second);
        let seconds = days_from_civil(civil.year, civil.month, civil.day)
            .checked_mul(SECONDS_PER_DAY)?
            .checked_add(time_of_day - i64::from(offset_seconds))?;
        let nanos = seconds.checked_mul(NANOS_PER_SECOND)?;
        nanos.checked_add(i64::from(civil.nanosecond)).map(Self)
    }

    /// Gives the date and time in UTC.
    pub fn civil(self) -> Civil {
        let seconds = self.seconds();
        let days = seconds.div_euclid(SECONDS_PER_DAY);
        let (year, month, day) = civil_from_days(days);
        let time_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        Civil {
            year,
            month,
            day,
            hour: small(time_of_day / 3600),
            minute: small(time_of_day / 60 % 60),
            second: small(time_of_day % 60),
            nanosecond: u32::try_from(self.0.rem_euclid(NANOS_PER_SECOND)).unwrap_or(0),
        }
    }

    /// Reads an RFC 3339 or ISO 8601 moment (`2026-11-21T06:58:00.25Z`, `2026-11-21 06:58:00+02:00`,
    /// `…+0200`); without a zone it is taken as UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        if separators.iter().any(|(at, byte)| bytes.get(*at) != Some(byte))
            || !matches!(bytes.get(10), Some(b'T' | b't' | b' '))
        {
            return None;
        }
        let number = |range| digits(bytes.get::<std::ops::Range<usize>>(range)?);
        let (nanosecond, zone) = fraction(text.get(19..)?)?;
        let civil = Civil {
            year: i32::try_from(number(0..4)?).ok()?,
            month: u8::try_from(number(5..7)?).ok()?,
            day: u8::try_from(number(8..10)?).ok()?,
            hour: u8::try_from(number(11..13)?).ok()?,
            minute: u8::try_from(number(14..16)?).ok()?,
            second: u8::try_from(number(17..19)?).ok()?,
            nanosecond,
        };
        Self::from_civil(civil, zone_offset(zone)?)
    }
}

/// RFC 3339 in UTC with milliseconds, or with as many digits as the moment has.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.",
            c.year, c.month, c.day, c.hour, c.minute, c.second
        )?;
        match c.nanosecond {
            nanos if nanos % 1_000_000 == 0 => write!(f, "{:03}Z", nanos / 1_000_000),
            nanos if nanos % 1000 == 0 => write!(f, "{:06}Z", nanos / 1000),
            nanos => write!(f, "{nanos:09}Z"),
        }
    }
}

/// Reads the fraction after the seconds, if any, and gives what follows it.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return Some((0, text)) };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (figures, zone) = rest.split_at_checked(length)?;
    let kept = figures.get(..length.min(9))?;
    let scale = 10_u32.pow(u32::try_from(9 - kept.len()).ok()?);
    Some((u32::try_from(digits(kept.as_bytes())?).ok()? * scale, zone))
}

/// Reads `Z`, `+02:00`, `+0200`, `+02` or nothing as seconds ahead of UTC.
fn zone_offset(zone: &str) -> Option<i32> {
    let zone = zone.trim_start_matches(' ');
    if matches!(zone, "" | "Z" | "z" | "UTC") {
        return Some(0);
    }
    let (sign, rest) = match zone.as_bytes() {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [h1, h2] => (digits(&[*h1, *h2])?, 0),
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?),
        _ => return None,
    };
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    (seconds <= 86_400).then_some(sign * seconds)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_i64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        number.checked_mul(10)?.checked_add(i64::from(digit))
    })
}

/// Narrows a part of a date that is known to be small.
fn small(number: i64) -> u8 {
    u8::try_from(number).unwrap_or(0)
}

fn days_in_month(year: i32, month: u8) -> u8 {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_from_civil(year: i32, month: u8, day: u8) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (i32::try_from(year).unwrap_or(0), small(month), small(day))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zones_and_fractions() {
        check("2026-11-21T06:58:00Z", expect!["2026-11-21T06:58:00.000Z"]);
        check("2026-11-21 06:58:00.25+02:00", expect!["2026-11-21T04:58:00.250Z"]);
        check("2026-11-21T06:58:00,123456-0330", expect!["2026-11-21T10:28:00.123456Z"]);
        check("2016-12-31T23:59:60Z", expect!["2017-01-01T00:00:00.000Z"]);
        check("1970-01-01T00:00:00.000000001Z", expect!["1970-01-01T00:00:00.000000001Z"]);
    }

    #[test]
    fn no_moment_at_all() {
        check("2026-02-29T00:00:00Z", expect!["none"]);
        check("9999-01-01T00:00:00Z", expect!["none"]);
        check("2026-11-21T06:58:00 Mars", expect!["none"]);
        check("2026-11-21T0é:58:00Z", expect!["none"]);
        check("", expect!["none"]);
    }

    proptest! {
        #[test]
        fn written_and_read_again(nanos: i64) {
            let time = Timestamp::from_nanos(nanos);
            prop_assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
            prop_assert_eq!(Timestamp::from_civil(time.civil(), 0), Some(time));
        }

        #[test]
        fn any_text_is_survived(text in "\\PC{0,40}") {
            let _ = Timestamp::parse(&text);
        }
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let read = Timestamp::parse(text).map_or("none".to_owned(), |time| time.to_string());
        expect.assert_eq(&read);
    }
}
