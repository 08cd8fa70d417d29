//! Packets logged by the Linux firewall (iptables, nftables, UFW, and the devices built on them).
//!
//! ```text
//! [1234.567] [UFW BLOCK] IN=eth0 OUT= MAC=… SRC=203.0.113.9 DST=192.0.2.1 LEN=60 TTL=49 PROTO=TCP SPT=51514 DPT=22 SYN
//! ```

use memchr::memmem;
use model::{Event, Field};

use super::shared::{destination, pairs, source};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "netfilter",
    summary: "packets logged by iptables, nftables or UFW",
    programs: &[],
    recognises,
    parse,
};

/// How far the first pairs may stand into the text: the prefix that the administrator chose is short.
const PREFIX_BYTES_MAX: usize = 400;

fn recognises(text: &str) -> bool {
    let bytes = text.as_bytes();
    let head = bytes.get(..PREFIX_BYTES_MAX).unwrap_or(bytes);
    memmem::find(head, b" SRC=").is_some() && memmem::find(head, b" DST=").is_some()
}

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let start = text.find("IN=").ok_or(ParseError::Missing("interface"))?;
    let (prefix, packet) = text.split_at_checked(start).ok_or(ParseError::Missing("packet"))?;
    for (name, value) in pairs(packet).filter(|(_, value)| !value.is_empty()) {
        match name {
            "IN" | "PHYSIN" => event.set(Field::ObserverIngressInterface, value),
            "OUT" | "PHYSOUT" => event.set(Field::ObserverEgressInterface, value),
            "SRC" => source(event, value),
            "DST" => destination(event, value),
            "SPT" => event.set(Field::SourcePort, value),
            "DPT" => event.set(Field::DestinationPort, value),
            "PROTO" => write_transport(value, event),
            "MAC" => write_mac(value, event),
            // The second length is that of the inner datagram.
            "LEN" if event.get(Field::NetworkBytes).is_none() => {
                event.set(Field::NetworkBytes, value);
            }
            _ => {}
        }
    }
    event.get(Field::SourceIp).ok_or(ParseError::Missing("source"))?;
    write_verdict(prefix, event);
    Ok(())
}

fn write_transport(value: &str, event: &mut Event) {
    let transport = match value {
        "TCP" | "6" => "tcp",
        "UDP" | "17" => "udp",
        "ICMP" | "1" => "icmp",
        "ICMPv6" | "58" => "ipv6-icmp",
        other => other,
    };
    event.set(Field::NetworkTransport, transport);
}

/// The Ethernet header: the destination, the source, the type.
fn write_mac(value: &str, event: &mut Event) {
    if let Some(destination) = value.get(..17) {
        event.set(Field::DestinationMac, destination);
    }
    if let Some(source) = value.get(18..35) {
        event.set(Field::SourceMac, source);
    }
}

/// Writes what became of the packet, as far as the administrator's prefix tells.
fn write_verdict(prefix: &str, event: &mut Event) {
    // The kernel's own clock.
    let name = match prefix.strip_prefix('[').and_then(|inner| inner.split_once("] ")) {
        Some((clock, rest)) if clock.trim_start().starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => prefix,
    };
    let name = name.trim().trim_end_matches(':');
    event.set(Field::EventCategory, "network");
    if !name.is_empty() {
        event.set(Field::RuleName, name);
    }
    let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let (action, kind) = if says(&["BLOCK", "DROP", "DENY", "REJECT", "Drop", "drop", "-D-", "-D]"])
    {
        ("packet_denied", "denied")
    } else if says(&["ALLOW", "ACCEPT", "Accept", "accept", "-A-", "-A]"]) {
        ("packet_allowed", "allowed")
    } else {
        ("packet_logged", "connection")
    };
    event.set(Field::EventAction, action);
    event.set(Field::EventType, kind);
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn blocked() {
        check(
            "[1234.567] [UFW BLOCK] IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=203.0.113.9 DST=192.0.2.1 LEN=60 TOS=0x00 TTL=49 ID=1 DF PROTO=TCP SPT=51514 DPT=22 SYN URGP=0",
            expect![[r"
                destination.ip = 192.0.2.1
                destination.mac = 00:00:5e:00:53:01
                destination.port = 22
                event.action = packet_denied
                event.category = network
                event.type = denied
                network.bytes = 60
                network.transport = tcp
                observer.ingress.interface.name = eth0
                rule.name = [UFW BLOCK]
                source.ip = 203.0.113.9
                source.mac = 00:00:5e:00:53:02
                source.port = 51514
            "]],
        );
    }

    #[test]
    fn ping_over_ipv6() {
        check(
            "IN=eth0 OUT=eth1 SRC=2001:db8::9 DST=2001:db8::1 LEN=64 PROTO=ICMPv6 TYPE=128 LEN=8",
            expect![[r"
                destination.ip = 2001:db8::1
                event.action = packet_logged
                event.category = network
                event.type = connection
                network.bytes = 64
                network.transport = ipv6-icmp
                observer.egress.interface.name = eth1
                observer.ingress.interface.name = eth0
                source.ip = 2001:db8::9
            "]],
        );
    }

    #[test]
    fn no_packet() {
        check("martian source", expect![[r#"Missing("interface")"#]]);
        check("IN=eth0 SRC=nowhere DST=192.0.2.1", expect![[r#"Missing("source")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
