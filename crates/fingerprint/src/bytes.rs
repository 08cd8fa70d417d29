//! A place in a message: numbers and parts are taken from its front, and nothing past its end.

/// What is left of a message.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// Begins at the front.
    pub fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// Gives what is left.
    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Gives how many bytes are left.
    pub fn len(self) -> usize {
        self.rest.len()
    }

    /// Tells whether nothing is left.
    pub fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the next bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// Passes over the next bytes.
    pub fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// Takes a byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Takes two bytes, the high one first.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Takes three bytes, the high one first.
    pub fn u24(&mut self) -> Option<u32> {
        self.array::<3>().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Takes four bytes, the high one first.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Takes two bytes, the low one first.
    pub fn le16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Takes three bytes, the low one first.
    pub fn le24(&mut self) -> Option<u32> {
        self.array::<3>().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    /// Takes four bytes, the low one first.
    pub fn le32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes eight bytes, the low one first.
    pub fn le64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes a part whose length stands in the byte before it.
    pub fn part8(&mut self) -> Option<Bytes<'a>> {
        let length = self.u8()?;
        self.take(usize::from(length)).map(Bytes::new)
    }

    /// Takes a part whose length stands in the two bytes before it.
    pub fn part16(&mut self) -> Option<Bytes<'a>> {
        let length = self.u16()?;
        self.take(usize::from(length)).map(Bytes::new)
    }

    /// Takes a part whose length stands in the three bytes before it.
    pub fn part24(&mut self) -> Option<Bytes<'a>> {
        let length = self.u24()?;
        self.take(usize::try_from(length).ok()?).map(Bytes::new)
    }

    /// Takes a part whose length stands in the four bytes before it.
    pub fn part32(&mut self) -> Option<Bytes<'a>> {
        let length = self.u32()?;
        self.take(usize::try_from(length).ok()?).map(Bytes::new)
    }

    /// Takes what ends with a zero byte, and that byte.
    pub fn zero_ended(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(0, self.rest)?;
        let text = self.take(end)?;
        self.skip(1)?;
        Some(text)
    }
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
}
