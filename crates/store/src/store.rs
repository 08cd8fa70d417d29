//! The store itself: its threads, and what its owner may ask of it.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use catalog::{Catalog, ChainHead};
use crossbeam_channel::{Sender, bounded};
use model::{Checkpoint, Event, EventId};

use crate::commit::{self, Append, Job};
use crate::error::During;
use crate::live::{Counters, Shared, State};
use crate::lock::Lock;
use crate::open::{self, Access, Opened};
use crate::search::{
    Found, Histogram, Scope, Search, Top, TopValues, find, get, histogram, scan, since, top,
};
use crate::wal::{Frame, Writer};
use crate::{Config, Counted, Damage, Stats, StoreError, flush, folder, keep};

/// How many batches may wait for the log; further appenders wait in line.
const BATCHES_WAITING_MAX: usize = 256;

/// Events on disk. Clones are cheap and share one store; the last one to go stops its threads.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    #[cfg(feature = "sql")]
    engine: crate::sql::Lazy,
    owner: Option<Owner>,
    /// Tells the owner, in another process, that its segments are being read.
    _reading: Option<std::fs::File>,
}

/// What only the process that writes has.
#[derive(Debug)]
struct Owner {
    jobs: Sender<Job>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: Lock,
}

impl Store {
    /// Opens the store in a folder, makes it where there is none, and replays its log. One process
    /// at a time.
    pub fn open(dir: &Path, catalog: Catalog, config: Config) -> Result<Self, StoreError> {
        for folder in [dir.to_owned(), dir.join("wal"), dir.join("segments")] {
            let what = || format!("create {}", folder.display());
            std::fs::create_dir_all(&folder).during(what)?;
        }
        folder::check_owner(dir)?;
        crate::wal::sync_dir(dir).during(|| format!("sync {}", dir.display()))?;
        let lock = Lock::take(dir)?;
        let Opened { shared, next_log } = open::open(dir, catalog, config, Access::Owner)?;
        let shared = Arc::new(shared);
        let next_id = shared.state().next_id;
        let keyring = shared.config.sealing().cloned();
        let writer = Writer::begin(&dir.join("wal"), next_log, next_id, keyring);
        let (jobs, waiting) = bounded(BATCHES_WAITING_MAX);
        let for_commit = Arc::clone(&shared);
        let for_flush = Arc::clone(&shared);
        let (for_keep, for_reserve) = (Arc::clone(&shared), Arc::clone(&shared));
        // Set once: the store was just made.
        let _ = shared.commit.set(jobs.clone());
        let mut threads = vec![
            spawn("store-commit", move || commit::run(&for_commit, writer, &waiting))?,
            spawn("store-flush", move || flush::run(&for_flush))?,
        ];
        if shared.config.keep_every.is_some() {
            threads.push(spawn("store-keep", move || keep::run(&for_keep))?);
            threads.push(spawn("store-reserve", move || keep::run_reserve(&for_reserve))?);
        }
        let owner = Some(Owner { jobs, threads: Mutex::new(threads), _lock: lock });
        Ok(Self::of(shared, owner, None))
    }

    /// Opens a store to be read only, beside the process that writes it, and shows what was durable
    /// at that moment.
    pub fn open_reader(dir: &Path, catalog: Catalog, config: Config) -> Result<Self, StoreError> {
        let reading = keep::read_lock(dir).during(|| format!("read {}", dir.display()))?;
        let listed = || -> Result<Vec<_>, StoreError> {
            Ok(catalog.segments()?.into_iter().map(|row| row.id).collect())
        };
        for _ in 0..READ_TRIES_MAX {
            let before = listed()?;
            let read = open::open(dir, catalog.clone(), config.clone(), Access::Reader);
            // A generation that became segments in between took its log files with it.
            if listed()? != before {
                continue;
            }
            let shared = Arc::new(read?.shared);
            return Ok(Self::of(shared, None, Some(reading)));
        }
        Err(StoreError::Busy { waiting: 0 })
    }

    /// Gives the first identity that no event has.
    pub fn next_id(&self) -> u64 {
        self.inner.shared.state().next_id
    }

    /// Gives how far the sources had come with what is durable.
    pub fn checkpoints(&self) -> Vec<Checkpoint> {
        let state = self.inner.shared.state();
        let all = state.checkpoints.iter();
        all.map(|(key, position)| Checkpoint { key: key.clone(), position: position.clone() })
            .collect()
    }

