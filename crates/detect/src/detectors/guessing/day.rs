//! The tries of the last day, and how many of them a day usually has.

use model::Timestamp;
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::LOUD_MIN;
use crate::keep::{self, read_time, write_time};

/// How long a slot is, in seconds; rules on single addresses see what happens within one.
pub(super) const SLOT_SECONDS: i64 = 600;
/// How many slots are kept: a day.
const SLOTS: usize = 144;
/// What an unusual day leaves out of the baseline, at most so many days in a row.
const FROZEN_DAYS_MAX: u32 = 1;
/// How much a day counts in the baseline: half of it is gone after fourteen.
const WEIGHT: f32 = 0.048_3;
/// After so many days without an event nothing is left of a baseline.
const DAYS_MAX: i64 = 60;

/// How many tries each slot of the last day had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Day {
    /// The newest slot, counted since 1970.
    slot: i64,
    /// Tries by slot, as a ring.
    counts: [u8; SLOTS],
}

impl Day {
    pub(super) fn new(at: Timestamp) -> Self {
        Self { slot: slot_of(at), counts: [0; SLOTS] }
    }

    /// Goes on to the slot of a moment; tells whether it is another one. What is late counts for the newest.
    pub(super) fn advance(&mut self, at: Timestamp) -> bool {
        let now = slot_of(at);
        let steps = now.saturating_sub(self.slot);
        if steps <= 0 {
            return false;
        }
        let cleared = usize::try_from(steps).unwrap_or(SLOTS).min(SLOTS);
        for back in 0..cleared {
            let index = place(now.saturating_sub(i64::try_from(back).unwrap_or(0)));
            if let Some(count) = self.counts.get_mut(index) {
                *count = 0;
            }
        }
        self.slot = now;
        true
    }

    /// Adds tries to the newest slot.
    pub(super) fn add(&mut self, tries: u8) {
        if let Some(count) = self.counts.get_mut(place(self.slot)) {
            *count = count.saturating_add(tries);
        }
    }

    /// Takes tries out of the newest slot.
    pub(super) fn take(&mut self, tries: u8) {
        if let Some(count) = self.counts.get_mut(place(self.slot)) {
            *count = count.saturating_sub(tries);
        }
    }

    pub(super) fn slot(&self) -> i64 {
        self.slot
    }

    /// Gives how many slots had tries, and how many tries.
    pub(super) fn sum(&self) -> (u32, u32) {
        self.counts.iter().fold((0, 0), |(slots, tries), count| {
            (slots + u32::from(*count > 0), tries + u32::from(*count))
        })
    }

    pub(super) fn snapshot(&self, writer: &mut Writer) {
        writer.signed(self.slot);
        writer.raw(&self.counts);
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let slot = reader.signed()?;
        let counts = reader.raw(SLOTS)?.try_into().map_err(|_| SnapshotError::Malformed)?;
        Ok(Self { slot, counts })
    }
}

/// Gives the slot of a moment.
pub(super) fn slot_of(at: Timestamp) -> i64 {
    at.nanos().div_euclid(SLOT_SECONDS * keep::SECOND)
}

fn place(slot: i64) -> usize {
    let slots = i64::try_from(SLOTS).unwrap_or(1);
    usize::try_from(slot.rem_euclid(slots)).unwrap_or_default()
}

/// How a number of each day usually is: mean and deviation that forget slowly.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usual {
    mean: f32,
    variance: f32,
    days: u32,
    /// How many days in a row were left out.
    frozen: u32,
}

impl Usual {
    /// Gives the mean.
    pub(super) fn mean(self) -> f64 {
        f64::from(self.mean)
    }

    /// Gives how many days were seen.
    pub(super) fn days(self) -> u32 {
        self.days
    }

    /// Gives the number from which on a day is unusual.
    pub(super) fn bound(self) -> f64 {
        let deviation = self.variance.sqrt().max(self.mean * 0.25).max(1.0);
        f64::from(self.mean + 4.0 * deviation)
    }

