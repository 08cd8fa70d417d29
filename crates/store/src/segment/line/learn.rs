//! How the shapes of lines are found: from the first line of a kind, and from the next one that differs.

use std::collections::HashMap;
use std::ops::Range;

use super::cells::{Cells, members};
use super::clock::Clock;
use super::shape::{Join, Piece, Scratch, Shape, bare, is_foreign};

/// Bounds the kinds of rows: the sets of fields that they have.
const KINDS_MAX: usize = 2048;
/// Bounds the shapes of one kind; what fits none of them stays a whole line.
const SHAPES_MAX: usize = 24;
/// Bounds how often a line is looked at closely, for each shape that comes of it costs what hundreds
/// of known ones do.
const LOOKS_MAX: usize = 4096;
/// Longer lines are mostly prose or dumps, of which the columns hold little.
const LINE_BYTES_MAX: usize = 8192;

/// The shapes of one segment's lines.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    kinds: HashMap<u64, Kind>,
    looks: usize,
}

/// The shapes of the rows that have the same fields.
#[derive(Debug, Default)]
struct Kind {
    shapes: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    parts: Vec<Part>,
    shape: Shape,
    text: String,
    hits: u64,
}

/// A part of a line that was looked at closely.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// What a column says.
    Said(Piece),
    /// A word.
    Word(String),
    /// What stands between words.
    Gap(String),
    /// Words that differ from line to line.
    Varied,
}

impl Shapes {
    /// Gives the text of the shape that the line has, and appends to `rest` what no column holds.
    pub(super) fn cut(
        &mut self,
        line: &str,
        (cells, row, signature): (&Cells, usize, u64),
        scratch: &mut Scratch,
        rest: &mut String,
    ) -> Option<&str> {
        if line.len() > LINE_BYTES_MAX || is_foreign(line) {
            return None;
        }
        if !self.kinds.contains_key(&signature) && self.kinds.len() >= KINDS_MAX {
            return None;
        }
        let kind = self.kinds.entry(signature).or_default();
        let mut tries = |known: &Known| {
            rest.clear();
            known.shape.cut(line, cells, row, scratch, rest)
        };
        let found = kind.shapes.iter().position(&mut tries);
        let place = match found {
            Some(place) => kind.hit(place),
            None if self.looks < LOOKS_MAX => {
                self.looks += 1;
                let place = kind.learn(parts_of(line, cells, row))?;
                // What was learned fits the line it was learned from, unless a value is said in a
                // way that reads otherwise.
                kind.shapes.get(place).filter(|known| tries(known))?;
                place
            }
            None => return None,
        };
        kind.shapes.get(place).map(|known| known.text.as_str())
    }
}

impl Kind {
    /// Counts a hit and moves the shape before a rarer one, so that frequent ones are tried first.
    fn hit(&mut self, place: usize) -> usize {
        let Some(known) = self.shapes.get_mut(place) else { return place };
        known.hits += 1;
        let hits = known.hits;
        match place.checked_sub(1) {
            Some(before) if self.shapes.get(before).is_some_and(|other| other.hits < hits) => {
                self.shapes.swap(before, place);
                before
            }
            _ => place,
        }
    }

    /// Widens the shape that is nearest to the parts, or adds one; gives its place.
    fn learn(&mut self, parts: Vec<Part>) -> Option<usize> {
        let widened = self
            .shapes
            .iter()
            .enumerate()
            .find_map(|(place, known)| Some((place, widen(&known.parts, &parts)?)));
        if let Some((place, parts)) = widened {
            let hits = self.shapes.get(place)?.hits;
            *self.shapes.get_mut(place)? = Known::of(parts, hits);
            return Some(place);
        }
        if self.shapes.len() >= SHAPES_MAX {
            return None;
        }
        self.shapes.push(Known::of(parts, 0));
        Some(self.shapes.len() - 1)
    }
}

impl Known {
    fn of(parts: Vec<Part>, hits: u64) -> Self {
        let pieces = parts.iter().map(|part| match part {
            Part::Said(piece) => piece.clone(),
            Part::Word(text) | Part::Gap(text) => Piece::Text(text.clone()),
            Part::Varied => Piece::Rest,
        });
        let shape = Shape::of(pieces);
        let text = shape.encode();
        Self { parts, shape, text, hits }
    }
}

/// Gives the parts that stand for both, if they are alike enough: the same but for some words.
fn widen(known: &[Part], new: &[Part]) -> Option<Vec<Part>> {
    if known.len() != new.len() {
        return None;
    }
    let (mut words, mut prose) = (0, 0);
    let mut parts = Vec::with_capacity(known.len());
    for pair in known.iter().zip(new) {
        words += usize::from(!matches!(pair.0, Part::Said(_) | Part::Gap(_)));
        parts.push(match pair {
            (one, other) if one == other => one.clone(),
            (Part::Varied, Part::Word(_)) => Part::Varied,
            (Part::Word(one), Part::Word(other)) => {
                prose += usize::from(!has_digit(one) || !has_digit(other));
                Part::Varied
            }
            _ => return None,
        });
    }
    (prose <= 1 + words / 4).then_some(parts)
}

