//! What a scan found, as the events that are kept: one of each open or newly closed port, one of each
//! host, one of the scan.

use std::time::Duration;

use model::Timestamp;
use serde_json::{Map, Value, json};

use super::history::{Change, Turn};
use super::run::{Found, Outcome, Plan};
use super::services::Service;

/// Bounds the text of the targets in the event of a scan; past it no later scan compares itself with it.
const TARGETS_BYTES_MAX: usize = 256 * 1024;

/// A scan that ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// Its name.
    pub id: &'a str,
    /// The schedule that asked for it.
    pub schedule: Option<&'a str>,
    /// When it ended.
    pub at: Timestamp,
    /// What was asked for.
    pub plan: &'a Plan,
    /// What was found.
    pub outcome: &'a Outcome,
    /// How that stands against the past.
    pub changes: &'a [Change],
}

/// Makes a name for a scan: sixteen hexadecimal digits.
pub fn new_id() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

impl Ended<'_> {
    /// Gives the events, each one line of nested JSON; the last one is that of the scan.
    pub fn events(&self) -> Vec<String> {
        let mut events = Vec::new();
        let found = &self.outcome.found;
        for change in self.changes {
            let place = found.binary_search_by_key(&change.address, |found| found.address);
            let found = place.ok().and_then(|place| found.get(place));
            events.push(self.port(change, found));
        }
        for host in &self.outcome.hosts {
            let mut event = self.begin("scan.host", "host_scanned");
            put(&mut event, "destination", json!({"ip": host.ip}));
            self.put_scan(
                &mut event,
                json!({
                    "open": host.open, "closed": host.closed, "filtered": host.filtered,
                    "silent": self.plan.ports.count().saturating_sub(
                        host.open.saturating_add(host.closed).saturating_add(host.filtered)),
                }),
            );
            events.push(event);
        }
        events.push(self.run());
        events.iter().map(ToString::to_string).collect()
    }

    fn port(&self, change: &Change, found: Option<&Found>) -> Value {
        let (action, state) = match change.turn {
            Turn::Closed => ("port_closed", "closed"),
            Turn::Changed => ("port_changed", "open"),
            // A word of its own, so that a rule needs nothing but the word.
            Turn::Opened => ("port_opened", "open"),
            Turn::First | Turn::Same => ("port_open", "open"),
        };
        let mut event = self.begin("scan.port", action);
        let (ip, port) = (change.address.ip(), change.address.port());
        put(&mut event, "destination", json!({"ip": ip, "port": port}));
        let mut scan = json!({"change": change.turn.as_str(), "state": state});
        if let Some(before) = change.before.as_ref().filter(|_| change.turn != Turn::Same) {
            put(&mut scan, "before", json!(before.to_string()));
        }
        let service = found.and_then(|found| found.service.as_ref());
        if let Some(service) = service {
            put_service(&mut event, &mut scan, service);
        }
        self.put_scan(&mut event, scan);
        let transport = self.plan.way.transport().as_str();
        let what = change.now.as_ref().map(|known| format!(": {known}")).unwrap_or_default();
        put(&mut event, "message", json!(format!("{ip} port {port}/{transport} is {state}{what}")));
        event
    }

    fn run(&self) -> Value {
        let Outcome { progress, took, hosts, is_whole, dropped, .. } = self.outcome;
        let mut event = self.begin("scan.run", "scan_end");
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        put(
            &mut event,
            "event",
            json!({
                "module": "scan", "dataset": "scan.run", "kind": "event", "category": ["network"],
                "type": ["end"], "action": "scan_end", "duration": nanoseconds,
                "start": self.at.minus(Duration::from_nanos(nanoseconds)).to_string(),
                "end": self.at.to_string(),
                "outcome": if *is_whole { "success" } else { "unknown" },
            }),
        );
        let targets = self.plan.targets.to_string();
        let targets =
            if targets.len() > TARGETS_BYTES_MAX { "too many to list".to_owned() } else { targets };
        self.put_scan(
            &mut event,
            json!({
                "targets": targets,
                "ports": self.plan.ports.to_string(),
                "way": self.plan.way.as_str(),
                // What was dropped is not known, so no later scan may compare itself with it.
                "whole": *is_whole && *dropped == 0,
                "hosts": hosts.len(),
                "open": progress.open,
                "probes": progress.all,
                "packets": progress.sent,
                "dropped": dropped,
            }),
        );
        event
    }

    fn begin(&self, dataset: &str, action: &str) -> Value {
        json!({
            "@timestamp": self.at.to_string(),
            "event": {
                "module": "scan", "dataset": dataset, "kind": "state", "category": ["network"],
                "type": ["info"], "action": action,
            },
            "network": {"transport": self.plan.way.transport().as_str()},
        })
    }

    fn put_scan(&self, event: &mut Value, mut scan: Value) {
        put(&mut scan, "id", json!(self.id));
        if let Some(schedule) = self.schedule {
            put(&mut scan, "schedule", json!(schedule));
        }
        put(event, "bartizan", json!({"scan": scan}));
    }
}

fn put_service(event: &mut Value, scan: &mut Value, service: &Service) {
    let mut shown = Map::new();
    if !service.name.is_empty() {
        shown.insert("name".to_owned(), json!(service.name));
        shown.insert("type".to_owned(), json!(service.name));
    }
    if let Some(version) = &service.version {
        shown.insert("version".to_owned(), json!(version));
    }
    if !shown.is_empty() {
        put(event, "service", Value::Object(shown));
    }
    let told =
        [("product", &service.product), ("info", &service.info), ("banner", &service.banner)];
    for (name, text) in told {
        if let Some(text) = text {
            put(scan, name, json!(text));
        }
    }
    if let Some(tls) = &service.tls {
        put(
            event,
            "tls",
            json!({
                "version": tls.version, "cipher": tls.cipher, "established": true,
                "server": {
                    "hash": {"sha256": tls.sha256},
                    "x509": {
                        "subject": {"common_name": tls.subject},
                        "issuer": {"common_name": tls.issuer},
                        "serial_number": tls.serial,
                        "not_before": tls.not_before,
                        "not_after": tls.not_after,
                        "alternative_names": tls.names,
                    },
                },
            }),
        );
    }
}

fn put(value: &mut Value, name: &str, inner: Value) {
    if let Value::Object(map) = value {
        map.insert(name.to_owned(), inner);
    }
}
