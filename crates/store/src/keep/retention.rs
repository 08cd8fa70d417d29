//! What goes by age and by size, the oldest first.
//!
//! An event's age counts from when it came in, not from the time that its sender claims: nobody can
//! make evidence vanish early, or stay for ever, by a forged clock, and old files that are imported
//! are not deleted at once. A segment in which all is due is dropped whole; one in which some is due
//! is written anew when that pays.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use catalog::{GivingUp, SegmentId};
use model::{Field, Timestamp};

use super::merge::{Input, merge};
use super::rows::{Condemned, Held, Stay, shares, stay};
use super::swap::{Cause, Step, swap};
use super::{name_of, pace};
use crate::StoreError;
use crate::live::Shared;
use crate::segment::{Bound, Segment};

const NANOS_PER_DAY: i64 = 86_400_000_000_000;
/// How many days rows that are due may stay where writing their segment anew does not pay yet.
const GRACE_DAYS: i64 = 7;
/// The part of its rows, in percent, that pays.
const PAYS_PERCENT: u64 = 10;
/// How long a segment is left alone in which nothing was to be done.
const QUIET: i64 = 3_600_000_000_000;

/// What was found out about segments, so that none is read for it again and again.
#[derive(Debug, Default)]
pub(crate) struct Memo(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    shares: HashMap<SegmentId, Arc<[u64]>>,
    /// Until when they are left alone.
    quiet: HashMap<SegmentId, i64>,
    /// Segments of a merge that failed because one of them is damaged.
    unreadable: HashSet<SegmentId>,
}

/// Of a segment: before which moment the rows of each set are due.
type Before = Vec<Option<i64>>;

/// Deletes what is due.
pub(crate) fn expire(shared: &Shared) -> Result<(), StoreError> {
    let policy = &shared.policy;
    if !policy.has_bounds() {
        return Ok(());
    }
    let now = shared.config.surroundings.now();
    let held = Held::read(&shared.catalog)?;
    shared.memo.forget_all_but(&shared.state().segments);
    let mut outcome = Ok(());
    for (segment, before, is_urgent) in due(shared, now, &held)? {
        pace(shared)?;
        // One that cannot be read does not keep the others.
        let expired = expire_in(shared, &segment, &before, is_urgent, &held, now);
        outcome = outcome.and(expired);
    }
    outcome
}

/// Gives the segments that hold anything that is due, the oldest first, and whether it is the size
/// that asks for it.
pub(crate) fn due(
    shared: &Shared,
    now: Timestamp,
    held: &Held,
) -> Result<Vec<(Arc<Segment>, Before, bool)>, StoreError> {
    let policy = &shared.policy;
    let segments = oldest_first(shared);
    let by_age: Before = policy.bounds.iter().map(|one| Some(edge(now, one.days?))).collect();
    let too_large = too_large(shared, &segments, held)?;
    let mut due = Vec::new();
    for (segment, sets) in segments.into_iter().zip(too_large) {
        let before: Before = by_age
            .iter()
            .zip(&sets)
            .map(|(age, too_large)| if *too_large { Some(i64::MAX) } else { *age })
            .collect();
        let earliest = ingested(&segment).0;
        if before.iter().flatten().any(|before| earliest < *before) {
            let is_urgent = sets.contains(&true);
            due.push((segment, before, is_urgent));
        }
    }
    Ok(due)
}

/// Tells of each segment which of its sets must go because there is too much of them.
fn too_large(
    shared: &Shared,
    segments: &[Arc<Segment>],
    held: &Held,
) -> Result<Vec<Vec<bool>>, StoreError> {
    let policy = &shared.policy;
    let mut sets = vec![vec![false; policy.bounds.len()]; segments.len()];
    if let Some(most) = policy.bytes_max {
        let bytes: u64 = segments.iter().map(|segment| segment.disk_bytes()).sum();
        let mut over = bytes.saturating_sub(most);
        for (segment, sets) in segments.iter().zip(&mut sets) {
            if over == 0 {
                break;
            }
            if !held.touches(segment) {
                sets.fill(true);
                over = over.saturating_sub(segment.disk_bytes());
            }
        }
    }
    for (set, bounds) in policy.bounds.iter().enumerate() {
        let Some(most) = bounds.bytes_max else { continue };
        let mut parts = Vec::with_capacity(segments.len());
        for segment in segments {
            parts.push(match shared.memo.bytes_of(shared, segment, set) {
                // What cannot be read does not keep the others.
                Err(StoreError::Damaged { .. }) => 0,
                bytes => bytes?,
            });
        }
        let mut over = parts.iter().sum::<u64>().saturating_sub(most);
        for ((segment, sets), bytes) in segments.iter().zip(&mut sets).zip(parts) {
            if over == 0 {
                break;
            }
            let Some(goes) = sets.get_mut(set).filter(|_| bytes > 0 && !held.touches(segment))
            else {
                continue;
            };
            *goes = true;
            over = over.saturating_sub(bytes);
        }
    }
    Ok(sets)
}

