//! `bartizan inspect`: requests in, verdicts out, in the same order.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use base64::Engine as _;
use inspect::{AccessLog, Request, Verdict, inspect, inspect_access_log};
use model::{Event, Field, Origin, Record, Text, Timestamp};
use serde::{Deserialize, Serialize};

use crate::failure::Outcome;

/// Bounds one request of the input; a longer line is an error.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// Judges HTTP requests: JSON lines or access-log lines in, verdicts as JSON lines out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan inspect access.log
  echo '{\"id\":1,\"request_line\":\"GET /?q=1%27%20or%201=1-- HTTP/1.1\",\"headers\":[]}' | bartizan inspect

A JSON line holds `id`, `request_line`, `headers` as pairs, and `body`, or `body_b64` for raw bytes.")]
pub(crate) struct Args {
    /// The file to read; `-` or nothing for standard input
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct RequestLine {
    #[serde(default)]
    id: serde_json::Value,
    request_line: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    body_b64: Option<String>,
}

#[derive(Serialize)]
struct VerdictLine {
    id: serde_json::Value,
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

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let input: Box<dyn Read> = match &args.path {
        Some(path) if path.as_os_str() != "-" => {
            Box::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        _ => Box::new(io::stdin().lock()),
    };
    let mut reader = BufReader::new(input);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let formats = parse::Parser::new(parse::ParserConfig::default());
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            continue;
        }
        let judged = if text.starts_with('{') {
            judge_request(text, number).with_context(|| format!("line {number}"))?
        } else {
            judge_log_line(text, number, &formats)
        };
        serde_json::to_writer(&mut out, &judged)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn judge_request(text: &str, number: u64) -> anyhow::Result<VerdictLine> {
    let line: RequestLine = serde_json::from_str(text)?;
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
        (_, Some(encoded)) => base64::engine::general_purpose::STANDARD.decode(encoded)?,
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

fn judge_log_line(text: &str, number: u64, formats: &parse::Parser) -> VerdictLine {
    let event = formats.parse(record(text));
    let text_of = |field| event.text(field);
    let verdict = inspect_access_log(&AccessLog {
        method: text_of(Field::RequestMethod).unwrap_or_default(),
        target: target(&event).unwrap_or(text),
        referrer: text_of(Field::RequestReferrer),
        user_agent: text_of(Field::UserAgentOriginal),
    });
    view(number.into(), &verdict)
}

fn target(event: &Event) -> Option<&str> {
    event.text(Field::UrlOriginal).or_else(|| event.text(Field::UrlPath))
}

fn record(text: &str) -> Record {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Record {
        text: Text::from(text),
        received_at: Timestamp::default().plus(now),
        origin: Arc::new(Origin { input: "inspect".to_owned(), ..Origin::default() }),
        truncated_bytes: 0,
        escaped_bytes: 0,
    }
}

fn view(id: serde_json::Value, verdict: &Verdict) -> VerdictLine {
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
