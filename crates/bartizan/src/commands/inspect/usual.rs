//! How large the answers of a page usually are: learned from the requests of a log that are clean.

use std::collections::HashMap;

/// Most pages remembered; of others nothing is said.
const PAGES_MAX: usize = 4_096;
/// Longest path remembered, in bytes.
const PATH_BYTES_MAX: usize = 512;
/// The latest answers of a page that are compared.
const SIZES: usize = 9;
/// Fewer answers than this tell nothing.
const SIZES_MIN: usize = 5;

/// The sizes of the latest answers of each page.
#[derive(Default)]
pub(super) struct UsualSizes {
    pages: HashMap<Box<str>, Page>,
}

#[derive(Default)]
struct Page {
    sizes: [u64; SIZES],
    count: usize,
}

impl UsualSizes {
    /// Gives the median of the page's answers, once there are enough of them.
    pub(super) fn of(&self, path: &str) -> Option<u64> {
        let page = self.pages.get(path)?;
        let mut sizes = page.sizes;
        let known = sizes.get_mut(..page.count.min(SIZES))?;
        if known.len() < SIZES_MIN {
            return None;
        }
        known.sort_unstable();
        known.get(known.len() / 2).copied()
    }

    /// Remembers the size of an answer.
    pub(super) fn learn(&mut self, path: &str, bytes: Option<u64>) {
        let Some(bytes) = bytes.filter(|_| path.len() <= PATH_BYTES_MAX) else { return };
        if self.pages.len() >= PAGES_MAX && !self.pages.contains_key(path) {
            return;
        }
        let page = self.pages.entry(path.into()).or_default();
        if let Some(size) = page.sizes.get_mut(page.count % SIZES) {
            *size = bytes;
        }
        page.count = page.count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_the_latest() {
        let mut usual = UsualSizes::default();
        for bytes in [100, 110, 90_000, 90] {
            usual.learn("/a", Some(bytes));
        }
        usual.learn("/a", None);
        assert_eq!(usual.of("/a"), None, "four are too few");
        usual.learn("/a", Some(105));
        assert_eq!((usual.of("/a"), usual.of("/b")), (Some(105), None));
        for _ in 0..SIZES {
            usual.learn("/a", Some(7));
        }
        assert_eq!(usual.of("/a"), Some(7));
    }

    #[test]
    fn no_more_pages_than_the_bound() {
        let mut usual = UsualSizes::default();
        for page in 0..PAGES_MAX + 10 {
            usual.learn(&format!("/{page}"), Some(1));
        }
        usual.learn(&"x".repeat(PATH_BYTES_MAX + 1), Some(1));
        assert_eq!(usual.pages.len(), PAGES_MAX);
    }
}
