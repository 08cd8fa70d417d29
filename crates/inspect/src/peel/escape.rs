//! Backslash escapes: `\x41` as logs and scripts write it, `\u0041`, `\u{41}`, and JSON's own.

use super::{hex, push_char};
use crate::bytes::BACKSLASH;
use crate::parts::Coding;

/// Longest run of digits inside `\u{…}`.
const BRACED_DIGITS_MAX: usize = 6;

/// Decodes one layer; `None` when there is none. What is not an escape stays.
pub(super) fn decode(text: &[u8], kinds: u32, coding: Coding) -> Option<Vec<u8>> {
    if kinds & BACKSLASH == 0 {
        return None;
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escape = if *first == b'\\' { escape(after, coding) } else { None };
        if let Some((value, length)) = escape {
            push_char(value, &mut decoded);
            rest = after.get(length..).unwrap_or_default();
            changed = true;
        } else {
            decoded.push(*first);
            rest = after;
        }
    }
    changed.then_some(decoded)
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
