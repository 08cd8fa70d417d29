//! The file that keeps the keyring: `keyring.json` in the data folder.
//!
//! ```json
//! {"version":1,
//!  "keys":[{"id":1,"created":"2026-11-21T07:00:00Z"}],
//!  "masters":[{"id":"4ea65ff7","sealed":"…"},
//!             {"id":"0c1d2e3f","argon2id":{"salt":"…","memory_kib":65536,"passes":3},"sealed":"…"}]}
//! ```
//!
//! All keys stand, sealed, under each master key. There is one but while the master key is being
//! changed: first the file opens with both, then the new one takes its place, then the old one goes
//! from the file. So it opens at any moment with a key that is at hand.
//!
//! The file is only ever replaced as a whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::derive::Derivation;
use crate::keyring::KeyId;
use crate::source::Secret;
use crate::{DataKey, Keyring, MasterId, MasterKey, SealError};

const VERSION: u32 = 1;
/// Bounds a file that is read: a key takes some hundred bytes.
const BYTES_MAX: u64 = 1 << 20;
/// Bounds the keys: one a rotation.
const KEYS_MAX: usize = 1000;
/// Bounds the master keys: the old one and the new one.
const MASTERS_MAX: usize = 2;
const CONTEXT: &[u8] = b"bartizan keyring";

/// What keeps a keyring closed.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The system said no.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is no keyring, or was cut short or changed.
    #[error("{} is not a keyring, or is damaged: restore it from a backup", .0.display())]
    Damaged(PathBuf),
    /// It was written by a newer version.
    #[error("{} has version {version}, and this program knows up to {VERSION}: run the newer one", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The master key is another one.
    #[error("{} opens with the master key {wanted}, and the one that was given is {given}", path.display())]
    OtherMaster {
        /// Which file.
        path: PathBuf,
        /// Which master keys open it.
        wanted: String,
        /// Which one was given.
        given: MasterId,
    },
    /// The passphrase is another one, or a passphrase was given where a key is asked for.
    #[error("{} does not open with this passphrase: it asks for the master key {wanted}", path.display())]
    OtherPassphrase {
        /// Which file.
        path: PathBuf,
        /// Which master keys open it.
        wanted: String,
    },
    /// There is one already.
    #[error("{} is there already, and a keyring is never written over by another", .0.display())]
    Exists(PathBuf),
    /// It could not be sealed.
    #[error("the keyring {0}")]
    Seal(#[from] SealError),
}

/// A key of a keyring, as it is told to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// Its number.
    pub id: u32,
    /// When it was made.
    pub created: String,
}

/// The file of a keyring, read and not yet opened.
#[derive(Clone, Debug)]
pub struct KeyringFile {
    path: PathBuf,
    kept: Kept,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    version: u32,
    /// For people; what counts stands sealed.
    keys: Vec<StoredKey>,
    masters: Vec<Envelope>,
}

/// All keys, sealed by one master key.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Envelope {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argon2id: Option<Derivation>,
    sealed: String,
}

/// What an envelope holds.
#[derive(Serialize, Deserialize)]
struct SealedKey {
    id: u32,
    created: String,
    key: String,
}

