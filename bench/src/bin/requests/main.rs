//! Inspection beside its peers, on the same labelled requests in one run: recall, false alarms, speed.
//!
//! ```text
//! requests                 tables of all requests, and of a sample with the Core Rule Set beside
//! requests --sample 20000  a larger sample; 1000000 is all of it, which takes the rules some minutes
//! requests --crs FOLDER    the rules of another folder, those of the fourth generation too
//! ```
//!
//! The small peers see what they are made for: every name and value of the request, decoded once, as a web
//! server hands them over. Their decoding is counted, as ours is. The Core Rule Set gets the whole request.

#![expect(clippy::indexing_slicing, reason = "of JSON, where an absent field reads as null")]

mod crs;
#[allow(dead_code, reason = "the tests of inspection read more of a sample than is measured here")]
#[path = "../../../../crates/inspect/tests/labelled/mod.rs"]
mod labelled;
mod peers;
mod sums;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use bench::timing::{median, thread_time};
use inspect::{Request, inspect};
use labelled::{Sample, samples};
use libinjectionrs::{detect_sqli, detect_xss};
use peers::{naive, values};
use sums::{COLUMNS, Rates, Row, is_real_log, rates, strata};

/// So many requests are put to the Core Rule Set, or a few more.
const SAMPLE: usize = 8_000;

/// One engine that runs in this process.
struct Engine<'a> {
    name: &'static str,
    judge: Box<dyn Fn(&Request<'_>) -> bool + 'a>,
}

/// What one engine came to.
struct Told {
    name: String,
    rates: Rates,
    per_second: f64,
    per_second_real_log: f64,
}

fn main() -> anyhow::Result<()> {
    let (count, folder) = asked()?;
    let Some(samples) = samples() else { return Ok(()) };
    let patterns = naive();
    let injection =
        |value: &[u8]| detect_sqli(value).is_injection() || detect_xss(value).is_injection();
    let engines = [
        Engine { name: "bartizan inspect", judge: Box::new(|request| inspect(request).attack) },
        Engine {
            name: "libinjection (Rust port 0.1.1)",
            judge: Box::new(|request| values(request).iter().any(|value| injection(value))),
        },
        Engine {
            name: "RegexSet of 60 naive patterns",
            judge: Box::new(|request| values(request).iter().any(|value| patterns.is_match(value))),
        },
    ];
    let all: Vec<Row<'_>> = samples.iter().map(|sample| Row { sample, weight: 1.0 }).collect();
    println!("All {} requests:\n", all.len());
    print(&engines.iter().map(|engine| told(engine, &all)).collect::<Vec<_>>());

    let host = match crs::Host::make(&folder) {
        Ok(host) => host,
        Err(error) => {
            println!("\nThe Core Rule Set is not measured: {error:#}");
            println!("apt-get install libmodsecurity-dev modsecurity-crs brings what is missing");
            return Ok(());
        }
    };
    let rows = strata(&samples, count);
    println!("\nA sample of {} requests, each weighed for what it stands for:\n", rows.len());
    let mut table: Vec<Told> = engines.iter().map(|engine| told(engine, &rows)).collect();
    for paranoia in [1, 2] {
        table.push(told_crs(&host, &rows, paranoia)?);
    }
    print(&table);
    println!("\nThe same sample, by group of attacks (recall):\n");
    print_groups(&table);
    Ok(())
}

/// Reads the command line: the size of the sample, and the folder of the rules.
fn asked() -> anyhow::Result<(usize, PathBuf)> {
    let (mut count, mut folder) = (SAMPLE, PathBuf::from(crs::RULES));
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} wants a value"))?;
        match word.as_str() {
            "--sample" => count = value.parse().context("--sample wants a number")?,
            "--crs" => folder = value.into(),
            _ => anyhow::bail!("{word} is unknown; --sample NUMBER and --crs FOLDER are known"),
        }
    }
    Ok((count, folder))
}

