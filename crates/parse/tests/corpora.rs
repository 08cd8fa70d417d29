//! Real logs that nobody here wrote, where they are present: nothing may panic, and the shares are
//! held.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and tell its figures"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use model::{Clock, Event, Origin, Record, Text, Timestamp, Value};
use parse::{Parser, ParserConfig};

/// Gives the folder of the corpora, or tells why the test is skipped.
fn corpora(part: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora").join(part);
    if root.exists() {
        return Some(root);
    }
    println!("skipped: {} is not there", root.display());
    None
}

fn parse(parser: &Parser, line: &str) -> Event {
    let written = Timestamp::parse("2026-11-21T07:00:00Z").unwrap();
    let origin = Origin { clock: Clock::File(written), ..Origin::default() };
    parser.parse(Record {
        text: Text::from(line),
        received_at: written,
        origin: Arc::new(origin),
        truncated_bytes: 0,
        escaped_bytes: 0,
    })
}

#[test]
fn logs_of_fourteen_systems() {
    let Some(root) = corpora("logs") else { return };
    let parser = Parser::new(ParserConfig::default());
    for folder in fs::read_dir(root).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let mut modules: BTreeMap<String, usize> = BTreeMap::new();
        let (mut lines, mut timed) = (0, 0);
        for file in fs::read_dir(&folder).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            for line in String::from_utf8_lossy(&bytes).lines() {
                let event = parse(&parser, line);
                assert_eq!(event.original(), line);
                let module = event.text(model::Field::EventModule).unwrap().to_owned();
                *modules.entry(module).or_default() += 1;
                lines += 1;
                timed += usize::from(event.time != event.ingested);
            }
        }
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let unknown = modules.get("unknown").copied().unwrap_or_default();
        println!("{name:<12} {lines} lines, {unknown} unknown, {timed} with a time, {modules:?}");
        assert!(timed * 100 >= lines * 99, "{name}: {timed} of {lines} lines with a time");
    }
}

/// What stands among the expected values but is no value of the record.
const BOOKKEEPING: &[(&str, &str)] = &[
    ("datasource_path", "names the other product's test file"),
    ("datasource_type", "names the other product's input"),
    ("log_type", "the other product's word for the kind of line"),
    ("log_subtype", "the other product's word for the kind of line"),
    ("log_type_enh", "the other product's word for the kind of line"),
    ("sub_type", "the other product's word for the kind of line"),
    ("log_format", "the other product's word for the layout"),
    ("service", "the other product's word for the service"),
    ("program", "set by the test's set-up where the line names none"),
    ("logsource", "always the word `syslog`"),
    ("stage_log", "a step of the other product's own state machine"),
    ("evt.StrTimeFormat", "a layout string for the other product's clock"),
    ("dovecot_login_result", "the other product's own word for the outcome"),
    ("message", "the record or what is left of it, by each parser's own rule"),
];

/// Gives the value of an object's member as text, or `None` for what is no plain text or number.
fn plain(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.trim().to_owned()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Gives every value of the event as text.
fn values(event: &Event) -> Vec<String> {
    let known = event.known().map(|(_, value)| value);
    let extra = event.extras().map(|extra| extra.value);
    known.chain(extra).flat_map(Value::each).map(|value| value.to_string()).collect()
}

fn is_found(expected: &str, event: &Event, found: &[String]) -> bool {
    if found.iter().any(|value| value.eq_ignore_ascii_case(expected)) {
        return true;
    }
    // One address has several spellings.
    if let Ok(ip) = expected.parse::<std::net::IpAddr>() {
        let canonical = ip.to_canonical().to_string();
        return found.contains(&canonical);
    }
    // A time is found if it is the event's: read back with the same zone rules.
    let twin = parse(&Parser::new(ParserConfig::default()), &format!("{expected} host prog: x"));
    twin.time != twin.ingested && twin.time == event.time
}

#[test]
fn expected_values_of_server_logs() {
    let Some(path) = corpora("parsed/server-log-lines.jsonl") else { return };
    let parser = Parser::new(ParserConfig::default());
    let mut by_type: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let mut missed: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let log_type = case["log_type"].as_str().unwrap();
        let lines: Vec<&str> =
            case["log_lines"].as_array().unwrap().iter().filter_map(|line| line.as_str()).collect();
        for expected in case["expected"].as_array().unwrap() {
            let index = expected["index"].as_u64().and_then(|index| usize::try_from(index).ok());
            let Some(line) = index.and_then(|index| lines.get(index)) else { continue };
            let event = parse(&parser, line);
            let found = values(&event);
            for group in ["parsed", "meta"] {
                let Some(members) = expected[group].as_object() else { continue };
                for (name, value) in members {
                    if BOOKKEEPING.iter().any(|(known, _)| known == name) {
                        continue;
                    }
                    let Some(value) =
                        plain(value).filter(|value| !matches!(value.as_str(), "" | "-"))
                    else {
                        continue;
                    };
                    let hit = is_found(&value, &event, &found);
                    let counts = by_type.entry(log_type.to_owned()).or_default();
                    counts[0] += usize::from(hit);
                    counts[1] += 1;
                    if !hit {
                        let key = format!("{log_type} {name}");
                        let entry = missed.entry(key).or_insert((0, format!("{value} <- {line}")));
                        entry.0 += 1;
                    }
                }
            }
        }
    }
    let mut rows: Vec<_> = by_type.iter().collect();
    rows.sort_by_key(|(_, [hit, all])| std::cmp::Reverse(all - hit));
    for (log_type, [hit, all]) in rows {
        println!("{log_type:<22} {hit:>5} of {all:>5}");
    }
    if std::env::var_os("MISSED").is_some() {
        let mut missed: Vec<_> = missed.into_iter().collect();
        missed.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        for (key, (count, sample)) in missed.into_iter().take(150) {
            println!("{count:>5} {key}: {}", sample.chars().take(300).collect::<String>());
        }
    }
    let total = by_type.values().fold([0, 0], |sum, [hit, all]| [sum[0] + hit, sum[1] + all]);
    let syslog = by_type["syslog"];
    println!("all: {} of {}; syslog: {} of {}", total[0], total[1], syslog[0], syslog[1]);
    // Measured; raise them when a format is added, and lower them never without a reason here.
    assert!(total[0] * 1000 >= total[1] * 680, "fewer of all values are found");
    assert!(syslog[0] * 1000 >= syslog[1] * 790, "fewer of the syslog values are found");
}
