//! Measures inspection on labelled requests, where they are present, and holds what was measured.
//!
//! The sources that were left out of tuning, and what they said before anybody looked at them, stand
//! in `bench/RESULTS.md`. `evasion` shares its seeds with the other sources, so it measures decoding
//! more than it measures the classes. `crs` tests fragments that single rules of another engine must
//! match; most are no attack by themselves, and it is in no sum.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measuring test: it prints its table, and a malformed corpus must stop it"
)]

mod labelled;

use std::collections::BTreeMap;

use inspect::{Verdict, inspect};
use labelled::{Sample, group_of, samples, sums_of};

/// What was measured; a change may cost [`MARGIN`] of it, and a tenth of that in false alarms.
const FLOORS: &[(&str, f64)] = &[
    ("recall core", 0.976),
    ("recall libinj", 0.9913),
    ("recall evasion", 0.9885),
    ("recall mean of groups", 0.96),
];
const CEILINGS: &[(&str, f64)] =
    &[("false benign", 0.0), ("false libinj and prose", 0.0013), ("false traps", 0.0)];
const MARGIN: f64 = 0.005;

#[derive(Default)]
struct Tally {
    requests: u32,
    flagged: u32,
}

impl Tally {
    fn rate(&self) -> f64 {
        f64::from(self.flagged) / f64::from(self.requests.max(1))
    }
}

#[test]
fn recall_and_false_positives() {
    let Some(samples) = samples() else { return };
    let mut tables: BTreeMap<(String, bool, String), Tally> = BTreeMap::new();
    let mut groups: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut sums: BTreeMap<&str, Tally> = BTreeMap::new();
    for sample in &samples {
        let flagged = verdict(sample).attack;
        if flagged != sample.attack {
            show(sample);
        }
        let key = (sample.source.clone(), sample.attack, sample.class.clone());
        count(tables.entry(key).or_default(), flagged);
        for sum in sums_of(sample) {
            count(sums.entry(sum).or_default(), flagged);
        }
        if let Some(group) = group_of(sample) {
            count(groups.entry(group).or_default(), flagged);
        }
        if sample.source == "evasion" && std::env::var_os("INSPECT_BY_CONTEXT").is_some() {
            let key = ("evasion by".to_owned(), true, sample.context.clone());
            count(tables.entry(key).or_default(), flagged);
        }
    }
    for ((source, attack, class), tally) in &tables {
        let what = if *attack { "recall" } else { "false" };
        println!("{source:14} {class:22} {what} {:.4} of {}", tally.rate(), tally.requests);
    }
    for (group, tally) in &groups {
        println!("group {group:26} {:.4} of {}", tally.rate(), tally.requests);
    }
    let mut rates: BTreeMap<&str, f64> =
        sums.iter().map(|(sum, tally)| (*sum, tally.rate())).collect();
    let counted = u32::try_from(groups.len().max(1)).expect("few groups");
    let mean = groups.values().map(Tally::rate).sum::<f64>() / f64::from(counted);
    rates.insert("recall mean of groups", mean);
    for (sum, rate) in &rates {
        println!("sum {sum:28} {rate:.4} of {}", sums.get(sum).map_or(counted, |sum| sum.requests));
    }
    if std::env::var_os("INSPECT_CORPUS").is_none() {
        hold(&rates);
    }
}

/// Compares with what was measured before.
fn hold(rates: &BTreeMap<&str, f64>) {
    for (sum, measured) in FLOORS {
        let rate = rates.get(sum).copied().unwrap_or(0.0);
        assert!(rate >= measured - MARGIN, "{sum}: {rate:.4}, measured before: {measured}");
    }
    for (sum, measured) in CEILINGS {
        let rate = rates.get(sum).copied().unwrap_or(1.0);
        assert!(rate <= measured + MARGIN / 10.0, "{sum}: {rate:.4}, measured before: {measured}");
    }
}

fn count(tally: &mut Tally, flagged: bool) {
    tally.requests += 1;
    tally.flagged += u32::from(flagged);
}

fn verdict(sample: &Sample) -> Verdict {
    inspect(&sample.request(&sample.headers()))
}

/// Prints a wrong verdict when `INSPECT_SHOW` names its source, or `source/class`.
fn show(sample: &Sample) {
    let Ok(wanted) = std::env::var("INSPECT_SHOW") else { return };
    let name = format!("{}/{}", sample.source, sample.class);
    if wanted == sample.source || wanted == name {
        let headers = sample.headers();
        let request = sample.request(&headers);
        let body = String::from_utf8_lossy(request.body);
        println!(
            "WRONG {name} {} {:?} {} {} HTTP/1.1 {body} {:?}",
            sample.context,
            sample.value,
            request.method,
            request.target,
            verdict(sample).findings
        );
    }
}
