//! The newest rows, or the oldest: where a query asks for so many of them, reading begins at that
//! end and stops as soon as no better row can come.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column as Named, IsNullExpr, Literal};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions};
use datafusion::scalar::ScalarValue;
use model::Field;

use super::scan::Scan;
use crate::segment::Span;

/// How many of the newest rows are wanted, or of the oldest, and the times of the best so far.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    pub(super) count: usize,
    pub(super) is_newest: bool,
    best: Vec<i64>,
}

impl Newest {
    fn new(count: usize, is_newest: bool) -> Self {
        Self { count, is_newest, best: Vec::new() }
    }

    /// Takes the times of rows that pass.
    pub(super) fn add(&mut self, times: &[i64]) {
        self.best.extend_from_slice(times);
        if self.is_newest {
            self.best.sort_unstable_by(|one, other| other.cmp(one));
        } else {
            self.best.sort_unstable();
        }
        self.best.truncate(self.count);
    }

    /// Gives the span of times in which better rows lie; those of the last place may decide by
    /// something else, so it is within.
    pub(super) fn span(&self) -> Span {
        match self.best.last().filter(|_| self.best.len() >= self.count) {
            None => i64::MIN..=i64::MAX,
            Some(last) if self.is_newest => *last..=i64::MAX,
            Some(last) => i64::MIN..=*last,
        }
    }
}

/// Tells scans below a sort by time how many of its rows are wanted.
#[derive(Debug)]
pub(super) struct TellNewest;

impl PhysicalOptimizerRule for TellNewest {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let told = plan.transform_up(|node| {
            let Some(sort) = node.downcast_ref::<SortExec>() else {
                return Ok(Transformed::no(node));
            };
            let (Some(count), first) = (sort.fetch(), sort.expr().first()) else {
                return Ok(Transformed::no(node));
            };
            let is_time = first
                .expr
                .downcast_ref::<Named>()
                .is_some_and(|column| column.name() == Field::Timestamp.name());
            if !is_time || count == 0 {
                return Ok(Transformed::no(node));
            }
            let newest = Newest::new(count, first.options.descending);
            match tell(sort.input(), &newest)? {
                Some(input) => Ok(Transformed::yes(over(&node, input)?)),
                None => Ok(Transformed::no(node)),
            }
        })?;
        Ok(told.data)
    }

    fn name(&self) -> &'static str {
        "tell_newest"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Gives the node with another child of the same shape.
fn over(
    node: &Arc<dyn ExecutionPlan>,
    child: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    // Anything else would part a sort from the filter that its scan was given.
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
    Arc::clone(node).replace_children(vec![child], options)
}

/// Gives the plan with its scan told, where nothing lies between that drops or makes rows.
fn tell(plan: &Arc<dyn ExecutionPlan>, newest: &Newest) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(scan) = plan.downcast_ref::<Scan>() {
        return Ok(Some(Arc::new(scan.for_newest(newest.clone()))));
    }
    let is_plain = plan.downcast_ref::<RepartitionExec>().is_some()
        || plan.downcast_ref::<CooperativeExec>().is_some();
    match plan.children().as_slice() {
        [child] if is_plain => match tell(child, newest)? {
            Some(child) => Ok(Some(over(plan, child)?)),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Gives a span of times outside of which no row passes.
pub(super) fn bounds_of_time(expr: &Arc<dyn PhysicalExpr>) -> Span {
    const ALL: Span = i64::MIN..=i64::MAX;
    if let Some(literal) = expr.downcast_ref::<Literal>() {
        return match literal.value() {
            ScalarValue::Boolean(Some(false)) => Span::new(i64::MAX, i64::MIN),
            _ => ALL,
        };
    }
    let is_time = |expr: &Arc<dyn PhysicalExpr>| {
        expr.downcast_ref::<Named>().is_some_and(|column| column.name() == Field::Timestamp.name())
    };
    if let Some(null) = expr.downcast_ref::<IsNullExpr>() {
        return if is_time(null.arg()) { Span::new(i64::MAX, i64::MIN) } else { ALL };
    }
    let Some(both) = expr.downcast_ref::<BinaryExpr>() else { return ALL };
    match both.op() {
        Operator::And => {
            let (one, other) = (bounds_of_time(both.left()), bounds_of_time(both.right()));
            *one.start().max(other.start())..=*one.end().min(other.end())
        }
        Operator::Or => {
            let (one, other) = (bounds_of_time(both.left()), bounds_of_time(both.right()));
            match (one.is_empty(), other.is_empty()) {
                (true, _) => other,
                (_, true) => one,
                _ => *one.start().min(other.start())..=*one.end().max(other.end()),
            }
        }
        op if is_time(both.left()) => {
            let literal = both.right().downcast_ref::<Literal>().map(Literal::value);
            let Some(ScalarValue::TimestampNanosecond(Some(time), _)) = literal else { return ALL };
            match op {
                Operator::Gt | Operator::GtEq => *time..=i64::MAX,
                Operator::Lt | Operator::LtEq => i64::MIN..=*time,
                Operator::Eq => *time..=*time,
                _ => ALL,
            }
        }
        _ => ALL,
    }
}
