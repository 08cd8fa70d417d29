//! A request cut into what an application reads: a path, and named values.

use std::sync::LazyLock;

use crate::keep::hash;

/// Bounds how many values of a request are looked at.
pub(crate) const VALUES_MAX: usize = 64;
/// Bounds how much of a value is looked at.
const VALUE_BYTES_MAX: usize = 2_048;
/// Bounds how many parts of a path are looked at.
const SEGMENTS_MAX: usize = 16;

/// One request, borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Request<'r> {
    /// The method, as sent.
    pub method: &'r str,
    /// Path and query, as sent.
    pub target: &'r str,
    /// The body, where it was seen.
    pub body: &'r str,
}

/// What a value is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Value {
    pub(crate) length: usize,
    /// A bit for each of [`CLASSES`] that it holds.
    pub(crate) classes: u16,
    /// Its course: what follows what, where repetition counts once.
    pub(crate) shape: u32,
    pub(crate) hash: u32,
    /// A bit for each step from a kind of character to another (or to its like), for how it begins and
    /// ends, and for each kind but letters and digits that comes a second time.
    pub(crate) steps: [u64; 4],
}

/// What stands for the ends of a value among the kinds of characters.
const END: u16 = 15;

impl Value {
    fn step(&mut self, from: u16, to: u16) {
        let step = from << 4 | to;
        if let Some(word) = self.steps.get_mut(usize::from(step >> 6)) {
            *word |= 1 << (step & 63);
        }
    }

    /// Gives the steps as numbers.
    pub(crate) fn steps(&self) -> impl Iterator<Item = u8> {
        self.steps.into_iter().zip([0_u8, 64, 128, 192]).flat_map(|(mut word, from)| {
            std::iter::from_fn(move || {
                let bit = u8::try_from(word.trailing_zeros()).unwrap_or_default();
                (word != 0).then(|| {
                    word &= word.wrapping_sub(1);
                    from | bit
                })
            })
        })
    }
}

/// The kinds of characters that values are told apart by, in words.
pub(crate) const CLASSES: [&str; 14] = [
    "digits",
    "small letters",
    "capital letters",
    "spaces",
    "bytes beyond ASCII",
    "control characters",
    "dots",
    "dashes",
    "quotes",
    "brackets",
    "slashes",
    "percent signs",
    "at signs",
    "other punctuation",
];

/// The kind of every byte, as its place among [`CLASSES`].
static KINDS: LazyLock<[u8; 256]> = LazyLock::new(|| of_each(class_of));

/// Gives a table of what every byte is.
fn of_each<T>(what: impl Fn(u8) -> T) -> [T; 256] {
    std::array::from_fn(|byte| what(u8::try_from(byte).unwrap_or_default()))
}

const fn class_of(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b' ' => 3,
        128.. => 4,
        0..=31 | 127 => 5,
        b'.' | b',' => 6,
        b'-' | b'_' => 7,
        b'\'' | b'"' | b'`' => 8,
        b'<' | b'>' | b'(' | b')' | b'[' | b']' | b'{' | b'}' => 9,
        b'/' | b'\\' => 10,
        b'%' => 11,
        b'@' => 12,
        _ => 13,
    }
}

impl<'r> Request<'r> {
    /// Gives the path.
    pub(crate) fn path(&self) -> &'r str {
        let target = match self.target.split_once("://") {
            Some((scheme, rest)) if scheme.len() < 6 => {
                rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
            }
            _ => self.target,
        };
        target.split(['?', '#']).next().unwrap_or_default()
    }

    /// Calls `each` with the name and the value of every parameter, of the query first.
    pub(crate) fn parameters(&self, mut each: impl FnMut(&'r str, &'r str)) {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let is_form = !self.body.starts_with(['{', '[', '<']) && self.body.contains('=');
        let form = if is_form { self.body } else { "" };
        let pairs = query.split('&').chain(form.split('&')).filter(|pair| !pair.is_empty());
        for pair in pairs.take(VALUES_MAX) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            each(name, value);
        }
        if !is_form && !self.body.is_empty() {
            each("(body)", self.body);
        }
    }
}

