//! Fernet tokens, in which some programs write their logs: AES-128-CBC under HMAC-SHA256
//! (github.com/fernet/spec). Others choose this format, and we read it; what we seal ourselves is
//! sealed by a [`crate::DataKey`].
//!
//! ```text
//! version 0x80 │ Unix time (8, big-endian) │ IV (16) │ text, padded to 16 (PKCS #7) │ HMAC (32) of all before it
//! ```
//!
//! The whole stands in URL-safe base64. A key is 32 bytes: 16 sign, 16 encrypt.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _, KeyInit as _};
use aes::{Aes128Dec, Aes128Enc};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::SealError;

/// How many keys are tried: each costs a line that none of them made one more HMAC.
pub const FERNET_KEYS_MAX: usize = 16;
const VERSION: u8 = 0x80;
const HALF_BYTES: usize = 16;
const KEY_BYTES: usize = 2 * HALF_BYTES;
const BLOCK_BYTES: usize = 16;
const IV_BYTES: usize = BLOCK_BYTES;
const TIME_BYTES: usize = 8;
const HEAD_BYTES: usize = 1 + TIME_BYTES + IV_BYTES;
const TAG_BYTES: usize = 32;
/// How far the clock of a writer may be ahead of ours.
const SKEW_SECONDS_MAX: u64 = 60;

/// Padding is written, and may be missing where a writer left it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Keys that make and open tokens; the first makes them, all are tried in turn. Clones are cheap.
#[derive(Clone)]
pub struct Fernet {
    keys: Arc<[Key]>,
    age_max: Option<Duration>,
}

/// Why a token was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FernetFault {
    /// It is not in URL-safe base64, or is too short.
    NoToken,
    /// None of the keys signed it: it was changed, or is another's.
    NotAuthentic,
    /// It is older than the configuration allows.
    TooOld,
    /// Its time is more than a minute ahead of our clock.
    FromTheFuture,
    /// One of the keys signed it, and it is of another version or padded wrongly.
    Malformed,
}

/// Why a text holds no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FernetKeysFault {
    /// There is none.
    #[error("holds no key")]
    None,
    /// There are more than are ever tried.
    #[error("holds more than {FERNET_KEYS_MAX} keys")]
    TooMany,
    /// What stands at this place, counted from 1, is none.
    #[error("key {0} is no Fernet key, which is 32 bytes in URL-safe base64")]
    NoKey(usize),
}

struct Key {
    signing: hmac::Key,
    encrypt: Aes128Enc,
    decrypt: Aes128Dec,
}

impl FernetFault {
    /// Gives the fault in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoToken => "no token",
            Self::NotAuthentic => "not authentic",
            Self::TooOld => "too old",
            Self::FromTheFuture => "from the future",
            Self::Malformed => "malformed",
        }
    }
}

/// Gives how long the token of so many bytes is.
pub fn fernet_token_bytes(text: usize) -> usize {
    let blocks = text / BLOCK_BYTES + 1;
    let raw = blocks.saturating_mul(BLOCK_BYTES).saturating_add(HEAD_BYTES + TAG_BYTES);
    raw.div_ceil(3).saturating_mul(4)
}

