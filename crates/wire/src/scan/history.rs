//! What earlier scans found, read back from their events; what a scan changes against them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use model::{Event, Field, Timestamp};

use super::ports::{Ports, Transport};
use super::run::{Outcome, Plan};
use super::services::Service;
use super::targets::{Targets, resolve_nothing};

/// Bounds the open ports of one earlier scan that are remembered.
const PORTS_MAX: usize = 1 << 18;

/// An earlier scan.
#[derive(Clone, Debug)]
pub struct PastRun {
    /// Its name.
    pub id: String,
    /// When it ended.
    pub at: Timestamp,
    /// The schedule that asked for it.
    pub schedule: Option<String>,
    /// How ports were asked: `connect`, `syn`, `udp`.
    pub way: String,
    /// Which addresses.
    pub targets: Targets,
    /// Which ports.
    pub ports: Ports,
    /// TCP or UDP.
    pub transport: Transport,
    /// Whether all was asked.
    pub is_whole: bool,
    /// Hosts that answered.
    pub hosts: u64,
    /// Open ports that it counted.
    pub open: u64,
    /// What was open, once it was read.
    pub known: BTreeMap<SocketAddr, Known>,
}

/// What is known of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The protocol.
    pub name: String,
    /// The program and its version.
    pub title: String,
}

impl Known {
    /// Gives what of a service tells it from another.
    pub fn of(service: Option<&Service>) -> Self {
        service.map_or_else(Self::default, |service| Self {
            name: service.name.clone(),
            title: service.title(),
        })
    }

    /// Tells whether both say something, and not the same.
    fn differs(&self, other: &Self) -> bool {
        let differ = |one: &str, other: &str| !one.is_empty() && !other.is_empty() && one != other;
        differ(&self.name, &other.name) || differ(&self.title, &other.title)
    }
}

impl std::fmt::Display for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.name.as_str(), self.title.as_str()) {
            ("", "") => f.write_str("unknown"),
            (name, "") => f.write_str(name),
            ("", title) => f.write_str(title),
            (name, title) => write!(f, "{name} ({title})"),
        }
    }
}

impl PastRun {
    /// Reads the event with which a scan ended; its ports are not among it.
    pub fn of(event: &Event) -> Option<Self> {
        (event.text(Field::EventDataset)? == "scan.run").then_some(())?;
        let text = |name: &str| event.get_path(name).map(|value| value.to_string());
        let number = |name: &str| text(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let transport = match event.text(Field::NetworkTransport)? {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => return None,
        };
        // Too many to list: it is shown, and nothing is compared with it.
        let targets = text("bartizan.scan.targets")?;
        let targets = Targets::parse([targets.as_str()], &resolve_nothing).unwrap_or_default();
        Some(Self {
            id: text("bartizan.scan.id")?,
            at: event.time,
            schedule: text("bartizan.scan.schedule"),
            way: text("bartizan.scan.way").unwrap_or_default(),
            targets,
            ports: Ports::parse(&text("bartizan.scan.ports")?, transport).ok()?,
            transport,
            is_whole: text("bartizan.scan.whole").as_deref() == Some("true"),
            hosts: number("bartizan.scan.hosts"),
            open: number("bartizan.scan.open"),
            known: BTreeMap::new(),
        })
    }

    /// Reads the event of a port, if it is of this scan.
    pub fn add(&mut self, event: &Event) {
        let id = event.get_path("bartizan.scan.id").map(|value| value.to_string());
        let is_port = event.text(Field::EventDataset) == Some("scan.port");
        let is_open = event.text(Field::EventAction) != Some("port_closed");
        let address = event.ip(Field::DestinationIp).zip(event.port(Field::DestinationPort));
        if let (true, true, true, Some((ip, port))) =
            (id.as_ref() == Some(&self.id), is_port, is_open, address)
            && self.known.len() < PORTS_MAX
        {
            let text = |name: &str| {
                event.get_path(name).map(|value| value.to_string()).unwrap_or_default()
            };
            let title = format!("{} {}", text("bartizan.scan.product"), text("service.version"));
            let known = Known { name: text("service.name"), title: title.trim().to_owned() };
            self.known.insert(SocketAddr::new(ip, port), known);
        }
    }

    /// Tells whether this scan asked something that a plan asks.
    pub fn touches(&self, plan: &Plan) -> bool {
        let both = self.targets.without(&self.targets.without(&plan.targets));
        self.transport == plan.way.transport()
            && !both.is_empty()
            && self.ports.iter().any(|port| plan.ports.contains(port))
    }

    fn asked(&self, address: &SocketAddr) -> bool {
        self.is_whole && self.targets.contains(address.ip()) && self.ports.contains(address.port())
    }
}

/// How a port stands against the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It was never asked before.
    First,
    /// It was not open before.
    Opened,
    /// It was open, and is no more.
    Closed,
    /// Something else serves there.
    Changed,
    /// It is as it was.
    Same,
}

