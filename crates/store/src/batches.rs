//! The batches whose senders name them, so that one that is sent again is not kept twice.
//!
//! A batch comes with a checkpoint of its own, whose key begins with [`BATCH_KEY`] and whose position
//! is the time of receipt. It lies in the same record of the log as the batch, and moves into the
//! catalog with it; after ten minutes it is forgotten. Time is that of the batches: the clock is not
//! asked.

use std::collections::{BTreeMap, BTreeSet};

use model::BATCH_KEY;

/// How long a batch is known; a sender that tries again does so within seconds.
const KNOWN_FOR_NANOS: u64 = 600 * 1_000_000_000;
/// Bounds the table; past it the oldest is forgotten early and counted.
const BATCHES_MAX: usize = 65_536;

/// The batches of the last ten minutes.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    known: BTreeMap<String, u64>,
    by_time: BTreeSet<(u64, String)>,
    /// Keys that are known no more and may stand in the catalog still.
    forgotten: Vec<String>,
    /// How many were forgotten before their time.
    pub(crate) forgotten_early: u64,
}

impl Batches {
    /// Tells whether a checkpoint is that of a batch.
    pub(crate) fn is_batch(key: &str) -> bool {
        key.starts_with(BATCH_KEY)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.known.contains_key(key)
    }

    /// Takes a batch that is durable, and forgets what is too old.
    pub(crate) fn note(&mut self, key: &str, position: &str) {
        let at = position.parse().unwrap_or_default();
        if let Some(before) = self.known.insert(key.to_owned(), at) {
            self.by_time.remove(&(before, key.to_owned()));
        }
        self.by_time.insert((at, key.to_owned()));
        while let Some((oldest, _)) = self.by_time.first() {
            let is_over = oldest.saturating_add(KNOWN_FOR_NANOS) < at;
            if !is_over && self.by_time.len() <= BATCHES_MAX {
                break;
            }
            self.forgotten_early += u64::from(!is_over);
            let Some((_, key)) = self.by_time.pop_first() else { break };
            self.known.remove(&key);
            self.forgotten.push(key);
        }
    }

    /// Gives the keys that were forgotten since it was asked last.
    pub(crate) fn take_forgotten(&mut self) -> Vec<String> {
        std::mem::take(&mut self.forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> String {
        format!("{BATCH_KEY}{number}")
    }

    #[test]
    fn known_for_ten_minutes() {
        let mut batches = Batches::default();
        batches.note(&key(1), "1000");
        batches.note(&key(2), &(1000 + KNOWN_FOR_NANOS).to_string());
        assert!(batches.has(&key(1)) && batches.has(&key(2)));
        batches.note(&key(3), &(1001 + KNOWN_FOR_NANOS).to_string());
        assert!(!batches.has(&key(1)) && batches.has(&key(2)) && batches.has(&key(3)));
        assert_eq!(batches.take_forgotten(), [key(1)]);
        assert!(batches.take_forgotten().is_empty() && batches.forgotten_early == 0);
    }

    #[test]
    fn bounded_whatever_the_clock_says() {
        let mut batches = Batches::default();
        for number in 0..BATCHES_MAX + 10 {
            batches.note(&key(number), "no number");
        }
        assert_eq!((batches.known.len(), batches.by_time.len()), (BATCHES_MAX, BATCHES_MAX));
        assert_eq!(batches.forgotten_early, 10);
        // A clock that was set back: what was known stays known, the table stays bounded.
        batches.note(&key(1_000_000), &u64::MAX.to_string());
        batches.note(&key(1_000_001), "5");
        assert!(batches.has(&key(1_000_000)) && batches.known.len() < 3);
        batches.note(&key(1_000_002), "6");
        assert!(batches.has(&key(1_000_002)));
    }
}
