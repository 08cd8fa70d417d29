//! The networks that are one's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The addresses that nobody routes on the internet, which are one's own unless told otherwise.
const PRIVATE: [&str; 9] = [
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
    "fe80::/10",
];
/// Bounds the list.
const NETWORKS_MAX: usize = 4096;

/// The networks that are one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    /// IPv4 in the low 32 bits.
    bits: u128,
    /// How many bits of an address are compared, from the highest of its family.
    mask: u128,
    ipv6: bool,
}

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network, such as 192.168.0.0/16 or fd00::/8")]
pub struct HomeError(pub String);

impl Default for Home {
    fn default() -> Self {
        Self(PRIVATE.iter().filter_map(|text| text.parse().ok()).collect())
    }
}

impl Home {
    /// Reads a list of networks; an empty one means the private ones.
    pub fn parse(networks: &[String]) -> Result<Self, HomeError> {
        if networks.is_empty() {
            return Ok(Self::default());
        }
        if networks.len() > NETWORKS_MAX {
            return Err(HomeError(format!("a list of {} entries", networks.len())));
        }
        networks.iter().map(|text| text.parse()).collect::<Result<_, _>>().map(Self)
    }

    /// Tells whether an address is one's own.
    pub fn holds(&self, address: IpAddr) -> bool {
        let (bits, ipv6) = bits_of(address);
        self.0.iter().any(|network| network.ipv6 == ipv6 && bits & network.mask == network.bits)
    }

    /// Gives the networks, each as an address and the length of its prefix.
    pub fn networks(&self) -> impl Iterator<Item = (IpAddr, u8)> {
        self.0.iter().filter_map(|network| {
            let length = u8::try_from(network.mask.count_ones()).ok()?;
            if network.ipv6 {
                return Some((Ipv6Addr::from_bits(network.bits).into(), length));
            }
            let bits = u32::try_from(network.bits).ok()?;
            // The mask of IPv4 goes on above its 32 bits.
            Some((Ipv4Addr::from_bits(bits).into(), length.checked_sub(96)?))
        })
    }

    /// Tells which way a flow goes, in the schema's words for `network.direction`.
    pub fn direction(&self, source: IpAddr, destination: IpAddr) -> &'static str {
        match (self.holds(source), self.holds(destination)) {
            (true, true) => "internal",
            (true, false) => "outbound",
            (false, true) => "inbound",
            (false, false) => "external",
        }
    }
}

impl FromStr for Network {
    type Err = HomeError;

    fn from_str(text: &str) -> Result<Self, HomeError> {
        let wrong = || HomeError(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let (bits, ipv6) = bits_of(address.trim().parse().map_err(|_| wrong())?);
        let width: u32 = if ipv6 { 128 } else { 32 };
        let length = match length {
            Some(length) => length.trim().parse().map_err(|_| wrong())?,
            None => width,
        };
        let rest = width.checked_sub(length).ok_or_else(wrong)?;
        let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
        Ok(Self { bits: bits & mask, mask, ipv6 })
    }
}

fn bits_of(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(address) => (u128::from(address.to_bits()), false),
        IpAddr::V6(address) => (address.to_bits(), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_ones_own() {
        let home = Home::default();
        assert!(home.holds("172.31.255.255".parse().unwrap()));
        assert!(home.holds("::ffff:10.1.2.3".parse().unwrap()));
        assert!(home.holds("fd12::1".parse().unwrap()));
        assert!(!home.holds("172.32.0.0".parse().unwrap()));
        assert!(!home.holds("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn named_networks_replace_them() {
        let home = Home::parse(&["203.0.113.128/25".to_owned(), "::/0".to_owned()]).unwrap();
        assert!(home.holds("203.0.113.200".parse().unwrap()));
        assert!(!home.holds("203.0.113.100".parse().unwrap()));
        assert!(home.holds("2001:db8::1".parse().unwrap()));
        for wrong in ["10.0.0.0/33", "10.0.0/8", "fd00::/129", "", "10.0.0.0/-1"] {
            assert!(Home::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
