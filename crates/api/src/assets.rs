//! The console's files: embedded in a release, read from `ui/dist` in a debug build.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::EmbeddedFile;

use crate::ApiError;

#[cfg(embedded_console)]
#[derive(rust_embed::Embed)]
#[folder = "$OUT_DIR/console"]
struct Console;

#[cfg(not(embedded_console))]
#[derive(rust_embed::Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../../ui/dist"]
#[allow_missing = true]
struct Console;

/// What a debug build shows where no console is built.
const UNBUILT: &str = "<!doctype html>
<html lang=\"en\">
<title>Bartizan</title>
<h1>The console is not built</h1>
<p>Run <code>make ui</code> and load this page again. The API works without it.</p>
</html>
";

/// The compressed twins, the smallest first.
const ENCODINGS: &[(&str, &str)] = &[("br", ".br"), ("gzip", ".gz")];

/// Answers everything that is no route: a file of the console, or the console's page, which knows
/// its own routes.
pub(crate) async fn serve(request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    if path.starts_with("api/") {
        return ApiError::NotFound("resource").into_response();
    }
    let headers = request.headers();
    if let Some(response) = file(path, headers) {
        return response;
    }
    // A missing script must not be answered with a page.
    if path.starts_with("assets/") {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    }
    file("index.html", headers).unwrap_or_else(|| {
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        (kind, [(header::CACHE_CONTROL, "no-cache")], UNBUILT).into_response()
    })
}

fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let whole = Console::get(path)?;
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let twin = ENCODINGS
        .iter()
        .filter(|(encoding, _)| accepts(accepted.unwrap_or(""), encoding))
        .find_map(|(encoding, suffix)| {
            Some((*encoding, Console::get(&format!("{path}{suffix}"))?))
        });
    let kind = content_type(&whole);
    let (encoding, sent) = match twin {
        Some((encoding, twin)) => (Some(encoding), twin),
        None => (None, whole),
    };
    let tag = tag(&sent);
    let seen = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_seen = seen.is_some_and(|seen| seen.split(',').any(|one| one.trim() == tag));
    let mut response = if is_seen {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(sent.data).into_response()
    };
    let is_named_by_digest = path.starts_with("assets/");
    let caching =
        if is_named_by_digest { "public, max-age=31536000, immutable" } else { "no-cache" };
    let told: [(HeaderName, &str); 4] = [
        (header::CONTENT_TYPE, &kind),
        (header::CACHE_CONTROL, caching),
        (header::VARY, "accept-encoding"),
        (header::ETAG, &tag),
    ];
    let encoding = encoding.map(|encoding| (header::CONTENT_ENCODING, encoding));
    for (name, value) in told.into_iter().chain(encoding) {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    Some(response)
}

fn content_type(file: &EmbeddedFile) -> String {
    let kind = file.metadata.mimetype();
    if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.to_owned() }
}

/// Gives a strong tag: half of the digest of the very bytes that are sent.
fn tag(file: &EmbeddedFile) -> String {
    let digest = file.metadata.sha256_hash();
    let number = digest.first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
    format!("\"{number:032x}\"")
}

/// Tells whether an `Accept-Encoding` names an encoding and does not refuse it.
fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|choice| {
        let (name, weight) = choice.split_once(';').unwrap_or((choice, ""));
        let weight = weight.trim().trim_start_matches("q=");
        name.trim().eq_ignore_ascii_case(encoding)
            && (weight.is_empty() || weight.parse().is_ok_and(|weight: f32| weight > 0.0))
    })
}
