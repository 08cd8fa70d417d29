//! Unknown fields that many events of a segment have, as columns of their own.
//!
//! The column `extra` holds all unknown fields as one JSON object. In the file, those that are
//! frequent are taken out of it into columns named `extra.` and the field's name, of text, whole
//! numbers, numbers with a fraction, or flags; what is rare, or of another kind than its column,
//! stays. When `extra` is read, the two are laid together again, in the order in which they stood:
//! the file tells that order in its metadata, under `bartizan.extra`:
//!
//! ```json
//! {"order":["fw.session","fw.pkts","fw.note"],"columns":[["fw.session","integer"],["fw.pkts","integer"]]}
//! ```
//!
//! A row whose fields stand in another order, twice, or nested, keeps its object whole, and has
//! nothing in these columns.

mod order;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, RecordBatchOptions,
    StringViewBuilder,
};
use arrow::datatypes::{DataType, Field as ArrowField, FieldRef, Schema};
use arrow::error::ArrowError;
use model::Value;
use parquet::file::metadata::FileMetaData;
use serde::{Deserialize, Serialize};

use super::decode::Values;
use super::layout::{EXTRA, TEXT_TYPE};
use super::line::{bare, members};
use order::Precedence;

/// What the names of the columns begin with.
pub(super) const PREFIX: &str = "extra.";
/// Under which the file's metadata tells of them.
pub(super) const METADATA: &str = "bartizan.extra";
/// How many rows are looked at before the columns are chosen.
pub(super) const SAMPLE_ROWS: usize = 8192;
/// A field that not even one row of so many has gets no column.
const SHARE: usize = 100;
/// Bounds the columns: each costs a little for every event that is read whole.
const COLUMNS_MAX: usize = 32;
/// Bounds the names whose order is known; a row with others keeps its object whole.
const NAMES_MAX: usize = 500;
/// Longer names get no column.
const NAME_BYTES_MAX: usize = 96;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Text,
    Integer,
    Float,
    Flag,
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Self::Text => TEXT_TYPE,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Flag => DataType::Boolean,
        }
    }

    /// Gives the kind whose column gives back these very characters.
    fn of(raw: &str) -> Option<Self> {
        let mut again = String::new();
        match raw.bytes().next()? {
            b'"' => {
                let is_plain = |text: &str| {
                    !text.contains(|letter: char| letter == '"' || letter.is_control())
                };
                bare(raw).filter(|text| is_plain(text)).map(|_| Self::Text)
            }
            b't' | b'f' => matches!(raw, "true" | "false").then_some(Self::Flag),
            _ => {
                if let Ok(number) = raw.parse::<i64>() {
                    // Writing to a String cannot fail, here and below.
                    let _ = write!(again, "{number}");
                    return (again == raw).then_some(Self::Integer);
                }
                let number = raw.parse::<f64>().ok().filter(|number| number.is_finite())?;
                let _ = write!(again, "{number:?}");
                (again == raw).then_some(Self::Float)
            }
        }
    }
}

/// The unknown fields of a file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Hot {
    /// All names, in the order in which they stand in a row.
    order: Vec<String>,
    columns: Vec<(String, Kind)>,
    /// Where each name stands in the order.
    #[serde(skip)]
    places: HashMap<String, usize>,
}

impl Hot {
    /// Gives what a file tells; none where it was written without.
    pub(super) fn of(metadata: &FileMetaData) -> Option<Self> {
        let told = metadata.key_value_metadata()?.iter().find(|told| told.key == METADATA)?;
        Self::read(told.value.as_ref()?)
    }

