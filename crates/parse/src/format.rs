//! What a log format is: a row of functions.

use model::{Clock, Event, Timestamp};

/// One log format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The word that stands in `event.module`, in the configuration and in `--format`.
    pub id: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// The syslog programs whose messages are tried with this format first (`sshd`); empty for a
    /// format that stands on its own.
    pub programs: &'static [&'static str],
    /// Tells, far cheaper than parsing and without reading all of a long text, whether this is
    /// probably such a record.
    pub recognises: fn(&str) -> bool,
    /// Reads the text into the event. On an error the event may hold some fields already; the text
    /// is then offered to the next format.
    pub parse: fn(&str, &mut Event, &Context) -> Result<(), ParseError>,
}

/// What a format needs to know that does not stand in the text.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// When the record was received.
    pub received_at: Timestamp,
    /// Whose clock counts.
    pub clock: Clock,
    /// How far the local time of senders that name no zone is ahead of UTC, in seconds.
    pub utc_offset_seconds: i32,
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
