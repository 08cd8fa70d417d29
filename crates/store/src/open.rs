//! Opens a store: puts right what a stop of any kind left behind.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use catalog::{Catalog, SegmentRow};
use seal::{Keyring, is_sealed_text};

use crate::damage::Damage;
use crate::error::During;
use crate::folder::{self, entries, is_segment};
use crate::live::{Counters, Shared, State};
use crate::memory::Growing;
use crate::secret::show_position;
use crate::segment::{self, Segment};
use crate::wal::{self, Replayed};
use crate::{Config, StoreError, chain, flush, keep};

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
    let (chain, notices, doubted) = match access {
        Access::Owner => {
            folder::check_catalog(dir, &catalog)?;
            let mut notices = folder::notices(dir, &catalog)?;
            let key = chain::begin(dir, &catalog, &config)?;
            let doubted = chain::doubted(&catalog, &key, &mut notices)?;
            (Some(key), notices, doubted)
        }
        Access::Reader => (chain::key(dir, &config)?, Vec::new(), BTreeSet::new()),
    };
    let Listed { segments, absent, published, number } = list(dir, &catalog, &config, &doubted)?;
    let mut state = State { committed: catalog.committed()?, notices, ..State::default() };
    let lasts = absent.iter().map(|(last_id, _)| *last_id);
    let lasts = lasts.chain(segments.iter().map(|segment| segment.row.last_id));
    state.next_id = lasts.map(|last| last.saturating_add(1)).fold(state.committed, u64::max);
    for kept in catalog.checkpoints()? {
        let shown = show_position(config.keyring.as_ref(), kept)?;
        state.note(&shown);
    }
    state.ledger.found = segments.iter().map(|segment| segment.row.events).sum();
    state.segments = Arc::new(segments);
    state.absent = Arc::new(absent.into_iter().map(|(_, damage)| damage).collect());
    let missing = state.absent.len();
    let shared = Shared::new(dir.to_owned(), config, catalog, chain, state)?;
    Counters::add(&shared.counters.missing, missing);
    if access == Access::Owner {
        flush::remove_logs(&dir.join("wal"), published)?;
    }
    let last = replay(&shared, published, access)?;
    if access == Access::Owner {
        keep::clear_orphans(&shared)?;
        skip_set_aside(&shared)?;
    }
    Ok(Opened { shared, next_log: last.max(published).max(number) + 1 })
}

/// What the catalog lists.
struct Listed {
    segments: Vec<Arc<Segment>>,
    /// What cannot be opened, and its greatest identity.
    absent: Vec<(u64, Damage)>,
    /// The last log file whose events are all in segments.
    published: u64,
    /// The greatest number that a file's name begins with: names are not given twice.
    number: u64,
}

fn list(
    dir: &Path,
    catalog: &Catalog,
    config: &Config,
    doubted: &BTreeSet<String>,
) -> Result<Listed, StoreError> {
    let mut listed = Listed { segments: Vec::new(), absent: Vec::new(), published: 0, number: 0 };
    let mut closed = None;
    for row in catalog.segments()? {
        let (number, last_id) = (folder::number_of(Path::new(&row.file)), row.last_id);
        listed.number = listed.number.max(number.unwrap_or_default());
        match admit(dir, row, config.keyring.as_ref()) {
            Ok(segment) => {
                // A changed entry must not have log files deleted that are needed.
                let is_doubted = doubted.contains(&segment.row.file);
                let bound = if is_doubted { number.unwrap_or_default() } else { u64::MAX };
                listed.published = listed.published.max(segment.stats.log.min(bound));
                listed.segments.push(Arc::new(segment));
            }
            Err((damage, error)) => {
                tracing::error!(file = damage.file, "a listed segment: {}", damage.reason);
                listed.absent.push((last_id, damage));
                closed = closed.or(error);
            }
        }
    }
    // One entry that does not open was changed; if none does, the key is another, and the store must
    // not be opened.
    match closed.filter(|_| listed.segments.is_empty()) {
        Some(error) => Err(error),
        None => Ok(listed),
    }
}

