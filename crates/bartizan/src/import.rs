//! Foreign rules brought into the user's own folder.
//!
//! [`gather`] finds what lies in the folders that were named, [`choose`] tells which of it runs beside
//! the rules that are there already, and [`Import`] lays it down under a name of its own, with a note
//! where it came from, and takes it away again.

mod choose;
mod gather;
mod keep;
mod manifest;

pub(crate) use choose::{Candidate, Chosen, choose};
pub(crate) use gather::{Gathered, gather, names_of, text_of};
pub(crate) use keep::{Change, Import, Plan};
pub(crate) use manifest::Manifest;
