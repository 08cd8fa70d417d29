//! HTTP/1 in clear (RFC 9112): each request joined with its answer.
//!
//! ```text
//! POST /login?next=/ HTTP/1.1      the target as it was sent, attacks and all
//! Host: shop.example.org
//! Content-Length: 21
//!
//! user=ann&password=...
//! ```
//!
//! Fields are those that access logs fill, so the inspection of requests reads both alike. The reader is
//! lenient: what no server would take is told as it stands. Of bodies the beginning of a request's is kept; the
//! rest is skipped by its told length. HTTP/2 in clear is recognised by its preface and only named.

use std::collections::VecDeque;

use super::shared::lines;
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

mod fields;
mod head;
mod sent;

use head::{Answer, Body, Request};

/// The row.
pub(super) const HTTP: Protocol = Protocol {
    name: "http",
    over: &[Transport::Tcp],
    ports: &[80, 8080, 8000, 3128, 8081, 8888],
    recognises,
    open: |_| Box::new(Http::default()),
    bytes_max: 1024 * 1024 * 1024,
    held_max: 64 * 1024,
    events_max: 100_000,
};

/// Bounds the requests that wait for an answer (pipelining); what is older is told without one.
const WAITING_MAX: usize = 16;
/// Bounds what is kept of a request's body.
const BODY_BYTES_MAX: usize = 8 * 1024;
/// Bounds what is kept of the bodies of all requests that wait.
const BODIES_BYTES_MAX: usize = 16 * 1024;
/// Bounds the line that tells a chunk's size.
const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;
/// The first bytes of HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const METHODS: &[&str] = &[
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "DELETE",
    "OPTIONS",
    "CONNECT",
    "PATCH",
    "TRACE",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "PURGE",
    "DEBUG",
];

fn recognises(first: &First<'_>) -> Verdict {
    if first.client.is_empty() {
        return if first.server.starts_with(b"HTTP/1.") {
            Verdict::Yes
        } else if b"HTTP/1.".starts_with(first.server) {
            Verdict::Maybe
        } else {
            Verdict::No
        };
    }
    let text = first.client.trim_ascii_start();
    let Some(end) = memchr::memchr(b' ', text) else {
        let possible =
            text.len() <= head::METHOD_BYTES_MAX && text.iter().all(u8::is_ascii_uppercase);
        return if possible { Verdict::Maybe } else { Verdict::No };
    };
    let (method, rest) = text.split_at_checked(end).unwrap_or_default();
    let target = rest.get(1..).unwrap_or_default();
    if !head::is_method(method) {
        return Verdict::No;
    }
    let known = METHODS.iter().any(|known| known.as_bytes() == method);
    match memchr::memchr(b'\n', target) {
        Some(end) => {
            let line = target.get(..end).unwrap_or_default();
            let told =
                line.starts_with(b"HTTP/") || memchr::memmem::find(line, b" HTTP/").is_some();
            // HTTP 0.9 tells no version.
            let plain = known && line.starts_with(b"/") && memchr::memchr(b' ', line).is_none();
            if told || plain { Verdict::Yes } else { Verdict::No }
        }
        None if known && (target.starts_with(b"/") || target.starts_with(b"http://")) => {
            Verdict::Yes
        }
        None => Verdict::Maybe,
    }
}

/// What one side is in the middle of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Head,
    /// A body of so many bytes more.
    Body(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    UntilClose,
    /// After a gap: where the next message begins is not known.
    Lost,
}

/// Both sides of one connection.
#[derive(Debug, Default)]
struct Http {
    waiting: VecDeque<Request>,
    sides: [Part; 2],
    /// Answers are missing: the next is not that to the oldest request.
    answers_lost: bool,
    /// How far into what has come of each side's head its end was looked for.
    looked: (usize, usize),
    /// The body that comes belongs to the last of those who wait.
    collects: bool,
    tunnel: Tunnel,
}

/// Whether what follows is another protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tunnel {
    #[default]
    None,
    /// After CONNECT.
    Connected,
    /// HTTP/2, or what was upgraded to.
    Other,
}

