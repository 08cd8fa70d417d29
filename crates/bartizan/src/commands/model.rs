//! `bartizan model`: the model of what is usual in requests.

mod evaluate;
mod inspect;
mod requests;
mod train;

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use detect::models::Model;

use crate::failure::Outcome;
use crate::place::Place;

/// Trains, measures and shows the model of what is usual in requests.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan model train --last 30d
  bartizan model evaluate labelled.jsonl
  bartizan model inspect --request 'GET /item?id=1%2527%2520or%25201=1--'

A request's `bartizan.anomaly.score` comes from this model and from what the product learns of each
site while it runs.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trains a model from the store or from files
    Train(train::Args),
    /// Measures a model on labelled requests
    Evaluate(evaluate::Args),
    /// Shows what is in a model, or explains the score of a request
    Inspect(inspect::Args),
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Train(train) => train::run(train, &args.place),
        Command::Evaluate(evaluate) => evaluate::run(evaluate, &args.place),
        Command::Inspect(inspect) => inspect::run(inspect, &args.place),
    }
}

/// Gives the model of a file that was named, or else the one that `serve` would use, and where it is
/// from.
fn open(named: Option<&Path>, place: &Place) -> anyhow::Result<(Arc<Model>, String)> {
    let file = match named {
        Some(file) => file.to_owned(),
        None => crate::model_file::of(&place.config()?),
    };
    let shown = file.display().to_string();
    match crate::model_file::read(&file) {
        Ok(Some(model)) => Ok((Arc::new(model), shown)),
        Ok(None) if named.is_none() => Ok((Model::shipped(), "shipped".to_owned())),
        Ok(None) => anyhow::bail!("there is no file {shown}"),
        Err(message) => anyhow::bail!("{shown}: {message}"),
    }
}
