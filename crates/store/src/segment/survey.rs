//! What events have, looked at once before they become columns.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Event, Field, SCHEMA, ValueKind};

use super::build::{Table, stays_extra};
use super::layout::Column;
use super::stats::{EXTRA_NAMES_MAX, SegmentStats};

/// What some events have.
pub(super) struct Survey<'e> {
    /// By [`Column::index`], whether any event has it.
    seen: Vec<bool>,
    /// Whether any event has several values of it.
    lists: Vec<bool>,
    /// In how many events each unknown field stands; of too many names, not all.
    names: HashMap<&'e str, u64>,
}

impl<'e> Survey<'e> {
    /// Looks at events.
    pub(super) fn of(events: &'e [Arc<Event>]) -> Self {
        let columns = Column::all().count();
        let mut survey =
            Self { seen: vec![false; columns], lists: vec![false; columns], names: HashMap::new() };
        for event in events {
            survey.add(event);
        }
        survey
    }

    fn add(&mut self, event: &'e Event) {
        for (field, kind) in event.kinds() {
            let column = Column::Known(field);
            mark(&mut self.seen, column);
            if kind == ValueKind::List {
                mark(&mut self.lists, column);
                mark(&mut self.seen, Column::Lists);
            }
            if stays_extra(event, field, kind) {
                mark(&mut self.seen, Column::Extra);
            }
        }
        for name in event.extra_names() {
            mark(&mut self.seen, Column::Extra);
            if let Some(count) = self.names.get_mut(name) {
                *count += 1;
            } else if self.names.len() <= EXTRA_NAMES_MAX {
                self.names.insert(name, 1);
            }
        }
    }

    /// Gives the table of the columns that occur.
    pub(super) fn table(&self) -> Table {
        let occurs = |column: &Column| {
            column.is_always() || self.seen.get(column.index()).copied().unwrap_or(false)
        };
        Table::new(Column::all().filter(occurs).collect())
    }

    /// Gives what the events tell and the file does not.
    pub(super) fn stats(&self, log: u64) -> SegmentStats {
        let mut stats = SegmentStats { log, extra_whole: true, ..SegmentStats::default() };
        let lists = SCHEMA.iter().map(|row| row.field).filter(|field| {
            self.lists.get(Column::Known(*field).index()).copied().unwrap_or(false)
        });
        stats.lists.extend(lists.map(|field: Field| field.name().to_owned()));
        for (name, count) in &self.names {
            stats.add_extra(name, Some(*count));
        }
        stats
    }
}

fn mark(marks: &mut [bool], column: Column) {
    if let Some(mark) = marks.get_mut(column.index()) {
        *mark = true;
    }
}
