//! The body, by what it claims to be and, without a claim, by how it begins.

use memchr::memmem;

use super::query::{Owner, pairs};
use super::{
    Coding, File, Kind, PART_BYTES_MAX, PARTS_MAX, Part, PlaceRef, REQUEST_BYTES_MAX, Visitor,
    json, multipart,
};
use crate::Request;

#[derive(Clone, Copy)]
enum Form<'a> {
    Pairs,
    Json,
    Multipart(&'a str),
    Document,
}

/// Most forms that one body is read in.
const FORMS_MAX: usize = 3;

pub(super) fn body(request: &Request<'_>, visitor: &mut impl Visitor) {
    for form in forms(request).into_iter().flatten() {
        match form {
            Form::Pairs => pairs(request.body, Owner::Form, visitor),
            Form::Json => json::strings(request.body, visitor),
            Form::Multipart(boundary) => multipart::parts(request.body, boundary, visitor),
            Form::Document => {
                for text in request.body.chunks(PART_BYTES_MAX) {
                    let (place, coding) = (PlaceRef::Body, Coding::Plain);
                    visitor.part(&Part { place, kind: Kind::Document, coding, text });
                }
            }
        }
    }
}

/// Shows the files that the body holds, so many as there may be parts; of those that begin beyond the
/// bytes of a request the name alone.
pub(crate) fn each_file(request: &Request<'_>, show: &mut dyn FnMut(&File<'_>)) {
    if request.body.is_empty() {
        return;
    }
    let (mut files, mut bytes) = (0, 0);
    for form in forms(request).into_iter().flatten() {
        let Form::Multipart(boundary) = form else { continue };
        multipart::each(request.body, boundary, &mut |part| {
            part.each_file(&mut |file| {
                if files >= PARTS_MAX {
                    return;
                }
                let content = if bytes < REQUEST_BYTES_MAX { file.content } else { b"" };
                files += 1;
                bytes += content.len();
                show(&File { content, ..*file });
            });
        });
    }
}

/// How the type of a body in parts begins, and how those of JSON end.
const MULTIPART: &str = "multipart/";
const JSON: &str = "json";

/// Gives the forms in which readers may take the body. Of two types and two boundaries some take the
/// first and some the last, so a body that could be either is read as both.
fn forms<'a>(request: &Request<'a>) -> [Option<Form<'a>>; FORMS_MAX] {
    let mut claims = request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| *value);
    let first = claims.next().unwrap_or_default();
    let last = claims.next_back().filter(|last| *last != first);
    let mut forms = [None; FORMS_MAX];
    let mut wanted = forms.iter_mut();
    for claim in [Some(first), last].into_iter().flatten() {
        for boundary in boundaries(claim, request.body).into_iter().flatten() {
            if let Some(place) = wanted.next() {
                *place = Some(Form::Multipart(boundary));
            }
        }
    }
    if forms.iter().all(Option::is_none) {
        forms = [Some(form(first, request.body)), None, None];
    }
    if let Some(last) = last
        && let [Some(Form::Pairs | Form::Json | Form::Document), second, _] = &mut forms
    {
        *second = Some(form(last, request.body));
    }
    forms
}

/// Gives the boundaries of a multipart body: the header's own, first and last, and the one that the body
/// begins with where the header's does not occur.
fn boundaries<'a>(claim: &'a str, body: &'a [u8]) -> [Option<&'a str>; 2] {
    let multipart = claim.trim_start().get(..MULTIPART.len());
    if !multipart.is_some_and(|media| media.eq_ignore_ascii_case(MULTIPART)) {
        // Some readers look at the body alone.
        let media = claim.split(';').next().unwrap_or_default().trim();
        return [multipart::boundary_of(body).filter(|_| media.is_empty()), None];
    }
    let told = |value: Option<&&'a [u8]>| value.and_then(|value| std::str::from_utf8(value).ok());
    let occurs =
        |boundary: &&str| !boundary.is_empty() && memmem::find(body, boundary.as_bytes()).is_some();
    let values = multipart::parameters(claim.as_bytes(), b"boundary");
    let first = told(values.first()).filter(occurs);
    let last = told(values.last()).filter(occurs).filter(|last| Some(*last) != first);
    if first.or(last).is_some() {
        return [first, last];
    }
    // PHP cuts the boundary off at a comma.
    let cut = told(values.first()).and_then(|value| value.split(',').next()).filter(occurs);
    [cut.or_else(|| multipart::boundary_of(body)), None]
}

fn form<'a>(claimed: &'a str, body: &'a [u8]) -> Form<'a> {
    let media = claimed.split(';').next().unwrap_or("").trim();
    // A JSON body under a form's content type is an old way past inspection, so looks count too.
    let first = body.trim_ascii_start().first();
    // Without a single string there is nothing for the JSON reader to find.
    let strings = memchr::memchr(b'"', body).is_some();
    let end = media.len().checked_sub(JSON.len()).and_then(|at| media.get(at..));
    let named = end.is_some_and(|end| end.eq_ignore_ascii_case(JSON));
    if strings && (named || matches!(first, Some(b'{' | b'['))) {
        return Form::Json;
    }
    if media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Form::Pairs;
    }
    let looks_like_pairs = memmem::find(body, b"=").is_some_and(|at| {
        body.iter().take(at).all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    });
    if media.is_empty() && looks_like_pairs { Form::Pairs } else { Form::Document }
}
