//! Requests to learn from and to judge: JSON lines, or lines of access logs in any known format.

use std::path::PathBuf;

use detect::models::{Request, Row, features};
use inspect::{AccessLog, inspect, inspect_access_log};
use model::{Event, Field, Record};
use parse::{Parser, ParserConfig};
use serde::Deserialize;
use source::{Import, ImportConfig};

use crate::failure::Outcome;
use crate::interrupt::Interrupt;
use crate::progress;

/// Bounds one line of the input; what is behind it is not read.
const LINE_BYTES_MAX: usize = 16 << 20;

/// One request as a model sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) row: Row,
    /// How sure inspection is that it is an attack.
    pub(super) inspected: f64,
    /// Whether inspection calls it one.
    pub(super) attack: bool,
    /// What the file says: whether it is one.
    pub(super) label: Option<bool>,
}

/// One request of JSON lines.
#[derive(Deserialize)]
struct Line {
    request_line: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<String>,
    /// 1 for an attack, 0 for none.
    #[serde(default)]
    label: Option<u8>,
}

/// What reading came to.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Lines that hold no request.
    pub(super) others: u64,
    pub(super) outcome: Option<Outcome>,
    pub(super) interrupted: bool,
}

/// Reads every request of some files; standard input where none is named.
pub(super) fn each(paths: &[PathBuf], mut each: impl FnMut(Asked)) -> anyhow::Result<Read> {
    let paths = if paths.is_empty() { vec![PathBuf::from("-")] } else { paths.to_vec() };
    let config = ImportConfig {
        input: "model".to_owned(),
        line_bytes_max: LINE_BYTES_MAX,
        ..ImportConfig::default()
    };
    let mut import = Import::new(&paths, config)?;
    let bar = progress::bar(&import.progress());
    let interrupt = Interrupt::listen()?;
    let parser = Parser::new(ParserConfig::default());
    let mut read = Read::default();
    while let Some(records) = import.next() {
        for record in records {
            match of_record(record, &parser) {
                Some(asked) => each(asked),
                None => read.others += 1,
            }
        }
        progress::show(&bar, &import.progress());
        if interrupt.is_asked() {
            read.interrupted = true;
            break;
        }
    }
    bar.finish_and_clear();
    read.outcome = Some(progress::tell_faults(&import));
    Ok(read)
}

fn of_record(record: Record, parser: &Parser) -> Option<Asked> {
    if record.text.trim_start().starts_with("{\"") && record.text.contains("\"request_line\"") {
        return serde_json::from_str(&record.text).ok().map(|line| of_line(&line));
    }
    of_event(&parser.parse(record))
}

fn of_line(line: &Line) -> Asked {
    let (method, rest) = line.request_line.split_once(' ').unwrap_or((&line.request_line, ""));
    let target = match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => target,
        _ => rest,
    };
    let headers: Vec<(&str, &str)> =
        line.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let body = line.body.as_deref().unwrap_or_default();
    let whole = inspect::Request {
        method,
        target,
        version: "1.1",
        headers: &headers,
        body: body.as_bytes(),
        whole: true,
    };
    let verdict = inspect(&whole);
    let request = Request { method, target, body };
    asked(&request, &verdict, line.label.map(|label| label == 1))
}

/// Gives the request of an event, where it is one.
pub(super) fn of_event(event: &Event) -> Option<Asked> {
    let text = |field| event.text(field);
    let request = Request {
        method: text(Field::RequestMethod)?,
        target: text(Field::UrlOriginal)?,
        body: text(Field::RequestBody).unwrap_or_default(),
    };
    let verdict = inspect_access_log(&AccessLog {
        method: request.method,
        target: request.target,
        referrer: text(Field::RequestReferrer),
        user_agent: text(Field::UserAgentOriginal),
    });
    Some(asked(&request, &verdict, None))
}

fn asked(request: &Request<'_>, verdict: &inspect::Verdict, label: Option<bool>) -> Asked {
    Asked {
        row: features(request.target.as_bytes(), request.body.as_bytes()),
        inspected: if verdict.findings.is_empty() { 0.0 } else { verdict.score },
        attack: verdict.attack,
        label,
    }
}
