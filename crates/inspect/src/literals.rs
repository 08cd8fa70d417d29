//! The literals of all classes, looked for in one pass over tables that fit into the nearest caches.
//!
//! Short literals are compared everywhere at once, a bit for each; longer ones are looked for by their
//! grams and then compared. What is reported is exact: the tables decide about speed alone.

use crate::grams::{Grams, LITERAL_BYTES_MIN};
use crate::prefilter::ClassSet;

/// The literals of some classes.
pub(crate) struct Literals {
    /// The short ones, 64 each.
    planes: Vec<Plane>,
    long: Vec<Literal>,
    grams: Grams,
}

struct Literal {
    text: &'static [u8],
    rows: ClassSet,
}

/// Short literals, a bit for each: bit by bit, the bytes that stand at each of their places. A
/// literal ends at the third; one of two bytes lets any byte stand at the first.
struct Plane {
    bytes: Box<[[u64; 3]; 256]>,
    /// Those that may begin where one or two bytes are missing before them.
    two_missing: u64,
    one_missing: u64,
    rows: Vec<ClassSet>,
}

impl Literals {
    /// Builds the tables for `literals`, in lower case, each with the classes that listen to it.
    pub(crate) fn of(literals: impl Iterator<Item = (&'static str, ClassSet)>) -> Self {
        let literals = literals.map(|(text, rows)| Literal { text: text.as_bytes(), rows });
        let (long, short): (Vec<_>, Vec<_>) =
            literals.partition(|literal| literal.text.len() >= LITERAL_BYTES_MIN);
        let planes = short.chunks(64).map(Plane::of).collect();
        let texts: Vec<&[u8]> = long.iter().map(|literal| literal.text).collect();
        Self { planes, grams: Grams::of(&texts), long }
    }

    /// Gives those of `wanted` that listen to a literal in `text`, whatever its case.
    pub(crate) fn heard(&self, text: &[u8], wanted: ClassSet) -> ClassSet {
        let mut heard = self.planes.iter().fold(0, |heard, plane| heard | plane.heard(text));
        self.grams.each(text, |literal, begin| {
            let Some(literal) = self.long.get(literal) else { return };
            if literal.rows & wanted & !heard != 0
                && let Some(there) = text.get(begin..begin + literal.text.len())
                && there.eq_ignore_ascii_case(literal.text)
            {
                heard |= literal.rows;
            }
        });
        heard & wanted
    }
}

impl Plane {
    fn of(literals: &[Literal]) -> Self {
        let mut plane = Self {
            bytes: Box::new([[0; 3]; 256]),
            two_missing: 0,
            one_missing: 0,
            rows: literals.iter().map(|literal| literal.rows).collect(),
        };
        for (literal, shift) in literals.iter().zip(0..u64::BITS) {
            let bit = 1_u64 << shift;
            let missing = 3_usize.saturating_sub(literal.text.len());
            plane.two_missing |= if missing > 1 { bit } else { 0 };
            plane.one_missing |= if missing > 0 { bit } else { 0 };
            for (places, byte) in plane.bytes.iter_mut().zip(0_u8..=255) {
                let folded = byte.to_ascii_lowercase();
                for (place, at) in places.iter_mut().zip(0_usize..) {
                    let expected = at.checked_sub(missing).and_then(|at| literal.text.get(at));
                    if expected.is_none_or(|expected| *expected == folded) {
                        *place |= bit;
                    }
                }
            }
        }
        plane
    }

    fn heard(&self, text: &[u8]) -> ClassSet {
        let (mut heard, mut first, mut second) = (0, self.one_missing, self.two_missing);
        for byte in text {
            let Some([a, b, c]) = self.bytes.get(usize::from(*byte)) else { continue };
            heard |= second & c;
            second = first & b;
            first = *a;
        }
        let mut rows = 0;
        while heard != 0 {
            rows |=
                self.rows.get(usize::try_from(heard.trailing_zeros()).unwrap_or(0)).unwrap_or(&0);
            heard &= heard - 1;
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::classes::CLASSES;
    use crate::prefilter;

    /// Literals of every length, with and without a common beginning, and one of a byte.
    const MADE: &[&str] = &["~", "$a", "b)", "ab:", "a\tb", "abcd", "abce", "bcde", "aaaaaaaa"];

    fn literals() -> Vec<(&'static str, ClassSet)> {
        let made = MADE.iter().copied().zip(prefilter::bits());
        let classes = CLASSES.iter().zip(prefilter::bits());
        classes
            .flat_map(|(row, bit)| row.literals.iter().map(move |t| (*t, bit)))
            .chain(made)
            .collect()
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let literals: Vec<&str> = literals().into_iter().map(|(text, _)| text).collect();
        prop_oneof![
            prop::sample::select(literals).prop_map(|text| text.as_bytes().to_vec()),
            prop::sample::select(b"abcde$): \t\xe9~".as_slice()).prop_map(|byte| vec![byte]),
            prop::collection::vec(any::<u8>(), 0..6),
        ]
    }

    proptest! {
        #[test]
        fn what_looking_for_each_one_finds(
            pieces in prop::collection::vec((piece(), any::<bool>(), 0_usize..3), 0..7),
            wanted in any::<ClassSet>(),
        ) {
            let mut text = Vec::new();
            for (mut piece, upper, cut) in pieces {
                if upper {
                    piece.make_ascii_uppercase();
                }
                text.extend_from_slice(piece.get(cut..).unwrap_or_default());
            }
            let lower = text.to_ascii_lowercase();
            let holds = |literal: &str| memchr::memmem::find(&lower, literal.as_bytes()).is_some();
            let expected = literals().into_iter().filter(|(literal, _)| holds(literal));
            let expected = expected.fold(0, |rows, (_, row)| rows | row);
            let tables = Literals::of(literals().into_iter());
            prop_assert_eq!(tables.heard(&text, wanted), expected & wanted);
        }
    }
}
