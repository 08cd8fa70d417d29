//! Many short lists, kept as one.

use super::{index_of, usize_of};

/// Lists of numbers by a number.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// Where each list begins; the next begins where it ends.
    starts: Box<[u32]>,
    items: Box<[u32]>,
}

impl Lists {
    pub(crate) fn of(lists: &[Vec<u32>]) -> Self {
        let mut starts = vec![0];
        let mut items: Vec<u32> = Vec::with_capacity(lists.iter().map(Vec::len).sum());
        for list in lists {
            items.extend_from_slice(list);
            starts.push(index_of(items.len()));
        }
        Self { starts: starts.into(), items: items.into() }
    }

    /// Gives the list of a number; of one that is not there, nothing.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> &[u32] {
        let index = usize_of(index);
        let Some([start, end]) = self.starts.get(index..index + 2) else { return &[] };
        self.items.get(usize_of(*start)..usize_of(*end)).unwrap_or_default()
    }
}
