//! Merges segments into one, column by column, in the order of time.
//!
//! No event is put together: rows are taken out of the batches of each segment as they are and laid
//! side by side anew. Of each segment that goes in there is one batch in memory at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch, TimestampNanosecondArray, UInt64Array};
use arrow::compute::{filter_record_batch, interleave_record_batch};
use arrow::datatypes::{TimestampNanosecondType, UInt64Type};
use arrow::error::ArrowError;
use catalog::SegmentRow;
use model::{Field, Value};

use super::pace;
use crate::StoreError;
use crate::live::Shared;
use crate::segment::{
    Batches, Column, Segment, SegmentStats, SegmentWriter, Table, Texts, Values, Wanted,
    WriteOptions, selection, widen,
};

/// Hard, for what stays.
const ZSTD_LEVEL: i32 = 9;
const ROWS_OUT: usize = 8192;
/// How many rows the batches of all segments have together.
const ROWS_IN: usize = 24 * 1024;
const BATCH_ROWS_MIN: usize = 1024;
const LEVEL_MAX: u8 = 100;

/// A segment that goes in, and which of its rows do.
#[derive(Debug)]
pub(crate) struct Input<'i> {
    pub(crate) segment: &'i Arc<Segment>,
    /// Of each row group, whether a row goes in; without it all of them do.
    pub(crate) stay: Option<&'i [BooleanArray]>,
}

/// Writes one segment of the rows of several, and gives its row for the catalog. The file is of no
/// effect until it is listed.
pub(crate) fn merge(
    shared: &Shared,
    inputs: &[Input<'_>],
    name: String,
) -> Result<SegmentRow, StoreError> {
    let has = |column: &Column| {
        column.is_always() || inputs.iter().any(|input| input.segment.has(*column))
    };
    let table = Table::new(Column::all().filter(has).collect());
    let mut stats = SegmentStats::merged(inputs.iter().map(|input| &input.segment.stats));
    stats.level = stats.level.saturating_add(1).min(LEVEL_MAX);
    let keyring = shared.config.sealing();
    let options = WriteOptions { zstd_level: ZSTD_LEVEL, keyring };
    let writer = SegmentWriter::create(&shared.dir, name, &table, options)?;
    let batch_rows = (ROWS_IN / inputs.len().max(1)).clamp(BATCH_ROWS_MIN, ROWS_OUT);
    let mut recounted = None;
    if inputs.iter().any(|input| input.stay.is_some()) {
        stats.forget_extra();
        recounted = Some(stats.clone());
    }
    let out = Out { writer, rows: Vec::new(), from: Vec::new(), written: 0, recounted };
    let mut merging = Merging { shared, out };
    let cursors = inputs
        .iter()
        .map(|input| Cursor::begin(shared, input, &table, batch_rows))
        .collect::<Result<Vec<_>, _>>()?;
    merging.run(cursors)?;
    let Out { writer, recounted, .. } = merging.out;
    writer.finish(recounted.unwrap_or(stats))
}

struct Merging<'m> {
    shared: &'m Shared,
    out: Out,
}

/// The rows of the next batch that is written.
struct Out {
    writer: SegmentWriter,
    /// Batch and row of each.
    rows: Vec<(usize, usize)>,
    from: Vec<RecordBatch>,
    /// Counts the batches.
    written: u64,
    /// Where rows are left out, the stats, whose unknown fields are counted anew.
    recounted: Option<SegmentStats>,
}

/// The place of a row in the order of a file: its time, its identity.
type Key = (i64, u64);

impl Merging<'_> {
    fn run(&mut self, mut cursors: Vec<Cursor<'_>>) -> Result<(), StoreError> {
        let mut next: BinaryHeap<Reverse<(Key, usize)>> = cursors
            .iter()
            .enumerate()
            .filter_map(|(place, cursor)| Some(Reverse((cursor.key()?, place))))
            .collect();
        while let Some(Reverse((_, place))) = next.pop() {
            let Some(cursor) = cursors.get_mut(place) else { break };
            let bound = next.peek().map(|Reverse((key, _))| *key);
            // Rows follow each other within one segment: those before the others' next are taken
            // without asking again.
            let key = loop {
                self.take(cursor)?;
                match cursor.advance()? {
                    Some(key) if bound.is_none_or(|bound| key <= bound) => {}
                    key => break key,
                }
            };
            if let Some(key) = key {
                next.push(Reverse((key, place)));
            }
        }
        self.write()
    }

    fn take(&mut self, cursor: &mut Cursor<'_>) -> Result<(), StoreError> {
        if self.out.rows.len() >= ROWS_OUT {
            self.write()?;
        }
        let batch = match cursor.slot {
            Some((written, round, slot))
                if (written, round) == (self.out.written, cursor.round) =>
            {
                slot
            }
            _ => {
                self.out.from.push(cursor.batch.clone());
                self.out.from.len() - 1
            }
        };
        cursor.slot = Some((self.out.written, cursor.round, batch));
        self.out.rows.push((batch, cursor.row));
        Ok(())
    }

    fn write(&mut self) -> Result<(), StoreError> {
        pace(self.shared)?;
        self.out.written += 1;
        let rows = std::mem::take(&mut self.out.rows);
        let from = std::mem::take(&mut self.out.from);
        let (Some((_, first)), Some((_, last))) = (rows.first(), rows.last()) else {
            return Ok(());
        };
        let batch = match from.as_slice() {
            // All of one segment: its rows follow each other.
            [only] if last - first + 1 == rows.len() => only.slice(*first, rows.len()),
            several => {
                let several: Vec<&RecordBatch> = several.iter().collect();
                interleave_record_batch(&several, &rows).map_err(internal)?
            }
        };
        if let Some(stats) = &mut self.out.recounted {
            let objects = batch.column_by_name(Column::Extra.name()).and_then(Values::of);
            for row in 0..batch.num_rows() {
                if let Some(Value::Text(object)) = objects.as_ref().and_then(|all| all.get(row)) {
                    stats.add_object(object);
                }
            }
        }
        self.out.writer.write(&batch)
    }
}

