//! Gives events in the order in which they were kept, for whoever looked at those before.

use std::sync::Arc;

use model::{Event, EventId, Field};

use super::block::{Block, Place};
use crate::StoreError;
use crate::live::{Shared, Snapshot};
use crate::segment::{Column, Segment, Span};

/// Gives the events of `count` identities from the first on, in their order; fewer where some of them
/// are no longer kept.
pub(crate) fn since(
    shared: &Shared,
    snapshot: &Snapshot,
    first: EventId,
    count: u64,
) -> Result<Vec<Arc<Event>>, StoreError> {
    let end = first.0.saturating_add(count);
    let is_wanted = |id: u64| first.0 <= id && id < end;
    let touches = |least: u64, most: u64| most >= first.0 && least < end;
    let mut found: Vec<Arc<Event>> = Vec::new();
    for chunk in &snapshot.memory {
        if touches(chunk.first_id, chunk.last_id) {
            found.extend(chunk.events.iter().filter(|event| is_wanted(event.id.0)).cloned());
        }
    }
    let signed = |id: u64| i64::try_from(id).unwrap_or(i64::MAX);
    let span = signed(first.0)..=signed(end.saturating_sub(1));
    for segment in snapshot.segments.iter() {
        if touches(segment.row.first_id, segment.row.last_id) {
            let read = in_segment(shared, segment, &span, &mut found);
            snapshot.bear(shared, segment, read)?;
        }
    }
    found.sort_unstable_by_key(|event| event.id);
    Ok(found)
}

fn in_segment(
    shared: &Shared,
    segment: &Segment,
    span: &Span,
    found: &mut Vec<Arc<Event>>,
) -> Result<(), StoreError> {
    let footer = segment.footer(&shared.footers)?;
    for (group, group_rows) in footer.group_rows().into_iter().enumerate() {
        let rows = footer.rows_within(group, Field::EventId, span);
        let mut block = Block::at(segment, &shared.footers, Place { group, group_rows, rows });
        let column = Column::Known(Field::EventId);
        if block.len() == 0 {
            continue;
        }
        block.load(column)?;
        let is_wanted = |row: &usize| {
            let id = block.values(column).and_then(|values| values.id(*row));
            id.is_some_and(|id| span.contains(&i64::try_from(id).unwrap_or(i64::MAX)))
        };
        let wanted: Vec<usize> = (0..block.len()).filter(is_wanted).collect();
        if !wanted.is_empty() {
            found.extend(block.events(&wanted, &Column::all().collect::<Vec<_>>())?);
        }
    }
    Ok(())
}