impl Fernet {
    /// Makes a key, as it is written down.
    pub fn generate() -> Result<Zeroizing<String>, SealError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        SystemRandom::new().fill(bytes.as_mut()).map_err(|_| SealError::Refused)?;
        Ok(Zeroizing::new(BASE64.encode(bytes.as_ref())))
    }

    /// Reads keys, parted by white space or commas, the one that makes tokens first; what follows a
    /// `#` on a line is a comment.
    pub fn from_text(text: &str) -> Result<Self, FernetKeysFault> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let parts = lines.flat_map(|line| line.split(|at: char| at.is_whitespace() || at == ','));
        let mut keys = Vec::new();
        for part in parts.filter(|part| !part.is_empty()) {
            if keys.len() == FERNET_KEYS_MAX {
                return Err(FernetKeysFault::TooMany);
            }
            keys.push(Key::from_text(part).ok_or(FernetKeysFault::NoKey(keys.len() + 1))?);
        }
        if keys.is_empty() {
            return Err(FernetKeysFault::None);
        }
        Ok(Self { keys: keys.into(), age_max: None })
    }

    /// Gives the same keys, which refuse tokens that are older, and such as are ahead of our clock.
    #[must_use]
    pub fn with_age_max(self, age_max: Option<Duration>) -> Self {
        Self { age_max, ..self }
    }

    /// Gives how many keys there are.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Makes the token of a text; `now` is Unix time in seconds.
    pub fn seal(&self, text: &[u8], now: u64) -> Result<String, SealError> {
        let mut iv = [0; IV_BYTES];
        SystemRandom::new().fill(&mut iv).map_err(|_| SealError::Refused)?;
        self.seal_with(text, now, iv)
    }

    fn seal_with(&self, text: &[u8], now: u64, iv: [u8; IV_BYTES]) -> Result<String, SealError> {
        let key = self.keys.first().ok_or(SealError::Refused)?;
        let padded = (text.len() / BLOCK_BYTES + 1) * BLOCK_BYTES;
        let mut token = Vec::with_capacity(HEAD_BYTES + padded + TAG_BYTES);
        token.push(VERSION);
        token.extend_from_slice(&now.to_be_bytes());
        token.extend_from_slice(&iv);
        token.extend_from_slice(text);
        token.resize(HEAD_BYTES + padded, 0);
        let body = token.get_mut(HEAD_BYTES..).ok_or(SealError::Refused)?;
        cbc::Encryptor::inner_iv_init(&key.encrypt, &iv.into())
            .encrypt_padded::<Pkcs7>(body, text.len())
            .map_err(|_| SealError::Refused)?;
        let tag = hmac::sign(&key.signing, &token);
        token.extend_from_slice(tag.as_ref());
        Ok(BASE64.encode(token))
    }

    /// Opens a token within `room`, and gives its text; `now` is Unix time in seconds. The signature
    /// is looked at before anything that it covers.
    pub fn open<'r>(
        &self,
        token: &[u8],
        now: u64,
        room: &'r mut Vec<u8>,
    ) -> Result<&'r [u8], FernetFault> {
        room.clear();
        BASE64.decode_vec(token, room).map_err(|_| FernetFault::NoToken)?;
        let end = room.len().checked_sub(TAG_BYTES).ok_or(FernetFault::NoToken)?;
        let (signed, tag) = room.split_at_mut_checked(end).ok_or(FernetFault::NoToken)?;
        if signed.len() < HEAD_BYTES {
            return Err(FernetFault::NoToken);
        }
        let made = |key: &&Key| hmac::verify(&key.signing, signed, tag).is_ok();
        let key = self.keys.iter().find(made).ok_or(FernetFault::NotAuthentic)?;

        let (version, rest) = signed.split_first_mut().ok_or(FernetFault::NoToken)?;
        let (time, rest) = rest.split_first_chunk_mut().ok_or(FernetFault::NoToken)?;
        let (iv, body) = rest.split_first_chunk_mut::<IV_BYTES>().ok_or(FernetFault::NoToken)?;
        if *version != VERSION {
            return Err(FernetFault::Malformed);
        }
        self.check_time(u64::from_be_bytes(*time), now)?;
        cbc::Decryptor::inner_iv_init(&key.decrypt, &(*iv).into())
            .decrypt_padded::<Pkcs7>(body)
            .map_err(|_| FernetFault::Malformed)
    }

    fn check_time(&self, made: u64, now: u64) -> Result<(), FernetFault> {
        let Some(age_max) = self.age_max else { return Ok(()) };
        if made > now.saturating_add(SKEW_SECONDS_MAX) {
            return Err(FernetFault::FromTheFuture);
        }
        let is_old = now.saturating_sub(made) > age_max.as_secs();
        if is_old { Err(FernetFault::TooOld) } else { Ok(()) }
    }
}

impl fmt::Debug for Fernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fernet({} keys)", self.keys.len())
    }
}

impl Key {
    fn from_text(text: &str) -> Option<Self> {
        // Room for a few more than there may be, so that a long text is refused and not cut.
        let mut bytes = Zeroizing::new([0; KEY_BYTES + 3]);
        let length = BASE64.decode_slice(text, bytes.as_mut()).ok()?;
        let (signing, rest) = bytes.get(..length)?.split_first_chunk::<HALF_BYTES>()?;
        let encryption: &[u8; HALF_BYTES] = rest.try_into().ok()?;
        Some(Self {
            signing: hmac::Key::new(hmac::HMAC_SHA256, signing),
            encrypt: Aes128Enc::new(encryption.into()),
            decrypt: Aes128Dec::new(encryption.into()),
        })
    }
}

#[cfg(test)]
mod tests;
