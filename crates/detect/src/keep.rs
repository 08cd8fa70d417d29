//! What detectors and the list of known addresses remember with: tables with a bound, sets that count, evidence.

pub(crate) mod hasher;
pub(crate) mod series;
pub(crate) mod sketch;
pub(crate) mod watched;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use self::hasher::Keys;
use model::{Event, EventId, Field, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};
use siphasher::sip::SipHasher24;

/// How many events a finding names as its evidence.
pub(crate) const EVIDENCE_MAX: usize = 20;

/// A number of nanoseconds.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// What is kept of many entities, with a bound: the half that was not touched for longest goes at
/// once, when the newer half is full. So a touch costs no list to keep in order.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    young: HashMap<K, V, Keys>,
    old: HashMap<K, V, Keys>,
    max: usize,
    forgotten: u64,
}

impl<K: Hash + Eq + Ord + Clone, V> Table<K, V> {
    /// Gives an empty table for up to `max` entities.
    pub(crate) fn new(max: usize) -> Self {
        let keys = Keys::default();
        let young = HashMap::with_hasher(keys.clone());
        Self { young, old: HashMap::with_hasher(keys), max, forgotten: 0 }
    }

    /// Gives what is kept of an entity, or begins anew.
    pub(crate) fn entry(&mut self, key: K, begin: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(&key) {
            let kept = self.old.remove(&key);
            if self.young.len() >= (self.max / 2).max(1) {
                let gone = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
                let gone = u64::try_from(gone.len()).unwrap_or(u64::MAX);
                self.forgotten = self.forgotten.saturating_add(gone);
            }
            if let Some(value) = kept {
                self.young.insert(key.clone(), value);
            }
        }
        self.young.entry(key).or_insert_with(begin)
    }

    /// Gives what is kept of an entity, if anything is.
    pub(crate) fn known(&mut self, key: K) -> Option<&mut V> {
        if self.old.contains_key(&key) {
            // Touched: belongs to the newer half. There is one, so nothing begins.
            let kept = self.old.remove(&key)?;
            return Some(self.entry(key, || kept));
        }
        self.young.get_mut(&key)
    }

    /// Takes out what is kept of an entity.
    pub(crate) fn take(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Gives how many went for want of room.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Gives every entity and what is kept of it, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.young.iter().chain(self.old.iter())
    }

    /// Gives what is kept of every entity, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.young.values().chain(self.old.values())
    }

    /// The same, to be changed.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.young.values_mut().chain(self.old.values_mut())
    }

    /// Appends all entities, those of the older half first, each half in the order of the keys.
    pub(crate) fn snapshot(&self, writer: &mut Writer, mut each: impl FnMut(&mut Writer, &K, &V)) {
        writer.number(self.forgotten);
        for half in [&self.old, &self.young] {
            let mut rows: Vec<(&K, &V)> = half.iter().collect();
            rows.sort_unstable_by(|one, other| one.0.cmp(other.0));
            writer.length(rows.len());
            for (key, value) in rows {
                each(writer, key, value);
            }
        }
    }

    /// Takes up what [`Table::snapshot`] wrote.
    pub(crate) fn restore(
        &mut self,
        reader: &mut Reader<'_>,
        mut each: impl FnMut(&mut Reader<'_>) -> Read<(K, V)>,
    ) -> Read<()> {
        self.forgotten = reader.number()?;
        for half in [&mut self.old, &mut self.young] {
            half.clear();
            let length = reader.length()?;
            if length > self.max {
                return Err(SnapshotError::TooLarge);
            }
            for _ in 0..length {
                let (key, value) = each(reader)?;
                half.insert(key, value);
            }
        }
        Ok(())
    }
}

/// How many things a [`Distinct`] keeps without asking for memory.
const FEW: usize = 6;

