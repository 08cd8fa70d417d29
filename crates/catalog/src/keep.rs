//! What must be kept, what must go, and which files wait to be deleted.
//!
//! Holds and jobs are rows, so that a command sets them whether or not the product runs: the process
//! that owns the store looks here every few seconds. Each change of a hold, and the end of each job,
//! is written into the audit record in the same transaction.

mod nouns;

use model::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::audit::audit;
use crate::segments::GivingUp;
use crate::sql::{signed, unsigned};
use crate::{AuditEntry, Catalog, CatalogError};

pub use nouns::{Hold, HoldId, Job, JobId, JobKind, JobState, NewHold, NewJob};

/// Bounds the jobs that wait; each of them may read the whole store.
const JOBS_WAITING_MAX: i64 = 64;
/// Bounds the holds in force; each is asked of every row that is to go.
const HOLDS_MAX: i64 = 256;
/// Where audit entries of the store's own doing come from.
const HERE: &str = "";

impl Catalog {
    /// Sets a hold.
    pub fn hold(&self, hold: &NewHold) -> Result<HoldId, CatalogError> {
        self.write(|transaction| {
            let in_force: i64 = transaction.query_row(
                "SELECT count(*) FROM holds WHERE released_at IS NULL",
                [],
                |row| row.get(0),
            )?;
            if in_force >= HOLDS_MAX {
                return Err(CatalogError::OutOfRange("the number of holds in force (256)"));
            }
            let id = transaction
                .prepare_cached(
                    "INSERT INTO holds (from_time, to_time, matching, reason, made_at, made_by)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
                )?
                .query_row(
                    params![
                        hold.from.nanos(),
                        hold.to.nanos(),
                        hold.matching,
                        hold.reason,
                        hold.at.nanos(),
                        hold.by
                    ],
                    |row| row.get(0),
                )
                .map(HoldId)?;
            let span = span(hold.from, hold.to, &hold.matching);
            let detail = format!("hold {id}: {span}: {}", hold.reason);
            note(transaction, hold.at, &hold.by, "hold", detail)?;
            Ok(id)
        })
    }

    /// Gives the holds in force.
    pub fn holds(&self) -> Result<Vec<Hold>, CatalogError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT id, from_time, to_time, matching, reason, made_at, made_by FROM holds
                 WHERE released_at IS NULL ORDER BY id",
            )?;
            Ok(statement.query_map([], hold)?.collect::<Result<_, _>>()?)
        })
    }

    /// Gives the identity of the newest hold that was ever set; zero where there was none.
    pub fn newest_hold(&self) -> Result<HoldId, CatalogError> {
        self.read(newest_hold)
    }

    /// Ends a hold; tells whether it was in force.
    pub fn release(&self, id: HoldId, at: Timestamp, by: &str) -> Result<bool, CatalogError> {
        self.write(|transaction| {
            let changed = transaction
                .prepare_cached(
                    "UPDATE holds SET released_at = ?2, released_by = ?3
                     WHERE id = ?1 AND released_at IS NULL",
                )?
                .execute(params![id.0, at.nanos(), by])?;
            if changed > 0 {
                note(transaction, at, by, "release", format!("hold {id}"))?;
            }
            Ok(changed > 0)
        })
    }

    /// Adds a job for whoever owns the store.
    pub fn add_job(&self, job: &NewJob) -> Result<JobId, CatalogError> {
        self.write(|transaction| {
            let waiting: i64 = transaction.query_row(
                "SELECT count(*) FROM keep_jobs WHERE state = 'waiting'",
                [],
                |row| row.get(0),
            )?;
            if waiting >= JOBS_WAITING_MAX {
                return Err(CatalogError::OutOfRange("the number of jobs that wait (64)"));
            }
            let id = transaction
                .prepare_cached(
                    "INSERT INTO keep_jobs (kind, from_time, to_time, matching, reason, made_at,
                         made_by, state, events, detail)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting', 0, '') RETURNING id",
                )?
                .query_row(
                    params![
                        job.kind.as_str(),
                        job.from.nanos(),
                        job.to.nanos(),
                        job.matching,
                        job.reason,
                        job.at.nanos(),
                        job.by
                    ],
                    |row| row.get(0),
                )
                .map(JobId)?;
            if job.kind == JobKind::Purge {
                let span = span(job.from, job.to, &job.matching);
                let detail = format!("job {id} asked for: {span}: {}", job.reason);
                note(transaction, job.at, &job.by, "purge", detail)?;
            }
            Ok(id)
        })
    }

    /// Gives the jobs that are not ended, the oldest first.
    pub fn waiting_jobs(&self) -> Result<Vec<Job>, CatalogError> {
        self.jobs_of("WHERE state = 'waiting' ORDER BY id")
    }

    /// Gives the newest jobs, the newest first.
    pub fn newest_jobs(&self) -> Result<Vec<Job>, CatalogError> {
        self.jobs_of("ORDER BY id DESC LIMIT 20")
    }

    fn jobs_of(&self, which: &str) -> Result<Vec<Job>, CatalogError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(&format!(
                "SELECT id, kind, from_time, to_time, matching, reason, made_at, made_by, state,
                     events, detail, ended_at
                 FROM keep_jobs {which}"
            ))?;
            let rows = statement.query_map([], job)?.collect::<Result<Vec<_>, _>>()?;
            rows.into_iter()
                .map(|row| row.ok_or(CatalogError::OutOfRange("the kind or state of a job")))
                .collect()
        })
    }

    /// Gives a job.
    pub fn job(&self, id: JobId) -> Result<Option<Job>, CatalogError> {
        Ok(self.jobs_of(&format!("WHERE id = {}", id.0))?.pop())
    }

    /// Ends a job. What a purge has deleted is written into the audit record: how many events, never
    /// what was in them.
    pub fn end_job(
        &self,
        id: JobId,
        state: JobState,
        detail: &str,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        self.write(|transaction| {
            let ended = transaction
                .prepare_cached(
                    "UPDATE keep_jobs SET state = ?2, detail = ?3, ended_at = ?4
                     WHERE id = ?1 AND state = 'waiting'",
                )?
                .execute(params![id.0, state.as_str(), detail, at.nanos()])?;
            if ended == 0 {
                return Ok(());
            }
            let purged: Option<(u64, String)> = transaction
                .prepare_cached(
                    "SELECT events, made_by FROM keep_jobs WHERE id = ?1 AND kind = 'purge'",
                )?
                .query_row([id.0], |row| Ok((unsigned(row, 0)?, row.get(1)?)))
                .optional()?;
            if let Some((events, by)) = purged {
                let told =
                    format!("job {id} {}: {events} events deleted; {detail}", state.as_str());
                note(transaction, at, &by, "purge", told)?;
            }
            Ok(())
        })
    }

    /// Gives the files of segments that are no longer listed and not yet deleted.
    pub fn gone_files(&self) -> Result<Vec<String>, CatalogError> {
        self.read(|transaction| {
            let mut statement =
                transaction.prepare_cached("SELECT file FROM gone_files ORDER BY file")?;
            Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        })
    }

    /// Forgets files that were deleted.
    pub fn forget_gone_files(&self, files: &[String]) -> Result<(), CatalogError> {
        self.write(|transaction| {
            let mut statement =
                transaction.prepare_cached("DELETE FROM gone_files WHERE file = ?1")?;
            for file in files {
                statement.execute([file])?;
            }
            Ok(())
        })
    }
}

