//! What a dissector tells: events of its flow, each with who spoke to whom.

use std::net::IpAddr;

use crate::community;
use crate::json::{Lines, Object};
use crate::packet::Transport;

/// Who speaks: the side that opened the flow, or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the side that opened the flow, `source` in its events.
    Client,
    /// From the other side, `destination` in its events.
    Server,
}

/// The flow that is spoken of.
#[derive(Clone, Debug)]
pub struct About<'f> {
    /// The time of the packet at hand, in nanoseconds since 1970-01-01T00:00:00Z.
    pub time_ns: u64,
    /// The side that opened the flow.
    pub source: IpAddr,
    /// The other side.
    pub destination: IpAddr,
    /// The port of the side that opened the flow; 0 where there are no ports.
    pub source_port: u16,
    /// The port of the other side; a hint of what is spoken, and no more.
    pub destination_port: u16,
    /// The hardware addresses, where the link has any.
    pub source_mac: Option<[u8; 6]>,
    /// The other side's.
    pub destination_mac: Option<[u8; 6]>,
    /// What carries the flow.
    pub transport: Transport,
    /// IANA's number of it.
    pub protocol_number: u8,
    /// The VLAN and the one within it.
    pub vlans: [Option<u16>; 2],
    /// The community identifier, where it is known already; otherwise it is computed as events are told.
    pub community_id: Option<&'f str>,
    /// The interface's name, live; empty for files.
    pub interface: &'f str,
}

/// What stands under `event` beside the module and the dataset.
#[derive(Clone, Copy, Debug)]
pub struct Heading {
    /// `event.action`, such as `dns_query`.
    pub action: &'static str,
    /// `event.category`; `network` is among them.
    pub category: &'static [&'static str],
    /// `event.type`.
    pub kinds: &'static [&'static str],
    /// `event.outcome`, where the protocol tells one.
    pub outcome: Option<&'static str>,
}

impl Heading {
    /// Gives the heading of an ordinary message of a protocol.
    pub const fn of(action: &'static str) -> Self {
        Self { action, category: &["network"], kinds: &["connection", "protocol"], outcome: None }
    }

    /// Gives the heading of a log-in: category `authentication` beside `network`.
    pub const fn login(action: &'static str, outcome: Option<&'static str>) -> Self {
        Self { action, category: &["authentication", "network"], kinds: &["start"], outcome }
    }
}

/// Where a dissector tells what it read.
///
/// ```ignore
/// told.event(Heading::of("dns_query"), |line| {
///     line.object("dns", |dns| {
///         dns.number("id", id);
///         dns.object("question", |question| question.text("name", name));
///     });
/// });
/// ```
#[derive(Debug)]
pub struct Told<'t> {
    pub(crate) lines: &'t mut Lines,
    pub(crate) about: &'t About<'t>,
    /// The protocol's name, as its row has it.
    pub(crate) protocol: &'static str,
    pub(crate) malformed: u64,
    pub(crate) events_left: u32,
    pub(crate) untold: u64,
}

impl<'t> Told<'t> {
    /// Gives the place to tell of one flow; `events_left` bounds how much is told.
    pub fn new(
        lines: &'t mut Lines,
        about: &'t About<'t>,
        protocol: &'static str,
        events_left: u32,
    ) -> Self {
        Self { lines, about, protocol, malformed: 0, events_left, untold: 0 }
    }

    /// Gives the flow that is spoken of.
    pub fn about(&self) -> &About<'t> {
        self.about
    }

    /// Counts a message that breaks its protocol's rules.
    pub fn malformed(&mut self) {
        self.malformed += 1;
    }

    /// Tells one event. `@timestamp`, `event`, `source.ip|port|mac`, `destination.ip|port|mac`, `network`
    /// and `observer` are written already; `write` adds its own objects beside them (`dns`, `user`,
    /// `bartizan` …), each once. A flow tells a bounded number of events; what is more is counted.
    pub fn event(&mut self, heading: Heading, write: impl FnOnce(&mut Object<'_>)) {
        if self.events_left == 0 {
            self.untold += 1;
            return;
        }
        self.events_left -= 1;
        let (about, protocol) = (self.about, self.protocol);
        self.lines.line(|line, clock| {
            line.time_by("@timestamp", about.time_ns, clock);
            line.object("event", |event| {
                event.word("module", "flow");
                event.word("kind", "event");
                event.dataset(protocol);
                event.words("category", heading.category);
                event.words("type", heading.kinds);
                event.word("action", heading.action);
                if let Some(outcome) = heading.outcome {
                    event.word("outcome", outcome);
                }
            });
            about.write(protocol, line);
            write(line);
        });
    }
}

