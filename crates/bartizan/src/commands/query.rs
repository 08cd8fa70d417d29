//! `bartizan query`: the store in SQL, read-only.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::ValueEnum;
use store::{SqlLimits, Store};

use crate::failure::{Outcome, ending};
use crate::output::{Cell, Printer, Shape, complain};
use crate::place::{Place, tell_gaps};

/// Asks the store in SQL, read-only; the one table is `events`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan query 'SELECT source.ip, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 10'
  bartizan query \"SELECT * FROM events WHERE cidr_match(source.ip, '203.0.113.0/24')\" --output json
  bartizan query 'SELECT @timestamp, event.original FROM events' --output parquet --file events.parquet

Columns are the dotted ECS names, without quotes; a name that is no column is looked up among the
events' own fields, as is field('name').")]
pub(crate) struct Args {
    /// The query
    sql: String,
    /// How many rows at most
    #[arg(long, default_value_t = 10_000)]
    limit: usize,
    /// How long it may take, such as 30s
    #[arg(long, value_name = "SPAN", value_parser = crate::span::parse, default_value = "5m")]
    within: Duration,
    /// The shape of the answer
    #[arg(long, value_enum, default_value_t = Answer::Table)]
    output: Answer,
    /// Where a Parquet file is written
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Answer {
    Table,
    Json,
    Csv,
    Parquet,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let store = args.place.reader()?;
    let limits = SqlLimits { rows: args.limit, deadline: Some(Instant::now() + args.within) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let is_truncated = match args.output {
        Answer::Parquet => runtime.block_on(write_parquet(&store, args, limits))?,
        Answer::Table => runtime.block_on(print(&store, args, limits, Shape::Table))?,
        Answer::Json => runtime.block_on(print(&store, args, limits, Shape::Json))?,
        Answer::Csv => runtime.block_on(print(&store, args, limits, Shape::Csv))?,
    };
    tell_gaps(&store);
    if is_truncated {
        complain(&format!("only the first {} rows are given (--limit)", args.limit));
    }
    Ok(Outcome::Done)
}

async fn print(
    store: &Store,
    args: &Args,
    limits: SqlLimits,
    shape: Shape,
) -> anyhow::Result<bool> {
    let mut rows = store.sql(&args.sql, limits).await?;
    let names: Vec<String> = rows.columns().iter().map(|column| column.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut printer = Printer::new(shape, &names)?;
    while let Some(batch) = rows.next().await? {
        for row in batch {
            let cells: Vec<Cell> = row.into_iter().map(cell).collect();
            printer.row(&cells)?;
        }
    }
    printer.finish()?;
    Ok(rows.is_truncated())
}

async fn write_parquet(store: &Store, args: &Args, limits: SqlLimits) -> anyhow::Result<bool> {
    let path = args.file.as_ref().ok_or_else(|| {
        ending(Outcome::Usage, "a Parquet file is not for the terminal: name it with --file")
    })?;
    let mut file =
        File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let exported = store.export(&args.sql, limits, &mut file).await?;
    file.sync_all()?;
    complain(&format!("{} rows in {}", exported.rows, path.display()));
    Ok(exported.is_truncated)
}

fn cell(cell: store::Cell) -> Cell {
    match cell {
        store::Cell::Text(text) => Cell::Text(text),
        store::Cell::Integer(number) => Cell::Plain(number.to_string()),
        store::Cell::Float(number) if number.is_finite() => Cell::Plain(number.to_string()),
        store::Cell::Null | store::Cell::Float(_) => Cell::Null,
        store::Cell::Flag(flag) => Cell::Plain(flag.to_string()),
        store::Cell::Time(time) => Cell::Text(time.to_string()),
    }
}
