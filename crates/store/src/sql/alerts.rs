//! The tables `alerts` and `alert_events`: what people work on, and on which events each stands.
//!
//! They are read from the catalog when a query asks for them, as they are at that moment, and once however
//! often it names them. Events are joined
//! by `alert_events.event_id = events.event.id`; of each alert the newest hundred are kept.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, StringViewArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use catalog::Catalog;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use model::{Alert, Timestamp, Verdict};

use super::admit::wrong;
use super::read::outer;
use crate::StoreError;
use crate::segment::TEXT_TYPE;

/// Bounds the alerts that a query reads. Past it there is no answer, since half of one misleads.
const ALERTS_MAX: usize = 100_000;
/// How many are read at a time.
const PAGE: u32 = 1_000;

/// A table that is made of the alerts.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfAlerts {
    /// What it is called.
    pub(super) name: &'static str,
    /// Its columns; names that a query of it may use as they are.
    pub(super) columns: &'static [(&'static str, Kind)],
    rows: fn(&[Alert]) -> Vec<ArrayRef>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Number,
    Text,
    Time,
    Flag,
}

/// Both tables.
pub(super) const OF_ALERTS: [OfAlerts; 2] = [
    OfAlerts {
        name: "alerts",
        columns: &[
            ("id", Kind::Number),
            ("rule_id", Kind::Text),
            ("title", Kind::Text),
            ("level", Kind::Text),
            ("status", Kind::Text),
            ("verdict", Kind::Text),
            ("assignee", Kind::Text),
            ("entity_type", Kind::Text),
            ("entity_value", Kind::Text),
            ("summary", Kind::Text),
            ("tags", Kind::Text),
            ("happenings", Kind::Number),
            ("first_at", Kind::Time),
            ("last_at", Kind::Time),
            ("simulated", Kind::Flag),
        ],
        rows: alerts,
    },
    OfAlerts {
        name: "alert_events",
        columns: &[("alert_id", Kind::Number), ("event_id", Kind::Number)],
        rows: events,
    },
];

impl Kind {
    fn arrow(self) -> DataType {
        match self {
            Self::Number => DataType::Int64,
            Self::Text => TEXT_TYPE,
            Self::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Self::Flag => DataType::Boolean,
        }
    }
}

/// One of the tables in one query.
#[derive(Debug)]
pub(super) struct Alerts {
    table: OfAlerts,
    catalog: Catalog,
    schema: SchemaRef,
    read: Mutex<Option<Vec<RecordBatch>>>,
}

impl Alerts {
    pub(super) fn new(catalog: Catalog, table: OfAlerts) -> Self {
        let fields = table.columns.iter();
        let fields: Vec<_> =
            fields.map(|(name, kind)| ArrowField::new(*name, kind.arrow(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        Self { table, catalog, schema, read: Mutex::default() }
    }

    /// Gives the alerts as they were when the query first asked for them.
    fn batches(&self) -> Result<Vec<RecordBatch>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(batches) = &*read {
            return Ok(batches.clone());
        }
        Ok(read.insert(self.read()?).clone())
    }

    /// Reads the alerts of the catalog, page by page.
    fn read(&self) -> Result<Vec<RecordBatch>> {
        let failed = |error: catalog::CatalogError| outer(StoreError::from(error));
        let mut batches = Vec::new();
        let mut read = 0;
        let mut before = None;
        loop {
            let page = self.catalog.alerts_before(before, PAGE).map_err(failed)?;
            let Some(last) = page.last() else { return Ok(batches) };
            before = Some(last.id);
            read += page.len();
            if read > ALERTS_MAX {
                let told = format!("there are more than {ALERTS_MAX} alerts, too many for SQL");
                return Err(outer(wrong(told)));
            }
            let rows = (self.table.rows)(&page);
            batches.push(RecordBatch::try_new(Arc::clone(&self.schema), rows)?);
        }
    }
}

#[async_trait]
impl TableProvider for Alerts {
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
        let table = MemTable::try_new(Arc::clone(&self.schema), vec![self.batches()?])?;
        table.scan(session, projection, filters, limit).await
    }
}

fn alerts(all: &[Alert]) -> Vec<ArrayRef> {
    vec![
        numbers(all.iter().map(|alert| alert.id.0)),
        texts(all, |alert| Some(alert.rule_id.clone())),
        texts(all, |alert| Some(alert.title.clone())),
        texts(all, |alert| Some(alert.level.as_str().to_owned())),
        texts(all, |alert| Some(alert.status.as_str().to_owned())),
        texts(all, |alert| alert.verdict.map(Verdict::as_str).map(str::to_owned)),
        texts(all, |alert| alert.assignee.clone()),
        texts(all, |alert| alert.entity.as_ref().map(|entity| entity.kind.as_str().to_owned())),
        texts(all, |alert| alert.entity.as_ref().map(|entity| entity.value.clone())),
        texts(all, |alert| Some(alert.summary.clone())),
        texts(all, |alert| Some(alert.tags.join(", "))),
        numbers(all.iter().map(|alert| i64::try_from(alert.count).unwrap_or(i64::MAX))),
        times(all, |alert| alert.first),
        times(all, |alert| alert.last),
        Arc::new(all.iter().map(|alert| Some(alert.simulated)).collect::<BooleanArray>()),
    ]
}

fn events(all: &[Alert]) -> Vec<ArrayRef> {
    let pairs = || all.iter().flat_map(|alert| alert.events.iter().map(|event| (alert.id, *event)));
    vec![
        numbers(pairs().map(|(alert, _)| alert.0)),
        numbers(pairs().map(|(_, event)| i64::try_from(event.0).unwrap_or(i64::MAX))),
    ]
}

fn numbers(all: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(all.collect::<Int64Array>())
}

fn texts(all: &[Alert], of: fn(&Alert) -> Option<String>) -> ArrayRef {
    Arc::new(all.iter().map(of).collect::<StringViewArray>())
}

fn times(all: &[Alert], of: fn(&Alert) -> Timestamp) -> ArrayRef {
    let times: TimestampNanosecondArray = all.iter().map(|alert| Some(of(alert).nanos())).collect();
    Arc::new(times.with_timezone("UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_query_reads_them_once() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        let [table, _] = OF_ALERTS;
        let insert = |title: &str| {
            let made: Result<_, catalog::CatalogError> =
                catalog.alter_alerts(|alerts| alerts.insert(&alert(title)));
            made.unwrap()
        };
        insert("first");
        let query = Alerts::new(catalog.clone(), table);
        let rows = |query: &Alerts| -> usize {
            query.batches().unwrap().iter().map(RecordBatch::num_rows).sum()
        };
        assert_eq!(rows(&query), 1);
        insert("second");
        assert_eq!(rows(&query), 1);
        assert_eq!(rows(&Alerts::new(catalog.clone(), table)), 2);
    }

    fn alert(title: &str) -> Alert {
        Alert {
            id: model::AlertId(0),
            rule_id: title.to_owned(),
            title: title.to_owned(),
            level: model::Level::High,
            tags: Vec::new(),
            entity: None,
            summary: String::new(),
            status: model::Status::Open,
            verdict: None,
            assignee: None,
            count: 1,
            first: Timestamp::from_seconds(0),
            last: Timestamp::from_seconds(0),
            events: Vec::new(),
            simulated: false,
            version: 1,
        }
    }
}
