//! What correlations remember, bounded.
//!
//! Each correlation keeps its groups in two generations: when the younger one is full it becomes the
//! older, and the older is let go. A group that is still in use moves to the younger one. So the
//! cost of forgetting is spread evenly, and an attacker who forges groups (addresses, user names)
//! pushes out idle groups first.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use model::{Event, EventId, Field, Timestamp, Value};
use query::FieldRef;

use crate::window::{Entry, Stretch, Window};
use crate::{Correlation, CorrelationKind, RuleIndex};

/// Bounds the events that a detection names as its evidence.
pub const EVIDENCE_MAX: usize = 100;
/// Bounds the groups of one correlation in one generation.
const GROUPS_MAX: usize = 50_000;
/// Bounds the matches of one correlation in one generation.
const ENTRIES_MAX: usize = 250_000;
/// Bounds the text of one value in a group's key; a longer one is told apart by its hash.
const KEY_BYTES_MAX: usize = 128;

/// What the correlations of a rule set remember between events.
#[derive(Debug, Default)]
pub struct Memory {
    /// By the correlation's id, so that it outlives a reload of the rules.
    pub(crate) states: HashMap<String, State>,
    pub(crate) counters: MemoryCounters,
}

/// What was forgotten for want of room or of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryCounters {
    /// Groups let go before their time was over.
    pub groups_evicted: u64,
    /// Matches let go because their group held too many.
    pub entries_evicted: u64,
    /// Matches that came later than their correlation's timespan and were not counted.
    pub late: u64,
    /// Correlations whose memory was let go because their definition changed.
    pub changed: u64,
}

/// A correlation's condition became true, or grew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// The correlation.
    pub rule: RuleIndex,
    /// How many happenings, or different values, there were.
    pub count: u64,
    /// How many of them no earlier firing of the same burst counted.
    pub fresh: u64,
    /// When the first of them was.
    pub first: Timestamp,
    /// The evidence, oldest first: the newest [`EVIDENCE_MAX`].
    pub events: Vec<EventId>,
    /// Whether all the evidence is marked sample traffic.
    pub simulated: bool,
}

/// A match on its way into a correlation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match<'e> {
    pub(crate) event: &'e Event,
    /// The place of the matched rule among those that the correlation names.
    pub(crate) place: usize,
    pub(crate) weight: u64,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Which definition of the rule this belongs to.
    pub(crate) definition: u64,
    pub(crate) young: HashMap<Box<str>, Window>,
    pub(crate) old: HashMap<Box<str>, Window>,
    /// How many matches the younger generation took in.
    pub(crate) taken: usize,
}

impl Memory {
    /// Gives what was forgotten so far.
    pub fn counters(&self) -> MemoryCounters {
        self.counters
    }

    pub(crate) fn from_parts(states: HashMap<String, State>, counters: MemoryCounters) -> Self {
        Self { states, counters }
    }

    /// Takes a match in, and gives the correlation's firing, if it is one.
    pub(crate) fn take(
        &mut self,
        id: &str,
        correlation: &Correlation,
        found: Match<'_>,
    ) -> Option<Fired> {
        let group = group_of(correlation, found)?;
        let value = match &correlation.kind {
            CorrelationKind::ValueCount(field) => hash_of(&field.get(found.event)?),
            _ => 0,
        };
        if correlation.exceptions.iter().any(|exception| exception.matches(found.event)) {
            return None;
        }
        let fresh = || State { definition: correlation.definition, ..State::default() };
        if !self.states.contains_key(id) {
            self.states.insert(id.to_owned(), fresh());
        }
        let state = self.states.get_mut(id)?;
        if state.definition != correlation.definition {
            *state = fresh();
            self.counters.changed += 1;
        }
        let window = state.window(&group, &mut self.counters);
        let event = found.event;
        let entry = Entry {
            time: event.time,
            event: event.id,
            weight: found.weight,
            rule: found.place,
            value,
            simulated: event.get(Field::Simulated) == Some(Value::Flag(true)),
        };
        let (taken, at) = window.insert(entry, correlation.timespan);
        self.counters.late += u64::from(taken.late);
        self.counters.entries_evicted += u64::from(taken.evicted);
        if window.cannot_be_news(event.time, &correlation.kind, correlation.timespan) {
            return None;
        }
        let stretch = correlation.stretch(window, at?)?;
        let fresh = window.news(event.time, stretch.count, correlation.timespan)?;
        let mut events: Vec<EventId> =
            window.range(&stretch).rev().take(EVIDENCE_MAX).map(|entry| entry.event).collect();
        events.reverse();
        let simulated = window.range(&stretch).all(|entry| entry.simulated);
        let first = window.range(&stretch).next().map_or(event.time, |entry| entry.time);
        let rule = RuleIndex::default();
        Some(Fired { rule, count: stretch.count, fresh, first, events, simulated })
    }
}

