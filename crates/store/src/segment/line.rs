//! The record as it was received, kept without saying again what the columns say.
//!
//! Most of a record stands in the event's own columns: address, user, port, moment. So a file may
//! keep, instead of the column `event.original`, two others from which it is put together again, byte
//! by byte:
//!
//! | column | |
//! |---|---|
//! | `bartizan.line.shape` | what is the same in many lines, and where the values stand |
//! | `bartizan.line.rest` | what no column holds, its pieces apart by U+001F |
//!
//! ```text
//! <‹v log.syslog.priority›>‹t b0+0› ‹v host.name› sshd[‹v process.pid›]: Failed ‹v ssh.method› for …
//! ```
//!
//! A value stands between U+0001 and U+0002: `v` a known field, `x` the same as JSON escapes it, `t`
//! the event's moment (form, digits of the fraction, quarters of an hour ahead), `m` an unknown field,
//! `a` all unknown fields, `r` a piece of the rest. A line of no shape stands whole in the rest, its
//! shape null. Each line is put together from the very values that its row will have, before it is
//! written; what does not come out the same stays whole.

mod cells;
mod clock;
mod learn;
mod shape;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringDictionaryBuilder, StringViewBuilder,
};
use arrow::datatypes::{DataType, Field as ArrowField, FieldRef, Int32Type, Schema};
use arrow::error::ArrowError;
use model::Field;

use super::decode::Values;
use super::layout::TEXT_TYPE;
pub(super) use cells::members;
pub(super) use shape::bare;

use cells::Cells;
use learn::Shapes;
use shape::{Scratch, Shape};

/// The column of shapes.
pub(super) const SHAPE: &str = "bartizan.line.shape";
/// The column of what no other column holds.
pub(super) const REST: &str = "bartizan.line.rest";

/// Gives the type of the column of shapes: there are few, and each is read once a batch.
pub(super) fn shape_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Gives the columns that stand for the record.
pub(super) fn fields() -> [FieldRef; 2] {
    [
        Arc::new(ArrowField::new(SHAPE, shape_type(), true)),
        Arc::new(ArrowField::new(REST, TEXT_TYPE, true)),
    ]
}

/// Takes records apart.
#[derive(Debug, Default)]
pub(super) struct Taker {
    shapes: Shapes,
    scratch: Scratch,
}

impl Taker {
    /// Gives the columns that stand for the records of a batch.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<[ArrayRef; 2], ArrowError> {
        let original = batch.column_by_name(Field::EventOriginal.name()).and_then(Values::of);
        let cells = Cells::of(batch);
        let mut shapes = StringDictionaryBuilder::<Int32Type>::new();
        let mut rests = StringViewBuilder::with_capacity(batch.num_rows());
        let mut rest = String::new();
        for (row, kind) in cells.kinds(batch.num_rows()).into_iter().enumerate() {
            let line = original.as_ref().and_then(|lines| lines.text(row)).unwrap_or_default();
            rest.clear();
            let scratch = &mut self.scratch;
            let shape = self.shapes.cut(line, (&cells, row, kind), scratch, &mut rest);
            if let Some(shape) = shape {
                shapes.append(shape)?;
                rests.append_option(Some(&rest).filter(|rest| !rest.is_empty()));
            } else {
                shapes.append_null();
                rests.append_value(line);
            }
        }
        Ok([Arc::new(shapes.finish()), Arc::new(rests.finish())])
    }
}

/// Gives the fields that the shapes of a batch name, for the segment's list of what they need.
pub(super) fn fields_of(shapes: &ArrayRef) -> Vec<Field> {
    let texts =
        shapes.as_dictionary_opt::<Int32Type>().and_then(|all| all.values().as_string_opt::<i32>());
    texts.into_iter().flatten().flatten().flat_map(Shape::fields_in).collect()
}

/// Puts the records of a batch together; the batch has the columns that the shapes name.
pub(super) fn put_together(batch: &RecordBatch) -> Result<ArrayRef, ArrowError> {
    let unreadable = || ArrowError::ParseError("the records' shapes cannot be read".to_owned());
    let shapes = batch.column_by_name(SHAPE).ok_or_else(unreadable)?;
    let shapes = shapes.as_dictionary_opt::<Int32Type>().ok_or_else(unreadable)?;
    let texts = shapes.values().as_string_opt::<i32>().ok_or_else(unreadable)?;
    let rests = batch.column_by_name(REST).and_then(Values::of).ok_or_else(unreadable)?;
    let cells = Cells::of(batch);
    // Read when the first line of a shape comes; a batch of few rows meets few of them.
    let mut read: HashMap<i32, Shape> = HashMap::new();
    let mut scratch = Scratch::default();
    let mut lines = StringViewBuilder::with_capacity(batch.num_rows());
    let mut line = String::new();
    for (row, key) in shapes.keys().iter().enumerate() {
        let rest = rests.text(row).unwrap_or_default();
        let Some(key) = key else {
            lines.append_value(rest);
            continue;
        };
        let shape = match read.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let place = usize::try_from(key).map_err(|_| unreadable())?;
                let shape = Shape::decode(texts.value(place), &cells).ok_or_else(unreadable)?;
                new.insert(shape)
            }
        };
        line.clear();
        if !shape.join(&cells, row, rest, &mut scratch, &mut line) {
            return Err(unreadable());
        }
        lines.append_value(&line);
    }
    Ok(Arc::new(lines.finish()))
}

