//! The fields of a request and its answer.

use super::head::{Answer, Body, Request};
use crate::json::Object;

/// Writes what stands under `http`.
pub(super) fn write_http(
    http: &mut Object<'_>,
    request: Option<&Request>,
    answer: Option<&Answer>,
) {
    if let Some(request) = request {
        http.object("request", |to| {
            to.text("method", &request.method);
            to.text_some("referrer", request.referrer.as_ref());
            to.text_some("mime_type", request.content_type.as_deref().map(mime));
            if let Body::Bytes(count) = request.length {
                to.object("body", |body| {
                    body.number("bytes", count);
                    body.text_some("content", Some(&request.body));
                });
            } else if !request.body.is_empty() {
                to.object("body", |body| body.text("content", &request.body));
            }
            if let Some(forwarded) = &request.forwarded {
                to.object("headers", |headers| headers.text("x_forwarded_for", forwarded));
            }
        });
    }
    if let Some(answer) = answer {
        http.object("response", |to| {
            to.number("status_code", answer.status);
            to.text_some("mime_type", answer.content_type.as_deref().map(mime));
            if let Body::Bytes(count) = answer.length {
                to.object("body", |body| body.number("bytes", count));
            }
            if answer.server.is_some() || answer.location.is_some() {
                to.object("headers", |headers| {
                    headers.text_some("server", answer.server.as_ref());
                    headers.text_some("location", answer.location.as_ref());
                });
            }
        });
    }
    let version = request.map(|r| &r.version).or(answer.map(|answer| &answer.version));
    http.text_some("version", version.filter(|version| !version.is_empty()));
}

/// Gives a content type without its parameters.
fn mime(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}
