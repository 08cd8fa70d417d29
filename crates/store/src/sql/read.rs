//! Reads the rows of a query out of one snapshot.
//!
//! First what is needed to tell which rows are wanted, then the other columns: of those rows alone
//! where they are few, of all where they are many. So a selective query decodes little, and a wide
//! one reads each column once, as if nothing had been pushed down.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{and, cast, concat_batches, filter, filter_record_batch};
use datafusion::common::{DataFusionError, Result};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::snapshot_physical_expr;
use model::{Event, Field};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use tokio::sync::mpsc::Sender;

use super::asked::{Asked, Seen, View};
use super::conditions::{Condition, Conditions, joined, narrow_block, table_of};
use super::newest::{Newest, bounds_of_time};
use crate::StoreError;
use crate::live::Shared;
use crate::search::{Block, Place, narrow};
use crate::segment::{
    Column, Segment, Span, Table, Texts, Values, Wanted, batch_of, selection, widen,
};

const BATCH_ROWS: usize = 8192;
/// Rows are picked only where they are few; otherwise reading all of them is cheaper.
const PICKED_SHARE: usize = 8;
/// How many rows are looked at first where the newest few are wanted.
const NEWEST_ROWS_FIRST: usize = 4096;
const TIME: Column = Column::Known(Field::Timestamp);

type Outcome<T> = std::result::Result<T, StoreError>;

/// Something that is read in one go.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Memory(Arc<[Arc<Event>]>),
    Group { segment: Arc<Segment>, group: usize, rows: usize },
}

impl Piece {
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Memory(events) => events.len(),
            Self::Group { rows, .. } => *rows,
        }
    }
}

/// What one scan of the table reads, and under which conditions.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
    pub(super) asked: Arc<Asked>,
    pub(super) all: View,
    pub(super) view: View,
    pub(super) conditions: Conditions,
    /// Conditions that the query itself tightens while it runs.
    pub(super) dynamic: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) limit: usize,
    /// How many of the newest rows, or of the oldest, are wanted; of more, nobody sees them.
    pub(super) newest: Option<Newest>,
}

/// Hands batches over until nobody wants any more.
struct Sink<'s> {
    sender: &'s Sender<Result<RecordBatch>>,
    left: usize,
}

impl Sink<'_> {
    fn is_closed(&self) -> bool {
        self.left == 0 || self.sender.is_closed()
    }

    fn send(&mut self, batch: &RecordBatch) {
        let batch = batch.slice(0, batch.num_rows().min(self.left));
        self.left -= batch.num_rows();
        if batch.num_rows() > 0 && self.sender.blocking_send(Ok(batch)).is_err() {
            self.left = 0;
        }
    }
}

impl Reader {
    /// Reads pieces one after the other.
    pub(super) fn read(
        &self,
        pieces: &[Piece],
        sender: &Sender<Result<RecordBatch>>,
    ) -> Result<()> {
        let mut sink = Sink { sender, left: self.limit };
        let mut newest = self.newest.clone();
        for piece in pieces {
            if sink.is_closed() {
                break;
            }
            match piece {
                Piece::Memory(events) => self.read_memory(events, &mut sink)?,
                Piece::Group { segment, group, rows } => {
                    self.read_group(segment, *group, *rows, &mut newest, &mut sink)
                        .map_err(outer)?;
                }
            }
        }
        Ok(())
    }

    fn times(&self, newest: Option<&Newest>) -> Result<Span> {
        let mut span = self.conditions.filter.times.clone();
        let mut within = |other: Span| {
            span = *span.start().max(other.start())..=*span.end().min(other.end());
        };
        for dynamic in &self.dynamic {
            within(bounds_of_time(&snapshot_physical_expr(Arc::clone(dynamic))?));
        }
        if let Some(newest) = newest {
            within(newest.span());
        }
        Ok(span)
    }

