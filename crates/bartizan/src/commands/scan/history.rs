//! `bartizan scan history` and `bartizan scan diff`: what earlier scans found, and what changed.

use wire::scan::{PastRun, Records as _, diff as compare};

use super::Shape;
use crate::failure::{Outcome, ending};
use crate::output::{self, Cell, Printer};
use crate::place::{Place, tell_gaps};
use crate::scans::Kept;

#[derive(Debug, clap::Args)]
pub(super) struct HistoryArgs {
    /// The shape of the list
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
}

#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// The older scan, by its id or the begin of it
    #[arg(value_name = "OLDER", requires = "newer")]
    older: Option<String>,
    /// The newer scan
    #[arg(value_name = "NEWER")]
    newer: Option<String>,
    /// The shape of the list
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
}

fn shape(shape: Shape) -> output::Shape {
    match shape {
        Shape::Table => output::Shape::Table,
        Shape::Json => output::Shape::Json,
    }
}

fn runs(kept: &Kept) -> anyhow::Result<Vec<PastRun>> {
    kept.runs().map_err(anyhow::Error::msg)
}

pub(super) fn history(args: &HistoryArgs, place: &Place) -> anyhow::Result<Outcome> {
    let kept = Kept::reader(place)?;
    let columns = ["ended", "id", "way", "targets", "ports", "hosts", "open", "whole", "schedule"];
    let mut printer = Printer::new(shape(args.output), &columns)?;
    for run in runs(&kept)? {
        let cells: [Cell; 9] = [
            run.at.to_string().into(),
            run.id.into(),
            run.way.into(),
            run.targets.to_string().into(),
            run.ports.to_string().into(),
            run.hosts.into(),
            run.open.into(),
            Cell::Plain(run.is_whole.to_string()),
            run.schedule.into(),
        ];
        printer.row(&cells)?;
    }
    printer.finish()?;
    tell_gaps(kept.store());
    Ok(Outcome::Done)
}

pub(super) fn diff(args: &DiffArgs, place: &Place) -> anyhow::Result<Outcome> {
    let kept = Kept::reader(place)?;
    let runs = runs(&kept)?;
    let (older, newer) = match (&args.older, &args.newer) {
        (Some(older), Some(newer)) => (named(&runs, older)?, named(&runs, newer)?),
        _ => newest_two(&runs)?,
    };
    let mut two = [older.clone(), newer.clone()];
    kept.fill(&mut two).map_err(anyhow::Error::msg)?;
    let [older, newer] = &two;
    output::complain(&format!(
        "from scan {} ({}) to scan {} ({})",
        older.id, older.at, newer.id, newer.at
    ));
    let columns =
        ["destination.ip", "destination.port", "network.transport", "change", "before", "now"];
    let mut printer = Printer::new(shape(args.output), &columns)?;
    for change in compare(older, newer) {
        let cells: [Cell; 6] = [
            change.address.ip().to_string().into(),
            u64::from(change.address.port()).into(),
            newer.transport.as_str().into(),
            change.turn.as_str().into(),
            change.before.map(|known| known.to_string()).into(),
            change.now.map(|known| known.to_string()).into(),
        ];
        printer.row(&cells)?;
    }
    printer.finish()?;
    tell_gaps(kept.store());
    Ok(Outcome::Done)
}

/// Finds a scan by the begin of its id.
fn named<'r>(runs: &'r [PastRun], id: &str) -> anyhow::Result<&'r PastRun> {
    let mut fitting = runs.iter().filter(|run| run.id.starts_with(id));
    match (fitting.next(), fitting.next()) {
        (Some(run), None) => Ok(run),
        (Some(_), Some(_)) => {
            Err(ending(Outcome::Fault, format!("several scans begin with {id}; write more of it")))
        }
        _ => Err(ending(Outcome::Fault, format!("there is no scan {id} (bartizan scan history)"))),
    }
}

/// Gives the newest scan, and the one before it that asked the same.
fn newest_two(runs: &[PastRun]) -> anyhow::Result<(&PastRun, &PastRun)> {
    let none = || {
        ending(
            Outcome::Fault,
            "there are no two scans of the same targets and ports yet (bartizan scan history)",
        )
    };
    for (place, newer) in runs.iter().enumerate() {
        let same = |run: &&PastRun| {
            run.transport == newer.transport
                && run.targets == newer.targets
                && run.ports == newer.ports
        };
        if let Some(older) = runs.iter().skip(place + 1).find(same) {
            return Ok((older, newer));
        }
    }
    Err(none())
}
