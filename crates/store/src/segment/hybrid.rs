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
}

/// Where the runs of a stream begin, so that any place is found without reading all before it.
#[derive(Debug)]
pub(super) struct Runs {
    /// The first place of each run, and where its header stands.
    begins: Vec<(u32, u32)>,
}

impl Runs {
    /// Goes through a stream once.
    pub(super) fn of(bytes: &[u8], width: u32, count: usize) -> Option<Self> {
        let mut hybrid = Hybrid::new(bytes, width);
        let mut begins = Vec::new();
        while hybrid.end < count && !hybrid.rest.is_empty() {
            let place = u32::try_from(hybrid.end).ok()?;
            // Only a damaged stream has runs of nothing, and could have any number of them.
            if begins.len() >= count {
                return None;
            }
            begins.push((place, u32::try_from(bytes.len() - hybrid.rest.len()).ok()?));
            hybrid.next_run()?;
        }
        Some(Self { begins })
    }

    /// Gives the number at a place of the stream that was gone through.
    pub(super) fn at(&self, bytes: &[u8], width: u32, place: usize) -> Option<u32> {
        let wanted = u32::try_from(place).ok()?;
        let run = self.begins.partition_point(|(first, _)| *first <= wanted).checked_sub(1)?;
        let (first, offset) = self.begins.get(run)?;
        let mut hybrid = Hybrid::new(bytes.get(usize::try_from(*offset).ok()?..)?, width);
        hybrid.end = usize::try_from(*first).ok()?;
        hybrid.at(place)
    }

    pub(super) fn size(&self) -> usize {
        self.begins.len() * size_of::<(u32, u32)>()
    }
}

/// A stream of ones and zeros, with how many ones stand before each word of it.
#[derive(Debug)]
pub(super) struct Marks {
    words: Vec<(u64, u32)>,
}

impl Marks {
    /// Reads a stream of so many bits.
    pub(super) fn of(bytes: &[u8], count: usize) -> Option<Self> {
        let mut words = vec![(0_u64, 0_u32); count.div_ceil(64)];
        let mut hybrid = Hybrid::new(bytes, 1);
        while hybrid.end < count {
            hybrid.next_run()?;
            let end = hybrid.end.min(count);
            let mut at = hybrid.start;
            while at < end {
                let bits = 64 - at % 64;
                let taken = bits.min(end - at);
                let chunk = match hybrid.run {
                    Run::Same(0) => 0,
                    Run::Same(_) => u64::MAX,
                    Run::Packed(bytes) => sixty_four(bytes, at - hybrid.start),
                };
                let kept = if taken == 64 { chunk } else { chunk & ((1 << taken) - 1) };
                if let Some((word, _)) = words.get_mut(at / 64) {
                    *word |= kept << (at % 64);
                }
                at += taken;
            }
        }
        let mut before = 0;
        for (word, ones) in &mut words {
            *ones = before;
            before += word.count_ones();
        }
        Some(Self { words })
    }

    /// Gives how many ones stand before a place, if there is one at it.
    pub(super) fn rank(&self, place: usize) -> Option<usize> {
        let (word, before) = self.words.get(place / 64)?;
        let bit = 1_u64 << (place % 64);
        let ones = before + (word & (bit - 1)).count_ones();
        (word & bit != 0).then(|| usize::try_from(ones).unwrap_or_default())
    }

    pub(super) fn size(&self) -> usize {
        self.words.len() * size_of::<(u64, u32)>()
    }
}

/// Gives 64 bits from a bit on, zeros behind the end.
fn sixty_four(bytes: &[u8], bit: usize) -> u64 {
    let rest = bytes.get(bit / 8..).unwrap_or_default();
    let mut nine = [0_u8; 16];
    for (to, from) in nine.iter_mut().zip(rest.iter().take(9)) {
        *to = *from;
    }
    let shifted = u128::from_le_bytes(nine) >> (bit % 8);
    u64::try_from(shifted & u128::from(u64::MAX)).unwrap_or_default()
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
            let index = Runs::of(&bytes, width, all.len()).unwrap();
            for place in (0..all.len()).rev().step_by(step) {
                prop_assert_eq!(index.at(&bytes, width, place), Some(all[place]));
            }
            let (bytes, all) = write(&runs, 1);
            let marks = Marks::of(&bytes, all.len()).unwrap();
            let mut ones = 0;
            for (place, one) in all.iter().enumerate() {
                prop_assert_eq!(marks.rank(place), (*one == 1).then_some(ones));
                ones += usize::try_from(*one).unwrap();
            }
            prop_assert_eq!(marks.rank(all.len().next_multiple_of(64)), None);
        }

        #[test]
        fn damage_ends(bytes: Vec<u8>, width in 0_u32..=32) {
            let mut hybrid = Hybrid::new(&bytes, width);
            for place in 0..100 {
                let _ = hybrid.at(place * 3);
            }
            if let Some(runs) = Runs::of(&bytes, width, 300) {
                for place in 0..300 {
                    let _ = runs.at(&bytes, width, place);
                }
            }
            let _ = Marks::of(&bytes, 300).map(|marks| marks.rank(299));
        }
    }
}