/// Holds a step of the segment list to what was looked at before it, and counts it for its job.
pub(crate) fn go_on_with(
    transaction: &Transaction<'_>,
    giving_up: GivingUp,
) -> Result<(), CatalogError> {
    if let Some(seen) = giving_up.holds_seen
        && newest_hold(transaction)? != seen
    {
        return Err(CatalogError::HeldMeanwhile);
    }
    if let Some((id, events)) = giving_up.job {
        transaction
            .prepare_cached("UPDATE keep_jobs SET events = events + ?2 WHERE id = ?1")?
            .execute(params![id.0, signed(events)?])?;
    }
    Ok(())
}

fn newest_hold(transaction: &Transaction<'_>) -> Result<HoldId, CatalogError> {
    let newest = transaction
        .prepare_cached("SELECT coalesce(max(id), 0) FROM holds")?
        .query_row([], |row| row.get(0))?;
    Ok(HoldId(newest))
}

fn note(
    transaction: &Transaction<'_>,
    at: Timestamp,
    by: &str,
    action: &str,
    detail: String,
) -> Result<(), CatalogError> {
    let (by, address) = (by.to_owned(), HERE.to_owned());
    audit(transaction, &AuditEntry { at, by, address, action: action.to_owned(), detail })
}

fn span(from: Timestamp, to: Timestamp, matching: &str) -> String {
    let edge = |time: Timestamp| match time {
        Timestamp::MIN | Timestamp::MAX => "…".to_owned(),
        time => time.to_string(),
    };
    let matching = if matching.is_empty() { "all events" } else { matching };
    format!("{} to {}, {matching}", edge(from), edge(to))
}

fn hold(row: &Row<'_>) -> Result<Hold, rusqlite::Error> {
    Ok(Hold {
        id: HoldId(row.get(0)?),
        hold: NewHold {
            from: Timestamp::from_nanos(row.get(1)?),
            to: Timestamp::from_nanos(row.get(2)?),
            matching: row.get(3)?,
            reason: row.get(4)?,
            at: Timestamp::from_nanos(row.get(5)?),
            by: row.get(6)?,
        },
    })
}

