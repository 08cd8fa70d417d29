//! What a rule's steps ask: does one of these atoms hold, does this test pass.

use std::collections::HashMap;

use query::Node;

use super::atoms::AtomId;
use super::lists::Lists;
use super::{index_of, usize_of};

/// A fact by its number; those that need a test carry [`TEST`].
pub(crate) type FactId = u32;

/// Marks a fact that needs a test.
pub(crate) const TEST: FactId = 1 << 31;

/// The facts of all rules, each once.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    any_ids: HashMap<Vec<AtomId>, FactId>,
    /// The atoms of which one must hold.
    pub(crate) any: Vec<Vec<AtomId>>,
    test_ids: HashMap<String, FactId>,
    pub(crate) tests: Vec<Node>,
}

impl Facts {
    /// Gives the fact that one of these atoms holds.
    pub(crate) fn any(&mut self, mut atoms: Vec<AtomId>) -> FactId {
        atoms.sort_unstable();
        atoms.dedup();
        if let Some(id) = self.any_ids.get(&atoms) {
            return *id;
        }
        let id = index_of(self.any.len());
        self.any.push(atoms.clone());
        self.any_ids.insert(atoms, id);
        id
    }

    /// Gives the fact that a test passes.
    pub(crate) fn test(&mut self, test: Node) -> FactId {
        // Written out with everything it holds, a test is the same only as itself.
        let written = format!("{test:?}");
        if let Some(id) = self.test_ids.get(&written) {
            return *id;
        }
        let id = TEST | index_of(self.tests.len());
        self.tests.push(test);
        self.test_ids.insert(written, id);
        id
    }

    /// Gives the atoms of a fact; a test has none.
    pub(crate) fn atoms(&self, fact: FactId) -> &[AtomId] {
        self.any.get(usize_of(fact)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Gives, for each of so many atoms, the facts that it makes true.
    pub(crate) fn by_atom(&self, atoms: usize) -> Lists {
        let mut facts = vec![Vec::new(); atoms];
        for (fact, of_fact) in (0..).zip(&self.any) {
            for atom in of_fact {
                facts.get_mut(usize_of(*atom)).into_iter().for_each(|list| list.push(fact));
            }
        }
        Lists::of(&facts)
    }
}
