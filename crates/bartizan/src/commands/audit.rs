//! `bartizan audit`: who did what, and who was not let in.

use catalog::AuditRow;

use crate::failure::Outcome;
use crate::output::{Cell, Printer, Shape, complain};
use crate::place::Place;

/// Records that are read at a time.
const PAGE: u32 = 1_000;

/// Shows who did what, and who was not let in, the newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan audit
  bartizan audit --refused --limit 20
  bartizan audit --output json --limit 100000 > audit.jsonl")]
pub(crate) struct Args {
    /// How many records
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Only those who were not let in
    #[arg(long)]
    refused: bool,
    /// The shape of the list
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
    #[command(flatten)]
    place: Place,
}

const COLUMNS: [&str; 7] = ["time", "last", "by", "address", "action", "times", "detail"];

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (_, catalog) = args.place.catalog()?;
    let mut printer = Printer::new(args.output, &COLUMNS)?;
    let (mut before, mut left) = (None, args.limit);
    loop {
        let page = catalog.audit_page(before, PAGE)?;
        before = page.rows.last().map(|row| row.id);
        let wanted = page.rows.iter().filter(|row| row.refused || !args.refused);
        for row in wanted.take(left) {
            printer.row(&cells(row))?;
            left -= 1;
        }
        if left == 0 || !page.more {
            printer.finish()?;
            if page.forgotten > 0 {
                complain(&format!("refusals whose records went: {}", page.forgotten));
            }
            return Ok(Outcome::Done);
        }
    }
}

fn cells(row: &AuditRow) -> [Cell; 7] {
    let last = (row.last > row.entry.at).then(|| row.last.to_string());
    [
        row.entry.at.to_string().into(),
        last.into(),
        row.entry.by.clone().into(),
        row.entry.address.clone().into(),
        row.entry.action.clone().into(),
        row.times.into(),
        row.entry.detail.clone().into(),
    ]
}