/// `None` where a later version wrote a word that this one does not know.
fn job(row: &Row<'_>) -> Result<Option<Job>, rusqlite::Error> {
    let (kind, state): (String, String) = (row.get(1)?, row.get(8)?);
    let (Some(kind), Some(state)) = (JobKind::parse(&kind), JobState::parse(&state)) else {
        return Ok(None);
    };
    Ok(Some(Job {
        id: JobId(row.get(0)?),
        job: NewJob {
            kind,
            from: Timestamp::from_nanos(row.get(2)?),
            to: Timestamp::from_nanos(row.get(3)?),
            matching: row.get(4)?,
            reason: row.get(5)?,
            at: Timestamp::from_nanos(row.get(6)?),
            by: row.get(7)?,
        },
        state,
        events: unsigned(row, 9)?,
        detail: row.get(10)?,
        ended: row.get::<_, Option<i64>>(11)?.map(Timestamp::from_nanos),
    }))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::sync::LazyLock;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::{ChainKey, Committed, Linking, Publish, Reason};

    #[test]
    fn held_and_released() {
        check(
            |catalog| {
                let id = catalog.hold(&new_hold("user.name: ada")).unwrap();
                let held = catalog.holds().unwrap();
                assert_eq!((held.len(), held[0].id, &held[0].hold.by[..]), (1, id, "ada"));
                assert!(catalog.release(id, Timestamp::from_seconds(9), "eve").unwrap());
                assert!(!catalog.release(id, Timestamp::from_seconds(9), "eve").unwrap());
                assert!(catalog.holds().unwrap().is_empty());
            },
            expect![[r"
                hold by ada: hold 1: 1970-01-01T00:00:01.000Z to …, user.name: ada: case 7
                release by eve: hold 1
            "]],
        );
    }

    #[test]
    fn hold_set_while_a_step_was_planned() {
        check(
            |catalog| {
                let seen = catalog.newest_hold().unwrap();
                catalog.hold(&new_hold("")).unwrap();
                let step = |holds_seen| {
                    catalog.publish(&Publish {
                        segments: &[],
                        removed: &[],
                        committed: Committed { expected: 0, next: 0 },
                        checkpoints: &[],
                        linking: linking(),
                        giving_up: GivingUp { holds_seen: Some(holds_seen), job: None },
                    })
                };
                assert!(matches!(step(seen), Err(CatalogError::HeldMeanwhile)));
                assert!(step(catalog.newest_hold().unwrap()).is_ok());
            },
            expect![[r"
                hold by ada: hold 1: 1970-01-01T00:00:01.000Z to …, all events: case 7
            "]],
        );
    }

    #[test]
    fn job_that_counts_and_ends_once() {
        check(
            |catalog| {
                let NewHold { from, to, reason, at, by, .. } = new_hold("");
                let matching = "user.name: bob".to_owned();
                let kind = JobKind::Purge;
                let id =
                    catalog.add_job(&NewJob { kind, from, to, matching, reason, at, by }).unwrap();
                for events in [3, 4] {
                    let step = Publish {
                        segments: &[],
                        removed: &[],
                        committed: Committed { expected: 0, next: 0 },
                        checkpoints: &[],
                        linking: linking(),
                        giving_up: GivingUp { holds_seen: None, job: Some((id, events)) },
                    };
                    catalog.publish(&step).unwrap();
                }
                assert_eq!(catalog.waiting_jobs().unwrap().len(), 1);
                catalog.end_job(id, JobState::Done, "all", Timestamp::from_seconds(5)).unwrap();
                assert!(catalog.waiting_jobs().unwrap().is_empty());
                let ended = catalog.job(id).unwrap().unwrap();
                assert_eq!((ended.state, ended.events), (JobState::Done, 7));
            },
            expect![[r"
                purge by ada: job 1 asked for: 1970-01-01T00:00:01.000Z to …, user.name: bob: case 7
                purge by ada: job 1 done: 7 events deleted; all
            "]],
        );
    }

    /// The key of the chain; nothing here looks at it.
    static KEY: LazyLock<ChainKey> = LazyLock::new(|| ChainKey::new(&[9; 32]));

    fn linking() -> Linking<'static> {
        Linking { key: &KEY, at: Timestamp::from_seconds(3), reason: Reason::Purge }
    }

    fn new_hold(matching: &str) -> NewHold {
        NewHold {
            from: Timestamp::from_seconds(1),
            to: Timestamp::MAX,
            matching: matching.to_owned(),
            reason: "case 7".to_owned(),
            at: Timestamp::from_seconds(4),
            by: "ada".to_owned(),
        }
    }

    /// Compares the audit record after what was done.
    #[track_caller]
    fn check(act: impl FnOnce(&Catalog), expect: Expect) {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        act(&catalog);
        let mut told = String::new();
        for entry in catalog.audited(10).unwrap().iter().rev() {
            writeln!(told, "{} by {}: {}", entry.action, entry.by, entry.detail).unwrap();
        }
        expect.assert_eq(&told);
    }
}
