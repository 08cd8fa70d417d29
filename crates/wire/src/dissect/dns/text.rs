//! The names within messages.

use crate::dissect::shared::bytes::Bytes;

/// Bounds the pointers followed for one name.
const POINTERS_MAX: usize = 16;
/// Bounds a name (RFC 1035, section 2.3.4).
const NAME_BYTES_MAX: usize = 255;

/// Takes a name without reading it.
pub(super) fn skip_name(bytes: &mut Bytes<'_>) -> Option<()> {
    loop {
        match bytes.u8()? {
            0 => return Some(()),
            length @ 1..=63 => bytes.skip(length.into())?,
            0xc0.. => return bytes.skip(1),
            _ => return None,
        }
    }
}

/// Takes a name. Each pointer must lead to before the place that the last one led to, so none can circle.
pub(super) fn name<'m>(message: &'m [u8], bytes: &mut Bytes<'m>) -> Option<String> {
    let mut text = String::new();
    let mut before = message.len() - bytes.len().min(message.len());
    let mut jumped: Option<Bytes<'_>> = None;
    let mut pointers = 0;
    loop {
        let place = jumped.as_mut().unwrap_or(bytes);
        let length = place.u8()?;
        match length {
            0 => break,
            1..=63 => {
                let label = place.take(length.into())?;
                if !text.is_empty() {
                    text.push('.');
                }
                label_text(label, &mut text);
                if text.len() > 4 * NAME_BYTES_MAX {
                    return None;
                }
            }
            0xc0.. => {
                let low = place.u8()?;
                let target = (usize::from(length & 0x3f) << 8) | usize::from(low);
                pointers += 1;
                if target >= before || pointers > POINTERS_MAX {
                    return None;
                }
                before = target;
                jumped = Some(Bytes::new(message.get(target..)?));
            }
            _ => return None,
        }
    }
    if text.is_empty() {
        text.push('.');
    }
    Some(text)
}

/// Writes a label; a dot or a byte that is no text is told as `\046` (RFC 1035, section 5.1).
fn label_text(label: &[u8], text: &mut String) {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'.' | b'\\');
    match std::str::from_utf8(label) {
        // Names of services on the local link hold spaces and letters of all scripts.
        Ok(readable) if !readable.chars().any(|c| c.is_control() || matches!(c, '.' | '\\')) => {
            text.push_str(readable);
        }
        _ => {
            for byte in label {
                if plain(byte) {
                    text.push(char::from(*byte));
                } else {
                    text.push('\\');
                    for scale in [100, 10, 1] {
                        text.extend(char::from_digit(u32::from(byte / scale % 10), 10));
                    }
                }
            }
        }
    }
}
