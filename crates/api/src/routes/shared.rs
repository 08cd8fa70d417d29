//! Wire formats and small steps that several resources share.

mod alerts;
mod events;
mod overrides;
mod rules;

pub(crate) use alerts::AlertView;
pub(super) use alerts::{AlertDetail, ChangeBody, FILTER_NAMES, FilterParams};
pub(super) use events::{millis, raw, unreadable};
pub(super) use overrides::OverrideView;
pub(super) use rules::RuleView;
