//! The rows of one block: which of them are still wanted, and their columns, each read once.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{and, cast, concat_batches, filter, filter_record_batch};
use datafusion::common::Result;

use super::asked::{Seen, View};
use super::conditions::{Condition, joined, table_of};
use super::newest::Newest;
use super::read::{BATCH_ROWS, Outcome, Reader, Sink, TIME, inner, made};
use crate::StoreError;
use crate::index::Rows as Runs;
use crate::search::{Block, narrow};
use crate::segment::{
    Asked, Batches, Column, Segment, Table, Texts, Values, Wanted, selection, widen,
};

/// Rows are picked only where they are few; otherwise reading all of them is cheaper.
const PICKED_SHARE: usize = 8;
/// So few rows are picked in any case.
const PICKED_ROWS: usize = 64;

/// The rows of a block that are still wanted.
pub(super) struct Rows<'r> {
    pub(super) reader: &'r Reader,
    /// The row group, and how many rows it has.
    pub(super) place: (usize, usize),
    /// Where the rows of the block stand in it.
    pub(super) rows: Runs,
    pub(super) block: Block<'r>,
    pub(super) marks: Vec<bool>,
    /// Columns of the marked rows that were already read.
    pub(super) kept: Option<RecordBatch>,
}

impl Rows<'_> {
    fn count(&self) -> usize {
        self.marks.iter().filter(|mark| **mark).count()
    }

    /// Tests conditions upon the rows, of which it reads the columns that they look at.
    pub(super) fn test(&mut self, conditions: &[&Condition], sink: &Sink<'_>) -> Outcome<()> {
        let wanted = table_of(conditions);
        let told = conditions.iter().flat_map(|condition| condition.view.columns.clone());
        let told: Vec<Seen> = told.filter(|seen| matches!(seen, Seen::Told(_))).collect();
        let mut prepared = self.prepared(&told)?;
        for column in wanted.columns() {
            if let Some(array) = self.at_hand(*column)? {
                prepared.insert(Seen::Stored(*column), array);
            }
        }
        let is_missing = |column: &Column| !prepared.contains_key(&Seen::Stored(*column));
        let missing: Vec<Column> = wanted.columns().iter().copied().filter(is_missing).collect();
        let mut columns: Vec<Seen> = prepared.keys().copied().collect();
        columns.extend(missing.iter().map(|column| Seen::Stored(*column)));
        let view = View::of(columns, &self.reader.asked);
        let mut masks: Vec<BooleanArray> = Vec::new();
        let mut kept: Vec<RecordBatch> = Vec::new();
        let mut at = 0;
        for read in self.batches(&missing)? {
            if sink.is_closed() {
                return Ok(());
            }
            let read = read?;
            let batch = assemble(&view, &prepared, &read, at).map_err(inner)?;
            at += batch.num_rows();
            let mut mask: Option<BooleanArray> = None;
            for condition in conditions {
                let own = condition.test(&batch).map_err(inner)?;
                mask = Some(match mask {
                    Some(mask) => and(&mask, &own).map_err(internal)?,
                    None => own,
                });
            }
            let Some(mask) = mask else { continue };
            kept.push(filter_record_batch(&read, &mask).map_err(internal)?);
            masks.push(mask);
        }
        self.keep(&masks, &kept, &missing)
    }

    /// Clears the marks that the masks of consecutive marked rows clear, and keeps what was read.
    fn keep(
        &mut self,
        masks: &[BooleanArray],
        read: &[RecordBatch],
        columns: &[Column],
    ) -> Outcome<()> {
        let verdicts: Vec<bool> =
            masks.iter().flat_map(|mask| mask.iter().map(|one| one == Some(true))).collect();
        let schema = Arc::clone(Table::new(columns.to_vec()).schema());
        let mut now = concat_batches(&schema, read).map_err(internal)?;
        if let Some(before) = &self.kept {
            let mask = BooleanArray::from(verdicts.clone());
            let before = filter_record_batch(before, &mask).map_err(internal)?;
            let schema = joined(before.schema_ref(), now.schema_ref());
            let columns = before.columns().iter().chain(now.columns()).cloned().collect();
            let options = RecordBatchOptions::new().with_row_count(Some(now.num_rows()));
            now = RecordBatch::try_new_with_options(schema, columns, &options).map_err(internal)?;
        }
        let mut verdicts = verdicts.into_iter();
        for mark in self.marks.iter_mut().filter(|mark| **mark) {
            *mark = verdicts.next().unwrap_or(false);
        }
        self.kept = Some(now);
        Ok(())
    }

    /// Leaves the newest rows, or the oldest, as many as are wanted.
    pub(super) fn keep_newest(&mut self, newest: &mut Newest) -> Outcome<()> {
        self.block.load(TIME)?;
        let times: Vec<i64> = (0..self.marks.len())
            .filter(|row| self.marks.get(*row) == Some(&true))
            .filter_map(|row| Some(self.block.values(TIME)?.time(row)?.nanos()))
            .collect();
        newest.add(&times);
        let span = newest.span();
        let mask: BooleanArray = times.iter().map(|time| Some(span.contains(time))).collect();
        let kept = match &self.kept {
            None => None,
            Some(kept) => Some(filter_record_batch(kept, &mask).map_err(internal)?),
        };
        let mut verdicts = mask.iter();
        for mark in self.marks.iter_mut().filter(|mark| **mark) {
            *mark = verdicts.next().flatten().unwrap_or(false);
        }
        self.kept = kept;
        Ok(())
    }

    /// Gives the wanted columns of the rows that are left.
    pub(super) fn give(&mut self, sink: &mut Sink<'_>) -> Outcome<()> {
        let view = &self.reader.view;
        let mut prepared = self.prepared(&view.columns)?;
        let mut missing = Vec::new();
        for seen in &view.columns {
            let Seen::Stored(column) = seen else { continue };
            match self.at_hand(*column)? {
                Some(array) => {
                    prepared.insert(*seen, array);
                }
                None => missing.push(*column),
            }
        }
        let mut at = 0;
        for read in self.batches(&missing)? {
            if sink.is_closed() {
                break;
            }
            let batch = assemble(view, &prepared, &read?, at).map_err(inner)?;
            at += batch.num_rows();
            sink.send(&batch);
        }
        Ok(())
    }

    /// Gives, of the marked rows, the columns that tell whether a predicate passes.
    fn prepared(&mut self, columns: &[Seen]) -> Outcome<HashMap<Seen, ArrayRef>> {
        let mut prepared = HashMap::new();
        for seen in columns {
            let Seen::Told(place) = seen else { continue };
            let Some(predicate) = self.reader.asked.predicate(*place) else { continue };
            let mut passed = self.marks.clone();
            narrow(predicate.node(), &mut self.block, &mut passed)?;
            let of_marked = passed.iter().zip(&self.marks).filter(|(_, mark)| **mark);
            let told: BooleanArray = of_marked.map(|(passed, _)| Some(*passed)).collect();
            let told: ArrayRef = Arc::new(told);
            prepared.insert(*seen, told);
        }
        Ok(prepared)
    }

    /// Gives a column of the marked rows, if it was read already.
    fn at_hand(&self, column: Column) -> Outcome<Option<ArrayRef>> {
        if let Some(array) = self.kept.as_ref().and_then(|kept| kept.column_by_name(column.name()))
        {
            return Ok(Some(Arc::clone(array)));
        }
        let array: ArrayRef = match self.block.values(column) {
            None => return Ok(None),
            Some(Values::View(array)) => Arc::new(array.clone()),
            Some(Values::Dictionary { array, .. }) => Arc::new(array.clone()),
            Some(Values::Integer(array)) => Arc::new(array.clone()),
            Some(Values::Id(array)) => Arc::new(array.clone()),
            Some(Values::Float(array)) => Arc::new(array.clone()),
            Some(Values::Flag(array)) => Arc::new(array.clone()),
            Some(Values::Time(array)) => Arc::new(array.clone()),
        };
        let mask = BooleanArray::from(self.marks.clone());
        let array = filter(&array, &mask).map_err(internal)?;
        cast(&array, &column.data_type()).map(Some).map_err(internal)
    }

    /// Reads columns of the marked rows, batch by batch.
    fn batches(&self, columns: &[Column]) -> Outcome<Reading<'_>> {
        let count = self.count();
        let segment = self.block.segment;
        let cache = &self.reader.shared.footers;
        let table = Table::new(columns.to_vec());
        let (mut source, mut marks) = (Source::Nothing(count), None);
        if count > 0 && columns.iter().any(|column| segment.has(*column)) {
            if count <= self.marks.len() / PICKED_SHARE || count <= PICKED_ROWS {
                let chosen: Vec<usize> = (0..self.marks.len())
                    .filter(|row| self.marks.get(*row) == Some(&true))
                    .collect();
                let mut rows = Runs::default();
                self.block.places(&chosen).into_iter().for_each(|row| rows.push(row..row + 1));
                let read =
                    segment.batch(cache, self.place, &rows, (columns, Asked::All), Texts::Plain)?;
                source = Source::Picked(read);
            } else {
                let (group, group_rows) = self.place;
                let rows = selection(self.rows.runs().iter().cloned(), group_rows);
                let texts = Texts::Plain;
                let wanted = Wanted { columns, texts, group, rows, batch_rows: BATCH_ROWS };
                source = Source::Read(segment.rows(cache, wanted)?);
                marks = Some(self.marks.as_slice());
            }
        }
        Ok(Reading { source, segment, table, marks })
    }
}

