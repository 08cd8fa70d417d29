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
        let known = self.things.iter().position(|known| *known == thing);
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
        let known = self.things.iter().position(|known| *known == thing);
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
    use super::*;

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
