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
    let disposition = header(head, b"content-disposition");
    FormPart {
        name: parameter(disposition, b"name").unwrap_or_default(),
        filename: parameter(disposition, b"filename").or_else(|| extended(disposition)),
        media: header(head, b"content-type"),
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

/// Gives the value of the header `name` (in lower case) with the lines folded behind it; empty where
/// there is none.
fn header<'a>(head: &'a [u8], name: &[u8]) -> &'a [u8] {
    let mut at = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let start = at;
        at += line.len();
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let (own, value) = (line.get(..colon).unwrap_or_default(), start + colon + 1);
        let own = own.strip_suffix(b" ").unwrap_or(own);
        if own.eq_ignore_ascii_case(name) {
            let rest = head.get(value..).unwrap_or_default();
            let ends = |at: &usize| !matches!(rest.get(at + 1), Some(b' ' | b'\t'));
            let end = memchr::memchr_iter(b'\n', rest).find(ends).unwrap_or(rest.len());
            return rest.get(..end).unwrap_or_default().trim_ascii();
        }
    }
    b""
}

/// Gives the parameter `name` (in lower case) of a header: in quotes or up to the next semicolon. What
/// another parameter holds in quotes is none, and neither is the end of a longer name.
fn parameter<'a>(header: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut at = 0;
    let mut begins = false;
    while let Some(byte) = header.get(at) {
        let rest = header.get(at..)?;
        if begins && let Some(value) = value(rest, name) {
            return Some(value);
        }
        begins = matches!(byte, b';' | b' ' | b'\t' | b'\n');
        at += 1;
        if *byte == b'"' {
            let quoted = header.get(at..)?;
            at += closing_quote(quoted).unwrap_or(quoted.len()) + 1;
        }
    }
    None
}

/// Gives the value of the parameter that `text` begins with, if it is the one of that name.
fn value<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let own = text.get(..name.len())?;
    let value = own.eq_ignore_ascii_case(name).then(|| text.get(name.len()..))??;
    let value = value.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    if let Some(quoted) = value.strip_prefix(b"\"") {
        return quoted.get(..quote_end(quoted));
    }
    let end = value.iter().position(|byte| matches!(byte, b';' | b'\r' | b'\n'));
    value.get(..end.unwrap_or(value.len())).map(<[u8]>::trim_ascii)
}

/// The offset of the quote that ends the text, or the first one where none does.
fn quote_end(text: &[u8]) -> usize {
    let first = || memchr::memchr(b'"', text).unwrap_or(text.len());
    closing_quote(text).unwrap_or_else(first)
}

/// The offset of the quote that ends the text; one behind a backslash does not, nor one of another line.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let closes = |at: &usize| at.checked_sub(1).and_then(|at| text.get(at)) != Some(&b'\\');
    let line = memchr::memchr(b'\n', text).unwrap_or(text.len());
    memchr::memchr_iter(b'"', text.get(..line)?).find(closes)
}

/// `filename*=UTF-8''na%6De` (RFC 8187); the percent-encoding is peeled off later.
fn extended(disposition: &[u8]) -> Option<&[u8]> {
    let value = parameter(disposition, b"filename*")?;
    value.splitn(3, |byte| *byte == b'\'').nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stand_in_the_disposition_alone() {
        for (head, name, filename) in [
            ("Content-Disposition: form-data; name=\"a\"; filename=\"b\"", "a", Some("b")),
            ("content-disposition:form-data;filename=b;NAME=a", "a", Some("b")),
            ("Content-Disposition: form-data; name=\"a\"; x-filename=\"b\"", "a", None),
            ("X-Name: 1; filename=b\r\nContent-Disposition: form-data; name=a", "a", None),
            ("Content-Disposition: form-data; name=\"a; filename=b\"", "a; filename=b", None),
            (
                "Content-Disposition: form-data; x-filename=\"b.txt\";\r\n\tfilename = \"b.php\"",
                "",
                Some("b.php"),
            ),
            ("Content-Disposition: x; name=a; filename*=UTF-8''b%2e", "a", Some("b%2e")),
            ("Content-Disposition: x; name=a\r\nContent-Type: y; filename=b", "a", None),
        ] {
            let text = format!("{head}\r\n\r\nv");
            let part = form_part(text.as_bytes());
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(text(part.name), name, "{head}");
            assert_eq!(part.filename.map(text).as_deref(), filename, "{head}");
        }
    }
}
