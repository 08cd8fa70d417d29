//! Detectors: what a rule cannot say, since it needs a memory of its own kind.
//!
//! A detector watches the events in the order of their time and tells findings. A finding becomes an
//! event of the module `detector` that lives as long as it takes the rules to look at it: rules for
//! `product: bartizan`, `service: detector` decide what is an alert, how bad it is, and whom to leave in
//! peace. So a detector is switched off, weighed and tried like any rule.
//!
//! ```text
//! event ─▶ kinds (what is it of?) ─▶ the detectors that want such ─▶ Finding ─▶ rules ─▶ Detection
//! ```

mod beacon;
mod errors;
mod generated;
mod guessing;
mod rare;
mod requests;
mod scan;
mod shared;
mod sources;
mod tunnel;
mod volume;
mod whereabouts;

use std::fmt;
use std::net::IpAddr;

use model::{Event, EventId, Field, Text, Timestamp, Value};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

/// What stands in `event.module` of a finding.
const MODULE: &str = "detector";

/// One kind of detector.
#[derive(Clone, Copy)]
pub struct Detector {
    /// Its name in `bartizan.finding.detector`.
    pub id: &'static str,
    /// Of what version its memory is: one of another is not taken up.
    version: u32,
    /// What it finds, in a few words.
    pub summary: &'static str,
    /// The events that it wants to see.
    wants: Kinds,
    /// Whether it watches only what arrives as it happens: old files say nothing of it.
    live_only: bool,
    make: fn() -> Box<dyn Watcher>,
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Detector {
    /// Gives what its memory is known by.
    fn label(&self) -> String {
        if self.version == 1 { self.id.to_owned() } else { format!("{}@{}", self.id, self.version) }
    }
}

/// Every detector.
pub const DETECTORS: &[Detector] = &[
    beacon::DETECTOR,
    errors::DETECTOR,
    generated::DETECTOR,
    guessing::DETECTOR,
    rare::DETECTOR,
    requests::DETECTOR,
    scan::DETECTOR,
    sources::DETECTOR,
    tunnel::DETECTOR,
    volume::DETECTOR,
    whereabouts::DETECTOR,
];

/// What an event is of, as bits; told once for all detectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    /// A connection between two addresses, or one that was denied.
    pub(crate) const CONNECTION: Self = Self(1);

    /// An attempt to log in, told by who was asked to let somebody in.
    pub(crate) const LOGIN: Self = Self(2);

    /// A question to a name server, or its answer.
    pub(crate) const DNS: Self = Self(4);

    /// A program that starts.
    pub(crate) const PROCESS: Self = Self(8);

    /// A request to a web server, answered.
    pub(crate) const REQUEST: Self = Self(16);

    /// A record that its writer calls an error or worse.
    pub(crate) const FAULT: Self = Self(32);

    /// Any event.
    pub(crate) const ANY: Self = Self(1 << 7);

