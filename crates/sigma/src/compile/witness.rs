//! Which facts must hold, one of them, where a rule matches.

use std::cmp::Ordering;

use super::atoms::{Atoms, Key};
use super::facts::{FactId, Facts, TEST};
use super::terms::Term;
use super::usize_of;

/// How likely each fact is in an event that some rule is for: a guess that orders, no more.
#[derive(Debug)]
pub(crate) struct Weights {
    facts: Vec<f32>,
}

/// What a test is reckoned to cost, against one look at a fact.
const TEST_WEIGHT: f32 = 100.0;

impl Weights {
    /// Reckons from the texts themselves: a long text is rarer than a short one, and what many rules
    /// name (`\powershell.exe`) is commoner than what one rule names.
    pub(crate) fn of(atoms: &Atoms, facts: &Facts) -> Self {
        let mut uses = vec![0_u16; atoms.list.len()];
        for atom in facts.any.iter().flatten() {
            if let Some(count) = uses.get_mut(usize_of(*atom)) {
                *count = count.saturating_add(1);
            }
        }
        let atom_weight = |atom: u32| {
            let uses = uses.get(usize_of(atom)).copied().unwrap_or(0);
            let common = f32::from(uses) / 1_000.0;
            match atoms.list.get(usize_of(atom)).map(|(_, key)| key) {
                Some(Key::Text(text)) => {
                    let length = f32::from(u16::try_from(text.len()).unwrap_or(u16::MAX));
                    common + 0.5 / (length * length)
                }
                Some(Key::Integer(_)) => common + 0.05,
                Some(Key::Present) | None => 10.0,
            }
        };
        let weight = |atoms: &Vec<u32>| atoms.iter().map(|atom| atom_weight(*atom)).sum();
        Self { facts: facts.any.iter().map(weight).collect() }
    }

    /// Gives how likely, or how dear, the answer of a term is.
    pub(crate) fn of_term(&self, term: &Term) -> f32 {
        match term {
            Term::Fact(fact) if fact & TEST != 0 => TEST_WEIGHT,
            Term::Fact(fact) => self.facts.get(usize_of(*fact)).copied().unwrap_or(0.0),
            Term::Not(term) => 1.0 + self.of_term(term),
            Term::And(terms) => {
                let tests = terms.iter().map(|term| self.of_term(term));
                tests.fold(0.0, f32::max)
            }
            Term::Or(terms) => terms.iter().map(|term| self.of_term(term)).sum(),
        }
    }

    /// Gives facts of which one holds whenever the term does, the rarest there are, or `None` where
    /// the term may hold without any.
    pub(crate) fn witness(&self, term: &Term) -> Option<Vec<FactId>> {
        match term {
            Term::Fact(fact) => (fact & TEST == 0).then(|| vec![*fact]),
            Term::Not(_) => None,
            Term::And(terms) => {
                let witnesses = terms.iter().filter_map(|term| self.witness(term));
                witnesses.min_by(|one, other| {
                    self.sum(one).partial_cmp(&self.sum(other)).unwrap_or(Ordering::Equal)
                })
            }
            Term::Or(terms) => {
                let parts: Option<Vec<Vec<FactId>>> =
                    terms.iter().map(|term| self.witness(term)).collect();
                parts.map(|parts| parts.concat())
            }
        }
    }

    fn sum(&self, facts: &[FactId]) -> f32 {
        facts.iter().filter_map(|fact| self.facts.get(usize_of(*fact))).sum()
    }
}
