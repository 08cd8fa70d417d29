//! A rule, read and compiled.

use std::fmt;
use std::sync::Arc;

use model::{Level, RuleHeader};
use query::Predicate;

use crate::summary::Summary;
use crate::{Correlation, Logsource};

/// A rule's place in its [`RuleSet`](crate::RuleSet).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIndex(pub usize);

/// How far a rule has come, in Sigma's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Proven over a year or more.
    Stable,
    /// Needs little tuning.
    Test,
    /// May be noisy.
    #[default]
    Experimental,
}

impl Status {
    /// Gives the status's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Test => "test",
            Self::Experimental => "experimental",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a rule decides on.
#[derive(Clone, Debug)]
pub enum RuleKind {
    /// One event.
    Event(Predicate),
    /// Several events within a time.
    Correlation(Correlation),
}

/// Lines that say what a rule must, or must not, match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    pub(crate) written: Vec<ExampleLine>,
    /// Whether the rule must fire.
    pub matches: bool,
}

/// A line of an example as it is written: kept so, since few examples are ever played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExampleLine {
    pub(crate) text: String,
    /// How often it comes, where it counts itself: `{n}` from 1, and `{nnn}` from 101.
    pub(crate) times: Option<usize>,
}

impl Example {
    /// Gives the records, written out, in the order in which they are sent.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.written.iter().flat_map(|ExampleLine { text, times }| {
            (1..=times.unwrap_or(1)).map(move |n| match times {
                None => text.clone(),
                Some(_) => {
                    text.replace("{n}", &n.to_string()).replace("{nnn}", &(100 + n).to_string())
                }
            })
        })
    }

    /// Gives the format that reads a line of an example, where the line says so itself, and the line as it
    /// would arrive: `sensor: {…}` is what one of the product's own sensors tells, and is read as nobody
    /// else's words are.
    pub fn record(line: &str) -> (Option<&'static str>, &str) {
        match line.strip_prefix("sensor: ") {
            Some(line) => (Some("sensor"), line),
            None => (None, line),
        }
    }
}

/// What an installation's overrides changed of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The level that its file gives, where another one was set.
    pub level: Option<Level>,
    /// What it no longer matches, in the search bar's language.
    pub exceptions: Vec<String>,
    /// Why, in the words of whoever changed it.
    pub reason: String,
}

/// A rule, read and compiled.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What people are told of it.
    pub header: Arc<RuleHeader>,
    /// The name by which correlations refer to it, besides its id.
    pub name: Option<String>,
    /// The day it was written, as its file says it.
    pub date: String,
    /// The day it was last changed, as its file says it.
    pub modified: String,
    /// How far it has come.
    pub status: Status,
    /// The file it came from.
    pub path: String,
    /// The events it is for; of a correlation, nothing.
    pub logsource: Logsource,
    /// What it decides on.
    pub kind: RuleKind,
    /// The other rules it is related to, as `(id, type)`.
    pub related: Vec<(String, String)>,
    /// The taxonomy of its field names; `sigma` unless it says otherwise.
    pub taxonomy: String,
    /// Whether it makes detections of its own; one that serves a correlation only does not.
    pub reports: bool,
    /// Whether it may match at all; one that an override switched off is kept and shown.
    pub enabled: bool,
    /// What an override changed of it.
    pub changed: Option<Change>,
    /// The titles of the filters that narrow it.
    pub filters: Vec<String>,
    /// Its own examples.
    pub examples: Vec<Example>,
    pub(crate) summary: Option<Summary>,
}