    fn of(event: &Event) -> Self {
        let mut kinds = Self::ANY;
        match event.text(Field::EventAction) {
            Some("network_flow" | "packet_denied" | "connection_ended") => {
                kinds = kinds.and(Self::CONNECTION);
            }
            Some(
                "ConsoleLogin" | "UserLoggedIn" | "UserLoginFailed" | "database_login"
                | "ftp_login" | "http_login" | "login" | "mail_login" | "sign_in" | "smb_login"
                | "ssh_login" | "user.session.start" | "vpn_login" | "windows_login",
            ) => kinds = kinds.and(Self::LOGIN),
            // Logs that keep the schema themselves, and need no word of ours.
            None if event.text(Field::EventCategory) == Some("authentication") => {
                kinds = kinds.and(Self::LOGIN);
            }
            Some("process_created") => kinds = kinds.and(Self::PROCESS),
            Some("audit_syscall") if is_program_call(event) => kinds = kinds.and(Self::PROCESS),
            None if event.text(Field::EventCategory) == Some("process")
                && event.text(Field::EventType) == Some("start") =>
            {
                kinds = kinds.and(Self::PROCESS);
            }
            _ => {}
        }
        if event.get(Field::DnsQuestionName).is_some() {
            kinds = kinds.and(Self::DNS);
        }
        if event.get(Field::ResponseStatus).is_some() {
            kinds = kinds.and(Self::REQUEST);
        } else if is_fault(event) {
            kinds = kinds.and(Self::FAULT);
        }
        kinds
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Tells whether the audit system of Linux tells of the system call that replaces the program.
fn is_program_call(event: &Event) -> bool {
    let call = event.get_extra("syscall").and_then(Value::as_text);
    matches!(call, Some("execve" | "execveat" | "59" | "322" | "221" | "281"))
}

/// Tells whether a record is of an error, by its header or by its own word.
fn is_fault(event: &Event) -> bool {
    const WORDS: [&str; 11] = [
        "err",
        "error",
        "crit",
        "critical",
        "alert",
        "emerg",
        "emergency",
        "fatal",
        "panic",
        "severe",
        "failure",
    ];
    event.integer(Field::SyslogSeverityCode).is_some_and(|code| code <= 3)
        || event
            .text(Field::LogLevel)
            .is_some_and(|level| WORDS.iter().any(|word| level.eq_ignore_ascii_case(word)))
}

/// A detector at work, with what it remembers. It never reads a clock: time comes with the events, which
/// may be late by a little.
pub(crate) trait Watcher: Send + fmt::Debug {
    /// Looks at the next event that the detector wants to see.
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>);
    /// Appends what it remembers; the same memory gives the same bytes.
    fn snapshot(&self, writer: &mut Writer);
    /// Takes up what [`Watcher::snapshot`] wrote. After an error what it remembers is of no use.
    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError>;
    /// Gives about how many bytes it takes.
    fn bytes(&self) -> usize;
    /// Gives how many entities it forgot for want of room.
    fn forgotten(&self) -> u64;
}

/// What a detector found; becomes an event for the rules to decide on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Finding {
    /// Which of the things that the detector finds.
    pub(crate) kind: &'static str,
    pub(crate) source: Option<IpAddr>,
    pub(crate) destination: Option<IpAddr>,
    pub(crate) port: Option<u16>,
    pub(crate) user: Option<String>,
    pub(crate) host: Option<String>,
    /// Whether it is about the user, wherever the tries came from.
    pub(crate) of_user: bool,
    /// How sure it is, 0 to 1.
    pub(crate) score: f64,
    /// What was seen, and what is usual, in the unit of the detector.
    pub(crate) observed: f64,
    pub(crate) baseline: f64,
    /// Over how long it was seen, in seconds.
    pub(crate) window_seconds: i64,
    /// What happened, in words.
    pub(crate) text: String,
    /// When the first of the evidence happened.
    pub(crate) first: Timestamp,
    /// How many happenings it stands on, and how many of those no finding before counted.
    pub(crate) count: u64,
    pub(crate) fresh: u64,
    /// The evidence, oldest first.
    pub(crate) events: Vec<EventId>,
    /// Whatever else it is about, by the name of the field.
    pub(crate) also: Vec<(&'static str, String)>,
}

/// Every detector at work.
#[derive(Debug)]
pub(crate) struct Detectors {
    watchers: Vec<(Detector, Box<dyn Watcher>)>,
    found: Vec<Finding>,
    /// Those whose memory was there and could not be taken up.
    begun_anew: Vec<&'static str>,
}

impl Default for Detectors {
    fn default() -> Self {
        let watchers = DETECTORS.iter().map(|detector| (*detector, (detector.make)())).collect();
        Self { watchers, found: Vec::new(), begun_anew: Vec::new() }
    }
}

impl Detectors {
    /// Gives those that old files say something of.
    pub(crate) fn of_old_events() -> Self {
        let mut detectors = Self::default();
        detectors.watchers.retain(|(detector, _)| !detector.live_only);
        detectors
    }

