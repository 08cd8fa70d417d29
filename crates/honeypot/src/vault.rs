//! What decoys keep on disk, all of it sealed: the persona, transcripts, and files that intruders left.
//!
//! ```text
//! file   "BTDECOY1" │ wrapped data key (65) │ frame │ frame │ …
//! frame  length (4, big-endian) │ sealed: kind (1), bytes
//! ```
//!
//! Each frame is sealed with its number as context, so none can be moved or left out unseen. Nothing
//! that lies here can be run: it is sealed, and its mode lets its owner read it alone.

mod file;
mod quarantine;
mod shelf;
mod transcript;

use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use seal::{DataKey, KeyId, Keyring, SealError};

pub(crate) use quarantine::Incoming;
pub use quarantine::QuarantinedFile;
pub use transcript::{Transcript, TranscriptHead, TranscriptPart, Way};
pub(crate) use transcript::{Writer, session_id};

use file::{Kind, Reader, SealedFile};
use shelf::Shelf;

use crate::config::Bounds;

/// The number of the vault's own key, below all those of a keyring.
const OWN_KEY: KeyId = KeyId(0);

/// Why something could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A file or a folder cannot be used.
    #[error("cannot use {path}: {error}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file does not open with the keys at hand, or was cut.
    #[error("{path} {error}")]
    Sealed {
        /// Which one.
        path: PathBuf,
        /// Why not.
        error: SealError,
    },
    /// There is none of that name.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// A session or a file.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
}

/// How much lies in a part of the vault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many files.
    pub files: usize,
    /// How many bytes they take.
    pub bytes: u64,
    /// How many went to make room since the start.
    pub gone: u64,
}

/// The folder of the decoys, and the keys that seal what lies in it.
#[derive(Debug)]
pub struct Vault {
    folder: PathBuf,
    keyring: Keyring,
    bounds: Bounds,
    transcripts: Mutex<Shelf>,
    quarantine: Mutex<Shelf>,
}

impl Vault {
    /// Opens the vault in a folder and makes it if it is not there. Without a keyring (where the store
    /// is not sealed) it makes a key of its own beside: what intruders left never lies there as it was.
    pub fn open(
        folder: &Path,
        keyring: Option<&Keyring>,
        bounds: &Bounds,
    ) -> Result<Self, VaultError> {
        for part in [folder, &folder.join("transcripts"), &folder.join("quarantine")] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(part);
            made.map_err(|error| VaultError::File { path: part.to_owned(), error })?;
        }
        let keyring = keys(folder, keyring)?;
        let transcripts = Shelf::open(folder.join("transcripts"), bounds.transcripts_mb_max)?;
        let quarantine = Shelf::open(folder.join("quarantine"), bounds.quarantine_mb_max)?;
        Ok(Self {
            folder: folder.to_owned(),
            keyring,
            bounds: bounds.clone(),
            transcripts: Mutex::new(transcripts),
            quarantine: Mutex::new(quarantine),
        })
    }

    /// Gives how much of transcripts is kept.
    pub fn transcripts_kept(&self) -> Kept {
        self.transcripts.lock().unwrap_or_else(PoisonError::into_inner).kept()
    }

    /// Gives how much is in quarantine.
    pub fn quarantine_kept(&self) -> Kept {
        self.quarantine.lock().unwrap_or_else(PoisonError::into_inner).kept()
    }

    /// Gives what one file holds; `None` where there is none.
    pub(crate) fn read_whole(&self, name: &str) -> Result<Option<Vec<u8>>, VaultError> {
        let path = self.folder.join(name);
        if !path.exists() {
            return Ok(None);
        }
        let mut reader = Reader::open(&path, &self.keyring)?;
        Ok(reader.next()?.map(|(_, bytes)| bytes))
    }

    /// Keeps one small file, whole or not at all.
    pub(crate) fn write_whole(&self, name: &str, bytes: &[u8]) -> Result<(), VaultError> {
        let (path, fresh) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        let _ = std::fs::remove_file(&fresh);
        let mut file = SealedFile::create(fresh.clone(), &self.keyring)?;
        file.append(Kind::Whole, bytes)?;
        let synced = std::fs::File::open(&fresh).and_then(|file| file.sync_all());
        synced
            .and_then(|()| std::fs::rename(&fresh, &path))
            .map_err(|error| VaultError::File { path, error })
    }
}

/// Gives the keys: those of the store, and the vault's own where it was made.
fn keys(folder: &Path, keyring: Option<&Keyring>) -> Result<Keyring, VaultError> {
    let path = folder.join("vault.key");
    let mut all = Vec::new();
    let given = keyring.into_iter().flat_map(Keyring::keys);
    for (id, key) in given {
        let copy = DataKey::from_bytes(*key.bytes());
        all.push((id, copy.map_err(|error| VaultError::Sealed { path: path.clone(), error })?));
    }
    if all.is_empty() || path.exists() {
        all.push((OWN_KEY, own_key(&path)?));
    }
    Keyring::of_keys(all).map_err(|error| VaultError::Sealed { path, error })
}

fn own_key(path: &Path) -> Result<DataKey, VaultError> {
    let at = |error| VaultError::File { path: path.to_owned(), error };
    let sealed = |error| VaultError::Sealed { path: path.to_owned(), error };
    if path.exists() {
        let mut bytes = [0; 32];
        let mut file = std::fs::File::open(path).map_err(at)?;
        file.read_exact(&mut bytes).map_err(at)?;
        return DataKey::from_bytes(bytes).map_err(sealed);
    }
    let key = DataKey::generate().map_err(sealed)?;
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(at)?;
    file.write_all(key.bytes()).and_then(|()| file.sync_all()).map_err(at)?;
    Ok(key)
}

#[cfg(test)]
mod tests;