/// Gives a listed segment, or what stands against reading it, with the error where it is sealed.
fn admit(
    dir: &Path,
    row: SegmentRow,
    keyring: Option<&Keyring>,
) -> Result<Segment, (Damage, Option<StoreError>)> {
    let (path, bytes) = (dir.join(&row.file), row.bytes);
    match std::fs::metadata(&path) {
        Ok(found) if found.len() == bytes => {}
        Ok(found) => {
            let reason = format!("is {} bytes long and was written with {bytes}", found.len());
            return Err((Damage::of(&row, reason), None));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err((Damage::of(&row, "is missing"), None));
        }
        Err(error) => return Err((Damage::of(&row, error.to_string()), None)),
    }
    // A plain file in the place of a sealed one was put there.
    let must_be_sealed = is_sealed_text(&row.stats);
    let magic = segment::has_magic(&path, must_be_sealed);
    match magic {
        Ok(true) => {}
        Ok(false) if must_be_sealed => {
            return Err((Damage::of(&row, "was written sealed, and is not a sealed file"), None));
        }
        Ok(false) => return Err((Damage::of(&row, "does not begin as a segment does"), None)),
        Err(error) => return Err((Damage::of(&row, error.to_string()), None)),
    }
    let told = Damage::of(&row, "its entry in the catalog cannot be read");
    match Segment::of(dir, row, keyring) {
        Err(error @ StoreError::Sealed { .. }) => Err((told, Some(error))),
        other => other.map_err(|_| (told, None)),
    }
}

/// The identities of events that were set aside are not given again, so that `doctor --repair` can
/// list their segments.
fn skip_set_aside(shared: &Shared) -> Result<(), StoreError> {
    let aside = entries(&shared.dir.join("quarantine"))?;
    let last = aside.iter().filter(|path| is_segment(path)).filter_map(|path| {
        let look = segment::look(path, shared.config.keyring.as_ref());
        look.ok().map(|look| look.last_id)
    });
    if let Some(last) = last.max() {
        let mut state = shared.state();
        state.next_id = state.next_id.max(last.saturating_add(1));
    }
    Ok(())
}

/// Reads the log files that are not in segments; gives the number of the last one.
fn replay(shared: &Shared, published: u64, access: Access) -> Result<u64, StoreError> {
    let dir = shared.dir.join("wal");
    let numbers: Vec<u64> =
        wal::list(&dir)?.into_iter().filter(|number| *number > published).collect();
    let last = numbers.last().copied().unwrap_or_default();
    let written = match access {
        Access::Owner => last_written(shared, &dir, &numbers)?,
        Access::Reader => last,
    };
    for number in numbers {
        let path = wal::path_of(&dir, number);
        let replayed = wal::read(&path, shared.config.keyring.as_ref())?;
        if access == Access::Owner {
            put_right(shared, &path, &replayed, number >= written)?;
        }
        let empty = replayed.contents.is_empty();
        take(shared, replayed, number);
        if empty && access == Access::Owner && path.exists() {
            std::fs::remove_file(&path).during(|| format!("delete {}", path.display()))?;
        }
    }
    Ok(last)
}

/// Gives the number of the last file that records were written to; behind it stand only files that were
/// made ahead, or begun.
fn last_written(shared: &Shared, dir: &Path, numbers: &[u64]) -> Result<u64, StoreError> {
    for number in numbers.iter().rev() {
        let path = wal::path_of(dir, *number);
        let is_short = length(&path)? <= HEADER_BYTES_MAX;
        if !is_short || !wal::read(&path, shared.config.keyring.as_ref())?.is_bare() {
            return Ok(*number);
        }
    }
    Ok(numbers.first().copied().unwrap_or_default())
}

fn put_right(
    shared: &Shared,
    path: &Path,
    replayed: &Replayed,
    is_last: bool,
) -> Result<(), StoreError> {
    match replayed.damage {
        // It was written whole; whether it was synced the one who wrote it may not have lived to see.
        // Sources go on from behind it, so a power cut must not take it away later.
        wal::Damage::None => wal::sync(path),
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
        state.ledger.replayed += u64::try_from(content.events.len()).unwrap_or_default();
        let last = content.events.iter().map(|event| event.id.0).max();
        state.next_id = state.next_id.max(last.map_or(0, |last| last.saturating_add(1)));
        for checkpoint in &content.checkpoints {
            state.note(checkpoint);
        }
        state.growing.add(&content.events, &content.checkpoints, content.bytes);
    }
    if state.growing.is_full(&shared.config) {
        let growing: Growing = std::mem::take(&mut state.growing);
        state.frozen.push(Arc::new(growing.freeze(number)));
    }
}
