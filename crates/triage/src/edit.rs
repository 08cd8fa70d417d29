//! Analysts change alerts: one, several, or all that pass a filter.

use std::time::Duration;

use catalog::{AlertFilter, AlertPatch, Alerts, EditId, Patch, Selection, Signature};
use model::{AlertId, Status, Verdict};

use crate::{Change, ChangeKind, TriageError};

/// Alerts that one edit may name.
const IDS_MAX: usize = 10_000;
/// Changed alerts that are given back; past it the receiver asks anew.
const CHANGES_MAX: u32 = 200;
/// The length of a note.
const NOTE_CHARS_MAX: usize = 10_000;
/// How long an edit can be taken back.
const UNDO_SPAN: Duration = Duration::from_mins(5);

/// What an analyst wants of an alert.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// The state of the work. Opening takes a verdict back; closing needs one.
    pub status: Option<Status>,
    /// What it turned out to be; this closes the alert.
    pub verdict: Option<Verdict>,
    /// Who works on it.
    pub assignee: Patch<String>,
    /// Words to keep with the change.
    pub note: Option<String>,
}

/// Which alerts an edit is about.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// This one and, where given, only if it is at this version.
    One(AlertId, Option<u64>),
    /// These; those that do not exist are passed over.
    Several(&'a [AlertId]),
    /// All that pass a filter.
    All(&'a AlertFilter),
}

/// An edit, as somebody asks for it.
#[derive(Clone, Copy, Debug)]
pub struct EditRequest<'a> {
    /// Which alerts.
    pub targets: Targets<'a>,
    /// What becomes of them.
    pub edit: &'a Edit,
    /// Who asks, and when.
    pub signature: Signature<'a>,
}

/// The wish to take an edit back.
#[derive(Clone, Copy, Debug)]
pub struct Undo<'a> {
    /// The edit.
    pub edit: EditId,
    /// Who asks, and when.
    pub signature: Signature<'a>,
}

/// What an edit did.
#[derive(Clone, Debug)]
pub struct Edited {
    /// The edit's identity, by which it can be taken back.
    pub edit: EditId,
    /// How many alerts it changed.
    pub changed: u64,
    /// The changed alerts, or the first of them where they are many.
    pub changes: Vec<Change>,
}

pub(crate) fn edit(alerts: Alerts<'_>, request: &EditRequest<'_>) -> Result<Edited, TriageError> {
    let EditRequest { targets, edit, signature } = *request;
    let patch = patch(edit)?;
    let one;
    let selection = match targets {
        Targets::One(id, expected) => {
            check_version(alerts, id, expected)?;
            one = [id];
            Selection::Ids(&one)
        }
        Targets::Several(ids) if ids.len() > IDS_MAX => {
            return Err(TriageError::Unfit("one edit names at most 10,000 alerts; use a filter"));
        }
        Targets::Several(ids) => Selection::Ids(ids),
        Targets::All(filter) => Selection::Filter(filter),
    };
    let (edit, changed) = alerts.patch(selection, &patch, signature)?;
    collect(alerts, edit, changed)
}

pub(crate) fn undo(alerts: Alerts<'_>, undo: Undo<'_>) -> Result<Edited, TriageError> {
    let made = alerts.edit(undo.edit)?.ok_or(TriageError::Final)?;
    let now = undo.signature.at;
    if made.by != undo.signature.by || made.undoes.is_some() || now.since(made.at) > UNDO_SPAN {
        return Err(TriageError::Final);
    }
    let (edit, changed) = alerts.revert(undo.edit, undo.signature)?;
    collect(alerts, edit, changed)
}

fn check_version(
    alerts: Alerts<'_>,
    id: AlertId,
    expected: Option<u64>,
) -> Result<(), TriageError> {
    let version = alerts.get(id)?.ok_or(TriageError::NoAlert(id))?.version;
    match expected {
        Some(expected) if expected != version => Err(TriageError::Changed { id, version }),
        _ => Ok(()),
    }
}

/// Turns the wish into what becomes of each part, by the rules of an alert's life.
fn patch(edit: &Edit) -> Result<AlertPatch, TriageError> {
    let (status, verdict) = match (edit.status, edit.verdict) {
        (None, None) => (None, Patch::Keep),
        (None | Some(Status::Closed), Some(verdict)) => (Some(Status::Closed), Patch::Set(verdict)),
        (Some(Status::Closed), None) => {
            return Err(TriageError::Unfit("closing an alert needs a verdict"));
        }
        (Some(_), Some(_)) => {
            return Err(TriageError::Unfit("only a closed alert has a verdict"));
        }
        (Some(status), None) => (Some(status), Patch::Clear),
    };
    let note = edit.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
    if note.is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX) {
        return Err(TriageError::Unfit("a note has at most 10,000 characters"));
    }
    Ok(AlertPatch {
        status,
        verdict,
        assignee: edit.assignee.clone(),
        note: note.map(str::to_owned),
    })
}

fn collect(alerts: Alerts<'_>, edit: EditId, changed: u64) -> Result<Edited, TriageError> {
    let read = |id| {
        let alert = alerts.get(id)?.ok_or(TriageError::NoAlert(id))?;
        Ok(Change { kind: ChangeKind::Edited, alert })
    };
    let ids = alerts.edited(edit, CHANGES_MAX)?;
    let read = ids.into_iter().map(read).collect::<Result<_, TriageError>>()?;
    Ok(Edited { edit, changed, changes: read })
}