    /// Reads what the file's metadata tells.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut hot: Self = serde_json::from_str(text).ok()?;
        hot.place();
        Some(hot)
    }

    fn place(&mut self) {
        let all = self.order.iter().enumerate();
        self.places = all.map(|(place, name)| (name.clone(), place)).collect();
    }

    /// Gives what the file's metadata tells.
    pub(super) fn told(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// Gives the columns.
    pub(super) fn fields(&self) -> impl Iterator<Item = FieldRef> {
        self.columns.iter().map(|(name, kind)| {
            Arc::new(ArrowField::new(format!("{PREFIX}{name}"), kind.data_type(), true))
        })
    }

    /// Notes names that are new; tells whether the row's stand in the known order.
    fn note(&mut self, fields: &[(&str, &str)]) -> bool {
        let mut last: Option<usize> = None;
        for (name, _) in fields {
            match self.places.get(*name).copied() {
                Some(place) if last.is_some_and(|last| last >= place) => return false,
                Some(place) => last = Some(place),
                None if self.order.len() >= NAMES_MAX || name.len() > NAME_BYTES_MAX => {
                    return false;
                }
                None => {
                    let place = last.map_or(0, |last| last + 1);
                    self.order.insert(place, (*name).to_owned());
                    self.place();
                    last = Some(place);
                }
            }
        }
        true
    }
}

/// Takes frequent fields out of the objects.
#[derive(Debug, Default)]
pub(super) struct Taker {
    hot: Hot,
}

/// A column that is being put together.
enum Builder {
    Text(StringViewBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Flag(BooleanBuilder),
}

impl Taker {
    /// Chooses the columns by the first rows.
    pub(super) fn choose(sample: &[RecordBatch]) -> Self {
        let mut counts: HashMap<(String, Kind), usize> = HashMap::new();
        let mut precedence = Precedence::default();
        let mut rows = 0;
        for batch in sample {
            rows += batch.num_rows();
            let Some(objects) = batch.column_by_name(EXTRA).and_then(Values::of) else { continue };
            for row in 0..batch.num_rows() {
                let fields = objects.text(row).and_then(members).unwrap_or_default();
                precedence.add(&fields);
                for (name, raw) in fields {
                    let Some(kind) = Kind::of(raw).filter(|_| name.len() <= NAME_BYTES_MAX) else {
                        continue;
                    };
                    if counts.len() < NAMES_MAX * 4 || counts.contains_key(&(name.to_owned(), kind))
                    {
                        *counts.entry((name.to_owned(), kind)).or_default() += 1;
                    }
                }
            }
        }
        let mut frequent: Vec<((String, Kind), usize)> =
            counts.into_iter().filter(|(_, count)| count * SHARE >= rows.max(1)).collect();
        // By name as well, so that the same events make the same file.
        frequent.sort_by(|(one, count), (other, others)| {
            others.cmp(count).then_with(|| one.0.cmp(&other.0))
        });
        let mut columns: Vec<(String, Kind)> = Vec::new();
        for (column, _) in frequent {
            let is_new = !columns.iter().any(|(name, _)| *name == column.0);
            if is_new && columns.len() < COLUMNS_MAX {
                columns.push(column);
            }
        }
        let mut hot = Hot { order: precedence.order(), columns, places: HashMap::new() };
        hot.place();
        Self { hot }
    }

    pub(super) fn hot(&self) -> &Hot {
        &self.hot
    }

    /// Gives what stays of the objects of a batch, and the columns.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> (ArrayRef, Vec<ArrayRef>) {
        let objects = batch.column_by_name(EXTRA).and_then(Values::of);
        let mut columns: Vec<Builder> =
            self.hot.columns.iter().map(|(_, kind)| Builder::of(*kind)).collect();
        let by_name: HashMap<String, (usize, Kind)> = self
            .hot
            .columns
            .iter()
            .enumerate()
            .map(|(place, (name, kind))| (name.clone(), (place, *kind)))
            .collect();
        let mut stays = StringViewBuilder::with_capacity(batch.num_rows());
        let mut rest = String::new();
        for row in 0..batch.num_rows() {
            let Some(object) = objects.as_ref().and_then(|objects| objects.text(row)) else {
                stays.append_null();
                continue;
            };
            let fields = members(object).filter(|fields| self.hot.note(fields));
            let Some(fields) = fields else {
                stays.append_value(object);
                continue;
            };
            rest.clear();
            for (name, raw) in fields {
                let column = by_name.get(name).filter(|(_, kind)| Kind::of(raw) == Some(*kind));
                match column.and_then(|(place, _)| columns.get_mut(*place)) {
                    Some(builder) => builder.put(row, raw),
                    None => put(name, raw, &mut rest),
                }
            }
            if rest.is_empty() {
                stays.append_null();
            } else {
                rest.push('}');
                stays.append_value(&rest);
            }
        }
        let rows = batch.num_rows();
        (Arc::new(stays.finish()), columns.into_iter().map(|column| column.finish(rows)).collect())
    }
}

