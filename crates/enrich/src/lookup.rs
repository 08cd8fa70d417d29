//! Looks addresses up for one thread, and remembers the last of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{Event, Field};

use crate::database::Place;
use crate::databases::Shared;

/// How many addresses are remembered.
const REMEMBERED_MAX: usize = 4_096;

/// One thread's way to look addresses up.
#[derive(Debug)]
pub struct Lookup {
    shared: Arc<Shared>,
    edition: u64,
    /// By address; two that share a place push each other out.
    remembered: Vec<Option<(IpAddr, Arc<Place>)>>,
}

impl Lookup {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, edition: 0, remembered: Vec::new() }
    }

    /// Adds where the source of an event is and whose network it is in, where a database knows and the event
    /// does not tell it itself.
    pub fn enrich(&mut self, event: &mut Event) {
        let Some(address) = event.ip(Field::SourceIp).map(|address| address.to_canonical()) else {
            return;
        };
        if !is_public(address) {
            return;
        }
        if let Some(place) = self.place(address) {
            write(event, &place);
        }
    }

    fn place(&mut self, address: IpAddr) -> Option<Arc<Place>> {
        let edition = self.shared.edition.load(Ordering::Acquire);
        if edition != self.edition {
            self.edition = edition;
            self.remembered.clear();
        }
        let tables = self.shared.tables.load();
        if tables.is_empty() {
            return None;
        }
        if self.remembered.is_empty() {
            self.remembered.resize(REMEMBERED_MAX, None);
        }
        let slot = self.remembered.get_mut(slot(address))?;
        if let Some((_, place)) = slot.as_ref().filter(|(remembered, _)| *remembered == address) {
            return Some(Arc::clone(place)).filter(|place| !place.is_empty());
        }
        let place = Arc::new(tables.look_up(address));
        *slot = Some((address, Arc::clone(&place)));
        Some(place).filter(|place| !place.is_empty())
    }
}

fn slot(address: IpAddr) -> usize {
    let bits = match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let folded = address.to_bits() ^ (address.to_bits() >> 64);
            u64::try_from(folded & u128::from(u64::MAX)).unwrap_or_default()
        }
    };
    let mixed = bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    usize::try_from(mixed).unwrap_or_default() % REMEMBERED_MAX
}

/// Tells whether an address may be in somebody's database.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_multicast())
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_unspecified()
                || address.is_multicast())
        }
    }
}

fn write(event: &mut Event, place: &Place) {
    let text = |event: &mut Event, name: &str, value: &Option<String>| {
        if let Some(value) = value.as_deref().filter(|_| event.get_path(name).is_none()) {
            event.set_path(name, value);
        }
    };
    text(event, "source.as.organization.name", &place.owner_name);
    if let Some(owner) = place.owner.filter(|_| event.get_path("source.as.number").is_none()) {
        event.set_path("source.as.number", owner);
    }
    // Who sent the event may know better; half of that and half of ours would lie nowhere.
    let country = event.get_path("source.geo.country_iso_code");
    let elsewhere = country.is_some_and(|told| told.as_text() != place.country.as_deref());
    if elsewhere || event.get_path("source.geo.location.lat").is_some() {
        return;
    }
    text(event, "source.geo.country_iso_code", &place.country);
    text(event, "source.geo.country_name", &place.country_name);
    text(event, "source.geo.city_name", &place.city);
    if let Some((latitude, longitude)) = place.point {
        event.set_path("source.geo.location.lat", latitude);
        event.set_path("source.geo.location.lon", longitude);
        if let Some(radius) = place.radius_km {
            event.set_path("source.geo.accuracy_radius", radius);
        }
    }
}
