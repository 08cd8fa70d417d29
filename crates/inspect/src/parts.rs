//! Cuts a request into the parts that an application will read, before anything is decoded.
//!
//! Decoding first would let `%26` make a second parameter where the application sees one. Every
//! part borrows from the request; what lies beyond a bound is counted, not read.

mod body;
mod headers;
mod json;
mod multipart;
mod query;

pub(crate) use body::each_file;

use crate::{Place, Request};

/// Longest text looked at in one part, in bytes.
pub(crate) const PART_BYTES_MAX: usize = 64 * 1024;
/// Most parts looked at in one request.
pub(crate) const PARTS_MAX: usize = 512;
/// Most bytes looked at in one request, all parts together.
pub(crate) const REQUEST_BYTES_MAX: usize = 256 * 1024;
/// Longest parameter name kept in a [`Place`], in bytes.
const NAME_BYTES_MAX: usize = 64;

/// What sort of text a part is; it decides which classes listen to which characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The path of the target.
    Path,
    /// A value a person or a program filled in.
    Value,
    /// A name chosen by the application, so anything odd is odd.
    Name,
    /// A header with a grammar of its own, full of `;` and parentheses.
    Header,
    /// The `User-Agent` header.
    Agent,
    /// A body of no form known here: XML, text.
    Document,
}

/// How the application decodes the part before it looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Percent-encoding, `+` is a space.
    Form,
    /// As it stands, or percent-encoding.
    Plain,
    /// The inside of a JSON string.
    Json,
}

/// One part of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub place: PlaceRef<'a>,
    pub kind: Kind,
    pub coding: Coding,
    pub text: &'a [u8],
}

/// A file that the body holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File<'a> {
    pub place: PlaceRef<'a>,
    pub filename: &'a [u8],
    /// The type that the sender declares, empty where there is none.
    pub media: &'a [u8],
    pub content: &'a [u8],
}

/// A [`Place`] that has not been copied yet.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PlaceRef<'a> {
    Path,
    QueryName(&'a [u8]),
    QueryValue(&'a [u8]),
    Header(&'a str),
    Cookie(&'a [u8]),
    BodyName(&'a [u8]),
    BodyValue(&'a [u8]),
    Body,
}

impl<'a> PlaceRef<'a> {
    /// Gives the name of the parameter, field, cookie or header; empty where there is none.
    pub(crate) fn name(self) -> &'a [u8] {
        match self {
            Self::QueryName(name)
            | Self::QueryValue(name)
            | Self::Cookie(name)
            | Self::BodyName(name)
            | Self::BodyValue(name) => name,
            Self::Header(name) => name.as_bytes(),
            Self::Path | Self::Body => b"",
        }
    }

    pub(crate) fn to_place(self) -> Place {
        match self {
            Self::Path => Place::Path,
            Self::QueryName(name) => Place::QueryName(text(name)),
            Self::QueryValue(name) => Place::QueryValue(text(name)),
            Self::Header(name) => Place::Header(text(name.as_bytes()).to_ascii_lowercase()),
            Self::Cookie(name) => Place::Cookie(text(name)),
            Self::BodyName(name) => Place::BodyName(text(name)),
            Self::BodyValue(name) => Place::BodyValue(text(name)),
            Self::Body => Place::Body,
        }
    }
}

fn text(name: &[u8]) -> String {
    let kept = name.get(..NAME_BYTES_MAX).unwrap_or(name);
    String::from_utf8_lossy(kept).into_owned()
}

/// Receives the parts of a request one by one.
pub(crate) trait Visitor {
    fn part(&mut self, part: &Part<'_>);
}

/// Shows every part of `request` to `visitor`, in the order in which they stand.
pub(crate) fn visit(request: &Request<'_>, visitor: &mut impl Visitor) {
    query::target(request.target.as_bytes(), visitor);
    headers::all(request.headers, visitor);
    if !request.body.is_empty() {
        body::body(request, visitor);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn target_with_an_encoded_separator() {
        check(
            "http://h/a%2Fb;c?x=1%262&flag&x=2",
            &[],
            "",
            expect![[r"
            path = /a%2Fb;c
            query name x = x
            query x = 1%262
            query name flag = flag
            query name x = x
            query x = 2
            query x = 1%262,2
            query x = 1%2622
        "]],
        );
    }

    #[test]
    fn headers_by_their_kind() {
        let headers = [("Referer", "http://r/?q=a"), ("Cookie", "s=1; t=2"), ("User-Agent", "x")];
        check(
            "/",
            &headers,
            "",
            expect![[r"
            path = /
            header referer = http://r/
            header referer = q
            header referer = a
            cookie s = s
            cookie s = 1
            cookie t = t
            cookie t = 2
            header user-agent = x
        "]],
        );
    }

    #[test]
    fn json_cut_short() {
        check(
            "/",
            &[],
            r#"{"a": "b\"c", "d": ["e", {"f": "g"#,
            expect![[r#"
            path = /
            body name a = a
            body a = b\"c
            body name d = d
            body d = e
            body name f = f
            body f = g
        "#]],
        );
    }

    #[test]
    fn multipart_with_a_file() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"n\"; filename=\"f.txt\"\r\n\r\nv\r\n--b--";
        check(
            "/",
            &[("content-type", "multipart/form-data; boundary=b")],
            body,
            expect![[r"
            path = /
            header content-type = multipart/form-data; boundary=b
            body name n = n
            body name n = f.txt
            body n = v
        "]],
        );
    }

    struct Shown(String);

    impl Visitor for Shown {
        fn part(&mut self, part: &Part<'_>) {
            let text = String::from_utf8_lossy(part.text);
            self.0 += &[&part.place.to_place().to_string(), " = ", text.as_ref(), "\n"].concat();
        }
    }

    #[track_caller]
    fn check(target: &str, headers: &[(&str, &str)], body: &str, expect: Expect) {
        let mut shown = Shown(String::new());
        let (method, version, body) = ("POST", "HTTP/1.1", body.as_bytes());
        visit(&Request { method, target, version, headers, body, whole: true }, &mut shown);
        expect.assert_eq(&shown.0);
    }
}
