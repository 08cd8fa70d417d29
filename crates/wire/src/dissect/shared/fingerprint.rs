//! Digests that fingerprints are defined over.

use md5::{Digest, Md5};
use sha2::Sha256;

use super::bytes::hex;

/// Gives the MD5 of a text, as JA3 and HASSH have it. It tells programs apart and protects nothing.
pub(crate) fn md5(text: &str) -> String {
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

/// Gives the SHA-256 of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
