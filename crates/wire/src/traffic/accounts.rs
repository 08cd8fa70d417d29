//! Sums of a minute: by protocol, source, destination, interface and port.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::json::{Lines, Object};
use crate::packet::Transport;

use super::{Amount, MINUTE_NS, Share};

/// How many values of a kind are summed at once. Past it the smaller half goes into the rest, so that
/// a flood of forged addresses hides nobody who sends much.
pub const KEYS_MAX: usize = 16_384;
/// How many values of a kind are told a minute; the others are told as one sum.
pub const TOP_MAX: usize = 50;

/// The sums of the minute that runs.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    tables: [Table; 5],
}

/// What a table sums by; also its place among the tables.
const BY: [&str; 5] = ["protocol", "source", "destination", "interface", "port"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Protocol(&'static str),
    Interface(Arc<str>),
    Address(IpAddr),
    Port(Transport, u16),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    sent: Amount,
    returned: Amount,
    flows: u64,
}

#[derive(Debug, Default)]
struct Table {
    sums: HashMap<Key, Sum>,
    rest: Rest,
}

/// What is told as one sum.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    sum: Sum,
    values: u64,
}

impl Accounts {
    pub(super) fn add(&mut self, share: &Share<'_>) {
        let protocol = share.protocol.or(share.transport.name()).unwrap_or("other");
        let has_port = matches!(share.transport, Transport::Tcp | Transport::Udp);
        let keys = [
            Some(Key::Protocol(protocol)),
            Some(Key::Address(share.source)),
            Some(Key::Address(share.destination)),
            share.interface.map(|name| Key::Interface(Arc::clone(name))),
            has_port.then_some(Key::Port(share.transport, share.destination_port)),
        ];
        let sum =
            Sum { sent: share.sent, returned: share.returned, flows: u64::from(share.begins) };
        for (table, key) in self.tables.iter_mut().zip(keys) {
            if let Some(key) = key {
                table.add(key, sum);
            }
        }
    }

    pub(super) fn close(&mut self, start_ns: u64, out: &mut Lines) {
        for (table, by) in self.tables.iter_mut().zip(BY) {
            table.close(by, start_ns, out);
        }
    }
}

impl Table {
    fn add(&mut self, key: Key, sum: Sum) {
        if self.sums.len() >= KEYS_MAX && !self.sums.contains_key(&key) {
            self.prune();
        }
        self.sums.entry(key).or_default().add(sum);
    }

    /// Moves the smaller half into the rest.
    fn prune(&mut self) {
        let mut all: Vec<(Key, Sum)> = self.sums.drain().collect();
        let middle = all.len() / 2;
        all.select_nth_unstable_by(middle, larger_first);
        for (_, sum) in all.drain(middle..) {
            self.rest.add(sum);
        }
        self.sums.extend(all);
    }

    fn close(&mut self, by: &'static str, start_ns: u64, out: &mut Lines) {
        let mut all: Vec<(Key, Sum)> = self.sums.drain().collect();
        // What was large once must not hold its room for good.
        self.sums.shrink_to(TOP_MAX);
        let mut rest = std::mem::take(&mut self.rest);
        all.sort_unstable_by(larger_first);
        for (_, sum) in all.drain(TOP_MAX.min(all.len())..) {
            rest.add(sum);
        }
        for (key, sum) in &all {
            tell(by, start_ns, Value::One(key), sum, out);
        }
        if rest.values > 0 {
            tell(by, start_ns, Value::Rest(rest.values), &rest.sum, out);
        }
    }
}

impl Rest {
    fn add(&mut self, sum: Sum) {
        self.sum.add(sum);
        self.values += 1;
    }
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.sent.add(other.sent);
        self.returned.add(other.returned);
        self.flows = self.flows.saturating_add(other.flows);
    }

    fn bytes(&self) -> u64 {
        self.sent.bytes.saturating_add(self.returned.bytes)
    }
}

impl Amount {
    fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.packets = self.packets.saturating_add(other.packets);
    }
}

