//! How tables find their rows: a hash of few steps under keys that nobody outside knows.
//!
//! What tables are asked for are numbers of fixed length: addresses, ports, hashes of names. For such the library's own
//! hash costs more than all the rest of a look-up. Each word is mixed in by one multiplication to twice the width whose
//! halves are laid over one another. Both keys are drawn at the start of the process, so that whoever chooses addresses
//! cannot choose where they come to lie.

use std::hash::{BuildHasher, Hasher, RandomState};

/// The keys of a table.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    begin: u64,
    factor: u64,
}

impl Default for Keys {
    fn default() -> Self {
        let random = RandomState::new();
        // An odd factor loses nothing.
        Self { begin: random.hash_one(1_u8), factor: random.hash_one(2_u8) | 1 }
    }
}

impl BuildHasher for Keys {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded { sum: self.begin, factor: self.factor }
    }
}

/// A hash that is being made.
#[derive(Clone, Debug)]
pub(crate) struct Folded {
    sum: u64,
    factor: u64,
}

impl Folded {
    fn mix(&mut self, word: u64) {
        let wide = u128::from(self.sum ^ word) * u128::from(self.factor);
        let halves = [wide, wide >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)));
        let [Ok(low), Ok(high)] = halves else { return };
        // A factor that met nothing leaves the word.
        self.sum = (low ^ high).wrapping_add(word.rotate_left(23));
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.mix(u64::from(number));
    }

    fn write_u16(&mut self, number: u16) {
        self.mix(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn write_u128(&mut self, number: u128) {
        let halves = [number >> 64, number].map(|half| u64::try_from(half & u128::from(u64::MAX)));
        let [Ok(high), Ok(low)] = halves else { return };
        self.mix(high);
        self.mix(low);
    }

    fn finish(&self) -> u64 {
        // The table takes its place from the lowest bits and a mark from the highest.
        let wide = u128::from(self.sum) * u128::from(self.factor.rotate_left(32) | 1);
        u64::try_from((wide ^ (wide >> 64)) & u128::from(u64::MAX)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_that_are_alike_are_spread() {
        let keys = Keys::default();
        // Ports of one machine, machines of one network, networks: each fills the places evenly.
        let sets: [Vec<(u128, u16)>; 3] = [
            (0..4_096).map(|port| (7, port)).collect(),
            (0..4_096).map(|machine| (0xffff_0a00_0000 | machine, 443)).collect(),
            (0..4_096).map(|network| (network << 64, 443)).collect(),
        ];
        for set in sets {
            let all: Vec<u64> = set.iter().map(|key| keys.hash_one(key)).collect();
            let different: HashSet<u64> = all.iter().copied().collect();
            assert_eq!(different.len(), all.len());
            for shift in [0, 57 - 8] {
                let mut places = [0_u32; 256];
                for hash in &all {
                    places[usize::try_from(hash >> shift & 0xff).unwrap()] += 1;
                }
                // Sixteen in the mean; fifty would be eight deviations.
                assert!(places.iter().all(|count| *count < 50), "{shift}: {places:?}");
            }
        }
        assert_ne!(keys.hash_one(1_u64), Keys::default().hash_one(1_u64));
    }
}