/// Appends one member to the object that begins in `out`.
fn put(name: &str, raw: &str, out: &mut String) {
    out.push(if out.is_empty() { '{' } else { ',' });
    out.extend(["\"", name, "\":", raw]);
}

impl Builder {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringViewBuilder::new()),
            Kind::Integer => Self::Integer(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
        }
    }

    /// Brings the column to `rows` rows with nulls.
    fn pad(&mut self, rows: usize) {
        use arrow::array::ArrayBuilder;
        match self {
            Self::Text(texts) => (texts.len()..rows).for_each(|_| texts.append_null()),
            Self::Integer(values) => values.append_nulls(rows.saturating_sub(values.len())),
            Self::Float(values) => values.append_nulls(rows.saturating_sub(values.len())),
            Self::Flag(values) => values.append_nulls(rows.saturating_sub(values.len())),
        }
    }

    fn put(&mut self, row: usize, raw: &str) {
        self.pad(row);
        match self {
            Self::Text(texts) => texts.append_option(bare(raw)),
            Self::Integer(values) => values.append_option(raw.parse().ok()),
            Self::Float(values) => values.append_option(raw.parse().ok()),
            Self::Flag(values) => values.append_value(raw == "true"),
        }
    }

    fn finish(mut self, rows: usize) -> ArrayRef {
        self.pad(rows);
        match self {
            Self::Text(mut texts) => Arc::new(texts.finish()),
            Self::Integer(mut values) => Arc::new(values.finish()),
            Self::Float(mut values) => Arc::new(values.finish()),
            Self::Flag(mut values) => Arc::new(values.finish()),
        }
    }
}

/// Lays the objects of a batch together again, of those columns that the batch has.
pub(super) fn put_together(batch: &RecordBatch, hot: &Hot) -> ArrayRef {
    let stays = batch.column_by_name(EXTRA).and_then(Values::of);
    let places = &hot.places;
    let schema = batch.schema_ref();
    let mut columns: Vec<(usize, &str, Values)> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .filter_map(|(field, array)| {
            let (name, place) = places.get_key_value(field.name().strip_prefix(PREFIX)?)?;
            Some((*place, name.as_str(), Values::of(array)?))
        })
        .collect();
    columns.sort_by_key(|(place, ..)| *place);
    let mut objects = StringViewBuilder::with_capacity(batch.num_rows());
    let mut object = String::new();
    for row in 0..batch.num_rows() {
        object.clear();
        let rest = stays.as_ref().and_then(|stays| stays.text(row));
        let mut left = Vec::new().into_iter().peekable();
        for (place, name, values) in &columns {
            let Some(value) = values.get(row) else { continue };
            if object.is_empty() {
                // Only where some fields were taken out must the others be told apart.
                left = rest.and_then(members).unwrap_or_default().into_iter().peekable();
            }
            let is_before =
                |(name, _): &(&str, &str)| places.get(*name).is_some_and(|other| other < place);
            while let Some((name, raw)) = left.next_if(is_before) {
                put(name, raw, &mut object);
            }
            put_value(name, value, &mut object);
        }
        if object.is_empty() {
            objects.append_option(rest);
            continue;
        }
        for (name, raw) in left {
            put(name, raw, &mut object);
        }
        object.push('}');
        objects.append_value(&object);
    }
    Arc::new(objects.finish())
}

