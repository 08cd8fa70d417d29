//! `multipart/form-data` (RFC 7578): the names, the file names and the content of each part.
//!
//! Readers differ in which of two headers and of two parameters they take, so every name is shown, up
//! to a bound, and so is every file name; each has to stand.

use std::borrow::Cow;

use memchr::memmem;

use super::{Coding, File, Kind, Part, PlaceRef, Visitor};
use crate::magic;

/// Longest head of one part that is searched for names, in bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Most names, and most file names, of one part.
const NAMES_MAX: usize = 4;
/// Most pieces of one file name (RFC 2231).
const PIECES_MAX: usize = 10;

/// One part, as it stands.
#[derive(Default)]
pub(super) struct FormPart<'a> {
    names: Vec<&'a [u8]>,
    filenames: Vec<Cow<'a, [u8]>>,
    medias: Vec<&'a [u8]>,
    content: &'a [u8],
}

impl<'a> FormPart<'a> {
    /// The name that most readers take.
    fn name(&self) -> &'a [u8] {
        self.names.first().copied().unwrap_or_default()
    }

    /// Shows the part as a file, once for each file name and each type that it is given.
    pub(super) fn each_file(&self, show: &mut dyn FnMut(&File<'_>)) {
        let place = PlaceRef::BodyValue(self.name());
        let medias = if self.medias.is_empty() { &[&b""[..]][..] } else { &self.medias };
        for filename in self.filenames.iter().filter(|filename| !filename.is_empty()) {
            for media in medias {
                show(&File { place, filename, media, content: self.content });
            }
        }
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

/// Gives the boundary that `body` itself begins with; the header's may be missing or another.
pub(super) fn boundary_of(body: &[u8]) -> Option<&str> {
    let body = body.trim_ascii_start().strip_prefix(b"--")?;
    let line = body.get(..memchr::memchr(b'\n', body)?)?.trim_ascii_end();
    let fits =
        (1..=BOUNDARY_BYTES_MAX).contains(&line.len()) && line.iter().all(u8::is_ascii_graphic);
    let head = body.get(..body.len().min(HEAD_BYTES_MAX))?;
    let first = head.get(line.len()..)?.trim_ascii_start();
    let disposed = first.get(..DISPOSITION.len())?.eq_ignore_ascii_case(DISPOSITION)
        || !header_values(first, DISPOSITION).is_empty();
    std::str::from_utf8(line).ok().filter(|_| fits && disposed)
}

/// Longest boundary read out of a body; RFC 2046 allows seventy.
const BOUNDARY_BYTES_MAX: usize = 128;
const DISPOSITION: &[u8] = b"content-disposition";

fn form_part(part: &[u8]) -> FormPart<'_> {
    let (head, content) = split_head(part);
    let head = head.get(..HEAD_BYTES_MAX).unwrap_or(head);
    let mut form = FormPart { content, ..FormPart::default() };
    for disposition in header_values(head, DISPOSITION) {
        form.names.extend(parameters(disposition, b"name"));
        form.filenames.extend(parameters(disposition, b"filename").into_iter().map(Cow::Borrowed));
        let extended = parameters(disposition, b"filename*").into_iter();
        // `filename*=UTF-8''na%6De` (RFC 8187); the percent-encoding is peeled off later.
        let plain = extended.map(|value| value.splitn(3, |b| *b == b'\'').nth(2).unwrap_or(value));
        form.filenames.extend(plain.map(Cow::Borrowed));
        form.filenames.extend(pieces(disposition).map(Cow::Owned));
    }
    form.names.truncate(NAMES_MAX);
    form.filenames.truncate(NAMES_MAX * 2);
    form.medias = header_values(head, b"content-type");
    form.medias.truncate(2);
    form
}

/// `filename*0="a.p"; filename*1="hp"`: one name in several parameters.
fn pieces(disposition: &[u8]) -> Option<Vec<u8>> {
    memmem::find(disposition, b"*0")?;
    let mut joined = Vec::new();
    for number in 0..PIECES_MAX {
        let plain = format!("filename*{number}");
        let encoded = format!("filename*{number}*");
        let piece = parameters(disposition, plain.as_bytes()).into_iter();
        let piece = piece.chain(parameters(disposition, encoded.as_bytes())).next();
        let Some(piece) = piece else { break };
        let tagged = number == 0 && memmem::find(piece, b"''").is_some();
        let piece = piece.splitn(3, |byte| tagged && *byte == b'\'').last().unwrap_or(piece);
        joined.extend_from_slice(piece);
    }
    (!joined.is_empty()).then_some(joined)
}

fn visit(part: &FormPart<'_>, visitor: &mut impl Visitor) {
    let name = part.name();
    let names = part.names.iter().map(|name| (Kind::Name, *name));
    let filenames = part.filenames.iter().map(|name| (Kind::Value, name.as_ref()));
    for (kind, text) in names.chain(filenames).filter(|(_, text)| !text.is_empty()) {
        let place = PlaceRef::BodyName(name);
        visitor.part(&Part { place, kind, coding: Coding::Plain, text });
    }
    // Pictures and archives are no text; whether they are what they seem is asked of the file.
    let binary = !part.filenames.is_empty() && magic::of(part.content).is_some();
    if !part.content.is_empty() && !binary {
        let (place, coding) = (PlaceRef::BodyValue(name), Coding::Plain);
        visitor.part(&Part { place, kind: Kind::Value, coding, text: part.content });
    }
}

/// Splits at the first empty line, whichever way its lines end.
fn split_head(part: &[u8]) -> (&[u8], &[u8]) {
    let gap = memchr::memchr_iter(b'\n', part).find_map(|at| match part.get(at + 1..)? {
        [b'\n', ..] => Some((at, at + 2)),
        [b'\r', b'\n', ..] => Some((at, at + 3)),
        _ => None,
    });
    let Some((end, start)) = gap else { return (part, b"") };
    let content = part.get(start..).unwrap_or_default();
    (part.get(..end).unwrap_or_default(), content.trim_ascii_end())
}

/// Gives the values of every header `name` (in lower case), each with the lines folded behind it.
fn header_values<'a>(head: &'a [u8], name: &[u8]) -> Vec<&'a [u8]> {
    let mut values = Vec::new();
    let mut at = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let start = at;
        at += line.len();
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let (own, value) = (line.get(..colon).unwrap_or_default(), start + colon + 1);
        // A folded line begins with a blank and is no header of its own.
        let folded = start > 0 && matches!(own.first(), Some(b' ' | b'\t'));
        if !folded && values.len() < NAMES_MAX && own.trim_ascii().eq_ignore_ascii_case(name) {
            let rest = head.get(value..).unwrap_or_default();
            let ends = |at: &usize| !matches!(rest.get(at + 1), Some(b' ' | b'\t'));
            let end = memchr::memchr_iter(b'\n', rest).find(ends).unwrap_or(rest.len());
            values.push(rest.get(..end).unwrap_or_default().trim_ascii());
        }
    }
    values
}

