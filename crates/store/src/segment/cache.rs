//! What was read last of segments, and the keys that open them.

use std::sync::{Arc, Mutex, PoisonError};

use catalog::SegmentId;
use seal::Keyring;

use super::dictionary::Dictionary;
use super::footer::Footer;
use super::page::Page;
use crate::kept::Kept;

/// How many footers are kept in memory.
const FOOTERS_MAX: usize = 256;
/// How many bytes of columns' distinct values are.
const DICTIONARY_BYTES_MAX: usize = 64 << 20;
/// How many bytes of single ones among them, which are needed without the others.
const VALUE_BYTES_MAX: usize = 8 << 20;
/// How many bytes of pages out of which rows were picked.
const PAGE_BYTES_MAX: usize = 48 << 20;
/// The footers of the segments that were read last, and the keys that open them.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    footers: Mutex<Kept<SegmentId, Arc<Footer>>>,
    dictionaries: Mutex<Kept<DictionaryKey, Arc<Dictionary>>>,
    values: Mutex<Kept<(DictionaryKey, u32), Value>>,
    pages: Mutex<Kept<(DictionaryKey, usize), Arc<Page>>>,
    pub(super) keyring: Option<Keyring>,
}

/// One of a column's distinct values, as it stands in the file.
type Value = Arc<[u8]>;

/// A segment, a row group of it, and a column there.
pub(super) type DictionaryKey = (SegmentId, usize, usize);

impl Cache {
    /// Gives an empty one that opens segments with these keys.
    pub(crate) fn new(keyring: Option<Keyring>) -> Self {
        Self {
            footers: Mutex::default(),
            dictionaries: Mutex::default(),
            pages: Mutex::default(),
            values: Mutex::default(),
            keyring,
        }
    }

    pub(super) fn get(&self, id: SegmentId) -> Option<Arc<Footer>> {
        self.footers.lock().unwrap_or_else(PoisonError::into_inner).get(id)
    }

    pub(super) fn put(&self, id: SegmentId, footer: &Arc<Footer>) {
        let mut footers = self.footers.lock().unwrap_or_else(PoisonError::into_inner);
        footers.put(id, Arc::clone(footer), 1, FOOTERS_MAX);
    }

    pub(super) fn dictionary(&self, key: DictionaryKey) -> Option<Arc<Dictionary>> {
        self.dictionaries.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    pub(super) fn keep_dictionary(&self, key: DictionaryKey, dictionary: &Arc<Dictionary>) {
        let mut kept = self.dictionaries.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(key, Arc::clone(dictionary), dictionary.size() + 64, DICTIONARY_BYTES_MAX);
    }

    pub(super) fn value(&self, key: (DictionaryKey, u32)) -> Option<Arc<[u8]>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    pub(super) fn keep_value(&self, key: (DictionaryKey, u32), value: &Arc<[u8]>) {
        let mut kept = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(key, Arc::clone(value), value.len() + 128, VALUE_BYTES_MAX);
    }

    pub(super) fn page(&self, key: (DictionaryKey, usize)) -> Option<Arc<Page>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    pub(super) fn keep_page(&self, key: (DictionaryKey, usize), page: &Arc<Page>) {
        let mut kept = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(key, Arc::clone(page), page.size(), PAGE_BYTES_MAX);
    }

    /// Lets go of a segment that is gone.
    pub(crate) fn forget(&self, id: SegmentId) {
        self.values
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .forget(|((key, ..), _)| *key == id);
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .forget(|((key, ..), _)| *key == id);
        self.footers.lock().unwrap_or_else(PoisonError::into_inner).forget(|key| *key == id);
        let mut kept = self.dictionaries.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget(|(key, ..)| *key == id);
    }
}