/// Gives the batch with the objects laid together, and without the columns of their fields.
pub(super) fn restored(batch: &RecordBatch, hot: &Hot) -> Result<RecordBatch, ArrowError> {
    let object = put_together(batch, hot);
    let mut fields: Vec<FieldRef> = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if field.name() == EXTRA {
            fields.push(Arc::clone(field));
            arrays.push(Arc::clone(&object));
        } else if !field.name().starts_with(PREFIX) {
            fields.push(Arc::clone(field));
            arrays.push(Arc::clone(array));
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

fn put_value(name: &str, value: Value<'_>, out: &mut String) {
    put(name, "", out);
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Text(text) => {
            out.extend(["\"", text, "\""]);
            Ok(())
        }
        Value::Integer(number) => write!(out, "{number}"),
        Value::Float(number) => write!(out, "{number:?}"),
        Value::Flag(flag) => write!(out, "{flag}"),
        _ => out.write_str("null"),
    };
}

#[cfg(test)]
mod tests {
    use arrow::array::StringViewArray;
    use proptest::prelude::*;

    use super::*;

    fn batch(objects: &[Option<String>]) -> RecordBatch {
        let field = ArrowField::new(EXTRA, TEXT_TYPE, true);
        let array: StringViewArray = objects.iter().map(Option::as_deref).collect();
        RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::new(array)]).unwrap()
    }

    fn there_and_back(objects: &[Option<String>]) -> (Vec<Option<String>>, usize) {
        let batch = batch(objects);
        let mut taker = Taker::choose(std::slice::from_ref(&batch));
        let (rest, columns) = taker.take(&batch);
        let hot = Hot::read(&taker.hot().told().unwrap()).unwrap();
        let mut fields = vec![Arc::new(ArrowField::new(EXTRA, TEXT_TYPE, true))];
        fields.extend(hot.fields());
        let arrays = std::iter::once(rest).chain(columns).collect();
        let kept = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
        let again = Values::of(&put_together(&kept, &hot)).unwrap();
        let texts = (0..objects.len()).map(|row| again.text(row).map(str::to_owned)).collect();
        (texts, hot.columns.len())
    }

    #[test]
    fn each_kind_has_a_column_and_comes_back() {
        let objects = [
            r#"{"n":1,"t":"a","f":0.5,"b":true}"#,
            r#"{"n":-7,"f":1e300,"b":false}"#,
            r#"{"n":"now a text","t":"ü","rare":[1]}"#,
            r#"{"n":007,"t":"with \"quotes\""}"#,
            r#"{"t":"other order","n":1}"#,
            r#"{"n":2,"t":"b"}"#,
            r#"{"n":1,"n":2}"#,
        ];
        let objects: Vec<_> =
            objects.iter().map(|text| Some((*text).to_owned())).chain([None]).collect();
        let (again, columns) = there_and_back(&objects);
        assert_eq!(again, objects);
        assert_eq!(columns, 4);
    }

    proptest! {
        #[test]
        fn any_objects(rows in prop::collection::vec(
            prop::option::of(prop::collection::vec((0..6_usize, 0..12_usize), 1..5)), 0..60,
        )) {
            const RAWS: [&str; 12] = [
                "1", "-3", "0.25", "1.0", "true", "\"x\"", "\"a\\\"b\"", "null", "[1,2]", "\"\"",
                "12345678901234567890", "\"long enough to be no inlined view of a text\"",
            ];
            let objects: Vec<Option<String>> = rows.iter().map(|row| row.as_ref().map(|fields| {
                let mut out = String::new();
                for (name, raw) in fields {
                    put(["a", "b", "c.d", "e", "f", "g"][*name], RAWS[*raw], &mut out);
                }
                out.push('}');
                out
            })).collect();
            prop_assert_eq!(there_and_back(&objects).0, objects);
        }
    }
}