/// Gives the values of every parameter `name` (in lower case) of a header: in quotes or up to the next
/// semicolon. What another parameter holds in quotes is none, and neither is the end of a longer name.
pub(super) fn parameters<'a>(header: &'a [u8], name: &[u8]) -> Vec<&'a [u8]> {
    let mut values = Vec::new();
    let mut at = 0;
    let mut begins = false;
    while let Some(byte) = header.get(at) {
        let rest = header.get(at..).unwrap_or_default();
        if begins
            && values.len() < NAMES_MAX
            && let Some(value) = value(rest, name)
        {
            values.push(value);
        }
        begins = matches!(byte, b';' | b' ' | b'\t' | b'\n' | b',');
        at += 1;
        if *byte == b'"' {
            let quoted = header.get(at..).unwrap_or_default();
            at += closing_quote(quoted).unwrap_or(quoted.len()) + 1;
        }
    }
    values
}

/// Gives the value of the parameter that `text` begins with, if it is the one of that name.
fn value<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let own = text.get(..name.len())?;
    let value = own.eq_ignore_ascii_case(name).then(|| text.get(name.len()..))??;
    let value = value.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    if let Some(quoted) = value.strip_prefix(b"\"") {
        return quoted.get(..quote_end(quoted));
    }
    // PHP takes the other quotes, too.
    if let Some(quoted) = value.strip_prefix(b"'")
        && let Some(end) = memchr::memchr2(b'\'', b'\n', quoted)
    {
        return quoted.get(..end);
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
    // Looked for together: the end of the line may lie far behind many quotes.
    memchr::memchr2_iter(b'"', b'\n', text).find_map(|at| match text.get(at) {
        Some(b'\n') => Some(None),
        _ if at.checked_sub(1).and_then(|at| text.get(at)) == Some(&b'\\') => None,
        _ => Some(Some(at)),
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stand_in_the_disposition_alone() {
        for (head, name, filenames) in [
            ("Content-Disposition: form-data; name=\"a\"; filename=\"b\"", "a", &["b"][..]),
            ("content-disposition:form-data;filename=b;NAME=a", "a", &["b"]),
            ("Content-Disposition: form-data; name=\"a\"; x-filename=\"b\"", "a", &[]),
            ("X-Name: 1; filename=b\r\nContent-Disposition: form-data; name=a", "a", &[]),
            ("Content-Disposition: form-data; name=\"a; filename=b\"", "a; filename=b", &[]),
            (
                "Content-Disposition: form-data; x-filename=\"b.txt\";\r\n\tfilename = \"b.php\"",
                "",
                &["b.php"],
            ),
            ("Content-Disposition: x; name=a; filename*=UTF-8''b%2e", "a", &["b%2e"]),
            ("Content-Disposition: x; name=a\r\nContent-Type: y; filename=b", "a", &[]),
            ("Content-Disposition: x; name=a; filename='b'", "a", &["b"]),
            ("Content-Disposition: x; name=a; filename=b; FileName=\"c\"", "a", &["b", "c"]),
            (
                "Content-Disposition: x; name=a; filename=b\nCONTENT-DISPOSITION\t: y; filename=c",
                "a",
                &["b", "c"],
            ),
            ("Content-Disposition: x; filename*0=\"b.p\"; filename*1=\"hp\"", "", &["b.php"]),
            (
                "Content-Disposition: x; filename=a; filename*0*=UTF-8''b%2e; filename*1=c",
                "",
                &["a", "b%2ec"],
            ),
            ("Content-Disposition: x; filename=\"b.php", "", &["b.php"]),
        ] {
            for gap in ["\r\n\r\n", "\n\n", "\n\r\n"] {
                let text = format!("{head}{gap}v\r\n\r\nw");
                let part = form_part(text.as_bytes());
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let shown: Vec<String> = part.filenames.iter().map(|name| text(name)).collect();
                assert_eq!(text(part.name()), name, "{head}");
                assert_eq!(shown, filenames, "{head}");
                assert_eq!(part.content, b"v\r\n\r\nw", "{head}");
            }
        }
    }

    #[test]
    fn boundaries_that_bodies_begin_with() {
        for (body, boundary) in [
            ("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--b--", Some("b")),
            ("\r\n--b c\r\nContent-Disposition: form-data\r\n\r\nv", None),
            ("--b\nX: 1\ncontent-disposition: form-data\n\nv", Some("b")),
            ("-- \nContent-Disposition: form-data\n\nv", None),
            ("--b\r\na list of things", None),
            ("--b", None),
            ("", None),
        ] {
            assert_eq!(boundary_of(body.as_bytes()), boundary, "{body}");
        }
    }
}
