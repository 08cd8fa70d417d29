//! `bartizan inspect`: requests in, verdicts out, in the same order.

mod shown;
mod usual;

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use inspect::{Answer, Request, inspect};
use model::{Event, Field, Record};
use parse::{FORMATS, Parser};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use source::{Import, ImportConfig};

use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::output::{Shape, complain};
use crate::progress;
use shown::{Answers, FaultLine, VerdictLine, view};
use usual::UsualSizes;

/// Bounds one request of the input; a longer line is not judged.
const LINE_BYTES_MAX: usize = 16 << 20;

/// The name that `--format` has for lines of our own.
const REQUESTS: &str = "requests";
/// What is said of JSON that is something else.
const NO_REQUEST: &str =
    "no request: it has neither a `request_line` nor the fields of a known access log";
/// What the parser calls a record that no format takes.
const UNKNOWN: &str = "unknown";

/// Judges HTTP requests: JSON lines or access-log lines in, verdicts out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan inspect access.log
  bartizan inspect --output table --attacks access.log access.log.1.gz
  bartizan inspect --attacks /var/log/caddy/access.json
  bartizan inspect --format access odd.log
  zcat access.log.*.gz | bartizan inspect | jq 'select(.outcome == \"failed\")'
  echo '{\"id\":1,\"request_line\":\"GET /?q=1%27%20or%201=1-- HTTP/1.1\",\"headers\":[]}' | bartizan inspect

Lines of access logs are recognised one by one: common and combined, JSON as Caddy, Traefik, nginx,
Envoy and others write it, W3C, HAProxy, ALB, CloudFront and more (`bartizan parse --formats`). Of text
that is no such line the whole is judged as if somebody had asked for it, unless --format is given.

A request that is to be judged whole is a JSON line with `id`, `request_line`, `headers` as pairs, and
`body`, or `body_b64` for raw bytes; of the answer, where it is known, `status`, `response_bytes` and
`milliseconds`.

A verdict holds `attack`, `classes` and `score`, and as `evidence` each finding: its `class` and
`score`, its `place`, the decoded `span`, the `layers` of encoding peeled off, and its `grade`:
  whole       the whole value is nothing else
  breaks_out  it leaves the quote or bracket that was to hold it
  embedded    it stands inside other text, complete enough to work
  request     not a text but the make of the request
  mention     too little for an attack: information only
`outcome` says how the request was answered (refused, served, failed, unusual_size, delayed, unknown)
and `adjusted_score` what that makes of the score; an attack stays one. `not_observable` lists the
classes that what was given allows no word on: a log holds neither body nor all headers.

What has no `id` is numbered, from 1; empty lines do not count. A line that cannot be judged gives
`id` and `error` in its place, and the command ends with 1.")]
pub(crate) struct Args {
    /// Files or folders to read, packed or not; `-` or nothing for standard input
    paths: Vec<PathBuf>,
    /// Reads every line with this format instead of recognising it: `requests` for JSON lines with
    /// `request_line`, or one of `bartizan parse --formats`; what is not of it is not judged
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// How to show the verdicts: `json` has all of each, a line a request; `table` is for people
    #[arg(long, value_enum, default_value = "json")]
    output: Shape,
    /// Show only what is an attack
    #[arg(long)]
    attacks: bool,
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
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    response_bytes: Option<u64>,
    #[serde(default)]
    milliseconds: Option<u64>,
}

/// Whether a line names a request at all.
#[derive(Deserialize)]
struct AskedLine {
    request_line: Option<IgnoredAny>,
}

/// What can still be read of a request that is not whole.
#[derive(Deserialize)]
struct IdLine {
    #[serde(default)]
    id: Value,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let paths = if args.paths.is_empty() { vec![PathBuf::from("-")] } else { args.paths.clone() };
    let reading = Reading::of(args.format.as_deref())?;
    let config = ImportConfig {
        input: "inspect".to_owned(),
        format: args.format.clone().filter(|_| reading == Reading::Format),
        line_bytes_max: LINE_BYTES_MAX,
        // One read is a batch: a program at a pipe may wait for each verdict.
        batch_bytes: 1,
        ..ImportConfig::default()
    };
    let mut import = Import::new(&paths, config)?;
    let bar = progress::bar(&import.progress());
    let interrupt = Interrupt::listen()?;
    let mut answers = Answers::new(args.output)?;
    let mut judge = Judge { reading, formats: Parser::default(), usual: UsualSizes::default() };
    let (mut number, mut unjudged) = (0_u64, 0_u64);
    while let Some(records) = import.next() {
        for record in records {
            number += 1;
            let answer = judge.judge(record, number);
            unjudged += u64::from(answer.is_err());
            let wanted = answer.as_ref().map_or(true, |verdict| verdict.attack || !args.attacks);
            if wanted {
                answers.add(&answer)?;
            }
        }
        answers.flush()?;
        progress::show(&bar, &import.progress());
        if interrupt.is_asked() {
            bar.finish_and_clear();
            answers.finish()?;
            return Ok(Outcome::Interrupted);
        }
    }
    bar.finish_and_clear();
    answers.finish()?;
    let unread = progress::tell_faults(&import);
    if unjudged == 0 {
        return Ok(unread);
    }
    complain(&format!("not judged: {unjudged} of {number}; `error` says why, in their places"));
    Ok(unread.max(Outcome::Fault))
}

