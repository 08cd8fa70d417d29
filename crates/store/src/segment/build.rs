//! Events into columns.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use model::{Event, Field, FieldKind, Value, ValueKind};

use super::builder::Builder;
use super::extra::{put, put_value};
use super::layout::{Column, TEXT_TYPE, data_type};
#[cfg(test)]
use super::survey::Survey;

/// The columns of a table, and where each one stands.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    /// By [`Column::index`].
    places: Vec<Option<usize>>,
    schema: SchemaRef,
}

impl Table {
    /// Gives the table of these columns, in this order.
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        let mut places = vec![None; Column::all().count()];
        for (place, column) in columns.iter().enumerate() {
            if let Some(entry) = places.get_mut(column.index()) {
                *entry = Some(place);
            }
        }
        let fields: Vec<_> = columns.iter().map(|column| column.arrow()).collect();
        Self { columns, places, schema: Arc::new(Schema::new(fields)) }
    }

    /// Gives the table of the columns that occur in these events.
    #[cfg(test)]
    pub(crate) fn of_events(events: &[Arc<Event>]) -> Self {
        Survey::of(events).table()
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn place(&self, column: Column) -> Option<usize> {
        self.places.get(column.index()).copied().flatten()
    }
}

/// Gives the events as one batch of the table's columns; fields without a column are left out.
pub(crate) fn batch_of(table: &Table, events: &[Arc<Event>]) -> Result<RecordBatch, ArrowError> {
    let mut builders: Vec<Builder> =
        table.columns.iter().map(|column| Builder::of(&column.data_type())).collect();
    let mut scratch = Scratch::default();
    for (number, event) in events.iter().enumerate() {
        put_event(&mut Row { table, builders: &mut builders, number }, event, &mut scratch);
    }
    let arrays: Vec<ArrayRef> = builders
        .into_iter()
        .map(|mut builder| {
            builder.pad(events.len());
            builder.finish()
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(events.len()));
    RecordBatch::try_new_with_options(Arc::clone(&table.schema), arrays, &options)
}

/// Text that is put together anew for each row.
#[derive(Default)]
struct Scratch {
    text: String,
    extra: String,
    lists: String,
}

struct Row<'b> {
    table: &'b Table,
    builders: &'b mut [Builder],
    number: usize,
}

fn put_event(row: &mut Row<'_>, event: &Event, scratch: &mut Scratch) {
    let Scratch { text, extra, lists } = scratch;
    extra.clear();
    lists.clear();
    for (field, value) in event.known() {
        if let Value::List(list) = value {
            if unfit(field, value) {
                put(field.name(), value, extra);
                continue;
            }
            if !lists.is_empty() {
                lists.push(',');
            }
            lists.push_str(field.name());
            if data_type(field) == TEXT_TYPE {
                text.clear();
                put_value(value, text);
                row.text(Column::Known(field), text);
            } else {
                put(field.name(), value, extra);
                if let Some(first) = list.iter().next() {
                    row.scalar(field, first, text);
                }
            }
        } else if !row.scalar(field, value, text) {
            put(field.name(), value, extra);
        }
    }
    for found in event.extras() {
        put(found.name, found.value, extra);
    }
    if !extra.is_empty() {
        extra.push('}');
        row.text(Column::Extra, extra);
    }
    if !lists.is_empty() {
        row.text(Column::Lists, lists);
    }
    row.time(Field::Timestamp, event.time.nanos());
    row.time(Field::EventIngested, event.ingested.nanos());
    row.text(Column::Known(Field::EventOriginal), event.original());
    if let Some(Builder::Id(ids)) = row.builder(Column::Known(Field::EventId)) {
        ids.append_value(event.id.0);
    }
}

/// Tells whether a known field's value goes, wholly or beside its column, into `extra`.
pub(super) fn stays_extra(event: &Event, field: Field, kind: ValueKind) -> bool {
    if kind != ValueKind::List {
        return !fits(field, kind);
    }
    data_type(field) != TEXT_TYPE || event.get(field).is_some_and(|value| unfit(field, value))
}

/// Tells whether a list is none that the column of the field can name: lists of lists, values of
/// another kind.
fn unfit(field: Field, value: Value<'_>) -> bool {
    match value {
        Value::List(list) => list.len() < 2 || !list.iter().all(|one| fits(field, one.kind())),
        _ => false,
    }
}

/// Tells whether the column of the field can hold a value of that kind; a log written by another
/// version may bring others.
fn fits(field: Field, kind: ValueKind) -> bool {
    if field == Field::EventId {
        return false;
    }
    match field.kind() {
        FieldKind::Keyword | FieldKind::Ip => {
            matches!(kind, ValueKind::Text | ValueKind::Address)
        }
        FieldKind::Long => kind == ValueKind::Integer,
        FieldKind::Float => kind == ValueKind::Float,
        FieldKind::Flag => kind == ValueKind::Flag,
        FieldKind::Date => kind == ValueKind::Time,
    }
}

/// Appends an address; the usual kind without the formatter, which costs more than all the rest.
fn put_address(address: IpAddr, out: &mut String) {
    let IpAddr::V4(address) = address else {
        // Writing to a String cannot fail.
        let _ = write!(out, "{address}");
        return;
    };
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            out.push('.');
        }
        let digit = |number: u8| char::from(b'0' + number % 10);
        if octet >= 100 {
            out.push(digit(octet / 100));
        }
        if octet >= 10 {
            out.push(digit(octet / 10));
        }
        out.push(digit(octet));
    }
}

impl Row<'_> {
    fn builder(&mut self, column: Column) -> Option<&mut Builder> {
        let builder = self.builders.get_mut(self.table.place(column)?)?;
        builder.pad(self.number);
        Some(builder)
    }

    fn text(&mut self, column: Column, value: &str) {
        if let Some(Builder::Text(texts)) = self.builder(column) {
            texts.append_value(value);
        }
    }

    fn time(&mut self, field: Field, nanos: i64) {
        if let Some(Builder::Time(times)) = self.builder(Column::Known(field)) {
            times.append_value(nanos);
        }
    }

    /// Puts one value into its column, and tells whether the column is of its kind.
    fn scalar(&mut self, field: Field, value: Value<'_>, text: &mut String) -> bool {
        if !fits(field, value.kind()) {
            return false;
        }
        match (self.builder(Column::Known(field)), value) {
            (Some(Builder::Text(texts)), Value::Text(value)) => texts.append_value(value),
            (Some(Builder::Text(texts)), Value::Address(address)) => {
                text.clear();
                put_address(address, text);
                texts.append_value(&*text);
            }
            (Some(Builder::Integer(integers)), Value::Integer(value)) => {
                integers.append_value(value);
            }
            (Some(Builder::Float(floats)), Value::Float(value)) => floats.append_value(value),
            (Some(Builder::Flag(flags)), Value::Flag(value)) => flags.append_value(value),
            (Some(Builder::Time(times)), Value::Time(value)) => times.append_value(value.nanos()),
            _ => {}
        }
        true
    }
}
