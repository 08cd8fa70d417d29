//! Windows event files (EVTX): a header, then chunks of 64 KiB that each can be read on their own.
//!
//! A file is cut into chunks as it streams by, packed or not; a chunk then becomes records of XML,
//! which is how Windows itself shows an event: paths need no escapes there, so fields can be pieces
//! of the record. Whatever can be read of a damaged file is read, and the rest is told by its place.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use evtx::{EvtxChunkData, ParserSettings};
use memchr::memmem;
use model::Origin;

use crate::chunk::Chunk;
use crate::lines::{Line, length};

/// How an event file begins.
pub(super) const MAGIC: &[u8] = b"ElfFile\0";
/// The format of the records, for the parser.
pub(super) const FORMAT: &str = "windows";

const CHUNK_MAGIC: &[u8] = b"ElfChnk\0";
const HEADER_BYTES: usize = 4096;
const CHUNK_BYTES: usize = 64 * 1024;
/// Bounds the text of one event; in a file it has no more than 64 KiB.
const EVENT_BYTES_MAX: usize = 1024 * 1024;
/// Bounds what one chunk's text may come to: values can be named again and again.
const CHUNK_TEXT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A chunk as it lies in the file.
#[derive(Debug)]
pub(super) struct RawChunk {
    /// Its place in the file, the first is 0.
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
    /// The file ends within it.
    pub(super) cut: bool,
}

/// Cuts a file into its chunks.
#[derive(Debug)]
pub(super) struct ChunkCutter {
    header_left: usize,
    next: u64,
    kept: Vec<u8>,
}

impl Default for ChunkCutter {
    fn default() -> Self {
        Self { header_left: HEADER_BYTES, next: 0, kept: Vec::new() }
    }
}

impl ChunkCutter {
    /// Takes the next bytes, and hands on each chunk that they end.
    pub(super) fn feed(&mut self, bytes: &[u8], each: &mut impl FnMut(RawChunk)) {
        let skipped = self.header_left.min(bytes.len());
        self.header_left -= skipped;
        let mut rest = bytes.get(skipped..).unwrap_or_default();
        while !rest.is_empty() {
            let wanted = CHUNK_BYTES - self.kept.len();
            let (taken, after) = rest.split_at_checked(wanted).unwrap_or((rest, &[]));
            self.kept.extend_from_slice(taken);
            rest = after;
            if self.kept.len() == CHUNK_BYTES {
                self.hand_on(false, each);
            }
        }
    }

    /// Hands on what is left of a file that is over; tells what is wrong where it ends too early.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(RawChunk)) -> Result<(), &'static str> {
        if self.header_left > 0 {
            return Err("ends within its header");
        }
        if !self.kept.is_empty() {
            self.kept.resize(CHUNK_BYTES, 0);
            self.hand_on(true, each);
        }
        Ok(())
    }

    fn hand_on(&mut self, cut: bool, each: &mut impl FnMut(RawChunk)) {
        let bytes = mem::take(&mut self.kept);
        let number = self.next;
        self.next += 1;
        // Room that was never written to.
        if bytes.iter().any(|byte| *byte != 0) {
            each(RawChunk { number, bytes, cut });
        }
    }
}

/// Reads a chunk's events into `chunk` and hands on what could not be read.
pub(super) fn read(
    raw: RawChunk,
    origin: &Arc<Origin>,
    chunk: &mut Chunk,
    fault: &mut impl FnMut(String),
) {
    let RawChunk { number, bytes, cut } = raw;
    if cut {
        fault(format!("chunk {number}: the file ends within it"));
    }
    if !bytes.starts_with(CHUNK_MAGIC) {
        return fault(format!("chunk {number}: does not begin as a chunk"));
    }
    let mut records = Records { number, origin, chunk, fault, bytes: 0, last: None };
    // The reader is careful, but what it reads may be made by an enemy: nothing of it may end us.
    if catch_unwind(AssertUnwindSafe(|| records.read(bytes))).is_err() {
        let after = records.last.map_or_else(String::new, |id| format!(", after record {id}"));
        (records.fault)(format!("chunk {number}{after}: damaged beyond reading"));
    }
}

struct Records<'c, F> {
    number: u64,
    origin: &'c Arc<Origin>,
    chunk: &'c mut Chunk,
    fault: &'c mut F,
    /// How much text the chunk has come to.
    bytes: usize,
    last: Option<u64>,
}

impl<F: FnMut(String)> Records<'_, F> {
    fn read(&mut self, bytes: Vec<u8>) {
        let number = self.number;
        let settings = Arc::new(ParserSettings::new().indent(false).num_threads(1));
        let mut data = match EvtxChunkData::new(bytes, false) {
            Ok(data) => data,
            Err(error) => return (self.fault)(format!("chunk {number}: {error}")),
        };
        let mut parsed = match data.parse(settings) {
            Ok(parsed) => parsed,
            Err(error) => return (self.fault)(format!("chunk {number}: {error}")),
        };
        for record in parsed.iter() {
            let rendered = record.and_then(|record| {
                self.last = Some(record.event_record_id);
                record.into_xml_bytes()
            });
            match rendered {
                Ok(rendered) => self.keep(&rendered.data),
                Err(error) => (self.fault)(format!("chunk {number}: {}", causes(&error))),
            }
            if self.bytes > CHUNK_TEXT_BYTES_MAX {
                let bound = CHUNK_TEXT_BYTES_MAX;
                return (self.fault)(format!(
                    "chunk {number}: comes to more than {bound} bytes; the rest is left out"
                ));
            }
        }
    }

    fn keep(&mut self, xml: &[u8]) {
        // The prolog is the same before every event.
        let start = memmem::find(xml, b"<Event").unwrap_or(0);
        let xml = xml.get(start..).unwrap_or_default().trim_ascii_end();
        let kept = xml.get(..EVENT_BYTES_MAX).unwrap_or(xml);
        self.bytes += kept.len();
        if !kept.is_empty() {
            let truncated_bytes = length(xml) - length(kept);
            self.chunk.push(Line { bytes: kept, truncated_bytes }, self.origin);
        }
    }
}

/// Gives an error with what is behind it, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_told = cause.to_string();
        if !told.contains(&cause_told) {
            told.push_str(": ");
            told.push_str(&cause_told);
        }
        next = cause.source();
    }
    told.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests;
