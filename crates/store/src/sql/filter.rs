//! What the conditions of a query say about which segments, pages and rows to read.
//!
//! Of what it says, only the span of times is exact; all else is tested again, row by row.

use std::collections::HashSet;
use std::net::IpAddr;

use datafusion::common::{Column as Name, ScalarValue};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use model::{Field, FieldKind};
use query::{Case, Literal, Matcher, Network, Node, Placement, TextMatcher};

use crate::segment::{Bound, Column, Segment, Span, TEXT_TYPE};

/// Bounds the texts of one condition that are put to the index.
const HINTS_MAX: usize = 64;

/// What must hold for a row to be wanted.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// When, in nanoseconds.
    pub(super) times: Span,
    /// Numbers that a column must be within.
    numbers: Vec<(Field, Span)>,
    /// Texts of which a column must hold one.
    texts: Vec<(Field, HashSet<String>)>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { times: i64::MIN..=i64::MAX, numbers: Vec::new(), texts: Vec::new() }
    }
}

impl Filter {
    /// Gathers what can be used of the conditions, all of which must hold.
    pub(super) fn of(conditions: &[Expr]) -> Self {
        let mut filter = Self::default();
        for condition in conditions {
            filter.add(condition);
        }
        filter
    }

    /// Tells whether a condition is about the time alone and [`Filter::times`] says all of it.
    pub(super) fn is_of_times(condition: &Expr) -> bool {
        let is_time = |expr: &Expr| field_of(expr) == Some(Field::Timestamp);
        let is_moment =
            |expr: &Expr| matches!(expr, Expr::Literal(value, _) if number_of(value).is_some());
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let ordered = matches!(
                    op,
                    Operator::Eq | Operator::Gt | Operator::GtEq | Operator::Lt | Operator::LtEq
                );
                let sides = |one: &Expr, other: &Expr| is_time(one) && is_moment(other);
                ordered && (sides(left, right) || sides(right, left))
            }
            Expr::Between(Between { expr, negated: false, low, high }) => {
                is_time(expr) && is_moment(low) && is_moment(high)
            }
            _ => false,
        }
    }

    /// Tells whether the segment may hold wanted rows.
    pub(super) fn may_match(&self, segment: &Segment) -> bool {
        let row = &segment.row;
        if row.last_time.nanos() < *self.times.start() || row.first_time.nanos() > *self.times.end()
        {
            return false;
        }
        let numbers = self.numbers.iter().all(|(field, span)| match bounds(segment, *field) {
            Bounds::Absent => false,
            Bounds::Known(Bound::Integer(low), Bound::Integer(high)) => {
                high >= span.start() && low <= span.end()
            }
            Bounds::Unknown | Bounds::Known(..) => true,
        });
        let texts = || {
            self.texts.iter().all(|(field, wanted)| match bounds(segment, *field) {
                Bounds::Absent => false,
                Bounds::Known(Bound::Text(low), Bound::Text(high)) => {
                    wanted.iter().any(|text| low <= text && text <= high)
                }
                Bounds::Unknown | Bounds::Known(..) => true,
            })
        };
        numbers && texts()
    }

    /// Gives predicates that every wanted row passes, for the index.
    pub(super) fn hints(&self) -> Vec<Node> {
        let hint = |(field, texts): &(Field, HashSet<String>)| {
            // A text that may be several values together is in the index as these.
            let is_plain =
                texts.len() <= HINTS_MAX && !texts.iter().any(|text| text.starts_with('['));
            let one = |text: &String| {
                let matcher = match text.parse::<IpAddr>() {
                    Ok(address) if field.kind() == FieldKind::Ip => {
                        Network::parse(&address.to_string())
                            .map_or(Matcher::Exists, Matcher::Network)
                    }
                    _ => Matcher::Text(TextMatcher::Literal(Literal::new(
                        Placement::Whole,
                        Case::Exact,
                        text,
                    ))),
                };
                Node::field(*field, matcher)
            };
            is_plain.then(|| Node::Or(texts.iter().map(one).collect()))
        };
        self.texts.iter().filter_map(hint).collect()
    }

    fn add(&mut self, condition: &Expr) {
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                self.add(left);
                self.add(right);
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                if let (Some(field), Expr::Literal(value, _)) = (field_of(left), &**right) {
                    self.compare(field, *op, value);
                } else if let (Expr::Literal(value, _), Some(field)) = (&**left, field_of(right))
                    && let Some(op) = op.swap()
                {
                    self.compare(field, op, value);
                }
            }
            Expr::Between(Between { expr, negated: false, low, high }) => {
                if let (Some(field), Expr::Literal(low, _), Expr::Literal(high, _)) =
                    (field_of(expr), &**low, &**high)
                {
                    self.compare(field, Operator::GtEq, low);
                    self.compare(field, Operator::LtEq, high);
                }
            }
            Expr::InList(list) if !list.negated => {
                let text = |expr: &Expr| match expr {
                    Expr::Literal(value, _) => text_of(value),
                    _ => None,
                };
                let texts: Option<HashSet<String>> = list.list.iter().map(text).collect();
                if let (Some(field), Some(texts)) = (field_of(&list.expr), texts) {
                    self.add_texts(field, texts);
                }
            }
            _ => {}
        }
    }

    fn compare(&mut self, field: Field, op: Operator, value: &ScalarValue) {
        if let Some(text) = text_of(value) {
            if op == Operator::Eq {
                self.add_texts(field, HashSet::from([text]));
            }
            return;
        }
        let Some(number) = number_of(value) else { return };
        let span = match op {
            Operator::Eq => number..=number,
            Operator::Gt => match number.checked_add(1) {
                Some(next) => next..=i64::MAX,
                None => Span::new(i64::MAX, i64::MIN),
            },
            Operator::GtEq => number..=i64::MAX,
            Operator::Lt => match number.checked_sub(1) {
                Some(before) => i64::MIN..=before,
                None => Span::new(i64::MAX, i64::MIN),
            },
            Operator::LtEq => i64::MIN..=number,
            _ => return,
        };
        if field == Field::Timestamp {
            let start = *self.times.start().max(span.start());
            let end = *self.times.end().min(span.end());
            self.times = start..=end;
        } else {
            self.numbers.push((field, span));
        }
    }

    fn add_texts(&mut self, field: Field, texts: HashSet<String>) {
        if Column::Known(field).data_type() == TEXT_TYPE {
            self.texts.push((field, texts));
        }
    }
}

enum Bounds<'s> {
    Absent,
    Unknown,
    Known(&'s Bound, &'s Bound),
}

fn bounds(segment: &Segment, field: Field) -> Bounds<'_> {
    match segment.stats.columns.get(field.name()) {
        None => Bounds::Absent,
        Some(Some((low, high))) => Bounds::Known(low, high),
        Some(None) => Bounds::Unknown,
    }
}

fn field_of(expr: &Expr) -> Option<Field> {
    match expr {
        Expr::Column(Name { name, .. }) => Field::by_name(name),
        _ => None,
    }
}

fn text_of(value: &ScalarValue) -> Option<String> {
    value.try_as_str().flatten().map(str::to_owned)
}

/// Gives a whole number, or a moment as nanoseconds.
fn number_of(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int64(number) | ScalarValue::TimestampNanosecond(number, _) => *number,
        ScalarValue::Int32(number) => number.map(i64::from),
        ScalarValue::UInt32(number) => number.map(i64::from),
        ScalarValue::UInt64(number) => number.and_then(|number| i64::try_from(number).ok()),
        _ => None,
    }
}
