//! UTF-8 that says ASCII in a roundabout way: overlong forms, full-width letters, other spaces, NUL
//! bytes.

/// Folds overlong sequences, full-width forms and wide spaces of `text` to ASCII, into `decoded`; false
/// when there are none.
pub(super) fn decode(text: &[u8], decoded: &mut Vec<u8>) -> bool {
    decoded.clear();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.iter().position(|b| *b >= 0xC0)) {
        at += found;
        let Some((byte, length)) = text.get(at..).and_then(folded) else {
            at += 1;
            continue;
        };
        decoded.extend_from_slice(text.get(copied..at).unwrap_or_default());
        decoded.push(byte);
        at += length;
        copied = at;
    }
    if copied > 0 {
        decoded.extend_from_slice(text.get(copied..).unwrap_or_default());
    }
    copied > 0
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

/// Copies `text` without its NUL bytes into `decoded`; false when there are none.
pub(super) fn without_nul(text: &[u8], decoded: &mut Vec<u8>) -> bool {
    decoded.clear();
    let holds = memchr::memchr(0, text).is_some();
    if holds {
        decoded.extend(text.iter().copied().filter(|byte| *byte != 0));
    }
    holds
}
