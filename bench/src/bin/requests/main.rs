//! Inspection beside its peers, on the same labelled requests in one run: recall, false alarms, speed.
//!
//! The peers see what they are made for: every name and value of the request, decoded once, as a web
//! server hands them over. Their decoding is counted, as ours is.

#![expect(clippy::indexing_slicing, reason = "of JSON, where an absent field reads as null")]

#[allow(dead_code, reason = "the tests of inspection read more of a sample than is measured here")]
#[path = "../../../../crates/inspect/tests/labelled/mod.rs"]
mod labelled;
mod peers;

use std::collections::BTreeMap;
use std::time::Duration;

use bench::timing::{median, thread_time};
use inspect::{Request, inspect};
use labelled::{Sample, group_of, samples, sums_of};
use libinjectionrs::{detect_sqli, detect_xss};
use peers::{naive, values};

/// One engine.
struct Engine<'a> {
    name: &'static str,
    judge: Box<dyn Fn(&Request<'_>) -> bool + 'a>,
}

fn main() {
    let Some(samples) = samples() else { return };
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
    let columns = [
        "recall core",
        "recall mean of groups",
        "recall libinj",
        "recall evasion",
        "false benign",
        "false libinj and prose",
        "false traps",
    ];
    println!("| engine | {} | requests/s, all | requests/s, real log |", columns.join(" | "));
    println!("|---|{}", "---|".repeat(columns.len() + 2));
    for engine in &engines {
        let rates = rates(engine, &samples);
        let told: Vec<String> = columns
            .iter()
            .map(|column| format!("{:.4}", rates.get(column).copied().unwrap_or_default()))
            .collect();
        let all = speed(engine, &samples, |_| true);
        let real = speed(engine, &samples, |sample| sample.source == "semicomplete");
        println!("| {} | {} | {all:.0} | {real:.0} |", engine.name, told.join(" | "));
    }
}

/// Gives the share of requests that `engine` calls attacks, sum by sum.
fn rates(engine: &Engine<'_>, samples: &[Sample]) -> BTreeMap<&'static str, f64> {
    let mut sums: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut groups: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for sample in samples {
        let flagged = u32::from((engine.judge)(&sample.request(&sample.headers())));
        let count = |tally: &mut (u32, u32)| {
            tally.0 += flagged;
            tally.1 += 1;
        };
        for sum in sums_of(sample) {
            count(sums.entry(sum).or_default());
        }
        if let Some(group) = group_of(sample) {
            count(groups.entry(group).or_default());
        }
    }
    let rate = |tally: &(u32, u32)| f64::from(tally.0) / f64::from(tally.1.max(1));
    let mean = groups.values().map(rate).sum::<f64>() / groups.len().max(1) as f64;
    let mut rates: BTreeMap<&str, f64> =
        sums.iter().map(|(sum, tally)| (*sum, rate(tally))).collect();
    rates.insert("recall mean of groups", mean);
    rates
}

/// Gives the requests of `samples` that `engine` judges in a second of processor time.
fn speed(engine: &Engine<'_>, samples: &[Sample], wanted: impl Fn(&Sample) -> bool) -> f64 {
    let samples: Vec<&Sample> = samples.iter().filter(|sample| wanted(sample)).collect();
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
