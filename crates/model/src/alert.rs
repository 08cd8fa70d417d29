//! What an analyst works on.

use std::fmt;

use crate::{Entity, EventId, Level, Timestamp};

/// The identity of an alert in one installation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(pub i64);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How far the work on an alert has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nobody has looked at it.
    #[default]
    Open,
    /// Somebody works on it.
    Acknowledged,
    /// It is done.
    Closed,
}

impl Status {
    /// Every status, in the order of the work.
    pub const ALL: [Self; 3] = [Self::Open, Self::Acknowledged, Self::Closed];

    /// Gives the status's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
        }
    }

    /// Reads the status's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What an alert turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// An attack or a breach of policy.
    TruePositive,
    /// The rule was wrong.
    FalsePositive,
    /// The rule was right, and it was allowed.
    Benign,
    /// Another alert tells the same.
    Duplicate,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] =
        [Self::TruePositive, Self::FalsePositive, Self::Benign, Self::Duplicate];

    /// Gives the verdict's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TruePositive => "true_positive",
            Self::FalsePositive => "false_positive",
            Self::Benign => "benign",
            Self::Duplicate => "duplicate",
        }
    }

    /// Reads the verdict's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == word)
    }
}

/// Detections of one rule about one entity, with the state of the work on them.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its identity.
    pub id: AlertId,
    /// The rule's identity.
    pub rule_id: String,
    /// The rule's title.
    pub title: String,
    /// How bad it is.
    pub level: Level,
    /// The rule's tags.
    pub tags: Vec<String>,
    /// Who it is about.
    pub entity: Option<Entity>,
    /// The latest detection's sentence.
    pub summary: String,
    /// How far the work has come.
    pub status: Status,
    /// What it turned out to be.
    pub verdict: Option<Verdict>,
    /// The user who works on it.
    pub assignee: Option<String>,
    /// How many happenings it stands on, over all detections.
    pub count: u64,
    /// When the first of them happened.
    pub first: Timestamp,
    /// When the last of them happened.
    pub last: Timestamp,
    /// The newest evidence, oldest first, bounded.
    pub events: Vec<EventId>,
    /// Whether all its evidence is marked sample traffic.
    pub simulated: bool,
    /// Grows with each edit; an edit names the one it was made upon. Detections that join do not change it.
    pub version: u64,
}