/// By bytes, then by flows, so that a scan of empty packets is not chance; then by the value itself.
fn larger_first(one: &(Key, Sum), other: &(Key, Sum)) -> std::cmp::Ordering {
    let size = |sum: &Sum| (sum.bytes(), sum.flows);
    size(&other.1).cmp(&size(&one.1)).then_with(|| one.0.cmp(&other.0))
}

enum Value<'a> {
    One(&'a Key),
    Rest(u64),
}

fn tell(by: &'static str, start_ns: u64, value: Value<'_>, sum: &Sum, out: &mut Lines) {
    let (source, destination, port) = match value {
        Value::One(Key::Address(address)) if by == "source" => (Some(*address), None, None),
        Value::One(Key::Address(address)) => (None, Some(*address), None),
        Value::One(Key::Port(_, port)) => (None, None, Some(*port)),
        _ => (None, None, None),
    };
    let packets = sum.sent.packets.saturating_add(sum.returned.packets);
    out.line(|line, clock| {
        line.time_by("@timestamp", start_ns, clock);
        line.object("event", |event| {
            event.word("module", "traffic");
            event.word("dataset", "traffic.minute");
            event.word("kind", "metric");
            event.words("category", &["network"]);
            event.words("type", &["info"]);
            event.time("end", start_ns.saturating_add(MINUTE_NS));
        });
        line.object("source", |side| {
            side_of(side, source, None);
            side.number("bytes", sum.sent.bytes);
            side.number("packets", sum.sent.packets);
        });
        line.object("destination", |side| {
            side_of(side, destination, port);
            side.number("bytes", sum.returned.bytes);
            side.number("packets", sum.returned.packets);
        });
        line.object("network", |network| {
            match value {
                Value::One(Key::Protocol(name)) => network.word("protocol", name),
                Value::One(Key::Port(transport, _)) => {
                    if let Some(name) = transport.name() {
                        network.word("transport", name);
                    }
                }
                _ => {}
            }
            network.number("bytes", sum.bytes());
            network.number("packets", packets);
        });
        if let Value::One(Key::Interface(name)) = &value {
            line.object("observer", |observer| observer.interface(name));
        }
        line.object("bartizan", |own| {
            own.object("traffic", |traffic| {
                traffic.word("by", by);
                traffic.number("flows", sum.flows);
                if let Value::Rest(values) = value {
                    traffic.flag("other", true);
                    traffic.number("values", values);
                }
            });
        });
    });
}

