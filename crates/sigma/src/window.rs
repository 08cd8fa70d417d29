//! The matches of one correlation in one group, within a sliding time.
//!
//! A window may begin with any of its events: "more than five within a minute" means any sixty
//! seconds. Matches may come late by up to the timespan and are put where they belong; so twice the
//! timespan is kept. What comes later still is not counted, but told of.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use model::{EventId, Timestamp};

use crate::codec::{Reader, Writer};
use crate::snapshot::{read_time, write_time};
use crate::{CorrelationKind, SnapshotError};

/// Bounds the matches kept in one group; the oldest goes first.
pub(crate) const ENTRIES_MAX: usize = 2_048;

/// One match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) time: Timestamp,
    pub(crate) event: EventId,
    /// For how many happenings it stands.
    pub(crate) weight: u64,
    /// The place of its rule among those that the correlation names.
    pub(crate) rule: usize,
    /// The counted value, as its hash; a collision of 64 bits would count two values as one.
    pub(crate) value: u64,
    pub(crate) simulated: bool,
}

/// The matches of one group, in the order of their times.
#[derive(Debug, Default)]
pub(crate) struct Window {
    entries: VecDeque<Entry>,
    /// The weights of all entries together.
    weight: u64,
    fired: Option<(Timestamp, u64)>,
}

/// What a window did with a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// It was too late to be counted.
    pub(crate) late: bool,
    /// The window was full, and the oldest match went.
    pub(crate) evicted: bool,
}

/// The fullest stretch of a window that holds the newest match.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    pub(crate) count: u64,
    pub(crate) first: usize,
    pub(crate) end: usize,
}