/// How lines are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Each as what it is.
    Recognised,
    /// All as requests of our own.
    Requests,
    /// All in the one format that the parser was told.
    Format,
}

impl Reading {
    fn of(format: Option<&str>) -> anyhow::Result<Self> {
        match format {
            None => Ok(Self::Recognised),
            Some(REQUESTS) => Ok(Self::Requests),
            Some(id) if FORMATS.iter().any(|format| format.id == id) => Ok(Self::Format),
            Some(id) => {
                let known: Vec<&str> = FORMATS.iter().map(|format| format.id).collect();
                let known = known.join(", ");
                let sentence = format!("there is no format `{id}`; known: {REQUESTS}, {known}");
                Err(ending(Outcome::Usage, sentence))
            }
        }
    }
}

/// Judges line by line; of logs it learns how large the answers of each page are.
struct Judge {
    reading: Reading,
    formats: Parser,
    usual: UsualSizes,
}

impl Judge {
    fn judge(&mut self, record: Record, number: u64) -> Result<VerdictLine, FaultLine> {
        if record.truncated_bytes > 0 {
            let error = format!("longer than {LINE_BYTES_MAX} bytes");
            return Err(FaultLine { id: number.into(), error });
        }
        match self.reading {
            Reading::Format => self.judge_forced(record, number),
            Reading::Recognised if !record.text.trim_start().starts_with('{') => {
                Ok(self.judge_text(record, number))
            }
            Reading::Recognised | Reading::Requests => self.judge_json(record, number),
        }
    }

    /// Judges a request of our own, or a line of a log that is JSON.
    fn judge_json(&mut self, record: Record, number: u64) -> Result<VerdictLine, FaultLine> {
        let error = match judge_request(&record.text, number) {
            Ok(verdict) => return Ok(verdict),
            Err(_) if record.escaped_bytes > 0 => {
                "not UTF-8; raw bytes go into body_b64".to_owned()
            }
            Err(error) => error,
        };
        let text = record.text.clone();
        let of_log = match self.reading {
            Reading::Requests => None,
            _ => self.judge_event(&self.formats.parse(record), number),
        };
        of_log.ok_or_else(|| FaultLine { id: id(&text, number), error })
    }

    fn judge_forced(&mut self, record: Record, number: u64) -> Result<VerdictLine, FaultLine> {
        let origin = Arc::clone(&record.origin);
        let event = self.formats.parse(record);
        self.judge_event(&event, number).ok_or_else(|| {
            let format = origin.format.as_deref().unwrap_or_default();
            let error = match event.text(Field::EventModule) {
                Some(UNKNOWN) => format!("not of the format `{format}`"),
                _ => format!("a line of the format `{format}` that holds no request"),
            };
            FaultLine { id: number.into(), error }
        })
    }

    /// Judges a line of a log, or any text as if somebody had asked for it.
    fn judge_text(&mut self, record: Record, number: u64) -> VerdictLine {
        let line = record.text.clone();
        let event = self.formats.parse(record);
        self.judge_event(&event, number).unwrap_or_else(|| {
            // Of a request that names no method the log may tell the target and the answer all the same.
            let target = target(&event).unwrap_or(&line);
            let (headers, body) = (&[][..], &b""[..]);
            let request = Request { method: "", target, version: "", headers, body, whole: false };
            view(number.into(), &inspect(&request), &detect::answered(&event))
        })
    }

    /// Judges the request that an event holds, if it holds one.
    fn judge_event(&mut self, event: &Event, number: u64) -> Option<VerdictLine> {
        let verdict = detect::inspected(event)?;
        let path = target(event).unwrap_or_default().split('?').next().unwrap_or_default();
        let answer = Answer { usual_bytes: self.usual.of(path), ..detect::answered(event) };
        if !verdict.attack && answer.status == Some(200) {
            self.usual.learn(path, answer.bytes);
        }
        Some(view(number.into(), &verdict, &answer))
    }
}

fn target(event: &Event) -> Option<&str> {
    event.text(Field::UrlOriginal).or_else(|| event.text(Field::UrlPath))
}

/// Gives the identity that the line names, as far as it can be read, or its number.
fn id(text: &str, number: u64) -> Value {
    match serde_json::from_str::<IdLine>(text) {
        Ok(IdLine { id }) if !id.is_null() => id,
        _ => number.into(),
    }
}

/// Judges a request of our own; an error says why the line is none.
fn judge_request(text: &str, number: u64) -> Result<VerdictLine, String> {
    let line: Asked = serde_json::from_str(text).map_err(|error| {
        if serde_json::from_str(text).is_ok_and(|AskedLine { request_line }| request_line.is_none())
        {
            return NO_REQUEST.to_owned();
        }
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
    let answer = Answer {
        status: line.status,
        bytes: line.response_bytes,
        milliseconds: line.milliseconds,
        ..Answer::default()
    };
    Ok(view(id, &verdict, &answer))
}
