//! How senders write the moment of an event, and the same moment written again.

use model::{Civil, Timestamp};

const QUARTER_SECONDS: i64 = 900;
/// Zones reach from twelve hours behind to fourteen ahead.
const QUARTERS_MAX: i64 = 14 * 4;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A way to write a moment, up to the second; what follows is digits of the second's fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `Nov 21 06:58:00`, the day padded with a space.
    Bsd,
    /// `21/Nov/2026:06:58:00`.
    Access,
    /// `2026-11-21T06:58:00`.
    Iso,
    /// `2026-11-21 06:58:00`.
    Spaced,
    /// `21-Nov-2026 06:58:00`.
    Named,
    /// `1795243080`, seconds since 1970.
    Epoch,
}

const FORMS: [(Form, char); 6] = [
    (Form::Bsd, 'b'),
    (Form::Access, 'a'),
    (Form::Iso, 'i'),
    (Form::Spaced, 's'),
    (Form::Named, 'n'),
    (Form::Epoch, 'e'),
];

/// How one format writes moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    form: Form,
    /// How many digits follow the second, after a point.
    digits: u8,
    /// How many quarters of an hour the sender's zone is ahead.
    quarters: i64,
}

impl Clock {
    /// Gives the clock by which the text begins with this moment, and how long that is.
    pub(super) fn find(text: &str, time: Timestamp) -> Option<(Self, usize)> {
        let first = text.bytes().next()?;
        if !first.is_ascii_digit() && !first.is_ascii_uppercase() {
            return None;
        }
        FORMS.iter().find_map(|(form, _)| Self::read(*form, text, time))
    }

    fn read(form: Form, text: &str, time: Timestamp) -> Option<(Self, usize)> {
        Self::zones(form, text, time)?.into_iter().find_map(|quarters| {
            let plain = Self { form, digits: 0, quarters };
            let mut written = String::new();
            plain.write(time, &mut written);
            let rest = text.strip_prefix(&*written)?;
            let fraction = rest
                .strip_prefix('.')
                .map_or(0, |digits| digits.bytes().take_while(u8::is_ascii_digit).count());
            if let Some(digits) =
                [9, 6, 3].into_iter().find(|digits| usize::from(*digits) == fraction)
            {
                let full = Self { digits, ..plain };
                written.clear();
                full.write(time, &mut written);
                if text.starts_with(&written) {
                    return Some((full, written.len()));
                }
                plain.write(time, &mut written);
            }
            let goes_on = rest.bytes().next().is_some_and(|next| next.is_ascii_digit());
            (!goes_on).then(|| (plain, text.len() - rest.len()))
        })
    }

    /// Gives by how much the text's zone may be ahead, told from its hour and minute.
    fn zones(form: Form, text: &str, time: Timestamp) -> Option<Vec<i64>> {
        let hour_at = match form {
            Form::Bsd => 7,
            Form::Access | Form::Named => 12,
            Form::Iso | Form::Spaced => 11,
            Form::Epoch => return Some(vec![0]),
        };
        let two = |at: usize| text.get(at..at + 2)?.parse::<i64>().ok();
        let (hour, minute, second) = (two(hour_at)?, two(hour_at + 3)?, two(hour_at + 6)?);
        let civil = time.civil();
        if second != i64::from(civil.second) {
            return None;
        }
        let ahead = hour * 60 + minute - i64::from(civil.hour) * 60 - i64::from(civil.minute);
        let days = [ahead, ahead - 1440, ahead + 1440];
        let quarters = days.into_iter().filter(|ahead| ahead % 15 == 0).map(|ahead| ahead / 15);
        Some(quarters.filter(|quarters| quarters.abs() <= QUARTERS_MAX).collect())
    }

    /// Writes the moment.
    pub(super) fn write(self, time: Timestamp, out: &mut String) {
        if self.form == Form::Epoch {
            number(time.seconds().unsigned_abs(), 1, out);
        } else {
            let ahead = self.quarters * QUARTER_SECONDS * 1_000_000_000;
            self.write_civil(
                Timestamp::from_nanos(time.nanos().saturating_add(ahead)).civil(),
                out,
            );
        }
        if self.digits > 0 {
            out.push('.');
            let nanos = u64::from(time.civil().nanosecond);
            let unit = 10_u64.pow(9 - u32::from(self.digits.min(9)));
            number(nanos / unit, usize::from(self.digits), out);
        }
    }