/// Where columns come from.
enum Source {
    /// The segment has none of them; so many rows.
    Nothing(usize),
    /// All at once.
    Picked(Option<RecordBatch>),
    /// One after the other, the unmarked rows among them.
    Read(Batches),
}

/// Columns of the marked rows of a block, batch by batch.
struct Reading<'b> {
    source: Source,
    segment: &'b Segment,
    table: Table,
    /// The marks of the rows that are still to come, where some are not wanted.
    marks: Option<&'b [bool]>,
}

impl Iterator for Reading<'_> {
    type Item = Outcome<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match &mut self.source {
            Source::Nothing(left) => {
                let count = (*left).min(BATCH_ROWS);
                *left -= count;
                let schema = Arc::new(arrow::datatypes::Schema::empty());
                let options = RecordBatchOptions::new().with_row_count(Some(count));
                let nothing = RecordBatch::try_new_with_options(schema, Vec::new(), &options);
                if count == 0 {
                    return None;
                }
                nothing
            }
            Source::Picked(batch) => Ok(batch.take()?),
            Source::Read(reader) => reader.next()?,
        };
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return Some(Err(self.segment.damaged(error))),
        };
        let read = widen(&batch, &self.table);
        let Some(marks) = self.marks else { return Some(read) };
        let (now, later) = marks.split_at_checked(batch.num_rows()).unwrap_or((marks, &[]));
        self.marks = Some(later);
        let mask = BooleanArray::from(now.to_vec());
        Some(read.and_then(|batch| filter_record_batch(&batch, &mask).map_err(internal)))
    }
}

/// Puts columns that were prepared for all marked rows beside those that were read for some of them,
/// which begin at the `at`-th.
fn assemble(
    view: &View,
    prepared: &HashMap<Seen, ArrayRef>,
    read: &RecordBatch,
    at: usize,
) -> Result<RecordBatch> {
    let column = |seen: &Seen| match (prepared.get(seen), seen) {
        (Some(array), _) => Some(array.slice(at, read.num_rows())),
        (None, Seen::Stored(column)) => read.column_by_name(column.name()).map(Arc::clone),
        (None, Seen::Told(_)) => None,
    };
    made(view, view.columns.iter().filter_map(column).collect(), read.num_rows())
}

fn internal(error: arrow::error::ArrowError) -> StoreError {
    StoreError::Internal(error.to_string())
}
