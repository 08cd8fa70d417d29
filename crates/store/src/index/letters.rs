//! Pieces of words: where four letters in a row stand, in whatever text.
//!
//! Words are what people look for, and there are few of them: the pieces that most lines share are
//! kept as standing everywhere and cost nothing, and those of a rare word lead to a few rows. Digits
//! and signs are left to [`grams`](super::grams), which is coarser.

use std::io;

use super::file::SectionWriter;
use super::seen::Seen;
use super::term::Term;
use super::terms::{Grain, PANEL_ROWS, TermsPanel};

/// How many rows a posting points at: records are put together from all their columns to be looked
/// through, so few of them shall be in vain.
pub(super) const BLOCK_ROWS: usize = 32;
/// A piece in more than one of this many blocks is kept as standing everywhere.
const EVERYWHERE_SHARE: usize = 16;
pub(super) const LETTERS: u32 = 26;
pub(super) const PIECE_LETTERS: u32 = 4;
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
    /// In how many blocks each piece was seen, up to the bound.
    counts: Vec<u16>,
    /// A piece and a block.
    postings: Vec<(u32, u16)>,
    block: u16,
}

impl Default for Letters {
    fn default() -> Self {
        let pieces = usize::try_from(PIECES).unwrap_or_default();
        Self { counts: vec![0; pieces], postings: Vec::new(), block: 0 }
    }
}

impl Letters {
    /// Ends a block.
    pub(super) fn end_block(&mut self, seen: &mut Seen) {
        let Self { counts, postings, block } = self;
        seen.take_pieces(|piece| {
            let count = usize::try_from(piece).ok().and_then(|place| counts.get_mut(place));
            let Some(count) = count else { return false };
            *count += 1;
            postings.push((piece, *block));
            usize::from(*count) >= POSTINGS_MAX
        });
        self.block += 1;
    }

    /// Writes the panel and begins the next one.
    pub(super) fn finish(
        &mut self,
        rows: usize,
        seen: &mut Seen,
        out: &mut SectionWriter,
    ) -> io::Result<TermsPanel> {
        self.block = 0;
        self.counts.fill(0);
        seen.forget();
        let entries = self
            .postings
            .drain(..)
            .map(|(piece, block)| spread(piece) << (64 - PIECE_BITS) | u64::from(block));
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
