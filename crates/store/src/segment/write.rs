//! Writes segments.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{max, min};
use arrow::datatypes::{Schema, SchemaRef, TimestampNanosecondType, UInt64Type};
use arrow::error::ArrowError;
use catalog::{SegmentId, SegmentRow};
use model::{Event, Field, Timestamp};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use seal::{DataKey, Keyring};
use sha2::{Digest, Sha256};

use super::build::{Table, batch_of};
use super::layout::Column;
use super::line;
use super::sealed::{Sealing, assert_sealed};
use super::stats::SegmentStats;
use crate::StoreError;
use crate::error::During;
use crate::index::{Builder, path_beside};
use crate::memory::Frozen;
use crate::secret::hide;
use crate::wal::sync_dir;

const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Small pages: a search for few events decodes little around each.
const PAGE_ROWS: usize = 4096;
/// How many events become columns at a time.
const BATCH_ROWS: usize = 4096;
/// Quick, for what was just collected.
const ZSTD_LEVEL: i32 = 3;
const NANOS_PER_DAY: i64 = 86_400_000_000_000;
/// Bounds the segments of one generation: records with forged days do not buy a file each.
const SEGMENTS_MAX: usize = 16;

/// Writes all events of the generation, sorted by time, one segment a day, and makes the files
/// durable; gives their rows for the catalog. `dir` is the store's folder.
pub(crate) fn write_generation(
    dir: &Path,
    frozen: &Frozen,
    keyring: Option<&Keyring>,
) -> Result<Vec<SegmentRow>, StoreError> {
    let options = WriteOptions { zstd_level: ZSTD_LEVEL, keyring };
    let mut events: Vec<Arc<Event>> =
        frozen.chunks.iter().flat_map(|chunk| chunk.events.iter().cloned()).collect();
    events.sort_by_key(|event| (event.time, event.id));
    let mut written = Vec::new();
    for (part, events) in by_day(&events).into_iter().enumerate() {
        let Some(first) = events.first() else { continue };
        let file =
            format!("segments/{}/{:08}-{part}.parquet", day_name(first.time), frozen.last_log);
        let stats = SegmentStats::of_events(&events, frozen.last_log);
        written.push(write_events(dir, file, &events, stats, options)?);
    }
    Ok(written)
}

/// Splits sorted events by day; past the bound, the rest stays together.
fn by_day(events: &[Arc<Event>]) -> Vec<Vec<Arc<Event>>> {
    let day = |event: &Arc<Event>| event.time.nanos().div_euclid(NANOS_PER_DAY);
    let mut days: Vec<Vec<Arc<Event>>> = Vec::new();
    for same in events.chunk_by(|one, next| day(one) == day(next)) {
        let is_enough = days.len() >= SEGMENTS_MAX;
        match days.last_mut().filter(|_| is_enough) {
            Some(last) => last.extend_from_slice(same),
            None => days.push(same.to_vec()),
        }
    }
    days
}

/// Gives the name of a day's folder.
pub(crate) fn day_name(time: Timestamp) -> String {
    time.to_string().chars().take_while(|letter| *letter != 'T').collect()
}

fn write_events(
    dir: &Path,
    name: String,
    events: &[Arc<Event>],
    stats: SegmentStats,
    options: WriteOptions<'_>,
) -> Result<SegmentRow, StoreError> {
    let table = Table::of_events(events);
    let mut writer = SegmentWriter::create(dir, name, &table, options)?;
    for rows in events.chunks(BATCH_ROWS) {
        let batch = batch_of(&table, rows).map_err(|error| writer.failed(error.into()))?;
        writer.write(&batch)?;
    }
    writer.finish(stats)
}

/// How a segment is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteOptions<'o> {
    /// How hard it is compressed.
    pub(crate) zstd_level: i32,
    /// The keys that seal it; without them it is plain.
    pub(crate) keyring: Option<&'o Keyring>,
}

/// Writes one segment, batch by batch, in the order in which the rows shall lie in the file.
///
/// What is not finished is removed when the writer goes.
pub(crate) struct SegmentWriter {
    dir: PathBuf,
    name: String,
    columns: Vec<Column>,
    parquet: Option<ArrowWriter<Hashing>>,
    keyring: Option<Keyring>,
    sealing: Option<Sealing>,
    index: Option<Builder>,
    extent: Extent,
    packed: Packed,
}

/// How the rows lie in the file: without the column of records, of which the rest is kept instead.
struct Packed {
    schema: SchemaRef,
    taker: line::Taker,
    /// The fields that are needed to put the records together again.
    named: BTreeSet<&'static str>,
}

