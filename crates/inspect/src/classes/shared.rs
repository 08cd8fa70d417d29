//! What several confirmers need to know about a text.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::{Evidence, View};

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
    text.get(at.saturating_sub(PROSE_BYTES_MAX)..at)
        .unwrap_or_default()
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
    memchr::memmem::find(text, literal)
}

/// Tells whether the byte before `at` could not belong to the same word.
pub(super) fn word_begins(text: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| text.get(before))
        .is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
}

/// Counts the bytes at `at` for which `accepts` holds.
pub(super) fn run(text: &[u8], at: usize, mut accepts: impl FnMut(u8) -> bool) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| accepts(**byte)).count()
}

/// Tells whether `byte` occurs more than `times` in `text`.
pub(super) fn more_than(text: &[u8], byte: u8, times: usize) -> bool {
    memchr::memchr_iter(byte, text).nth(times).is_some()
}

/// Texts that are looked for all at once.
pub(super) struct Literals {
    automaton: Option<AhoCorasick>,
    count: usize,
}

/// Most texts in one table.
const LITERALS_MAX: usize = 64;

impl Literals {
    /// Builds the table; rows are numbered in order.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Self {
        let texts: Vec<&[u8]> = texts.collect();
        debug_assert!(texts.len() <= LITERALS_MAX, "a table of more rows needs a wider set");
        // The tables are ours and a test builds them all.
        let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(&texts);
        Self { automaton: automaton.ok(), count: texts.len() }
    }

    /// Gives the rows that stand in `text`, each with its first offset, in the order of the table.
    pub(super) fn firsts(&self, text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
        let mut places = [None; LITERALS_MAX];
        if let Some(automaton) =
            self.automaton.as_ref().filter(|automaton| automaton.is_match(text))
        {
            for found in automaton.find_overlapping_iter(text) {
                if let Some(place) = places.get_mut(found.pattern().as_usize()) {
                    *place = place.or(Some(found.start()));
                }
            }
        }
        let rows = places.into_iter().take(self.count).enumerate();
        rows.filter_map(|(row, place)| place.map(|place| (row, place)))
    }
}
