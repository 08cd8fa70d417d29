//! Where a log-in came from, as far as the event says.

use model::{Event, Field, Timestamp};

use super::super::shared::{Login, number, text};
use crate::keep::{self, is_inside};

/// How far an address may be from where the database says, in kilometres, where it does not say.
const RADIUS_KM: f64 = 100.0;
const RADIUS_KM_MAX: f64 = 2_000.0;
/// No two moments are nearer than this for a traveller, in seconds: clocks differ.
const SECONDS_MIN: f64 = 60.0;
const EARTH_KM: f64 = 6_371.0;

/// A point on the earth, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    pub(super) radius_km: f64,
}

/// What an event says of the place and of the device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'e> {
    pub(super) country: Option<&'e str>,
    pub(super) city: Option<&'e str>,
    pub(super) point: Option<Point>,
    /// The owner of the network as a number, or the front of the address where nobody knows the owner.
    pub(super) owner: u64,
    pub(super) owner_name: Option<&'e str>,
    /// Whether machines live there rather than people.
    pub(super) hosting: bool,
    /// What the user holds in the hand, without its version numbers.
    pub(super) device: Option<u64>,
    pub(super) device_name: Option<&'e str>,
    pub(super) network: u32,
}

/// Which owners of networks let machines in, as far as they were asked for last: it takes a look at each word.
#[derive(Debug, Default)]
pub(super) struct Hosts(Vec<(u64, bool)>);

impl Hosts {
    /// How many owners are remembered; two that share a place push each other out.
    const MAX: usize = 512;

    fn is_hosted(&mut self, login: &Login<'_>, owner: &str) -> bool {
        if self.0.is_empty() {
            self.0.resize(Self::MAX, (0, false));
        }
        let hash = keep::hash(owner.as_bytes()) | 1;
        let index = usize::try_from(hash >> 40).unwrap_or_default() % Self::MAX;
        let Some(known) = self.0.get_mut(index) else { return login.is_hosted() };
        if known.0 != hash {
            *known = (hash, login.is_hosted());
        }
        known.1
    }
}

impl<'e> Place<'e> {
    /// Reads the place of a log-in from outside the own networks.
    pub(super) fn of(login: &Login<'e>, hosts: &mut Hosts) -> Option<Self> {
        if is_inside(login.source) {
            return None;
        }
        let event = login.event;
        let owner_name = text(event, "source.as.organization.name");
        let device_name = device(event);
        Some(Self {
            country: text(event, "source.geo.country_iso_code").filter(|code| code.len() <= 3),
            city: text(event, "source.geo.city_name"),
            point: point(event),
            owner: login.owner(),
            owner_name,
            hosting: owner_name.is_some_and(|owner| hosts.is_hosted(login, owner)),
            device: device_name.map(skeleton),
            device_name,
            network: login.network,
        })
    }
}

fn point(event: &Event) -> Option<Point> {
    let latitude = number(event, "source.geo.location.lat")?;
    let longitude = number(event, "source.geo.location.lon")?;
    let on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    // Nothing at all is how many databases write that they do not know.
    let known = latitude != 0.0 || longitude != 0.0;
    let radius = number(event, "source.geo.accuracy_radius").filter(|radius| *radius >= 0.0);
    let radius_km = radius.unwrap_or(RADIUS_KM).min(RADIUS_KM_MAX);
    (on_earth && known).then_some(Point { latitude, longitude, radius_km })
}

fn device(event: &Event) -> Option<&str> {
    let agent = event.text(Field::UserAgentOriginal).filter(|agent| agent.len() > 1);
    // On Windows the machine that the user sits at tells its name.
    let machine = || event.text(Field::SourceDomain).filter(|name| name.len() > 1);
    agent.or_else(|| event.text(Field::SshSignature)).or_else(machine)
}

/// Hashes a device's name. A browser is the same after its update: numbers do not count, unless they are all
/// there is, as in a fingerprint.
fn skeleton(name: &str) -> u64 {
    if name.starts_with("SHA256:") || name.starts_with("MD5:") || !name.contains('/') {
        return keep::hash(name.as_bytes());
    }
    let mut kept = [0_u8; 256];
    let letters = name.bytes().filter(|byte| !byte.is_ascii_digit() && *byte != b'.');
    let mut length = 0;
    for (to, from) in kept.iter_mut().zip(letters) {
        *to = from;
        length += 1;
    }
    keep::hash(kept.get(..length).unwrap_or_default())
}

/// A move from one place to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Move {
    /// How far it is at least, in kilometres.
    pub(super) distance_km: f64,
    pub(super) seconds: f64,
    /// How fast that is at least, in kilometres an hour.
    pub(super) speed_kmh: f64,
}

impl Move {
    /// Gives the move between two points at two moments.
    pub(super) fn between(from: (Point, Timestamp), to: (Point, Timestamp)) -> Self {
        let apart = distance(from.0, to.0);
        let distance_km = (apart - from.0.radius_km - to.0.radius_km).max(0.0);
        let nanos = to.1.since(from.1).max(from.1.since(to.1));
        let seconds = nanos.as_secs_f64().max(SECONDS_MIN);
        Self { distance_km, seconds, speed_kmh: distance_km / seconds * 3_600.0 }
    }
}

/// Gives the distance of two points along the earth (haversine), in kilometres.
fn distance(from: Point, to: Point) -> f64 {
    let (one, other) = (from.latitude.to_radians(), to.latitude.to_radians());
    let north = ((other - one) / 2.0).sin();
    let east = ((to.longitude - from.longitude).to_radians() / 2.0).sin();
    let half = (north * north + one.cos() * other.cos() * east * east).clamp(0.0, 1.0);
    2.0 * EARTH_KM * half.sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(latitude: f64, longitude: f64) -> Point {
        Point { latitude, longitude, radius_km: 0.0 }
    }

    #[test]
    fn known_distances() {
        let (berlin, tokyo) = (point(52.52, 13.405), point(35.68, 139.69));
        let (london, new_york) = (point(51.51, -0.13), point(40.71, -74.01));
        for (from, to, km) in
            [(berlin, tokyo, 8_918.0), (london, new_york, 5_570.0), (tokyo, tokyo, 0.0)]
        {
            assert!((distance(from, to) - km).abs() < 20.0, "{}", distance(from, to));
        }
        // Over the line of the date it is not far.
        assert!(distance(point(0.0, 179.9), point(0.0, -179.9)) < 23.0);
    }

    #[test]
    fn a_plane_is_slower_than_nine_hundred() {
        let at = |hours: i64| Timestamp::from_nanos(hours * 3_600 * keep::SECOND);
        let (berlin, tokyo) = (point(52.52, 13.405), point(35.68, 139.69));
        let speed = |hours| Move::between((berlin, at(0)), (tokyo, at(hours))).speed_kmh;
        assert!(speed(13) < 900.0 && speed(3) > 900.0);
    }

    #[test]
    fn a_browser_after_its_update_is_the_same() {
        let agent = |version: u32| {
            skeleton(&format!("Mozilla/5.0 (X11; Linux) Chrome/{version}.0.0.0 Safari/537.36"))
        };
        assert_eq!(agent(142), agent(143));
        assert_ne!(agent(142), skeleton("curl/8.14.1"));
        assert_ne!(skeleton("SHA256:abc1"), skeleton("SHA256:abc2"));
    }
}
