//! Reads rows of a segment: some columns, some rows.

use std::fs::File;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field as ArrowField, Schema};
use arrow::error::ArrowError;
use catalog::{SegmentId, SegmentRow};
use model::Field;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use seal::{Keyring, SealError};

use super::build::Table;
use super::hot::{self, Hot};
use super::layout::{Column, EXTRA, LISTS, TEXT_TYPE};
use super::line;
use super::needs::{Asked, Needs, type_in_file};
use super::page::{Opening, Page};
use super::pick::{Dictionary, pick};
use super::sealed;
use super::stats::SegmentStats;
use crate::StoreError;
use crate::error::During;
use crate::index::Rows;
use crate::keep::Graveyard;
use crate::kept::Kept;
use crate::secret::show;

/// How many footers are kept in memory.
const FOOTERS_MAX: usize = 256;
/// How many bytes of columns' distinct values are.
const DICTIONARY_BYTES_MAX: usize = 32 << 20;
/// How many bytes of pages out of which rows were picked.
const PAGE_BYTES_MAX: usize = 48 << 20;
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

/// The footers of the segments that were read last, and the keys that open them.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    footers: Mutex<Kept<SegmentId, Arc<Footer>>>,
    dictionaries: Mutex<Kept<DictionaryKey, Arc<Dictionary>>>,
    pages: Mutex<Kept<(DictionaryKey, usize), Arc<Page>>>,
    keyring: Option<Keyring>,
}

/// A segment, a row group of it, and a column there.
type DictionaryKey = (SegmentId, usize, usize);

/// The footer of a segment, made ready for both ways of reading texts.
#[derive(Debug)]
pub(crate) struct Footer {
    pub(crate) metadata: Arc<ParquetMetaData>,
    pub(super) file: File,
    pub(super) opening: Option<Opening>,
    plain: ArrowReaderMetadata,
    keys: ArrowReaderMetadata,
    /// The unknown fields that have columns.
    pub(super) hot: Option<Hot>,
}

impl Footer {
    fn of(
        metadata: ParquetMetaData,
        file: File,
        opening: Option<Opening>,
    ) -> Result<Self, ParquetError> {
        let metadata = Arc::new(metadata);
        let hot = Hot::of(metadata.file_metadata());
        let ready = |texts: Texts| {
            let columns = metadata.file_metadata().schema_descr().columns();
            let fields: Vec<ArrowField> = columns
                .iter()
                .map(|described| {
                    let column = Column::by_name(described.name());
                    let data_type = match column {
                        Some(column) => type_of(column, texts),
                        None => type_in_file(described),
                    };
                    let nullable = column.is_none_or(|column| !column.is_always());
                    ArrowField::new(described.name(), data_type, nullable)
                })
                .collect();
            let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
            ArrowReaderMetadata::try_new(Arc::clone(&metadata), options)
        };
        Ok(Self {
            plain: ready(Texts::Plain)?,
            keys: ready(Texts::Keys)?,
            hot,
            metadata,
            file,
            opening,
        })
    }

    /// Gives how many rows each row group has.
    pub(crate) fn group_rows(&self) -> Vec<usize> {
        let groups = self.metadata.row_groups().iter();
        groups.map(|group| usize::try_from(group.num_rows()).unwrap_or_default()).collect()
    }

    /// Gives the rows of a group among which all those are whose value in the column is within a
    /// span, as the pages tell; the column is one that every event has, of moments or numbers.
    pub(crate) fn rows_within(&self, group: usize, field: Field, span: &Span) -> Range<usize> {
        let rows = self.group_rows().get(group).copied().unwrap_or_default();
        match self.pages(group, field) {
            Some(pages) => {
                let mut within = pages.iter().filter(|page| page.touches(span));
                let first = within.next();
                let last = within.next_back().or(first);
                first.map_or(0, |page| page.rows.start)..last.map_or(0, |page| page.rows.end)
            }
            None => 0..rows,
        }
    }

    /// The same of all groups, as rows of the file, and without the pages between that are not.
    pub(crate) fn all_within(&self, field: Field, span: &Span) -> Rows {
        let mut found = Rows::default();
        let mut start = 0;
        for (group, rows) in self.group_rows().into_iter().enumerate() {
            match self.pages(group, field) {
                Some(pages) => {
                    for page in pages.into_iter().filter(|page| page.touches(span)) {
                        found.push(start + page.rows.start..start + page.rows.end);
                    }
                }
                None => found.push(start..start + rows),
            }
            start += rows;
        }
        found
    }

