//! How rare a number is among those seen: the share of them that are as large, as a surprise.
//!
//! A surprise is the negative natural logarithm of a share: one in a thousand is 6.9. A [`Tail`] is made
//! once from many numbers and does not change; a [`Sketch`] is a bounded count of what a site shows, and
//! forgets with time.

use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::features::{count, narrow, whole};

/// The kept shares halve every four points.
const POINTS: usize = 56;
const A_HALVING: f64 = 4.0;

/// The upper end of how some numbers lie, finer the further out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tail {
    /// The number that a share of two to the power of minus a quarter of the place reaches.
    points: Vec<f32>,
}

impl Tail {
    /// Gives the tail of these numbers.
    pub(crate) fn of(mut numbers: Vec<f64>) -> Self {
        numbers.sort_unstable_by(f64::total_cmp);
        let total = count(numbers.len());
        let point = |place: usize| {
            let share = (-count(place) / A_HALVING).exp2();
            // Past the last of the numbers nothing is known.
            if share * total < 1.0 && place > 0 {
                return None;
            }
            let at = numbers.len().saturating_sub(whole((share * total).ceil()));
            numbers.get(at).copied().map(narrow)
        };
        Self { points: (0..POINTS).map_while(point).collect() }
    }

    /// Gives how surprising a number is. Past the last point the surprise goes on as it came, more
    /// slowly, so that what is further out stays further out.
    pub(crate) fn surprise(&self, number: f64) -> f64 {
        let number = narrow(number);
        let a_point = std::f64::consts::LN_2 / A_HALVING;
        let above = self.points.partition_point(|point| *point <= number);
        let Some(below) = above.checked_sub(1) else { return 0.0 };
        let from = f64::from(self.points.get(below).copied().unwrap_or_default());
        let number = f64::from(number);
        if let Some(next) = self.points.get(above) {
            let part = (number - from) / (f64::from(*next) - from).max(1e-12);
            return (count(below) + part.clamp(0.0, 1.0)) * a_point;
        }
        let middle = self.points.get(self.points.len() / 2).copied().unwrap_or_default();
        let step = (from - f64::from(middle)).max(1e-6) / count(self.points.len().max(2) / 2);
        (count(below) + ((number - from) / step).max(0.0).ln_1p() * 4.0) * a_point
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.length(self.points.len());
        self.points.iter().for_each(|point| writer.raw(&point.to_le_bytes()));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let length = reader.length()?;
        if length > POINTS {
            return Err(SnapshotError::TooLarge);
        }
        let mut points = Vec::with_capacity(length);
        for _ in 0..length {
            let bytes = reader.raw(4)?.try_into().map_err(|_| SnapshotError::Malformed)?;
            let point = f32::from_le_bytes(bytes);
            if !point.is_finite() || points.last().is_some_and(|last| *last > point) {
                return Err(SnapshotError::Malformed);
            }
            points.push(point);
        }
        Ok(Self { points })
    }
}

/// How finely a [`Sketch`] tells numbers apart, and how far it reaches.
const BIN: f64 = 0.125;
const BINS: usize = 320;

/// How many of the numbers seen fell where: a bounded memory from which quantiles are read with an
/// error of one bin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sketch {
    bins: Vec<f32>,
    total: f64,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { bins: vec![0.0; BINS], total: 0.0 }
    }
}

impl Sketch {
    /// Counts a number.
    pub(crate) fn add(&mut self, number: f64) {
        let place = whole(number.max(0.0) / BIN).min(BINS - 1);
        if let Some(bin) = self.bins.get_mut(place) {
            *bin += 1.0;
            self.total += 1.0;
        }
    }

    /// Gives how many numbers were counted and are not forgotten.
    pub(crate) fn total(&self) -> f64 {
        self.total
    }

    /// Gives how many of them are at least as large.
    pub(crate) fn at_least(&self, number: f64) -> f64 {
        let number = number.max(0.0) / BIN;
        let place = whole(number).min(BINS - 1);
        let held = |bins: &[f32]| bins.iter().map(|bin| f64::from(*bin)).sum::<f64>();
        // Most numbers lie near zero, and then the lower end is the shorter sum.
        let above = if place < BINS / 8 {
            self.total - held(self.bins.get(..=place).unwrap_or_default())
        } else {
            held(self.bins.get(place + 1..).unwrap_or_default())
        };
        let own = self.bins.get(place).copied().map_or(0.0, f64::from);
        above + own * (1.0 - (number - count(place)).clamp(0.0, 1.0))
    }