/// What the rows so far span.
#[derive(Default)]
struct Extent {
    rows: u64,
    ids: Option<(u64, u64)>,
    times: Option<(i64, i64)>,
}

impl SegmentWriter {
    /// Begins the file of that name within the store's folder.
    pub(crate) fn create(
        dir: &Path,
        name: String,
        table: &Table,
        options: WriteOptions<'_>,
    ) -> Result<Self, StoreError> {
        let path = dir.join(&name);
        let what = || format!("write {}", path.display());
        let folder = path.parent().unwrap_or(dir);
        if !folder.exists() {
            std::fs::create_dir_all(folder).during(what)?;
            sync_dir(&dir.join("segments")).during(what)?;
        }
        let sealing = options.keyring.map(Sealing::new).transpose();
        let sealing = sealing.map_err(|error| StoreError::sealed(&*name, error))?;
        let file = File::create(&path).during(what)?;
        let key = sealing.as_ref().map(|one| (&one.key, one.wrapped.as_slice()));
        let beside = path_beside(&path);
        let index =
            Builder::create(&beside, key).during(|| format!("write {}", beside.display()))?;
        let sink = Hashing { file, hash: Sha256::new(), bytes: 0 };
        let packed = Packed::of(table);
        let properties = properties(table, options.zstd_level, sealing.as_ref());
        let parquet = properties.and_then(|properties| {
            ArrowWriter::try_new(sink, Arc::clone(&packed.schema), Some(properties))
        });
        let parquet = parquet.map_err(|error| into_store_error(error, &name))?;
        Ok(Self {
            dir: dir.to_owned(),
            name,
            columns: table.columns().to_vec(),
            parquet: Some(parquet),
            keyring: options.keyring.cloned(),
            sealing,
            index: Some(index),
            extent: Extent::default(),
            packed,
        })
    }

    /// Gives the key that seals the file, with its wrapped form, for what is kept beside it.
    pub(crate) fn data_key(&self) -> Option<(&DataKey, &[u8])> {
        self.sealing.as_ref().map(|sealing| (&sealing.key, sealing.wrapped.as_slice()))
    }

    /// Adds rows that have all columns of the table.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.extent.add(batch);
        if let Some(index) = &mut self.index {
            index.add(batch).during(|| format!("write the index of {}", self.name))?;
        }
        let Some(parquet) = &mut self.parquet else { return Ok(()) };
        let packed = self.packed.pack(batch).map_err(ParquetError::from);
        let written = packed.and_then(|packed| parquet.write(&packed));
        written.map_err(|error| self.failed(error))
    }

    /// Makes the file durable and gives its row for the catalog.
    pub(crate) fn finish(mut self, mut stats: SegmentStats) -> Result<SegmentRow, StoreError> {
        let path = self.dir.join(&self.name);
        let what = || format!("write {}", path.display());
        let Some(mut parquet) = self.parquet.take() else {
            return Err(StoreError::Internal("a segment was finished twice".to_owned()));
        };
        let row = (|| {
            let metadata = parquet.finish().map_err(|error| self.failed(error))?;
            stats.add_columns(&self.columns, &metadata);
            stats.line = self.packed.named.iter().map(|name| (*name).to_owned()).collect();
            let sink = parquet.inner_mut();
            sink.file.sync_all().during(what)?;
            if self.sealing.is_some() {
                assert_sealed(&path, &self.name)?;
            }
            let digest: [u8; 32] = sink.hash.finalize_reset().into();
            let index = self.index.take().map(|index| index.finish(digest)).transpose();
            let index = index.during(|| format!("write the index of {}", self.name))?;
            let (index_bytes, index_digest) = index.unwrap_or_default();
            sync_dir(path.parent().unwrap_or(&self.dir)).during(what)?;
            // The day's folder may be one that a process made and did not live to make durable.
            sync_dir(&self.dir.join("segments")).during(what)?;
            let (first_id, last_id) = self.extent.ids.unwrap_or_default();
            let (first_time, last_time) = self.extent.times.unwrap_or_default();
            Ok(SegmentRow {
                id: SegmentId::default(),
                file: self.name.clone(),
                events: self.extent.rows,
                bytes: sink.bytes,
                first_id,
                last_id,
                first_time: Timestamp::from_nanos(first_time),
                last_time: Timestamp::from_nanos(last_time),
                digest,
                index_bytes,
                index_digest,
                stats: self.hidden(&stats)?,
            })
        })();
        if row.is_err() {
            self.remove();
        }
        row
    }

    /// Gives the stats as the catalog keeps them: they hold values of events.
    fn hidden(&self, stats: &SegmentStats) -> Result<String, StoreError> {
        let stats = serde_json::to_string(stats);
        let stats = stats.map_err(|error| StoreError::Internal(error.to_string()))?;
        hide(self.keyring.as_ref(), &self.name, stats)
    }

    fn failed(&self, error: ParquetError) -> StoreError {
        into_store_error(error, &self.name)
    }

    /// What is not whole is not left behind; the next try writes it anew.
    fn remove(&self) {
        let path = self.dir.join(&self.name);
        let _ = std::fs::remove_file(path_beside(&path));
        let _ = std::fs::remove_file(path);
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        if self.parquet.is_some() {
            self.remove();
        }
    }
}

