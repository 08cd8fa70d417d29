//! What a segment's file tells by itself, whatever a catalog says of it.

use std::fs::File;
use std::path::Path;

use model::{Field, Timestamp};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use seal::Keyring;

use super::layout::Column;
use super::sealed;
use crate::StoreError;
use crate::damage::guarded;
use crate::error::During;

/// What the footer of a segment tells.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) events: u64,
    pub(crate) first_id: u64,
    pub(crate) last_id: u64,
    pub(crate) first_time: Timestamp,
    pub(crate) last_time: Timestamp,
    /// The columns that the file has.
    pub(crate) columns: Vec<Column>,
    /// How many rows each row group has.
    pub(crate) groups: Vec<usize>,
    pub(crate) metadata: ParquetMetaData,
}

/// Reads the footer of a segment.
pub(crate) fn look(path: &Path, keyring: Option<&Keyring>) -> Result<Look, StoreError> {
    guarded(&path.display().to_string(), || read(path, keyring))
}

fn read(path: &Path, keyring: Option<&Keyring>) -> Result<Look, StoreError> {
    let damaged = |reason: String| StoreError::damaged(path.display().to_string(), reason);
    let file = File::open(path).during(|| format!("open {}", path.display()))?;
    let opening = keyring.map(sealed::opening).transpose();
    let metadata = opening
        .and_then(|opening| {
            ParquetMetaDataReader::new().with_decryption_properties(opening).parse_and_finish(&file)
        })
        .map_err(|error| damaged(error.to_string()))?;
    let described = metadata.file_metadata().schema_descr().columns();
    // The record may be put together from others.
    let is_there = |column: &Column| {
        column.is_always() || described.iter().any(|found| found.name() == column.name())
    };
    let columns: Vec<Column> = Column::all().filter(is_there).collect();
    let span = |field: Field| {
        let place = described.iter().position(|column| column.name() == field.name())?;
        span(&metadata, place)
    };
    let (ids, times) = span(Field::EventId)
        .zip(span(Field::Timestamp))
        .ok_or_else(|| damaged("is no segment: it has no identities or no times".to_owned()))?;
    let groups = metadata.row_groups().iter().map(RowGroupMetaData::num_rows);
    let groups: Vec<usize> = groups.map(|rows| usize::try_from(rows).unwrap_or_default()).collect();
    Ok(Look {
        events: groups.iter().map(|rows| u64::try_from(*rows).unwrap_or_default()).sum(),
        first_id: u64::try_from(ids.0).unwrap_or_default(),
        last_id: u64::try_from(ids.1).unwrap_or_default(),
        first_time: Timestamp::from_nanos(times.0),
        last_time: Timestamp::from_nanos(times.1),
        columns,
        groups,
        metadata,
    })
}

/// Gives the least and the greatest value of a column of whole numbers.
fn span(metadata: &ParquetMetaData, place: usize) -> Option<(i64, i64)> {
    let spans = metadata.row_groups().iter().map(|group| {
        match group.columns().get(place)?.statistics()? {
            Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
            _ => None,
        }
    });
    spans.reduce(|one, other| {
        let ((low, high), (other_low, other_high)) = (one?, other?);
        Some((low.min(other_low), high.max(other_high)))
    })?
}
