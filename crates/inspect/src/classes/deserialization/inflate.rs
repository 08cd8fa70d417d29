//! The beginning of a compressed stream (RFC 1950, 1951, 1952): as much as tells what is inside.

/// Longest code of a symbol, in bits.
const CODE_BITS_MAX: usize = 15;
/// Symbols of literals and lengths, of distances, and of the lengths of their codes.
const LITERALS: usize = 288;
const DISTANCES: usize = 30;
const CODE_LENGTHS: usize = 19;
/// The order in which a block tells the lengths of the codes of lengths.
const CODE_ORDER: [usize; CODE_LENGTHS] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Gives the first bytes, at most `bytes_max`, of what `packed` holds; `None` where it is not packed.
/// A stream that ends early or is broken gives what came before.
pub(super) fn beginning(packed: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let stream = match packed {
        [0x1F, 0x8B, 8, flags, rest @ ..] => behind_gzip_header(*flags, rest.get(6..)?)?,
        [0x78, check, rest @ ..] if (0x7800 + u32::from(*check)).is_multiple_of(31) => rest,
        _ => return None,
    };
    let mut bits = Bits { bytes: stream, at: 0 };
    let mut out = Vec::new();
    while out.len() < bytes_max {
        match block(&mut bits, &mut out, bytes_max) {
            Some(false) => {}
            Some(true) | None => break,
        }
    }
    Some(out)
}

/// Skips the optional fields of a gzip header.
fn behind_gzip_header(flags: u8, mut rest: &[u8]) -> Option<&[u8]> {
    if flags & 4 != 0 {
        let [low, high, after @ ..] = rest else { return None };
        rest = after.get(usize::from(u16::from_le_bytes([*low, *high]))..)?;
    }
    for field in [8, 16] {
        if flags & field != 0 {
            rest = rest.get(memchr::memchr(0, rest)? + 1..)?;
        }
    }
    rest.get(if flags & 2 == 0 { 0 } else { 2 }..)
}

/// The bits of a stream, lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<usize> {
        let mut value = 0;
        for place in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value |= usize::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Some(value)
    }

    /// Reads one symbol by its code, shortest codes first.
    fn symbol(&mut self, code: &Code) -> Option<usize> {
        let (mut value, mut first, mut index) = (0_usize, 0_usize, 0_usize);
        for count in code.counts.iter().skip(1) {
            value |= self.take(1)?;
            if value < first + count {
                return code.symbols.get(index + value - first).copied();
            }
            index += count;
            first = (first + count) << 1;
            value <<= 1;
        }
        None
    }
}

/// A canonical Huffman code: how many codes there are of each length, and their symbols in order.
struct Code {
    counts: [usize; CODE_BITS_MAX + 1],
    symbols: Vec<usize>,
}

impl Code {
    fn of(lengths: &[usize]) -> Self {
        let mut counts = [0; CODE_BITS_MAX + 1];
        let mut symbols = Vec::new();
        for (bits, count) in counts.iter_mut().enumerate().skip(1) {
            let own = lengths.iter().enumerate().filter(|(_, length)| **length == bits);
            let known = symbols.len();
            symbols.extend(own.map(|(symbol, _)| symbol));
            *count = symbols.len() - known;
        }
        Self { counts, symbols }
    }
}

/// Unpacks one block; gives whether it was the last.
fn block(bits: &mut Bits<'_>, out: &mut Vec<u8>, bytes_max: usize) -> Option<bool> {
    let last = bits.take(1)? == 1;
    match bits.take(2)? {
        0 => {
            let start = bits.at.div_ceil(8) + 4;
            let length = bits.bytes.get(start - 4..start - 2)?;
            let length = usize::from(u16::from_le_bytes([*length.first()?, *length.get(1)?]));
            let rest = bits.bytes.get(start..)?;
            out.extend(rest.iter().take(length.min(bytes_max - out.len())));
            bits.at = (start + length) * 8;
        }
        1 => {
            let lengths: Vec<usize> = (0..LITERALS)
                .map(|symbol| match symbol {
                    144..256 => 9,
                    256..280 => 7,
                    _ => 8,
                })
                .collect();
            coded(bits, &Code::of(&lengths), &Code::of(&[5; DISTANCES]), out, bytes_max)?;
        }
        2 => {
            let (literals, distances) = codes(bits)?;
            coded(bits, &literals, &distances, out, bytes_max)?;
        }
        _ => return None,
    }
    Some(last)
}

