//! Palo Alto's firewalls, in their own comma-separated layout: traffic and threats.
//!
//! ```text
//! 1,2026/11/21 06:58:00,016401002737,TRAFFIC,end,2561,2026/11/21 06:58:00,192.0.2.7,203.0.113.9,…
//! 1,2026/11/21 06:58:00,016401002737,THREAT,vulnerability,2561,2026/11/21 06:58:00,203.0.113.9,192.0.2.1,…
//! ```
//!
//! The columns are those of the maker's "syslog field descriptions"; up to the action they are the
//! same in both. The other kinds of log are left to what reads any text.

use model::{Event, Field};

use super::shared::{Meaning, address, names};
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "palo_alto",
    summary: "Palo Alto firewalls, comma-separated",
    programs: &[],
    recognises,
    parse,
};

/// How far into the text the kind of log stands, a header that names no program before it.
const LOOK_BYTES_MAX: usize = 192;
/// How many columns are looked at.
const COLUMNS_MAX: usize = 64;

fn recognises(text: &str) -> bool {
    let head = text.get(..text.floor_char_boundary(LOOK_BYTES_MAX)).unwrap_or_default();
    (head.contains(",TRAFFIC,") || head.contains(",THREAT,")) && start(head).is_some()
}

/// Finds where the columns begin: with a `1` and a date.
fn start(text: &str) -> Option<usize> {
    if text.starts_with("1,20") { Some(0) } else { Some(text.find(" 1,20")? + 1) }
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    const MISSING: ParseError = ParseError::Missing("column");
    let (head, rest) = start(text).and_then(|at| text.split_at_checked(at)).ok_or(MISSING)?;
    let columns: Vec<&str> = Columns(Some(rest)).take(COLUMNS_MAX).collect();
    let column = |at: usize| columns.get(at).copied().ok_or(MISSING);
    let (kind, subtype) = (column(3)?, column(4)?);
    if !matches!(kind, "TRAFFIC" | "THREAT") {
        return Err(ParseError::Invalid("kind"));
    }
    let from = address(column(7)?).ok_or(ParseError::Invalid("source"))?;
    let to = address(column(8)?).ok_or(ParseError::Invalid("destination"))?;
    let (transport, action) = (column(29)?, column(30)?);
    let time = [column(6)?, column(1)?].into_iter().find_map(|text| moment::leading(text, context));

    if let Some((time, _)) = time {
        event.time = time;
    }
    if let Some(host) = head.trim_end().rsplit(' ').next().filter(|host| !host.is_empty()) {
        event.set(Field::HostName, host);
    }
    event.set(Field::ObserverVendor, "Palo Alto Networks");
    event.set(Field::ObserverProduct, "PAN-OS");
    event.set(Field::SourceIp, from);
    event.set(Field::DestinationIp, to);
    ends(&columns, event);
    names::lower(event, Field::NetworkTransport, transport);
    event.set_extra("panos.type", kind);
    event.set_extra("panos.sub_type", subtype);
    event.set_extra("panos.action", action);
    if kind == "TRAFFIC" {
        traffic(action, subtype, &columns, event);
    } else {
        threat(&columns, event);
    }
    Ok(())
}

/// Writes what both kinds say of the two ends.
fn ends(columns: &[&str], event: &mut Event) {
    let rows = [
        (11, Field::RuleName),
        (12, Field::SourceUserName),
        (13, Field::DestinationUserName),
        (14, Field::NetworkApplication),
        (18, Field::ObserverIngressInterface),
        (19, Field::ObserverEgressInterface),
        (22, Field::SessionId),
        (24, Field::SourcePort),
        (25, Field::DestinationPort),
    ];
    for (at, field) in rows {
        set(columns, at, field, event);
    }
    // Who acted is the user.
    set(columns, 12, Field::UserName, event);
    for (at, name) in
        [(2, "panos.serial"), (16, "panos.source_zone"), (17, "panos.destination_zone")]
    {
        if let Some(value) = columns.get(at).filter(|value| !value.is_empty()) {
            event.set_extra(name, *value);
        }
    }
}

fn set(columns: &[&str], at: usize, field: Field, event: &mut Event) {
    if let Some(value) = columns.get(at).filter(|value| !value.is_empty()) {
        event.set(field, *value);
    }
}

fn traffic(action: &str, subtype: &str, columns: &[&str], event: &mut Event) {
    let rows = [
        (31, Field::NetworkBytes),
        (32, Field::SourceBytes),
        (33, Field::DestinationBytes),
        (34, Field::NetworkPackets),
        (44, Field::SourcePackets),
        (45, Field::DestinationPackets),
        (46, Field::EventReason),
    ];
    for (at, field) in rows {
        set(columns, at, field, event);
    }
    let (action, kind) = match (action, subtype) {
        // Unless told otherwise these firewalls log a connection once, at its end.
        ("allow", "start") => ("connection_started", "start"),
        ("allow", _) => ("packet_allowed", "allowed"),
        _ => ("packet_denied", "denied"),
    };
    Meaning { action, category: "network", kind, outcome: "" }.write(event);
}

