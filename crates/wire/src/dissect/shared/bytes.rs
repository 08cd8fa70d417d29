//! A place in a message: numbers and parts are taken from its front, and nothing past its end.

/// What is left of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn len(self) -> usize {
        self.rest.len()
    }

    pub(crate) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self) -> Option<u32> {
        self.array::<3>().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn le16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn le24(&mut self) -> Option<u32> {
        self.array::<3>().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    pub(crate) fn le32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn le64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes a part whose length stands in the byte before it.
    pub(crate) fn part8(&mut self) -> Option<Bytes<'a>> {
        let length = self.u8()?;
        self.take(usize::from(length)).map(Bytes::new)
    }

    /// Takes a part whose length stands in the two bytes before it.
    pub(crate) fn part16(&mut self) -> Option<Bytes<'a>> {
        let length = self.u16()?;
        self.take(usize::from(length)).map(Bytes::new)
    }

    /// Takes a part whose length stands in the three bytes before it.
    pub(crate) fn part24(&mut self) -> Option<Bytes<'a>> {
        let length = self.u24()?;
        self.take(usize::try_from(length).ok()?).map(Bytes::new)
    }

    /// Takes a part whose length stands in the four bytes before it.
    pub(crate) fn part32(&mut self) -> Option<Bytes<'a>> {
        let length = self.u32()?;
        self.take(usize::try_from(length).ok()?).map(Bytes::new)
    }

    /// Takes what ends with a zero byte, and that byte.
    pub(crate) fn zero_ended(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(0, self.rest)?;
        let text = self.take(end)?;
        self.skip(1)?;
        Some(text)
    }
}

/// Gives bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    joined_hex(bytes, "")
}

/// Gives a hardware address as ECS writes it, `00-00-5E-00-53-23`.
pub(crate) fn mac(bytes: &[u8]) -> String {
    joined_hex(bytes, "-").to_ascii_uppercase()
}

fn joined_hex(bytes: &[u8], between: &str) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2 + between.len()));
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.push_str(between);
        }
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    text
}

/// Gives UTF-16 in little-endian order as text.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_past_the_end() {
        let mut bytes = Bytes::new(&[1, 2, 3]);
        assert_eq!(bytes.u16(), Some(0x0102));
        assert_eq!(bytes.u16(), None);
        assert_eq!(bytes.rest(), &[3]);
        let mut short = Bytes::new(&[0, 9, 1]);
        assert!(short.part16().is_none());
    }

    #[test]
    fn texts_of_bytes() {
        assert_eq!(hex(&[0, 0x5e, 255]), "005eff");
        assert_eq!(mac(&[0, 0, 0x5e, 0, 0x53, 0x23]), "00-00-5E-00-53-23");
        assert_eq!(utf16(&[b'a', 0, 0xe9, 0, 9]), "aé");
    }
}
