//! The shape of a line: what stays the same in many, and where the values stand.

use model::{Field, write_json_string};

use super::cells::{Cells, each_member};
use super::clock::Clock;

/// Stands between the pieces of a line that no column holds.
const BETWEEN_RESTS: char = '\u{1f}';
/// Begins what is not said literally in the text of a shape, and ends it.
const OPEN: char = '\u{1}';
const CLOSE: char = '\u{2}';

/// A piece of a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// These very characters.
    Text(String),
    /// The value of a known field, and the place of its column.
    Value(Field, usize),
    /// The same, as JSON writes it within quotes.
    Escaped(Field, usize),
    /// The moment of the event.
    Time(Clock),
    /// The value of an unknown field.
    Member(String),
    /// All unknown fields.
    Members(Join),
    /// Something that no column holds.
    Rest,
}

/// How unknown fields stand one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Join {
    between: usize,
    equals: usize,
    style: usize,
    name: usize,
}

const BETWEEN: [&str; 6] = [" ", ", ", ",", ";", "; ", "|"];
const EQUALS: [&str; 3] = ["=", ":", ": "];
/// Values bare; values in quotes; names in quotes and values as JSON.
const STYLES: usize = 3;
/// The whole name; what stands behind its last dot.
const NAMES: usize = 2;

impl Join {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let count = BETWEEN.len() * EQUALS.len() * STYLES * NAMES;
        (0..count).map(|number| Self {
            between: number % BETWEEN.len(),
            equals: number / BETWEEN.len() % EQUALS.len(),
            style: number / BETWEEN.len() / EQUALS.len() % STYLES,
            name: number / BETWEEN.len() / EQUALS.len() / STYLES,
        })
    }

    /// Appends the fields; tells whether all of them can stand so.
    pub(super) fn write(self, fields: &[(&str, &str)], out: &mut String) -> bool {
        let mut all = fields.iter().enumerate();
        all.all(|(place, (name, raw))| self.put(name, raw, place == 0, out))
    }

    /// Appends one field; tells whether it can stand so.
    fn put(self, name: &str, raw: &str, is_first: bool, out: &mut String) -> bool {
        if !is_first {
            out.push_str(BETWEEN.get(self.between).copied().unwrap_or_default());
        }
        let name = match self.name {
            0 => name,
            _ => name.rsplit('.').next().unwrap_or(name),
        };
        let equals = EQUALS.get(self.equals).copied().unwrap_or_default();
        if self.style == 2 {
            out.extend(["\"", name, "\"", equals, raw]);
            return true;
        }
        let Some(bare) = bare(raw) else { return false };
        let quote = if self.style == 1 { "\"" } else { "" };
        out.extend([name, equals, quote, bare, quote]);
        true
    }

    fn encode(self, out: &mut String) {
        for number in [self.between, self.equals, self.style, self.name] {
            out.push(char::from(b'0' + u8::try_from(number).unwrap_or_default()));
        }
    }

    fn decode(text: &str) -> Option<Self> {
        let mut digits = text.chars().map(|digit| usize::try_from(digit.to_digit(10)?).ok());
        let mut next = || digits.next().flatten();
        Some(Self { between: next()?, equals: next()?, style: next()?, name: next()? })
    }
}

/// Gives a JSON value without quotes; none where it holds escapes.
pub(in crate::segment) fn bare(raw: &str) -> Option<&str> {
    match raw.strip_prefix('"') {
        Some(text) => text.strip_suffix('"').filter(|text| !text.contains('\\')),
        None => Some(raw),
    }
}

/// Text that is put together anew for each row.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    made: String,
    other: String,
}

/// The shape of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pieces: Vec<Piece>,
}

