//! Many rows through the trees together.
//!
//! What the first four steps ask are fifteen nodes: each is asked for all rows at once, which needs no place
//! to be known before, so that the compiler makes it a few instructions on many numbers; the answers on
//! the way of each row are then picked out. From there on each row walks by itself.

use super::super::features::{ROW, Row};
use super::{DEPTH, FEATURE_BITS, FEATURE_MASK, OPEN, Tree, words};

/// How many rows are taken through a tree together.
pub(super) const LANES: usize = 32;
/// How many of the steps are then made by asking every node on their way.
const STEPS_TOGETHER: u32 = 4;

/// Some rows that go through the trees together.
pub(super) struct Piece {
    rows: [[u64; ROW]; LANES],
    /// The same by features, as numbers that are compared with a sign.
    columns: [[i32; LANES]; ROW],
}

/// Of each row all bits, or none.
type Mask = [i32; LANES];

/// Gives a word's number so that it sorts as one with a sign.
fn signed(word: u64) -> i32 {
    let sorted = u32::try_from(word >> FEATURE_BITS).unwrap_or(u32::MAX);
    (sorted ^ (1 << 31)).cast_signed()
}

fn choose(mask: &Mask, low: &Mask, high: &Mask) -> Mask {
    let mut chosen = [0; LANES];
    for (((to, mask), low), high) in chosen.iter_mut().zip(mask).zip(low).zip(high) {
        *to = low & !mask | high & mask;
    }
    chosen
}

impl Piece {
    pub(super) fn of(given: &[Row]) -> Self {
        let mut piece = Self { rows: [[0; ROW]; LANES], columns: [[0; LANES]; ROW] };
        for ((to, row), lane) in piece.rows.iter_mut().zip(given).zip(0_usize..) {
            *to = words(row);
            for (column, word) in piece.columns.iter_mut().zip(*to) {
                if let Some(number) = column.get_mut(lane) {
                    *number = signed(word);
                }
            }
        }
        piece
    }

    /// Asks a node for all rows.
    #[inline]
    fn ask(&self, tree: &Tree, node: usize) -> Mask {
        let node = tree.nodes.get(node).copied().unwrap_or(OPEN);
        let threshold = signed(node);
        let mut mask = [0; LANES];
        let feature = usize::try_from(node & FEATURE_MASK).unwrap_or_default();
        if let Some(column) = self.columns.get(feature) {
            for (mask, number) in mask.iter_mut().zip(column) {
                *mask = -i32::from(*number > threshold);
            }
        }
        mask
    }

    /// Adds the path lengths of all rows.
    pub(super) fn walk(&self, tree: &Tree, sums: &mut [f64; LANES]) {
        let ask = |node| self.ask(tree, node);
        let first = ask(1);
        let second = choose(&first, &ask(2), &ask(3));
        let of_two = |at: usize| choose(&second, &ask(at), &ask(at + 1));
        let third = choose(&first, &of_two(4), &of_two(6));
        let of_three = |at: usize| choose(&third, &ask(at), &ask(at + 1));
        let of_both = |at: usize| choose(&second, &of_three(at), &of_three(at + 2));
        let fourth = choose(&first, &of_both(8), &of_both(12));
        let mut places = [0_u8; LANES];
        let answers = first.iter().zip(&second).zip(&third).zip(&fourth);
        for (place, (((one, two), three), four)) in places.iter_mut().zip(answers) {
            let bits = 16 | one & 8 | two & 4 | three & 2 | four & 1;
            *place = u8::try_from(bits).unwrap_or_default();
        }
        for _ in STEPS_TOGETHER..DEPTH {
            for (place, row) in places.iter_mut().zip(&self.rows) {
                *place = tree.step(*place, row);
            }
        }
        for (sum, place) in sums.iter_mut().zip(places) {
            *sum += tree.length(place);
        }
    }
}
