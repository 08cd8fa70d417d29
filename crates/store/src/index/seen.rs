//! Which pieces of texts were seen in the current blocks.
//!
//! One pass over a text notes its pieces of letters and those of other bytes, each as one bit, without
//! a branch that depends on what stands there: words are short, so that it would be guessed wrongly
//! twice a word.

use super::grams::{GRAM_BYTES, SLICE_BITS_MAX, slice_of};
use super::letters::{LETTERS, PIECE_LETTERS};

/// How many bits tell the letters apart.
const LETTER_BITS: u32 = 5;
/// As many bits as the letters of a piece take one beside the other.
const CODE_BITS: u32 = LETTER_BITS * PIECE_LETTERS;
/// The words of the slices, before those of the letters.
const SLICE_WORDS: usize = 1 << (SLICE_BITS_MAX - 6);
const CODE_WORDS: usize = 1 << (CODE_BITS - 6);

/// What was seen since the blocks began.
pub(super) struct Seen {
    /// One bit for each slice, then one for each code of four letters.
    bits: Vec<u64>,
    /// The codes whose bits were set in this block, as far as `count` tells, and room for more.
    fresh: Vec<u32>,
    count: usize,
}

impl Default for Seen {
    fn default() -> Self {
        Self { bits: vec![0; SLICE_WORDS + CODE_WORDS], fresh: Vec::new(), count: 0 }
    }
}

impl Seen {
    /// Takes a folded text that stands in the current blocks.
    pub(super) fn add(&mut self, folded: &[u8]) {
        let Some((head, rest)) = folded.split_first_chunk::<{ GRAM_BYTES - 1 }>() else { return };
        let needed = self.count + rest.len();
        if self.fresh.len() < needed {
            self.fresh.resize(needed.next_power_of_two(), 0);
        }
        let (mut gram, mut code, mut letters) = (0_u32, 0_u32, 0_u32);
        for byte in head {
            gram = gram << 8 | u32::from(*byte);
            (code, letters) = step(code, letters, *byte);
        }
        let Self { bits, fresh, count } = self;
        for byte in rest {
            gram = gram << 8 | u32::from(*byte);
            (code, letters) = step(code, letters, *byte);
            let is_word = letters >= PIECE_LETTERS;
            let place = if is_word { (1 << SLICE_BITS_MAX) + code } else { slice_of(gram) };
            let bit = 1_u64 << (place & 63);
            let word = usize::try_from(place >> 6).ok().and_then(|word| bits.get_mut(word));
            if let (Some(word), Some(next)) = (word, fresh.get_mut(*count)) {
                *next = code;
                // Not `&&`, which would be a branch.
                *count += usize::from(is_word) & usize::from(*word & bit == 0);
                *word |= bit;
            }
        }
    }

    /// Ends a block of slices and gives its bits.
    pub(super) fn take_slices(&mut self) -> Vec<u64> {
        let slices = self.bits.get_mut(..SLICE_WORDS).unwrap_or_default();
        let taken = slices.to_vec();
        slices.fill(0);
        taken
    }

    /// Ends a block of letters and gives its pieces to `each`, which tells whether it wants to see
    /// that piece no more.
    pub(super) fn take_pieces(&mut self, mut each: impl FnMut(u32) -> bool) {
        for code in self.fresh.iter().take(self.count) {
            let word = usize::try_from(code >> 6).ok();
            let word = word.and_then(|word| self.bits.get_mut(SLICE_WORDS + word));
            let is_enough = each(piece_of(*code));
            if let Some(word) = word.filter(|_| !is_enough) {
                *word &= !(1 << (code & 63));
            }
        }
        self.count = 0;
    }

    /// Begins anew with the letters, also with those that were not wanted any more.
    pub(super) fn forget(&mut self) {
        self.bits.get_mut(SLICE_WORDS..).unwrap_or_default().fill(0);
        self.count = 0;
    }
}

/// Adds a byte to the code of the last letters and to how many letters came in a row.
fn step(code: u32, letters: u32, byte: u8) -> (u32, u32) {
    let letter = u32::from(byte.wrapping_sub(b'a'));
    let is_letter = letter < LETTERS;
    let code = (code << LETTER_BITS | letter & ((1 << LETTER_BITS) - 1)) & ((1 << CODE_BITS) - 1);
    (code, if is_letter { letters + 1 } else { 0 })
}

/// Gives the number of a piece among all pieces of letters.
fn piece_of(code: u32) -> u32 {
    let letters = (0..PIECE_LETTERS).rev().map(|place| code >> (place * LETTER_BITS));
    letters.fold(0, |piece, letter| piece * LETTERS + (letter & ((1 << LETTER_BITS) - 1)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Gives slices and pieces of a text, looked at piece by piece.
    fn plainly(text: &[u8]) -> (BTreeSet<u32>, BTreeSet<u32>) {
        let (mut slices, mut pieces) = (BTreeSet::new(), BTreeSet::new());
        for window in text.windows(GRAM_BYTES) {
            if window.iter().all(u8::is_ascii_lowercase) {
                let number = |piece, byte: &u8| piece * LETTERS + u32::from(byte - b'a');
                pieces.insert(window.iter().fold(0, number));
            } else {
                slices.insert(slice_of(u32::from_be_bytes(window.try_into().unwrap())));
            }
        }
        (slices, pieces)
    }

    proptest! {
        #[test]
        fn same_as_piece_by_piece(
            blocks in prop::collection::vec(prop::collection::vec("[a-c z0-9ü-]{0,24}", 0..5), 1..4),
        ) {
            let mut seen = Seen::default();
            for texts in blocks {
                let (mut slices, mut pieces) = (BTreeSet::new(), BTreeSet::new());
                for text in &texts {
                    seen.add(text.as_bytes());
                    let (more_slices, more_pieces) = plainly(text.as_bytes());
                    slices.extend(more_slices);
                    pieces.extend(more_pieces);
                }
                let mut found = Vec::new();
                seen.take_pieces(|piece| { found.push(piece); false });
                let once: BTreeSet<u32> = found.iter().copied().collect();
                prop_assert_eq!(once.len(), found.len());
                prop_assert_eq!(once, pieces);
                let bits = seen.take_slices();
                let set = (0..1_u32 << SLICE_BITS_MAX)
                    .filter(|slice| bits[usize::try_from(slice >> 6).unwrap()] >> (slice & 63) & 1 == 1);
                prop_assert_eq!(set.collect::<BTreeSet<_>>(), slices);
            }
        }
    }

    #[test]
    fn what_is_wanted_no_more_comes_again_after_the_panel() {
        let mut seen = Seen::default();
        let times = |seen: &mut Seen, is_enough| {
            seen.add(b"word");
            let mut count = 0;
            seen.take_pieces(|_| {
                count += 1;
                is_enough
            });
            count
        };
        assert_eq!(times(&mut seen, false), 1);
        assert_eq!(times(&mut seen, true), 1);
        assert_eq!(times(&mut seen, true), 0);
        seen.forget();
        assert_eq!(times(&mut seen, false), 1);
    }
}