    /// Makes events durable, with the checkpoints of the sources that brought them, all or none;
    /// returns after the disk has said so. Batches of several callers are written together.
    pub fn append(
        &self,
        events: &[Arc<Event>],
        checkpoints: &[Checkpoint],
    ) -> Result<(), StoreError> {
        if events.is_empty() && checkpoints.is_empty() {
            return Ok(());
        }
        let (done, told) = bounded(1);
        let outcome = self.hand_over(events, checkpoints, done).map(|()| told.recv());
        if let Ok(Ok(decided)) = outcome {
            return decided;
        }
        // It never came to the thread that keeps the ledger.
        {
            let given = u64::try_from(events.len()).unwrap_or_default();
            let mut state = self.inner.shared.state();
            state.ledger.received += given;
            state.ledger.rejected += given;
        }
        outcome.and(Err(CLOSED))
    }

    fn hand_over(
        &self,
        events: &[Arc<Event>],
        checkpoints: &[Checkpoint],
        done: Sender<Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let owner = self.inner.owner()?;
        self.inner.shared.disk.admit(events.len())?;
        self.wait_for_room()?;
        let job = Job::Append(Append {
            frame: Frame::of_batch(events, checkpoints)?,
            events: events.to_vec(),
            checkpoints: checkpoints.to_vec(),
            done,
        });
        owner.jobs.send(job).map_err(|_| CLOSED)
    }

    /// Tells whether the batch of that key is durable already; its sender did not hear of it and
    /// sends it again. Keys are forgotten after ten minutes.
    pub fn has_batch(&self, key: &str) -> bool {
        self.inner.shared.state().batches.has(key)
    }

    /// Enters into the ledger that a batch of so many events was sent again and dropped.
    pub fn note_repeated(&self, events: u64) {
        let mut state = self.inner.shared.state();
        state.ledger.received += events;
        state.ledger.deduplicated += events;
    }

