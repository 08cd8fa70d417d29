//! The ways in which logs write the time.

use model::{Civil, Timestamp};

use crate::Context;

/// Midnight of no day: what a date is filled into.
const NO_DATE: Civil =
    Civil { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, nanosecond: 0 };

const WEEKDAYS: [&str; 7] = ["Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "];

/// Reads `Nov 21 06:58:00`, `Nov  1 06:58:00.123`, `Nov 21 2026 06:58:00` or
/// `Nov 21 06:58:00 2026`, and gives what follows it.
pub(crate) fn bsd<'a>(text: &'a str, context: &Context<'_>) -> Option<(Timestamp, &'a str)> {
    let month = month(text.get(..3)?)?;
    let rest = text.get(3..)?.strip_prefix(' ')?;
    let (day, rest) = number(rest.trim_start_matches(' '), 2)?;
    let rest = rest.strip_prefix(' ')?;
    let civil = Civil { month, day: u8::try_from(day).ok()?, ..NO_DATE };

    let (before, rest) = match year(rest) {
        Some((year, rest)) => (Some(year), rest.strip_prefix(' ')?),
        None => (None, rest),
    };
    let (civil, rest) = time_of_day(civil, rest)?;
    if let Some(year) = before {
        return Some((context.local(Civil { year, ..civil })?, rest));
    }
    match rest.strip_prefix(' ').and_then(year) {
        Some((year, rest)) if rest.is_empty() || rest.starts_with([' ', ':', ']']) => {
            Some((context.local(Civil { year, ..civil })?, rest))
        }
        _ => match zone(rest) {
            Some((offset, rest)) => {
                let shifted = Context { utc_offset_seconds: offset, ..*context };
                Some((shifted.local_without_year(civil)?, rest))
            }
            None => Some((context.local_without_year(civil)?, rest)),
        },
    }
}

/// Reads `2026-11-21T06:58:00.123+01:00`, with a space for the `T`, other separators within the
/// date, or no zone, and gives what follows it.
pub(crate) fn iso<'a>(text: &'a str, context: &Context<'_>) -> Option<(Timestamp, &'a str)> {
    let (year, rest) = year(text)?;
    let separator = rest.chars().next().filter(|c| matches!(c, '-' | '/' | '.'))?;
    let (month, rest) = number(rest.strip_prefix(separator)?, 2)?;
    let (day, rest) = number(rest.strip_prefix(separator)?, 2)?;
    let rest = rest.strip_prefix(['T', ' ', 't'])?;
    let date =
        Civil { year, month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()?, ..NO_DATE };
    let (civil, rest) = time_of_day(date, rest)?;
    zoned(civil, rest, context)
}

/// Reads the time that begins a line, in any of the ways that programs write it, and gives what
/// follows it.
pub(crate) fn leading<'a>(text: &'a str, context: &Context<'_>) -> Option<(Timestamp, &'a str)> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return iso(text, context)
            .or_else(|| epoch(text))
            .or_else(|| day_first(text, context))
            .or_else(|| two_figure_year(text, context))
            .or_else(|| packed(text, context))
            .or_else(|| without_year(text, context));
    }
    let date = WEEKDAYS.iter().find_map(|day| text.strip_prefix(day)).unwrap_or(text);
    bsd(date, context)
}

/// Reads seconds or milliseconds since 1970: `1690466804.216`, `1690466804216`.
fn epoch(text: &str) -> Option<(Timestamp, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (figures, rest) = text.split_at_checked(length)?;
    let number: i64 = figures.parse().ok().filter(|_| figures.starts_with('1'))?;
    match length {
        10 => {
            let (nanos, rest) = fraction(rest);
            let whole = Timestamp::from_seconds(number).nanos();
            Some((Timestamp::from_nanos(whole.checked_add(i64::from(nanos))?), rest))
        }
        13 => Some((Timestamp::from_millis(number), rest)),
        _ => None,
    }
}