impl Dissector for Http {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let mut taken = 0_u64;
        let mut rest = bytes;
        loop {
            match self.tunnel {
                Tunnel::None => {}
                Tunnel::Other => return Progress::Done,
                // Most who ask for a tunnel speak TLS in it; who does not is told of no more.
                Tunnel::Connected => return Progress::Become(taken, "tls"),
            }
            let side = usize::from(direction == Direction::Server);
            let Some(part) = self.sides.get(side).copied() else { return Progress::Done };
            let step = self.step(direction, part, rest, told);
            let Some((next, used)) = step else { return Progress::Taken(taken) };
            if let Some(place) = self.sides.get_mut(side) {
                *place = next;
            }
            taken = taken.saturating_add(used);
            match usize::try_from(used).ok().and_then(|used| rest.get(used..)) {
                Some(left) if !left.is_empty() => rest = left,
                _ if self.tunnel != Tunnel::None => rest = &[],
                _ => return Progress::Taken(taken),
            }
        }
    }

    fn gap(&mut self, direction: Direction, _: &mut Told<'_>) -> Progress {
        // Which answer belongs to which request is not known any more.
        self.answers_lost |= direction == Direction::Server;
        self.collects = false;
        self.looked = (0, 0);
        if let Some(side) = self.sides.get_mut(usize::from(direction == Direction::Server)) {
            *side = Part::Lost;
        }
        Progress::Taken(0)
    }

    fn held(&self) -> usize {
        self.waiting.iter().map(Request::held).sum()
    }

    fn end(&mut self, told: &mut Told<'_>) {
        for request in std::mem::take(&mut self.waiting) {
            tell(Some(&request), None, told);
        }
    }
}

impl Http {
    /// Reads one part; gives what comes next and how many bytes it took, or nothing where more is needed.
    fn step(
        &mut self,
        direction: Direction,
        part: Part,
        rest: &[u8],
        told: &mut Told<'_>,
    ) -> Option<(Part, u64)> {
        let here = u64::try_from(rest.len()).ok()?;
        match part {
            Part::Head if direction == Direction::Client => self.request(rest, told),
            Part::Head => self.answer(rest, told),
            Part::Body(left) | Part::Chunk(left) => {
                let next = if part == Part::Body(left) { Part::Head } else { Part::ChunkEnd };
                if direction == Direction::Client && self.collect(rest, left) && here < left {
                    let less = left - here;
                    return Some((
                        if next == Part::Head { Part::Body(less) } else { Part::Chunk(less) },
                        here,
                    ));
                }
                // Nothing of the rest is wanted: skipped, come or not.
                Some((next, left))
            }
            Part::ChunkSize => chunk_size(rest),
            Part::ChunkEnd | Part::Trailer => {
                let end = memchr::memchr(b'\n', rest)?;
                let empty = rest.get(..end)?.trim_ascii().is_empty();
                let next = match part {
                    Part::ChunkEnd => Part::ChunkSize,
                    _ if empty => Part::Head,
                    _ => Part::Trailer,
                };
                Some((next, u64::try_from(end + 1).ok()?))
            }
            Part::UntilClose => Some((Part::UntilClose, u64::MAX)),
            Part::Lost => {
                let begins = match direction {
                    Direction::Client => METHODS.iter().any(|method| {
                        rest.strip_prefix(method.as_bytes())
                            .is_some_and(|rest| rest.starts_with(b" "))
                    }),
                    Direction::Server => rest.starts_with(b"HTTP/1."),
                };
                Some(if begins { (Part::Head, 0) } else { (Part::Lost, here) })
            }
        }
    }

    /// Keeps the beginning of a request's body; tells whether more of it is wanted.
    fn collect(&mut self, bytes: &[u8], left: u64) -> bool {
        let all: usize = self.waiting.iter().map(|request| request.body.len()).sum();
        let Some(request) = self.waiting.back_mut().filter(|_| self.collects) else { return false };
        let room = BODY_BYTES_MAX
            .saturating_sub(request.body.len())
            .min(BODIES_BYTES_MAX.saturating_sub(all));
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(room).min(bytes.len());
        request.body.extend_from_slice(bytes.get(..wanted).unwrap_or_default());
        room > wanted
    }

