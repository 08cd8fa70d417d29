//! Which columns there are, and of which type.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, FieldRef, TimeUnit};
use model::{Field, FieldKind, SCHEMA};

/// Unknown fields, as a JSON object.
pub(crate) const EXTRA: &str = "extra";
/// The names of the fields that hold several values, comma-separated.
pub(crate) const LISTS: &str = "bartizan.lists";
/// The type of every text column.
pub(crate) const TEXT_TYPE: DataType = DataType::Utf8View;

/// A column of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Column {
    /// A known field.
    Known(Field),
    /// The unknown fields.
    Extra,
    /// The names of the fields that hold several values.
    Lists,
}

impl Column {
    /// Gives every column, the known fields first and in the order of the schema.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        SCHEMA.iter().map(|row| Self::Known(row.field)).chain([Self::Extra, Self::Lists])
    }

    /// Gives the column of that name.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        match name {
            EXTRA => Some(Self::Extra),
            LISTS => Some(Self::Lists),
            _ => Field::by_name(name).map(Self::Known),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Known(field) => field.name(),
            Self::Extra => EXTRA,
            Self::Lists => LISTS,
        }
    }

    /// Gives the column's place among all columns.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Known(field) => usize::from(field.index()),
            Self::Extra => SCHEMA.len(),
            Self::Lists => SCHEMA.len() + 1,
        }
    }

    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Known(field) => data_type(field),
            Self::Extra | Self::Lists => TEXT_TYPE,
        }
    }

    /// Tells whether the texts of the column are mostly all different, so that a dictionary of them
    /// would only cost.
    pub(crate) fn is_prose(self) -> bool {
        matches!(
            self,
            Self::Extra
                | Self::Known(
                    Field::EventOriginal
                        | Field::Message
                        | Field::RequestBody
                        | Field::InspectionEvidence
                        | Field::ErrorMessage
                )
        )
    }

    /// Tells whether every event has it.
    pub(crate) fn is_always(self) -> bool {
        matches!(
            self,
            Self::Known(
                Field::Timestamp | Field::EventId | Field::EventIngested | Field::EventOriginal
            )
        )
    }

    pub(crate) fn arrow(self) -> FieldRef {
        Arc::new(ArrowField::new(self.name(), self.data_type(), !self.is_always()))
    }
}

/// Gives the type of a known field's column.
pub(crate) fn data_type(field: Field) -> DataType {
    if field == Field::EventId {
        return DataType::UInt64;
    }
    match field.kind() {
        FieldKind::Keyword | FieldKind::Ip => TEXT_TYPE,
        FieldKind::Long => DataType::Int64,
        FieldKind::Float => DataType::Float64,
        FieldKind::Flag => DataType::Boolean,
        FieldKind::Date => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
    }
}