fn expire_in(
    shared: &Shared,
    segment: &Arc<Segment>,
    before: &[Option<i64>],
    is_urgent: bool,
    held: &Held,
    now: Timestamp,
) -> Result<(), StoreError> {
    if shared.memo.is_quiet(segment, now) && !is_urgent {
        return Ok(());
    }
    let counts = shared.memo.shares(shared, segment)?;
    let (earliest, latest) = ingested(segment);
    let any = |is_due: &dyn Fn(i64) -> bool| {
        counts.iter().zip(before).any(|(count, before)| *count > 0 && before.is_some_and(is_due))
    };
    let has = |count: &u64| *count > 0;
    let whole = counts
        .iter()
        .zip(before)
        .filter(|(count, _)| has(count))
        .all(|(_, before)| before.is_some_and(|before| latest < before));
    let giving_up = GivingUp { holds_seen: Some(held.seen), job: None };
    if whole && !held.touches(segment) {
        let out = std::slice::from_ref(segment);
        return swap(shared, &Step { out, into: Vec::new(), cause: Cause::Retired, giving_up });
    }
    if !any(&|before| earliest < before) {
        shared.memo.leave(segment, now);
        return Ok(());
    }
    // Looked at row by row only where it may pay.
    let is_overdue = any(&|before| earliest < before.saturating_sub(GRACE_DAYS * NANOS_PER_DAY));
    let wholly_due: u64 = counts
        .iter()
        .zip(before)
        .filter(|(_, before)| before.is_some_and(|before| latest < before))
        .map(|(count, _)| count)
        .sum();
    let pays = |rows: u64| rows.saturating_mul(100) >= segment.row.events * PAYS_PERCENT;
    if !(is_urgent || is_overdue || pays(wholly_due)) {
        return Ok(());
    }
    let condemned = Condemned::Expired { policy: &shared.policy, before };
    let stay = stay(shared, segment, &condemned, held)?;
    if stay.going == 0 || !(is_urgent || is_overdue || pays(stay.going)) {
        shared.memo.leave(segment, now);
        return Ok(());
    }
    give_up(shared, segment, &stay, Cause::Retired, giving_up)
}

/// Takes the rows that go out of a segment: it is written anew without them, or dropped.
pub(crate) fn give_up(
    shared: &Shared,
    segment: &Arc<Segment>,
    stay: &Stay,
    cause: Cause,
    giving_up: GivingUp,
) -> Result<(), StoreError> {
    let out = std::slice::from_ref(segment);
    let mut into = Vec::new();
    if stay.going < segment.row.events {
        let input = Input { segment, stay: Some(&stay.groups) };
        into.push(merge(shared, &[input], name_of(out))?);
    }
    swap(shared, &Step { out, into, cause, giving_up })
}

/// Gives the segments, the one first whose events came in first.
pub(crate) fn oldest_first(shared: &Shared) -> Vec<Arc<Segment>> {
    let mut segments = shared.state().segments.as_ref().clone();
    segments.sort_by_key(|segment| (ingested(segment).1, segment.row.id));
    segments
}

/// Gives when the first and the last event of a segment came in.
pub(crate) fn ingested(segment: &Segment) -> (i64, i64) {
    match segment.stats.columns.get(Field::EventIngested.name()) {
        Some(Some((Bound::Integer(first), Bound::Integer(last)))) => (*first, *last),
        _ => (segment.row.first_time.nanos(), segment.row.last_time.nanos()),
    }
}

/// Gives the moment before which what came in is older than so many days.
pub(crate) fn edge(now: Timestamp, days: u32) -> i64 {
    now.nanos().saturating_sub(i64::from(days).saturating_mul(NANOS_PER_DAY))
}

impl Memo {
    /// Gives how many rows of a segment are of each set.
    pub(crate) fn shares(
        &self,
        shared: &Shared,
        segment: &Segment,
    ) -> Result<Arc<[u64]>, StoreError> {
        if let Some(known) = self.known().shares.get(&segment.row.id) {
            return Ok(Arc::clone(known));
        }
        let counted = shares(shared, segment, &shared.policy)?;
        self.known().shares.insert(segment.row.id, Arc::clone(&counted));
        Ok(counted)
    }

    /// Gives how many bytes of a segment are of one set, as its part of the rows tells.
    pub(crate) fn bytes_of(
        &self,
        shared: &Shared,
        segment: &Segment,
        set: usize,
    ) -> Result<u64, StoreError> {
        let rows = self.shares(shared, segment)?.get(set).copied().unwrap_or_default();
        let bytes = u128::from(segment.disk_bytes()) * u128::from(rows);
        let bytes = bytes / u128::from(segment.row.events.max(1));
        Ok(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// Tells whether a merge of the segment failed because something was damaged.
    pub(crate) fn is_unreadable(&self, id: SegmentId) -> bool {
        self.known().unreadable.contains(&id)
    }

    pub(crate) fn note_unreadable(&self, ids: &[SegmentId]) {
        self.known().unreadable.extend(ids);
    }

    fn is_quiet(&self, segment: &Segment, now: Timestamp) -> bool {
        self.known().quiet.get(&segment.row.id).is_some_and(|until| now.nanos() < *until)
    }

    fn leave(&self, segment: &Segment, now: Timestamp) {
        self.known().quiet.insert(segment.row.id, now.nanos().saturating_add(QUIET));
    }

    fn forget_all_but(&self, segments: &[Arc<Segment>]) {
        let listed: HashSet<SegmentId> = segments.iter().map(|segment| segment.row.id).collect();
        let mut known = self.known();
        known.shares.retain(|id, _| listed.contains(id));
        known.quiet.retain(|id, _| listed.contains(id));
        known.unreadable.retain(|id| listed.contains(id));
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
