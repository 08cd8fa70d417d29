//! The older format: a header, then frames. Both byte orders, microseconds and nanoseconds, and the longer
//! records of Kuznetzov's patch.

use super::{FRAME_BYTES_MAX, Found};
use crate::packet::Raw;

pub(super) const HEADER_BYTES: usize = 24;
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const PATCHED: u32 = 0xa1b2_cd34;

/// What the header says.
#[derive(Debug)]
pub(super) struct Header {
    big: bool,
    /// Nanoseconds in a unit of the second number of a time.
    scale: u64,
    record_header: usize,
    link: u32,
}

impl Header {
    pub(super) fn recognises(bytes: &[u8]) -> bool {
        bytes.first_chunk::<4>().is_some_and(|magic| {
            [u32::from_le_bytes(*magic), u32::from_be_bytes(*magic)]
                .into_iter()
                .any(|magic| matches!(magic, MICROSECONDS | NANOSECONDS | PATCHED))
        })
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER_BYTES>()?;
        let magic = header.first_chunk::<4>()?;
        let (big, magic) = match u32::from_le_bytes(*magic) {
            little @ (MICROSECONDS | NANOSECONDS | PATCHED) => (false, little),
            _ => (true, u32::from_be_bytes(*magic)),
        };
        let link = word(big, *header.last_chunk::<4>()?);
        Some(Self {
            big,
            scale: if magic == NANOSECONDS { 1 } else { 1000 },
            record_header: if magic == PATCHED { 24 } else { 16 },
            // Above the type lie notes on what follows each frame.
            link: link & 0x0fff_ffff & 0xffff,
        })
    }

    /// Gives how long the record is that begins so; at least as long as its header.
    pub(super) fn record_length(&self, bytes: &[u8]) -> usize {
        let captured = bytes.get(8..12).and_then(<[u8]>::first_chunk::<4>);
        let captured = captured.map_or(0, |captured| word(self.big, *captured));
        self.record_header + usize::try_from(captured).unwrap_or(0).min(FRAME_BYTES_MAX)
    }

    pub(super) fn record<'b>(&self, bytes: &'b [u8]) -> Found<'b> {
        let Some((header, _)) = bytes.split_first_chunk::<16>() else { return Found::More };
        let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3] = *header;
        let seconds = word(self.big, [s0, s1, s2, s3]);
        let fraction = word(self.big, [f0, f1, f2, f3]);
        let wire_length = word(self.big, [w0, w1, w2, w3]);
        let captured = usize::try_from(word(self.big, [c0, c1, c2, c3])).unwrap_or(usize::MAX);
        if captured > FRAME_BYTES_MAX {
            return Found::Damaged("a frame longer than any");
        }
        let length = self.record_header + captured;
        let Some(frame) = bytes.get(self.record_header..length) else { return Found::More };
        let time_ns = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * self.scale;
        let there = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let raw = Raw {
            time_ns,
            // Some tools leave it out, or count in other ways.
            wire_length: wire_length.max(there),
            interface: 0,
            link: self.link,
            bytes: frame,
        };
        Found::Frame(raw, length)
    }
}

fn word(big: bool, bytes: [u8; 4]) -> u32 {
    if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}
