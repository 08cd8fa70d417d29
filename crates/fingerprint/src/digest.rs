//! Digests that fingerprints are defined over.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};
use sha2::Sha256;

/// Gives the MD5 of a text, as JA3 and HASSH have it. It tells programs apart and protects nothing.
pub fn md5(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

/// Gives the first twelve digits of the SHA-256 of a text, or zeros for none, as JA4 has it.
pub(crate) fn sha256_12(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let digest = Sha256::digest(text.as_bytes());
    hex(digest.get(..6).unwrap_or_default())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
