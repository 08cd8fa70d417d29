//! Sigma rules and correlations, compiled.
//!
//! Rules are read from YAML (the Sigma specification, version 2.1), each on its own: what cannot be
//! read is a [`RuleFault`] with its place, and never stops the rest. A [`RuleSet`] answers which of
//! its rules an event matches, and keeps the correlations' sliding windows in a [`Memory`] that its
//! owner holds. Time is the event's; there is no clock.

mod compile;
mod correlations;
mod fault;
mod fields;
mod logsource;
mod matching;
mod options;
mod reading;
mod rule;
mod ruleset;
mod summary;

pub use correlations::codec;
pub use correlations::correlation::{Bound, Correlation, CorrelationKind, Relation};
pub use correlations::memory::{EVIDENCE_MAX, Fired, Memory, MemoryCounters, MemoryUse};
pub use correlations::snapshot::SnapshotError;
pub use fault::RuleFault;
pub use logsource::{Labels, Logsource};
pub use matching::Scratch;
pub use options::{Options, Placeholders, RuleFile};
pub use reading::overrides::{Override, Overrides};
pub use rule::{Change, Example, Rule, RuleIndex, RuleKind, Status};
pub use ruleset::RuleSet;