fn has_digit(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

/// What of a line is spoken for.
struct Claims<'l> {
    line: &'l str,
    taken: Vec<(Range<usize>, Piece)>,
}

impl Claims<'_> {
    fn is_free(&self, range: &Range<usize>) -> bool {
        self.taken.iter().all(|(taken, _)| taken.end <= range.start || range.end <= taken.start)
    }

    /// Claims the places where the text stands as a word or words of its own: all of them, or the
    /// first if it is short and so may stand there by chance.
    fn claim(&mut self, text: &str, piece: &Piece) {
        let count = if text.len() < 4 { 1 } else { usize::MAX };
        let found: Vec<Range<usize>> = self
            .line
            .match_indices(text)
            .map(|(start, text)| start..start + text.len())
            .filter(|range| self.is_free(range) && self.is_whole(range))
            .take(count)
            .collect();
        self.taken.extend(found.into_iter().map(|range| (range, piece.clone())));
    }

    fn is_whole(&self, range: &Range<usize>) -> bool {
        let byte = |at: Option<usize>| at.and_then(|at| self.line.as_bytes().get(at)).copied();
        let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let before = is_word(byte(range.start.checked_sub(1))) && is_word(byte(Some(range.start)));
        let after = is_word(byte(range.end.checked_sub(1))) && is_word(byte(Some(range.end)));
        !before && !after
    }
}

/// Looks at a line closely.
fn parts_of(line: &str, cells: &Cells, row: usize) -> Vec<Part> {
    let mut claims = Claims { line, taken: Vec::new() };
    let fields = cells.extra(row).and_then(members).unwrap_or_default();
    claim_members(&mut claims, &fields);
    claim_times(&mut claims, cells, row);
    claim_values(&mut claims, cells, row);
    for (name, raw) in &fields {
        if let Some(text) = bare(raw).filter(|text| !text.is_empty()) {
            claims.claim(text, &Piece::Member((*name).to_owned()));
        }
    }
    claims.taken.sort_by_key(|(range, _)| range.start);
    let mut parts = Vec::new();
    let mut from = 0;
    for (range, piece) in claims.taken {
        split(line.get(from..range.start).unwrap_or_default(), &mut parts);
        parts.push(Part::Said(piece));
        from = range.end;
    }
    split(line.get(from..).unwrap_or_default(), &mut parts);
    parts
}

/// Claims the place where all unknown fields stand one behind the other.
fn claim_members(claims: &mut Claims<'_>, fields: &[(&str, &str)]) {
    if fields.is_empty() {
        return;
    }
    let mut written = String::new();
    for join in Join::all() {
        written.clear();
        if join.write(fields, &mut written)
            && let Some(start) = claims.line.find(&written)
        {
            claims.taken.push((start..start + written.len(), Piece::Members(join)));
            return;
        }
    }
}

fn claim_times(claims: &mut Claims<'_>, cells: &Cells, row: usize) {
    let time = cells.time(row);
    let mut at = 0;
    while let Some(rest) = claims.line.get(at..).filter(|rest| !rest.is_empty()) {
        let starts = claims.is_whole(&(at..at));
        match Clock::find(rest, time)
            .filter(|(_, length)| starts && claims.is_free(&(at..at + length)))
        {
            Some((clock, length)) => {
                claims.taken.push((at..at + length, Piece::Time(clock)));
                at += length;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
}

fn claim_values(claims: &mut Claims<'_>, cells: &Cells, row: usize) {
    let mut made = String::new();
    let mut values: Vec<(String, Piece)> = Vec::new();
    for (place, field) in cells.present(row) {
        let Some(text) = cells.text(place, row, &mut made).filter(|text| !text.is_empty()) else {
            continue;
        };
        if text.contains(['"', '\\', '\n', '\t']) {
            let mut quoted = String::new();
            model::write_json_string(text, &mut quoted);
            let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            values.push((inner.unwrap_or_default().to_owned(), Piece::Escaped(field, place)));
        }
        values.push((text.to_owned(), Piece::Value(field, place)));
    }
    // The longest first, so that a name is not found within a path that holds it.
    values.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    for (text, piece) in values {
        claims.claim(&text, &piece);
    }
}

/// Adds the words and gaps of a text.
fn split(text: &str, parts: &mut Vec<Part>) {
    let is_gap = |letter: char| letter.is_whitespace() || ",;=\"'()[]{}<>|&?".contains(letter);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let gap = is_gap(first);
        let end = rest.find(|letter| is_gap(letter) != gap).unwrap_or(rest.len());
        let (run, later) = rest.split_at(end);
        parts.push(if gap { Part::Gap(run.to_owned()) } else { Part::Word(run.to_owned()) });
        rest = later;
    }
}
