//! `bartizan search`: the search bar, on the command line.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use model::{Event, Field, Timestamp};
use query::Predicate;
use store::{ExportFormat, Order, Scope, Search, Store};

use crate::clock::now;
use crate::export::Target;
use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::output::{self, Cell, Printer, Shape};
use crate::place::{Place, tell_gaps};

/// How many events a table has at most, unless told otherwise.
const TABLE_EVENTS: usize = 100;
const TABLE_TIME: Duration = Duration::from_mins(5);
const FILE_TIME: Duration = Duration::from_hours(1);
const COLUMNS: [&str; 6] =
    ["@timestamp", "host.name", "event.module", "source.ip", "user.name", "event.original"];

/// Finds events with the search bar's language (KQL), the newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan search 'event.outcome: failure and source.ip: 203.0.113.0/24' --last 24h
  bartizan search 'user.name: (root or admin*) and not process.name: cron' --output json
  bartizan search '\"Failed password\"' --limit 20
  bartizan search 'event.module: sshd' --last 7d --output parquet --file sshd.parquet

A table has 100 events unless --limit says otherwise; CSV, JSON and Parquet have all that pass, each
event once, in order, as they were at one moment. A file appears under its name when it is whole.")]
pub(crate) struct Args {
    /// What to look for; nothing finds everything
    #[arg(default_value = "")]
    kql: String,
    /// How far back, such as 15m, 24h or 7d
    #[arg(long, value_name = "SPAN", value_parser = crate::span::parse)]
    last: Option<Duration>,
    /// How many events at most
    #[arg(long)]
    limit: Option<usize>,
    /// Which ones first
    #[arg(long, value_enum, default_value_t = Sort::Newest)]
    sort: Sort,
    /// The shape of the answer
    #[arg(long, value_enum, default_value_t = Answer::Table)]
    output: Answer,
    /// Where the answer is written, as CSV, JSON or Parquet
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The fields of a CSV file, with commas between
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// In CSV, puts an apostrophe before texts that a spreadsheet would take for formulas
    #[arg(long)]
    spreadsheet: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    Newest,
    Oldest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Answer {
    Table,
    Json,
    Csv,
    Parquet,
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
    let order = match args.sort {
        Sort::Newest => Order::Newest,
        Sort::Oldest => Order::Oldest,
    };
    let format = match args.output {
        Answer::Table if args.file.is_some() => {
            let sentence = "a file needs a shape: --output csv, json or parquet";
            return Err(ending(Outcome::Usage, sentence));
        }
        Answer::Table => return print(args, &store, scope, order),
        Answer::Json => ExportFormat::Json,
        Answer::Csv if args.spreadsheet => ExportFormat::CsvForSpreadsheets,
        Answer::Csv => ExportFormat::Csv,
        Answer::Parquet => ExportFormat::Parquet,
    };
    export(args, &store, scope, order, format)
}

fn print(args: &Args, store: &Store, mut scope: Scope, order: Order) -> anyhow::Result<Outcome> {
    scope.deadline = Some(Instant::now() + TABLE_TIME);
    let limit = args.limit.unwrap_or(TABLE_EVENTS);
    let found = store.search(&Search { scope, order, limit, cursor: None })?;
    let mut printer = Printer::new(Shape::Table, &COLUMNS)?;
    for event in &found.events {
        printer.row(&row(event))?;
    }
    printer.finish()?;
    tell_gaps(store);
    if found.next.is_some() {
        tell_more(found.events.len());
    }
    if !found.is_complete {
        output::complain("the time was up before everything was looked at");
    }
    Ok(Outcome::Done)
}

fn export(
    args: &Args,
    store: &Store,
    mut scope: Scope,
    order: Order,
    format: ExportFormat,
) -> anyhow::Result<Outcome> {
    scope.deadline = Some(Instant::now() + FILE_TIME);
    let interrupt = Interrupt::listen()?;
    let usual: Vec<String> = COLUMNS.iter().map(|&name| name.to_owned()).collect();
    let columns = if args.columns.is_empty() { &usual } else { &args.columns };
    let limit = args.limit.unwrap_or(usize::MAX);
    let mut target = Target::open(args.file.as_deref(), format)?;
    let mut export = store.export_events(scope, order, limit, format, columns)?;
    while let Some(bytes) = export.next_bytes()? {
        if interrupt.is_asked() {
            return Err(ending(Outcome::Interrupted, "interrupted"));
        }
        target.write(&bytes, export.written())?;
    }
    target.finish(export.written())?;
    tell_gaps(store);
    if export.is_truncated() {
        tell_more(limit);
    }
    Ok(Outcome::Done)
}

fn tell_more(shown: usize) {
    output::complain(&format!("there may be more: the first {shown} are shown (--limit)"));
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
