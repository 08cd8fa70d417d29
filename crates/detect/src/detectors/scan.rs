//! Port scans: one address that tries many ports of a machine, or one port of many machines.
//!
//! That somebody opens many connections means nothing: a browser does. What tells a scan is that most
//! first tries fail, since a scanner does not know what is there. Each first try of an end adds to a
//! sequential test of the hypothesis that its source scans (Jung, Paxson, Berger, Balakrishnan, "Fast
//! portscan detection using sequential hypothesis testing", 2004), and a finding needs both: many ends,
//! and the verdict of the test. A source may take its time. What a firewall denied in a hurry is left to the rules
//! that count denied packets, so that one scan is told once.

use std::net::IpAddr;

use model::{Event, Field, Timestamp, Value};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::{
    self, Distinct, Ends, Evidence, Table, Told, address_key, address_of, read_key, read_time,
    write_key, write_time,
};

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "scan",
    version: 1,
    summary: "an address whose first tries of many ports or machines mostly fail",
    wants: Kinds::CONNECTION,
    live_only: false,
    make: || Box::new(Scan::default()),
};

/// How many pairs (source and machine, source and port) are kept of each kind.
const PAIRS_MAX: usize = 100_000;
/// A source that was silent for so long begins anew: one that is patient may try a port every few hours.
const SILENCE: i64 = 24 * 3_600 * keep::SECOND;
/// How many ports of one machine, and how many machines on one port, a finding needs.
const PORTS_MIN: u64 = 20;
const MACHINES_MIN: u64 = 20;
/// From how many denied tries a minute on the rules on denied packets tell of a sweep.
const DENIED_A_MINUTE: u64 = 15;

/// How likely a first try is answered if the source is benign, and if it scans.
const ANSWERED_BENIGN: f64 = 0.8;
const ANSWERED_SCANNER: f64 = 0.2;
/// The odds at which a source is a scanner: one false verdict in a hundred, one scan missed in a hundred.
const ODDS: f64 = 0.99 / 0.01;
/// However long a source behaved well before, so many failures in a row outweigh it.
const LEANING_MAX: f64 = 10.0;

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Answered,
    Failed,
    /// By a firewall.
    Denied,
}

impl Outcome {
    /// Reads it from a flow, or from what a firewall says.
    fn of(event: &Event) -> Option<Self> {
        match event.text(Field::EventAction)? {
            "packet_denied" => Some(Self::Denied),
            "network_flow" => {
                let state = event.get_extra("bartizan.flow.state");
                let state = state.or_else(|| event.get_extra("conn_state"));
                match state.and_then(Value::as_text) {
                    Some("S0" | "REJ" | "RSTOS0" | "RSTRH" | "SH") => Some(Self::Failed),
                    Some("S1" | "SF" | "S2" | "S3" | "RSTO" | "RSTR") => Some(Self::Answered),
                    Some(_) => None,
                    None => {
                        let answers = event.integer(Field::DestinationPackets)?;
                        Some(if answers == 0 { Self::Failed } else { Self::Answered })
                    }
                }
            }
            _ => None,
        }
    }

    /// By how much it speaks for a scan (the logarithm of the likelihood ratio).
    fn weight(self) -> f64 {
        match self {
            Self::Answered => (ANSWERED_SCANNER / ANSWERED_BENIGN).ln(),
            Self::Failed | Self::Denied => {
                ((1.0 - ANSWERED_SCANNER) / (1.0 - ANSWERED_BENIGN)).ln()
            }
        }
    }
}

/// What is remembered of a source and a machine, or of a source and a port.
#[derive(Clone, Debug, Default)]
struct Pair {
    first: Timestamp,
    last: Timestamp,
    tried: Distinct,
    failed: u64,
    denied: u64,
    /// How far the test leans towards a scan.
    leaning: f64,
    told: Told,
    evidence: Evidence,
}

impl Pair {
    /// Adds a try of one end; gives how many of the ends are new to the reader of findings, where it is
    /// time for a finding.
    fn add(&mut self, end: u32, outcome: Outcome, event: &Event, least: u64) -> Option<u64> {
        let silent = event.time.nanos().saturating_sub(self.last.nanos());
        if self.tried.len() == 0 || silent > SILENCE {
            self.tried.clear();
            self.evidence.clear();
            self.told.clear();
            (self.failed, self.denied, self.leaning, self.first) = (0, 0, 0.0, event.time);
        }
        self.last = self.last.max(event.time);
        if !self.tried.insert(end) {
            return None;
        }
        self.evidence.push(event.id);
        self.failed += u64::from(outcome != Outcome::Answered);
        self.denied += u64::from(outcome == Outcome::Denied);
        self.leaning = (self.leaning + outcome.weight()).clamp(-LEANING_MAX, LEANING_MAX);
        if self.leaning < ODDS.ln() || self.is_denied_in_a_hurry() {
            return None;
        }
        self.told.say(self.count(), least)
    }

    fn is_denied_in_a_hurry(&self) -> bool {
        let minutes = u64::try_from(self.seconds() / 60).unwrap_or_default().max(1);
        self.denied > self.count() / 2 && self.count() >= DENIED_A_MINUTE * minutes
    }

