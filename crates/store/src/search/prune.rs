//! Which segments cannot hold a hit, told from the catalog alone.

use query::{Comparison, FieldRef, Matcher, Node, Number, Test};

use crate::segment::{Bound, Column, Segment};

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