/// How many different things were seen, exactly up to a bound.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distinct {
    /// The first ones, as long as there are no more; then all of them are among the many.
    few: [u32; FEW],
    length: usize,
    many: Option<Box<Many>>,
}

/// More things; apart, since most sets never have so many.
#[derive(Clone, Debug)]
struct Many(HashSet<u32, Keys>);

impl Distinct {
    /// How many are told apart; a count that reaches it means "at least".
    pub(crate) const MAX: usize = 1_024;

    /// Tells whether a thing is new; what comes when the set is full is not.
    pub(crate) fn insert(&mut self, thing: u32) -> bool {
        if let Some(many) = &mut self.many {
            return many.0.len() < Self::MAX && many.0.insert(thing);
        }
        if self.few.iter().take(self.length).any(|one| *one == thing) {
            return false;
        }
        if let Some(place) = self.few.get_mut(self.length) {
            *place = thing;
            self.length += 1;
        } else {
            let all = self.few.into_iter().chain([thing]);
            self.many = Some(Box::new(Many(all.collect())));
        }
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.many.as_ref().map_or(self.length, |many| many.0.len())
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives how many bytes it takes beside itself.
    pub(crate) fn bytes(&self) -> usize {
        self.many.as_ref().map_or(0, |many| many.0.capacity() * 5 + size_of::<Many>())
    }

    pub(crate) fn snapshot(&self, writer: &mut Writer) {
        let few = self.few.iter().take(self.length).filter(|_| self.many.is_none());
        let mut things: Vec<u32> =
            few.chain(self.many.iter().flat_map(|many| many.0.iter())).copied().collect();
        things.sort_unstable();
        writer.length(things.len());
        for thing in things {
            writer.number(u64::from(thing));
        }
    }

    pub(crate) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let length = reader.length()?;
        if length > Self::MAX {
            return Err(SnapshotError::TooLarge);
        }
        let mut distinct = Self::default();
        for _ in 0..length {
            distinct.insert(u32::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?);
        }
        Ok(distinct)
    }
}

/// The events that a finding stands on: the first ones and the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence(Vec<EventId>);

impl Evidence {
    pub(crate) fn push(&mut self, event: EventId) {
        if self.0.len() == EVIDENCE_MAX {
            self.0.pop();
        }
        self.0.push(event);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn events(&self) -> Vec<EventId> {
        self.0.clone()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<EventId>()
    }

    pub(crate) fn snapshot(&self, writer: &mut Writer) {
        writer.length(self.0.len());
        for event in &self.0 {
            writer.number(event.0);
        }
    }

    pub(crate) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let length = reader.length()?;
        if length > EVIDENCE_MAX {
            return Err(SnapshotError::TooLarge);
        }
        (0..length).map(|_| reader.number().map(EventId)).collect::<Read<_>>().map(Self)
    }
}

/// Says when a thing that goes on growing is worth another word: each time it has doubled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told(u64);

impl Told {
    /// Tells whether `count` is worth a word, and how much of it is new; then it has been said.
    pub(crate) fn say(&mut self, count: u64, least: u64) -> Option<u64> {
        let due = if self.0 == 0 { count >= least } else { count >= self.0.saturating_mul(2) };
        due.then(|| {
            let fresh = count.saturating_sub(self.0);
            self.0 = count;
            fresh
        })
    }

    pub(crate) fn clear(&mut self) {
        self.0 = 0;
    }

    pub(crate) fn snapshot(self, writer: &mut Writer) {
        writer.number(self.0);
    }

    pub(crate) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        reader.number().map(Self)
    }
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) port: u16,
}

impl Ends {
    /// Reads the ends of an event, where it tells both.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        Some(Self {
            source: event.ip(Field::SourceIp)?,
            destination: event.ip(Field::DestinationIp)?,
            port: event.port(Field::DestinationPort)?,
        })
    }
}

