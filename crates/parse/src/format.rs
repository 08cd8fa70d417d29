//! What a log format is: a row of functions.

use model::{Civil, Clock, Event, Timestamp};

const DAY_NANOS: i64 = 86_400_000_000_000;
/// How many years back a date without a year is looked for; 29 February may be eight years away.
const YEARS_BACK_MAX: i32 = 8;

/// One log format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The word that stands in `event.module`, in the configuration and in `--format`.
    pub id: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// The syslog programs whose messages are tried with this format first (`sshd`). Messages of
    /// other programs are never tried with it, so that no program can speak in another's name. Empty
    /// for a format that stands on its own.
    pub programs: &'static [&'static str],
    /// Tells, far cheaper than parsing and without reading all of a long text, whether this is
    /// probably such a record.
    pub recognises: fn(&str) -> bool,
    /// Reads the text into the event. On an error the event may hold some fields already; the text
    /// is then offered to the next format.
    pub parse: fn(&str, &mut Event, &Context<'_>) -> Result<(), ParseError>,
}

/// What a format needs to know that does not stand in the text.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// When the record was received.
    pub received_at: Timestamp,
    /// Whose clock counts.
    pub clock: Clock,
    /// How far the local time of senders that name no zone is ahead of UTC, in seconds.
    pub utc_offset_seconds: i32,
    /// The program as the syslog header names it (`sshd`, `su(pam_unix)`); empty without a header.
    pub tag: &'a str,
    /// The names of the columns, as the log's last line of them says; empty where it has none.
    pub columns: &'a str,
}

impl Context<'_> {
    /// Gives the moment of a date and time that names no zone.
    pub fn local(&self, civil: Civil) -> Option<Timestamp> {
        Timestamp::from_civil(civil, self.utc_offset_seconds)
    }

    /// Gives the moment of a date and time that names neither zone nor year: the latest that is at
    /// most a day after the receipt, or after the file was last written. So a line of December that
    /// comes in January is of last year.
    pub fn local_without_year(&self, civil: Civil) -> Option<Timestamp> {
        let reference = match self.clock {
            Clock::Live => self.received_at,
            Clock::File(written) => written,
        };
        let latest = Timestamp::from_nanos(reference.nanos().saturating_add(DAY_NANOS));
        let newest_year = latest.civil().year.saturating_add(1);
        (0..=YEARS_BACK_MAX)
            .filter_map(|back| self.local(Civil { year: newest_year - back, ..civil }))
            .find(|time| *time <= latest)
    }
}

/// Why a text is not of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A part is not there.
    #[error("no {0}")]
    Missing(&'static str),
    /// A part is not what it must be.
    #[error("not a valid {0}")]
    Invalid(&'static str),
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn line_of_this_year() {
        check("2026-11-21T07:00:00Z", (11, 21), expect!["2026-11-21T06:58:00.000Z"]);
        check("2026-11-21T07:00:00Z", (1, 2), expect!["2026-01-02T06:58:00.000Z"]);
    }

    #[test]
    fn december_received_in_january() {
        check("2027-01-01T00:00:03Z", (12, 31), expect!["2026-12-31T06:58:00.000Z"]);
        check("2027-01-31T00:00:00Z", (12, 1), expect!["2026-12-01T06:58:00.000Z"]);
    }

    #[test]
    fn sender_ahead_of_us() {
        check("2026-11-20T07:00:00Z", (11, 21), expect!["2026-11-21T06:58:00.000Z"]);
        check("2026-12-31T23:59:59Z", (1, 1), expect!["2027-01-01T06:58:00.000Z"]);
        check("2026-11-19T06:00:00Z", (11, 21), expect!["2025-11-21T06:58:00.000Z"]);
    }

    #[test]
    fn leap_day() {
        check("2026-11-21T07:00:00Z", (2, 29), expect!["2024-02-29T06:58:00.000Z"]);
        check("2026-11-21T07:00:00Z", (2, 30), expect!["none"]);
    }

    #[track_caller]
    fn check(reference: &str, (month, day): (u8, u8), expect: Expect) {
        let reference = Timestamp::parse(reference).unwrap();
        let civil = Civil { year: 0, month, day, hour: 6, minute: 58, second: 0, nanosecond: 0 };
        let told: Vec<String> = [
            Context {
                received_at: reference,
                clock: Clock::Live,
                utc_offset_seconds: 0,
                tag: "",
                columns: "",
            },
            Context {
                received_at: Timestamp::MAX,
                clock: Clock::File(reference),
                utc_offset_seconds: 0,
                tag: "",
                columns: "",
            },
        ]
        .iter()
        .map(|context| {
            let time = context.local_without_year(civil);
            time.map_or("none".to_owned(), |time| time.to_string())
        })
        .collect();
        assert_eq!(told[0], told[1]);
        expect.assert_eq(&told[0]);
    }
}