/// Reads `21/Nov/2026:06:58:00 +0100` or `21-Nov-2026 06:58:00.425`.
fn day_first<'a>(text: &'a str, context: &Context<'_>) -> Option<(Timestamp, &'a str)> {
    let (day, rest) = number(text, 2)?;
    let rest = rest.strip_prefix(['/', '-', ' '])?;
    let month = month(rest.get(..3)?)?;
    let (year, rest) = year(rest.get(3..)?.strip_prefix(['/', '-', ' '])?)?;
    let rest = rest.strip_prefix([':', ' ', 'T'])?;
    let date = Civil { year, month, day: u8::try_from(day).ok()?, ..NO_DATE };
    let (civil, rest) = time_of_day(date, rest)?;
    zoned(civil, rest, context)
}

/// Reads `17/06/09 20:10:40` (year first), `01/25/22 16:08:02` and `07/11/2022-10:29:01` (month
/// first), or `25/01/2022 16:08:02`.
fn two_figure_year<'a>(text: &'a str, context: &Context<'_>) -> Option<(Timestamp, &'a str)> {
    let (first, rest) = number(text, 2)?;
    let (second, rest) = number(rest.strip_prefix('/')?, 2)?;
    let (third, rest) = number(rest.strip_prefix('/')?, 4)?;
    let rest = rest.strip_prefix([' ', '-', ','])?;
    let (year, month, day) = match (first, third) {
        (13.., 100..) => (third, second, first),
        (13.., _) => (2000 + first, second, third),
        (_, 100..) => (third, first, second),
        _ => (2000 + third, first, second),
    };
    let date = Civil {
        year: i32::try_from(year).ok()?,
        month: u8::try_from(month).ok()?,
        day: u8::try_from(day).ok()?,
        ..NO_DATE
    };
    let (civil, rest) = time_of_day(date, rest.trim_start_matches(' '))?;
    zoned(civil, rest, context)
}

/// Reads `081109 203615` and `20171223-22:15:29:606`.
fn packed<'a>(text: &'a str, context: &Context<'_>) -> Option<(Timestamp, &'a str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (date, rest) = text.split_at_checked(length)?;
    let (year, month_and_day) = match length {
        6 => (2000 + i32::from(u8::try_from(number(date, 2)?.0).ok()?), date.get(2..)?),
        8 => (year(date)?.0, date.get(4..)?),
        _ => return None,
    };
    let (month, day) = month_and_day.split_at_checked(2)?;
    let date = Civil {
        year,
        month: u8::try_from(number(month, 2)?.0).ok()?,
        day: u8::try_from(number(day, 2)?.0).ok()?,
        ..NO_DATE
    };
    let rest = rest.strip_prefix([' ', '-', 'T', '_'])?;
    if let Some((civil, rest)) = time_of_day(date, rest) {
        return zoned(civil, rest, context);
    }
    let civil = Civil {
        hour: u8::try_from(two_digits(rest)?).ok()?,
        minute: u8::try_from(two_digits(rest.get(2..)?)?).ok()?,
        second: u8::try_from(two_digits(rest.get(4..)?)?).ok()?,
        ..date
    };
    Some((context.local(civil)?, rest.get(6..)?))
}

/// Reads `03-17 16:13:38.811` and `10.30 16:49:06`.
fn without_year<'a>(text: &'a str, context: &Context<'_>) -> Option<(Timestamp, &'a str)> {
    let (month, rest) = number(text, 2)?;
    let (day, rest) = number(rest.strip_prefix(['-', '.', '/'])?, 2)?;
    let date = Civil { month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()?, ..NO_DATE };
    let (civil, rest) = time_of_day(date, rest.strip_prefix(' ')?)?;
    Some((context.local_without_year(civil)?, rest))
}

/// Reads the zone, if any, and gives the moment and what follows.
fn zoned<'a>(civil: Civil, rest: &'a str, context: &Context<'_>) -> Option<(Timestamp, &'a str)> {
    match zone(rest) {
        Some((offset, rest)) => Some((Timestamp::from_civil(civil, offset)?, rest)),
        None => Some((context.local(civil)?, rest)),
    }
}