    fn request(&mut self, rest: &[u8], told: &mut Told<'_>) -> Option<(Part, u64)> {
        if rest.starts_with(PREFACE) {
            let heading = Heading { category: &["network", "web"], ..Heading::of("http_preface") };
            told.event(heading, |line| line.object("http", |http| http.word("version", "2")));
            self.tunnel = Tunnel::Other;
            return Some((Part::Head, 0));
        }
        if PREFACE.starts_with(rest) {
            return None;
        }
        let (request, used) = Request::read(rest, &mut self.looked.0)?;
        let Some(request) = request else {
            // A line that is no request: told of, and the next one may be.
            told.malformed();
            return Some((Part::Head, used));
        };
        if self.waiting.len() >= WAITING_MAX
            && let Some(oldest) = self.waiting.pop_front()
        {
            tell(Some(&oldest), None, told);
        }
        let next = part_of(request.length);
        self.collects = next != Part::Head;
        self.waiting.push_back(request);
        Some((next, used))
    }

    fn answer(&mut self, rest: &[u8], told: &mut Told<'_>) -> Option<(Part, u64)> {
        let (answer, used) = Answer::read(rest, &mut self.looked.1)?;
        let Some(answer) = answer else {
            told.malformed();
            // An answer of HTTP 0.9, or none at all: nothing can be found behind it.
            self.end(told);
            return Some((Part::UntilClose, used));
        };
        // Interim answers; the final one follows (RFC 9110, section 15.2).
        if (100..200).contains(&answer.status) && answer.status != 101 {
            return Some((Part::Head, used));
        }
        if std::mem::take(&mut self.answers_lost) {
            // The first answer after a gap is most likely that to the newest request.
            while self.waiting.len() > 1 {
                tell(self.waiting.pop_front().as_ref(), None, told);
            }
        }
        let request = self.waiting.pop_front();
        if self.waiting.is_empty() {
            self.collects = false;
        }
        tell(request.as_ref(), Some(&answer), told);
        let method = request.as_ref().map_or(&b""[..], |request| &request.method);
        if answer.status == 101 {
            self.tunnel = Tunnel::Other;
        } else if method == b"CONNECT" && (200..300).contains(&answer.status) {
            self.tunnel = Tunnel::Connected;
        }
        let bare = method == b"HEAD" || matches!(answer.status, 204 | 304);
        let next = match answer.length {
            _ if bare => Part::Head,
            Body::None => Part::UntilClose,
            length => part_of(length),
        };
        Some((next, used))
    }
}

fn part_of(length: Body) -> Part {
    match length {
        Body::None | Body::Bytes(0) => Part::Head,
        Body::Bytes(count) => Part::Body(count),
        Body::Chunked => Part::ChunkSize,
    }
}

fn chunk_size(rest: &[u8]) -> Option<(Part, u64)> {
    let Some(end) = memchr::memchr(b'\n', rest) else {
        return (rest.len() > CHUNK_LINE_BYTES_MAX).then_some((Part::Lost, 0));
    };
    let line = rest.get(..end)?;
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    let size = std::str::from_utf8(digits).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
    let used = u64::try_from(end + 1).ok()?;
    Some(match size {
        Some(0) => (Part::Trailer, used),
        Some(size) => (Part::Chunk(size), used),
        None => (Part::Lost, used),
    })
}

