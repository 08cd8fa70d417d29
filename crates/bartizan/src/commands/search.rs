//! `bartizan search`: the search bar, on the command line.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use model::{Event, Field, Timestamp};
use query::Predicate;
use store::{Order, Scope, Search};

use crate::clock::now;
use crate::failure::{Outcome, ending};
use crate::output::{self, Cell, Printer, Shape};
use crate::place::{Place, tell_gaps};

/// Finds events with the search bar's language (KQL), the newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan search 'event.outcome: failure and source.ip: 203.0.113.0/24' --last 24h
  bartizan search 'user.name: (root or admin*) and not process.name: cron' --output json
  bartizan search '\"Failed password\"' --limit 20")]
pub(crate) struct Args {
    /// What to look for; nothing finds everything
    #[arg(default_value = "")]
    kql: String,
    /// How far back, such as 15m, 24h or 7d
    #[arg(long, value_name = "SPAN", value_parser = crate::span::parse)]
    last: Option<Duration>,
    /// How many events at most
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Which ones first
    #[arg(long, value_enum, default_value_t = Sort::Newest)]
    sort: Sort,
    /// The shape of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    Newest,
    Oldest,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let predicate = Predicate::parse(&args.kql).map_err(|error| {
        let mark = " ".repeat(error.column.saturating_sub(1));
        let sentence =
            format!("column {}: {}\n  {}\n  {mark}^", error.column, error.message, args.kql);
        ending(Outcome::Fault, sentence)
    })?;
    let store = args.place.reader()?;
    let mut scope = Scope::of(predicate);
    if let Some(last) = args.last {
        scope.from = now().minus(last);
    }
    scope.deadline = Some(Instant::now() + Duration::from_mins(5));
    let order = match args.sort {
        Sort::Newest => Order::Newest,
        Sort::Oldest => Order::Oldest,
    };
    let found = store.search(&Search { scope, order, limit: args.limit, cursor: None })?;
    if args.output == Shape::Json {
        for event in &found.events {
            output::say(&event.to_json())?;
        }
    } else {
        let columns =
            ["@timestamp", "host.name", "event.module", "source.ip", "user.name", "event.original"];
        let mut printer = Printer::new(args.output, &columns)?;
        for event in &found.events {
            printer.row(&row(event))?;
        }
        printer.finish()?;
    }
    tell_gaps(&store);
    if found.next.is_some() {
        output::complain(&format!(
            "there may be more: the first {} are shown (--limit)",
            found.events.len()
        ));
    }
    if !found.is_complete {
        output::complain("the time was up before everything was looked at");
    }
    Ok(Outcome::Done)
}

fn row(event: &Event) -> Vec<Cell> {
    let cell = |field| event.get(field).map(|value| Cell::Text(value.to_string()));
    vec![
        Cell::Text(Timestamp::to_string(&event.time)),
        cell(Field::HostName).unwrap_or(Cell::Null),
        cell(Field::EventModule).unwrap_or(Cell::Null),
        cell(Field::SourceIp).unwrap_or(Cell::Null),
        cell(Field::UserName).unwrap_or(Cell::Null),
        Cell::Text(event.original().to_owned()),
    ]
}
