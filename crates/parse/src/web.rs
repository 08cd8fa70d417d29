//! What servers' logs say of one HTTP request.

use model::{Event, Field};

use crate::{epoch, quoted};

/// Whether a log writes quotes and control characters as escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// It does, and they are to be undone.
    Undone,
    /// It does not; a backslash is a backslash.
    Unknown,
    /// It writes this mark and two hexadecimal digits for such a character, and for the mark itself.
    Marked(char),
}

impl Escapes {
    /// Sets a field to a text, its escapes undone once; a text without escapes is not copied.
    pub(crate) fn set(self, event: &mut Event, field: Field, raw: &str) {
        match self {
            Self::Undone => quoted::set(event, field, raw),
            Self::Marked(mark) if raw.contains(mark) => {
                event.set_made(field, |out| quoted::undo_marked(raw, mark, out));
            }
            Self::Unknown | Self::Marked(_) => event.set(field, raw),
        }
    }

    fn set_extra(self, event: &mut Event, name: &str, raw: &str) {
        match self {
            Self::Undone => quoted::set_extra(event, name, raw),
            Self::Marked(mark) => {
                event.set_extra_made(name, |out| quoted::undo_marked(raw, mark, out));
            }
            Self::Unknown => event.set_extra(name, raw),
        }
    }
}

/// Bounds the length of a method; what is longer is no request.
const METHOD_BYTES_MAX: usize = 32;

/// What stands between the target and the version's number.
const VERSION: &str = " HTTP/";

/// How many quotes of a client's may stand in one request line.
const QUOTES_MAX: usize = 64;

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
        None => escapes.set_extra(event, MALFORMED, raw),
    }
}

/// Splits the text behind a request's opening quote at its closing one, where `follows` tells what may
/// stand behind it.
///
/// Some proxies write the client's quotes as they are. So a quote within what is no whole request line
/// ends it only if no later one ends a whole one.
pub(crate) fn closing(text: &str, follows: fn(&str) -> bool) -> Option<(&str, &str)> {
    let first = quoted::closing(text)?;
    if version_at(first.0).is_some() || matches!(first.0, "" | "-") {
        return Some(first);
    }
    let mut at = first.0.len() + 1;
    for _ in 0..QUOTES_MAX {
        let Some((more, after)) = text.get(at..).and_then(quoted::closing) else { break };
        let whole = text.get(..at + more.len())?;
        if version_at(whole).is_some() && follows(after) {
            return Some((whole, after));
        }
        at += more.len() + 1;
    }
    Some(first)
}

/// Reads a number of seconds with a fraction as nanoseconds.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    epoch::text(text).map(model::Timestamp::nanos)
}

/// Writes a request line of a proxy that puts the scheme and the host before the target: what the client
/// asked for is the path and the query.
pub(crate) fn proxied(event: &mut Event, raw: &str, escapes: Escapes) {
    request(event, raw, escapes);
    if let Some(line) = read(raw) {
        localise(event, line.target, escapes);
    }
}

/// Writes a target of a proxy that puts the scheme and the host before it.
pub(crate) fn proxied_target(event: &mut Event, raw: &str, escapes: Escapes) {
    target(event, raw, escapes);
    localise(event, raw, escapes);
}

/// Leaves of a target with scheme and host the path and the query.
fn localise(event: &mut Event, raw: &str, escapes: Escapes) {
    let local = local_part(raw).map(|(.., local)| local);
    if let Some(local) = local.filter(|local| local.starts_with('/')) {
        escapes.set(event, Field::UrlOriginal, local);
    }
}

/// Writes what was asked for: a path and a query, a whole URL, or a host and a port.
pub(crate) fn target(event: &mut Event, raw: &str, escapes: Escapes) {
    escapes.set(event, Field::UrlOriginal, raw);
    let local = match local_part(raw) {
        Some((scheme, authority, local)) => {
            event.set(Field::UrlScheme, scheme);
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

/// Splits `http://example.org:80/a?b` into the scheme, the host, and what is asked of it.
fn local_part(raw: &str) -> Option<(&str, &str, &str)> {
    // Most begin with the path, and an address may stand in the query of any.
    if raw.starts_with('/') {
        return None;
    }
    let (scheme, rest) = raw.split_once("://").filter(|(scheme, _)| is_scheme(scheme))?;
    let (authority, local) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    Some((scheme, authority, local))
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
    // A dash says that there is no request.
    let named = !matches!(method, "" | "-") && method.len() <= METHOD_BYTES_MAX;
    if !named || !method.bytes().all(is_token) {
        return None;
    }
    // The target may hold spaces where the client did not escape them.
    if let Some(version) = version_at(rest)
        && let Some(target) = rest.get(..version)
    {
        let version = rest.get(version + VERSION.len()..)?;
        return Some(RequestLine { method, target: target.trim_end_matches(' '), version });
    }
    // HTTP 0.9 has no version; then the target must look like one.
    let plain = method.bytes().all(|byte| byte.is_ascii_uppercase())
        && (rest.starts_with('/') || rest.contains("://"));
    plain.then_some(RequestLine { method, target: rest, version: "" })
}

/// Finds where ` HTTP/1.1` begins at the end of a request line.
fn version_at(text: &str) -> Option<usize> {
    let tail = text.as_bytes().rchunks(VERSION.len() + 3).next()?;
    let start = tail.windows(VERSION.len()).rposition(|part| part == VERSION.as_bytes())?;
    let version = tail.get(start + VERSION.len()..)?;
    let plain = version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    (plain && !version.is_empty()).then_some(text.len() - tail.len() + start)
}

fn is_scheme(text: &str) -> bool {
    (1..=16).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// A character of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