    /// Takes in a day that ended, and those after it that had nothing. A day that was told of is left out,
    /// unless it goes on and on.
    pub(super) fn learn(&mut self, value: u32, told: bool, empty_days: i64) {
        if empty_days > DAYS_MAX {
            *self = Self::default();
            return;
        }
        self.frozen = if told { self.frozen.saturating_add(1) } else { 0 };
        if !told || self.frozen > FROZEN_DAYS_MAX {
            self.take(value);
        }
        (0..empty_days).for_each(|_| self.take(0));
    }

    fn take(&mut self, value: u32) {
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "counts of tries in a day"
        )]
        let (value, days) = (value as f32, (self.days + 1) as f32);
        let weight = WEIGHT.max(1.0 / days);
        let away = value - self.mean;
        self.mean += weight * away;
        self.variance = (1.0 - weight) * (self.variance + weight * away * away);
        self.days = (self.days + 1).min(1_000);
    }

    pub(super) fn snapshot(self, writer: &mut Writer) {
        writer.number(u64::from(self.mean.to_bits()));
        writer.number(u64::from(self.variance.to_bits()));
        writer.number(u64::from(self.days));
        writer.number(u64::from(self.frozen));
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let mut word = || u32::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed);
        let (mean, variance) = (f32::from_bits(word()?), f32::from_bits(word()?));
        let (days, frozen) = (word()?.min(1_000), word()?);
        if mean.is_finite() && variance.is_finite() && variance >= 0.0 {
            Ok(Self { mean, variance, days, frozen })
        } else {
            Err(SnapshotError::Malformed)
        }
    }
}

/// Adds tries to a slot as long as they are few: what is loud is told by rules, and is not patience.
pub(super) fn count_quiet(day: &mut Day, before: u16, now: u16) {
    if now < LOUD_MIN {
        day.add(u8::try_from(now - before).unwrap_or(u8::MAX));
    } else if before < LOUD_MIN {
        day.take(u8::try_from(before).unwrap_or(u8::MAX));
    }
}

/// Reads a small number.
pub(super) fn word<N: TryFrom<u64>>(reader: &mut Reader<'_>) -> Read<N> {
    N::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)
}

/// Appends a moment that need not be.
pub(super) fn write_moment(writer: &mut Writer, moment: Option<Timestamp>) {
    writer.flag(moment.is_some());
    write_time(writer, moment.unwrap_or_default());
}

/// Reads what [`write_moment`] wrote.
pub(super) fn read_moment(reader: &mut Reader<'_>) -> Read<Option<Timestamp>> {
    let is_some = reader.flag()?;
    let moment = read_time(reader)?;
    Ok(is_some.then_some(moment))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(slot: i64) -> Timestamp {
        Timestamp::from_nanos(slot * SLOT_SECONDS * keep::SECOND)
    }

    #[test]
    fn the_tries_of_a_day_slide() {
        let mut day = Day::new(at(0));
        for slot in 0..300 {
            day.advance(at(slot));
            day.add(2);
        }
        assert_eq!(day.sum(), (144, 288));
        day.advance(at(299 + 143));
        assert_eq!(day.sum(), (1, 2));
        day.advance(at(i64::MAX / 10_000_000_000_000));
        assert_eq!(day.sum(), (0, 0));
    }

    #[test]
    fn what_is_usual_is_learned_and_an_attack_is_not() {
        let mut usual = Usual::default();
        for _ in 0..10 {
            usual.learn(20, false, 0);
        }
        assert!((usual.mean() - 20.0).abs() < 0.1 && usual.bound() < 41.0);
        usual.learn(200, true, 0);
        assert!(usual.bound() < 41.0, "one day of an attack is left out");
        usual.learn(200, true, 0);
        assert!(usual.bound() > 100.0, "two are how things are");
        usual.learn(0, false, 100);
        assert_eq!(usual, Usual::default());
    }
}
