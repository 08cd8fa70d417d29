//! How rows lie in a file: records without what the columns say, frequent unknown fields in columns of
//! their own.
//!
//! The first rows are held back until it can be told which fields are frequent, and which columns'
//! values are mostly all different.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use model::{Field, Value};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::WriterProperties;

use super::decode::Values;
use super::layout::EXTRA;
use super::{hot, line};

/// Fewer values than that tell nothing about the rest.
const VALUES_TOLD: usize = 200;
/// Where more than so many of so many values differ, they are written as they are.
const VARIED: usize = 3;
const VARIED_OF: usize = 4;

/// What was learned from the first rows.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// The columns of unknown fields.
    pub(super) hot: Vec<String>,
    /// The columns of which a list of distinct values would only cost.
    pub(super) plain: Vec<String>,
}

type Properties = Box<dyn FnOnce(&Learned) -> Result<WriterProperties, ParquetError> + Send>;

/// Writes batches to a sink in the way they lie in a file.
pub(super) struct Out<W: Write + Send> {
    properties: Option<Properties>,
    schema: SchemaRef,
    sink: Option<W>,
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    writing: Option<Writing<W>>,
}

struct Writing<W: Write + Send> {
    parquet: ArrowWriter<W>,
    pack: Pack,
}

impl<W: Write + Send> Out<W> {
    /// Begins with batches of that schema.
    pub(super) fn new(
        sink: W,
        schema: &SchemaRef,
        properties: impl FnOnce(&Learned) -> Result<WriterProperties, ParquetError> + Send + 'static,
    ) -> Self {
        Self {
            properties: Some(Box::new(properties)),
            schema: Arc::clone(schema),
            sink: Some(sink),
            waiting: Vec::new(),
            waiting_rows: 0,
            writing: None,
        }
    }

    /// Adds rows.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        if let Some(Writing { parquet, pack }) = &mut self.writing {
            return parquet.write(&pack.pack(batch)?);
        }
        self.waiting.push(batch.clone());
        self.waiting_rows += batch.num_rows();
        if self.waiting_rows >= hot::SAMPLE_ROWS { self.begin() } else { Ok(()) }
    }

    /// Ends the file; gives its metadata and the fields that the records are put together of.
    pub(super) fn finish(
        &mut self,
    ) -> Result<(ParquetMetaData, BTreeSet<&'static str>), ParquetError> {
        if self.writing.is_none() {
            self.begin()?;
        }
        let Some(Writing { parquet, pack }) = &mut self.writing else { return Err(begun_twice()) };
        if let Some(told) = pack.extras.hot().told() {
            parquet.append_key_value_metadata(KeyValue::new(hot::METADATA.to_owned(), told));
        }
        Ok((parquet.finish()?, std::mem::take(&mut pack.named)))
    }

    /// Gives the sink, once something was written to it.
    pub(super) fn sink(&mut self) -> Option<&mut W> {
        self.writing.as_mut().map(|writing| writing.parquet.inner_mut())
    }

    fn begin(&mut self) -> Result<(), ParquetError> {
        let waiting = std::mem::take(&mut self.waiting);
        let sink = self.sink.take().ok_or_else(begun_twice)?;
        let properties = self.properties.take().ok_or_else(begun_twice)?;
        let mut pack = Pack::of(&self.schema, &waiting);
        let packed = waiting.iter().map(|batch| pack.pack(batch));
        let packed = packed.collect::<Result<Vec<_>, _>>()?;
        let learned = Learned::of(&pack, &packed);
        let schema = Arc::clone(&pack.schema);
        let mut parquet = ArrowWriter::try_new(sink, schema, Some(properties(&learned)?))?;
        for batch in packed {
            parquet.write(&batch)?;
        }
        self.writing = Some(Writing { parquet, pack });
        Ok(())
    }
}

fn begun_twice() -> ParquetError {
    ParquetError::General("a file was begun twice".to_owned())
}

/// Packs batch after batch.
struct Pack {
    schema: SchemaRef,
    extras: hot::Taker,
    lines: line::Taker,
    /// The fields that are needed to put the records together again.
    named: BTreeSet<&'static str>,
}

impl Pack {
    fn of(schema: &Schema, sample: &[RecordBatch]) -> Self {
        let extras = hot::Taker::choose(sample);
        let others =
            schema.fields().iter().filter(|field| field.name() != Field::EventOriginal.name());
        let fields = others.cloned().chain(extras.hot().fields()).chain(line::fields());
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { schema, extras, lines: line::Taker::default(), named: BTreeSet::new() }
    }

    fn pack(&mut self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let line = self.lines.take(batch)?;
        let [shapes, _] = &line;
        self.named.extend(line::fields_of(shapes).into_iter().map(Field::name));
        let (rest, hot) = self.extras.take(batch);
        let kept = batch.schema_ref().fields().iter().zip(batch.columns());
        let kept = kept.filter(|(field, _)| field.name() != Field::EventOriginal.name());
        let kept =
            kept.map(
                |(field, array)| {
                    if field.name() == EXTRA { Arc::clone(&rest) } else { Arc::clone(array) }
                },
            );
        let arrays: Vec<ArrayRef> = kept.chain(hot).chain(line).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
    }
}

impl Learned {
    fn of(pack: &Pack, sample: &[RecordBatch]) -> Self {
        let hot = pack.extras.hot().fields().map(|field| field.name().clone()).collect();
        let state = RandomState::new();
        let is_varied = |name: &str| {
            let (mut seen, mut count) = (HashSet::new(), 0);
            for batch in sample {
                let Some(values) = batch.column_by_name(name).and_then(Values::of) else {
                    continue;
                };
                values.each(0..batch.num_rows(), |_, value| {
                    // What two values that meet would change is how the file is written, not what.
                    let hash = match value {
                        Value::Integer(number) => state.hash_one(number),
                        Value::Text(text) => state.hash_one(text),
                        _ => return,
                    };
                    seen.insert(hash);
                    count += 1;
                });
            }
            count >= VALUES_TOLD && seen.len() * VARIED_OF > count * VARIED
        };
        let names = pack.schema.fields().iter().map(|field| field.name());
        Self { hot, plain: names.filter(|name| is_varied(name)).cloned().collect() }
    }
}
