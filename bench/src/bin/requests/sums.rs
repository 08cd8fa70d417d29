//! What the verdicts of an engine come to, sum by sum.

use std::collections::BTreeMap;

use crate::labelled::{Sample, group_of, sums_of};

/// The name of the mean over the groups of attacks, each of the same weight.
pub(crate) const MEAN: &str = "recall mean of groups";
/// The name of the share of a real log's lines that are called attacks.
pub(crate) const REAL_LOG: &str = "false real log";
/// The sums that a table shows.
pub(crate) const COLUMNS: [&str; 7] = [
    "recall core",
    MEAN,
    "recall evasion",
    "false benign",
    "false libinj and prose",
    "false traps",
    REAL_LOG,
];

/// A row that is judged, and how many of all rows it stands for.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) sample: &'a Sample,
    pub(crate) weight: f64,
}

/// The share of requests that an engine calls attacks.
pub(crate) struct Rates {
    /// By sum.
    pub(crate) sums: BTreeMap<&'static str, f64>,
    /// By group of attacks.
    pub(crate) groups: BTreeMap<&'static str, f64>,
}

/// Counts the verdicts of an engine, one a row.
pub(crate) fn rates(rows: &[Row<'_>], verdicts: &[bool]) -> Rates {
    assert_eq!(rows.len(), verdicts.len(), "a verdict for each request");
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    let mut groups: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (row, attack) in rows.iter().zip(verdicts) {
        let count = |tally: &mut (f64, f64)| {
            tally.0 += if *attack { row.weight } else { 0.0 };
            tally.1 += row.weight;
        };
        let sums_of = sums_of(row.sample);
        let real = is_real_log(row.sample).then_some(REAL_LOG);
        for sum in sums_of.into_iter().chain(real) {
            count(sums.entry(sum).or_default());
        }
        if let Some(group) = group_of(row.sample) {
            count(groups.entry(group).or_default());
        }
    }
    let shares = |tallies: BTreeMap<&'static str, (f64, f64)>| -> BTreeMap<&'static str, f64> {
        tallies.into_iter().map(|(name, (flagged, of))| (name, flagged / of)).collect()
    };
    let groups = shares(groups);
    let mut sums = shares(sums);
    sums.insert(MEAN, groups.values().sum::<f64>() / groups.len().max(1) as f64);
    Rates { sums, groups }
}

/// Tells whether a request is a line of a real server's log.
pub(crate) fn is_real_log(sample: &Sample) -> bool {
    sample.source == "semicomplete"
}

/// Picks, of each class of each source that counts in a sum, its share of `count` requests and no fewer than
/// `STRATUM_MIN`; what is picked stands for the rest of its class. The same each time.
pub(crate) fn strata(samples: &[Sample], count: usize) -> Vec<Row<'_>> {
    let counted: Vec<(usize, &Sample)> =
        samples.iter().enumerate().filter(|(_, sample)| !sums_of(sample).is_empty()).collect();
    let mut strata: BTreeMap<(&str, &str), Vec<(u64, &Sample)>> = BTreeMap::new();
    for (at, sample) in &counted {
        let stratum = strata.entry((&sample.source, &sample.class)).or_default();
        stratum.push((mixed(*at as u64), sample));
    }
    let mut rows = Vec::new();
    for mut stratum in strata.into_values() {
        stratum.sort_by_key(|(order, _)| *order);
        let share = stratum.len() * count / counted.len().max(1);
        let picked = share.max(STRATUM_MIN).min(stratum.len());
        let weight = stratum.len() as f64 / picked as f64;
        rows.extend(stratum.into_iter().take(picked).map(|(_, sample)| Row { sample, weight }));
    }
    rows
}

/// The fewest requests of a class that are picked, where it has so many.
const STRATUM_MIN: usize = 300;

/// Gives a number that looks as if thrown by dice, the same for the same row.
fn mixed(row: u64) -> u64 {
    let mut number = row.wrapping_add(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
