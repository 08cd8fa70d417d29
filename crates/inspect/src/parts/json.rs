//! The strings of a JSON text, keys and values, without building a tree.
//!
//! Strings are found by their quotes alone, so a broken or truncated document gives as many of its
//! strings as a whole one; nesting costs nothing.

use memchr::memchr2;

use super::{Coding, Kind, Part, PlaceRef, Visitor};

pub(super) fn strings(text: &[u8], visitor: &mut impl Visitor) {
    let mut key: &[u8] = b"";
    let mut at = 0;
    while let Some(open) = memchr::memchr(b'"', text.get(at..).unwrap_or_default()) {
        let start = at + open + 1;
        let end = string_end(text, start);
        let content = text.get(start..end).unwrap_or_default();
        at = end + 1;
        let next =
            text.get(at..).unwrap_or_default().iter().find(|byte| !byte.is_ascii_whitespace());
        if next == Some(&b':') {
            key = content;
            visit(content, PlaceRef::BodyName(content), visitor);
        } else {
            visit(content, PlaceRef::BodyValue(key), visitor);
        }
    }
}

fn visit(text: &[u8], place: PlaceRef<'_>, visitor: &mut impl Visitor) {
    let kind = match place {
        PlaceRef::BodyName(_) => Kind::Name,
        _ => Kind::Value,
    };
    visitor.part(&Part { place, kind, coding: Coding::Json, text });
}

/// Gives the offset of the quote that closes the string opened before `start`, or the text's end.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(found) = memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found;
        if text.get(at) == Some(&b'"') {
            return at;
        }
        at += 2;
    }
    text.len()
}
