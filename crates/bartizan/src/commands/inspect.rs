//! `bartizan inspect`: requests in, verdicts out, in the same order.

use std::io::{BufWriter, Write as _, stdout};
use std::path::PathBuf;

use base64::Engine as _;
use inspect::{AccessLog, Request, Verdict, inspect, inspect_access_log};
use model::{Event, Field, Record};
use parse::{Parser, ParserConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use source::{Import, ImportConfig};

use crate::failure::Outcome;
use crate::output::{complain, told};
use crate::progress;

/// Bounds one request of the input; a longer line is not judged.
const LINE_BYTES_MAX: usize = 16 << 20;

/// Judges HTTP requests: JSON lines or access-log lines in, verdicts as JSON lines out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan inspect access.log
  echo '{\"id\":1,\"request_line\":\"GET /?q=1%27%20or%201=1-- HTTP/1.1\",\"headers\":[]}' | bartizan inspect

A JSON line holds `id`, `request_line`, `headers` as pairs, and `body`, or `body_b64` for raw bytes.
What has no `id` is numbered, from 1; empty lines do not count. A line that cannot be judged gives
`id` and `error` in its place, and the command ends with 1.")]
pub(crate) struct Args {
    /// The file or folder to read, packed or not; `-` or nothing for standard input
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    id: Value,
    request_line: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    body_b64: Option<String>,
}

/// What can still be read of a request that is not whole.
#[derive(Deserialize)]
struct IdLine {
    #[serde(default)]
    id: Value,
}

#[derive(Serialize)]
struct VerdictLine {
    id: Value,
    attack: bool,
    classes: Vec<&'static str>,
    score: f64,
    evidence: Vec<EvidenceView>,
}

#[derive(Serialize)]
struct EvidenceView {
    class: &'static str,
    score: f64,
    place: String,
    span: String,
    layers: Vec<&'static str>,
}

/// Stands in the place of a verdict, so that answers and requests stay side by side.
#[derive(Serialize)]
struct FaultLine {
    id: Value,
    error: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let path = args.path.clone().unwrap_or_else(|| PathBuf::from("-"));
    let config = ImportConfig {
        input: "inspect".to_owned(),
        line_bytes_max: LINE_BYTES_MAX,
        // One read is a batch: a program at a pipe may wait for each verdict.
        batch_bytes: 1,
        ..ImportConfig::default()
    };
    let mut import = Import::new(&[path], config)?;
    let bar = progress::bar(&import.progress());
    let mut out = BufWriter::new(stdout().lock());
    let formats = Parser::new(ParserConfig::default());
    let (mut number, mut unjudged) = (0_u64, 0_u64);
    while let Some(records) = import.next() {
        for record in records {
            number += 1;
            let answer = match judge(record, number, &formats) {
                Ok(verdict) => serde_json::to_string(&verdict)?,
                Err(fault) => {
                    unjudged += 1;
                    serde_json::to_string(&fault)?
                }
            };
            told(writeln!(out, "{answer}"))?;
        }
        told(out.flush())?;
        progress::show(&bar, &import.progress());
    }
    bar.finish_and_clear();
    let unread = progress::tell_faults(&import);
    if unjudged == 0 {
        return Ok(unread);
    }
    complain(&format!("not judged: {unjudged} of {number}; `error` says why, in their places"));
    Ok(unread.max(Outcome::Fault))
}

fn judge(record: Record, number: u64, formats: &Parser) -> Result<VerdictLine, FaultLine> {
    if record.truncated_bytes > 0 {
        let error = format!("longer than {LINE_BYTES_MAX} bytes");
        return Err(FaultLine { id: number.into(), error });
    }
    if !record.text.trim_start().starts_with('{') {
        return Ok(judge_log_line(record, number, formats));
    }
    judge_request(&record.text, number).map_err(|error| {
        let error = match record.escaped_bytes {
            0 => error,
            _ => "not UTF-8; raw bytes go into body_b64".to_owned(),
        };
        FaultLine { id: id(&record.text, number), error }
    })
}

/// Gives the identity that the line names, as far as it can be read, or its number.
fn id(text: &str, number: u64) -> Value {
    match serde_json::from_str::<IdLine>(text) {
        Ok(IdLine { id }) if !id.is_null() => id,
        _ => number.into(),
    }
}

fn judge_request(text: &str, number: u64) -> Result<VerdictLine, String> {
    let line: Asked = serde_json::from_str(text).map_err(|error| {
        // Each request is a document of one line, so that its line says nothing.
        error.to_string().replace(" at line 1 column ", ", column ")
    })?;
    let mut words = line.request_line.split(' ');
    let method = words.next().unwrap_or_default();
    let rest = line.request_line.get(method.len()..).unwrap_or_default().trim_start();
    // A target may hold spaces where a sender was careless: the version is the last word only if it
    // looks like one.
    let (target, version) = match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => (target, version),
        _ => (rest, ""),
    };
    let body = match (&line.body, &line.body_b64) {
        (_, Some(encoded)) => base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .map_err(|error| format!("body_b64: {error}"))?,
        (Some(body), None) => body.clone().into_bytes(),
        (None, None) => Vec::new(),
    };
    let headers: Vec<(&str, &str)> =
        line.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let verdict = inspect(&Request {
        method,
        target,
        version: version.trim_start_matches("HTTP/"),
        headers: &headers,
        body: &body,
        whole: true,
    });
    let id = if line.id.is_null() { number.into() } else { line.id };
    Ok(view(id, &verdict))
}

fn judge_log_line(record: Record, number: u64, formats: &Parser) -> VerdictLine {
    let line = record.text.clone();
    let event = formats.parse(record);
    let text_of = |field| event.text(field);
    let verdict = inspect_access_log(&AccessLog {
        method: text_of(Field::RequestMethod).unwrap_or_default(),
        target: target(&event).unwrap_or(&line),
        referrer: text_of(Field::RequestReferrer),
        user_agent: text_of(Field::UserAgentOriginal),
    });
    view(number.into(), &verdict)
}

fn target(event: &Event) -> Option<&str> {
    event.text(Field::UrlOriginal).or_else(|| event.text(Field::UrlPath))
}

fn view(id: Value, verdict: &Verdict) -> VerdictLine {
    let evidence: Vec<EvidenceView> = verdict
        .findings
        .iter()
        .map(|finding| EvidenceView {
            class: finding.class.as_str(),
            score: finding.score,
            place: finding.place.to_string(),
            span: finding.evidence.clone(),
            layers: finding.layers.iter().map(|layer| layer.as_str()).collect(),
        })
        .collect();
    let mut classes: Vec<&'static str> = evidence.iter().map(|evidence| evidence.class).collect();
    classes.dedup();
    VerdictLine { id, attack: verdict.attack, classes, score: verdict.score, evidence }
}
