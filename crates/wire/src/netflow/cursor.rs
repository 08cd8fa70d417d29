//! Reads numbers in network byte order from the front of some bytes.

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'b>(pub(super) &'b [u8]);

impl<'b> Cursor<'b> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(*self.take(4)?.first_chunk()?))
    }
}

/// Reads a number of up to eight bytes; longer ones by their last eight.
pub(super) fn number(bytes: &[u8]) -> u64 {
    let start = bytes.len().saturating_sub(8);
    let low = bytes.get(start..).unwrap_or_default();
    low.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
