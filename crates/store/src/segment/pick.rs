//! A few rows out of a row group, from just the pages that hold them.

use std::io;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field as ArrowField, Schema};
use catalog::SegmentId;
use parquet::basic::Encoding;
use parquet::column::page::Page as LibraryPage;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{ByteArray, ByteArrayType, DataType as Physical, Int64Type};
use parquet::file::page_index::offset_index::PageLocation;
use parquet::schema::types::ColumnDescPtr;

use super::builder::Builder;
use super::cache::Cache;
use super::dictionary::{Dictionary, eight, next_text};
use super::footer::Footer;
use super::layout::Column;
use super::needs::type_in_file;
use super::one_page::OnePage;
use super::page::{Page, PagePlace, invalid, read_page};
use super::read::Segment;
use crate::StoreError;
use crate::index::Rows;

/// Of so few rows of a page, the values are remembered each by itself.
const REMEMBERED_ROWS: usize = 64;

/// Gives some columns of the file, some rows of a group; `None` where one of them is of a kind that is left to
/// the library.
pub(super) fn pick(
    segment: &Segment,
    cache: &Cache,
    footer: &Footer,
    group: usize,
    rows: &Rows,
    columns: &[usize],
) -> Result<Option<RecordBatch>, StoreError> {
    let places: Vec<usize> = rows.runs().iter().flat_map(Clone::clone).collect();
    let schema = footer.metadata.file_metadata().schema_descr();
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for place in columns {
        let Some(described) = schema.columns().get(*place) else { continue };
        let data_type = match Column::by_name(described.name()) {
            Some(column) => column.data_type(),
            None => type_in_file(described),
        };
        let picker = Picker { id: segment.row.id, cache, footer, group, place: *place, described };
        let array = picker.pick(&data_type, &places).map_err(|error| segment.damaged(error))?;
        let Some(array) = array else { return Ok(None) };
        fields.push(ArrowField::new(described.name(), data_type, true));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map(Some)
        .map_err(|error| segment.damaged(error))
}

/// Picks from one column of one row group.
struct Picker<'p> {
    id: SegmentId,
    cache: &'p Cache,
    footer: &'p Footer,
    group: usize,
    place: usize,
    described: &'p ColumnDescPtr,
}

