//! Digests that fingerprints are defined over.

pub(crate) use fingerprint::md5;
use sha2::{Digest as _, Sha256};

use super::bytes::hex;

/// Gives the SHA-256 of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
