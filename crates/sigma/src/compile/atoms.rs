//! What can be true of one value by looking it up.

use std::collections::HashMap;

use super::places::PlaceId;
use super::{index_of, usize_of};

/// An atom by its number.
pub(crate) type AtomId = u32;

/// Stands before a value's first byte, so that a text which a value must begin with is found like
/// any other; no byte of UTF-8.
pub(crate) const START: u8 = 0xFF;
/// Stands after a value's last byte.
pub(crate) const END: u8 = 0xFE;

/// What is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// There is a value.
    Present,
    /// The value is this whole number, or a text that is.
    Integer(i64),
    /// These bytes stand in the folded text between its marks.
    Text(Box<[u8]>),
}

/// The atoms of all rules, each once.
#[derive(Debug, Default)]
pub(crate) struct Atoms {
    ids: HashMap<(PlaceId, Key), AtomId>,
    pub(crate) list: Vec<(PlaceId, Key)>,
}

impl Atoms {
    pub(crate) fn id(&mut self, place: PlaceId, key: Key) -> AtomId {
        let pair = (place, key);
        if let Some(id) = self.ids.get(&pair) {
            return *id;
        }
        let id = index_of(self.list.len());
        self.list.push(pair.clone());
        self.ids.insert(pair, id);
        id
    }

    pub(crate) fn place(&self, atom: AtomId) -> Option<PlaceId> {
        self.list.get(usize_of(atom)).map(|(place, _)| *place)
    }
}
