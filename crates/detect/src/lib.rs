//! Rules, correlation and inspection behind one [`Engine`].
//!
//! The engine is immutable and shared; what it remembers between events is a [`Memory`], which has
//! one owner. Analysers ([`Engine::analyse`]) only add fields to an event, and detectors ([`DETECTORS`])
//! tell findings; rules decide on both. So every detection comes from a rule, and last week's log,
//! played again, gives last week's detections.

mod analyse;
mod detectors;
mod engine;
mod health;
mod indicators;
mod keep;
mod logged;
pub mod models;
mod names;
mod shipped;
mod trial;

pub use sigma::{MemoryUse, SnapshotError};

pub use analyse::{answered, inspected};
pub use detectors::{DETECTORS, Detector};
pub use engine::{Counters, EVIDENCE_MAX, Engine, Memory};
pub use health::{Health, RuleHealth, SILENT_AFTER, Verdict};
pub use indicators::Indicators;
pub use names::Names;
pub use shipped::shipped_rules;
pub use trial::{Trial, TrialError, Wanted};
