//! Runs a query on threads of its own and hands its rows over batch by batch.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as EngineStatement;
use futures::StreamExt;
use query::Predicate;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::AbortHandle;

use super::admit::{placed, wrong};
use super::alerts::{Alerts, OF_ALERTS};
use super::asked::Asked;
use super::names::{TABLE, parse};
use super::newest::TellNewest;
use super::running::Running;
use super::scan::Events;
use super::schema::{FIELDS, Fields};
use super::spill::Spill;
use super::{Cell, Column, SqlLimits, cells, functions};
use crate::damage::Damaged;
use crate::error::During;
use crate::live::{Shared, Snapshot};
use crate::{Config, StoreError};

/// Batches that wait for the reader of the answer.
const BATCHES_WAITING: usize = 2;
/// Planning walks the tree of a query; a bounded query fits well.
const STACK_BYTES: usize = 32 << 20;
/// Functions whose answer is as long as a number or a text in the query says: no memory pool counts
/// them, and a few nested ones would take all the memory there is.
const FUNCTIONS_REFUSED: [&str; 5] = ["lpad", "regexp_replace", "repeat", "replace", "rpad"];

/// The threads and the memory of all queries.
#[derive(Debug)]
pub(super) struct Engine {
    /// Taken when the store goes, since a runtime must not end within another one.
    runtime: Mutex<Option<Runtime>>,
    memory: Arc<dyn MemoryPool>,
    memory_bytes: usize,
    spill: Arc<Spill>,
    running: Running,
    threads: usize,
}

/// The engine of a store, whose threads start with the first query.
#[derive(Debug, Default)]
pub(crate) struct Lazy(Mutex<Option<Arc<Engine>>>);

impl Lazy {
    pub(super) fn get(&self, shared: &Shared) -> Result<Arc<Engine>, StoreError> {
        let mut engine = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engine.as_ref() {
            return Ok(Arc::clone(engine));
        }
        let started = Arc::new(Engine::start(&shared.config, shared.dir.clone())?);
        Ok(Arc::clone(engine.insert(started)))
    }

    /// Tells how many tasks and threads of queries are under way.
    pub(super) fn running(&self) -> usize {
        let engine = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        engine.as_ref().map_or(0, |engine| engine.running.count())
    }
}

impl Engine {
    /// Starts the threads.
    fn start(config: &Config, dir: PathBuf) -> Result<Self, StoreError> {
        let memory_bytes = config.sql_memory_bytes_max;
        let runtime = Builder::new_multi_thread()
            .worker_threads(config.sql_threads.max(1))
            .thread_name("store-sql")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build()
            .during(|| "start the threads for SQL".to_owned())?;
        Ok(Self {
            runtime: Mutex::new(Some(runtime)),
            memory: Arc::new(FairSpillPool::new(memory_bytes)),
            memory_bytes,
            spill: Arc::new(Spill::new(dir, config.sql_spill_bytes_max)),
            running: Running::default(),
            threads: config.sql_threads,
        })
    }

    fn context(
        &self,
        shared: &Arc<Shared>,
        asked: Asked,
        unread: &Arc<Damaged>,
    ) -> Result<SessionContext, DataFusionError> {
        let mut config = SessionConfig::new()
            .with_target_partitions(self.threads.max(1))
            .with_information_schema(true);
        let options = config.options_mut();
        options.sql_parser.collect_spans = true;
        // What a sort keeps back for merging what it put aside.
        let reserved = &mut options.execution.sort_spill_reservation_bytes;
        *reserved = (*reserved).min(self.memory_bytes / 16);
        let disk =
            DiskManagerBuilder::default().with_temp_file_factory(Arc::<Spill>::clone(&self.spill));
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::clone(&self.memory))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let state = SessionStateBuilder::new()
            .with_default_features()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_physical_optimizer_rule(Arc::new(TellNewest))
            .build();
        let context = SessionContext::new_with_state(state);
        for name in FUNCTIONS_REFUSED {
            context.deregister_udf(name);
        }
        for function in functions::all() {
            context.register_udf(function);
        }
        let snapshot = Arc::new(Snapshot { unread: Arc::clone(unread), ..shared.pin() });
        let fields = Fields::new(shared, Arc::clone(&snapshot));
        let events = Events::new(shared, snapshot, asked, self.running.clone());
        context.register_table(TABLE, Arc::new(events))?;
        context.register_table(FIELDS, Arc::new(fields))?;
        for table in OF_ALERTS {
            let alerts = Alerts::new(shared.catalog.clone(), table);
            context.register_table(table.name, Arc::new(alerts))?;
        }
        Ok(context)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

/// The rows of an answer, as they come. Dropping it ends the query.
#[derive(Debug)]
pub struct Rows {
    columns: Vec<Column>,
    schema: SchemaRef,
    batches: Receiver<Result<RecordBatch, StoreError>>,
    task: AbortHandle,
    left: usize,
    is_truncated: bool,
    deadline: Option<Instant>,
    unread: Arc<Damaged>,
}

impl Rows {
    /// Gives the columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Gives the next rows; `None` after the last ones.
    pub async fn next(&mut self) -> Result<Option<Vec<Vec<Cell>>>, StoreError> {
        match self.next_batch().await? {
            Some(batch) => cells::rows(&batch)
                .map(Some)
                .map_err(|error| StoreError::Internal(error.to_string())),
            None => Ok(None),
        }
    }

    /// Tells whether rows were left out because of the bound; known once `next` gave `None`.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Gives what could not be read, a sentence for each segment; known once `next` gave `None`.
    pub fn unreadable(&self) -> Vec<String> {
        self.unread.sentences()
    }

