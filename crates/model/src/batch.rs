//! What a source hands to the line.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::{Text, Timestamp};

/// One record as a source received it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The record's text. Bytes that were not UTF-8 stand as `\xHH`.
    pub text: Text,
    /// When it was received.
    pub received_at: Timestamp,
    /// Where it came from.
    pub origin: Arc<Origin>,
    /// How many bytes past the input's bound were cut off.
    pub truncated_bytes: u64,
    /// How many bytes were not UTF-8 and were escaped.
    pub escaped_bytes: u32,
}

/// Where records come from; shared by all of one connection, file or sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The name of the input, such as `syslog_udp`.
    pub input: String,
    /// The file that was read.
    pub path: Option<String>,
    /// Who sent it.
    pub peer: Option<IpAddr>,
    /// The format, where the configuration names it; otherwise it is recognised per record.
    pub format: Option<String>,
    /// Whose clock counts.
    pub clock: Clock,
    /// Whether it is marked sample traffic.
    pub simulated: bool,
    /// Why the input's codec could not decode the records: they stand as they came, and whoever
    /// wrote them is not who was to write there.
    pub undecoded: Option<&'static str>,
    /// What the log itself says of its columns, as last said before the record (`#Fields: …`).
    pub columns: Option<Arc<str>>,
}

/// Whose clock counts for a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The record arrives as it happens: its time is held to a day before and a minute after receipt.
    #[default]
    Live,
    /// The record is old: its own time counts, and a missing year is that of the file, last written
    /// at this moment.
    File(Timestamp),
}

/// Begins the key of the checkpoint of a batch whose sender names it: the position is the time of
/// receipt in nanoseconds, and a batch of a key that is known was sent again.
pub const BATCH_KEY: &str = "batch:";

/// How far a source has come, to be kept with the records that bring it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// What is being read, such as a file's identity.
    pub key: String,
    /// How far, in the source's own words.
    pub position: String,
}

/// Why a batch was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no room at the moment; the sender should try again.
    Busy,
    /// It could not be made durable; the text says why.
    Failed(String),
}

/// Told once whether a batch is durable.
pub struct Receipt(Box<dyn FnOnce(Result<(), Refusal>) + Send>);

impl Receipt {
    /// Gives a receipt that calls `told` with the outcome.
    pub fn new(told: impl FnOnce(Result<(), Refusal>) + Send + 'static) -> Self {
        Self(Box::new(told))
    }

    /// Tells the outcome.
    pub fn settle(self, outcome: Result<(), Refusal>) {
        (self.0)(outcome);
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt")
    }
}

/// Records that travel together and become durable together.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, in order.
    pub records: Vec<Record>,
    /// How far their sources have come with them.
    pub checkpoints: Vec<Checkpoint>,
    /// Who wants to know that they are durable.
    pub receipt: Option<Receipt>,
}
