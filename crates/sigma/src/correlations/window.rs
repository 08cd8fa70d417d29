//! The matches of one correlation in one group, within a sliding time.
//!
//! A window may begin with any of its events: "more than five within a minute" means any sixty
//! seconds. Matches may come late by up to the timespan and are put where they belong; so twice the
//! timespan is kept. What comes later still is not counted, but told of.
//!
//! What the last timespan holds is measured as matches come and go, so a match in order costs the
//! same however many there are; only one that comes late is looked at with all its neighbours.
//! Beyond [`ENTRIES_MAX`] matches, counts and sums keep the oldest in slices of the timespan, of
//! which only the sum is known: a slice is counted while all of it lies within the timespan, so a
//! count is never too high, and too low by at most what happened in a [`SLICES`]th of the timespan.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use model::Timestamp;

use crate::Correlation;
use crate::correlations::chains::Chains;
use crate::correlations::correlation::Measure;
use crate::correlations::entry::{Entry, Slice};
use crate::correlations::tally::Tally;

/// Bounds the matches kept one by one in a group; with the one that is coming, a power of two, so that
/// no room is made that stays empty.
pub(crate) const ENTRIES_MAX: usize = 2_047;
/// Bounds the different values kept in a group.
pub(crate) const VALUES_MAX: usize = 16_384;
/// How many slices a timespan has.
const SLICES: u32 = 256;

/// The matches of one group, in the order of their times.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub(crate) slices: VecDeque<Slice>,
    pub(crate) entries: VecDeque<Entry>,
    /// When it was told of last, and what count.
    pub(crate) fired: Option<(Timestamp, u64)>,
    /// What the last timespan holds; made when the correlation first looks at the window.
    pub(crate) recent: Option<Recent>,
    pub(crate) evidence_bytes: usize,
}

/// What the last timespan holds: the slices and entries from these places on.
#[derive(Debug)]
pub(crate) struct Recent {
    pub(crate) slices: usize,
    pub(crate) entries: usize,
    pub(crate) tally: Tally,
    /// The happenings of the whole window.
    pub(crate) weight: u128,
    chains: Option<Box<Chains>>,
    /// When the chain began that the last match completed.
    pub(crate) began: Option<Timestamp>,
}

/// What a window did with a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// It was too late to be counted.
    pub(crate) late: bool,
    /// It came after a later one, and was put before it.
    pub(crate) reordered: bool,
    /// How many matches went for want of room.
    pub(crate) evicted: u64,
    /// How many matches went into a slice.
    pub(crate) sliced: u64,
}

/// Where a match was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// After all others.
    End,
    /// Before others, among the entries.
    Entry(usize),
    /// Into a slice of that time.
    Slice(Timestamp),
}

