//! The texts of an event's values with case folded, each between the marks of its ends.

use std::fmt::Write;
use std::ops::Range;

use model::Value;
use query::fold;

use crate::compile::atoms::{END, START};
use crate::compile::places::PlaceId;
use crate::compile::usize_of;

/// Room for the folded texts of one event.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    bytes: Vec<u8>,
    /// For each place, the event that last had a value there, and where its text stands.
    spans: Vec<Span>,
    /// Room to write out a value that is no text.
    written: String,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    event: u32,
    ascii: bool,
    start: usize,
    end: usize,
}

impl Folded {
    pub(super) fn of(places: usize) -> Self {
        Self { spans: vec![Span::default(); places], ..Self::default() }
    }

    pub(super) fn begin(&mut self) {
        self.bytes.clear();
    }

    /// Forgets which events the texts were of.
    pub(super) fn forget(&mut self) {
        self.spans.fill(Span::default());
    }

    /// Folds a place's values, one behind the other, and gives them.
    #[inline]
    pub(super) fn add(&mut self, place: PlaceId, value: Value<'_>, event: u32) -> &[u8] {
        let start = self.bytes.len();
        let mut ascii = true;
        let before = self.spans.get(usize_of(place)).filter(|span| span.event == event).copied();
        if let Some(span) = before {
            // A second field of the same place: its text goes behind the first one's.
            self.bytes.extend_from_within(span.start..span.end);
            ascii = span.ascii;
        }
        let new = self.bytes.len();
        match value {
            Value::List(list) => list.iter().for_each(|value| ascii &= self.fold(value)),
            single => ascii = self.fold(single),
        }
        let end = self.bytes.len();
        if let Some(span) = self.spans.get_mut(usize_of(place)) {
            *span = Span { event, ascii, start, end };
        }
        self.bytes.get(new..).unwrap_or_default()
    }

    /// Folds a text that belongs to no place, and gives where it stands.
    pub(super) fn add_text(&mut self, text: &str) -> Range<usize> {
        let start = self.bytes.len();
        fold_into(&mut self.bytes, text);
        start..self.bytes.len()
    }

    /// Gives what [`Folded::add_text`] folded.
    pub(super) fn text(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// Gives the text of a place and whether all of it is ASCII.
    #[inline]
    pub(super) fn get(&self, place: PlaceId, event: u32) -> Option<(&[u8], bool)> {
        let span = self.spans.get(usize_of(place)).filter(|span| span.event == event)?;
        Some((self.bytes.get(span.start..span.end)?, span.ascii))
    }

    /// Appends one value; tells whether it is ASCII.
    #[inline]
    fn fold(&mut self, value: Value<'_>) -> bool {
        if let Some(text) = value.as_text() {
            return fold_into(&mut self.bytes, text);
        }
        self.written.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.written, "{value}");
        fold_into(&mut self.bytes, &self.written)
    }
}

/// Appends a text between its marks; tells whether it is ASCII.
fn fold_into(bytes: &mut Vec<u8>, text: &str) -> bool {
    bytes.push(START);
    let start = bytes.len();
    let ascii = text.is_ascii();
    if ascii {
        bytes.extend_from_slice(text.as_bytes());
    } else {
        let mut rest = text;
        // The runs of ASCII between other characters are copied whole.
        while let Some(at) = rest.bytes().position(|byte| !byte.is_ascii()) {
            let (run, tail) = rest.split_at_checked(at).unwrap_or_default();
            bytes.extend_from_slice(run.as_bytes());
            let mut characters = tail.chars();
            if let Some(character) = characters.next() {
                bytes.extend_from_slice(fold(character).encode_utf8(&mut [0; 4]).as_bytes());
            }
            rest = characters.as_str();
        }
        bytes.extend_from_slice(rest.as_bytes());
    }
    // Leaves the bytes of other characters as they are.
    bytes.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
    bytes.push(END);
    ascii
}
