//! Whether each rule could fire here and now.
//!
//! A rule is of use only where its log source arrives and carries the fields that the rule asks for.
//! So the events that pass are noted: of which source each is, and which fields it has. Events of one
//! source with the same fields are one *shape*; there are few of them, so an event costs one look into
//! a table. From the shapes it follows for each rule when it could last have fired, and which of its
//! fields never came. Time is that of the event's receipt.

mod kept;
mod names;
mod verdict;

use std::collections::HashMap;
use std::time::Duration;

use model::{Event, Timestamp};
use sigma::{Labels, RuleIndex, RuleSet};

use crate::Memory;

use self::names::{NameId, Names};

pub use self::verdict::{RuleHealth, Verdict};

/// Bounds the log sources that are told apart; events of further ones are counted only.
const SOURCES_MAX: usize = 512;
/// Bounds the shapes of one source; further ones are noted together.
const SHAPES_OF_SOURCE_MAX: usize = 256;
/// Bounds the shapes of all sources.
const SHAPES_MAX: usize = 4_096;
/// Bounds what is kept of how the shapes look at a glance.
const GLANCES_MAX: usize = 4 * SHAPES_MAX;
/// Bounds the rules whose firings are counted.
const RULES_MAX: usize = 50_000;
/// Bounds one name of a source.
const LABEL_BYTES_MAX: usize = 64;
/// The hours over which the events of a source are counted.
const HOURS: usize = 24;
const HOUR_SECONDS: i64 = 3_600;

/// What passed, and what fired.
#[derive(Clone, Debug, Default)]
pub struct Health {
    since: Option<Timestamp>,
    names: Names,
    sources: Vec<Source>,
    /// The sources by the hash of their labels.
    source_of: HashMap<u64, usize>,
    shapes: Vec<Shape>,
    /// The shapes by what an event tells of its source and its fields at a glance.
    shape_of: HashMap<u64, usize>,
    /// The shapes by the hash of their source and of the names of their fields.
    shape_with: HashMap<u64, usize>,
    rules: HashMap<String, Work>,
    /// Events whose source could not be noted for want of room.
    unnoted: u64,
}

/// The events of some labels.
#[derive(Clone, Debug, Default)]
struct Source {
    labels: [Option<Box<str>>; 3],
    events: u64,
    last: Timestamp,
    hours: Hours,
    /// How many shapes it has.
    shapes: usize,
    /// The shape that stands for all for which there is no room.
    rest: Option<usize>,
}

/// How many events came in each of the last hours.
#[derive(Clone, Debug, Default)]
struct Hours {
    counts: [u64; HOURS],
    /// The hour of the newest event, since 1970, and the first hour that was counted.
    newest: i64,
    first: i64,
}

/// The events of one source that have the same fields.
#[derive(Clone, Debug)]
struct Shape {
    source: usize,
    /// In order.
    fields: Vec<NameId>,
    events: u64,
    last: Timestamp,
}

/// What a rule did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Work {
    hits: u64,
    last: Option<Timestamp>,
    /// How often it was evaluated in rule sets that are no longer in force.
    evaluated: u64,
    /// The same in the one that is.
    evaluating: u64,
}

impl Health {
    /// Gives the health of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives since when events are noted.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Gives how many events could not be noted for want of room.
    pub fn unnoted(&self) -> u64 {
        self.unnoted
    }

    /// Notes an event.
    pub fn observe(&mut self, event: &Event) {
        let time = event.ingested;
        self.since = Some(self.since.map_or(time, |since| since.min(time)));
        let labels = Labels::of(event).words();
        let source_key = labels_key(&labels);
        let Some(source) = self.source(source_key, &labels, time) else {
            self.unnoted += 1;
            return;
        };
        if let Some(source) = self.sources.get_mut(source) {
            source.events += 1;
            source.last = source.last.max(time);
            source.hours.count(time);
        }
        let key = mix(source_key ^ event.shape());
        let shape = match self.shape_of.get(&key) {
            Some(shape) => Some(*shape),
            None => self.new_shape(key, source, event),
        };
        if let Some(shape) = shape.and_then(|shape| self.shapes.get_mut(shape)) {
            shape.events += 1;
            shape.last = shape.last.max(time);
        }
    }

    /// Notes what an event did to the rules: to be called after [`Engine::observe`](crate::Engine::observe).
    pub fn observe_hits(&mut self, event: &Event, rules: &RuleSet, memory: &Memory) {
        for rule in memory.hits().filter_map(|index| rules.rule(index)) {
            self.hit(&rule.header.id, event.time);
        }
    }

    /// Notes what the rules in force cost until now.
    pub fn observe_costs(&mut self, rules: &RuleSet, memory: &Memory) {
        for (index, rule) in rules.rules().iter().enumerate() {
            self.evaluations(&rule.header.id, memory.evaluations(RuleIndex(index)));
        }
    }

    /// Notes that a rule matched, or a correlation fired.
    pub fn hit(&mut self, rule: &str, time: Timestamp) {
        if let Some(work) = self.work(rule) {
            work.hits += 1;
            work.last = work.last.max(Some(time));
        }
    }

