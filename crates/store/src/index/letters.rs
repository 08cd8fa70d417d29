//! Pieces of words: where four letters in a row stand, in whatever text.
//!
//! Words are what people look for, and there are few of them: the pieces that most lines share are
//! kept as standing everywhere and cost nothing, and those of a rare word lead to a few rows. Digits
//! and signs are left to [`grams`](super::grams), which is coarser.

use std::collections::HashMap;
use std::io;

use super::counts::Spread;
use super::file::SectionWriter;
use super::term::Term;
use super::terms::{Grain, PANEL_ROWS, TermsPanel};

/// How many rows a posting points at: records are put together from all their columns to be looked
/// through, so few of them shall be in vain.
pub(super) const BLOCK_ROWS: usize = 32;
/// A piece in more than one of this many blocks is kept as standing everywhere.
const EVERYWHERE_SHARE: usize = 16;
const LETTERS: u32 = 26;
const PIECE_LETTERS: u32 = 4;
const PIECES: u32 = LETTERS.pow(PIECE_LETTERS);
/// As many bits as tell all pieces apart.
const PIECE_BITS: u32 = PIECES.ilog2() + 1;
/// So many postings of a piece are enough to tell that it stands everywhere.
const POSTINGS_MAX: usize = PANEL_ROWS / BLOCK_ROWS / EVERYWHERE_SHARE + 2;
/// How many pieces of a text are asked for.
const ASKED_MAX: usize = 8;

/// Calls `each` for every piece of a folded text.
fn pieces(folded: &[u8], mut each: impl FnMut(u32)) {
    let (mut piece, mut length) = (0, 0_u32);
    for byte in folded {
        if !byte.is_ascii_lowercase() {
            length = 0;
            continue;
        }
        piece = (piece * LETTERS + u32::from(byte - b'a')) % PIECES;
        length += 1;
        if length >= PIECE_LETTERS {
            each(piece);
        }
    }
}

/// Gives the pieces of a folded text as terms, those first that lie apart.
pub(super) fn terms_of(folded: &str) -> Vec<Term> {
    let mut all = Vec::new();
    pieces(folded.as_bytes(), |piece| all.push(piece));
    let step = usize::try_from(PIECE_LETTERS).unwrap_or(1);
    let apart = (0..step).flat_map(|begin| all.iter().skip(begin).step_by(step));
    apart.take(ASKED_MAX).map(|piece| Term::numbered(spread(*piece), PIECE_BITS)).collect()
}

/// Gives each piece another number of as many bits, so that all buckets get their share.
fn spread(piece: u32) -> u64 {
    u64::from(piece.wrapping_mul(0x9e37_79b1) & ((1 << PIECE_BITS) - 1))
}

/// Gathers a panel.
pub(super) struct Letters {
    /// One bit for each piece: whether it was seen in the current block.
    seen: Vec<u64>,
    fresh: Vec<u32>,
    postings: HashMap<u32, Vec<u16>, Spread>,
    block: u16,
}

impl Default for Letters {
    fn default() -> Self {
        let words = usize::try_from(PIECES.div_ceil(64)).unwrap_or_default();
        Self { seen: vec![0; words], fresh: Vec::new(), postings: HashMap::default(), block: 0 }
    }
}

impl Letters {
    /// Takes a folded text that stands in the current block.
    pub(super) fn add(&mut self, folded: &[u8]) {
        let Self { seen, fresh, .. } = self;
        pieces(folded, |piece| {
            let word = usize::try_from(piece / 64).ok().and_then(|place| seen.get_mut(place));
            let Some(word) = word else { return };
            let bit = 1 << (piece % 64);
            if *word & bit == 0 {
                *word |= bit;
                fresh.push(piece);
            }
        });
    }

    /// Ends a block.
    pub(super) fn end_block(&mut self) {
        for piece in self.fresh.drain(..) {
            if let Ok(place) = usize::try_from(piece / 64)
                && let Some(word) = self.seen.get_mut(place)
            {
                *word = 0;
            }
            let postings = self.postings.entry(piece).or_default();
            if postings.len() < POSTINGS_MAX {
                postings.push(self.block);
            }
        }
        self.block += 1;
    }

    /// Writes the panel and begins the next one.
    pub(super) fn finish(
        &mut self,
        rows: usize,
        out: &mut SectionWriter,
    ) -> io::Result<TermsPanel> {
        self.block = 0;
        let entries = self.postings.drain().flat_map(|(piece, blocks)| {
            let first = spread(piece) << (64 - PIECE_BITS);
            blocks.into_iter().map(move |block| first | u64::from(block))
        });
        let grain = Grain { block_rows: BLOCK_ROWS, everywhere_share: EVERYWHERE_SHARE };
        let all = (Vec::new(), false);
        TermsPanel::write(entries.collect(), (rows, grain), Some(PIECE_BITS), all, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_has_a_number_of_its_own() {
        let mut seen = vec![false; 1 << PIECE_BITS];
        for piece in 0..PIECES {
            let number = usize::try_from(spread(piece)).unwrap();
            assert!(!std::mem::replace(&mut seen[number], true));
        }
    }
}
