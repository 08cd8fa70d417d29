//! What somebody asked for: a purge, a merge now.
//!
//! A job is a row of the catalog until it is done. A purge writes anew, one after another, the
//! segments that hold what matches; each of these steps counts for the job in its own transaction. So
//! a purge that was cut off goes on at the next start, and its count is right.

use catalog::{CatalogError, GivingUp, Job, JobKind, JobState};
use model::{Event, Timestamp};
use query::Predicate;

use super::compact;
use super::plan::Haste;
use super::retention::give_up;
use super::rows::{Condemned, Held, may_concern, stay};
use super::swap::Cause;
use crate::StoreError;
use crate::live::Shared;
use crate::search::Scope;

/// How often one segment is looked at again because a hold was set meanwhile.
const HELD_TRIES_MAX: usize = 8;

/// Which events a purge deletes.
#[derive(Clone, Debug)]
pub struct Purging {
    /// Which of them, in KQL; empty for all.
    pub matching: String,
    /// The earliest time.
    pub from: Timestamp,
    /// The time before which they happened.
    pub to: Timestamp,
}

/// What a purge would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PurgeCount {
    /// Events that it would delete.
    pub events: u64,
    /// Events that match and are held.
    pub held: u64,
    /// Segments that would be written anew or dropped.
    pub segments: u64,
}

impl Purging {
    pub(crate) fn scope(&self) -> Result<Scope, StoreError> {
        let predicate = Predicate::parse(&self.matching)
            .map_err(|error| StoreError::Setting(format!("`{}`: {error}", self.matching)))?;
        Ok(Scope { from: self.from, to: self.to, ..Scope::of(predicate) })
    }
}

/// Does the jobs that wait.
pub(crate) fn run(shared: &Shared) -> Result<(), StoreError> {
    for job in shared.catalog.waiting_jobs()? {
        let ended = match job.job.kind {
            JobKind::Purge => purge(shared, &job)?,
            JobKind::Compact => {
                shared.flush()?;
                compact(shared, Haste::Now)?;
                (JobState::Done, String::new())
            }
        };
        let now = shared.config.surroundings.now();
        shared.catalog.end_job(job.id, ended.0, &ended.1, now)?;
    }
    Ok(())
}

/// Counts what a purge would delete.
pub(crate) fn count(shared: &Shared, purging: &Purging) -> Result<PurgeCount, StoreError> {
    let scope = purging.scope()?;
    let held = Held::read(&shared.catalog)?;
    let snapshot = shared.pin();
    let mut counted = PurgeCount::default();
    let is_in =
        |scope: &Scope, event: &Event| scope.spans(event.time) && scope.predicate.matches(event);
    for event in snapshot.memory.iter().flat_map(|chunk| chunk.events.iter()) {
        if is_in(&scope, event) {
            if held.scopes.iter().any(|held| is_in(held, event)) {
                counted.held += 1;
            } else {
                counted.events += 1;
            }
        }
    }
    for segment in snapshot.segments.iter().filter(|segment| may_concern(&scope, segment)) {
        let stay = stay(shared, segment, &Condemned::Purged(&scope), &held)?;
        counted.events += stay.going;
        counted.held += stay.held;
        counted.segments += u64::from(stay.going > 0);
    }
    Ok(counted)
}

fn purge(shared: &Shared, job: &Job) -> Result<(JobState, String), StoreError> {
    let purging =
        Purging { matching: job.job.matching.clone(), from: job.job.from, to: job.job.to };
    let scope = match purging.scope() {
        Ok(scope) => scope,
        Err(error) => return Ok((JobState::Failed, error.to_string())),
    };
    // What is in memory and in the log becomes segments first.
    shared.flush()?;
    let segments = std::sync::Arc::clone(&shared.state().segments);
    let mut held = 0;
    let mut unread = Vec::new();
    for segment in segments.iter() {
        if !may_concern(&scope, segment) {
            continue;
        }
        match purge_in(shared, segment, &scope, job) {
            Ok(stayed) => held += stayed,
            Err(StoreError::Damaged { file, reason }) => unread.push(format!("{file}: {reason}")),
            Err(error) => return Err(error),
        }
    }
    let missing = shared.state().absent.len();
    if missing > 0 {
        unread.push(format!("{missing} segments are missing"));
    }
    let mut detail = format!("{held} events that match are held");
    if unread.is_empty() {
        return Ok((JobState::Done, detail));
    }
    detail.push_str("; not looked at: ");
    detail.push_str(&unread.join("; "));
    Ok((JobState::Failed, detail))
}

/// Deletes what matches in one segment; gives how many events were spared because they are held.
fn purge_in(
    shared: &Shared,
    segment: &std::sync::Arc<crate::segment::Segment>,
    scope: &Scope,
    job: &Job,
) -> Result<u64, StoreError> {
    for _ in 0..HELD_TRIES_MAX {
        let held = Held::read(&shared.catalog)?;
        let stay = stay(shared, segment, &Condemned::Purged(scope), &held)?;
        if stay.going == 0 {
            return Ok(stay.held);
        }
        let giving_up = GivingUp { holds_seen: Some(held.seen), job: Some((job.id, stay.going)) };
        match give_up(shared, segment, &stay, Cause::Purged, giving_up) {
            Ok(()) => return Ok(stay.held),
            Err(StoreError::Catalog(error)) => match *error {
                CatalogError::HeldMeanwhile => {}
                // Given up for want of room since.
                CatalogError::NoSegment(_) => return Ok(0),
                _ => return Err(StoreError::Catalog(error)),
            },
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Internal("holds are set faster than a segment is purged".to_owned()))
}
