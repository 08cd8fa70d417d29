//! A rule matched: what, when, about whom, and on what evidence.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::{EventId, Timestamp};

/// How bad it is, in Sigma's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth knowing.
    #[default]
    Informational,
    /// Notable, rarely an incident.
    Low,
    /// Relevant, to be looked at.
    Medium,
    /// To be looked at soon.
    High,
    /// To be looked at now.
    Critical,
}

impl Level {
    /// Every level, the mildest first.
    pub const ALL: [Self; 5] =
        [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Gives the level's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Reads the level's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of thing a detection is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntityKind {
    /// A machine, by name.
    Host,
    /// A user, by name.
    User,
    /// An address.
    Address,
}

impl EntityKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Host, Self::User, Self::Address];

    /// Gives the kind's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::User => "user",
            Self::Address => "address",
        }
    }

    /// Reads the kind's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Who it is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entity {
    /// What kind of thing.
    pub kind: EntityKind,
    /// Its name or address.
    pub value: String,
}

/// What people are told of the rule that matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleHeader {
    /// The rule's identity: a UUID, or a name in snake_case.
    pub id: String,
    /// What it finds, in a few words.
    pub title: String,
    /// How bad that is.
    pub level: Level,
    /// ATT&CK and other tags, such as `attack.t1110`.
    pub tags: Vec<String>,
    /// What it finds and why it matters.
    pub description: String,
    /// Where to read more.
    pub references: Vec<String>,
    /// What else may look like it.
    pub false_positives: Vec<String>,
    /// Who wrote it.
    pub author: String,
    /// The licence it is under, in its author's words; empty where its file names none.
    pub license: String,
}

/// A rule matched here and now; a fact, never changed.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The rule.
    pub rule: Arc<RuleHeader>,
    /// When the event that completed it happened.
    pub time: Timestamp,
    /// When the first of the events that it stands on happened.
    pub first: Timestamp,
    /// Who it is about, where the evidence says.
    pub entity: Option<Entity>,
    /// The address it came from, where the evidence says.
    pub source_ip: Option<IpAddr>,
    /// How many happenings it stands on.
    pub count: u64,
    /// How many of them no earlier detection of the same burst counted; these sum up.
    pub fresh: u64,
    /// What happened, in one sentence.
    pub summary: String,
    /// The evidence, oldest first, bounded.
    pub events: Vec<EventId>,
    /// Whether its evidence is marked sample traffic.
    pub simulated: bool,
}
