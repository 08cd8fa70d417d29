//! Translated rules at work: real records go through the parser and the engine, and each rule fires
//! as often as was counted by hand.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::Arc;

use detect::{Engine, Memory};
use model::{Clock, EventId, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};
use sigma::{RuleFile, RuleSet};
use translate::SourceFile;
use translate::wazuh::{Options, translate};

fn ssh(second: u32, said: &str) -> String {
    format!("<86>1 2026-11-21T10:00:{second:02}Z host1 sshd 812 - - {said}")
}

#[test]
fn log_ins() {
    let unknown = |second, user: &str, address: &str| {
        ssh(
            second,
            &format!("Failed password for invalid user {user} from {address} port 4022 ssh2"),
        )
    };
    let wrong = |second, user: &str, address: &str| {
        ssh(second, &format!("Failed password for {user} from {address} port 4022 ssh2"))
    };
    let right = |second, user: &str, address: &str| {
        ssh(second, &format!("Accepted password for {user} from {address} port 4022 ssh2"))
    };
    check(
        "ssh",
        &[
            unknown(0, "oracle", "203.0.113.9"),
            unknown(1, "oracle", "203.0.113.9"),
            unknown(2, "test", "203.0.113.9"),
            // Our own scanner: rule 100711 keeps it silent.
            unknown(3, "test", "192.0.2.7"),
            unknown(4, "guest", "203.0.113.9"),
            wrong(5, "ann", "198.51.100.4"),
            wrong(6, "deploy", "198.51.100.4"),
            right(7, "ann", "198.51.100.4"),
            right(8, "bob", "198.51.100.5"),
            // The watchdog: rule 100713 keeps it silent, before any other is asked.
            right(9, "monitor", "198.51.100.6"),
            "Nov 21 10:00:09 host1 myapp[1]: invalid user in the form".to_owned(),
        ],
        &[
            // Four unknown names that are no scanner's.
            ("wazuh_100710", 4),
            ("wazuh_100715", 2),
            // Ann's wrong password; that of `deploy` is the more special rule's.
            ("wazuh_100716", 1),
            ("wazuh_100717", 1),
            // The fourth of them.
            ("wazuh_100720", 1),
            // oracle, test, guest.
            ("wazuh_100721", 1),
            // Two failures of 198.51.100.4, then its log-in.
            ("wazuh_100740", 1),
        ],
    );
}

#[test]
fn rules_of_ones_own_alone() {
    let failed = |second, user: &str, address: &str| {
        ssh(second, &format!("Failed password for {user} from {address} port 4022 ssh2"))
    };
    check(
        "local",
        &[
            failed(0, "ann", "203.0.113.9"),
            failed(1, "ann", "198.51.100.4"),
            failed(2, "ann", "198.51.100.4"),
            failed(3, "invalid user bob", "198.51.100.4"),
            failed(4, "ann", "198.51.100.4"),
            ssh(5, "Accepted publickey for ann from 198.51.100.5 port 4022 ssh2: RSA SHA256:x"),
            ssh(6, "Accepted publickey for ann from 198.51.100.4 port 4022 ssh2: RSA SHA256:x"),
        ],
        &[("wazuh_100001", 1), ("wazuh_100002", 1), ("wazuh_100003", 1)],
    );
}

#[test]
fn requests() {
    let request = |second: u32, address: &str, line: &str, status: u16| {
        format!(
            r#"{address} - - [21/Nov/2026:10:00:{second:02} +0000] "{line}" {status} 12 "-" "curl/8.5.0""#
        )
    };
    let mut records: Vec<String> = (0..5)
        .map(|second| request(second, "203.0.113.9", &format!("GET /a{second} HTTP/1.1"), 404))
        .collect();
    records.extend([
        request(6, "203.0.113.9", "GET /favicon.ico HTTP/1.1", 404),
        request(7, "203.0.113.9", "GET /?q=1+union+select+2 HTTP/1.1", 200),
        request(8, "198.51.100.4", "GET /?f=../../etc/passwd HTTP/1.1", 200),
        request(9, "198.51.100.4", "POST /?f=../../etc/passwd HTTP/1.1", 200),
        request(10, "198.51.100.4", "GET /?q=%3Cscript%3E HTTP/1.1", 404),
        request(11, "198.51.100.4", "GET /admin HTTP/1.1", 200),
        r#"198.51.100.4 - - [21/Nov/2026:05:00:11 +0000] "GET /admin HTTP/1.1" 200 1 "-" "-""#
            .to_owned(),
        r#"198.51.100.4 - - [21/Nov/2026:06:31:11 +0000] "GET /admin HTTP/1.1" 200 1 "-" "-""#
            .to_owned(),
    ]);
    check(
        "web",
        &records,
        &[
            // Five pages and the script; the icon is rule 101102's, which says nothing.
            ("wazuh_101101", 6),
            ("wazuh_101103", 1),
            // Not the POST.
            ("wazuh_101104", 1),
            ("wazuh_101105", 1),
            // At five, not at ten and not a minute past half past six.
            ("wazuh_101120", 1),
            ("wazuh_101150", 1),
            // The address that scanned asks for SQL.
            ("wazuh_101151", 1),
        ],
    );
}

#[test]
fn windows() {
    let event = |second: u32, code: u16, user: &str| {
        format!(
            r#"{{"@timestamp":"2026-11-21T10:00:{second:02}Z","Channel":"Security","EventID":{code},"TargetUserName":"{user}","IpAddress":"203.0.113.9"}}"#
        )
    };
    let mut records: Vec<String> =
        (0..6).map(|second| event(second, 4625, &format!("user{second}"))).collect();
    // A machine's account, and an event of another kind.
    records.extend([event(6, 4625, "HOST$"), event(7, 4624, "user1"), event(8, 4771, "user1")]);
    check("web", &records, &[("wazuh_101201", 7), ("wazuh_101202", 1)]);
}

/// Runs the records through the rules of one file and compares how often each fired.
#[track_caller]
fn check(name: &str, records: &[String], counted: &[(&str, usize)]) {
    let path = format!("{}/testdata/{name}.xml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let translation = translate(&[SourceFile { path, text }], &[], &Options::default());
    let files: Vec<RuleFile> = translation
        .files
        .iter()
        .map(|file| RuleFile { path: file.source.clone(), text: file.text.clone() })
        .collect();
    let (rules, faults) = RuleSet::load(&files);
    assert!(faults.is_empty(), "{faults:?}");
    let engine = Engine::new(rules);
    let parser = Parser::new(ParserConfig::default());
    let mut memory = Memory::default();
    let mut found = Vec::new();
    let received_at = Timestamp::parse("2026-11-21T10:01:00Z").unwrap();
    let origin = Arc::new(Origin { clock: Clock::File(received_at), ..Origin::default() });
    for (record, id) in records.iter().zip(1..) {
        let mut event = parser.parse(Record {
            text: Text::from(record.as_str()),
            received_at,
            origin: Arc::clone(&origin),
            truncated_bytes: 0,
            escaped_bytes: 0,
        });
        event.id = EventId(id);
        engine.analyse(&mut event, &detect::Indicators::default());
        engine.observe(&event, &mut memory, &mut found);
    }
    let mut fired: BTreeMap<&str, usize> = BTreeMap::new();
    for detection in &found {
        *fired.entry(detection.rule.id.as_str()).or_default() += 1;
    }
    assert_eq!(fired, counted.iter().copied().collect());
}