/// Gives what a value is made of, its encoding undone.
pub(crate) fn value(text: &str) -> Value {
    let text = text.as_bytes();
    let text = text.get(..VALUE_BYTES_MAX).unwrap_or(text);
    let mut made =
        Value { length: 0, classes: 0, shape: 0x811c_9dc5, hash: 0x811c_9dc5, steps: [0; 4] };
    let kinds = &*KINDS;
    let (mut before, mut last) = (u16::MAX, END);
    let mut at = 0;
    while let Some(byte) = text.get(at).copied() {
        at += 1;
        let byte = match byte {
            b'+' => b' ',
            b'%' => match decoded(text, at) {
                Some(decoded) => {
                    at += 2;
                    decoded
                }
                None => byte,
            },
            _ => byte,
        };
        made.length += 1;
        made.hash = (made.hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        let class = kinds.get(usize::from(byte)).copied().map_or(13, u16::from);
        made.step(last, class);
        if class > 2 && made.classes >> class & 1 == 1 {
            // No step leads from the fourteenth kind of what there are fourteen of: the place is free.
            made.step(14, class);
        }
        made.classes |= 1 << class;
        last = class;
        // Letters are one thing in a course, whatever their case.
        let step = if class == 2 { 1 } else { class };
        if step != before {
            made.shape = (made.shape ^ u32::from(step)).wrapping_mul(0x0100_0193);
            before = step;
        }
    }
    made.step(last, END);
    made
}

fn decoded(text: &[u8], at: usize) -> Option<u8> {
    let [high, low] = *text.get(at..at + 2)?.first_chunk::<2>()?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// What a part of a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    Word,
    Number,
    Date,
    Code,
}

/// What a byte counts as in a segment, each in sixteen bits: digit, part of a number to the base of sixteen
/// or a dash, letter or digit, dash. What is longer than sixteen bits can count is no id in any case.
static COUNTS: LazyLock<[u64; 256]> = LazyLock::new(|| {
    of_each(|byte| {
        let dash = byte == b'-';
        u64::from(byte.is_ascii_digit())
            | u64::from(byte.is_ascii_hexdigit() || dash) << 16
            | u64::from(byte.is_ascii_alphanumeric()) << 32
            | u64::from(dash) << 48
    })
});

impl Segment {
    /// Tells what a segment of some length stands for whose bytes count so much together.
    fn of(length: usize, counts: u64) -> Self {
        let part = |at: u32| usize::try_from(counts >> at & 0xFFFF).unwrap_or_default();
        let (digits, hex, plain, dashes) = (part(0), part(16), part(32), part(48));
        if digits == 0 {
            return if length > 64 { Self::Code } else { Self::Word };
        }
        if digits == length {
            return Self::Number;
        }
        if dashes == 2 && digits == 8 && length == 10 {
            return Self::Date;
        }
        if hex == length && length >= 8 || plain == length && length >= 16 && digits >= 3 {
            return Self::Code;
        }
        Self::Word
    }

    const fn mark(self) -> &'static str {
        match self {
            Self::Word => "",
            Self::Number => "{number}",
            Self::Date => "{date}",
            Self::Code => "{code}",
        }
    }

    /// Gives what stands for it where templates are told apart; no text begins with such a byte.
    const fn key(self, ends: bool) -> &'static [u8] {
        match (self, ends) {
            (Self::Word, _) => b"",
            (Self::Number, false) => b"\xFFn",
            (Self::Number, true) => b"\xFFn/",
            (Self::Date, false) => b"\xFFd",
            (Self::Date, true) => b"\xFFd/",
            (Self::Code, false) => b"\xFFc",
            (Self::Code, true) => b"\xFFc/",
        }
    }
}

/// Gives the segments of a path with what each stands for. A name with an ending (`app.8f3a2c1d.js`) is
/// cut at its dots, so that a hash in it is seen.
fn segments(path: &str) -> impl Iterator<Item = (&str, Segment)> {
    let table = &*COUNTS;
    let mut rest = path;
    let next = move || {
        let mut counts = 0_u64;
        let end = rest.bytes().position(|byte| {
            let ends = matches!(byte, b'/' | b'.');
            let more = table.get(usize::from(byte)).copied().unwrap_or_default();
            counts = counts.wrapping_add(if ends { 0 } else { more });
            ends
        });
        let length = end.unwrap_or(rest.len());
        let (part, after) = rest.split_at_checked(length + usize::from(end.is_some()))?;
        rest = after;
        (!part.is_empty()).then(|| (part, Segment::of(length, counts)))
    };
    std::iter::from_fn(next).take(SEGMENTS_MAX * 2)
}

/// How much of a template is hashed at once.
const TEMPLATE_BYTES: usize = 128;

