//! The list of segments, how far events are in them, and how far the sources had come by then.
//!
//! All three move in one transaction, against the committed offset that the writer took to be true:
//! so an event is in exactly one segment, whenever the process stops.

use std::fmt;

use model::{Checkpoint, Timestamp};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::keep::go_on_with;
use crate::sql::{signed, unsigned};
use crate::{Catalog, CatalogError, HoldId, JobId, Linking, Reason, chain};

/// The identity of a segment in one catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub i64);

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What the catalog keeps of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRow {
    /// Its identity; not looked at when it is published, given then.
    pub id: SegmentId,
    /// The file's name within the store's folder.
    pub file: String,
    /// How many events it holds.
    pub events: u64,
    /// How long the file is.
    pub bytes: u64,
    /// The smallest identity of its events.
    pub first_id: u64,
    /// The greatest identity of its events.
    pub last_id: u64,
    /// The earliest time of its events.
    pub first_time: Timestamp,
    /// The latest time of its events.
    pub last_time: Timestamp,
    /// SHA-256 of the file.
    pub digest: [u8; 32],
    /// What else helps to skip it, in the store's own JSON.
    pub stats: String,
    /// How long the index beside it is; 0 where it has none.
    pub index_bytes: u64,
    /// SHA-256 of the index; zeros where it has none.
    pub index_digest: [u8; 32],
}

/// The identity below which every event is in a segment: what it was, and what it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// What the writer takes it to be; otherwise nothing is published.
    pub expected: u64,
    /// What it becomes; the same where segments are merged or dropped.
    pub next: u64,
}

/// One step of the segment list.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// The segments that come in; their files are durable already.
    pub segments: &'a [SegmentRow],
    /// The segments that go out; their files are deleted afterwards.
    pub removed: &'a [SegmentId],
    /// The move of the committed offset.
    pub committed: Committed,
    /// How far the sources had come with the events below the new offset.
    pub checkpoints: &'a [Checkpoint],
    /// What links the step into the chain.
    pub linking: Linking<'a>,
    /// What must still hold, and what is noted with it, where events are given up.
    pub giving_up: GivingUp,
}

/// What a step that gives events up depends on, and what it adds to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivingUp {
    /// The newest hold that was looked at ([`Catalog::newest_hold`]); where there is a newer one by
    /// now, nothing is published.
    pub holds_seen: Option<HoldId>,
    /// The job that gives them up, and how many.
    pub job: Option<(JobId, u64)>,
}

impl Catalog {
    /// Gives every segment, in the order of the identities of its events.
    pub fn segments(&self) -> Result<Vec<SegmentRow>, CatalogError> {
        self.read(list)
    }

    /// Gives the identity below which every event is in a segment.
    pub fn committed(&self) -> Result<u64, CatalogError> {
        self.read(committed)
    }

