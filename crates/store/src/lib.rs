//! Events on disk: write-ahead log, segments, search, SQL.
//!
//! An event is acknowledged once it stands in the log; it is seen by readers at once, from memory;
//! later it moves into a segment, sorted by time, which the catalog lists. A stop at any moment
//! loses nothing that was acknowledged and doubles nothing.

#![cfg_attr(
    not(feature = "sql"),
    allow(dead_code, unused_imports, reason = "some of it is there for queries alone")
)]

mod commit;
mod config;
mod error;
mod flush;
mod live;
mod memory;
mod open;
mod search;
mod segment;
#[cfg(feature = "sql")]
mod sql;
mod stats;
mod store;
mod wal;

pub use config::Config;
pub use error::StoreError;
pub use search::{
    Bucket, Cursor, Found, Histogram, Order, SEARCH_EVENTS_MAX, Scope, Search, Stop, Top, TopValues,
};
#[cfg(feature = "sql")]
pub use sql::{
    Cell, CellKind, Column, EventsExport, Export, ExportFormat, Rows, SQL_FUNCTIONS, SqlField,
    SqlFunction, SqlLimits,
};
pub use stats::Stats;
pub use store::Store;