impl Turn {
    /// Gives the word that `bartizan.scan.change` holds.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Changed => "changed",
            Self::Same => "same",
        }
    }
}

/// A port, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub address: SocketAddr,
    /// How it stands.
    pub turn: Turn,
    /// What was known before.
    pub before: Option<Known>,
    /// What is known now.
    pub now: Option<Known>,
}

/// Compares what a scan found with earlier scans, the newest first: each open port, and each that was
/// open and is no more.
pub fn compare(plan: &Plan, outcome: &Outcome, past: &[PastRun]) -> Vec<Change> {
    let transport = plan.way.transport();
    let past: Vec<&PastRun> = past.iter().filter(|run| run.transport == transport).collect();
    let mut now = BTreeMap::new();
    let mut changes = Vec::new();
    for found in &outcome.found {
        let known = Known::of(found.service.as_ref());
        changes.push(stands(found.address, known.clone(), &past));
        now.insert(found.address, known);
    }
    // Of what was not asked to the end nothing can be said.
    if outcome.is_whole && outcome.dropped == 0 {
        let asked = |address: &SocketAddr| {
            plan.targets.contains(address.ip()) && plan.ports.contains(address.port())
        };
        let mut gone = BTreeMap::new();
        for (place, run) in past.iter().enumerate() {
            for (address, known) in &run.known {
                let newer = past.get(..place).unwrap_or_default();
                let is_newest = run.asked(address) && !newer.iter().any(|run| run.asked(address));
                if is_newest && asked(address) && !now.contains_key(address) {
                    gone.insert(*address, known.clone());
                }
            }
        }
        let closed = |(address, known)| Change {
            address,
            turn: Turn::Closed,
            before: Some(known),
            now: None,
        };
        changes.extend(gone.into_iter().map(closed));
    }
    changes
}

/// Tells how an open port stands.
fn stands(address: SocketAddr, now: Known, past: &[&PastRun]) -> Change {
    let mut asked = past.iter().filter(|run| run.asked(&address));
    let newest = asked.next();
    let before = newest.and_then(|run| run.known.get(&address));
    // Where the newest did not ask who serves there, an older one may have.
    let told = asked.filter_map(|run| run.known.get(&address)).find(|known| !known.name.is_empty());
    let before =
        before.map(|known| if known.name.is_empty() { told.unwrap_or(known) } else { known });
    let turn = match (newest, before) {
        (None, _) => Turn::First,
        (Some(_), None) => Turn::Opened,
        (Some(_), Some(before)) if before.differs(&now) => Turn::Changed,
        (Some(_), Some(_)) => Turn::Same,
    };
    Change { address, turn, before: before.cloned(), now: Some(now) }
}

