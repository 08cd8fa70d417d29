//! The conditions of a query, made ready to be tested where the rows lie.
//!
//! What is cheap goes first: the time; what looks at one column of few different values, tested once
//! for each of those; predicates of the search bar; then what has to see the rows, the long texts
//! last. The engine does not test again, so each of them is exact.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::{cast, concat, prep_null_mask_filter};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use query::{Node, Predicate};

use super::asked::{Asked, Seen, View};
use super::filter::Filter;
use crate::StoreError;
use crate::search::{Block, narrow};
use crate::segment::{Column, TEXT_TYPE, Table, Values};

/// The conditions of a query, all of which must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    /// Which segments and pages to look at, and the span of times.
    pub(super) filter: Filter,
    /// Those on one column of few different values.
    pub(super) distinct: Vec<Condition>,
    /// Those of the search bar's language.
    pub(super) predicates: Vec<Predicate>,
    /// Those that have to see the rows.
    pub(super) rows: Vec<Condition>,
}

/// One condition of the engine's.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    expr: Arc<dyn PhysicalExpr>,
    /// What it looks at.
    pub(super) view: View,
}

impl Conditions {
    /// Reads the conditions that the engine hands over.
    pub(super) fn of(
        filters: &[Expr],
        all: &View,
        asked: &Asked,
        session: &dyn Session,
    ) -> Result<Self> {
        let mut conditions = Self { filter: Filter::of(filters), ..Self::default() };
        conditions.predicates.extend(asked.only.clone());
        let schema = DFSchema::try_from(Arc::clone(&all.schema))?;
        for filter in filters.iter().flat_map(split_conjunction) {
            if Filter::is_of_times(filter) {
                continue;
            }
            if let Some(predicate) = told(filter, asked) {
                conditions.predicates.push(predicate);
                continue;
            }
            let expr = session.create_physical_expr(filter.clone(), &schema)?;
            conditions.add(Condition::of(expr, all, asked)?);
        }
        conditions.rows.sort_by_key(Condition::is_of_prose);
        Ok(conditions)
    }

    fn add(&mut self, condition: Condition) {
        let list = if condition.distinct().is_some() { &mut self.distinct } else { &mut self.rows };
        list.push(condition);
    }

    /// Tells whether every row passes.
    pub(super) fn is_empty(&self) -> bool {
        self.filter.times == (i64::MIN..=i64::MAX)
            && self.distinct.is_empty()
            && self.predicates.is_empty()
            && self.rows.is_empty()
    }

    /// Gives a predicate that every wanted row passes, for the index.
    pub(super) fn hint(&self) -> Node {
        let mut nodes = self.filter.hints();
        nodes.extend(self.predicates.iter().map(|predicate| predicate.node().clone()));
        if nodes.is_empty() { Node::All } else { Node::And(nodes) }
    }

    /// Gives a short account of them.
    pub(super) fn shown(&self) -> String {
        let own = |condition: &Condition| condition.expr.to_string();
        let mut all: Vec<String> = self.distinct.iter().map(own).collect();
        all.extend(self.predicates.iter().map(ToString::to_string));
        all.extend(self.rows.iter().map(own));
        all.join(" AND ")
    }
}

/// Gives the predicate of a filter that asks nothing else.
fn told(filter: &Expr, asked: &Asked) -> Option<Predicate> {
    match filter {
        Expr::Column(column) => asked.predicate(asked.place(&column.name)?).cloned(),
        Expr::Not(inner) => {
            let predicate = told(inner, asked)?;
            Some(Predicate::new(Node::Not(Box::new(predicate.node().clone()))))
        }
        _ => None,
    }
}

impl Condition {
    /// Gives the condition of an expression upon columns of `view`, which it names.
    pub(super) fn of(expr: Arc<dyn PhysicalExpr>, view: &View, asked: &Asked) -> Result<Self> {
        let named: BTreeSet<String> =
            collect_columns(&expr).iter().map(|column| column.name().to_owned()).collect();
        let of_name = |name: &String| {
            let place = view.schema.index_of(name).ok()?;
            view.columns.get(place).copied()
        };
        let view = View::of(named.iter().filter_map(of_name).collect(), asked);
        Ok(Self { expr: reassign_expr_columns(expr, &view.schema)?, view })
    }

    /// Gives the one column of few different values that it looks at.
    fn distinct(&self) -> Option<Column> {
        match self.view.columns.as_slice() {
            [Seen::Stored(column)] => {
                (column.data_type() == TEXT_TYPE && !column.is_prose()).then_some(*column)
            }
            _ => None,
        }
    }

