//! Files of segments that are no longer listed: deleted once nobody reads them.
//!
//! In this process a segment is read by whoever holds it; the last one to let go brings its file
//! here. Other processes that read the folder hold `store.readers` locked together; the file is
//! deleted when that lock can be had alone. The catalog names the files until they are deleted, so
//! that a stop in between forgets none.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use catalog::Catalog;

use crate::StoreError;
use crate::error::During;
use crate::wal::sync_dir;

/// The file in the store's folder that whoever reads segments holds locked.
pub const READERS_FILE: &str = "store.readers";

/// The files that wait to be deleted.
#[derive(Debug)]
pub(crate) struct Graveyard {
    dir: PathBuf,
    catalog: Catalog,
    waiting: Mutex<Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    file: String,
    bytes: u64,
}

/// Whether other processes that still read are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Yes.
    Wait,
    /// No: the disk is full, and what they read may break off.
    Disregard,
}

impl Graveyard {
    pub(crate) fn new(dir: PathBuf, catalog: Catalog) -> Self {
        Self { dir, catalog, waiting: Mutex::default() }
    }

    /// Takes a file that this process no longer reads.
    pub(crate) fn bury(&self, file: String, bytes: u64) {
        self.waiting().push(Waiting { file, bytes });
    }

    /// Gives how much room the files take that wait.
    pub(crate) fn bytes(&self) -> u64 {
        self.waiting().iter().map(|one| one.bytes).sum()
    }

    /// Deletes what can be deleted; gives how many files still wait for other processes.
    pub(crate) fn sweep(&self, readers: Readers) -> Result<usize, StoreError> {
        if self.waiting().is_empty() {
            return Ok(0);
        }
        let _alone = match (lock(&self.dir, Together::No), readers) {
            (Ok(alone), _) => Some(alone),
            (Err(_), Readers::Disregard) => None,
            (Err(_), Readers::Wait) => return Ok(self.waiting().len()),
        };
        let waiting = std::mem::take(&mut *self.waiting());
        let mut deleted = Vec::with_capacity(waiting.len());
        let mut outcome = Ok(());
        for one in waiting {
            match delete(&self.dir.join(&one.file)) {
                Ok(()) => deleted.push(one.file),
                Err(error) => {
                    outcome = Err(error);
                    self.waiting().push(one);
                }
            }
        }
        // A power cut must not bring back what the catalog has forgotten.
        let mut folders: Vec<PathBuf> =
            deleted.iter().filter_map(|file| Some(self.dir.join(file).parent()?.into())).collect();
        folders.dedup();
        for folder in folders {
            sync_dir(&folder).during(|| format!("sync {}", folder.display()))?;
        }
        self.catalog.forget_gone_files(&deleted)?;
        outcome.map(|()| self.waiting().len())
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes a segment's files; those that are not there are no fault.
pub(crate) fn delete(segment: &Path) -> Result<(), StoreError> {
    for path in [segment.to_owned(), segment.with_extension("index")] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).during(|| format!("delete {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether several processes may hold the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Together {
    Yes,
    No,
}

/// Tells the process that owns the folder that this one reads it, as long as the file lives: no
/// segment is deleted meanwhile.
pub fn read_lock(dir: &Path) -> io::Result<File> {
    lock(dir, Together::Yes)
}

fn lock(dir: &Path, together: Together) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(dir.join(READERS_FILE))?;
    let kind = match together {
        // The owner holds it only while it deletes files.
        Together::Yes => rustix::fs::FlockOperation::LockShared,
        Together::No => rustix::fs::FlockOperation::NonBlockingLockExclusive,
    };
    rustix::fs::flock(&file, kind)?;
    Ok(file)
}
