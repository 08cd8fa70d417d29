//! Many texts, looked for at once.
//!
//! Each text is known by four bytes of it, its gram: the ones that fewest texts share. At each place
//! of a value the four bytes there are looked up in a table of bits, which nearly always ends it; a
//! gram that is in the table leads to the few texts that are known by it, and those are compared.
//! What is found is found exactly. For a fixed set of rules the work is linear in the value.

use super::atoms::AtomId;
use super::{index_of, usize_of};

/// The length of a gram, and of the shortest text that has one.
pub(crate) const GRAM_BYTES: usize = 4;

/// Bits of the table for each gram in it: more make fewer false hits, fewer stay in the cache.
const BITS_A_GRAM: usize = 24;
const TABLE_BITS_MIN: u32 = 9;
const TABLE_BITS_MAX: u32 = 22;

/// Spreads a gram over all bits of the product, the upper ones best.
const MULTIPLIER: u32 = 0x9E37_79B1;

/// Texts of one place.
#[derive(Debug)]
pub(crate) struct Grams {
    /// A bit for each hash of a gram.
    table: Box<[u64]>,
    /// How far a hash is shifted to be a place in the table.
    table_shift: u32,
    /// The grams and where their texts begin among `texts`; open addressing.
    buckets: Box<[Bucket]>,
    bucket_shift: u32,
    texts: Box<[Known]>,
    /// The bytes of all texts.
    bytes: Box<[u8]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    gram: u32,
    start: u32,
    /// Where the bucket's texts end; 0 where the bucket is free.
    end: u32,
}

/// A text, known by its gram.
#[derive(Clone, Copy, Debug)]
struct Known {
    atom: AtomId,
    start: u32,
    length: u32,
    /// Where in the text its gram stands.
    gram_at: u32,
}

/// How many texts hold each gram, roughly: of what rules name often, values hold much.
pub(crate) struct Common {
    counts: Vec<u16>,
}

impl Common {
    const BITS: u32 = 16;

    pub(crate) fn of<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Self {
        let mut counts = vec![0_u16; 1 << Self::BITS];
        for gram in texts.flat_map(grams) {
            if let Some(count) = counts.get_mut(usize_of(hash(gram) >> (32 - Self::BITS))) {
                *count = count.saturating_add(1);
            }
        }
        Self { counts }
    }

    fn count(&self, gram: u32) -> u16 {
        self.counts.get(usize_of(hash(gram) >> (32 - Self::BITS))).copied().unwrap_or(0)
    }
}

fn grams(text: &[u8]) -> impl Iterator<Item = u32> {
    text.array_windows().map(|gram: &[u8; GRAM_BYTES]| u32::from_le_bytes(*gram))
}

#[inline]
fn hash(gram: u32) -> u32 {
    gram.wrapping_mul(MULTIPLIER)
}

impl Grams {
    /// Gives what finds these texts, each of [`GRAM_BYTES`] at least and each once.
    pub(crate) fn of(texts: &[(&[u8], AtomId)], common: &Common) -> Self {
        let mut known: Vec<(u32, Known)> = Vec::with_capacity(texts.len());
        let mut bytes = Vec::new();
        for (text, atom) in texts {
            let rarest = (0..).zip(grams(text)).min_by_key(|(_, gram)| common.count(*gram));
            let Some((gram_at, gram)) = rarest else { continue };
            let (start, length) = (index_of(bytes.len()), index_of(text.len()));
            bytes.extend_from_slice(text);
            known.push((gram, Known { atom: *atom, start, length, gram_at }));
        }
        known.sort_by_key(|(gram, _)| *gram);
        let texts: Box<[Known]> = known.iter().map(|(_, known)| *known).collect();
        let distinct = known.chunk_by(|(one, _), (next, _)| one == next).count();
        let bits = (distinct * BITS_A_GRAM).next_power_of_two().trailing_zeros();
        let bits = bits.clamp(TABLE_BITS_MIN, TABLE_BITS_MAX);
        let bucket_bits = (distinct * 2).next_power_of_two().trailing_zeros().max(1);
        let mut grams = Self {
            table: vec![0; 1 << (bits - 6)].into(),
            table_shift: 32 - bits,
            buckets: vec![Bucket::default(); 1 << bucket_bits].into(),
            bucket_shift: 32 - bucket_bits,
            texts,
            bytes: bytes.into(),
        };
        let mut start = 0;
        for group in known.chunk_by(|(one, _), (next, _)| one == next) {
            let end = start + index_of(group.len());
            if let Some((gram, _)) = group.first() {
                grams.add(Bucket { gram: *gram, start, end });
            }
            start = end;
        }
        grams
    }

    fn add(&mut self, bucket: Bucket) {
        let place = hash(bucket.gram) >> self.table_shift;
        if let Some(word) = self.table.get_mut(usize_of(place >> 6)) {
            *word |= 1 << (place & 63);
        }
        let mut at = usize_of(hash(bucket.gram) >> self.bucket_shift);
        // Ends, because at most half of the buckets are ever taken.
        while let Some(slot) = self.buckets.get_mut(at) {
            if slot.end == 0 {
                *slot = bucket;
                return;
            }
            at = (at + 1) & (self.buckets.len() - 1);
        }
    }

    /// Calls `found` with the atom of every text that stands in `value`, as often as it does.
    #[inline]
    pub(crate) fn scan(&self, value: &[u8], mut found: impl FnMut(AtomId)) {
        for (at, gram) in value.array_windows::<GRAM_BYTES>().enumerate() {
            let gram = u32::from_le_bytes(*gram);
            let place = hash(gram) >> self.table_shift;
            let word = self.table.get(usize_of(place >> 6)).copied().unwrap_or(0);
            if word >> (place & 63) & 1 != 0 {
                self.compare(value, at, gram, &mut found);
            }
        }
    }

    /// Compares the texts that are known by the gram at a place.
    fn compare(&self, value: &[u8], at: usize, gram: u32, found: &mut impl FnMut(AtomId)) {
        let mut place = usize_of(hash(gram) >> self.bucket_shift);
        while let Some(bucket) = self.buckets.get(place).filter(|bucket| bucket.end != 0) {
            if bucket.gram == gram {
                let texts = self.texts.get(usize_of(bucket.start)..usize_of(bucket.end));
                for known in texts.unwrap_or_default() {
                    if self.stands(known, value, at) {
                        found(known.atom);
                    }
                }
                return;
            }
            place = (place + 1) & (self.buckets.len() - 1);
        }
    }

    #[inline]
    fn stands(&self, known: &Known, value: &[u8], at: usize) -> bool {
        let Some(start) = at.checked_sub(usize_of(known.gram_at)) else { return false };
        let length = usize_of(known.length);
        let text_start = usize_of(known.start);
        match (value.get(start..start + length), self.bytes.get(text_start..text_start + length)) {
            (Some(there), Some(text)) => there == text,
            _ => false,
        }
    }
}
