//! `bartizan store hold|holds|release`: what must not be deleted.

use catalog::{HoldId, NewHold};
use model::Timestamp;
use query::Predicate;

use super::{caller, moment};
use crate::clock::now;
use crate::failure::{Outcome, ending};
use crate::output::{Cell, Printer, Shape, complain};
use crate::place::Place;

/// Keeps what happened in a span of time: neither age, nor size, nor a full disk, nor a purge deletes
/// it until the hold is released.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan store hold --from 2026-11-01 --to 2026-11-08 --reason 'case 4711'
  bartizan store hold --from 30d --match 'user.name: ada or source.ip: 203.0.113.0/24' --reason 'case 4712'")]
pub(super) struct HoldArgs {
    /// The earliest time: a day, a time, or how long ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Timestamp,
    /// The time before which they happened; without it the hold has no end
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    /// Which events, in KQL; without it all
    #[arg(long = "match", value_name = "KQL", default_value = "")]
    matching: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Lists the holds in force.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// The shape of the list
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
}

/// Ends a hold.
#[derive(Debug, clap::Args)]
pub(super) struct ReleaseArgs {
    /// The number that `bartizan store holds` shows
    id: i64,
}

pub(super) fn hold(args: &HoldArgs, place: &Place) -> anyhow::Result<Outcome> {
    check(&args.matching)?;
    let to = args.to.unwrap_or(Timestamp::MAX);
    if to <= args.from {
        return Err(ending(Outcome::Fault, "--to is not after --from".to_owned()));
    }
    if args.reason.trim().is_empty() {
        return Err(ending(Outcome::Fault, "--reason is empty".to_owned()));
    }
    let (_, catalog) = place.catalog()?;
    let id = catalog.hold(&NewHold {
        from: args.from,
        to,
        matching: args.matching.clone(),
        reason: args.reason.clone(),
        at: now(),
        by: caller(),
    })?;
    complain(&format!("hold {id} is in force; it ends with `bartizan store release {id}`"));
    Ok(Outcome::Done)
}

pub(super) fn list(args: &ListArgs, place: &Place) -> anyhow::Result<Outcome> {
    let (_, catalog) = place.catalog()?;
    let columns = ["id", "from", "to", "match", "reason", "by", "since"];
    let mut printer = Printer::new(args.output, &columns)?;
    for hold in catalog.holds()? {
        let new = hold.hold;
        let to = (new.to != Timestamp::MAX).then(|| new.to.to_string());
        printer.row(&[
            Cell::Plain(hold.id.to_string()),
            Cell::Text(new.from.to_string()),
            to.into(),
            Cell::Text(new.matching),
            Cell::Text(new.reason),
            Cell::Text(new.by),
            Cell::Text(new.at.to_string()),
        ])?;
    }
    printer.finish()?;
    Ok(Outcome::Done)
}

pub(super) fn release(args: &ReleaseArgs, place: &Place) -> anyhow::Result<Outcome> {
    let (_, catalog) = place.catalog()?;
    if !catalog.release(HoldId(args.id), now(), &caller())? {
        let sentence = format!("there is no hold {} in force; see `bartizan store holds`", args.id);
        return Err(ending(Outcome::Fault, sentence));
    }
    complain(&format!("hold {} is released; what it held goes as the configuration says", args.id));
    Ok(Outcome::Done)
}

/// Refuses what is no KQL, and shows where.
pub(super) fn check(kql: &str) -> anyhow::Result<()> {
    Predicate::parse(kql).map(|_| ()).map_err(|error| {
        let mark = " ".repeat(error.column.saturating_sub(1));
        let sentence = format!("column {}: {}\n  {kql}\n  {mark}^", error.column, error.message);
        ending(Outcome::Fault, sentence)
    })
}
