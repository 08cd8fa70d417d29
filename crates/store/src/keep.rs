//! Keeping: segments are merged, what is too old goes, what is held stays, and some of the disk is
//! left alone.
//!
//! One thread does it, behind everybody else's back: it has the lowest rank the system gives, and
//! waits while generations wait to be written. Whatever it does is one step of the segment list
//! ([`swap`]), so that a stop at any moment leaves either what was or what shall be; the files of
//! segments that went out are deleted when nobody reads them any more ([`graveyard`]).
//!
//! A second one looks at the disk every second ([`reserve`]).

mod asked;
mod config;
mod graveyard;
mod jobs;
mod merge;
mod orphans;
mod plan;
mod reserve;
mod retention;
mod rows;
mod status;
mod surroundings;
mod swap;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use catalog::{CatalogError, GivingUp, SegmentId};

use crate::live::Shared;
use crate::segment::Segment;
use crate::{StoreError, clock};

use self::merge::{Input, merge};
use self::plan::{Haste, Piece, plan};
use self::swap::{Cause, Step, swap};

pub(crate) use self::config::Policy;
pub use self::config::{KeepConfig, KeepFault, KeepSet};
pub(crate) use self::graveyard::{Graveyard, Readers};
pub use self::graveyard::{READERS_FILE, read_lock};
pub use self::jobs::{PurgeCount, Purging};
pub(crate) use self::orphans::clear as clear_orphans;
pub(crate) use self::reserve::{Disk, run as run_reserve};
pub(crate) use self::retention::Memo;
pub use self::status::{HeldStatus, KeepStatus, NextToGo, SetStatus, Tier};
pub use self::surroundings::{Space, Surroundings};

/// How often jobs are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How many generations wait before merging does too.
const WAITING_MAX: usize = 2;
/// How often a wait looks whether it is over, besides being told.
const WAIT_LOOK: Duration = Duration::from_millis(500);
/// The thread's rank: far behind those that take events in.
const NICENESS: i32 = 15;

/// What keeping did since the store was opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeptSoFar {
    pub(crate) merges: u64,
    pub(crate) merged: u64,
    pub(crate) given_up: u64,
    pub(crate) failures: u64,
}

/// Works until the store is closed.
pub(crate) fn run(shared: &Shared) {
    let Some(every) = shared.config.keep_every else { return };
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "merging runs at the rank of everything else");
    }
    let mut last = Instant::now();
    loop {
        let state = shared.state();
        let waited = shared.changed.wait_timeout_while(state, LOOK_EVERY, |state| !state.stopping);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.stopping {
            return;
        }
        drop(state);
        let is_due = last.elapsed() >= every;
        if is_due {
            last = Instant::now();
        }
        // A damaged file must not end the tidying of all others.
        let work = || if is_due { round(shared) } else { do_jobs(shared) };
        let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            Err(StoreError::Internal("a fault of ours ended the tidying".to_owned()))
        });
        if let Err(error) = done
            && !shared.state().stopping
        {
            note_failure(shared, &error);
        }
    }
}

/// Does what somebody asked for.
fn do_jobs(shared: &Shared) -> Result<(), StoreError> {
    let _keeping = shared.keeping.lock().unwrap_or_else(PoisonError::into_inner);
    jobs::run(shared)?;
    shared.graveyard.sweep(Readers::Wait).map(|_| ())
}

/// Does all that is due now.
fn round(shared: &Shared) -> Result<(), StoreError> {
    reserve::look(shared);
    let _keeping = shared.keeping.lock().unwrap_or_else(PoisonError::into_inner);
    jobs::run(shared)?;
    let expired = retention::expire(shared);
    shared.graveyard.sweep(Readers::Wait)?;
    expired?;
    compact(shared, Haste::Patient)?;
    shared.graveyard.sweep(Readers::Wait)?;
    Ok(())
}

fn note_failure(shared: &Shared, error: &StoreError) {
    tracing::error!(%error, "the store could not be tidied; it is tried again");
    shared.state().kept.failures += 1;
}

/// Merges what is due.
fn compact(shared: &Shared, haste: Haste) -> Result<(), StoreError> {
    let segments = Arc::clone(&shared.state().segments);
    let pieces: Vec<Piece> = segments
        .iter()
        .filter(|segment| !shared.memo.is_unreadable(segment.row.id))
        .map(|segment| piece(segment))
        .collect();
    drop(segments);
    let now = shared.config.surroundings.now().nanos();
    for ids in plan(&pieces, now, haste) {
        pace(shared)?;
        if shared.disk.is_low() {
            // Merging needs room before it gives some.
            return Ok(());
        }
        match compact_some(shared, &ids) {
            // The others are merged without them from the next round on; `doctor` names them.
            Err(StoreError::Damaged { file, reason }) => {
                tracing::error!(file, reason, "segments could not be merged and stay as they are");
                shared.state().kept.failures += 1;
                shared.memo.note_unreadable(&ids);
            }
            merged => merged?,
        }
    }
    Ok(())
}

fn compact_some(shared: &Shared, ids: &[SegmentId]) -> Result<(), StoreError> {
    let listed = Arc::clone(&shared.state().segments);
    let out: Vec<Arc<Segment>> =
        listed.iter().filter(|segment| ids.contains(&segment.row.id)).cloned().collect();
    drop(listed);
    if out.len() != ids.len() {
        // Some were given up since.
        return Ok(());
    }
    let inputs: Vec<Input<'_>> = out.iter().map(|segment| Input { segment, stay: None }).collect();
    let row = merge(shared, &inputs, name_of(&out))?;
    drop(inputs);
    let step =
        Step { out: &out, into: vec![row], cause: Cause::Merged, giving_up: GivingUp::default() };
    match swap(shared, &step) {
        Err(StoreError::Catalog(error)) if matches!(*error, CatalogError::NoSegment(_)) => Ok(()),
        swapped => swapped,
    }
}

fn piece(segment: &Segment) -> Piece {
    Piece {
        id: segment.row.id,
        bytes: segment.row.bytes,
        level: segment.stats.level,
        first_time: segment.row.first_time.nanos(),
        ingested_last: retention::ingested(segment).1,
    }
}

/// Names the segment that takes the place of others. No two files ever have one name, not even where
/// the first could not be listed: a commit whose answer was an error may come to light after a crash,
/// and must then find the very file that it speaks of.
fn name_of(out: &[Arc<Segment>]) -> String {
    let folder = out.iter().map(|segment| segment.row.file.as_str()).min().unwrap_or_default();
    let folder = folder.rsplit_once('/').map_or("segments", |(folder, _)| folder);
    let log = out.iter().map(|segment| segment.stats.log).max().unwrap_or_default();
    let last = out.iter().map(|segment| segment.row.id.0).max().unwrap_or_default();
    format!("{folder}/{log:08}-m{last}-{:x}.parquet", clock::now().nanos())
}

/// Gives way to those that take events in; an end where the store is being closed.
fn pace(shared: &Shared) -> Result<(), StoreError> {
    // Who only reads has nobody to wait for.
    let is_owner = shared.commit.get().is_some();
    let mut state = shared.state();
    while is_owner && state.frozen.len() >= WAITING_MAX && !state.stopping {
        let waited = shared.changed.wait_timeout(state, WAIT_LOOK);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    if state.stopping {
        return Err(StoreError::Closed { why: "it was closed" });
    }
    Ok(())
}
