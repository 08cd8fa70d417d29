//! One step of the segment list: some go out, some come in.

use std::sync::{Arc, PoisonError};

use catalog::{CatalogError, Committed, GivingUp, Publish, Reason, SegmentId, SegmentRow};

use super::graveyard::delete;
use crate::live::Shared;
use crate::segment::Segment;
use crate::{StoreError, flush};

/// What becomes of the list, and why.
#[derive(Debug)]
pub(crate) struct Step<'s> {
    pub(crate) out: &'s [Arc<Segment>],
    /// Written, and not listed yet.
    pub(crate) into: Vec<SegmentRow>,
    pub(crate) cause: Cause,
    pub(crate) giving_up: GivingUp,
}

/// Why segments change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Several became one; no event is lost.
    Merged,
    /// Their time was over, or their set too large.
    Retired,
    /// Somebody asked for it.
    Purged,
    /// There was no room on the disk.
    GivenUp,
}

/// Publishes the step and shows it to readers. Where it was refused, the files that were to come in
/// are deleted again. Where nobody can tell, they stay: the commit may come to light after a crash.
/// The next start then finds them listed, or deletes them.
pub(crate) fn swap(shared: &Shared, step: &Step<'_>) -> Result<(), StoreError> {
    let swapped = publish_and_show(shared, step);
    if let Err(StoreError::Catalog(error)) = &swapped
        && is_refusal(error)
    {
        for row in &step.into {
            // What cannot be deleted is found at the next start.
            let _ = delete(&shared.dir.join(&row.file));
        }
    }
    swapped
}

fn publish_and_show(shared: &Shared, step: &Step<'_>) -> Result<(), StoreError> {
    // Events must not come back from a log that outlived their segments.
    if step.cause != Cause::Merged
        && let Some(last) = step.out.iter().map(|segment| segment.stats.log).max()
    {
        flush::remove_logs(&shared.dir.join("wal"), last)?;
    }
    let _publishing = shared.publishing.lock().unwrap_or_else(PoisonError::into_inner);
    let rows = publish(shared, step)?;
    let into = rows
        .into_iter()
        .map(|row| Segment::of(&shared.dir, row, shared.config.keyring.as_ref()).map(Arc::new))
        .collect::<Result<Vec<_>, _>>()?;
    let events = |segments: &[Arc<Segment>]| -> u64 {
        segments.iter().map(|segment| segment.row.events).sum()
    };
    let mut state = shared.state();
    let gone = events(step.out).saturating_sub(events(&into));
    match step.cause {
        Cause::Merged => {
            state.kept.merges += 1;
            state.kept.merged += u64::try_from(step.out.len()).unwrap_or_default();
        }
        Cause::Retired => state.ledger.retired += gone,
        Cause::Purged => state.ledger.purged += gone,
        Cause::GivenUp => {
            state.ledger.retired += gone;
            state.kept.given_up += gone;
        }
    }
    let is_out = |segment: &Segment| step.out.iter().any(|out| out.row.id == segment.row.id);
    let mut segments = state.segments.as_ref().clone();
    segments.retain(|segment| !is_out(segment));
    segments.extend(into);
    state.segments = Arc::new(segments);
    drop(state);
    for segment in step.out {
        shared.footers.forget(segment.row.id);
        shared.indexes.forget(segment.row.id);
        segment.bury_in(&shared.graveyard);
    }
    Ok(())
}

/// Tells whether nothing was written, for certain.
fn is_refusal(error: &CatalogError) -> bool {
    matches!(
        error,
        CatalogError::HeldMeanwhile | CatalogError::NoSegment(_) | CatalogError::Overtaken { .. }
    )
}

impl Cause {
    fn reason(self) -> Reason {
        match self {
            Self::Merged => Reason::Compact,
            Self::Retired | Self::GivenUp => Reason::Retire,
            Self::Purged => Reason::Purge,
        }
    }
}

fn publish(shared: &Shared, step: &Step<'_>) -> Result<Vec<SegmentRow>, StoreError> {
    let committed = shared.state().committed;
    let removed: Vec<SegmentId> = step.out.iter().map(|segment| segment.row.id).collect();
    let published = shared.catalog.publish(&Publish {
        segments: &step.into,
        removed: &removed,
        committed: Committed { expected: committed, next: committed },
        checkpoints: &[],
        linking: shared.linking(step.cause.reason())?,
        giving_up: step.giving_up,
    });
    let mut rows = step.into.clone();
    match published {
        Ok(ids) => {
            for (row, id) in rows.iter_mut().zip(ids) {
                row.id = id;
            }
            Ok(rows)
        }
        Err(error) if is_refusal(&error) => Err(error.into()),
        Err(error) => {
            // A commit may have come through although its answer did not.
            let listed = shared.catalog.segments()?;
            let is_done = listed.iter().all(|row| !removed.contains(&row.id));
            let ours: Vec<SegmentRow> = listed
                .into_iter()
                .filter(|listed| rows.iter().any(|row| row.file == listed.file))
                .collect();
            if is_done && ours.len() == rows.len() { Ok(ours) } else { Err(error.into()) }
        }
    }
}
