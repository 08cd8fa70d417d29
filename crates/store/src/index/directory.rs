//! What an index holds and where.

use super::bits::{put_varint, take_varint};
use super::counts::CountsPart;
use super::grams::GramsPanel;
use super::terms::TermsPanel;

/// Bounds the panels and sections that a directory may tell of.
const PARTS_MAX: u64 = 1 << 20;

/// What an index holds and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directory {
    /// The digest of the segment's file, so that an index serves no other.
    pub(super) segment: [u8; 32],
    pub(super) rows: usize,
    pub(super) terms: Vec<TermsPanel>,
    pub(super) letters: Vec<TermsPanel>,
    pub(super) grams: Vec<GramsPanel>,
    pub(super) counts: CountsPart,
}

impl Directory {
    pub(super) fn encode(&self) -> Vec<u8> {
        let count = |length: usize| u64::try_from(length).unwrap_or_default();
        let mut out = self.segment.to_vec();
        put_varint(count(self.rows), &mut out);
        for panels in [&self.terms, &self.letters] {
            put_varint(count(panels.len()), &mut out);
            for panel in panels {
                panel.put(&mut out);
            }
        }
        put_varint(count(self.grams.len()), &mut out);
        self.grams.iter().for_each(|panel| panel.put(&mut out));
        self.counts.put(&mut out);
        out
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let (segment, rest) = bytes.split_first_chunk::<32>()?;
        *bytes = rest;
        let rows = usize::try_from(take_varint(bytes)?).ok()?;
        let count = take_count(bytes)?;
        let terms = (0..count).map(|_| TermsPanel::take(bytes)).collect::<Option<Vec<_>>>()?;
        let count = take_count(bytes)?;
        let letters = (0..count).map(|_| TermsPanel::take(bytes)).collect::<Option<Vec<_>>>()?;
        let count = take_count(bytes)?;
        let grams = (0..count).map(|_| GramsPanel::take(bytes)).collect::<Option<Vec<_>>>()?;
        let counts = CountsPart::take(bytes)?;
        let whole = terms.iter().map(|panel| panel.rows).sum::<usize>() == rows
            && letters.iter().map(|panel| panel.rows).sum::<usize>() == rows
            && grams.iter().map(|panel| panel.rows).sum::<usize>() == rows;
        whole.then_some(Self { segment: *segment, rows, terms, letters, grams, counts })
    }
}

fn take_count(bytes: &mut &[u8]) -> Option<u64> {
    take_varint(bytes).filter(|count| *count <= PARTS_MAX)
}

/// Appends where sections begin, and the last one ends.
pub(super) fn put_offsets(offsets: &[u64], out: &mut Vec<u8>) {
    put_varint(u64::try_from(offsets.len()).unwrap_or_default(), out);
    let mut last = 0;
    for offset in offsets {
        put_varint(offset - last, out);
        last = *offset;
    }
}

/// Takes what [`put_offsets`] wrote off the front.
pub(super) fn take_offsets(bytes: &mut &[u8]) -> Option<Vec<u64>> {
    let mut last = 0_u64;
    let mut offsets = Vec::new();
    for _ in 0..take_count(bytes)? {
        last = last.checked_add(take_varint(bytes)?)?;
        offsets.push(last);
    }
    Some(offsets)
}