impl Drop for SealedKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl KeyringFile {
    /// Reads the file; `None` where there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, KeyringError> {
        let io = |error| KeyringError::Io { path: path.to_owned(), error };
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(io)?,
        };
        let mut bytes = Vec::new();
        file.take(BYTES_MAX).read_to_end(&mut bytes).map_err(io)?;
        Self::parse(path, &bytes).map(Some)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, KeyringError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let damaged = |_| KeyringError::Damaged(path.to_owned());
        let Versioned { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version != VERSION {
            return Err(KeyringError::Newer { path: path.to_owned(), version });
        }
        let kept: Kept = serde_json::from_slice(bytes).map_err(damaged)?;
        let masters = kept.masters.len();
        if kept.keys.len() > KEYS_MAX || masters == 0 || masters > MASTERS_MAX {
            return Err(KeyringError::Damaged(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), kept })
    }

    /// Makes the file of a new keyring. There must be none yet.
    pub fn create(path: &Path, secret: &Secret, now: &str) -> Result<Keyring, KeyringError> {
        if path.exists() {
            return Err(KeyringError::Exists(path.to_owned()));
        }
        let keyring = Keyring::generate()?;
        let keys = keyring.keys().map(|(id, _)| StoredKey { id: id.0, created: now.to_owned() });
        let keys: Vec<StoredKey> = keys.collect();
        let envelope = Envelope::seal(secret, &keyring, &keys)?;
        let kept = Kept { version: VERSION, keys, masters: vec![envelope] };
        let file = Self { path: path.to_owned(), kept };
        file.write()?;
        file.open_from_disk(secret)
    }

    /// Opens it.
    pub fn open(&self, secret: &Secret) -> Result<Keyring, KeyringError> {
        self.open_with(secret).map(|(keyring, _)| keyring)
    }

    /// Gives the keyring and which envelope opened.
    fn open_with(&self, secret: &Secret) -> Result<(Keyring, usize), KeyringError> {
        for (place, envelope) in self.kept.masters.iter().enumerate() {
            let Some(master) = envelope.master(secret)? else { continue };
            let damaged = || KeyringError::Damaged(self.path.clone());
            let sealed = STANDARD.decode(&envelope.sealed).map_err(|_| damaged())?;
            let opened = master.key().open(CONTEXT, &sealed).map_err(|_| damaged())?;
            let keyring = parse_keys(&Zeroizing::new(opened)).ok_or_else(damaged)?;
            return Ok((keyring, place));
        }
        let path = self.path.clone();
        let wanted = self.kept.masters.iter().map(|one| one.id.as_str());
        let wanted = wanted.collect::<Vec<_>>().join(" or ");
        Err(match secret {
            Secret::Key(key) => KeyringError::OtherMaster { path, wanted, given: key.id() },
            Secret::Passphrase(_) => KeyringError::OtherPassphrase { path, wanted },
        })
    }

    /// Gives the keys, the oldest first.
    pub fn keys(&self) -> &[StoredKey] {
        &self.kept.keys
    }

    /// Gives the master keys that open it: one but while it is being changed.
    pub fn masters(&self) -> impl Iterator<Item = MasterId> {
        self.kept.masters.iter().map(|one| MasterId::of_text(&one.id))
    }

    /// Adds a key that wraps new data keys from now on, and seals all keys under a second master
    /// key; the file then opens with both, which is seen to from the disk.
    pub fn begin_rotation(
        &self,
        old: &Secret,
        new: &Secret,
        now: &str,
    ) -> Result<Self, KeyringError> {
        let (keyring, _) = self.open_with(old)?;
        let keyring = keyring.with_new_key()?;
        let created = |id: KeyId| {
            let known = self.kept.keys.iter().find(|key| key.id == id.0);
            known.map_or_else(|| now.to_owned(), |key| key.created.clone())
        };
        let keys = keyring.keys().map(|(id, _)| StoredKey { id: id.0, created: created(id) });
        let keys: Vec<StoredKey> = keys.collect();
        let masters =
            vec![Envelope::seal(old, &keyring, &keys)?, Envelope::seal(new, &keyring, &keys)?];
        let kept = Kept { version: VERSION, keys, masters };
        let file = Self { path: self.path.clone(), kept };
        file.write()?;
        file.open_from_disk(old)?;
        file.open_from_disk(new)?;
        Ok(file)
    }

    /// Leaves the master key that was given as the only one that opens the file, once it was seen to
    /// open what is on the disk.
    pub fn finish_rotation(&self, new: &Secret) -> Result<Self, KeyringError> {
        self.open_from_disk(new)?;
        let (_, place) = self.open_with(new)?;
        let mut kept = self.kept.clone();
        kept.masters = kept.masters.into_iter().skip(place).take(1).collect();
        let file = Self { path: self.path.clone(), kept };
        file.write()?;
        file.open_from_disk(new)?;
        Ok(file)
    }

    fn open_from_disk(&self, secret: &Secret) -> Result<Keyring, KeyringError> {
        let read = Self::read(&self.path)?;
        read.ok_or_else(|| KeyringError::Damaged(self.path.clone()))?.open(secret)
    }

    /// Replaces the file as a whole, and makes that durable.
    fn write(&self) -> Result<(), KeyringError> {
        let write = || {
            let text = serde_json::to_string_pretty(&self.kept).map_err(io::Error::other)?;
            let beside = self.path.with_extension("json.new");
            // What a stop left behind; its rights might be wrong.
            match std::fs::remove_file(&beside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&beside)?;
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            std::fs::rename(&beside, &self.path)?;
            File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(|error| KeyringError::Io { path: self.path.clone(), error })
    }
}

impl Envelope {
    fn seal(secret: &Secret, keyring: &Keyring, keys: &[StoredKey]) -> Result<Self, SealError> {
        let (master, argon2id) = match secret {
            Secret::Key(key) => (MasterKey::from_bytes(*key.key().bytes())?, None),
            Secret::Passphrase(typed) => {
                let derivation = Derivation::generate()?;
                (derivation.master(&typed.0)?, Some(derivation))
            }
        };
        let keys: Vec<SealedKey> = keyring
            .keys()
            .zip(keys)
            .map(|((id, key), stored)| SealedKey {
                id: id.0,
                created: stored.created.clone(),
                key: STANDARD.encode(key.bytes()),
            })
            .collect();
        let text = serde_json::to_vec(&keys).map_err(|_| SealError::Refused)?;
        let sealed = master.key().seal(CONTEXT, &Zeroizing::new(text))?;
        Ok(Self { id: master.id().to_string(), argon2id, sealed: STANDARD.encode(sealed) })
    }

    /// Gives the master key, where the secret is that of this envelope.
    fn master(&self, secret: &Secret) -> Result<Option<MasterKey>, SealError> {
        let master = match (secret, &self.argon2id) {
            (Secret::Key(key), None) => MasterKey::from_bytes(*key.key().bytes())?,
            (Secret::Passphrase(typed), Some(derivation)) => derivation.master(&typed.0)?,
            _ => return Ok(None),
        };
        Ok((master.id().to_string() == self.id).then_some(master))
    }
}

fn parse_keys(text: &[u8]) -> Option<Keyring> {
    let keys: Vec<SealedKey> = serde_json::from_slice(text).ok()?;
    let keys = keys.iter().map(|one| {
        let bytes = Zeroizing::new(STANDARD.decode(one.key.as_bytes()).ok()?);
        let bytes: [u8; 32] = bytes.as_slice().try_into().ok()?;
        Some((KeyId(one.id), DataKey::from_bytes(bytes).ok()?))
    });
    Keyring::of_keys(keys.collect::<Option<Vec<_>>>()?).ok()
}

#[cfg(test)]
mod tests;
