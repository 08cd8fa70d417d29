//! What a search found as a file: all of it, in order, page by page of one snapshot.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewBuilder};
use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use model::Event;

use super::ExportFormat;
use super::export::Encoder;
use crate::live::{Shared, Snapshot};
use crate::search::{Search, find};
use crate::segment::{Column, TEXT_TYPE, Table, batch_of};
use crate::{Order, Scope, Store, StoreError};

/// How many events are found at a time.
const PAGE_EVENTS: usize = 8192;
/// How many of them become bytes at a time.
const BATCH_EVENTS: usize = 1024;
/// Bounds the columns of a CSV file.
const COLUMNS_MAX: usize = 500;

/// The events of a search as a file, piece by piece.
#[derive(Debug)]
pub struct EventsExport {
    shared: Arc<Shared>,
    snapshot: Snapshot,
    search: Search,
    left: usize,
    found: std::vec::IntoIter<Arc<Event>>,
    more: bool,
    shape: Shape,
    written: u64,
}

#[derive(Debug)]
enum Shape {
    /// Whole events, one JSON object a line.
    Json,
    /// Some fields as text.
    Csv { encoder: Encoder, schema: SchemaRef },
    /// All columns.
    Parquet { encoder: Encoder, table: Table },
    /// The last bytes were given.
    Over,
}

impl Store {
    /// Gives the events of a scope as a file, at most `limit` of them. A CSV file has the fields of
    /// `columns` as text; JSON has whole events; Parquet has all columns.
    pub fn export_events(
        &self,
        scope: Scope,
        order: Order,
        limit: usize,
        format: ExportFormat,
        columns: &[String],
    ) -> Result<EventsExport, StoreError> {
        let shared = Arc::clone(self.shared());
        let shape = match format {
            ExportFormat::Json => Shape::Json,
            ExportFormat::Csv | ExportFormat::CsvForSpreadsheets => {
                let names = columns.iter().take(COLUMNS_MAX);
                let fields: Vec<_> =
                    names.map(|name| ArrowField::new(name, TEXT_TYPE, true)).collect();
                let schema = Arc::new(Schema::new(fields));
                Shape::Csv { encoder: Encoder::new(format, &schema)?, schema }
            }
            ExportFormat::Parquet => {
                let stored = Column::all().filter(|column| *column != Column::Lists);
                let table = Table::new(stored.collect());
                Shape::Parquet { encoder: Encoder::new(format, table.schema())?, table }
            }
        };
        let snapshot = shared.pin();
        let search = Search { scope, order, limit: PAGE_EVENTS, cursor: None };
        let found = Vec::new().into_iter();
        Ok(EventsExport {
            shared,
            snapshot,
            search,
            left: limit,
            found,
            more: true,
            shape,
            written: 0,
        })
    }
}

impl EventsExport {
    /// Gives the next bytes; nothing after the last ones. Past the deadline of the scope it is an
    /// error: half a file misleads.
    pub fn next_bytes(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        loop {
            if matches!(self.shape, Shape::Over) {
                return Ok(None);
            }
            let events = self.next_events()?;
            let bytes = if events.is_empty() { self.finish()? } else { self.encode(&events)? };
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    /// Tells how many events were given so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Gives what could not be read so far, a sentence for each segment.
    pub fn unreadable(&self) -> Vec<String> {
        self.snapshot.unread.sentences()
    }

    /// Tells whether there may be more than were asked for.
    pub fn is_truncated(&self) -> bool {
        self.left == 0 && (self.more || self.found.len() > 0)
    }

    fn next_events(&mut self) -> Result<Vec<Arc<Event>>, StoreError> {
        if self.found.len() == 0 && self.more && self.left > 0 {
            let found = find(&self.shared, &self.snapshot, &self.search)?;
            if !found.is_complete {
                return Err(StoreError::Deadline);
            }
            self.more = found.next.is_some();
            self.search.cursor = found.next;
            self.found = found.events.into_iter();
        }
        let count = BATCH_EVENTS.min(self.left);
        let events: Vec<_> = self.found.by_ref().take(count).collect();
        self.left -= events.len();
        self.written += u64::try_from(events.len()).unwrap_or_default();
        Ok(events)
    }

    fn encode(&mut self, events: &[Arc<Event>]) -> Result<Vec<u8>, StoreError> {
        let internal = |error: arrow::error::ArrowError| StoreError::Internal(error.to_string());
        match &mut self.shape {
            Shape::Json => {
                let mut out = String::new();
                for event in events {
                    out.push_str(&event.to_json());
                    out.push('\n');
                }
                Ok(out.into_bytes())
            }
            Shape::Csv { encoder, schema } => {
                let column = |field: &Arc<ArrowField>| texts(events, field.name());
                let columns = schema.fields().iter().map(column).collect();
                let batch = RecordBatch::try_new(Arc::clone(schema), columns).map_err(internal)?;
                encoder.add(&batch)
            }
            Shape::Parquet { encoder, table } => {
                encoder.add(&batch_of(table, events).map_err(internal)?)
            }
            Shape::Over => Ok(Vec::new()),
        }
    }

    fn finish(&mut self) -> Result<Vec<u8>, StoreError> {
        match std::mem::replace(&mut self.shape, Shape::Over) {
            Shape::Csv { mut encoder, .. } | Shape::Parquet { mut encoder, .. } => encoder.finish(),
            Shape::Json | Shape::Over => Ok(Vec::new()),
        }
    }
}

/// Gives a field of each event as text.
fn texts(events: &[Arc<Event>], name: &str) -> ArrayRef {
    let mut texts = StringViewBuilder::with_capacity(events.len());
    for event in events {
        texts.append_option(event.get_path(name).map(|value| value.to_string()));
    }
    Arc::new(texts.finish())
}