/// Gives an address as a number, for keys that sort.
pub(crate) fn address_key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Gives the address of a key.
pub(crate) fn address_of(key: u128) -> IpAddr {
    let address = Ipv6Addr::from_bits(key);
    address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
}

/// Mixes a number down to 32 bits; who makes numbers that collide makes a count too low by one.
pub(crate) fn mix(number: u128) -> u32 {
    let bytes = number.to_le_bytes();
    let (low, high) = bytes.split_at(8);
    let word = |part: &[u8]| u64::from_le_bytes(part.try_into().unwrap_or_default());
    let mixed = (word(low) ^ word(high).rotate_left(31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    u32::try_from(mixed >> 32).unwrap_or_default()
}

/// The key of [`hash`]: what is kept between two runs is found again by it.
const HASH_KEY: (u64, u64) = (0x7C15_9E37_79B9_7F4A, 0x1CE4_E5B9_BF58_476D);

/// Hashes a name to what it is known by (SipHash-2-4). The key is no secret, but another name of a given
/// hash is not worked out in a few steps, as where words are multiplied: it has to be searched for.
pub(crate) fn hash(name: &[u8]) -> u64 {
    SipHasher24::new_with_keys(HASH_KEY.0, HASH_KEY.1).hash(name)
}

/// Gives the key of whom an address belongs to: the address, or of public version 6 the network of one
/// customer, who has as many addresses in it as he likes.
pub(crate) fn customer_key(address: IpAddr) -> u128 {
    let key = address_key(address);
    let wide = matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_none());
    if wide && !is_inside(address) { key & !u128::from(u64::MAX) } else { key }
}

/// Tells whether an address belongs to no public network.
pub(crate) fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                || address.is_unspecified()
                || (first == 100 && second & 0xC0 == 64)
        }
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_inside(IpAddr::V4(mapped)),
            None => {
                address.is_loopback()
                    || address.is_unspecified()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
                    || address.is_multicast()
            }
        },
    }
}

/// Gives a size in words.
pub(crate) fn bytes(bytes: f64) -> String {
    match bytes {
        ..1e3 => format!("{bytes:.0} bytes"),
        ..1e6 => format!("{:.1} kB", bytes / 1e3),
        ..1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

/// Gives a count of a number that is one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "the cast saturates"
)]
pub(crate) fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

/// Gives a count as a number of a finding.
pub(crate) fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// Gives a length of time in words.
pub(crate) fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{} s", seconds.max(1)),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Appends a moment.
pub(crate) fn write_time(writer: &mut Writer, time: Timestamp) {
    writer.signed(time.nanos());
}

/// Reads what [`write_time`] wrote.
pub(crate) fn read_time(reader: &mut Reader<'_>) -> Read<Timestamp> {
    reader.signed().map(Timestamp::from_nanos)
}

/// Appends an address.
pub(crate) fn write_key(writer: &mut Writer, key: u128) {
    writer.raw(&key.to_le_bytes());
}

