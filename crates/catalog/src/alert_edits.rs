//! Edits of alerts, one or a hundred thousand, and how they are taken back.
//!
//! An edit is one row; what it did to each alert is a row of the history, with the state before
//! and after. So the history is never changed, and taking an edit back is another edit.

use model::{AlertId, Status, Timestamp, Verdict};
use rusqlite::{OptionalExtension, params};

use crate::alerts::{Alerts, status, verdict};
use crate::sql::Sql;
use crate::{AlertFilter, Catalog, CatalogError};

/// The identity of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EditId(pub i64);

/// Which alerts an edit is about.
#[derive(Clone, Copy, Debug)]
pub enum Selection<'a> {
    /// These.
    Ids(&'a [AlertId]),
    /// All that pass a filter.
    Filter(&'a AlertFilter),
}

/// What becomes of one part of an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It stays.
    #[default]
    Keep,
    /// It is emptied.
    Clear,
    /// It becomes this.
    Set(T),
}

/// What becomes of alerts.
#[derive(Clone, Debug, Default)]
pub struct AlertPatch {
    /// The state of the work, where it changes.
    pub status: Option<Status>,
    /// The verdict.
    pub verdict: Patch<Verdict>,
    /// Who works on it.
    pub assignee: Patch<String>,
    /// Words to keep with the change.
    pub note: Option<String>,
}

/// Who did it, and when.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    /// The user's name.
    pub by: &'a str,
    /// The moment.
    pub at: Timestamp,
}

/// An edit as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditRow {
    /// Who made it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The edit that it took back, if it did.
    pub undoes: Option<EditId>,
}

/// The state of the work on an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkState {
    /// How far it has come.
    pub status: Status,
    /// What it turned out to be.
    pub verdict: Option<Verdict>,
    /// Who works on it.
    pub assignee: Option<String>,
}

/// What an edit did to one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// The edit.
    pub edit: EditRow,
    /// The state before.
    pub before: WorkState,
    /// The state after.
    pub after: WorkState,
    /// The words kept with it.
    pub note: Option<String>,
}

