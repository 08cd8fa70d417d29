//! Questions to the store that are not SQL: search, counts over time, most frequent values.
//!
//! A predicate is tested column by column: for a text column once for each distinct value, by the
//! predicate's own matchers. Only the events that pass are put together from all their columns.

mod block;
mod count;
mod evaluate;
mod find;
mod hits;
mod prune;
mod since;
mod top;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use model::{EventId, Timestamp};
use query::Predicate;

pub(crate) use block::{Block, Place};
pub(crate) use count::histogram;
pub use count::{Bucket, Counted, Histogram};
pub(crate) use evaluate::narrow;
pub use find::Found;
pub(crate) use find::{find, get, scan};
pub(crate) use prune::{group_spans, may_match, rows_to_read};
pub(crate) use since::since;
pub(crate) use top::top;
pub use top::{Top, TopValues};

/// Bounds the events of one answer.
pub const SEARCH_EVENTS_MAX: usize = 50_000;

/// What is asked for: which events, and for how long to look.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Which events.
    pub predicate: Predicate,
    /// The earliest time.
    pub from: Timestamp,
    /// The time before which they happened; [`Timestamp::MAX`] has no such bound.
    pub to: Timestamp,
    /// When to give up and tell what was found until then.
    pub deadline: Option<Instant>,
    /// Gives up as the deadline does, as soon as somebody says so.
    pub stop: Stop,
}

/// Ends a search from outside. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Says that nobody waits for the answer any more.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether that was said.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Scope {
    /// Gives the scope of all time.
    pub fn of(predicate: Predicate) -> Self {
        let (from, to) = (Timestamp::MIN, Timestamp::MAX);
        Self { predicate, from, to, deadline: None, stop: Stop::default() }
    }

    /// Tells whether the time is within the span.
    pub(crate) fn spans(&self, time: Timestamp) -> bool {
        self.from <= time && (time < self.to || self.to == Timestamp::MAX)
    }

    /// Tells whether any of a span of times is within.
    pub(crate) fn touches(&self, first: Timestamp, last: Timestamp) -> bool {
        last >= self.from && (first < self.to || self.to == Timestamp::MAX)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stop.is_stopped() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// A search for events.
#[derive(Clone, Debug)]
pub struct Search {
    /// Which events.
    pub scope: Scope,
    /// Which ones first.
    pub order: Order,
    /// How many, at most [`SEARCH_EVENTS_MAX`].
    pub limit: usize,
    /// Where the last answer ended.
    pub cursor: Option<Cursor>,
}

/// The order of an answer, by time and then by identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest event first.
    #[default]
    Newest,
    /// The oldest event first.
    Oldest,
}

/// The place of an event in the order of all events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// When it happened.
    pub time: Timestamp,
    /// Its identity.
    pub id: EventId,
}

impl Cursor {
    /// Reads the text that `Display` gives.
    pub fn parse(text: &str) -> Option<Self> {
        let (nanos, id) = text.rsplit_once('.')?;
        Some(Self {
            time: Timestamp::from_nanos(nanos.parse().ok()?),
            id: EventId(id.parse().ok()?),
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.time.nanos(), self.id)
    }
}
