//! Choices that follow from a seed: the same words give the same choice, for ever.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Makes choices.
#[derive(Clone)]
pub(crate) struct Dice {
    seed: [u8; 32],
}

impl fmt::Debug for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dice(…)")
    }
}

impl Dice {
    pub(crate) fn of(seed: [u8; 32]) -> Self {
        Self { seed }
    }

    /// Gives 32 bytes for some words.
    pub(crate) fn bytes(&self, words: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(words.as_bytes());
        hash.finalize().into()
    }

    /// Gives a number from `least` to `most`.
    pub(crate) fn between(&self, words: &str, least: u64, most: u64) -> u64 {
        let bytes = self.bytes(words);
        let number = bytes.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let width = most.saturating_sub(least).saturating_add(1);
        least + number.checked_rem(width).unwrap_or_default()
    }

    /// Gives a place among so many; `None` among none.
    pub(crate) fn index(&self, words: &str, length: usize) -> Option<usize> {
        let most = u64::try_from(length.checked_sub(1)?).ok()?;
        usize::try_from(self.between(words, 0, most)).ok()
    }

    /// Gives one of a table that has rows.
    pub(crate) fn pick<T>(&self, words: &str, of: &'static [T]) -> &'static T
    where
        T: Sized,
    {
        let at = self.index(words, of.len()).unwrap_or_default();
        // The tables of the house are not empty, which their tests hold.
        #[expect(clippy::indexing_slicing, reason = "a place within the table")]
        &of[at]
    }

    /// Gives a copy of one of a table that has rows.
    pub(crate) fn copied<T: Copy>(&self, words: &str, of: &'static [T]) -> T {
        *self.pick(words, of)
    }
}
