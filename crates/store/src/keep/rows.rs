//! Which rows of a segment go, told column by column.

use std::sync::Arc;

use arrow::array::BooleanArray;
use catalog::{Catalog, HoldId};
use model::{Field, Timestamp};
use query::Predicate;

use super::config::Policy;
use super::pace;
use crate::StoreError;
use crate::live::Shared;
use crate::search::{Block, Place, Scope, may_match, narrow};
use crate::segment::{Column, Segment};

/// How many rows are looked at together.
const BLOCK_ROWS: usize = 32 * 1024;

/// Why rows go.
#[derive(Clone, Debug)]
pub(crate) enum Condemned<'c> {
    /// They match what is purged.
    Purged(&'c Scope),
    /// They came in before the moment that holds for their set.
    Expired { policy: &'c Policy, before: &'c [Option<i64>] },
}

/// What must not go.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The newest hold that was looked at.
    pub(crate) seen: HoldId,
    pub(crate) scopes: Vec<Scope>,
}

/// The rows of a segment that stay.
#[derive(Debug, Default)]
pub(crate) struct Stay {
    /// Of each row group, whether a row stays.
    pub(crate) groups: Vec<BooleanArray>,
    pub(crate) going: u64,
    /// How many would go, were they not held.
    pub(crate) held: u64,
}

impl Held {
    /// Reads the holds in force.
    pub(crate) fn read(catalog: &Catalog) -> Result<Self, StoreError> {
        // In this order: a hold set in between is looked at, and the step asked to be planned anew.
        let seen = catalog.newest_hold()?;
        let scopes = catalog.holds()?.into_iter().map(|hold| {
            // One that cannot be read holds all of its span.
            let predicate = Predicate::parse(&hold.hold.matching).unwrap_or_default();
            let (from, to) = (hold.hold.from, hold.hold.to);
            Scope { from, to, ..Scope::of(predicate) }
        });
        Ok(Self { seen, scopes: scopes.collect() })
    }

    /// Tells whether any row of the segment may be held.
    pub(crate) fn touches(&self, segment: &Segment) -> bool {
        self.scopes.iter().any(|scope| may_concern(scope, segment))
    }
}

/// Tells whether any row of the segment may be in the scope.
pub(crate) fn may_concern(scope: &Scope, segment: &Segment) -> bool {
    let row = &segment.row;
    scope.touches(row.first_time, row.last_time) && may_match(scope.predicate.node(), segment)
}

/// Gives which rows of the segment stay.
pub(crate) fn stay(
    shared: &Shared,
    segment: &Segment,
    condemned: &Condemned<'_>,
    held: &Held,
) -> Result<Stay, StoreError> {
    let held: Vec<&Scope> =
        held.scopes.iter().filter(|scope| may_concern(scope, segment)).collect();
    let mut found = Stay::default();
    walk(shared, segment, &mut |block, group| {
        let mut marks = condemned.marks(block)?;
        let matching = count(&marks);
        for scope in &held {
            let mut exempt = marks.clone();
            within(scope, block, &mut exempt)?;
            for (mark, exempt) in marks.iter_mut().zip(exempt) {
                *mark &= !exempt;
            }
        }
        let going = count(&marks);
        found.going += going;
        found.held += matching - going;
        let stays: Vec<bool> = marks.iter().map(|mark| !mark).collect();
        if found.groups.len() <= group {
            found.groups.push(BooleanArray::from(stays));
        } else if let Some(last) = found.groups.last_mut() {
            let both: Vec<bool> = last.values().iter().chain(stays).collect();
            *last = BooleanArray::from(both);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Counts the rows of each set, and of the rest.
pub(crate) fn shares(
    shared: &Shared,
    segment: &Segment,
    policy: &Policy,
) -> Result<Arc<[u64]>, StoreError> {
    let mut counts = vec![0; policy.bounds.len()];
    if policy.sets.is_empty() {
        return Ok(Arc::from([segment.row.events]));
    }
    walk(shared, segment, &mut |block, _| {
        by_set(policy, block, &mut |set, passed, _| {
            if let Some(number) = counts.get_mut(set) {
                *number += count(passed);
            }
            Ok(())
        })
    })?;
    Ok(counts.into())
}

impl Condemned<'_> {
    fn marks(&self, block: &mut Block<'_>) -> Result<Vec<bool>, StoreError> {
        match self {
            Self::Purged(scope) => {
                let mut marks = vec![true; block.len()];
                within(scope, block, &mut marks)?;
                Ok(marks)
            }
            Self::Expired { policy, before } => {
                let ingested = Column::Known(Field::EventIngested);
                block.load(ingested)?;
                let mut marks = vec![false; block.len()];
                by_set(policy, block, &mut |set, passed, block| {
                    let Some(before) = before.get(set).copied().flatten() else { return Ok(()) };
                    let values = block.values(ingested);
                    for (row, (mark, passed)) in marks.iter_mut().zip(passed).enumerate() {
                        let came = values.and_then(|values| values.time(row));
                        *mark |= *passed && came.is_some_and(|came| came.nanos() < before);
                    }
                    Ok(())
                })?;
                Ok(marks)
            }
        }
    }
}

/// Clears the marks of the rows that are not in the scope.
fn within(scope: &Scope, block: &mut Block<'_>, marks: &mut [bool]) -> Result<(), StoreError> {
    let time = Column::Known(Field::Timestamp);
    if scope.from != Timestamp::MIN || scope.to != Timestamp::MAX {
        block.load(time)?;
        for (row, mark) in marks.iter_mut().enumerate() {
            let time = block.values(time).and_then(|values| values.time(row));
            *mark &= time.is_some_and(|time| scope.spans(time));
        }
    }
    narrow(scope.predicate.node(), block, marks)
}

type EachSet<'e> = dyn FnMut(usize, &[bool], &Block<'_>) -> Result<(), StoreError> + 'e;

/// Gives the rows of each set, and of the rest, to `each`.
fn by_set(
    policy: &Policy,
    block: &mut Block<'_>,
    each: &mut EachSet<'_>,
) -> Result<(), StoreError> {
    let mut left = vec![true; block.len()];
    for (set, predicate) in policy.sets.iter().enumerate() {
        let mut passed = left.clone();
        narrow(predicate.node(), block, &mut passed)?;
        each(set, &passed, block)?;
        for (left, passed) in left.iter_mut().zip(&passed) {
            *left &= !passed;
        }
    }
    each(policy.sets.len(), &left, block)
}

/// Gives every block of the segment to `each`, with the number of its row group.
fn walk(
    shared: &Shared,
    segment: &Segment,
    each: &mut dyn FnMut(&mut Block<'_>, usize) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let footer = segment.footer(&shared.footers)?;
    for (group, group_rows) in footer.group_rows().into_iter().enumerate() {
        for start in (0..group_rows).step_by(BLOCK_ROWS) {
            pace(shared)?;
            let rows = start..start.saturating_add(BLOCK_ROWS).min(group_rows);
            let place = Place { group, group_rows, rows };
            each(&mut Block::at(segment, &shared.footers, place), group)?;
        }
    }
    Ok(())
}

fn count(marks: &[bool]) -> u64 {
    u64::try_from(marks.iter().filter(|mark| **mark).count()).unwrap_or_default()
}
