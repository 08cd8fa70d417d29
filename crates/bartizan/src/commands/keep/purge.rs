//! `bartizan store purge`: deletes events for good.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use catalog::{JobKind, NewJob};
use model::Timestamp;
use store::Purging;

use super::holds::check;
use super::{caller, do_job, ended, moment};
use crate::clock::now;
use crate::failure::{Outcome, ending};
use crate::output::complain;
use crate::place::Place;

/// Deletes events for good: from the segments, the memory, the log. First it tells how many there
/// are. What is held stays. Alerts, copies in `quarantine` and backups are not touched.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan store purge --match 'user.name: bob' --reason 'erasure request 12' --dry-run
  bartizan store purge --match 'user.name: bob' --reason 'erasure request 12' --yes
  bartizan store purge --from 2026-11-01 --to 2026-11-02 --match 'event.module: test' --reason 'test data'")]
pub(super) struct Args {
    /// Which events, in KQL
    #[arg(long = "match", value_name = "KQL")]
    matching: String,
    /// The earliest time: a day, a time, or how long ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,
    /// The time before which they happened; without it now
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    /// Why; it is written into the audit record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Only tells how many events there are
    #[arg(long)]
    dry_run: bool,
    /// Deletes without asking
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

pub(super) fn run(args: &Args, place: &Place) -> anyhow::Result<Outcome> {
    check(&args.matching)?;
    if args.reason.trim().is_empty() {
        return Err(ending(Outcome::Fault, "--reason is empty".to_owned()));
    }
    let purging = Purging {
        matching: args.matching.clone(),
        from: args.from.unwrap_or(Timestamp::MIN),
        to: args.to.unwrap_or_else(now),
    };
    let counted = {
        let reader = place.reader()?;
        crate::place::tell_gaps(&reader);
        reader.purge_count(&purging)?
    };
    complain(&format!(
        "{} events match and would be deleted, out of {} segments; {} more are held and stay",
        counted.events, counted.segments, counted.held
    ));
    if args.dry_run || counted.events == 0 {
        return Ok(Outcome::Done);
    }
    if !args.yes && !agreed()? {
        complain("nothing was deleted");
        return Ok(Outcome::Fault);
    }
    let job = do_job(
        place,
        &NewJob {
            kind: JobKind::Purge,
            from: purging.from,
            to: purging.to,
            matching: purging.matching,
            reason: args.reason.clone(),
            at: now(),
            by: caller(),
        },
    )?;
    ended(&job)?;
    complain(&format!("job {}: {} events are deleted; {}", job.id, job.events, job.detail));
    Ok(Outcome::Done)
}

/// Asks whether it is meant.
fn agreed() -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        let sentence = "nothing was deleted: add --yes to delete them for good".to_owned();
        return Err(ending(Outcome::Fault, sentence));
    }
    complain("type yes and press Enter to delete them for good:");
    let mut answer = String::new();
    io::stdin().lock().take(64).read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
