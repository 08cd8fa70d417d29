//! Sigma rules and correlations, compiled.
//!
//! Rules are read from YAML (the Sigma specification, version 2.1), each on its own: what cannot be
//! read is a [`RuleFault`] with its place, and never stops the rest. A [`RuleSet`] answers which of
//! its rules an event matches, and keeps the correlations' sliding windows in a [`Memory`] that its
//! owner holds. Time is the event's; there is no clock.

mod budget;
mod chains;
mod codec;
mod collection;
mod compile;
mod condition;
mod correlate;
mod correlation;
mod detection;
mod document;
mod draft;
mod entry;
mod fault;
mod fields;
mod filter;
mod found;
mod loader;
mod logsource;
mod matching;
mod memory;
mod modifiers;
mod new_terms;
mod overrides;
mod rule;
mod ruleset;
mod snapshot;
mod stretch;
mod summary;
mod tally;
mod temporal;
mod value;
mod window;
mod yaml;

pub use correlation::{Bound, Correlation, CorrelationKind, Relation};
pub use fault::RuleFault;
pub use logsource::{Labels, Logsource};
pub use matching::Scratch;
pub use memory::{EVIDENCE_MAX, Fired, Memory, MemoryCounters, MemoryUse};
pub use overrides::{Override, Overrides};
pub use rule::{Change, Example, Rule, RuleIndex, RuleKind, Status};
pub use ruleset::{Options, Placeholders, RuleFile, RuleSet};
pub use snapshot::SnapshotError;
