//! The stretch of a window in which a condition holds, and what is told of it.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use model::{EventId, Timestamp};

use crate::correlations::chains;
use crate::correlations::correlation::{Correlation, Measure};
use crate::correlations::entry::{Entry, Slice};
use crate::correlations::memory::EVIDENCE_MAX;
use crate::correlations::tally::{Measured, Tally};
use crate::correlations::window::{At, Recent, Window};

/// A stretch of a window in which the condition holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) count: u64,
    /// What was measured, where it is more than the count.
    pub(crate) value: Option<f64>,
    slices: Range<usize>,
    entries: Range<usize>,
}

impl Window {
    /// Gives the stretch of at most the timespan in which the condition holds now that a match was
    /// put in at `at`: the fullest that holds the match, where something is counted; the timespan
    /// that ends with the match, or with the latest one, where something is measured; the shortest
    /// one, where rules are waited for.
    ///
    /// In a flood nearly every match is no news, which is seen first, so that a flood stays cheap.
    pub(crate) fn find(
        &self,
        time: Timestamp,
        at: At,
        correlation: &Correlation,
    ) -> Option<Stretch> {
        let recent = self.recent.as_ref()?;
        let told = self.told_before(time, correlation.timespan).saturating_mul(2);
        let measure = correlation.measure();
        if at == At::End {
            return match measure {
                Measure::Chains => self.chained(recent.began?),
                _ if recent.tally.count() < told => None,
                _ => self.last_timespan(recent, correlation),
            };
        }
        match (measure, at) {
            (Measure::Chains, At::Entry(index)) => {
                let Correlation { clauses, timespan, .. } = correlation;
                let entries = chains::completed(&self.entries, index, clauses, *timespan)?;
                Some(self.with_weight(entries))
            }
            (Measure::Chains, _) => None,
            (Measure::Sum | Measure::Order, _) => self
                .ending_at(time, correlation)
                .or_else(|| self.last_timespan(recent, correlation)),
            (Measure::Weight | Measure::Distinct, _) => {
                let most = if measure == Measure::Weight {
                    u64::try_from(recent.weight).unwrap_or(u64::MAX)
                } else {
                    u64::try_from(recent.tally.values_at_all()).unwrap_or(u64::MAX)
                };
                if most < told || !correlation.in_reach(most) {
                    return None;
                }
                self.fullest(time, correlation)
            }
        }
    }

    /// Gives the last timespan, which is measured already, if the condition holds in it.
    fn last_timespan(&self, recent: &Recent, correlation: &Correlation) -> Option<Stretch> {
        let slices = recent.slices..self.slices.len();
        let entries = recent.entries..self.entries.len();
        accepted(&recent.tally, correlation, slices, entries)
    }

    /// Gives the timespan that ends at a moment, if the condition holds in it.
    fn ending_at(&self, time: Timestamp, correlation: &Correlation) -> Option<Stretch> {
        let from = time.minus(correlation.timespan);
        let slices = self.slices.partition_point(|slice| slice.first < from)
            ..self.slices.partition_point(|slice| slice.last <= time);
        let entries = self.entries.partition_point(|entry| entry.time < from)
            ..self.entries.partition_point(|entry| entry.time <= time);
        if slices.start > slices.end || entries.start > entries.end {
            return None;
        }
        let mut tally = Tally::of(correlation.measure());
        self.slices.range(slices.clone()).for_each(|slice| tally.add_slice(slice));
        self.entries.range(entries.clone()).for_each(|entry| tally.add(entry));
        accepted(&tally, correlation, slices, entries)
    }

    /// Gives the fullest stretch that holds a moment, if the condition holds in it. Slices come
    /// before entries; both are walked as one list.
    fn fullest(&self, time: Timestamp, correlation: &Correlation) -> Option<Stretch> {
        let from = time.minus(correlation.timespan);
        let (sliced, total) = (self.slices.len(), self.slices.len() + self.entries.len());
        let begin = match self.slices.partition_point(|slice| slice.first < from) {
            slice if slice < sliced => slice,
            _ => sliced + self.entries.partition_point(|entry| entry.time < from),
        };
        let mut tally = Tally::of(correlation.measure());
        let (mut best, mut best_count) = (begin..begin, 0);
        let mut end = begin;
        for first in begin..total {
            let Some((start, _)) = self.times(first).filter(|(start, _)| *start <= time) else {
                break;
            };
            let until = start.plus(correlation.timespan);
            while self.times(end).is_some_and(|(_, last)| last <= until) {
                self.tally_up(end, &mut tally, Tally::add_slice, Tally::add);
                end += 1;
            }
            if tally.count() > best_count {
                (best, best_count) = (first..end, tally.count());
            }
            if end > first {
                self.tally_up(first, &mut tally, Tally::leave_slice, Tally::leave);
            } else {
                end = first + 1;
            }
        }
        let measured = Measured::Count(best_count);
        let found = best_count > 0 && correlation.accepts(measured);
        found.then(|| Stretch {
            count: best_count,
            value: None,
            slices: best.start.min(sliced)..best.end.min(sliced),
            entries: best.start.saturating_sub(sliced)..best.end.saturating_sub(sliced),
        })
    }

