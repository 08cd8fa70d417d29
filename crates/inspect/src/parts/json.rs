//! The strings of a JSON text, keys and values, without building a tree.
//!
//! Strings are found by their quotes alone, so a broken or truncated document gives as many of its
//! strings as a whole one; nesting costs nothing.

use memchr::memchr2;

use super::{Coding, Kind, Part, PlaceRef, Visitor};

/// Longest key joined with the one that holds it, in bytes.
const KEY_BYTES_MAX: usize = 64;

pub(super) fn strings(text: &[u8], visitor: &mut impl Visitor) {
    let mut key: &[u8] = b"";
    let mut at = 0;
    while let Some(open) = memchr::memchr(b'"', text.get(at..).unwrap_or_default()) {
        let between = text.get(at..at + open).unwrap_or_default();
        let start = at + open + 1;
        let end = string_end(text, start);
        let content = text.get(start..end).unwrap_or_default();
        at = end + 1;
        let next =
            text.get(at..).unwrap_or_default().iter().find(|byte| !byte.is_ascii_whitespace());
        if next == Some(&b':') {
            visit(content, PlaceRef::BodyName(content), visitor);
            if opens_object(between) {
                pair(key, content, visitor);
            }
            key = content;
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

/// Tells whether nothing but the opening of an object stands between a key and the next one.
fn opens_object(between: &[u8]) -> bool {
    let between = between.trim_ascii();
    between.strip_prefix(b":").is_some_and(|rest| rest.trim_ascii() == b"{")
}

/// Visits two keys as one path where the inner is `prototype`: each by itself is an honest word.
fn pair(outer: &[u8], inner: &[u8], visitor: &mut impl Visitor) {
    let prototype = inner.eq_ignore_ascii_case(b"prototype")
        || inner.contains(&b'\\') && inner.len() <= KEY_BYTES_MAX;
    if prototype && (1..=KEY_BYTES_MAX).contains(&outer.len()) {
        let path = [outer, b".", inner].concat();
        let place = PlaceRef::BodyName(outer);
        visitor.part(&Part { place, kind: Kind::Name, coding: Coding::Json, text: &path });
    }
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