impl Shape {
    /// Gives the shape of these pieces; texts that stand side by side become one.
    pub(super) fn of(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                (Some(Piece::Rest), Piece::Rest) => {}
                (_, piece) => joined.push(piece),
            }
        }
        Self { pieces: joined }
    }

    /// Gives the shape as a text.
    pub(super) fn encode(&self) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            let (letter, name) = match piece {
                Piece::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Piece::Value(field, _) => ('v', field.name()),
                Piece::Escaped(field, _) => ('x', field.name()),
                Piece::Member(name) => ('m', name.as_str()),
                Piece::Time(_) => ('t', ""),
                Piece::Members(_) => ('a', ""),
                Piece::Rest => ('r', ""),
            };
            out.extend([OPEN, letter]);
            out.push_str(name);
            match piece {
                Piece::Time(clock) => clock.encode(&mut out),
                Piece::Members(join) => join.encode(&mut out),
                _ => {}
            }
            out.push(CLOSE);
        }
        out
    }

    /// Reads the text of a shape; a field that the batch has no column for makes it unreadable.
    pub(super) fn decode(text: &str, cells: &Cells) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, later)) = rest.split_once(OPEN) {
            if !literal.is_empty() {
                pieces.push(Piece::Text(literal.to_owned()));
            }
            let (code, later) = later.split_once(CLOSE)?;
            let (letter, name) = code.split_at_checked(1)?;
            let known = || {
                let field = Field::by_name(name)?;
                Some((field, cells.place(field)?))
            };
            pieces.push(match letter {
                "v" => known().map(|(field, place)| Piece::Value(field, place))?,
                "x" => known().map(|(field, place)| Piece::Escaped(field, place))?,
                "m" => Piece::Member(name.to_owned()),
                "t" => Piece::Time(Clock::decode(name)?),
                "a" => Piece::Members(Join::decode(name)?),
                "r" => Piece::Rest,
                _ => return None,
            });
            rest = later;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Some(Self { pieces })
    }

    /// Gives the fields that a shape's text names.
    pub(super) fn fields_in(text: &str) -> impl Iterator<Item = Field> {
        text.split(OPEN).skip(1).filter_map(|code| {
            let name = code.split(CLOSE).next()?;
            Field::by_name(name.strip_prefix(['v', 'x'])?)
        })
    }

    /// Tells whether the line is of this shape, and appends what no column holds to `rest`.
    pub(super) fn cut(
        &self,
        line: &str,
        cells: &Cells,
        row: usize,
        scratch: &mut Scratch,
        rest: &mut String,
    ) -> bool {
        let mut left = line;
        let mut is_first = true;
        let mut pieces = self.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            if *piece == Piece::Rest {
                let end = match pieces.peek() {
                    None => Some(left.len()),
                    Some(Piece::Text(text)) => left.find(text.as_str()),
                    Some(other) => {
                        said(other, cells, row, scratch).and_then(|text| left.find(text))
                    }
                };
                let Some((varied, later)) = end.and_then(|end| left.split_at_checked(end)) else {
                    return false;
                };
                if varied.contains(BETWEEN_RESTS) {
                    return false;
                }
                if !is_first {
                    rest.push(BETWEEN_RESTS);
                }
                is_first = false;
                rest.push_str(varied);
                left = later;
                continue;
            }
            let text = said(piece, cells, row, scratch);
            match text.and_then(|text| left.strip_prefix(text)) {
                Some(later) => left = later,
                None => return false,
            }
        }
        left.is_empty()
    }

    /// Puts the line together again; tells whether all of it is there.
    pub(super) fn join(
        &self,
        cells: &Cells,
        row: usize,
        rest: &str,
        scratch: &mut Scratch,
        out: &mut String,
    ) -> bool {
        let mut rests = rest.split(BETWEEN_RESTS);
        for piece in &self.pieces {
            let text = match piece {
                Piece::Rest => rests.next(),
                piece => said(piece, cells, row, scratch),
            };
            match text {
                Some(text) => out.push_str(text),
                None => return false,
            }
        }
        true
    }
}

/// Gives what a piece says in a row.
fn said<'s>(
    piece: &'s Piece,
    cells: &'s Cells,
    row: usize,
    scratch: &'s mut Scratch,
) -> Option<&'s str> {
    let Scratch { made, other } = scratch;
    match piece {
        Piece::Text(text) => Some(text),
        Piece::Value(_, place) => cells.text(*place, row, made),
        Piece::Escaped(_, place) => {
            let text = cells.text(*place, row, made)?;
            other.clear();
            write_json_string(text, other);
            other.strip_prefix('"')?.strip_suffix('"')
        }
        Piece::Time(clock) => {
            made.clear();
            clock.write(cells.time(row), made);
            Some(made)
        }
        Piece::Member(name) => {
            let mut found = None;
            each_member(cells.extra(row)?, |member, raw| {
                if found.is_none() && member == name {
                    found = Some(raw);
                }
            })?;
            bare(found?)
        }
        Piece::Members(join) => {
            made.clear();
            let (mut is_whole, mut is_first) = (true, true);
            each_member(cells.extra(row)?, |name, raw| {
                is_whole &= join.put(name, raw, is_first, made);
                is_first = false;
            })?;
            is_whole.then_some(made.as_str())
        }
        Piece::Rest => None,
    }
}

/// Tells whether the line could be mistaken for the text of a shape or of its rest.
pub(super) fn is_foreign(line: &str) -> bool {
    line.contains([OPEN, CLOSE, BETWEEN_RESTS])
}
