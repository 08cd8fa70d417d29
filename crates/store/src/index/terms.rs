//! Exact values: for each value of a field, the blocks of rows in which it stands.
//!
//! A value is known by a hash of the field's name and itself, cut to as many bits as make a false
//! answer rare. The hashes are parted by their first bits into buckets of one section each; so a
//! question reads one small section a panel.
//!
//! ```text
//! bucket     how many (varint), then for each hash, ascending:
//!            step from the last (Rice) │ how many blocks, one more than all: everywhere (gamma)
//!            │ the blocks' steps (Rice)
//! ```

use std::collections::HashMap;
use std::io;

use super::bits::{BitReader, BitWriter, put_varint, take_varint};
use super::counts::Spread;
use super::file::SectionWriter;
use super::term::Term;

/// How many rows a posting points at.
pub(super) const BLOCK_ROWS: usize = 128;
/// How many rows one part of the index holds.
pub(super) const PANEL_ROWS: usize = 1 << 18;
/// How many postings a row may cost on average; the fields with the most are dropped first.
const POSTINGS_PER_ROW: usize = 4;
/// The same for the fields that investigations ask for, which are dropped last.
const CORE_POSTINGS_PER_ROW: usize = 8;
/// A value in more than one of this many blocks is kept as standing everywhere.
const EVERYWHERE_SHARE: usize = 4;
/// How many bits more than the number of values take their hashes have: one in 2³ absent values is
/// taken for another, and costs a look at a block.
const SPARE_BITS: u32 = 3;
const BUCKET_VALUES: usize = 1024;
/// Bounds the fields of a panel that are told apart.
const FIELDS_MAX: usize = 1024;
/// Bounds the postings in memory.
const POSTINGS_MAX: usize = 4 << 20;
const BLOCK_BITS: u32 = 16;
const BLOCK_MASK: u64 = (1 << BLOCK_BITS) - 1;

/// The values of one field in a panel.
struct Postings {
    field: u64,
    /// The term of any value of the field.
    any: u64,
    is_core: bool,
    /// 48 bits of the hash and 16 of the block.
    entries: Vec<u64>,
    /// Where those of the current block begin.
    begun: usize,
    /// The block in which the field stood last, counted from 1.
    seen: u64,
    is_dropped: bool,
}

/// Gathers a panel.
#[derive(Default)]
pub(super) struct Terms {
    /// Where each field stands among the postings.
    places: HashMap<u64, usize, Spread>,
    fields: Vec<Postings>,
    block: u64,
    /// How many postings are kept.
    held: usize,
    /// Whether there were more fields than are told apart.
    is_partial: bool,
    /// Those of a block of one field, while they are sorted.
    fresh: Vec<u64>,
}

/// What the directory keeps of a panel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TermsPanel {
    pub(super) rows: usize,
    /// How many rows a posting points at.
    pub(super) block_rows: usize,
    hash_bits: u32,
    bucket_bits: u32,
    /// Fields of which nothing was kept; or, where the list is of those that were, the others.
    fields: Vec<u64>,
    is_of_kept: bool,
    /// The number of its first section.
    first: u32,
    /// Where each section begins, and the last one ends.
    pub(super) offsets: Vec<u64>,
}

impl Terms {
    /// Gives where the postings of a field stand, for good; `None` where there are too many fields.
    pub(super) fn place(&mut self, field: u64, is_core: bool) -> Option<usize> {
        if let Some(place) = self.places.get(&field).copied() {
            if let Some(postings) = self.fields.get_mut(place) {
                postings.is_core |= is_core;
            }
            return Some(place);
        }
        if self.fields.len() >= FIELDS_MAX {
            return None;
        }
        let place = self.fields.len();
        self.places.insert(field, place);
        let (any, entries) = (Term::any(field).hash, Vec::new());
        let postings =
            Postings { field, any, is_core, entries, begun: 0, seen: 0, is_dropped: false };
        self.fields.push(postings);
        Some(place)
    }

    /// Takes note that a field stands in the current block.
    pub(super) fn any(&mut self, place: Option<usize>) {
        let Some(postings) = place.and_then(|place| self.fields.get_mut(place)) else {
            self.is_partial = true;
            return;
        };
        if postings.seen != self.block + 1 {
            postings.seen = self.block + 1;
            let any = postings.any;
            self.add(place, any);
        }
    }

    /// Takes a value, by the hash of its term, that stands in the current block.
    pub(super) fn add(&mut self, place: Option<usize>, hash: u64) {
        let Some(postings) = place.and_then(|place| self.fields.get_mut(place)) else {
            self.is_partial = true;
            return;
        };
        if postings.is_dropped {
            return;
        }
        postings.entries.push(hash & !BLOCK_MASK | self.block);
        self.held += 1;
        if self.held > POSTINGS_MAX {
            self.drop_largest();
        }
    }

