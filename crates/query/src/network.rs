//! A network in CIDR notation (RFC 4632, RFC 4291), or one address.

use std::fmt;
use std::net::IpAddr;

use model::Value;

/// The addresses that share a prefix; one address is the network of its full length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// The network's first address.
    first: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `203.0.113.0/24`, `2001:db8::/32` or an address alone. Bits past the prefix are ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address.parse().ok()?, Some(prefix.parse().ok()?))
            }
            Some(_) => return None,
            None => (text.parse().ok()?, None),
        };
        let width = width(address);
        let prefix = prefix.unwrap_or(width);
        (prefix <= width).then(|| Self { first: masked(address, prefix), prefix })
    }

    /// Gives the first address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// Gives the last address.
    pub fn last(&self) -> IpAddr {
        match self.first {
            IpAddr::V4(first) => IpAddr::V4(
                (u32::from(first) | u32::MAX.checked_shr(self.prefix.into()).unwrap_or(0)).into(),
            ),
            IpAddr::V6(first) => IpAddr::V6(
                (u128::from(first) | u128::MAX.checked_shr(self.prefix.into()).unwrap_or(0)).into(),
            ),
        }
    }

    /// Gives the length of the prefix in bits.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Tells whether an address lies within. An IPv4 address that is written as an IPv6 one
    /// (`::ffff:203.0.113.9`) counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let within = |address| masked(address, self.prefix) == self.first;
        match (self.first, address) {
            (IpAddr::V4(_), IpAddr::V6(wide)) => {
                wide.to_ipv4_mapped().is_some_and(|narrow| within(IpAddr::V4(narrow)))
            }
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => within(address),
            (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// Tells whether a value is an address within, as itself or written out.
    pub fn contains_value(&self, value: Value<'_>) -> bool {
        match value {
            Value::Address(address) => self.contains(address),
            Value::Text(text) => text.trim().parse().is_ok_and(|address| self.contains(address)),
            _ => false,
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
            IpAddr::V4((u32::from(address) & !host).into())
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
            IpAddr::V6((u128::from(address) & !host).into())
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == width(self.first) {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}/{}", self.first, self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn networks_of_both_families() {
        check("203.0.113.77/24", expect!["203.0.113.0/24 to 203.0.113.255"]);
        check("0.0.0.0/0", expect!["0.0.0.0/0 to 255.255.255.255"]);
        check("203.0.113.9", expect!["203.0.113.9 to 203.0.113.9"]);
        check("2001:db8::1/32", expect!["2001:db8::/32 to 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"]);
        check("::/0", expect!["::/0 to ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]);
    }

    #[test]
    fn no_network() {
        for text in
            ["203.0.113.0/33", "::/129", "203.0.113/24", "/8", "10.0.0.0/", "10.0.0.0/+8", ""]
        {
            check(text, expect!["none"]);
        }
    }

    #[test]
    fn addresses_within_and_without() {
        let network = Network::parse("203.0.113.0/24").unwrap();
        assert!(network.contains_value(Value::Text("203.0.113.255")));
        assert!(network.contains_value(Value::Text("::ffff:203.0.113.1")));
        assert!(!network.contains_value(Value::Text("203.0.114.0")));
        assert!(!network.contains_value(Value::Text("2001:db8::1")));
        assert!(!network.contains_value(Value::Integer(1)));
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let read = Network::parse(text);
        expect.assert_eq(
            &read.map_or("none".to_owned(), |network| format!("{network} to {}", network.last())),
        );
    }
}
