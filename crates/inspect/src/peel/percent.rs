//! Percent-encoding (RFC 3986), the `%uHHHH` that IIS and old script engines read, and `+` in forms.

use super::{hex, push_char};
use crate::Layer;
use crate::parts::Coding;

/// Decodes one layer of `text` into `decoded`; `None` when there is none. What is not an escape stays.
pub(super) fn decode(text: &[u8], coding: Coding, decoded: &mut Vec<u8>) -> Option<Layer> {
    let plus = coding == Coding::Form;
    decoded.clear();
    decoded.reserve(text.len());
    let mut layer = None;
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let mut length = 1;
        match first {
            b'+' if plus => {
                decoded.push(b' ');
                layer = layer.or(Some(Layer::Percent));
            }
            b'%' => {
                if let Some(byte) = hex::<2>(after).and_then(|value| u8::try_from(value).ok()) {
                    decoded.push(byte);
                    length = 3;
                    layer = layer.or(Some(Layer::Percent));
                } else if let Some(value) = unicode(rest) {
                    push_char(value, decoded);
                    length = 6;
                    layer = Some(Layer::PercentUnicode);
                } else {
                    decoded.push(b'%');
                }
            }
            byte => decoded.push(*byte),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    layer
}

/// Reads `%uHHHH` at the start of `text`.
fn unicode(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"%u").or_else(|| text.strip_prefix(b"%U"))?;
    hex::<4>(digits)
}
