//! The write-ahead log: an event is acknowledged once it stands here and the disk has said so.
//!
//! ```text
//! wal/00000007.wal   header: magic, version, codec, salt, next event id, [wrapped data key,] field names, CRC
//!                    record: marker, length, check, payload
//!                    record: …
//! ```
//!
//! A record is one batch: its events and the checkpoints of the sources that brought them. All
//! numbers are little-endian. One file belongs to one memory generation; it is deleted once the
//! generation stands in segments.
//!
//! | version | codec | payloads |
//! |---|---|---|
//! | 1 | 0 | as they are |
//! | 2 | 1 | sealed with the file's data key |

mod file;
mod frame;
mod replay;
mod sealing;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use file::{list, path_of, sync_dir, wrapped_key};
pub(crate) use frame::Frame;
pub(crate) use replay::{Damage, Replayed, cut_tail, quarantine, read, sync};
pub(crate) use writer::Writer;