    fn read_memory(&self, events: &[Arc<Event>], sink: &mut Sink<'_>) -> Result<()> {
        let dynamic = self.dynamic_conditions()?;
        let conditions: Vec<&Condition> =
            self.conditions.distinct.iter().chain(&self.conditions.rows).chain(&dynamic).collect();
        let times = self.times(None)?;
        let passes = |event: &&Arc<Event>| {
            times.contains(&event.time.nanos())
                && self.conditions.predicates.iter().all(|predicate| predicate.matches(event))
        };
        let chosen: Vec<Arc<Event>> = events.iter().filter(passes).cloned().collect();
        for events in chosen.chunks(BATCH_ROWS) {
            if sink.is_closed() {
                break;
            }
            let mut view = self.view.clone();
            for seen in conditions.iter().flat_map(|condition| &condition.view.columns) {
                if !view.columns.contains(seen) {
                    view.columns.push(*seen);
                }
            }
            let view = View::of(view.columns, &self.asked);
            let mut batch = self.batch_of_events(events, &view)?;
            for condition in &conditions {
                batch = filter_record_batch(&batch, &condition.test(&batch)?)?;
            }
            let places: Vec<usize> = (0..self.view.columns.len()).collect();
            sink.send(&batch.project(&places)?);
        }
        Ok(())
    }

    fn batch_of_events(&self, events: &[Arc<Event>], view: &View) -> Result<RecordBatch> {
        let stored = batch_of(&view.table(), events)?;
        let mut arrays = stored.columns().iter();
        let columns = view.columns.iter().filter_map(|seen| match seen {
            Seen::Stored(_) => arrays.next().map(Arc::clone),
            Seen::Told(place) => {
                let predicate = self.asked.predicate(*place)?;
                let told = events.iter().map(|event| Some(predicate.matches(event)));
                let told: ArrayRef = Arc::new(told.collect::<BooleanArray>());
                Some(told)
            }
        });
        made(view, columns.collect(), events.len())
    }

    /// Gives what the query tightens while it runs, as it stands now.
    fn dynamic_conditions(&self) -> Result<Vec<Condition>> {
        let now = |dynamic: &Arc<dyn PhysicalExpr>| {
            let now = snapshot_physical_expr(Arc::clone(dynamic))?;
            Condition::of(now, &self.all, &self.asked)
        };
        let all: Vec<Condition> = self.dynamic.iter().map(now).collect::<Result<_>>()?;
        Ok(all.into_iter().filter(|condition| !condition.view.columns.is_empty()).collect())
    }

    fn read_group(
        &self,
        segment: &Segment,
        group: usize,
        group_rows: usize,
        newest: &mut Option<Newest>,
        sink: &mut Sink<'_>,
    ) -> Outcome<()> {
        let footer = segment.footer(&self.shared.footers)?;
        let mut size = if newest.is_some() { NEWEST_ROWS_FIRST } else { usize::MAX };
        let mut left = 0..group_rows;
        while left.start < left.end && !sink.is_closed() {
            let times = self.times(newest.as_ref()).map_err(inner)?;
            let (first, last) = (segment.row.first_time.nanos(), segment.row.last_time.nanos());
            if last < *times.start() || first > *times.end() {
                break;
            }
            let within = footer.rows_within(group, Field::Timestamp, &times);
            left = left.start.max(within.start)..left.end.min(within.end);
            let is_oldest = newest.as_ref().is_some_and(|newest| !newest.is_newest);
            let rows = if is_oldest {
                left.start..left.start.saturating_add(size).min(left.end)
            } else {
                left.end.saturating_sub(size).max(left.start)..left.end
            };
            if rows.start >= rows.end {
                break;
            }
            left = if is_oldest { rows.end..left.end } else { left.start..rows.start };
            size = size.saturating_mul(4);
            let place = Place { group, group_rows, rows };
            self.read_block(segment, &place, &times, newest, sink)?;
        }
        Ok(())
    }

    fn read_block(
        &self,
        segment: &Segment,
        place: &Place,
        times: &Span,
        newest: &mut Option<Newest>,
        sink: &mut Sink<'_>,
    ) -> Outcome<()> {
        let mut block = Block::at(segment, &self.shared.footers, place.clone());
        let mut marks = vec![true; block.len()];
        mark_times(&mut block, times, &mut marks)?;
        let dynamic = self.dynamic_conditions().map_err(inner)?;
        let mut left = narrow_block(&self.conditions, &mut block, &mut marks)?;
        left.extend(&dynamic);
        let mut rows = Rows { reader: self, place, block, marks, kept: None };
        let (prose, short): (Vec<&Condition>, Vec<&Condition>) =
            left.into_iter().partition(|condition| condition.is_of_prose());
        for tier in [short, prose] {
            if !tier.is_empty() && !sink.is_closed() {
                rows.test(&tier, sink)?;
            }
        }
        if let Some(newest) = newest {
            rows.keep_newest(newest)?;
        }
        if sink.is_closed() { Ok(()) } else { rows.give(sink) }
    }
}