    fn count(&self) -> u64 {
        u64::try_from(self.tried.len()).unwrap_or(u64::MAX)
    }

    fn seconds(&self) -> i64 {
        self.last.nanos().saturating_sub(self.first.nanos()) / keep::SECOND
    }

    fn snapshot(&self, writer: &mut Writer) {
        write_time(writer, self.first);
        write_time(writer, self.last);
        self.tried.snapshot(writer);
        writer.number(self.failed);
        writer.number(self.denied);
        writer.whole(self.leaning.to_bits());
        self.told.snapshot(writer);
        self.evidence.snapshot(writer);
    }

    fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        Ok(Self {
            first: read_time(reader)?,
            last: read_time(reader)?,
            tried: Distinct::restore(reader)?,
            failed: reader.number()?,
            denied: reader.number()?,
            leaning: f64::from_bits(reader.whole()?),
            told: Told::restore(reader)?,
            evidence: Evidence::restore(reader)?,
        })
    }
}

#[derive(Debug)]
struct Scan {
    /// By source and machine: which ports were tried.
    machines: Table<(u128, u128), Pair>,
    /// By source and port: which machines were tried.
    ports: Table<(u128, u16), Pair>,
}

impl Default for Scan {
    fn default() -> Self {
        Self { machines: Table::new(PAIRS_MAX), ports: Table::new(PAIRS_MAX) }
    }
}

impl Watcher for Scan {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        if matches!(event.get(Field::NetworkTransport), Some(Value::Text(name)) if name.contains("icmp"))
        {
            return;
        }
        let (Some(ends), Some(outcome)) = (Ends::of(event), Outcome::of(event)) else { return };
        let (source, machine) = (address_key(ends.source), address_key(ends.destination));
        let pair = self.machines.entry((source, machine), Pair::default);
        if let Some(fresh) = pair.add(u32::from(ends.port), outcome, event, PORTS_MIN) {
            found.push(vertical(ends, pair, fresh));
        }
        let pair = self.ports.entry((source, ends.port), Pair::default);
        if let Some(fresh) = pair.add(keep::mix(machine), outcome, event, MACHINES_MIN) {
            found.push(horizontal(ends, pair, fresh));
        }
    }

    fn snapshot(&self, writer: &mut Writer) {
        self.machines.snapshot(writer, |writer, (source, machine), pair| {
            write_key(writer, *source);
            write_key(writer, *machine);
            pair.snapshot(writer);
        });
        self.ports.snapshot(writer, |writer, (source, port), pair| {
            write_key(writer, *source);
            writer.number(u64::from(*port));
            pair.snapshot(writer);
        });
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.machines.restore(reader, |reader| {
            Ok(((read_key(reader)?, read_key(reader)?), Pair::restore(reader)?))
        })?;
        self.ports.restore(reader, |reader| {
            let source = read_key(reader)?;
            let port = u16::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
            Ok(((source, port), Pair::restore(reader)?))
        })
    }

    fn bytes(&self) -> usize {
        let pairs = self.machines.values().chain(self.ports.values());
        pairs.map(|pair| pair.tried.bytes() + size_of::<Pair>() + 64).sum()
    }

    fn forgotten(&self) -> u64 {
        self.machines.forgotten().saturating_add(self.ports.forgotten())
    }
}

fn vertical(ends: Ends, pair: &Pair, fresh: u64) -> Finding {
    let text = format!(
        "{} tried {} ports of {} within {}, {} of them without an answer; from {PORTS_MIN} on, most of them in vain, it \
         is told",
        ends.source,
        at_least(pair),
        ends.destination,
        keep::span(pair.seconds()),
        pair.failed
    );
    Finding {
        destination: Some(ends.destination),
        baseline: keep::number(PORTS_MIN),
        ..finding("vertical", ends.source, pair, fresh, text)
    }
}

fn horizontal(ends: Ends, pair: &Pair, fresh: u64) -> Finding {
    let text = format!(
        "{} tried port {} of {} machines within {}, {} of them without an answer; from {MACHINES_MIN} on, most of them \
         in vain, it is told",
        ends.source,
        ends.port,
        at_least(pair),
        keep::span(pair.seconds()),
        pair.failed
    );
    Finding {
        port: Some(ends.port),
        baseline: keep::number(MACHINES_MIN),
        ..finding("horizontal", ends.source, pair, fresh, text)
    }
}

fn finding(kind: &'static str, source: IpAddr, pair: &Pair, fresh: u64, text: String) -> Finding {
    let odds = pair.leaning.exp();
    Finding {
        kind,
        source: Some(address_of(address_key(source))),
        score: odds / (1.0 + odds),
        observed: keep::number(pair.count()),
        window_seconds: pair.seconds(),
        text,
        first: pair.first,
        count: pair.count(),
        fresh,
        events: pair.evidence.events(),
        ..Finding::default()
    }
}

/// Gives the count in words: past the bound it is only a lower one.
fn at_least(pair: &Pair) -> String {
    let bound = if pair.tried.len() >= Distinct::MAX { "at least " } else { "" };
    format!("{bound}{}", pair.count())
}