impl Correlation {
    /// Gives the stretch in which the condition holds, if it does.
    fn stretch(&self, window: &Window, at: usize) -> Option<Stretch> {
        match self.kind {
            CorrelationKind::EventCount | CorrelationKind::ValueCount(_) => {
                let stretch = window.fullest(at, &self.kind, self.timespan);
                self.accepts(stretch.count).then_some(stretch)
            }
            CorrelationKind::Temporal => window.complete(at, self.rules.len(), self.timespan),
            CorrelationKind::TemporalOrdered => {
                window.complete_in_order(at, self.rules.len(), self.timespan)
            }
        }
    }
}

impl State {
    /// Gives a group's window, in the younger generation.
    fn window(&mut self, group: &str, counters: &mut MemoryCounters) -> &mut Window {
        if self.young.len() >= GROUPS_MAX || self.taken >= ENTRIES_MAX {
            let evicted = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            counters.groups_evicted += u64::try_from(evicted.len()).unwrap_or(u64::MAX);
            self.taken = 0;
        }
        self.taken += 1;
        let moved = self.old.remove(group);
        self.taken += moved.as_ref().map_or(0, Window::len);
        let window = self.young.entry(Box::from(group)).or_default();
        if let Some(moved) = moved {
            *window = moved;
        }
        window
    }
}

/// Gives the key of a match's group, or `None` where the event lacks a field to group by.
fn group_of(correlation: &Correlation, found: Match<'_>) -> Option<String> {
    let mut key = String::new();
    for field in correlation.group_fields.get(found.place)? {
        append_key(field, found.event, &mut key)?;
    }
    Some(key)
}

fn append_key(field: &FieldRef, event: &Event, key: &mut String) -> Option<()> {
    let value = field.get(event)?;
    let text = value.to_string();
    if text.len() <= KEY_BYTES_MAX {
        // The length keeps `ab` + `c` apart from `a` + `bc`.
        write!(key, "{}:{text}", text.len()).ok()
    } else {
        write!(key, "#{:016x}", hash_of(&value)).ok()
    }
}

/// Gives a hash that is the same in every run.
fn hash_of(value: &Value<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::Timestamp;

    use super::*;
    use crate::Bound;

    #[test]
    fn forged_groups_push_out_idle_ones_and_are_counted() {
        let correlation = Correlation {
            kind: CorrelationKind::EventCount,
            rules: vec![RuleIndex(0)],
            group_by: vec!["source.ip".to_owned()],
            timespan: Duration::from_mins(1),
            bounds: vec![Bound { comparison: query::Comparison::Greater, number: 5 }],
            group_fields: vec![vec![Field::SourceIp.into()]],
            exceptions: Vec::new(),
            definition: 0,
        };
        let mut memory = Memory::default();
        let mut attacked = 0;
        for number in 0..u32::try_from(GROUPS_MAX * 3).unwrap() {
            let mut event = Event::default();
            event.time = Timestamp::from_seconds(1_000);
            // One address keeps on, among ever new ones.
            let forged = !number.is_multiple_of(20_000);
            let address = if forged { 0x0a00_0000 + number } else { 1 };
            event.set(Field::SourceIp, std::net::Ipv4Addr::from(address));
            let found = Match { event: &event, place: 0, weight: 1 };
            let fired = memory.take("id", &correlation, found);
            attacked += usize::from(fired.is_some());
        }
        assert_eq!(attacked, 1);
        assert!(memory.counters().groups_evicted >= u64::try_from(GROUPS_MAX).unwrap() - 1);
        let state = &memory.states["id"];
        assert!(state.young.len() <= GROUPS_MAX && state.old.len() <= GROUPS_MAX);
    }
}