    /// Tells whether it looks at long texts.
    pub(super) fn is_of_prose(&self) -> bool {
        let is_prose = |seen: &Seen| matches!(seen, Seen::Stored(column) if column.is_prose());
        self.view.columns.iter().any(is_prose)
    }

    /// Tells which rows pass.
    pub(super) fn test(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let own = reorder(batch, &self.view.schema)?;
        let verdicts = self.expr.evaluate(&own)?.into_array(own.num_rows())?;
        let verdicts = verdicts.as_boolean();
        Ok(if verdicts.null_count() > 0 {
            prep_null_mask_filter(verdicts)
        } else {
            verdicts.clone()
        })
    }

    /// Clears the marks of the rows that do not pass; gives `false`, and has done nothing, where the
    /// rows themselves have to be seen.
    pub(super) fn narrow_values(
        &self,
        block: &mut Block<'_>,
        marks: &mut [bool],
    ) -> std::result::Result<bool, StoreError> {
        let Some(column) = self.distinct() else { return Ok(false) };
        block.load(column)?;
        let missing = StringArray::new_null(1);
        let (texts, keys) = match block.values(column) {
            None => (missing, None),
            Some(Values::Dictionary { array, texts }) if texts.len() <= marks.len().max(64) => {
                let parts: [&dyn Array; 2] = [texts, &missing];
                let Ok(texts) = concat(&parts) else {
                    return Ok(false);
                };
                (texts.as_string::<i32>().clone(), Some(array.keys().clone()))
            }
            Some(_) => return Ok(false),
        };
        // A value that no row has may be one that the condition stumbles over.
        let Some(verdicts) = self.test_texts(&texts) else { return Ok(false) };
        let null = texts.len().saturating_sub(1);
        for (row, mark) in marks.iter_mut().enumerate().filter(|(_, mark)| **mark) {
            let key = keys.as_ref().filter(|keys| keys.is_valid(row));
            let key = key.and_then(|keys| usize::try_from(keys.value(row)).ok()).unwrap_or(null);
            *mark = key < verdicts.len() && verdicts.value(key);
        }
        Ok(true)
    }

    fn test_texts(&self, texts: &StringArray) -> Option<BooleanArray> {
        let texts = cast(texts, &TEXT_TYPE).ok()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.view.schema), vec![texts]).ok()?;
        self.test(&batch).ok()
    }
}

/// Gives the columns of a schema out of a batch that has them, in the schema's order.
pub(super) fn reorder(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let of_name = |name: &String| Ok(Arc::clone(batch.column(batch.schema_ref().index_of(name)?)));
    let names = schema.fields().iter().map(|field| of_name(field.name()));
    let columns = names.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// Tells whether the store can test a condition itself.
pub(super) fn is_ours(filter: &Expr) -> bool {
    let is_another_plan = |expr: &Expr| {
        matches!(
            expr,
            Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
        )
    };
    !filter.is_volatile() && !filter.exists(|expr| Ok(is_another_plan(expr))).unwrap_or(true)
}

/// Clears the marks of the rows that do not pass what can be tested without seeing whole rows, and
/// gives the conditions that are left.
pub(super) fn narrow_block<'c>(
    conditions: &'c Conditions,
    block: &mut Block<'_>,
    marks: &mut [bool],
) -> std::result::Result<Vec<&'c Condition>, StoreError> {
    let mut left = Vec::new();
    for condition in &conditions.distinct {
        if !condition.narrow_values(block, marks)? {
            left.push(condition);
        }
    }
    for predicate in &conditions.predicates {
        narrow(predicate.node(), block, marks)?;
    }
    left.extend(&conditions.rows);
    Ok(left)
}

/// Gives the stored columns that some conditions look at.
pub(super) fn table_of(conditions: &[&Condition]) -> Table {
    let mut columns: Vec<Column> = Vec::new();
    for seen in conditions.iter().flat_map(|condition| &condition.view.columns) {
        if let Seen::Stored(column) = seen
            && !columns.contains(column)
        {
            columns.push(*column);
        }
    }
    Table::new(columns)
}

/// Gives a schema with the fields of both.
pub(super) fn joined(one: &Schema, other: &Schema) -> SchemaRef {
    Arc::new(Schema::new(one.fields().iter().chain(other.fields()).cloned().collect::<Vec<_>>()))
}
