//! Addresses that are known to be up to no good, since they touched a decoy.
//!
//! Nobody needs a decoy, so whoever touched one is remembered for a month. Events that name such an
//! address carry `threat.indicator.provider: decoy` and the address in `threat.indicator.ip`, before rules see them.
//!
//! The list has one owner, the memory of the engine; who reads records holds a snapshot of it, which is
//! replaced as a whole. With it goes what is usual at each site, which is learned and shown the same way.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use model::{Event, Field, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use crate::keep::{Table, address_key, address_of, read_key, read_time, write_key, write_time};
use crate::models::Usual;

/// How many addresses are remembered.
const ADDRESSES_MAX: usize = 50_000;
/// How long an address is remembered after its last touch.
const REMEMBERED: i64 = 30 * 86_400 * 1_000_000_000;

/// What was known at one moment of addresses and of sites; cheap to share.
#[derive(Clone, Debug, Default)]
pub struct Indicators {
    addresses: Arc<HashMap<IpAddr, Timestamp>>,
    usual: Usual,
}

impl Indicators {
    /// Gives how many addresses are known.
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Tells whether no address is known.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Gives what is usual at each site.
    pub fn usual(&self) -> &Usual {
        &self.usual
    }

    /// Puts what is usual at each site in the place of what was.
    pub(crate) fn renew_usual(&mut self, usual: Usual) {
        self.usual = usual;
    }

    /// Puts the addresses of another snapshot in the place of these.
    pub(crate) fn renew_addresses(&mut self, other: Self) {
        self.addresses = other.addresses;
    }

    /// Marks an event that names a known address.
    pub(crate) fn mark(&self, event: &mut Event) {
        if self.addresses.is_empty() || touches_decoy(event) {
            return;
        }
        let known = |address: &IpAddr| {
            let last = self.addresses.get(address);
            last.is_some_and(|last| event.time.nanos().saturating_sub(last.nanos()) <= REMEMBERED)
        };
        let sides = [event.ip(Field::SourceIp), event.ip(Field::DestinationIp)];
        let Some(address) = sides.into_iter().flatten().find(known) else { return };
        event.set_extra("threat.indicator.provider", "decoy");
        event.set_extra("threat.indicator.ip", address);
    }
}

/// Tells whether an event is of a decoy itself.
fn touches_decoy(event: &Event) -> bool {
    event.text(Field::EventAction).is_some_and(|action| action.starts_with("decoy_"))
}

/// The list as its owner keeps it.
#[derive(Debug)]
pub(crate) struct Watched {
    addresses: Table<u128, Timestamp>,
    /// Whether an address was added since the last snapshot.
    changed: bool,
}

impl Default for Watched {
    fn default() -> Self {
        Self { addresses: Table::new(ADDRESSES_MAX), changed: false }
    }
}

impl Watched {
    /// Takes note of who touched a decoy.
    pub(crate) fn observe(&mut self, event: &Event) {
        if !touches_decoy(event) {
            return;
        }
        // What runs on this very machine is the owner who tries it out.
        let Some(source) = event.ip(Field::SourceIp).filter(|source| !source.is_loopback()) else {
            return;
        };
        let last = self.addresses.entry(address_key(source), || Timestamp::MIN);
        // The snapshot need not follow each of a thousand touches.
        self.changed |= event.time.nanos().saturating_sub(last.nanos()) > REMEMBERED / 30;
        *last = (*last).max(event.time);
    }

    /// Gives the list, if it changed since it was asked for last.
    pub(crate) fn renewed(&mut self) -> Option<Indicators> {
        std::mem::take(&mut self.changed).then(|| self.all())
    }

    /// Gives the list.
    pub(crate) fn all(&self) -> Indicators {
        let rows = self.addresses.iter().map(|(key, last)| (address_of(*key), *last));
        Indicators { addresses: Arc::new(rows.collect()), usual: Usual::default() }
    }

    pub(crate) fn snapshot(&self, writer: &mut Writer) {
        self.addresses.snapshot(writer, |writer, key, last| {
            write_key(writer, *key);
            write_time(writer, *last);
        });
    }

    pub(crate) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let mut watched = Self::default();
        let row = |reader: &mut Reader<'_>| -> Result<_, SnapshotError> {
            Ok((read_key(reader)?, read_time(reader)?))
        };
        watched.addresses.restore(reader, row)?;
        Ok(watched)
    }
}

#[cfg(test)]
mod tests {
    use model::Text;

    use super::*;

    fn event(action: &str, address: &str, day: i64) -> Event {
        let mut event = Event::new(Text::default(), Timestamp::default());
        event.time = Timestamp::from_nanos(day * 86_400 * 1_000_000_000);
        event.set(Field::EventAction, action);
        event.set(Field::SourceIp, address.parse::<IpAddr>().unwrap());
        event
    }

    fn is_marked(indicators: &Indicators, mut event: Event) -> bool {
        indicators.mark(&mut event);
        event.get_extra("threat.indicator.ip").is_some()
    }

    #[test]
    fn who_touched_a_decoy_is_known_for_a_month() {
        let mut watched = Watched::default();
        watched.observe(&event("decoy_login", "203.0.113.9", 1));
        watched.observe(&event("decoy_login", "127.0.0.1", 1));
        watched.observe(&event("ssh_login", "198.51.100.7", 1));
        let indicators = watched.renewed().unwrap();
        assert!(watched.renewed().is_none(), "nothing changed");
        assert_eq!(indicators.len(), 1);
        assert!(is_marked(&indicators, event("ssh_login", "203.0.113.9", 30)));
        assert!(!is_marked(&indicators, event("ssh_login", "203.0.113.9", 32)));
        assert!(!is_marked(&indicators, event("ssh_login", "198.51.100.7", 2)));
        assert!(!is_marked(&indicators, event("decoy_login", "203.0.113.9", 2)));

        let mut writer = Writer::default();
        watched.snapshot(&mut writer);
        let bytes = writer.finish();
        let again = Watched::restore(&mut Reader::new(&bytes)).unwrap().all();
        assert!(is_marked(&again, event("ssh_login", "203.0.113.9", 30)));
    }
}