/// Reads what [`write_key`] wrote.
pub(crate) fn read_key(reader: &mut Reader<'_>) -> Read<u128> {
    Ok(u128::from(reader.whole()?) | u128::from(reader.whole()?) << 64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_second_name_is_worked_out_for_a_hash() {
        // These two were one where words were multiplied.
        assert_ne!(hash(b"administrator@ex"), hash(b"attacker\xac\x87[o\x0a\xc2o\xa4"));
        let hashes: HashSet<u64> = (0..10_000_u32).map(|one| hash(&one.to_le_bytes())).collect();
        assert_eq!(hashes.len(), 10_000);
    }

    #[test]
    fn a_customer_is_one_whatever_the_address() {
        let key = |address: &str| customer_key(address.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        for (one, other) in [
            ("2001:db8::1", "2001:db8:0:1::1"),
            ("fd00::1", "fd00::2"),
            ("fe80::1", "fe80::2"),
            ("203.0.113.1", "203.0.113.2"),
            ("::ffff:203.0.113.1", "::ffff:203.0.113.2"),
        ] {
            assert_ne!(key(one), key(other), "{one} {other}");
        }
    }

    #[test]
    fn a_table_keeps_what_was_touched_last_and_counts_what_goes() {
        let mut table: Table<u32, u32> = Table::new(10);
        for key in 0..8 {
            *table.entry(key, || 0) += 1;
        }
        // Touched again: belongs to the newer half.
        *table.entry(1, || 0) += 1;
        for key in 8..30 {
            table.entry(key, || 0);
            assert!(table.len() <= 10);
            assert!(*table.entry(1, || 0) >= 2, "what is touched all the time never goes");
        }
        assert_eq!(table.forgotten() + u64::try_from(table.len()).unwrap(), 30);
        let mut writer = Writer::default();
        let write = |writer: &mut Writer, key: &u32, value: &u32| {
            writer.number(u64::from(*key));
            writer.number(u64::from(*value));
        };
        table.snapshot(&mut writer, write);
        let bytes = writer.finish();
        let mut again: Table<u32, u32> = Table::new(10);
        let small = |reader: &mut Reader<'_>| Ok(u32::try_from(reader.number()?).unwrap());
        again
            .restore(&mut Reader::new(&bytes), |reader| Ok((small(reader)?, small(reader)?)))
            .unwrap();
        assert_eq!(again.forgotten(), table.forgotten());
        let mut rewritten = Writer::default();
        again.snapshot(&mut rewritten, write);
        assert_eq!(rewritten.finish(), bytes);
    }

    #[test]
    fn addresses_are_keys_and_back() {
        for text in ["192.0.2.1", "2001:db8::1", "::", "0.0.0.0"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(address_of(address_key(address)), address);
        }
    }

    proptest! {
        /// Against a set of the library.
        #[test]
        fn different_things_are_counted_as_a_set_does(things in proptest::collection::vec(0_u32..40, 0..80)) {
            let (mut distinct, mut set) = (Distinct::default(), HashSet::new());
            for thing in things {
                prop_assert_eq!(distinct.insert(thing), set.insert(thing));
                prop_assert_eq!(distinct.len(), set.len());
            }
            let bytes = |distinct: &Distinct| {
                let mut writer = Writer::default();
                distinct.snapshot(&mut writer);
                writer.finish()
            };
            let again = Distinct::restore(&mut Reader::new(&bytes(&distinct))).unwrap();
            prop_assert_eq!(bytes(&again), bytes(&distinct));
        }

        /// Whatever keys come in whatever order: a table never holds more than it may, and counts what went.
        #[test]
        fn no_keys_make_a_table_hold_more_than_it_may(
            max in 1_usize..20,
            keys in proptest::collection::vec((0_u32..60, 0_u8..3), 0..400),
        ) {
            let mut table: Table<u32, u32> = Table::new(max);
            for (key, what) in keys {
                match what {
                    0 => { table.known(key); }
                    1 => { table.take(&key); }
                    _ => { table.entry(key, || 0); }
                }
                prop_assert!(table.len() <= max.max(2), "{} of {max}", table.len());
                prop_assert_eq!(table.iter().count(), table.len());
            }
        }
    }

    #[test]
    fn no_set_tells_more_apart_than_it_may() {
        let mut distinct = Distinct::default();
        let new = (0..5_000_u32).filter(|thing| distinct.insert(mix(u128::from(*thing)))).count();
        assert_eq!((new, distinct.len()), (Distinct::MAX, Distinct::MAX));
        assert!(distinct.bytes() < 20_000);
    }

    #[test]
    fn what_grows_is_told_when_it_doubled() {
        let mut told = Told::default();
        let said: Vec<(u64, u64)> =
            (1..100).filter_map(|count| Some((count, told.say(count, 20)?))).collect();
        assert_eq!(said, [(20, 20), (40, 20), (80, 40)]);
    }
}
