//! Writes a generation as segments.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use catalog::{SegmentId, SegmentRow};
use model::{Event, Timestamp};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use sha2::{Digest, Sha256};

use super::build::{Table, batch_of};
use super::layout::Column;
use super::stats::SegmentStats;
use crate::StoreError;
use crate::error::During;
use crate::memory::Frozen;
use crate::wal::sync_dir;

const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Small pages: a search for few events decodes little around each.
const PAGE_ROWS: usize = 4096;
/// How many events become columns at a time.
const BATCH_ROWS: usize = 4096;
const ZSTD_LEVEL: i32 = 3;
const NANOS_PER_DAY: i64 = 86_400_000_000_000;
/// Bounds the segments of one generation: records with forged days do not buy a file each.
const SEGMENTS_MAX: usize = 16;

/// Writes all events of the generation, sorted by time, one segment a day, and makes the files
/// durable; gives their rows for the catalog. `dir` is the store's folder.
pub(crate) fn write_generation(dir: &Path, frozen: &Frozen) -> Result<Vec<SegmentRow>, StoreError> {
    let mut events: Vec<Arc<Event>> =
        frozen.chunks.iter().flat_map(|chunk| chunk.events.iter().cloned()).collect();
    events.sort_by_key(|event| (event.time, event.id));
    let mut written = Vec::new();
    for (part, events) in by_day(&events).into_iter().enumerate() {
        let Some(first) = events.first() else { continue };
        let file =
            format!("segments/{}/{:08}-{part}.parquet", day_name(first.time), frozen.last_log);
        written.push(write_segment(dir, file, &events, frozen.last_log)?);
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

fn day_name(time: Timestamp) -> String {
    time.to_string().chars().take_while(|letter| *letter != 'T').collect()
}

fn write_segment(
    dir: &Path,
    name: String,
    events: &[Arc<Event>],
    log: u64,
) -> Result<SegmentRow, StoreError> {
    let path = dir.join(&name);
    let what = || format!("write {}", path.display());
    let folder = path.parent().unwrap_or(dir);
    if !folder.exists() {
        std::fs::create_dir_all(folder).during(what)?;
        sync_dir(&dir.join("segments")).during(what)?;
    }
    let table = Table::of_events(events);
    let file = File::create(&path).during(what)?;
    let mut sink = Hashing { file, hash: Sha256::new(), bytes: 0 };
    let metadata = match write_parquet(&mut sink, &table, events) {
        Ok(metadata) => metadata,
        Err(error) => {
            // What is not whole is not left behind; the next try writes it anew.
            let _ = std::fs::remove_file(&path);
            return Err(into_store_error(error, &name));
        }
    };
    sink.file.sync_all().during(what)?;
    sync_dir(folder).during(what)?;
    let mut stats = SegmentStats::of_events(events, log);
    stats.add_columns(table.columns(), &metadata);
    let ids = || events.iter().map(|event| event.id.0);
    Ok(SegmentRow {
        id: SegmentId::default(),
        file: name,
        events: u64::try_from(events.len()).unwrap_or_default(),
        bytes: sink.bytes,
        first_id: ids().min().unwrap_or_default(),
        last_id: ids().max().unwrap_or_default(),
        first_time: events.first().map(|event| event.time).unwrap_or_default(),
        last_time: events.last().map(|event| event.time).unwrap_or_default(),
        digest: sink.hash.finalize().into(),
        stats: serde_json::to_string(&stats)
            .map_err(|error| StoreError::Internal(error.to_string()))?,
    })
}

fn write_parquet(
    sink: &mut Hashing,
    table: &Table,
    events: &[Arc<Event>],
) -> Result<ParquetMetaData, ParquetError> {
    let properties = properties(table)?;
    let mut writer = ArrowWriter::try_new(sink, Arc::clone(table.schema()), Some(properties))?;
    for rows in events.chunks(BATCH_ROWS) {
        writer.write(&batch_of(table, rows)?)?;
    }
    writer.close()
}

fn properties(table: &Table) -> Result<WriterProperties, ParquetError> {
    let sorted = table
        .columns()
        .iter()
        .position(|column| matches!(column, Column::Known(model::Field::Timestamp)));
    let sorting = sorted.and_then(|place| i32::try_from(place).ok()).map(|column_idx| {
        vec![SortingColumn { column_idx, descending: false, nulls_first: false }]
    });
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
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
        if matches!(
            column,
            Column::Known(
                model::Field::Timestamp | model::Field::EventId | model::Field::EventIngested
            )
        ) {
            properties = properties
                .set_column_dictionary_enabled(path(), false)
                .set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED);
        }
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
