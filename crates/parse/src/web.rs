//! What servers' logs say of one HTTP request.

use model::{Event, Field};

use crate::quoted;

/// Whether a log writes quotes and control characters as escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// It does, and they are to be undone.
    Undone,
    /// It does not; a backslash is a backslash.
    Unknown,
}

impl Escapes {
    fn set(self, event: &mut Event, field: Field, raw: &str) {
        match self {
            Self::Undone => quoted::set(event, field, raw),
            Self::Unknown => event.set(field, raw),
        }
    }
}

/// Bounds the length of a method; what is longer is no request.
const METHOD_BYTES_MAX: usize = 32;

/// Holds the request line where it is none: sent to the wrong port, or to try the server out.
const MALFORMED: &str = "http.request.line";

/// The parts of `GET /path?query HTTP/1.1`, escapes still in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RequestLine<'a> {
    method: &'a str,
    target: &'a str,
    /// Such as `1.1`; nothing where the line names none.
    version: &'a str,
}

/// Writes a request line. What is no request line is kept whole in a field of its own.
pub(crate) fn request(event: &mut Event, raw: &str, escapes: Escapes) {
    match read(raw) {
        Some(line) => {
            event.set(Field::RequestMethod, line.method);
            target(event, line.target, escapes);
            if !line.version.is_empty() {
                event.set(Field::HttpVersion, line.version);
            }
        }
        None if matches!(raw, "" | "-") => {}
        None if escapes == Escapes::Unknown => event.set_extra(MALFORMED, raw),
        None => quoted::set_extra(event, MALFORMED, raw),
    }
}

/// Writes what was asked for: a path and a query, a whole URL, or a host and a port.
pub(crate) fn target(event: &mut Event, raw: &str, escapes: Escapes) {
    escapes.set(event, Field::UrlOriginal, raw);
    let local = match raw.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => {
            event.set(Field::UrlScheme, scheme);
            let length = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, local) = rest.split_at_checked(length).unwrap_or((rest, ""));
            host(event, authority);
            local
        }
        _ if raw.starts_with(['/', '*']) || raw.contains(['/', '?']) => raw,
        _ => {
            host(event, raw);
            return;
        }
    };
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    if !path.is_empty() {
        escapes.set(event, Field::UrlPath, path);
    }
    if !query.is_empty() {
        escapes.set(event, Field::UrlQuery, query);
    }
}

/// Writes the host that was asked, with or without a port.
pub(crate) fn host(event: &mut Event, text: &str) {
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    if !matches!(name, "" | "-" | "_") {
        quoted::set(event, Field::UrlDomain, name.trim_matches(['[', ']']));
    }
    if let Ok(port) = port.parse::<u16>() {
        event.set(Field::UrlPort, port);
    }
}

/// Writes the answer's status and what it says of the outcome.
pub(crate) fn status(event: &mut Event, status: u16) {
    event.set(Field::ResponseStatus, status);
    event.set(Field::EventOutcome, if status < 400 { "success" } else { "failure" });
}

/// Gives the type of an event in a server's error log, which also tells of ordinary things.
pub(crate) fn type_of_level(level: &str) -> &'static str {
    let ordinary = level.starts_with("debug") || level.starts_with("trace");
    if ordinary || matches!(level, "info" | "notice") { "info" } else { "error" }
}

fn read(raw: &str) -> Option<RequestLine<'_>> {
    let (method, rest) = raw.split_once(' ')?;
    if method.is_empty() || method.len() > METHOD_BYTES_MAX || !method.bytes().all(is_token) {
        return None;
    }
    // The target may hold spaces where the client did not escape them.
    if let Some((target, version)) = rest.rsplit_once(" HTTP/")
        && (1..=3).contains(&version.len())
        && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return Some(RequestLine { method, target: target.trim_end_matches(' '), version });
    }
    // HTTP 0.9 has no version; then the target must look like one.
    let plain = method.bytes().all(|byte| byte.is_ascii_uppercase())
        && (rest.starts_with('/') || rest.contains("://"));
    plain.then_some(RequestLine { method, target: rest, version: "" })
}

fn is_scheme(text: &str) -> bool {
    (1..=16).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// A character of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