impl Packed {
    fn of(table: &Table) -> Self {
        let columns = table.schema().fields().iter();
        let others = columns.filter(|field| field.name() != Field::EventOriginal.name()).cloned();
        let schema = Arc::new(Schema::new(others.chain(line::fields()).collect::<Vec<_>>()));
        Self { schema, taker: line::Taker::default(), named: BTreeSet::new() }
    }

    fn pack(&mut self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let taken = self.taker.take(batch)?;
        let [shapes, _] = &taken;
        self.named.extend(line::fields_of(shapes).into_iter().map(Field::name));
        let kept = batch.schema_ref().fields().iter().zip(batch.columns());
        let kept = kept.filter(|(field, _)| field.name() != Field::EventOriginal.name());
        let arrays = kept.map(|(_, array)| Arc::clone(array)).chain(taken).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
    }
}

impl Extent {
    fn add(&mut self, batch: &RecordBatch) {
        self.rows += u64::try_from(batch.num_rows()).unwrap_or_default();
        let column = |field: Field| batch.column_by_name(field.name()).map(AsRef::as_ref);
        let ids = column(Field::EventId).and_then(|ids: &dyn Array| {
            let ids = ids.as_primitive_opt::<UInt64Type>()?;
            Some((min(ids)?, max(ids)?))
        });
        let times = column(Field::Timestamp).and_then(|times: &dyn Array| {
            let times = times.as_primitive_opt::<TimestampNanosecondType>()?;
            Some((min(times)?, max(times)?))
        });
        self.ids = wider(self.ids, ids);
        self.times = wider(self.times, times);
    }
}

fn wider<T: Ord + Copy>(one: Option<(T, T)>, other: Option<(T, T)>) -> Option<(T, T)> {
    match (one, other) {
        (Some((low, high)), Some((other_low, other_high))) => {
            Some((low.min(other_low), high.max(other_high)))
        }
        (one, other) => one.or(other),
    }
}

fn properties(
    table: &Table,
    zstd_level: i32,
    sealing: Option<&Sealing>,
) -> Result<WriterProperties, ParquetError> {
    let sorted =
        table.columns().iter().position(|column| matches!(column, Column::Known(Field::Timestamp)));
    let sorting = sorted.and_then(|place| i32::try_from(place).ok()).map(|column_idx| {
        vec![SortingColumn { column_idx, descending: false, nulls_first: false }]
    });
    let mut properties = WriterProperties::builder()
        // DuckDB cannot read sealed pages of the second version.
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(zstd_level)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(sorting);
    for column in table.columns() {
        let path = || ColumnPath::from(vec![column.name().to_owned()]);
        if column.is_prose() {
            properties = properties
                .set_column_dictionary_enabled(path(), false)
                .set_column_statistics_enabled(path(), EnabledStatistics::None);
        }
        if matches!(column, Column::Known(Field::Timestamp | Field::EventId | Field::EventIngested))
        {
            properties = properties
                .set_column_dictionary_enabled(path(), false)
                .set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED);
        }
    }
    let rest = || ColumnPath::from(vec![line::REST.to_owned()]);
    let shape = || ColumnPath::from(vec![line::SHAPE.to_owned()]);
    properties = properties
        .set_column_dictionary_enabled(rest(), false)
        .set_column_statistics_enabled(rest(), EnabledStatistics::None)
        .set_column_statistics_enabled(shape(), EnabledStatistics::None);
    if let Some(sealing) = sealing {
        properties = properties.with_file_encryption_properties(sealing.properties()?);
    }
    Ok(properties.build())
}

fn into_store_error(error: ParquetError, file: &str) -> StoreError {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => StoreError::Io { what: format!("write {file}"), error: Arc::new(*error) },
            Err(other) => StoreError::damaged(file, other),
        },
        other => StoreError::damaged(file, other),
    }
}

/// Passes bytes on to the file and takes their digest on the way.
struct Hashing {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.bytes += u64::try_from(written).unwrap_or_default();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
