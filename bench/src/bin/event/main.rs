//! Which representation of an event is the fastest on the way of an event: read it, ask it, write
//! it, store it.
//!
//! `cargo run --release -p bench --bin event` prints the table.

mod columns;
mod owned;
mod shape;
mod spans;
mod tape;

use std::hint::black_box;
use std::time::Duration;

use bench::allocations::{Counting, counts};
use bench::lines::{self, Lines};
use bench::timing::median;
use parse::FORMATS;

use crate::columns::Columns;
use crate::owned::Owned;
use crate::shape::{Kind, Shape};
use crate::spans::Spans;
use crate::tape::Tapes;

/// How many lines are read together.
const BATCH_LENGTH: usize = 64;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let flat = lines::windows_flat();
    let nested = lines::windows_nested(&flat);
    let ssh = lines::ssh();
    for (lines, kind) in [(&flat, Kind::Json), (&nested, Kind::Json), (&ssh, Kind::Ssh)] {
        println!(
            "\n{}: {} of {} bytes in the mean\n",
            lines.name,
            lines.lines.len(),
            lines.mean_bytes()
        );
        println!(
            "| thousand events/s | read | 23 names | JSON out | 30 columns | read, names and columns | bytes each | allocations each |"
        );
        println!("|---|---|---|---|---|---|---|---|");
        row::<Spans>(lines, kind);
        row::<Tapes>(lines, kind);
        row::<Owned>(lines, kind);
    }
    for lines in [&flat, &nested] {
        println!("\nReading JSON alone, {}\n", lines.name);
        println!("| reader | thousand events/s | MB/s |");
        println!("|---|---|---|");
        readers(lines);
    }
}

fn row<S: Shape>(lines: &Lines, kind: Kind) {
    let count = lines.lines.len();
    // Read in batches, as on the line: what is not kept makes room for the next.
    let batches = || lines.lines.chunks(BATCH_LENGTH);
    let read =
        median(|| batches().map(|batch| S::with(batch, kind, |kept| kept.len())).sum::<usize>());
    let before = counts();
    let (bytes, calls) = S::with(&lines.lines, kind, |_| {
        let after = counts();
        (after.live_bytes - before.live_bytes, after.calls - before.calls)
    });
    let (ask, write, append) = S::with(&lines.lines, kind, |kept| {
        let ask = median(|| kept.iter().map(S::read).sum::<usize>());
        let mut out = String::new();
        let write = median(|| {
            for event in kept {
                out.clear();
                S::write(event, &mut out);
                black_box(out.len());
            }
        });
        let append = median(|| {
            let mut columns = Columns::new();
            for event in kept {
                S::append(event, &mut columns);
            }
            columns.finish()
        });
        (ask, write, append)
    });
    let each = i64::try_from(count).unwrap_or(1);
    println!(
        "| {} | {} | {} | {} | {} | {} | {} | {:.1} |",
        S::NAME,
        rate(count, read),
        rate(count, ask),
        rate(count, write),
        rate(count, append),
        rate(count, read + ask + append),
        bytes / each,
        calls as f64 / each as f64,
    );
}

/// Gives thousands of events a second.
fn rate(count: usize, time: Duration) -> u64 {
    (count as f64 / time.as_secs_f64() / 1e3) as u64
}

fn readers(lines: &Lines) {
    let count = lines.lines.len();
    let bytes: usize = lines.lines.iter().map(String::len).sum();
    let tell = |name: &str, time: Duration| {
        let megabytes = (bytes as f64 / time.as_secs_f64() / 1e6) as u64;
        println!("| {name} | {} | {megabytes} |", rate(count, time));
    };
    if let Some(format) = FORMATS.iter().find(|format| format.id == "json") {
        let (chunk, ranges) = spans::chunk(&lines.lines);
        let read = || {
            for range in &ranges {
                if let Some(text) = model::Text::slice(&chunk, range.clone()) {
                    black_box(spans::read_json(text, format));
                }
            }
        };
        tell("ours, into the Event", median(read));
    }
    let mut buffer = Vec::new();
    tell(
        "simd-json, into a tape",
        median(|| {
            for line in &lines.lines {
                buffer.clear();
                buffer.extend_from_slice(line.as_bytes());
                black_box(simd_json::to_tape(&mut buffer).ok());
            }
        }),
    );
    tell(
        "serde_json, into a tree",
        median(|| {
            for line in &lines.lines {
                black_box(serde_json::from_str::<serde_json::Value>(line).ok());
            }
        }),
    );
    tell(
        "serde_json, past everything",
        median(|| {
            for line in &lines.lines {
                black_box(serde_json::from_str::<serde::de::IgnoredAny>(line).ok());
            }
        }),
    );
}
