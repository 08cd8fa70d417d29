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

pub(super) fn body(request: &Request<'_>, visitor: &mut impl Visitor) {
    match form(request) {
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

/// Shows the files that the body holds, so many as there may be parts; of those that begin beyond the
/// bytes of a request the name alone.
pub(crate) fn each_file<'a>(request: &Request<'a>, show: &mut dyn FnMut(&File<'a>)) {
    if request.body.is_empty() {
        return;
    }
    if let Form::Multipart(boundary) = form(request) {
        let (mut files, mut bytes) = (0, 0);
        multipart::each(request.body, boundary, &mut |part| {
            let Some(file) = part.file().filter(|_| files < PARTS_MAX) else { return };
            let content = if bytes < REQUEST_BYTES_MAX { file.content } else { b"" };
            files += 1;
            bytes += content.len();
            show(&File { content, ..file });
        });
    }
}

/// How the type of a body in parts begins, and how those of JSON end.
const MULTIPART: &str = "multipart/";
const JSON: &str = "json";

fn form<'a>(request: &Request<'a>) -> Form<'a> {
    let claimed = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map_or("", |(_, value)| value);
    let mut words = claimed.split(';');
    let media = words.next().unwrap_or("").trim();
    if media.get(..MULTIPART.len()).is_some_and(|start| start.eq_ignore_ascii_case(MULTIPART)) {
        let boundary = words.find_map(|word| {
            let (name, value) = word.trim().split_once('=')?;
            name.trim().eq_ignore_ascii_case("boundary").then_some(value.trim())
        });
        if let Some(boundary) = boundary {
            return Form::Multipart(boundary.trim_matches('"'));
        }
    }
    // A JSON body under a form's content type is an old way past inspection, so looks count too.
    let first = request.body.trim_ascii_start().first();
    // Without a single string there is nothing for the JSON reader to find.
    let strings = memchr::memchr(b'"', request.body).is_some();
    let end = media.len().checked_sub(JSON.len()).and_then(|at| media.get(at..));
    let named = end.is_some_and(|end| end.eq_ignore_ascii_case(JSON));
    if strings && (named || matches!(first, Some(b'{' | b'['))) {
        return Form::Json;
    }
    if media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Form::Pairs;
    }
    let looks_like_pairs = memmem::find(request.body, b"=").is_some_and(|at| {
        request.body.iter().take(at).all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    });
    if media.is_empty() && looks_like_pairs { Form::Pairs } else { Form::Document }
}
