//! Base64 (RFC 4648, both alphabets) where the whole of a text is that, and reads as text.

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

/// Tells whether `text` could be base64 of something readable.
pub(super) fn plausible(part: &Part<'_>, text: &[u8]) -> bool {
    let text = body(part, text);
    text.len() >= LENGTH_MIN
        && !text.iter().all(u8::is_ascii_digit)
        && sample(text).is_some_and(|decoded| readable(&decoded))
        && text.iter().all(|byte| sextet(*byte).is_some())
}

/// Decodes it; `None` when it is not plausible.
pub(super) fn decode(part: &Part<'_>, text: &[u8]) -> Option<Vec<u8>> {
    if !plausible(part, text) {
        return None;
    }
    let text = body(part, text);
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3 + 3);
    decode_into(text, &mut |byte| decoded.push(byte));
    readable(&decoded).then_some(decoded)
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
    let chars = || text.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
    let wide: usize = chars().filter(|c| !c.is_ascii()).map(char::len_utf8).sum();
    let long: usize = chars().map(char::len_utf8).filter(|length| *length > 2).sum();
    (plain + wide) * 100 >= text.len() * PRINTABLE_PERCENT_MIN
        && (plain + long) * 100 >= text.len() * ASCII_PERCENT_MIN
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
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        // A form turns the plus into a space.
        b'+' | b'-' | b' ' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}
