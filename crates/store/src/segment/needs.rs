//! What is read of a file for the columns that are asked for, and how these come of it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use model::Field;
use parquet::basic::Type as Physical;
use parquet::file::metadata::FileMetaData;
use parquet::schema::types::ColumnDescriptor;

use super::footer::{Footer, Kind};
use super::hot::{self, Hot};
use super::layout::{Column, TEXT_TYPE};
use super::line;
use super::read::Segment;

/// What must be read for the columns asked for.
#[derive(Debug)]
pub(super) struct Needs {
    /// Columns of the file.
    pub(super) places: Vec<usize>,
    names: Vec<&'static str>,
    /// Whether the record is among them and is to be put together.
    is_record_taken: bool,
    /// The file, where the unknown fields are to be laid together.
    footer: Option<Arc<Footer>>,
}

impl Needs {
    /// Gives which columns of the file must be read for those asked for.
    pub(super) fn of(
        segment: &Segment,
        footer: &Arc<Footer>,
        columns: &[Column],
        asked: Asked<'_>,
    ) -> Self {
        let schema = footer.metadata.file_metadata().schema_descr();
        let names: Vec<&'static str> = columns.iter().map(|column| column.name()).collect();
        let is_record_taken = columns.contains(&Column::Known(Field::EventOriginal))
            && footer.kinds.contains(&Kind::Line);
        let is_extra_read = is_record_taken || columns.contains(&Column::Extra);
        let mut wanted = vec![false; Column::all().count()];
        for column in columns {
            if let Some(wanted) = wanted.get_mut(column.index()) {
                *wanted = true;
            }
        }
        let line = &segment.stats.line;
        let is_needed = |kind: Kind, name: &str| match kind {
            Kind::Column(column) => {
                wanted.get(column.index()) == Some(&true)
                    || is_record_taken
                        && (matches!(column, Column::Extra | Column::Lists)
                            || column == Column::Known(Field::Timestamp)
                            // Where nobody noted which fields are needed, all of them may be.
                            || line.is_empty()
                            || line.contains(name))
            }
            Kind::Line => is_record_taken,
            Kind::Hot => {
                let name = name.strip_prefix(hot::PREFIX).unwrap_or(name);
                is_extra_read && (is_record_taken || asked.has(name))
            }
            Kind::Other => is_record_taken && line.is_empty(),
        };
        let all = schema.columns().iter().zip(&footer.kinds).enumerate();
        let places = all.filter_map(|(place, (described, kind))| {
            is_needed(*kind, described.name()).then_some(place)
        });
        let footer = is_extra_read.then(|| Arc::clone(footer));
        Self { places: places.collect(), names, is_record_taken, footer }
    }

    /// Gives the columns that were asked for.
    pub(super) fn finish(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let hot = self.footer.as_ref().and_then(|footer| footer.hot.as_ref());
        let batch = match hot {
            Some(hot) => hot::restored(&batch, hot)?,
            None => batch,
        };
        if self.is_record_taken { line::restored(&batch, &self.names) } else { Ok(batch) }
    }
}

/// Which unknown fields are wanted in their column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked<'n> {
    /// All of them.
    All,
    /// At least these.
    Named(&'n [&'n str]),
}

impl Asked<'_> {
    fn has(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(&name),
        }
    }
}

/// Gives the type of a column that is none of those that are asked for.
pub(super) fn type_in_file(described: &ColumnDescriptor) -> DataType {
    match described.physical_type() {
        _ if described.name() == line::SHAPE => line::shape_type(),
        Physical::INT64 => DataType::Int64,
        Physical::DOUBLE => DataType::Float64,
        Physical::BOOLEAN => DataType::Boolean,
        _ => TEXT_TYPE,
    }
}

/// Gives the batches of a file whole: for those who read files and not segments.
#[derive(Debug)]
pub(crate) struct Unpacking(Option<Hot>);

impl Unpacking {
    pub(crate) fn of(metadata: &FileMetaData) -> Self {
        Self(Hot::of(metadata))
    }

    /// Gives a batch of all columns of the file with the records and the unknown fields put together.
    pub(crate) fn whole(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let batch = match &self.0 {
            Some(hot) => hot::restored(&batch, hot)?,
            None => batch,
        };
        if batch.column_by_name(line::SHAPE).is_none() {
            return Ok(batch);
        }
        let schema = batch.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let kept: Vec<&str> =
            names.into_iter().filter(|name| !matches!(*name, line::SHAPE | line::REST)).collect();
        line::restored(&batch, &kept)
    }
}
