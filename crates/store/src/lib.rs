//! Events on disk: write-ahead log, segments, search, SQL.
//!
//! An event is acknowledged once it stands in the log; it is seen by readers at once, from memory;
//! later it moves into a segment, sorted by time, which the catalog lists. A stop at any moment
//! loses nothing that was acknowledged and doubles nothing.

#![cfg_attr(
    not(feature = "sql"),
    allow(dead_code, unused_imports, reason = "some of it is there for queries alone")
)]

mod anchor;
mod batches;
mod chain;
mod clock;
mod commit;
mod config;
mod copy;
mod damage;
mod error;
mod flush;
mod folder;
mod index;
mod keep;
mod kept;
mod live;
mod lock;
mod memory;
mod open;
mod probe;
mod repair;
mod seals;
mod search;
mod secret;
mod segment;
#[cfg(feature = "sql")]
mod sql;
mod stats;
mod store;
mod unzip;
mod verify;
mod wal;

pub use anchor::Anchor;
pub use catalog::ChainHead;
pub use config::Config;
pub use copy::copy_segment;
pub use damage::Damage;
pub use error::StoreError;
pub use folder::check_folder;
pub use keep::{
    HeldStatus, KeepConfig, KeepFault, KeepSet, KeepStatus, NextToGo, PurgeCount, Purging,
    READERS_FILE, SetStatus, Space, Surroundings, Tier, read_lock,
};
pub use probe::probe;
pub use repair::{Patient, Plan};
pub use seals::{Seal, SealedFile, Seals, segment_key};
pub use search::{
    Bucket, Counted, Cursor, Found, Histogram, Order, SEARCH_EVENTS_MAX, Scope, Search, Stop, Top,
    TopValues,
};
#[cfg(feature = "sql")]
pub use sql::{
    Cell, CellKind, Column, EventsExport, Export, ExportFormat, Rows, SQL_FUNCTIONS, SqlField,
    SqlFunction, SqlLimits,
};
pub use stats::Stats;
pub use store::Store;
pub use verify::{Verified, bytes_to_verify, look, verify};
