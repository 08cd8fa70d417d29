//! What a query asks in the search bar's language, beside its SQL.
//!
//! Each `kql('…')` of a query is a column of the table `events` that tells whether an event passes;
//! nothing is stored for it. A predicate that the program hands in (`--where`, a Sigma rule) holds
//! for every row of the table.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use query::Predicate;

use crate::segment::{Column, Table};

/// The name of the function, and of the columns that it becomes.
pub(super) const KQL: &str = "kql";

/// What a query asks in the search bar's language.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// What every row must pass.
    pub(super) only: Option<Predicate>,
    /// The columns that tell whether a row passes, by name.
    pub(super) told: Vec<(String, Predicate)>,
}

impl Asked {
    /// Gives the place of a column of that name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.told.iter().position(|(known, _)| known == name)
    }

    pub(super) fn predicate(&self, place: usize) -> Option<&Predicate> {
        self.told.get(place).map(|(_, predicate)| predicate)
    }
}

/// A column of the table as a query sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Seen {
    /// One that is stored.
    Stored(Column),
    /// Whether the row passes a predicate.
    Told(usize),
}

/// The columns that a query sees, in order.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) columns: Vec<Seen>,
    pub(super) schema: SchemaRef,
}

impl View {
    /// Gives all columns there are for a query.
    pub(super) fn all(asked: &Asked) -> Self {
        let stored = Column::all().filter(|column| *column != Column::Lists).map(Seen::Stored);
        Self::of(stored.chain((0..asked.told.len()).map(Seen::Told)).collect(), asked)
    }

    pub(super) fn of(columns: Vec<Seen>, asked: &Asked) -> Self {
        let field = |seen: &Seen| match seen {
            Seen::Stored(column) => column.arrow(),
            Seen::Told(place) => {
                let name = asked.told.get(*place).map_or("", |(name, _)| name.as_str());
                Arc::new(ArrowField::new(name, DataType::Boolean, false))
            }
        };
        let fields: Vec<_> = columns.iter().map(field).collect();
        Self { schema: Arc::new(Schema::new(fields)), columns }
    }

    /// Gives the columns at some places of this view; at all without them.
    pub(super) fn project(&self, places: Option<&Vec<usize>>, asked: &Asked) -> Self {
        match places {
            None => self.clone(),
            Some(places) => {
                let columns = places.iter().filter_map(|place| self.columns.get(*place).copied());
                Self::of(columns.collect(), asked)
            }
        }
    }

    /// Gives the stored columns as a table.
    pub(super) fn table(&self) -> Table {
        let stored = self.columns.iter().filter_map(|seen| match seen {
            Seen::Stored(column) => Some(*column),
            Seen::Told(_) => None,
        });
        Table::new(stored.collect())
    }
}
