//! Numbers and texts as bytes, for what is kept between two runs.

use crate::SnapshotError;

/// Bytes that grow.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Appends a number, seven bits a byte, the lowest first.
    pub fn number(&mut self, mut number: u64) {
        loop {
            let [low, ..] = number.to_le_bytes();
            number >>= 7;
            if number == 0 {
                self.bytes.push(low & 0x7f);
                return;
            }
            self.bytes.push(low | 0x80);
        }
    }

    /// Appends how many things follow.
    pub fn length(&mut self, length: usize) {
        self.number(u64::try_from(length).unwrap_or(u64::MAX));
    }

    /// Appends a number that may be negative; small ones of either sign stay short.
    pub fn signed(&mut self, number: i64) {
        self.number((number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
    }

    /// Appends a number whose bits are all of use.
    pub fn whole(&mut self, number: u64) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// Appends a sum.
    pub fn wide(&mut self, number: i128) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// Appends a yes or a no.
    pub fn flag(&mut self, flag: bool) {
        self.bytes.push(u8::from(flag));
    }

    /// Appends a text and its length.
    pub fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends bytes without their length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives all that was written.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Gives what was written until now.
    pub fn written(&self) -> &[u8] {
        &self.bytes
    }
}

/// Bytes that are read from front to back.
#[derive(Debug)]
pub struct Reader<'b> {
    bytes: &'b [u8],
}

/// What was read, or why it could not be.
pub type Read<T> = Result<T, SnapshotError>;

impl<'b> Reader<'b> {
    /// Gives a reader of these bytes.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    fn take(&mut self, length: usize) -> Read<&'b [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(SnapshotError::Malformed)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// Reads so many bytes.
    pub fn raw(&mut self, length: usize) -> Read<&'b [u8]> {
        self.take(length)
    }

    fn byte(&mut self) -> Read<u8> {
        self.take(1)?.first().copied().ok_or(SnapshotError::Malformed)
    }

    /// Reads what [`Writer::number`] wrote.
    pub fn number(&mut self) -> Read<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(SnapshotError::Malformed)
    }

    /// Reads how many things follow, each of which takes a byte at least: so a forged length buys no
    /// room that the bytes do not pay for.
    pub fn length(&mut self) -> Read<usize> {
        let length = usize::try_from(self.number()?).map_err(|_| SnapshotError::Malformed)?;
        if length > self.bytes.len() { Err(SnapshotError::Malformed) } else { Ok(length) }
    }

    /// Reads what [`Writer::signed`] wrote.
    pub fn signed(&mut self) -> Read<i64> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// Reads what [`Writer::whole`] wrote.
    pub fn whole(&mut self) -> Read<u64> {
        let bytes = self.take(8)?.try_into().map_err(|_| SnapshotError::Malformed)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Reads what [`Writer::wide`] wrote.
    pub fn wide(&mut self) -> Read<i128> {
        let bytes = self.take(16)?.try_into().map_err(|_| SnapshotError::Malformed)?;
        Ok(i128::from_le_bytes(bytes))
    }

    /// Reads what [`Writer::flag`] wrote.
    pub fn flag(&mut self) -> Read<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(SnapshotError::Malformed),
        }
    }

    /// Reads what [`Writer::text`] wrote.
    pub fn text(&mut self) -> Read<&'b str> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| SnapshotError::Malformed)
    }

    /// Tells whether all was read.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let numbers = [0, 1, 127, 128, 300, u64::MAX];
        let signed = [0, -1, 1, i64::MIN, i64::MAX];
        let mut writer = Writer::default();
        for number in numbers {
            writer.number(number);
        }
        for number in signed {
            writer.signed(number);
        }
        writer.whole(7);
        writer.text("né");
        writer.flag(true);
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes);
        assert!(numbers.iter().all(|number| reader.number() == Ok(*number)));
        assert!(signed.iter().all(|number| reader.signed() == Ok(*number)));
        assert_eq!((reader.whole(), reader.text(), reader.flag()), (Ok(7), Ok("né"), Ok(true)));
        assert!(reader.is_empty());
        assert_eq!(reader.number(), Err(SnapshotError::Malformed));
    }
}
