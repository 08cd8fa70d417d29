//! Names that malware makes up until one of them is registered.
//!
//! Within ten minutes each different domain that a client asks for in vain speaks for or against a program
//! that makes names up, by the model of letters ([`Names`]); a domain of which it is not known whether it exists
//! speaks half. Names made of whole words look like any other: of these it is only told that a client
//! asks for far more domains that do not exist than it usually does.

use model::{Event, Field, Timestamp, Value};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::series::BUCKET_SECONDS;
use crate::keep::sketch::Linear;
use crate::keep::watched::{Judged, Limits, Watched};
use crate::keep::{
    self, Evidence, Table, Told, address_key, address_of, read_key, read_time, write_key,
    write_time,
};
use crate::names::{Names, chosen_label};

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "generated",
    version: 1,
    summary: "a machine that asks for names which look made up, or for very many that do not exist",
    wants: Kinds::DNS,
    live_only: false,
    make: || Box::new(Generated::default()),
};

/// How many clients are kept.
const CLIENTS_MAX: usize = 10_000;
/// Over how long different domains are counted.
const WINDOW: i64 = 600 * keep::SECOND;
/// How many different domains must look made up, and how much all of them must speak for it.
const DOMAINS_MIN: u64 = 8;
const EVIDENCE_SUM_MIN: f64 = 30.0;
/// How much one domain may speak, either way; what does not exist speaks a little for itself.
const ONE_MAX: f64 = 6.0;
const MISSING: f64 = 0.5;
/// A domain looks made up from these odds on.
const ODDS_MIN: f64 = 2.5;
/// How much a domain counts that may exist.
const UNKNOWN: f64 = 0.4;
/// Domains that do not exist, within five minutes.
const BURST: Limits =
    Limits { floor: 25.0, unknown: 40.0, deviations: 5.0, at_once: 8.0, lasting: 0 };

/// What is known of a domain that is asked for.
#[derive(Clone, Copy, Debug)]
enum Seen {
    Unknown,
    Missing,
    MissingAfterAll,
}

/// What one client asked for.
#[derive(Debug)]
struct Client {
    first: Timestamp,
    /// Every domain of the window, and those that are known not to exist.
    asked: Linear,
    missing: Linear,
    looks: u64,
    sum: f64,
    told: Told,
    evidence: Evidence,
    /// The last one that looked made up.
    example: String,
    /// How many do not exist, against what is usual; only where some do not.
    burst: Option<Box<Watched>>,
}

impl Client {
    fn new(at: Timestamp) -> Self {
        Self {
            first: at,
            asked: Linear::default(),
            missing: Linear::default(),
            looks: 0,
            sum: 0.0,
            told: Told::default(),
            evidence: Evidence::default(),
            example: String::new(),
            burst: None,
        }
    }

    fn renew(&mut self, at: Timestamp) {
        if at.nanos().saturating_sub(self.first.nanos()) > WINDOW {
            *self = Self { burst: self.burst.take(), ..Self::new(at) };
        }
    }

    /// Takes in a domain; gives how many look made up and how many of them are new to the reader, where
    /// that is to be told.
    fn judge(&mut self, event: &Event, domain: &str, seen: Seen) -> Option<(u64, u64)> {
        let odds = Names::shipped().odds(chosen_label(domain));
        let unknown = (odds * UNKNOWN).clamp(-ONE_MAX / 2.0, ONE_MAX * UNKNOWN);
        let missing = (odds + MISSING).clamp(-ONE_MAX / 2.0, ONE_MAX);
        let speaks = match seen {
            Seen::Unknown => unknown,
            Seen::Missing => missing,
            // It spoke before its answer came.
            Seen::MissingAfterAll => missing - unknown,
        };
        self.sum = (self.sum + speaks).max(-EVIDENCE_SUM_MIN);
        if odds >= ODDS_MIN && !matches!(seen, Seen::MissingAfterAll) {
            self.looks += 1;
            self.evidence.push(event.id);
            domain.clone_into(&mut self.example);
        }
        if self.sum < EVIDENCE_SUM_MIN {
            return None;
        }
        Some((self.looks, self.told.say(self.looks, DOMAINS_MIN)?))
    }

    fn snapshot(&self, writer: &mut Writer) {
        write_time(writer, self.first);
        self.asked.snapshot(writer);
        self.missing.snapshot(writer);
        writer.number(self.looks);
        writer.whole(self.sum.to_bits());
        self.told.snapshot(writer);
        self.evidence.snapshot(writer);
        writer.text(&self.example);
        writer.flag(self.burst.is_some());
        if let Some(burst) = &self.burst {
            burst.snapshot(writer);
        }
    }

    fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        Ok(Self {
            first: read_time(reader)?,
            asked: Linear::restore(reader)?,
            missing: Linear::restore(reader)?,
            looks: reader.number()?,
            sum: f64::from_bits(reader.whole()?),
            told: Told::restore(reader)?,
            evidence: Evidence::restore(reader)?,
            example: reader.text()?.to_owned(),
            burst: if reader.flag()? { Some(Box::new(Watched::restore(reader)?)) } else { None },
        })
    }
}

#[derive(Debug)]
struct Generated {
    clients: Table<u128, Client>,
}

impl Default for Generated {
    fn default() -> Self {
        Self { clients: Table::new(CLIENTS_MAX) }
    }
}

impl Watcher for Generated {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        let Some(source) = event.ip(Field::SourceIp) else { return };
        let domain = event.get_extra("dns.question.registered_domain").and_then(Value::as_text);
        let Some(domain) = domain.filter(|domain| is_public(domain)) else { return };
        let (exists, missing) = match event.text(Field::DnsResponseCode) {
            None => (false, false),
            Some("NXDOMAIN" | "3") => (false, true),
            Some(_) => (true, false),
        };
        if exists {
            return;
        }
        let key = address_key(source);
        let client = self.clients.entry(key, || Client::new(event.time));
        client.renew(event.time);
        let hash = keep::mix(u128::from(keep::hash(domain.as_bytes())));
        let first = client.asked.insert(hash);
        let seen = match (missing && client.missing.insert(hash), first) {
            (true, true) => Seen::Missing,
            (true, false) => Seen::MissingAfterAll,
            (false, true) => Seen::Unknown,
            (false, false) => return,
        };
        if let Some((looks, fresh)) = client.judge(event, domain, seen) {
            found.push(made_up(key, client, event, (looks, fresh)));
        }
        if missing {
            let begin = || Box::new(Watched::new(event.time));
            let burst = client.burst.get_or_insert_with(begin);
            if let Some(judged) = burst.add(event, 1.0, BURST)
                && client.told == Told::default()
            {
                found.push(vain(key, domain, burst, &judged));
            }
        }
    }

    fn snapshot(&self, writer: &mut Writer) {
        self.clients.snapshot(writer, |writer, key, client| {
            write_key(writer, *key);
            client.snapshot(writer);
        });
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.clients.restore(reader, |reader| Ok((read_key(reader)?, Client::restore(reader)?)))
    }

    fn bytes(&self) -> usize {
        let each = |client: &Client| {
            let burst = client.burst.as_ref().map_or(0, |burst| burst.bytes());
            size_of::<Client>() + 24 + client.evidence.bytes() + burst + client.example.len()
        };
        self.clients.values().map(each).sum()
    }

    fn forgotten(&self) -> u64 {
        self.clients.forgotten()
    }
}

/// Tells whether a domain is one that anybody might register: those of the own network often do not exist.
fn is_public(domain: &str) -> bool {
    let top = domain.rsplit('.').next().unwrap_or_default();
    domain.len() <= 253
        && domain.contains('.')
        && !matches!(
            top,
            "local"
                | "lan"
                | "home"
                | "internal"
                | "corp"
                | "localdomain"
                | "arpa"
                | "localhost"
                | "private"
                | "intranet"
                | "workgroup"
                | "invalid"
        )
}

fn made_up(source: u128, client: &Client, event: &Event, (looks, fresh): (u64, u64)) -> Finding {
    let source = address_of(source);
    let seconds = event.time.nanos().saturating_sub(client.first.nanos()) / keep::SECOND;
    let text = format!(
        "{source} asked for {looks} domains within {} that look made up by a program, last {}; {} do not exist",
        keep::span(seconds),
        client.example,
        keep::whole(client.missing.count())
    );
    Finding {
        kind: "generated",
        source: Some(source),
        score: 1.0 - 1.0 / (1.0 + client.sum / EVIDENCE_SUM_MIN),
        observed: client.sum,
        baseline: EVIDENCE_SUM_MIN,
        window_seconds: seconds,
        text,
        first: client.first,
        count: looks,
        fresh,
        events: client.evidence.events(),
        also: vec![("dns.question.registered_domain", client.example.clone())],
        ..Finding::default()
    }
}

fn vain(source: u128, domain: &str, burst: &Watched, judged: &Judged) -> Finding {
    let source = address_of(source);
    let text = format!(
        "{source} asked for {:.0} domains within five minutes that do not exist, last {domain}; usual at this \
         hour are {:.0}",
        judged.value,
        judged.baseline()
    );
    Finding {
        kind: "missing",
        source: Some(source),
        score: judged.score(BURST.deviations),
        observed: judged.value,
        baseline: judged.baseline(),
        window_seconds: BUCKET_SECONDS,
        text,
        first: burst.told_in,
        count: keep::whole(judged.value),
        fresh: judged.fresh,
        events: burst.evidence.events(),
        also: vec![("dns.question.registered_domain", domain.to_owned())],
        ..Finding::default()
    }
}
