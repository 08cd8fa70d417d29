//! Counts in which nobody can vote twice in a row: what one source says again and again counts once, until
//! somebody else says the same. So a single client cannot teach a site what is usual.

use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::tail::read_amount;

/// A source of requests, mixed down.
pub(crate) type Source = u16;

/// How often something was seen, by turns of sources.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Vote {
    last: Source,
    count: f32,
}

impl Vote {
    /// Counts a sight of it; tells whether it counted.
    pub(crate) fn add(&mut self, source: Source) -> bool {
        let counts = self.count <= 0.0 || self.last != source;
        if counts {
            self.count += 1.0;
            self.last = source;
        }
        counts
    }

    pub(crate) fn count(self) -> f64 {
        f64::from(self.count)
    }

    pub(crate) fn fade(&mut self, factor: f32) {
        self.count *= factor;
    }

    pub(crate) fn write(self, writer: &mut Writer) {
        writer.raw(&self.last.to_le_bytes());
        writer.raw(&self.count.to_le_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let last = reader.raw(2)?.try_into().map_err(|_| SnapshotError::Malformed)?;
        Ok(Self { last: u16::from_le_bytes(last), count: read_amount(reader)? })
    }
}

/// Gives the place of a thing among some; looks at sixteen at a time, without a branch for each.
pub(crate) fn place_of(things: &[u32], thing: u32) -> Option<usize> {
    for (piece, before) in things.chunks(16).zip((0..).step_by(16)) {
        if piece.iter().fold(0, |found, one| found | u32::from(*one == thing)) != 0 {
            return piece.iter().position(|one| *one == thing).map(|place| before + place);
        }
    }
    None
}

/// Some things told apart, up to a bound, and how often each was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Things {
    things: Vec<u32>,
    votes: Vec<Vote>,
    /// What there was no room for.
    others: Vote,
}

impl Things {
    /// Counts a sight of a thing; past `max` things all new ones count as one.
    pub(crate) fn add(&mut self, thing: u32, source: Source, max: usize) {
        let known = place_of(&self.things, thing);
        if known.is_none() && self.things.len() >= max {
            self.others.add(source);
            return;
        }
        let place = known.unwrap_or(self.things.len());
        if known.is_none() {
            self.things.push(thing);
            self.votes.push(Vote::default());
        }
        if let Some(vote) = self.votes.get_mut(place) {
            vote.add(source);
        }
    }

    /// Gives how often a thing was seen.
    pub(crate) fn count(&self, thing: u32) -> f64 {
        let known = place_of(&self.things, thing);
        known.and_then(|place| self.votes.get(place)).map_or(0.0, |vote| vote.count())
    }

    /// Gives how often something new is to be expected among so many sights (Good and Turing): as often
    /// as what was seen once.
    pub(crate) fn once(&self) -> f64 {
        let once = self.votes.iter().filter(|vote| vote.count() < 1.5).count();
        super::features::count(once) + self.others.count()
    }

    /// Gives every thing that is told apart, and how often it was seen.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, f64)> {
        self.things.iter().zip(&self.votes).map(|(thing, vote)| (*thing, vote.count()))
    }

    /// Gives how often something was seen that there was no room for.
    pub(crate) fn others(&self) -> f64 {
        self.others.count()
    }

    pub(crate) fn fade(&mut self, factor: f32) {
        self.votes.iter_mut().for_each(|vote| vote.fade(factor));
        let mut votes = self.votes.iter();
        self.things.retain(|_| votes.next().is_some_and(|vote| vote.count() >= FORGOTTEN));
        self.votes.retain(|vote| vote.count() >= FORGOTTEN);
        self.others.fade(factor);
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.length(self.things.len());
        for (thing, vote) in self.things.iter().zip(&self.votes) {
            writer.number(u64::from(*thing));
            vote.write(writer);
        }
        self.others.write(writer);
    }

    pub(crate) fn read(reader: &mut Reader<'_>, max: usize) -> Read<Self> {
        let length = reader.length()?;
        if length > max {
            return Err(SnapshotError::TooLarge);
        }
        let thing = |reader: &mut Reader<'_>| {
            let thing = u32::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
            Ok((thing, Vote::read(reader)?))
        };
        let pairs = (0..length).map(|_| thing(reader)).collect::<Read<Vec<(u32, Vote)>>>()?;
        let (things, votes) = pairs.into_iter().unzip();
        Ok(Self { things, votes, others: Vote::read(reader)? })
    }
}

