//! Columns back into events.

use std::net::IpAddr;
use std::ops::Range;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, RecordBatch,
    StringArray, StringViewArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt64Type};
use model::{Event, EventId, Field, FieldKind, Text, Timestamp, Value};

use super::extra::{Borrowed, restore};
use super::layout::Column;

/// Reads events out of a batch; fields whose columns the batch does not have are not set.
#[derive(Debug)]
pub(crate) struct Decoder {
    known: Vec<(Field, Values)>,
    extra: Option<Values>,
    lists: Option<Values>,
    original: Option<Values>,
    id: Option<Values>,
    time: Option<Values>,
    ingested: Option<Values>,
}

/// A column of one of the types that segments have.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    View(StringViewArray),
    Dictionary { array: DictionaryArray<Int32Type>, texts: StringArray },
    Integer(Int64Array),
    Id(UInt64Array),
    Float(Float64Array),
    Flag(BooleanArray),
    Time(TimestampNanosecondArray),
}

impl Values {
    pub(crate) fn of(array: &ArrayRef) -> Option<Self> {
        let array = array.as_ref();
        if let Some(views) = array.as_string_view_opt() {
            return Some(Self::View(views.clone()));
        }
        if let Some(dictionary) = array.as_dictionary_opt::<Int32Type>() {
            let texts = dictionary.values().as_string_opt::<i32>()?.clone();
            return Some(Self::Dictionary { array: dictionary.clone(), texts });
        }
        if let Some(times) = array.as_primitive_opt::<TimestampNanosecondType>() {
            return Some(Self::Time(times.clone()));
        }
        if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
            return Some(Self::Integer(integers.clone()));
        }
        if let Some(ids) = array.as_primitive_opt::<UInt64Type>() {
            return Some(Self::Id(ids.clone()));
        }
        if let Some(floats) = array.as_primitive_opt::<Float64Type>() {
            return Some(Self::Float(floats.clone()));
        }
        array.as_boolean_opt().map(|flags| Self::Flag(flags.clone()))
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::View(array) => array,
            Self::Dictionary { array, .. } => array,
            Self::Integer(array) => array,
            Self::Id(array) => array,
            Self::Float(array) => array,
            Self::Flag(array) => array,
            Self::Time(array) => array,
        }
    }

    /// Gives the value in a row; `None` where it is null.
    pub(crate) fn get(&self, row: usize) -> Option<Value<'_>> {
        // A call through `dyn` for each value would cost more than the value.
        fn has(array: &impl Array, row: usize) -> bool {
            row < array.len() && array.is_valid(row)
        }
        let is_there = match self {
            Self::View(array) => has(array, row),
            Self::Dictionary { array, .. } => has(array, row),
            Self::Integer(array) => has(array, row),
            Self::Id(array) => has(array, row),
            Self::Float(array) => has(array, row),
            Self::Flag(array) => has(array, row),
            Self::Time(array) => has(array, row),
        };
        if !is_there {
            return None;
        }
        Some(match self {
            Self::View(array) => Value::Text(array.value(row)),
            Self::Dictionary { array, texts } => {
                let key = usize::try_from(array.keys().value(row)).ok()?;
                if texts.is_null(key) {
                    return None;
                }
                Value::Text(texts.value(key))
            }
            Self::Integer(array) => Value::Integer(array.value(row)),
            Self::Id(array) => Value::Integer(i64::try_from(array.value(row)).ok()?),
            Self::Float(array) => Value::Float(array.value(row)),
            Self::Flag(array) => Value::Flag(array.value(row)),
            Self::Time(array) => Value::Time(Timestamp::from_nanos(array.value(row))),
        })
    }

    /// Gives each value in some rows, with its row; the kind of the column is looked at once.
    pub(crate) fn each<'v>(&'v self, rows: Range<usize>, mut each: impl FnMut(usize, Value<'v>)) {
        match self {
            Self::View(array) => {
                each_valid(array.nulls(), rows, |row| each(row, Value::Text(array.value(row))));
            }
            Self::Integer(array) => {
                each_valid(array.nulls(), rows, |row| each(row, Value::Integer(array.value(row))));
            }
            Self::Time(array) => each_valid(array.nulls(), rows, |row| {
                each(row, Value::Time(Timestamp::from_nanos(array.value(row))));
            }),
            _ => rows.for_each(|row| {
                if let Some(value) = self.get(row) {
                    each(row, value);
                }
            }),
        }
    }

    /// Gives which rows have a value; all have where there is nothing.
    pub(super) fn nulls(&self) -> Option<&NullBuffer> {
        self.array().nulls()
    }

    /// Tells whether the row has a value.
    pub(super) fn is_there(&self, row: usize) -> bool {
        let array = self.array();
        row < array.len() && array.is_valid(row)
    }

    pub(super) fn text(&self, row: usize) -> Option<&str> {
        match self.get(row)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn time(&self, row: usize) -> Option<Timestamp> {
        match self.get(row)? {
            Value::Time(time) => Some(time),
            _ => None,
        }
    }

    pub(crate) fn id(&self, row: usize) -> Option<u64> {
        match self {
            Self::Id(ids) if row < ids.len() && ids.is_valid(row) => Some(ids.value(row)),
            _ => None,
        }
    }
}

