//! `bartizan model inspect`.

use std::path::PathBuf;

use detect::models::{FEATURES, Model, NAMES, Request, UNITS, features, score};
use inspect::{AccessLog, inspect_access_log};
use serde_json::json;

use crate::failure::{Outcome, ending};
use crate::output::{Cell, Printer, Shape, printable, say};
use crate::place::Place;

/// Shows what is in a model, or explains the score of one request.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan model inspect
  bartizan model inspect --model my.model --output json
  bartizan model inspect --request 'GET /item?id=1%2527%2520or%25201=1--'
  bartizan model inspect --request 'POST /login' --body 'user=a&password=b'

The score of a request is here that of the model alone. While the product runs, a site that it knows
well enough is judged by its own profile as well, and the score is measured against its own requests.")]
pub(super) struct Args {
    /// The model, instead of the one that `serve` would use
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// A request to explain: its method and its target
    #[arg(long, value_name = "TEXT")]
    request: Option<String>,
    /// The body of the request
    #[arg(long, value_name = "TEXT", requires = "request", default_value = "")]
    body: String,
    /// The shape of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
}

pub(super) fn run(args: &Args, place: &Place) -> anyhow::Result<Outcome> {
    let (model, from) = super::open(args.model.as_deref(), place)?;
    match &args.request {
        Some(text) => explain(&model, text, args)?,
        None => show(&model, &from, args.output)?,
    }
    Ok(Outcome::Done)
}

fn show(model: &Model, from: &str, shape: Shape) -> anyhow::Result<()> {
    let about = &model.about;
    let (trees, samples) = (model.forest.trees(), model.forest.samples());
    if shape == Shape::Json {
        let figures: serde_json::Map<String, serde_json::Value> =
            about.figures.iter().map(|(name, figure)| (name.clone(), json!(figure))).collect();
        let usual = NAMES.iter().zip(&model.usual).zip(UNITS).map(|((name, ends), unit)| {
            json!({ "feature": name, "unit": unit, "low": ends[0], "middle": ends[1], "high": ends[2] })
        });
        let shown = json!({
            "model": from, "source": about.source, "requests": about.rows, "seed": about.seed,
            "trained": about.trained, "identity": identity(model), "figures": figures, "trees": trees, "samples": samples,
            "usual": usual.collect::<Vec<_>>(),
        });
        return say(&shown.to_string());
    }
    if shape == Shape::Table {
        say(&format!("model     {from}"))?;
        say(&format!("source    {}", printable(&about.source)))?;
        let (rows, trained, seed) = (about.rows, printable(&about.trained), about.seed);
        say(&format!("trained   {trained} from {rows} requests, seed {seed}"))?;
        say(&format!("forest    {trees} trees of {samples} requests each"))?;
        say(&format!("identity  {}", identity(model)))?;
        for (name, figure) in &about.figures {
            say(&format!("figure    {}: {figure:.4}", printable(name)))?;
        }
        say("")?;
    }
    let mut printer = Printer::new(shape, &["feature", "unit", "low", "middle", "high"])?;
    for ((name, unit), ends) in NAMES.iter().zip(UNITS).zip(&model.usual) {
        let [low, middle, high] = ends.map(|number| Cell::Plain(format!("{number:.3}")));
        printer.row(&[
            Cell::Text((*name).to_owned()),
            Cell::Text(unit.to_owned()),
            low,
            middle,
            high,
        ])?;
    }
    printer.finish()
}

/// Gives what sites keep with their quantiles, to know by which model they were measured.
fn identity(model: &Model) -> String {
    format!("{:016x}", model.identity())
}

fn explain(model: &Model, text: &str, args: &Args) -> anyhow::Result<()> {
    let Some((method, target)) = text.trim().split_once(' ') else {
        let sentence = "a request is a method and a target, such as 'GET /item?id=1'";
        return Err(ending(Outcome::Usage, sentence));
    };
    let target = target.split_once(" HTTP/").map_or(target, |(target, _)| target);
    let request = Request { method, target, body: &args.body };
    let log = AccessLog { method, target, referrer: None, user_agent: None };
    let verdict = inspect_access_log(&log);
    let inspected = if verdict.findings.is_empty() { 0.0 } else { verdict.score };
    let told = score(&request, inspected, model);
    let row = features(target.as_bytes(), args.body.as_bytes());
    let judged = model.judge(&row);
    if args.output == Shape::Json {
        let numbers: serde_json::Map<String, serde_json::Value> = NAMES
            .iter()
            .zip(row)
            .map(|(name, number)| ((*name).to_owned(), json!(number)))
            .collect();
        let shown = json!({
            "score": told.score, "reason": told.reason, "leading": told.leading,
            "forest": judged.forest, "distance": judged.distance, "inspection": inspected,
            "attack": verdict.attack, "features": numbers,
        });
        return say(&shown.to_string());
    }
    if args.output == Shape::Table {
        say(&format!("score     {:.4}", told.score))?;
        say(&format!("reason    {}", printable(&told.reason)))?;
        say(&format!("forest    {:.4}", judged.forest))?;
        say(&format!("distance  {:.2}", judged.distance))?;
        let verdict = if verdict.attack { "an attack" } else { "no attack" };
        say(&format!("inspected {verdict}, {inspected:.2}"))?;
        say("")?;
    }
    let parts = model.distance.contributions(&row);
    let columns = ["feature", "unit", "value", "low", "middle", "high", "weight"];
    let mut printer = Printer::new(args.output, &columns)?;
    let all = NAMES.iter().zip(UNITS).zip(row).zip(&model.usual).zip(parts).take(FEATURES);
    for ((((name, unit), value), ends), part) in all {
        let [low, middle, high] = ends.map(|number| Cell::Plain(format!("{number:.3}")));
        printer.row(&[
            Cell::Text((*name).to_owned()),
            Cell::Text(unit.to_owned()),
            Cell::Plain(format!("{value:.3}")),
            low,
            middle,
            high,
            Cell::Plain(format!("{part:.2}")),
        ])?;
    }
    printer.finish()
}
