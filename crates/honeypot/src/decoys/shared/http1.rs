//! Requests of HTTP/1, read from bytes in pieces: the line, the headers as written and in their order,
//! the body within bounds (RFC 9112).
//!
//! It reads what servers read, and keeps what they would throw away: the raw request line, the case of
//! names, a body that belongs to no known length.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::held::Held;

/// Bounds the request line; nginx and Apache bound it alike.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// Bounds the line and the headers together.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Bounds the headers of a request.
const HEADERS_MAX: usize = 100;
/// Kept of a body even where the budget of all decoys is spent; the rest is counted and not kept.
const BODY_BYTES_ALWAYS: usize = 4 * 1024;
/// Bounds a line within a chunked body.
const CHUNK_LINE_BYTES_MAX: usize = 1_024;

/// The version in a request line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Version {
    /// The line named none: HTTP/0.9, which has no headers.
    Old,
    /// 1.0.
    V10,
    /// 1.1, and what calls itself higher within 1.
    #[default]
    V11,
}

/// One request.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// The line as it came.
    pub(crate) line: String,
    /// Such as `GET`.
    pub(crate) method: String,
    /// What was asked for, as written.
    pub(crate) target: String,
    /// The version that the line names.
    pub(crate) version: Version,
    /// The headers as written, in their order.
    pub(crate) headers: Vec<(String, String)>,
    /// As much of the body as is kept.
    pub(crate) body: Body,
}

/// A body, and how much of it was not kept.
#[derive(Debug, Default)]
pub(crate) struct Body {
    kept: Vec<u8>,
    /// All its bytes, kept or not.
    pub(crate) bytes: u64,
    held: Held,
    /// Whether something was not kept; what comes after it is not kept either, so that no gap is hidden.
    is_cut: bool,
}

impl Body {
    /// What is kept of it.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// How many bytes of it are not kept.
    pub(crate) fn dropped(&self) -> u64 {
        self.bytes.saturating_sub(u64::try_from(self.kept.len()).unwrap_or(u64::MAX))
    }

    fn add(&mut self, piece: &[u8], kept_max: usize) {
        self.bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let room = kept_max.saturating_sub(self.kept.len());
        let kept = piece.get(..room).unwrap_or(piece);
        let is_long = self.kept.len() + kept.len() > BODY_BYTES_ALWAYS;
        if self.is_cut || (is_long && !self.held.take(kept.len())) {
            self.is_cut = true;
            return;
        }
        self.is_cut = kept.len() < piece.len();
        self.kept.extend_from_slice(kept);
    }
}

impl Request {
    /// The value of a header; the first where there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |(held, _): &&(String, String)| held.eq_ignore_ascii_case(name);
        self.headers.iter().find(named).map(|(_, value)| value.as_str())
    }

    /// The user name and the password of `Authorization: Basic`.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let (scheme, rest) = self.header("authorization")?.split_once(' ')?;
        let is_basic = scheme.eq_ignore_ascii_case("basic");
        let bytes = is_basic.then(|| STANDARD.decode(rest.trim()).ok()).flatten()?;
        let text = String::from_utf8_lossy(&bytes);
        text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    }

    /// The path asked for, without query, scheme and host.
    pub(crate) fn path(&self) -> &str {
        let local = match self.target.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => {
                rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
            }
            _ => &self.target,
        };
        local.split_once('?').map_or(local, |(path, _)| path)
    }

    /// The query, without its mark.
    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Whether the client wants the connection kept.
    pub(crate) fn keeps(&self) -> bool {
        let asked = self.header("connection").unwrap_or_default().to_ascii_lowercase();
        match self.version {
            Version::Old => false,
            Version::V10 => asked.contains("keep-alive"),
            Version::V11 => !asked.contains("close"),
        }
    }
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is none.
    Malformed,
    /// The line is too long.
    LineTooLong,
    /// The headers are too long, or too many.
    HeadTooLong,
    /// The body is longer than the server takes.
    BodyTooLong,
    /// A version that is not 1.
    Version,
}

/// What reading came to.
#[derive(Debug)]
pub(crate) enum Step {
    /// More bytes are needed.
    More,
    /// The client waits for `100 Continue` before it sends the body.
    Continue,
    /// A whole request.
    Request(Box<Request>),
    /// No request; with what was understood of it.
    Bad(Fault, Box<Request>),
}