    /// Tells whether any detector wants to see an old event.
    pub(crate) fn wants_old(event: &Event) -> bool {
        let kinds = Kinds::of(event);
        DETECTORS.iter().any(|detector| !detector.live_only && detector.wants.meets(kinds))
    }

    /// Shows an event to the detectors; calls `each` with every finding, as the event for the rules.
    pub(crate) fn observe(&mut self, event: &Event, mut each: impl FnMut(&Event, &Finding)) {
        let kinds = Kinds::of(event);
        let Self { watchers, found, .. } = self;
        for (detector, watcher) in watchers {
            if !detector.wants.meets(kinds) {
                continue;
            }
            found.clear();
            watcher.observe(event, found);
            for finding in found.iter() {
                each(&finding.event(detector, event), finding);
            }
        }
    }

    /// Gives about how many bytes all of them take.
    pub(crate) fn bytes(&self) -> usize {
        self.watchers.iter().map(|(_, watcher)| watcher.bytes()).sum()
    }

    /// Gives about how many bytes each of them takes, by its id.
    pub(crate) fn bytes_of_each(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.watchers.iter().map(|(detector, watcher)| (detector.id, watcher.bytes()))
    }

    /// Gives how many entities they forgot for want of room.
    pub(crate) fn forgotten(&self) -> u64 {
        self.watchers.iter().map(|(_, watcher)| watcher.forgotten()).sum()
    }

    /// Gives the ids of those whose memory was there and could not be taken up.
    pub(crate) fn begun_anew(&self) -> &[&'static str] {
        &self.begun_anew
    }

    /// Appends what all of them remember, each apart, so that what is no longer understood of one is no
    /// loss of the others.
    pub(crate) fn snapshot(&self, writer: &mut Writer) {
        writer.length(self.watchers.len());
        for (detector, watcher) in &self.watchers {
            let mut own = Writer::default();
            watcher.snapshot(&mut own);
            let own = own.finish();
            writer.text(&detector.label());
            writer.length(own.len());
            writer.raw(&own);
        }
    }

    /// Takes up what [`Detectors::snapshot`] wrote, as far as it can be read: a detector whose memory is
    /// damaged or of another version begins anew, which is remembered, and the others go on.
    pub(crate) fn restore(reader: &mut Reader<'_>) -> Self {
        let mut restored = Self::default();
        let mut seen = Vec::new();
        let mut broken = false;
        let length = reader.length().unwrap_or_else(|_| {
            broken = true;
            0
        });
        for _ in 0..length {
            let Ok((label, own)) = Self::restore_one(reader) else {
                // Where one ends nobody knows after an error here.
                broken = true;
                break;
            };
            let id = label.split('@').next().unwrap_or_default();
            let mut watchers = restored.watchers.iter_mut();
            let Some((detector, watcher)) = watchers.find(|(detector, _)| detector.id == id) else {
                continue;
            };
            seen.push(detector.id);
            let mut own = Reader::new(own);
            let is_read =
                label == detector.label() && watcher.restore(&mut own).is_ok() && own.is_empty();
            if !is_read {
                *watcher = (detector.make)();
                restored.begun_anew.push(detector.id);
            }
        }
        if broken {
            let all = DETECTORS.iter().map(|detector| detector.id);
            restored.begun_anew.extend(all.filter(|id| !seen.contains(id)));
        }
        restored
    }

    fn restore_one<'b>(reader: &mut Reader<'b>) -> Read<(&'b str, &'b [u8])> {
        let id = reader.text()?;
        let length = reader.length()?;
        Ok((id, reader.raw(length)?))
    }
}

