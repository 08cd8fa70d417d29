//! Envoy's default access log, and that of Istio, which has more columns behind.
//!
//! ```text
//! [2026-11-21T06:58:00.123Z] "GET /a?b=c HTTP/1.1" 200 - 0 512 15 14 "203.0.113.9" "curl/8.5.0" "5b1c…" "www.example.org" "192.0.2.10:80"
//! [2026-11-21T06:58:00.123Z] "GET /a HTTP/1.1" 200 - via_upstream - "-" 0 512 15 14 "-" "curl/8.5.0" "5b1c…" "www.example.org" "192.0.2.10:80" outbound|80||web 192.0.2.1:5 192.0.2.2:80 203.0.113.9:39344 - default
//! ```
//!
//! Envoy writes the client's words as they came, quotes among them. So what follows them is read from the
//! end, and the quotes in between are the client's.

use model::{Event, Field};

use super::shared::{address, address_port};
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "envoy",
    summary: "Envoy and Istio access logs, default layouts",
    programs: &["envoy"],
    recognises,
    parse,
};

const NANOS_A_MILLI: i64 = 1_000_000;
/// How many words Istio writes behind the quoted ones.
const ISTIO_WORDS: usize = 6;

fn recognises(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first() == Some(&b'[')
        && bytes.get(5) == Some(&b'-')
        && bytes.get(11) == Some(&b'T')
        && text.get(..text.floor_char_boundary(48)).is_some_and(|head| head.contains("] \""))
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let (time, rest) = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] \""))
        .ok_or(ParseError::Missing("time"))?;
    let (time, _) = moment::iso(time, context).ok_or(ParseError::Invalid("time"))?;
    let (request, rest) =
        web::closing(rest, status_follows).ok_or(ParseError::Missing("request"))?;
    let answered = Some(rest).filter(|rest| status_follows(rest));
    let (status, rest) = answered
        .and_then(|rest| rest.trim_start_matches(' ').split_once(' '))
        .ok_or(ParseError::Missing("status"))?;
    let answer = answer(rest).ok_or(ParseError::Missing("size"))?;
    let said = said(answer.rest).ok_or(ParseError::Missing("user agent"))?;

    event.time = time;
    event.set(Field::EventCategory, "web");
    event.set(Field::EventType, "access");
    web::request(event, request, Escapes::Unknown);
    // `0` where the client left before there was an answer.
    if let Ok(status @ 100..) = status.parse() {
        web::status(event, status);
    }
    if answer.flags != "-" {
        event.set_extra("envoy.response_flags", answer.flags);
    }
    event.set(Field::RequestBodyBytes, answer.received);
    event.set(Field::ResponseBodyBytes, answer.sent);
    event.set(Field::EventDuration, answer.millis.saturating_mul(NANOS_A_MILLI));
    // A quote that the client wrote may have ended its addresses early, or begun others: then nobody
    // can tell which the last one is. A request has no spaces but those around its target.
    let clear = request.split(' ').count() == 3 && !said.agent.contains("\" \"");
    write(&said, clear, event);
    Ok(())
}

/// Tells whether a status stands at the beginning: three figures, or a lone 0.
fn status_follows(text: &str) -> bool {
    match text.as_bytes() {
        [b' ', b'0', b' ', ..] => true,
        [b' ', rest @ ..] => {
            rest.iter().take(3).filter(|byte| byte.is_ascii_digit()).count() == 3
                && rest.get(3) == Some(&b' ')
        }
        _ => false,
    }
}

struct Answer<'t> {
    flags: &'t str,
    received: &'t str,
    sent: &'t str,
    millis: i64,
    /// From the first quoted word on.
    rest: &'t str,
}

/// Reads the flags and the numbers. Istio writes three more words behind the flags, of which the last is
/// quoted.
fn answer(text: &str) -> Option<Answer<'_>> {
    let (flags, rest) = text.split_once(' ')?;
    let mut words = rest.splitn(5, ' ');
    let numbers = [words.next()?, words.next()?, words.next()?];
    if let Some(millis) = duration(numbers) {
        let (received, sent) = (numbers.first()?, numbers.get(1)?);
        return Some(Answer { flags, received, sent, millis, rest: words.nth(1)? });
    }
    let (_, rest) = rest.split_once(" \"")?;
    let (_, rest) = rest.split_once("\" ")?;
    let mut words = rest.splitn(5, ' ');
    let numbers = [words.next()?, words.next()?, words.next()?];
    let (received, sent) = (numbers.first()?, numbers.get(1)?);
    Some(Answer { flags, received, sent, millis: duration(numbers)?, rest: words.nth(1)? })
}

