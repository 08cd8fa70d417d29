//! Capture files: pcap and pcapng, read as they stream by; pcap written.
//!
//! A file that ends early, or is damaged, gives what came before and says so. Nothing in it is believed
//! beyond a bound.

mod pcap;
mod pcapng;
mod write;

use std::fmt;

pub use write::PcapWriter;

use crate::packet::Raw;

/// Bounds one frame; what claims to be longer is damage.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Frames that are handed on together.
const BATCH: usize = 256;

/// Why a capture file was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// It is no capture file.
    Unknown,
    /// It ends within a record.
    Cut {
        /// How many bytes of the record are there.
        left: usize,
    },
    /// A record is impossible.
    Damaged {
        /// Its place in the file, in bytes.
        place: u64,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl std::error::Error for FileFault {}

impl fmt::Display for FileFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => out.write_str("is no pcap or pcapng file"),
            Self::Cut { left } => {
                write!(out, "ends within a record, {left} bytes into it; what came before was read")
            }
            Self::Damaged { place, what } => {
                write!(out, "damaged at byte {place}: {what}; what came before was read")
            }
        }
    }
}

/// Cuts a capture file into frames.
#[derive(Debug)]
pub struct PcapReader {
    kind: Kind,
    /// The beginning of a record whose end has not come.
    kept: Vec<u8>,
    /// Where the next record begins.
    place: u64,
    fault: Option<FileFault>,
}

#[derive(Debug)]
enum Kind {
    Unknown,
    Pcap(pcap::Header),
    Pcapng(Box<pcapng::Sections>),
}

/// What was found at the beginning of some bytes.
enum Found<'b> {
    /// A frame, and the length of its record.
    Frame(Raw<'b>, usize),
    /// Something else of that length.
    Other(usize),
    /// The record is longer than the bytes.
    More,
    /// It cannot be.
    Damaged(&'static str),
}

impl Default for PcapReader {
    fn default() -> Self {
        Self::new()
    }
}

impl PcapReader {
    /// Gives a reader at the beginning of a file.
    pub fn new() -> Self {
        Self { kind: Kind::Unknown, kept: Vec::new(), place: 0, fault: None }
    }

    /// Tells by a file's first four bytes whether it is a capture.
    pub fn recognises(bytes: &[u8]) -> bool {
        pcap::Header::recognises(bytes) || bytes.starts_with(pcapng::MAGIC)
    }

    /// Takes the next bytes of the file and hands on the frames that they end, in batches.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        each: &mut dyn FnMut(&[Raw<'_>]),
    ) -> Result<(), FileFault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let mut rest = bytes;
        // The record that began in the bytes before is completed alone: the others are not copied.
        while !self.kept.is_empty() {
            let missing = self.missing().clamp(1, rest.len().max(1));
            let Some((more, after)) = rest.split_at_checked(missing) else { return Ok(()) };
            rest = after;
            let mut kept = std::mem::take(&mut self.kept);
            kept.extend_from_slice(more);
            let read = self.cut(&kept, each)?;
            kept.drain(..read);
            self.kept = kept;
            if rest.is_empty() {
                return Ok(());
            }
        }
        let read = self.cut(rest, each)?;
        self.kept.extend_from_slice(rest.get(read..).unwrap_or_default());
        Ok(())
    }

    /// Tells what is wrong with a file that is over.
    pub fn finish(&mut self) -> Result<(), FileFault> {
        match (&self.fault, &self.kind) {
            (Some(fault), _) => Err(fault.clone()),
            (None, Kind::Unknown) => Err(FileFault::Unknown),
            (None, _) if !self.kept.is_empty() => Err(FileFault::Cut { left: self.kept.len() }),
            (None, _) => Ok(()),
        }
    }

    /// Gives how many bytes the record that has begun lacks, as far as can be told.
    fn missing(&self) -> usize {
        let length = match &self.kind {
            Kind::Unknown => 32,
            Kind::Pcap(header) => header.record_length(&self.kept),
            Kind::Pcapng(sections) => sections.block_length(&self.kept),
        };
        length.saturating_sub(self.kept.len())
    }

    /// Cuts whole records off the beginning; tells how many bytes that were.
    fn cut(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[Raw<'_>])) -> Result<usize, FileFault> {
        let mut read = 0;
        let mut batch: Vec<Raw<'_>> = Vec::new();
        loop {
            let rest = bytes.get(read..).unwrap_or_default();
            let found = match &mut self.kind {
                Kind::Unknown => self.begin(rest),
                Kind::Pcap(header) => header.record(rest),
                Kind::Pcapng(sections) => sections.block(rest),
            };
            let length = match found {
                Found::Frame(raw, length) => {
                    if batch.capacity() == 0 {
                        batch.reserve_exact(BATCH);
                    }
                    batch.push(raw);
                    if batch.len() == BATCH {
                        each(&batch);
                        batch.clear();
                    }
                    length
                }
                Found::Other(length) => length,
                Found::More => break,
                Found::Damaged(what) => {
                    if !batch.is_empty() {
                        each(&batch);
                    }
                    let fault = match self.kind {
                        Kind::Unknown => FileFault::Unknown,
                        _ => FileFault::Damaged { place: self.place, what },
                    };
                    self.fault = Some(fault.clone());
                    return Err(fault);
                }
            };
            read += length;
            self.place = self.place.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        }
        if !batch.is_empty() {
            each(&batch);
        }
        Ok(read)
    }

    /// Tells by the first bytes which kind of file it is.
    fn begin<'b>(&mut self, bytes: &'b [u8]) -> Found<'b> {
        if bytes.len() < 4 {
            return Found::More;
        }
        if bytes.starts_with(pcapng::MAGIC) {
            self.kind = Kind::Pcapng(Box::default());
            return Found::Other(0);
        }
        if !pcap::Header::recognises(bytes) {
            return Found::Damaged("no capture");
        }
        match pcap::Header::read(bytes) {
            Some(header) => {
                self.kind = Kind::Pcap(header);
                Found::Other(pcap::HEADER_BYTES)
            }
            None => Found::More,
        }
    }
}

#[cfg(test)]
mod tests;