/// Reads what was recognised: `SSH User Authentication Brute Force Attempt(40015)`.
fn threat(columns: &[&str], event: &mut Event) {
    Meaning { action: "ids_alert", category: "network", kind: "info", outcome: "" }.write(event);
    event.set(Field::EventKind, "alert");
    if let Some(url) = columns.get(31).filter(|url| !url.is_empty()) {
        web::target(event, url, Escapes::Unknown);
    }
    let name = columns.get(32).copied().unwrap_or_default();
    match name.strip_suffix(')').and_then(|name| name.rsplit_once('(')) {
        Some((name, id)) => {
            event.set(Field::RuleName, name);
            event.set(Field::RuleId, id);
        }
        None if !name.is_empty() => event.set(Field::RuleName, name),
        None => {}
    }
    set(columns, 33, Field::RuleCategory, event);
    // In Suricata's figures, so that one rule reads both: 1 is worst.
    let severity = match columns.get(34).copied().unwrap_or_default() {
        "critical" | "high" => 1_i64,
        "medium" => 2,
        "low" => 3,
        _ => 4,
    };
    event.set(Field::EventSeverity, severity);
    set(columns, 34, Field::LogLevel, event);
}

/// The columns of a line; one that holds commas stands in quotes.
struct Columns<'t>(Option<&'t str>);

impl<'t> Iterator for Columns<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let text = self.0?;
        if let Some((inner, rest)) = text.strip_prefix('"').and_then(|text| text.split_once('"')) {
            self.0 = rest.strip_prefix(',');
            return Some(inner);
        }
        let (column, rest) = match text.split_once(',') {
            Some((column, rest)) => (column, Some(rest)),
            None => (text, None),
        };
        self.0 = rest;
        Some(column)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::super::shared::testing;
    use super::*;

    const THREAT: &str = r#"1,2026/11/21 06:58:00,016401002737,THREAT,vulnerability,2561,2026/11/21 06:58:00,203.0.113.9,192.0.2.1,203.0.113.9,192.0.2.1,edge,,,web-browsing,vsys1,Untrust,DMZ,ae1,ae2,fwd,2026/11/21 06:58:00,238810,1,47094,80,47094,80,0x402400,tcp,reset-both,"www.example.org/a,b?c=d",Log4j Attempt(91991),any,critical,client-to-server"#;
    const TRAFFIC: &str = r"2026-11-21T06:58:00+00:00 fw1.example.org 1,2026/11/21 06:58:00,016401002737,TRAFFIC,drop,2561,2026/11/21 06:58:00,203.0.113.9,192.0.2.1,,,deny all,,,not-applicable,vsys1,Untrust,DMZ,ae1,,fwd,2026/11/21 06:58:00,0,1,47094,22,0,0,0x0,tcp,deny,60,60,0,1";

    #[test]
    fn threats() {
        check(
            THREAT,
            expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            destination.ip = 192.0.2.1
            destination.port = 80
            event.action = ids_alert
            event.category = network
            event.kind = alert
            event.severity = 1
            event.type = info
            log.level = critical
            network.application = web-browsing
            network.transport = tcp
            observer.egress.interface.name = ae2
            observer.ingress.interface.name = ae1
            observer.product = PAN-OS
            observer.vendor = Palo Alto Networks
            rule.category = any
            rule.id = 91991
            rule.name = Log4j Attempt
            session.id = 238810
            source.ip = 203.0.113.9
            source.port = 47094
            url.original = www.example.org/a,b?c=d
            url.path = www.example.org/a,b
            url.query = c=d
            panos.serial = 016401002737
            panos.source_zone = Untrust
            panos.destination_zone = DMZ
            panos.type = THREAT
            panos.sub_type = vulnerability
            panos.action = reset-both
        "]],
        );
    }

    #[test]
    fn traffic() {
        check(
            TRAFFIC,
            expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            destination.bytes = 0
            destination.ip = 192.0.2.1
            destination.port = 22
            event.action = packet_denied
            event.category = network
            event.type = denied
            host.name = fw1.example.org
            network.application = not-applicable
            network.bytes = 60
            network.packets = 1
            network.transport = tcp
            observer.ingress.interface.name = ae1
            observer.product = PAN-OS
            observer.vendor = Palo Alto Networks
            rule.name = deny all
            session.id = 0
            source.bytes = 60
            source.ip = 203.0.113.9
            source.port = 47094
            panos.serial = 016401002737
            panos.source_zone = Untrust
            panos.destination_zone = DMZ
            panos.type = TRAFFIC
            panos.sub_type = drop
            panos.action = deny
        "]],
        );
    }

    #[test]
    fn other_lines() {
        assert!(!recognises("1,2026/11/21 06:58:00,016401002737,SYSTEM,general"));
        testing::check(
            &FORMAT,
            "1,2026/11/21 06:58:00,0,TRAFFIC,end",
            expect![[r#"Missing("column")"#]],
        );
        testing::check(
            &FORMAT,
            "1,2026/11/21 06:58:00,0,CONFIG,0",
            expect![[r#"Invalid("kind")"#]],
        );
        testing::check(&FORMAT, "nothing of the kind", expect![[r#"Missing("column")"#]]);
    }

    proptest! {
        #[test]
        fn cut_anywhere(at in 0..400_usize, junk in "\\PC{0,8}") {
            for line in [THREAT, TRAFFIC] {
                let cut = line.get(..at.min(line.len())).unwrap_or_default();
                let _ = testing::read(&FORMAT, &format!("{cut}{junk}"));
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
