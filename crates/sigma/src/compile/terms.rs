//! From a rule's tree to facts.
//!
//! Alternatives that can all be looked up become one fact. A test that cannot is guarded by what it
//! needs: a pattern by its longest text, anything else by the field being there.

use std::collections::BTreeMap;

use query::{
    Case, FieldRef, Glyph, Literal, Matcher, Node, Number, Placement, Test, TextMatcher, fold,
};

use super::atoms::{AtomId, Atoms, END, Key, START};
use super::facts::{FactId, Facts};
use super::grams::GRAM_BYTES;
use super::places::{Place, PlaceId, Places};
use crate::Logsource;

/// A rule's tree over facts.
#[derive(Debug)]
pub(crate) enum Term {
    Fact(FactId),
    Not(Box<Term>),
    And(Vec<Term>),
    Or(Vec<Term>),
}

/// What the trees of all rules have in common.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) places: Places,
    pub(crate) atoms: Atoms,
    pub(crate) facts: Facts,
    /// Of the rule at hand.
    logsource: Logsource,
}

/// A part of a tree on its way to a term, still open to be joined with its neighbours.
enum Part {
    /// One of these atoms holds.
    OneOf(Vec<AtomId>),
    /// One of these tests passes, and none can unless one of the atoms holds; without atoms it must
    /// be tried.
    Guarded(Option<Vec<AtomId>>, Vec<Node>),
    Whole(Term),
}

impl Terms {
    /// Gives the term of a rule.
    pub(crate) fn of_rule(&mut self, logsource: &Logsource, node: &Node) -> Term {
        self.logsource.clone_from(logsource);
        self.term(node)
    }

    fn term(&mut self, node: &Node) -> Term {
        let part = self.part(node);
        self.close(part)
    }

    fn part(&mut self, node: &Node) -> Part {
        match node {
            Node::All => Part::Whole(Term::And(Vec::new())),
            Node::And(nodes) => {
                let mut terms = Vec::with_capacity(nodes.len());
                for node in nodes {
                    match self.term(node) {
                        Term::And(inner) => terms.extend(inner),
                        other => terms.push(other),
                    }
                }
                Part::Whole(Term::And(terms))
            }
            Node::Or(nodes) => match same_in_fields(node) {
                Some((fields, matcher)) => self.fields(fields, matcher, node),
                None => self.one_of(nodes),
            },
            Node::Not(node) => Part::Whole(Term::Not(Box::new(self.term(node)))),
            Node::Test(test) => self.test(test),
        }
    }

    /// Joins alternatives: all atoms to one fact, and all tests that wait for the same atoms.
    fn one_of(&mut self, nodes: &[Node]) -> Part {
        let mut atoms: Option<Vec<AtomId>> = None;
        let mut guarded: BTreeMap<Option<Vec<AtomId>>, Vec<Node>> = BTreeMap::new();
        let mut terms = Vec::new();
        for node in nodes {
            match self.part(node) {
                Part::OneOf(more) => atoms.get_or_insert_default().extend(more),
                Part::Guarded(guard, tests) => guarded.entry(guard).or_default().extend(tests),
                Part::Whole(Term::Or(inner)) => terms.extend(inner),
                Part::Whole(term) => terms.push(term),
            }
        }
        if terms.is_empty() {
            match (atoms, guarded.len()) {
                (Some(atoms), 0) => return Part::OneOf(atoms),
                (None, 1) => {
                    let (guard, tests) = guarded.pop_first().unwrap_or_default();
                    return Part::Guarded(guard, tests);
                }
                (other, _) => atoms = other,
            }
        }
        let mut all: Vec<Term> = Vec::new();
        all.extend(atoms.map(|atoms| Term::Fact(self.facts.any(atoms))));
        all.extend(guarded.into_iter().map(|(guard, tests)| self.guarded(guard, tests)));
        all.extend(terms);
        Part::Whole(Term::Or(all))
    }

    fn close(&mut self, part: Part) -> Term {
        match part {
            Part::OneOf(atoms) => Term::Fact(self.facts.any(atoms)),
            Part::Guarded(guard, tests) => self.guarded(guard, tests),
            Part::Whole(term) => term,
        }
    }

    fn guarded(&mut self, guard: Option<Vec<AtomId>>, tests: Vec<Node>) -> Term {
        let test = Term::Fact(self.facts.test(Node::Or(tests)));
        match guard {
            Some(atoms) => Term::And(vec![Term::Fact(self.facts.any(atoms)), test]),
            None => test,
        }
    }

    fn test(&mut self, test: &Test) -> Part {
        let node = Node::Test(test.clone());
        match test {
            Test::Field { field, matcher } => self.fields(vec![field.clone()], matcher, &node),
            Test::Fields { field, .. } => {
                let place = self.places.id(&Place::Fields(vec![field.clone()]));
                Part::Guarded(Some(vec![self.atoms.id(place, Key::Present)]), vec![node])
            }
            Test::Anywhere(matcher) => match lookup(matcher) {
                Lookup::Exactly(word) => Part::OneOf(self.anywhere(vec![word])),
                Lookup::Needs(texts) => Part::Guarded(Some(self.anywhere(texts)), vec![node]),
                Lookup::Always | Lookup::Nothing => Part::Guarded(None, vec![node]),
            },
        }
    }

