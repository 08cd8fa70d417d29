//! Writes segments.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::{TimestampNanosecondType, UInt64Type};
use catalog::{SegmentId, SegmentRow};
use model::{Event, Field, Timestamp};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use seal::Keyring;
use sha2::{Digest, Sha256};

use super::build::{Table, batch_of};
use super::layout::Column;
use super::line;
use super::pack::{Learned, Out};
use super::sealed::{Sealing, assert_sealed};
use super::stats::SegmentStats;
use super::survey::Survey;
use crate::StoreError;
use crate::error::During;
use crate::index::{Builder, path_beside};
use crate::memory::Frozen;
use crate::secret::hide;
use crate::wal::sync_dir;

/// What a file's name ends with until it is whole.
pub(crate) const PART: &str = "part";
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Small pages: a search for few events decodes little around each.
const PAGE_ROWS: usize = 4096;
/// The same for texts that are mostly all different, of which a whole page is expanded for one.
const PROSE_PAGE_BYTES: usize = 64 << 10;
/// After how many rows the writer looks whether a page is full.
const WRITE_ROWS: usize = 256;
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
        written.push(write_events(dir, file, &events, frozen.last_log, options)?);
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
    log: u64,
    options: WriteOptions<'_>,
) -> Result<SegmentRow, StoreError> {
    let survey = Survey::of(events);
    let table = survey.table();
    let mut writer = SegmentWriter::create(dir, name, &table, options)?;
    for rows in events.chunks(BATCH_ROWS) {
        let batch = batch_of(&table, rows).map_err(|error| writer.failed(error.into()))?;
        writer.write(&batch)?;
    }
    writer.finish(survey.stats(log))
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
    out: Option<Out<Hashing>>,
    keyring: Option<Keyring>,
    sealing: Option<Sealing>,
    index: Option<Builder>,
    extent: Extent,
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
        let file = File::create(path.with_extension(PART)).during(what)?;
        let key = sealing.as_ref().map(|one| (&one.key, one.wrapped.as_slice()));
        let beside = path_beside(&path);
        let index =
            Builder::create(&beside, key).during(|| format!("write {}", beside.display()))?;
        let sink = Hashing { file, hash: Sha256::new(), bytes: 0 };
        let level = options.zstd_level;
        let encryption = sealing.as_ref().map(Sealing::properties).transpose();
        let encryption = encryption.map_err(|error| into_store_error(error, &name))?;
        let columns = table.columns().to_vec();
        let described = columns.clone();
        let out = Out::new(sink, table.schema(), move |learned| {
            properties(&described, learned, level, encryption)
        });
        Ok(Self {
            dir: dir.to_owned(),
            name,
            columns,
            out: Some(out),
            keyring: options.keyring.cloned(),
            sealing,
            index: Some(index),
            extent: Extent::default(),
        })
    }

    /// Adds rows that have all columns of the table.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.extent.add(batch);
        if let Some(index) = &mut self.index {
            index.add(batch).during(|| format!("write the index of {}", self.name))?;
        }
        let Some(out) = &mut self.out else { return Ok(()) };
        let written = out.write(batch);
        written.map_err(|error| self.failed(error))
    }

    /// Makes the file durable and gives its row for the catalog.
    pub(crate) fn finish(mut self, mut stats: SegmentStats) -> Result<SegmentRow, StoreError> {
        let path = self.dir.join(&self.name);
        let what = || format!("write {}", path.display());
        let Some(mut out) = self.out.take() else {
            return Err(StoreError::Internal("a segment was finished twice".to_owned()));
        };
        let row = (|| {
            let (metadata, named) = out.finish().map_err(|error| self.failed(error))?;
            stats.add_columns(&self.columns, &metadata);
            stats.line = named.into_iter().map(str::to_owned).collect();
            let Some(sink) = out.sink() else {
                return Err(StoreError::Internal("a segment was never begun".to_owned()));
            };
            sink.file.sync_all().during(what)?;
            let part = path.with_extension(PART);
            if self.sealing.is_some() {
                assert_sealed(&part, &self.name)?;
            }
            let digest: [u8; 32] = sink.hash.finalize_reset().into();
            let index = self.index.take().map(|index| index.finish(digest)).transpose();
            let index = index.during(|| format!("write the index of {}", self.name))?;
            let (index_bytes, index_digest) = index.unwrap_or_default();
            std::fs::rename(&part, &path).during(what)?;
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
        let _ = std::fs::remove_file(path.with_extension(PART));
        let _ = std::fs::remove_file(path);
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        if self.out.is_some() {
            self.remove();
        }
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
    columns: &[Column],
    learned: &Learned,
    zstd_level: i32,
    encryption: Option<Arc<FileEncryptionProperties>>,
) -> Result<WriterProperties, ParquetError> {
    let sorted =
        columns.iter().position(|column| matches!(column, Column::Known(Field::Timestamp)));
    let sorting = sorted.and_then(|place| i32::try_from(place).ok()).map(|column_idx| {
        vec![SortingColumn { column_idx, descending: false, nulls_first: false }]
    });
    let mut properties = WriterProperties::builder()
        // DuckDB cannot read sealed pages of the second version.
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(zstd_level)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(WRITE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(sorting);
    let path = |name: &str| ColumnPath::from(vec![name.to_owned()]);
    for name in &learned.plain {
        properties = properties.set_column_dictionary_enabled(path(name), false);
    }
    for name in &learned.hot {
        properties = properties.set_column_statistics_enabled(path(name), EnabledStatistics::Chunk);
    }
    for name in columns.iter().filter(|column| column.is_prose()).map(|column| column.name()) {
        properties = properties
            .set_column_data_page_size_limit(path(name), PROSE_PAGE_BYTES)
            .set_column_dictionary_enabled(path(name), false)
            .set_column_statistics_enabled(path(name), EnabledStatistics::None);
    }
    for field in [Field::Timestamp, Field::EventId, Field::EventIngested] {
        properties = properties
            .set_column_dictionary_enabled(path(field.name()), false)
            .set_column_encoding(path(field.name()), Encoding::DELTA_BINARY_PACKED);
    }
    properties = properties
        .set_column_dictionary_enabled(path(line::REST), false)
        .set_column_data_page_size_limit(path(line::REST), PROSE_PAGE_BYTES)
        .set_column_statistics_enabled(path(line::REST), EnabledStatistics::None)
        .set_column_dictionary_enabled(path(line::SHAPE), true)
        .set_column_statistics_enabled(path(line::SHAPE), EnabledStatistics::None);
    if let Some(encryption) = encryption {
        properties = properties.with_file_encryption_properties(encryption);
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