impl Window {
    /// Gives about how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let recent = self.recent.as_ref().map_or(0, |recent| {
            recent.tally.bytes() + recent.chains.as_ref().map_or(0, |chains| chains.bytes())
        });
        size_of::<Self>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.slices.capacity() * size_of::<Slice>()
            + self.evidence_bytes
            + recent
    }

    /// Reads the parts that a match needs, so that they are at hand; what it gives means nothing.
    pub(crate) fn touch(&self) -> usize {
        let recent = self.recent.as_ref().map_or(0, |recent| recent.entries);
        self.entries.len() ^ self.slices.len() ^ self.evidence_bytes ^ recent
    }

    /// Gives when its latest match happened.
    pub(crate) fn latest(&self) -> Option<Timestamp> {
        self.entries.back().map(|entry| entry.time)
    }

    /// Puts a match where it belongs; gives no place where it is too late.
    pub(crate) fn insert(
        &mut self,
        entry: Entry,
        correlation: &Correlation,
    ) -> (Taken, Option<At>) {
        let mut taken = Taken::default();
        let latest = self.latest().unwrap_or(entry.time);
        if entry.time < latest.minus(correlation.timespan) {
            taken.late = true;
            return (taken, None);
        }
        self.prepare(correlation);
        self.evidence_bytes += entry.evidence_bytes();
        if let Some(recent) = &mut self.recent {
            recent.weight += u128::from(entry.weight);
        }
        let at = if entry.time >= latest {
            self.push(entry, correlation);
            At::End
        } else {
            taken.reordered = true;
            self.put_between(entry, correlation)
        };
        self.forget_old(correlation.timespan);
        let at = self.make_room(at, correlation, &mut taken);
        (taken, at)
    }

    /// Measures the last timespan, if that was not done yet.
    fn prepare(&mut self, correlation: &Correlation) {
        if self.recent.is_some() {
            return;
        }
        let measure = correlation.measure();
        let from = self.latest().unwrap_or_default().minus(correlation.timespan);
        let slices = self.slices.partition_point(|slice| slice.first < from);
        let entries = self.entries.partition_point(|entry| entry.time < from);
        let mut tally = Tally::of(measure);
        self.slices.range(slices..).for_each(|slice| tally.add_slice(slice));
        self.entries.range(..entries).for_each(|entry| tally.keep(entry));
        self.entries.range(entries..).for_each(|entry| tally.add(entry));
        let chains = (measure == Measure::Chains).then(Box::default);
        let weights = self.entries.iter().map(|entry| u128::from(entry.weight));
        let weight = weights.chain(self.slices.iter().map(|slice| slice.weight)).sum();
        self.recent = Some(Recent { slices, entries, tally, weight, chains, began: None });
        self.chain_anew(correlation);
    }

    fn chain_anew(&mut self, correlation: &Correlation) {
        let Some(chains) = self.recent.as_mut().and_then(|recent| recent.chains.as_mut()) else {
            return;
        };
        let Correlation { clauses, timespan, .. } = correlation;
        **chains = Chains::of(correlation.rules.len(), clauses);
        for entry in &self.entries {
            chains.add(entry.time, entry.place(), clauses, *timespan);
        }
    }

    fn push(&mut self, entry: Entry, correlation: &Correlation) {
        let Some(recent) = &mut self.recent else { return };
        let from = entry.time.minus(correlation.timespan);
        recent.tally.add(&entry);
        if let Some(chains) = &mut recent.chains {
            let Correlation { clauses, timespan, .. } = correlation;
            recent.began = chains.add(entry.time, entry.place(), clauses, *timespan);
        }
        // Most groups never see a second match.
        if self.entries.capacity() == 0 {
            self.entries.reserve_exact(1);
        }
        self.entries.push_back(entry);
        while let Some(slice) = self.slices.get(recent.slices).filter(|slice| slice.first < from) {
            recent.tally.leave_slice(slice);
            recent.slices += 1;
        }
        while let Some(old) = self.entries.get(recent.entries).filter(|old| old.time < from) {
            recent.tally.leave(old);
            recent.entries += 1;
        }
    }

    /// Puts in a match that lies within the last timespan, but before its latest.
    fn put_between(&mut self, entry: Entry, correlation: &Correlation) -> At {
        let Some(recent) = &mut self.recent else { return At::End };
        let time = entry.time;
        if !self.slices.is_empty() && self.entries.front().is_some_and(|oldest| time < oldest.time)
        {
            self.evidence_bytes -= entry.evidence_bytes();
            let next = self.slices.partition_point(|slice| slice.first <= time);
            let width = correlation.timespan / SLICES;
            let index = next.checked_sub(1).filter(|index| {
                self.slices.get(*index).is_some_and(|slice| time < slice.first.plus(width))
            });
            if let Some((index, slice)) = index.and_then(|i| Some((i, self.slices.get_mut(i)?))) {
                slice.take(&entry);
                if index >= recent.slices {
                    recent.tally.add(&entry);
                }
            } else {
                self.slices.insert(next, Slice::of(&entry));
                recent.tally.add(&entry);
            }
            return At::Slice(time);
        }
        recent.tally.add(&entry);
        let index = self.entries.partition_point(|kept| kept.time <= time);
        self.entries.insert(index, entry);
        self.chain_anew(correlation);
        At::Entry(index)
    }

    /// Lets go of what lies more than two timespans back.
    fn forget_old(&mut self, timespan: Duration) {
        let (Some(latest), Some(recent)) = (self.latest(), &mut self.recent) else { return };
        let horizon = latest.minus(timespan).minus(timespan);
        while self.slices.front().is_some_and(|oldest| oldest.last < horizon) {
            let gone = self.slices.pop_front().map_or(0, |slice| slice.weight);
            recent.weight -= gone;
            recent.slices = recent.slices.saturating_sub(1);
        }
        while self.entries.front().is_some_and(|oldest| oldest.time < horizon) {
            if let Some(oldest) = self.entries.pop_front() {
                recent.tally.forget(&oldest);
                recent.weight -= u128::from(oldest.weight);
                recent.entries = recent.entries.saturating_sub(1);
                self.evidence_bytes -= oldest.evidence_bytes();
            }
        }
    }

    /// Holds the window within its bounds, and gives where the newest match is now.
    fn make_room(&mut self, at: At, correlation: &Correlation, taken: &mut Taken) -> Option<At> {
        let Some(recent) = &self.recent else { return Some(at) };
        // Of many different values more is kept, so that dropping the repeated ones pays.
        let most = ENTRIES_MAX.max(ENTRIES_MAX / 4 * 3 + recent.tally.values_at_all());
        if self.entries.len() <= most.min(ENTRIES_MAX + VALUES_MAX) {
            return Some(at);
        }
        match correlation.measure() {
            Measure::Weight | Measure::Sum => {
                if let Some(time) = self.slice_oldest(correlation.timespan) {
                    taken.sliced += 1;
                    return Some(match at {
                        At::Entry(0) => At::Slice(time),
                        At::Entry(index) => At::Entry(index - 1),
                        other => other,
                    });
                }
                Some(at)
            }
            Measure::Order => {
                taken.evicted += 1;
                self.evict(0);
                match at {
                    At::Entry(index) => index.checked_sub(1).map(At::Entry),
                    other => Some(other),
                }
            }
            Measure::Distinct | Measure::Chains => {
                let time = match at {
                    At::Entry(index) => self.entries.get(index).map(|entry| entry.time),
                    _ => None,
                };
                taken.evicted += self.drop_repeated(correlation);
                // A late one among so many is found again by its time.
                match time {
                    Some(time) => {
                        let after = self.entries.partition_point(|entry| entry.time <= time);
                        after.checked_sub(1).map(At::Entry)
                    }
                    None => Some(at),
                }
            }
        }
    }

    /// Moves the oldest entry into a slice, and gives its time.
    fn slice_oldest(&mut self, timespan: Duration) -> Option<Timestamp> {
        let recent = self.recent.as_mut()?;
        let from = self.entries.back()?.time.minus(timespan);
        let oldest = self.entries.pop_front()?;
        self.evidence_bytes -= oldest.evidence_bytes();
        let counted = recent.entries == 0;
        recent.entries = recent.entries.saturating_sub(1);
        let width = timespan / SLICES;
        let fits = |slice: &&mut Slice| oldest.time < slice.first.plus(width);
        if let Some(slice) = self.slices.back_mut().filter(fits) {
            // A slice that has begun to leave is not counted; then neither is what joins it.
            if counted && slice.first < from {
                recent.tally.leave(&oldest);
            }
            slice.take(&oldest);
        } else {
            self.slices.push_back(Slice::of(&oldest));
            recent.slices += usize::from(!counted);
        }
        Some(oldest.time)
    }

    /// Lets go of one entry.
    fn evict(&mut self, index: usize) {
        let (Some(recent), Some(gone)) = (&mut self.recent, self.entries.remove(index)) else {
            return;
        };
        self.evidence_bytes -= gone.evidence_bytes();
        recent.weight -= u128::from(gone.weight);
        if index < recent.entries {
            recent.entries -= 1;
        } else {
            recent.tally.leave(&gone);
        }
        recent.tally.forget(&gone);
    }

    /// Lets go of the older entries whose value (or rule) came again, then, if that is not enough, of
    /// the oldest; gives how many went that were not merely repeated.
    fn drop_repeated(&mut self, correlation: &Correlation) -> u64 {
        let Some(recent) = &mut self.recent else { return 0 };
        let newest = self.entries.len().saturating_sub(ENTRIES_MAX / 2);
        let mut latest = HashMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            latest.insert(entry.value, index);
        }
        let most = VALUES_MAX + ENTRIES_MAX / 2;
        let mut surplus = latest.len().saturating_sub(most);
        // In order, a value counts by its latest match alone; a chain may have needed the others.
        let chained = correlation.measure() == Measure::Chains;
        let (mut index, mut before, mut evicted) = (0, 0, 0);
        self.entries.retain(|entry| {
            let last = latest.get(&entry.value) == Some(&index);
            let mut stays = last || index >= newest;
            if last && surplus > 0 {
                surplus -= 1;
                stays = false;
            }
            evicted += u64::from(!stays && (last || chained));
            if !stays {
                if index >= recent.entries {
                    recent.tally.leave(entry);
                } else {
                    before += 1;
                }
                recent.tally.forget(entry);
                recent.weight -= u128::from(entry.weight);
                self.evidence_bytes -= entry.evidence_bytes();
            }
            index += 1;
            stays
        });
        recent.entries -= before;
        evicted
    }
}

#[cfg(test)]
mod tests;
