//! What happened to an alert, in words.

use catalog::HistoryRow;
use model::{Alert, Timestamp};

/// One thing that happened to an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// Who did it; `bartizan` for what it did itself.
    pub by: String,
    /// What, in a few words.
    pub change: String,
    /// The words kept with it.
    pub note: Option<String>,
}

/// Tells the beginning of an alert, and then each edit.
pub(crate) fn tell(alert: &Alert, rows: Vec<HistoryRow>) -> Vec<HistoryEntry> {
    let created = HistoryEntry {
        at: alert.first,
        by: "bartizan".to_owned(),
        change: "created".to_owned(),
        note: None,
    };
    let edits = rows.into_iter().map(|row| HistoryEntry {
        change: change(&row),
        at: row.edit.at,
        by: row.edit.by,
        note: row.note,
    });
    std::iter::once(created).chain(edits).collect()
}

fn change(row: &HistoryRow) -> String {
    let (before, after) = (&row.before, &row.after);
    let mut words = Vec::new();
    if row.edit.undoes.is_some() {
        words.push("undone".to_owned());
    }
    if before.status != after.status {
        words.push(after.status.as_str().to_owned());
    }
    if let Some(verdict) = after.verdict.filter(|_| before.verdict != after.verdict) {
        words.push(verdict.as_str().replace('_', " "));
    }
    if before.assignee != after.assignee {
        words.push(match &after.assignee {
            Some(name) => format!("assigned to {name}"),
            None => "unassigned".to_owned(),
        });
    }
    if words.is_empty() {
        words.push("noted".to_owned());
    }
    words.join(", ")
}
