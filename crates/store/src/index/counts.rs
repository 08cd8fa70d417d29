//! What is counted while a segment is written: events a minute, and the values of each column.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;

use super::bits::{put_varint, take_varint};
use super::file::SectionWriter;

/// Bounds the minutes; a segment that spans more has no counts over time.
const MINUTES_MAX: usize = 60 * 24 * 14;
/// Bounds the values of a column that are told apart; past it the column has no counts.
const VALUES_MAX: usize = 128 << 10;
/// The same, of their texts.
const TEXT_BYTES_MAX: usize = 8 << 20;
/// The same, of all columns together.
const ALL_TEXT_BYTES_MAX: usize = 32 << 20;
/// A column of no more values keeps all of them.
const WHOLE_MAX: usize = 4096;
/// Otherwise the most frequent ones.
const HEAD_MAX: usize = 1024;
/// How long a minute is.
pub(crate) const MINUTE_NANOS: i64 = 60_000_000_000;

/// Spreads keys that are hashes already, so that nobody outside can tell where they meet.
#[derive(Clone, Debug)]
pub(super) struct Spread(u64);

impl Default for Spread {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for Spread {
    type Hasher = Spreading;
    fn build_hasher(&self) -> Spreading {
        Spreading(self.0)
    }
}

/// The hasher of [`Spread`].
pub(super) struct Spreading(u64);

impl Hasher for Spreading {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = super::term::hash(self.0, bytes);
    }
    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }
    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

/// Counts the values of one column.
#[derive(Default)]
pub(super) struct Tally {
    values: HashMap<u64, Counted, Spread>,
    texts: String,
    /// How many rows have the field.
    present: u64,
    is_over: bool,
}

#[derive(Clone, Copy)]
struct Counted {
    count: u64,
    start: usize,
    end: usize,
}

impl Tally {
    /// Takes a row that has the field.
    pub(super) fn row(&mut self) {
        self.present += 1;
    }

    /// Takes one value with the hash of its text.
    pub(super) fn value(&mut self, hash: u64, text: &str) {
        if self.is_over {
            return;
        }
        let has_room =
            self.values.len() < VALUES_MAX && self.texts.len() + text.len() <= TEXT_BYTES_MAX;
        match self.values.get_mut(&hash) {
            Some(counted) if self.texts.get(counted.start..counted.end) == Some(text) => {
                counted.count += 1;
            }
            None if has_room => {
                let start = self.texts.len();
                self.texts.push_str(text);
                self.values.insert(hash, Counted { count: 1, start, end: self.texts.len() });
            }
            // Too many, or two texts of one hash: better no counts than wrong ones.
            _ => self.give_up(),
        }
    }

    /// Lets the column have no counts.
    pub(super) fn give_up(&mut self) {
        *self = Self { is_over: true, ..Self::default() };
    }
}

/// What the directory keeps of a column's counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) name: String,
    /// How many rows have the field.
    pub(super) present: u64,
    /// How many values there are in all, each as often as it occurs.
    pub(super) happenings: u64,
    /// How often a value that is not kept occurs at most; none is left out where it is 0.
    pub(super) cut: u64,
    pub(super) section: u32,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Gathers what is counted.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) tallies: HashMap<String, Tally>,
    minutes: BTreeMap<i64, u64>,
    are_minutes_over: bool,
}

/// What the directory keeps of the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CountsPart {
    pub(super) heads: Vec<Head>,
    /// The section of the minutes: its number, where it begins, its length.
    pub(super) minutes: Option<(u32, u64, u64)>,
}

impl Counts {
    /// Takes the time of a row.
    pub(super) fn time(&mut self, nanos: i64) {
        if self.are_minutes_over {
            return;
        }
        *self.minutes.entry(nanos.div_euclid(MINUTE_NANOS)).or_default() += 1;
        if self.minutes.len() > MINUTES_MAX {
            self.are_minutes_over = true;
            self.minutes.clear();
        }
    }

    /// Keeps the memory of all columns within its bound.
    pub(super) fn bound(&mut self) {
        let all: usize = self.tallies.values().map(|tally| tally.texts.len()).sum();
        if all > ALL_TEXT_BYTES_MAX
            && let Some(largest) = self.tallies.values_mut().max_by_key(|tally| tally.texts.len())
        {
            largest.give_up();
        }
    }

