//! The last part of the line: durable events to the rules, and to the alerts.

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
use model::{Batch, Detection, Event, EventId};
use parse::Parser;
use store::Store;
use triage::{Change, Triage};

use crate::checkpoint::{Keeper, Moment, Pace};
use crate::counters::add;
use crate::keep::Keeping;
use crate::read::{Group, Reader};
use crate::{Counters, Remembered};

/// Groups that may wait for the disk.
const GROUPS_MAX: usize = 4;
/// What is durable may wait for the rules in so many pieces; each is bounded by the part before.
const PIECES_MAX: usize = 1;
/// Bounds the detections that wait while alerts cannot be written; past it the oldest are dropped
/// and counted.
const DETECTIONS_WAITING_MAX: usize = 10_000;
/// After this long without records the line does what can wait.
const IDLE_AFTER: Duration = Duration::from_millis(250);

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

    /// Tells whether all threads of the line are at work.
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
        triage: parts.triage,
        outbox: parts.outbox,
        waiting: Vec::new(),
        next: parts.remembered.next,
        counters: Arc::clone(&counters),
    };
    let keeping = Keeping {
        store: parts.store,
        counters: Arc::clone(&counters),
        stopping: Arc::clone(&stopping),
    };
    let (outlet, groups) = crossbeam_channel::bounded::<Group>(GROUPS_MAX);
    let (durable, pieces) = crossbeam_channel::bounded(PIECES_MAX);
    let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
        let lit = Lit(Arc::clone(&alive));
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _lit = lit;
            work();
        })
    };
    let threads = vec![
        spawn("line-read", Box::new(move || reader.run(&inlet, &outlet)))?,
        spawn("line-store", Box::new(move || keeping.run(&groups, &durable)))?,
        spawn("line-detect", Box::new(move || worker.work(&pieces, keeper)))?,
    ];
    Ok(Line { counters, alive, health, stopping, threads })
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
    triage: Triage,
    outbox: Outbox,
    waiting: Vec<Detection>,
    /// The first event that the rules have not seen.
    next: EventId,
    counters: Arc<Counters>,
}

impl Worker {
    /// Works until every event is done.
    fn work(mut self, pieces: &Receiver<Vec<Arc<Event>>>, mut keeper: Keeper) {
        loop {
            let pace = match pieces.recv_timeout(IDLE_AFTER) {
                Ok(events) => {
                    self.run(&events);
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

    /// Takes durable events down the rest of the line.
    fn run(&mut self, events: &[Arc<Event>]) {
        self.renew();
        let engine = &self.engine;
        let mut health = lock(&self.health);
        for event in events {
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
