//! Pieces of texts: which blocks of rows may hold four bytes in a row that are not all letters.
//!
//! The four bytes are hashed to one of a power of two slices; a slice is a row of bits, one for each
//! block. A text that is looked for can only stand in the blocks whose bits are set in the slices of
//! all its pieces. How many slices a panel has follows from its texts: as few as leave most bits
//! unset, so that random numbers cost little and still tell blocks apart.

use std::io;

use super::bits::{put_varint, take_varint};
use super::file::SectionWriter;
use super::seen::Seen;

/// How long a piece is.
pub(super) const GRAM_BYTES: usize = 4;
/// How many rows one bit stands for.
pub(super) const BLOCK_ROWS: usize = 1024;
/// How many rows one part of the index holds.
pub(super) const PANEL_ROWS: usize = 1 << 20;
/// The most slices that a panel may have, as a power of two.
pub(super) const SLICE_BITS_MAX: u32 = 17;
const SLICE_BITS_MIN: u32 = 8;
/// Slices are halved as long as no more than this share of the bits would be set, in percent.
const FILL_PERCENT: usize = 50;
const SECTION_BYTES: usize = 8 << 10;
/// How many pieces of a text are asked for; more hardly narrow further.
const ASKED_MAX: usize = 24;

/// Gives the slice of a piece among two to the power of [`SLICE_BITS_MAX`].
pub(super) fn slice_of(gram: u32) -> u32 {
    gram.wrapping_mul(0x9e37_79b1) >> (32 - SLICE_BITS_MAX)
}

/// Gives the slices of a folded text, those first that lie apart in the text and so tell the most;
/// none where it is too short.
pub(super) fn slices_of(folded: &str) -> Vec<u32> {
    let grams: Vec<u32> = folded
        .as_bytes()
        .windows(GRAM_BYTES)
        .filter(|window| !window.iter().all(u8::is_ascii_lowercase))
        .filter_map(|window| Some(slice_of(u32::from_be_bytes(window.try_into().ok()?))))
        .collect();
    let mut slices = Vec::new();
    for begin in 0..GRAM_BYTES {
        for slice in grams.iter().skip(begin).step_by(GRAM_BYTES) {
            if slices.len() < ASKED_MAX && !slices.contains(slice) {
                slices.push(*slice);
            }
        }
    }
    slices
}

/// Gathers a panel.
#[derive(Default)]
pub(super) struct Grams {
    /// The bits of each block, one a slice.
    blocks: Vec<Vec<u64>>,
}

/// What the directory keeps of a panel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GramsPanel {
    pub(super) rows: usize,
    slice_bits: u32,
    /// How many slices one section holds, as a power of two.
    section_bits: u32,
    first: u32,
    pub(super) offsets: Vec<u64>,
}

impl Grams {
    /// Ends a block.
    pub(super) fn end_block(&mut self, seen: &mut Seen) {
        self.blocks.push(seen.take_slices());
    }

    /// Halves the slices as long as few enough bits are set.
    fn shrink(&mut self) -> u32 {
        let mut bits = SLICE_BITS_MAX;
        while bits > SLICE_BITS_MIN {
            let halved = |block: &[u64]| -> usize {
                block.iter().map(|word| fold_word(*word).count_ones()).map(count).sum()
            };
            let set: usize = self.blocks.iter().map(|block| halved(block)).sum();
            let all = self.blocks.len() << (bits - 1);
            if set * 100 > all * FILL_PERCENT {
                break;
            }
            for block in &mut self.blocks {
                *block = block
                    .chunks(2)
                    .map(|pair| {
                        let half =
                            |word: Option<&u64>| fold_word(word.copied().unwrap_or_default());
                        half(pair.first()) | half(pair.get(1)) << 32
                    })
                    .collect();
            }
            bits -= 1;
        }
        bits
    }

    /// Writes the panel and begins the next one.
    pub(super) fn finish(
        &mut self,
        rows: usize,
        out: &mut SectionWriter,
    ) -> io::Result<GramsPanel> {
        let slice_bits = self.shrink();
        let width = self.blocks.len().div_ceil(8);
        // A word of 64 slices at least, and as many as make a section worth its overhead.
        let words = (SECTION_BYTES / (64 * width.max(1))).max(1).ilog2();
        let section_bits = (6 + words).min(slice_bits);
        let mut panel = GramsPanel {
            rows,
            slice_bits,
            section_bits,
            first: out.next(),
            offsets: vec![out.position()],
        };
        let per_section = 1_usize << (section_bits - 6);
        for first in (0..1 << (slice_bits - 6)).step_by(per_section) {
            let mut section = vec![0_u8; width << section_bits];
            for (number, block) in self.blocks.iter().enumerate() {
                let words = block.get(first..first + per_section).unwrap_or_default();
                for (place, word) in words.iter().enumerate() {
                    let mut left = *word;
                    while left != 0 {
                        let slice = place * 64 + count(left.trailing_zeros());
                        if let Some(byte) = section.get_mut(slice * width + number / 8) {
                            *byte |= 1 << (number % 8);
                        }
                        left &= left - 1;
                    }
                }
            }
            out.add(&section)?;
            panel.offsets.push(out.position());
        }
        self.blocks.clear();
        Ok(panel)
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or_default()
}

/// Joins each two neighbouring bits into one, the result in the lower half.
fn fold_word(word: u64) -> u64 {
    let mut bits = (word | word >> 1) & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    bits
}

impl GramsPanel {
    /// Gives how many blocks there are.
    pub(super) fn blocks(&self) -> usize {
        self.rows.div_ceil(BLOCK_ROWS)
    }

    fn width(&self) -> usize {
        self.blocks().div_ceil(8)
    }

    /// Gives the section of a slice, as its place and number.
    pub(super) fn section(&self, slice: u32) -> Option<(usize, u32)> {
        let place = slice >> (SLICE_BITS_MAX - self.slice_bits) >> self.section_bits;
        Some((usize::try_from(place).ok()?, self.first.checked_add(place)?))
    }

    /// Gives the bits of a slice within its section.
    pub(super) fn bits<'s>(&self, slice: u32, section: &'s [u8]) -> Option<&'s [u8]> {
        let slice = slice >> (SLICE_BITS_MAX - self.slice_bits);
        let within = count(slice & ((1 << self.section_bits) - 1));
        let width = self.width();
        section.get(within * width..(within + 1) * width)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_varint(u64::try_from(self.rows).unwrap_or_default(), out);
        for number in [self.slice_bits, self.section_bits, self.first] {
            put_varint(u64::from(number), out);
        }
        super::directory::put_offsets(&self.offsets, out);
    }

    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let rows = usize::try_from(take_varint(bytes)?).ok()?;
        let mut number = || u32::try_from(take_varint(bytes)?).ok();
        let (slice_bits, section_bits, first) = (number()?, number()?, number()?);
        let offsets = super::directory::take_offsets(bytes)?;
        let whole = section_bits <= slice_bits && slice_bits <= SLICE_BITS_MAX;
        whole.then_some(Self { rows, slice_bits, section_bits, first, offsets })
    }
}
