//! `multipart/form-data` (RFC 7578): the name, the file name and the content of each part.

use memchr::memmem;

use super::{Coding, Kind, Part, PlaceRef, Visitor};

/// Longest head of one part that is searched for names, in bytes.
const HEAD_BYTES_MAX: usize = 2048;

pub(super) fn parts(body: &[u8], boundary: &str, visitor: &mut impl Visitor) {
    let delimiter = format!("--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    let mut rest = body;
    while let Some(at) = finder.find(rest) {
        let after = rest.get(at + delimiter.len()..).unwrap_or_default();
        let end = finder.find(after).unwrap_or(after.len());
        one(after.get(..end).unwrap_or_default(), visitor);
        rest = after.get(end..).unwrap_or_default();
    }
}

fn one(part: &[u8], visitor: &mut impl Visitor) {
    let (head, content) = split_head(part);
    let head = head.get(..HEAD_BYTES_MAX).unwrap_or(head);
    let name = quoted(head, b" name=").unwrap_or_default();
    for (kind, text) in
        [(Kind::Name, name), (Kind::Value, quoted(head, b"filename=").unwrap_or_default())]
    {
        if !text.is_empty() {
            let place = PlaceRef::BodyName(name);
            visitor.part(&Part { place, kind, coding: Coding::Plain, text });
        }
    }
    if !content.is_empty() {
        let (place, coding) = (PlaceRef::BodyValue(name), Coding::Plain);
        visitor.part(&Part { place, kind: Kind::Value, coding, text: content });
    }
}

fn split_head(part: &[u8]) -> (&[u8], &[u8]) {
    for gap in [&b"\r\n\r\n"[..], b"\n\n"] {
        if let Some(at) = memmem::find(part, gap) {
            let content = part.get(at + gap.len()..).unwrap_or_default();
            return (part.get(..at).unwrap_or_default(), content.trim_ascii_end());
        }
    }
    (part, b"")
}

/// Gives the quoted text after `label`.
fn quoted<'a>(head: &'a [u8], label: &[u8]) -> Option<&'a [u8]> {
    let at = memmem::find(head, label)? + label.len();
    let value = head.get(at..)?.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', value).unwrap_or(value.len());
    value.get(..end)
}
