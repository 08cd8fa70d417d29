//! The part of the disk that is never given away.
//!
//! Every second the disk is looked at. Where less is free than the reserve, the oldest segments go,
//! whole, until there is enough, but never what is held nor what came in within the last hour: a disk
//! that something else fills does not cost all evidence. Where nothing can go any more, appends are
//! refused until there is room again. All of it is counted and told.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use catalog::GivingUp;

use super::graveyard::Readers;
use super::retention::{ingested, oldest_first};
use super::rows::Held;
use super::swap::{Cause, Step, swap};
use crate::StoreError;
use crate::live::Shared;
use crate::segment::Segment;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What came in since is not given up.
const YOUNG: i64 = 3_600_000_000_000;
/// Some more than the reserve is freed, so that it is not done anew for each segment.
const SLACK_PART: u64 = 16;

/// What was found when the disk was last looked at.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    free: AtomicU64,
    reserve: AtomicU64,
    is_low: AtomicBool,
    is_full: AtomicBool,
    is_blind: AtomicBool,
    refused: AtomicU64,
}

impl Disk {
    /// Tells whether less is free than the reserve.
    pub(crate) fn is_low(&self) -> bool {
        self.is_low.load(Ordering::Relaxed)
    }

    /// Tells whether nothing can be given up any more, so that nothing is taken in.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    pub(crate) fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    pub(crate) fn reserve(&self) -> u64 {
        self.reserve.load(Ordering::Relaxed)
    }

    /// Gives how many events were refused because of it.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Refuses events where there is no room for them.
    pub(crate) fn admit(&self, events: usize) -> Result<(), StoreError> {
        if !self.is_full() {
            return Ok(());
        }
        self.refused.fetch_add(u64::try_from(events).unwrap_or_default(), Ordering::Relaxed);
        Err(StoreError::DiskFull { free: self.free(), reserve: self.reserve() })
    }
}

/// Works until the store is closed.
pub(crate) fn run(shared: &Shared) {
    loop {
        let state = shared.state();
        let waited = shared.changed.wait_timeout_while(state, LOOK_EVERY, |state| !state.stopping);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.stopping {
            return;
        }
        drop(state);
        look(shared);
    }
}

/// Looks at the disk, and gives up what must be.
pub(crate) fn look(shared: &Shared) {
    let disk = &shared.disk;
    let space = match (shared.config.surroundings.disk)(&shared.dir) {
        Ok(space) => space,
        Err(error) => {
            if !disk.is_blind.swap(true, Ordering::Relaxed) {
                tracing::error!(%error, "the room on the disk cannot be told");
            }
            return;
        }
    };
    disk.is_blind.store(false, Ordering::Relaxed);
    let reserve = shared.policy.reserve(space.total);
    disk.free.store(space.free, Ordering::Relaxed);
    disk.reserve.store(reserve, Ordering::Relaxed);
    let low = space.free < reserve;
    disk.is_low.store(low, Ordering::Relaxed);
    if low {
        let wanted = reserve.saturating_add(reserve / SLACK_PART);
        // What waits to be deleted counts as free already.
        let free = space.free.saturating_add(shared.graveyard.bytes());
        let freed = make_room(shared, wanted.saturating_sub(free)).unwrap_or_else(|error| {
            tracing::error!(%error, "no room could be made on the disk");
            shared.state().kept.failures += 1;
            0
        });
        set_full(shared, free.saturating_add(freed) < reserve);
    } else {
        set_full(shared, false);
    }
}

/// Gives up the oldest segments until so much is free more; gives how much is.
fn make_room(shared: &Shared, bytes: u64) -> Result<u64, StoreError> {
    shared.graveyard.sweep(Readers::Disregard)?;
    if bytes == 0 {
        return Ok(0);
    }
    let held = Held::read(&shared.catalog)?;
    let young = shared.config.surroundings.now().nanos().saturating_sub(YOUNG);
    let mut out: Vec<Arc<Segment>> = Vec::new();
    let mut freed = 0_u64;
    for segment in oldest_first(shared) {
        if freed >= bytes {
            break;
        }
        if ingested(&segment).1 < young && !held.touches(&segment) {
            freed = freed.saturating_add(segment.disk_bytes());
            out.push(segment);
        }
    }
    if out.is_empty() {
        return Ok(0);
    }
    let giving_up = GivingUp { holds_seen: Some(held.seen), job: None };
    swap(shared, &Step { out: &out, into: Vec::new(), cause: Cause::GivenUp, giving_up })?;
    let events: u64 = out.iter().map(|segment| segment.row.events).sum();
    let until = out.iter().map(|segment| segment.row.last_time).max().unwrap_or_default();
    tracing::warn!(
        segments = out.len(), events, bytes = freed, %until,
        "the disk is nearly full: the oldest events were given up (store.keep.free_gb)"
    );
    drop(out);
    shared.graveyard.sweep(Readers::Disregard)?;
    Ok(freed)
}

fn set_full(shared: &Shared, full: bool) {
    let disk = &shared.disk;
    if disk.is_full.swap(full, Ordering::Relaxed) == full {
        return;
    }
    if full {
        tracing::error!(
            free = disk.free(),
            reserve = disk.reserve(),
            "the disk is full and nothing can be given up: no events are taken in"
        );
    } else {
        tracing::warn!(refused = disk.refused(), "there is room on the disk: events are taken in");
    }
}
