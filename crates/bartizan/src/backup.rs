//! Backups: a copy of a data folder as it was at one moment, taken beside the process that writes it.
//!
//! ```text
//! TARGET/manifest.json                       what belongs to the backup; written last, and at once
//! TARGET/segments/2026-11-21/00000007-0-9f86d081884c7d65.parquet
//! TARGET/snapshot-2026-11-21T13-45-00.000Z/  catalog.db, wal/, keyring.json, rules/ and all the rest
//! ```
//!
//! Segments never change, so the next backup into the same folder copies the new ones alone; they
//! are named with their digest, so that none is ever written over. What the manifest does not list
//! is no part of the backup, and is deleted once the next one is whole.

mod copy;
mod last;
mod manifest;
mod restore;
mod snapshot;
mod take;
mod target;

pub(crate) use last::Last;
pub(crate) use manifest::Manifest;
pub(crate) use restore::restore;
pub(crate) use take::{Taken, Wanted, take};
