//! Counts events over time.
//!
//! A segment, a minute or a page that lies within one bucket is counted without being read.

use std::sync::Arc;

use model::{Event, Field, Timestamp};
use query::Node;

use super::Scope;
use super::block::Block;
use super::evaluate::narrow;
use super::prune::{group_spans, may_match, rows_to_read};
use crate::StoreError;
use crate::index::{MINUTE_NANOS, Rows};
use crate::live::{Shared, Snapshot};
use crate::segment::{Column, Footer, Segment};

const BLOCK_ROWS: usize = 64 * 1024;
/// Bounds the buckets of one answer.
const BUCKETS_MAX: usize = 10_000;

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

/// Events counted over time.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// The parts of the time, the earliest first.
    pub buckets: Vec<Bucket>,
    /// What could not be read, a sentence for each segment; the counts are of what is left.
    pub unreadable: Vec<String>,
}

impl Counted {
    /// Gives how many events there are in all parts.
    pub fn total(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum()
    }
}

/// Something that counts events, one by one or by the block.
pub(super) trait Tally {
    fn event(&mut self, event: &Event);
    /// Takes a whole segment without reading it, if it can.
    fn whole(&mut self, shared: &Shared, segment: &Arc<Segment>) -> bool;
    /// Takes so many events of which only the span of their times is known, if it can.
    fn span(&mut self, _first: Timestamp, _last: Timestamp, _events: u64) -> bool {
        false
    }
    fn block(&mut self, block: &mut Block<'_>, marks: &[bool]) -> Result<(), StoreError>;
}

/// Counts events over time, all of them or, past the deadline, none.
pub(crate) fn histogram(
    shared: &Shared,
    snapshot: &Snapshot,
    question: &Histogram,
) -> Result<Counted, StoreError> {
    let count = question.buckets.clamp(1, BUCKETS_MAX);
    let mut scope = question.scope.clone();
    scope.to = scope.to.max(scope.from);
    let mut over = OverTime {
        from: i128::from(scope.from.nanos()),
        to: i128::from(scope.to.nanos()),
        counts: vec![0; count],
    };
    if !tally(shared, snapshot, &scope, &mut over)? {
        return Err(StoreError::Deadline);
    }
    let buckets = over.counts.iter().enumerate().map(|(index, count)| Bucket {
        from: over.edge(index),
        to: over.edge(index + 1),
        count: *count,
    });
    Ok(Counted { buckets: buckets.collect(), unreadable: snapshot.unread.sentences() })
}

pub(super) fn tally(
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
            && into.whole(shared, segment);
        if !is_whole {
            let counted = tally_segment(shared, segment, scope, into);
            if snapshot.bear(shared, segment, counted)? == Some(false) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Counts a segment by reading it.
pub(super) fn tally_segment(
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
    let mut rows = rows_to_read(shared, segment, &footer, node, &span);
    if *node == Node::All {
        rows = not_taken(&footer, rows, scope, into);
    }
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

/// Offers the pages that lie within the scope as they are, and gives the rows of the others.
fn not_taken(footer: &Footer, rows: Rows, scope: &Scope, into: &mut dyn Tally) -> Rows {
    let mut left = Rows::default();
    for (group, span_of_group) in group_spans(footer) {
        let Some(pages) = footer.pages(group, Field::Timestamp) else {
            left.push(span_of_group);
            continue;
        };
        for page in pages {
            let (first, last) = (Timestamp::from_nanos(page.low), Timestamp::from_nanos(page.high));
            let events = u64::try_from(page.rows.len()).unwrap_or_default();
            let is_taken =
                scope.spans(first) && scope.spans(last) && into.span(first, last, events);
            if !is_taken {
                let start = span_of_group.start;
                left.push(start + page.rows.start..start + page.rows.end);
            }
        }
    }
    left.and(&rows)
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

    fn whole(&mut self, shared: &Shared, segment: &Arc<Segment>) -> bool {
        let row = &segment.row;
        if self.span(row.first_time, row.last_time, row.events) {
            return true;
        }
        let index = shared.indexes.of(row);
        let minutes = index.and_then(|index| shared.indexes.minutes(&index)).unwrap_or_default();
        let span = |begin: i64| {
            let first = begin.max(row.first_time.nanos());
            let last = begin.saturating_add(MINUTE_NANOS - 1).min(row.last_time.nanos());
            (Timestamp::from_nanos(first), Timestamp::from_nanos(last))
        };
        let within = minutes.iter().all(|(begin, _)| {
            let (first, last) = span(*begin);
            self.place(first) == self.place(last)
        });
        let counted: u64 = minutes.iter().map(|(_, count)| count).sum();
        if !within || counted != row.events {
            return false;
        }
        for (begin, count) in minutes {
            self.add(span(begin).0, count);
        }
        true
    }

    fn span(&mut self, first: Timestamp, last: Timestamp, events: u64) -> bool {
        let same = self.place(first) == self.place(last);
        if same {
            self.add(first, events);
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
