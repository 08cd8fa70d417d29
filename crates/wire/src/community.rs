//! Community ID, version 1: one word for a flow that every tool computes alike.
//!
//! SHA-1 over a seed, both ends and the transport, the lower end first, in Base64 after `1:`
//! (github.com/corelight/community-id-spec). ICMP's type and code stand for ports: an answer counts as the other
//! direction of its question, and a message without one keeps its direction.

use std::net::IpAddr;

use base64::Engine;
use sha1::{Digest, Sha1};

use crate::packet::Transport;
use crate::tell::About;

/// Computes the identifier; ARP has none.
pub(crate) fn id(about: &About<'_>) -> Option<String> {
    let ends = Ends {
        source: about.source,
        destination: about.destination,
        source_port: about.source_port,
        destination_port: about.destination_port,
    };
    ends.id(about.transport, about.protocol_number)
}

/// Both ends of a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
}

impl Ends {
    /// Computes the identifier with the seed 0.
    pub(crate) fn id(self, transport: Transport, protocol: u8) -> Option<String> {
        let (source_port, destination_port, one_way) = match transport {
            Transport::Arp => return None,
            Transport::Icmp | Transport::Icmp6 => {
                icmp(transport, self.source_port, self.destination_port)
            }
            Transport::Tcp | Transport::Udp | Transport::Other => {
                (self.source_port, self.destination_port, false)
            }
        };
        let ordered = one_way || (self.source, source_port) < (self.destination, destination_port);
        let mut bytes = [0_u8; 40];
        let length = if ordered {
            fill(&mut bytes, self.source, self.destination, protocol, source_port, destination_port)
        } else {
            fill(&mut bytes, self.destination, self.source, protocol, destination_port, source_port)
        };
        // What has no ports is hashed without them.
        let ports = if transport == Transport::Other { 0 } else { 4 };
        let hashed = bytes.get(..length + ports).unwrap_or(&bytes);
        let digest = Sha1::digest(hashed);
        let mut id = String::with_capacity(30);
        id.push_str("1:");
        base64::engine::general_purpose::STANDARD.encode_string(digest, &mut id);
        Some(id)
    }
}

/// Lays out what is hashed, and gives its length without the ports.
fn fill(
    bytes: &mut [u8; 40],
    low: IpAddr,
    high: IpAddr,
    protocol: u8,
    low_port: u16,
    high_port: u16,
) -> usize {
    let mut length = 0;
    let mut push = |part: &[u8]| {
        if let Some(room) = bytes.get_mut(length..length + part.len()) {
            room.copy_from_slice(part);
        }
        length += part.len();
    };
    push(&[0, 0]);
    for address in [low, high] {
        match address {
            IpAddr::V4(address) => push(&address.octets()),
            IpAddr::V6(address) => push(&address.octets()),
        }
    }
    push(&[protocol, 0]);
    push(&low_port.to_be_bytes());
    push(&high_port.to_be_bytes());
    length - 4
}

/// Gives the message of ICMP that goes the other way in one exchange with this one.
pub(crate) fn answer(transport: Transport, kind: u16) -> Option<u16> {
    let pairs = if transport == Transport::Icmp6 { ICMP6_PAIRS } else { ICMP_PAIRS };
    let other = |pair: &(u16, u16)| match *pair {
        (one, other) if one == kind => Some(other),
        (one, other) if other == kind => Some(one),
        _ => None,
    };
    pairs.iter().find_map(other)
}

/// Messages of ICMP that answer each other: echo, timestamp, information, mask, router.
const ICMP_PAIRS: &[(u16, u16)] = &[(8, 0), (13, 14), (15, 16), (17, 18), (10, 9)];
/// Messages of ICMPv6 that answer each other.
const ICMP6_PAIRS: &[(u16, u16)] =
    &[(128, 129), (133, 134), (135, 136), (130, 131), (144, 145), (139, 140)];

/// Gives the ports that an ICMP message stands for, and whether it goes one way only.
fn icmp(transport: Transport, kind: u16, code: u16) -> (u16, u16, bool) {
    match answer(transport, kind) {
        Some(other) => (kind, other, false),
        None => (kind, code, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        transport: Transport,
        protocol: u8,
        (source, source_port): (&str, u16),
        (destination, destination_port): (&str, u16),
        expected: &str,
    ) {
        let ends = Ends {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            source_port,
            destination_port,
        };
        assert_eq!(ends.id(transport, protocol).as_deref(), Some(expected));
    }

    /// The specification's own examples.
    #[test]
    fn what_the_specification_gives() {
        let (client, server) = (("128.232.110.120", 34855), ("66.35.250.204", 80));
        check(Transport::Tcp, 6, client, server, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        check(Transport::Tcp, 6, server, client, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        let (client, server) = (("192.168.1.52", 54585), ("8.8.8.8", 53));
        check(Transport::Udp, 17, client, server, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
        let (one, other) = (("192.168.0.89", 8), ("192.168.0.1", 0));
        check(Transport::Icmp, 1, one, other, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
        check(Transport::Icmp, 1, (other.0, 0), (one.0, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
    }
}