/// How often each of 256 steps was seen: a bit for each that was, and the votes in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Steps {
    present: [u64; 4],
    votes: Vec<Vote>,
    /// What there was no room for.
    others: Vote,
}

impl Steps {
    /// Gives where the vote of a step is, or would be, and whether it is.
    fn place(&self, step: u8) -> (usize, bool) {
        let (word, bit) = (usize::from(step >> 6), step & 63);
        let (mut before, mut own) = (0, 0);
        for (present, at) in self.present.iter().zip(0..) {
            if at < word {
                before += present.count_ones();
            } else if at == word {
                own = *present;
            }
        }
        before += (own & ((1 << bit) - 1)).count_ones();
        (usize::try_from(before).unwrap_or_default(), own >> bit & 1 == 1)
    }

    /// Counts a sight of a step; past `max` of them all new ones count as one.
    pub(crate) fn add(&mut self, step: u8, source: Source, max: usize) {
        let (place, is_known) = self.place(step);
        if !is_known {
            if self.votes.len() >= max {
                self.others.add(source);
                return;
            }
            if let Some(word) = self.present.get_mut(usize::from(step >> 6)) {
                *word |= 1 << (step & 63);
            }
            self.votes.insert(place.min(self.votes.len()), Vote::default());
        }
        if let Some(vote) = self.votes.get_mut(place) {
            vote.add(source);
        }
    }

    /// Gives how often the rarest of some steps was seen; `most` where there are none.
    pub(crate) fn rarest(&self, steps: [u64; 4], most: f64) -> f64 {
        let is_new = |(asked, known): (&u64, &u64)| asked & !known != 0;
        if steps.iter().zip(&self.present).any(is_new) {
            return 0.0;
        }
        let mut votes = self.votes.iter();
        let mut rarest = most;
        for (asked, known) in steps.into_iter().zip(self.present) {
            let mut left = known;
            while left != 0 {
                let lowest = left & left.wrapping_neg();
                let seen = votes.next().map_or(0.0, |vote| vote.count());
                if asked & lowest != 0 {
                    rarest = rarest.min(seen);
                }
                left ^= lowest;
            }
        }
        rarest
    }

    /// Gives every step that was seen.
    fn each(&self) -> impl Iterator<Item = u8> {
        let present = self.present;
        (0..=u8::MAX).filter(move |step| {
            present.get(usize::from(step >> 6)).is_some_and(|word| word >> (step & 63) & 1 == 1)
        })
    }

    pub(crate) fn fade(&mut self, factor: f32) {
        self.votes.iter_mut().for_each(|vote| vote.fade(factor));
        let mut left = Self { others: self.others, ..Self::default() };
        left.others.fade(factor);
        for (step, vote) in self.each().zip(&self.votes) {
            if vote.count() >= FORGOTTEN {
                if let Some(word) = left.present.get_mut(usize::from(step >> 6)) {
                    *word |= 1 << (step & 63);
                }
                left.votes.push(*vote);
            }
        }
        *self = left;
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        self.present.iter().for_each(|word| writer.whole(*word));
        self.votes.iter().for_each(|vote| vote.write(writer));
        self.others.write(writer);
    }

    pub(crate) fn read(reader: &mut Reader<'_>, max: usize) -> Read<Self> {
        let mut read = Self::default();
        let mut steps = 0_u32;
        for word in &mut read.present {
            *word = reader.whole()?;
            steps += word.count_ones();
        }
        if usize::try_from(steps).unwrap_or(usize::MAX) > max {
            return Err(SnapshotError::TooLarge);
        }
        read.votes = (0..steps).map(|_| Vote::read(reader)).collect::<Read<_>>()?;
        read.others = Vote::read(reader)?;
        Ok(read)
    }
}

/// A count that faded below this is forgotten.
const FORGOTTEN: f64 = 0.1;
/// Of what fewer than [`SOURCES_MIN`] sources ever brought, already a count below this: what somebody makes
/// up holds its place for two days.
const FORGOTTEN_OF_FEW: f64 = 0.9;
/// From how many turns, and from how many sources, something speaks for what is usual.
pub(crate) const TURNS_MIN: f64 = 10.0;
pub(crate) const SOURCES_MIN: usize = 4;

