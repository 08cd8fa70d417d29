//! What was found, in the order of time, whatever the order in which it was found.

use std::io;

use model::{Detection, Timestamp};
use serde_json::Value;

use super::sorted::Sorter;
use crate::detections::row;
use crate::output::{Cell, Printer};

/// The detections so far.
#[derive(Default)]
pub(super) struct Timeline {
    rows: Sorter,
}

impl Timeline {
    /// Takes a detection.
    pub(super) fn push(&mut self, detection: &Detection) -> io::Result<()> {
        self.put(detection.time, &row(detection))
    }

    fn put(&mut self, time: Timestamp, row: &[Cell]) -> io::Result<()> {
        let mut text = String::from("[");
        for (index, cell) in row.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            cell.write_json(&mut text);
        }
        text.push(']');
        self.rows.push(time, |out| out.extend_from_slice(text.as_bytes()))
    }

    /// Prints everything.
    pub(super) fn print(self, printer: &mut Printer) -> anyhow::Result<()> {
        let mut rows = self.rows.finish()?;
        let mut cells: Vec<Cell> = Vec::new();
        loop {
            let more = rows.next(|bytes| {
                let row: Vec<Value> = serde_json::from_slice(bytes).unwrap_or_default();
                cells.clear();
                cells.extend(row.into_iter().map(cell));
            })?;
            if !more {
                return Ok(());
            }
            printer.row(&cells)?;
        }
    }
}

/// Gives the cell that was written as JSON.
fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::String(text) => Cell::Text(text),
        Value::Array(texts) => Cell::List(
            texts.into_iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect(),
        ),
        other => Cell::Plain(other.to_string()),
    }
}
