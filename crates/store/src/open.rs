//! Opens a store: puts right what a stop of any kind left behind.

use std::collections::HashSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use catalog::{Catalog, SegmentRow};
use seal::Keyring;

use crate::damage::Damage;
use crate::error::During;
use crate::live::{Counters, Shared, State};
use crate::memory::Growing;
use crate::secret::show_position;
use crate::segment::Segment;
use crate::wal::{self, Replayed};
use crate::{Config, StoreError, flush};

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
    for kept in checkpoints {
        let shown = show_position(config.keyring.as_ref(), kept)?;
        state.checkpoints.insert(shown.key, shown.position);
    }
    let mut segments = Vec::with_capacity(rows.len());
    let mut absent = Vec::new();
    for row in rows {
        state.next_id = state.next_id.max(row.last_id.saturating_add(1));
        match admit(dir, row, config.keyring.as_ref())? {
            Ok(segment) => segments.push(Arc::new(segment)),
            Err(damage) => {
                tracing::error!(file = damage.file, "a listed segment: {}", damage.reason);
                absent.push(damage);
            }
        }
    }
    let missing = absent.len();
    state.absent = Arc::new(absent);
    let published = segments.iter().map(|segment| segment.stats.log).max().unwrap_or_default();
    let found: u64 = segments.iter().map(|segment| segment.row.events).sum();
    state.segments = Arc::new(segments);
    let shared = Shared::new(dir.to_owned(), config, catalog, state);
    Counters::add(&shared.counters.missing, missing);
    Counters::add(&shared.counters.found, usize::try_from(found).unwrap_or_default());
    if access == Access::Owner {
        flush::remove_logs(&dir.join("wal"), published)?;
        remove_orphans(&shared)?;
    }
    let last = replay(&shared, published, access)?;
    Ok(Opened { shared, next_log: last.max(published) + 1 })
}

/// Gives a listed segment, or what stands against reading it.
///
/// What another key sealed is not damaged: then the whole store must not be opened.
fn admit(
    dir: &Path,
    row: SegmentRow,
    keyring: Option<&Keyring>,
) -> Result<Result<Segment, Damage>, StoreError> {
    let (path, bytes) = (dir.join(&row.file), row.bytes);
    match std::fs::metadata(&path) {
        Ok(found) if found.len() == bytes => {}
        Ok(found) => {
            let reason = format!("is {} bytes long and was written with {bytes}", found.len());
            return Ok(Err(Damage::of(&row, reason)));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Err(Damage::of(&row, "is missing")));
        }
        Err(error) => return Ok(Err(Damage::of(&row, error.to_string()))),
    }
    let told = Damage::of(&row, "its entry in the catalog cannot be read");
    match Segment::of(dir, row, keyring) {
        Err(error @ StoreError::Sealed { .. }) => Err(error),
        other => Ok(other.map_err(|_| told)),
    }
}

/// Sets segment files aside that the catalog does not list: what a stop left behind, whose events
/// stand in the log still; or, where the catalog is an older one, the only copy that there is.
fn remove_orphans(shared: &Shared) -> Result<(), StoreError> {
    let root = shared.dir.join("segments");
    let what = || format!("list {}", root.display());
    let listed: HashSet<_> = {
        let state = shared.state();
        let there = state.segments.iter().map(|segment| &segment.row.file);
        let absent = state.absent.iter().map(|damage| &damage.file);
        there.chain(absent).map(|file| shared.dir.join(file)).collect()
    };
    for day in std::fs::read_dir(&root).during(what)? {
        let day = day.during(what)?.path();
        if !day.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&day).during(what)? {
            let path = file.during(what)?.path();
            let ours = path.extension().is_some_and(|extension| extension == "parquet");
            if ours && !listed.contains(&path) {
                let aside = shared.dir.join("quarantine");
                let what = || format!("set {} aside", path.display());
                std::fs::create_dir_all(&aside).during(what)?;
                let name = path.file_name().unwrap_or_default();
                std::fs::rename(&path, aside.join(name)).during(what)?;
                tracing::warn!(file = %path.display(), "a segment that the catalog does not list was set aside in quarantine");
                Counters::add(&shared.counters.orphans, 1);
            }
        }
    }
    Ok(())
}

/// Reads the log files that are not in segments; gives the number of the last one.
fn replay(shared: &Shared, published: u64, access: Access) -> Result<u64, StoreError> {
    let dir = shared.dir.join("wal");
    let numbers: Vec<u64> =
        wal::list(&dir)?.into_iter().filter(|number| *number > published).collect();
    let last = numbers.last().copied().unwrap_or_default();
    for number in numbers {
        let path = wal::path_of(&dir, number);
        let replayed = wal::read(&path, shared.config.keyring.as_ref())?;
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
        wal::Damage::None => Ok(()),
        // The header itself was being written: there was nothing else in the file. A longer file
        // held records once, and is set aside below.
        wal::Damage::Tail(0) if is_last && length(path)? <= HEADER_BYTES_MAX => {
            std::fs::remove_file(path).during(|| format!("delete {}", path.display()))
        }
        wal::Damage::Tail(at) if is_last && at > 0 => {
            let bytes = length(path)?.saturating_sub(at);
            tracing::warn!(file = %path.display(), bytes, "an unfinished end was cut off the log");
            wal::cut_tail(path, at)
        }
        wal::Damage::Tail(_) | wal::Damage::Middle => {
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