    fn write_civil(self, civil: Civil, out: &mut String) {
        let month = MONTHS.get(usize::from(civil.month.saturating_sub(1))).copied();
        let month = month.unwrap_or_default();
        let year = u64::from(civil.year.unsigned_abs());
        let (day, month_number) = (u64::from(civil.day), u64::from(civil.month));
        match self.form {
            Form::Bsd => {
                out.push_str(month);
                out.push_str(if day < 10 { "  " } else { " " });
                number(day, 1, out);
                out.push(' ');
            }
            Form::Access => {
                number(day, 2, out);
                out.push('/');
                out.push_str(month);
                out.push('/');
                number(year, 4, out);
                out.push(':');
            }
            Form::Iso | Form::Spaced => {
                number(year, 4, out);
                out.push('-');
                number(month_number, 2, out);
                out.push('-');
                number(day, 2, out);
                out.push(if self.form == Form::Iso { 'T' } else { ' ' });
            }
            Form::Named => {
                number(day, 2, out);
                out.push('-');
                out.push_str(month);
                out.push('-');
                number(year, 4, out);
                out.push(' ');
            }
            Form::Epoch => {}
        }
        number(u64::from(civil.hour), 2, out);
        out.push(':');
        number(u64::from(civil.minute), 2, out);
        out.push(':');
        number(u64::from(civil.second), 2, out);
    }

    /// Writes the clock as the text of a shape holds it, such as `i3+4`.
    pub(super) fn encode(self, out: &mut String) {
        let letter = FORMS.iter().find(|(form, _)| *form == self.form);
        out.push(letter.map_or('?', |(_, letter)| *letter));
        out.push(char::from(b'0' + self.digits.min(9)));
        out.push(if self.quarters < 0 { '-' } else { '+' });
        number(self.quarters.unsigned_abs(), 1, out);
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let mut letters = text.chars();
        let letter = letters.next()?;
        let (form, _) = FORMS.iter().find(|(_, known)| *known == letter)?;
        let digits = u8::try_from(letters.next()?.to_digit(10)?).ok()?;
        let quarters = letters.as_str().parse().ok()?;
        Some(Self { form: *form, digits, quarters })
    }
}

/// Appends a number with at least so many digits.
pub(super) fn number(value: u64, digits: usize, out: &mut String) {
    let mut text = [b'0'; 20];
    let mut left = value;
    let mut length = 0;
    for place in text.iter_mut().rev() {
        if left == 0 && length >= digits.max(1) {
            break;
        }
        *place = b'0' + u8::try_from(left % 10).unwrap_or_default();
        left /= 10;
        length += 1;
    }
    let tail = text.get(text.len() - length..).unwrap_or_default();
    out.push_str(std::str::from_utf8(tail).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_found_and_written_again() {
        let time = Timestamp::parse("2026-11-01T06:58:00.123456Z").unwrap();
        for (text, zone) in [
            ("Nov  1 06:58:00", 0),
            ("01/Nov/2026:08:58:00", 8),
            ("2026-11-01T06:58:00.123", 0),
            ("2026-11-01 01:28:00.123456", -22),
            ("01-Nov-2026 06:58:00.123", 0),
            ("1793516280.123", 0),
            ("1793516280", 0),
        ] {
            let (clock, length) = Clock::find(&format!("{text} x"), time).unwrap();
            assert_eq!((length, clock.quarters), (text.len(), zone), "{text}");
            let (mut written, mut code) = (String::new(), String::new());
            clock.write(time, &mut written);
            assert_eq!(written, text);
            clock.encode(&mut code);
            assert_eq!(Clock::decode(&code), Some(clock), "{code}");
        }
        assert!(Clock::find("Nov  1 06:58:01", time).is_none());
        assert!(Clock::find("17935162801", time).is_none());
    }

    #[test]
    fn numbers_as_the_standard_library_writes_them() {
        for value in [0, 7, 10, 99, 12_345, u64::MAX] {
            let mut text = String::new();
            number(value, 1, &mut text);
            assert_eq!(text, value.to_string());
        }
        let mut text = String::new();
        number(7, 3, &mut text);
        assert_eq!(text, "007");
    }
}
