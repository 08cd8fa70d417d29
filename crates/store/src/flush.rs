//! The thread that writes generations as segments.
//!
//! The order of the steps makes a stop between any two of them harmless: segment files (orphans
//! until published, deleted at the next start), the catalog's one transaction, the list that readers
//! see, and last the log files that are not needed any more (skipped at the next start).

use std::path::Path;
use std::sync::Arc;

use catalog::{Committed, GivingUp, Publish, Reason, SegmentRow};
use model::Checkpoint;

use crate::StoreError;
use crate::batches::Batches;
use crate::error::During;
use crate::live::Shared;
use crate::memory::Frozen;
use crate::secret::hide_positions;
use crate::segment::{Segment, write_generation};
use crate::wal;

/// How many times longer than at first it waits at last before it tries again.
const RETRY_GROWTH_MAX: u32 = 8;

/// Works until the store is closed; what then waits stands in the log.
pub(crate) fn run(shared: &Shared) {
    let first = shared.config.retry_after;
    let mut retry = first;
    // Segments that are durable and that the catalog could not be told of. They are never written
    // anew: a commit whose answer was an error may come to light after a crash all the same, and
    // must then find the very files that it speaks of.
    let mut ready = None;
    loop {
        let mut state = shared.state();
        while state.frozen.is_empty() && !state.stopping {
            state = shared.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        if state.stopping {
            return;
        }
        let Some(frozen) = state.frozen.first().map(Arc::clone) else { continue };
        drop(state);
        match write_and_publish(shared, &frozen, &mut ready) {
            Ok(()) => retry = first,
            Err(error) => {
                tracing::error!(%error, "segments could not be written; the log keeps the events");
                let mut state = shared.state();
                state.flush_failures += 1;
                state.flush_error = Some(error);
                shared.changed.notify_all();
                // Woken early only to stop.
                let waited =
                    shared.changed.wait_timeout_while(state, retry, |state| !state.stopping);
                drop(waited);
                retry = (retry * 2).min(first * RETRY_GROWTH_MAX);
            }
        }
    }
}

fn write_and_publish(
    shared: &Shared,
    frozen: &Frozen,
    ready: &mut Option<Vec<SegmentRow>>,
) -> Result<(), StoreError> {
    let written = if let Some(written) = ready {
        written.clone()
    } else {
        let written = write_generation(&shared.dir, frozen, shared.config.sealing())?;
        ready.insert(written).clone()
    };
    let publishing = shared.publishing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let expected = shared.state().committed;
    let last = written.iter().map(|row| row.last_id.saturating_add(1)).max();
    let next = last.map_or(expected, |last| last.max(expected));
    let rows = publish(shared, frozen, written, Committed { expected, next })?;
    let added = rows
        .into_iter()
        .map(|row| Segment::of(&shared.dir, row, shared.config.keyring.as_ref()).map(Arc::new))
        .collect::<Result<Vec<_>, _>>()?;
    *ready = None;
    {
        let mut state = shared.state();
        let mut segments = state.segments.as_ref().clone();
        segments.extend(added);
        state.segments = Arc::new(segments);
        state.frozen.retain(|other| other.last_log != frozen.last_log);
        state.committed = next;
    }
    drop(publishing);
    shared.changed.notify_all();
    forget_batches(shared)?;
    remove_logs(&shared.dir.join("wal"), frozen.last_log)
}

/// Publishes the segments and gives their rows with their identities.
fn publish(
    shared: &Shared,
    frozen: &Frozen,
    mut rows: Vec<SegmentRow>,
    committed: Committed,
) -> Result<Vec<SegmentRow>, StoreError> {
    let known: Vec<Checkpoint> = {
        let state = shared.state();
        let is_over = |key: &str| Batches::is_batch(key) && !state.batches.has(key);
        frozen.checkpoints.iter().filter(|one| !is_over(&one.key)).cloned().collect()
    };
    let checkpoints = hide_positions(shared.config.sealing(), &known)?;
    let publish = Publish {
        segments: &rows,
        removed: &[],
        committed,
        checkpoints: &checkpoints,
        linking: shared.linking(Reason::Flush)?,
        giving_up: GivingUp::default(),
    };
    match shared.catalog.publish(&publish) {
        Ok(ids) => {
            for (row, id) in rows.iter_mut().zip(ids) {
                row.id = id;
            }
            Ok(rows)
        }
        Err(error) => {
            // A commit may have come through although its answer did not.
            let listed = shared.catalog.segments()?;
            let ours: Vec<SegmentRow> = listed
                .into_iter()
                .filter(|listed| rows.iter().any(|row| row.file == listed.file))
                .collect();
            if !rows.is_empty() && ours.len() == rows.len() { Ok(ours) } else { Err(error.into()) }
        }
    }
}

/// Deletes the batches from the catalog that are known no more.
fn forget_batches(shared: &Shared) -> Result<(), StoreError> {
    let forgotten = shared.state().batches.take_forgotten();
    if !forgotten.is_empty() {
        shared.catalog.forget_checkpoints(&forgotten)?;
    }
    Ok(())
}

/// Deletes the log files up to that number.
pub(crate) fn remove_logs(dir: &Path, last: u64) -> Result<(), StoreError> {
    let mut is_any = false;
    for number in wal::list(dir)?.into_iter().take_while(|number| *number <= last) {
        let path = wal::path_of(dir, number);
        match std::fs::remove_file(&path) {
            // Whoever else gives up what they hold was first.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.during(|| format!("delete {}", path.display()))?,
        }
        is_any = true;
    }
    // A log that a power cut brings back is skipped while its segments are listed, but would bring
    // back what was deleted from them later.
    if is_any {
        wal::sync_dir(dir).during(|| format!("sync {}", dir.display()))?;
    }
    Ok(())
}
