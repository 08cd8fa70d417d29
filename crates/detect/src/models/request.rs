//! A request cut into what an application reads: a path, and named values.

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
    pub(crate) fn steps(&self) -> impl Iterator<Item = u32> {
        let words = self.steps.into_iter().zip((0..).step_by(64));
        words.flat_map(|(word, from)| {
            let bits = (0..64).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit: u32| from + bit)
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

const fn class(byte: u8) -> u16 {
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
        let class = class(byte);
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

impl Segment {
    fn of(text: &[u8]) -> Self {
        let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return if text.len() > 64 { Self::Code } else { Self::Word };
        }
        if digits == text.len() {
            return Self::Number;
        }
        let dashes = memchr::memchr_iter(b'-', text).count();
        if dashes == 2 && digits == 8 && text.len() == 10 {
            return Self::Date;
        }
        let hex = text.iter().filter(|byte| byte.is_ascii_hexdigit() || **byte == b'-').count();
        let plain = text.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
        if hex == text.len() && text.len() >= 8
            || plain == text.len() && text.len() >= 16 && digits >= 3
        {
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
}

/// Gives the segments of a path with what each stands for. A name with an ending (`app.8f3a2c1d.js`) is
/// cut at its dots, so that a hash in it is seen.
fn segments(path: &str) -> impl Iterator<Item = (&str, Segment)> {
    let parts = path.split_inclusive(['/', '.']).take(SEGMENTS_MAX * 2);
    parts.map(|part| {
        let bare = part.trim_end_matches(['/', '.']);
        (part, Segment::of(bare.as_bytes()))
    })
}

/// Gives the template of a path as a number: ids, dates and hashes in it stand for any.
pub(crate) fn template(path: &str) -> u32 {
    let mut mixed = 0x811c_9dc5_u32;
    for (part, segment) in segments(path) {
        let named = match segment {
            Segment::Word => hash(part.as_bytes()),
            other => hash(other.mark().as_bytes()) ^ u64::from(part.ends_with('/')) << 40,
        };
        let folded = u32::try_from(named >> 32).unwrap_or_default();
        mixed = (mixed.rotate_left(5) ^ folded).wrapping_mul(0x9E37_79B1);
    }
    mixed
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
