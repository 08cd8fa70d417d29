//! The footer of a segment: which pages there are, and what they span.

use std::fs::File;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use arrow::datatypes::{Field as ArrowField, Schema};
use model::Field;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use super::hot::{self, Hot};
use super::layout::Column;
use super::line;
use super::needs::type_in_file;
use super::page::Opening;
use super::read::{Texts, type_of};
use crate::index::Rows;

/// A span of numbers, or of moments in nanoseconds, both ends included.
pub(crate) type Span = RangeInclusive<i64>;

/// The footer of a segment, made ready for both ways of reading texts.
#[derive(Debug)]
pub(crate) struct Footer {
    pub(crate) metadata: Arc<ParquetMetaData>,
    pub(super) file: File,
    pub(super) opening: Option<Opening>,
    pub(super) plain: ArrowReaderMetadata,
    pub(super) keys: ArrowReaderMetadata,
    /// The unknown fields that have columns.
    pub(super) hot: Option<Hot>,
    /// What each column of the file is.
    pub(super) kinds: Vec<Kind>,
}

/// What a column of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Column(Column),
    /// An unknown field.
    Hot,
    /// A part of the record.
    Line,
    /// Nothing that this version knows.
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        match Column::by_name(name) {
            Some(column) => Self::Column(column),
            None if matches!(name, line::SHAPE | line::REST) => Self::Line,
            None if name.starts_with(hot::PREFIX) => Self::Hot,
            None => Self::Other,
        }
    }
}

impl Footer {
    pub(super) fn of(
        metadata: ParquetMetaData,
        file: File,
        opening: Option<Opening>,
    ) -> Result<Self, ParquetError> {
        let metadata = Arc::new(metadata);
        let told = metadata.file_metadata().key_value_metadata().into_iter().flatten();
        let told =
            told.filter(|told| told.key == hot::METADATA).find_map(|told| told.value.as_ref());
        let hot = told.and_then(|told| Hot::read(told));
        let described = metadata.file_metadata().schema_descr().columns();
        let kinds = described.iter().map(|column| Kind::of(column.name())).collect();
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
            kinds,
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
