//! Several events within a time: what a correlation is, what it remembers, when it fires.
//!
//! [`draft`] reads one, [`correlation`] is what it means. A match comes in through [`correlate`];
//! [`found`] takes out of its event what counts, as an [`entry`]; [`memory`] finds the [`window`] of its
//! group, in which [`stretch`], [`tally`] and [`chains`] decide. [`snapshot`] writes all that down.

pub(crate) mod chains;
pub mod codec;
pub(crate) mod correlate;
pub(crate) mod correlation;
pub(crate) mod draft;
pub(crate) mod entry;
pub(crate) mod found;
pub(crate) mod groups;
pub(crate) mod memory;
pub(crate) mod new_terms;
pub(crate) mod snapshot;
pub(crate) mod stretch;
pub(crate) mod tally;
pub(crate) mod temporal;
pub(crate) mod window;
