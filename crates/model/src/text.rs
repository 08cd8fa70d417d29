//! A piece of a shared chunk of text.
//!
//! A source reads many records into one chunk; each record then is a range of it. So a record costs
//! no allocation of its own, and the fields of its event are ranges of the same bytes.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A cheap, shared, immutable string: a range of a chunk that other records may share.
#[derive(Clone)]
pub struct Text {
    chunk: Arc<str>,
    start: u32,
    end: u32,
}

impl Text {
    /// Gives the part of `chunk` in `range`, or `None` where that is no text (out of bounds, within
    /// a character, or past 4 GiB).
    pub fn slice(chunk: &Arc<str>, range: Range<usize>) -> Option<Self> {
        chunk.get(range.clone())?;
        Some(Self {
            chunk: Arc::clone(chunk),
            start: u32::try_from(range.start).ok()?,
            end: u32::try_from(range.end).ok()?,
        })
    }

    /// Gives the text itself.
    pub fn as_str(&self) -> &str {
        let range = usize_of(self.start)..usize_of(self.end);
        self.chunk.get(range).unwrap_or_default()
    }

    /// Gives where `part` begins within this text, if `part` is a piece of this very memory.
    pub(crate) fn offset_of(&self, part: &str) -> Option<u32> {
        let whole = self.as_str();
        let offset = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
        (offset + part.len() <= whole.len()).then_some(())?;
        u32::try_from(offset).ok()
    }
}

/// Widens an offset; every platform we build for has at least 32-bit addresses.
pub(crate) fn usize_of(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl Default for Text {
    fn default() -> Self {
        Self { chunk: Arc::from(""), start: 0, end: 0 }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Text {
    /// Copies `text` into a chunk of its own, cut at 4 GiB.
    fn from(text: &str) -> Self {
        Self {
            chunk: Arc::from(text),
            start: 0,
            end: u32::try_from(text.len()).unwrap_or(u32::MAX),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_share_the_chunk() {
        let chunk: Arc<str> = Arc::from("one two");
        let two = Text::slice(&chunk, 4..7).unwrap();
        assert_eq!(&*two, "two");
        assert_eq!(two.offset_of(&chunk[5..7]), Some(1));
        assert_eq!(two.offset_of(&chunk[0..3]), None);
        assert_eq!(two.offset_of("two"), None);
    }

    #[test]
    fn no_piece_within_a_character() {
        let chunk: Arc<str> = Arc::from("é");
        assert!(Text::slice(&chunk, 0..1).is_none());
        assert!(Text::slice(&chunk, 0..9).is_none());
    }
}
