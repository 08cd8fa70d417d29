//! DHCP (RFC 2131): who asks for an address, who gives one and says where the way out is.
//!
//! ```text
//! 02 01 06 00 …  63 82 53 63  35 01 02  36 04 c0 00 02 01 …     reply; options: type 2 (offer), server
//! ```

use std::net::{IpAddr, Ipv4Addr};

use super::shared::bytes::{Bytes, mac};
use super::{Dissector, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const DHCP: Protocol = Protocol {
    name: "dhcp",
    over: &[Transport::Udp],
    ports: &[67, 68],
    recognises: |first| {
        let bytes = if first.client.is_empty() { first.server } else { first.client };
        let fixed = bytes.get(MAGIC_PLACE..MAGIC_PLACE + 4) == Some(&MAGIC);
        let known = fixed && matches!(bytes.first(), Some(1 | 2));
        if known { Verdict::Yes } else { Verdict::No }
    },
    open: |_| Box::new(Dhcp),
    bytes_max: 1024 * 1024 * 1024,
    held_max: 4 * 1024,
    events_max: 1_000_000,
};

const MAGIC_PLACE: usize = 236;
const MAGIC: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
/// Bounds the addresses of one option.
const ADDRESSES_MAX: usize = 8;
/// Bounds the options of one message.
const OPTIONS_MAX: usize = 128;

/// Types of message (RFC 2132, section 9.6), and the words for them.
const TYPES: &[(&str, &str)] = &[
    ("discover", "dhcp_discover"),
    ("offer", "dhcp_offer"),
    ("request", "dhcp_request"),
    ("decline", "dhcp_decline"),
    ("ack", "dhcp_ack"),
    ("nak", "dhcp_nak"),
    ("release", "dhcp_release"),
    ("inform", "dhcp_inform"),
];

/// Each message stands for itself.
#[derive(Debug)]
struct Dhcp;

#[derive(Debug, Default)]
struct Message<'a> {
    kind: usize,
    client_mac: &'a [u8],
    assigned: Option<IpAddr>,
    client: Option<IpAddr>,
    relay: Option<IpAddr>,
    requested: Option<IpAddr>,
    server: Option<IpAddr>,
    routers: Vec<IpAddr>,
    name_servers: Vec<IpAddr>,
    host: &'a [u8],
    vendor: &'a [u8],
    domain: &'a [u8],
    full_name: &'a [u8],
    parameters: &'a [u8],
    lease: Option<u32>,
}

impl Dissector for Dhcp {
    fn feed(&mut self, _: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        match read(bytes) {
            Some(message) => message.tell(told),
            None => told.malformed(),
        }
        Progress::Taken(0)
    }
}

fn read(bytes: &[u8]) -> Option<Message<'_>> {
    let mut rest = Bytes::new(bytes);
    rest.skip(2)?;
    let length = usize::from(rest.u8()?).min(16);
    rest.skip(9)?;
    let mut message = Message { client: address(&mut rest), ..Message::default() };
    message.assigned = address(&mut rest);
    address(&mut rest);
    message.relay = address(&mut rest);
    message.client_mac = rest.take(16)?.get(..length)?;
    rest.skip(64 + 128)?;
    (rest.take(4)? == MAGIC).then_some(())?;
    for _ in 0..OPTIONS_MAX {
        match rest.u8() {
            None | Some(255) => break,
            Some(0) => {}
            Some(option) => {
                let Some(value) = rest.part8() else { break };
                message.option(option, value);
            }
        }
    }
    // A message without a type is of BOOTP, its elder, which gives addresses too.
    Some(message)
}

fn address(rest: &mut Bytes<'_>) -> Option<IpAddr> {
    let address = Ipv4Addr::from(rest.u32()?);
    (!address.is_unspecified()).then_some(IpAddr::V4(address))
}

fn addresses(mut value: Bytes<'_>) -> Vec<IpAddr> {
    let mut list = Vec::new();
    while list.len() < ADDRESSES_MAX && value.len() >= 4 {
        list.extend(address(&mut value));
    }
    list
}

