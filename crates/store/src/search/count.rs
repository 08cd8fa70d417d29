//! Counts events: over time, and by the values of a field.

use std::collections::HashMap;
use std::fmt::Write;

use arrow::array::Array;
use model::{Event, Field, Timestamp, Value};
use query::{FieldRef, Node};

use super::Scope;
use super::block::Block;
use super::evaluate::narrow;
use super::prune::{group_spans, may_match, rows_to_read};
use crate::StoreError;
use crate::live::{Shared, Snapshot};
use crate::segment::{Column, Segment, Values};

const BLOCK_ROWS: usize = 64 * 1024;
/// Bounds the buckets of one answer.
const BUCKETS_MAX: usize = 10_000;
/// Bounds the different values that are told apart; further ones are counted together.
const VALUES_MAX: usize = 200_000;

/// A question for counts over time.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Which events; both ends of the time must be given.
    pub scope: Scope,
    /// Into how many equal parts the time is cut, at most 10,000.
    pub buckets: usize,
}

/// One part of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Where it begins.
    pub from: Timestamp,
    /// Where it ends, not included.
    pub to: Timestamp,
    /// How many events happened in it.
    pub count: u64,
}

/// A question for the most frequent values of a field.
#[derive(Clone, Debug)]
pub struct Top {
    /// Which events.
    pub scope: Scope,
    /// The field's dotted name, known or not.
    pub field: String,
    /// How many values.
    pub limit: usize,
}

/// The most frequent values of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopValues {
    /// Each value and how many events hold it, the most frequent first.
    pub values: Vec<(String, u64)>,
    /// How many happenings of other values there are.
    pub other: u64,
    /// How many events do not have the field.
    pub missing: u64,
    /// Whether everything was counted before the deadline.
    pub is_complete: bool,
    /// What could not be read, a sentence for each segment; its events are not counted.
    pub unreadable: Vec<String>,
}

