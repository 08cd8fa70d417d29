//! The literals of all classes, looked for in one pass that fits into the nearest caches.
//!
//! Short literals are compared everywhere at once, a bit for each. Of every longer one, three bytes
//! in a row that are rare in everyday text are known by a table of bits: what is found there, at
//! every second byte, is compared with the few literals that may stand there. What is reported is
//! exact, so the table decides about speed alone.

use crate::prefilter::ClassSet;

/// From this length on, one of two neighbouring grams of a literal begins at an even place.
const LONG_BYTES_MIN: usize = 4;
/// The bytes of a gram.
const GRAM_BYTES: usize = 3;
/// Words of the table of grams, 64 bits each: 8 KiB.
const GRAM_WORDS: usize = 1024;
const GRAM_SHIFT: u32 = u32::BITS - GRAM_WORDS.ilog2() - u64::BITS.ilog2();

/// What nobody means any harm by, to learn which grams are rare.
const EVERYDAY: &[u8] = b"mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, \
    like gecko) chrome/126.0.0.0 safari/537.36 edg/126.0 mozilla/5.0 (x11; ubuntu; linux x86_64; \
    rv:127.0) gecko/20100101 firefox/127.0 mozilla/5.0 (iphone; cpu iphone os 17_5 like mac os x) \
    version/17.5 mobile/15e148 macintosh; intel mac os x 10_15_7 (compatible; googlebot/2.1; \
    +http://www.google.com/bot.html) bingbot feedfetcher android tablet https://www.example.com/ \
    /index.html /images/logo.png /static/js/app.min.js /style.css /favicon.ico /robots.txt /blog/ \
    /article/presentations-and-projects.html /wp-content/themes/ /search?query=shopping&page=2& \
    sort=price&order=asc /api/v1/users/orders?limit=50&offset=100 text/html,application/xhtml+xml \
    application/json; charset=utf-8 gzip, deflate, br keep-alive no-cache en-us,en;q=0.9 multipart/\
    form-data application/x-www-form-urlencoded session lang token email password username first \
    last name address city country phone comment message the quick and for with that this from \
    have are you not was will can all one our out has more about when there what which their would \
    other into some time very just people could them see make than look only come its over think \
    also back after use two how work well way even new want because any these give day most us";

/// The literals of some classes.
pub(crate) struct Literals {
    /// The short ones, 64 each.
    planes: Vec<Plane>,
    /// Which grams may begin a comparison, and how many bits are set before each word.
    grams: Box<[(u64, u16)]>,
    /// Where the comparisons of each bit begin.
    starts: Vec<u16>,
    comparisons: Vec<Comparison>,
    long: Vec<Literal>,
}

struct Literal {
    text: &'static [u8],
    rows: ClassSet,
}

