//! Which rows of a segment may pass a predicate.

use std::sync::Arc;

use model::{Field, FieldKind};
use query::{Comparison, FieldRef, Literal, Matcher, Node, Number, Placement, Test, TextMatcher};

use super::build::wide;
use super::cache::{Index, Indexes};
use super::grams::{self, GRAM_BYTES, slices_of};
use super::letters;
use super::rows::Rows;
use super::term::{self, Term};
use super::terms::TermsPanel;
use crate::segment::{Column, TEXT_TYPE, data_type};

/// Bounds the tests of one predicate that are put to the index; of more, the rest is not asked.
const ASKED_MAX: usize = 512;
/// So few rows are read sooner than narrowed further.
const FEW_ROWS: usize = 256;

/// Gives rows among which all those are that pass; `None` where the index tells nothing.
pub(crate) fn candidates(indexes: &Indexes, index: &Index, node: &Node) -> Option<Rows> {
    Asking { indexes, index, left: ASKED_MAX }.node(node)
}

struct Asking<'a> {
    indexes: &'a Indexes,
    index: &'a Index,
    left: usize,
}

impl Asking<'_> {
    fn node(&mut self, node: &Node) -> Option<Rows> {
        match node {
            Node::All | Node::Not(_) => None,
            Node::And(nodes) => {
                let mut both: Option<Rows> = None;
                for node in nodes {
                    if both.as_ref().is_some_and(Rows::is_empty) {
                        break;
                    }
                    both = narrower(both, self.node(node));
                }
                both
            }
            Node::Or(nodes) => {
                let mut any = Rows::default();
                for node in nodes {
                    any = any.or(&self.node(node)?);
                }
                Some(any)
            }
            Node::Test(test) => {
                self.left = self.left.checked_sub(1)?;
                self.test(test)
            }
        }
    }

    fn test(&self, test: &Test) -> Option<Rows> {
        match test {
            Test::Anywhere(matcher) => self.texts(matcher),
            Test::Field { field, matcher } => match matcher {
                Matcher::Exists if !is_always(field) => self.term(Term::any(of(field))),
                Matcher::Text(matcher) => self.text(field, matcher),
                Matcher::Network(network) => {
                    let is_one = network.first() == network.last();
                    if !is_one || !holds_texts(field) || is_prose(field) {
                        return None;
                    }
                    self.term(Term::address(of(field), network.first()))
                }
                Matcher::Number(Comparison::Equal, number) => self.number(field, *number),
                _ => None,
            },
            Test::Fields { .. } => None,
        }
    }

    fn number(&self, field: &FieldRef, number: Number) -> Option<Rows> {
        let FieldRef::Known(known) = field else { return None };
        let is_whole = known.kind() == FieldKind::Long;
        is_whole.then(|| self.term(Term::number(of(field), wide(number)))).flatten()
    }

    fn text(&self, field: &FieldRef, matcher: &TextMatcher) -> Option<Rows> {
        let whole = match matcher {
            TextMatcher::Literal(literal) if literal.placement() == Placement::Whole => {
                Some(literal)
            }
            _ => None,
        };
        if let (Some(literal), FieldRef::Known(known)) = (whole, field) {
            match known.kind() {
                FieldKind::Long => return self.written_number(field, literal),
                FieldKind::Flag => return self.term(Term::text(of(field), &folded(literal))),
                _ => {}
            }
        }
        if is_always(field) && !is_prose(field) || !holds_texts(field) {
            return None;
        }
        let mut rows = None;
        if let Some(literal) = whole.filter(|_| !is_prose(field)) {
            rows = self.term(Term::text(of(field), &folded(literal)));
        }
        // A value that is everywhere, or of a field that was dropped, may still hold rare pieces.
        if rows.as_ref().is_none_or(|rows| rows.count() > self.index.directory.rows / 16) {
            rows = narrower(rows, self.texts(matcher));
        }
        rows
    }

    /// A whole number that was written as a text: the number itself, or the same text where the
    /// value did not fit its field.
    fn written_number(&self, field: &FieldRef, literal: &Literal) -> Option<Rows> {
        let mut rows = self.term(Term::text(of(field), &folded(literal)))?;
        if let Ok(number) = literal.text().parse::<i64>() {
            rows = rows.or(&self.term(Term::number(of(field), wide(Number::Integer(number))))?);
        }
        Some(rows)
    }

    /// Gives the rows that may hold all the texts that the test needs, in whatever field.
    fn texts(&self, matcher: &TextMatcher) -> Option<Rows> {
        let needs = matcher.needs();
        let mut told: Option<Rows> = None;
        for term in needs.iter().flat_map(|need| letters::terms_of(need)) {
            told = narrower(told, self.term_in(&self.index.directory.letters, term));
            if told.as_ref().is_some_and(|rows| rows.count() <= FEW_ROWS) {
                return told;
            }
        }
        narrower(told, self.grams(&needs))
    }

    fn grams(&self, needs: &[String]) -> Option<Rows> {
        let slices: Vec<u32> = needs
            .iter()
            .filter(|need| need.len() >= GRAM_BYTES)
            .flat_map(|need| slices_of(need))
            .collect();
        if slices.is_empty() {
            return None;
        }
        let mut rows = Rows::default();
        let mut start = 0;
        for panel in &self.index.directory.grams {
            let end = start + panel.rows;
            match self.blocks_of(panel, &slices) {
                Some(bits) => {
                    let blocks = (0..panel.blocks()).filter(|block| {
                        bits.get(block / 8).is_some_and(|b| b >> (block % 8) & 1 == 1)
                    });
                    for block in blocks {
                        let first = start + block * grams::BLOCK_ROWS;
                        rows.push(first..(first + grams::BLOCK_ROWS).min(end));
                    }
                }
                None => rows.push(start..end),
            }
            start = end;
        }
        Some(rows)
    }

    /// Gives the blocks of a panel whose bits are set in all slices.
    fn blocks_of(&self, panel: &grams::GramsPanel, slices: &[u32]) -> Option<Vec<u8>> {
        let mut both: Option<Vec<u8>> = None;
        for slice in slices {
            let (place, number) = panel.section(*slice)?;
            let section = self.section(&panel.offsets, place, number)?;
            let bits = panel.bits(*slice, &section)?;
            match &mut both {
                None => both = Some(bits.to_vec()),
                Some(both) => {
                    let mut left = 0;
                    for (one, other) in both.iter_mut().zip(bits) {
                        *one &= other;
                        left |= *one;
                    }
                    if left == 0 {
                        break;
                    }
                }
            }
        }
        both
    }

    fn term(&self, term: Term) -> Option<Rows> {
        self.term_in(&self.index.directory.terms, term)
    }

    fn term_in(&self, panels: &[TermsPanel], term: Term) -> Option<Rows> {
        let mut rows = Rows::default();
        let mut start = 0;
        let mut is_of_use = false;
        for panel in panels {
            let end = start + panel.rows;
            let blocks = panel.section(term).and_then(|(place, number)| {
                let section = self.section(&panel.offsets, place, number)?;
                panel.find(term, &section)
            });
            match blocks {
                Some(blocks) => {
                    is_of_use = true;
                    for block in blocks {
                        let first = start + block * panel.block_rows;
                        rows.push(first..(first + panel.block_rows).min(end));
                    }
                }
                None => rows.push(start..end),
            }
            start = end;
        }
        is_of_use.then_some(rows)
    }

    fn section(&self, offsets: &[u64], place: usize, number: u32) -> Option<Arc<Vec<u8>>> {
        let (offset, end) = (offsets.get(place)?, offsets.get(place + 1)?);
        self.indexes.section(self.index, number, *offset, *end)
    }
}

fn narrower(one: Option<Rows>, other: Option<Rows>) -> Option<Rows> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.and(&other)),
        (one, other) => one.or(other),
    }
}

fn folded(literal: &Literal) -> String {
    query::fold_text(literal.text())
}

fn of(field: &FieldRef) -> u64 {
    term::field(field.name())
}

fn is_always(field: &FieldRef) -> bool {
    matches!(field, FieldRef::Known(known) if Column::Known(*known).is_always())
}

fn is_prose(field: &FieldRef) -> bool {
    matches!(field, FieldRef::Known(known) if Column::Known(*known).is_prose())
}

/// Tells whether what the field holds stands among the texts of the index: unknown fields do,
/// whatever they hold.
fn holds_texts(field: &FieldRef) -> bool {
    match field {
        FieldRef::Known(Field::EventId) => false,
        FieldRef::Known(known) => data_type(*known) == TEXT_TYPE,
        FieldRef::Named(_) => true,
    }
}
