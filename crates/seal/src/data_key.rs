//! One key of AES-256-GCM.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::SealError;

/// How much longer a sealed text is than the text: the nonce before it, the tag behind it.
pub const OVERHEAD_BYTES: usize = NONCE_LEN + TAG_BYTES;
pub(crate) const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// A key of AES-256-GCM, wiped from memory when it goes.
///
/// Nonces are random, 96 bits, so one key may seal 2³² texts (SP 800-38D, 8.3); a file's key seals a
/// few hundred thousand at most.
pub struct DataKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    key: LessSafeKey,
}

impl DataKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        SystemRandom::new().fill(bytes.as_mut()).map_err(|_| SealError::Refused)?;
        Self::of(bytes)
    }

    /// Gives the key of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, SealError> {
        Self::of(Zeroizing::new(bytes))
    }

    pub(crate) fn of(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Result<Self, SealError> {
        let unbound =
            UnboundKey::new(&AES_256_GCM, bytes.as_ref()).map_err(|_| SealError::Refused)?;
        Ok(Self { bytes, key: LessSafeKey::new(unbound) })
    }

    /// Gives the bytes, for those who seal by themselves (the Parquet writer).
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Gives another key that follows from this one, one for each purpose (HMAC-SHA256 of the
    /// purpose).
    pub fn derive(&self, purpose: &str) -> Result<Self, SealError> {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.bytes.as_ref());
        let tag = ring::hmac::sign(&key, purpose.as_bytes());
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        Self::of(bytes)
    }

    /// Seals the bytes of `text` from `from` on, in place: nonce, what was sealed, tag. `context`
    /// is not kept, and must be the same when it is opened.
    pub fn seal_from(
        &self,
        context: &[u8],
        text: &mut Vec<u8>,
        from: usize,
    ) -> Result<(), SealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::Refused)?;
        let end = text.len();
        text.extend_from_slice(&nonce);
        text.get_mut(from..).ok_or(SealError::Refused)?.rotate_right(NONCE_LEN);
        let body = text.get_mut(from + NONCE_LEN..end + NONCE_LEN).ok_or(SealError::Refused)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(context), body)
            .map_err(|_| SealError::Refused)?;
        text.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Gives the text, sealed.
    pub fn seal(&self, context: &[u8], text: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = Vec::with_capacity(text.len() + OVERHEAD_BYTES);
        sealed.extend_from_slice(text);
        self.seal_from(context, &mut sealed, 0)?;
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] gave, with the same context.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Closed)?;
        let mut text = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .key
            .open_in_place(nonce, Aad::from(context), &mut text)
            .map_err(|_| SealError::Closed)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", DataKey::from_bytes([7; 32]).unwrap()), "DataKey(…)");
    }

    #[test]
    fn a_purpose_has_its_own_key() {
        let key = DataKey::from_bytes([7; 32]).unwrap();
        let of = |purpose| *key.derive(purpose).unwrap().bytes();
        assert_eq!(of("index"), of("index"));
        assert_ne!(of("index"), of("chain"));
        assert_ne!(of("index"), *key.bytes());
    }

    proptest! {
        #[test]
        fn opens_only_what_was_sealed(
            text: Vec<u8>, before: Vec<u8>, context: Vec<u8>, at: prop::sample::Index, flip in 1_u8..,
        ) {
            let key = DataKey::generate().unwrap();
            let mut sealed = before.clone();
            sealed.extend_from_slice(&text);
            key.seal_from(&context, &mut sealed, before.len()).unwrap();
            prop_assert_eq!(sealed.len(), before.len() + text.len() + OVERHEAD_BYTES);
            let mut sealed = sealed.split_off(before.len());
            prop_assert_eq!(key.open(&context, &sealed), Ok(text));
            prop_assert_eq!(key.open(b"another context", &sealed), Err(SealError::Closed));
            let other = DataKey::generate().unwrap();
            prop_assert_eq!(other.open(&context, &sealed), Err(SealError::Closed));
            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert_eq!(key.open(&context, &sealed), Err(SealError::Closed));
        }
    }
}
