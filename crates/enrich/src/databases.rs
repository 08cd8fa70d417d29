//! The databases that the configuration names, watched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};

use crate::database::{Database, Place};
use crate::lookup::Lookup;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How many databases there may be.
const DATABASES_MAX: usize = 16;

/// Which tables there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Databases in MaxMind's format (`.mmdb`): of places, of networks' owners. What an earlier one says
    /// counts before a later one. They are watched.
    pub databases: Vec<PathBuf>,
}

impl Config {
    /// Gives what is wrong with it: the key, and what.
    pub fn faults(&self) -> Vec<(String, String)> {
        let many = self.databases.len() > DATABASES_MAX;
        let message = format!("there may be {DATABASES_MAX} at most");
        many.then(|| ("databases".to_owned(), message)).into_iter().collect()
    }
}

/// What a file looked like when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    changed: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { bytes: metadata.len(), changed: metadata.modified().ok() })
    }
}

/// All databases as they are in force, to be swapped as a whole.
#[derive(Debug, Default)]
pub(crate) struct Tables(Vec<Arc<Database>>);

impl Tables {
    /// Gives what all of them know of an address.
    pub(crate) fn look_up(&self, address: std::net::IpAddr) -> Place {
        let mut place = Place::default();
        self.0.iter().for_each(|database| database.look_up(address, &mut place));
        place
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is shared by everybody who looks something up.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) tables: ArcSwap<Tables>,
    /// Goes up with each swap, so that what was remembered of an older one is not used.
    pub(crate) edition: AtomicU64,
}

/// The databases, and the thread that watches them.
#[derive(Debug, Default)]
pub struct Databases {
    shared: Arc<Shared>,
    watch: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl Databases {
    /// Reads the databases and begins to watch them; one that cannot be read is told in the log, and read as
    /// soon as it can be.
    pub fn start(config: &Config) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        if config.databases.is_empty() {
            return Ok(Self { shared, watch: None });
        }
        let mut files: Vec<Watched> =
            config.databases.iter().map(|path| Watched::new(path.clone())).collect();
        look(&mut files, &shared);
        let (stop, stopped) = mpsc::channel();
        let watched = Arc::clone(&shared);
        let run = move || {
            while stopped.recv_timeout(LOOK_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                look(&mut files, &watched);
            }
        };
        let thread = thread::Builder::new().name("databases".to_owned()).spawn(run)?;
        Ok(Self { shared, watch: Some((stop, thread)) })
    }

    /// Gives one thread's way to look something up.
    pub fn lookup(&self) -> Lookup {
        Lookup::new(Arc::clone(&self.shared))
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.watch.take() {
            drop(stop);
            // A watch that panicked has nothing left to end.
            let _ = thread.join();
        }
    }
}

/// One file, and what was read of it.
struct Watched {
    path: PathBuf,
    database: Option<Arc<Database>>,
    /// How the file was when it was read, with success or without.
    read: Option<Stamp>,
    /// How it was at the last look: it is read when it no longer changes.
    seen: Option<Stamp>,
    /// Whether its absence was told.
    missed: bool,
}

impl Watched {
    fn new(path: PathBuf) -> Self {
        // As if seen before: at the start nothing is waited for.
        let seen = Stamp::of(&path);
        Self { path, database: None, read: None, seen, missed: false }
    }

    /// Reads the file if it has changed and rests; tells whether there is something new.
    fn renew(&mut self) -> bool {
        let stamp = Stamp::of(&self.path);
        let rests = stamp == self.seen;
        self.seen = stamp;
        let Some(stamp) = stamp else {
            if !std::mem::replace(&mut self.missed, true) {
                tracing::error!(
                    "cannot find the database {}; it is read when it is there",
                    self.path.display()
                );
            }
            return false;
        };
        self.missed = false;
        if !rests || self.read == Some(stamp) {
            return false;
        }
        self.read = Some(stamp);
        match Database::open(&self.path) {
            Ok(database) => {
                let (kind, built) = database.about();
                tracing::info!(
                    "read the database {} ({kind}, built at {built})",
                    self.path.display()
                );
                self.database = Some(Arc::new(database));
                true
            }
            Err(error) => {
                let stays = if self.database.is_some() {
                    "; the one read before stays in force"
                } else {
                    ""
                };
                tracing::error!("cannot read the database {}: {error}{stays}", self.path.display());
                false
            }
        }
    }
}

/// Looks at all files, and swaps the tables if one is new.
fn look(files: &mut [Watched], shared: &Shared) {
    let mut new = false;
    for file in &mut *files {
        new |= file.renew();
    }
    if new {
        let tables = files.iter().filter_map(|file| file.database.clone()).collect();
        shared.tables.store(Arc::new(Tables(tables)));
        shared.edition.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
