//! Where people log in from: cities, the providers there, the addresses that those have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::dice::Dice;

/// A network at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Site {
    pub(crate) country: &'static str,
    pub(crate) city: &'static str,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    /// The number and the name of the network's owner.
    pub(crate) owner: u64,
    pub(crate) owner_name: &'static str,
    pub(crate) network: Network,
}

/// Which addresses a network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// One of the 512 of 198.18.0.0/15.
    Old(u64),
    /// One of those in 2001:db8::/32.
    New(u64),
    /// A machine of the own network 10.0.0.0/8.
    Own(u64),
}

impl Network {
    /// Gives an address of the network.
    pub(crate) fn address(self, dice: &mut Dice) -> IpAddr {
        match self {
            Self::Old(index) => {
                let [.., high, low] = index.to_be_bytes();
                let last = u8::try_from(dice.between(1, 254)).unwrap_or(1);
                IpAddr::V4(Ipv4Addr::new(198, 18 + (high & 1), low, last))
            }
            Self::New(index) => {
                let prefix = (0x2001_0db8_0000 | (index & 0xffff)) << 16;
                let high = u128::from(prefix | dice.below(256)) << 64;
                IpAddr::V6(Ipv6Addr::from(high | u128::from(dice.next())))
            }
            Self::Own(index) => {
                let [.., second, third, last] = index.to_be_bytes();
                IpAddr::V4(Ipv4Addr::new(10, second, third, last))
            }
        }
    }
}

struct City(&'static str, &'static str, f64, f64);

/// Where the people of the company live; the office is in the first.
const CITIES: [City; 8] = [
    City("DE", "Berlin", 52.52, 13.40),
    City("DE", "Hamburg", 53.55, 9.99),
    City("DE", "Munich", 48.14, 11.58),
    City("DE", "Cologne", 50.94, 6.96),
    City("DE", "Frankfurt", 50.11, 8.68),
    City("DE", "Leipzig", 51.34, 12.37),
    City("DE", "Freiburg", 47.99, 7.85),
    City("AT", "Vienna", 48.21, 16.37),
];

/// Where they travel to, the nearest first.
const FAR: [City; 14] = [
    City("FR", "Paris", 48.86, 2.35),
    City("GB", "London", 51.51, -0.13),
    City("ES", "Madrid", 40.42, -3.70),
    City("IT", "Rome", 41.90, 12.50),
    City("US", "New York", 40.71, -74.01),
    City("PL", "Warsaw", 52.23, 21.01),
    City("NL", "Amsterdam", 52.37, 4.90),
    City("GR", "Athens", 37.98, 23.73),
    City("US", "San Francisco", 37.77, -122.42),
    City("TR", "Istanbul", 41.01, 28.98),
    City("IN", "Bengaluru", 12.97, 77.59),
    City("JP", "Tokyo", 35.68, 139.69),
    City("BR", "Recife", -8.05, -34.88),
    City("ZA", "Cape Town", -33.92, 18.42),
];

/// Where attackers are.
const FOREIGN: [City; 8] = [
    City("VN", "Hanoi", 21.03, 105.85),
    City("NG", "Lagos", 6.52, 3.38),
    City("RU", "Kazan", 55.80, 49.11),
    City("CN", "Wuhan", 30.59, 114.31),
    City("BR", "Manaus", -3.12, -60.02),
    City("IR", "Shiraz", 29.59, 52.58),
    City("ID", "Medan", 3.60, 98.67),
    City("AR", "Salta", -24.79, -65.41),
];

const HOME_OWNERS: [&str; 5] =
    ["Example Kabel", "Example Telecom", "Example Glas", "Example Netz", "Example Stadtwerke"];
const MOBILE_OWNERS: [&str; 3] = ["Example Mobil", "Example Funk", "Example Phone"];

fn city(cities: &[City], index: u64) -> &City {
    const NOWHERE: City = City("DE", "Berlin", 52.52, 13.40);
    let index = usize::try_from(index).unwrap_or(0) % cities.len().max(1);
    cities.get(index).unwrap_or(&NOWHERE)
}

