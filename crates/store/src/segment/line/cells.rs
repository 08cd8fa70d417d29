//! The values of a batch's rows as the texts that a record says them in.

use arrow::array::RecordBatch;
use model::{Field, Timestamp, Value};

use super::clock::number;
use crate::segment::decode::Values;
use crate::segment::layout::Column;

/// The columns of a batch that lines are made of.
#[derive(Debug)]
pub(super) struct Cells {
    known: Vec<(Field, Values)>,
    time: Option<Values>,
    extra: Option<Values>,
    /// Of each known field with its place, the rows that have several values of it, if any.
    several: Vec<Option<Vec<bool>>>,
}

impl Cells {
    pub(super) fn of(batch: &RecordBatch) -> Self {
        let mut cells = Self { known: Vec::new(), time: None, extra: None, several: Vec::new() };
        let mut lists = None;
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let Some(column) = Column::by_name(field.name()) else { continue };
            let Some(values) = Values::of(array) else { continue };
            match column {
                Column::Extra => cells.extra = Some(values),
                Column::Lists => lists = Some(values),
                Column::Known(Field::Timestamp) => cells.time = Some(values),
                Column::Known(field) if is_said(field) => cells.known.push((field, values)),
                Column::Known(_) => {}
            }
        }
        cells.several.resize(cells.known.len(), None);
        if let Some(lists) = lists {
            cells.note_lists(&lists, batch.num_rows());
        }
        cells
    }

    fn note_lists(&mut self, lists: &Values, rows: usize) {
        // Neighbours mostly have lists of the same fields.
        let (mut last, mut places) = ("", Vec::new());
        for row in 0..rows {
            let Some(names) = lists.text(row) else { continue };
            if names != last {
                last = names;
                let known = names.split(',').filter_map(Field::by_name);
                places = known.filter_map(|field| self.place(field)).collect();
            }
            for place in &places {
                let Some(several) = self.several.get_mut(*place) else { continue };
                let several = several.get_or_insert_with(|| vec![false; rows]);
                if let Some(is_list) = several.get_mut(row) {
                    *is_list = true;
                }
            }
        }
    }

    /// Gives where the field's column stands.
    pub(super) fn place(&self, field: Field) -> Option<usize> {
        self.known.iter().position(|(known, _)| *known == field)
    }

    /// Gives the fields that the row has, each with its place.
    pub(super) fn present(&self, row: usize) -> impl Iterator<Item = (usize, Field)> {
        let known = self.known.iter().enumerate();
        known
            .filter(move |(_, (_, values))| values.is_there(row))
            .map(|(at, (field, _))| (at, *field))
    }

    /// Gives for each row a number that is the same for rows that have the same fields.
    pub(super) fn kinds(&self, rows: usize) -> Vec<u64> {
        let mut kinds = vec![0_u64; rows];
        for values in self.extra.iter().chain(self.known.iter().map(|(_, values)| values)) {
            let mut add = |row: usize, is_there: bool| {
                if let Some(kind) = kinds.get_mut(row) {
                    *kind = (kind.rotate_left(5) ^ u64::from(is_there))
                        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
                }
            };
            match values.nulls() {
                Some(nulls) => nulls.iter().enumerate().for_each(|(row, is)| add(row, is)),
                None => (0..rows).for_each(|row| add(row, true)),
            }
        }
        kinds
    }

    pub(super) fn time(&self, row: usize) -> Timestamp {
        self.time.as_ref().and_then(|times| times.time(row)).unwrap_or_default()
    }

    pub(super) fn extra(&self, row: usize) -> Option<&str> {
        self.extra.as_ref()?.text(row)
    }

    /// Gives the one value of a field as text, which may be put together in `made`; none where there
    /// is none, or several.
    pub(super) fn text<'t>(
        &'t self,
        place: usize,
        row: usize,
        made: &'t mut String,
    ) -> Option<&'t str> {
        let (_, values) = self.known.get(place)?;
        let value = values.get(row)?;
        let several = self.several.get(place)?.as_ref();
        if several.is_some_and(|rows| rows.get(row) == Some(&true)) {
            return None;
        }
        match value {
            Value::Text(text) => Some(text),
            Value::Integer(value) => {
                made.clear();
                if value < 0 {
                    made.push('-');
                }
                number(value.unsigned_abs(), 1, made);
                Some(made)
            }
            _ => None,
        }
    }
}

/// Tells whether the records themselves say the field, as text or as a whole number.
fn is_said(field: Field) -> bool {
    !matches!(field, Field::EventId | Field::EventIngested | Field::EventOriginal)
}

/// Gives the members of a flat JSON object, each value as it is written; none where the object is not
/// flat or a name holds an escape.
pub(in crate::segment) fn members(object: &str) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    each_member(object, |name, raw| found.push((name, raw)))?;
    Some(found)
}

/// Gives each member of a flat JSON object, as far as it is one.
pub(super) fn each_member<'o>(
    object: &'o str,
    mut each: impl FnMut(&'o str, &'o str),
) -> Option<()> {
    let mut rest = object.strip_prefix('{')?.strip_suffix('}')?;
    loop {
        let (name, later) = rest.strip_prefix('"')?.split_once('"')?;
        let later = later.strip_prefix(':')?;
        let length = match later.bytes().next()? {
            b'"' => string_length(later)?,
            b'{' | b'[' => return None,
            _ => later.find(',').unwrap_or(later.len()),
        };
        let (value, later) = later.split_at_checked(length)?;
        if name.contains('\\') {
            return None;
        }
        each(name, value);
        match later.strip_prefix(',') {
            Some(next) => rest = next,
            None if later.is_empty() => return Some(()),
            None => return None,
        }
    }
}

/// Gives how long the JSON string is with which the text begins, quotes included.
fn string_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}
