//! An answer as a file: CSV (RFC 4180), JSON (one object a line) or Parquet, piece by piece, so that
//! it takes the same memory however long it is.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use model::{Timestamp, write_json_string};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{Cell, Column, cells};
use crate::StoreError;

/// Bounds the rows of a Parquet row group in bytes, as they wait in memory.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// The shape of an exported file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values with a header line (RFC 4180), each value as it is.
    Csv,
    /// The same, but a text that a spreadsheet would take for a formula has an apostrophe before it.
    CsvForSpreadsheets,
    /// One JSON object a line.
    Json,
    /// A Parquet file.
    Parquet,
}

impl ExportFormat {
    /// Gives the media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvForSpreadsheets => "text/csv; charset=utf-8",
            Self::Json => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// Gives the ending of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvForSpreadsheets => "csv",
            Self::Json => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// Turns batches into the bytes of a file.
#[derive(Debug)]
pub(crate) struct Encoder {
    columns: Vec<Column>,
    begun: bool,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Csv(Formulas),
    Json,
    Parquet { writer: Option<Box<ArrowWriter<Pipe>>>, written: Pipe },
}

/// What becomes of a text that begins like a formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Formulas {
    Kept,
    Defused,
}

impl Encoder {
    pub(crate) fn new(format: ExportFormat, schema: &SchemaRef) -> Result<Self, StoreError> {
        let shape = match format {
            ExportFormat::Csv => Shape::Csv(Formulas::Kept),
            ExportFormat::CsvForSpreadsheets => Shape::Csv(Formulas::Defused),
            ExportFormat::Json => Shape::Json,
            ExportFormat::Parquet => {
                let written = Pipe::default();
                let level = ZstdLevel::try_new(3).map_err(failed)?;
                let properties =
                    WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
                let writer =
                    ArrowWriter::try_new(written.clone(), Arc::clone(schema), Some(properties))
                        .map_err(failed)?;
                Shape::Parquet { writer: Some(Box::new(writer)), written }
            }
        };
        Ok(Self { columns: cells::columns(schema), begun: false, shape })
    }

    /// Gives the bytes that a batch adds; perhaps none yet.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, StoreError> {
        let mut out = self.head();
        let internal = |error: arrow::error::ArrowError| StoreError::Internal(error.to_string());
        match &mut self.shape {
            Shape::Csv(formulas) => {
                for row in cells::rows(batch).map_err(internal)? {
                    write_csv_row(&row, *formulas, &mut out);
                }
            }
            Shape::Json => {
                for row in cells::rows(batch).map_err(internal)? {
                    write_json_row(&self.columns, &row, &mut out);
                }
            }
            Shape::Parquet { writer, written } => {
                if let Some(writer) = writer {
                    writer.write(batch).map_err(failed)?;
                    if writer.in_progress_size() >= GROUP_BYTES_MAX {
                        writer.flush().map_err(failed)?;
                    }
                }
                return Ok(written.take());
            }
        }
        Ok(out.into_bytes())
    }

    /// Gives the last bytes.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>, StoreError> {
        let head = self.head();
        match &mut self.shape {
            Shape::Parquet { writer, written } => {
                if let Some(writer) = writer.take() {
                    writer.close().map_err(failed)?;
                }
                Ok(written.take())
            }
            Shape::Csv(_) | Shape::Json => Ok(head.into_bytes()),
        }
    }

    fn head(&mut self) -> String {
        let mut out = String::new();
        if let Shape::Csv(formulas) = &self.shape
            && !self.begun
        {
            let names = self.columns.iter().map(|column| Cell::Text(column.name.clone()));
            write_csv_row(&names.collect::<Vec<_>>(), *formulas, &mut out);
        }
        self.begun = true;
        out
    }
}

fn failed(error: parquet::errors::ParquetError) -> StoreError {
    StoreError::damaged("the exported file", error)
}

fn write_csv_row(row: &[Cell], formulas: Formulas, out: &mut String) {
    for (place, cell) in row.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        match cell {
            Cell::Text(text) => write_csv_text(text, formulas, out),
            Cell::Null => {}
            // Writing to a string cannot fail.
            Cell::Integer(number) => drop(write!(out, "{number}")),
            Cell::Float(number) => drop(write!(out, "{number}")),
            Cell::Flag(flag) => drop(write!(out, "{flag}")),
            Cell::Time(time) => drop(write!(out, "{time}")),
        }
    }
    out.push_str("\r\n");
}

fn write_csv_text(text: &str, formulas: Formulas, out: &mut String) {
    let is_formula = formulas == Formulas::Defused
        && text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    // An empty text is told from nothing by its quotes.
    let is_quoted = text.is_empty() || is_formula || text.contains(['"', ',', '\n', '\r']);
    if !is_quoted {
        out.push_str(text);
        return;
    }
    out.push('"');
    if is_formula {
        out.push('\'');
    }
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

fn write_json_row(columns: &[Column], row: &[Cell], out: &mut String) {
    out.push('{');
    for (place, (column, cell)) in columns.iter().zip(row).enumerate() {
        if place > 0 {
            out.push(',');
        }
        write_json_string(&column.name, out);
        out.push(':');
        match cell {
            Cell::Text(text) => write_json_string(text, out),
            Cell::Integer(number) => drop(write!(out, "{number}")),
            Cell::Float(number) if number.is_finite() => drop(write!(out, "{number:?}")),
            // JSON has no infinities.
            Cell::Null | Cell::Float(_) => out.push_str("null"),
            Cell::Flag(flag) => drop(write!(out, "{flag}")),
            Cell::Time(time) => write_json_string(&Timestamp::to_string(time), out),
        }
    }
    out.push_str("}\n");
}

/// Where a writer leaves its bytes for whoever takes them away.
#[derive(Clone, Debug, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