    /// Writes what is in memory as segments, and returns when they are published.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.inner.owner()?;
        self.inner.shared.flush()
    }

    /// Gives the ledger.
    pub fn stats(&self) -> Stats {
        let shared = &self.inner.shared;
        let state = shared.state();
        let counters = &shared.counters;
        let sum = |number: fn(&crate::memory::Frozen) -> u64| {
            state.frozen.iter().map(|frozen| number(frozen)).sum::<u64>()
        };
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Stats {
            received: state.ledger.received,
            rejected: state.ledger.rejected,
            deduplicated: state.ledger.deduplicated,
            batches_forgotten: state.batches.forgotten_early,
            retired: state.ledger.retired,
            purged: state.ledger.purged,
            in_memory: sum(|frozen| frozen.events) + state.growing.events(),
            in_segments: state.segments.iter().map(|segment| segment.row.events).sum(),
            found: state.ledger.found,
            replayed: state.ledger.replayed,
            segments: count(state.segments.len()),
            segment_bytes: state.segments.iter().map(|segment| segment.row.bytes).sum(),
            index_bytes: state.segments.iter().map(|segment| segment.row.index_bytes).sum(),
            index_failures: shared.indexes.failures(),
            memory_bytes: sum(|frozen| frozen.bytes) + state.growing.bytes(),
            generations_waiting: count(state.frozen.len()),
            quarantined: Counters::get(&counters.quarantined),
            orphans: Counters::get(&counters.orphans),
            missing: Counters::get(&counters.missing),
            damaged: count(self.damaged_of(&state).len()),
            flush_failures: state.flush_failures,
            next_id: state.next_id,
            merges: state.kept.merges,
            merged: state.kept.merged,
            given_up: state.kept.given_up,
            keep_failures: state.kept.failures,
            disk_free: shared.disk.free(),
            disk_reserve: shared.disk.reserve(),
            disk_is_full: shared.disk.is_full(),
            refused_full: shared.disk.refused(),
        }
    }

    /// Gives what was odd when the store was opened: a clock that went back, another machine.
    pub fn notices(&self) -> Vec<String> {
        self.inner.shared.state().notices.clone()
    }

    /// Gives the end of the chain of segments; nothing where there is none yet.
    pub fn chain_head(&self) -> Result<Option<ChainHead>, StoreError> {
        Ok(self.inner.shared.catalog.chain_head()?)
    }

    /// Gives the listed segments that are missing, or could not be read since the store was opened.
    pub fn damaged(&self) -> Vec<Damage> {
        let state = self.inner.shared.state();
        let mut all = state.absent.as_ref().clone();
        all.extend(self.damaged_of(&state));
        all
    }

    /// Leaves out those that have gone out of the list since.
    fn damaged_of(&self, state: &State) -> Vec<Damage> {
        let mut all = self.inner.shared.damaged.all();
        all.retain(|damage| state.segments.iter().any(|segment| segment.row.file == damage.file));
        all
    }

    /// Writes what is in memory as segments and stops the store, for all its clones. Without it, as
    /// after a crash, the next start reads the log.
    pub fn close(self) -> Result<(), StoreError> {
        let flushed = if self.inner.owner.is_some() { self.flush() } else { Ok(()) };
        self.inner.stop();
        flushed
    }

    /// Finds events.
    pub fn search(&self, search: &Search) -> Result<Found, StoreError> {
        find(self.shared(), &self.shared().pin(), search)
    }

    /// Gives every event of the scope to `each`, the oldest first, until it breaks; tells whether it
    /// saw them all. What is appended meanwhile is not among them.
    pub fn scan(
        &self,
        scope: &Scope,
        each: &mut dyn FnMut(&Arc<Event>) -> ControlFlow<()>,
    ) -> Result<bool, StoreError> {
        scan(self.shared(), &self.shared().pin(), scope, each)
    }

    /// Gives the events of `count` identities from the first on, in the order in which they were kept.
    pub fn since(&self, first: EventId, count: u64) -> Result<Vec<Arc<Event>>, StoreError> {
        since(self.shared(), &self.shared().pin(), first, count)
    }

    /// Gives the events of these identities, in the order asked for; those that do not exist are
    /// left out.
    pub fn get(&self, ids: &[EventId]) -> Result<Vec<Arc<Event>>, StoreError> {
        get(self.shared(), &self.shared().pin(), ids)
    }

    /// Counts events over time. Past the deadline it is an error: half a histogram misleads.
    pub fn histogram(&self, question: &Histogram) -> Result<Counted, StoreError> {
        histogram(self.shared(), &self.shared().pin(), question)
    }

    /// Gives the most frequent values of a field.
    pub fn top(&self, question: &Top) -> Result<TopValues, StoreError> {
        top(self.shared(), &self.shared().pin(), question)
    }

    fn of(shared: Arc<Shared>, owner: Option<Owner>, reading: Option<std::fs::File>) -> Self {
        let inner = Inner {
            shared,
            #[cfg(feature = "sql")]
            engine: crate::sql::Lazy::default(),
            owner,
            _reading: reading,
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    #[cfg(feature = "sql")]
    pub(crate) fn engine(&self) -> &crate::sql::Lazy {
        &self.inner.engine
    }

    fn wait_for_room(&self) -> Result<(), StoreError> {
        let shared = &self.inner.shared;
        let is_full = |state: &mut State| {
            state.frozen.len() >= shared.config.generations_waiting_max && !state.stopping
        };
        let wait = shared.config.room_wait_max;
        let (state, waited) = shared
            .changed
            .wait_timeout_while(shared.state(), wait, is_full)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            let waiting = state.frozen.iter().map(|frozen| frozen.events).sum();
            return Err(StoreError::Busy { waiting });
        }
        Ok(())
    }
}

/// A publication between two looks is rare; several in a row mean something else is wrong.
const READ_TRIES_MAX: usize = 5;
const CLOSED: StoreError = StoreError::Closed { why: "it was closed" };

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .during(|| format!("start the thread {name}"))
}

impl Inner {
    fn owner(&self) -> Result<&Owner, StoreError> {
        self.owner.as_ref().ok_or(StoreError::Closed { why: "it was opened for reading" })
    }

    fn stop(&self) {
        let Some(owner) = &self.owner else { return };
        // No more jobs are taken; those before this one are done.
        let _ = owner.jobs.send(Job::Stop);
        self.shared.state().stopping = true;
        self.shared.changed.notify_all();
        let threads =
            std::mem::take(&mut *owner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
        // What cannot be deleted now is at the next start.
        if let Err(error) = self.shared.graveyard.sweep(keep::Readers::Wait) {
            tracing::warn!(%error, "files that are not needed any more could not be deleted");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}