/// Where the merge stands in one segment.
struct Cursor<'c> {
    shared: &'c Shared,
    input: &'c Input<'c>,
    table: &'c Table,
    batch_rows: usize,
    groups: std::vec::IntoIter<(usize, usize)>,
    /// The rows of the group that is being read, the group's number, and how far it was read.
    reading: Option<(Batches, usize, usize)>,
    batch: RecordBatch,
    times: TimestampNanosecondArray,
    ids: UInt64Array,
    row: usize,
    /// Counts the batches.
    round: u64,
    /// Where the batch of that round stands among those of which the batch of that number is made.
    slot: Option<(u64, u64, usize)>,
}

impl<'c> Cursor<'c> {
    fn begin(
        shared: &'c Shared,
        input: &'c Input<'c>,
        table: &'c Table,
        batch_rows: usize,
    ) -> Result<Self, StoreError> {
        let footer = input.segment.footer(&shared.footers)?;
        let groups: Vec<(usize, usize)> = footer.group_rows().into_iter().enumerate().collect();
        let mut cursor = Self {
            shared,
            input,
            table,
            batch_rows,
            groups: groups.into_iter(),
            reading: None,
            batch: RecordBatch::new_empty(Arc::clone(table.schema())),
            times: TimestampNanosecondArray::from(Vec::<i64>::new()),
            ids: UInt64Array::from(Vec::<u64>::new()),
            row: 0,
            round: 0,
            slot: None,
        };
        cursor.load()?;
        Ok(cursor)
    }

    fn key(&self) -> Option<Key> {
        (self.row < self.times.len() && self.row < self.ids.len())
            .then(|| (self.times.value(self.row), self.ids.value(self.row)))
    }

    /// Goes to the next row, and gives its key; `None` behind the last one.
    fn advance(&mut self) -> Result<Option<Key>, StoreError> {
        self.row += 1;
        if self.row >= self.times.len() {
            self.load()?;
        }
        Ok(self.key())
    }

    /// Reads the next batch that has any rows; an empty one behind the last.
    fn load(&mut self) -> Result<(), StoreError> {
        self.round += 1;
        self.row = 0;
        loop {
            let Some((reader, group, read)) = &mut self.reading else {
                let Some((group, rows)) = self.groups.next() else {
                    self.batch = RecordBatch::new_empty(Arc::clone(self.table.schema()));
                    return self.take_keys();
                };
                self.reading = Some((self.open(group, rows)?, group, 0));
                continue;
            };
            let segment = self.input.segment;
            let Some(batch) = reader.next() else {
                self.reading = None;
                continue;
            };
            let mut batch = batch.map_err(|error| segment.damaged(error))?;
            if let Some(groups) = self.input.stay {
                let rows = batch.num_rows();
                let stay = groups.get(*group).filter(|stay| *read + rows <= stay.len());
                let stay = stay.ok_or_else(|| segment.damaged("it has more rows than before"))?;
                batch = filter_record_batch(&batch, &stay.slice(*read, rows)).map_err(internal)?;
                *read += rows;
            }
            if batch.num_rows() > 0 {
                self.batch = widen(&batch, self.table)?;
                return self.take_keys();
            }
        }
    }

    fn open(&self, group: usize, rows: usize) -> Result<Batches, StoreError> {
        let wanted = Wanted {
            columns: self.table.columns(),
            texts: Texts::Plain,
            group,
            rows: selection(std::iter::once(0..rows), rows),
            batch_rows: self.batch_rows,
        };
        self.input.segment.rows(&self.shared.footers, wanted)
    }

    fn take_keys(&mut self) -> Result<(), StoreError> {
        let column = |field: Field| self.batch.column_by_name(field.name());
        let times = column(Field::Timestamp)
            .and_then(|times| times.as_primitive_opt::<TimestampNanosecondType>().cloned());
        let ids =
            column(Field::EventId).and_then(|ids| ids.as_primitive_opt::<UInt64Type>().cloned());
        let (Some(times), Some(ids)) = (times, ids) else {
            return Err(self.input.segment.damaged("it has no times or identities"));
        };
        (self.times, self.ids) = (times, ids);
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn internal(error: ArrowError) -> StoreError {
    StoreError::Internal(error.to_string())
}