    /// Gives the number that a share of them does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut left = self.total * share;
        for (bin, place) in self.bins.iter().zip(0..) {
            let held = f64::from(*bin);
            if held > 0.0 && held >= left {
                return (count(place) + left / held) * BIN;
            }
            left -= held;
        }
        count(BINS) * BIN
    }

    /// Forgets a part of all that was counted.
    pub(crate) fn fade(&mut self, factor: f32) {
        self.bins.iter_mut().for_each(|bin| *bin *= factor);
        self.total = self.bins.iter().map(|bin| f64::from(*bin)).sum();
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        // Most lie near zero: what is behind the last that holds something is left out.
        let used = self.bins.iter().rposition(|bin| *bin > 0.0).map_or(0, |last| last + 1);
        writer.length(used);
        self.bins.iter().take(used).for_each(|bin| writer.raw(&bin.to_le_bytes()));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let used = reader.length()?;
        if used > BINS {
            return Err(SnapshotError::TooLarge);
        }
        let mut sketch = Self::default();
        for bin in sketch.bins.iter_mut().take(used) {
            *bin = read_amount(reader)?;
            sketch.total += f64::from(*bin);
        }
        Ok(sketch)
    }
}

/// Reads a count that may have faded: a number from zero on.
pub(crate) fn read_amount(reader: &mut Reader<'_>) -> Read<f32> {
    let bytes = reader.raw(4)?.try_into().map_err(|_| SnapshotError::Malformed)?;
    let amount = f32::from_le_bytes(bytes);
    if (0.0..=1e12).contains(&amount) { Ok(amount) } else { Err(SnapshotError::Malformed) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sketch_is_an_exact_sort_within_a_bin(
            numbers in prop::collection::vec(0.0_f64..39.0, 1..400),
            share in 0.01_f64..1.0,
            asked in 0.0_f64..39.0,
        ) {
            let mut sketch = Sketch::default();
            for number in &numbers {
                sketch.add(*number);
            }
            let mut sorted = numbers.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let rank = whole((share * count(sorted.len())).ceil()) - 1;
            let exact = sorted[rank.min(sorted.len() - 1)];
            prop_assert!((sketch.quantile(share) - exact).abs() <= BIN + 1e-6);
            let at_least =
                |number: f64| count(numbers.iter().filter(|seen| **seen >= number).count());
            let held = sketch.at_least(asked);
            prop_assert!(held <= at_least(asked - BIN) + 1e-3 && held >= at_least(asked + BIN) - 1e-3);
            let mut writer = Writer::default();
            sketch.write(&mut writer);
            let bytes = writer.finish();
            prop_assert_eq!(Sketch::read(&mut Reader::new(&bytes)).unwrap(), sketch);
        }

        #[test]
        fn a_tail_is_the_share_of_an_exact_sort(
            numbers in prop::collection::vec(0.0_f64..10.0, 64..400),
            asked in 0.0_f64..12.0,
        ) {
            let tail = Tail::of(numbers.clone());
            let reached = count(numbers.iter().filter(|seen| **seen >= asked).count());
            let share = (-tail.surprise(asked)).exp() * count(numbers.len());
            if reached >= 2.0 {
                // Between two points the share changes by a fifth, and by one number at the end.
                prop_assert!(share <= reached * 1.25 + 1.5 && share >= reached / 1.25 - 1.5, "{share} {reached}");
            } else {
                prop_assert!(share <= 3.5, "{share} {reached}");
            }
            prop_assert!(tail.surprise(asked + 0.5) >= tail.surprise(asked));
        }
    }

    #[test]
    fn nothing_seen_surprises_nobody() {
        assert!(Tail::of(Vec::new()).surprise(9.0) < 1e-9);
        assert!(Sketch::default().at_least(1.0) < 1e-9);
    }

    #[test]
    fn what_fades_halves() {
        let mut sketch = Sketch::default();
        (0..100).for_each(|_| sketch.add(1.0));
        sketch.fade(0.5);
        assert!((sketch.total() - 50.0).abs() < 1e-3);
    }
}
