//! SQL over the events, read-only.
//!
//! One table, `events`: a column for each known field, by its dotted name and without quotes
//! (`SELECT source.ip FROM events`), and `extra`, the unknown fields as JSON text. A name that is
//! no column is looked up there (`fw.rule`, `field('fw.rule')`). Beside the functions of DataFusion:
//!
//! | function | gives |
//! |---|---|
//! | `field('name')`, `field(e.extra, 'name')` | any field as text, known or not |
//! | `cidr_match(address, '10.0.0.0/8')` | whether an address, or one of several, is in a network |
//! | `has(tags, 'vip')` | whether a field of one or several values holds a value |
//!
//! Left out are functions that make much of little (`repeat`, `replace`, `lpad` …) and recursion.
//!
//! A field of several values shows as a JSON array. Each query sees one snapshot, runs on the
//! store's own threads within a bound of memory, rows and time, and can reach neither files nor the
//! network.

mod admit;
mod cells;
mod filter;
mod functions;
mod names;
mod run;
mod scan;

use std::io::Write;
use std::time::Instant;

use model::Timestamp;

use crate::{Store, StoreError};

pub(crate) use run::Lazy;
pub use run::Rows;

impl Store {
    /// Asks in SQL; only reading is allowed. The rows come as they are found.
    pub async fn sql(&self, text: &str, limits: SqlLimits) -> Result<Rows, StoreError> {
        let engine = self.engine().get(&self.shared().config)?;
        run::start(self.shared(), &engine, text, limits).await
    }

    /// Asks in SQL and writes the answer as one Parquet file.
    pub async fn export(
        &self,
        text: &str,
        limits: SqlLimits,
        sink: &mut (dyn Write + Send),
    ) -> Result<Exported, StoreError> {
        run::export(self.sql(text, limits).await?, sink).await
    }
}

/// The bounds of one query.
#[derive(Clone, Copy, Debug)]
pub struct SqlLimits {
    /// How many rows it gives; whether there were more is told.
    pub rows: usize,
    /// When it is given up.
    pub deadline: Option<Instant>,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self { rows: 10_000, deadline: None }
    }
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its cells are.
    pub kind: CellKind,
}

/// What the cells of a column are, where they are not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// Text, and whatever has no kind of its own here, as text.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers with a fraction.
    Float,
    /// True or false.
    Flag,
    /// Moments.
    Time,
}

impl CellKind {
    /// Gives the kind's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Flag => "flag",
            Self::Time => "time",
        }
    }
}

/// One value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Flag(bool),
    /// A moment.
    Time(Timestamp),
}

/// What an export wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// How many rows.
    pub rows: u64,
    /// Whether there were more.
    pub is_truncated: bool,
}
