//! The distinct values of a column in a row group.

use super::page::Page;

/// The distinct values of a column in a row group.
#[derive(Debug)]
pub(super) struct Dictionary {
    pub(super) body: Vec<u8>,
    /// Where each text begins, and the last one ends; none for numbers.
    pub(super) starts: Vec<u32>,
}

impl Dictionary {
    pub(super) fn of(page: Page, is_text: bool) -> Option<Self> {
        let mut starts = Vec::new();
        if is_text {
            starts.reserve(page.values + 1);
            let mut at = 0_usize;
            for _ in 0..page.values {
                starts.push(u32::try_from(at).ok()?);
                at = next_text(&page.body, at)?;
            }
            starts.push(u32::try_from(at).ok()?);
        }
        Some(Self { body: page.body, starts })
    }

    pub(super) fn size(&self) -> usize {
        self.body.len() + self.starts.len() * 4
    }

    pub(super) fn bytes(&self, key: usize) -> Option<&[u8]> {
        if self.starts.is_empty() {
            let start = key.checked_mul(8)?;
            return self.body.get(start..start.checked_add(8)?);
        }
        let start = usize::try_from(*self.starts.get(key)?).ok()?;
        let end = usize::try_from(*self.starts.get(key + 1)?).ok()?;
        self.body.get(start + 4..end)
    }

    pub(super) fn text(&self, key: usize) -> Option<&str> {
        str::from_utf8(self.bytes(key)?).ok()
    }
}

/// Gives where the text ends that begins with its length.
pub(super) fn next_text(body: &[u8], at: usize) -> Option<usize> {
    let length = body.get(at..)?.first_chunk::<4>()?;
    let end = at.checked_add(4)?.checked_add(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    (end <= body.len()).then_some(end)
}

pub(super) fn eight(body: &[u8], place: usize) -> Option<[u8; 8]> {
    body.get(place.checked_mul(8)?..)?.first_chunk::<8>().copied()
}