impl Window {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Puts a match where it belongs and gives its place.
    pub(crate) fn insert(&mut self, entry: Entry, timespan: Duration) -> (Taken, Option<usize>) {
        let mut taken = Taken::default();
        if let Some(latest) = self.entries.back()
            && entry.time < latest.time.minus(timespan)
        {
            taken.late = true;
            return (taken, None);
        }
        let mut at = self.entries.partition_point(|kept| kept.time <= entry.time);
        self.entries.insert(at, entry);
        self.weight = self.weight.saturating_add(entry.weight);
        let latest = self.entries.back().map_or(entry.time, |entry| entry.time);
        let horizon = latest.minus(timespan).minus(timespan);
        while self.entries.front().is_some_and(|oldest| oldest.time < horizon) {
            self.forget_oldest();
            at = at.saturating_sub(1);
        }
        if self.entries.len() > ENTRIES_MAX {
            self.forget_oldest();
            taken.evicted = true;
            at = at.saturating_sub(1);
        }
        (taken, Some(at))
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        let mut before = Timestamp::default();
        writer.flag(self.fired.is_some());
        if let Some((time, count)) = self.fired {
            write_time(writer, time, before);
            writer.number(count);
        }
        writer.length(self.entries.len());
        for entry in &self.entries {
            write_time(writer, entry.time, before);
            before = entry.time;
            writer.number(entry.event.0);
            writer.number(entry.weight);
            writer.length(entry.rule);
            writer.whole(entry.value);
            writer.flag(entry.simulated);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let mut window = Self::default();
        let mut before = Timestamp::default();
        if reader.flag()? {
            window.fired = Some((read_time(reader, before)?, reader.number()?));
        }
        for _ in 0..reader.length()? {
            before = read_time(reader, before)?;
            let entry = Entry {
                time: before,
                event: EventId(reader.number()?),
                weight: reader.number()?,
                rule: usize::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?,
                value: reader.whole()?,
                simulated: reader.flag()?,
            };
            window.weight = window.weight.saturating_add(entry.weight);
            window.entries.push_back(entry);
        }
        Ok(window)
    }

    fn forget_oldest(&mut self) {
        let gone = self.entries.pop_front().map_or(0, |oldest| oldest.weight);
        self.weight = self.weight.saturating_sub(gone);
    }

    /// Tells, without looking at the matches, that no count of this kind could be news now. In a flood
    /// nearly every match is such a one, and looking for the fullest stretch each time would make the
    /// flood slow for everybody.
    pub(crate) fn cannot_be_news(
        &self,
        time: Timestamp,
        kind: &CorrelationKind,
        timespan: Duration,
    ) -> bool {
        let most = match kind {
            CorrelationKind::EventCount => self.weight,
            CorrelationKind::ValueCount(_) => u64::try_from(self.len()).unwrap_or(u64::MAX),
            CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => return false,
        };
        most < self.told_before(time, timespan).saturating_mul(2)
    }

    /// Gives the stretch of at most `timespan` that holds the match at `at` and counts most.
    pub(crate) fn fullest(&self, at: usize, kind: &CorrelationKind, timespan: Duration) -> Stretch {
        let Some(newest) = self.entries.get(at) else { return Stretch::default() };
        let from = self.entries.partition_point(|entry| entry.time < newest.time.minus(timespan));
        let mut tally = Tally::of(kind);
        let mut best = Stretch::default();
        let mut end = from;
        for (first, start) in self.entries.iter().enumerate().take(at + 1).skip(from) {
            let within = |entry: &&Entry| entry.time.since(start.time) <= timespan;
            while let Some(entry) = self.entries.get(end).filter(within) {
                tally.add(entry);
                end += 1;
            }
            if tally.count() > best.count {
                best = Stretch { count: tally.count(), first, end };
            }
            tally.remove(start);
        }
        best
    }

    /// Gives the shortest stretch of at most `timespan` around the match at `at` in which each of
    /// `rules` rules matched.
    pub(crate) fn complete(&self, at: usize, rules: usize, timespan: Duration) -> Option<Stretch> {
        let mut latest: Vec<Option<usize>> = vec![None; rules];
        self.completed(at, timespan, |index, entry| {
            *latest.get_mut(entry.rule)? = Some(index);
            latest.iter().copied().collect::<Option<Vec<usize>>>()?.into_iter().min()
        })
    }

    /// The same, where the rules matched in their order.
    pub(crate) fn complete_in_order(
        &self,
        at: usize,
        rules: usize,
        timespan: Duration,
    ) -> Option<Stretch> {
        // For each rule, the latest beginning of a chain that has come up to it.
        let mut begun: Vec<Option<usize>> = vec![None; rules];
        self.completed(at, timespan, |index, entry| {
            let start = match entry.rule.checked_sub(1) {
                None => Some(index),
                Some(before) => begun.get(before).copied().flatten(),
            };
            if start.is_some() {
                *begun.get_mut(entry.rule)? = start;
            }
            start.filter(|_| entry.rule + 1 == rules)
        })
    }

    /// Walks the matches around `at`; `start_of` gives where a stretch that ends with this one began.
    fn completed(
        &self,
        at: usize,
        timespan: Duration,
        mut start_of: impl FnMut(usize, &Entry) -> Option<usize>,
    ) -> Option<Stretch> {
        let newest = self.entries.get(at)?;
        let near = |entry: &Entry| {
            entry.time.since(newest.time) <= timespan && newest.time.since(entry.time) <= timespan
        };
        for (index, entry) in self.entries.iter().enumerate().filter(|(_, entry)| near(entry)) {
            let Some(first) = start_of(index, entry) else { continue };
            let started = self.entries.get(first)?.time;
            if (first..=index).contains(&at) && entry.time.since(started) <= timespan {
                let entries = self.entries.range(first..=index);
                let count = entries.map(|entry| entry.weight).fold(0, u64::saturating_add);
                return Some(Stretch { count, first, end: index + 1 });
            }
        }
        None
    }

    /// Gives how much of a stretch whose condition holds is news, if it is any, and keeps that it was
    /// told.
    ///
    /// It is when nothing was told within the timespan before, or when the count has doubled since:
    /// a burst of n matches is told of at most log2 n times, and one that goes on, once a timespan.
    pub(crate) fn news(&mut self, time: Timestamp, count: u64, timespan: Duration) -> Option<u64> {
        let before = self.told_before(time, timespan);
        (count >= before.saturating_mul(2)).then(|| {
            self.fired = Some((time, count));
            count - before
        })
    }

    /// Gives the count that was told of last, within the timespan of `time`.
    fn told_before(&self, time: Timestamp, timespan: Duration) -> u64 {
        match self.fired {
            Some((told, before))
                if time.since(told) <= timespan && told.since(time) <= timespan =>
            {
                before
            }
            _ => 0,
        }
    }

    pub(crate) fn range(&self, stretch: &Stretch) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.range(stretch.first..stretch.end)
    }
}

/// What is counted, as a stretch grows at its end and shrinks at its beginning.
enum Tally {
    Happenings(u128),
    Values(HashMap<u64, usize>),
}

impl Tally {
    fn of(kind: &CorrelationKind) -> Self {
        match kind {
            CorrelationKind::ValueCount(_) => Self::Values(HashMap::new()),
            _ => Self::Happenings(0),
        }
    }

    fn add(&mut self, entry: &Entry) {
        match self {
            Self::Happenings(sum) => *sum += u128::from(entry.weight),
            Self::Values(values) => *values.entry(entry.value).or_default() += 1,
        }
    }