    /// Gives the columns as the engine has them.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) async fn next_batch(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        loop {
            let Some(batch) = within(self.deadline, self.batches.recv()).await?.transpose()? else {
                return Ok(None);
            };
            if batch.num_rows() == 0 {
                continue;
            }
            let taken = batch.num_rows().min(self.left);
            self.is_truncated |= taken < batch.num_rows();
            self.left -= taken;
            if taken == 0 {
                self.batches.close();
                return Ok(None);
            }
            return Ok(Some(batch.slice(0, taken)));
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Plans a query and starts it.
pub(super) async fn start(
    shared: &Arc<Shared>,
    engine: &Arc<Engine>,
    text: &str,
    only: Option<Predicate>,
    limits: SqlLimits,
) -> Result<Rows, StoreError> {
    let text = text.to_owned();
    let (planned, schema) = channel(1);
    let (sender, batches) = channel(BATCHES_WAITING);
    let (for_task, engine_of_task) = (Arc::clone(shared), Arc::clone(engine));
    let unread = Arc::<Damaged>::default();
    let noted = Arc::clone(&unread);
    let task = {
        let runtime = engine.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = runtime.as_ref().ok_or(StoreError::Closed { why: "it was closed" })?;
        let running = engine.running.one_more();
        runtime.spawn(async move {
            let _running = running;
            // Here and not with the asker: to read a nested query takes more stack than others have.
            let (statement, asked) = match parse(&text) {
                Ok((statement, asked)) => {
                    (EngineStatement::Statement(Box::new(statement)), Asked { only, ..asked })
                }
                Err(error) => {
                    let _ = planned.send(Err(error)).await;
                    return;
                }
            };
            let planned_by = plan(&for_task, &engine_of_task, &noted, statement, asked);
            let mut stream = match planned_by.await {
                Ok(stream) => stream,
                Err(error) => {
                    // The asker may have gone away, here and below.
                    let _ = planned.send(Err(explain(error))).await;
                    return;
                }
            };
            let _ = planned.send(Ok(stream.schema())).await;
            while let Some(batch) = stream.next().await {
                if sender.send(batch.map_err(explain)).await.is_err() {
                    return;
                }
            }
        })
    };
    let mut rows = Rows {
        columns: Vec::new(),
        schema: SchemaRef::new(arrow::datatypes::Schema::empty()),
        batches,
        task: task.abort_handle(),
        left: limits.rows,
        is_truncated: false,
        deadline: limits.deadline,
        unread,
    };
    let mut schema = schema;
    let answer = within(limits.deadline, schema.recv()).await?;
    let gone = || StoreError::Internal("the query ended while it was planned".to_owned());
    rows.schema = answer.ok_or_else(gone)??;
    rows.columns = cells::columns(&rows.schema);
    Ok(rows)
}

async fn plan(
    shared: &Arc<Shared>,
    engine: &Engine,
    unread: &Arc<Damaged>,
    statement: EngineStatement,
    asked: Asked,
) -> Result<SendableRecordBatchStream, DataFusionError> {
    let context = engine.context(shared, asked, unread)?;
    let state = context.state();
    let plan = state.statement_to_plan(statement).await?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)?;
    let physical = state.create_physical_plan(&plan).await?;
    execute_stream(cooperative(physical)?, context.task_ctx())
}

/// Lets every join pause now and then, so that a query can be ended: a join of two small tables may
/// give rows for hours without asking for more input, which is where plans otherwise pause.
fn cooperative(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let wrapped = plan.transform_up(|node| {
        if !node.name().contains("Join") {
            return Ok(Transformed::no(node));
        }
        let pausing: Arc<dyn ExecutionPlan> = Arc::new(CooperativeExec::new(node));
        Ok(Transformed::yes(pausing))
    })?;
    Ok(wrapped.data)
}

/// Waits, but not past the deadline.
async fn within<T>(
    deadline: Option<Instant>,
    work: impl Future<Output = T>,
) -> Result<T, StoreError> {
    match deadline {
        None => Ok(work.await),
        Some(deadline) => {
            tokio::time::timeout_at(deadline.into(), work).await.map_err(|_| StoreError::Deadline)
        }
    }
}

/// Tells in our words what the engine says.
pub(super) fn explain(error: DataFusionError) -> StoreError {
    let diagnosed = error.diagnostic().and_then(|diagnostic| {
        let span = diagnostic.span?;
        Some((diagnostic.message.clone(), span.start.line, span.start.column))
    });
    if let Some((message, line, column)) = diagnosed {
        return StoreError::Sql { message, place: Some((line, column)) };
    }
    match error.find_root() {
        DataFusionError::External(inner) => match inner.downcast_ref::<StoreError>() {
            Some(ours) => ours.clone(),
            None => placed(&inner.to_string()),
        },
        DataFusionError::ResourcesExhausted(_) => StoreError::Sql {
            message: "the query needs more memory than queries may take; narrow it".to_owned(),
            place: None,
        },
        root => {
            let text = root.strip_backtrace();
            let message = match root {
                DataFusionError::Plan(message) if message.contains(" not supported: ") => {
                    "the store is read-only: only SELECT is allowed"
                }
                DataFusionError::Plan(message)
                | DataFusionError::Execution(message)
                | DataFusionError::NotImplemented(message) => message.as_str(),
                _ => text.as_str(),
            };
            let message = message.lines().next().unwrap_or_default();
            let message = message.trim_start_matches("Schema error: ");
            if message.contains("\"kql('") {
                return about_kql(message);
            }
            placed(message)
        }
    }
}

/// Tells in our words what the engine says of a column that `kql('…')` became.
fn about_kql(message: &str) -> StoreError {
    wrong(if message.starts_with("Ambiguous") {
        "say of which table kql is asked, such as e.kql('user.name: root')".to_owned()
    } else {
        "kql is asked of the table `events`, which is not read there".to_owned()
    })
}