    /// Gives the part of a test in one of several fields, which as a tree is `node`.
    fn fields(&mut self, fields: Vec<FieldRef>, matcher: &Matcher, node: &Node) -> Part {
        let place = self.places.id(&Place::Fields(fields));
        let guarded = |guard| Part::Guarded(Some(guard), vec![node.clone()]);
        let mut atom = |key| vec![self.atoms.id(place, key)];
        match matcher {
            Matcher::Exists => Part::OneOf(atom(Key::Present)),
            Matcher::Number(query::Comparison::Equal, Number::Integer(number)) => {
                Part::OneOf(atom(Key::Integer(*number)))
            }
            Matcher::Text(matcher) => match lookup(matcher) {
                Lookup::Always => Part::OneOf(atom(Key::Present)),
                Lookup::Exactly(text) => Part::OneOf(atom(Key::Text(text))),
                Lookup::Needs(texts) => guarded(self.texts(place, texts)),
                Lookup::Nothing => guarded(atom(Key::Present)),
            },
            _ => guarded(atom(Key::Present)),
        }
    }

    fn texts(&mut self, place: PlaceId, texts: Vec<Box<[u8]>>) -> Vec<AtomId> {
        texts.into_iter().map(|text| self.atoms.id(place, Key::Text(text))).collect()
    }

    fn anywhere(&mut self, texts: Vec<Box<[u8]>>) -> Vec<AtomId> {
        let record = self.places.id(&Place::Record(self.logsource.clone()));
        let message = self.places.id(&Place::Message(self.logsource.clone()));
        let mut atoms = self.texts(record, texts.clone());
        atoms.extend(self.texts(message, texts));
        atoms
    }
}

/// Gives the fields and the matcher of alternatives that ask the same of several fields, as a
/// Sigma field becomes that is kept under several names; or those of a single test.
pub(super) fn same_in_fields(node: &Node) -> Option<(Vec<FieldRef>, &Matcher)> {
    let test = |node| match node {
        &Node::Test(Test::Field { ref field, ref matcher }) => Some((field, matcher)),
        _ => None,
    };
    let Node::Or(nodes) = node else {
        return test(node).map(|(field, matcher)| (vec![field.clone()], matcher));
    };
    let (_, wanted) = test(nodes.first()?)?;
    let mut fields: Vec<FieldRef> = Vec::new();
    for node in nodes {
        let (field, _) = test(node).filter(|(_, matcher)| *matcher == wanted)?;
        if !fields.contains(field) {
            fields.push(field.clone());
        }
    }
    Some((fields, wanted))
}

impl Term {
    /// Calls `each` with every fact that the term asks for.
    pub(crate) fn each_fact(&self, each: &mut impl FnMut(FactId)) {
        match self {
            Self::Fact(fact) => each(*fact),
            Self::Not(term) => term.each_fact(each),
            Self::And(terms) | Self::Or(terms) => {
                for term in terms {
                    term.each_fact(each);
                }
            }
        }
    }
}

/// How a matcher can be looked up.
enum Lookup {
    /// Every text passes.
    Always,
    /// A text passes where these bytes stand in it, and only there.
    Exactly(Box<[u8]>),
    /// A text that passes holds one of these.
    Needs(Vec<Box<[u8]>>),
    /// It cannot.
    Nothing,
}

fn lookup(matcher: &TextMatcher) -> Lookup {
    match matcher {
        TextMatcher::Literal(literal) => {
            if literal.text().is_empty() && literal.placement() == Placement::Anywhere {
                return Lookup::Always;
            }
            let text = longest_run(&glyphs_of(literal));
            match literal.case() {
                _ if text.len() < GRAM_BYTES => Lookup::Nothing,
                Case::Folded => Lookup::Exactly(text),
                Case::Exact => Lookup::Needs(vec![text]),
            }
        }
        TextMatcher::Wildcard(wildcard) => match longest_run(wildcard.glyphs()) {
            text if text.len() < GRAM_BYTES => Lookup::Nothing,
            text => Lookup::Needs(vec![text]),
        },
        TextMatcher::Regex(_) => Lookup::Nothing,
    }
}

/// Gives a literal as a pattern.
pub(super) fn glyphs_of(literal: &Literal) -> Vec<Glyph> {
    let before = matches!(literal.placement(), Placement::Anywhere | Placement::End);
    let after = matches!(literal.placement(), Placement::Anywhere | Placement::Start);
    let text = literal.text().chars().map(Glyph::Char);
    before
        .then_some(Glyph::Any)
        .into_iter()
        .chain(text)
        .chain(after.then_some(Glyph::Any))
        .collect()
}

/// Gives the longest text of a pattern, with the marks of the value's ends where it reaches them.
fn longest_run(glyphs: &[Glyph]) -> Box<[u8]> {
    let plain = |glyph: &Glyph| matches!(glyph, Glyph::Char(_));
    let runs = glyphs.chunk_by(|one, next| plain(one) && plain(next));
    let mut at = 0;
    let texts = runs.filter_map(|glyphs_of_run| {
        let start = at;
        at += glyphs_of_run.len();
        let first = start == 0;
        let last = at == glyphs.len();
        glyphs_of_run.first().filter(|glyph| plain(glyph))?;
        Some(run(glyphs_of_run, first, last))
    });
    texts.max_by_key(|text| text.len()).unwrap_or_default()
}

/// Gives plain glyphs folded, with the marks of the value's ends where they are wanted.
pub(super) fn run(glyphs: &[Glyph], start: bool, end: bool) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(glyphs.len() + 2);
    bytes.extend(start.then_some(START));
    for glyph in glyphs {
        if let Glyph::Char(character) = glyph {
            bytes.extend_from_slice(fold(*character).encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    bytes.extend(end.then_some(END));
    bytes.into()
}