/// Reads `06:58:00` and a fraction, if any.
fn time_of_day(date: Civil, text: &str) -> Option<(Civil, &str)> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (nanosecond, rest) = fraction(rest);
    let civil = Civil {
        hour: u8::try_from(hour).ok()?,
        minute: u8::try_from(minute).ok()?,
        second: u8::try_from(second).ok()?,
        nanosecond,
        ..date
    };
    Some((civil, rest))
}

/// Reads `.123456` or `,123` as nanoseconds; without figures it is no fraction.
fn fraction(text: &str) -> (u32, &str) {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return (0, text) };
    let mut nanos = 0;
    let mut unit = 100_000_000;
    let mut length = 0;
    for byte in rest.bytes().take_while(u8::is_ascii_digit) {
        nanos += u32::from(byte - b'0') * unit;
        unit /= 10;
        length += 1;
    }
    match rest.get(length..) {
        Some(rest) if length > 0 => (nanos, rest),
        _ => (0, text),
    }
}

/// Reads `Z`, `+02:00`, `+0200`, ` +0200`, ` UTC` or ` GMT` as seconds ahead of UTC.
fn zone(text: &str) -> Option<(i32, &str)> {
    let name = text.strip_prefix(' ').unwrap_or(text);
    for utc in ["Z", "UTC", "GMT"] {
        if let Some(rest) = name.strip_prefix(utc)
            && !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            return Some((0, rest));
        }
    }
    let (sign, rest) = match name.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, name.strip_prefix('-')?),
    };
    let hours = two_digits(rest)?;
    let rest = rest.get(2..)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let minutes = two_digits(rest)?;
    let rest = rest.get(2..)?;
    if rest.starts_with(|c: char| c.is_ascii_digit()) || hours > 15 || minutes > 59 {
        return None;
    }
    Some((sign * (hours * 3600 + minutes * 60), rest))
}

fn two_digits(text: &str) -> Option<i32> {
    match text.as_bytes() {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9', ..] => {
            Some(i32::from(tens - b'0') * 10 + i32::from(ones - b'0'))
        }
        _ => None,
    }
}

/// Reads a year of four figures.
fn year(text: &str) -> Option<(i32, &str)> {
    let (year, rest) = number(text, 4)?;
    (text.len() - rest.len() == 4 && (1970..=2261).contains(&year))
        .then_some(())
        .and_then(|()| Some((i32::try_from(year).ok()?, rest)))
}

/// Reads a number of at most `figures_max` figures.
fn number(text: &str, figures_max: usize) -> Option<(u32, &str)> {
    let mut number = 0;
    let mut length = 0;
    for byte in text.bytes().take(figures_max).take_while(u8::is_ascii_digit) {
        number = number * 10 + u32::from(byte - b'0');
        length += 1;
    }
    (length > 0).then_some(())?;
    Some((number, text.get(length..)?))
}

