//! Finds events, in order, and stops as soon as no better one can come.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use model::{Event, EventId, Field, Timestamp};
use query::Node;

use super::block::{Block, Place};
use super::evaluate::narrow;
use super::hits::{Best, Hits, cursor_of, fetch, next_part};
use super::prune::{group_spans, may_match, rows_to_read};
use super::{Cursor, Order, SEARCH_EVENTS_MAX, Scope, Search};
use crate::StoreError;
use crate::live::{Shared, Snapshot};
use crate::segment::{Column, Segment, Span};

const BLOCK_ROWS_FIRST: usize = 8192;
const BLOCK_ROWS_MAX: usize = 128 * 1024;
/// How many events a scan takes at a time.
const SCAN_EVENTS: usize = 8192;

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The events, in the order asked for.
    pub events: Vec<Arc<Event>>,
    /// Where to go on, if there may be more.
    pub next: Option<Cursor>,
    /// Whether all was looked at that had to be; if not, the deadline came first, and better events
    /// than those found may exist.
    pub is_complete: bool,
    /// What could not be read, a sentence for each segment; better events than those found may be
    /// there.
    pub unreadable: Vec<String>,
}

/// Searches one snapshot.
pub(crate) fn find(
    shared: &Shared,
    snapshot: &Snapshot,
    search: &Search,
) -> Result<Found, StoreError> {
    let limit = search.limit.min(SEARCH_EVENTS_MAX);
    if limit == 0 {
        return Ok(Found { is_complete: true, ..Found::default() });
    }
    let mut finder = Finder {
        shared,
        search,
        limit,
        best: Best { order: search.order, limit, events: Vec::new(), worst: None },
        is_complete: true,
    };
    finder.look_in_memory(snapshot);
    finder.look_in_segments(snapshot)?;
    let is_complete = finder.is_complete;
    let events = finder.best.finish();
    let next = events.last().filter(|_| events.len() == limit).map(|event| cursor_of(event));
    Ok(Found { events, next, is_complete, unreadable: snapshot.unread.sentences() })
}

/// Gives every event of the scope to `each`, the oldest first; tells whether it saw all.
pub(crate) fn scan(
    shared: &Shared,
    snapshot: &Snapshot,
    scope: &Scope,
    each: &mut dyn FnMut(&Arc<Event>) -> ControlFlow<()>,
) -> Result<bool, StoreError> {
    let mut search =
        Search { scope: scope.clone(), order: Order::Oldest, limit: SCAN_EVENTS, cursor: None };
    let mut saw_all = true;
    loop {
        let found = find(shared, snapshot, &search)?;
        saw_all &= found.is_complete && found.unreadable.is_empty();
        for event in &found.events {
            if each(event).is_break() {
                return Ok(false);
            }
        }
        search.cursor = found.next;
        if search.cursor.is_none() || !found.is_complete {
            return Ok(saw_all);
        }
    }
}

/// Gives the events of these identities, in the order asked for; those that do not exist are left out.
pub(crate) fn get(
    shared: &Shared,
    snapshot: &Snapshot,
    ids: &[EventId],
) -> Result<Vec<Arc<Event>>, StoreError> {
    let mut left: HashSet<u64> = ids.iter().map(|id| id.0).collect();
    let mut found: Vec<Arc<Event>> = Vec::with_capacity(left.len());
    for chunk in &snapshot.memory {
        if left.iter().any(|id| (chunk.first_id..=chunk.last_id).contains(id)) {
            found.extend(chunk.events.iter().filter(|event| left.remove(&event.id.0)).cloned());
        }
    }
    for segment in snapshot.segments.iter() {
        let row = &segment.row;
        let mut here: Vec<u64> =
            left.iter().copied().filter(|id| (row.first_id..=row.last_id).contains(id)).collect();
        here.sort_unstable();
        if let (Some(first), Some(last)) = (here.first(), here.last()) {
            let signed = |id: &u64| i64::try_from(*id).unwrap_or(i64::MAX);
            let span = signed(first)..=signed(last);
            let events = get_in_segment(shared, segment, &span, &here);
            for event in snapshot.bear(shared, segment, events)?.unwrap_or_default() {
                left.remove(&event.id.0);
                found.push(event);
            }
        }
    }
    found.sort_by_key(|event| event.id);
    let by_id = |id: &EventId| {
        let place = found.binary_search_by_key(id, |event| event.id).ok()?;
        found.get(place).cloned()
    };
    Ok(ids.iter().filter_map(by_id).collect())
}

