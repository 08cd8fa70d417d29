//! What is counted while a segment is written: events a minute, and the values of each column.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;

use super::bits::{put_varint, take_varint};
use super::file::SectionWriter;
use super::term::TextTerms;

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
pub(crate) struct Spread(u64);

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
pub(crate) struct Spreading(u64);

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
    /// Where each text stands, by its hash.
    places: HashMap<u64, usize, Spread>,
    counted: Vec<Counted>,
    texts: String,
    numbers: HashMap<i64, u64, Spread>,
    /// How many rows have the field.
    present: u64,
    is_over: bool,
}

struct Counted {
    count: u64,
    start: usize,
    end: usize,
    /// What the index knows the value by.
    terms: TextTerms,
}

impl Tally {
    /// Takes a row that has the field.
    pub(super) fn row(&mut self) {
        self.present += 1;
    }

    /// Takes one text with its hash, and gives where it stands; `make` gives its terms when it is
    /// new. `None` where values are not told apart any more.
    pub(super) fn text(
        &mut self,
        hash: u64,
        text: &str,
        make: impl FnOnce(&str) -> TextTerms,
    ) -> Option<usize> {
        if self.is_over {
            return None;
        }
        if let Some(place) = self.places.get(&hash).copied() {
            if self.again(place, text).is_none() {
                // Two texts of one hash: better no counts than wrong ones.
                self.give_up();
                return None;
            }
            return Some(place);
        }
        if self.counted.len() >= VALUES_MAX || self.texts.len() + text.len() > TEXT_BYTES_MAX {
            self.give_up();
            return None;
        }
        let (start, place) = (self.texts.len(), self.counted.len());
        self.texts.push_str(text);
        let end = self.texts.len();
        self.counted.push(Counted { count: 1, start, end, terms: make(text) });
        self.places.insert(hash, place);
        Some(place)
    }

    /// Takes the text that stands there once more, if it is that one.
    pub(super) fn again(&mut self, place: usize, text: &str) -> Option<()> {
        let counted = self.counted.get_mut(place)?;
        if self.texts.as_bytes().get(counted.start..counted.end)? != text.as_bytes() {
            return None;
        }
        counted.count += 1;
        Some(())
    }

    /// Gives what the index knows the text by that stands there.
    pub(super) fn terms(&self, place: usize) -> Option<TextTerms> {
        self.counted.get(place).map(|counted| counted.terms)
    }

    /// Takes one number.
    pub(super) fn number(&mut self, number: i64) {
        if self.is_over {
            return;
        }
        *self.numbers.entry(number).or_default() += 1;
        if self.numbers.len() > VALUES_MAX {
            self.give_up();
        }
    }

    /// Lets the column have no counts.
    pub(super) fn give_up(&mut self) {
        *self = Self { is_over: true, ..Self::default() };
    }

    fn bytes(&self) -> usize {
        self.texts.len() + self.numbers.len() * size_of::<(i64, u64)>()
    }

    /// Gives every value with its count.
    fn values(&self) -> Vec<(u64, Told<'_>)> {
        let text = |one: &Counted| self.texts.get(one.start..one.end).unwrap_or_default();
        let texts = self.counted.iter().map(|one| (one.count, Told::Text(text(one))));
        let numbers = self.numbers.iter();
        texts.chain(numbers.map(|(number, count)| (*count, Told::Number(*number)))).collect()
    }
}

/// A value that was counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told<'t> {
    Text(&'t str),
    Number(i64),
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

/// Keeps the memory of all columns within its bound.
pub(super) fn bound<'t>(tallies: impl Iterator<Item = &'t mut Tally>) {
    let mut all = 0;
    let mut largest: Option<&mut Tally> = None;
    for tally in tallies {
        let bytes = tally.bytes();
        all += bytes;
        if largest.as_ref().is_none_or(|largest| largest.bytes() < bytes) {
            largest = Some(tally);
        }
    }
    if let Some(largest) = largest.filter(|_| all > ALL_TEXT_BYTES_MAX) {
        largest.give_up();
    }
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
    let mut values = tally.values();
    let happenings = values.iter().map(|(count, _)| count).sum();
    let by_count = |one: &(u64, Told<'_>), next: &(u64, Told<'_>)| {
        next.0.cmp(&one.0).then_with(|| one.1.cmp(&next.1))
    };
    let mut cut = 0;
    if values.len() > WHOLE_MAX {
        cut = values.select_nth_unstable_by(HEAD_MAX, by_count).1.0;
        values.truncate(HEAD_MAX);
    }
    values.sort_unstable_by(by_count);
    let mut bytes = Vec::new();
    for (count, value) in &values {
        put_varint(*count, &mut bytes);
        let text = match value {
            Told::Text(text) => Cow::Borrowed(*text),
            Told::Number(number) => Cow::Owned(number.to_string()),
        };
        put_varint(u64::try_from(text.len()).unwrap_or_default(), &mut bytes);
        bytes.extend_from_slice(text.as_bytes());
    }
    let (section, offset) = (out.next(), out.position());
    Ok(Head {
        name,
        present: tally.present,
        happenings,
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
