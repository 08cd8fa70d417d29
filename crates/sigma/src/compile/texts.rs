//! All texts of one place: found by their grams, and where they are few, first looked for by the
//! wide instructions of the processor, which pass over a long value several times as fast.

use aho_corasick::packed::{Config, MatchKind, Searcher};

use super::atoms::AtomId;
use super::grams::{Common, Grams};

/// How many texts the wide instructions look for at once.
const FEW_MAX: usize = 48;
/// Shorter values are not worth the preparation.
const LONG_BYTES_MIN: usize = 256;

/// The texts of one place.
#[derive(Debug)]
pub(crate) struct Texts {
    /// Finds one of them, where they are few.
    few: Option<Searcher>,
    grams: Grams,
}

impl Texts {
    pub(crate) fn of(texts: &[(&[u8], AtomId)], common: &Common) -> Self {
        let few = (texts.len() <= FEW_MAX).then(|| {
            let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
            builder.extend(texts.iter().map(|(text, _)| *text)).build()
        });
        Self { few: few.flatten(), grams: Grams::of(texts, common) }
    }

    /// Calls `found` with the atom of every text that stands in `value`, as often as it does.
    #[inline]
    pub(crate) fn scan(&self, value: &[u8], found: impl FnMut(AtomId)) {
        if value.len() >= LONG_BYTES_MIN
            && let Some(few) = &self.few
            && few.find(value).is_none()
        {
            return;
        }
        self.grams.scan(value, found);
    }
}
