//! Names of fields that somebody waits for, found by the hashes that events keep anyway.

use crate::Field;
use crate::schema::name_hash;
use crate::text::usize_of;

/// Marks a place of the table that is free.
const FREE: u32 = u32::MAX;
/// How many places there are for each name, so that most names that nobody waits for meet a free
/// place at once.
const PLACES_A_NAME: usize = 4;

/// A field's name as a sender gave it, looked at once: whether the schema knows it, and the hash by
/// which an event keeps it if not.
#[derive(Clone, Copy, Debug)]
pub struct SentName<'n> {
    pub(crate) text: &'n str,
    pub(crate) hash: u32,
    field: Option<Field>,
}

impl<'n> SentName<'n> {
    /// Looks at a name.
    #[inline]
    pub fn new(text: &'n str) -> Self {
        let hash = name_hash(text.as_bytes());
        Self { text, hash, field: Field::by_hash(hash, text) }
    }

    /// Gives the name itself.
    pub fn text(&self) -> &'n str {
        self.text
    }

    /// Gives the field of the schema that is called so.
    #[inline]
    pub fn field(&self) -> Option<Field> {
        self.field
    }
}

/// Names of unknown fields, each with what its owner keeps for it; see
/// [`Event::extras_in`](crate::Event::extras_in).
#[derive(Clone, Debug, Default)]
pub struct NameTable<T> {
    /// The hash of a name and its entry, by the hash, the next free place where that is taken.
    places: Vec<(u32, u32)>,
    entries: Vec<Entry<T>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    name: Box<str>,
    /// The field of the schema that is called so.
    field: Option<Field>,
    kept: T,
}

impl<T: Copy> NameTable<T> {
    /// Gives the table of these names; of a name that comes twice, the first counts.
    pub fn new(names: impl IntoIterator<Item = (Box<str>, T)>) -> Self {
        let entry =
            |(name, kept): (Box<str>, T)| Entry { field: Field::by_name(&name), name, kept };
        let entries: Vec<Entry<T>> = names.into_iter().map(entry).collect();
        let length = (entries.len() * PLACES_A_NAME).next_power_of_two();
        let mut table = Self { places: vec![(0, FREE); length], entries: Vec::new() };
        for (index, entry) in (0..).zip(&entries) {
            let hash = name_hash(entry.name.as_bytes());
            let free = table
                .walk(hash)
                .find(|at| table.places.get(*at).is_some_and(|(_, entry)| *entry == FREE));
            if let Some(place) = free.and_then(|at| table.places.get_mut(at)) {
                *place = (hash, index);
            }
        }
        table.entries = entries;
        table
    }

    /// Gives what is kept for a name whose hash is known, and the known field that is called so.
    #[inline]
    pub(crate) fn get<'n>(
        &self,
        hash: u32,
        name: impl Fn() -> &'n str,
    ) -> Option<(T, Option<Field>)> {
        for at in self.walk(hash) {
            let (other, entry) = *self.places.get(at)?;
            if entry == FREE {
                return None;
            }
            if other == hash
                && let Some(entry) = self.entries.get(usize_of(entry))
                && *entry.name == *name()
            {
                return Some((entry.kept, entry.field));
            }
        }
        None
    }

    /// Gives the places where a hash may be, in order.
    fn walk(&self, hash: u32) -> impl Iterator<Item = usize> + use<T> {
        let mask = self.places.len().wrapping_sub(1);
        (0..self.places.len()).map(move |step| (usize_of(hash) + step) & mask)
    }
}
