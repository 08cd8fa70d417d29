//! The second half of the line: events to the disk, to the rules, to the alerts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use detect::{Engine, Memory};
use model::{Batch, Checkpoint, Detection, Event, EventId, Refusal};
use parse::Parser;
use store::{Store, StoreError};
use triage::{Change, Triage};

use crate::checkpoint::{Keeper, Pace};
use crate::counters::add;
use crate::read::{Group, Parsed, Reader};
use crate::{Counters, Remembered};

/// Groups that may wait between the two threads.
const GROUPS_MAX: usize = 4;
/// Bounds the detections that wait while alerts cannot be written; past it the oldest are dropped
/// and counted.
const DETECTIONS_WAITING_MAX: usize = 10_000;
/// After this long without records the line does what can wait.
const IDLE_AFTER: Duration = Duration::from_millis(250);
/// How long to wait before the disk is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Told of alerts that changed; must not wait.
pub type Outbox = Box<dyn Fn(Vec<Change>) + Send>;

/// What the line is made of.
pub struct Parts {
    /// Reads records.
    pub parser: Parser,
    /// The rules in force; swapped as a whole between two batches.
    pub rules: Arc<ArcSwap<Engine>>,
    /// What the rules remember, and before which event; from a checkpoint, a replay of stored events,
    /// or empty.
    pub remembered: Remembered,
    /// The file that keeps what the rules remember, for the next start.
    pub checkpoint: PathBuf,
    /// Keeps events.
    pub store: Store,
    /// Keeps alerts.
    pub triage: Triage,
    /// Is told of the alerts that changed.
    pub outbox: Outbox,
}

/// The line at work.
#[derive(Debug)]
pub struct Line {
    counters: Arc<Counters>,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Starts the line; it ends by itself once every sender of `inlet` is gone and all is done.
pub fn start(parts: Parts, inlet: Receiver<Batch>) -> io::Result<Line> {
    let counters = Arc::new(Counters::default());
    let stopping = Arc::new(AtomicBool::new(false));
    let reader = Reader {
        parser: parts.parser,
        rules: Arc::clone(&parts.rules),
        counters: Arc::clone(&counters),
        next_id: parts.store.next_id(),
    };
    let keeper = Keeper::start(parts.checkpoint, parts.remembered.next)?;
    let worker = Worker {
        rules: parts.rules,
        memory: parts.remembered.memory,
        store: parts.store,
        triage: parts.triage,
        outbox: parts.outbox,
        waiting: Vec::new(),
        next: parts.remembered.next,
        counters: Arc::clone(&counters),
        stopping: Arc::clone(&stopping),
    };
    let (outlet, groups) = crossbeam_channel::bounded::<Group>(GROUPS_MAX);
    let reading = thread::Builder::new()
        .name("line-read".to_owned())
        .spawn(move || reader.run(&inlet, &outlet))?;
    let working = thread::Builder::new().name("line-store-detect".to_owned()).spawn(move || {
        worker.work(&groups, keeper);
    })?;
    Ok(Line { counters, stopping, threads: vec![reading, working] })
}

impl Line {
    /// Gives the counts of the line.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Waits until all that was sent is done. A disk that refuses is no longer waited for.
    pub fn join(self) {
        self.stopping.store(true, Ordering::Relaxed);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the line panicked");
            }
        }
    }
}

struct Worker {
    rules: Arc<ArcSwap<Engine>>,
    memory: Memory,
    store: Store,
    triage: Triage,
    outbox: Outbox,
    waiting: Vec<Detection>,
    /// The first event that the rules have not seen.
    next: EventId,
    counters: Arc<Counters>,
    stopping: Arc<AtomicBool>,
}

impl Worker {
    /// Works until every group is done.
    fn work(mut self, groups: &Receiver<Group>, mut keeper: Keeper) {
        loop {
            let pace = match groups.recv_timeout(IDLE_AFTER) {
                Ok(group) => {
                    self.run(group);
                    Pace::Busy
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.write_alerts();
                    Pace::Idle
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            // What waits to become an alert is nowhere else: the events that it follows from must be
            // looked at again after a crash.
            if self.waiting.is_empty() {
                keeper.keep(self.next, &self.memory, pace);
            }
        }
        self.write_alerts();
        if self.waiting.is_empty() {
            keeper.finish(self.next, &self.memory);
        }
    }

    /// Takes one group down the rest of the line.
    fn run(&mut self, group: Group) {
        let events = self.keep(group.batches);
        let engine = self.rules.load_full();
        for event in &events {
            let (memory, waiting) = (&mut self.memory, &mut self.waiting);
            // A fault of ours in one rule must cost one event its detections, not everybody the line.
            let observed =
                catch_unwind(AssertUnwindSafe(|| engine.observe(event, memory, waiting)));
            if observed.is_err() {
                add(&self.counters.panics, 1);
            }
            self.next = EventId(event.id.0.saturating_add(1));
        }
        self.counters.show_forgotten(self.memory.counters());
        self.write_alerts();
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

    /// Folds what was detected into alerts; what cannot be written waits for the next group.
    fn write_alerts(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        match self.triage.fold_upto(&self.waiting, EventId(self.next.0.saturating_sub(1))) {
            Ok(changes) => {
                add(&self.counters.detections, self.waiting.len());
                self.waiting.clear();
                (self.outbox)(changes);
            }
            Err(error) => {
                tracing::warn!(%error, "alerts cannot be written; trying again");
                let excess = self.waiting.len().saturating_sub(DETECTIONS_WAITING_MAX);
                self.waiting.drain(..excess);
                add(&self.counters.detections_dropped, excess);
            }
        }
    }
}

fn settle(batches: Vec<Parsed>, outcome: &Result<(), Refusal>) {
    for receipt in batches.into_iter().filter_map(|batch| batch.receipt) {
        receipt.settle(outcome.clone());
    }
}
