//! What correlations remember, bounded.
//!
//! Each correlation keeps its groups in two generations: when the younger one is full, or two
//! timespans old, it becomes the older, and the older is let go. A group that is still in use moves
//! to the younger one. So the cost of forgetting is spread evenly, an attacker who forges groups
//! (addresses, user names) pushes out idle groups first, and what is over takes no room for long.

use std::collections::HashMap;
use std::hint::black_box;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use model::{EventId, Timestamp};

use crate::correlations::correlate::Room;
use crate::correlations::correlation::Correlation;
use crate::correlations::entry::Entry;
use crate::correlations::found::{Counted, Match, group_of, value_of};
use crate::correlations::groups::{GroupKey, Groups, Keys, Secret};
use crate::correlations::window::{Taken, Window};
use crate::{CorrelationKind, RuleIndex, RuleSet};

/// Bounds the events that a detection names as its evidence.
pub const EVIDENCE_MAX: usize = 100;
/// Bounds the groups of one correlation in one generation.
const GROUPS_MAX: usize = 50_000;
/// Bounds what the groups of one correlation take in one generation.
const GENERATION_BYTES_MAX: usize = 32 << 20;
/// Bounds what all correlations take together: beyond it, the largest one lets go of a generation.
const BYTES_MAX: usize = 256 << 20;
/// Of so many matches what they need is fetched together.
const FETCHED_MAX: usize = 32;
/// After so many matches it is looked whether all together take too much.
const CHECK_EVERY: u32 = 1_024;
/// About what a group takes besides its window: its key, and its place in the table.
const GROUP_BYTES: usize = 24;

/// What the correlations of a rule set remember between events.
#[derive(Debug, Default)]
pub struct Memory {
    /// By the correlation's id, so that it outlives a reload of the rules.
    pub(crate) states: States,
    pub(crate) counters: MemoryCounters,
    pub(crate) secret: Secret,
    /// The groups of the event at hand.
    pub(crate) keys: Keys,
    pub(crate) room: Room,
    since_check: u32,
}

/// What each correlation remembers, by its id; rules cannot be chosen by whoever sends events.
pub(crate) type States = IndexMap<String, State, RandomState>;

/// Where a match belongs, and what it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// Among the states.
    state: usize,
    key: GroupKey,
    value: u64,
}

/// What was forgotten for want of room or of time, or could not be taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryCounters {
    /// Groups let go before their time was over.
    pub groups_evicted: u64,
    /// Matches let go because their group held too many.
    pub entries_evicted: u64,
    /// Matches of which only the share in a slice of their timespan is kept, because their group held
    /// too many: counts and sums stay right to within a slice.
    pub entries_sliced: u64,
    /// Matches that came later than their correlation's timespan and were not counted.
    pub late: u64,
    /// Matches that came after a later one, within the timespan, and were put before it.
    pub reordered: u64,
    /// Matches without a field to group by, or to count.
    pub incomplete: u64,
    /// Matches whose field to measure held no number.
    pub not_numbers: u64,
    /// Correlations whose memory was let go because their definition changed, or their rule went.
    pub changed: u64,
}

/// What one correlation's memory takes and has let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// The correlation's id.
    pub id: String,
    /// How many groups it keeps.
    pub groups: usize,
    /// About how many bytes they take.
    pub bytes: usize,
    /// What it has let go.
    pub counters: MemoryCounters,
}

/// A correlation's condition became true, or grew.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// The correlation.
    pub rule: RuleIndex,
    /// How many happenings, or different values, there were.
    pub count: u64,
    /// How many of them no earlier firing of the same burst counted.
    pub fresh: u64,
    /// What was measured, where a sum, an average or a percentile was.
    pub value: Option<f64>,
    /// When the first of them was.
    pub first: Timestamp,
    /// The evidence, oldest first: the newest [`EVIDENCE_MAX`].
    pub events: Vec<EventId>,
    /// Whether all the evidence is marked sample traffic.
    pub simulated: bool,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Which definition of the rule this belongs to.
    pub(crate) definition: u64,
    pub(crate) young: Groups,
    pub(crate) old: Groups,
    pub(crate) young_bytes: usize,
    pub(crate) old_bytes: usize,
    /// The latest match.
    pub(crate) latest: Timestamp,
    /// When the younger generation began.
    pub(crate) turned: Timestamp,
    pub(crate) counters: MemoryCounters,
}

