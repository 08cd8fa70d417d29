//! The thread that owns the log: group commit.
//!
//! It takes all batches that wait, writes them, syncs once, shows them to readers and wakes their
//! senders. No timer: while one group is synced the next one gathers by itself.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use model::{Checkpoint, Event};

use crate::StoreError;
use crate::live::Shared;
use crate::wal::{Frame, Writer};

/// Bounds one group, so that the first of it does not wait for too many others.
const GROUP_BYTES_MAX: usize = 16 << 20;
/// How often the age of the growing generation is looked at.
const AGE_LOOK: Duration = Duration::from_secs(1);

/// What the thread is asked to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Make a batch durable.
    Append(Append),
    /// End the growing generation; the answer is the last log file that holds any of it.
    Freeze(Sender<u64>),
    /// End the thread.
    Stop,
}

/// A batch on its way to the log.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) frame: Frame,
    pub(crate) events: Vec<Arc<Event>>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) done: Sender<Result<(), StoreError>>,
}

/// Works until it is told to stop or all senders are gone.
pub(crate) fn run(shared: &Shared, mut writer: Writer, jobs: &Receiver<Job>) {
    loop {
        let job = match jobs.recv_timeout(AGE_LOOK) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let after = match job {
            Some(Job::Append(first)) => commit(shared, &mut writer, first, jobs),
            other => other,
        };
        match after {
            Some(Job::Stop) => return,
            Some(Job::Freeze(done)) => {
                freeze(shared, &mut writer);
                // Whoever asked may have gone away.
                let _ = done.send(writer.number().saturating_sub(1));
            }
            Some(Job::Append(_)) | None => {}
        }
        let due = {
            let state = shared.state();
            let age_max = shared.config.generation_age_max;
            state.growing.is_full(&shared.config) || state.growing.is_old(age_max)
        };
        if due {
            freeze(shared, &mut writer);
        }
    }
}

/// Commits the first batch and all that wait behind it; gives the job that ended the group.
fn commit(
    shared: &Shared,
    writer: &mut Writer,
    first: Append,
    jobs: &Receiver<Job>,
) -> Option<Job> {
    let mut bytes = first.frame.len();
    let mut group = vec![first];
    let mut after = None;
    while bytes < GROUP_BYTES_MAX {
        match jobs.try_recv() {
            Ok(Job::Append(next)) => {
                bytes += next.frame.len();
                group.push(next);
            }
            Ok(other) => {
                after = Some(other);
                break;
            }
            Err(_) => break,
        }
    }
    let mut frames = Vec::with_capacity(group.len());
    let mut batches = Vec::with_capacity(group.len());
    for Append { frame, events, checkpoints, done } in group {
        batches.push((events, checkpoints, frame.len(), done));
        frames.push(frame);
    }
    let outcome = writer.append(&mut frames);
    let mut state = shared.state();
    let given: usize = batches.iter().map(|(events, ..)| events.len()).sum();
    let given = u64::try_from(given).unwrap_or_default();
    state.ledger.received += given;
    if outcome.is_err() {
        state.ledger.rejected += given;
    } else {
        for (events, checkpoints, bytes, _) in &batches {
            state.growing.add(events, checkpoints, u64::try_from(*bytes).unwrap_or_default());
            for checkpoint in checkpoints {
                state.note(checkpoint);
            }
            let last = events.iter().map(|event| event.id.0).max();
            state.next_id = state.next_id.max(last.map_or(0, |last| last.saturating_add(1)));
        }
    }
    drop(state);
    for (_, _, _, done) in batches {
        // Whoever asked may have gone away.
        let _ = done.send(outcome.clone());
    }
    after
}

/// Ends the growing generation, if there is anything in it, and the log file with it.
fn freeze(shared: &Shared, writer: &mut Writer) {
    let mut state = shared.state();
    if state.growing.is_empty() {
        return;
    }
    let growing = std::mem::take(&mut state.growing);
    state.frozen.push(Arc::new(growing.freeze(writer.number())));
    writer.rotate(state.next_id);
    drop(state);
    shared.changed.notify_all();
}
