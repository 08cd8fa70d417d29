//! Reading bytes that somebody sent: every step may find their end, and none panics.

/// A place in bytes, read from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    /// Begins at the front.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Tells whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next so many bytes.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// The next bytes, as many as the array has.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// One byte.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, the low one first.
    pub(crate) fn u16_le(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes, the low one first.
    pub(crate) fn u32_le(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Four bytes, the high one first.
    pub(crate) fn u32_be(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, the low one first.
    pub(crate) fn u64_le(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// What stands before the next zero byte, which is passed over.
    pub(crate) fn until_zero(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(0, self.0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }
}

/// The bytes from an offset on, as many as asked for.
pub(crate) fn part(bytes: &[u8], from: usize, count: usize) -> Option<&[u8]> {
    bytes.get(from..)?.get(..count)
}

/// A number from the wire as a length here.
pub(crate) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A length as two bytes hold it; what is longer is told as the most they hold.
pub(crate) fn len16(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A length as four bytes hold it.
pub(crate) fn len32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A length as eight bytes hold it.
pub(crate) fn len64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Text of at most so many bytes, whatever the bytes are.
pub(crate) fn text(bytes: &[u8], bytes_max: usize) -> String {
    let cut = bytes.get(..bytes_max).unwrap_or(bytes);
    String::from_utf8_lossy(cut).into_owned()
}

/// Text from UTF-16 with the low byte first, of at most so many bytes there.
pub(crate) fn utf16(bytes: &[u8], bytes_max: usize) -> String {
    let cut = bytes.get(..bytes_max).unwrap_or(bytes);
    let units: Vec<u16> = cut
        .chunks_exact(2)
        .filter_map(|pair| pair.try_into().ok().map(u16::from_le_bytes))
        .collect();
    String::from_utf16_lossy(&units)
}

/// Text as UTF-16 with the low byte first.
pub(crate) fn to_utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| DIGITS.get(usize::from(four)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_and_nothing_is_lost_before_it() {
        let mut octets = Octets::new(&[1, 2, 3, b'a', 0, 9]);
        assert_eq!(octets.u16_le(), Some(0x0201));
        assert_eq!(octets.u32_le(), Some(u32::from_le_bytes([3, b'a', 0, 9])));
        assert_eq!(octets.byte(), None);
        let mut octets = Octets::new(b"ab\0c");
        assert_eq!(octets.until_zero(), Some(&b"ab"[..]));
        assert_eq!(octets.until_zero(), None);
        assert_eq!(octets.rest(), b"c");
    }

    #[test]
    fn text_goes_to_utf16_and_back() {
        assert_eq!(utf16(&to_utf16("Zürich\u{1f600}"), 100), "Zürich\u{1f600}");
        assert_eq!(utf16(&[0x41, 0, 0x42], 100), "A");
        assert_eq!(hex(&[0, 0xab]), "00ab");
    }
}
