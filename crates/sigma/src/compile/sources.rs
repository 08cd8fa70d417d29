//! The rules by their logsource.

use std::collections::{BTreeSet, HashMap};

use super::places::PlaceId;
use super::{index_of, usize_of};
use crate::Logsource;

/// A logsource by its number.
pub(crate) type SourceId = u32;

/// Stands for a rule that has none.
const NONE: SourceId = SourceId::MAX;

/// The logsources of all rules, each once.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    ids: HashMap<Logsource, SourceId>,
    pub(crate) list: Vec<Source>,
    /// For each rule, its logsource.
    of_rule: Vec<SourceId>,
}

/// What the rules of one logsource have in common.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) logsource: Logsource,
    /// Rules that nothing calls: they are always tried.
    pub(crate) always: Vec<u32>,
    /// Where its rules look.
    pub(crate) places: BTreeSet<PlaceId>,
}

impl Sources {
    /// Adds the next rule.
    pub(crate) fn add(&mut self, logsource: &Logsource, rule: u32, always: bool) {
        let id = *self.ids.entry(logsource.clone()).or_insert_with(|| {
            let logsource = logsource.clone();
            self.list.push(Source { logsource, always: Vec::new(), places: BTreeSet::new() });
            index_of(self.list.len() - 1)
        });
        self.of_rule.push(id);
        if always && let Some(source) = self.list.get_mut(usize_of(id)) {
            source.always.push(rule);
        }
    }

    /// Passes over a rule that is for no event by itself.
    pub(crate) fn skip(&mut self) {
        self.of_rule.push(NONE);
    }

    /// Adds where a rule looks.
    pub(crate) fn add_places(&mut self, rule: u32, places: impl Iterator<Item = PlaceId>) {
        let id = usize_of(self.of_rule(rule));
        if let Some(source) = self.list.get_mut(id) {
            source.places.extend(places);
        }
    }

    /// Gives the logsource of a rule.
    #[inline]
    pub(crate) fn of_rule(&self, rule: u32) -> SourceId {
        self.of_rule.get(usize_of(rule)).copied().unwrap_or(NONE)
    }
}
