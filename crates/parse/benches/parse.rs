//! How many ssh lines a second one core turns into events.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use model::{Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};

const ROUNDS: usize = 20;
const LINES: usize = 20_000;

#[expect(clippy::print_stdout, reason = "a bench tells its figures")]
fn main() {
    for (name, make) in SHAPES {
        let records = records(*make);
        let parser = Parser::new(ParserConfig::default());
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let batch = records.clone();
            let started = Instant::now();
            for record in batch {
                black_box(parser.parse(record));
            }
            best = best.min(started.elapsed().as_secs_f64());
        }
        let lines = f64::from(u32::try_from(LINES).unwrap_or(u32::MAX));
        println!("{name:<24} {:>10.0} events/s  {:>6.0} ns each", lines / best, best / lines * 1e9);
    }
}

/// What the lines are, and how the line of a number is made.
type Shape = (&'static str, fn(usize) -> String);

const SHAPES: &[Shape] = &[
    ("ssh, BSD header", |n| {
        format!(
            "Nov 21 06:58:{:02} web1 sshd[{}]: Failed password for invalid user admin{n} from 203.0.113.{} port {} ssh2",
            n % 60,
            1000 + n,
            n % 255,
            1024 + n
        )
    }),
    ("ssh, priority and BSD", |n| {
        format!(
            "<38>Nov 21 06:58:{:02} web1 sshd[{}]: Accepted publickey for ann from 203.0.113.{} port {} ssh2: RSA SHA256:ZGFya25lc3Mgd2FpdHMZGFya25lc3M",
            n % 60,
            1000 + n,
            n % 255,
            1024 + n
        )
    }),
    ("ssh, RFC 5424", |n| {
        format!(
            "<38>1 2026-11-21T06:58:{:02}.123Z web1 sshd {} - - Connection closed by invalid user admin 203.0.113.{} port {} [preauth]",
            n % 60,
            1000 + n,
            n % 255,
            1024 + n
        )
    }),
    ("sudo", |n| {
        format!(
            "Nov 21 06:58:{:02} web1 sudo:      ann : TTY=pts/0 ; PWD=/home/ann ; USER=root ; COMMAND=/usr/bin/cat /etc/shadow{n}",
            n % 60
        )
    }),
    ("unknown program", |n| {
        format!("Nov 21 06:58:{:02} web1 app[{n}]: took {n} ms to do it", n % 60)
    }),
    ("unknown", |n| format!("something else altogether happened {n} times")),
];

/// Gives the records as a source does: all of one chunk.
fn records(make: fn(usize) -> String) -> Vec<Record> {
    let mut chunk = String::new();
    let ranges: Vec<_> = (0..LINES)
        .map(|n| {
            let start = chunk.len();
            chunk.push_str(&make(n));
            start..chunk.len()
        })
        .collect();
    let chunk: Arc<str> = Arc::from(chunk);
    let origin = Arc::new(Origin { input: "syslog_udp".to_owned(), ..Origin::default() });
    let received_at = Timestamp::parse("2026-11-21T07:00:00Z").unwrap_or_default();
    ranges
        .into_iter()
        .filter_map(|range| {
            Some(Record {
                text: Text::slice(&chunk, range)?,
                received_at,
                origin: Arc::clone(&origin),
                truncated_bytes: 0,
                escaped_bytes: 0,
            })
        })
        .collect()
}