fn print(table: &[Told]) {
    println!("| engine | {} | requests/s, all | requests/s, real log |", COLUMNS.join(" | "));
    println!("|---|{}", "---|".repeat(COLUMNS.len() + 2));
    for Told { name, rates, per_second, per_second_real_log } in table {
        let shares: Vec<String> = COLUMNS
            .iter()
            .map(|column| format!("{:.4}", rates.sums.get(column).copied().unwrap_or(f64::NAN)))
            .collect();
        println!(
            "| {name} | {} | {per_second:.0} | {per_second_real_log:.0} |",
            shares.join(" | ")
        );
    }
}

fn print_groups(table: &[Told]) {
    let names: Vec<&str> = table.iter().map(|told| told.name.as_str()).collect();
    println!("| group | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(names.len()));
    let groups = table.first().map(|told| told.rates.groups.keys()).into_iter().flatten();
    for group in groups {
        let shares: Vec<String> = table
            .iter()
            .map(|told| format!("{:.3}", told.rates.groups.get(group).copied().unwrap_or(f64::NAN)))
            .collect();
        println!("| {group} | {} |", shares.join(" | "));
    }
}

fn told(engine: &Engine<'_>, rows: &[Row<'_>]) -> Told {
    let verdicts: Vec<bool> =
        rows.iter().map(|row| (engine.judge)(&row.sample.request(&row.sample.headers()))).collect();
    Told {
        name: engine.name.to_owned(),
        rates: rates(rows, &verdicts),
        per_second: speed(engine, rows, |_| true),
        per_second_real_log: speed(engine, rows, is_real_log),
    }
}

/// Puts the rows to the rules; their time is what the host's process spent on each request.
fn told_crs(host: &crs::Host, rows: &[Row<'_>], paranoia: u8) -> anyhow::Result<Told> {
    let headers: Vec<Vec<(&str, &str)>> = rows.iter().map(|row| row.sample.headers()).collect();
    let requests = rows.iter().zip(&headers).map(|(row, headers)| row.sample.request(headers));
    let judged = host.judge(requests, paranoia)?;
    let verdicts: Vec<bool> = judged.iter().map(|judged| judged.attack).collect();
    let per_second = |wanted: fn(&Sample) -> bool| {
        let spent: Vec<Duration> = rows
            .iter()
            .zip(&judged)
            .filter(|(row, _)| wanted(row.sample))
            .map(|(_, judged)| judged.spent)
            .collect();
        spent.len() as f64 / spent.iter().sum::<Duration>().as_secs_f64()
    };
    Ok(Told {
        name: format!("CRS {} at paranoia {paranoia}", host.version),
        rates: rates(rows, &verdicts),
        per_second: per_second(|_| true),
        per_second_real_log: per_second(is_real_log),
    })
}

/// Gives the requests of `rows` that `engine` judges in a second of processor time.
fn speed(engine: &Engine<'_>, rows: &[Row<'_>], wanted: impl Fn(&Sample) -> bool) -> f64 {
    let samples: Vec<&Sample> =
        rows.iter().map(|row| row.sample).filter(|sample| wanted(sample)).collect();
    let headers: Vec<Vec<(&str, &str)>> = samples.iter().map(|sample| sample.headers()).collect();
    let requests: Vec<Request<'_>> =
        samples.iter().zip(&headers).map(|(sample, headers)| sample.request(headers)).collect();
    // A first round tells how often the work is to be repeated for the clock to see it.
    let begin = thread_time();
    let once = || requests.iter().filter(|request| (engine.judge)(request)).count();
    let flagged = once();
    let spent = thread_time().saturating_sub(begin).max(Duration::from_micros(1));
    let repeats =
        usize::try_from(Duration::from_millis(200).as_nanos() / spent.as_nanos()).unwrap_or(0) + 1;
    let time = median(|| (0..repeats).map(|_| once()).sum::<usize>());
    assert!(flagged <= requests.len(), "no more verdicts than requests");
    (requests.len() * repeats) as f64 / time.as_secs_f64()
}