impl<'a> Message<'a> {
    fn option(&mut self, option: u8, mut value: Bytes<'a>) {
        match option {
            3 => self.routers = addresses(value),
            6 => self.name_servers = addresses(value),
            12 => self.host = value.rest(),
            15 => self.domain = value.rest(),
            50 => self.requested = address(&mut value),
            51 => self.lease = value.u32(),
            53 => self.kind = value.u8().map_or(0, usize::from),
            54 => self.server = address(&mut value),
            55 => self.parameters = value.rest(),
            60 => self.vendor = value.rest(),
            // Flags and two codes come before the name.
            81 => self.full_name = value.rest().get(3..).unwrap_or_default(),
            _ => {}
        }
    }

    fn tell(&self, told: &mut Told<'_>) {
        let row = self.kind.checked_sub(1).and_then(|index| TYPES.get(index));
        let (kind, action) = *row.unwrap_or(&("bootp", "dhcp_bootp"));
        told.event(Heading::of(action), |line| {
            line.object("dhcp", |dhcp| {
                dhcp.word("type", kind);
                dhcp.text("client_mac", mac(self.client_mac));
                for (name, address) in [
                    ("assigned_ip", self.assigned),
                    ("client_ip", self.client),
                    ("requested_ip", self.requested),
                    ("server_ip", self.server),
                    ("relay_ip", self.relay),
                ] {
                    if let Some(address) = address {
                        dhcp.address(name, address);
                    }
                }
                dhcp.text_some("hostname", Some(self.host));
                dhcp.text_some("vendor_class", Some(self.vendor));
                dhcp.text_some("domain", Some(self.domain));
                dhcp.text_some("full_name", Some(self.full_name));
                if !self.routers.is_empty() {
                    dhcp.addresses("routers", self.routers.iter().copied());
                }
                if !self.name_servers.is_empty() {
                    dhcp.addresses("name_servers", self.name_servers.iter().copied());
                }
                if let Some(lease) = self.lease {
                    dhcp.number("lease_seconds", lease);
                }
                if !self.parameters.is_empty() {
                    // Their order tells operating systems apart.
                    let list: Vec<String> = self.parameters.iter().map(u8::to_string).collect();
                    dhcp.text("parameters", list.join(","));
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, udp, unhex};
    use super::*;

    fn message(operation: u8, assigned: [u8; 4], options: &str) -> Vec<u8> {
        let mut bytes = vec![operation, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(assigned);
        bytes.extend([0; 8]);
        bytes.extend([0, 0, 0x5e, 0, 0x53, 0x23]);
        bytes.resize(MAGIC_PLACE, 0);
        bytes.extend(MAGIC);
        bytes.extend(unhex(options));
        bytes
    }

    #[test]
    fn a_question_and_an_offer() {
        let discover = message(
            1,
            [0; 4],
            "35 01 01  0c 05 6465736b31  3c 08 4d53465420352e30  37 03 01 03 06 ff",
        );
        let offer = message(
            2,
            [192, 0, 2, 50],
            "35 01 02  36 04 c0000201  33 04 00000e10  03 04 c0000201  06 08 c0000201 c0000202 ff",
        );
        let told = feed_about(
            &DHCP,
            &udp(67),
            &[(Direction::Client, &discover), (Direction::Server, &offer)],
        );
        expect![[r#"
            dhcp_discover  {"dhcp":{"type":"discover","client_mac":"00-00-5E-00-53-23","hostname":"desk1","vendor_class":"MSFT 5.0","parameters":"1,3,6"}}
            dhcp_offer  {"dhcp":{"type":"offer","client_mac":"00-00-5E-00-53-23","assigned_ip":"192.0.2.50","server_ip":"192.0.2.1","routers":["192.0.2.1"],"name_servers":["192.0.2.1","192.0.2.2"],"lease_seconds":3600}}
        "#]].assert_eq(&told);
    }

    #[test]
    fn an_option_past_the_end() {
        assert!(read(&message(1, [0; 4], "35 09 01")).is_some());
        assert!(read(&message(1, [0; 4], "")[..100]).is_none());
    }
}
