//! What every representation must be able to do.

use std::fmt::Write;

use model::{Field, Timestamp};

use crate::columns::Columns;

/// How a line is read.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// As JSON.
    Json,
    /// As a message of the SSH server.
    Ssh,
}

/// The names that are asked for in each event.
pub(crate) const KNOWN: [Field; 20] = [
    Field::Timestamp,
    Field::DestinationIp,
    Field::DestinationPort,
    Field::EventAction,
    Field::EventCategory,
    Field::EventCode,
    Field::EventOutcome,
    Field::EventProvider,
    Field::FilePath,
    Field::HostName,
    Field::RequestMethod,
    Field::Message,
    Field::ParentExecutable,
    Field::ProcessCommandLine,
    Field::ProcessExecutable,
    Field::SourceIp,
    Field::SourcePort,
    Field::UrlPath,
    Field::UserDomain,
    Field::UserName,
];

/// Unknown ones: at the top, deeper, and not there at all.
pub(crate) const UNKNOWN: [&str; 3] = ["Image", "winlog.event_data.RecordNumber", "NoSuchField"];

/// A representation of an event.
pub(crate) trait Shape {
    /// Its name in the table.
    const NAME: &'static str;
    /// One event.
    type Kept<'t>;

    /// Reads all lines and lends the events.
    fn with<T>(lines: &[String], kind: Kind, then: impl FnOnce(&[Self::Kept<'_>]) -> T) -> T;

    /// Asks for the names of [`KNOWN`] and [`UNKNOWN`]; gives how many are there.
    fn read(kept: &Self::Kept<'_>) -> usize;

    /// Writes the event as JSON.
    fn write(kept: &Self::Kept<'_>, out: &mut String);

    /// Appends the event to the columns.
    fn append(kept: &Self::Kept<'_>, columns: &mut Columns);
}

/// What an SSH message says, cut as simply as can be.
pub(crate) struct Ssh<'t> {
    pub(crate) outcome: &'static str,
    pub(crate) user: &'t str,
    pub(crate) address: &'t str,
    pub(crate) port: &'t str,
}

/// Reads `Failed password for invalid user admin from 203.0.113.9 port 51514 ssh2`.
pub(crate) fn ssh(line: &str) -> Option<Ssh<'_>> {
    let (word, rest) = line.split_once(' ')?;
    let outcome = match word {
        "Accepted" => "success",
        "Failed" | "Invalid" => "failure",
        _ => return None,
    };
    let (head, peer) = rest.rsplit_once(" from ")?;
    let user = head.rsplit(' ').next()?;
    let mut words = peer.split(' ');
    Some(Ssh { outcome, user, address: words.next()?, port: words.nth(1)? })
}

/// Writes what every event is written with and ours holds apart: time, receipt and identity.
pub(crate) fn write_times(out: &mut String) {
    let time = Timestamp::default();
    let _ = write!(out, ",\"@timestamp\":\"{time}\",\"event.ingested\":\"{time}\",\"event.id\":0");
}
