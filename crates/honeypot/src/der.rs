//! The little of DER (X.690) that log-ins are wrapped in: CredSSP's requests and SPNEGO's tokens.

use crate::octets::Octets;

/// A number of the context, with what it holds.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;
const LENGTH_BYTES_MAX: u8 = 3;

/// One value: its tag and what it holds.
pub(crate) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = crate::octets::len32(length).to_be_bytes();
            let shown: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(shown.len()).unwrap_or(4));
            out.extend(shown);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A number of at most four bytes.
pub(crate) fn integer(number: u32) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let mut shown: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    if shown.first().is_none_or(|byte| *byte >= 0x80) {
        shown.insert(0, 0);
    }
    value(INTEGER, &[&shown])
}

/// Reads one value: its tag and what it holds.
pub(crate) fn read<'a>(octets: &mut Octets<'a>) -> Option<(u8, &'a [u8])> {
    let tag = octets.byte()?;
    let length = length(octets)?;
    Some((tag, octets.take(length)?))
}

fn length(octets: &mut Octets<'_>) -> Option<usize> {
    let first = octets.byte()?;
    if first < 0x80 {
        return Some(usize::from(first));
    }
    let count = first & 0x7f;
    if count == 0 || count > LENGTH_BYTES_MAX {
        return None;
    }
    let mut length = 0;
    for _ in 0..count {
        length = (length << 8) | usize::from(octets.byte()?);
    }
    Some(length)
}

/// How long the value at the front is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// So many bytes, its head among them.
    Bytes(usize),
    /// More bytes are needed to tell.
    More,
    /// Its length is not of this form.
    Broken,
}

/// Tells how many bytes the value at the front takes.
pub(crate) fn whole(bytes: &[u8]) -> Whole {
    let Some(first) = bytes.get(1) else { return Whole::More };
    let count = usize::from(first & 0x7f);
    if *first >= 0x80 && (count == 0 || count > usize::from(LENGTH_BYTES_MAX)) {
        return Whole::Broken;
    }
    let head = if *first < 0x80 { 2 } else { 2 + count };
    let Some(mut octets) = bytes.get(1..head).map(Octets::new) else { return Whole::More };
    length(&mut octets).map_or(Whole::Broken, |length| Whole::Bytes(head + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for count in [0, 1, 127, 128, 255, 256, 70_000] {
            let written = value(OCTET_STRING, &[&vec![7; count]]);
            assert_eq!(whole(&written), Whole::Bytes(written.len()));
            let mut octets = Octets::new(&written);
            let (tag, held) = read(&mut octets).expect("a value");
            assert_eq!((tag, held.len()), (OCTET_STRING, count));
            assert!(octets.is_empty());
        }
        assert_eq!(integer(6), [2, 1, 6]);
        assert_eq!(integer(0), [2, 1, 0]);
        assert_eq!(integer(0xc000_006d), [2, 5, 0, 0xc0, 0, 0, 0x6d]);
        assert_eq!(whole(&[0x30, 0x80]), Whole::Broken);
        assert_eq!(whole(&[0x30, 0x84, 0, 0, 0, 1]), Whole::Broken);
        assert_eq!(whole(&[0x30, 0x82, 1]), Whole::More);
    }
}
