//! Real lines to measure with; where they are not there, made ones.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// How many events of each kind are measured with.
const EVENTS_MAX: usize = 8_000;

/// Lines of one kind.
#[derive(Debug)]
pub struct Lines {
    /// What they are.
    pub name: &'static str,
    /// The lines, without their ends.
    pub lines: Vec<String>,
}

impl Lines {
    /// Gives the mean length in bytes.
    pub fn mean_bytes(&self) -> usize {
        self.lines.iter().map(String::len).sum::<usize>() / self.lines.len().max(1)
    }
}

/// Gives Windows events as flat JSON, as one collector wrote them.
pub fn windows_flat() -> Lines {
    let lines = real_windows().unwrap_or_else(|error| {
        println!("made Windows events, since the real ones are not readable: {error:#}");
        (0..EVENTS_MAX).map(made_windows).collect()
    });
    Lines { name: "Windows events, flat JSON", lines }
}

/// Gives the same events nested by the Elastic Common Schema, as an agent would send them.
pub fn windows_nested(flat: &Lines) -> Lines {
    let lines = flat.lines.iter().map(|line| nested(line).unwrap_or_else(|| line.clone()));
    Lines { name: "the same in ECS, nested JSON", lines: lines.collect() }
}

/// Gives messages of the SSH server, their syslog headers removed.
pub fn ssh() -> Lines {
    let lines = real_ssh().unwrap_or_else(|error| {
        println!("made SSH lines, since the real ones are not readable: {error:#}");
        let line = "Failed password for invalid user admin from 203.0.113.9 port 51514 ssh2";
        vec![line.to_owned(); EVENTS_MAX]
    });
    Lines { name: "SSH messages", lines }
}

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora")
}

fn real_windows() -> Result<Vec<String>> {
    let path = corpora().join("events/windows-mixed-20k.jsonl.zst");
    let packed = fs::read(&path).with_context(|| path.display().to_string())?;
    let text = String::from_utf8(zstd::decode_all(packed.as_slice())?)?;
    Ok(text.lines().take(EVENTS_MAX).map(str::to_owned).collect())
}

fn made_windows(number: usize) -> String {
    let message =
        "A process was started.\r\n\tName:\tC:\\Windows\\System32\\cmd.exe\r\n".repeat(20);
    json!({
        "@timestamp": "2026-11-21T06:58:00.123Z", "EventID": 4688, "RecordNumber": number,
        "Channel": "Security", "Hostname": "host7.example", "ProcessId": "0x4c8",
        "NewProcessName": "C:\\Windows\\System32\\cmd.exe", "CommandLine": "cmd.exe /c whoami",
        "SubjectUserName": "alice", "SubjectDomainName": "EXAMPLE", "IpAddress": "203.0.113.9",
        "Message": message, "tags": ["one", "two"],
    })
    .to_string()
}

fn real_ssh() -> Result<Vec<String>> {
    let path = corpora().join("parsed/server-log-lines.jsonl");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut found = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line)?;
        let lines = case.get("log_lines").and_then(Value::as_array).into_iter().flatten();
        let messages = lines.filter_map(|line| line.as_str()?.split_once("sshd["));
        found.extend(messages.filter_map(|(_, rest)| Some(rest.split_once("]: ")?.1.to_owned())));
    }
    anyhow::ensure!(!found.is_empty(), "no SSH lines in {}", path.display());
    Ok(found.iter().cycle().take(EVENTS_MAX).cloned().collect())
}

/// Names of the flat events and where their values stand in the Elastic Common Schema.
const NESTED_NAMES: [(&str, &str); 16] = [
    ("Hostname", "host.name"),
    ("EventID", "event.code"),
    ("Channel", "event.dataset"),
    ("SourceName", "event.provider"),
    ("Severity", "log.level"),
    ("Image", "process.executable"),
    ("CommandLine", "process.command_line"),
    ("ProcessId", "process.pid"),
    ("CurrentDirectory", "process.working_directory"),
    ("ParentImage", "process.parent.executable"),
    ("ParentCommandLine", "process.parent.command_line"),
    ("AccountName", "user.name"),
    ("Domain", "user.domain"),
    ("IpAddress", "source.ip"),
    ("SourceIp", "source.ip"),
    ("Message", "message"),
];

/// Names that stay where they are.
const SAME_NAMES: [&str; 2] = ["@timestamp", "tags"];

fn nested(line: &str) -> Option<String> {
    let flat: Map<String, Value> = serde_json::from_str(line).ok()?;
    let mut out = Map::new();
    for (name, value) in flat {
        let known = NESTED_NAMES.iter().find(|(flat, _)| *flat == name);
        let path = match known {
            Some((_, path)) => (*path).to_owned(),
            None if SAME_NAMES.contains(&name.as_str()) => name,
            None => format!("winlog.event_data.{name}"),
        };
        put(&mut out, &path, value);
    }
    serde_json::to_string(&out).ok()
}

fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = object.entry(head).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}
