//! Numbers written bit by bit, short where they are small.

/// Bounds a unary part, so that damage does not read for ever.
const UNARY_MAX: u32 = 1 << 20;

/// Writes bits, the first one lowest.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    word: u64,
    used: u32,
}

impl BitWriter {
    /// Writes the lowest bits of a number, at most 32.
    pub(super) fn put(&mut self, number: u64, bits: u32) {
        self.word |= (number & ((1 << bits) - 1)) << self.used;
        self.used += bits;
        while self.used >= 8 {
            self.bytes.push(self.word.to_le_bytes()[0]);
            self.word >>= 8;
            self.used -= 8;
        }
    }

    fn put_unary(&mut self, mut zeros: u64) {
        while zeros >= 32 {
            self.put(0, 32);
            zeros -= 32;
        }
        let zeros = u32::try_from(zeros).unwrap_or_default();
        self.put(0, zeros);
        self.put(1, 1);
    }

    /// Writes a number whose usual size is about two to the power of `bits`.
    pub(super) fn put_rice(&mut self, number: u64, bits: u32) {
        self.put_unary(number >> bits);
        self.put(number, bits);
    }

    /// Writes a number from 1 on, of which small ones are frequent.
    pub(super) fn put_gamma(&mut self, number: u64) {
        let bits = number.max(1).ilog2();
        self.put_unary(u64::from(bits));
        self.put(number, bits);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.used > 0 {
            self.bytes.push(self.word.to_le_bytes()[0]);
        }
        self.bytes
    }
}

/// Reads what [`BitWriter`] wrote; `None` where it ends too early.
#[derive(Debug)]
pub(super) struct BitReader<'b> {
    rest: &'b [u8],
    word: u64,
    left: u32,
}

impl<'b> BitReader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, word: 0, left: 0 }
    }

    /// Brings at least 32 bits into the word where there are so many.
    fn fill(&mut self) {
        if self.left > 32 {
            return;
        }
        if let Some((four, rest)) = self.rest.split_first_chunk::<4>() {
            self.word |= u64::from(u32::from_le_bytes(*four)) << self.left;
            self.left += 32;
            self.rest = rest;
            return;
        }
        while let Some((byte, rest)) = self.rest.split_first() {
            self.word |= u64::from(*byte) << self.left;
            self.left += 8;
            self.rest = rest;
        }
    }

    /// Reads a number of at most 32 bits.
    pub(super) fn take(&mut self, bits: u32) -> Option<u64> {
        self.fill();
        if self.left < bits {
            return None;
        }
        let number = self.word & ((1 << bits) - 1);
        self.word >>= bits;
        self.left -= bits;
        Some(number)
    }

    fn take_unary(&mut self) -> Option<u64> {
        let mut zeros = 0;
        loop {
            self.fill();
            if self.left == 0 || zeros > UNARY_MAX {
                return None;
            }
            let run = self.word.trailing_zeros().min(self.left);
            if run < self.left {
                self.word = self.word.checked_shr(run + 1).unwrap_or_default();
                self.left -= run + 1;
                return Some(u64::from(zeros + run));
            }
            zeros += run;
            self.word = 0;
            self.left = 0;
        }
    }

    pub(super) fn take_rice(&mut self, bits: u32) -> Option<u64> {
        let high = self.take_unary()?;
        Some(high << bits | self.take(bits)?)
    }

    pub(super) fn take_gamma(&mut self) -> Option<u64> {
        let bits = u32::try_from(self.take_unary()?).ok().filter(|bits| *bits <= 32)?;
        Some(1 << bits | self.take(bits)?)
    }
}

/// Appends a number in seven-bit pieces.
pub(super) fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Takes what [`put_varint`] wrote off the front.
pub(super) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            numbers in prop::collection::vec((0_u64..100_000, 0_u32..20, 0_u8..4), 0..60),
        ) {
            let mut writer = BitWriter::default();
            let mut bytes = Vec::new();
            for (number, bits, kind) in &numbers {
                match kind {
                    0 => writer.put(*number, *bits),
                    1 => writer.put_rice(*number, (*bits).max(8)),
                    2 => writer.put_gamma(number + 1),
                    _ => put_varint(*number << bits, &mut bytes),
                }
            }
            let written = writer.finish();
            let mut reader = BitReader::new(&written);
            let mut rest = bytes.as_slice();
            for (number, bits, kind) in &numbers {
                match kind {
                    0 => prop_assert_eq!(reader.take(*bits), Some(number & ((1 << bits) - 1))),
                    1 => prop_assert_eq!(reader.take_rice((*bits).max(8)), Some(*number)),
                    2 => prop_assert_eq!(reader.take_gamma(), Some(number + 1)),
                    _ => prop_assert_eq!(take_varint(&mut rest), Some(*number << bits)),
                }
            }
        }

        #[test]
        fn damage_ends(bytes: Vec<u8>, bits in 0_u32..20) {
            let mut reader = BitReader::new(&bytes);
            while reader.take_rice(bits).is_some() {}
            let mut reader = BitReader::new(&bytes);
            while reader.take_gamma().is_some() {}
            let mut rest = bytes.as_slice();
            while take_varint(&mut rest).is_some() {}
        }
    }
}
