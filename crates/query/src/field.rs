//! A field that a test looks at, resolved once when the test is made.

use std::fmt;
use std::sync::Arc;

use model::{Event, Field, Value};

/// A field that a test looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldRef {
    /// A field of the schema.
    Known(Field),
    /// A field that the schema does not know, by its dotted name.
    Named(Arc<str>),
}

impl FieldRef {
    /// Gives the field of that dotted name.
    pub fn by_name(name: &str) -> Self {
        Field::by_name(name).map_or_else(|| Self::Named(Arc::from(name)), Self::Known)
    }

    /// Gives the dotted name.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(field) => field.name(),
            Self::Named(name) => name,
        }
    }

    /// Gives what an event holds in that field. A known field whose value did not fit its kind is
    /// found under the same name among the unknown ones, as [`Event::get_path`] finds it.
    pub fn get<'e>(&self, event: &'e Event) -> Option<Value<'e>> {
        match self {
            Self::Known(field) => event.get(*field).or_else(|| event.get_extra(field.name())),
            Self::Named(name) => event.get_extra(name),
        }
    }
}

impl From<Field> for FieldRef {
    fn from(field: Field) -> Self {
        Self::Known(field)
    }
}

impl fmt::Display for FieldRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
