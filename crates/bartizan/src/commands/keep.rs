//! `bartizan store`: what is kept, for how long, and what goes.
//!
//! The process that owns the store does what is asked here. A hold is a row of the catalog, which it
//! looks at before it deletes anything. A purge or a merge is a job there, which it finds within
//! seconds; where no process owns the store, this command opens it and does the job itself.

mod holds;
mod purge;
mod status;

use std::thread;
use std::time::Duration;

use catalog::{Catalog, Job, JobId, JobKind, JobState, NewJob};
use clap::Subcommand;
use model::Timestamp;
use store::StoreError;

use crate::clock::now;
use crate::failure::{Outcome, ending};
use crate::output::complain;
use crate::place::Place;
use crate::who::caller;

/// How often a job of another process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// After how many looks it is told that it goes on.
const LOOKS_TOLD: u32 = 20;

/// Shows what is kept and for how long; holds, releases, purges, merges.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan store status
  bartizan store hold --from 2026-11-01 --to 2026-11-08 --reason 'case 4711'
  bartizan store hold --from 30d --match 'user.name: ada' --reason 'case 4712'
  bartizan store holds
  bartizan store release 3
  bartizan store purge --match 'user.name: bob' --reason 'erasure request 12' --dry-run
  bartizan store compact

How long events are kept stands in the configuration:
  [store.keep]
  days = 90                 # after they came in; 0 for ever
  gigabytes = 200           # all segments, the oldest go first; 0 for any
  free_gb = 5               # of the disk, never given away
  [[store.keep.sets]]
  match = \"fortigate\"       # a module, or KQL; the first set that an event is in counts
  days = 30")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Shows what is kept, for how long, and what goes next
    Status(status::Args),
    /// Keeps what happened in a span of time, whatever else says that it should go
    Hold(holds::HoldArgs),
    /// Lists the holds in force
    Holds(holds::ListArgs),
    /// Ends a hold
    Release(holds::ReleaseArgs),
    /// Deletes events for good
    Purge(purge::Args),
    /// Merges segments now instead of by and by
    Compact,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.action {
        Action::Status(status) => status::run(status, &args.place),
        Action::Hold(hold) => holds::hold(hold, &args.place),
        Action::Holds(list) => holds::list(list, &args.place),
        Action::Release(release) => holds::release(release, &args.place),
        Action::Purge(purge) => purge::run(purge, &args.place),
        Action::Compact => compact(&args.place),
    }
}

fn compact(place: &Place) -> anyhow::Result<Outcome> {
    let job = do_job(
        place,
        &NewJob {
            kind: JobKind::Compact,
            from: Timestamp::MIN,
            to: Timestamp::MAX,
            matching: String::new(),
            reason: String::new(),
            at: now(),
            by: caller(),
        },
    )?;
    ended(&job)?;
    complain("merged what can be merged");
    Ok(Outcome::Done)
}

/// Has a job done, by whoever owns the store or by this process, and gives it when it is ended.
fn do_job(place: &Place, job: &NewJob) -> anyhow::Result<Job> {
    let (_, catalog) = place.catalog()?;
    let id = catalog.add_job(job)?;
    match place.owner() {
        Ok(store) => {
            let done = store.do_jobs();
            store.close()?;
            done?;
            find(&catalog, id)
        }
        Err(error) => {
            match error.downcast_ref::<StoreError>() {
                Some(StoreError::Locked { .. }) => wait_for(&catalog, id),
                _ => Err(error
                    .context(format!("job {id} waits: it is done when the store is opened again"))),
            }
        }
    }
}

fn wait_for(catalog: &Catalog, id: JobId) -> anyhow::Result<Job> {
    complain(&format!("job {id}: the running process does it, also when this command is ended"));
    for look in 1_u32.. {
        let job = find(catalog, id)?;
        if job.state != JobState::Waiting {
            return Ok(job);
        }
        if look % LOOKS_TOLD == 0 {
            complain(&format!("job {id}: under way, {} events deleted so far", job.events));
        }
        thread::sleep(LOOK_EVERY);
    }
    find(catalog, id)
}

fn find(catalog: &Catalog, id: JobId) -> anyhow::Result<Job> {
    catalog.job(id)?.ok_or_else(|| ending(Outcome::Fault, format!("job {id} is gone")))
}

/// Fails where the job did.
fn ended(job: &Job) -> anyhow::Result<()> {
    match job.state {
        JobState::Done => Ok(()),
        JobState::Waiting => {
            Err(ending(Outcome::Unreadable, format!("job {} is not done yet", job.id)))
        }
        JobState::Failed => {
            Err(ending(Outcome::Unreadable, format!("job {} failed: {}", job.id, job.detail)))
        }
    }
}

/// Reads a moment: a day, a day and time, or how long ago.
fn moment(text: &str) -> Result<Timestamp, String> {
    let midnight = format!("{text}T00:00:00Z");
    Timestamp::parse(text)
        .or_else(|| Timestamp::parse(&midnight))
        .or_else(|| crate::span::parse(text).ok().map(|span| now().minus(span)))
        .ok_or_else(|| {
            format!("`{text}` is no moment; write 2026-11-21, 2026-11-21T08:00:00Z, or 7d for seven days ago")
        })
}
