//! `bartizan model evaluate`.

use std::path::PathBuf;
use std::time::Instant;

use detect::models::{Judged, ROWS_MAX, quality};

use super::requests::{self, Asked};
use crate::failure::{Outcome, ending};
use crate::output::{Cell, Printer, Shape, complain};
use crate::place::Place;

/// Measures a model on labelled requests.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan model evaluate labelled.jsonl
  bartizan model evaluate labelled.jsonl --model my.model --output json

A file holds JSON lines with `request_line`, `headers` as pairs, `body`, and `label`: 1 for an attack,
0 for none. `auc` is how often an attack scores higher than another request; the last two columns
of quality are the share of attacks found where one in a hundred, or in a thousand, of the others is a
false alarm.")]
pub(super) struct Args {
    /// Files or folders, packed or not; `-` or nothing for standard input
    paths: Vec<PathBuf>,
    /// The model, instead of the one that `serve` would use
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The shape of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
}

type Score = fn(&Judged, &Asked) -> f64;

/// What is measured: a name and a number of each request.
const SCORES: [(&str, Score); 4] = [
    ("forest", |judged, _| judged.forest),
    ("distance", |judged, _| judged.distance),
    ("both", |judged, _| judged.surprise),
    ("both and inspection", |judged, asked| judged.with(asked.inspected)),
];

pub(super) fn run(args: &Args, place: &Place) -> anyhow::Result<Outcome> {
    let (model, from) = super::open(args.model.as_deref(), place)?;
    let (mut rows, mut unlabelled, mut beyond) = (Vec::new(), 0_u64, 0_u64);
    let read = requests::each(&args.paths, |asked| match asked.label {
        Some(label) if rows.len() < ROWS_MAX => rows.push((asked, label)),
        Some(_) => beyond += 1,
        None => unlabelled += 1,
    })?;
    if read.interrupted {
        return Ok(Outcome::Interrupted);
    }
    if unlabelled + read.others > 0 {
        complain(&format!("lines without a label: {}", unlabelled + read.others));
    }
    if beyond > 0 {
        complain(&format!("only the first {ROWS_MAX} requests count; left out: {beyond}"));
    }
    let attacks = rows.iter().filter(|(_, attack)| *attack).count();
    if attacks == 0 || attacks == rows.len() {
        let sentence = format!(
            "{} labelled requests, of which {attacks} attacks: some of both are needed",
            rows.len()
        );
        return Err(ending(Outcome::Fault, sentence));
    }
    let began = Instant::now();
    let judged: Vec<Judged> = rows.iter().map(|(asked, _)| model.judge(&asked.row)).collect();
    let seconds = began.elapsed().as_secs_f64().max(1e-9);
    let total = u32::try_from(rows.len()).map_or(f64::from(u32::MAX), f64::from);
    let columns =
        ["score", "requests", "attacks", "auc", "found_at_1_percent", "found_at_0_1_percent"];
    let mut printer = Printer::new(args.output, &columns)?;
    for (name, score) in SCORES {
        let scored: Vec<(f64, bool)> = judged
            .iter()
            .zip(&rows)
            .map(|(judged, (asked, attack))| (score(judged, asked), *attack))
            .collect();
        let told = quality(&scored);
        let figure = |number: f64| Cell::Plain(format!("{number:.4}"));
        printer.row(&[
            Cell::Text(name.to_owned()),
            Cell::Plain(rows.len().to_string()),
            Cell::Plain(attacks.to_string()),
            figure(told.area),
            figure(told.at_percent),
            figure(told.at_permille),
        ])?;
    }
    printer.finish()?;
    complain(&format!("model     {from}; {:.0} requests a second on one core", total / seconds));
    Ok(read.outcome.unwrap_or(Outcome::Done))
}
