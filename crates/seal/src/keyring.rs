//! The keys that wrap data keys, and the file that keeps them, sealed by the master key.
//!
//! ```text
//! wrapped data key   version 1 │ number of the key (4, big-endian) │ nonce (12) │ sealed key (32) │ tag (16)
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::master::hex;
use crate::{DataKey, OVERHEAD_BYTES, SealError};

/// How long a wrapped data key is.
pub const WRAPPED_BYTES: usize = 1 + 4 + 32 + OVERHEAD_BYTES;
const WRAPPED_VERSION: u8 = 1;
const WRAP_CONTEXT: &[u8] = b"bartizan data key";

/// Tells apart the keys of a keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u32);

/// The keys that wrap data keys; the newest wraps new ones. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Keyring {
    keys: Arc<BTreeMap<KeyId, Arc<DataKey>>>,
}

impl Keyring {
    /// Makes a keyring with one new key.
    pub fn generate() -> Result<Self, SealError> {
        let first = Arc::new(DataKey::generate()?);
        Ok(Self { keys: Arc::new(BTreeMap::from([(KeyId(1), first)])) })
    }

    /// Gives the keyring of these keys, of which there must be one at least.
    pub fn of_keys(keys: impl IntoIterator<Item = (KeyId, DataKey)>) -> Result<Self, SealError> {
        let keys: BTreeMap<_, _> = keys.into_iter().map(|(id, key)| (id, Arc::new(key))).collect();
        if keys.is_empty() {
            return Err(SealError::Malformed("a keyring: it holds no key"));
        }
        Ok(Self { keys: Arc::new(keys) })
    }

    /// Gives the keyring with one more key, which wraps new data keys from now on.
    pub fn with_new_key(&self) -> Result<Self, SealError> {
        let mut keys = BTreeMap::clone(&self.keys);
        let last = keys.last_key_value().map_or(0, |(id, _)| id.0);
        let id = last.checked_add(1).ok_or(SealError::Refused)?;
        keys.insert(KeyId(id), Arc::new(DataKey::generate()?));
        Ok(Self { keys: Arc::new(keys) })
    }

    /// Gives the keys, the oldest first.
    pub fn keys(&self) -> impl Iterator<Item = (KeyId, &DataKey)> {
        self.keys.iter().map(|(id, key)| (*id, key.as_ref()))
    }

    /// Makes a data key and gives it with its wrapped form, which is kept beside what it seals.
    pub fn data_key(&self) -> Result<(DataKey, Vec<u8>), SealError> {
        let (id, wrapping) = self.newest()?;
        let key = DataKey::generate()?;
        let mut wrapped = vec![WRAPPED_VERSION];
        wrapped.extend_from_slice(&id.0.to_be_bytes());
        wrapped.extend_from_slice(&wrapping.seal(WRAP_CONTEXT, key.bytes())?);
        Ok((key, wrapped))
    }

    pub(crate) fn newest(&self) -> Result<(KeyId, &DataKey), SealError> {
        let (id, key) = self.keys.last_key_value().ok_or(SealError::Refused)?;
        Ok((*id, key.as_ref()))
    }

    pub(crate) fn key(&self, id: KeyId) -> Option<&DataKey> {
        self.keys.get(&id).map(AsRef::as_ref)
    }

    /// Gives the data key of a wrapped form.
    pub fn unwrap_key(&self, wrapped: &[u8]) -> Result<DataKey, SealError> {
        let malformed = SealError::Malformed("a wrapped data key");
        let Some((version, id, sealed)) = parts(wrapped) else { return Err(malformed) };
        if version != WRAPPED_VERSION {
            return Err(malformed);
        }
        let wrapping = self.keys.get(&KeyId(id)).ok_or(SealError::Unknown(id))?;
        let bytes = wrapping.open(WRAP_CONTEXT, sealed)?;
        DataKey::from_bytes(bytes.try_into().map_err(|_| malformed)?)
    }

    /// Gives what tells this keyring from that of another store, whichever keys it got since.
    pub fn fingerprint(&self) -> Result<String, SealError> {
        let key = self.lasting_key("bartizan keyring fingerprint")?;
        Ok(hex(key.bytes().iter().take(8)))
    }

    /// Gives the key of a purpose that outlives rotations (the chain of segments): it follows from
    /// the oldest key.
    pub fn lasting_key(&self, purpose: &str) -> Result<DataKey, SealError> {
        let (_, first) = self.keys.first_key_value().ok_or(SealError::Refused)?;
        first.derive(purpose)
    }
}

/// Gives which key of a keyring wrapped a data key.
pub fn wrapped_by(wrapped: &[u8]) -> Option<KeyId> {
    let (version, id, _) = parts(wrapped)?;
    (version == WRAPPED_VERSION).then_some(KeyId(id))
}

fn parts(wrapped: &[u8]) -> Option<(u8, u32, &[u8])> {
    let (version, rest) = wrapped.split_first()?;
    let (id, sealed) = rest.split_first_chunk::<4>()?;
    Some((*version, u32::from_be_bytes(*id), sealed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_data_keys_open_after_a_rotation() {
        let old = Keyring::generate().unwrap();
        let (key, wrapped) = old.data_key().unwrap();
        assert_eq!(wrapped.len(), WRAPPED_BYTES);
        let new = old.with_new_key().unwrap();
        assert_eq!(new.unwrap_key(&wrapped).unwrap().bytes(), key.bytes());
        let (_, by_new) = new.data_key().unwrap();
        assert_eq!(old.unwrap_key(&by_new).unwrap_err(), SealError::Unknown(2));
        let lasting = |ring: &Keyring| *ring.lasting_key("chain").unwrap().bytes();
        assert_eq!(lasting(&old), lasting(&new));
    }

    #[test]
    fn what_is_no_wrapped_key_is_refused() {
        let ring = Keyring::generate().unwrap();
        let (_, wrapped) = ring.data_key().unwrap();
        let malformed = SealError::Malformed("a wrapped data key");
        assert_eq!(ring.unwrap_key(&[]).unwrap_err(), malformed);
        assert_eq!(ring.unwrap_key(&[2, 0, 0, 0, 1]).unwrap_err(), malformed);
        let other = Keyring::generate().unwrap();
        assert_eq!(other.unwrap_key(&wrapped).unwrap_err(), SealError::Closed);
        assert_eq!(ring.unwrap_key(&wrapped[..40]).unwrap_err(), SealError::Closed);
    }
}
