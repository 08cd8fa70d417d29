//! The line: parse, enrich, analyse, store, detect, triage, in that order.
//!
//! Two threads and no way back. The first turns records into events; the second makes them durable,
//! tells their senders so, and runs the rules over them. While one group of batches waits for the
//! disk, the next is being parsed. Neither knows of the console.

mod checkpoint;
mod counters;
mod line;
mod read;

pub use checkpoint::{CheckpointError, Remembered};
pub use counters::{Counters, FormatCount, Totals};
pub use line::{Line, Outbox, Parts, Watch, start};
