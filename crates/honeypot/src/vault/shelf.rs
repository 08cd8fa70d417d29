//! The files of one kind, oldest first, and how much they may take together.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Kept, VaultError};

/// Bounds how many files lie in one folder.
const FILES_MAX: usize = 100_000;
/// How old a file is that was begun and never ended, so that nobody can still be writing it.
const STALE: Duration = Duration::from_hours(48);
/// What every file of the vault ends with.
pub(super) const ENDING: &str = ".sealed";

#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
    bytes_max: u64,
    files: VecDeque<(String, u64)>,
    bytes: u64,
    /// Of files that are under way.
    coming: u64,
    gone: u64,
}

impl Shelf {
    /// Looks through the folder; what a crash left half written long ago goes.
    pub(super) fn open(folder: PathBuf, mb_max: u64) -> Result<Self, VaultError> {
        let mut found = Vec::new();
        let at = |error| VaultError::File { path: folder.clone(), error };
        for entry in std::fs::read_dir(&folder).map_err(at)? {
            let entry = entry.map_err(at)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let Ok(metadata) = entry.metadata() else { continue };
            let modified = metadata.modified().ok();
            if name.ends_with(ENDING) {
                found.push((modified, name, metadata.len()));
            } else if modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > STALE) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        found.sort();
        let files: VecDeque<_> = found.into_iter().map(|(_, name, size)| (name, size)).collect();
        let bytes = files.iter().map(|(_, size)| size).sum();
        let bytes_max = mb_max.saturating_mul(1 << 20);
        Ok(Self { folder, bytes_max, files, bytes, coming: 0, gone: 0 })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.folder.join(name).exists()
    }

    /// Makes room for so much more of a file that is under way, where the oldest go for it; tells whether
    /// there is. So many that come at once take no more than those that lie there may.
    pub(super) fn reserve(&mut self, bytes: u64) -> bool {
        if self.coming.saturating_add(bytes) > self.bytes_max {
            return false;
        }
        self.coming = self.coming.saturating_add(bytes);
        self.thin(0);
        true
    }

    /// Gives back what was reserved and is not under way any more.
    pub(super) fn release(&mut self, bytes: u64) {
        self.coming = self.coming.saturating_sub(bytes);
    }

    /// Takes a new file in, for which so much was reserved; where that is too much, the oldest go.
    pub(super) fn put(&mut self, name: String, bytes: u64, reserved: u64) {
        self.release(reserved);
        self.files.push_back((name, bytes));
        self.bytes = self.bytes.saturating_add(bytes);
        self.thin(1);
    }

    /// Lets the oldest go until the rest fits; so many stay in any case.
    fn thin(&mut self, stay: usize) {
        let over = |shelf: &Self| {
            shelf.bytes.saturating_add(shelf.coming) > shelf.bytes_max
                || shelf.files.len() > FILES_MAX
        };
        while over(self) && self.files.len() > stay {
            let Some((oldest, size)) = self.files.pop_front() else { return };
            let _ = std::fs::remove_file(self.folder.join(oldest));
            self.bytes = self.bytes.saturating_sub(size);
            self.gone += 1;
        }
    }

    pub(super) fn kept(&self) -> Kept {
        Kept { files: self.files.len(), bytes: self.bytes, gone: self.gone }
    }

    /// Gives the names, oldest first.
    pub(super) fn names(&self) -> Vec<String> {
        self.files.iter().map(|(name, _)| name.clone()).collect()
    }
}
