//! The line: parse, enrich, analyse, store, detect, triage, in that order.
//!
//! Three threads and no way back. The first turns records into events; the second makes them durable and
//! tells their senders so; the third runs the rules over them and folds what they find into alerts. While
//! one group of batches waits for the disk, the next is being parsed and the one before looked at. None
//! of them knows of the console.

mod checkpoint;
mod counters;
mod keep;
mod line;
mod read;

pub use checkpoint::{CheckpointError, Remembered};
pub use counters::{Counters, FormatCount, Totals};
pub use line::{Line, Outbox, Parts, Watch, start};