/// Gives the last of three numbers, the milliseconds, if they are numbers.
fn duration(numbers: [&str; 3]) -> Option<i64> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.iter().all(|text| number(text)).then(|| numbers.last()?.parse().ok()).flatten()
}

/// The quoted words, and the client's address as Istio writes it.
struct Said<'t> {
    forwarded: &'t str,
    agent: &'t str,
    id: &'t str,
    host: &'t str,
    upstream: &'t str,
    client: &'t str,
}

fn said(text: &str) -> Option<Said<'_>> {
    let (quoted, client) = if let Some(quoted) = text.strip_suffix('"') {
        (quoted, "")
    } else {
        let (quoted, words) = text.rsplit_once("\" ")?;
        let istio = words.split(' ').count() == ISTIO_WORDS;
        (quoted, words.split(' ').rev().nth(2).filter(|_| istio).unwrap_or_default())
    };
    let (rest, upstream) = quoted.rsplit_once("\" \"")?;
    let (rest, host) = rest.rsplit_once("\" \"")?;
    let (rest, id) = rest.rsplit_once("\" \"")?;
    let (forwarded, agent) = rest.strip_prefix('"')?.split_once("\" \"")?;
    Some(Said { forwarded, agent, id, host, upstream, client })
}

fn write(said: &Said<'_>, clear: bool, event: &mut Event) {
    let there = |text: &&str| !matches!(*text, "" | "-");
    // Of the addresses that were forwarded the last is the one that Envoy saw itself.
    let forwarded = said.forwarded.rsplit(',').next().filter(|_| clear);
    let forwarded = forwarded.map(str::trim).and_then(address);
    if let Some((ip, port)) = address_port(said.client).or(forwarded.map(|ip| (ip, None))) {
        event.set(Field::SourceIp, ip);
        if let Some(port) = port {
            event.set(Field::SourcePort, port);
        }
    }
    if let Some(forwarded) = Some(said.forwarded).filter(there) {
        event.set_extra("envoy.forwarded_for", forwarded);
    }
    if let Some(agent) = Some(said.agent).filter(there) {
        event.set(Field::UserAgentOriginal, agent);
    }
    if let Some(id) = Some(said.id).filter(there) {
        event.set(Field::RequestId, id);
    }
    if let Some(host) = Some(said.host).filter(there) {
        web::host(event, host);
    }
    if let Some((ip, port)) = address_port(said.upstream) {
        event.set(Field::DestinationIp, ip);
        if let Some(port) = port {
            event.set(Field::DestinationPort, port);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn default_layout() {
        check(
            r#"[2026-11-21T06:58:00.123Z] "POST /api?b=c HTTP/2" 503 UF,URX 5 154 226 - "198.51.100.7, 203.0.113.9" "curl/8.5.0" "cc21d9b0" "www.example.org:8443" "192.0.2.10:80""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                destination.ip = 192.0.2.10
                destination.port = 80
                event.category = web
                event.duration = 226000000
                event.outcome = failure
                event.type = access
                http.request.body.bytes = 5
                http.request.id = cc21d9b0
                http.request.method = POST
                http.response.body.bytes = 154
                http.response.status_code = 503
                http.version = 2
                source.ip = 203.0.113.9
                url.domain = www.example.org
                url.original = /api?b=c
                url.path = /api
                url.port = 8443
                url.query = b=c
                user_agent.original = curl/8.5.0
                envoy.response_flags = UF,URX
                envoy.forwarded_for = 198.51.100.7, 203.0.113.9
            "]],
        );
        check(
            r#"[2026-11-21T06:58:00.123Z] "GET /a HTTP/1.1" 0 DC 0 0 3 - "-" "-" "cc21d9b0" "-" "-""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.category = web
                event.duration = 3000000
                event.type = access
                http.request.body.bytes = 0
                http.request.id = cc21d9b0
                http.request.method = GET
                http.response.body.bytes = 0
                http.version = 1.1
                url.original = /a
                url.path = /a
                envoy.response_flags = DC
            "]],
        );
    }

    #[test]
    fn of_istio() {
        check(
            r#"[2026-11-21T06:58:00.123Z] "GET /a HTTP/1.1" 404 - via_upstream - "-" 0 512 15 14 "-" "curl/8.5.0" "cc21d9b0" "www.example.org" "192.0.2.10:80" outbound|80||web 192.0.2.1:5 192.0.2.2:80 203.0.113.9:39344 - default"#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                destination.ip = 192.0.2.10
                destination.port = 80
                event.category = web
                event.duration = 15000000
                event.outcome = failure
                event.type = access
                http.request.body.bytes = 0
                http.request.id = cc21d9b0
                http.request.method = GET
                http.response.body.bytes = 512
                http.response.status_code = 404
                http.version = 1.1
                source.ip = 203.0.113.9
                source.port = 39344
                url.domain = www.example.org
                url.original = /a
                url.path = /a
                user_agent.original = curl/8.5.0
            "]],
        );
    }

    /// Nothing that Envoy writes is escaped: any of the client's headers may hold what looks like the
    /// end of it, and whose address the last one is cannot be known.
    #[test]
    fn quotes_of_the_client_shift_nothing() {
        check(
            r#"[2026-11-21T06:58:00.123Z] "GET /a" 200 - 1 2 3 4 "x HTTP/1.1" 403 - 0 512 15 14 "203.0.113.9" "x" "y" "z" "${jndi:ldap://x}" "cc21d9b0" "www.example.org" "192.0.2.10:80""#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.123Z
                destination.ip = 192.0.2.10
                destination.port = 80
                event.category = web
                event.duration = 15000000
                event.outcome = failure
                event.type = access
                http.request.body.bytes = 0
                http.request.id = cc21d9b0
                http.request.method = GET
                http.response.body.bytes = 512
                http.response.status_code = 403
                http.version = 1.1
                url.domain = www.example.org
                url.original = /a" 200 - 1 2 3 4 "x
                url.path = /a" 200 - 1 2 3 4 "x
                user_agent.original = x" "y" "z" "${jndi:ldap://x}
                envoy.forwarded_for = 203.0.113.9
            "#]],
        );
    }

    #[test]
    fn quotes_of_the_client_forge_no_address() {
        let line = |path: &str, forwarded: &str, agent: &str, more: &str| {
            format!(
                "[2026-11-21T06:58:00.123Z] \"GET {path} HTTP/1.1\" 200 - 0 512 15 14 \"{forwarded}\" \"{agent}\" \"cc21\" \"h\" \"192.0.2.10:80\"{more}"
            )
        };
        let istio = " outbound|80||web 192.0.2.1:5 192.0.2.2:80 203.0.113.9:39344 - default";
        for (path, forwarded, agent, more, ip) in [
            ("/a", "203.0.113.9", "curl", "", true),
            ("/a", "203.0.113.9", "a \"b\" c", "", true),
            ("/a", "1.2.3.4\" \"x, 203.0.113.9", "curl", "", false),
            ("/a", "1.2.3.4\" \"x", "curl", istio, true),
            ("/a", "203.0.113.9", "x\" 403 - 0 1 2 3 \"1.2.3.4\" \"y", "", false),
        ] {
            let text = line(path, forwarded, agent, more);
            let event = testing::read(&FORMAT, &text).unwrap();
            let source = event.get(Field::SourceIp).map(|value| value.to_string());
            assert_eq!(source.as_deref(), ip.then_some("203.0.113.9"), "{text}");
        }
    }

    #[test]
    fn other_lines() {
        assert!(!recognises("[2026-11-21T06:58:00.123Z] started"));
        for (text, error) in [
            (r#"[x] "GET / HTTP/1.1" 200"#, ParseError::Invalid("time")),
            (r#"[2026-11-21T06:58:00Z] "GET / HTTP/1.1" x"#, ParseError::Missing("status")),
            (r#"[2026-11-21T06:58:00Z] "GET / HTTP/1.1" 200 -"#, ParseError::Missing("size")),
            (
                r#"[2026-11-21T06:58:00Z] "GET / HTTP/1.1" 200 - 1 2 3 4 x"#,
                ParseError::Missing("user agent"),
            ),
        ] {
            assert_eq!(testing::read(&FORMAT, text).unwrap_err(), error, "{text}");
        }
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
