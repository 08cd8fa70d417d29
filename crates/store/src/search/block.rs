//! Some rows of one row group, whose columns are read when they are first looked at.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use model::Event;

use crate::StoreError;
use crate::index::Rows;
use crate::segment::{Cache, Column, Decoder, Segment, Texts, Values};

/// Some rows of one row group.
#[derive(Debug)]
pub(crate) struct Block<'s> {
    pub(crate) segment: &'s Segment,
    cache: &'s Cache,
    group: usize,
    group_rows: usize,
    rows: Rows,
    length: usize,
    read: HashMap<Column, Option<Values>>,
}

/// Where a run of rows lies.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) group: usize,
    pub(crate) group_rows: usize,
    pub(crate) rows: Range<usize>,
}

impl<'s> Block<'s> {
    /// Gives the block of a run of rows.
    pub(crate) fn at(segment: &'s Segment, cache: &'s Cache, place: Place) -> Self {
        let Place { group, group_rows, rows } = place;
        Self::of(segment, cache, (group, group_rows), Rows::run(rows))
    }

    /// Gives the block of some rows, counted from the begin of their row group, which is given with
    /// how many rows it has.
    pub(crate) fn of(
        segment: &'s Segment,
        cache: &'s Cache,
        (group, group_rows): (usize, usize),
        rows: Rows,
    ) -> Self {
        let length = rows.count();
        Self { segment, cache, group, group_rows, rows, length, read: HashMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn group(&self) -> usize {
        self.group
    }

    /// Reads a column, if that was not done yet.
    pub(crate) fn load(&mut self, column: Column) -> Result<(), StoreError> {
        if self.read.contains_key(&column) {
            return Ok(());
        }
        let values = if self.segment.has(column) {
            let batch = self.read(&self.rows, &[column], Texts::Keys)?;
            batch.and_then(|batch| Values::of(batch.column_by_name(column.name())?))
        } else {
            None
        };
        self.read.insert(column, values);
        Ok(())
    }

    /// Gives a column that was read; `None` where the segment does not have it.
    pub(crate) fn values(&self, column: Column) -> Option<&Values> {
        self.read.get(&column)?.as_ref()
    }

    /// Gives where some rows of the block, in ascending order, stand in their row group.
    pub(crate) fn places(&self, rows: &[usize]) -> Vec<usize> {
        let mut places = Vec::with_capacity(rows.len());
        let mut runs = self.rows.runs().iter();
        let mut run = runs.next();
        let mut before = 0;
        for row in rows {
            while let Some(current) = run {
                if row - before < current.len() {
                    places.push(current.start + (row - before));
                    break;
                }
                before += current.len();
                run = runs.next();
            }
        }
        places
    }

    /// Gives the events of some rows, given in ascending order, from the columns named.
    pub(crate) fn events(
        &self,
        rows: &[usize],
        columns: &[Column],
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        let mut chosen = Rows::default();
        self.places(rows).into_iter().for_each(|place| chosen.push(place..place + 1));
        let Some(batch) = self.read(&chosen, columns, Texts::Plain)? else {
            return Ok(Vec::new());
        };
        let decoder = Decoder::of(&batch);
        Ok((0..batch.num_rows()).map(|row| Arc::new(decoder.event(row))).collect())
    }

    fn read(
        &self,
        rows: &Rows,
        columns: &[Column],
        texts: Texts,
    ) -> Result<Option<RecordBatch>, StoreError> {
        self.segment.batch(self.cache, (self.group, self.group_rows), rows, columns, texts)
    }
}
