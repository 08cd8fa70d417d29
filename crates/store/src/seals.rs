//! Which files of a store are sealed, and by which key of the keyring; read from the files alone.

use std::fs::File;
use std::path::{Path, PathBuf};

use seal::{KeyId, Keyring, wrapped_by};

use crate::error::During;
use crate::folder::segment_files;
use crate::{Store, StoreError, segment, wal};

/// How a file is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seal {
    /// As plain text.
    Plain,
    /// With a data key that this key of the keyring wraps.
    Key(KeyId),
    /// Sealed, and nobody can tell by what: its footer or header is damaged.
    Damaged,
}

/// A file of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFile {
    /// Where it is.
    pub path: PathBuf,
    /// How it is kept.
    pub seal: Seal,
}

/// The files of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seals {
    /// The segments.
    pub segments: Vec<SealedFile>,
    /// The log files.
    pub logs: Vec<SealedFile>,
}

impl Seals {
    /// Looks at the files of the store in that folder; one that goes meanwhile is left out.
    pub fn of(dir: &Path) -> Result<Self, StoreError> {
        let mut seals = Self::default();
        let log_dir = dir.join("wal");
        let numbers = if log_dir.is_dir() { wal::list(&log_dir)? } else { Vec::new() };
        for number in numbers {
            let path = wal::path_of(&log_dir, number);
            let Some(seal) = gone_or(wal::wrapped_key(&path))? else { continue };
            let seal = seal.map_or(Seal::Plain, |wrapped| seal_of(&wrapped));
            seals.logs.push(SealedFile { path, seal });
        }
        for path in segment_files(dir)? {
            let opened = File::open(&path).during(|| format!("open {}", path.display()));
            let Some(file) = gone_or(opened)? else { continue };
            let seal = match segment::wrapped_key(&file) {
                Some(wrapped) => seal_of(&wrapped),
                None if segment::is_sealed(&file) => Seal::Damaged,
                None => Seal::Plain,
            };
            seals.segments.push(SealedFile { path, seal });
        }
        Ok(seals)
    }

    /// Gives a file that is sealed.
    pub fn sealed(&self) -> Option<&Path> {
        let mut all = self.segments.iter().chain(&self.logs);
        all.find(|file| file.seal != Seal::Plain).map(|file| file.path.as_path())
    }
}

impl Store {
    /// Gives the keys that open what is sealed.
    pub fn keyring(&self) -> Option<&Keyring> {
        self.shared().config.keyring.as_ref()
    }

    /// Gives the keys that seal what is written.
    pub fn sealing(&self) -> Option<&Keyring> {
        self.shared().config.sealing()
    }
}

/// Gives the data key of one segment, so that another program can read that file and no other.
pub fn segment_key(path: &Path, keyring: &Keyring) -> Result<[u8; 32], StoreError> {
    let name = || path.display().to_string();
    let file = File::open(path).during(|| format!("open {}", path.display()))?;
    let wrapped = segment::wrapped_key(&file);
    let wrapped = wrapped.ok_or_else(|| StoreError::sealed(name(), "is not a sealed segment"))?;
    let key = keyring.unwrap_key(&wrapped).map_err(|error| StoreError::sealed(name(), error))?;
    Ok(*key.bytes())
}

fn seal_of(wrapped: &[u8]) -> Seal {
    wrapped_by(wrapped).map_or(Seal::Damaged, Seal::Key)
}

fn gone_or<T>(found: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Err(StoreError::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        found => found.map(Some),
    }
}
