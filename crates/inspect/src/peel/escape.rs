//! Backslash escapes: `\x41` as logs and scripts write it, `\u0041`, `\u{41}`, and JSON's own.

use super::{hex, push_char};
use crate::parts::Coding;

/// Longest run of digits inside `\u{…}`.
const BRACED_DIGITS_MAX: usize = 6;

/// Decodes one layer of `text` into `decoded`; false when there is none. What is not an escape stays.
pub(super) fn decode(text: &[u8], coding: Coding, decoded: &mut Vec<u8>) -> bool {
    decoded.clear();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += found + 1;
        let Some((value, length)) = text.get(at..).and_then(|after| escape(after, coding)) else {
            continue;
        };
        decoded.extend_from_slice(text.get(copied..at - 1).unwrap_or_default());
        push_char(value, decoded);
        at += length;
        copied = at;
    }
    if copied > 0 {
        decoded.extend_from_slice(text.get(copied..).unwrap_or_default());
    }
    copied > 0
}

/// Reads what follows a backslash: the character and how many bytes spell it.
fn escape(after: &[u8], coding: Coding) -> Option<(u32, usize)> {
    let (kind, digits) = after.split_first()?;
    match kind {
        b'x' | b'X' => Some((hex::<2>(digits)?, 3)),
        b'u' | b'U' => match digits.strip_prefix(b"{") {
            None => Some((hex::<4>(digits)?, 5)),
            Some(braced) => {
                let length = braced.iter().take(BRACED_DIGITS_MAX + 1).position(|b| *b == b'}')?;
                let digits = str::from_utf8(braced.get(..length)?).ok()?;
                Some((u32::from_str_radix(digits, 16).ok()?, length + 3))
            }
        },
        _ if coding == Coding::Json => {
            let value = match kind {
                b'"' | b'\\' | b'/' => *kind,
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                _ => return None,
            };
            Some((u32::from(value), 1))
        }
        _ => None,
    }
}