impl MemoryCounters {
    /// Adds what another counted.
    pub fn add(&mut self, other: Self) {
        let mut counts = self.counts();
        for (count, more) in counts.iter_mut().zip(other.counts()) {
            *count = count.saturating_add(more);
        }
        *self = Self::of(counts);
    }

    /// Gives the counts in a row.
    pub(crate) fn counts(self) -> [u64; 8] {
        let Self { groups_evicted, entries_evicted, entries_sliced, late, .. } = self;
        let Self { reordered, incomplete, not_numbers, changed, .. } = self;
        [
            groups_evicted,
            entries_evicted,
            entries_sliced,
            late,
            reordered,
            incomplete,
            not_numbers,
            changed,
        ]
    }

    /// Gives the counters of a row of counts.
    pub(crate) fn of(counts: [u64; 8]) -> Self {
        let [groups_evicted, entries_evicted, entries_sliced, late, rest @ ..] = counts;
        let [reordered, incomplete, not_numbers, changed] = rest;
        Self {
            groups_evicted,
            entries_evicted,
            entries_sliced,
            late,
            reordered,
            incomplete,
            not_numbers,
            changed,
        }
    }
}

impl Memory {
    pub(crate) fn of(states: States, counters: MemoryCounters, secret: Secret) -> Self {
        Self { states, counters, secret, ..Self::default() }
    }

    /// Gives what was forgotten so far, of all correlations.
    pub fn counters(&self) -> MemoryCounters {
        let mut all = self.counters;
        self.states.values().for_each(|state| all.add(state.counters));
        all
    }

    /// Gives about how many bytes all correlations take.
    pub fn bytes(&self) -> usize {
        self.states.values().map(State::bytes).sum()
    }

    /// Gives what each correlation takes and has let go, in the order of their ids.
    pub fn uses(&self) -> Vec<MemoryUse> {
        let of = |(id, state): (&String, &State)| MemoryUse {
            id: id.clone(),
            groups: state.young.len() + state.old.len(),
            bytes: state.bytes(),
            counters: state.counters,
        };
        let mut uses: Vec<MemoryUse> = self.states.iter().map(of).collect();
        uses.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        uses
    }

    /// Lets go of what no rule of a set can use any more, because it is gone or was changed, and
    /// counts it. What the set's rules can use stays, whatever their order is now.
    pub fn adopt(&mut self, rules: &RuleSet) {
        let definitions: HashMap<&str, u64> = rules.definitions().collect();
        let counters = &mut self.counters;
        self.states.retain(|id, state| {
            let stays = definitions.get(id.as_str()) == Some(&state.definition);
            if !stays {
                counters.add(state.counters);
                counters.changed += 1;
            }
            stays
        });
    }

    /// Finds where a match belongs, or counts why it belongs nowhere.
    pub(crate) fn expect(
        &mut self,
        id: &str,
        correlation: &Correlation,
        found: Match<'_>,
    ) -> Option<Expected> {
        let event = found.event;
        if correlation.exceptions.iter().any(|exception| exception.matches(event)) {
            return None;
        }
        self.hold_bytes();
        let place = match self.states.get_index_of(id) {
            Some(place) => place,
            None => self.states.insert_full(id.to_owned(), State::of(correlation, event.time)).0,
        };
        let (_, state) = self.states.get_index_mut(place)?;
        if state.definition != correlation.definition {
            let counters = state.counters;
            *state = State::of(correlation, event.time);
            state.counters = counters;
            state.counters.changed += 1;
        }
        state.grow_older(event.time, correlation);
        let secret = self.secret;
        let key = self.keys.get(found.grouping, secret, |text| group_of(correlation, found, text));
        let Some((key, value)) = key.zip(value_of(correlation, found)) else {
            state.counters.incomplete += 1;
            return None;
        };
        match value {
            Counted::Value(value) => Some(Expected { state: place, key, value }),
            Counted::NoNumber => {
                state.counters.not_numbers += 1;
                None
            }
        }
    }

    /// Reads what the matches of an event will need. It lies far apart in memory: asked for in one go, the
    /// processor waits for all of it at once instead of for one after another.
    pub(crate) fn fetch(&self, expected: impl ExactSizeIterator<Item = Expected> + Clone) {
        if expected.len() < 2 {
            return;
        }
        let state = |at: usize| self.states.get_index(at).map(|(_, state)| state);
        let mut windows = [None; FETCHED_MAX];
        for (window, Expected { state: at, key, .. }) in windows.iter_mut().zip(expected) {
            *window = state(at).and_then(|state| state.young.place(key).map(|place| (at, place)));
        }
        let windows = windows.iter().flatten();
        let window = |&(at, place): &(usize, usize)| state(at)?.young.at(place);
        black_box(windows.clone().filter_map(window).map(Window::touch).sum::<usize>());
        black_box(windows.filter_map(window).filter_map(Window::latest).max());
    }

