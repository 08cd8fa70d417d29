//! Frames as a pcap file, with nanoseconds.

use std::io::{self, Write};

use crate::packet::Raw;

/// Writes frames of one link type.
#[derive(Debug)]
pub struct PcapWriter<W> {
    out: W,
    link: Option<u32>,
    /// Frames of another link type, which the format cannot hold beside the first.
    pub other_link: u64,
    /// Frames that were written.
    pub frames: u64,
}

impl<W: Write> PcapWriter<W> {
    /// Gives a writer; the file's header comes with the first frame.
    pub fn new(out: W) -> Self {
        Self { out, link: None, other_link: 0, frames: 0 }
    }

    /// Writes a frame; one of another link type than the first is left out and counted.
    pub fn write(&mut self, raw: &Raw<'_>) -> io::Result<()> {
        if self.link.is_none() {
            self.begin(raw.link)?;
        }
        if self.link != Some(raw.link) {
            self.other_link += 1;
            return Ok(());
        }
        let captured = u32::try_from(raw.bytes.len()).map_err(io::Error::other)?;
        let seconds = u32::try_from(raw.time_ns / 1_000_000_000).unwrap_or(u32::MAX);
        let nanos = u32::try_from(raw.time_ns % 1_000_000_000).unwrap_or(0);
        for word in [seconds, nanos, captured, raw.wire_length] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out.write_all(raw.bytes)?;
        self.frames += 1;
        Ok(())
    }

    fn begin(&mut self, link: u32) -> io::Result<()> {
        self.link = Some(link);
        self.out.write_all(&0xa1b2_3c4d_u32.to_le_bytes())?;
        self.out.write_all(&[2, 0, 4, 0])?;
        for word in [0, 0, 0x0004_0000, link] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        Ok(())
    }

    /// Lends what is written into, such as a buffer that is to be emptied between frames.
    pub fn written(&mut self) -> &mut W {
        &mut self.out
    }

    /// Ends the file and gives what was written into. A file without frames is a file still.
    pub fn finish(mut self) -> io::Result<W> {
        if self.link.is_none() {
            self.begin(crate::packet::link::ETHERNET)?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}
