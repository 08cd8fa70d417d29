//! The heads of requests and answers.

use base64::Engine;

use super::lines::{self, Next};
use super::sent::Sent;
use crate::json::Object;

/// Bounds a method; what is longer is no request.
pub(super) const METHOD_BYTES_MAX: usize = 32;
/// Bounds what is kept of a target; what is cut off is not inspected.
const TARGET_BYTES_MAX: usize = 8 * 1024;
/// Bounds what is told of one header.
pub(super) const HEADER_BYTES_MAX: usize = 2048;
/// Bounds the headers of one message that are looked at.
const HEADERS_MAX: usize = 200;
/// Bounds the empty lines in front of a head.
const FRONT_BYTES_MAX: usize = 64;
/// Bounds the credentials that are decoded.
const CREDENTIALS_BYTES_MAX: usize = 1024;
/// Bounds a name that is decoded.
const USER_BYTES_MAX: usize = 256;

/// How long a body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Body {
    /// Nothing is told of one.
    #[default]
    None,
    Bytes(u64),
    Chunked,
}

/// What is kept of a request.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: Vec<u8>,
    target: Vec<u8>,
    pub(super) version: Vec<u8>,
    host: Option<Vec<u8>>,
    pub(super) agent: Option<Vec<u8>>,
    pub(super) referrer: Option<Vec<u8>>,
    pub(super) content_type: Option<Vec<u8>>,
    pub(super) forwarded: Option<Vec<u8>>,
    /// Who logs in with a password in clear (Basic); the password is not kept.
    pub(super) user: Option<String>,
    pub(super) length: Body,
    pub(super) body: Vec<u8>,
    sent: Sent,
}

/// What is kept of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) version: Vec<u8>,
    pub(super) status: u16,
    pub(super) content_type: Option<Vec<u8>>,
    pub(super) server: Option<Vec<u8>>,
    pub(super) location: Option<Vec<u8>>,
    pub(super) length: Body,
}

