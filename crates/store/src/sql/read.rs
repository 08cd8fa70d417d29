//! Reads the rows of a query out of one snapshot.
//!
//! First what is needed to tell which rows are wanted, then the other columns: of those rows alone
//! where they are few, of all where they are many. So a selective query decodes little, and a wide
//! one reads each column once, as if nothing had been pushed down.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use datafusion::common::{DataFusionError, Result};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::snapshot_physical_expr;
use model::{Event, Field};
use query::Node;
use tokio::sync::mpsc::Sender;

use super::asked::{Asked, Seen, View};
use super::conditions::{Condition, Conditions, narrow_block};
use super::newest::{Newest, bounds_of_time};
use super::rows::Rows;
use crate::StoreError;
use crate::index::Rows as Runs;
use crate::live::{Shared, Snapshot};
use crate::search::{Block, group_spans, rows_to_read};
use crate::segment::{Column, Footer, Segment, Span, batch_of};

pub(super) const BATCH_ROWS: usize = 8192;
/// How many rows are looked at first where the newest few are wanted.
const NEWEST_ROWS_FIRST: usize = 4096;
pub(super) const TIME: Column = Column::Known(Field::Timestamp);

pub(super) type Outcome<T> = std::result::Result<T, StoreError>;

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
    pub(super) snapshot: Arc<Snapshot>,
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
pub(super) struct Sink<'s> {
    sender: &'s Sender<Result<RecordBatch>>,
    left: usize,
}

impl Sink<'_> {
    pub(super) fn is_closed(&self) -> bool {
        self.left == 0 || self.sender.is_closed()
    }

    pub(super) fn send(&mut self, batch: &RecordBatch) {
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
        let hint = self.conditions.hint();
        for piece in pieces {
            if sink.is_closed() {
                break;
            }
            match piece {
                Piece::Memory(events) => self.read_memory(events, &mut sink)?,
                Piece::Group { segment, group, rows } => {
                    let group = Group { segment, group: *group, rows: *rows };
                    let read = self.read_group(&group, &hint, &mut newest, &mut sink);
                    self.snapshot.bear(&self.shared, segment, read).map_err(outer)?;
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
        group: &Group<'_>,
        hint: &Node,
        newest: &mut Option<Newest>,
        sink: &mut Sink<'_>,
    ) -> Outcome<()> {
        let row = &group.segment.row;
        let times = self.times(newest.as_ref()).map_err(inner)?;
        if row.last_time.nanos() < *times.start() || row.first_time.nanos() > *times.end() {
            return Ok(());
        }
        let footer = group.segment.footer(&self.shared.footers)?;
        let mut left = self.rows_of(group, hint, &footer, &times);
        let mut size = if newest.is_some() { NEWEST_ROWS_FIRST } else { usize::MAX };
        while !left.is_empty() && !sink.is_closed() {
            let rows = match newest {
                Some(newest) if !newest.is_newest => left.take_first(size),
                _ => left.take_last(size),
            };
            let times = self.times(newest.as_ref()).map_err(inner)?;
            self.read_block(group, rows, &times, newest, sink)?;
            size = size.saturating_mul(4);
            if newest.is_some() {
                // What can still come is less now.
                let times = self.times(newest.as_ref()).map_err(inner)?;
                left = left.and(&self.rows_of(group, &Node::All, &footer, &times));
            }
        }
        Ok(())
    }

    /// Gives the rows of a group that may be wanted, as its pages and the index tell.
    fn rows_of(&self, group: &Group<'_>, hint: &Node, footer: &Footer, times: &Span) -> Runs {
        let rows = rows_to_read(&self.shared, group.segment, footer, hint, times);
        let spans = group_spans(footer);
        match spans.get(group.group) {
            Some((_, span)) => rows.within(span),
            None => Runs::default(),
        }
    }

    fn read_block(
        &self,
        group: &Group<'_>,
        rows: Runs,
        times: &Span,
        newest: &mut Option<Newest>,
        sink: &mut Sink<'_>,
    ) -> Outcome<()> {
        let place = (group.group, group.rows);
        let mut block = Block::of(group.segment, &self.shared.footers, place, rows.clone());
        let mut marks = vec![true; block.len()];
        mark_times(&mut block, times, &mut marks)?;
        let dynamic = self.dynamic_conditions().map_err(inner)?;
        let mut left = narrow_block(&self.conditions, &mut block, &mut marks)?;
        left.extend(&dynamic);
        let mut rows = Rows { reader: self, place, rows, block, marks, kept: None };
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

/// One row group, and how many rows it has.
struct Group<'g> {
    segment: &'g Segment,
    group: usize,
    rows: usize,
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

/// Gives a batch of a view's columns.
pub(super) fn made(view: &View, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(&view.schema), columns, &options)?)
}

pub(super) fn outer(error: StoreError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Gives the error of a condition, so that it can pass what reads segments.
pub(super) fn inner(error: DataFusionError) -> StoreError {
    super::run::explain(error)
}
