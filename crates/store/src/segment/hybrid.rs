//! Parquet's mix of runs and packed bits, looked up at a few places.

/// One run of a stream.
enum Run<'b> {
    Same(u32),
    Packed(&'b [u8]),
}

/// Numbers of one width, in runs of the same one or packed.
pub(super) struct Hybrid<'b> {
    rest: &'b [u8],
    width: u32,
    run: Run<'b>,
    /// The places that the current run holds.
    start: usize,
    end: usize,
}

impl<'b> Hybrid<'b> {
    pub(super) fn new(bytes: &'b [u8], width: u32) -> Self {
        Self { rest: bytes, width, run: Run::Same(0), start: 0, end: 0 }
    }

    /// Goes on to the next run.
    fn next_run(&mut self) -> Option<()> {
        let mut header = 0_usize;
        for shift in (0..32).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            header |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        self.start = self.end;
        let width = usize::try_from(self.width).ok()?;
        if header & 1 == 1 {
            let groups = header >> 1;
            // The last run of a page may be cut short.
            let length = groups.checked_mul(width)?.min(self.rest.len());
            let (packed, rest) = self.rest.split_at(length);
            self.rest = rest;
            self.run = Run::Packed(packed);
            self.end = self.start.checked_add(groups.checked_mul(8)?)?;
        } else {
            let (value, rest) = self.rest.split_at_checked(width.div_ceil(8))?;
            self.rest = rest;
            let mut four = [0; 4];
            for (to, from) in four.iter_mut().zip(value) {
                *to = *from;
            }
            self.run = Run::Same(u32::from_le_bytes(four));
            self.end = self.start.checked_add(header >> 1)?;
        }
        Some(())
    }

    /// Gives the number at a place; the places asked for ascend.
    pub(super) fn at(&mut self, place: usize) -> Option<u32> {
        while place >= self.end {
            self.next_run()?;
        }
        match self.run {
            Run::Same(value) => Some(value),
            Run::Packed(bytes) => packed(bytes, place.checked_sub(self.start)?, self.width),
        }
    }

    /// Gives how many ones stand before a place and not before another; the width is one. Places
    /// asked for ascend.
    pub(super) fn ones(&mut self, from: usize, to: usize) -> Option<usize> {
        let (mut at, mut ones) = (from, 0);
        while at < to {
            while at >= self.end {
                self.next_run()?;
            }
            let stop = to.min(self.end);
            ones += match self.run {
                Run::Same(0) => 0,
                Run::Same(_) => stop - at,
                Run::Packed(bytes) => ones_in(bytes, at - self.start, stop - self.start),
            };
            at = stop;
        }
        Some(ones)
    }
}

fn packed(bytes: &[u8], place: usize, width: u32) -> Option<u32> {
    let bit = place.checked_mul(usize::try_from(width).ok()?)?;
    let rest = bytes.get(bit / 8..)?;
    let mut eight = [0; 8];
    for (to, from) in eight.iter_mut().zip(rest) {
        *to = *from;
    }
    let word = u64::from_le_bytes(eight) >> (bit % 8);
    u32::try_from(word & ((1 << width) - 1)).ok()
}

/// Counts the ones from a bit on and before another, eight bytes at a time.
fn ones_in(bytes: &[u8], from: usize, to: usize) -> usize {
    let ones_before = |bit: usize| -> usize {
        let (whole, rest) = bytes.split_at_checked(bit / 8).unwrap_or((bytes, &[]));
        // As far as both counts have the same bytes, they are looked at once.
        let whole = whole.get(from / 8..).unwrap_or_default();
        let (words, tail) = whole.as_chunks::<8>();
        let words: u32 = words.iter().map(|word| u64::from_le_bytes(*word).count_ones()).sum();
        let tail: u32 = tail.iter().map(|byte| byte.count_ones()).sum();
        let last = rest.first().map_or(0, |byte| (byte & ((1_u8 << (bit % 8)) - 1)).count_ones());
        usize::try_from(words + tail + last).unwrap_or_default()
    };
    ones_before(to).saturating_sub(ones_before(from))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes runs as Parquet has them.
    fn write(runs: &[(bool, Vec<u32>)], width: u32) -> (Vec<u8>, Vec<u32>) {
        let (mut bytes, mut all) = (Vec::new(), Vec::new());
        for (is_packed, numbers) in runs {
            let mask = if width == 0 { 0 } else { u32::MAX >> (32 - width) };
            let mut numbers: Vec<u32> = numbers.iter().map(|one| one & mask).collect();
            if *is_packed {
                numbers.resize(numbers.len().div_ceil(8) * 8, 0);
                bytes.push(u8::try_from(numbers.len() / 8 * 2 + 1).unwrap());
                let mut bits: Vec<bool> = Vec::new();
                for number in &numbers {
                    bits.extend((0..width).map(|bit| number >> bit & 1 == 1));
                }
                bytes.extend(bits.chunks(8).map(|eight| {
                    eight.iter().enumerate().map(|(at, bit)| u8::from(*bit) << at).sum::<u8>()
                }));
            } else {
                let first = numbers[0];
                numbers.fill(first);
                bytes.push(u8::try_from(numbers.len() * 2).unwrap());
                let value = numbers[0].to_le_bytes();
                bytes.extend(&value[..usize::try_from(width.div_ceil(8)).unwrap()]);
            }
            all.extend(numbers);
        }
        (bytes, all)
    }

    proptest! {
        #[test]
        fn same_as_all_of_them(
            runs in prop::collection::vec(
                (any::<bool>(), prop::collection::vec(any::<u32>(), 1..50)), 1..6),
            width in 0_u32..=20,
            step in 1_usize..9,
        ) {
            let (bytes, all) = write(&runs, width);
            let mut hybrid = Hybrid::new(&bytes, width);
            for place in (0..all.len()).step_by(step) {
                prop_assert_eq!(hybrid.at(place), Some(all[place]));
            }
            let (bytes, all) = write(&runs, 1);
            let mut hybrid = Hybrid::new(&bytes, 1);
            let mut from = 0;
            for place in (0..all.len()).step_by(step) {
                let ones = all[from..place].iter().filter(|one| **one == 1).count();
                prop_assert_eq!(hybrid.ones(from, place), Some(ones));
                from = place;
            }
        }

        #[test]
        fn damage_ends(bytes: Vec<u8>, width in 0_u32..=32) {
            let mut hybrid = Hybrid::new(&bytes, width);
            for place in 0..100 {
                let _ = hybrid.at(place * 3);
            }
        }
    }
}
