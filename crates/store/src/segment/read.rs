//! Reads rows of a segment: some columns, some rows.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use catalog::SegmentRow;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use seal::{Keyring, SealError};

use super::build::Table;
use super::cache::Cache;
use super::footer::Footer;
use super::layout::{Column, TEXT_TYPE};
use super::needs::{Asked, Needs};
use super::page::Opening;
use super::pick::pick;
use super::sealed;
use super::stats::SegmentStats;
use crate::StoreError;
use crate::damage::guarded;
use crate::error::During;
use crate::index::Rows;
use crate::keep::Graveyard;
use crate::secret::show;

/// At one row of so many, or less, rows are picked from their pages; more are read through.
const PICKED_SHARE: usize = 16;

/// One segment of the list.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) row: SegmentRow,
    pub(crate) stats: SegmentStats,
    path: PathBuf,
    /// Where the file goes when nobody holds the segment any more; set when it went out of the list.
    grave: OnceLock<Arc<Graveyard>>,
}

impl Drop for Segment {
    fn drop(&mut self) {
        if let Some(grave) = self.grave.take() {
            grave.bury(std::mem::take(&mut self.row.file), self.disk_bytes());
        }
    }
}

/// How texts are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texts {
    /// As they are.
    Plain,
    /// As keys into the column's distinct values, but for prose.
    Keys,
}

/// Which rows and columns are to be read.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'w> {
    pub(crate) columns: &'w [Column],
    pub(crate) texts: Texts,
    /// One row group.
    pub(crate) group: usize,
    /// Rows within the group.
    pub(crate) rows: RowSelection,
    /// How many rows a batch has at most.
    pub(crate) batch_rows: usize,
}

impl Segment {
    /// Gives the segment of a row of the catalog.
    pub(crate) fn of(
        dir: &Path,
        mut row: SegmentRow,
        keyring: Option<&Keyring>,
    ) -> Result<Self, StoreError> {
        let stats = show(keyring, &row.file, std::mem::take(&mut row.stats))?;
        let stats =
            serde_json::from_str(&stats).map_err(|error| StoreError::damaged(&*row.file, error))?;
        Ok(Self { path: dir.join(&row.file), row, stats, grave: OnceLock::new() })
    }

    /// Has the file deleted when nobody holds the segment any more.
    pub(crate) fn bury_in(&self, graveyard: &Arc<Graveyard>) {
        // Set once: a segment goes out of the list once.
        let _ = self.grave.set(Arc::clone(graveyard));
    }