/// Compares two scans over what both asked.
pub fn diff(older: &PastRun, newer: &PastRun) -> Vec<Change> {
    let both = |address: &SocketAddr| {
        let asked = |run: &PastRun| {
            run.targets.contains(address.ip()) && run.ports.contains(address.port())
        };
        asked(older) && asked(newer)
    };
    let mut addresses: Vec<&SocketAddr> = older.known.keys().chain(newer.known.keys()).collect();
    addresses.sort();
    addresses.dedup();
    let change = |address: &SocketAddr| {
        let (before, now) = (older.known.get(address), newer.known.get(address));
        let turn = match (before, now) {
            (None, Some(_)) => Turn::Opened,
            (Some(_), None) if newer.is_whole => Turn::Closed,
            (Some(before), Some(now)) if before.differs(now) => Turn::Changed,
            _ => return None,
        };
        Some(Change { address: *address, turn, before: before.cloned(), now: now.cloned() })
    };
    addresses.into_iter().filter(|address| both(address)).filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::Duration;

    use expect_test::{Expect, expect};

    use super::super::run::{Found, Way};
    use super::*;

    #[test]
    fn a_port_that_was_never_asked_is_no_news() {
        check(&[], "10.0.0.1:22", expect!["10.0.0.1:22 first"]);
        check(&[("10.0.0.1", "1-21", true, "")], "10.0.0.1:22", expect!["10.0.0.1:22 first"]);
        check(&[("10.0.0.2", "1-99", true, "")], "10.0.0.1:22", expect!["10.0.0.1:22 first"]);
        // One that was broken off says nothing of what it did not find.
        check(&[("10.0.0.1", "1-99", false, "")], "10.0.0.1:22", expect!["10.0.0.1:22 first"]);
    }

    #[test]
    fn what_opened_closed_and_changed() {
        check(
            &[("10.0.0.0/24", "1-99", true, "10.0.0.1:22=ssh/A 1 10.0.0.1:80=http/B")],
            "10.0.0.1:22=ssh/A 2 10.0.0.1:23",
            expect![[r"
                10.0.0.1:22 changed, was ssh (A 1)
                10.0.0.1:23 opened
                10.0.0.1:80 closed, was http (B)"]],
        );
    }

    #[test]
    fn the_newest_that_asked_counts() {
        let older = ("10.0.0.1", "1-99", true, "10.0.0.1:22=ssh/A");
        check(
            &[("10.0.0.1", "1-99", true, ""), older],
            "10.0.0.1:22",
            expect!["10.0.0.1:22 opened"],
        );
        check(
            &[("10.0.0.1", "1-9", true, ""), older],
            "10.0.0.1:22=ssh/A",
            expect!["10.0.0.1:22 same, was ssh (A)"],
        );
        // Closed once is told once.
        check(&[("10.0.0.1", "1-99", true, ""), older], "", expect![""]);
        // The newest did not ask who serves.
        check(
            &[("10.0.0.1", "22", true, "10.0.0.1:22"), older],
            "10.0.0.1:22=ssh/B",
            expect!["10.0.0.1:22 changed, was ssh (A)"],
        );
        check(&[older], "10.0.0.1:22", expect!["10.0.0.1:22 same, was ssh (A)"]);
    }

    fn known(text: &str) -> BTreeMap<SocketAddr, Known> {
        let mut known = BTreeMap::new();
        let mut last = None;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let (address, rest) = word.split_once('=').unwrap_or((word, ""));
            if let Ok(address) = address.parse::<SocketAddr>() {
                let (name, title) = rest.split_once('/').unwrap_or((rest, ""));
                known.insert(address, Known { name: name.to_owned(), title: title.to_owned() });
                last = Some(address);
            } else if let Some(known) = last.and_then(|last| known.get_mut(&last)) {
                write!(known.title, " {word}").unwrap();
            }
        }
        known
    }

    #[track_caller]
    fn check(past: &[(&str, &str, bool, &str)], now: &str, expect: Expect) {
        let targets = |text: &str| Targets::parse([text], &resolve_nothing).unwrap();
        let ports = |text: &str| Ports::parse(text, Transport::Tcp).unwrap();
        let past: Vec<PastRun> = past
            .iter()
            .map(|(at, on, is_whole, found)| PastRun {
                id: String::new(),
                at: Timestamp::default(),
                schedule: None,
                way: "syn".to_owned(),
                targets: targets(at),
                ports: ports(on),
                transport: Transport::Tcp,
                is_whole: *is_whole,
                hosts: 0,
                open: 0,
                known: known(found),
            })
            .collect();
        let plan = Plan {
            targets: targets("10.0.0.1"),
            ports: ports("1-1024"),
            way: Way::Connect,
            timeout: Duration::from_secs(1),
            retries: 1,
            rate: None,
            asks: None,
            is_entitled: false,
        };
        let found = known(now).into_iter().map(|(address, known)| {
            let (product, version) = match known.title.split_once(' ') {
                Some((product, version)) => (product.to_owned(), Some(version.to_owned())),
                None => (known.title.clone(), None),
            };
            let product = Some(product).filter(|product| !product.is_empty());
            let service = Service { name: known.name, product, version, ..Service::default() };
            Found { address, transport: Transport::Tcp, service: Some(service) }
        });
        let outcome = Outcome { found: found.collect(), is_whole: true, ..Outcome::default() };
        let shown: Vec<String> = compare(&plan, &outcome, &past)
            .iter()
            .map(|change| {
                let was = change.before.as_ref().map(|known| format!(", was {known}"));
                format!("{} {}{}", change.address, change.turn.as_str(), was.unwrap_or_default())
            })
            .collect();
        expect.assert_eq(&shown.join("\n"));
    }
}