impl Finding {
    /// Gives the event that the rules look at, in the place of the one that completed the finding.
    fn event(&self, detector: &Detector, last: &Event) -> Event {
        let mut event = Event::new(Text::default(), last.ingested);
        event.id = last.id;
        event.time = last.time;
        event.set(Field::EventModule, MODULE);
        event.set(Field::EventKind, "alert");
        event.set(Field::Message, &*self.text);
        for (field, address) in
            [(Field::SourceIp, self.source), (Field::DestinationIp, self.destination)]
        {
            if let Some(address) = address {
                event.set(field, address);
            }
        }
        if let Some(port) = self.port {
            event.set(Field::DestinationPort, i64::from(port));
        }
        for (field, name) in [(Field::UserName, &self.user), (Field::HostName, &self.host)] {
            if let Some(name) = name {
                event.set(field, &**name);
            }
        }
        for (name, value) in &self.also {
            event.set_path(name, &**value);
        }
        if last.get(Field::Simulated) == Some(Value::Flag(true)) {
            event.set(Field::Simulated, true);
        }
        event.set_extra("bartizan.finding.detector", detector.id);
        event.set_extra("bartizan.finding.kind", self.kind);
        event.set_extra("bartizan.finding.score", self.score);
        event.set_extra("bartizan.finding.observed", self.observed);
        event.set_extra("bartizan.finding.baseline", self.baseline);
        event.set_extra("bartizan.finding.window_seconds", self.window_seconds);
        event
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Clock, Origin, Record};
    use parse::{Parser, ParserConfig};
    use proptest::prelude::*;
    use simulate::{
        FlowAttack, FlowLife, HostLine, LoginAttack, LoginAttackKind, LoginLife, LoginProgram,
        LookupAttack, LookupLife, StartAttack, StartLife, WebAttack, WebLife, merged,
    };

    use super::*;

    fn start() -> Timestamp {
        Timestamp::parse("2026-11-02T00:00:00Z").unwrap()
    }

    fn later(hours: i64) -> Timestamp {
        Timestamp::from_nanos(start().nanos() + hours * 3_600_000_000_000)
    }

    /// Some days of a small house, with something of every kind in it.
    fn events() -> Vec<Event> {
        let (seed, start) = (1, start());
        let lookups =
            LookupLife { seed, start, days: 1, clients: 6, an_hour: 20, scanned_an_hour: 30 };
        let flows = FlowLife { seed, start, days: 1, clients: 4, an_hour: 10 };
        let starts = StartLife {
            seed,
            start,
            days: 9,
            groups: 2,
            machines: 4,
            an_hour: 5,
            rollouts_a_week: 1,
            tools_a_week: 1,
            setups_a_month: 1,
        };
        let web = WebLife {
            seed,
            start,
            days: 3,
            sites: 1,
            a_minute: 1,
            releases_a_day: 1,
            peaks_a_week: 1,
        };
        let life = [lookups.lines(), flows.lines(), starts.lines(), web.lines(), logins()].concat();
        let tunnel = LookupAttack::Tunnel { letters: 60, base: 32, kind: "TXT", every: 5.0 };
        let attacks = vec![
            tunnel.lines(1, 1, later(10), 900.0),
            LookupAttack::Generated { family: simulate::Family::Letters, every: 5.0 }.lines(
                2,
                2,
                later(11),
                600.0,
            ),
            FlowAttack::Ports { every: 1.0 }.lines(3, 3, later(12), 60.0),
            FlowAttack::Beacon { every: 60.0, jitter: 0.1 }.lines(4, 1, later(13), 3_600.0),
            StartAttack::WebShell.lines(5, 0, 1, later(24 * 8)),
            WebAttack::FewSources(5).lines(6, 0, later(24 * 2 + 10), 300.0),
            WebAttack::Complaints(1).lines(7, 0, later(24 * 2 + 12), 900.0),
        ];
        let parser = Parser::new(ParserConfig::default());
        let lines = merged(life, attacks).into_iter().zip(1..);
        lines.map(|(line, id)| event(&parser, &line, id)).collect()
    }

