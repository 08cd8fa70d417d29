//! The second half of the line: events to the disk, to the rules, to the alerts.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use detect::{Engine, Health, Indicators, Memory};
use enrich::Lookup;
use model::{Batch, Checkpoint, Detection, Event, EventId, Refusal};
use parse::Parser;
use store::{Store, StoreError};
use triage::{Change, Triage};

use crate::checkpoint::{Keeper, Moment, Pace};
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
    /// Tells where addresses are, and whose.
    pub lookup: Lookup,
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
    alive: Arc<AtomicBool>,
    health: Arc<Mutex<Health>>,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Looks at the line from outside.
#[derive(Clone, Debug)]
pub struct Watch {
    health: Arc<Mutex<Health>>,
    alive: Arc<AtomicBool>,
}

impl Watch {
    /// Gives what has passed until now, and what has fired.
    pub fn health(&self) -> Health {
        lock(&self.health).clone()
    }

    /// Tells whether both threads of the line are at work.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }
}

/// Turns off a light when its thread ends, in whatever way.
struct Lit(Arc<AtomicBool>);

impl Drop for Lit {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Starts the line; it ends by itself once every sender of `inlet` is gone and all is done.
pub fn start(parts: Parts, inlet: Receiver<Batch>) -> io::Result<Line> {
    let counters = Arc::new(Counters::default());
    let stopping = Arc::new(AtomicBool::new(false));
    let alive = Arc::new(AtomicBool::new(true));
    let health = Arc::new(Mutex::new(parts.remembered.health));
    let indicators = Arc::new(ArcSwap::from_pointee(parts.remembered.memory.indicators()));
    let reader = Reader {
        parser: parts.parser,
        lookup: parts.lookup,
        rules: Arc::clone(&parts.rules),
        indicators: Arc::clone(&indicators),
        counters: Arc::clone(&counters),
        next_id: parts.store.next_id(),
    };
    let keyring = parts.store.sealing().cloned();
    let keeper = Keeper::start(parts.checkpoint, parts.remembered.next, keyring)?;
    let engine = parts.rules.load_full();
    // The rules may have changed while nothing ran.
    let mut memory = parts.remembered.memory;
    memory.adopt(&engine);
    let worker = Worker {
        engine,
        is_counting: false,
        rules: parts.rules,
        health: Arc::clone(&health),
        memory,
        indicators,
        store: parts.store,
        triage: parts.triage,
        outbox: parts.outbox,
        waiting: Vec::new(),
        next: parts.remembered.next,
        counters: Arc::clone(&counters),
        stopping: Arc::clone(&stopping),
    };
    let (reading_light, working_light) = (Lit(Arc::clone(&alive)), Lit(Arc::clone(&alive)));
    let (outlet, groups) = crossbeam_channel::bounded::<Group>(GROUPS_MAX);
    let reading = thread::Builder::new().name("line-read".to_owned()).spawn(move || {
        let _lit = reading_light;
        reader.run(&inlet, &outlet);
    })?;
    let working = thread::Builder::new().name("line-store-detect".to_owned()).spawn(move || {
        let _lit = working_light;
        worker.work(&groups, keeper);
    })?;
    Ok(Line { counters, alive, health, stopping, threads: vec![reading, working] })
}

impl Line {
    /// Gives the counts of the line.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Gives a look at the line from outside.
    pub fn watch(&self) -> Watch {
        Watch { health: Arc::clone(&self.health), alive: Arc::clone(&self.alive) }
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
    /// The rules of the last group.
    engine: Arc<Engine>,
    /// Whether they have seen an event, and so count what they cost.
    is_counting: bool,
    health: Arc<Mutex<Health>>,
    memory: Memory,
    /// Who touched a decoy, for the half of the line that reads.
    indicators: Arc<ArcSwap<Indicators>>,
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
                    self.renew();
                    self.write_alerts();
                    Pace::Idle
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            // What waits to become an alert is nowhere else: the events that it follows from must be
            // looked at again after a crash.
            if self.waiting.is_empty() {
                keeper.keep(self.next, pace, || self.moment());
            }
        }
        self.write_alerts();
        if self.waiting.is_empty() {
            keeper.finish(&self.moment());
        }
    }

    /// Gives all that is to be kept for the next start.
    fn moment(&self) -> Moment<'_> {
        let mut health = lock(&self.health);
        if self.is_counting {
            health.observe_costs(self.engine.rules(), &self.memory);
        }
        Moment { next: self.next, memory: &self.memory, health }
    }

    /// Goes over to the rules in force.
    fn renew(&mut self) {
        let engine = self.rules.load_full();
        if !Arc::ptr_eq(&engine, &self.engine) {
            let mut health = lock(&self.health);
            if self.is_counting {
                health.observe_costs(self.engine.rules(), &self.memory);
            }
            health.renew();
            drop(health);
            self.is_counting = false;
            self.memory.adopt(&engine);
            self.engine = engine;
        }
    }

    /// Takes one group down the rest of the line.
    fn run(&mut self, group: Group) {
        let mut events = Vec::new();
        let mut batches = group.batches;
        while !batches.is_empty() {
            let (now, later) = self.sift(batches);
            events.extend(self.keep(now));
            batches = later;
        }
        self.renew();
        let engine = &self.engine;
        let mut health = lock(&self.health);
        for event in &events {
            let (memory, waiting) = (&mut self.memory, &mut self.waiting);
            health.observe(event);
            // A fault of ours in one rule must cost one event its detections, not everybody the line.
            let observed =
                catch_unwind(AssertUnwindSafe(|| engine.observe(event, memory, waiting)));
            match observed {
                Ok(()) => health.observe_hits(event, engine.rules(), &self.memory),
                Err(_) => add(&self.counters.panics, 1),
            }
            self.next = EventId(event.id.0.saturating_add(1));
        }
        drop(health);
        self.is_counting |= !events.is_empty();
        self.counters.show_forgotten(self.memory.counters());
        if let Some(indicators) = self.memory.renewed_indicators() {
            self.indicators.store(Arc::new(indicators));
        }
        self.write_alerts();
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

/// A panic while it was held left one event half noted at worst.
fn lock(health: &Mutex<Health>) -> MutexGuard<'_, Health> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}

fn settle(batches: Vec<Parsed>, outcome: &Result<(), Refusal>) {
    for receipt in batches.into_iter().filter_map(|batch| batch.receipt) {
        receipt.settle(outcome.clone());
    }
}
