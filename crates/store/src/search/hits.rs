//! The hits of one segment, before their events are read, and the best events of all.

use std::sync::Arc;

use model::{Event, Timestamp};

use super::block::Block;
use super::{Cursor, Order};
use crate::StoreError;
use crate::index::Rows;
use crate::live::Shared;
use crate::segment::{Column, Segment};

/// The hits of one segment, each with its row group and its row there.
pub(super) struct Hits {
    pub(super) order: Order,
    pub(super) limit: usize,
    pub(super) all: Vec<(Cursor, usize, usize)>,
}

impl Hits {
    /// Keeps the best.
    pub(super) fn settle(&mut self) {
        let order = self.order;
        self.all.sort_unstable_by(|one, other| order.compare(one.0, other.0));
        self.all.truncate(self.limit);
    }

    /// Tells whether none of the rows that come after that time, or share it, can be better.
    pub(super) fn is_enough(&mut self, last: Option<Timestamp>) -> bool {
        if self.all.len() < self.limit {
            return false;
        }
        self.settle();
        match (self.all.last(), last) {
            (Some((worst, ..)), Some(last)) => match self.order {
                Order::Newest => last < worst.time,
                Order::Oldest => last > worst.time,
            },
            _ => false,
        }
    }
}

/// Takes the next rows off the end at which the order begins.
pub(super) fn next_part(left: &mut Rows, order: Order, size: usize) -> Option<Rows> {
    if left.is_empty() {
        return None;
    }
    Some(match order {
        Order::Newest => left.take_last(size),
        Order::Oldest => left.take_first(size),
    })
}

/// Reads the events of some hits.
pub(super) fn fetch(
    shared: &Shared,
    segment: &Segment,
    hits: &[(Cursor, usize, usize)],
) -> Result<Vec<Arc<Event>>, StoreError> {
    let footer = segment.footer(&shared.footers)?;
    let mut rows: Vec<(usize, usize)> = hits.iter().map(|(_, group, row)| (*group, *row)).collect();
    rows.sort_unstable();
    let mut events = Vec::with_capacity(rows.len());
    let group_rows = footer.group_rows();
    for same in rows.chunk_by(|one, next| one.0 == next.0) {
        let Some((group, _)) = same.first() else { continue };
        let mut chosen = Rows::default();
        for (_, row) in same {
            chosen.push(*row..row + 1);
        }
        let length = group_rows.get(*group).copied().unwrap_or_default();
        let block = Block::of(segment, &shared.footers, (*group, length), chosen);
        let all: Vec<usize> = (0..block.len()).collect();
        let read = block.events(&all, &Column::all().collect::<Vec<_>>())?;
        if read.len() != same.len() {
            return Err(segment.damaged("fewer rows than asked for"));
        }
        events.extend(read);
    }
    Ok(events)
}

pub(super) fn cursor_of(event: &Event) -> Cursor {
    Cursor { time: event.time, id: event.id }
}

/// The best events so far.
pub(super) struct Best {
    pub(super) order: Order,
    pub(super) limit: usize,
    pub(super) events: Vec<Arc<Event>>,
    /// The place of the last of them, once there are enough.
    pub(super) worst: Option<Cursor>,
}

impl Best {
    pub(super) fn would_take(&self, place: Cursor) -> bool {
        self.worst.is_none_or(|worst| self.order.compare(place, worst).is_lt())
    }

    pub(super) fn offer(&mut self, event: Arc<Event>) {
        if !self.would_take(cursor_of(&event)) {
            return;
        }
        self.events.push(event);
        if self.events.len() >= self.limit.saturating_mul(2).max(256) {
            self.settle();
        }
    }

    pub(super) fn settle(&mut self) {
        self.events.sort_by(|one, other| self.order.compare(cursor_of(one), cursor_of(other)));
        self.events.truncate(self.limit);
        if self.events.len() == self.limit {
            self.worst = self.events.last().map(|event| cursor_of(event));
        }
    }

    pub(super) fn finish(mut self) -> Vec<Arc<Event>> {
        self.settle();
        self.events
    }
}
