//! What one user has: countries, networks, devices, and where the last log-in came from.

use model::{EventId, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::place::{Move, Place, Point};
use crate::keep::{self, read_time, write_time};

/// How many things of one user are kept.
const THINGS_MAX: usize = 32;
/// For so many days, and on so many of them, a user is watched before anything is new.
const BURN_IN_DAYS: i64 = 14;
const ACTIVE_DAYS_MIN: u16 = 5;
/// From this day on others are compared with what a user has.
const COUNTED_DAYS: i64 = 3;
/// After so many active days a user's habits are as sure as they become.
const ACTIVE_DAYS_SURE: f64 = 15.0;
/// How long a thing that is not used stays the user's, in days.
const THING_DAYS: i64 = 120;
/// Faster than this, and farther, nobody travels.
const SPEED_MIN_KMH: f64 = 900.0;
const DISTANCE_MIN_KM: f64 = 500.0;
/// For so long somebody counts as still there.
const NEAR_SECONDS: u64 = 7 * 86_400;

/// A kind of thing that users have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Country,
    Owner,
    Device,
    Network,
}

impl Sort {
    /// Gives the key of a thing of this kind.
    pub(super) fn key(self, hash: u64) -> u64 {
        let sort: u64 = match self {
            Self::Country => 0,
            Self::Owner => 1,
            Self::Device => 2,
            Self::Network => 3,
        };
        (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 2) | sort << 62
    }
}

/// The things of a place, as keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    pub(super) country: Option<u64>,
    pub(super) owner: u64,
    pub(super) device: Option<u64>,
    pub(super) network: u64,
}

impl Keys {
    pub(super) fn of(place: &Place<'_>) -> Self {
        // Where a tunnel ends says nothing of where its user is.
        let country = place
            .country
            .filter(|_| !place.hosting)
            .map(|code| Sort::Country.key(keep::hash(code.as_bytes())));
        Self {
            country,
            owner: Sort::Owner.key(place.owner),
            device: place.device.map(|device| Sort::Device.key(device)),
            network: Sort::Network.key(u64::from(place.network)),
        }
    }

    pub(super) fn each(self) -> impl Iterator<Item = u64> {
        [self.country, Some(self.owner), self.device, Some(self.network)].into_iter().flatten()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Thing {
    key: u64,
    /// The last day, and on how many days.
    last: i64,
    days: u16,
    /// Whether it was told as new: whose it is is not sure.
    told: bool,
    /// The period in which the peers were told of it.
    counted: i64,
}

/// Where and when a log-in was, to be compared with the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) point: Point,
    pub(super) at: Timestamp,
    pub(super) event: EventId,
    pub(super) country: u64,
    /// Whether several users come out of the network, wherever they are.
    pub(super) shared: bool,
}

/// What is known of one user.
#[derive(Clone, Debug)]
pub(super) struct Person {
    since: i64,
    today: i64,
    active_days: u16,
    /// The period in which this user was counted among the peers.
    counted: i64,
    things: Vec<Thing>,
    last: Option<Seen>,
    /// The same, from a network that is not shared.
    last_alone: Option<Seen>,
}

impl Person {
    pub(super) fn new(day: i64) -> Self {
        Self {
            since: day,
            today: day,
            active_days: 1,
            counted: -1,
            things: Vec::new(),
            last: None,
            last_alone: None,
        }
    }

    /// Begins the day, if it is another one.
    pub(super) fn advance(&mut self, day: i64) {
        if day > self.today {
            self.today = day;
            self.active_days = self.active_days.saturating_add(1);
        }
    }

    /// Tells whether the user is known long enough for something to be new.
    pub(super) fn is_known(&self) -> bool {
        self.today - self.since >= BURN_IN_DAYS && self.active_days >= ACTIVE_DAYS_MIN
    }

    /// Tells whether what the user has counts among the peers: an account that was made yesterday does not.
    pub(super) fn counts(&self) -> bool {
        self.today - self.since >= COUNTED_DAYS
    }

    /// Gives how sure the user's habits are, 0 to 1.
    pub(super) fn sureness(&self) -> f64 {
        (f64::from(self.active_days) + 1.0).ln() / (ACTIVE_DAYS_SURE + 1.0).ln()
    }

    pub(super) fn active_days(&self) -> u16 {
        self.active_days
    }

    /// Tells whether the user has a thing.
    pub(super) fn has(&self, key: u64) -> bool {
        self.thing(key).is_some()
    }

    /// Tells whether the user had a thing on another day than today, and it was not told of.
    pub(super) fn is_used_to(&self, key: u64) -> bool {
        let before = |thing: &Thing| thing.days > 1 || thing.last < self.today;
        self.thing(key).is_some_and(|thing| !thing.told && before(thing))
    }

    fn thing(&self, key: u64) -> Option<&Thing> {
        let oldest = self.today - THING_DAYS;
        self.things.iter().find(|thing| thing.key == key && thing.last >= oldest)
    }