impl Picker<'_> {
    fn pick(&self, data_type: &DataType, rows: &[usize]) -> io::Result<Option<ArrayRef>> {
        let group = self.footer.metadata.row_group(self.group);
        let chunk = group.column(self.place);
        let nulls =
            chunk.statistics().and_then(parquet::file::statistics::Statistics::null_count_opt);
        if nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(group.num_rows())) {
            return Ok(Some(new_null_array(data_type, rows.len())));
        }
        let Some(locations) = self.locations() else { return Ok(None) };
        let mut builder = Builder::of(data_type);
        let start_of = |page: usize| {
            let location: Option<&PageLocation> = locations.get(page);
            location.and_then(|location| usize::try_from(location.first_row_index).ok())
        };
        let mut left = rows;
        while let Some(first) = left.first() {
            let next = locations.partition_point(|location| {
                usize::try_from(location.first_row_index).is_ok_and(|start| start <= *first)
            });
            let (Some(page), end) = (next.checked_sub(1), start_of(next)) else {
                return Err(invalid("a row stands in no page"));
            };
            let here = end.map_or(left.len(), |end| left.partition_point(|row| *row < end));
            let (ours, later) = left.split_at(here);
            left = later;
            let begin = start_of(page).unwrap_or_default();
            let within: Vec<usize> = ours.iter().map(|row| row - begin).collect();
            let Some(page) = self.page(page, locations)? else { return Ok(None) };
            if self.take(&page, &within, &mut builder)?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(builder.finish()))
    }

    fn locations(&self) -> Option<&[PageLocation]> {
        let index = self.footer.metadata.offset_index()?.get(self.group)?.get(self.place)?;
        Some(index.page_locations().as_slice())
    }

    fn page(&self, page: usize, locations: &[PageLocation]) -> io::Result<Option<Arc<Page>>> {
        let key = ((self.id, self.group, self.place), page);
        if let Some(found) = self.cache.page(key) {
            return Ok(Some(found));
        }
        let place = PagePlace { group: self.group, column: self.place, page: Some(page) };
        let location = locations.get(page).ok_or_else(|| invalid("a page is missing"))?;
        let page = self.read(place, location)?.map(Arc::new);
        if let Some(page) = &page {
            // Before it is kept, so that all of its size is counted.
            page.lookup(self.is_optional());
            self.cache.keep_page(key, page);
        }
        Ok(page)
    }

    fn read(&self, place: PagePlace, location: &PageLocation) -> io::Result<Option<Page>> {
        let chunk = self.footer.metadata.row_group(self.group).column(self.place);
        let opening = self.footer.opening.as_ref();
        read_page(&self.footer.file, opening, place, location, chunk.compression())
    }

    fn dictionary(&self) -> io::Result<Option<Arc<Dictionary>>> {
        let key = (self.id, self.group, self.place);
        if let Some(found) = self.cache.dictionary(key) {
            return Ok(Some(found));
        }
        let chunk = self.footer.metadata.row_group(self.group).column(self.place);
        let first = self.locations().and_then(<[PageLocation]>::first);
        let (Some(begin), Some(first)) = (chunk.dictionary_page_offset(), first) else {
            return Err(invalid("a page of distinct values is missing"));
        };
        let size = i32::try_from(first.offset - begin).map_err(io::Error::other)?;
        let location =
            PageLocation { offset: begin, compressed_page_size: size, first_row_index: 0 };
        let place = PagePlace { group: self.group, column: self.place, page: None };
        let Some(page) = self.read(place, &location)? else { return Ok(None) };
        if page.encoding != Encoding::PLAIN && page.encoding != Encoding::RLE_DICTIONARY {
            return Ok(None);
        }
        let dictionary = Dictionary::of(page, self.is_text());
        let dictionary = dictionary.ok_or_else(|| invalid("distinct values are damaged"))?;
        let dictionary = Arc::new(dictionary);
        self.cache.keep_dictionary(key, &dictionary);
        Ok(Some(dictionary))
    }

    /// Adds some rows of a page; `None` where it is of a kind that is left to the library.
    fn take(&self, page: &Page, rows: &[usize], builder: &mut Builder) -> io::Result<Option<()>> {
        let damaged = || invalid("a page is damaged");
        let lookup = page.lookup(self.is_optional()).ok_or_else(damaged)?;
        let ranks = lookup.ranks(page, rows).ok_or_else(damaged)?;
        let body = page.body.get(lookup.begin..).ok_or_else(damaged)?;
        match (page.encoding, &mut *builder) {
            (Encoding::RLE_DICTIONARY, _) if ranks.iter().all(Option::is_none) => {
                for _ in &ranks {
                    builder.null();
                }
            }
            (Encoding::RLE_DICTIONARY, _) => {
                let (width, runs) = lookup.keys.as_ref().ok_or_else(damaged)?;
                let key = |rank: usize| runs.at(body, *width, rank);
                if rows.len() <= REMEMBERED_ROWS {
                    return self.take_remembered(key, &ranks, builder);
                }
                let Some(dictionary) = self.dictionary()? else { return Ok(None) };
                put_keys(&dictionary, key, &ranks, builder).ok_or_else(damaged)?;
            }
            (Encoding::PLAIN, Builder::Text(_) | Builder::Keys(_)) => {
                put_texts(body, &ranks, builder).ok_or_else(damaged)?;
            }
            (Encoding::PLAIN, Builder::Flag(_)) => {
                for rank in ranks {
                    let Some(rank) = rank else {
                        builder.null();
                        continue;
                    };
                    let byte = body.get(rank / 8).ok_or_else(damaged)?;
                    builder.flag(byte >> (rank % 8) & 1 == 1);
                }
            }
            (Encoding::PLAIN, _) => {
                for rank in ranks {
                    match rank {
                        Some(rank) => builder.word(eight(body, rank).ok_or_else(damaged)?),
                        None => builder.null(),
                    }
                }
            }
            (_, Builder::Text(_) | Builder::Keys(_)) => {
                let values = self.by_library::<ByteArrayType>(page, rows)?;
                for value in values {
                    match value.as_ref().map(ByteArray::data) {
                        Some(bytes) => {
                            builder.text(str::from_utf8(bytes).map_err(io::Error::other)?);
                        }
                        None => builder.null(),
                    }
                }
            }
            (_, Builder::Integer(_) | Builder::Id(_) | Builder::Time(_)) => {
                for value in self.by_library::<Int64Type>(page, rows)? {
                    match value {
                        Some(value) => builder.word(value.to_le_bytes()),
                        None => builder.null(),
                    }
                }
            }
            _ => return Ok(None),
        }
        Ok(Some(()))
    }

    /// Adds a few rows of a page of keys, whose values may be remembered: the distinct values of a
    /// row group are many, and those that are looked at few.
    fn take_remembered(
        &self,
        key_at: impl Fn(usize) -> Option<u32>,
        ranks: &[Option<usize>],
        builder: &mut Builder,
    ) -> io::Result<Option<()>> {
        let damaged = || invalid("a page is damaged");
        let mut opened = None;
        for rank in ranks {
            let Some(rank) = rank else {
                builder.null();
                continue;
            };
            let key = key_at(*rank).ok_or_else(damaged)?;
            let remembered = ((self.id, self.group, self.place), key);
            let value = if let Some(value) = self.cache.value(remembered) {
                value
            } else {
                if opened.is_none() {
                    opened = self.dictionary()?;
                }
                let Some(dictionary) = &opened else { return Ok(None) };
                let place = usize::try_from(key).map_err(io::Error::other)?;
                let value: Arc<[u8]> = dictionary.bytes(place).ok_or_else(damaged)?.into();
                self.cache.keep_value(remembered, &value);
                value
            };
            if self.is_text() {
                builder.text(str::from_utf8(&value).map_err(io::Error::other)?);
            } else {
                builder.word(eight(&value, 0).ok_or_else(damaged)?);
            }
        }
        Ok(Some(()))
    }

    fn is_text(&self) -> bool {
        self.described.physical_type() == parquet::basic::Type::BYTE_ARRAY
    }

    fn is_optional(&self) -> bool {
        self.described.max_def_level() > 0
    }

    /// Lets the library read some rows of one page.
    fn by_library<T: Physical>(
        &self,
        page: &Page,
        rows: &[usize],
    ) -> io::Result<Vec<Option<T::T>>> {
        let one = LibraryPage::DataPage {
            buf: page.body.clone().into(),
            num_values: u32::try_from(page.values).map_err(io::Error::other)?,
            encoding: page.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let pages = Box::new(OnePage { page: Some(one), rows: page.values });
        let mut reader = ColumnReaderImpl::<T>::new(Arc::clone(self.described), pages);
        let mut values = Vec::with_capacity(rows.len());
        let mut at = 0;
        for run in rows.chunk_by(|one, next| one + 1 == *next) {
            let Some(first) = run.first() else { continue };
            reader.skip_records(first - at).map_err(io::Error::other)?;
            let (mut levels, mut found) = (Vec::new(), Vec::new());
            reader
                .read_records(run.len(), Some(&mut levels), None, &mut found)
                .map_err(io::Error::other)?;
            let mut found = found.into_iter();
            let is_optional = self.is_optional();
            for place in 0..run.len() {
                let is_there = !is_optional || levels.get(place) == Some(&1);
                values.push(if is_there { found.next() } else { None });
            }
            at = first + run.len();
        }
        Ok(values)
    }
}

fn put_keys(
    dictionary: &Dictionary,
    key_at: impl Fn(usize) -> Option<u32>,
    ranks: &[Option<usize>],
    builder: &mut Builder,
) -> Option<()> {
    for rank in ranks {
        let Some(rank) = rank else {
            builder.null();
            continue;
        };
        let key = usize::try_from(key_at(*rank)?).ok()?;
        if dictionary.starts.is_empty() {
            builder.word(eight(&dictionary.body, key)?);
        } else {
            builder.text(dictionary.text(key)?);
        }
    }
    Some(())
}

fn put_texts(body: &[u8], ranks: &[Option<usize>], builder: &mut Builder) -> Option<()> {
    let (mut number, mut at) = (0, 0);
    for rank in ranks {
        let Some(rank) = rank else {
            builder.null();
            continue;
        };
        while number < *rank {
            at = next_text(body, at)?;
            number += 1;
        }
        let end = next_text(body, at)?;
        builder.text(str::from_utf8(body.get(at + 4..end)?).ok()?);
    }
    Some(())
}