impl Catalog {
    /// Gives what was done to an alert, the oldest first.
    pub fn alert_history(&self, id: AlertId) -> Result<Vec<HistoryRow>, CatalogError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT e.made_by, e.made_at, e.undoes, h.old_status, h.old_verdict,
                     h.old_assignee, h.new_status, h.new_verdict, h.new_assignee, h.note
                 FROM alert_history h JOIN edits e ON e.id = h.edit_id
                 WHERE h.alert_id = ?1 ORDER BY h.id",
            )?;
            let rows = statement.query_map([id.0], |row| {
                let state = |at: usize| {
                    Ok::<_, rusqlite::Error>(WorkState {
                        status: status(row, at)?,
                        verdict: verdict(row, at + 1)?,
                        assignee: row.get(at + 2)?,
                    })
                };
                Ok(HistoryRow {
                    edit: edit_row(row)?,
                    before: state(3)?,
                    after: state(6)?,
                    note: row.get(9)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

impl Alerts<'_> {
    /// Changes the selected alerts, and gives the edit and how many it changed. An alert that is as
    /// the patch wants it, and gets no note, is left as it is.
    pub fn patch(
        self,
        selection: Selection<'_>,
        patch: &AlertPatch,
        signature: Signature<'_>,
    ) -> Result<(EditId, u64), CatalogError> {
        let edit = self.begin_edit(signature, None)?;
        match selection {
            Selection::Ids(ids) => {
                for id in ids {
                    let mut sql = patch.history(edit);
                    sql.push("id = ");
                    sql.bind(id.0);
                    sql.execute(self.transaction)?;
                }
            }
            Selection::Filter(filter) => {
                let mut sql = patch.history(edit);
                filter.push(&mut sql);
                sql.execute(self.transaction)?;
            }
        }
        Ok((edit, self.apply(edit)?))
    }

    /// Takes an edit back where nobody has edited the alert since, and gives the edit that does so
    /// and how many alerts it changed.
    pub fn revert(
        self,
        edit: EditId,
        signature: Signature<'_>,
    ) -> Result<(EditId, u64), CatalogError> {
        let undo = self.begin_edit(signature, Some(edit))?;
        self.transaction
            .prepare_cached(
                "INSERT INTO alert_history (alert_id, edit_id, old_status, old_verdict,
                     old_assignee, new_status, new_verdict, new_assignee, note, version)
                 SELECT a.id, ?1, a.status, a.verdict, a.assignee, h.old_status, h.old_verdict,
                     h.old_assignee, NULL, a.version + 1
                 FROM alert_history h JOIN alerts a ON a.id = h.alert_id
                 WHERE h.edit_id = ?2 AND a.version = h.version",
            )?
            .execute([undo.0, edit.0])?;
        Ok((undo, self.apply(undo)?))
    }

    /// Gives an edit.
    pub fn edit(self, id: EditId) -> Result<Option<EditRow>, CatalogError> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT made_by, made_at, undoes FROM edits WHERE id = ?1")?;
        Ok(statement.query_row([id.0], edit_row).optional()?)
    }

    /// Gives the first `limit` alerts that an edit changed.
    pub fn edited(self, edit: EditId, limit: u32) -> Result<Vec<AlertId>, CatalogError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT alert_id FROM alert_history WHERE edit_id = ?1 ORDER BY id LIMIT ?2",
        )?;
        let rows = statement
            .query_map(params![edit.0, i64::from(limit)], |row| row.get(0).map(AlertId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn begin_edit(
        self,
        signature: Signature<'_>,
        undoes: Option<EditId>,
    ) -> Result<EditId, CatalogError> {
        let id = self
            .transaction
            .prepare_cached(
                "INSERT INTO edits (made_by, made_at, undoes) VALUES (?1, ?2, ?3) RETURNING id",
            )?
            .query_row(
                params![signature.by, signature.at.nanos(), undoes.map(|edit| edit.0)],
                |row| row.get(0),
            )?;
        Ok(EditId(id))
    }

    /// Brings the alerts to the state that an edit's history rows tell. An edit without any leaves
    /// no trace.
    fn apply(self, edit: EditId) -> Result<u64, CatalogError> {
        let changed = self
            .transaction
            .prepare_cached(
                "UPDATE alerts SET status = h.new_status, verdict = h.new_verdict,
                     assignee = h.new_assignee, version = h.version
                 FROM alert_history h WHERE h.edit_id = ?1 AND h.alert_id = alerts.id",
            )?
            .execute([edit.0])?;
        if changed == 0 {
            self.transaction
                .prepare_cached("DELETE FROM edits WHERE id = ?1")?
                .execute([edit.0])?;
        }
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }
}

impl AlertPatch {
    /// Gives the statement that writes the history rows of this patch, up to where the selection's
    /// condition stands.
    fn history(&self, edit: EditId) -> Sql {
        let mut sql = Sql::new(
            "INSERT INTO alert_history (alert_id, edit_id, old_status, old_verdict, old_assignee,
                 new_status, new_verdict, new_assignee, note, version)
             SELECT id, ",
        );
        sql.bind(edit.0);
        sql.push(", status, verdict, assignee, ");
        self.push_new(&mut sql, ", ");
        sql.push(", ");
        sql.bind(self.note.clone());
        sql.push(", version + 1 FROM alerts WHERE ");
        if self.note.is_none() {
            sql.push("(status, verdict, assignee) IS DISTINCT FROM (");
            self.push_new(&mut sql, ", ");
            sql.push(") AND ");
        }
        sql
    }

    /// Appends the new state's three expressions.
    fn push_new(&self, sql: &mut Sql, separator: &str) {
        match self.status {
            None => sql.push("status"),
            Some(status) => sql.bind(status.as_str().to_owned()),
        }
        sql.push(separator);
        match self.verdict {
            Patch::Keep => sql.push("verdict"),
            Patch::Clear => sql.push("NULL"),
            Patch::Set(verdict) => sql.bind(verdict.as_str().to_owned()),
        }
        sql.push(separator);
        match &self.assignee {
            Patch::Keep => sql.push("assignee"),
            Patch::Clear => sql.push("NULL"),
            Patch::Set(name) => sql.bind(name.clone()),
        }
    }
}

fn edit_row(row: &rusqlite::Row<'_>) -> Result<EditRow, rusqlite::Error> {
    Ok(EditRow {
        by: row.get(0)?,
        at: Timestamp::from_nanos(row.get(1)?),
        undoes: row.get::<_, Option<i64>>(2)?.map(EditId),
    })
}