/// Clears the marks of the rows that are not within a span of times.
fn mark_times(block: &mut Block<'_>, times: &Span, marks: &mut [bool]) -> Outcome<()> {
    let row = &block.segment.row;
    if *times.start() <= row.first_time.nanos() && row.last_time.nanos() <= *times.end() {
        return Ok(());
    }
    block.load(TIME)?;
    let time = |row: usize| block.values(TIME).and_then(|values| values.time(row));
    for (row, mark) in marks.iter_mut().enumerate() {
        *mark = *mark && time(row).is_some_and(|time| times.contains(&time.nanos()));
    }
    Ok(())
}

/// The rows of a block that are still wanted.
struct Rows<'r> {
    reader: &'r Reader,
    place: &'r Place,
    block: Block<'r>,
    marks: Vec<bool>,
    /// Columns of the marked rows that were already read.
    kept: Option<RecordBatch>,
}

impl Rows<'_> {
    fn count(&self) -> usize {
        self.marks.iter().filter(|mark| **mark).count()
    }

    /// Tests conditions upon the rows, of which it reads the columns that they look at.
    fn test(&mut self, conditions: &[&Condition], sink: &Sink<'_>) -> Outcome<()> {
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
    fn keep_newest(&mut self, newest: &mut Newest) -> Outcome<()> {
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
    fn give(&mut self, sink: &mut Sink<'_>) -> Outcome<()> {
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
    fn batches(&self, columns: &[Column]) -> Outcome<Batches<'_>> {
        let count = self.count();
        let is_sparse = count <= self.marks.len() / PICKED_SHARE;
        let segment = self.block.segment;
        let table = Table::new(columns.to_vec());
        let reader = if count == 0 || !columns.iter().any(|column| segment.has(*column)) {
            None
        } else {
            let start = self.place.rows.start;
            let ranges =
                if is_sparse { runs(&self.marks, start) } else { vec![self.place.rows.clone()] };
            let wanted = Wanted {
                columns,
                texts: Texts::Plain,
                group: self.place.group,
                rows: selection(ranges, self.place.group_rows),
                batch_rows: BATCH_ROWS,
            };
            Some(segment.rows(&self.reader.shared.footers, wanted)?)
        };
        let marks = if is_sparse { None } else { Some(self.marks.as_slice()) };
        Ok(Batches { reader, segment, table, marks, left: count })
    }
}

/// Columns of the marked rows of a block, batch by batch.
struct Batches<'b> {
    /// Without one, there is nothing to read: the segment has none of the columns.
    reader: Option<ParquetRecordBatchReader>,
    segment: &'b Segment,
    table: Table,
    /// The marks of the rows that the reader gives, where it gives more than the marked ones.
    marks: Option<&'b [bool]>,
    left: usize,
}

impl Iterator for Batches<'_> {
    type Item = Outcome<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(reader) = &mut self.reader else {
            let count = self.left.min(BATCH_ROWS);
            self.left -= count;
            let nothing = RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty()));
            let options = RecordBatchOptions::new().with_row_count(Some(count));
            let nothing = RecordBatch::try_new_with_options(nothing.schema(), Vec::new(), &options);
            let read = nothing.map_err(internal).and_then(|batch| widen(&batch, &self.table));
            return (count > 0).then_some(read);
        };
        let batch = match reader.next()? {
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

/// Gives the runs of marked rows, the first of which is row `start`.
fn runs(marks: &[bool], start: usize) -> Vec<std::ops::Range<usize>> {
    let rows: Vec<usize> = (0..marks.len()).filter(|row| marks.get(*row) == Some(&true)).collect();
    let runs = rows.chunk_by(|one, next| one + 1 == *next);
    runs.filter_map(|run| Some(start + run.first()?..start + run.last()? + 1)).collect()
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

fn made(view: &View, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(&view.schema), columns, &options)?)
}

pub(super) fn outer(error: StoreError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Gives the error of a condition, so that it can pass what reads segments.
fn inner(error: DataFusionError) -> StoreError {
    super::run::explain(error)
}

fn internal(error: arrow::error::ArrowError) -> StoreError {
    StoreError::Internal(error.to_string())
}
