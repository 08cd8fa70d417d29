//! What there is to ask: every field, what it means, and in how many events it occurs.
//!
//! `SHOW COLUMNS FROM events`, `DESCRIBE events` and `SELECT … FROM fields` show it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::ast::{ShowStatementOptions, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use model::SCHEMA;

use super::names::{TABLE, last_of};
use super::read::outer;
use crate::StoreError;
use crate::live::{Shared, Snapshot};
use crate::segment::{Column, EXTRA, Segment, TEXT_TYPE};

/// The table that lists the fields.
pub(super) const FIELDS: &str = "fields";
/// Bounds the unknown fields that are listed.
const UNKNOWN_MAX: usize = 10_000;

/// One field of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlField {
    /// Its dotted name.
    pub name: String,
    /// `keyword`, `long`, `float`, `boolean`, `ip` or `date`; `unknown` of a field that is no column.
    pub kind: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// In how many events it occurs.
    pub events: u64,
    /// Whether `events` is that number; otherwise it is not more than that.
    pub is_exact: bool,
    /// Whether it is a column; otherwise it is looked up in `extra`.
    pub is_column: bool,
}

/// Gives every field: the columns in the order of the schema, then the others that occur.
pub(super) fn fields(shared: &Shared, snapshot: &Snapshot) -> Result<Vec<SqlField>, StoreError> {
    let mut counts = Counts::default();
    for chunk in &snapshot.memory {
        for event in chunk.events.iter() {
            for column in Column::all().filter(|column| column.is_always()) {
                counts.add(column.name(), 1);
            }
            for (field, _) in event.known() {
                counts.add(field.name(), 1);
            }
            let mut names: Vec<&str> = event.extras().map(|extra| extra.name).collect();
            counts.add(EXTRA, u64::from(!names.is_empty()));
            names.sort_unstable();
            names.dedup();
            for name in names {
                counts.add_unknown(name, 1, true);
            }
        }
    }
    snapshot.note_absent(|_| true);
    for segment in snapshot.segments.iter() {
        let counted = counts.add_segment(shared, segment);
        snapshot.bear(shared, segment, counted)?;
    }
    Ok(counts.listed())
}

/// In how many events what occurs.
#[derive(Default)]
struct Counts {
    columns: BTreeMap<String, u64>,
    unknown: BTreeMap<String, (u64, bool)>,
}

impl Counts {
    fn add(&mut self, column: &str, events: u64) {
        match self.columns.get_mut(column) {
            Some(count) => *count += events,
            None => {
                self.columns.insert(column.to_owned(), events);
            }
        }
    }

    fn add_unknown(&mut self, name: &str, events: u64, is_exact: bool) {
        if let Some((count, exact)) = self.unknown.get_mut(name) {
            *count += events;
            *exact &= is_exact;
        } else if self.unknown.len() < UNKNOWN_MAX {
            self.unknown.insert(name.to_owned(), (events, is_exact));
        }
    }

    fn add_segment(&mut self, shared: &Shared, segment: &Segment) -> Result<(), StoreError> {
        let footer = segment.footer(&shared.footers)?;
        let described = footer.metadata.file_metadata().schema_descr();
        // A record that is put together from other columns has none of its own.
        for column in Column::all().filter(|column| column.is_always()) {
            self.add(column.name(), segment.row.events);
        }
        for (place, column) in described.columns().iter().enumerate() {
            if Column::by_name(column.name()).is_none_or(Column::is_always) {
                continue;
            }
            for group in footer.metadata.row_groups() {
                let rows = u64::try_from(group.num_rows()).unwrap_or_default();
                let statistics = group.columns().get(place).and_then(|column| column.statistics());
                let nulls = statistics
                    .and_then(parquet::file::statistics::Statistics::null_count_opt)
                    .unwrap_or(0);
                self.add(column.name(), rows.saturating_sub(nulls));
            }
        }
        for name in &segment.stats.extra {
            match segment.stats.extra_events.get(name) {
                Some(events) => self.add_unknown(name, *events, true),
                None => self.add_unknown(name, segment.row.events, false),
            }
        }
        Ok(())
    }

    fn listed(self) -> Vec<SqlField> {
        let count = |name: &str| self.columns.get(name).copied().unwrap_or(0);
        let known = SCHEMA.iter().map(|row| SqlField {
            name: row.name.to_owned(),
            kind: row.kind.as_str(),
            meaning: row.summary,
            events: count(row.name),
            is_exact: true,
            is_column: true,
        });
        let extra = SqlField {
            name: EXTRA.to_owned(),
            kind: "keyword",
            meaning: "the fields that are no columns, as one JSON object",
            events: count(EXTRA),
            is_exact: true,
            is_column: true,
        };
        let unknown = self.unknown.iter().map(|(name, (events, is_exact))| SqlField {
            name: name.clone(),
            kind: "unknown",
            meaning: "a field of the source's own; field('name') gives it as text",
            events: *events,
            is_exact: *is_exact,
            is_column: false,
        });
        known.chain([extra]).chain(unknown).collect()
    }
}

/// Turns the statements that list the columns of `events` into a query of `fields`.
pub(super) fn listing(statement: Statement) -> Statement {
    let lists = match &statement {
        Statement::ExplainTable { table_name, .. } => last_of(table_name) == TABLE,
        Statement::ShowColumns {
            show_options: ShowStatementOptions { show_in: Some(shown), .. },
            ..
        } => shown.parent_name.as_ref().is_some_and(|name| last_of(name) == TABLE),
        _ => false,
    };
    if !lists {
        return statement;
    }
    let query = format!("SELECT name, kind, events, meaning FROM {FIELDS}");
    let read = Parser::parse_sql(&GenericDialect {}, &query);
    read.ok().and_then(|mut read| read.pop()).unwrap_or(statement)
}

/// The table `fields` of one query; it is counted when it is read.
#[derive(Debug)]
pub(super) struct Fields {
    shared: Arc<Shared>,
    snapshot: Arc<Snapshot>,
    schema: SchemaRef,
}

impl Fields {
    pub(super) fn new(shared: &Arc<Shared>, snapshot: Arc<Snapshot>) -> Self {
        let field = |name: &str, kind| ArrowField::new(name, kind, false);
        let schema = Schema::new(vec![
            field("name", TEXT_TYPE),
            field("kind", TEXT_TYPE),
            field("events", DataType::Int64),
            field("is_exact", DataType::Boolean),
            field("is_column", DataType::Boolean),
            field("meaning", TEXT_TYPE),
        ]);
        Self { shared: Arc::clone(shared), snapshot, schema: Arc::new(schema) }
    }
}

#[async_trait]
impl TableProvider for Fields {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = fields(&self.shared, &self.snapshot).map_err(outer)?;
        let texts = |of: fn(&SqlField) -> &str| -> ArrayRef {
            Arc::new(all.iter().map(|field| Some(of(field))).collect::<StringViewArray>())
        };
        let flags = |of: fn(&SqlField) -> bool| -> ArrayRef {
            Arc::new(all.iter().map(|field| Some(of(field))).collect::<BooleanArray>())
        };
        let count = |field: &SqlField| Some(i64::try_from(field.events).unwrap_or(i64::MAX));
        let events: ArrayRef = Arc::new(all.iter().map(count).collect::<Int64Array>());
        let columns = vec![
            texts(|field| &field.name),
            texts(|field| field.kind),
            events,
            flags(|field| field.is_exact),
            flags(|field| field.is_column),
            texts(|field| field.meaning),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        let table = MemTable::try_new(Arc::clone(&self.schema), vec![vec![batch]])?;
        table.scan(session, projection, filters, limit).await
    }
}
