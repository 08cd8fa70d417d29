//! What readers see: the list of segments and the generations in memory, always as one.
//!
//! An event moves from the growing generation to a frozen one and from there to segments; each step
//! is made under one lock, and a reader pins all three under the same lock. So it is never seen
//! twice and never missed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use catalog::{Catalog, ChainKey};
use model::Checkpoint;

use crate::batches::Batches;
use crate::damage::{Damage, Damaged};
use crate::index::Indexes;
use crate::memory::{Chunk, Frozen, Growing};
use crate::segment::{Cache, Segment};
use crate::{Config, StoreError};

/// All that the threads of one store share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) config: Config,
    pub(crate) catalog: Catalog,
    pub(crate) chain: Option<ChainKey>,
    pub(crate) footers: Cache,
    pub(crate) indexes: Indexes,
    pub(crate) counters: Counters,
    /// Segments that somebody could not read since the store was opened.
    pub(crate) damaged: Damaged,
    state: Mutex<State>,
    /// Told whenever a generation was written, or could not be.
    pub(crate) changed: Condvar,
}

/// What changes, under its lock.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) segments: Arc<Vec<Arc<Segment>>>,
    /// Listed segments that cannot be opened at all.
    pub(crate) absent: Arc<Vec<Damage>>,
    pub(crate) frozen: Vec<Arc<Frozen>>,
    pub(crate) growing: Growing,
    pub(crate) checkpoints: BTreeMap<String, String>,
    /// The batches of senders that name theirs.
    pub(crate) batches: Batches,
    pub(crate) ledger: Ledger,
    /// The first identity that no event has.
    pub(crate) next_id: u64,
    /// As the catalog has it.
    pub(crate) committed: u64,
    pub(crate) flush_failures: u64,
    pub(crate) flush_error: Option<StoreError>,
    pub(crate) stopping: bool,
    /// What was odd when the store was opened.
    pub(crate) notices: Vec<String>,
}

/// Where events came from and went, since the store was opened. It changes under the lock of the
/// state, together with the lists that it speaks of, so that it is balanced at any moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ledger {
    /// In the segments that were there.
    pub(crate) found: u64,
    /// Read back from the log.
    pub(crate) replayed: u64,
    /// Given to the store, and decided upon.
    pub(crate) received: u64,
    /// Of those, refused.
    pub(crate) rejected: u64,
    /// Of those, known already as part of a batch that was sent again.
    pub(crate) deduplicated: u64,
    /// Gone because their time was over, or to make room.
    pub(crate) retired: u64,
    /// Gone because somebody had them purged.
    pub(crate) purged: u64,
}

/// What happened since the store was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) quarantined: AtomicU64,
    pub(crate) orphans: AtomicU64,
    pub(crate) missing: AtomicU64,
}

/// What one reader sees, unchanging.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) segments: Arc<Vec<Arc<Segment>>>,
    pub(crate) absent: Arc<Vec<Damage>>,
    /// What could not be read for this reader.
    pub(crate) unread: Arc<Damaged>,
    pub(crate) memory: Vec<Chunk>,
}

impl State {
    /// Takes how far a source had come with what is durable now.
    pub(crate) fn note(&mut self, checkpoint: &Checkpoint) {
        if Batches::is_batch(&checkpoint.key) {
            self.batches.note(&checkpoint.key, &checkpoint.position);
        } else {
            self.checkpoints.insert(checkpoint.key.clone(), checkpoint.position.clone());
        }
    }
}

impl Shared {
    pub(crate) fn new(
        dir: PathBuf,
        config: Config,
        catalog: Catalog,
        chain: Option<ChainKey>,
        state: State,
    ) -> Self {
        let footers = Cache::new(config.keyring.clone());
        let indexes = Indexes::new(&dir, config.keyring.clone());
        Self {
            dir,
            config,
            catalog,
            chain,
            footers,
            indexes,
            counters: Counters::default(),
            damaged: Damaged::default(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// The state is consistent between any two statements that change it, so a panic elsewhere does
    /// not spoil it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pins what there is now.
    pub(crate) fn pin(&self) -> Snapshot {
        let state = self.state();
        let mut memory: Vec<Chunk> =
            state.frozen.iter().flat_map(|frozen| frozen.chunks.iter().cloned()).collect();
        memory.extend(state.growing.chunks());
        Snapshot {
            segments: Arc::clone(&state.segments),
            absent: Arc::clone(&state.absent),
            unread: Arc::default(),
            memory,
        }
    }
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, number: usize) {
        counter.fetch_add(u64::try_from(number).unwrap_or_default(), Ordering::Relaxed);
    }

    pub(crate) fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