fn side_of(side: &mut Object<'_>, address: Option<IpAddr>, port: Option<u16>) {
    if let Some(address) = address {
        side.address("ip", address);
    }
    if let Some(port) = port {
        side.number("port", port);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;
    use std::sync::OnceLock;

    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    static ETH0: OnceLock<Arc<str>> = OnceLock::new();

    fn share(source: u32, bytes: u64) -> Share<'static> {
        Share {
            time_ns: 0,
            source: IpAddr::V4(Ipv4Addr::from_bits(source)),
            destination: IpAddr::V4(Ipv4Addr::from_bits(0xC000_0201)),
            destination_port: 443,
            transport: Transport::Tcp,
            protocol: Some("tls"),
            interface: Some(ETH0.get_or_init(|| Arc::from("eth0"))),
            sent: Amount { bytes, packets: 1 },
            returned: Amount { bytes: 2 * bytes, packets: 2 },
            begins: true,
            answered: true,
        }
    }

    fn closed(accounts: &mut Accounts) -> Vec<serde_json::Value> {
        let mut lines = Lines::default();
        accounts.close(1_795_244_280_000_000_000, &mut lines);
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_minute_of_one_flow() {
        let mut accounts = Accounts::default();
        accounts.add(&share(0x0A00_0001, 100));
        let mut lines = Lines::default();
        accounts.close(1_795_244_280_000_000_000, &mut lines);
        expect![[r#"
            {"@timestamp":"2026-11-21T06:58:00.000000Z","event":{"module":"traffic","dataset":"traffic.minute","kind":"metric","category":["network"],"type":["info"],"end":"2026-11-21T06:59:00.000000Z"},"source":{"bytes":100,"packets":1},"destination":{"bytes":200,"packets":2},"network":{"protocol":"tls","bytes":300,"packets":3},"bartizan":{"traffic":{"by":"protocol","flows":1}}}
            {"@timestamp":"2026-11-21T06:58:00.000000Z","event":{"module":"traffic","dataset":"traffic.minute","kind":"metric","category":["network"],"type":["info"],"end":"2026-11-21T06:59:00.000000Z"},"source":{"ip":"10.0.0.1","bytes":100,"packets":1},"destination":{"bytes":200,"packets":2},"network":{"bytes":300,"packets":3},"bartizan":{"traffic":{"by":"source","flows":1}}}
            {"@timestamp":"2026-11-21T06:58:00.000000Z","event":{"module":"traffic","dataset":"traffic.minute","kind":"metric","category":["network"],"type":["info"],"end":"2026-11-21T06:59:00.000000Z"},"source":{"bytes":100,"packets":1},"destination":{"ip":"192.0.2.1","bytes":200,"packets":2},"network":{"bytes":300,"packets":3},"bartizan":{"traffic":{"by":"destination","flows":1}}}
            {"@timestamp":"2026-11-21T06:58:00.000000Z","event":{"module":"traffic","dataset":"traffic.minute","kind":"metric","category":["network"],"type":["info"],"end":"2026-11-21T06:59:00.000000Z"},"source":{"bytes":100,"packets":1},"destination":{"bytes":200,"packets":2},"network":{"bytes":300,"packets":3},"observer":{"ingress":{"interface":{"name":"eth0"}}},"bartizan":{"traffic":{"by":"interface","flows":1}}}
            {"@timestamp":"2026-11-21T06:58:00.000000Z","event":{"module":"traffic","dataset":"traffic.minute","kind":"metric","category":["network"],"type":["info"],"end":"2026-11-21T06:59:00.000000Z"},"source":{"bytes":100,"packets":1},"destination":{"port":443,"bytes":200,"packets":2},"network":{"transport":"tcp","bytes":300,"packets":3},"bartizan":{"traffic":{"by":"port","flows":1}}}
        "#]].assert_eq(lines.as_str());
        assert!(closed(&mut accounts).is_empty(), "the next minute begins at nothing");
    }

    #[test]
    fn a_flood_of_sources_hides_no_large_one_and_loses_no_byte() {
        let mut accounts = Accounts::default();
        let flood = 3 * u32::try_from(KEYS_MAX).unwrap();
        for source in 0..flood {
            accounts.add(&share(source, 60));
            if source % 1000 == 0 {
                accounts.add(&share(u32::MAX, 5000));
            }
        }
        let all = closed(&mut accounts);
        let sources: Vec<_> =
            all.iter().filter(|event| event["bartizan"]["traffic"]["by"] == "source").collect();
        assert_eq!(sources.len(), TOP_MAX + 1);
        assert_eq!(sources[0]["source"]["ip"], "255.255.255.255");
        assert_eq!(sources[0]["source"]["bytes"], 50 * 5000);
        let total: u64 =
            sources.iter().map(|event| event["network"]["bytes"].as_u64().unwrap()).sum();
        assert_eq!(total, 3 * (u64::from(flood) * 60 + 50 * 5000));
        assert_eq!(sources[TOP_MAX]["bartizan"]["traffic"]["other"], true);
    }

    proptest! {
        #[test]
        fn sums_are_those_of_a_plain_map(shares in prop::collection::vec((0_u32..200, 0_u64..5000), 0..400)) {
            let mut accounts = Accounts::default();
            let mut naive: BTreeMap<u32, u64> = BTreeMap::new();
            for &(source, bytes) in &shares {
                accounts.add(&share(source, bytes));
                *naive.entry(source).or_default() += 3 * bytes;
            }
            let told: Vec<u64> = closed(&mut accounts)
                .iter()
                .filter(|event| event["bartizan"]["traffic"]["by"] == "source")
                .filter(|event| event["bartizan"]["traffic"]["other"].is_null())
                .map(|event| event["network"]["bytes"].as_u64().unwrap())
                .collect();
            let mut largest: Vec<u64> = naive.into_values().collect();
            largest.sort_unstable_by(|one, other| other.cmp(one));
            largest.truncate(TOP_MAX);
            prop_assert_eq!(told, largest);
        }
    }
}
