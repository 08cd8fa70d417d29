//! `bartizan rules coverage`: which ATT&CK techniques the rules can find here and now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use sigma::RuleSet;

use crate::arrivals::Arrivals;
use crate::clock::now;
use crate::coverage::{Coverage, Technique};
use crate::failure::Outcome;
use crate::output::{self, Printer, Shape, complain};
use crate::place::{Place, tell_gaps};
use crate::rules;

/// The tactics in the order of an attack, as ATT&CK has them.
const TACTICS: [&str; 16] = [
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
];

/// Tells which ATT&CK techniques the rules in force can find here and now.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan rules coverage
  bartizan rules coverage --output coverage.json        (a layer for the ATT&CK Navigator)
  bartizan rules coverage --all --shape csv

A rule counts if it is enabled and events of its log source arrived within the last days with the
fields that it needs; of a correlation, those of the rules that it builds on. The layer (format 4.5) opens in the ATT&CK Navigator; its
scores are the numbers of rules able to fire.")]
pub(super) struct Args {
    /// Writes an ATT&CK Navigator layer to this file; - is standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How far back a log source must have arrived, such as 24h or 7d
    #[arg(long, value_name = "SPAN", value_parser = crate::span::parse, default_value = "7d")]
    last: Duration,
    /// Counts every rule in force, whether its log source arrives or not
    #[arg(long, conflicts_with = "last")]
    all: bool,
    /// The shape of the table
    #[arg(long, value_enum, default_value_t)]
    shape: Shape,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let rules = rules::load_in_force(&args.place.config()?.rule_sources())?.rules;
    let able = if args.all { vec![true; rules.rules().len()] } else { able(args, &rules)? };
    let coverage = Coverage::of(&rules, &able);
    match &args.output {
        Some(file) => write_layer(args, &coverage, file)?,
        None => print(&coverage, args.shape)?,
    }
    complain(&format!(
        "{} of {} rules can fire; they find {} techniques; {} of them name none",
        coverage.able,
        coverage.loaded,
        coverage.covered(),
        coverage.untagged,
    ));
    Ok(Outcome::Done)
}

/// Tells of each rule whether it could have fired of late.
fn able(args: &Args, rules: &RuleSet) -> anyhow::Result<Vec<bool>> {
    let store = args.place.reader()?;
    let checkpoint = crate::memory::file(&args.place.config()?);
    let arrivals = Arrivals::since(&store, &checkpoint, now().minus(args.last))?;
    tell_gaps(&store);
    if arrivals.is_partial {
        complain("not everything could be looked at: more rules may be able to fire");
    }
    if arrivals.is_empty() {
        complain("no event arrived within that time: no rule can fire (--all counts them all)");
    }
    Ok(arrivals.able(rules, now()))
}

fn write_layer(args: &Args, coverage: &Coverage, file: &Path) -> anyhow::Result<()> {
    let description = if args.all {
        "Every rule in force, whether its log source arrives or not.".to_owned()
    } else {
        let hours = args.last.as_secs() / 3600;
        format!("Rules in force whose log source arrived in the {hours} hours before {}.", now())
    };
    let layer = serde_json::to_string_pretty(&coverage.layer(&description))?;
    if file == Path::new("-") {
        return output::say(&layer);
    }
    std::fs::write(file, layer + "\n").with_context(|| format!("cannot write {}", file.display()))
}

fn print(coverage: &Coverage, shape: Shape) -> anyhow::Result<()> {
    let mut by_tactic: BTreeMap<(usize, &str), Vec<(&str, &Technique)>> = BTreeMap::new();
    for (id, technique) in &coverage.techniques {
        let mut tactics = technique.tactics();
        if tactics.is_empty() {
            tactics.push("");
        }
        for tactic in tactics {
            let place = TACTICS.iter().position(|known| *known == tactic);
            by_tactic
                .entry((place.unwrap_or(TACTICS.len()), tactic))
                .or_default()
                .push((id, technique));
        }
    }
    let columns = ["tactic", "technique", "able", "loaded", "rules"];
    let mut printer = Printer::new(shape, &columns)?;
    let of_each = |((_, tactic), techniques): (_, Vec<_>)| {
        techniques.into_iter().map(move |(id, technique)| (tactic, id, technique))
    };
    for (tactic, id, technique) in by_tactic.into_iter().flat_map(of_each) {
        printer.row(&[
            tactic.into(),
            id.into(),
            u64::try_from(technique.able.len()).unwrap_or(u64::MAX).into(),
            u64::try_from(technique.loaded).unwrap_or(u64::MAX).into(),
            rules_of(technique, shape),
        ])?;
    }
    printer.finish()
}

/// Gives the titles; a table has room for the first few.
fn rules_of(technique: &Technique, shape: Shape) -> output::Cell {
    const SHOWN: usize = 3;
    let mut titles = technique.able.clone();
    if shape == Shape::Table && titles.len() > SHOWN {
        let more = titles.len() - SHOWN;
        titles.truncate(SHOWN);
        titles.push(format!("… {more} more"));
    }
    output::Cell::List(titles)
}