/// Gives the batch with these columns only, the record among them put together.
pub(super) fn restored(batch: &RecordBatch, wanted: &[&str]) -> Result<RecordBatch, ArrowError> {
    let mut fields: Vec<FieldRef> = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if wanted.contains(&field.name().as_str()) {
            fields.push(Arc::clone(field));
            arrays.push(Arc::clone(array));
        }
    }
    fields.push(Arc::new(ArrowField::new(Field::EventOriginal.name(), TEXT_TYPE, false)));
    arrays.push(put_together(batch)?);
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

#[cfg(test)]
mod tests {
    use model::{Event, Text, Timestamp, Value};
    use proptest::prelude::*;

    use super::*;
    use crate::segment::{Table, batch_of};

    /// Gives the records as they come back, and how many were taken apart.
    fn there_and_back(events: &[Arc<Event>]) -> (Vec<String>, usize) {
        let table = Table::of_events(events);
        let batch = batch_of(&table, events).unwrap();
        let taken = Taker::default().take(&batch).unwrap();
        let apart = taken[0].len() - taken[0].null_count();
        let others = batch
            .schema()
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, array)| (Arc::clone(field), Arc::clone(array)))
            .filter(|(field, _)| field.name() != "event.original")
            .collect::<Vec<_>>();
        let all = others.into_iter().chain(fields().into_iter().zip(taken));
        let (fields, arrays): (Vec<FieldRef>, Vec<ArrayRef>) = all.unzip();
        let kept = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
        let lines = Values::of(&put_together(&kept).unwrap()).unwrap();
        let texts = (0..events.len()).map(|row| lines.text(row).unwrap_or_default().to_owned());
        (texts.collect(), apart)
    }

    fn event(line: &str, fields: &[(&str, Value<'_>)]) -> Arc<Event> {
        let time = Timestamp::parse("2026-11-21T06:58:00.123Z").unwrap();
        let mut event = Event::new(Text::from(line), time);
        for (name, value) in fields {
            event.set_path(name, *value);
        }
        Arc::new(event)
    }

    fn check(events: &[Arc<Event>], apart: usize) {
        let (lines, taken) = there_and_back(events);
        let expected: Vec<&str> = events.iter().map(|event| event.original()).collect();
        assert_eq!(lines, expected);
        assert_eq!(taken, apart);
    }

    #[test]
    fn values_moments_and_members_are_not_said_again() {
        let key_value = [
            ("source.ip", Value::Text("203.0.113.9")),
            ("source.port", Value::Integer(514)),
            ("fw.rule", Value::Text("drop all")),
            ("fw.packets", Value::Integer(7)),
        ];
        let json = [("process.executable", Value::Text("C:\\Windows\\cmd.exe"))];
        check(
            &[
                event("Nov 21 06:58:00 fw src=203.0.113.9:514 rule=drop all packets=7", &key_value),
                event("Nov 21 07:58:00 fw src=203.0.113.9:514 rule=drop all packets=7", &key_value),
                event(r#"{"image":"C:\\Windows\\cmd.exe","n":1}"#, &json),
                event(r#"{"image":"C:\\Windows\\cmd.exe","n":22}"#, &json),
            ],
            4,
        );
    }

    #[test]
    fn what_could_be_mistaken_stays_whole() {
        let user = [("user.name", Value::Text("ann"))];
        check(
            &[
                event("ann\u{1}vuser.name\u{2}", &user),
                event("\u{1f}ann", &user),
                event("", &[]),
                event("ann", &user),
            ],
            2,
        );
    }

    proptest! {
        #[test]
        fn any_lines(rows in prop::collection::vec((
            prop::collection::vec(0..14_usize, 0..10),
            prop::option::of("[a-c1-3\"\\\\ü]{0,3}"),
            prop::option::of(-2_i64..120),
            prop::collection::vec(("[xyz]", "[a1\" ]{0,2}"), 0..3),
        ), 0..40)) {
            let events: Vec<Arc<Event>> = rows.iter().map(|(words, user, port, extras)| {
                let mut line = String::new();
                for word in words {
                    match word {
                        0 => line.push_str(user.as_deref().unwrap_or("-")),
                        1 => line.push_str(&port.map_or("-".to_owned(), |port| port.to_string())),
                        2 => line.push_str("2026-11-21T06:58:00.123Z"),
                        3 => line.push_str("Nov 21 05:58:00"),
                        4 => extras.iter().for_each(|(name, value)| {
                            line.extend([" ", name, "=", value]);
                        }),
                        5 => line.push('\u{1f}'),
                        6 => line.push_str("2026"),
                        word => line.push_str([" ", "=", "\"", "a", "12", "ü", ":"][word - 7]),
                    }
                }
                let mut fields: Vec<(&str, Value<'_>)> = Vec::new();
                fields.extend(user.as_deref().map(|user| ("user.name", Value::Text(user))));
                fields.extend(port.map(|port| ("source.port", Value::Integer(port))));
                fields.extend(extras.iter().map(|(name, value)| (name.as_str(), Value::Text(value))));
                event(&line, &fields)
            }).collect();
            let (lines, _) = there_and_back(&events);
            let expected: Vec<&str> = events.iter().map(|event| event.original()).collect();
            prop_assert_eq!(lines, expected);
        }
    }
}
