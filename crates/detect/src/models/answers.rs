//! How large the answers of a page are as a rule, and how long they take.
//!
//! Of each a [`Level`] keeps how often an answer fell into which eighth of an octave, by turns of sources,
//! so that nobody moves it alone; it fades as the rest of the profile does. An answer is unusual where it
//! lies far from the middle, measured by the median of the distances from it, and where hardly any
//! answer ever lay as far out on that side: a page may have two faces.

use sigma::codec::{Read, Reader, Writer};

use super::features::whole;
use super::votes::{Source, Things};

/// How many eighths of an octave are told apart; answers of more sizes than that have no usual one.
const BINS_MAX: usize = 72;
const BINS_AN_OCTAVE: f64 = 8.0;
/// From how many turns a level speaks.
const TURNS_MIN: f64 = 20.0;
/// How far from the middle an unusual answer lies: in deviations, and in eighths of an octave (four times
/// as much, or a quarter).
const DEVIATIONS: f64 = 6.0;
const BINS_FAR: f64 = 16.0;
/// What a median of distances is to a standard deviation.
const MEDIAN_TO_DEVIATION: f64 = 1.4826;
/// Which share of the answers may lie as far out as an unusual one, and which may have found no room.
const BEYOND_MAX: f64 = 0.005;
const OTHERS_MAX: f64 = 0.05;

/// What is known of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) bytes: Option<u64>,
    pub(crate) milliseconds: Option<u64>,
}

/// What is usual of the answers of one page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answers {
    pub(crate) bytes: Level,
    pub(crate) milliseconds: Level,
}

/// How numbers of one kind lie, in eighths of an octave.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Level(Things);

/// One number beside what is usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Beside {
    pub(crate) observed: u64,
    /// The middle of those seen.
    pub(crate) usual: u64,
    /// From how many turns of sources that is known.
    pub(crate) turns: f64,
    pub(crate) is_unusual: bool,
}

impl Beside {
    /// Tells whether it is more than usual.
    pub(crate) fn is_above(self) -> bool {
        self.observed > self.usual
    }

    /// Says both numbers.
    pub(crate) fn told(self, unit: &str) -> String {
        let Self { observed, usual, turns, .. } = self;
        format!("{observed} {unit} where {usual} {unit} are usual (from {turns:.0} turns)")
    }
}

impl Answers {
    pub(crate) fn learn(&mut self, answer: Answer, source: Source) {
        if let Some(bytes) = answer.bytes {
            self.bytes.add(bytes, source);
        }
        if let Some(milliseconds) = answer.milliseconds {
            self.milliseconds.add(milliseconds, source);
        }
    }

    pub(crate) fn fade(&mut self, factor: f32) {
        self.bytes.0.fade(factor);
        self.milliseconds.0.fade(factor);
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        self.bytes.0.write(writer);
        self.milliseconds.0.write(writer);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let bytes = Level(Things::read(reader, BINS_MAX)?);
        Ok(Self { bytes, milliseconds: Level(Things::read(reader, BINS_MAX)?) })
    }
}

/// Gives a number as a power of two.
fn octaves(number: u64) -> f64 {
    // Past four thousand million all are alike.
    let number = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    number.ln_1p() / std::f64::consts::LN_2
}

fn bin(number: u64) -> u32 {
    u32::try_from(whole(octaves(number) * BINS_AN_OCTAVE)).unwrap_or_default()
}

impl Level {
    fn add(&mut self, number: u64, source: Source) {
        self.0.add(bin(number), source, BINS_MAX);
    }

