//! Which segments cannot hold a hit, told from the catalog alone; and which rows of the others must be
//! read, told from their pages and indexes.

use std::ops::Range;

use model::Field;
use query::{Comparison, FieldRef, Matcher, Node, Number, Test};

use crate::index::{Rows, candidates};
use crate::live::Shared;
use crate::segment::{Bound, Column, Footer, Segment, Span};

/// Gives rows of the segment among which all those are that pass and whose time is within the span.
pub(crate) fn rows_to_read(
    shared: &Shared,
    segment: &Segment,
    footer: &Footer,
    node: &Node,
    span: &Span,
) -> Rows {
    let in_time = footer.all_within(Field::Timestamp, span);
    if in_time.is_empty() || *node == Node::All {
        return in_time;
    }
    let told =
        shared.indexes.of(&segment.row).and_then(|index| candidates(&shared.indexes, &index, node));
    match told {
        Some(rows) => rows.and(&in_time),
        None => in_time,
    }
}

/// Gives each row group with its rows in the file.
pub(crate) fn group_spans(footer: &Footer) -> Vec<(usize, Range<usize>)> {
    let mut start = 0;
    let spans = footer.group_rows().into_iter().enumerate().map(|(group, rows)| {
        start += rows;
        (group, start - rows..start)
    });
    spans.collect()
}

/// Tells whether the segment may hold events that pass.
pub(crate) fn may_match(node: &Node, segment: &Segment) -> bool {
    match node {
        Node::And(nodes) => nodes.iter().all(|node| may_match(node, segment)),
        Node::Or(nodes) => nodes.iter().any(|node| may_match(node, segment)),
        Node::Test(Test::Field { field, matcher }) => may_hold(field, matcher, segment),
        // What is within a negation is not looked at: that something may pass says nothing there.
        Node::All | Node::Not(_) | Node::Test(_) => true,
    }
}

fn may_hold(field: &FieldRef, matcher: &Matcher, segment: &Segment) -> bool {
    let stats = &segment.stats;
    if stats.may_have_extra(field.name()) {
        return true;
    }
    let FieldRef::Known(known) = field else { return false };
    let Some(span) = stats.columns.get(Column::Known(*known).name()) else { return false };
    let Some((low, high)) = span.as_ref().filter(|_| !stats.lists.contains(known.name())) else {
        return true;
    };
    match (matcher, low, high) {
        (Matcher::Number(comparison, number), Bound::Integer(low), Bound::Integer(high)) => {
            may_compare(*comparison, *number, *low, *high)
        }
        (Matcher::Time(comparison, time), Bound::Integer(low), Bound::Integer(high)) => {
            let time = time.nanos();
            reaches(*comparison, low.cmp(&time), high.cmp(&time))
        }
        _ => true,
    }
}

fn may_compare(comparison: Comparison, number: Number, low: i64, high: i64) -> bool {
    let order = |bound: i64| number.order_of(model::Value::Integer(bound));
    match (order(low), order(high)) {
        (Some(low), Some(high)) => reaches(comparison, low, high),
        _ => true,
    }
}

/// Tells whether any value between two can stand so, given how the two stand.
fn reaches(comparison: Comparison, low: std::cmp::Ordering, high: std::cmp::Ordering) -> bool {
    comparison.accepts(low)
        || comparison.accepts(high)
        || (low.is_lt() && high.is_gt() && comparison.accepts(std::cmp::Ordering::Equal))
}