    /// Gives how far the sources had come with the events below the committed offset.
    pub fn checkpoints(&self) -> Result<Vec<Checkpoint>, CatalogError> {
        self.read(|transaction| {
            let mut statement = transaction
                .prepare_cached("SELECT source, position FROM checkpoints ORDER BY source")?;
            let rows = statement
                .query_map([], |row| Ok(Checkpoint { key: row.get(0)?, position: row.get(1)? }))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Deletes the checkpoints of these keys, as far as there are any.
    pub fn forget_checkpoints(&self, keys: &[String]) -> Result<(), CatalogError> {
        self.write(|transaction| {
            let mut statement =
                transaction.prepare_cached("DELETE FROM checkpoints WHERE source = ?1")?;
            for key in keys {
                statement.execute([key])?;
            }
            Ok(())
        })
    }

    /// Publishes one step in one transaction, and gives the identities of the new segments in their
    /// order. Where another writer was first, nothing changes.
    pub fn publish(&self, publish: &Publish<'_>) -> Result<Vec<SegmentId>, CatalogError> {
        let Committed { expected, next } = publish.committed;
        if next < expected {
            return Err(CatalogError::OutOfRange("a committed offset that moves back"));
        }
        self.write(|transaction| {
            let found = committed(transaction)?;
            if found != expected {
                return Err(CatalogError::Overtaken { expected, found });
            }
            transaction
                .prepare_cached("UPDATE committed SET next_id = ?1")?
                .execute([signed(next)?])?;
            go_on_with(transaction, publish.giving_up)?;
            let mut gone_rows = Vec::with_capacity(publish.removed.len());
            for id in publish.removed {
                gone_rows.push(listed(transaction, *id)?.ok_or(CatalogError::NoSegment(*id))?);
                // Kept until the file is deleted, which may be after the next start; a repair deletes
                // none.
                if publish.linking.reason != Reason::Repair {
                    note_gone(transaction, *id)?;
                }
                let gone = transaction
                    .prepare_cached("DELETE FROM segments WHERE id = ?1")?
                    .execute([id.0])?;
                if gone == 0 {
                    return Err(CatalogError::NoSegment(*id));
                }
            }
            for checkpoint in publish.checkpoints {
                keep_checkpoint(transaction, checkpoint)?;
            }
            chain::append(transaction, &publish.linking, &gone_rows, publish.segments)?;
            publish.segments.iter().map(|row| insert(transaction, row)).collect()
        })
    }
}

fn note_gone(transaction: &Transaction<'_>, id: SegmentId) -> Result<(), CatalogError> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO gone_files SELECT file FROM segments WHERE id = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Gives every segment within a transaction.
pub(crate) fn list(transaction: &Transaction<'_>) -> Result<Vec<SegmentRow>, CatalogError> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, file, events, bytes, first_id, last_id, first_time, last_time, digest, stats,
             index_bytes, index_digest
         FROM segments ORDER BY first_id, id",
    )?;
    Ok(statement.query_map([], segment)?.collect::<Result<_, _>>()?)
}

fn listed(
    transaction: &Transaction<'_>,
    id: SegmentId,
) -> Result<Option<SegmentRow>, CatalogError> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, file, events, bytes, first_id, last_id, first_time, last_time, digest, stats,
             index_bytes, index_digest
         FROM segments WHERE id = ?1",
    )?;
    Ok(statement.query_row([id.0], segment).optional()?)
}

fn committed(transaction: &Transaction<'_>) -> Result<u64, CatalogError> {
    let next = transaction
        .prepare_cached("SELECT next_id FROM committed")?
        .query_row([], |row| unsigned(row, 0))
        .optional()?;
    Ok(next.unwrap_or(0))
}

fn keep_checkpoint(
    transaction: &Transaction<'_>,
    checkpoint: &Checkpoint,
) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT INTO checkpoints (source, position) VALUES (?1, ?2)
             ON CONFLICT (source) DO UPDATE SET position = excluded.position",
        )?
        .execute(params![checkpoint.key, checkpoint.position])?;
    Ok(())
}

fn insert(transaction: &Transaction<'_>, row: &SegmentRow) -> Result<SegmentId, CatalogError> {
    // What is listed must not be deleted, whatever its name stood for before.
    transaction.prepare_cached("DELETE FROM gone_files WHERE file = ?1")?.execute([&row.file])?;
    let id = transaction
        .prepare_cached(
            "INSERT INTO segments (file, events, bytes, first_id, last_id, first_time, last_time,
                 digest, stats, index_bytes, index_digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING id",
        )?
        .query_row(
            params![
                row.file,
                signed(row.events)?,
                signed(row.bytes)?,
                signed(row.first_id)?,
                signed(row.last_id)?,
                row.first_time.nanos(),
                row.last_time.nanos(),
                row.digest,
                row.stats,
                signed(row.index_bytes)?,
                row.index_digest
            ],
            |row| row.get(0),
        )?;
    Ok(SegmentId(id))
}