    /// Takes in a match where it belongs, and gives the correlation's firing, if it is one.
    pub(crate) fn take(
        &mut self,
        Expected { state, key, value }: Expected,
        correlation: &Correlation,
        found: Match<'_>,
    ) -> Option<Fired> {
        let event = found.event;
        let (_, state) = self.states.get_index_mut(state)?;
        if correlation.kind == CorrelationKind::NewTerms {
            let text = |text: &mut String| group_of(correlation, found, text);
            let term = self.keys.of_value(value, self.secret, text)?;
            return state.new_term((key, term), value, correlation, found);
        }
        state.window(key, |window, counters| {
            let entry = Entry::of(found, value, correlation);
            let (taken, at) = window.insert(entry, correlation);
            counters.count(taken);
            let stretch = window.find(event.time, at?, correlation)?;
            let fresh = window.news(event.time, stretch.count, correlation.timespan)?;
            let (first, events) = window.evidence(&stretch, correlation.measure());
            let simulated = window.is_simulated(&stretch);
            let (rule, count, value) = (RuleIndex::default(), stretch.count, stretch.value);
            Some(Fired { rule, count, fresh, value, first, events, simulated })
        })
    }

    /// Lets the largest correlation forget its idle groups while all together take too much.
    fn hold_bytes(&mut self) {
        self.since_check += 1;
        if self.since_check < CHECK_EVERY {
            return;
        }
        self.since_check = 0;
        if self.bytes() > BYTES_MAX
            && let Some(largest) = self.states.values_mut().max_by_key(|state| state.bytes())
        {
            largest.turn(None);
        }
    }
}

impl MemoryCounters {
    fn count(&mut self, taken: Taken) {
        self.late += u64::from(taken.late);
        self.reordered += u64::from(taken.reordered);
        self.entries_evicted += taken.evicted;
        self.entries_sliced += taken.sliced;
    }
}

impl State {
    fn of(correlation: &Correlation, time: Timestamp) -> Self {
        let definition = correlation.definition;
        Self { definition, latest: time, turned: time, ..Self::default() }
    }

    fn bytes(&self) -> usize {
        self.young_bytes + self.old_bytes
    }

    /// Begins a new generation when the younger one is full, or so old that what lies idle in the
    /// older one is over.
    fn grow_older(&mut self, time: Timestamp, correlation: &Correlation) {
        self.latest = self.latest.max(time);
        let over = self.latest.since(self.turned) > correlation.timespan.saturating_mul(2);
        if over || self.young.len() >= GROUPS_MAX || self.young_bytes >= GENERATION_BYTES_MAX {
            self.turn(Some(self.latest.minus(correlation.timespan)));
        }
    }

    /// Lets the older generation go; of its groups those are counted that had a match since `alive`.
    fn turn(&mut self, alive: Option<Timestamp>) {
        let gone = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        let alive = alive.unwrap_or(Timestamp::MIN);
        let evicted = gone.windows().filter(|window| window.latest() >= Some(alive)).count();
        self.counters.groups_evicted += u64::try_from(evicted).unwrap_or(u64::MAX);
        self.old_bytes = std::mem::take(&mut self.young_bytes);
        self.turned = self.latest;
    }

    /// Lets `each` work on a group's window, which moves to the younger generation.
    pub(crate) fn window<T>(
        &mut self,
        group: GroupKey,
        each: impl FnOnce(&mut Window, &mut MemoryCounters) -> Option<T>,
    ) -> Option<T> {
        let Self { young, old, young_bytes, old_bytes, .. } = self;
        let window = young.window(group, || {
            let moved = old.take(group);
            *old_bytes = old_bytes.saturating_sub(moved.as_ref().map_or(0, bytes_of));
            let window = moved.unwrap_or_default();
            *young_bytes += bytes_of(&window);
            window
        })?;
        let before = bytes_of(window);
        let given = each(window, &mut self.counters);
        self.young_bytes = (self.young_bytes + bytes_of(window)).saturating_sub(before);
        given
    }
}

/// Gives about how many bytes a group takes.
pub(crate) fn bytes_of(window: &Window) -> usize {
    GROUP_BYTES + window.bytes()
}