/// Gives the rows that are not null.
fn each_valid(nulls: Option<&NullBuffer>, rows: Range<usize>, mut each: impl FnMut(usize)) {
    let Some(nulls) = nulls else { return rows.for_each(each) };
    let within = nulls.inner().slice(rows.start, rows.len());
    within.set_indices().for_each(|row| each(rows.start + row));
}

impl Decoder {
    pub(crate) fn of(batch: &RecordBatch) -> Self {
        let mut decoder = Self {
            known: Vec::new(),
            extra: None,
            lists: None,
            original: None,
            id: None,
            time: None,
            ingested: None,
        };
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let Some(column) = Column::by_name(field.name()) else { continue };
            let Some(values) = Values::of(array) else { continue };
            match column {
                Column::Extra => decoder.extra = Some(values),
                Column::Lists => decoder.lists = Some(values),
                Column::Known(Field::EventOriginal) => decoder.original = Some(values),
                Column::Known(Field::EventId) => decoder.id = Some(values),
                Column::Known(Field::Timestamp) => decoder.time = Some(values),
                Column::Known(Field::EventIngested) => decoder.ingested = Some(values),
                Column::Known(field) => decoder.known.push((field, values)),
            }
        }
        // In the order of the schema each field is added at the end of the event's own list.
        decoder.known.sort_by_key(|(field, _)| *field);
        decoder
    }

    /// Gives the event in a row.
    pub(crate) fn event(&self, row: usize) -> Event {
        let original = self.original.as_ref().and_then(|texts| texts.text(row)).unwrap_or_default();
        let ingested = self.ingested.as_ref().and_then(|times| times.time(row));
        let mut event = Event::new(Text::from(original), ingested.unwrap_or_default());
        if let Some(time) = self.time.as_ref().and_then(|times| times.time(row)) {
            event.time = time;
        }
        event.id = EventId(self.id.as_ref().and_then(|ids| ids.id(row)).unwrap_or_default());
        let lists = self.lists.as_ref().and_then(|lists| lists.text(row)).unwrap_or_default();
        for (field, values) in &self.known {
            if let Some(value) = values.get(row) {
                let list = !lists.is_empty() && lists.split(',').any(|name| name == field.name());
                restore_value(*field, value, Shape::of(list), &mut event);
            }
        }
        if let Some(extra) = self.extra.as_ref().and_then(|extra| extra.text(row)) {
            restore(extra, lists, &mut event);
        }
        event
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    Several,
}

impl Shape {
    fn of(several: bool) -> Self {
        if several { Self::Several } else { Self::One }
    }
}

fn restore_value(field: Field, value: Value<'_>, shape: Shape, event: &mut Event) {
    match (field.kind(), value) {
        (FieldKind::Keyword | FieldKind::Ip, Value::Text(text)) if shape == Shape::Several => {
            let items = list_items(text);
            event.set_list(field, items.iter().map(|item| Value::Text(item)));
        }
        (FieldKind::Ip, Value::Text(text)) => match text.parse::<IpAddr>() {
            Ok(address) => event.set(field, address),
            Err(_) => event.set_extra(field.name(), text),
        },
        _ => event.set(field, value),
    }
}

/// Gives the texts of a JSON array of texts; none where it is not one.
pub(crate) fn list_items(array: &str) -> Vec<std::borrow::Cow<'_, str>> {
    let items: Vec<Borrowed<'_>> = serde_json::from_str(array).unwrap_or_default();
    items.into_iter().map(|item| item.0).collect()
}