fn site(at: &City, owner: (u64, &'static str), network: Network) -> Site {
    let City(country, city, latitude, longitude) = *at;
    let (owner, owner_name) = owner;
    Site { country, city, latitude, longitude, owner, owner_name, network }
}

/// Gives the office, whose people share one address or a few.
pub(crate) fn office() -> Site {
    site(city(&CITIES, 0), (64_600, "Example Office Uplink"), Network::Old(0))
}

/// Gives the exit of the company's own tunnel.
pub(crate) fn tunnel() -> Site {
    site(city(&CITIES, 4), (64_601, "Example Uplink Frankfurt"), Network::Old(1))
}

/// Gives the network of a home.
pub(crate) fn home(dice: &mut Dice) -> Site {
    let (at, owner, part) = (dice.below(8), dice.below(5), dice.below(4));
    let name = HOME_OWNERS.get(usize::try_from(owner).unwrap_or(0)).copied().unwrap_or_default();
    site(city(&CITIES, at), (64_610 + owner, name), Network::Old(10 + (at * 5 + owner) * 4 + part))
}

/// Gives the network of a telephone, which databases place where the provider has its exchange.
pub(crate) fn mobile(owner: u64, dice: &mut Dice) -> Site {
    let name = MOBILE_OWNERS.get(usize::try_from(owner).unwrap_or(0)).copied().unwrap_or_default();
    let part = dice.below(10);
    site(city(&CITIES, owner * 2), (64_620 + owner, name), Network::Old(170 + owner * 10 + part))
}

/// Gives the network of a hotel in another city of the country.
pub(crate) fn hotel(dice: &mut Dice) -> Site {
    let (at, part) = (dice.below(7), dice.below(4));
    site(city(&CITIES, at), (64_630 + at, "Example Hotel Netz"), Network::Old(300 + at * 4 + part))
}

/// Gives a place to travel to, the near ones far more often.
pub(crate) fn far(dice: &mut Dice) -> Site {
    let bound = dice.below(14) + 1;
    let (at, owner, part) = (dice.below(bound), dice.below(2), dice.below(3));
    let network = Network::Old(200 + (at * 2 + owner) * 3 + part);
    site(city(&FAR, at), (64_700 + at * 2 + owner, "Example Abroad"), network)
}

/// Gives an exit of a tunnel that everybody may buy.
pub(crate) fn bought_tunnel(dice: &mut Dice) -> Site {
    let at = dice.below(6);
    site(city(&FAR, at), (64_740 + at, "Example VPN"), Network::Old(290 + at))
}

/// Gives the network of an attacker abroad.
pub(crate) fn attacker(index: u64) -> Site {
    site(
        city(&FOREIGN, index),
        (64_800 + index % 200, "Example Overseas"),
        Network::New(0x100 + index),
    )
}

/// Gives the network of an attacker in the country, whose provider nobody else of the company has.
pub(crate) fn neighbour(index: u64) -> Site {
    site(
        city(&CITIES, index),
        (64_760 + index % 30, "Example Regional"),
        Network::New(0x8000 + index),
    )
}

/// Gives a machine of the own network.
pub(crate) fn own(index: u64) -> Site {
    site(city(&CITIES, 0), (0, ""), Network::Own(0x0001_0000 + index))
}

impl Site {
    /// Gives how long a plane takes to another place, in seconds, with the ways to and from it.
    pub(crate) fn flight_seconds(&self, to: &Self) -> u64 {
        let (one, other) = (self.latitude.to_radians(), to.latitude.to_radians());
        let north = ((other - one) / 2.0).sin().powi(2);
        let east = ((to.longitude - self.longitude).to_radians() / 2.0).sin().powi(2);
        let half = (north + one.cos() * other.cos() * east).clamp(0.0, 1.0).sqrt();
        let hours = 2.0 * 6_371.0 * half.asin() / 850.0 + 2.0;
        std::time::Duration::try_from_secs_f64(hours * 3_600.0).map_or(0, |flight| flight.as_secs())
    }
}
