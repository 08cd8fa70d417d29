//! Which classes to ask about a text: by its characters, and by the literals of all classes at once.

use std::sync::LazyLock;

use crate::bytes::{AT, COMMA, DASH, DIGIT, LETTER, PIPE, SPACE};
use crate::classes::{CLASSES, ClassRow};
use crate::literals::Literals;
use crate::parts::Kind;

/// A set of rows of [`CLASSES`], one bit each.
pub(crate) type ClassSet = u32;

/// Characters of which no payload consists: a value of these alone is a word or a number.
const HARMLESS: u32 = LETTER | DIGIT | DASH | COMMA | AT;

/// Longer ones may be an object in base64.
const HARMLESS_BYTES_MAX: usize = 24;

struct Prefilter {
    /// Literals of the classes that listen to headers, and of those that listen to the rest: apart,
    /// so that no path is compared with the names of tools.
    headers: Literals,
    texts: Literals,
    path: Listeners,
    value: Listeners,
    name: Listeners,
    header: Listeners,
    agent: Listeners,
    document: Listeners,
}

/// What the classes listen to in one kind of part.
struct Listeners {
    /// Characters that call some class.
    kinds: u32,
    /// The classes that listen at all.
    hearing: ClassSet,
    /// The characters that call each class.
    rows: Vec<(ClassSet, u32)>,
}

static PREFILTER: LazyLock<Prefilter> = LazyLock::new(build);

fn build() -> Prefilter {
    Prefilter {
        headers: literals(&[Kind::Header, Kind::Agent]),
        texts: literals(&[Kind::Path, Kind::Value, Kind::Name, Kind::Document]),
        path: listeners(Kind::Path),
        value: listeners(Kind::Value),
        name: listeners(Kind::Name),
        header: listeners(Kind::Header),
        agent: listeners(Kind::Agent),
        document: listeners(Kind::Document),
    }
}

fn listeners(kind: Kind) -> Listeners {
    let rows: Vec<(ClassSet, u32)> = CLASSES
        .iter()
        .zip(bits())
        .filter(|(row, _)| !row.deaf.contains(&kind))
        .map(|(row, bit)| (bit, characters(row, kind)))
        .collect();
    Listeners {
        kinds: rows.iter().fold(0, |kinds, (_, row)| kinds | row),
        hearing: rows.iter().fold(0, |set, (bit, _)| set | bit),
        rows,
    }
}

fn characters(row: &ClassRow, kind: Kind) -> u32 {
    match kind {
        Kind::Path => row.path_kinds,
        Kind::Header | Kind::Agent => row.header_kinds,
        // No application names a field with a space; `&sleep 9` does, cut at its `&`.
        Kind::Name if row.kinds & PIPE != 0 => row.kinds | SPACE,
        Kind::Value | Kind::Name | Kind::Document => row.kinds,
    }
}

/// Gives the bits of the rows in table order.
pub(crate) fn bits() -> impl Iterator<Item = ClassSet> {
    (0..ClassSet::BITS).map(|shift| 1 << shift)
}

/// Gives the classes to ask about `text`, which holds characters of `kinds`.
pub(crate) fn called(kind: Kind, kinds: u32, text: &[u8]) -> ClassSet {
    let word = kinds & !HARMLESS == 0 && text.len() < HARMLESS_BYTES_MAX;
    // Words with two underscores may be keys that reach into an object.
    let key = text.starts_with(b"__");
    if word && !key && matches!(kind, Kind::Value | Kind::Name) {
        return 0;
    }
    let prefilter = &*PREFILTER;
    let (listeners, literals) = match kind {
        Kind::Path => (&prefilter.path, &prefilter.texts),
        Kind::Value => (&prefilter.value, &prefilter.texts),
        Kind::Name => (&prefilter.name, &prefilter.texts),
        Kind::Header => (&prefilter.header, &prefilter.headers),
        Kind::Agent => (&prefilter.agent, &prefilter.headers),
        Kind::Document => (&prefilter.document, &prefilter.texts),
    };
    let mut called = 0;
    if kinds & listeners.kinds != 0 {
        for (bit, wanted) in &listeners.rows {
            if kinds & wanted != 0 {
                called |= bit;
            }
        }
    }
    called | literals.heard(text, listeners.hearing & !called)
}

/// Gives the literals of the classes that listen to any of `kinds`.
fn literals(kinds: &[Kind]) -> Literals {
    let rows = CLASSES.iter().zip(bits());
    let rows = rows.filter(|(row, _)| kinds.iter().any(|kind| !row.deaf.contains(kind)));
    Literals::of(rows.flat_map(|(row, bit)| row.literals.iter().map(move |text| (*text, bit))))
}