/// What of a body is taken and kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The longest body that the server takes.
    pub(crate) body_max: u64,
    /// How much of it is kept.
    pub(crate) kept_max: usize,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Head,
    Body(u64),
    ChunkLine,
    Chunk(u64),
    ChunkEnd,
    Trailer,
}

/// Reads requests from bytes in pieces of any length.
#[derive(Debug)]
pub(crate) struct Reader {
    limits: Limits,
    line: Vec<u8>,
    head_bytes: usize,
    place: Place,
    request: Box<Request>,
}

impl Reader {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            line: Vec::new(),
            head_bytes: 0,
            place: Place::Head,
            request: Box::default(),
        }
    }

    /// Reads from the front of `input`.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Step {
        while !input.is_empty() {
            let step = match self.place {
                Place::Head => self.head(input),
                Place::Body(left) => Ok(self.body(input, left)),
                Place::Chunk(left) => Ok(self.chunk(input, left)),
                Place::ChunkLine | Place::ChunkEnd | Place::Trailer => self.chunk_line(input),
            };
            match step {
                Ok(None) => {}
                Ok(Some(step)) => return step,
                Err(fault) => return Step::Bad(fault, std::mem::take(&mut self.request)),
            }
        }
        Step::More
    }

    /// Takes a line from the input once its end is there; a carriage return before it is cut.
    fn line(&mut self, input: &mut &[u8], bytes_max: usize) -> Result<Option<Vec<u8>>, ()> {
        let end = memchr::memchr(b'\n', input);
        let (piece, rest) = input.split_at_checked(end.unwrap_or(input.len())).unwrap_or_default();
        *input = rest.get(1..).unwrap_or_default();
        self.line.extend_from_slice(piece.get(..bytes_max + 1).unwrap_or(piece));
        if self.line.len() > bytes_max {
            return Err(());
        }
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.line);
        line.pop_if(|byte| *byte == b'\r');
        Ok(Some(line))
    }

    fn head(&mut self, input: &mut &[u8]) -> Result<Option<Step>, Fault> {
        if self.request.line.is_empty() {
            return self.request_line(input);
        }
        let room = HEAD_BYTES_MAX.saturating_sub(self.head_bytes);
        let Some(line) = self.line(input, room).map_err(|()| Fault::HeadTooLong)? else {
            return Ok(None);
        };
        self.head_bytes += line.len() + 2;
        if line.is_empty() {
            return self.head_done();
        }
        let text = String::from_utf8_lossy(&line);
        let Some((name, value)) = text.split_once(':') else {
            return Err(Fault::Malformed);
        };
        if self.request.headers.len() >= HEADERS_MAX {
            return Err(Fault::HeadTooLong);
        }
        self.request.headers.push((name.to_owned(), value.trim().to_owned()));
        Ok(None)
    }

    fn request_line(&mut self, input: &mut &[u8]) -> Result<Option<Step>, Fault> {
        // A server says so at the first byte that no request begins with: TLS, SMB, noise.
        let first = self.line.first().or_else(|| input.first()).copied().unwrap_or(b'\n');
        if !first.is_ascii_graphic() && !matches!(first, b'\r' | b'\n') {
            let noise = input.get(..LINE_BYTES_MAX.min(input.len())).unwrap_or_default();
            self.request.line = noise.escape_ascii().to_string();
            *input = &[];
            return Err(Fault::Malformed);
        }
        let line = match self.line(input, LINE_BYTES_MAX) {
            Ok(None) => return Ok(None),
            Ok(Some(line)) if line.is_empty() => return Ok(None),
            Ok(Some(line)) => line,
            Err(()) => {
                let line = std::mem::take(&mut self.line);
                self.request.line = String::from_utf8_lossy(&line).into_owned();
                return Err(Fault::LineTooLong);
            }
        };
        let text = String::from_utf8_lossy(&line).into_owned();
        self.head_bytes = line.len() + 2;
        self.request.line.clone_from(&text);
        let (method, rest) = text.split_once(' ').ok_or(Fault::Malformed)?;
        let (target, version) = match rest.rsplit_once(' ') {
            Some((target, version)) if !version.starts_with('/') => (target, Some(version)),
            _ => (rest, None),
        };
        method.clone_into(&mut self.request.method);
        target.trim_matches(' ').clone_into(&mut self.request.target);
        self.request.version = match version {
            None => Version::Old,
            Some("HTTP/1.0") => Version::V10,
            Some(version) if is_version(version, "HTTP/1.") => Version::V11,
            Some(version) if is_version(version, "HTTP/") => return Err(Fault::Version),
            Some(_) => return Err(Fault::Malformed),
        };
        let token = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-');
        if !method.bytes().all(token) || !(target.starts_with(['/', '*']) || target.contains(':')) {
            return Err(Fault::Malformed);
        }
        Ok((self.request.version == Version::Old).then(|| self.done()))
    }

    fn head_done(&mut self) -> Result<Option<Step>, Fault> {
        let request = &self.request;
        if request.version == Version::V11 && request.header("host").is_none() {
            return Err(Fault::Malformed);
        }
        let chunked = request
            .header("transfer-encoding")
            .is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"));
        let length = match request.header("content-length") {
            None => 0,
            Some(digits) => digits.parse::<u64>().map_err(|_| Fault::Malformed)?,
        };
        if length > self.limits.body_max {
            return Err(Fault::BodyTooLong);
        }
        let waits =
            request.header("expect").is_some_and(|what| what.eq_ignore_ascii_case("100-continue"));
        self.place = match (chunked, length) {
            (true, _) => Place::ChunkLine,
            (false, 0) => return Ok(Some(self.done())),
            (false, length) => Place::Body(length),
        };
        Ok(waits.then_some(Step::Continue))
    }

    fn body(&mut self, input: &mut &[u8], left: u64) -> Option<Step> {
        let left = self.take(input, left);
        self.place = Place::Body(left);
        (left == 0).then(|| self.done())
    }

    fn chunk(&mut self, input: &mut &[u8], left: u64) -> Option<Step> {
        let left = self.take(input, left);
        self.place = if left == 0 { Place::ChunkEnd } else { Place::Chunk(left) };
        None
    }

    /// Takes what belongs to the body; gives how much is still to come.
    fn take(&mut self, input: &mut &[u8], left: u64) -> u64 {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let (piece, rest) = input.split_at_checked(here).unwrap_or_default();
        *input = rest;
        self.request.body.add(piece, self.limits.kept_max);
        left - u64::try_from(here).unwrap_or(left)
    }

    fn chunk_line(&mut self, input: &mut &[u8]) -> Result<Option<Step>, Fault> {
        let line = self.line(input, CHUNK_LINE_BYTES_MAX).map_err(|()| Fault::Malformed)?;
        let Some(line) = line else { return Ok(None) };
        match self.place {
            Place::ChunkEnd => self.place = Place::ChunkLine,
            Place::Trailer if line.is_empty() => return Ok(Some(self.done())),
            Place::Trailer => {
                self.head_bytes += line.len() + 2;
                if self.head_bytes > HEAD_BYTES_MAX {
                    return Err(Fault::HeadTooLong);
                }
            }
            _ => {
                let text = String::from_utf8_lossy(&line);
                let digits = text.split(';').next().unwrap_or_default().trim();
                let length = u64::from_str_radix(digits, 16).map_err(|_| Fault::Malformed)?;
                let bytes = self.request.body.bytes.saturating_add(length);
                if bytes > self.limits.body_max {
                    return Err(Fault::BodyTooLong);
                }
                self.place = if length == 0 { Place::Trailer } else { Place::Chunk(length) };
            }
        }
        Ok(None)
    }

    fn done(&mut self) -> Step {
        self.place = Place::Head;
        self.head_bytes = 0;
        Step::Request(std::mem::take(&mut self.request))
    }
}

