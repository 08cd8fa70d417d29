//! `bartizan inspect`: requests in, verdicts out, in the same order.

mod shown;
mod usual;

use std::path::PathBuf;

use base64::Engine as _;
use inspect::{Answer, Request, inspect};
use model::{Event, Field, Record};
use parse::Parser;
use serde::Deserialize;
use serde_json::Value;
use source::{Import, ImportConfig};

use crate::failure::Outcome;
use crate::output::{Shape, complain};
use crate::progress;
use shown::{Answers, FaultLine, VerdictLine, view};
use usual::UsualSizes;

/// Bounds one request of the input; a longer line is not judged.
const LINE_BYTES_MAX: usize = 16 << 20;

const NANOS_A_MILLI: u64 = 1_000_000;
/// Judges HTTP requests: JSON lines or access-log lines in, verdicts out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan inspect access.log
  bartizan inspect --output table --attacks access.log
  zcat access.log.*.gz | bartizan inspect | jq 'select(.outcome == \"failed\")'
  echo '{\"id\":1,\"request_line\":\"GET /?q=1%27%20or%201=1-- HTTP/1.1\",\"headers\":[]}' | bartizan inspect

A JSON line holds `id`, `request_line`, `headers` as pairs, and `body`, or `body_b64` for raw bytes;
of the answer, where it is known, `status`, `response_bytes` and `milliseconds`.

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
    /// The file or folder to read, packed or not; `-` or nothing for standard input
    path: Option<PathBuf>,
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

/// What can still be read of a request that is not whole.
#[derive(Deserialize)]
struct IdLine {
    #[serde(default)]
    id: Value,
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
    let mut answers = Answers::new(args.output)?;
    let mut judge = Judge::default();
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

/// Judges line by line; of logs it learns how large the answers of each page are.
#[derive(Default)]
struct Judge {
    formats: Parser,
    usual: UsualSizes,
}

impl Judge {
    fn judge(&mut self, record: Record, number: u64) -> Result<VerdictLine, FaultLine> {
        if record.truncated_bytes > 0 {
            let error = format!("longer than {LINE_BYTES_MAX} bytes");
            return Err(FaultLine { id: number.into(), error });
        }
        if !record.text.trim_start().starts_with('{') {
            return Ok(self.judge_log_line(record, number));
        }
        judge_request(&record.text, number).map_err(|error| {
            let error = match record.escaped_bytes {
                0 => error,
                _ => "not UTF-8; raw bytes go into body_b64".to_owned(),
            };
            FaultLine { id: id(&record.text, number), error }
        })
    }

    fn judge_log_line(&mut self, record: Record, number: u64) -> VerdictLine {
        let line = record.text.clone();
        let event = self.formats.parse(record);
        let text = |field| event.text(field).filter(|value| *value != "-");
        let headers: Vec<(&str, &str)> = [
            ("referer", text(Field::RequestReferrer)),
            ("user-agent", text(Field::UserAgentOriginal)),
            ("host", text(Field::UrlDomain)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
        let target = target(&event).unwrap_or(&line);
        let verdict = inspect(&Request {
            method: event.text(Field::RequestMethod).unwrap_or_default(),
            target,
            version: "",
            headers: &headers,
            body: b"",
            whole: false,
        });
        let path = target.split('?').next().unwrap_or_default();
        let answer = Answer { usual_bytes: self.usual.of(path), ..answer(&event) };
        if !verdict.attack && answer.status == Some(200) {
            self.usual.learn(path, answer.bytes);
        }
        view(number.into(), &verdict, &answer)
    }
}

/// What the log tells of the answer.
fn answer(event: &Event) -> Answer {
    let number = |field| event.integer(field).and_then(|number| u64::try_from(number).ok());
    Answer {
        status: number(Field::ResponseStatus).and_then(|status| u16::try_from(status).ok()),
        bytes: number(Field::ResponseBodyBytes).or_else(|| number(Field::ResponseBytes)),
        milliseconds: number(Field::EventDuration).map(|nanos| nanos / NANOS_A_MILLI),
        ..Answer::default()
    }
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
    let answer = Answer {
        status: line.status,
        bytes: line.response_bytes,
        milliseconds: line.milliseconds,
        ..Answer::default()
    };
    Ok(view(id, &verdict, &answer))
}

fn target(event: &Event) -> Option<&str> {
    event.text(Field::UrlOriginal).or_else(|| event.text(Field::UrlPath))
}
