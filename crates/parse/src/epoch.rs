//! Times written as a count since 1970-01-01T00:00:00Z, whose unit nobody names.

use model::Timestamp;

/// The first counts that are read as milliseconds, microseconds and nanoseconds: as seconds they
/// would lie past the year 5000, and as their own unit the smallest of them lies in 1973.
const MILLIS_MIN: i64 = 100_000_000_000;
const MICROS_MIN: i64 = MILLIS_MIN * 1_000;
const NANOS_MIN: i64 = MICROS_MIN * 1_000;

/// Reads a count of seconds, milliseconds, microseconds or nanoseconds, told apart by its size.
pub(crate) fn count(count: i64) -> Option<Timestamp> {
    Some(match count {
        ..0 => return None,
        0..MILLIS_MIN => Timestamp::from_seconds(count),
        MILLIS_MIN..MICROS_MIN => Timestamp::from_millis(count),
        MICROS_MIN..NANOS_MIN => Timestamp::from_nanos(count.checked_mul(1_000)?),
        _ => Timestamp::from_nanos(count),
    })
}

/// Reads a count as text; a fraction is one of seconds.
pub(crate) fn text(text: &str) -> Option<Timestamp> {
    let Some((seconds, fraction)) = text.split_once('.') else {
        return count(text.parse().ok()?);
    };
    let seconds: i64 = seconds.parse().ok().filter(|seconds| (0..MILLIS_MIN).contains(seconds))?;
    let digits = fraction.get(..fraction.len().min(9))?;
    let number: i64 = digits.parse().ok().filter(|number| *number >= 0)?;
    let scale = 10_i64.pow(9 - u32::try_from(digits.len()).ok()?);
    let nanos = Timestamp::from_seconds(seconds).nanos();
    nanos.checked_add(number * scale).map(Timestamp::from_nanos)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn units() {
        check("1795244280", expect!["2026-11-21T06:58:00.000Z"]);
        check("1795244280250", expect!["2026-11-21T06:58:00.250Z"]);
        check("1795244280250001", expect!["2026-11-21T06:58:00.250001Z"]);
        check("1795244280250001002", expect!["2026-11-21T06:58:00.250001002Z"]);
        check("1795244280.25", expect!["2026-11-21T06:58:00.250Z"]);
        check("1795244280.0000000019", expect!["2026-11-21T06:58:00.000000001Z"]);
    }

    #[test]
    fn no_count_at_all() {
        for text in ["", "-1", "1.-5", ".5", "1.", "99999999999999999999", "999999999999.5", "1.é"]
        {
            check(text, expect!["none"]);
        }
    }

    #[track_caller]
    fn check(written: &str, expect: Expect) {
        expect.assert_eq(&text(written).map_or("none".to_owned(), |time| time.to_string()));
    }
}