fn is_version(text: &str, before: &str) -> bool {
    text.strip_prefix(before).is_some_and(|digits| {
        (1..=3).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { body_max: 1_000, kept_max: 20 };

    /// What is read of bytes that come `step` at a time.
    fn read(bytes: &[u8], step: usize) -> String {
        let mut reader = Reader::new(LIMITS);
        let mut told = String::new();
        for mut piece in bytes.chunks(step.max(1)) {
            loop {
                match reader.next(&mut piece) {
                    Step::More => break,
                    Step::Continue => told.push_str("continue\n"),
                    Step::Request(request) => {
                        let body = String::from_utf8_lossy(request.body.kept());
                        let _ = writeln!(
                            told,
                            "{:?} {} {} {:?} {body:?} of {}",
                            request.version,
                            request.method,
                            request.target,
                            request.headers,
                            request.body.bytes
                        );
                    }
                    Step::Bad(fault, request) => {
                        return format!("{told}{fault:?} {:?}\n", request.line);
                    }
                }
            }
        }
        told
    }

    #[track_caller]
    fn check(text: &str, expected: expect_test::Expect) {
        let whole = read(text.as_bytes(), usize::MAX);
        expected.assert_eq(&whole);
        assert_eq!(read(text.as_bytes(), 1), whole);
    }

    #[test]
    fn two_requests_on_one_connection() {
        check(
            "\r\nGET /a?b=c HTTP/1.1\r\nHost: x\r\nx-ODD:  y \r\n\r\nPOST / HTTP/1.0\nContent-Length: 3\n\nabcGET /\r\n",
            expect_test::expect![[r#"
                V11 GET /a?b=c [("Host", "x"), ("x-ODD", "y")] "" of 0
                V10 POST / [("Content-Length", "3")] "abc" of 3
                Old GET / [] "" of 0
            "#]],
        );
    }

    #[test]
    fn a_chunked_body_and_one_longer_than_is_kept() {
        check(
            "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n14\r\n01234567890123456789\r\n0\r\nTrailer: x\r\n\r\nGET / HTTP/1.0\r\n\r\n",
            expect_test::expect![[r#"
                continue
                V11 POST / [("Host", "x"), ("Expect", "100-continue"), ("Transfer-Encoding", "chunked")] "abcd0123456789012345" of 24
                V10 GET / [] "" of 0
            "#]],
        );
    }

    #[test]
    fn what_is_no_request() {
        for (text, fault) in [
            ("OPTIONS / RTSP/1.0\r\n", "Malformed \"OPTIONS / RTSP/1.0\""),
            ("GET / HTTP/1.1\r\n\r\n", "Malformed \"GET / HTTP/1.1\""),
            ("GET / HTTP/2.0\r\n", "Version \"GET / HTTP/2.0\""),
            ("help\r\n", "Malformed \"help\""),
            ("\u{16}\u{3}\u{1}", "Malformed \"\\\\x16\\\\x03\\\\x01\""),
            ("POST / HTTP/1.0\r\nContent-Length: 1001\r\n\r\n", "BodyTooLong \"POST / HTTP/1.0\""),
            ("POST / HTTP/1.0\r\nContent-Length: -1\r\n\r\n", "Malformed \"POST / HTTP/1.0\""),
        ] {
            assert_eq!(read(text.as_bytes(), 100), format!("{fault}\n"), "{text}");
        }
        assert!(read(&[b'a'; 9_000], 100).starts_with("LineTooLong"));
        let many = format!("GET / HTTP/1.0\r\n{}", "a: b\r\n".repeat(HEADERS_MAX + 1));
        assert!(read(many.as_bytes(), 100).starts_with("HeadTooLong"));
        let long = format!("GET / HTTP/1.0\r\na: {}", "b".repeat(HEAD_BYTES_MAX));
        assert!(read(long.as_bytes(), 100).starts_with("HeadTooLong"));
    }

    #[test]
    fn where_a_target_leads() {
        let of = |target: &str| {
            let request = Request { target: target.to_owned(), ..Request::default() };
            (request.path().to_owned(), request.query().to_owned())
        };
        let pair = |path: &str, query: &str| (path.to_owned(), query.to_owned());
        assert_eq!(of("/a/b?c=d?e"), pair("/a/b", "c=d?e"));
        assert_eq!(of("http://x/a?b"), pair("/a", "b"));
        assert_eq!(of("http://x"), pair("/", ""));
        assert_eq!(of("/go?to=http://x/"), pair("/go", "to=http://x/"));
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_give_the_same(
            bytes in prop::collection::vec(prop::sample::select(&b"GET / HTTP/1.1\r\n\r\n: 0a;"[..]), 0..200),
            step in 1..30usize,
        ) {
            let start = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
            let (pieces, whole) =
                (read(&[start, &bytes[..]].concat(), step), read(&[start, &bytes[..]].concat(), 999));
            // Noise is refused at its first byte, and told as far as it has come by then.
            let noise = |told: &str| {
                told.rsplit_once("Malformed \" ").map(|(before, noise)| (before.to_owned(), noise.to_owned()))
            };
            if let (Some(of_pieces), Some(of_whole)) = (noise(&pieces), noise(&whole)) {
                prop_assert_eq!(of_pieces.0, of_whole.0);
                prop_assert!(of_whole.1.starts_with(of_pieces.1.trim_end_matches("\"\n")));
            } else {
                prop_assert_eq!(pieces, whole);
            }
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), step in 1..30usize) {
            read(&bytes, step);
        }
    }
}