/// Reads the two codes that a block brings along.
fn codes(bits: &mut Bits<'_>) -> Option<(Code, Code)> {
    let literals = bits.take(5)? + 257;
    let distances = bits.take(5)? + 1;
    let count = bits.take(4)? + 4;
    let mut lengths = [0; CODE_LENGTHS];
    for place in CODE_ORDER.iter().take(count) {
        *lengths.get_mut(*place)? = bits.take(3)?;
    }
    let code = Code::of(&lengths);
    let mut lengths: Vec<usize> = Vec::with_capacity(literals + distances);
    while lengths.len() < literals + distances {
        let (length, times) = match bits.symbol(&code)? {
            16 => (*lengths.last()?, bits.take(2)? + 3),
            17 => (0, bits.take(3)? + 3),
            18 => (0, bits.take(7)? + 11),
            length => (length, 1),
        };
        lengths.extend(std::iter::repeat_n(length, times));
    }
    let (first, second) = lengths.split_at_checked(literals)?;
    Some((Code::of(first), Code::of(second)))
}

/// Unpacks symbols up to the end of the block or of the room.
fn coded(
    bits: &mut Bits<'_>,
    literals: &Code,
    distances: &Code,
    out: &mut Vec<u8>,
    bytes_max: usize,
) -> Option<()> {
    while out.len() < bytes_max {
        let symbol = bits.symbol(literals)?;
        if let Ok(byte) = u8::try_from(symbol) {
            out.push(byte);
            continue;
        }
        if symbol == 256 {
            break;
        }
        let length = length(symbol - 257, bits)?;
        let distance = distance(bits.symbol(distances)?, bits)?;
        let start = out.len().checked_sub(distance)?;
        for at in (start..).take(length.min(bytes_max - out.len())) {
            let byte = *out.get(at)?;
            out.push(byte);
        }
    }
    Some(())
}

/// Gives the length that symbol 257 + `symbol` stands for.
fn length(symbol: usize, bits: &mut Bits<'_>) -> Option<usize> {
    Some(match symbol {
        0..8 => symbol + 3,
        8..28 => {
            let extra = symbol / 4 - 1;
            ((4 + symbol % 4) << extra) + 3 + bits.take(extra)?
        }
        28 => 258,
        _ => return None,
    })
}

/// Gives the distance that a symbol stands for.
fn distance(symbol: usize, bits: &mut Bits<'_>) -> Option<usize> {
    Some(match symbol {
        0..4 => symbol + 1,
        4..30 => {
            let extra = symbol / 2 - 1;
            ((2 + symbol % 2) << extra) + 1 + bits.take(extra)?
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_each_kind() {
        // Packed by zlib 1.2: stored, fixed and dynamic codes, a repetition, a gzip name.
        let stored = b"\x78\x01\x01\x03\x00\xfc\xffabc\x02\x4d\x01\x27";
        let fixed = b"\x78\x9c\x4b\x4c\x84\x01\x00\x14\xe1\x03\xcb";
        let named =
            b"\x1f\x8b\x08\x08\0\0\0\0\0\x03a.txt\0\x4b\x4c\x4a\x06\0\xc2\x41\x24\x35\x03\0\0\0";
        for (packed, plain) in [(&stored[..], &b"abc"[..]), (fixed, b"aaaaaaaaaa"), (named, b"abc")]
        {
            assert_eq!(beginning(packed, 64).as_deref(), Some(plain));
            assert_eq!(beginning(packed, 2).as_deref(), plain.get(..2));
            for end in 0..packed.len() {
                let _cut = beginning(&packed[..end], 64);
            }
        }
        for other in [&b"abc"[..], b"", b"\x78\x00abc", b"\x1f\x8b\x08\xff"] {
            assert_eq!(beginning(other, 64), None);
        }
    }
}