    /// Gives the move from where the last log-in was, where nobody could have made it.
    pub(super) fn impossible(&self, to: (Point, Timestamp)) -> Option<(Move, Seen)> {
        let last = self.last?;
        let travel = Move::between((last.point, last.at), to);
        let is_impossible =
            travel.distance_km > DISTANCE_MIN_KM && travel.speed_kmh > SPEED_MIN_KMH;
        // Out of a tunnel, and then on the spot: there the user was already before the tunnel.
        let alone = self.last_alone.filter(|_| last.shared);
        let was_near = alone.is_some_and(|alone| {
            let recent = to.1.since(alone.at).as_secs() < NEAR_SECONDS;
            recent && Move::between((alone.point, alone.at), to).distance_km < DISTANCE_MIN_KM
        });
        (is_impossible && !was_near).then_some((travel, last))
    }

    /// Remembers where the user was last.
    pub(super) fn stay(&mut self, seen: Seen) {
        if self.last.is_none_or(|last| last.at <= seen.at) {
            self.last = Some(seen);
            if !seen.shared {
                self.last_alone = Some(seen);
            }
        }
    }

    /// Makes a thing the user's.
    pub(super) fn take(&mut self, key: u64, told: bool) {
        let today = self.today;
        if let Some(thing) = self.things.iter_mut().find(|thing| thing.key == key) {
            if thing.last < today {
                thing.days = thing.days.saturating_add(1);
            }
            thing.last = today;
            thing.told |= told;
            return;
        }
        if self.things.len() >= THINGS_MAX {
            // What was least used, and last long ago; a country is never given up for a network.
            let least =
                self.things.iter().enumerate().min_by_key(|(_, thing)| {
                    (u64::MAX - (thing.key >> 62), thing.days, thing.last)
                });
            if let Some(index) = least.map(|(index, _)| index) {
                self.things.swap_remove(index);
            }
        }
        self.things.push(Thing { key, last: today, days: 1, told, counted: -1 });
    }

    /// Calls `each` with every thing of the user's today that was not yet counted in this period; tells
    /// whether the user was not either. What was told counts from the next day on that it is used: an
    /// attacker's network does not become the company's in an hour.
    pub(super) fn count(&mut self, period: i64, mut each: impl FnMut(u64)) -> bool {
        let today = self.today;
        for thing in &mut self.things {
            if thing.last == today && thing.counted < period && (!thing.told || thing.days > 1) {
                thing.counted = period;
                each(thing.key);
            }
        }
        let new = self.counted < period;
        self.counted = self.counted.max(period);
        new
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.things.capacity() * size_of::<Thing>()
    }

    pub(super) fn snapshot(&self, writer: &mut Writer) {
        writer.signed(self.since);
        writer.signed(self.today);
        writer.number(u64::from(self.active_days));
        writer.signed(self.counted);
        writer.length(self.things.len());
        for thing in &self.things {
            writer.whole(thing.key);
            writer.signed(thing.last);
            writer.number(u64::from(thing.days));
            writer.flag(thing.told);
            writer.signed(thing.counted);
        }
        write_seen(writer, self.last);
        write_seen(writer, self.last_alone);
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let short = |reader: &mut Reader<'_>| {
            u16::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)
        };
        let mut person = Self::new(reader.signed()?);
        person.today = reader.signed()?;
        person.active_days = short(reader)?;
        person.counted = reader.signed()?;
        let length = reader.length()?;
        if length > THINGS_MAX {
            return Err(SnapshotError::TooLarge);
        }
        for _ in 0..length {
            person.things.push(Thing {
                key: reader.whole()?,
                last: reader.signed()?,
                days: short(reader)?,
                told: reader.flag()?,
                counted: reader.signed()?,
            });
        }
        person.last = read_seen(reader)?;
        person.last_alone = read_seen(reader)?;
        Ok(person)
    }
}

fn write_seen(writer: &mut Writer, seen: Option<Seen>) {
    writer.flag(seen.is_some());
    let Some(Seen { point, at, event, country, shared }) = seen else { return };
    for number in [point.latitude, point.longitude, point.radius_km] {
        writer.whole(number.to_bits());
    }
    write_time(writer, at);
    writer.number(event.0);
    writer.whole(country);
    writer.flag(shared);
}

fn read_seen(reader: &mut Reader<'_>) -> Read<Option<Seen>> {
    if !reader.flag()? {
        return Ok(None);
    }
    let mut float = || Ok(f64::from_bits(reader.whole()?));
    let point = Point { latitude: float()?, longitude: float()?, radius_km: float()? };
    Ok(Some(Seen {
        point,
        at: read_time(reader)?,
        event: EventId(reader.number()?),
        country: reader.whole()?,
        shared: reader.flag()?,
    }))
}
