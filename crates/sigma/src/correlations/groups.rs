//! The groups of the correlations: their keys, and the table by key.
//!
//! A group is known by a keyed hash of 128 bits over the values that it is grouped by: no text has to
//! be kept, or to be fetched from memory to be compared, and nobody outside can make two groups meet.
//! Most correlations group by the same few fields, so what an event has there is hashed once for all.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::correlations::window::Window;

/// A group's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupKey(pub(crate) u128);

/// What makes the keys of one memory its own; it goes with the memory's snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) [u64; 2]);

/// Windows by the key of their group.
///
/// The table itself holds keys and places only, and so stays in the processor's caches for long; windows
/// stand in the order in which they came, so that those of ever new groups are written one after another.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    places: HashMap<GroupKey, usize, BuildHasherDefault<Low>>,
    /// In pieces of [`PIECE`], so that none is ever moved; a window that was taken leaves its place empty.
    pieces: Vec<Vec<Option<Window>>>,
}

/// So many windows stand together.
const PIECE: usize = 64;

/// The keys of the event at hand, by the number of what they are grouped by.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: Vec<(usize, Option<GroupKey>)>,
    /// Room that is used again.
    text: String,
}

/// Takes the lower half of a key, which is a hash already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Low(u64);

impl Default for Secret {
    fn default() -> Self {
        // Keyed from the system's randomness; the standard library's own way to reach it.
        let random = || RandomState::new().build_hasher().finish();
        Self([random(), random()])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Gives the key of the group that a text stands for.
    pub(crate) fn key_of(self, text: &str) -> GroupKey {
        let mut hasher = SipHasher13::new_with_keys(self.0[0], self.0[1]);
        hasher.write(text.as_bytes());
        GroupKey(hasher.finish128().as_u128())
    }
}

impl Groups {
    /// Gives how many groups there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Gives a group's window, which `make` makes where there is none.
    pub(crate) fn window(
        &mut self,
        key: GroupKey,
        make: impl FnOnce() -> Window,
    ) -> Option<&mut Window> {
        let next = self.next();
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            if place.is_multiple_of(PIECE) {
                self.pieces.push(Vec::new());
            }
            self.pieces.last_mut()?.push(Some(make()));
        }
        self.pieces.get_mut(place / PIECE)?.get_mut(place % PIECE)?.as_mut()
    }

    /// Gives where a group's window stands.
    pub(crate) fn place(&self, key: GroupKey) -> Option<usize> {
        self.places.get(&key).copied()
    }

    /// Gives the window that stands at a place.
    pub(crate) fn at(&self, place: usize) -> Option<&Window> {
        self.pieces.get(place / PIECE)?.get(place % PIECE)?.as_ref()
    }

    /// Takes a group's window out.
    pub(crate) fn take(&mut self, key: GroupKey) -> Option<Window> {
        let place = self.places.remove(&key)?;
        self.pieces.get_mut(place / PIECE)?.get_mut(place % PIECE)?.take()
    }

    /// Gives all groups, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (GroupKey, &Window)> {
        self.places.iter().filter_map(|(key, place)| Some((*key, self.at(*place)?)))
    }

    /// Gives all windows.
    pub(crate) fn windows(&self) -> impl Iterator<Item = &Window> {
        self.pieces.iter().flatten().flatten()
    }

    fn next(&self) -> usize {
        let whole = self.pieces.len().saturating_sub(1) * PIECE;
        self.pieces.last().map_or(0, |last| whole + last.len())
    }
}

impl Keys {
    /// Forgets the event before.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }

    /// Gives the key under a number; `write` writes the text it is made of, where it is not known yet,
    /// or gives `None` where the event has no such group.
    pub(crate) fn get(
        &mut self,
        number: usize,
        secret: Secret,
        write: impl FnOnce(&mut String) -> Option<()>,
    ) -> Option<GroupKey> {
        if let Some((_, key)) = self.known.iter().find(|(known, _)| *known == number) {
            return *key;
        }
        self.text.clear();
        let key = write(&mut self.text).map(|()| secret.key_of(&self.text));
        self.known.push((number, key));
        key
    }

    /// Gives the key of a value within the group whose text `write` writes.
    pub(crate) fn of_value(
        &mut self,
        value: u64,
        secret: Secret,
        write: impl FnOnce(&mut String) -> Option<()>,
    ) -> Option<GroupKey> {
        self.text.clear();
        write(&mut self.text)?;
        // A group's own text ends in `;`, so none is another's value.
        write!(self.text, "={value:016x}").ok()?;
        Some(secret.key_of(&self.text))
    }
}

impl Hasher for Low {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, number: u128) {
        let low = number & u128::from(u64::MAX);
        self.0 = u64::try_from(low).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn told(count: u64) -> Window {
        Window { fired: Some((Timestamp::default(), count)), ..Window::default() }
    }

    proptest! {
        #[test]
        fn windows_are_found_as_in_a_plain_table(steps in prop::collection::vec((0..200_u128, any::<bool>()), 1..600)) {
            let (mut groups, mut plain) = (Groups::default(), HashMap::new());
            for (number, (key, take)) in (0..).zip(steps) {
                let key = GroupKey(key << 90 | key);
                if take {
                    let taken = groups.take(key).and_then(|window| window.fired);
                    prop_assert_eq!(taken.map(|(_, count)| count), plain.remove(&key));
                } else {
                    let found = groups.window(key, || told(number)).and_then(|window| window.fired);
                    let known = *plain.entry(key).or_insert(number);
                    prop_assert_eq!(found.map(|(_, count)| count), Some(known));
                }
                prop_assert_eq!(groups.len(), plain.len());
            }
            let count = |window: &Window| window.fired.map_or(0, |(_, count)| count);
            let all: HashMap<GroupKey, u64> = groups.iter().map(|(key, window)| (key, count(window))).collect();
            prop_assert_eq!(groups.windows().map(count).sum::<u64>(), plain.values().sum::<u64>());
            prop_assert_eq!(all, plain);
        }
    }

    #[test]
    fn a_group_has_one_key_within_an_event_and_none_where_it_lacks_a_field() {
        let (secret, mut keys) = (Secret::default(), Keys::default());
        let of = |text: &'static str| {
            move |room: &mut String| {
                room.push_str(text);
                Some(())
            }
        };
        let first = keys.get(0, secret, of("a:1;"));
        assert_eq!(first, Some(secret.key_of("a:1;")));
        assert_eq!(keys.get(0, secret, of("b:1;")), first);
        assert_eq!(keys.get(1, secret, |_| None), None);
        assert_ne!(keys.get(2, secret, of("b:1;")), first);
        assert_ne!(keys.of_value(7, secret, of("a:1;")), first);
        keys.clear();
        assert_ne!(keys.get(0, secret, of("b:1;")), first);
        assert_ne!(Secret::default().key_of("a:1;"), secret.key_of("a:1;"));
    }
}