    /// Log-ins of a few people, and passwords that somebody tries slowly.
    fn logins() -> Vec<HostLine> {
        let life = LoginLife { seed: 1, users: 5, days: 4, start: start() };
        let attack = LoginAttack {
            seed: 9,
            kind: LoginAttackKind::Guess,
            second: 86_400,
            user: 0,
            users: 1,
            networks: 1,
            tries: 60,
            every: 900,
            jitter: 30,
            succeeds: true,
            program: LoginProgram::Ssh,
        };
        let lines = life.lines().into_iter().chain(attack.lines(&life));
        lines.map(|line| HostLine { time: line.time, text: line.text, attack: None }).collect()
    }

    fn event(parser: &Parser, line: &HostLine, id: u64) -> Event {
        let mut event = parser.parse(Record {
            text: Text::from(line.text.as_str()),
            received_at: line.time,
            origin: Arc::new(Origin { clock: Clock::File(line.time), ..Origin::default() }),
            truncated_bytes: 0,
            escaped_bytes: 0,
        });
        event.id = EventId(id);
        event
    }

    fn played(detectors: &mut Detectors, events: &[Event]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for event in events {
            detectors.observe(event, |_, finding| findings.push(finding.clone()));
        }
        findings
    }

    fn snapshot(detectors: &Detectors) -> Vec<u8> {
        let mut writer = Writer::default();
        detectors.snapshot(&mut writer);
        writer.finish()
    }

    #[test]
    fn what_is_remembered_is_taken_up_again() {
        let events = events();
        let whole = played(&mut Detectors::default(), &events);
        for kind in
            ["tunnel", "generated", "vertical", "beacon", "process", "flood", "written", "slow"]
        {
            assert!(
                whole.iter().any(|finding| finding.kind == kind),
                "{kind} is not among the findings"
            );
        }
        for part in 1..8 {
            let (first, second) = events.split_at(events.len() * part / 8);
            let mut one = Detectors::default();
            let mut findings = played(&mut one, first);
            let bytes = snapshot(&one);
            let mut other = Detectors::restore(&mut Reader::new(&bytes));
            assert_eq!(snapshot(&other), bytes, "restored at {part}/8");
            findings.extend(played(&mut other, second));
            assert!(findings == whole, "restored at {part}/8");
        }
    }

    /// Gives the memory of each detector, as it stands in a snapshot.
    fn parts(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut reader = Reader::new(bytes);
        let length = reader.length().unwrap();
        let each = |_| {
            let (id, own) = Detectors::restore_one(&mut reader).unwrap();
            (id.to_owned(), own.to_vec())
        };
        (0..length).map(each).collect()
    }

    fn joined(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.length(parts.len());
        for (id, own) in parts {
            writer.text(id);
            writer.length(own.len());
            writer.raw(own);
        }
        writer.finish()
    }

    #[test]
    fn a_memory_that_cannot_be_read_is_lost_alone() {
        let mut detectors = Detectors::default();
        played(&mut detectors, some());
        let kept = parts(&snapshot(&detectors));
        let empty = parts(&snapshot(&Detectors::default()));
        assert!(kept.iter().zip(&empty).filter(|(one, other)| one == other).count() <= 1);
        for place in 0..kept.len() {
            let mut damaged = kept.clone();
            damaged[place].1.push(0);
            damaged.insert(place, ("of another version".to_owned(), vec![7; 9]));
            let again = Detectors::restore(&mut Reader::new(&joined(&damaged)));
            let mut expected = kept.clone();
            expected[place] = empty[place].clone();
            assert!(parts(&snapshot(&again)) == expected, "{}", kept[place].0);
            assert_eq!(again.begun_anew(), [DETECTORS[place].id]);
        }
        let without: Vec<_> = kept.iter().skip(1).cloned().collect();
        let again = Detectors::restore(&mut Reader::new(&joined(&without)));
        assert!(parts(&snapshot(&again))[1..] == without, "one detector is new");
        assert_eq!(again.begun_anew(), [""; 0], "what is new has lost nothing");
    }

