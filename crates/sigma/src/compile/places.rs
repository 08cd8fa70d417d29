//! The fields that rules look at, numbered, and how to know them in an event.

use std::collections::HashMap;

use model::{Field, NameTable, SCHEMA};
use query::FieldRef;

use super::{index_of, usize_of};

/// A place by its number.
pub(crate) type PlaceId = u32;

/// Stands for a field that no rule looks at.
const NONE: PlaceId = PlaceId::MAX;

/// Where in an event a rule looks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// The record, for keywords.
    Record,
    /// The message, for keywords.
    Message,
    /// A field.
    Field(FieldRef),
}

/// All places, with the ways from an event's fields to them.
#[derive(Debug, Default)]
pub(crate) struct Places {
    ids: HashMap<Place, PlaceId>,
    list: Vec<Place>,
    /// By [`Field::index`].
    known: Vec<PlaceId>,
    /// By name; those of the schema too, since a value that did not fit its field stands there.
    named: NameTable<PlaceId>,
    /// Fields of the schema that every event has, and that stand in none of its lists.
    everywhere: Vec<(Field, PlaceId)>,
}

impl Places {
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Gives the number of a place, a new one where it has none.
    pub(crate) fn id(&mut self, place: &Place) -> PlaceId {
        if let Some(id) = self.ids.get(place) {
            return *id;
        }
        let id = index_of(self.list.len());
        self.ids.insert(place.clone(), id);
        self.list.push(place.clone());
        id
    }

    /// Prepares the ways from events, once all places are known.
    pub(crate) fn settle(&mut self) {
        self.known = vec![NONE; SCHEMA.len()];
        let mut names = Vec::new();
        for (id, place) in (0..).zip(&self.list) {
            let Place::Field(field) = place else { continue };
            names.push((Box::from(field.name()), id));
            let FieldRef::Known(known) = field else { continue };
            if let Some(slot) = self.known.get_mut(usize::from(known.index())) {
                *slot = id;
            }
            if matches!(
                known,
                Field::Timestamp | Field::EventIngested | Field::EventOriginal | Field::EventId
            ) {
                self.everywhere.push((*known, id));
            }
        }
        self.named = NameTable::new(names);
    }

    /// Gives the number of a place, if some rule looks there.
    pub(crate) fn find(&self, place: &Place) -> Option<PlaceId> {
        self.ids.get(place).copied()
    }

    /// Gives the place of a known field.
    #[inline]
    pub(crate) fn of_known(&self, field: Field) -> Option<PlaceId> {
        self.known.get(usize::from(field.index())).copied().filter(|id| *id != NONE)
    }

    /// Gives the known field of a place, if it is one.
    pub(crate) fn known_field(&self, place: PlaceId) -> Option<Field> {
        match self.list.get(usize_of(place)) {
            Some(Place::Field(FieldRef::Known(field))) => Some(*field),
            _ => None,
        }
    }

    /// Gives the places of unknown fields by their names.
    pub(crate) fn named(&self) -> &NameTable<PlaceId> {
        &self.named
    }

    /// Gives the fields that every event has and some rule looks at.
    pub(crate) fn everywhere(&self) -> &[(Field, PlaceId)] {
        &self.everywhere
    }
}
