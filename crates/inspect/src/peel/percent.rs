//! Percent-encoding (RFC 3986), the `%uHHHH` that IIS and old script engines read, and `+` in forms.

use super::{hex, push_char};
use crate::parts::Coding;

/// Tells whether `%uHHHH` occurs.
pub(super) fn has_unicode(text: &[u8]) -> bool {
    text.windows(6).any(|window| unicode(window).is_some())
}

/// Decodes one layer; `None` when there is none. What is not an escape stays.
pub(super) fn decode(text: &[u8], coding: Coding) -> Option<Vec<u8>> {
    let plus = coding == Coding::Form;
    let mut decoded = Vec::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' if plus => decoded.push(b' '),
            b'%' => {
                if let Some(byte) = hex::<2>(after).and_then(|value| u8::try_from(value).ok()) {
                    decoded.push(byte);
                    rest = after.get(2..).unwrap_or_default();
                } else if let Some(value) = unicode(first_and(rest, text)) {
                    push_char(value, &mut decoded);
                    rest = after.get(5..).unwrap_or_default();
                } else {
                    decoded.push(b'%');
                    continue;
                }
            }
            byte => {
                decoded.push(*byte);
                continue;
            }
        }
        changed = true;
    }
    changed.then_some(decoded)
}

/// Gives the text from the byte before `rest` on.
fn first_and<'a>(rest: &[u8], text: &'a [u8]) -> &'a [u8] {
    text.get((text.len() - rest.len()).saturating_sub(1)..).unwrap_or_default()
}

/// Reads `%uHHHH` at the start of `text`.
fn unicode(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"%u").or_else(|| text.strip_prefix(b"%U"))?;
    hex::<4>(digits)
}