    #[test]
    fn a_memory_of_another_version_is_not_taken_up_and_what_is_cut_off_is_told() {
        let mut detectors = Detectors::default();
        played(&mut detectors, some());
        let kept = parts(&snapshot(&detectors));
        for (place, detector) in DETECTORS.iter().enumerate() {
            for label in
                [format!("{}@{}", detector.id, detector.version + 1), format!("{}@x", detector.id)]
            {
                let mut other = kept.clone();
                other[place].0 = label;
                let again = Detectors::restore(&mut Reader::new(&joined(&other)));
                assert_eq!(again.begun_anew(), [detector.id]);
            }
        }
        let bytes = snapshot(&detectors);
        let again = Detectors::restore(&mut Reader::new(&bytes[..bytes.len() - 1]));
        assert_eq!(again.begun_anew(), [DETECTORS[DETECTORS.len() - 1].id]);
        let again = Detectors::restore(&mut Reader::new(&[]));
        assert_eq!(again.begun_anew().len(), DETECTORS.len());
    }

    #[test]
    fn whom_nobody_invited_costs_bounded_memory() {
        let parser = Parser::new(ParserConfig::default());
        let mut detectors = Detectors::default();
        for number in 0..60_000_u64 {
            let (site, text) = (number % 250, number / 250);
            let name = format!(
                "[1795244280] unbound[75:0] info: 10.{site}.1.2 a.b{number}.example. A IN NXDOMAIN 0 0 9"
            );
            let error = format!("<11>Nov 21 06:58:00 host{number} p{text}[1]: broken");
            for text in [name, error] {
                let line = HostLine { time: start(), text, attack: None };
                detectors.observe(&event(&parser, &line, number), |_, _| ());
            }
        }
        assert!(detectors.forgotten() > 50_000, "{}", detectors.forgotten());
        assert!(detectors.bytes() < 60_000_000, "{}", detectors.bytes());
    }

    /// One entity that is met with ever new others, of every kind there is.
    fn hostile(number: u64) -> [String; 7] {
        let (low, high) = (number % 250, number / 250);
        [
            // One machine scans another, and a network; one name server's client asks below one domain.
            flow(number, "10.1.1.1", "10.2.2.2", number % 65_536),
            flow(number, "10.1.1.1", &format!("203.{}.{high}.{low}", number % 3), 443),
            format!(
                "[1795244280] unbound[75:0] info: 10.1.1.2 {number:x}q.t.example.net. TXT IN NXDOMAIN 0 0 9"
            ),
            // One account from everywhere, everybody from one network.
            login("admin", &format!("2001:db8:{number:x}::1")),
            login(&format!("user{number}"), "203.0.113.9"),
            // One machine starts what nobody knows, by parents that nobody knows.
            format!(
                r#"{{"@timestamp":1795244280,"event":{{"category":"process","type":"start"}},"host":{{"name":"web-1"}},"process":{{"name":"q{number}a{low}z","executable":"/srv/{number:x}/q{number}a{low}z","parent":{{"name":"p{number}b{high}"}}}}}}"#
            ),
            format!(
                r#"2001:db8:{number:x}::1 - - [21/Nov/2026:06:58:00 +0000] "GET /{number} HTTP/1.1" 404 512 "-" "-""#
            ),
        ]
    }

    fn flow(number: u64, from: &str, to: &str, port: u64) -> String {
        format!(
            r#"{{"ts":1795244280.{:03},"uid":"C","id.orig_h":"{from}","id.orig_p":1,"id.resp_h":"{to}","id.resp_p":{port},"proto":"tcp","orig_bytes":9,"resp_bytes":0,"conn_state":"S0","orig_pkts":1,"resp_pkts":0}}"#,
            number % 1_000
        )
    }

    fn login(user: &str, from: &str) -> String {
        format!(
            r#"{{"@timestamp":1795244280,"event":{{"category":"authentication","outcome":"failure"}},"user":{{"name":"{user}"}},"source":{{"ip":"{from}"}}}}"#
        )
    }

