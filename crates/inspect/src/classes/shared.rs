//! What several confirmers need to know about a text.

use super::{Evidence, View};
use crate::grams::{Grams, LITERAL_BYTES_MIN};

/// Most words counted before a sign; more say nothing new.
const WORDS_MAX: usize = 16;
/// Longest text before a sign searched for words, in bytes.
const PROSE_BYTES_MAX: usize = 512;

/// Gives evidence with the rest of the text from `start` on.
pub(super) fn from(view: &View<'_>, start: usize, score: f64) -> Evidence {
    Evidence { score, span: start..view.text.len() }
}

/// Tells whether `byte` is a space to a shell or a database: the vertical tab, too.
pub(super) fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0B
}

/// Counts words of letters alone that stand before `at`: a sentence has them, a payload seldom.
pub(super) fn prose_words(text: &[u8], at: usize) -> usize {
    let before = text.get(at.saturating_sub(PROSE_BYTES_MAX)..at).unwrap_or_default();
    spend(before.len());
    before
        .split(u8::is_ascii_whitespace)
        .map(|word| match word {
            [word @ .., b'.' | b',' | b':' | b'?' | b'!'] => word,
            _ => word,
        })
        .filter(|word| word.len() > 1 && word.iter().all(u8::is_ascii_alphabetic))
        .take(WORDS_MAX)
        .count()
}

/// Tells whether `text` begins with `literal` at `at`.
pub(super) fn starts_at(text: &[u8], at: usize, literal: &[u8]) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(literal))
}

/// Gives the offset of `literal` in `text`.
pub(super) fn find(text: &[u8], literal: &[u8]) -> Option<usize> {
    let found = memchr::memmem::find(text, literal);
    spend(found.unwrap_or(text.len()));
    found
}

/// Gives the offsets of every `literal` in `text`.
pub(super) fn find_all(text: &[u8], literal: &'static [u8]) -> impl Iterator<Item = usize> {
    let mut known = 0;
    memchr::memmem::find_iter(text, literal).inspect(move |at| {
        spend(at - known);
        known = *at;
    })
}

/// Tells whether the byte before `at` could not belong to the same word.
pub(super) fn word_begins(text: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| text.get(before))
        .is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
}

/// Counts the bytes at `at` for which `accepts` holds.
pub(super) fn run(text: &[u8], at: usize, mut accepts: impl FnMut(u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let length = rest.iter().take_while(|byte| accepts(**byte)).count();
    spend(length + 1);
    length
}

/// Tells whether `byte` occurs more than `times` in `text`.
pub(super) fn more_than(text: &[u8], byte: u8, times: usize) -> bool {
    memchr::memchr_iter(byte, text).nth(times).is_some()
}

/// Texts that are looked for all at once.
pub(super) struct Literals {
    texts: Vec<&'static [u8]>,
    grams: Grams,
    /// The rows whose texts are too short for these.
    short: Vec<usize>,
}

/// Most texts in one table.
const LITERALS_MAX: usize = 64;

impl Literals {
    /// Builds the table; rows are numbered in order.
    pub(super) fn of(texts: impl Iterator<Item = &'static [u8]>) -> Self {
        let texts: Vec<&[u8]> = texts.collect();
        debug_assert!(texts.len() <= LITERALS_MAX, "a table of more rows needs a wider set");
        let is_short = |row: &usize| texts.get(*row).is_some_and(|t| t.len() < LITERAL_BYTES_MIN);
        let short = (0..texts.len()).filter(is_short).collect();
        Self { grams: Grams::of(&texts), short, texts }
    }

    /// Gives the rows that stand in `text`, each with its first offset, in the order of the table.
    pub(super) fn firsts(&self, text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
        let (mut found, mut places) = (0_u64, [0; LITERALS_MAX]);
        let mut keep = |row: usize, at: usize| {
            if let Some(place) = places.get_mut(row) {
                *place = if found >> row & 1 == 0 { at } else { at.min(*place) };
                found |= 1 << row;
            }
        };
        self.grams.each(text, |row, at| {
            if self.texts.get(row).is_some_and(|literal| starts_at(text, at, literal)) {
                keep(row, at);
            }
        });
        for row in &self.short {
            let Some(literal) = self.texts.get(*row) else { continue };
            let Some(first) = literal.first() else { continue };
            let mut places = memchr::memchr_iter(*first, text);
            if let Some(at) = places.find(|at| starts_at(text, *at, literal)) {
                keep(*row, at);
            }
        }
        std::iter::from_fn(move || {
            let row = usize::try_from(found.trailing_zeros()).ok()?;
            found &= found.wrapping_sub(1);
            places.get(row).map(|at| (row, *at))
        })
    }
}

/// Counts the bytes that were read here: a test holds the work to the length of the text, in steps
/// and not in time.
#[cfg(not(test))]
pub(super) fn spend(_bytes: usize) {}

#[cfg(test)]
pub(super) use steps::{spend, take};

#[cfg(test)]
mod steps {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn spend(bytes: usize) {
        STEPS.set(STEPS.get() + bytes);
    }

    /// Gives the steps since it was last asked.
    pub(crate) fn take() -> usize {
        STEPS.take()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Literals;

    const TEXTS: &[&[u8]] = &[b"aaaa", b"b", b"aabaab", b"#_", b"baab", b"abc", b"A#ab", b"caaaa"];

    proptest! {
        #[test]
        fn first_places(text in prop::collection::vec(prop::sample::select(b"aaabbc#_A".as_slice()), 0..24)) {
            let expected: Vec<(usize, usize)> = TEXTS
                .iter()
                .enumerate()
                .filter_map(|(row, literal)| Some((row, memchr::memmem::find(&text, literal)?)))
                .collect();
            let literals = Literals::of(TEXTS.iter().copied());
            prop_assert_eq!(literals.firsts(&text).collect::<Vec<_>>(), expected);
        }
    }
}
