//! What was read last, up to a bound.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use crate::index::Spread;

/// Values by key, the ones that were put in last, up to a bound of their sizes.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    kept: HashMap<K, (V, usize), Spread>,
    order: VecDeque<K>,
    size: usize,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { kept: HashMap::default(), order: VecDeque::new(), size: 0 }
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Kept<K, V> {
    pub(crate) fn get(&self, key: K) -> Option<V> {
        self.kept.get(&key).map(|(value, _)| value.clone())
    }

    pub(crate) fn put(&mut self, key: K, value: V, size: usize, size_max: usize) {
        if let Some((_, old)) = self.kept.insert(key, (value, size)) {
            self.size -= old;
        } else {
            self.order.push_back(key);
        }
        self.size += size;
        while self.size > size_max {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some((_, size)) = self.kept.remove(&oldest) {
                self.size -= size;
            }
        }
    }

    /// Lets go of what nobody asks for any more.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(&K) -> bool) {
        let size = &mut self.size;
        self.order.retain(|key| !is_gone(key));
        self.kept.retain(|key, (_, one)| {
            let gone = is_gone(key);
            *size -= if gone { *one } else { 0 };
            !gone
        });
    }
}
