//! SNMP versions 1 and 2c (RFC 1157, RFC 1901), whose password goes by in clear as the community.
//!
//! ```text
//! 30 26 02 01 01 04 06 7075626c6963 a0 …      version 1 (2c), community, request
//! ```

use super::shared::ber;
use super::shared::bytes::Bytes;
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const SNMP: Protocol = Protocol {
    name: "snmp",
    over: &[Transport::Udp],
    ports: &[161, 162],
    recognises: |first: &First<'_>| {
        let bytes = if first.client.is_empty() { first.server } else { first.client };
        if Message::read(bytes).is_some() { Verdict::Yes } else { Verdict::No }
    },
    open: |_| Box::new(Snmp::default()),
    bytes_max: 64 * 1024,
    held_max: 4 * 1024,
    events_max: 8,
};

/// Communities that devices are delivered with.
const DEFAULTS: &[&[u8]] = &[b"public", b"private"];

#[derive(Debug)]
struct Message {
    version: &'static str,
    /// Whether it is one of the [`DEFAULTS`]; the community itself is a password and not kept.
    default: Option<bool>,
    operation: &'static str,
}

impl Message {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut outer = Bytes::new(bytes);
        let mut rest = ber::expect(&mut outer, 0x30)?;
        let version = match ber::integer(ber::expect(&mut rest, 0x02)?.rest())? {
            0 => "1",
            1 => "2c",
            3 => {
                ber::expect(&mut rest, 0x30)?;
                return Some(Self { version: "3", default: None, operation: "encapsulated" });
            }
            _ => return None,
        };
        let community = ber::expect(&mut rest, 0x04)?.rest();
        let operation = match ber::element(&mut rest)?.tag {
            0xa0 => "get",
            0xa1 => "get_next",
            0xa2 => "response",
            0xa3 => "set",
            0xa4 | 0xa7 => "trap",
            0xa5 => "get_bulk",
            0xa6 => "inform",
            0xa8 => "report",
            _ => return None,
        };
        Some(Self { version, default: Some(DEFAULTS.contains(&community)), operation })
    }
}

/// One flow: each operation is told once.
#[derive(Debug, Default)]
struct Snmp {
    told: Vec<&'static str>,
}

impl Dissector for Snmp {
    fn feed(&mut self, _: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let Some(message) = Message::read(bytes) else {
            told.malformed();
            return Progress::Taken(0);
        };
        if self.told.contains(&message.operation) {
            return Progress::Taken(0);
        }
        self.told.push(message.operation);
        told.event(Heading::of("snmp_message"), |line| {
            line.object("snmp", |snmp| {
                snmp.word("version", message.version);
                snmp.word("operation", message.operation);
                if let Some(default) = message.default {
                    snmp.flag("default_community", default);
                }
            });
            line.object("bartizan", |ours| {
                ours.flag("cleartext_password", message.default.is_some());
            });
        });
        Progress::Taken(0)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, udp, unhex};
    use super::*;

    #[test]
    fn communities_are_judged_and_not_told() {
        let public = unhex("30 0f 02 01 01 04 06 7075626c6963 a0 02 0500");
        let own = unhex("30 0f 02 01 01 04 06 736563726574 a3 02 0500");
        let told = feed_about(
            &SNMP,
            &udp(161),
            &[(Direction::Client, &public), (Direction::Client, &own), (Direction::Client, &own)],
        );
        assert!(!told.contains("public") && !told.contains("secret"));
        expect![[r#"
            snmp_message  {"snmp":{"version":"2c","operation":"get","default_community":true},"bartizan":{"cleartext_password":true}}
            snmp_message  {"snmp":{"version":"2c","operation":"set","default_community":false},"bartizan":{"cleartext_password":true}}
        "#]].assert_eq(&told);
    }
}