    /// Frees the memory of the field that takes the most, of those that are not asked for first.
    fn drop_largest(&mut self) {
        let size = |postings: &&mut Postings| (!postings.is_core, postings.entries.len());
        if let Some(largest) = self.fields.iter_mut().max_by_key(size) {
            self.held -= largest.entries.len();
            largest.entries = Vec::new();
            largest.begun = 0;
            largest.is_dropped = true;
        }
    }

    /// Ends a block.
    pub(super) fn end_block(&mut self) {
        self.block += 1;
        for postings in &mut self.fields {
            let fresh = &mut self.fresh;
            fresh.extend(postings.entries.drain(postings.begun..));
            let before = fresh.len();
            fresh.sort_unstable();
            fresh.dedup();
            self.held -= before - fresh.len();
            postings.entries.append(fresh);
            postings.begun = postings.entries.len();
        }
    }

    /// Gives the postings of the fields that are kept, the names of these, and of the others.
    fn kept(&mut self, rows: usize) -> (Vec<u64>, Vec<u64>, Vec<u64>) {
        let mut fields: Vec<&mut Postings> = self.fields.iter_mut().collect();
        fields.sort_by_key(|one| (!one.is_core, one.entries.len(), one.field));
        let (mut all, mut kept, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
        for postings in fields {
            let bound = if postings.is_core { CORE_POSTINGS_PER_ROW } else { POSTINGS_PER_ROW };
            let room = bound * rows.max(BLOCK_ROWS);
            if postings.is_dropped || all.len() + postings.entries.len() > room {
                dropped.push(postings.field);
            } else {
                kept.push(postings.field);
                all.extend_from_slice(&postings.entries);
            }
            postings.entries = Vec::new();
            (postings.begun, postings.seen, postings.is_dropped) = (0, 0, false);
        }
        self.held = 0;
        (all, kept, dropped)
    }

    /// Writes the panel and begins the next one.
    pub(super) fn finish(
        &mut self,
        rows: usize,
        out: &mut SectionWriter,
    ) -> io::Result<TermsPanel> {
        let (entries, kept, dropped) = self.kept(rows);
        let is_of_kept = std::mem::take(&mut self.is_partial);
        self.block = 0;
        let fields = if is_of_kept { kept } else { dropped };
        let grain = Grain { block_rows: BLOCK_ROWS, everywhere_share: EVERYWHERE_SHARE };
        TermsPanel::write(entries, (rows, grain), None, (fields, is_of_kept), out)
    }
}

/// How fine postings are.
#[derive(Clone, Copy)]
pub(super) struct Grain {
    pub(super) block_rows: usize,
    /// What stands in more than one of so many blocks is kept as standing everywhere.
    pub(super) everywhere_share: usize,
}

/// How many bits a step takes when so many lie among so many places.
fn step_bits(places: u64, count: u64) -> u32 {
    (places / (count + 1)).max(1).ilog2()
}

impl TermsPanel {
    /// Writes a panel of entries, each with its hash first and its block last.
    pub(super) fn write(
        mut entries: Vec<u64>,
        (rows, grain): (usize, Grain),
        hash_bits: Option<u32>,
        (fields, is_of_kept): (Vec<u64>, bool),
        out: &mut SectionWriter,
    ) -> io::Result<Self> {
        entries.sort_unstable();
        let values = entries.chunk_by(|one, next| one >> BLOCK_BITS == next >> BLOCK_BITS).count();
        let bits = |number: usize| usize::BITS - number.leading_zeros();
        let hash_bits = hash_bits.unwrap_or((bits(values) + SPARE_BITS).clamp(8, 48));
        let bucket_bits = bits(values / BUCKET_VALUES).min(hash_bits);
        let mut panel = Self {
            rows,
            block_rows: grain.block_rows,
            hash_bits,
            bucket_bits,
            fields,
            is_of_kept,
            first: out.next(),
            offsets: vec![out.position()],
        };
        let blocks = panel.blocks();
        let often = usize::try_from(blocks).unwrap_or_default() / grain.everywhere_share + 1;
        let mut rest = entries.as_slice();
        for bucket in 0..1_u64 << bucket_bits {
            let end = rest.partition_point(|entry| {
                entry.checked_shr(64 - bucket_bits).unwrap_or_default() <= bucket
            });
            let (ours, later) = rest.split_at(end);
            rest = later;
            out.add_packed(&panel.encode(ours, bucket, often))?;
            panel.offsets.push(out.position());
        }
        Ok(panel)
    }

