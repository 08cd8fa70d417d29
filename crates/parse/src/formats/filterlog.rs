//! Packets logged by the packet filter of pfSense and OPNsense (`filterlog`).
//!
//! ```text
//! 53,,,1000000301,em0,match,block,in,4,0x0,,64,420,0,none,6,tcp,460,203.0.113.9,192.0.2.1,53742,22,420,PA,…
//! ```
//!
//! The fields are those of the vendors' "raw filter log format": rule, sub-rule, anchor, tracker,
//! interface, reason, action, direction, version; then those of IPv4 or IPv6; then those of the transport.

use model::{Event, Field};

use super::shared::{destination, source};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "filterlog",
    summary: "packets logged by pfSense or OPNsense",
    programs: &["filterlog"],
    recognises: |_| false,
    parse,
};

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let mut parts = text.split(',');
    let mut next = || parts.next().ok_or(ParseError::Missing("part"));
    let (rule, _, anchor, tracker) = (next()?, next()?, next()?, next()?);
    let (interface, reason, action, direction, version) =
        (next()?, next()?, next()?, next()?, next()?);
    let (transport, bytes) = match version {
        "4" => {
            let (_tos, _ecn, _ttl, _id, _offset, _flags) =
                (next()?, next()?, next()?, next()?, next()?, next()?);
            let (_number, name) = (next()?, next()?);
            (name, next()?)
        }
        "6" => {
            let (_class, _label, _hops) = (next()?, next()?, next()?);
            let (name, _number) = (next()?, next()?);
            (name, next()?)
        }
        _ => return Err(ParseError::Invalid("IP version")),
    };
    let (from, to) = (next()?, next()?);

    event.set(Field::EventCategory, "network");
    let (deed, kind) = match action {
        "block" | "reject" => ("packet_denied", "denied"),
        "pass" => ("packet_allowed", "allowed"),
        _ => ("packet_logged", "connection"),
    };
    event.set(Field::EventAction, deed);
    event.set(Field::EventType, kind);
    event.set(Field::EventReason, reason);
    event.set(Field::RuleId, rule);
    event.set_extra("pf.tracker", tracker);
    event.set_extra("pf.action", action);
    if !anchor.is_empty() {
        event.set_extra("pf.anchor", anchor);
    }
    let seen = if direction == "out" {
        Field::ObserverEgressInterface
    } else {
        Field::ObserverIngressInterface
    };
    event.set(seen, interface);
    event.set(Field::NetworkDirection, if direction == "out" { "outbound" } else { "inbound" });
    event.set(Field::NetworkType, if version == "4" { "ipv4" } else { "ipv6" });
    event.set(Field::NetworkTransport, transport);
    event.set(Field::NetworkBytes, bytes);
    source(event, from);
    destination(event, to);
    if matches!(transport, "tcp" | "udp" | "TCP" | "UDP")
        && let (Ok(from), Ok(to)) = (next(), next())
    {
        event.set(Field::SourcePort, from);
        event.set(Field::DestinationPort, to);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn blocked() {
        check(
            "53,,,1000000301,em0,match,block,in,4,0x0,,64,420,0,none,6,tcp,460,203.0.113.9,192.0.2.1,53742,22,420,PA,1:2,3,65535,,",
            expect![[r"
                destination.ip = 192.0.2.1
                destination.port = 22
                event.action = packet_denied
                event.category = network
                event.reason = match
                event.type = denied
                network.bytes = 460
                network.direction = inbound
                network.transport = tcp
                network.type = ipv4
                observer.ingress.interface.name = em0
                rule.id = 53
                source.ip = 203.0.113.9
                source.port = 53742
                pf.tracker = 1000000301
                pf.action = block
            "]],
        );
    }

    #[test]
    fn passed_over_ipv6() {
        check(
            "5,,,1000000,em1,match,pass,out,6,0x00,0x0ea87,51,udp,17,56,2001:db8::9,2001:db8::1,5353,53,56",
            expect![[r"
                destination.ip = 2001:db8::1
                destination.port = 53
                event.action = packet_allowed
                event.category = network
                event.reason = match
                event.type = allowed
                network.bytes = 56
                network.direction = outbound
                network.transport = udp
                network.type = ipv6
                observer.egress.interface.name = em1
                rule.id = 5
                source.ip = 2001:db8::9
                source.port = 5353
                pf.tracker = 1000000
                pf.action = pass
            "]],
        );
    }

    #[test]
    fn cut_short() {
        check("53,,,1000000301,em0,match,block,in,4,0x0", expect![[r#"Missing("part")"#]]);
        check("53,,,1000000301,em0,match,block,in,5,0x0", expect![[r#"Invalid("IP version")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
