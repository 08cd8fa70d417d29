//! How much is under way: what was given up still counts until its last thread has noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the tasks and threads of queries. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<AtomicUsize>);

/// One of them; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct One(Running);

impl Running {
    pub(super) fn one_more(&self) -> One {
        self.0.fetch_add(1, Ordering::Relaxed);
        One(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
