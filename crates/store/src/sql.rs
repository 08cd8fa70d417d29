//! SQL over the events, read-only.
//!
//! One table, `events`: a column for each known field, by its dotted name and without quotes
//! (`SELECT source.ip FROM events`), and `extra`, the unknown fields as JSON text. A name that is
//! no column is looked up there (`fw.rule`, `field('fw.rule')`). Beside the functions of DataFusion,
//! [`SQL_FUNCTIONS`] names ours: any field by its name (`field('fw.rule')`), lists, addresses and
//! networks, buckets of time, and `kql('…')`, the language of the search bar, which any other
//! condition may stand beside. A second table, `fields`, tells what occurs (`DESCRIBE events`).
//!
//! Left out are functions that make much of little (`repeat`, `replace`, `lpad` …) and recursion.
//!
//! Conditions are tested where the rows lie, before the other columns are read; the newest rows are
//! read from the newest segment backwards until there are enough. What does not fit the memory of
//! queries goes to nameless, sealed files.
//!
//! A field of several values shows as a JSON array. Each query sees one snapshot, runs on the
//! store's own threads within a bound of memory, rows and time, and can reach neither files nor the
//! network.

mod admit;
mod alerts;
mod asked;
mod cells;
mod conditions;
mod events;
mod export;
mod filter;
mod functions;
mod names;
mod newest;
mod read;
mod rows;
mod run;
mod running;
mod scan;
mod schema;
mod spill;
mod told;

use std::time::Instant;

use model::Timestamp;
use query::Predicate;

use crate::{Store, StoreError};

pub use events::EventsExport;
pub use export::ExportFormat;
pub use functions::{SQL_FUNCTIONS, SqlFunction};
pub(crate) use run::Lazy;
pub use run::Rows;
pub use schema::SqlField;

impl Store {
    /// Asks in SQL; only reading is allowed. The rows come as they are found.
    pub async fn sql(&self, text: &str, limits: SqlLimits) -> Result<Rows, StoreError> {
        self.sql_among(text, None, limits).await
    }

    /// Asks in SQL, where the table of events has only those that pass a predicate.
    pub async fn sql_among(
        &self,
        text: &str,
        only: Option<Predicate>,
        limits: SqlLimits,
    ) -> Result<Rows, StoreError> {
        let engine = self.engine().get(self.shared())?;
        run::start(self.shared(), &engine, text, only, limits).await
    }

    /// Gives every field that there is to ask for, and in how many events each occurs.
    pub fn sql_fields(&self) -> Result<Vec<SqlField>, StoreError> {
        schema::fields(self.shared(), &self.shared().pin())
    }

    /// Tells how many tasks and threads work at queries just now. One that was given up counts until
    /// its last thread has noticed.
    pub fn sql_running(&self) -> usize {
        self.engine().running()
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

/// An answer as a file, piece by piece. Dropping it ends the query.
#[derive(Debug)]
pub struct Export {
    rows: Rows,
    encoder: Option<export::Encoder>,
    written: u64,
}

impl Export {
    /// Gives rows the shape of a file.
    pub fn of(rows: Rows, format: ExportFormat) -> Result<Self, StoreError> {
        let encoder = Some(export::Encoder::new(format, rows.schema())?);
        Ok(Self { rows, encoder, written: 0 })
    }

    /// Gives the next bytes; nothing after the last ones.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        while let Some(encoder) = &mut self.encoder {
            let bytes = if let Some(batch) = self.rows.next_batch().await? {
                self.written += u64::try_from(batch.num_rows()).unwrap_or_default();
                encoder.add(&batch)?
            } else {
                let last = encoder.finish()?;
                self.encoder = None;
                last
            };
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Tells how many rows were given so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Tells whether rows were left out because of the bound; known after the last bytes.
    pub fn is_truncated(&self) -> bool {
        self.rows.is_truncated()
    }

    /// Gives what could not be read, a sentence for each segment; known after the last bytes.
    pub fn unreadable(&self) -> Vec<String> {
        self.rows.unreadable()
    }
}
