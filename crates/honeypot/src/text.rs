//! Hostile bytes as text that can be shown: nothing is lost, nothing is mistaken for something else.

use std::fmt::Write as _;

/// Gives bytes as text, cut at `bytes_max`: what is not UTF-8 as `\xNN`.
pub(crate) fn shown(bytes: &[u8], bytes_max: usize) -> String {
    let cut = bytes.get(..bytes_max).unwrap_or(bytes);
    let mut text = String::with_capacity(cut.len());
    for chunk in cut.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    if cut.len() < bytes.len() {
        text.push('…');
    }
    text
}

/// Gives bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_shown_and_long_ones_cut() {
        assert_eq!(shown(b"a\xffb", 10), "a\\xffb");
        assert_eq!(shown("größe".as_bytes(), 100), "größe");
        assert_eq!(shown(b"abcdef", 3), "abc…");
        assert_eq!(hex(&[0, 255]), "00ff");
    }
}