fn segment(row: &Row<'_>) -> Result<SegmentRow, rusqlite::Error> {
    Ok(SegmentRow {
        id: SegmentId(row.get(0)?),
        file: row.get(1)?,
        events: unsigned(row, 2)?,
        bytes: unsigned(row, 3)?,
        first_id: unsigned(row, 4)?,
        last_id: unsigned(row, 5)?,
        first_time: Timestamp::from_nanos(row.get(6)?),
        last_time: Timestamp::from_nanos(row.get(7)?),
        digest: row.get(8)?,
        stats: row.get(9)?,
        index_bytes: unsigned(row, 10)?,
        index_digest: row.get(11)?,
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::ChainKey;

    #[test]
    fn published_and_merged() {
        check(
            &[step(0, 10, &["a"], &[]), step(10, 25, &["b"], &[]), step(25, 25, &["c"], &[1, 2])],
            expect!["25: c(id 3) | tail=25"],
        );
    }

    #[test]
    fn second_writer_changes_nothing() {
        check(
            &[step(0, 10, &["a"], &[]), step(0, 10, &["b"], &[])],
            expect![
                "the committed offset is 10, not 0: another writer was here; 10: a(id 1) | tail=10"
            ],
        );
    }

    #[test]
    fn removed_twice_changes_nothing() {
        check(
            &[step(0, 10, &["a"], &[]), step(10, 10, &["b"], &[1]), step(10, 11, &["c"], &[1])],
            expect!["segment 1 is not listed; 10: b(id 2) | tail=10"],
        );
    }

    #[test]
    fn offset_moves_forward_only() {
        check(
            &[step(0, 10, &["a"], &[]), step(10, 9, &[], &[])],
            expect!["a committed offset that moves back is out of range; 10: a(id 1) | tail=10"],
        );
    }

    struct Step {
        segments: Vec<SegmentRow>,
        removed: Vec<SegmentId>,
        committed: Committed,
    }

    fn step(expected: u64, next: u64, files: &[&str], removed: &[i64]) -> Step {
        let row = |file: &&str| SegmentRow {
            id: SegmentId::default(),
            file: (*file).to_owned(),
            events: next - expected,
            bytes: 1,
            first_id: expected,
            last_id: next.saturating_sub(1),
            first_time: Timestamp::from_seconds(1),
            last_time: Timestamp::from_seconds(2),
            digest: [7; 32],
            stats: "{}".to_owned(),
            index_bytes: 1,
            index_digest: [8; 32],
        };
        Step {
            segments: files.iter().map(row).collect(),
            removed: removed.iter().copied().map(SegmentId).collect(),
            committed: Committed { expected, next },
        }
    }

    /// Publishes the steps, opens the file anew and compares the errors and what is listed.
    #[track_caller]
    fn check(steps: &[Step], expect: Expect) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let mut told = String::new();
        let catalog = Catalog::open(&path).unwrap();
        for step in steps {
            let position = step.committed.next.to_string();
            let published = catalog.publish(&Publish {
                segments: &step.segments,
                removed: &step.removed,
                committed: step.committed,
                checkpoints: &[Checkpoint { key: "tail".to_owned(), position }],
                giving_up: GivingUp::default(),
                linking: Linking {
                    key: &ChainKey::new(&[9; 32]),
                    at: Timestamp::from_seconds(3),
                    reason: Reason::Flush,
                },
            });
            if let Err(error) = published {
                write!(told, "{error}; ").unwrap();
            }
        }
        drop(catalog);
        let catalog = Catalog::open(&path).unwrap();
        write!(told, "{}:", catalog.committed().unwrap()).unwrap();
        for row in catalog.segments().unwrap() {
            assert_eq!(row.digest, [7; 32]);
            write!(told, " {}(id {})", row.file, row.id).unwrap();
        }
        for checkpoint in catalog.checkpoints().unwrap() {
            write!(told, " | {}={}", checkpoint.key, checkpoint.position).unwrap();
        }
        expect.assert_eq(&told);
    }
}