    /// Gives the pages of a column of moments or numbers in a group.
    pub(crate) fn pages(&self, group: usize, field: Field) -> Option<Vec<PageSpan>> {
        let columns = self.metadata.file_metadata().schema_descr().columns();
        let place = columns.iter().position(|column| column.name() == field.name())?;
        let rows = self.group_rows().get(group).copied()?;
        let ColumnIndexMetaData::INT64(index) =
            self.metadata.column_index()?.get(group)?.get(place)?
        else {
            return None;
        };
        let starts = self.metadata.offset_index()?.get(group)?.get(place)?.page_locations();
        let page_of = |page: usize| {
            let begin = usize::try_from(starts.get(page)?.first_row_index).ok()?;
            let end = starts
                .get(page + 1)
                .map_or(Some(rows), |next| usize::try_from(next.first_row_index).ok())?;
            let (low, high) = (index.min_values().get(page)?, index.max_values().get(page)?);
            Some(PageSpan { rows: begin..end, low: *low, high: *high })
        };
        (0..starts.len()).map(page_of).collect()
    }

    /// Tells whether the rows of the file stand in the order of their times.
    pub(crate) fn is_in_time_order(&self) -> bool {
        let columns = self.metadata.file_metadata().schema_descr().columns();
        let place = columns.iter().position(|column| column.name() == Field::Timestamp.name());
        let is_sorted = self.metadata.row_groups().iter().all(|group| {
            let first = group.sorting_columns().and_then(|columns| columns.first());
            first.is_some_and(|first| {
                !first.descending && usize::try_from(first.column_idx).ok() == place
            })
        });
        let spans = || {
            (0..self.metadata.num_row_groups()).map(|group| {
                let pages = self.pages(group, Field::Timestamp)?;
                Some((pages.first()?.low, pages.last()?.high))
            })
        };
        is_sorted
            && spans().zip(spans().skip(1)).all(|(one, next)| match (one, next) {
                (Some(one), Some(next)) => one.1 <= next.0,
                _ => false,
            })
    }
}

/// Some rows of a group, and the least and greatest value of one column in them.
#[derive(Clone, Debug)]
pub(crate) struct PageSpan {
    pub(crate) rows: Range<usize>,
    pub(crate) low: i64,
    pub(crate) high: i64,
}

impl PageSpan {
    fn touches(&self, span: &Span) -> bool {
        self.high >= *span.start() && self.low <= *span.end()
    }
}

/// A span of numbers, or of moments in nanoseconds, both ends included.
pub(crate) type Span = RangeInclusive<i64>;

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
        let footer = opening
            .and_then(|opening| {
                ParquetMetaDataReader::new()
                    .with_page_index_policy(PageIndexPolicy::Optional)
                    .with_decryption_properties(opening)
                    .parse_and_finish(&file)
            })
            .and_then(|metadata| {
                let opening = match &cache.keyring {
                    Some(keyring) if sealed::is_sealed(&file) => Some(Opening::of(&file, keyring)?),
                    _ => None,
                };
                Footer::of(metadata, file.try_clone()?, opening)
            })
            .map_err(|error| self.unreadable(error))?;
        let footer = Arc::new(footer);
        cache.put(self.row.id, &footer);
        Ok(footer)
    }

    /// Reads some columns of some rows of one row group, all at once. The batch has the columns that
    /// the file has, in the file's order.
    pub(crate) fn batch(
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
        Ok(Batches { reader, needs })
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
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.and_then(|batch| self.needs.finish(batch)))
    }
}

fn type_of(column: Column, texts: Texts) -> DataType {
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

impl Cache {
    /// Gives an empty one that opens segments with these keys.
    pub(crate) fn new(keyring: Option<Keyring>) -> Self {
        Self {
            footers: Mutex::default(),
            dictionaries: Mutex::default(),
            pages: Mutex::default(),
            keyring,
        }
    }

    fn get(&self, id: SegmentId) -> Option<Arc<Footer>> {
        self.footers.lock().unwrap_or_else(PoisonError::into_inner).get(id)
    }

    fn put(&self, id: SegmentId, footer: &Arc<Footer>) {
        let mut footers = self.footers.lock().unwrap_or_else(PoisonError::into_inner);
        footers.put(id, Arc::clone(footer), 1, FOOTERS_MAX);
    }

    pub(super) fn dictionary(&self, key: DictionaryKey) -> Option<Arc<Dictionary>> {
        self.dictionaries.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    pub(super) fn keep_dictionary(&self, key: DictionaryKey, dictionary: &Arc<Dictionary>) {
        let mut kept = self.dictionaries.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(key, Arc::clone(dictionary), dictionary.size() + 64, DICTIONARY_BYTES_MAX);
    }

    pub(super) fn page(&self, key: (DictionaryKey, usize)) -> Option<Arc<Page>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    pub(super) fn keep_page(&self, key: (DictionaryKey, usize), page: &Arc<Page>) {
        let mut kept = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(key, Arc::clone(page), page.body.len() + 64, PAGE_BYTES_MAX);
    }

    /// Lets go of a segment that is gone.
    pub(crate) fn forget(&self, id: SegmentId) {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .forget(|((key, ..), _)| *key == id);
        self.footers.lock().unwrap_or_else(PoisonError::into_inner).forget(|key| *key == id);
        let mut kept = self.dictionaries.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget(|(key, ..)| *key == id);
    }
}
