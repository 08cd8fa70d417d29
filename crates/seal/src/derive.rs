//! A master key out of a passphrase: Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use zeroize::Zeroizing;

use crate::{MasterKey, SealError};

const SALT_BYTES: usize = 16;
/// What is written; a start takes some tenths of a second for it.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
/// Bounds what a file may ask for.
const MEMORY_KIB_MAX: u32 = 1 << 20;
const PASSES_MAX: u32 = 16;

/// How a passphrase becomes a master key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Derivation {
    salt: String,
    memory_kib: u32,
    passes: u32,
}

impl Derivation {
    pub(crate) fn generate() -> Result<Self, SealError> {
        let mut salt = [0; SALT_BYTES];
        SystemRandom::new().fill(&mut salt).map_err(|_| SealError::Refused)?;
        Ok(Self { salt: STANDARD.encode(salt), memory_kib: MEMORY_KIB, passes: PASSES })
    }

    pub(crate) fn master(&self, passphrase: &str) -> Result<MasterKey, SealError> {
        let malformed = SealError::Malformed("a way to make a key out of a passphrase");
        let salt = STANDARD.decode(&self.salt).map_err(|_| malformed.clone())?;
        if self.memory_kib > MEMORY_KIB_MAX || self.passes > PASSES_MAX || salt.len() < SALT_BYTES {
            return Err(malformed);
        }
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32));
        let argon2 = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            params.map_err(|_| malformed.clone())?,
        );
        let mut bytes = Zeroizing::new([0; 32]);
        argon2
            .hash_password_into(passphrase.as_bytes(), &salt, bytes.as_mut())
            .map_err(|_| malformed)?;
        MasterKey::from_bytes(*bytes)
    }
}
