//! Events that go while the process is stopped: what a purge deletes, and what is too old.
//!
//! A batch is doomed, aged or neither, by its first number. Doomed ones go by purges, which are asked for now
//! and then; aged ones by age, whenever the store is tidied. Of both, any part may be gone in the midst of it;
//! but what was purged with an answer is gone whole, and what was once seen to be gone never comes back.

use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::{Catalog, JobKind, JobState, NewJob};
use model::{Event, Field, Timestamp};
use store::{Config, KeepConfig, KeepSet, Store, Surroundings};

use crate::samples::MIDNIGHT;

const DOOMED: &str = "host.name: doomed";
const AGED: &str = "host.name: aged";

/// What becomes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Doomed,
    Aged,
}

impl Fate {
    pub(super) fn of(first: u64) -> Self {
        match first.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61 {
            0 | 1 => Self::Doomed,
            2 => Self::Aged,
            _ => Self::Stays,
        }
    }
}

/// Marks the events of a batch with their fate.
pub(super) fn marked(first: u64, events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
    let host = match Fate::of(first) {
        Fate::Stays => return events,
        Fate::Doomed => "doomed",
        Fate::Aged => "aged",
    };
    let mark = |event: Arc<Event>| {
        let mut event = Arc::unwrap_or_clone(event);
        event.set(Field::HostName, host);
        Arc::new(event)
    };
    events.into_iter().map(mark).collect()
}

/// Gives the configuration of a store in which aged events are far past their time.
pub(super) fn aging(config: Config) -> Config {
    let sets = vec![KeepSet { matching: AGED.to_owned(), days: 1, gigabytes: 0.0 }];
    let clock = Arc::new(|| Timestamp::from_seconds(MIDNIGHT + 30 * 86_400));
    Config {
        keep: KeepConfig { sets, ..KeepConfig::default() },
        surroundings: Surroundings { clock, ..Surroundings::default() },
        ..config
    }
}

/// Asks for a purge, and tells what came of it by lines that [`super::Chain::learn`] reads.
pub(super) fn purge(store: &Store, catalog: &Catalog, name: &str) {
    println!("\npurging {name}");
    let asked = catalog.add_job(&NewJob {
        kind: JobKind::Purge,
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        matching: DOOMED.to_owned(),
        reason: "a test".to_owned(),
        at: Timestamp::from_seconds(MIDNIGHT),
        by: "nobody".to_owned(),
    });
    // Where the disk is full it waits in the catalog, and is done by whoever tidies next.
    let Ok(id) = asked else { return };
    let _ = store.keep();
    if matches!(catalog.job(id), Ok(Some(job)) if job.state == JobState::Done) {
        println!("\npurged {name}");
    }
}

/// What is known of the events of a batch that may go.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// The numbers that were there when somebody looked last.
    seen: Option<BTreeSet<u64>>,
    /// Whether a purge told that it is gone.
    pub(super) must_be_gone: bool,
}

impl Left {
    /// Compares what is there now with what may be.
    pub(super) fn look(&mut self, there: BTreeSet<u64>, place: &str) {
        assert!(!self.must_be_gone || there.is_empty(), "{place}: purged, and back: {there:?}");
        if let Some(seen) = &self.seen {
            assert!(there.is_subset(seen), "{place}: gone, and back: {there:?} of {seen:?}");
        }
        self.seen = Some(there);
    }

    /// Forgets what was seen: a process may have written the batch since.
    pub(super) fn begin(&mut self) {
        self.seen = None;
    }
}
