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

/// Reads a count of seconds with a fraction, as [`text`] reads the number written out.
pub(crate) fn float(seconds: f64) -> Option<Timestamp> {
    micros(seconds)
        .map(|micros| Timestamp::from_nanos(micros * 1_000))
        .or_else(|| text(&seconds.to_string()))
}

/// Gives a number of seconds as microseconds, where the shortest way to write it has no more than six digits
/// behind the point: nearly always, and much faster than writing it.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "the number is whole and far below what an i64 holds; only the very same float will do"
)]
fn micros(seconds: f64) -> Option<i64> {
    // Up to here no two numbers of six digits are read as the same float.
    const SECONDS_MAX: f64 = 4_294_967_296.0;
    let micros = (0.0..SECONDS_MAX).contains(&seconds).then(|| (seconds * 1e6).round())?;
    // Both sides are whole, so this is the very float that the digits would be read as.
    (micros / 1e6 == seconds && !seconds.is_sign_negative()).then_some(micros as i64)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn a_float_is_read_as_when_written(
            seconds in prop_oneof![
                any::<f64>(),
                0.0..5e9,
                (0_i64..5_000_000_000_000_000).prop_map(|micros| {
                    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000).parse().unwrap()
                }),
                (0..5_000_000_000_i64).prop_map(|seconds| seconds.to_string().parse().unwrap()),
            ],
        ) {
            prop_assert_eq!(float(seconds), text(&seconds.to_string()), "{}", seconds);
        }
    }

    #[track_caller]
    fn check(written: &str, expect: Expect) {
        expect.assert_eq(&text(written).map_or("none".to_owned(), |time| time.to_string()));
    }
}