/// Gives the template of a path as a number: ids, dates and hashes in it stand for any.
pub(crate) fn template(path: &str) -> u32 {
    let mut template = [0_u8; TEMPLATE_BYTES];
    let (mut length, mut mixed) = (0, 0);
    for (part, segment) in segments(path) {
        let shown = match segment {
            Segment::Word => part.as_bytes(),
            other => other.key(part.ends_with('/')),
        };
        for piece in shown.chunks(TEMPLATE_BYTES) {
            if length + piece.len() > TEMPLATE_BYTES {
                mixed ^= hash(template.get(..length).unwrap_or_default());
                mixed = mixed.rotate_left(5).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                length = 0;
            }
            if let Some(room) = template.get_mut(length..length + piece.len()) {
                room.copy_from_slice(piece);
                length += piece.len();
            }
        }
    }
    mixed ^= hash(template.get(..length).unwrap_or_default());
    u32::try_from(mixed >> 32).unwrap_or_default()
}

/// Gives the template of a path to be read by people.
pub(crate) fn template_text(path: &str, bytes_max: usize) -> String {
    let mut text = String::new();
    for (part, segment) in segments(path) {
        match segment {
            Segment::Word => text.push_str(part),
            other => {
                text.push_str(other.mark());
                text.push_str(
                    part.get(part.trim_end_matches(['/', '.']).len()..).unwrap_or_default(),
                );
            }
        }
        if text.len() > bytes_max {
            text.truncate(text.floor_char_boundary(bytes_max));
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn templates() {
        check("/", expect!["/"]);
        check("/products/4711/reviews", expect!["/products/{number}/reviews"]);
        check("/a/2026-11-21/b.html", expect!["/a/{date}/b.html"]);
        check("/o/3b0e5d1c-0f0e-4d4c-9a55-6f0f2f9d7c11", expect!["/o/{code}"]);
        check("/static/app.8f3a2c1d.js", expect!["/static/app.{code}.js"]);
        assert_eq!(template("/products/1/x"), template("/products/22/x"));
        assert_ne!(template("/products/1/x"), template("/products/y/x"));
        assert_ne!(template("/products/1"), template("/products/1/"));
    }

    #[test]
    fn long_paths_are_told_apart_to_their_end() {
        let long = "/word".repeat(20);
        let (one, other) = (format!("{long}/{long}/a"), format!("{long}/{long}/b"));
        // Past so many segments nothing is looked at.
        assert_eq!(template(&one), template(&other));
        let (one, other) = (format!("{}/a", "w".repeat(300)), format!("{}/b", "w".repeat(300)));
        assert_ne!(template(&one), template(&other));
        assert_ne!(template("/\0n"), template("/7"));
        assert_ne!(template("/7/"), template("/7"));
    }

    proptest! {
        #[test]
        fn segments_are_those_of_a_plain_cut(path in "[a-f0-9./-]{0,40}|.{0,30}") {
            let plain: Vec<&str> = path.split_inclusive(['/', '.']).take(32).collect();
            let (parts, kinds): (Vec<&str>, Vec<Segment>) = segments(&path).unzip();
            prop_assert_eq!(&parts, &plain);
            for (part, kind) in parts.iter().zip(kinds) {
                let bare = part.trim_end_matches(['/', '.']);
                let digits = bare.bytes().filter(u8::is_ascii_digit).count();
                prop_assert_eq!(kind == Segment::Number, digits > 0 && digits == bare.len());
            }
        }
    }

    #[test]
    fn values() {
        let (one, other) = (value("a1%27b"), value("Z9'c"));
        assert_eq!((one.length, one.shape), (4, other.shape));
        assert_eq!(one.classes, 1 << 1 | 1 | 1 << 8);
        assert_ne!(one.hash, other.hash);
        assert_eq!(value("a+b"), value("a%20b"));
    }

    #[test]
    fn parameters_of_query_and_form() {
        let request = Request { method: "POST", target: "http://h/p/q?a=1&b&&c=2=3", body: "d=4" };
        let mut seen = Vec::new();
        request.parameters(|name, value| seen.push(format!("{name}:{value}")));
        assert_eq!(seen.join(" "), "a:1 b: c:2=3 d:4");
        assert_eq!(request.path(), "/p/q");
    }

    #[track_caller]
    fn check(path: &str, expect: Expect) {
        expect.assert_eq(&template_text(path, 200));
    }
}
