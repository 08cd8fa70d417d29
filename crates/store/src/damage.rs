//! What could not be read. Everything else is answered, and what is lacking is told with the answer.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use catalog::SegmentRow;
use model::Timestamp;

use crate::StoreError;
use crate::live::{Shared, Snapshot};
use crate::segment::Segment;

/// A segment of the list that is missing, or cannot be read as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file's name within the store's folder.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
    /// The earliest time of its events.
    pub first_time: Timestamp,
    /// The latest time of its events.
    pub last_time: Timestamp,
}

impl Damage {
    pub(crate) fn of(row: &SegmentRow, reason: impl Into<String>) -> Self {
        Self {
            file: row.file.clone(),
            reason: reason.into(),
            first_time: row.first_time,
            last_time: row.last_time,
        }
    }

    fn sentence(&self) -> String {
        format!("{}: {}", self.file, self.reason)
    }
}

/// Does what reads a file that may be damaged: where no tag guards its bytes, the library that reads
/// them may panic over them.
pub(crate) fn guarded<T>(
    file: &str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(StoreError::damaged(file, "its bytes make no sense")))
}

/// Segments that could not be read, by the names of their files: at most as many as there are.
#[derive(Debug, Default)]
pub(crate) struct Damaged(Mutex<BTreeMap<String, Damage>>);

impl Damaged {
    /// Takes note of one; tells whether it was not known.
    pub(crate) fn note(&self, damage: Damage) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(damage.file.clone(), damage).is_none()
    }

    /// Gives those that are known.
    pub(crate) fn all(&self) -> Vec<Damage> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().cloned().collect()
    }

    /// Gives a sentence for each, as an answer carries them.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().map(Damage::sentence).collect()
    }
}

impl Snapshot {
    /// Lets a question go on past a segment that cannot be read, and takes note of it; `None` where
    /// that was so.
    pub(crate) fn bear<T>(
        &self,
        shared: &Shared,
        segment: &Segment,
        outcome: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let reason = match outcome {
            Ok(found) => return Ok(Some(found)),
            Err(StoreError::Damaged { reason, .. } | StoreError::Sealed { reason, .. }) => reason,
            Err(StoreError::Io { error, .. }) => error.to_string(),
            Err(other) => return Err(other),
        };
        let damage = Damage::of(&segment.row, reason);
        self.unread.note(damage.clone());
        if shared.damaged.note(damage) {
            tracing::error!(file = segment.row.file, "a segment cannot be read");
        }
        Ok(None)
    }

    /// Takes note of the listed segments that were not there when the store was opened, where they
    /// matter to the question.
    pub(crate) fn note_absent(&self, matters: impl Fn(&Damage) -> bool) {
        for damage in self.absent.iter().filter(|damage| matters(damage)) {
            self.unread.note(damage.clone());
        }
    }
}
