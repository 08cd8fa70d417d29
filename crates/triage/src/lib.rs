//! From Detection to Alert, and an alert's life.
//!
//! Detections of one rule about one entity are one piece of work: they join the alert that is still
//! open, and start a new one after it was closed. Every change is one transaction of the catalog.

mod edit;
mod error;
mod fold;
mod history;
#[cfg(test)]
mod tests;
mod triage;

pub use catalog::{
    AlertBucket, AlertCount, AlertCursor, AlertFilter, AlertPage, AlertQuery, AlertSort, AlertSpan,
    AssigneeFilter, EditId, Patch, Signature,
};
pub use edit::{Edit, EditRequest, Edited, Targets, Undo};
pub use error::TriageError;
pub use history::HistoryEntry;
pub use triage::{Change, ChangeKind, Triage};
