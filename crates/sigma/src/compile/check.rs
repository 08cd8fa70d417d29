//! Tests that are tried one by one, because nothing finds what they look for in passing.
//!
//! Most look for texts too short to be indexed, or for several in a row (`*a*b*`). They are looked
//! for in the folded text that the event's values were searched in anyway.

use memchr::memmem::Finder;
use query::{Case, FieldRef, Glyph, Matcher, Node, TextMatcher};

use super::atoms::END;
use super::places::{Place, PlaceId, Places};
use super::terms::{glyphs_of, run, same_in_fields};

/// A test that is tried when a rule asks.
#[derive(Debug)]
pub(crate) enum Check {
    /// One of these rows of pieces stands, in order, in one of a place's values.
    Pieces(PlaceId, Box<[Row]>),
    /// Whatever the tree says of the event.
    Node(Node),
}

/// Pieces of text that follow one another, with anything between; the marks of a value's ends hold
/// the first and the last in their place.
#[derive(Debug)]
pub(crate) struct Row {
    pieces: Box<[Finder<'static>]>,
    /// Whether all of it is ASCII; if not, it stands in no text that is.
    ascii: bool,
}

impl Check {
    pub(crate) fn of(node: Node, places: &Places) -> Self {
        let Node::Or(tests) = &node else { return Self::Node(node) };
        let mut fields = None;
        let rows: Option<Box<[Row]>> = tests.iter().map(|test| row(test, &mut fields)).collect();
        let place = fields.and_then(|fields| places.find(&Place::Fields(fields)));
        match (rows, place) {
            (Some(rows), Some(place)) => Self::Pieces(place, rows),
            _ => Self::Node(node),
        }
    }

    /// Gives the place whose folded text it reads.
    pub(crate) fn place(&self) -> Option<PlaceId> {
        if let Self::Pieces(place, _) = self { Some(*place) } else { None }
    }
}

/// Gives the pieces of a test on the same fields as the others, where it consists of such.
fn row(test: &Node, of: &mut Option<Vec<FieldRef>>) -> Option<Row> {
    let (fields, matcher) = same_in_fields(test)?;
    let Matcher::Text(matcher) = matcher else { return None };
    if *of.get_or_insert_with(|| fields.clone()) != fields {
        return None;
    }
    let glyphs = match matcher {
        TextMatcher::Literal(literal) if literal.case() == Case::Folded => glyphs_of(literal),
        TextMatcher::Wildcard(wildcard) if wildcard.case() == Case::Folded => {
            wildcard.glyphs().to_vec()
        }
        _ => return None,
    };
    if glyphs.contains(&Glyph::One) {
        return None;
    }
    let parts: Vec<&[Glyph]> = glyphs.split(|glyph| *glyph == Glyph::Any).collect();
    let last = parts.len() - 1;
    let pieces = parts.iter().enumerate().map(|(at, part)| run(part, at == 0, at == last));
    // A text that may be empty between its marks is none of ours.
    let pieces: Vec<Box<[u8]>> = pieces.filter(|piece| !piece.is_empty()).collect();
    let ascii = pieces.iter().flatten().all(|byte| byte.is_ascii() || *byte >= END);
    let finders = pieces.iter().map(|piece| Finder::new(piece).into_owned());
    Some(Row { pieces: finders.collect(), ascii })
}

impl Row {
    /// Tells whether the pieces stand in one of the values, each between its marks.
    pub(crate) fn stands(&self, values: &[u8], ascii: bool) -> bool {
        if ascii && !self.ascii {
            return false;
        }
        match &*self.pieces {
            [only] => only.find(values).is_some(),
            pieces => {
                values.split_inclusive(|byte| *byte == END).any(|value| in_order(pieces, value))
            }
        }
    }
}

fn in_order(pieces: &[Finder<'static>], value: &[u8]) -> bool {
    let mut rest = value;
    pieces.iter().all(|piece| {
        let end = piece.find(rest).map(|at| at + piece.needle().len());
        rest = end.and_then(|end| rest.get(end..)).unwrap_or_default();
        end.is_some()
    })
}
