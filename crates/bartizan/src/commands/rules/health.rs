//! `bartizan rules health`: whether each rule could fire here and now.

use detect::RuleHealth;
use model::Timestamp;
use pipeline::Remembered;
use sigma::Rule;

use crate::clock::now;
use crate::failure::{Outcome, ending};
use crate::output::{Cell, Printer, Shape, complain, complain_of};
use crate::place::Place;
use crate::{keys, memory, rules};

const COLUMNS: [&str; 13] = [
    "state",
    "level",
    "title",
    "fired",
    "hits",
    "could_fire",
    "source_last",
    "source_per_hour",
    "missing",
    "evaluations",
    "cost_percent",
    "logsource",
    "id",
];

/// Tells for each rule whether its log source arrives with its fields, when it fired, what it costs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan rules health
  bartizan rules health --output json | jq 'select(.state != \"able\")'

States: able (it could fire), blind (its fields do not come), silent (its log source did not come for
a day), disabled. Reads what `bartizan serve` keeps of what passes, some seconds old while it runs.")]
pub(super) struct Args {
    /// The shape of the list
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (config, catalog) = args.place.catalog()?;
    let keyring = keys::open(&config, &catalog)?;
    let file = memory::file(&config);
    let kept = Remembered::read(&file, keyring.as_ref()).map_err(|error| {
        let file = file.display();
        ending(Outcome::Unreadable, format!("{file}: {error}; `bartizan serve` writes it anew"))
    })?;
    let Some(Remembered { health, .. }) = kept else {
        let sentence = "nothing has passed yet; start `bartizan serve` first";
        return Err(ending(Outcome::Unreadable, sentence));
    };
    let loaded = rules::load_in_force(&config.rule_sources())?;
    loaded.faults.iter().for_each(complain_of);
    let all = health.of_all(&loaded.rules, now());
    let mut printer = Printer::new(args.output, &COLUMNS)?;
    for (rule, health) in loaded.rules.rules().iter().zip(&all) {
        printer.row(&row(rule, health))?;
    }
    printer.finish()?;
    let count = |word: &str| all.iter().filter(|health| health.verdict.as_str() == word).count();
    let since = health.since().map_or("never".to_owned(), |since| since.to_string());
    complain(&format!(
        "{} rules: {} able, {} blind, {} silent, {} disabled; set aside: {}; noted since {since}",
        all.len(),
        count("able"),
        count("blind"),
        count("silent"),
        count("disabled"),
        loaded.faults.len(),
    ));
    Ok(Outcome::Done)
}

fn row(rule: &Rule, health: &RuleHealth) -> Vec<Cell> {
    let time = |time: Option<Timestamp>| Cell::from(time.map(|time| time.to_string()));
    vec![
        health.verdict.as_str().into(),
        rule.header.level.as_str().into(),
        rule.header.title.clone().into(),
        time(health.fired),
        health.hits.into(),
        time(health.could),
        time(health.source_last),
        health.source_per_hour.into(),
        Cell::List(health.missing.clone()),
        health.evaluations.into(),
        Cell::Plain(format!("{:.2}", health.share * 100.0)),
        rules::logsource(&rule.logsource).into(),
        rule.header.id.clone().into(),
    ]
}