    fn remove(&mut self, entry: &Entry) {
        match self {
            Self::Happenings(sum) => *sum -= u128::from(entry.weight),
            Self::Values(values) => {
                if let Some(count) = values.get_mut(&entry.value) {
                    *count -= 1;
                    if *count == 0 {
                        values.remove(&entry.value);
                    }
                }
            }
        }
    }

    fn count(&self) -> u64 {
        match self {
            Self::Happenings(sum) => u64::try_from(*sum).unwrap_or(u64::MAX),
            Self::Values(values) => u64::try_from(values.len()).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPAN: Duration = Duration::from_mins(1);

    fn entry(seconds: i64, rule: usize) -> Entry {
        Entry {
            time: Timestamp::from_seconds(seconds),
            event: EventId(0),
            weight: 1,
            rule,
            value: u64::try_from(rule).unwrap(),
            simulated: false,
        }
    }

    /// The most matches in any sixty seconds that hold the newest one.
    fn naive(times: &[i64], newest: i64, measure: impl Fn(&[i64]) -> u64) -> u64 {
        (newest - 60..=newest)
            .map(|start| {
                let within: Vec<i64> = times
                    .iter()
                    .copied()
                    .filter(|time| (start..=start + 60).contains(time))
                    .collect();
                measure(&within)
            })
            .max()
            .unwrap()
    }

    proptest! {
        #[test]
        fn any_sixty_seconds(steps in prop::collection::vec((0..40_i64, -50..=0_i64), 1..40)) {
            let mut window = Window::default();
            let (mut now, mut times) = (1_000, Vec::new());
            for (step, late) in steps {
                now += step;
                let time = now + late;
                times.push(time);
                let (taken, at) = window.insert(entry(time, 0), SPAN);
                prop_assert_eq!(taken, Taken::default());
                let counted = window.fullest(at.unwrap(), &CorrelationKind::EventCount, SPAN).count;
                prop_assert_eq!(counted, naive(&times, time, |within| u64::try_from(within.len()).unwrap()));
            }
        }

        #[test]
        fn different_values(steps in prop::collection::vec((0..40_i64, 0..4_usize), 1..40)) {
            let mut window = Window::default();
            let kind = CorrelationKind::ValueCount(query::FieldRef::by_name("user.name"));
            let (mut now, mut seen) = (1_000, Vec::new());
            for (step, value) in steps {
                now += step;
                seen.push((now, value));
                let (_, at) = window.insert(entry(now, value), SPAN);
                let mut values: Vec<usize> =
                    seen.iter().filter(|(time, _)| now - time <= 60).map(|(_, value)| *value).collect();
                values.sort_unstable();
                values.dedup();
                prop_assert_eq!(window.fullest(at.unwrap(), &kind, SPAN).count, u64::try_from(values.len()).unwrap());
            }
        }

        #[test]
        fn every_rule_and_every_rule_in_order(steps in prop::collection::vec((0..40_i64, 0..3_usize), 1..30)) {
            let mut window = Window::default();
            let (mut now, mut seen) = (1_000, Vec::new());
            for (step, rule) in steps {
                now += step;
                seen.push((now, rule));
                let (_, at) = window.insert(entry(now, rule), SPAN);
                let recent: Vec<usize> =
                    seen.iter().filter(|(time, _)| now - time <= 60).map(|(_, rule)| *rule).collect();
                let every = (0..3).all(|rule| recent.contains(&rule));
                prop_assert_eq!(window.complete(at.unwrap(), 3, SPAN).is_some(), every);
                let mut rest = recent.iter();
                let ordered = (0..3).all(|rule| rest.any(|next| *next == rule)) && rule == 2;
                prop_assert_eq!(window.complete_in_order(at.unwrap(), 3, SPAN).is_some(), ordered);
            }
        }
    }

    #[test]
    fn too_late_and_too_many() {
        let mut window = Window::default();
        window.insert(entry(1_000, 0), SPAN);
        assert!(window.insert(entry(939, 0), SPAN).0.late);
        for _ in 0..ENTRIES_MAX - 1 {
            assert!(!window.insert(entry(1_000, 0), SPAN).0.evicted);
        }
        assert!(window.insert(entry(1_000, 0), SPAN).0.evicted);
        assert_eq!(window.len(), ENTRIES_MAX);
    }

    #[test]
    fn a_burst_is_told_of_as_it_doubles() {
        let mut window = Window::default();
        let told: Vec<u64> = (6..100)
            .filter_map(|count| window.news(Timestamp::from_seconds(10), count, SPAN))
            .collect();
        assert_eq!(told, [6, 6, 12, 24, 48]);
        assert_eq!(window.news(Timestamp::from_seconds(70), 97, SPAN), None);
        assert_eq!(window.news(Timestamp::from_seconds(71), 97, SPAN), Some(97));
    }
}