    /// Gives how much of the disk the segment takes, with its index.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.row.bytes.saturating_add(self.row.index_bytes)
    }

    /// Tells whether any row has the column.
    pub(crate) fn has(&self, column: Column) -> bool {
        self.stats.columns.contains_key(column.name())
    }

    /// Gives the footer.
    pub(crate) fn footer(&self, cache: &Cache) -> Result<Arc<Footer>, StoreError> {
        if let Some(footer) = cache.get(self.row.id) {
            return Ok(footer);
        }
        let file = self.open()?;
        if cache.keyring.is_none() && sealed::is_sealed(&file) {
            return Err(StoreError::sealed(&*self.row.file, "is sealed, and no key was given"));
        }
        let opening = cache.keyring.as_ref().map(sealed::opening).transpose();
        let parsed = || {
            opening
                .and_then(|opening| {
                    ParquetMetaDataReader::new()
                        .with_page_index_policy(PageIndexPolicy::Optional)
                        .with_decryption_properties(opening)
                        .parse_and_finish(&file)
                })
                .and_then(|metadata| {
                    let opening = match &cache.keyring {
                        Some(keyring) if sealed::is_sealed(&file) => {
                            Some(Opening::of(&file, keyring)?)
                        }
                        _ => None,
                    };
                    Footer::of(metadata, file.try_clone()?, opening)
                })
                .map_err(|error| self.unreadable(error))
        };
        let footer = Arc::new(guarded(&self.row.file, parsed)?);
        cache.put(self.row.id, &footer);
        Ok(footer)
    }

    /// Reads some columns of some rows of one row group, all at once. The batch has the columns that
    /// the file has, in the file's order.
    pub(crate) fn batch(
        &self,
        cache: &Cache,
        group: (usize, usize),
        rows: &Rows,
        columns: (&[Column], Asked<'_>),
        texts: Texts,
    ) -> Result<Option<RecordBatch>, StoreError> {
        guarded(&self.row.file, || self.unguarded(cache, group, rows, columns, texts))
    }

    fn unguarded(
        &self,
        cache: &Cache,
        (group, group_rows): (usize, usize),
        rows: &Rows,
        (columns, asked): (&[Column], Asked<'_>),
        texts: Texts,
    ) -> Result<Option<RecordBatch>, StoreError> {
        if rows.count() <= group_rows / PICKED_SHARE {
            let footer = self.footer(cache)?;
            let needs = Needs::of(self, &footer, columns, asked);
            if let Some(batch) = pick(self, cache, &footer, group, rows, &needs.places)? {
                return needs.finish(batch).map(Some).map_err(|error| self.damaged(error));
            }
        }
        let chosen = selection(rows.runs().iter().cloned(), group_rows);
        let batch_rows = rows.count().max(1);
        let wanted = Wanted { columns, texts, group, rows: chosen, batch_rows };
        let mut reader = self.rows_with(cache, wanted, asked)?;
        let batch = reader.next().transpose().map_err(|error| self.damaged(error))?;
        if reader.next().is_some() {
            return Err(self.damaged("rows came in more than one batch"));
        }
        Ok(batch)
    }

    /// Begins to read rows of one row group. The batches have those of the columns that the segment
    /// has.
    pub(crate) fn rows(&self, cache: &Cache, wanted: Wanted<'_>) -> Result<Batches, StoreError> {
        self.rows_with(cache, wanted, Asked::All)
    }

    /// The same, with only some of the unknown fields in their column.
    pub(crate) fn rows_with(
        &self,
        cache: &Cache,
        wanted: Wanted<'_>,
        asked: Asked<'_>,
    ) -> Result<Batches, StoreError> {
        let footer = self.footer(cache)?;
        let file = self.open()?;
        let needs = Needs::of(self, &footer, wanted.columns, asked);
        let schema = footer.metadata.file_metadata().schema_descr();
        let mask = ProjectionMask::roots(schema, needs.places.iter().copied());
        let metadata = match wanted.texts {
            Texts::Plain => footer.plain.clone(),
            Texts::Keys => footer.keys.clone(),
        };
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_batch_size(wanted.batch_rows)
            .with_row_groups(vec![wanted.group])
            .with_projection(mask)
            .with_row_selection(wanted.rows)
            .build()
            .map_err(|error| self.damaged(error))?;
        Ok(Batches { reader, needs, is_over: false })
    }

    fn open(&self) -> Result<File, StoreError> {
        File::open(&self.path).during(|| format!("open {}", self.path.display()))
    }

    fn unreadable(&self, error: ParquetError) -> StoreError {
        let ParquetError::External(inner) = error else { return self.damaged(error) };
        match inner.downcast::<SealError>() {
            Ok(error) => StoreError::sealed(&*self.row.file, error),
            Err(other) => self.damaged(other),
        }
    }

    pub(crate) fn damaged(&self, reason: impl ToString) -> StoreError {
        StoreError::damaged(&*self.row.file, reason)
    }
}

/// Rows of a segment, batch by batch.
pub(crate) struct Batches {
    reader: ParquetRecordBatchReader,
    needs: Needs,
    /// Whether the reader gave up.
    is_over: bool,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let read = guarded("", || {
            let batch = self.reader.next();
            Ok(batch.map(|batch| batch.and_then(|batch| self.needs.finish(batch))))
        });
        read.unwrap_or_else(|error| {
            self.is_over = true;
            Some(Err(ArrowError::ParquetError(error.to_string())))
        })
    }
}

pub(super) fn type_of(column: Column, texts: Texts) -> DataType {
    let plain = column.data_type();
    if texts == Texts::Keys && plain == TEXT_TYPE && !column.is_prose() {
        return DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    }
    plain
}

/// Gives a batch the columns of the table, with nulls where the file has no such column.
pub(crate) fn widen(batch: &RecordBatch, table: &Table) -> Result<RecordBatch, StoreError> {
    let columns: Vec<ArrayRef> = table
        .columns()
        .iter()
        .map(|column| {
            let found = batch.column_by_name(column.name()).map(Arc::clone);
            found.unwrap_or_else(|| new_null_array(&column.data_type(), batch.num_rows()))
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(table.schema()), columns, &options)
        .map_err(|error| StoreError::Internal(error.to_string()))
}

/// Gives the rows of a group, in order, as a selection.
pub(crate) fn selection(
    ranges: impl IntoIterator<Item = Range<usize>>,
    rows: usize,
) -> RowSelection {
    RowSelection::from_consecutive_ranges(ranges.into_iter(), rows)
}
