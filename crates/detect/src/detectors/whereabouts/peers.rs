//! What the others have: how many users came from a country, a network, or with a device.
//!
//! Users are counted once a fortnight, and the count of the last fortnight stands beside that of this one,
//! so what nobody has any more is forgotten.

use sigma::codec::{Read, Reader, Writer};

use crate::keep::Table;

/// How many things are counted.
const THINGS_MAX: usize = 100_000;
/// How long a user counts, in days.
pub(super) const PERIOD_DAYS: i64 = 14;

/// How many users have a thing: in the period that runs, and in the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    period: i64,
    now: u32,
    before: u32,
}

impl Count {
    fn advance(&mut self, period: i64) {
        if period > self.period {
            self.before = if period == self.period + 1 { self.now } else { 0 };
            (self.now, self.period) = (0, period);
        }
    }

    fn get(self, period: i64) -> u32 {
        let mut count = self;
        count.advance(period);
        count.now.max(count.before)
    }
}

/// What is counted of all users.
#[derive(Debug)]
pub(super) struct Peers {
    things: Table<u64, Count>,
    people: Count,
}

impl Default for Peers {
    fn default() -> Self {
        Self { things: Table::new(THINGS_MAX), people: Count::default() }
    }
}

impl Peers {
    /// Counts a user's having a thing; the caller does so once a period for each.
    pub(super) fn add(&mut self, thing: u64, period: i64) {
        let count = self.things.entry(thing, Count::default);
        count.advance(period);
        count.now = count.now.saturating_add(1);
    }

    /// Counts a user; the caller does so once a period for each.
    pub(super) fn add_person(&mut self, period: i64) {
        self.people.advance(period);
        self.people.now = self.people.now.saturating_add(1);
    }

    /// Gives how many users have a thing, and how many users there are.
    pub(super) fn of(&mut self, thing: u64, period: i64) -> (u32, u32) {
        let have = self.things.known(thing).map_or(0, |count| count.get(period));
        (have, self.people.get(period).max(have))
    }

    pub(super) fn bytes(&self) -> usize {
        self.things.iter().count() * (size_of::<Count>() + 24)
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.things.forgotten()
    }

    pub(super) fn snapshot(&self, writer: &mut Writer) {
        write(writer, self.people);
        self.things.snapshot(writer, |writer, thing, count| {
            writer.whole(*thing);
            write(writer, *count);
        });
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let mut peers = Self { people: read(reader)?, ..Self::default() };
        peers.things.restore(reader, |reader| Ok((reader.whole()?, read(reader)?)))?;
        Ok(peers)
    }
}

fn write(writer: &mut Writer, count: Count) {
    writer.signed(count.period);
    writer.number(u64::from(count.now));
    writer.number(u64::from(count.before));
}

fn read(reader: &mut Reader<'_>) -> Read<Count> {
    let malformed = |_| sigma::SnapshotError::Malformed;
    Ok(Count {
        period: reader.signed()?,
        now: u32::try_from(reader.number()?).map_err(malformed)?,
        before: u32::try_from(reader.number()?).map_err(malformed)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_any_more_is_forgotten() {
        let mut peers = Peers::default();
        (0..5).for_each(|_| peers.add_person(10));
        (0..3).for_each(|_| peers.add(7, 10));
        assert_eq!(peers.of(7, 10), (3, 5));
        assert_eq!(peers.of(7, 11), (3, 5));
        assert_eq!(peers.of(7, 12), (0, 0));
        peers.add(7, 11);
        assert_eq!(peers.of(7, 11), (3, 5));
        assert_eq!(peers.of(8, 11), (0, 5));
    }
}