/// How often something was seen, and whether by enough sources to speak for what is usual.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Support {
    pub(crate) seen: Vote,
    sources: [Source; SOURCES_MIN],
    known: u8,
}

impl Support {
    pub(crate) fn add(&mut self, source: Source) -> bool {
        let known = usize::from(self.known);
        if known < SOURCES_MIN && !self.sources.iter().take(known).any(|one| *one == source) {
            if let Some(place) = self.sources.get_mut(known) {
                *place = source;
            }
            self.known += 1;
        }
        self.seen.add(source)
    }

    pub(crate) fn count(&self) -> f64 {
        self.seen.count()
    }

    /// Tells whether enough is left of it to be kept.
    pub(crate) fn is_left(&self) -> bool {
        let few = usize::from(self.known) < SOURCES_MIN;
        self.seen.count() >= if few { FORGOTTEN_OF_FEW } else { FORGOTTEN }
    }

    /// Tells whether it was seen often enough, by enough sources.
    pub(crate) fn suffices(&self) -> bool {
        usize::from(self.known) >= SOURCES_MIN && self.seen.count() >= TURNS_MIN
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        self.seen.write(writer);
        writer.raw(&[self.known]);
        self.sources.iter().for_each(|source| writer.raw(&source.to_le_bytes()));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let seen = Vote::read(reader)?;
        let known = reader.raw(1)?.first().copied().unwrap_or_default();
        let mut sources = [0; SOURCES_MIN];
        for source in &mut sources {
            let bytes = reader.raw(2)?.try_into().map_err(|_| SnapshotError::Malformed)?;
            *source = u16::from_le_bytes(bytes);
        }
        if usize::from(known) > SOURCES_MIN {
            return Err(SnapshotError::Malformed);
        }
        Ok(Self { seen, sources, known })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn steps_count_as_a_table_does(
            seen in prop::collection::vec((any::<u8>(), 0_u16..4), 0..120),
            asked in prop::collection::btree_set(any::<u8>(), 0..4),
        ) {
            let (mut steps, mut things) = (Steps::default(), Things::default());
            for (step, source) in seen {
                steps.add(step, source, 64);
                things.add(u32::from(step), source, 64);
            }
            for _ in 0..2 {
                let mut bits = [0; 4];
                for step in &asked {
                    bits[usize::from(step >> 6)] |= 1_u64 << (step & 63);
                }
                let rarest = asked.iter().map(|step| things.count(u32::from(*step)));
                prop_assert!((steps.rarest(bits, 99.0) - rarest.fold(99.0, f64::min)).abs() < 1e-9);
                let mut writer = Writer::default();
                steps.write(&mut writer);
                let bytes = writer.finish();
                prop_assert_eq!(&Steps::read(&mut Reader::new(&bytes), 64).unwrap(), &steps);
                steps.fade(0.07);
                things.fade(0.07);
            }
        }

        #[test]
        fn a_place_is_that_of_a_plain_search(
            things in prop::collection::vec(0_u32..90, 0..70), thing in 0_u32..90,
        ) {
            prop_assert_eq!(place_of(&things, thing), things.iter().position(|one| *one == thing));
        }
    }

    #[test]
    fn one_source_counts_once_until_another_comes() {
        let mut support = Support::default();
        (0..1_000).for_each(|_| {
            support.add(7);
        });
        assert!(!support.suffices() && support.count() < 1.5);
        (0..100).for_each(|turn| {
            support.add(turn % 5);
        });
        assert!(support.suffices());
    }

    #[test]
    fn what_one_source_made_up_goes_long_before_what_many_brought() {
        let (mut one, mut many) = (Support::default(), Support::default());
        one.add(7);
        (0..4).for_each(|source| {
            many.add(source);
        });
        assert!(one.is_left() && many.is_left());
        // Three days, and a month.
        one.seen.fade(0.86);
        many.seen.fade(0.23);
        assert!(!one.is_left() && many.is_left());
    }

    #[test]
    fn past_the_bound_new_things_count_as_one() {
        let mut things = Things::default();
        (0..50).for_each(|thing| things.add(thing, 1, 10));
        assert_eq!(things.things.len(), 10);
        assert!((things.once() - 11.0).abs() < 1e-9, "ten seen once, and the others by one source");
        assert!(things.count(3) > 0.5 && things.count(30) < 0.5);
    }
}
