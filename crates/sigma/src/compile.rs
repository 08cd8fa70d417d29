//! Thousands of rules, made ready so that one event costs as if there were few.
//!
//! Walking each rule's tree for each event costs the sum of all rules. Instead:
//!
//! - **Places** ([`places`]): every field that some rule looks at gets a number. An event's fields
//!   are walked once, and each is looked up by the hash of its name.
//! - **Atoms** ([`atoms`]): what can be true of one value by looking it up rather than by testing
//!   it: it holds this text (`contains`, and, with marks at both ends of the value, `startswith`,
//!   `endswith` and plain values too), it is this whole number, it is there at all. Equal atoms of
//!   all rules are one. A [`Finder`] finds all the atoms of a value in one pass.
//! - **Facts** ([`facts`]): one of some atoms holds (a list of values is one fact, not a thousand
//!   tests), or one test passes that has no atoms of its own: regular expressions, networks,
//!   comparisons, very short texts. Such a test is tried only where a rule gets as far as asking,
//!   once an event, and where it needs some text ([`terms`]) only when that was found.
//! - **Witnesses** ([`witness`]): facts of which one must hold where a rule matches. A rule is tried
//!   only when one was found; the few rules without any (such as a lone `not`) are always tried.
//! - **Programs** ([`program`]): a rule's tree laid out flat, each step a fact and where to go on
//!   when it holds and when not.
//!
//! Nothing here decides what a rule means: that is [`Node::matches`](query::Node::matches), and a
//! test holds the two against each other.

pub(crate) mod atoms;
pub(crate) mod check;
pub(crate) mod facts;
pub(crate) mod finder;
pub(crate) mod grams;
pub(crate) mod lists;
pub(crate) mod places;
pub(crate) mod program;
pub(crate) mod sources;
mod terms;
pub(crate) mod texts;
mod witness;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::atoms::Atoms;
use self::check::Check;
use self::facts::Facts;
use self::finder::Finder;
use self::lists::Lists;
use self::places::Places;
use self::program::Programs;
use self::sources::Sources;
use self::terms::Terms;
use crate::{Rule, RuleKind};

/// Rules, ready to be matched; see [`matching`](crate::matching).
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    /// Tells one set of rules from another.
    pub(crate) identity: Arc<()>,
    pub(crate) places: Places,
    /// What finds the atoms of a place.
    pub(crate) finders: Vec<Finder>,
    pub(crate) atoms: usize,
    pub(crate) facts: usize,
    /// For each atom, the facts that it makes true.
    pub(crate) facts_of: Lists,
    /// For each fact, the rules that it calls.
    pub(crate) calls: Lists,
    /// The tests that have no atoms.
    pub(crate) checks: Vec<Check>,
    pub(crate) programs: Programs,
    pub(crate) sources: Sources,
}

impl Compiled {
    /// Makes rules ready, as they stand at the end of loading.
    pub(crate) fn of(rules: &[Rule]) -> Self {
        let mut terms = Terms::default();
        let lowered: Vec<_> = rules
            .iter()
            .map(|rule| match &rule.kind {
                RuleKind::Event(predicate) if rule.enabled => {
                    Some(terms.of_rule(&rule.logsource, predicate.node()))
                }
                RuleKind::Event(_) | RuleKind::Correlation(_) => None,
            })
            .collect();
        let Terms { mut places, atoms, facts, .. } = terms;
        places.settle();
        let weights = witness::Weights::of(&atoms, &facts);
        let mut sources = Sources::default();
        let mut programs = Programs::default();
        let mut calls = vec![Vec::new(); facts.any.len()];
        for ((index, rule), term) in (0..).zip(rules).zip(&lowered) {
            let Some(term) = term else {
                programs.skip();
                sources.skip();
                continue;
            };
            programs.add(term, &weights);
            let witness = weights.witness(term);
            sources.add(&rule.logsource, index, witness.is_none());
            for fact in witness.into_iter().flatten() {
                calls
                    .get_mut(usize_of(fact))
                    .into_iter()
                    .for_each(|rules: &mut Vec<u32>| rules.push(index));
            }
            sources.add_places(index, places_of(term, &atoms, &facts).into_iter());
        }
        let facts_of = facts.by_atom(atoms.list.len());
        let checks: Vec<Check> =
            facts.tests.into_iter().map(|test| Check::of(test, &places)).collect();
        let mut finders = finder::all(&places, &atoms);
        for place in checks.iter().filter_map(Check::place) {
            finders.get_mut(usize_of(place)).into_iter().for_each(Finder::keep_text);
        }
        Self {
            identity: Arc::default(),
            finders,
            places,
            atoms: atoms.list.len(),
            facts: facts.any.len(),
            facts_of,
            calls: Lists::of(&calls),
            checks,
            programs,
            sources,
        }
    }
}

/// Gives the places whose values must be looked at for a term.
fn places_of(term: &terms::Term, atoms: &Atoms, facts: &Facts) -> BTreeSet<places::PlaceId> {
    let mut found = BTreeSet::new();
    term.each_fact(&mut |fact| {
        found.extend(facts.atoms(fact).iter().filter_map(|atom| atoms.place(*atom)));
    });
    found
}

/// Widens an index; every platform we build for has at least 32-bit addresses.
#[inline]
pub(crate) fn usize_of(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// Gives an index for the next of so many; there is never room for more than four thousand million.
pub(crate) fn index_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