fn get_in_segment(
    shared: &Shared,
    segment: &Segment,
    span: &Span,
    ids: &[u64],
) -> Result<Vec<Arc<Event>>, StoreError> {
    let footer = segment.footer(&shared.footers)?;
    let mut found = Vec::new();
    for (group, group_rows) in footer.group_rows().into_iter().enumerate() {
        let rows = footer.rows_within(group, Field::EventId, span);
        let mut block = Block::at(segment, &shared.footers, Place { group, group_rows, rows });
        if block.len() == 0 {
            continue;
        }
        let column = Column::Known(Field::EventId);
        block.load(column)?;
        let is_wanted = |row: &usize| {
            let id = block.values(column).and_then(|values| values.id(*row));
            id.is_some_and(|id| ids.binary_search(&id).is_ok())
        };
        let wanted: Vec<usize> = (0..block.len()).filter(is_wanted).collect();
        if !wanted.is_empty() {
            found.extend(block.events(&wanted, &all_columns())?);
        }
    }
    Ok(found)
}

fn all_columns() -> Vec<Column> {
    Column::all().collect()
}

struct Finder<'f> {
    shared: &'f Shared,
    search: &'f Search,
    limit: usize,
    best: Best,
    is_complete: bool,
}

impl Finder<'_> {
    fn scope(&self) -> &Scope {
        &self.search.scope
    }

    /// Tells whether an event of that place was not yet in an earlier answer.
    fn is_new(&self, place: Cursor) -> bool {
        self.search.cursor.is_none_or(|cursor| self.search.order.compare(cursor, place).is_lt())
    }

    /// Gives the span of times that can still come.
    fn span(&self) -> Span {
        let scope = self.scope();
        let mut low = scope.from.nanos();
        let mut high = match scope.to {
            Timestamp::MAX => i64::MAX,
            to => to.nanos().saturating_sub(1),
        };
        match (self.search.order, self.search.cursor) {
            (Order::Newest, Some(cursor)) => high = high.min(cursor.time.nanos()),
            (Order::Oldest, Some(cursor)) => low = low.max(cursor.time.nanos()),
            (_, None) => {}
        }
        low..=high
    }

    /// Tells whether no event of a span of times can be better than those found.
    fn is_hopeless(&self, first: Timestamp, last: Timestamp) -> bool {
        self.best.worst.is_some_and(|worst| match self.search.order {
            Order::Newest => last < worst.time,
            Order::Oldest => first > worst.time,
        })
    }

    fn look_in_memory(&mut self, snapshot: &Snapshot) {
        let span = self.span();
        for chunk in &snapshot.memory {
            let (first, last) = (chunk.first_time, chunk.last_time);
            if last.nanos() < *span.start()
                || first.nanos() > *span.end()
                || self.is_hopeless(first, last)
            {
                continue;
            }
            if self.scope().is_over() {
                self.is_complete = false;
                return;
            }
            for event in chunk.events.iter() {
                let place = cursor_of(event);
                if span.contains(&event.time.nanos())
                    && self.is_new(place)
                    && self.best.would_take(place)
                    && self.scope().predicate.matches(event)
                {
                    self.best.offer(Arc::clone(event));
                }
            }
        }
    }

    fn look_in_segments(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let span = self.span();
        snapshot.note_absent(|absent| {
            absent.last_time.nanos() >= *span.start() && absent.first_time.nanos() <= *span.end()
        });
        let mut segments: Vec<&Arc<Segment>> = snapshot
            .segments
            .iter()
            .filter(|segment| {
                let row = &segment.row;
                row.last_time.nanos() >= *span.start() && row.first_time.nanos() <= *span.end()
            })
            .collect();
        match self.search.order {
            Order::Newest => {
                segments.sort_by_key(|segment| std::cmp::Reverse(segment.row.last_time));
            }
            Order::Oldest => segments.sort_by_key(|segment| segment.row.first_time),
        }
        for segment in segments {
            self.best.settle();
            if self.is_hopeless(segment.row.first_time, segment.row.last_time) || !self.is_complete
            {
                break;
            }
            if may_match(self.scope().predicate.node(), segment) {
                let looked = self.look_in_segment(segment, &span);
                snapshot.bear(self.shared, segment, looked)?;
            }
        }
        Ok(())
    }

    fn look_in_segment(&mut self, segment: &Segment, span: &Span) -> Result<(), StoreError> {
        let footer = segment.footer(&self.shared.footers)?;
        let node = self.scope().predicate.node();
        let rows = rows_to_read(self.shared, segment, &footer, node, span);
        let is_sorted = footer.is_in_time_order();
        let mut groups = group_spans(&footer);
        if self.search.order == Order::Newest {
            groups.reverse();
        }
        let mut size = match node {
            Node::All if is_sorted => self.limit.clamp(64, BLOCK_ROWS_MAX),
            _ => BLOCK_ROWS_FIRST,
        };
        let mut hits = Hits { order: self.search.order, limit: self.limit, all: Vec::new() };
        'groups: for (group, span_of_group) in groups {
            let mut left = rows.within(&span_of_group);
            while let Some(part) = next_part(&mut left, self.search.order, size) {
                if self.scope().is_over() {
                    self.is_complete = false;
                    break 'groups;
                }
                let group = (group, span_of_group.len());
                let mut block = Block::of(segment, &self.shared.footers, group, part);
                let last = self.look_in_block(&mut block, span, &mut hits)?;
                if is_sorted && hits.is_enough(last) {
                    break 'groups;
                }
                size = (size * 2).min(BLOCK_ROWS_MAX);
            }
        }
        hits.settle();
        for event in fetch(self.shared, segment, &hits.all)? {
            self.best.offer(event);
        }
        Ok(())
    }

    /// Adds the hits of a block, and gives the time that comes last in the order among all the rows
    /// that were looked at.
    fn look_in_block(
        &mut self,
        block: &mut Block<'_>,
        span: &Span,
        hits: &mut Hits,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut marks = self.mark_times(block, span)?;
        narrow(self.scope().predicate.node(), block, &mut marks)?;
        let rows: Vec<usize> =
            (0..marks.len()).filter(|row| marks.get(*row) == Some(&true)).collect();
        let (times, ids) = (Column::Known(Field::Timestamp), Column::Known(Field::EventId));
        if !rows.is_empty() {
            block.load(ids)?;
        }
        let places = block.places(&rows);
        for (row, place) in rows.into_iter().zip(places) {
            let time = block.values(times).and_then(|values| values.time(row));
            let id = block.values(ids).and_then(|values| values.id(row));
            let (Some(time), Some(id)) = (time, id) else {
                return Err(block.segment.damaged("an event has no time or no identity"));
            };
            hits.all.push((Cursor { time, id: EventId(id) }, block.group(), place));
        }
        if hits.all.len() >= hits.limit.saturating_mul(2) {
            hits.settle();
        }
        let end = match self.search.order {
            Order::Newest => 0,
            Order::Oldest => block.len().saturating_sub(1),
        };
        Ok(block.values(times).and_then(|values| values.time(end)))
    }

    fn mark_times(&self, block: &mut Block<'_>, span: &Span) -> Result<Vec<bool>, StoreError> {
        let (times, ids) = (Column::Known(Field::Timestamp), Column::Known(Field::EventId));
        block.load(times)?;
        if self.search.cursor.is_some() {
            block.load(ids)?;
        }
        let time = |row: usize| block.values(times).and_then(|values| values.time(row));
        let id = |row: usize| block.values(ids).and_then(|values| values.id(row));
        let is_candidate = |row: usize| {
            let Some(time) = time(row).filter(|time| span.contains(&time.nanos())) else {
                return false;
            };
            let is_new = self.search.cursor.is_none()
                || self.is_new(Cursor { time, id: EventId(id(row).unwrap_or_default()) });
            is_new && !self.is_hopeless(time, time)
        };
        Ok((0..block.len()).map(is_candidate).collect())
    }
}

impl Order {
    /// Compares two places; the lesser one comes first.
    pub(crate) fn compare(self, one: Cursor, other: Cursor) -> Ordering {
        match self {
            Self::Newest => other.cmp(&one),
            Self::Oldest => one.cmp(&other),
        }
    }
}
