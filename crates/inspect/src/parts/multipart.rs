//! `multipart/form-data` (RFC 7578): the name, the file name and the content of each part.

use memchr::memmem;

use super::{Coding, File, Kind, Part, PlaceRef, Visitor};
use crate::magic;

/// Longest head of one part that is searched for names, in bytes.
const HEAD_BYTES_MAX: usize = 2048;

/// One part, as it stands.
pub(super) struct FormPart<'a> {
    name: &'a [u8],
    filename: Option<&'a [u8]>,
    media: &'a [u8],
    content: &'a [u8],
}

impl<'a> FormPart<'a> {
    /// Gives the part as a file; `None` where it has no file name.
    pub(super) fn file(&self) -> Option<File<'a>> {
        let place = PlaceRef::BodyValue(self.name);
        let (media, content) = (self.media, self.content);
        let filename = self.filename.filter(|filename| !filename.is_empty())?;
        Some(File { place, filename, media, content })
    }
}

pub(super) fn parts(body: &[u8], boundary: &str, visitor: &mut impl Visitor) {
    each(body, boundary, &mut |part| visit(part, visitor));
}

/// Shows every part of `body` to `show`.
pub(super) fn each<'a>(body: &'a [u8], boundary: &str, show: &mut dyn FnMut(&FormPart<'a>)) {
    let delimiter = format!("--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    let mut rest = body;
    while let Some(at) = finder.find(rest) {
        let after = rest.get(at + delimiter.len()..).unwrap_or_default();
        let end = finder.find(after).unwrap_or(after.len());
        show(&form_part(after.get(..end).unwrap_or_default()));
        rest = after.get(end..).unwrap_or_default();
    }
}

fn form_part(part: &[u8]) -> FormPart<'_> {
    let (head, content) = split_head(part);
    let head = head.get(..HEAD_BYTES_MAX).unwrap_or(head);
    FormPart {
        name: parameter(head, b" name=").or_else(|| parameter(head, b";name=")).unwrap_or_default(),
        filename: parameter(head, b"filename=").or_else(|| extended(head)),
        media: media(head),
        content,
    }
}

fn visit(part: &FormPart<'_>, visitor: &mut impl Visitor) {
    let name = part.name;
    let filename = part.filename.unwrap_or_default();
    for (kind, text) in [(Kind::Name, name), (Kind::Value, filename)] {
        if !text.is_empty() {
            let place = PlaceRef::BodyName(name);
            visitor.part(&Part { place, kind, coding: Coding::Plain, text });
        }
    }
    // Pictures and archives are no text; whether they are what they seem is asked of the file.
    let binary = part.filename.is_some() && magic::of(part.content).is_some();
    if !part.content.is_empty() && !binary {
        let (place, coding) = (PlaceRef::BodyValue(name), Coding::Plain);
        visitor.part(&Part { place, kind: Kind::Value, coding, text: part.content });
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

/// Gives the text after `label`, in quotes or up to the next semicolon.
fn parameter<'a>(head: &'a [u8], label: &[u8]) -> Option<&'a [u8]> {
    let at = find_label(head, label)? + label.len();
    let value = head.get(at..)?;
    if let Some(quoted) = value.strip_prefix(b"\"") {
        return quoted.get(..quote_end(quoted));
    }
    let end = value.iter().position(|byte| matches!(byte, b';' | b'\r' | b'\n'));
    value.get(..end.unwrap_or(value.len())).map(<[u8]>::trim_ascii)
}

/// The offset of the quote that ends the text; one behind a backslash does not.
fn quote_end(text: &[u8]) -> usize {
    let quotes = memchr::memchr_iter(b'"', text);
    let closes = |at: &usize| at.checked_sub(1).and_then(|at| text.get(at)) != Some(&b'\\');
    let first = memchr::memchr(b'"', text).unwrap_or(text.len());
    let line = memchr::memchr(b'\n', text).unwrap_or(text.len());
    quotes.take_while(|at| *at < line).find(closes).unwrap_or(first)
}

/// `filename*=UTF-8''na%6De` (RFC 8187); the percent-encoding is peeled off later.
fn extended(head: &[u8]) -> Option<&[u8]> {
    let value = parameter(head, b"filename*=")?;
    value.splitn(3, |byte| *byte == b'\'').nth(2)
}

/// The declared type of a part.
fn media(head: &[u8]) -> &[u8] {
    let Some(at) = find_label(head, b"content-type:") else { return b"" };
    let value = head.get(at + b"content-type:".len()..).unwrap_or_default();
    let end = memchr::memchr2(b'\r', b'\n', value).unwrap_or(value.len());
    value.get(..end).unwrap_or_default().trim_ascii()
}

/// Finds `label`, in lower case, in any case.
fn find_label(head: &[u8], label: &[u8]) -> Option<usize> {
    head.windows(label.len()).position(|window| window.eq_ignore_ascii_case(label))
}
