//! The events that are durable in the log and not yet in segments.
//!
//! They lie in chunks that never change once they are full, so that a reader pins them by counting
//! references up, and an event is seen by readers from the moment it is durable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Checkpoint, Event, Timestamp};

use crate::Config;

const CHUNK_EVENTS: usize = 1024;

/// Some events, and the span of their times and identities.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) events: Arc<[Arc<Event>]>,
    pub(crate) first_time: Timestamp,
    pub(crate) last_time: Timestamp,
    pub(crate) first_id: u64,
    pub(crate) last_id: u64,
}

impl Chunk {
    fn of(events: &[Arc<Event>]) -> Self {
        let times = || events.iter().map(|event| event.time);
        let ids = || events.iter().map(|event| event.id.0);
        Self {
            first_time: times().min().unwrap_or_default(),
            last_time: times().max().unwrap_or_default(),
            first_id: ids().min().unwrap_or_default(),
            last_id: ids().max().unwrap_or_default(),
            events: events.into(),
        }
    }
}

/// The generation that grows.
#[derive(Debug, Default)]
pub(crate) struct Growing {
    full: Vec<Chunk>,
    tail: Vec<Arc<Event>>,
    checkpoints: BTreeMap<String, String>,
    events: u64,
    bytes: u64,
    begun: Option<Instant>,
}

/// A generation that is complete and waits to be written as segments.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// The last log file that holds any of it.
    pub(crate) last_log: u64,
}

impl Growing {
    /// Takes events that are durable.
    pub(crate) fn add(&mut self, events: &[Arc<Event>], checkpoints: &[Checkpoint], bytes: u64) {
        self.begun.get_or_insert_with(Instant::now);
        self.events += u64::try_from(events.len()).unwrap_or_default();
        self.bytes += bytes;
        for checkpoint in checkpoints {
            self.checkpoints.insert(checkpoint.key.clone(), checkpoint.position.clone());
        }
        let mut rest = events;
        while !rest.is_empty() {
            let room = CHUNK_EVENTS.saturating_sub(self.tail.len()).min(rest.len());
            let (now, later) = rest.split_at(room);
            self.tail.extend_from_slice(now);
            if self.tail.len() >= CHUNK_EVENTS {
                self.full.push(Chunk::of(&self.tail));
                self.tail.clear();
            }
            rest = later;
        }
    }

    /// Tells whether it is large enough to be written.
    pub(crate) fn is_full(&self, config: &Config) -> bool {
        self.events >= config.generation_events_max || self.bytes >= config.generation_bytes_max
    }

    /// Tells whether it is old enough to be written.
    pub(crate) fn is_old(&self, age_max: Duration) -> bool {
        self.begun.is_some_and(|begun| begun.elapsed() >= age_max)
    }

    /// Tells whether nothing was added yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_none()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// Pins what there is now.
    pub(crate) fn chunks(&self) -> Vec<Chunk> {
        let mut chunks = self.full.clone();
        if !self.tail.is_empty() {
            chunks.push(Chunk::of(&self.tail));
        }
        chunks
    }

    /// Ends it.
    pub(crate) fn freeze(self, last_log: u64) -> Frozen {
        let chunks = self.chunks();
        let checkpoints = self
            .checkpoints
            .into_iter()
            .map(|(key, position)| Checkpoint { key, position })
            .collect();
        Frozen { chunks, checkpoints, events: self.events, bytes: self.bytes, last_log }
    }
}
