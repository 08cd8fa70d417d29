//! Names of fields as numbers.

use std::collections::HashMap;

/// Bounds the names that are kept; a field whose name is not kept counts as absent.
const NAMES_MAX: usize = 16_384;
/// Bounds one name.
const NAME_BYTES_MAX: usize = 128;

/// A name's place among [`Names`].
pub(super) type NameId = u32;

/// The names that were seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    ids: HashMap<Box<str>, NameId>,
    all: Vec<Box<str>>,
    /// Names that were not kept for want of room, each time they came.
    dropped: u64,
}

impl Names {
    /// Gives the number of a name.
    pub(super) fn id(&self, name: &str) -> Option<NameId> {
        self.ids.get(name).copied()
    }

    /// Gives the number of a name, a new one where there is room.
    pub(super) fn id_or_new(&mut self, name: &str) -> Option<NameId> {
        if let Some(id) = self.ids.get(name) {
            return Some(*id);
        }
        if self.all.len() >= NAMES_MAX || !is_plain(name, NAME_BYTES_MAX) {
            self.dropped += 1;
            return None;
        }
        let id = NameId::try_from(self.all.len()).ok()?;
        self.all.push(Box::from(name));
        self.ids.insert(Box::from(name), id);
        Some(id)
    }

    /// Gives every name, in the order of their numbers.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(AsRef::as_ref)
    }
}

/// Tells whether a name can be kept: short, and without what separates names.
pub(super) fn is_plain(name: &str, bytes_max: usize) -> bool {
    name.len() <= bytes_max && !name.contains(char::is_control)
}
