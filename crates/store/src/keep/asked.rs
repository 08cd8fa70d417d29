//! What may be asked of a store about what it keeps.

use super::{KeepStatus, PurgeCount, Purging, do_jobs, jobs, round, status};
use crate::live::Shared;
use crate::{Store, StoreError};

impl Store {
    /// Tidies the store at once, as its own thread does every now and then: does the jobs of the
    /// catalog, deletes what is due, merges segments.
    pub fn keep(&self) -> Result<(), StoreError> {
        round(owned(self)?)
    }

    /// Does the jobs of the catalog that wait, and nothing else.
    pub fn do_jobs(&self) -> Result<(), StoreError> {
        do_jobs(owned(self)?)
    }

    /// Counts what a purge would delete.
    pub fn purge_count(&self, purging: &Purging) -> Result<PurgeCount, StoreError> {
        jobs::count(self.shared(), purging)
    }

    /// Tells what is kept, by what rule, and what goes next.
    pub fn keep_status(&self) -> Result<KeepStatus, StoreError> {
        status::status(self.shared())
    }
}

/// Gives what the store's threads share, where this process owns it.
fn owned(store: &Store) -> Result<&Shared, StoreError> {
    let shared = store.shared();
    match shared.commit.get() {
        Some(_) => Ok(shared),
        None => Err(StoreError::Closed { why: "it was opened for reading" }),
    }
}