/// A literal of which a gram was found.
struct Comparison {
    literal: u16,
    /// Where the gram stands in it.
    offset: u16,
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
            literals.partition(|literal| literal.text.len() >= LONG_BYTES_MIN);
        let planes = short.chunks(64).map(Plane::of).collect();
        let mut built = Self {
            planes,
            grams: vec![(0, 0); GRAM_WORDS].into_boxed_slice(),
            starts: Vec::new(),
            comparisons: Vec::new(),
            long,
        };
        built.fill();
        built
    }

    fn fill(&mut self) {
        let mut everyday = vec![0_u32; GRAM_WORDS * 64];
        for gram in EVERYDAY.windows(GRAM_BYTES) {
            if let Some(count) = everyday.get_mut(hash(gram)) {
                *count += 1;
            }
        }
        let mut known: Vec<(usize, Comparison)> = Vec::new();
        for (literal, number) in self.long.iter().zip(0_u16..) {
            let cost = |pair: &[u8]| -> u32 {
                pair.windows(GRAM_BYTES).filter_map(|gram| everyday.get(hash(gram))).sum()
            };
            let pairs = literal.text.windows(GRAM_BYTES + 1).zip(0_u16..);
            let Some((pair, offset)) = pairs.min_by_key(|(pair, _)| cost(pair)) else { continue };
            for (gram, offset) in pair.windows(GRAM_BYTES).zip(offset..) {
                known
                    .push((hash(gram), Comparison { literal: number, offset, rows: literal.rows }));
            }
        }
        known.sort_by_key(|(hash, _)| *hash);
        let mut last = None;
        for ((hash, comparison), at) in known.into_iter().zip(0_u16..) {
            if last != Some(hash) {
                self.starts.push(at);
                if let Some((word, _)) = self.grams.get_mut(hash / 64) {
                    *word |= 1 << (hash % 64);
                }
            }
            last = Some(hash);
            self.comparisons.push(comparison);
        }
        self.starts.push(u16::try_from(self.comparisons.len()).unwrap_or(u16::MAX));
        let mut before = 0;
        for (word, known) in &mut self.grams {
            *known = before;
            before += u16::try_from(word.count_ones()).unwrap_or(0);
        }
    }

    /// Gives those of `wanted` that listen to a literal in `text`, whatever its case.
    pub(crate) fn heard(&self, text: &[u8], wanted: ClassSet) -> ClassSet {
        let mut heard = self.planes.iter().fold(0, |heard, plane| heard | plane.heard(text));
        heard &= wanted;
        for (at, chunk) in text.windows(4).enumerate().step_by(2) {
            let Some(four) = chunk.first_chunk::<4>() else { break };
            self.compare(text, at, gram(*four), wanted, &mut heard);
        }
        // The last gram, where no fourth byte stands behind it.
        if text.len() % 2 == 1
            && let Some([a, b, c]) = text.last_chunk::<3>()
        {
            let at = text.len() - GRAM_BYTES;
            self.compare(text, at, gram([*a, *b, *c, 0]), wanted, &mut heard);
        }
        heard
    }

    #[inline]
    fn compare(&self, text: &[u8], at: usize, gram: u32, wanted: ClassSet, heard: &mut ClassSet) {
        let hash = place(gram);
        let Some((word, before)) = self.grams.get(hash / 64) else { return };
        let bit = 1 << (hash % 64);
        if word & bit != 0 {
            let rank = usize::from(*before) + bits(word & (bit - 1));
            *heard |= self.found(text, at, rank, wanted & !*heard);
        }
    }

    /// Compares the literals of one gram, which stands at `at`.
    #[cold]
    fn found(&self, text: &[u8], at: usize, rank: usize, wanted: ClassSet) -> ClassSet {
        let (Some(start), Some(end)) = (self.starts.get(rank), self.starts.get(rank + 1)) else {
            return 0;
        };
        let range = usize::from(*start)..usize::from(*end);
        let comparisons = self.comparisons.get(range).unwrap_or_default();
        let mut heard = 0;
        for comparison in comparisons {
            if comparison.rows & wanted & !heard == 0 {
                continue;
            }
            let Some(literal) = self.long.get(usize::from(comparison.literal)) else { continue };
            let begins = at.checked_sub(usize::from(comparison.offset));
            let there = begins.and_then(|begins| text.get(begins..)?.get(..literal.text.len()));
            if there.is_some_and(|there| there.eq_ignore_ascii_case(literal.text)) {
                heard |= comparison.rows & wanted;
            }
        }
        heard
    }
}

fn bits(word: u64) -> usize {
    usize::try_from(word.count_ones()).unwrap_or(0)
}

/// Folds the case of letters and drops the fourth byte. Other bytes fall together, too, which the
/// comparison tells apart.
fn gram(four: [u8; 4]) -> u32 {
    (u32::from_le_bytes(four) | 0x0020_2020) & 0x00FF_FFFF
}

/// Gives the bit of a gram in the table.
fn place(gram: u32) -> usize {
    usize::try_from(gram.wrapping_mul(0x9E37_79B1) >> GRAM_SHIFT).unwrap_or(0)
}

fn hash(text: &[u8]) -> usize {
    let Some([a, b, c]) = text.first_chunk::<GRAM_BYTES>() else { return 0 };
    place(gram([*a, *b, *c, 0]))
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