/// Whether a word can be a method.
pub(super) fn is_method(word: &[u8]) -> bool {
    (1..=METHOD_BYTES_MAX).contains(&word.len())
        && word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

impl Request {
    /// Reads a head; nothing where its end has not come, no request where its first line is none.
    pub(super) fn read(bytes: &[u8], looked: &mut usize) -> Option<(Option<Self>, u64)> {
        let mut request: Option<Self> = None;
        let mut refused = false;
        let mut count = 0;
        let read = whole(bytes, looked, |line| {
            let Some(request) = &mut request else {
                request = Self::first_line(line);
                refused = request.is_none();
                return !refused && !request.as_ref().is_some_and(|r| r.version.is_empty());
            };
            count += 1;
            if count <= HEADERS_MAX {
                request.header(line);
                request.sent.add(line);
            } else {
                request.sent.cut();
            }
            true
        })?;
        Some((if refused { None } else { request }, read))
    }

    fn first_line(line: &[u8]) -> Option<Self> {
        let space = memchr::memchr(b' ', line)?;
        let (method, rest) = line.split_at_checked(space)?;
        let rest = rest.trim_ascii_start();
        if !is_method(method) {
            return None;
        }
        // The target may hold spaces where the client did not escape them.
        let version = memchr::memmem::rfind(rest, b" HTTP/");
        let (target, version) = match version.and_then(|at| rest.split_at_checked(at)) {
            Some((target, version)) => (target, version.get(6..)?.trim_ascii()),
            None if rest.starts_with(b"HTTP/") => (&b""[..], rest.get(5..)?.trim_ascii()),
            // HTTP 0.9 tells no version.
            None => {
                let known = super::METHODS.iter().any(|known| known.as_bytes() == method);
                let plain = memchr::memchr(b' ', rest).is_none();
                (known && plain && rest.starts_with(b"/")).then_some((rest, &b""[..]))?
            }
        };
        let plain = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        if version.len() > 3 || !version.iter().all(plain) {
            return None;
        }
        Some(Self {
            method: method.to_vec(),
            target: target.get(..TARGET_BYTES_MAX).unwrap_or(target).trim_ascii_end().to_vec(),
            version: version.to_vec(),
            ..Self::default()
        })
    }

    fn header(&mut self, line: &[u8]) {
        let Some((name, value)) = header(line) else { return };
        match name.as_slice() {
            b"host" => keep(&mut self.host, value),
            b"user-agent" => keep(&mut self.agent, value),
            b"referer" => keep(&mut self.referrer, value),
            b"content-type" => keep(&mut self.content_type, value),
            b"x-forwarded-for" => keep(&mut self.forwarded, value),
            b"authorization" | b"proxy-authorization" => {
                self.user = self.user.take().or_else(|| basic_user(value));
            }
            _ => length(&mut self.length, &name, value),
        }
    }

    /// Gives the headers to tell of: those of requests that change something or bring a body. Of the
    /// others inspection needs no more than an access log has.
    pub(super) fn sent_headers(&self) -> &[Vec<u8>] {
        let plain = matches!(self.method.as_slice(), b"GET" | b"HEAD" | b"OPTIONS" | b"CONNECT");
        if plain && self.length == Body::None { &[] } else { &self.sent.lines }
    }

    /// Writes the parts of the target, as an access log has them.
    pub(super) fn write_url(&self, url: &mut Object<'_>) {
        url.text("original", &self.target);
        let (scheme, authority, local) = split(&self.target);
        url.text_some("scheme", scheme);
        let (path, query) = match memchr::memchr(b'?', local) {
            Some(at) => {
                let (path, query) = local.split_at_checked(at).unwrap_or_default();
                (path, query.get(1..).unwrap_or_default())
            }
            None => (local, &b""[..]),
        };
        url.text_some("path", Some(path));
        url.text_some("query", Some(query));
        let host = authority.or(self.host.as_deref()).unwrap_or_default();
        let host = match memchr::memrchr(b'@', host) {
            Some(at) => host.get(at + 1..).unwrap_or_default(),
            None => host,
        };
        let (name, port) = host_and_port(host);
        url.text_some("domain", Some(name));
        if let Some(port) = port {
            url.number("port", port);
        }
    }
}

impl Request {
    /// Counts the bytes that are kept.
    pub(super) fn held(&self) -> usize {
        let texts = [&self.host, &self.agent, &self.referrer, &self.content_type, &self.forwarded];
        let texts: usize = texts.into_iter().flatten().map(Vec::len).sum();
        size_of::<Self>() + self.method.len() + self.target.len() + self.body.capacity() + texts
    }
}

impl Answer {
    /// Reads a head; nothing where its end has not come, no answer where its first line is none.
    pub(super) fn read(bytes: &[u8], looked: &mut usize) -> Option<(Option<Self>, u64)> {
        let possible = b"HTTP/".starts_with(bytes.get(..5).unwrap_or(bytes));
        if !possible {
            return Some((None, 0));
        }
        let mut answer: Option<Self> = None;
        let mut count = 0;
        let mut refused = false;
        let read = whole(bytes, looked, |line| {
            let Some(answer) = &mut answer else {
                answer = Self::first_line(line);
                refused = answer.is_none();
                return !refused;
            };
            count += 1;
            if count <= HEADERS_MAX {
                answer.header(line);
            }
            true
        })?;
        Some((if refused { None } else { answer }, read))
    }

    fn first_line(line: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"HTTP/")?;
        let space = memchr::memchr(b' ', rest)?;
        let (version, rest) = rest.split_at_checked(space)?;
        let digits = rest.trim_ascii_start().get(..3)?;
        let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
        if version.len() > 3 || !(100..1000).contains(&status) {
            return None;
        }
        Some(Self { version: version.to_vec(), status, ..Self::default() })
    }

    fn header(&mut self, line: &[u8]) {
        let Some((name, value)) = header(line) else { return };
        match name.as_slice() {
            b"content-type" => keep(&mut self.content_type, value),
            b"server" => keep(&mut self.server, value),
            b"location" => keep(&mut self.location, value),
            _ => length(&mut self.length, &name, value),
        }
    }
}

