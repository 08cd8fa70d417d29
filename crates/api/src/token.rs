//! Tokens that people and browsers hold.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Gives a new token: 256 random bits.
pub(crate) fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Gives the token that a page of the console sends with each change. It follows from the session's
/// own token, which scripts cannot read, and does not tell it.
pub(crate) fn csrf_of(session_token: &str) -> String {
    let digest = Sha256::new().chain_update("bartizan csrf\0").chain_update(session_token);
    URL_SAFE_NO_PAD.encode(digest.finalize())
}

/// Compares in a time that does not tell where they differ.
pub(crate) fn is_equal(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
