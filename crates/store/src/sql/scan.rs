//! The table of events as the query engine sees it: one snapshot, cut into pieces that are read
//! side by side.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::DynamicFilterTracking;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning,
    PlanProperties, ReplaceChildrenOptions, StatisticsArgs,
};
use model::Field;

use super::asked::{Asked, Seen, View};
use super::conditions::{Conditions, is_ours};
use super::newest::Newest;
use super::read::{Piece, Reader, outer};
use super::running::Running;
use crate::live::{Shared, Snapshot};
use crate::search::may_match;
use crate::segment::{Bound, Column};

/// How many batches a piece may be ahead of the query.
const BATCHES_AHEAD: usize = 2;

/// The table `events` of one query.
#[derive(Debug)]
pub(super) struct Events {
    shared: Arc<Shared>,
    snapshot: Arc<Snapshot>,
    asked: Arc<Asked>,
    all: View,
    running: Running,
}

impl Events {
    pub(super) fn new(
        shared: &Arc<Shared>,
        snapshot: Arc<Snapshot>,
        asked: Asked,
        running: Running,
    ) -> Self {
        let all = View::all(&asked);
        Self { shared: Arc::clone(shared), snapshot, asked: Arc::new(asked), all, running }
    }
}

#[async_trait]
impl TableProvider for Events {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.all.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let conditions = Conditions::of(filters, &self.all, &self.asked, session)?;
        let pieces = pieces(&self.shared, &self.snapshot, &conditions)?;
        let threads = session.config().target_partitions();
        let reader = Reader {
            shared: Arc::clone(&self.shared),
            snapshot: Arc::clone(&self.snapshot),
            asked: Arc::clone(&self.asked),
            all: self.all.clone(),
            view: self.all.project(projection, &self.asked),
            conditions,
            dynamic: Vec::new(),
            limit: limit.unwrap_or(usize::MAX),
            newest: None,
        };
        Ok(Arc::new(Scan::new(reader, &pieces, threads, self.running.clone())))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| {
            if is_ours(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(answer).collect())
    }
}

/// Gives what may hold wanted rows, in no order.
fn pieces(shared: &Shared, snapshot: &Snapshot, conditions: &Conditions) -> Result<Vec<Piece>> {
    let filter = &conditions.filter;
    let mut pieces = Vec::new();
    for chunk in &snapshot.memory {
        if chunk.last_time.nanos() >= *filter.times.start()
            && chunk.first_time.nanos() <= *filter.times.end()
        {
            pieces.push(Piece::Memory(Arc::clone(&chunk.events)));
        }
    }
    snapshot.note_absent(|absent| {
        absent.last_time.nanos() >= *filter.times.start()
            && absent.first_time.nanos() <= *filter.times.end()
    });
    let may_hold = |predicate: &query::Predicate, segment| may_match(predicate.node(), segment);
    for segment in snapshot.segments.iter() {
        if !filter.may_match(segment)
            || !conditions.predicates.iter().all(|predicate| may_hold(predicate, segment))
        {
            continue;
        }
        let footer = segment.footer(&shared.footers);
        let Some(footer) = snapshot.bear(shared, segment, footer).map_err(outer)? else { continue };
        for (group, rows) in footer.group_rows().into_iter().enumerate() {
            pieces.push(Piece::Group { segment: Arc::clone(segment), group, rows });
        }
    }
    Ok(pieces)
}

/// The plan's node that reads the pieces.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    reader: Arc<Reader>,
    parts: Vec<Vec<Piece>>,
    properties: Arc<PlanProperties>,
    running: Running,
}

impl Scan {
    fn new(reader: Reader, pieces: &[Piece], threads: usize, running: Running) -> Self {
        let parts = dealt(pieces, threads);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&reader.view.schema)),
            Partitioning::UnknownPartitioning(parts.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { reader: Arc::new(reader), parts, properties: Arc::new(properties), running }
    }

    /// Gives the scan that reads from one end of time and stops early.
    pub(super) fn for_newest(&self, newest: Newest) -> Self {
        let mut pieces: Vec<Piece> = self.parts.iter().flatten().cloned().collect();
        if newest.is_newest {
            // Within a segment, later groups are mostly the newer ones.
            pieces.sort_by_key(|piece| std::cmp::Reverse((piece.times().1, piece.group())));
        } else {
            pieces.sort_by_key(|piece| piece.times().0);
        }
        let parts = dealt(&pieces, self.parts.len());
        let reader = Reader { newest: Some(newest), ..Reader::clone(&self.reader) };
        Self { reader: Arc::new(reader), parts, ..self.clone() }
    }
}

/// Deals pieces out to so many readers, or to fewer.
fn dealt(pieces: &[Piece], readers: usize) -> Vec<Vec<Piece>> {
    let count = readers.clamp(1, pieces.len().max(1));
    let mut parts: Vec<Vec<Piece>> = (0..count).map(|_| Vec::new()).collect();
    for (place, piece) in pieces.iter().enumerate() {
        if let Some(part) = parts.get_mut(place % count) {
            part.push(piece.clone());
        }
    }
    parts
}

impl DisplayAs for Scan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.reader.view.schema.fields().iter().map(|field| field.name().as_str());
        let columns: Vec<&str> = names.collect();
        let pieces: usize = self.parts.iter().map(Vec::len).sum();
        write!(f, "Events: pieces={pieces}, columns=[{}]", columns.join(", "))?;
        let conditions = self.reader.conditions.shown();
        if !conditions.is_empty() {
            write!(f, ", conditions=[{conditions}]")?;
        }
        if let Some(newest) = &self.reader.newest {
            let end = if newest.is_newest { "newest" } else { "oldest" };
            write!(f, ", {end}={}", newest.count)?;
        }
        Ok(())
    }
}

