//! Opens a store: puts right what a stop of any kind left behind.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use catalog::Catalog;

use crate::error::During;
use crate::live::{Counters, Shared, State};
use crate::memory::Growing;
use crate::segment::Segment;
use crate::wal::{self, Damage, Replayed};
use crate::{Config, StoreError, flush, keep};

/// A process that was just ended, or is just starting a child, may hold the lock for a moment.
const LOCK_TRIES_MAX: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// Holds the data folder for this process as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("store.lock");
        let what = || format!("open {}", path.display());
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.during(what)?;
        for _ in 0..LOCK_TRIES_MAX {
            match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE),
                Err(error) => return Err(error.into()).during(what),
            }
        }
        Err(StoreError::Locked { folder: dir.to_owned() })
    }
}

/// No header of a log file is longer.
const HEADER_BYTES_MAX: u64 = 64 << 10;

/// What was found on disk.
pub(crate) struct Opened {
    pub(crate) shared: Shared,
    /// The number of the next log file.
    pub(crate) next_log: u64,
}

/// Whether the files may be put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// This process owns the folder.
    Owner,
    /// Another one may be writing.
    Reader,
}

/// Reads the catalog and replays the log.
pub(crate) fn open(
    dir: &Path,
    catalog: Catalog,
    config: Config,
    access: Access,
) -> Result<Opened, StoreError> {
    let rows = catalog.segments()?;
    let mut state = State { committed: catalog.committed()?, ..State::default() };
    state.next_id = state.committed;
    let checkpoints = catalog.checkpoints()?;
    state.checkpoints = checkpoints.into_iter().map(|one| (one.key, one.position)).collect();
    let mut segments = Vec::with_capacity(rows.len());
    let mut missing = 0;
    for row in rows {
        let segment = Segment::of(dir, row)?;
        if dir.join(&segment.row.file).exists() {
            state.next_id = state.next_id.max(segment.row.last_id.saturating_add(1));
            segments.push(Arc::new(segment));
        } else {
            tracing::error!(file = segment.row.file, "a listed segment is missing");
            missing += 1;
        }
    }
    let published = segments.iter().map(|segment| segment.stats.log).max().unwrap_or_default();
    let found: u64 = segments.iter().map(|segment| segment.row.events).sum();
    state.segments = Arc::new(segments);
    let shared = Shared::new(dir.to_owned(), config, catalog, state)?;
    Counters::add(&shared.counters.missing, missing);
    Counters::add(&shared.counters.found, usize::try_from(found).unwrap_or_default());
    if access == Access::Owner {
        flush::remove_logs(&dir.join("wal"), published)?;
    }
    let last = replay(&shared, published, access)?;
    if access == Access::Owner {
        keep::clear_orphans(&shared)?;
    }
    Ok(Opened { shared, next_log: last.max(published) + 1 })
}

/// Reads the log files that are not in segments; gives the number of the last one.
fn replay(shared: &Shared, published: u64, access: Access) -> Result<u64, StoreError> {
    let dir = shared.dir.join("wal");
    let numbers: Vec<u64> =
        wal::list(&dir)?.into_iter().filter(|number| *number > published).collect();
    let last = numbers.last().copied().unwrap_or_default();
    for number in numbers {
        let path = wal::path_of(&dir, number);
        let replayed = wal::read(&path)?;
        if access == Access::Owner {
            put_right(shared, &path, &replayed, number == last)?;
        }
        let empty = replayed.contents.is_empty();
        take(shared, replayed, number);
        if empty && access == Access::Owner && path.exists() {
            std::fs::remove_file(&path).during(|| format!("delete {}", path.display()))?;
        }
    }
    Ok(last)
}

fn put_right(
    shared: &Shared,
    path: &Path,
    replayed: &Replayed,
    is_last: bool,
) -> Result<(), StoreError> {
    match replayed.damage {
        Damage::None => Ok(()),
        // The header itself was being written: there was nothing else in the file. A longer file
        // held records once, and is set aside below.
        Damage::Tail(0) if is_last && length(path)? <= HEADER_BYTES_MAX => {
            std::fs::remove_file(path).during(|| format!("delete {}", path.display()))
        }
        Damage::Tail(at) if is_last && at > 0 => {
            let bytes = length(path)?.saturating_sub(at);
            tracing::warn!(file = %path.display(), bytes, "an unfinished end was cut off the log");
            wal::cut_tail(path, at)
        }
        Damage::Tail(_) | Damage::Middle => {
            tracing::error!(file = %path.display(), "damaged log file set aside in quarantine");
            Counters::add(&shared.counters.quarantined, 1);
            wal::quarantine(path, replayed, &shared.dir.join("quarantine"))
        }
    }
}

fn length(path: &Path) -> Result<u64, StoreError> {
    let metadata = std::fs::metadata(path).during(|| format!("look at {}", path.display()))?;
    Ok(metadata.len())
}

/// Takes the events of one log file into memory. A generation ends with a file, never within one.
fn take(shared: &Shared, replayed: Replayed, number: u64) {
    let mut state = shared.state();
    if let Some(header) = &replayed.header {
        state.next_id = state.next_id.max(header.next_id);
    }
    for content in replayed.contents {
        Counters::add(&shared.counters.replayed, content.events.len());
        let last = content.events.iter().map(|event| event.id.0).max();
        state.next_id = state.next_id.max(last.map_or(0, |last| last.saturating_add(1)));
        for checkpoint in &content.checkpoints {
            state.checkpoints.insert(checkpoint.key.clone(), checkpoint.position.clone());
        }
        state.growing.add(&content.events, &content.checkpoints, content.bytes);
    }
    if state.growing.is_full(&shared.config) {
        let growing: Growing = std::mem::take(&mut state.growing);
        state.frozen.push(Arc::new(growing.freeze(number)));
    }
}
