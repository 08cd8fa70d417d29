//! Columns that are put together value by value.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder as _, ArrayRef, BooleanBuilder, Float64Builder, Int64Builder,
    StringDictionaryBuilder, StringViewBuilder, TimestampNanosecondBuilder, UInt64Builder,
};
use arrow::datatypes::{DataType, Int32Type};

/// A column that is being put together.
pub(super) enum Builder {
    Text(StringViewBuilder),
    Keys(StringDictionaryBuilder<Int32Type>),
    Integer(Int64Builder),
    Id(UInt64Builder),
    Float(Float64Builder),
    Flag(BooleanBuilder),
    Time(TimestampNanosecondBuilder),
}

impl Builder {
    /// Begins a column of that type.
    pub(super) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::UInt64 => Self::Id(UInt64Builder::new()),
            DataType::Float64 => Self::Float(Float64Builder::new()),
            DataType::Boolean => Self::Flag(BooleanBuilder::new()),
            DataType::Timestamp(..) => {
                Self::Time(TimestampNanosecondBuilder::new().with_data_type(data_type.clone()))
            }
            DataType::Dictionary(..) => Self::Keys(StringDictionaryBuilder::new()),
            _ => Self::Text(StringViewBuilder::new()),
        }
    }

    /// Brings the column to `rows` rows with nulls.
    pub(super) fn pad(&mut self, rows: usize) {
        match self {
            Self::Text(values) => (values.len()..rows).for_each(|_| values.append_null()),
            Self::Keys(values) => (values.len()..rows).for_each(|_| values.append_null()),
            Self::Integer(values) => values.append_nulls(rows.saturating_sub(values.len())),
            Self::Id(values) => values.append_nulls(rows.saturating_sub(values.len())),
            Self::Float(values) => values.append_nulls(rows.saturating_sub(values.len())),
            Self::Flag(values) => values.append_nulls(rows.saturating_sub(values.len())),
            Self::Time(values) => values.append_nulls(rows.saturating_sub(values.len())),
        }
    }

    pub(super) fn null(&mut self) {
        match self {
            Self::Text(values) => values.append_null(),
            Self::Keys(values) => values.append_null(),
            Self::Integer(values) => values.append_null(),
            Self::Id(values) => values.append_null(),
            Self::Float(values) => values.append_null(),
            Self::Flag(values) => values.append_null(),
            Self::Time(values) => values.append_null(),
        }
    }

    pub(super) fn word(&mut self, bytes: [u8; 8]) {
        match self {
            Self::Integer(values) => values.append_value(i64::from_le_bytes(bytes)),
            Self::Id(values) => values.append_value(u64::from_le_bytes(bytes)),
            Self::Float(values) => values.append_value(f64::from_le_bytes(bytes)),
            Self::Time(values) => values.append_value(i64::from_le_bytes(bytes)),
            Self::Text(_) | Self::Keys(_) | Self::Flag(_) => self.null(),
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        match self {
            Self::Text(values) => values.append_value(text),
            Self::Keys(values) => values.append_value(text),
            _ => self.null(),
        }
    }

    pub(super) fn flag(&mut self, flag: bool) {
        if let Self::Flag(values) = self {
            values.append_value(flag);
        }
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut values) => Arc::new(values.finish()),
            Self::Keys(mut values) => Arc::new(values.finish()),
            Self::Integer(mut values) => Arc::new(values.finish()),
            Self::Id(mut values) => Arc::new(values.finish()),
            Self::Float(mut values) => Arc::new(values.finish()),
            Self::Flag(mut values) => Arc::new(values.finish()),
            Self::Time(mut values) => Arc::new(values.finish()),
        }
    }
}
