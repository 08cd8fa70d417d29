//! `bartizan query`: the store in SQL, read-only.

mod rule;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use query::{Node, Predicate};
use store::{Export, ExportFormat, Rows, SQL_FUNCTIONS, SqlLimits, Store};

use crate::export::Target;
use crate::failure::{Outcome, ending};
use crate::output::{Cell, Printer, Shape, complain};
use crate::place::{Place, tell_gaps};

/// How many rows a table has at most, unless told otherwise.
const TABLE_ROWS: usize = 10_000;
const TABLE_TIME: Duration = Duration::from_mins(5);
const FILE_TIME: Duration = Duration::from_hours(1);

/// Asks the store in SQL, read-only; the tables are `events`, `alerts` and `alert_events`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan query 'SELECT source.ip, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 10'
  bartizan query \"SELECT * FROM events WHERE cidr_match(source.ip, '203.0.113.0/24')\" --output json
  bartizan query \"SELECT bucket(@timestamp, '1h') AS hour, count(*) FROM events GROUP BY 1\" \\
    --where 'event.outcome: failure and user.name: root'
  bartizan query 'SELECT @timestamp, host.name, event.original FROM events' --rule 'SSH brute force'
  bartizan query 'SELECT level, status, count(*) FROM alerts GROUP BY 1, 2'
  bartizan query 'SELECT a.title, e.event.original FROM alerts a JOIN alert_events x
    ON x.alert_id = a.id JOIN events e ON e.event.id = x.event_id'
  bartizan query 'SELECT * FROM events' --output parquet --file events.parquet
  bartizan query --schema
  bartizan query --functions

Columns are the dotted ECS names, without quotes; a name that is no column is looked up among the
events' own fields, as is field('name'). kql('…') in a query is the language of the search bar.

A table ends after 10,000 rows unless --limit says otherwise; CSV, JSON and Parquet have all rows of
the query. A file appears under its name when it is whole. Ctrl-C ends the query.")]
pub(crate) struct Args {
    /// The query
    #[arg(required_unless_present_any = ["schema", "functions"])]
    sql: Option<String>,
    /// Lists the fields: kind, in how many events they occur, meaning
    #[arg(long, conflicts_with_all = ["sql", "functions"])]
    schema: bool,
    /// Lists the functions beside those of standard SQL
    #[arg(long, conflicts_with = "sql")]
    functions: bool,
    /// Only events that pass this search (KQL)
    #[arg(long = "where", value_name = "KQL")]
    among: Option<String>,
    /// Only events that this Sigma rule matches: a file, or the id, name or title of a rule in force
    #[arg(long, value_name = "FILE_OR_TITLE")]
    rule: Option<String>,
    /// How many rows at most
    #[arg(long)]
    limit: Option<usize>,
    /// How long it may take, such as 30s; 5m unless named, 1h for CSV, JSON and Parquet
    #[arg(long, value_name = "SPAN", value_parser = crate::span::parse)]
    within: Option<Duration>,
    /// The shape of the answer
    #[arg(long, value_enum, default_value_t = Answer::Table)]
    output: Answer,
    /// Where the answer is written, as CSV, JSON or Parquet
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// In CSV, puts an apostrophe before texts that a spreadsheet would take for formulas
    #[arg(long)]
    spreadsheet: bool,
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

impl Args {
    /// Gives the shape of a file, if it is one that is wanted.
    fn format(&self) -> anyhow::Result<Option<ExportFormat>> {
        Ok(match self.output {
            Answer::Table if self.file.is_some() => {
                let sentence = "a file needs a shape: --output csv, json or parquet";
                return Err(ending(Outcome::Usage, sentence));
            }
            Answer::Table => None,
            Answer::Json => Some(ExportFormat::Json),
            Answer::Csv if self.spreadsheet => Some(ExportFormat::CsvForSpreadsheets),
            Answer::Csv => Some(ExportFormat::Csv),
            Answer::Parquet => Some(ExportFormat::Parquet),
        })
    }

    /// Gives what every event must pass.
    fn predicate(&self) -> anyhow::Result<Option<Predicate>> {
        let mut nodes: Vec<Node> = Vec::new();
        if let Some(text) = &self.among {
            let predicate = Predicate::parse(text).map_err(|error| {
                let sentence = format!("--where, column {}: {}", error.column, error.message);
                ending(Outcome::Fault, sentence)
            })?;
            nodes.push(predicate.node().clone());
        }
        if let Some(name) = &self.rule {
            nodes.push(rule::read(name, &self.place)?);
        }
        Ok((!nodes.is_empty()).then(|| Predicate::new(Node::And(nodes))))
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    if args.functions {
        return list_functions(args);
    }
    let format = args.format()?;
    let predicate = args.predicate()?;
    let store = args.place.reader()?;
    let (rows, time) = match format {
        None => (TABLE_ROWS, TABLE_TIME),
        Some(_) => (usize::MAX, FILE_TIME),
    };
    let limits = SqlLimits {
        rows: args.limit.unwrap_or(rows),
        deadline: Some(Instant::now() + args.within.unwrap_or(time)),
    };
    let sql = args.sql.as_deref().unwrap_or("DESCRIBE events");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answered = runtime.block_on(async {
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Err(ending(Outcome::Interrupted, "interrupted")),
            answered = answer(&store, args, sql, predicate, limits) => answered,
        }
    });
    let is_truncated = answered?;
    tell_gaps(&store);
    if is_truncated {
        complain(&format!("only the first {} rows are given (--limit)", limits.rows));
    }
    Ok(Outcome::Done)
}

async fn answer(
    store: &Store,
    args: &Args,
    sql: &str,
    predicate: Option<Predicate>,
    limits: SqlLimits,
) -> anyhow::Result<bool> {
    let rows = store.sql_among(sql, predicate, limits).await?;
    match args.format()? {
        Some(format) => export(rows, args, format).await,
        None => print(rows).await,
    }
}

async fn print(mut rows: Rows) -> anyhow::Result<bool> {
    let names: Vec<String> = rows.columns().iter().map(|column| column.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut printer = Printer::new(Shape::Table, &names)?;
    while let Some(batch) = rows.next().await? {
        for row in batch {
            let cells: Vec<Cell> = row.into_iter().map(cell).collect();
            printer.row(&cells)?;
        }
    }
    printer.finish()?;
    Ok(rows.is_truncated())
}

async fn export(rows: Rows, args: &Args, format: ExportFormat) -> anyhow::Result<bool> {
    let mut target = Target::open(args.file.as_deref(), format)?;
    let mut export = Export::of(rows, format)?;
    while let Some(bytes) = export.next().await? {
        target.write(&bytes, export.written())?;
    }
    target.finish(export.written())?;
    Ok(export.is_truncated())
}

fn list_functions(args: &Args) -> anyhow::Result<Outcome> {
    let shape = match args.output {
        Answer::Table => Shape::Table,
        Answer::Json => Shape::Json,
        Answer::Csv => Shape::Csv,
        Answer::Parquet => {
            return Err(ending(Outcome::Usage, "the list of functions is no Parquet file"));
        }
    };
    let mut printer = Printer::new(shape, &["call", "gives", "example"])?;
    for function in SQL_FUNCTIONS {
        printer.row(&[function.call.into(), function.gives.into(), function.example.into()])?;
    }
    printer.finish()?;
    Ok(Outcome::Done)
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