    pub(super) fn finish(self, out: &mut SectionWriter) -> io::Result<CountsPart> {
        let mut part = CountsPart::default();
        let mut tallies: Vec<(String, Tally)> = self.tallies.into_iter().collect();
        tallies.sort_by(|one, next| one.0.cmp(&next.0));
        for (name, tally) in tallies.into_iter().filter(|(_, tally)| !tally.is_over) {
            part.heads.push(write_head(name, &tally, out)?);
        }
        if !self.are_minutes_over {
            let mut bytes = Vec::new();
            let mut next = 0;
            for (minute, count) in self.minutes {
                // Only the first step may be backwards, and is then a large number.
                put_varint(minute.wrapping_sub(next).cast_unsigned(), &mut bytes);
                put_varint(count, &mut bytes);
                next = minute;
            }
            let (section, offset) = (out.next(), out.position());
            part.minutes = Some((section, offset, out.add(&bytes)?));
        }
        Ok(part)
    }
}

fn write_head(name: String, tally: &Tally, out: &mut SectionWriter) -> io::Result<Head> {
    let mut values: Vec<(u64, &str)> = tally
        .values
        .values()
        .map(|one| (one.count, tally.texts.get(one.start..one.end).unwrap_or_default()))
        .collect();
    values.sort_unstable_by(|one, next| next.0.cmp(&one.0).then(one.1.cmp(next.1)));
    let kept = if values.len() <= WHOLE_MAX { values.len() } else { HEAD_MAX };
    let cut = values.get(kept).map(|(count, _)| *count).unwrap_or_default();
    let mut bytes = Vec::new();
    for (count, text) in values.iter().take(kept) {
        put_varint(*count, &mut bytes);
        put_varint(u64::try_from(text.len()).unwrap_or_default(), &mut bytes);
        bytes.extend_from_slice(text.as_bytes());
    }
    let (section, offset) = (out.next(), out.position());
    Ok(Head {
        name,
        present: tally.present,
        happenings: values.iter().map(|(count, _)| count).sum(),
        cut,
        section,
        offset,
        length: out.add(&bytes)?,
    })
}

/// Reads the values of a head, the most frequent first.
pub(super) fn read_head(mut bytes: &[u8]) -> Option<Vec<(String, u64)>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let count = take_varint(&mut bytes)?;
        let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
        let (text, rest) = bytes.split_at_checked(length)?;
        values.push((str::from_utf8(text).ok()?.to_owned(), count));
        bytes = rest;
    }
    Some(values)
}

/// Reads the minutes, ascending, each with its count.
pub(super) fn read_minutes(mut bytes: &[u8]) -> Option<Vec<(i64, u64)>> {
    let mut minutes = Vec::new();
    let mut last = 0_i64;
    while !bytes.is_empty() {
        last = last.wrapping_add(take_varint(&mut bytes)?.cast_signed());
        minutes.push((last, take_varint(&mut bytes)?));
    }
    Some(minutes)
}

impl CountsPart {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let count = |length: usize| u64::try_from(length).unwrap_or_default();
        put_varint(count(self.heads.len()), out);
        for head in &self.heads {
            put_varint(count(head.name.len()), out);
            out.extend_from_slice(head.name.as_bytes());
            let section = u64::from(head.section);
            for number in
                [head.present, head.happenings, head.cut, section, head.offset, head.length]
            {
                put_varint(number, out);
            }
        }
        put_varint(u64::from(self.minutes.is_some()), out);
        if let Some((section, offset, length)) = self.minutes {
            for number in [u64::from(section), offset, length] {
                put_varint(number, out);
            }
        }
    }

    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut part = Self::default();
        for _ in 0..take_varint(bytes)? {
            let length = usize::try_from(take_varint(bytes)?).ok()?;
            let (name, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            part.heads.push(Head {
                name: str::from_utf8(name).ok()?.to_owned(),
                present: take_varint(bytes)?,
                happenings: take_varint(bytes)?,
                cut: take_varint(bytes)?,
                section: u32::try_from(take_varint(bytes)?).ok()?,
                offset: take_varint(bytes)?,
                length: take_varint(bytes)?,
            });
        }
        if take_varint(bytes)? != 0 {
            let section = u32::try_from(take_varint(bytes)?).ok()?;
            part.minutes = Some((section, take_varint(bytes)?, take_varint(bytes)?));
        }
        Some(part)
    }
}