impl About<'_> {
    /// Writes who speaks to whom: `source`, `destination`, `network` and `observer`.
    fn write(&self, protocol: &'static str, line: &mut Object<'_>) {
        let ports = matches!(self.transport, Transport::Tcp | Transport::Udp);
        let mut side = |key, address, port: u16, mac: Option<[u8; 6]>| {
            line.object(key, |side| {
                side.address("ip", address);
                if ports {
                    side.number("port", port);
                }
                if let Some(mac) = mac {
                    side.mac("mac", mac);
                }
            });
        };
        side("source", self.source, self.source_port, self.source_mac);
        side("destination", self.destination, self.destination_port, self.destination_mac);
        line.object("network", |network| {
            network.word("protocol", protocol);
            self.network(network);
        });
        if !self.interface.is_empty() {
            line.object("observer", |observer| observer.interface(self.interface));
        }
    }

    /// Writes what stands under `network` of every event of the flow.
    pub(crate) fn network(&self, network: &mut Object<'_>) {
        network.transport(self.transport, self.protocol_number);
        if self.transport != Transport::Arp {
            network.word("type", if self.source.is_ipv6() { "ipv6" } else { "ipv4" });
        }
        match self.community_id {
            Some(id) => network.text("community_id", id),
            None => {
                if let Some(id) = community::id(self) {
                    network.text("community_id", id);
                }
            }
        }
        if let [Some(vlan), inner] = self.vlans {
            network.vlan(vlan);
            if let Some(inner) = inner {
                network.object("inner", |network| network.vlan(inner));
            }
        }
    }
}

impl Object<'_> {
    fn vlan(&mut self, vlan: u16) {
        self.object("vlan", |object| {
            // Text, as the schema has it.
            object.decimal("id", vlan.into());
        });
    }

    pub(crate) fn interface(&mut self, name: &str) {
        self.object("ingress", |ingress| {
            ingress.object("interface", |interface| interface.text("name", name));
        });
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn an_event_stands_among_its_flow() {
        let about = About { vlans: [Some(7), Some(9)], ..About::example() };
        let mut lines = Lines::default();
        let mut told = Told::new(&mut lines, &about, "dns", 1);
        told.event(Heading::of("dns_query"), |line| {
            line.object("dns", |dns| {
                dns.number("id", 7_u16);
                dns.object("question", |question| question.text("name", b"a\"b\x00\xff\n"));
            });
        });
        told.event(Heading::of("dns_query"), |_| {});
        assert_eq!(told.untold, 1);
        expect![[r#"
            {"@timestamp":"2026-11-21T06:58:00.000123Z","event":{"module":"flow","kind":"event","dataset":"flow.dns","category":["network"],"type":["connection","protocol"],"action":"dns_query"},"source":{"ip":"192.0.2.1","port":50000,"mac":"00-00-5E-00-53-01"},"destination":{"ip":"192.0.2.2","port":53},"network":{"protocol":"dns","transport":"udp","iana_number":"17","type":"ipv4","community_id":"1:oiCJqOqUEohYNy6xkPsvZFaxfTA=","vlan":{"id":"7"},"inner":{"vlan":{"id":"9"}}},"dns":{"id":7,"question":{"name":"a\"b\u0000�\n"}}}
        "#]]
        .assert_eq(lines.as_str());
        let read: serde_json::Value = serde_json::from_str(lines.as_str()).unwrap();
        assert_eq!(read["dns"]["question"]["name"], "a\"b\0\u{fffd}\n");
    }
}