    /// Gives when a slice or an entry began and ended.
    fn times(&self, index: usize) -> Option<(Timestamp, Timestamp)> {
        match index.checked_sub(self.slices.len()) {
            None => self.slices.get(index).map(|slice| (slice.first, slice.last)),
            Some(entry) => self.entries.get(entry).map(|entry| (entry.time, entry.time)),
        }
    }

    fn tally_up(
        &self,
        index: usize,
        tally: &mut Tally,
        slice: impl Fn(&mut Tally, &Slice),
        entry: impl Fn(&mut Tally, &Entry),
    ) {
        match index.checked_sub(self.slices.len()) {
            None => self.slices.get(index).into_iter().for_each(|found| slice(tally, found)),
            Some(at) => self.entries.get(at).into_iter().for_each(|found| entry(tally, found)),
        }
    }

    fn chained(&self, began: Timestamp) -> Option<Stretch> {
        let first = self.entries.partition_point(|entry| entry.time < began);
        (first < self.entries.len()).then(|| self.with_weight(first..self.entries.len()))
    }

    /// Gives entries with the happenings that they stand for. A correlation's match counts with all of
    /// its own, the next one of the same rule with those that are new.
    fn with_weight(&self, entries: Range<usize>) -> Stretch {
        let mut seen = 0_u64;
        let weights = self.entries.range(entries.clone()).map(|entry| {
            let bit = 1_u64.checked_shl(u32::from(entry.rule)).unwrap_or(0);
            let again = seen & bit != 0;
            seen |= bit;
            entry.evidence.as_ref().filter(|_| again).map_or(entry.weight, |inner| inner.fresh)
        });
        Stretch { count: weights.fold(0, u64::saturating_add), value: None, slices: 0..0, entries }
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

    /// Gives the evidence of a stretch, oldest first, at most [`EVIDENCE_MAX`] events of it, and when it
    /// began. Where different values or rules are counted, the newest event of each comes before more
    /// of the same; else the newest events do. Of a match that was a correlation's, its own evidence
    /// counts too.
    pub(crate) fn evidence(
        &self,
        stretch: &Stretch,
        measure: Measure,
    ) -> (Timestamp, Vec<EventId>) {
        let entries = || self.entries.range(stretch.entries.clone()).enumerate().rev();
        let mut chosen: Vec<(usize, usize, EventId)> = Vec::new();
        let mut choose = |place: usize, step: usize, event: EventId| {
            let room = chosen.len() < EVIDENCE_MAX;
            if room && !chosen.iter().any(|(_, _, known)| *known == event) {
                chosen.push((place, step, event));
            }
            room
        };
        if matches!(measure, Measure::Distinct | Measure::Chains) {
            let mut seen = HashSet::new();
            for (place, entry) in entries() {
                let new = seen.len() < EVIDENCE_MAX && seen.insert(entry.value);
                if new && !choose(place, usize::MAX, entry.event) {
                    break;
                }
            }
        }
        'entries: for (place, entry) in entries() {
            if !choose(place, usize::MAX, entry.event) {
                break;
            }
            let inner = entry.evidence.iter().flat_map(|evidence| evidence.events.iter());
            for (step, event) in inner.enumerate().collect::<Vec<_>>().into_iter().rev() {
                if !choose(place, step, *event) {
                    break 'entries;
                }
            }
        }
        chosen.sort_unstable();
        let sliced = self.slices.range(stretch.slices.clone()).map(|slice| slice.first);
        let begun = self.entries.range(stretch.entries.clone()).map(|entry| {
            entry.evidence.as_ref().map_or(entry.time, |inner| inner.first.min(entry.time))
        });
        let first = sliced.chain(begun).min().unwrap_or_default();
        (first, chosen.into_iter().map(|(_, _, event)| event).collect())
    }

    /// Tells whether all of a stretch is marked sample traffic.
    pub(crate) fn is_simulated(&self, stretch: &Stretch) -> bool {
        self.slices.range(stretch.slices.clone()).all(|slice| slice.simulated)
            && self.entries.range(stretch.entries.clone()).all(|entry| entry.simulated)
    }
}

/// Gives a stretch, if what was measured of it satisfies the condition.
fn accepted(
    tally: &Tally,
    correlation: &Correlation,
    slices: Range<usize>,
    entries: Range<usize>,
) -> Option<Stretch> {
    let measured = tally.measured(correlation)?;
    let count = tally.count();
    correlation.accepts(measured).then(|| Stretch {
        count,
        value: measured.shown(),
        slices,
        entries,
    })
}
