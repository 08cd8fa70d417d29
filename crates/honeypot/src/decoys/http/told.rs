//! A request as an event: the fields that access logs set, so that inspection judges it as it judges
//! theirs, and beside them what only a server sees.

use super::super::shared::http1::{Request, Version};
use crate::session::{Fields, Session};
use crate::text::shown;

/// How much of a body is told.
const BODY_BYTES_MAX: usize = 8 * 1024;
/// How much of a header is told.
const HEADER_BYTES_MAX: usize = 1_024;
/// How much of all headers together is told.
const HEADERS_BYTES_MAX: usize = 8 * 1024;
/// Bounds the names of headers that are told.
const HEADERS_MAX: usize = 100;

/// What is told of a request, of its answer's status and length, and of the server that it saw.
pub(super) fn request(
    session: &Session,
    server: &str,
    request: &Request,
    (status, bytes): (u16, usize),
) -> Fields {
    let mut fields = Fields::new().with("bartizan.decoy.banner_sent", server);
    if request.method.is_empty() {
        fields.set("http.request.line", request.line.clone());
    } else {
        fields.set("http.request.method", request.method.clone());
        fields.set("url.original", request.target.clone());
        local(&mut fields, request);
    }
    if let Some(version) = version(request) {
        fields.set("http.version", version);
    }
    headers(&mut fields, request);
    let body = request.body.kept();
    if !body.is_empty() {
        fields.set("http.request.body.content", shown(body, BODY_BYTES_MAX));
    }
    if request.body.bytes > 0 {
        fields.set("http.request.body.bytes", request.body.bytes);
    }
    if request.body.dropped() > 0 {
        fields.set("bartizan.decoy.bytes_dropped", request.body.dropped());
    }
    fields.set("http.response.status_code", status);
    fields.set("http.response.bytes", bytes);
    fields.set("event.outcome", if status < 400 { "success" } else { "failure" });
    if session.is_tls() {
        fields.set("tls.established", true);
    }
    fields
}

/// The parts of what was asked for.
fn local(fields: &mut Fields, request: &Request) {
    if let Some((scheme, rest)) = request.target.split_once("://")
        && !scheme.contains('/')
    {
        fields.set("url.scheme", scheme);
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        host(fields, authority);
    }
    if !request.path().is_empty() {
        fields.set("url.path", request.path());
    }
    if !request.query().is_empty() {
        fields.set("url.query", request.query());
    }
}

fn host(fields: &mut Fields, text: &str) {
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port),
        _ => (text, ""),
    };
    if !name.is_empty() {
        fields.set("url.domain", name.trim_matches(['[', ']']));
    }
    if let Ok(port) = port.parse::<u16>() {
        fields.set("url.port", port);
    }
}

fn version(request: &Request) -> Option<&'static str> {
    match request.version {
        _ if request.method.is_empty() => None,
        Version::Old => None,
        Version::V10 => Some("1.0"),
        Version::V11 => Some("1.1"),
    }
}

fn headers(fields: &mut Fields, request: &Request) {
    if request.headers.is_empty() {
        return;
    }
    let text =
        |name: &str| request.header(name).map(|value| shown(value.as_bytes(), HEADER_BYTES_MAX));
    for (name, field) in [
        ("user-agent", "user_agent.original"),
        ("referer", "http.request.referrer"),
        ("content-type", "http.request.mime_type"),
        ("x-forwarded-for", "bartizan.decoy.forwarded_for"),
        ("cookie", "bartizan.decoy.cookie"),
    ] {
        if let Some(value) = text(name) {
            fields.set(field, value);
        }
    }
    if !request.target.contains("://")
        && let Some(name) = request.header("host")
    {
        host(fields, name);
    }
    let order: Vec<serde_json::Value> = request
        .headers
        .iter()
        .take(HEADERS_MAX)
        .map(|(name, _)| shown(name.as_bytes(), 64).into())
        .collect();
    fields.set("bartizan.decoy.header_order", order);
    fields.set("bartizan.request.headers", all(request));
    // Attacks hide in headers that no access log holds.
    let odd: Vec<serde_json::Value> = request
        .headers
        .iter()
        .filter(|(_, value)| value.contains("${") || value.contains("() {"))
        .take(8)
        .map(|(name, value)| shown(format!("{name}: {value}").as_bytes(), HEADER_BYTES_MAX).into())
        .collect();
    if !odd.is_empty() {
        fields.set("bartizan.decoy.odd_headers", odd);
    }
}

/// All headers as they came, so that the request can be judged whole. What is over the bounds is left
/// out, and a last line without a colon says so.
fn all(request: &Request) -> Vec<serde_json::Value> {
    let mut room = HEADERS_BYTES_MAX;
    let mut lines = Vec::new();
    for (name, value) in &request.headers {
        let line = format!("{name}: {value}");
        let fits = line.len() <= HEADER_BYTES_MAX.min(room) && lines.len() < HEADERS_MAX;
        if !fits {
            lines.push("…".into());
            break;
        }
        room -= line.len();
        lines.push(shown(line.as_bytes(), HEADER_BYTES_MAX).into());
    }
    lines
}
