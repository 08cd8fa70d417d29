//! The table of events as the query engine sees it: one snapshot, cut into pieces that are read
//! side by side.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning,
    PlanProperties, ReplaceChildrenOptions, StatisticsArgs,
};
use model::{Event, Field};
use tokio::sync::mpsc::Sender;

use super::filter::Filter;
use crate::damage::Damaged;
use crate::live::{Shared, Snapshot};
use crate::search::{Block, Place};
use crate::segment::{Column, Segment, Table, Texts, Values, Wanted, batch_of, selection, widen};

/// How many batches a piece may be ahead of the query.
const BATCHES_AHEAD: usize = 2;
const BATCH_ROWS: usize = 8192;
/// Rows are picked only where they are few; otherwise reading all of them is cheaper.
const PICKED_SHARE: usize = 8;

/// The table `events` of one query.
#[derive(Debug)]
pub(super) struct Events {
    shared: Arc<Shared>,
    snapshot: Arc<Snapshot>,
    table: Table,
}

impl Events {
    /// Gives the table as it is now; what cannot be read is noted in `unread`.
    pub(super) fn new(shared: &Arc<Shared>, unread: &Arc<Damaged>) -> Self {
        let columns = Column::all().filter(|column| *column != Column::Lists).collect();
        Self {
            shared: Arc::clone(shared),
            snapshot: Arc::new(Snapshot { unread: Arc::clone(unread), ..shared.pin() }),
            table: Table::new(columns),
        }
    }
}

#[async_trait]
impl TableProvider for Events {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.table.schema())
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
        let all = self.table.columns();
        let columns = match projection {
            Some(places) => places.iter().filter_map(|place| all.get(*place).copied()).collect(),
            None => all.to_vec(),
        };
        let filter = Filter::of(filters);
        let pieces = pieces(&self.shared, &self.snapshot, &filter)?;
        let count = session.config().target_partitions().clamp(1, pieces.len().max(1));
        let mut parts: Vec<Vec<Piece>> = (0..count).map(|_| Vec::new()).collect();
        for (place, piece) in pieces.into_iter().enumerate() {
            if let Some(part) = parts.get_mut(place % count) {
                part.push(piece);
            }
        }
        let table = Table::new(columns);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(table.schema())),
            Partitioning::UnknownPartitioning(count),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Arc::new(Scan {
            reader: Arc::new(Reader {
                shared: Arc::clone(&self.shared),
                snapshot: Arc::clone(&self.snapshot),
                table,
                filter,
                limit: limit.unwrap_or(usize::MAX),
            }),
            parts,
            properties: Arc::new(properties),
        }))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

/// Something that is read in one go.
#[derive(Clone, Debug)]
enum Piece {
    Memory(Arc<[Arc<Event>]>),
    Group { segment: Arc<Segment>, group: usize, rows: usize },
}

impl Piece {
    fn rows(&self) -> usize {
        match self {
            Self::Memory(events) => events.len(),
            Self::Group { rows, .. } => *rows,
        }
    }
}

fn pieces(shared: &Shared, snapshot: &Snapshot, filter: &Filter) -> Result<Vec<Piece>> {
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
    for segment in snapshot.segments.iter().filter(|segment| filter.may_match(segment)) {
        let footer = segment.footer(&shared.footers);
        let Some(footer) = snapshot.bear(shared, segment, footer).map_err(outer)? else { continue };
        for (group, rows) in footer.group_rows().into_iter().enumerate() {
            pieces.push(Piece::Group { segment: Arc::clone(segment), group, rows });
        }
    }
    Ok(pieces)
}