/// Shows the lines of a head up to the empty one; gives its length, or nothing where that has not come.
/// Where `read` says no, the head ends there. Empty lines in front are skipped (RFC 9112, section 2.2).
/// `looked` is how far the end was looked for before, when fewer bytes had come.
fn whole(bytes: &[u8], looked: &mut usize, mut read: impl FnMut(&[u8]) -> bool) -> Option<u64> {
    let is_space = |byte: &&u8| byte.is_ascii_whitespace();
    let front = bytes.iter().take(FRONT_BYTES_MAX).take_while(is_space).count();
    let head = bytes.get(front..)?;
    let first = memchr::memchr(b'\n', head)?;
    // An end may have begun in what came before.
    let from = looked.saturating_sub(front + 3).min(head.len());
    let new = head.get(from..)?;
    let ends = [&b"\n\r\n"[..], b"\n\n"];
    let end =
        ends.into_iter().filter_map(|end| Some(memchr::memmem::find(new, end)? + end.len())).min();
    let Some(end) = end else {
        // What is no head at all ends with its first line; anything else is read when it is whole.
        let is_new = *looked <= front + first;
        *looked = bytes.len();
        if is_new && !read(without_return(head.get(..first)?)) {
            *looked = 0;
            return Some(u64::try_from(front + first + 1).unwrap_or(u64::MAX));
        }
        return None;
    };
    *looked = 0;
    let done = lines::each(head.get(..from + end)?, |line| {
        if line.is_empty() || !read(line) { Next::Stop } else { Next::Line }
    });
    Some(u64::try_from(front).unwrap_or(u64::MAX).saturating_add(done.taken))
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn header(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = line.split_at_checked(colon)?;
    let value = value.get(1..)?.trim_ascii();
    (name.len() <= 64).then(|| (name.trim_ascii().to_ascii_lowercase(), value))
}

fn keep(place: &mut Option<Vec<u8>>, value: &[u8]) {
    if place.is_none() {
        *place = Some(value.get(..HEADER_BYTES_MAX).unwrap_or(value).to_vec());
    }
}

fn length(length: &mut Body, name: &[u8], value: &[u8]) {
    match name {
        b"transfer-encoding" if value.to_ascii_lowercase().ends_with(b"chunked") => {
            *length = Body::Chunked;
        }
        b"content-length" if *length == Body::None => {
            let text = std::str::from_utf8(value).unwrap_or_default();
            if let Ok(count) = text.parse() {
                *length = Body::Bytes(count);
            }
        }
        _ => {}
    }
}

/// Takes the scheme and the authority off a target that has them; CONNECT asks for an authority alone.
fn split(target: &[u8]) -> (Option<&[u8]>, Option<&[u8]>, &[u8]) {
    let scheme = memchr::memmem::find(target, b"://").and_then(|at| {
        let scheme = target.get(..at)?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let named = (1..=16).contains(&scheme.len()) && scheme.iter().all(plain);
        named.then_some((scheme, target.get(at + 3..)?))
    });
    if let Some((scheme, rest)) = scheme {
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, local) = rest.split_at_checked(end).unwrap_or_default();
        return (Some(scheme), Some(authority), local);
    }
    let local = target.starts_with(b"/")
        || target.starts_with(b"*")
        || target.iter().any(|byte| matches!(byte, b'/' | b'?'));
    if local { (None, None, target) } else { (None, Some(target), &[]) }
}

fn host_and_port(host: &[u8]) -> (&[u8], Option<u16>) {
    let bracketed = |name: &[u8]| name.first() == Some(&b'[') && name.last() == Some(&b']');
    if let Some(at) = memchr::memrchr(b':', host) {
        let (name, port) = host.split_at_checked(at).unwrap_or_default();
        let port = port.get(1..).and_then(|port| std::str::from_utf8(port).ok()?.parse().ok());
        if memchr::memchr(b':', name).is_none() || bracketed(name) {
            return (unbracketed(name), port);
        }
    }
    (unbracketed(host), None)
}

fn unbracketed(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")).unwrap_or(name)
}

/// Gives the user of Basic authentication; the password is let go at once.
fn basic_user(value: &[u8]) -> Option<String> {
    let (scheme, token) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") || token.len() > CREDENTIALS_BYTES_MAX {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(token.trim_ascii()).ok()?;
    let colon = memchr::memchr(b':', &decoded)?;
    let user = decoded.get(..colon.min(USER_BYTES_MAX))?;
    Some(String::from_utf8_lossy(user).into_owned())
}
