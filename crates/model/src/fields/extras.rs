//! The unknown fields of an event, found by the hash of their name.

use super::{Slot, Span};
use crate::text::usize_of;

/// How many hashes are compared at once; a length that the compiler turns into wide instructions.
const HASHES_AT_ONCE: usize = 16;

/// The unknown fields, in the order of arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    /// A bit for each value of the hashes' upper byte: most names that are not there are known by it.
    seen: [u64; 4],
    /// The hashes of their names, apart so that a search reads nothing else.
    hashes: Vec<u32>,
    entries: Vec<(Span, Slot)>,
}

impl Extras {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Span, Slot)> {
        self.entries.iter().copied()
    }

    /// Gives each with the hash of its name.
    #[inline]
    pub(crate) fn hashed(&self) -> impl Iterator<Item = (u32, Span, Slot)> {
        self.hashes.iter().zip(&self.entries).map(|(hash, (name, slot))| (*hash, *name, *slot))
    }

    /// Gives a number that is the same for the same names, whatever their order.
    #[inline]
    pub(crate) fn shape(&self) -> u64 {
        let each = self.hashes.iter().map(|hash| super::known::spread(u64::from(*hash)));
        each.fold(0, u64::wrapping_add)
    }

    pub(crate) fn clear(&mut self) {
        self.seen = [0; 4];
        self.hashes.clear();
        self.entries.clear();
    }

    pub(crate) fn reserve(&mut self, count: usize) {
        self.hashes.reserve(count);
        self.entries.reserve(count);
    }

    pub(crate) fn push(&mut self, hash: u32, name: Span, slot: Slot) {
        let (word, bit) = seen_bit(hash);
        if let Some(word) = self.seen.get_mut(word) {
            *word |= bit;
        }
        self.hashes.push(hash);
        self.entries.push((name, slot));
    }

    pub(super) fn get(&self, place: usize) -> Option<&(Span, Slot)> {
        self.entries.get(place)
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut (Span, Slot)> {
        self.entries.get_mut(place)
    }

    /// Gives the places whose names have that hash.
    #[inline]
    pub(super) fn candidates(&self, hash: u32) -> impl Iterator<Item = usize> {
        let (word, bit) = seen_bit(hash);
        let seen = self.seen.get(word).is_some_and(|word| word & bit != 0);
        let hashes = if seen { self.hashes.as_slice() } else { &[] };
        let starts = (0..).step_by(HASHES_AT_ONCE);
        let chunks = starts.zip(hashes.chunks(HASHES_AT_ONCE));
        // No early exit within a chunk: that is what lets it be compared at once.
        let hits = chunks.filter(move |(_, chunk)| {
            chunk.iter().fold(0, |hit, other| hit | u32::from(*other == hash)) != 0
        });
        hits.flat_map(move |(start, chunk)| {
            (start..).zip(chunk).filter(move |(_, other)| **other == hash).map(|(place, _)| place)
        })
    }
}

/// Gives the word of a hash's bit, and the bit.
#[inline]
fn seen_bit(hash: u32) -> (usize, u64) {
    (usize_of(hash >> 30), 1 << (hash >> 24 & 63))
}
