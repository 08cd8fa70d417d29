//! What is kept, and what goes next.

use model::Timestamp;

use super::retention::{edge, ingested};
use super::rows::Held;
use crate::StoreError;
use crate::live::Shared;
use crate::segment::Segment;

/// What is kept, by what rule, and what goes next.
#[derive(Clone, Debug, Default)]
pub struct KeepStatus {
    /// The sets of the configuration, and all other events.
    pub sets: Vec<SetStatus>,
    /// The segments by how often their events were merged.
    pub tiers: Vec<Tier>,
    /// What goes next by its age.
    pub next: Option<NextToGo>,
    /// What is held.
    pub held: HeldStatus,
    /// How many bytes all segments may take.
    pub bytes_max: Option<u64>,
    /// How many bytes all segments take.
    pub bytes: u64,
    /// Bytes that are free on the disk.
    pub disk_free: u64,
    /// Bytes that stay free.
    pub disk_reserve: u64,
    /// Events that are in the log and not yet in segments.
    pub in_memory: u64,
}

/// A set and what is in segments of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetStatus {
    /// What the configuration calls it.
    pub name: String,
    /// For how many days it is kept; `None` is for ever.
    pub days: Option<u32>,
    /// How many bytes it may take.
    pub bytes_max: Option<u64>,
    /// How many events there are.
    pub events: u64,
    /// How many bytes they take, as their part of the rows tells.
    pub bytes: u64,
    /// The earliest time in the segments that hold any.
    pub oldest: Option<Timestamp>,
    /// The latest time in the segments that hold any.
    pub newest: Option<Timestamp>,
}

/// Segments whose events were merged as often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// How often; 0 is fresh.
    pub merged: u8,
    /// How many segments.
    pub segments: u64,
    /// How many events.
    pub events: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// What is deleted next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextToGo {
    /// When all of it is due.
    pub at: Timestamp,
    /// Of which set.
    pub set: String,
    /// In which segment.
    pub file: String,
    /// How many events.
    pub events: u64,
}

/// What is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldStatus {
    /// Holds in force.
    pub holds: u64,
    /// Segments that may hold something held.
    pub segments: u64,
}

/// Gives what is kept.
pub(crate) fn status(shared: &Shared) -> Result<KeepStatus, StoreError> {
    let policy = &shared.policy;
    let held = Held::read(&shared.catalog)?;
    let space = (shared.config.surroundings.disk)(&shared.dir).ok();
    let (segments, in_memory) = {
        let state = shared.state();
        let waiting: u64 = state.frozen.iter().map(|frozen| frozen.events).sum();
        (std::sync::Arc::clone(&state.segments), waiting + state.growing.events())
    };
    let mut status = KeepStatus {
        bytes_max: policy.bytes_max,
        disk_free: space.map_or(0, |space| space.free),
        disk_reserve: space.map_or(0, |space| policy.reserve(space.total)),
        in_memory,
        held: HeldStatus {
            holds: count(held.scopes.len()),
            segments: count(segments.iter().filter(|segment| held.touches(segment)).count()),
        },
        ..KeepStatus::default()
    };
    status.sets = policy
        .bounds
        .iter()
        .map(|bounds| SetStatus {
            name: bounds.name.clone(),
            days: bounds.days,
            bytes_max: bounds.bytes_max,
            events: 0,
            bytes: 0,
            oldest: None,
            newest: None,
        })
        .collect();
    for segment in segments.iter() {
        add_tier(&mut status, segment);
        let counts = match shared.memo.shares(shared, segment) {
            // `doctor` names it; the tiers count it.
            Err(StoreError::Damaged { .. }) => continue,
            counts => counts?,
        };
        for (place, (set, events)) in status.sets.iter_mut().zip(counts.iter()).enumerate() {
            if *events > 0 {
                set.bytes += shared.memo.bytes_of(shared, segment, place)?;
                set.add(segment, *events);
                let next = set.next_to_go(segment, *events);
                if let Some(next) = next.filter(|_| !held.touches(segment))
                    && status.next.as_ref().is_none_or(|found| next.at < found.at)
                {
                    status.next = Some(next);
                }
            }
        }
    }
    status.tiers.sort_by_key(|tier| tier.merged);
    Ok(status)
}

fn add_tier(status: &mut KeepStatus, segment: &Segment) {
    let merged = segment.stats.level;
    status.bytes += segment.disk_bytes();
    let place = status.tiers.iter().position(|tier| tier.merged == merged);
    let place = place.unwrap_or_else(|| {
        status.tiers.push(Tier { merged, segments: 0, events: 0, bytes: 0 });
        status.tiers.len() - 1
    });
    if let Some(tier) = status.tiers.get_mut(place) {
        tier.segments += 1;
        tier.events += segment.row.events;
        tier.bytes += segment.disk_bytes();
    }
}

impl SetStatus {
    fn add(&mut self, segment: &Segment, events: u64) {
        let (first, last) = (segment.row.first_time, segment.row.last_time);
        self.events += events;
        self.oldest = Some(self.oldest.map_or(first, |oldest| oldest.min(first)));
        self.newest = Some(self.newest.map_or(last, |newest| newest.max(last)));
    }

    fn next_to_go(&self, segment: &Segment, events: u64) -> Option<NextToGo> {
        let latest = Timestamp::from_nanos(ingested(segment).1);
        // The edge of so many days before zero, turned round, is their length.
        let days = edge(Timestamp::from_nanos(0), self.days?).saturating_neg();
        let at = Timestamp::from_nanos(latest.nanos().saturating_add(days));
        Some(NextToGo { at, set: self.name.clone(), file: segment.row.file.clone(), events })
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
