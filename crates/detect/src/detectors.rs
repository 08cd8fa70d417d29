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
mod guessing;
mod scan;
mod shared;
mod sources;
mod volume;
mod whereabouts;

use std::fmt;
use std::net::IpAddr;

use model::{Event, EventId, Field, Text, Timestamp, Value};
use sigma::SnapshotError;
use sigma::codec::{Reader, Writer};

/// What stands in `event.module` of a finding.
const MODULE: &str = "detector";

/// One kind of detector.
#[derive(Clone, Copy)]
pub struct Detector {
    /// Its name in `bartizan.finding.detector`.
    pub id: &'static str,
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

/// Every detector.
pub const DETECTORS: &[Detector] = &[
    beacon::DETECTOR,
    guessing::DETECTOR,
    scan::DETECTOR,
    sources::DETECTOR,
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

    /// Any event.
    pub(crate) const ANY: Self = Self(1 << 7);

    fn of(event: &Event) -> Self {
        match event.text(Field::EventAction) {
            Some("network_flow" | "packet_denied" | "connection_ended") => {
                Self(Self::CONNECTION.0 | Self::ANY.0)
            }
            Some(
                "ConsoleLogin" | "UserLoggedIn" | "UserLoginFailed" | "database_login"
                | "ftp_login" | "http_login" | "login" | "mail_login" | "sign_in" | "smb_login"
                | "ssh_login" | "user.session.start" | "vpn_login" | "windows_login",
            ) => Self(Self::LOGIN.0 | Self::ANY.0),
            // Logs that keep the schema themselves, and need no word of ours.
            None if event.text(Field::EventCategory) == Some("authentication") => {
                Self(Self::LOGIN.0 | Self::ANY.0)
            }
            _ => Self::ANY,
        }
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
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
}

/// Every detector at work.
#[derive(Debug)]
pub(crate) struct Detectors {
    watchers: Vec<(Detector, Box<dyn Watcher>)>,
    found: Vec<Finding>,
}

impl Default for Detectors {
    fn default() -> Self {
        let watchers = DETECTORS.iter().map(|detector| (*detector, (detector.make)())).collect();
        Self { watchers, found: Vec::new() }
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
        let Self { watchers, found } = self;
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

    /// Appends what all of them remember.
    pub(crate) fn snapshot(&self, writer: &mut Writer) {
        writer.length(self.watchers.len());
        for (detector, watcher) in &self.watchers {
            writer.text(detector.id);
            watcher.snapshot(writer);
        }
    }

    /// Takes up what [`Detectors::snapshot`] wrote; of another set of detectors it is of no use.
    pub(crate) fn restore(reader: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let mut restored = Self::default();
        if reader.length()? != restored.watchers.len() {
            return Err(SnapshotError::Version);
        }
        for (detector, watcher) in &mut restored.watchers {
            if reader.text()? != detector.id {
                return Err(SnapshotError::Version);
            }
            watcher.restore(reader)?;
        }
        Ok(restored)
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
