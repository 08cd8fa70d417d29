//! The columns of a batch, as the index takes them.

use std::collections::HashMap;

use model::{Field, FieldKind, Value};

use super::counts::Tally;
use super::term;
use crate::segment::{Column, Values};

/// How many values of a column are remembered as done in their block.
const DONE_VALUES: usize = 256;

/// A column of the batches that goes into the index.
pub(super) struct Looked {
    pub(super) column: Column,
    pub(super) field: u64,
    pub(super) is_core: bool,
    pub(super) tally: Option<Tally>,
    /// The hashes of values, each with the blocks in which it was done last.
    done: Vec<(u64, usize)>,
}

/// The columns that tell how others of the same row are to be taken.
pub(super) struct Beside {
    /// Of each column that holds lists, in which rows.
    pub(super) listed: HashMap<Column, Vec<bool>>,
    pub(super) original: Option<Values>,
}

impl Beside {
    pub(super) fn of(columns: &[(Looked, Values)], rows: usize) -> Self {
        let find = |wanted| {
            columns.iter().find(|(one, _)| one.column == wanted).map(|(_, all)| all.clone())
        };
        let mut listed: HashMap<Column, Vec<bool>> = HashMap::new();
        if let Some(lists) = find(Column::Lists) {
            for row in 0..rows {
                let names = text_at(&lists, row).unwrap_or_default().split(',');
                for column in names.filter_map(Column::by_name) {
                    let rows = listed.entry(column).or_insert_with(|| vec![false; rows]);
                    if let Some(is_list) = rows.get_mut(row) {
                        *is_list = true;
                    }
                }
            }
        }
        Self { listed, original: find(Column::Known(Field::EventOriginal)) }
    }
}

pub(super) fn text_at(values: &Values, row: usize) -> Option<&str> {
    match values.get(row)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

impl Looked {
    pub(super) fn of(column: Column) -> Self {
        let counted = match column {
            Column::Known(Field::EventId) | Column::Extra | Column::Lists => false,
            Column::Known(field) => {
                !column.is_prose() && !matches!(field.kind(), FieldKind::Float | FieldKind::Date)
            }
        };
        Self {
            column,
            field: term::field(column.name()),
            is_core: matches!(column, Column::Known(field) if is_core(field)),
            tally: counted.then(Tally::default),
            done: vec![(0, 0); DONE_VALUES],
        }
    }

    /// Tells whether a value was done in the block before, and remembers that it is now.
    pub(super) fn is_done(&mut self, hash: u64, block: usize) -> bool {
        let place = usize::try_from(hash).unwrap_or_default() % DONE_VALUES;
        match self.done.get_mut(place) {
            Some(entry) => std::mem::replace(entry, (hash, block)) == (hash, block),
            None => false,
        }
    }
}

/// Tells whether investigations ask for values of the field.
fn is_core(field: Field) -> bool {
    let name = field.name();
    field.kind() == FieldKind::Ip
        || ["user.", "host.", "dns.", "file.hash.", "source.user", "destination.user"]
            .iter()
            .any(|start| name.starts_with(start))
        || [".domain", ".mac", ".address"].iter().any(|end| name.ends_with(end))
        || matches!(
            field,
            Field::EventCode | Field::ProcessName | Field::FileName | Field::EventAction
        )
}