fn tell(request: Option<&Request>, answer: Option<&Answer>, told: &mut Told<'_>) {
    let outcome = answer.map(|answer| if answer.status < 400 { "success" } else { "failure" });
    let heading = Heading {
        action: "http_request",
        category: &["network", "web"],
        kinds: &["access", "protocol"],
        outcome,
    };
    told.event(heading, |line| {
        line.object("http", |http| fields::write_http(http, request, answer));
        let Some(request) = request else { return };
        line.object("url", |url| request.write_url(url));
        if let Some(agent) = &request.agent {
            line.object("user_agent", |to| {
                to.text_within("original", agent, head::HEADER_BYTES_MAX);
            });
        }
        if let Some(user) = &request.user {
            line.object("user", |to| to.text("name", user));
        }
        let sent = request.sent_headers();
        if request.user.is_some() || !sent.is_empty() {
            line.object("bartizan", |to| {
                if request.user.is_some() {
                    to.flag("cleartext_password", true);
                }
                if !sent.is_empty() {
                    to.object("request", |request| request.texts("headers", sent));
                }
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing::{feed_about, tcp};
    use super::*;

    const C: Direction = Direction::Client;
    const S: Direction = Direction::Server;

    #[test]
    fn a_request_and_its_answer() {
        check(
            &[
                (C, b"GET /a%20b?id=1'%20OR%20'1'='1 HTTP/1.1\r\nHost: shop.example.org:8080\r\nUser-Agent: curl/8\r\nReferer: http://a.example.org/\r\nCookie: s=secret\r\n\r\n"),
                (S, b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 9\r\n\r\nnot found"),
            ],
            expect![[r#"
                http_request failure {"url":{"original":"/a%20b?id=1'%20OR%20'1'='1","path":"/a%20b","query":"id=1'%20OR%20'1'='1","domain":"shop.example.org","port":8080},"user_agent":{"original":"curl/8"},"http":{"request":{"method":"GET","referrer":"http://a.example.org/"},"response":{"status_code":404,"mime_type":"text/html","body":{"bytes":9},"headers":{"server":"nginx"}},"version":"1.1"}}
            "#]],
        );
    }

    #[test]
    fn pipelined_requests_in_pieces_each_with_its_own_answer() {
        check(
            &[
                (C, b"GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /tw"),
                (C, b"o HTTP/1.1\r\nHost: a\r\n\r\nHEAD /three HTTP/1.1\r\n\r\n"),
                (S, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhel"),
                (S, b"lo\r\n0\r\nTrailer: 1\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n"),
                (S, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
            ],
            expect![[r#"
                http_request success {"http":{"request":{"method":"GET"},"response":{"status_code":200},"version":"1.1"},"url":{"original":"/one","path":"/one","domain":"a"}}
                http_request success {"http":{"request":{"method":"GET"},"response":{"status_code":304,"body":{"bytes":77}},"version":"1.1"},"url":{"original":"/two","path":"/two","domain":"a"}}
                http_request success {"http":{"request":{"method":"HEAD"},"response":{"status_code":200,"body":{"bytes":99}},"version":"1.1"},"url":{"original":"/three","path":"/three"}}
            "#]],
        );
    }

    #[test]
    fn bodies_with_a_length_and_in_chunks() {
        check(
            &[
                (C, b"POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\nuser=an"),
                (C, b"n&x=PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET /c HTTP/1.0\r\n\r\n"),
            ],
            expect![[r#"
                http_request  {"url":{"original":"/login","path":"/login"},"bartizan":{"request":{"headers":["Content-Type: application/x-www-form-urlencoded","Content-Length: 11"]}},"http":{"request":{"method":"POST","mime_type":"application/x-www-form-urlencoded","body":{"bytes":11,"content":"user=ann&x="}},"version":"1.1"}}
                http_request  {"url":{"original":"/b","path":"/b"},"bartizan":{"request":{"headers":["Transfer-Encoding: chunked"]}},"http":{"request":{"method":"PUT","body":{"content":"abcde"}},"version":"1.1"}}
                http_request  {"http":{"request":{"method":"GET"},"version":"1.0"},"url":{"original":"/c","path":"/c"}}
            "#]],
        );
    }

    #[test]
    fn a_long_body_is_cut_and_skipped() {
        let head = format!("PUT /big HTTP/1.1\r\nContent-Length: {}\r\n\r\n", 1 << 20);
        let mut messages: Vec<(Direction, Vec<u8>)> = vec![(C, head.into_bytes())];
        messages.extend((0..16).map(|_| (C, vec![b'x'; 1 << 16])));
        messages.push((C, b"GET /next HTTP/1.1\r\n\r\n".to_vec()));
        let messages: Vec<(Direction, &[u8])> =
            messages.iter().map(|(direction, bytes)| (*direction, bytes.as_slice())).collect();
        let told = feed_about(&HTTP, &tcp(80), &messages);
        assert_eq!(told.matches(&"x".repeat(BODY_BYTES_MAX)).count(), 1);
        assert!(!told.contains(&"x".repeat(BODY_BYTES_MAX + 1)));
        assert!(told.contains("/next"), "{told}");
    }

    #[test]
    fn credentials_in_clear_without_the_password() {
        check(
            &[(C, b"GET http://proxy.example.org/x HTTP/1.0\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\n\r\n")],
            expect![[r#"
                http_request  {"user":{"name":"ann"},"bartizan":{"cleartext_password":true},"url":{"original":"http://proxy.example.org/x","scheme":"http","path":"/x","domain":"proxy.example.org"},"http":{"request":{"method":"GET"},"version":"1.0"}}
            "#]],
        );
    }

    #[test]
    fn tunnels_and_http2_are_only_named() {
        check(
            &[
                (C, b"CONNECT mail.example.org:25 HTTP/1.1\r\n\r\n"),
                (S, b"HTTP/1.1 200 Connected\r\n\r\n"),
                (C, b"GET /inside HTTP/1.1\r\n\r\n"),
            ],
            expect![[r#"
                http_request success {"http":{"request":{"method":"CONNECT"},"response":{"status_code":200},"version":"1.1"},"url":{"original":"mail.example.org:25","domain":"mail.example.org","port":25}}
            "#]],
        );
        check(
            &[(C, PREFACE)],
            expect![[r#"
            http_preface  {"http":{"version":"2"}}
        "#]],
        );
    }

    #[test]
    fn what_is_no_head() {
        check(
            &[(C, b"GET /a HTTP/1.1\r\nno colon\r\n: empty\r\n\r\n\x00\xff\r\nGET /b\r\n")],
            expect![[r#"
                http_request  {"http":{"request":{"method":"GET"},"version":"1.1"},"url":{"original":"/a","path":"/a"}}
                http_request  {"http":{"request":{"method":"GET"}},"url":{"original":"/b","path":"/b"}}
            "#]],
        );
    }

    #[test]
    fn after_a_gap_the_answer_is_that_to_the_newest_request() {
        let (about, mut lines) = (tcp(80), crate::json::Lines::default());
        let mut told = Told::new(&mut lines, &about, "http", 9);
        let mut http = Http::default();
        http.feed(C, b"GET /one HTTP/1.1\r\n\r\n", &mut told);
        http.gap(C, &mut told);
        http.gap(S, &mut told);
        http.feed(C, b"GET /two HTTP/1.1\r\n\r\n", &mut told);
        http.feed(S, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &mut told);
        http.end(&mut told);
        let told: Vec<bool> = lines.iter().map(|line| line.contains("200")).collect();
        assert_eq!(told, [false, true]);
        assert!(lines.iter().last().unwrap().contains("/two"));
    }

    #[test]
    fn more_requests_than_may_wait() {
        let all = b"GET / HTTP/1.1\r\n\r\n".repeat(WAITING_MAX + 10);
        assert_eq!(feed_about(&HTTP, &tcp(80), &[(C, &all)]).lines().count(), WAITING_MAX + 10);
    }

    #[test]
    fn by_content() {
        let ask = |client: &[u8], server: &[u8]| {
            (HTTP.recognises)(&First {
                client,
                server,
                port: 4444,
                client_port: 50_000,
                transport: Transport::Tcp,
            })
        };
        assert_eq!(ask(b"GET / HTTP/1.1\r\n", b""), Verdict::Yes);
        assert_eq!(ask(b"GE", b""), Verdict::Maybe);
        assert_eq!(ask(b"JEFF / HTTP/1.1\r\n", b""), Verdict::Yes);
        assert_eq!(ask(b"LIST /tmp\r\n", b""), Verdict::No);
        assert_eq!(ask(b"OPTIONS sip:x SIP/2.0\r\n", b""), Verdict::No);
        assert_eq!(ask(b"\x16\x03\x01", b""), Verdict::No);
        assert_eq!(ask(b"", b"HTTP/1.0 200"), Verdict::Yes);
        assert_eq!(ask(b"", b"220 hello"), Verdict::No);
    }

    #[track_caller]
    fn check(messages: &[(Direction, &[u8])], expect: Expect) {
        expect.assert_eq(&feed_about(&HTTP, &tcp(80), messages));
    }
}