fn outer(error: crate::StoreError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The plan's node that reads the pieces.
#[derive(Debug)]
struct Scan {
    reader: Arc<Reader>,
    parts: Vec<Vec<Piece>>,
    properties: Arc<PlanProperties>,
}

impl DisplayAs for Scan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> =
            self.reader.table.columns().iter().map(|column| column.name()).collect();
        let pieces: usize = self.parts.iter().map(Vec::len).sum();
        write!(f, "Events: pieces={pieces}, columns=[{}]", columns.join(", "))
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
        let schema = Arc::clone(self.reader.table.schema());
        let mut builder = RecordBatchReceiverStream::builder(schema, BATCHES_AHEAD);
        let pieces = self.parts.get(part).cloned().unwrap_or_default();
        let reader = Arc::clone(&self.reader);
        let sender = builder.tx();
        builder.spawn_blocking(move || reader.read(&pieces, &sender));
        Ok(builder.build())
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let rows = |pieces: &[Piece]| pieces.iter().map(Piece::rows).sum::<usize>();
        let count = match args.partition() {
            Some(part) => self.parts.get(part).map(|pieces| rows(pieces)).unwrap_or_default(),
            None => self.parts.iter().map(|pieces| rows(pieces)).sum(),
        };
        let mut statistics = Statistics::new_unknown(self.reader.table.schema());
        let is_exact = self.reader.filter.is_empty() && self.reader.limit >= count;
        statistics.num_rows =
            if is_exact { Precision::Exact(count) } else { Precision::Inexact(count) };
        Ok(Arc::new(statistics))
    }
}

#[derive(Debug)]
struct Reader {
    shared: Arc<Shared>,
    snapshot: Arc<Snapshot>,
    table: Table,
    filter: Filter,
    limit: usize,
}

impl Reader {
    fn read(&self, pieces: &[Piece], sender: &Sender<Result<RecordBatch>>) -> Result<()> {
        let mut left = self.limit;
        for piece in pieces {
            if sender.is_closed() {
                break;
            }
            let mut send = |batch: RecordBatch| {
                let batch = batch.slice(0, batch.num_rows().min(left));
                left -= batch.num_rows();
                // Nobody listens any more when the query has enough, or was given up.
                sender.blocking_send(Ok(batch)).is_ok() && left > 0
            };
            let goes_on = match piece {
                Piece::Memory(events) => send(batch_of(&self.table, events)?),
                Piece::Group { segment, group, rows } => {
                    let place = Place { group: *group, group_rows: *rows, rows: 0..*rows };
                    let read = self.read_group(segment, place, &mut send);
                    let read = self.snapshot.bear(&self.shared, segment, read).map_err(outer)?;
                    read.unwrap_or(true)
                }
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    fn read_group(
        &self,
        segment: &Segment,
        place: Place,
        send: &mut dyn FnMut(RecordBatch) -> bool,
    ) -> std::result::Result<bool, crate::StoreError> {
        let footer = segment.footer(&self.shared.footers)?;
        let rows = footer.rows_within(place.group, Field::Timestamp, &self.filter.times);
        let place = Place { rows, ..place };
        if place.rows.start >= place.rows.end {
            return Ok(true);
        }
        let ranges = self.picked(segment, &place)?;
        let wanted = Wanted {
            columns: self.table.columns(),
            texts: Texts::Plain,
            group: place.group,
            rows: selection(ranges, place.group_rows),
            batch_rows: BATCH_ROWS,
        };
        for batch in segment.rows(&self.shared.footers, wanted)? {
            let batch = batch.map_err(|error| segment.damaged(error))?;
            if !send(widen(&batch, &self.table)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives the rows that hold the texts asked for, where that spares work.
    fn picked(
        &self,
        segment: &Segment,
        place: &Place,
    ) -> std::result::Result<Vec<std::ops::Range<usize>>, crate::StoreError> {
        let start = place.rows.start;
        let mut block = Block::at(segment, &self.shared.footers, place.clone());
        let mut marks = vec![true; block.len()];
        for (field, wanted) in &self.filter.texts {
            let column = Column::Known(*field);
            if column.is_prose() {
                continue;
            }
            block.load(column)?;
            let Some(Values::Dictionary { array, texts }) = block.values(column) else { continue };
            let verdicts: Vec<bool> =
                texts.iter().map(|text| text.is_some_and(|text| wanted.contains(text))).collect();
            for (mark, key) in marks.iter_mut().zip(array.keys()) {
                let verdict = key.and_then(|key| verdicts.get(usize::try_from(key).ok()?));
                *mark = *mark && verdict.copied().unwrap_or(false);
            }
        }
        let rows: Vec<usize> =
            (0..marks.len()).filter(|row| marks.get(*row) == Some(&true)).collect();
        if rows.len() > marks.len() / PICKED_SHARE {
            return Ok(vec![place.rows.clone()]);
        }
        let runs = rows.chunk_by(|one, next| one + 1 == *next);
        Ok(runs.filter_map(|run| Some(start + run.first()?..start + run.last()? + 1)).collect())
    }
}
