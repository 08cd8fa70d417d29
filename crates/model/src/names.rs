//! Names of fields that somebody waits for, found by the hashes that events keep anyway.

use crate::schema::name_hash;
use crate::text::usize_of;

/// Marks a place of the table that is free.
const FREE: u32 = u32::MAX;
/// How many places there are for each name, so that most names that nobody waits for meet a free
/// place at once.
const PLACES_A_NAME: usize = 4;

/// Names of unknown fields, each with what its owner keeps for it; see
/// [`Event::extras_in`](crate::Event::extras_in).
#[derive(Clone, Debug, Default)]
pub struct NameTable<T> {
    /// The hash of a name and its entry, by the hash, the next free place where that is taken.
    places: Vec<(u32, u32)>,
    entries: Vec<(Box<str>, T)>,
}

impl<T: Copy> NameTable<T> {
    /// Gives the table of these names; of a name that comes twice, the first counts.
    pub fn new(names: impl IntoIterator<Item = (Box<str>, T)>) -> Self {
        let entries: Vec<(Box<str>, T)> = names.into_iter().collect();
        let length = (entries.len() * PLACES_A_NAME).next_power_of_two();
        let mut table = Self { places: vec![(0, FREE); length], entries: Vec::new() };
        for (index, (name, _)) in (0..).zip(&entries) {
            let hash = name_hash(name.as_bytes());
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

    /// Gives what is kept for a name whose hash is known.
    #[inline]
    pub(crate) fn get<'n>(&self, hash: u32, name: impl Fn() -> &'n str) -> Option<T> {
        for at in self.walk(hash) {
            let (other, entry) = *self.places.get(at)?;
            if entry == FREE {
                return None;
            }
            if other == hash
                && let Some((wanted, kept)) = self.entries.get(usize_of(entry))
                && **wanted == *name()
            {
                return Some(*kept);
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
