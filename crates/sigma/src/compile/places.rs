//! Where rules look, numbered, and how to get there from the fields of an event.
//!
//! A Sigma field may be kept under several names, and a rule asks the same of each. All of them are
//! one place: what is looked for there is kept once, however many names there are.

use std::collections::HashMap;

use model::{Field, NameTable, SCHEMA};
use query::FieldRef;

use super::lists::Lists;
use super::{index_of, usize_of};
use crate::Logsource;

/// A place by its number.
pub(crate) type PlaceId = u32;

/// Where in an event a rule looks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// The record, for the keywords of one logsource: few words are looked for faster than many,
    /// and few events are for all rules with keywords.
    Record(Logsource),
    /// The message, likewise.
    Message(Logsource),
    /// All of these fields.
    Fields(Vec<FieldRef>),
}

/// All places, with the ways from an event's fields to them.
#[derive(Debug, Default)]
pub(crate) struct Places {
    ids: HashMap<Place, PlaceId>,
    list: Vec<Place>,
    /// For each field of the schema, by [`Field::index`], the places that it belongs to.
    of_known: Lists,
    /// By name, the number of a list in `of_named`; fields of the schema are there too, since a
    /// value that did not fit its field is kept under its name.
    names: NameTable<u32>,
    of_named: Lists,
    /// Fields of the schema that every event has, and that stand in none of its lists.
    everywhere: Vec<Field>,
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
        let mut of_known: Vec<Vec<PlaceId>> = vec![Vec::new(); SCHEMA.len()];
        let mut named: Vec<(&FieldRef, Vec<PlaceId>)> = Vec::new();
        let mut indexes: HashMap<&FieldRef, usize> = HashMap::new();
        for (id, place) in (0..).zip(&self.list) {
            let Place::Fields(fields) = place else { continue };
            for field in fields {
                let index = *indexes.entry(field).or_insert_with(|| {
                    named.push((field, Vec::new()));
                    named.len() - 1
                });
                named.get_mut(index).into_iter().for_each(|(_, places)| places.push(id));
                if let FieldRef::Known(known) = field {
                    if let Some(places) = of_known.get_mut(usize::from(known.index())) {
                        places.push(id);
                    }
                    if EVERYWHERE.contains(known) && !self.everywhere.contains(known) {
                        self.everywhere.push(*known);
                    }
                }
            }
        }
        self.of_known = Lists::of(&of_known);
        let texts = (0..).zip(&named).map(|(index, (field, _))| (Box::from(field.name()), index));
        self.names = NameTable::new(texts);
        let places: Vec<Vec<PlaceId>> = named.into_iter().map(|(_, places)| places).collect();
        self.of_named = Lists::of(&places);
    }

    /// Gives the number of a place, if some rule looks there.
    pub(crate) fn find(&self, place: &Place) -> Option<PlaceId> {
        self.ids.get(place).copied()
    }

    /// Gives the place of a number.
    pub(crate) fn get(&self, place: PlaceId) -> Option<&Place> {
        self.list.get(usize_of(place))
    }

    /// Gives the places of a field of the schema.
    #[inline]
    pub(crate) fn of_known(&self, field: Field) -> &[PlaceId] {
        self.of_known.get(u32::from(field.index()))
    }

    /// Gives the names of fields that rules look at, each with its number for
    /// [`of_named`](Self::of_named).
    #[inline]
    pub(crate) fn names(&self) -> &NameTable<u32> {
        &self.names
    }

    /// Gives the places of a name.
    #[inline]
    pub(crate) fn of_named(&self, name: u32) -> &[PlaceId] {
        self.of_named.get(name)
    }

    /// Gives the fields that every event has and some rule looks at.
    pub(crate) fn everywhere(&self) -> &[Field] {
        &self.everywhere
    }
}

/// The fields that every event has.
const EVERYWHERE: [Field; 4] =
    [Field::Timestamp, Field::EventIngested, Field::EventOriginal, Field::EventId];