/// Reads an English month's first three letters.
fn month(name: &str) -> Option<u8> {
    Some(match name {
        "Jan" => 1,
        "Feb" => 2,
        "Mar" => 3,
        "Apr" => 4,
        "May" => 5,
        "Jun" => 6,
        "Jul" => 7,
        "Aug" => 8,
        "Sep" => 9,
        "Oct" => 10,
        "Nov" => 11,
        "Dec" => 12,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use model::Clock;

    use super::*;

    #[test]
    fn bsd_times() {
        check(bsd, "Nov 21 06:58:00 host", expect!["2026-11-21T05:58:00.000Z | host"]);
        check(bsd, "Nov  1 06:58:00.25 host", expect!["2026-11-01T05:58:00.250Z | host"]);
        check(bsd, "Nov 1 06:58:00 host", expect!["2026-11-01T05:58:00.000Z | host"]);
        check(bsd, "Mar 21 2019 06:58:00 host", expect!["2019-03-21T05:58:00.000Z | host"]);
        check(bsd, "Mar 21 06:58:00 2019 host", expect!["2019-03-21T05:58:00.000Z | host"]);
        check(bsd, "Nov 21 06:58:00 UTC host", expect!["2026-11-21T06:58:00.000Z | host"]);
        check(bsd, "Nov 21 06:58:00 2019host", expect!["2026-11-21T05:58:00.000Z | 2019host"]);
    }

    #[test]
    fn iso_times() {
        check(iso, "2026-11-21T06:58:00.123+02:00 h", expect!["2026-11-21T04:58:00.123Z | h"]);
        check(iso, "2026-11-21 06:58:00,5 h", expect!["2026-11-21T05:58:00.500Z | h"]);
        check(iso, "2026/11/21 06:58:00 [e]", expect!["2026-11-21T05:58:00.000Z | [e]"]);
        check(iso, "2026-11-21T06:58:00Z h", expect!["2026-11-21T06:58:00.000Z | h"]);
        check(iso, "2026-11-21 06:58:00 -0500 h", expect!["2026-11-21T11:58:00.000Z | h"]);
    }

    #[test]
    fn times_of_programs() {
        check(leading, "21/Nov/2026:06:58:00 +0100 x", expect!["2026-11-21T05:58:00.000Z | x"]);
        check(leading, "19-Oct-2022 05:34:02.425 x", expect!["2022-10-19T04:34:02.425Z | x"]);
        check(leading, "17/06/09 20:10:40 x", expect!["2017-06-09T19:10:40.000Z | x"]);
        check(leading, "01/25/22 16:08:02.393003 x", expect!["2022-01-25T15:08:02.393003Z | x"]);
        check(
            leading,
            "07/11/2022-10:29:01.860293  x",
            expect!["2022-07-11T09:29:01.860293Z |  x"],
        );
        check(leading, "25/01/2022 16:08:02 x", expect!["2022-01-25T15:08:02.000Z | x"]);
        check(leading, "081109 203615 148 x", expect!["2008-11-09T19:36:15.000Z | 148 x"]);
        check(leading, "20171223-22:15:29:606|x", expect!["2017-12-23T21:15:29.000Z |:606|x"]);
        check(leading, "03-17 16:13:38.811  x", expect!["2026-03-17T15:13:38.811Z |  x"]);
        check(leading, "10.30 16:49:06] x", expect!["2026-10-30T15:49:06.000Z |] x"]);
        check(leading, "1690466804.216 x", expect!["2023-07-27T14:06:44.216Z | x"]);
        check(leading, "1690466804216 x", expect!["2023-07-27T14:06:44.216Z | x"]);
        check(leading, "Mon Jun  8 12:08:44 2020 x", expect!["2020-06-08T11:08:44.000Z | x"]);
        check(leading, "99/99/99 12:00:00", expect!["none"]);
        check(leading, "12345678901234567890 x", expect!["none"]);
    }

    #[test]
    fn no_time_at_all() {
        check(bsd, "Nov 31 06:58:00 host", expect!["none"]);
        check(bsd, "Növ 21 06:58:00 host", expect!["none"]);
        check(bsd, "Nov 21 06:58 host", expect!["none"]);
        check(iso, "2026-11-21", expect!["none"]);
        check(iso, "2026-13-21T06:58:00Z", expect!["none"]);
        check(iso, "", expect!["none"]);
    }

    type Read = for<'a> fn(&'a str, &Context<'_>) -> Option<(Timestamp, &'a str)>;

    #[track_caller]
    fn check(read: Read, text: &str, expect: Expect) {
        let context = Context {
            received_at: Timestamp::parse("2026-11-21T07:00:00Z").unwrap(),
            clock: Clock::Live,
            utc_offset_seconds: 3600,
            tag: "",
            columns: "",
        };
        let told = read(text, &context)
            .map_or("none".to_owned(), |(time, rest)| format!("{time} |{rest}"));
        expect.assert_eq(&told);
    }
}
