//! A table of words that most words are not in: their first eight bytes settle it.

/// The bytes of a word that are compared at once.
const HEAD_BYTES: usize = 8;

/// Words, and what each of them means.
pub(crate) struct Words<T: 'static> {
    rows: &'static [(&'static str, T)],
    /// The first bytes of the word in each slot, zero where there is none. Twice the words, so that
    /// most lookups end at the first slot.
    heads: Vec<u64>,
    /// The row of each slot.
    slots: Vec<u16>,
}

impl<T: Copy> Words<T> {
    /// Builds the table; each word goes into the first slot from its own that is free.
    pub(crate) fn of(rows: &'static [(&'static str, T)]) -> Self {
        let count = (2 * rows.len() + 1).next_power_of_two();
        let mut words = Self { rows, heads: vec![0; count], slots: vec![0; count] };
        for ((text, _), row) in rows.iter().zip(0_u16..) {
            let head = head(text.as_bytes(), text.len());
            let mut at = words.slot(head, text.len());
            while words.heads.get(at).is_some_and(|head| *head != 0) {
                at = words.after(at);
            }
            if let (Some(place), Some(slot)) = (words.heads.get_mut(at), words.slots.get_mut(at)) {
                (*place, *slot) = (head, row);
            }
        }
        words
    }

    /// Gives the meaning of the word that is the first `length` bytes of `text`.
    pub(crate) fn get(&self, text: &[u8], length: usize) -> Option<T> {
        let head = head(text, length);
        let mut slot = self.slot(head, length);
        loop {
            let known = *self.heads.get(slot)?;
            if known == 0 {
                return None;
            }
            if known == head
                && let Some((word, meaning)) = self.rows.get(usize::from(*self.slots.get(slot)?))
                && text.get(..length) == Some(word.as_bytes())
            {
                return Some(*meaning);
            }
            slot = self.after(slot);
        }
    }

    /// Gives the slot where a word is looked for first.
    fn slot(&self, head: u64, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(0);
        let hash = (head ^ length).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        usize::try_from(hash >> 40).unwrap_or(0) & (self.heads.len() - 1)
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.heads.len() - 1)
    }
}

/// Gives the first eight bytes of a word as a number; what is missing is zero.
fn head(text: &[u8], length: usize) -> u64 {
    if let Some(eight) = text.first_chunk::<HEAD_BYTES>() {
        let beyond = 8 * HEAD_BYTES.saturating_sub(length);
        let kept = u32::try_from(beyond).ok().and_then(|bits| u64::MAX.checked_shr(bits));
        return u64::from_le_bytes(*eight) & kept.unwrap_or(0);
    }
    let word = text.get(..length).unwrap_or(text);
    word.iter().rev().fold(0, |head, byte| head << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &[(&str, u8)] =
        &[("a", 1), ("ab", 2), ("abcdefgh", 3), ("abcdefghi", 4), ("abcdefghj", 5), ("b", 6)];

    #[test]
    fn words_of_every_length() {
        let words = Words::of(WORDS);
        for (text, meaning) in WORDS {
            assert_eq!(words.get(text.as_bytes(), text.len()), Some(*meaning), "{text}");
            let longer = [text.as_bytes(), b"bcdefghijk"].concat();
            assert_eq!(words.get(&longer, text.len()), Some(*meaning), "{text}");
        }
        for text in ["", "c", "abc", "abcdefg", "abcdefghk", "abcdefghij", "\0", "a\0"] {
            assert_eq!(words.get(text.as_bytes(), text.len()), None, "{text}");
        }
    }
}
