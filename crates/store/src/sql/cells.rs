//! The engine's columns as cells, so that its types stay within.

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, Schema, TimeUnit, TimestampNanosecondType,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use model::Timestamp;

use super::{Cell, CellKind, Column};

pub(super) fn columns(schema: &Schema) -> Vec<Column> {
    let fields = schema.fields().iter();
    fields
        .map(|field| Column { name: shown(field.name()), kind: kind_of(field.data_type()) })
        .collect()
}

/// The engine names a column that was not named after its expression, tables and all.
fn shown(name: &str) -> String {
    if name.contains('(') { name.replace("events.", "") } else { name.to_owned() }
}

fn kind_of(data_type: &DataType) -> CellKind {
    match data_type {
        // UInt64 too: what is past i64 comes out as null and is none of ours.
        whole if whole.is_integer() => CellKind::Integer,
        number if number.is_floating() => CellKind::Float,
        DataType::Boolean => CellKind::Flag,
        DataType::Timestamp(..) => CellKind::Time,
        _ => CellKind::Text,
    }
}

/// Gives the rows of a batch.
pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<Cell>>, ArrowError> {
    let mut rows: Vec<Vec<Cell>> =
        (0..batch.num_rows()).map(|_| Vec::with_capacity(batch.num_columns())).collect();
    for array in batch.columns() {
        for (row, cell) in rows.iter_mut().zip(cells(array)?) {
            row.push(cell);
        }
    }
    Ok(rows)
}

fn cells(array: &ArrayRef) -> Result<Vec<Cell>, ArrowError> {
    let or_null = |cell: Option<Cell>| cell.unwrap_or(Cell::Null);
    Ok(match kind_of(array.data_type()) {
        CellKind::Integer => {
            let array = cast(array, &DataType::Int64)?;
            let values = array.as_primitive::<Int64Type>();
            values.iter().map(|value| or_null(value.map(Cell::Integer))).collect()
        }
        CellKind::Float => {
            let array = cast(array, &DataType::Float64)?;
            let values = array.as_primitive::<Float64Type>();
            values.iter().map(|value| or_null(value.map(Cell::Float))).collect()
        }
        CellKind::Flag => {
            array.as_boolean().iter().map(|value| or_null(value.map(Cell::Flag))).collect()
        }
        CellKind::Time => {
            let array = cast(array, &DataType::Timestamp(TimeUnit::Nanosecond, None))?;
            let values = array.as_primitive::<TimestampNanosecondType>().iter();
            values.map(|value| or_null(value.map(Timestamp::from_nanos).map(Cell::Time))).collect()
        }
        CellKind::Text => texts(array)?,
    })
}

fn texts(array: &ArrayRef) -> Result<Vec<Cell>, ArrowError> {
    if *array.data_type() == DataType::Null {
        return Ok(vec![Cell::Null; array.len()]);
    }
    if let Some(views) = array.as_string_view_opt() {
        let owned = |text: Option<&str>| text.map_or(Cell::Null, |text| Cell::Text(text.into()));
        return Ok(views.iter().map(owned).collect());
    }
    let options = FormatOptions::default().with_display_error(true);
    let formatter = ArrayFormatter::try_new(array, &options)?;
    Ok((0..array.len())
        .map(|row| {
            if array.is_null(row) {
                Cell::Null
            } else {
                Cell::Text(formatter.value(row).to_string())
            }
        })
        .collect())
}
