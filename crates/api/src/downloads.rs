//! What became of an export: whether its file came whole, and what it lacks. The file itself cannot say so,
//! since it is sent while it is made.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use catalog::UserId;

use crate::{ApiError, token};

/// Exports that are remembered; past it, the oldest are forgotten.
const REMEMBERED_MAX: usize = 64;
/// Sentences that are remembered of one.
const WARNINGS_MAX: usize = 100;

/// The exports of late.
#[derive(Default)]
pub(crate) struct Downloads(Mutex<VecDeque<Remembered>>);

struct Remembered {
    id: String,
    user: UserId,
    fate: Arc<Mutex<Fate>>,
}

/// What became of one.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    pub(crate) state: FateState,
    pub(crate) bytes: u64,
    pub(crate) warnings: Vec<String>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FateState {
    Running,
    Whole,
    Broken,
}

/// One that is under way; where it is dropped before it is whole, it was broken off.
pub(crate) struct Download {
    pub(crate) id: String,
    fate: Arc<Mutex<Fate>>,
}

impl Downloads {
    /// Remembers a new export of a user.
    pub(crate) fn begin(&self, user: UserId) -> Result<Download, ApiError> {
        let id = token::random().map_err(|error| ApiError::Internal(error.to_string()))?;
        let fate = Fate { state: FateState::Running, bytes: 0, warnings: Vec::new() };
        let fate = Arc::new(Mutex::new(fate));
        let mut all = locked(&self.0);
        while all.len() >= REMEMBERED_MAX {
            all.pop_front();
        }
        all.push_back(Remembered { id: id.clone(), user, fate: Arc::clone(&fate) });
        Ok(Download { id, fate })
    }

    /// Gives what became of an export of a user.
    pub(crate) fn fate(&self, id: &str, user: UserId) -> Option<Fate> {
        let all = locked(&self.0);
        let found = all.iter().find(|one| one.user == user && token::is_equal(&one.id, id))?;
        Some(locked(&found.fate).clone())
    }
}

impl Download {
    /// Counts what was sent.
    pub(crate) fn add(&self, bytes: &[u8]) {
        let mut fate = locked(&self.fate);
        fate.bytes = fate.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    /// Tells that the file is whole but for what these sentences say.
    pub(crate) fn end(self, mut warnings: Vec<String>) {
        let more = warnings.len().saturating_sub(WARNINGS_MAX);
        warnings.truncate(WARNINGS_MAX);
        if more > 0 {
            warnings.push(format!("and {more} more"));
        }
        let mut fate = locked(&self.fate);
        fate.state = FateState::Whole;
        fate.warnings = warnings;
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        let mut fate = locked(&self.fate);
        if fate.state == FateState::Running {
            fate.state = FateState::Broken;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_broken_of_somebody_else_and_forgotten() {
        let all = Downloads::default();
        let (ada, eve) = (UserId(1), UserId(2));
        let first = all.begin(ada).unwrap();
        let id = first.id.clone();
        first.add(b"abc");
        let state = |id: &str, user| all.fate(id, user).map(|fate| (fate.state, fate.bytes));
        assert_eq!(state(&id, ada), Some((FateState::Running, 3)));
        assert_eq!(state(&id, eve), None);
        first.end(vec!["x".to_owned(); 200]);
        assert_eq!(state(&id, ada), Some((FateState::Whole, 3)));
        assert_eq!(all.fate(&id, ada).unwrap().warnings.len(), 101);
        let broken = all.begin(ada).unwrap().id.clone();
        assert_eq!(state(&broken, ada), Some((FateState::Broken, 0)));
        for _ in 0..REMEMBERED_MAX {
            drop(all.begin(eve).unwrap());
        }
        assert_eq!((state(&id, ada), state(&broken, ada)), (None, None));
    }
}
