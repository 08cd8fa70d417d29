//! Counts of many different things in little room, and how they are spread.

use sigma::codec::{Read, Reader, Writer};

/// How many words of bits a [`Linear`] has, and how many bits.
const WORDS: usize = 16;
const BITS: f64 = 1_024.0;

/// About how many different things were seen: each sets one of 1,024 bits, and how many are still
/// clear tells the count (linear counting; Whang, Vander-Zanden, Taylor 1990). Good to about four in a hundred
/// up to two thousand things, in 128 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Linear([u64; WORDS]);

impl Linear {
    /// Adds a thing by its hash; tells whether it is surely new.
    pub(crate) fn insert(&mut self, hash: u32) -> bool {
        let (word, bit) = (usize::try_from(hash % 16).unwrap_or_default(), (hash >> 4) % 64);
        let Some(word) = self.0.get_mut(word) else { return false };
        let is_new = *word & (1 << bit) == 0;
        *word |= 1 << bit;
        is_new
    }

    /// Gives about how many there were.
    pub(crate) fn count(&self) -> f64 {
        let set: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        let clear = (BITS - f64::from(set)).max(0.5);
        BITS * (BITS / clear).ln()
    }

    pub(crate) fn snapshot(&self, writer: &mut Writer) {
        self.0.iter().for_each(|word| writer.whole(*word));
    }

    pub(crate) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let mut words = [0; WORDS];
        for word in &mut words {
            *word = reader.whole()?;
        }
        Ok(Self(words))
    }
}

/// How many bins a [`Spread`] has.
const BINS: usize = 256;

/// How evenly happenings are spread over what they come from, by hash, in one kilobyte.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    bins: Box<[u32; BINS]>,
    total: u32,
}

impl Default for Spread {
    fn default() -> Self {
        Self { bins: Box::new([0; BINS]), total: 0 }
    }
}

impl Spread {
    pub(crate) fn add(&mut self, hash: u32) {
        let bin = usize::try_from(hash).unwrap_or_default() % BINS;
        if let Some(count) = self.bins.get_mut(bin) {
            *count = count.saturating_add(1);
            self.total = self.total.saturating_add(1);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.bins.fill(0);
        self.total = 0;
    }

    /// Gives Shannon's entropy in bits: 0 where all come from one, 8 where they come from very many.
    pub(crate) fn entropy(&self) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        let total = f64::from(self.total);
        let share =
            self.bins.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total);
        share.map(|share| -share * share.log2()).sum::<f64>().max(0.0)
    }

    /// Gives which share the few largest bins have, 0 to 1.
    pub(crate) fn of_few(&self, few: usize) -> f64 {
        let mut counts = *self.bins;
        counts.sort_unstable_by(|one, other| other.cmp(one));
        let sum: u64 = counts.iter().take(few).map(|count| u64::from(*count)).sum();
        super::number(sum) / f64::from(self.total.max(1))
    }

    pub(crate) fn bytes() -> usize {
        BINS * size_of::<u32>()
    }

    pub(crate) fn snapshot(&self, writer: &mut Writer) {
        self.bins.iter().for_each(|count| writer.number(u64::from(*count)));
    }

    pub(crate) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let mut spread = Self::default();
        for count in spread.bins.iter_mut() {
            *count =
                u32::try_from(reader.number()?).map_err(|_| sigma::SnapshotError::Malformed)?;
            spread.total = spread.total.saturating_add(*count);
        }
        Ok(spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::mix;

    #[test]
    fn different_things_are_counted_about_right() {
        for count in [0_u32, 1, 10, 100, 1_000, 2_000] {
            let mut linear = Linear::default();
            for _ in 0..3 {
                (0..count).for_each(|thing| {
                    linear.insert(mix(u128::from(thing)));
                });
            }
            let off = (linear.count() - f64::from(count)).abs();
            assert!(off <= 1.0 + f64::from(count) * 0.1, "{count}: {}", linear.count());
        }
    }

    #[test]
    fn one_source_has_no_entropy_and_many_have_much() {
        let (mut one, mut many) = (Spread::default(), Spread::default());
        for source in 0..10_000_u32 {
            one.add(7);
            many.add(mix(u128::from(source)));
        }
        assert!(one.entropy() < 0.01 && many.entropy() > 7.9);
        assert!(one.of_few(1) > 0.99 && many.of_few(4) < 0.05);
        many.clear();
        assert!(many.entropy() < 0.01);
    }
}