    /// Notes how often a rule was evaluated since its rule set is in force.
    pub fn evaluations(&mut self, rule: &str, evaluations: u64) {
        if evaluations == 0 && !self.rules.contains_key(rule) {
            return;
        }
        if let Some(work) = self.work(rule) {
            work.evaluating = evaluations;
        }
    }

    /// Notes that another rule set is in force, whose evaluations are counted from nothing.
    pub fn renew(&mut self) {
        for work in self.rules.values_mut() {
            work.evaluated += std::mem::take(&mut work.evaluating);
        }
    }

    fn work(&mut self, rule: &str) -> Option<&mut Work> {
        if !self.rules.contains_key(rule) {
            if self.rules.len() >= RULES_MAX {
                return None;
            }
            self.rules.insert(rule.to_owned(), Work::default());
        }
        self.rules.get_mut(rule)
    }

    /// Gives the source of labels; `None` where there is no room for a new one.
    fn source(&mut self, key: u64, labels: &[Option<&str>; 3], time: Timestamp) -> Option<usize> {
        if let Some(source) = self.source_of.get(&key) {
            return Some(*source);
        }
        let fits = labels.iter().flatten().all(|label| names::is_plain(label, LABEL_BYTES_MAX));
        if self.sources.len() >= SOURCES_MAX || !fits {
            return None;
        }
        let place = self.sources.len();
        self.sources.push(Source {
            labels: labels.map(|label| label.map(Box::from)),
            hours: Hours { first: hour_of(time), ..Hours::default() },
            ..Source::default()
        });
        self.source_of.insert(key, place);
        Some(place)
    }

    fn new_shape(&mut self, key: u64, source: usize, event: &Event) -> Option<usize> {
        let known = event.known().map(|(field, _)| field.name());
        let names: Vec<&str> = known.chain(event.extras().map(|extra| extra.name)).collect();
        let mut fields: Vec<NameId> =
            names.into_iter().filter_map(|name| self.names.id_or_new(name)).collect();
        fields.sort_unstable();
        fields.dedup();
        let with = fields_key(source, &fields);
        if let Some(shape) = self.shape_with.get(&with).copied() {
            self.remember(key, shape);
            return Some(shape);
        }
        let owner = self.sources.get_mut(source)?;
        if owner.shapes < SHAPES_OF_SOURCE_MAX && self.shapes.len() < SHAPES_MAX {
            owner.shapes += 1;
            let place = self.shapes.len();
            self.shapes.push(Shape { source, fields, events: 0, last: Timestamp::MIN });
            self.shape_with.insert(with, place);
            self.remember(key, place);
            return Some(place);
        }
        // The rest is one shape that has every field: it may promise too much, never too little.
        let rest = *owner.rest.get_or_insert(self.shapes.len());
        if rest == self.shapes.len() {
            self.shapes.push(Shape { source, fields: Vec::new(), events: 0, last: Timestamp::MIN });
        }
        let shape = self.shapes.get_mut(rest)?;
        for field in fields {
            if let Err(place) = shape.fields.binary_search(&field) {
                shape.fields.insert(place, field);
            }
        }
        Some(rest)
    }

    /// Notes what events of a shape look like at a glance; of fields whose names are not kept, they
    /// look like many things.
    fn remember(&mut self, key: u64, shape: usize) {
        if self.shape_of.len() < GLANCES_MAX {
            self.shape_of.insert(key, shape);
        }
    }
}

impl Hours {
    fn count(&mut self, time: Timestamp) {
        let hour = hour_of(time);
        if hour > self.newest {
            let passed = usize::try_from(hour - self.newest).unwrap_or(HOURS).min(HOURS);
            self.counts.rotate_right(passed);
            self.counts.iter_mut().take(passed).for_each(|count| *count = 0);
            self.newest = hour;
        }
        let back = usize::try_from(self.newest - hour).unwrap_or(HOURS);
        if let Some(count) = self.counts.get_mut(back) {
            *count += 1;
        }
    }

    /// Gives the events an hour over the last day, or since the first of them.
    fn per_hour(&self, now: Timestamp) -> u64 {
        let now = hour_of(now);
        let passed = usize::try_from(now - self.newest).unwrap_or(0);
        let counted: u64 = self.counts.iter().take(HOURS.saturating_sub(passed)).sum();
        let hours = u64::try_from(now - self.first + 1).unwrap_or(1).clamp(1, 24);
        counted.div_ceil(hours)
    }
}

fn hour_of(time: Timestamp) -> i64 {
    time.nanos().div_euclid(HOUR_SECONDS * 1_000_000_000)
}

/// Gives the hash of labels.
fn labels_key(labels: &[Option<&str>; 3]) -> u64 {
    let mut key = 0_u64;
    for label in labels {
        key = mix(key ^ u64::from(label.is_some()));
        for chunk in label.unwrap_or_default().as_bytes().chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            key = mix(key ^ u64::from_le_bytes(word));
        }
    }
    key
}

/// Gives the hash of a source and of names.
fn fields_key(source: usize, fields: &[NameId]) -> u64 {
    let source = u64::try_from(source).unwrap_or(u64::MAX);
    fields.iter().fold(mix(source), |key, field| mix(key ^ u64::from(*field)))
}

/// Spreads the bits of a number over all of it (the finaliser of SplitMix64).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A source that did not come for so long is silent.
pub const SILENT_AFTER: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests;