    /// Puts a number beside what is usual, where that is known.
    pub(crate) fn beside(&self, observed: u64) -> Option<Beside> {
        let mut bins: Vec<(f64, f64)> =
            self.0.iter().map(|(bin, turns)| (f64::from(bin), turns)).collect();
        let known: f64 = bins.iter().map(|(_, turns)| turns).sum();
        if known < TURNS_MIN || self.0.others() > known * OTHERS_MAX {
            return None;
        }
        let middle = middle(&mut bins)? + 0.5;
        let place = f64::from(bin(observed)) + 0.5;
        let as_far = |bin: f64| {
            if place >= middle { bin + 0.5 >= place } else { bin + 0.5 <= place }
        };
        let beyond: f64 = bins.iter().filter(|(bin, _)| as_far(*bin)).map(|(_, turns)| turns).sum();
        for (bin, _) in &mut bins {
            *bin = (*bin + 0.5 - middle).abs();
        }
        // So finely a page's own size is steady.
        let deviation = self::middle(&mut bins)?.max(2.0) * MEDIAN_TO_DEVIATION;
        let far = (deviation * DEVIATIONS).max(BINS_FAR);
        let usual = (middle / BINS_AN_OCTAVE).exp2() - 1.0;
        Some(Beside {
            observed,
            usual: u64::try_from(whole(usual.round())).unwrap_or_default(),
            turns: known,
            is_unusual: (place - middle).abs() >= far && beyond <= (known * BEYOND_MAX).max(1.5),
        })
    }
}

/// Gives the middle of numbers that have weights; sorts them.
fn middle(numbers: &mut [(f64, f64)]) -> Option<f64> {
    numbers.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let half = numbers.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut below = 0.0;
    numbers
        .iter()
        .find(|(_, weight)| {
            below += weight;
            below >= half
        })
        .map(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn level(numbers: impl IntoIterator<Item = u64>) -> Level {
        let mut level = Level::default();
        numbers.into_iter().zip(0..).for_each(|(number, source)| level.add(number, source));
        level
    }

    fn is_unusual(level: &Level, number: u64) -> bool {
        level.beside(number).is_some_and(|beside| beside.is_unusual)
    }

    #[test]
    fn a_page_of_one_size() {
        let page = level((0..50).map(|number| 4_000 + number));
        let beside = page.beside(4_100).unwrap();
        assert!((3_700..4_600).contains(&beside.usual) && !beside.is_unusual, "{beside:?}");
        assert!(is_unusual(&page, 60_000) && is_unusual(&page, 200));
        assert!(!is_unusual(&page, 9_000) && !is_unusual(&page, 2_000));
    }

    #[test]
    fn a_page_of_two_faces_and_one_of_all_sizes() {
        let faces = level((0..200).map(|number| if number % 20 == 0 { 90_000 } else { 900 }));
        assert!(!is_unusual(&faces, 90_000) && is_unusual(&faces, 2_000_000));
        let all = level((0..600).map(|number| 1_u64 << (number % 30)));
        assert!(!is_unusual(&all, 1) && !is_unusual(&all, 1 << 31));
    }

    #[test]
    fn too_few_and_one_alone_say_nothing() {
        assert_eq!(level(std::iter::repeat_n(4_000, 19)).beside(4_000), None);
        let mut page = Level::default();
        (0..1_000).for_each(|_| page.add(4_000, 7));
        assert_eq!(page.beside(4_000), None);
        let mut page = level(std::iter::repeat_n(4_000, 50));
        (0..1_000).for_each(|_| page.add(900_000, 7));
        assert!(is_unusual(&page, 900_000), "one client made it usual");
    }

    proptest! {
        #[test]
        fn the_usual_is_the_median_within_a_bin(numbers in prop::collection::vec(0_u64..50_000, 20..300)) {
            // From 255 on: of all sizes there are more bins than one page has.
            let mut sorted: Vec<u64> = numbers.iter().map(|number| number | 255).collect();
            let level = level(sorted.iter().copied());
            sorted.sort_unstable();
            let exact = octaves(sorted[(sorted.len() - 1) / 2]);
            let usual = level.beside(1).map(|beside| octaves(beside.usual));
            prop_assert!(usual.is_some_and(|usual| (usual - exact).abs() <= 0.13), "{usual:?} {exact}");
        }
    }
}
