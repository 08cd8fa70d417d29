//! The basic encoding rules (ITU-T X.690): tag, length, value.

use super::bytes::Bytes;

/// One element: its tag and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    /// The identifier's single byte; tags of more than one are no part of what is read here.
    pub(crate) tag: u8,
    pub(crate) value: &'a [u8],
}

/// Takes the element at the front; nothing where it is cut or its length has no end.
pub(crate) fn element<'a>(bytes: &mut Bytes<'a>) -> Option<Element<'a>> {
    let tag = bytes.u8()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let length = length(bytes)?;
    Some(Element { tag, value: bytes.take(length)? })
}

/// Takes the element at the front, and gives its value where it has this tag.
pub(crate) fn expect<'a>(bytes: &mut Bytes<'a>, tag: u8) -> Option<Bytes<'a>> {
    let element = element(bytes)?;
    (element.tag == tag).then_some(Bytes::new(element.value))
}

fn length(bytes: &mut Bytes<'_>) -> Option<usize> {
    let first = bytes.u8()?;
    if first < 0x80 {
        return Some(first.into());
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return None;
    }
    let digits = bytes.take(count)?;
    Some(digits.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte)))
}

/// Gives an INTEGER's value where it fits.
pub(crate) fn integer(value: &[u8]) -> Option<i64> {
    if value.is_empty() || value.len() > 8 {
        return None;
    }
    let start = if value.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
    Some(value.iter().fold(start, |sum: i64, byte| (sum << 8) | i64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_short_long_and_false() {
        let mut bytes = Bytes::new(&[0x30, 0x81, 0x02, 5, 6, 0x02, 0x01, 0xff]);
        assert_eq!(element(&mut bytes).unwrap().value, &[5, 6]);
        assert_eq!(integer(element(&mut bytes).unwrap().value), Some(-1));
        assert!(element(&mut Bytes::new(&[0x30, 0x80, 0, 0])).is_none());
        assert!(element(&mut Bytes::new(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0])).is_none());
        assert!(element(&mut Bytes::new(&[0x30, 0x03, 0])).is_none());
        assert_eq!(integer(&[0x01, 0x00]), Some(256));
    }
}
