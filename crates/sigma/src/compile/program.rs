//! A rule's term laid out flat.

use std::cmp::Ordering;

use super::facts::FactId;
use super::terms::Term;
use super::witness::Weights;
use super::{index_of, usize_of};

/// Where a program ends because the rule matches.
const ACCEPT: u32 = u32::MAX;
/// Where a program ends because it does not.
const REJECT: u32 = u32::MAX - 1;

/// One question, and where to go on.
#[derive(Clone, Copy, Debug)]
struct Step {
    fact: FactId,
    holds: u32,
    fails: u32,
}

/// The programs of all rules.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    steps: Vec<Step>,
    /// For each rule, its first step.
    starts: Vec<u32>,
}

impl Programs {
    /// Adds the program of the next rule.
    pub(crate) fn add(&mut self, term: &Term, weights: &Weights) {
        let start = self.lay(term, ACCEPT, REJECT, weights);
        self.starts.push(start);
    }

    /// Passes over a rule that has none.
    pub(crate) fn skip(&mut self) {
        self.starts.push(REJECT);
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Lays out a term and gives its first step. What follows a step is laid out before it.
    fn lay(&mut self, term: &Term, holds: u32, fails: u32, weights: &Weights) -> u32 {
        match term {
            Term::Fact(fact) => {
                self.steps.push(Step { fact: *fact, holds, fails });
                index_of(self.steps.len() - 1)
            }
            Term::Not(term) => self.lay(term, fails, holds, weights),
            Term::And(terms) => {
                let mut next = holds;
                for term in dearest_first(terms, weights) {
                    next = self.lay(term, next, fails, weights);
                }
                next
            }
            Term::Or(terms) => {
                let mut next = fails;
                for term in dearest_first(terms, weights) {
                    next = self.lay(term, holds, next, weights);
                }
                next
            }
        }
    }

    /// Tells whether a rule matches, by what `holds` says of each fact.
    #[inline]
    pub(crate) fn run(&self, rule: u32, mut holds: impl FnMut(FactId) -> bool) -> bool {
        let mut at = self.starts.get(usize_of(rule)).copied().unwrap_or(REJECT);
        // Each step leads to one laid out before it, so this ends.
        while let Some(step) = self.steps.get(usize_of(at)) {
            at = if holds(step.fact) { step.holds } else { step.fails };
        }
        at == ACCEPT
    }
}

/// Orders terms so that the last is the one to ask first.
fn dearest_first<'t>(terms: &'t [Term], weights: &Weights) -> Vec<&'t Term> {
    let mut ordered: Vec<(f32, &Term)> =
        terms.iter().map(|term| (weights.of_term(term), term)).collect();
    ordered.sort_by(|(one, _), (other, _)| other.partial_cmp(one).unwrap_or(Ordering::Equal));
    ordered.into_iter().map(|(_, term)| term).collect()
}
