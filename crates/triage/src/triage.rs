//! The handle that all others hold.

use catalog::{AlertBucket, AlertCount, AlertFilter, AlertPage, AlertQuery, AlertSpan, Catalog};
use model::{Alert, AlertId, Detection, EventId};

use crate::edit::{EditRequest, Edited, Undo};
use crate::{HistoryEntry, TriageError, edit, fold, history};

/// The alerts of one catalog; cheap to clone.
#[derive(Clone, Debug)]
pub struct Triage {
    catalog: Catalog,
}

/// An alert after a change.
#[derive(Clone, Debug)]
pub struct Change {
    /// What happened to it.
    pub kind: ChangeKind,
    /// The alert as it is now.
    pub alert: Alert,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// Detections joined it.
    Grown,
    /// Somebody worked on it.
    Edited,
}

impl ChangeKind {
    /// Gives the kind's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Grown => "grown",
            Self::Edited => "edited",
        }
    }
}

impl Triage {
    /// Gives the alerts of a catalog.
    pub fn open(catalog: Catalog) -> Self {
        Self { catalog }
    }

    /// Folds detections into alerts, all of them or, on an error, none; gives each alert that
    /// changed once, in the order of the detections.
    pub fn fold(&self, detections: &[Detection]) -> Result<Vec<Change>, TriageError> {
        if detections.is_empty() {
            return Ok(Vec::new());
        }
        self.catalog.alter_alerts(|alerts| fold::fold(alerts, detections))
    }

    /// The same, and keeps in the same transaction that every detection up to that event is folded.
    pub fn fold_upto(
        &self,
        detections: &[Detection],
        upto: EventId,
    ) -> Result<Vec<Change>, TriageError> {
        self.catalog.alter_alerts(|alerts| {
            alerts.keep_detected(upto)?;
            fold::fold(alerts, detections)
        })
    }

    /// Changes alerts as an analyst asks, all of them or, on an error, none.
    pub fn edit(&self, request: &EditRequest<'_>) -> Result<Edited, TriageError> {
        self.catalog.alter_alerts(|alerts| edit::edit(alerts, request))
    }

    /// Takes back what one edit did, where nobody has edited the alert since. Only its maker may,
    /// and only for some minutes.
    pub fn undo(&self, undo: Undo<'_>) -> Result<Edited, TriageError> {
        self.catalog.alter_alerts(|alerts| edit::undo(alerts, undo))
    }

    /// Gives one page of the alerts that pass a filter.
    pub fn list(&self, query: &AlertQuery) -> Result<AlertPage, TriageError> {
        Ok(self.catalog.alerts(query)?)
    }

    /// Gives one alert.
    pub fn get(&self, id: AlertId) -> Result<Option<Alert>, TriageError> {
        Ok(self.catalog.alert(id)?)
    }

    /// Gives what happened to an alert, the oldest first.
    pub fn history(&self, id: AlertId) -> Result<Vec<HistoryEntry>, TriageError> {
        let alert = self.catalog.alert(id)?.ok_or(TriageError::NoAlert(id))?;
        Ok(history::tell(&alert, self.catalog.alert_history(id)?))
    }

    /// Gives how many alerts there are in each state and of each level.
    pub fn counts(&self) -> Result<Vec<AlertCount>, TriageError> {
        Ok(self.catalog.alert_counts()?)
    }

    /// Gives how many alerts that pass a filter happened last within each bucket.
    pub fn histogram(
        &self,
        filter: &AlertFilter,
        span: AlertSpan,
    ) -> Result<Vec<AlertBucket>, TriageError> {
        Ok(self.catalog.alert_histogram(filter, span)?)
    }
}