impl ExecutionPlan for Scan {
    fn name(&self) -> &'static str {
        "Events"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(&self, part: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = Arc::clone(&self.reader.view.schema);
        let mut builder = RecordBatchReceiverStream::builder(schema, BATCHES_AHEAD);
        let pieces = self.parts.get(part).cloned().unwrap_or_default();
        let reader = Arc::clone(&self.reader);
        let sender = builder.tx();
        let running = self.running.one_more();
        builder.spawn_blocking(move || {
            let _running = running;
            reader.read(&pieces, &sender)
        });
        Ok(builder.build())
    }

    /// Takes what the query tightens while it runs: the worst of the best rows of a sort, the keys of
    /// a join. It is a help; whoever gave it tests again.
    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters = vec![PushedDown::No; result.parent_filters.len()];
        let offered = result.parent_filters.into_iter().map(|offered| offered.filter);
        let dynamic: Vec<_> = offered
            .filter(|offered| DynamicFilterTracking::classify(offered).contains_dynamic_filter())
            .collect();
        if phase != FilterPushdownPhase::Post || dynamic.is_empty() {
            return Ok(FilterPushdownPropagation { filters, updated_node: None });
        }
        let mut reader = Reader::clone(&self.reader);
        reader.dynamic.extend(dynamic);
        let node: Arc<dyn ExecutionPlan> =
            Arc::new(Self { reader: Arc::new(reader), ..self.clone() });
        Ok(FilterPushdownPropagation { filters, updated_node: Some(node) })
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let pieces: Vec<&Piece> = match args.partition() {
            Some(part) => self.parts.get(part).into_iter().flatten().collect(),
            None => self.parts.iter().flatten().collect(),
        };
        let count = pieces.iter().map(|piece| piece.rows()).sum();
        let mut statistics = Statistics::new_unknown(&self.reader.view.schema);
        let is_exact = self.reader.conditions.is_empty() && self.reader.limit >= count;
        if !is_exact {
            statistics.num_rows = Precision::Inexact(count);
            return Ok(Arc::new(statistics));
        }
        statistics.num_rows = Precision::Exact(count);
        for (seen, known) in self.reader.view.columns.iter().zip(&mut statistics.column_statistics)
        {
            let Seen::Stored(Column::Known(field)) = seen else { continue };
            // Of a part alone, the bounds of whole segments would be too wide.
            let whole = args.partition().is_none();
            if let Some((least, most)) = bounds(&pieces, *field).filter(|_| whole) {
                known.min_value = Precision::Exact(least);
                known.max_value = Precision::Exact(most);
            }
        }
        Ok(Arc::new(statistics))
    }
}

/// Gives the least and the greatest of all values of a field, where that is known without reading.
fn bounds(pieces: &[&Piece], field: Field) -> Option<(ScalarValue, ScalarValue)> {
    let scalar = |number: i64| match field {
        Field::EventId => Some(ScalarValue::UInt64(Some(u64::try_from(number).ok()?))),
        _ if Column::Known(field).data_type() == arrow::datatypes::DataType::Int64 => {
            Some(ScalarValue::Int64(Some(number)))
        }
        _ => match Column::Known(field).data_type() {
            arrow::datatypes::DataType::Timestamp(_, zone) => {
                Some(ScalarValue::TimestampNanosecond(Some(number), zone))
            }
            _ => None,
        },
    };
    let mut found: Option<(i64, i64)> = None;
    for piece in pieces {
        let Some((least, most)) = piece.bounds(field)? else { continue };
        found = Some(match found {
            None => (least, most),
            Some((low, high)) => (low.min(least), high.max(most)),
        });
    }
    let (least, most) = found?;
    Some((scalar(least)?, scalar(most)?))
}

impl Piece {
    fn group(&self) -> usize {
        match self {
            Self::Memory(_) => 0,
            Self::Group { group, .. } => *group,
        }
    }

    /// Gives the span of times.
    fn times(&self) -> (i64, i64) {
        match self {
            Self::Memory(events) => {
                let times = || events.iter().map(|event| event.time.nanos());
                (times().min().unwrap_or(i64::MAX), times().max().unwrap_or(i64::MIN))
            }
            Self::Group { segment, .. } => {
                (segment.row.first_time.nanos(), segment.row.last_time.nanos())
            }
        }
    }

    /// Gives the span of a field's whole numbers or moments: nothing where it is not known, and none
    /// where there is no value.
    #[expect(clippy::option_option, reason = "not known and none are two answers")]
    fn bounds(&self, field: Field) -> Option<Option<(i64, i64)>> {
        match self {
            Self::Memory(events) => match field {
                Field::Timestamp => Some(Some(self.times()).filter(|_| !events.is_empty())),
                Field::EventId => {
                    let ids = || events.iter().map(|event| event.id.0);
                    let (Some(least), Some(most)) = (ids().min(), ids().max()) else {
                        return Some(None);
                    };
                    Some(Some((i64::try_from(least).ok()?, i64::try_from(most).ok()?)))
                }
                _ => None,
            },
            Self::Group { segment, .. } => {
                let row = &segment.row;
                match field {
                    Field::Timestamp => Some(Some(self.times())),
                    Field::EventId => Some(Some((
                        i64::try_from(row.first_id).ok()?,
                        i64::try_from(row.last_id).ok()?,
                    ))),
                    _ => match segment.stats.columns.get(field.name()) {
                        None => Some(None),
                        Some(Some((Bound::Integer(low), Bound::Integer(high)))) => {
                            Some(Some((*low, *high)))
                        }
                        Some(_) => None,
                    },
                }
            }
        }
    }
}
