//! A place in a message, and bytes as text.

pub(crate) use fingerprint::Bytes;

/// Gives bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    joined_hex(bytes, "")
}

/// Gives a hardware address as ECS writes it, `00-00-5E-00-53-23`.
pub(crate) fn mac(bytes: &[u8]) -> String {
    joined_hex(bytes, "-").to_ascii_uppercase()
}

fn joined_hex(bytes: &[u8], between: &str) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2 + between.len()));
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.push_str(between);
        }
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    text
}

/// Gives UTF-16 in little-endian order as text.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_bytes() {
        assert_eq!(hex(&[0, 0x5e, 255]), "005eff");
        assert_eq!(mac(&[0, 0, 0x5e, 0, 0x53, 0x23]), "00-00-5E-00-53-23");
        assert_eq!(utf16(&[b'a', 0, 0xe9, 0, 9]), "aé");
    }
}