    fn encode(&self, entries: &[u64], bucket: u64, often: usize) -> Vec<u8> {
        let blocks = self.blocks();
        let key = |entry: u64| entry >> (64 - self.hash_bits);
        let by_key = || entries.chunk_by(|one, next| key(*one) == key(*next));
        let count = u64::try_from(by_key().count()).unwrap_or_default();
        let mut bytes = Vec::new();
        put_varint(count, &mut bytes);
        let width = self.hash_bits - self.bucket_bits;
        let bits = step_bits(1 << width, count);
        let mut last = bucket << width;
        let mut writer = BitWriter::default();
        for same in by_key() {
            let Some(first) = same.first() else { continue };
            writer.put_rice(key(*first) - last, bits);
            last = key(*first);
            let mut at: Vec<u64> = same.iter().map(|entry| entry & BLOCK_MASK).collect();
            at.sort_unstable();
            at.dedup();
            let number = u64::try_from(at.len()).unwrap_or_default();
            if at.len() > often {
                writer.put_gamma(blocks + 1);
                continue;
            }
            writer.put_gamma(number);
            let bits = step_bits(blocks, number);
            let mut next = 0;
            for block in at {
                writer.put_rice(block - next, bits);
                next = block + 1;
            }
        }
        bytes.extend(writer.finish());
        bytes
    }

    fn blocks(&self) -> u64 {
        u64::try_from(self.rows.div_ceil(self.block_rows.max(1))).unwrap_or_default()
    }

    /// Gives the section that would hold the term, as its place and number, unless the field was
    /// dropped.
    pub(super) fn section(&self, term: Term) -> Option<(usize, u32)> {
        if self.fields.contains(&term.field) != self.is_of_kept {
            return None;
        }
        let bucket = term.hash.checked_shr(64 - self.bucket_bits).unwrap_or_default();
        let place = u32::try_from(bucket).ok()?;
        Some((usize::try_from(bucket).ok()?, self.first + place))
    }

    /// Gives the blocks in which the term stands; `None` where it stands everywhere, or the section
    /// is damaged.
    pub(super) fn find(&self, term: Term, mut section: &[u8]) -> Option<Vec<usize>> {
        let width = self.hash_bits - self.bucket_bits;
        let wanted = term.hash >> (64 - self.hash_bits);
        let count = take_varint(&mut section)?;
        let bits = step_bits(1_u64.checked_shl(width)?, count);
        let blocks = self.blocks();
        let mut reader = BitReader::new(section);
        let mut key = term.hash.checked_shr(64 - self.bucket_bits).unwrap_or_default() << width;
        for _ in 0..count {
            key = key.checked_add(reader.take_rice(bits)?)?;
            if key > wanted {
                break;
            }
            let number = reader.take_gamma()?;
            if number > blocks {
                if key == wanted {
                    return None;
                }
                continue;
            }
            let bits = step_bits(blocks, number);
            let mut found = Vec::new();
            let mut next = 0_u64;
            for _ in 0..number {
                let block = next.checked_add(reader.take_rice(bits)?)?;
                if key == wanted {
                    found.push(usize::try_from(block).ok()?);
                }
                next = block + 1;
            }
            if key == wanted {
                return Some(found);
            }
        }
        Some(Vec::new())
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        for number in [self.rows, self.block_rows] {
            put_varint(u64::try_from(number).unwrap_or_default(), out);
        }
        put_varint(u64::from(self.first), out);
        put_varint(u64::from(self.hash_bits), out);
        put_varint(u64::from(self.bucket_bits), out);
        put_varint(u64::from(self.is_of_kept), out);
        put_varint(u64::try_from(self.fields.len()).unwrap_or_default(), out);
        for field in &self.fields {
            out.extend_from_slice(&field.to_le_bytes());
        }
        super::directory::put_offsets(&self.offsets, out);
    }

    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let rows = usize::try_from(take_varint(bytes)?).ok()?;
        let block_rows = usize::try_from(take_varint(bytes)?).ok()?;
        let first = u32::try_from(take_varint(bytes)?).ok()?;
        let mut bits = || u32::try_from(take_varint(bytes)?).ok().filter(|bits| *bits <= 48);
        let (hash_bits, bucket_bits) = (bits()?, bits()?);
        let is_of_kept = take_varint(bytes)? != 0;
        let mut fields = Vec::new();
        for _ in 0..take_varint(bytes)? {
            let (field, rest) = bytes.split_first_chunk::<8>()?;
            *bytes = rest;
            fields.push(u64::from_le_bytes(*field));
        }
        let offsets = super::directory::take_offsets(bytes)?;
        let is_whole = bucket_bits <= hash_bits && hash_bits > 0 && block_rows > 0;
        is_whole.then_some(Self {
            rows,
            block_rows,
            hash_bits,
            bucket_bits,
            fields,
            is_of_kept,
            first,
            offsets,
        })
    }
}
