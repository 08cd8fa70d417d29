//! UTF-8 that says ASCII in a roundabout way: overlong forms, full-width letters, other spaces, NUL
//! bytes.

use crate::bytes::HIGH;

/// Folds overlong sequences, full-width forms and wide spaces to ASCII; `None` when there are none.
pub(super) fn decode(text: &[u8], kinds: u32) -> Option<Vec<u8>> {
    if kinds & HIGH == 0 {
        return None;
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if let Some((byte, length)) = folded(rest) {
            decoded.push(byte);
            rest = rest.get(length..).unwrap_or_default();
            changed = true;
        } else {
            decoded.push(*first);
            rest = after;
        }
    }
    changed.then_some(decoded)
}

/// Reads one roundabout character: the byte it stands for and its length.
fn folded(text: &[u8]) -> Option<(u8, usize)> {
    match *text {
        // Two bytes hold 11 bits; C0 and C1 can only spell what one byte could.
        [lead @ (0xC0 | 0xC1), tail, ..] => Some((((lead & 1) << 6) | (tail & 0x3F), 2)),
        [0xE0, lead @ (0x80 | 0x81), tail @ 0x80..=0xBF, ..] => {
            Some((((lead & 1) << 6) | (tail & 0x3F), 3))
        }
        [0xF0, 0x80, lead @ (0x80 | 0x81), tail @ 0x80..=0xBF, ..] => {
            Some((((lead & 1) << 6) | (tail & 0x3F), 4))
        }
        // U+FF01 to U+FF5E are the printable ASCII characters in full width.
        [0xEF, 0xBC, tail @ 0x81..=0xBF, ..] => Some((tail - 0x81 + 0x21, 3)),
        [0xEF, 0xBD, tail @ 0x80..=0x9E, ..] => Some((tail - 0x80 + 0x60, 3)),
        // Spaces that servers, browsers and databases take for one.
        [0xC2, 0xA0, ..] => Some((b' ', 2)),
        [0xE2, 0x80, 0x80..=0x8A | 0xAF, ..] | [0xE2, 0x81, 0x9F, ..] | [0xE3, 0x80, 0x80, ..] => {
            Some((b' ', 3))
        }
        // What becomes a quote where a database narrows text, and a line break where a server does.
        [0xCA, 0xBC, ..] => Some((b'\'', 2)),
        [0xE5, 0x98, 0x8A, ..] => Some((b'\n', 3)),
        [0xE5, 0x98, 0x8D, ..] => Some((b'\r', 3)),
        _ => None,
    }
}

/// Removes NUL bytes; `None` when there are none.
pub(super) fn without_nul(text: &[u8]) -> Option<Vec<u8>> {
    text.contains(&0).then(|| text.iter().copied().filter(|byte| *byte != 0).collect())
}