/// Something that counts events, one by one or by the block.
trait Tally {
    fn event(&mut self, event: &Event);
    /// Takes a whole segment without reading it, if it can.
    fn whole(&mut self, _segment: &Segment) -> bool {
        false
    }
    fn block(&mut self, block: &mut Block<'_>, marks: &[bool]) -> Result<(), StoreError>;
}

/// Counts events over time; tells whether all were counted before the deadline.
pub(crate) fn histogram(
    shared: &Shared,
    snapshot: &Snapshot,
    question: &Histogram,
) -> Result<(Vec<Bucket>, bool), StoreError> {
    let count = question.buckets.clamp(1, BUCKETS_MAX);
    let mut scope = question.scope.clone();
    scope.to = scope.to.max(scope.from);
    let mut over = OverTime {
        from: i128::from(scope.from.nanos()),
        to: i128::from(scope.to.nanos()),
        counts: vec![0; count],
    };
    let is_complete = tally(shared, snapshot, &scope, &mut over)?;
    let buckets = over.counts.iter().enumerate().map(|(index, count)| Bucket {
        from: over.edge(index),
        to: over.edge(index + 1),
        count: *count,
    });
    Ok((buckets.collect(), is_complete))
}

/// Counts the values of a field.
pub(crate) fn top(
    shared: &Shared,
    snapshot: &Snapshot,
    question: &Top,
) -> Result<TopValues, StoreError> {
    let mut by_value = ByValue {
        field: FieldRef::by_name(&question.field),
        counts: HashMap::new(),
        other: 0,
        missing: 0,
        text: String::new(),
    };
    let is_complete = tally(shared, snapshot, &question.scope, &mut by_value)?;
    let mut values: Vec<(String, u64)> = by_value.counts.into_iter().collect();
    values.sort_by(|one, next| next.1.cmp(&one.1).then_with(|| one.0.cmp(&next.0)));
    let cut: u64 = values.iter().skip(question.limit).map(|(_, count)| count).sum();
    values.truncate(question.limit);
    Ok(TopValues {
        values,
        other: by_value.other + cut,
        missing: by_value.missing,
        is_complete,
        unreadable: snapshot.unread.sentences(),
    })
}

fn tally(
    shared: &Shared,
    snapshot: &Snapshot,
    scope: &Scope,
    into: &mut dyn Tally,
) -> Result<bool, StoreError> {
    for chunk in &snapshot.memory {
        if scope.is_over() {
            return Ok(false);
        }
        if scope.touches(chunk.first_time, chunk.last_time) {
            let hits = chunk
                .events
                .iter()
                .filter(|event| scope.spans(event.time) && scope.predicate.matches(event));
            hits.for_each(|event| into.event(event));
        }
    }
    snapshot.note_absent(|absent| scope.touches(absent.first_time, absent.last_time));
    for segment in snapshot.segments.iter() {
        let row = &segment.row;
        let node = scope.predicate.node();
        if !scope.touches(row.first_time, row.last_time) || !may_match(node, segment) {
            continue;
        }
        let is_whole = *node == Node::All
            && scope.spans(row.first_time)
            && scope.spans(row.last_time)
            && into.whole(segment);
        if !is_whole {
            let counted = tally_segment(shared, segment, scope, into);
            if snapshot.bear(shared, segment, counted)? == Some(false) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn tally_segment(
    shared: &Shared,
    segment: &Segment,
    scope: &Scope,
    into: &mut dyn Tally,
) -> Result<bool, StoreError> {
    let footer = segment.footer(&shared.footers)?;
    let span = scope.from.nanos()..=scope.to.nanos();
    let column = Column::Known(Field::Timestamp);
    let within = scope.spans(segment.row.first_time) && scope.spans(segment.row.last_time);
    let node = scope.predicate.node();
    let rows = rows_to_read(shared, segment, &footer, node, &span);
    for (group, span_of_group) in group_spans(&footer) {
        let mut left = rows.within(&span_of_group);
        while !left.is_empty() {
            if scope.is_over() {
                return Ok(false);
            }
            let part = left.take_first(BLOCK_ROWS);
            let group = (group, span_of_group.len());
            let mut block = Block::of(segment, &shared.footers, group, part);
            let mut marks = vec![true; block.len()];
            if !within {
                block.load(column)?;
                for (row, mark) in marks.iter_mut().enumerate() {
                    let time = block.values(column).and_then(|values| values.time(row));
                    *mark = time.is_some_and(|time| scope.spans(time));
                }
            }
            narrow(node, &mut block, &mut marks)?;
            if marks.contains(&true) {
                into.block(&mut block, &marks)?;
            }
        }
    }
    Ok(true)
}

struct OverTime {
    from: i128,
    to: i128,
    counts: Vec<u64>,
}

impl OverTime {
    fn parts(&self) -> i128 {
        i128::try_from(self.counts.len()).unwrap_or(1)
    }

    fn edge(&self, index: usize) -> Timestamp {
        let index = i128::try_from(index).unwrap_or_default();
        let nanos = self.from + (self.to - self.from) * index / self.parts();
        Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// Gives the bucket of a moment: the one whose edges enclose it.
    fn place(&self, time: Timestamp) -> usize {
        let length = (self.to - self.from).max(1);
        let offset = i128::from(time.nanos()) - self.from;
        // Edges are rounded down, so the quotient may be one short of the bucket that begins there.
        let place = usize::try_from(offset * self.parts() / length).unwrap_or_default();
        let place = place.min(self.counts.len().saturating_sub(1));
        if place + 1 < self.counts.len() && self.edge(place + 1) <= time {
            place + 1
        } else {
            place
        }
    }

    fn add(&mut self, time: Timestamp, number: u64) {
        let place = self.place(time);
        if let Some(count) = self.counts.get_mut(place) {
            *count += number;
        }
    }
}

impl Tally for OverTime {
    fn event(&mut self, event: &Event) {
        self.add(event.time, 1);
    }

    fn whole(&mut self, segment: &Segment) -> bool {
        let row = &segment.row;
        let same = self.place(row.first_time) == self.place(row.last_time);
        if same {
            self.add(row.first_time, row.events);
        }
        same
    }

    fn block(&mut self, block: &mut Block<'_>, marks: &[bool]) -> Result<(), StoreError> {
        let column = Column::Known(Field::Timestamp);
        block.load(column)?;
        let Some(values) = block.values(column) else { return Ok(()) };
        for (row, _) in marks.iter().enumerate().filter(|(_, mark)| **mark) {
            if let Some(time) = values.time(row) {
                self.add(time, 1);
            }
        }
        Ok(())
    }
}

struct ByValue {
    field: FieldRef,
    counts: HashMap<String, u64>,
    other: u64,
    missing: u64,
    text: String,
}

impl ByValue {
    fn add(&mut self, value: Option<Value<'_>>, number: u64) {
        let Some(value) = value else {
            self.missing += number;
            return;
        };
        for one in value.each() {
            self.text.clear();
            // Writing to a String cannot fail.
            let _ = write!(self.text, "{one}");
            if let Some(count) = self.counts.get_mut(&self.text) {
                *count += number;
            } else if self.counts.len() < VALUES_MAX {
                self.counts.insert(self.text.clone(), number);
            } else {
                self.other += number;
            }
        }
    }

    /// Counts a column of distinct values by their keys.
    fn add_keys(&mut self, values: &Values, marks: &[bool]) {
        let Values::Dictionary { array, texts } = values else {
            for (row, _) in marks.iter().enumerate().filter(|(_, mark)| **mark) {
                self.add(values.get(row), 1);
            }
            return;
        };
        let mut counts = vec![0_u64; texts.len()];
        for (key, _) in array.keys().iter().zip(marks).filter(|(_, mark)| **mark) {
            let count = key.and_then(|key| counts.get_mut(usize::try_from(key).ok()?));
            match count {
                Some(count) => *count += 1,
                None => self.missing += 1,
            }
        }
        for (text, count) in texts.iter().zip(counts).filter(|(_, count)| *count > 0) {
            self.add(text.map(Value::Text), count);
        }
    }
}

impl Tally for ByValue {
    fn event(&mut self, event: &Event) {
        let field = self.field.clone();
        self.add(field.get(event), 1);
    }

    fn block(&mut self, block: &mut Block<'_>, marks: &[bool]) -> Result<(), StoreError> {
        let stats = &block.segment.stats;
        let mut columns = vec![Column::Extra, Column::Lists];
        if let FieldRef::Known(field) = &self.field {
            let column = Column::Known(*field);
            if !stats.may_have_extra(field.name()) && !stats.lists.contains(field.name()) {
                block.load(column)?;
                if let Some(values) = block.values(column) {
                    self.add_keys(values, marks);
                } else {
                    let number = marks.iter().filter(|mark| **mark).count();
                    self.missing += u64::try_from(number).unwrap_or_default();
                }
                return Ok(());
            }
            columns.push(column);
        }
        let rows: Vec<usize> =
            (0..marks.len()).filter(|row| marks.get(*row) == Some(&true)).collect();
        for event in block.events(&rows, &columns)? {
            self.event(&event);
        }
        Ok(())
    }
}
