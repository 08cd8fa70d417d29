//! Base64 (RFC 4648, both alphabets) where the whole of a text is that, and reads as text.

use crate::bytes::{CONTROL, DASH, DIGIT, EQUALS, LETTER, PLUS, SLASH, SPACE};
use crate::parts::{Kind, Part};

/// Shortest text taken for base64; shorter ones are words too often.
const LENGTH_MIN: usize = 10;
/// Of a hundred decoded bytes, at least so many must be printable; payloads hide a few that are not.
const PRINTABLE_PERCENT_MIN: usize = 80;
/// Of a hundred decoded bytes, at least so many must be ASCII or of the longer characters: what
/// else there is may be chance.
const ASCII_PERCENT_MIN: usize = 65;
/// The first bytes decoded to see whether it is worth the rest.
const SAMPLE_BYTES: usize = 16;

/// What base64 and what may stand around it consist of.
const ALPHABET: u32 = LETTER | DIGIT | PLUS | DASH | SLASH | SPACE | EQUALS | CONTROL;

/// Tells whether `text`, which holds characters of `kinds`, could be base64 of something readable.
pub(super) fn plausible(part: &Part<'_>, text: &[u8], kinds: u32) -> bool {
    if kinds & !ALPHABET != 0 || text.len() < LENGTH_MIN {
        return false;
    }
    let text = body(part, text);
    text.len() >= LENGTH_MIN
        && !text.iter().all(u8::is_ascii_digit)
        && sample(text).is_some_and(|decoded| readable(&decoded))
        && text.iter().all(|byte| sextet(*byte).is_some())
}

/// Decodes it into `decoded`; false when it is not plausible.
pub(super) fn decode(part: &Part<'_>, text: &[u8], kinds: u32, decoded: &mut Vec<u8>) -> bool {
    if !plausible(part, text, kinds) {
        return false;
    }
    let text = body(part, text);
    decoded.clear();
    decoded.reserve(text.len() / 4 * 3 + 3);
    decode_into(text, &mut |byte| decoded.push(byte));
    readable(decoded)
}

/// Decodes the beginning of `text`, whatever it yields, to at most `bytes_max` bytes; `None` where it
/// is no base64.
pub(crate) fn beginning(text: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let text = text.get(..bytes_max.div_ceil(3) * 4).unwrap_or(text);
    let end = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    let text = text.get(..end)?;
    if text.len() < LENGTH_MIN || !text.iter().all(|byte| sextet(*byte).is_some()) {
        return None;
    }
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3 + 3);
    decode_into(text, &mut |byte| decoded.push(byte));
    decoded.truncate(bytes_max);
    Some(decoded)
}

/// The text without padding, spaces around it and, in a path, the slash that begins it.
fn body<'a>(part: &Part<'_>, text: &'a [u8]) -> &'a [u8] {
    let mut text = text.trim_ascii();
    while let Some(shorter) = text.strip_suffix(b"=") {
        text = shorter;
    }
    match part.kind {
        Kind::Path => text.strip_prefix(b"/").unwrap_or(text),
        Kind::Value | Kind::Name | Kind::Header => text,
        Kind::Agent | Kind::Document => b"",
    }
}

/// Decodes the first bytes.
fn sample(text: &[u8]) -> Option<[u8; SAMPLE_BYTES / 4 * 3]> {
    let mut decoded = [b' '; SAMPLE_BYTES / 4 * 3];
    let text = text.get(..text.len().min(SAMPLE_BYTES))?;
    if !text.iter().all(|byte| sextet(*byte).is_some()) {
        return None;
    }
    let mut places = decoded.iter_mut();
    decode_into(text, &mut |byte| {
        if let Some(place) = places.next() {
            *place = byte;
        }
    });
    Some(decoded)
}

fn readable(text: &[u8]) -> bool {
    let plain =
        text.iter().filter(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')).count();
    if plain == text.len() {
        return true;
    }
    // Letters of other scripts are text too, where they are well-formed; two bytes are so by chance.
    let (wide, long) = wide_bytes(text);
    (plain + wide) * 100 >= text.len() * PRINTABLE_PERCENT_MIN
        && (plain + long) * 100 >= text.len() * ASCII_PERCENT_MIN
}

/// Counts the bytes of well-formed characters beyond ASCII, and those of the longer ones among them.
fn wide_bytes(text: &[u8]) -> (usize, usize) {
    let (mut wide, mut long) = (0, 0);
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let length = match first {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => 1,
        };
        let goes_on = matches!(after.first(), Some(0x80..=0xBF));
        let whole = rest.get(..length).filter(|_| length > 1 && goes_on);
        if whole.is_some_and(|whole| str::from_utf8(whole).is_ok()) {
            wide += length;
            long += if length > 2 { length } else { 0 };
            rest = rest.get(length..).unwrap_or_default();
        } else {
            rest = after;
        }
    }
    (wide, long)
}

fn decode_into(text: &[u8], push: &mut dyn FnMut(u8)) {
    for group in text.chunks(4) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 6 | sextet(*byte).unwrap_or(0));
        let [_, a, b, c] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        for byte in [a, b, c].into_iter().take(group.len().saturating_sub(1)) {
            push(byte);
        }
    }
}

fn sextet(byte: u8) -> Option<u32> {
    SEXTETS
        .get(usize::from(byte))
        .filter(|value| **value != NO_SEXTET)
        .map(|value| u32::from(*value))
}

const NO_SEXTET: u8 = u8::MAX;
static SEXTETS: [u8; 256] = sextets();

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a table made while compiling"
)]
const fn sextets() -> [u8; 256] {
    let mut table = [NO_SEXTET; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            upper @ b'A'..=b'Z' => upper - b'A',
            lower @ b'a'..=b'z' => lower - b'a' + 26,
            digit @ b'0'..=b'9' => digit - b'0' + 52,
            // A form turns the plus into a space.
            b'+' | b'-' | b' ' => 62,
            b'/' | b'_' => 63,
            _ => NO_SEXTET,
        };
        byte += 1;
    }
    table
}
