//! The known fields of an event: a bit for each field of the schema, and the slots of those that
//! are there.

use super::Slot;
use crate::Field;
use crate::schema::FIELDS;
use crate::text::usize_of;

/// The known fields, in the order of the schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// One bit for each field of the schema.
    present: [u64; Known::WORDS],
    /// How many bits are set in the words before.
    before: [u16; Known::WORDS],
    slots: Vec<Slot>,
}

impl Known {
    const WORDS: usize = FIELDS.div_ceil(64);

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { slots: Vec::with_capacity(capacity), ..Self::default() }
    }

    pub(crate) fn clear(&mut self) {
        self.present = [0; Self::WORDS];
        self.before = [0; Self::WORDS];
        self.slots.clear();
    }

    /// Gives a number that is the same for the same fields.
    #[inline]
    pub(crate) fn shape(&self) -> u64 {
        self.present.iter().fold(0, |shape, present| spread(shape ^ present))
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(crate) fn get(&self, field: Field) -> Option<Slot> {
        let (word, bit) = position(field);
        let present = self.present.get(word).is_some_and(|present| present & bit != 0);
        // Most questions end here, without a look at the slots.
        if !present {
            return None;
        }
        self.slots.get(self.place(field).ok()?).copied()
    }

    pub(crate) fn insert(&mut self, field: Field, slot: Slot) {
        match self.place(field) {
            Ok(at) => {
                if let Some(kept) = self.slots.get_mut(at) {
                    *kept = slot;
                }
            }
            Err(at) => {
                let (word, bit) = position(field);
                self.slots.insert(at, slot);
                if let Some(present) = self.present.get_mut(word) {
                    *present |= bit;
                }
                for before in self.before.iter_mut().skip(word + 1) {
                    *before += 1;
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, field: Field) {
        let Ok(at) = self.place(field) else { return };
        let (word, bit) = position(field);
        self.slots.remove(at);
        if let Some(present) = self.present.get_mut(word) {
            *present &= !bit;
        }
        for before in self.before.iter_mut().skip(word + 1) {
            *before -= 1;
        }
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter { rest: self.present.iter(), bits: 0, first: 0, next: 0, slots: self.slots.iter() }
    }

    /// Gives where the field's slot is, or would be.
    #[inline]
    fn place(&self, field: Field) -> Result<usize, usize> {
        let (word, bit) = position(field);
        let present = self.present.get(word).copied().unwrap_or_default();
        let within = (present & (bit - 1)).count_ones();
        let before = self.before.get(word).copied().unwrap_or_default();
        let at = usize::from(before) + usize_of(within);
        if present & bit == 0 { Err(at) } else { Ok(at) }
    }
}

/// The fields with their slots, in the order of the schema.
pub(crate) struct Iter<'k> {
    rest: std::slice::Iter<'k, u64>,
    /// The bits of the current word that are left.
    bits: u64,
    /// The field of that word's first bit, and of the next word's.
    first: u16,
    next: u16,
    slots: std::slice::Iter<'k, Slot>,
}

impl Iterator for Iter<'_> {
    type Item = (Field, Slot);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while self.bits == 0 {
            self.bits = *self.rest.next()?;
            self.first = self.next;
            self.next += 64;
        }
        let place = u16::try_from(self.bits.trailing_zeros()).ok()?;
        self.bits &= self.bits - 1;
        Some((Field::by_index(self.first + place)?, *self.slots.next()?))
    }
}

/// Spreads the bits of a number over all of it (the finaliser of SplitMix64).
#[inline]
pub(crate) fn spread(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Gives the word of a field's bit, and the bit.
#[inline]
fn position(field: Field) -> (usize, u64) {
    let index = field.index();
    (usize::from(index / 64), 1 << (index % 64))
}
