//! What is kept of the matches of a correlation.

use model::{EventId, Timestamp};

use crate::correlations::tally::millionths;

/// One match.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) time: Timestamp,
    pub(crate) event: EventId,
    /// For how many happenings it stands.
    pub(crate) weight: u64,
    /// The counted value, as its hash, or the bits of the number; a collision of 64 bits would count
    /// two values as one.
    pub(crate) value: u64,
    /// What a correlation that matched stands on itself.
    pub(crate) evidence: Option<Box<Evidence>>,
    /// The place of its rule among those that the correlation names.
    pub(crate) rule: u8,
    pub(crate) simulated: bool,
}

/// What the match of a correlation stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) first: Timestamp,
    /// How many of its happenings no earlier match of the same burst counted.
    pub(crate) fresh: u64,
    pub(crate) events: Vec<EventId>,
}

/// The matches of a short time, of which only the sum is kept.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) weight: u128,
    pub(crate) sum: i128,
    pub(crate) simulated: bool,
}

impl Entry {
    pub(crate) fn place(&self) -> usize {
        usize::from(self.rule)
    }

    pub(crate) fn number(&self) -> f64 {
        f64::from_bits(self.value)
    }

    /// Gives what it adds to a sum, in millionths.
    pub(crate) fn share(&self) -> i128 {
        millionths(self.number()).saturating_mul(i128::from(self.weight))
    }

    pub(crate) fn evidence_bytes(&self) -> usize {
        let evidence = |evidence: &Evidence| {
            size_of::<Evidence>() + evidence.events.capacity() * size_of::<EventId>()
        };
        self.evidence.as_deref().map_or(0, evidence)
    }
}

impl Slice {
    pub(crate) fn of(entry: &Entry) -> Self {
        let Entry { time, simulated, .. } = *entry;
        let mut slice = Self { first: time, last: time, weight: 0, sum: 0, simulated };
        slice.take(entry);
        slice
    }

    pub(crate) fn take(&mut self, entry: &Entry) {
        self.first = self.first.min(entry.time);
        self.last = self.last.max(entry.time);
        self.weight += u128::from(entry.weight);
        self.sum = self.sum.saturating_add(entry.share());
        self.simulated &= entry.simulated;
    }
}