    #[test]
    fn one_entity_costs_bounded_memory_whomever_it_meets() {
        let parser = Parser::new(ParserConfig::default());
        let mut detectors = Detectors::default();
        let mut seen = Kinds::default();
        for number in 0..6_000_u64 {
            for text in hostile(number) {
                let event = event(&parser, &HostLine { time: start(), text, attack: None }, number);
                seen = seen.and(Kinds::of(&event));
                detectors.observe(&event, |_, _| ());
            }
        }
        for kind in [Kinds::CONNECTION, Kinds::LOGIN, Kinds::DNS, Kinds::PROCESS, Kinds::REQUEST] {
            assert!(kind.meets(seen), "{kind:?}");
        }
        for (id, bytes) in detectors.bytes_of_each() {
            // Of 6,000 others each: no more than a row for each of them in every table.
            assert!(bytes < 25_000_000, "{id}: {bytes}");
        }
        let bytes = snapshot(&detectors);
        assert_eq!(snapshot(&Detectors::restore(&mut Reader::new(&bytes))), bytes);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// Clocks that go back, or years ahead, or to the ends of time: nothing panics, what is remembered stays
        /// bounded and is restored as it was.
        #[test]
        fn no_clock_breaks_a_memory(
            jumps in proptest::collection::vec((0_usize..400, prop_oneof![
                -100_000_i64..100_000,
                -1_000_000_000..1_000_000_000_i64,
                Just(i64::MIN / 1_000_000_000),
                Just(i64::MAX / 1_000_000_000),
            ]), 0..12),
        ) {
            let mut detectors = Detectors::default();
            let mut away = 0_i64;
            for (at, one) in some().iter().step_by(some().len() / 400).enumerate() {
                if let Some((_, seconds)) = jumps.iter().find(|(place, _)| *place == at) {
                    away = *seconds;
                }
                let mut event = one.clone();
                let nanos = away.saturating_mul(1_000_000_000);
                event.time = Timestamp::from_nanos(one.time.nanos().saturating_add(nanos));
                detectors.observe(&event, |_, _| ());
            }
            let bytes = snapshot(&detectors);
            let again = Detectors::restore(&mut Reader::new(&bytes));
            prop_assert_eq!(again.begun_anew(), [""; 0]);
            prop_assert!(snapshot(&again) == bytes);
            prop_assert!(detectors.bytes() < 60_000_000);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn damaged_memory_is_left_out_or_taken_and_never_panics(
            at in 0.0..1.0_f64,
            flip in 1..=255_u8,
            cut in 0.0..1.0_f64,
        ) {
            let bytes = damaged(at, flip, cut);
            let mut restored = Detectors::restore(&mut Reader::new(&bytes));
            played(&mut restored, some());
        }
    }

    /// The memory of a while, with one byte changed and its end cut off.
    fn damaged(at: f64, flip: u8, cut: f64) -> Vec<u8> {
        static BYTES: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let mut detectors = Detectors::default();
            played(&mut detectors, some());
            snapshot(&detectors)
        });
        let place = |part: f64| {
            let all = keep_number(BYTES.len());
            usize::try_from(crate::keep::whole(all * part)).unwrap()
        };
        let mut bytes = BYTES.clone();
        let at = place(at).min(bytes.len() - 1);
        bytes[at] ^= flip;
        if cut < 0.5 {
            bytes.truncate(place(cut * 2.0));
        }
        bytes
    }

    fn keep_number(length: usize) -> f64 {
        crate::keep::number(u64::try_from(length).unwrap())
    }

    fn some() -> &'static [Event] {
        static EVENTS: std::sync::LazyLock<Vec<Event>> = std::sync::LazyLock::new(|| {
            let all = events();
            all.into_iter().step_by(5).collect()
        });
        &EVENTS
    }
}
