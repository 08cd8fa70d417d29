//! Holds and jobs, as they are asked for and as they are kept.

use std::fmt;

use model::Timestamp;

/// The identity of a hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(pub i64);

/// The identity of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub i64);

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A legal hold to be set: what happened in this span of time is not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHold {
    /// The earliest time of the events held.
    pub from: Timestamp,
    /// The time before which they happened; [`Timestamp::MAX`] has no such bound.
    pub to: Timestamp,
    /// Which of them, in KQL; empty for all.
    pub matching: String,
    /// Why.
    pub reason: String,
    /// When it is set.
    pub at: Timestamp,
    /// Who sets it.
    pub by: String,
}

/// A legal hold in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its identity.
    pub id: HoldId,
    /// What it holds, and who set it.
    pub hold: NewHold,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Deletes the events that match.
    Purge,
    /// Merges segments now instead of by and by.
    Compact,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It waits, or is under way; after a stop it is taken up again.
    Waiting,
    /// All of it is done.
    Done,
    /// It cannot be done; `detail` tells why.
    Failed,
}

/// A job for whoever owns the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// What is to be done.
    pub kind: JobKind,
    /// The earliest time of the events concerned.
    pub from: Timestamp,
    /// The time before which they happened.
    pub to: Timestamp,
    /// Which of them, in KQL; empty for all.
    pub matching: String,
    /// Why.
    pub reason: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// Who asked.
    pub by: String,
}

/// A job and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its identity.
    pub id: JobId,
    /// What was asked for.
    pub job: NewJob,
    /// How far it is.
    pub state: JobState,
    /// How many events it has deleted.
    pub events: u64,
    /// What there is to tell of it.
    pub detail: String,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl JobKind {
    /// Gives its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Purge => "purge",
            Self::Compact => "compact",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Purge, Self::Compact].into_iter().find(|kind| kind.as_str() == word)
    }
}

impl JobState {
    /// Gives its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Waiting, Self::Done, Self::Failed].into_iter().find(|one| one.as_str() == word)
    }
}
