//! The middle of the line: events to the disk, and receipts to whoever waits for them.
//!
//! The rules come after, in a thread of their own: whoever sent a record waits for the disk, not for what
//! the rules make of those before. A stop in between loses nothing: what the rules had not seen by their
//! last checkpoint is read again from the store.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, select};
use model::{Checkpoint, Event, Refusal};
use store::{Store, StoreError};

use crate::Counters;
use crate::counters::add;
use crate::read::{Group, Parsed};

/// So many durable events may gather while the rules are busy; then the line waits for them. The store
/// holds the same events in memory.
const BEHIND_MAX: usize = 8_192;
/// How long to wait before the disk is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Makes events durable.
pub(crate) struct Keeping {
    pub(crate) store: Store,
    pub(crate) counters: Arc<Counters>,
    /// Set once a disk that refuses is no longer waited for.
    pub(crate) stopping: Arc<AtomicBool>,
}

impl Keeping {
    /// Works until every group is done; hands on what is durable.
    pub(crate) fn run(self, groups: &Receiver<Group>, outlet: &Sender<Vec<Arc<Event>>>) {
        let mut behind: Vec<Arc<Event>> = Vec::new();
        loop {
            if behind.len() >= BEHIND_MAX {
                if outlet.send(std::mem::take(&mut behind)).is_err() {
                    return;
                }
                continue;
            }
            if behind.is_empty() {
                match groups.recv() {
                    Ok(group) => behind = self.group(group),
                    Err(_) => return,
                }
                continue;
            }
            select! {
                recv(groups) -> group => {
                    let Ok(group) = group else {
                        let _ = outlet.send(behind);
                        return;
                    };
                    behind.extend(self.group(group));
                }
                send(outlet, std::mem::take(&mut behind)) -> sent => if sent.is_err() {
                    return;
                },
            }
        }
    }

    fn group(&self, group: Group) -> Vec<Arc<Event>> {
        let mut events = Vec::new();
        let mut batches = group.batches;
        while !batches.is_empty() {
            let (now, later) = self.sift(batches);
            events.extend(self.keep(now));
            batches = later;
        }
        events
    }

    /// Drops the batches that are durable already and were sent again, and says so to their senders
    /// as if for the first time. What came twice at once waits until the first of both is decided.
    fn sift(&self, batches: Vec<Parsed>) -> (Vec<Parsed>, Vec<Parsed>) {
        let (mut now, mut later, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        let mut names = HashSet::new();
        for batch in batches {
            match batch.name() {
                None => now.push(batch),
                Some(name) if self.store.has_batch(name) => repeated.push(batch),
                Some(name) if names.insert(name.to_owned()) => now.push(batch),
                Some(_) => later.push(batch),
            }
        }
        for batch in &repeated {
            self.store.note_repeated(u64::try_from(batch.events.len()).unwrap_or(u64::MAX));
        }
        settle(repeated, &Ok(()));
        (now, later)
    }

    /// Makes the batches durable and tells their senders; gives the events that are.
    fn keep(&self, mut batches: Vec<Parsed>) -> Vec<Arc<Event>> {
        loop {
            let events: Vec<Arc<Event>> =
                batches.iter().flat_map(|batch| batch.events.iter().cloned()).collect();
            let checkpoints: Vec<Checkpoint> =
                batches.iter().flat_map(|batch| batch.checkpoints.iter().cloned()).collect();
            let Err(error) = self.store.append(&events, &checkpoints) else {
                add(&self.counters.stored, events.len());
                settle(batches, &Ok(()));
                return events;
            };
            if matches!(error, StoreError::TooLarge { .. }) {
                return self.keep_apart(batches, &error);
            }
            // Who waits for a receipt keeps the records and tries again; the others gave them away,
            // so they are held here until the disk takes them.
            let refusal = Err(match &error {
                StoreError::Busy { .. } => Refusal::Busy,
                other => Refusal::Failed(other.to_string()),
            });
            let (told, held): (Vec<_>, Vec<_>) =
                batches.into_iter().partition(|batch| batch.receipt.is_some());
            add(&self.counters.rejected, told.iter().map(|batch| batch.events.len()).sum());
            settle(told, &refusal);
            if held.is_empty() || self.stopping.load(Ordering::Relaxed) {
                add(&self.counters.rejected, held.iter().map(|batch| batch.events.len()).sum());
                return Vec::new();
            }
            add(&self.counters.retries, 1);
            tracing::warn!(%error, "events cannot be stored; trying again");
            thread::sleep(RETRY_AFTER);
            batches = held;
        }
    }

    /// Makes batches durable one by one that are too large together; one that is too large by itself
    /// never fits, and trying again would hold up everybody.
    fn keep_apart(&self, mut batches: Vec<Parsed>, error: &StoreError) -> Vec<Arc<Event>> {
        if batches.len() > 1 {
            return batches.into_iter().flat_map(|batch| self.keep(vec![batch])).collect();
        }
        tracing::warn!(%error, "a batch cannot be stored");
        add(&self.counters.rejected, batches.iter().map(|batch| batch.events.len()).sum());
        settle(std::mem::take(&mut batches), &Err(Refusal::Failed(error.to_string())));
        Vec::new()
    }
}

fn settle(batches: Vec<Parsed>, outcome: &Result<(), Refusal>) {
    for receipt in batches.into_iter().filter_map(|batch| batch.receipt) {
        receipt.settle(outcome.clone());
    }
}
