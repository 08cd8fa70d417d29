//! HAProxy's traffic log, for HTTP and for TCP.
//!
//! ```text
//! 203.0.113.9:51514 [21/Nov/2026:06:58:00.123] web~ app/app1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {h.example|curl/8.5.0} {nginx} "GET /x HTTP/1.1"
//! 203.0.113.9:51514 [21/Nov/2026:06:58:00.123] sql db/db1 0/0/5007 212 -- 0/0/0/0/3 0/0
//! ```
//!
//! Requests and captured headers are written with `#` and two hexadecimal digits for what could pass for
//! their ends. Captured headers come without their names: a user agent and a referrer are known by their
//! looks. Captured cookies are written as they came; so the request is looked for from the end.

use model::{Event, Field, Value};

use super::shared;
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, moment, quoted};

pub(crate) const FORMAT: Format = Format {
    id: "haproxy",
    summary: "HAProxy HTTP and TCP logs",
    programs: &["haproxy"],
    recognises,
    parse,
};

const ESCAPES: Escapes = Escapes::Marked('#');
const NANOS_A_MILLI: i64 = 1_000_000;
/// How many quotes are looked at from the end of a line that does not end in one.
const QUOTES_MAX: usize = 64;
/// How many captured headers of one side are kept.
const CAPTURED_MAX: usize = 32;

fn recognises(text: &str) -> bool {
    let head = text.get(..text.floor_char_boundary(64)).unwrap_or_default();
    head.split_once(" [").is_some_and(|(client, time)| {
        client.contains(':') && !client.contains(' ') && time.as_bytes().get(2) == Some(&b'/')
    })
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let (client, rest) = text.split_once(" [").ok_or(ParseError::Missing("time"))?;
    let (time, rest) = rest.split_once("] ").ok_or(ParseError::Missing("time"))?;
    let (ip, port) = shared::address_port(client)
        .or_else(|| {
            let (ip, port) = client.rsplit_once(':')?;
            Some((shared::address(ip)?, port.parse().ok()))
        })
        .ok_or(ParseError::Invalid("client"))?;
    let (time, _) = moment::leading(time, context).ok_or(ParseError::Invalid("time"))?;
    let mut words = rest.split(' ');
    let mut word = || words.next().ok_or(ParseError::Missing("field"));
    let frontend = word()?;
    let (backend, server) = word()?.split_once('/').ok_or(ParseError::Missing("server"))?;
    let timers = word()?;
    if !timers.contains('/') {
        return Err(ParseError::Missing("timers"));
    }

    event.time = time;
    event.set(Field::SourceIp, ip);
    if let Some(port) = port {
        event.set(Field::SourcePort, port);
    }
    event.set_extra("haproxy.frontend", frontend);
    event.set_extra("haproxy.backend", backend);
    event.set_extra("haproxy.server", server);
    event.set_extra("haproxy.timers", timers);
    // The last one is the whole time; `+` says that the log did not wait for the end.
    let taken = timers.rsplit('/').next().map(|taken| taken.trim_start_matches('+'));
    if let Some(taken @ 0..) = taken.and_then(|taken| taken.parse::<i64>().ok()) {
        event.set(Field::EventDuration, taken.saturating_mul(NANOS_A_MILLI));
    }
    if let Some((before, request)) = request(rest) {
        captured(before, event);
        http(request, (word()?, word()?), event);
    } else {
        event.set(Field::EventCategory, "network");
        event.set(Field::NetworkTransport, "tcp");
        event.set(Field::DestinationBytes, word()?);
    }
    event.set(Field::EventType, "access");
    Ok(())
}

/// Finds the request, and what stands before it.
fn request(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_suffix('"')
        && let Some(found) = rest.rsplit_once('"')
    {
        return Some(found);
    }
    // The log's line was cut, or a longer layout tells of the encryption behind: the request is the one
    // that two counts stand before.
    let (mut before, mut after) = text.rsplit_once('"')?;
    for _ in 0..QUOTES_MAX {
        if ends_in_counts(before) {
            return Some((before, after.split_once('"').map_or(after, |(request, _)| request)));
        }
        let (left, _) = before.rsplit_once('"')?;
        after = text.get(left.len() + 1..)?;
        before = left;
    }
    None
}

/// Tells whether a text ends in the lengths of two queues (`0/0`), captured headers left aside.
fn ends_in_counts(text: &str) -> bool {
    let (_, text) = groups(text);
    let last = text.rsplit(' ').next().unwrap_or_default();
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    last.split_once('/').is_some_and(|(one, two)| number(one) && number(two))
}

/// Takes the groups of captured headers off a text's end: the client's and the server's.
fn groups(text: &str) -> ([Option<&str>; 2], &str) {
    fn last(text: &str) -> Option<(&str, &str)> {
        text.trim_end_matches(' ').strip_suffix('}')?.rsplit_once('{')
    }
    match last(text) {
        None => ([None, None], text.trim_end_matches(' ')),
        Some((rest, second)) => match last(rest) {
            None => ([Some(second), None], rest.trim_end_matches(' ')),
            Some((rest, first)) => ([Some(first), Some(second)], rest.trim_end_matches(' ')),
        },
    }
}

/// Writes the captured headers.
fn captured(before: &str, event: &mut Event) {
    let ([client, server], _) = groups(before);
    let names = ["haproxy.http.request.captured_headers", "haproxy.http.response.captured_headers"];
    for (name, group) in names.into_iter().zip([client, server]) {
        let Some(group) = group else { continue };
        let values = group.split('|').take(CAPTURED_MAX);
        if group.contains('#') {
            let undone: Vec<String> = values
                .map(|raw| {
                    let mut value = String::new();
                    quoted::undo_marked(raw, '#', &mut value);
                    value
                })
                .collect();
            event.set_path_list(name, undone.iter().map(|value| Value::Text(value)));
        } else {
            event.set_path_list(name, values.map(Value::Text));
        }
    }
    for value in client.into_iter().flat_map(|group| group.split('|')).take(CAPTURED_MAX) {
        if value.starts_with("http://") || value.starts_with("https://") {
            ESCAPES.set(event, Field::RequestReferrer, value);
        } else if is_product(value) {
            ESCAPES.set(event, Field::UserAgentOriginal, value);
        }
    }
}

/// Tells whether a text begins as the names of programs do: `curl/8.5.0`.
fn is_product(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.split_once('/').is_some_and(|(name, version)| {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(plain)
            && version.starts_with(|first: char| first.is_ascii_digit())
    })
}

fn http(request: &str, (status, bytes): (&str, &str), event: &mut Event) {
    event.set(Field::EventCategory, "web");
    web::request(event, request, ESCAPES);
    // `-1` where the client left before there was an answer.
    if let Ok(status) = status.parse() {
        web::status(event, status);
    }
    let bytes = bytes.trim_start_matches('+');
    if !bytes.is_empty() && bytes.bytes().all(|byte| byte.is_ascii_digit()) {
        event.set(Field::ResponseBytes, bytes);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn requests() {
        check(
            r#"203.0.113.9:51514 [21/Nov/2026:06:58:00.123] web~ app/app1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {h.example|} "GET /x?y HTTP/1.1""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.category = web
                event.duration = 109000000
                event.outcome = success
                event.type = access
                http.request.method = GET
                http.response.bytes = 2750
                http.response.status_code = 200
                http.version = 1.1
                source.ip = 203.0.113.9
                source.port = 51514
                url.original = /x?y
                url.path = /x
                url.query = y
                haproxy.frontend = web~
                haproxy.backend = app
                haproxy.server = app1
                haproxy.timers = 10/0/30/69/109
                haproxy.http.request.captured_headers = h.example, 
            "]],
        );
        check(
            r#"2001:db8::9:51514 [21/Nov/2026:06:58:00.123] web~ web~/<NOSRV> -1/-1/-1/-1/5 -1 0 - - PR-- 1/1/0/0/3 0/0 "<BADREQ>""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.category = web
                event.duration = 5000000
                event.type = access
                http.response.bytes = 0
                source.ip = 2001:db8::9
                source.port = 51514
                haproxy.frontend = web~
                haproxy.backend = web~
                haproxy.server = <NOSRV>
                haproxy.timers = -1/-1/-1/-1/5
                http.request.line = <BADREQ>
            "]],
        );
    }

    #[test]
    fn captured_headers_and_marks() {
        check(
            r#"203.0.113.9:51514 [21/Nov/2026:06:58:00.123] web~ app/app1 10/0/30/69/+109 200 +2750 a="b c" "GET /fake 0/0 "-" ---- 1/1/1/1/0 0/0 {h.example|Mozilla/5.0 (X11) #7Bx#7D|https://www.example.org/?q=#22|} {nginx|} "GET /x?y=#22#C3#A9%22 HTTP/1.1""#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.category = web
                event.duration = 109000000
                event.outcome = success
                event.type = access
                http.request.method = GET
                http.request.referrer = https://www.example.org/?q="
                http.response.bytes = 2750
                http.response.status_code = 200
                http.version = 1.1
                source.ip = 203.0.113.9
                source.port = 51514
                url.original = /x?y="é%22
                url.path = /x
                url.query = y="é%22
                user_agent.original = Mozilla/5.0 (X11) {x}
                haproxy.frontend = web~
                haproxy.backend = app
                haproxy.server = app1
                haproxy.timers = 10/0/30/69/+109
                haproxy.http.request.captured_headers = h.example, Mozilla/5.0 (X11) {x}, https://www.example.org/?q=", 
                haproxy.http.response.captured_headers = nginx, 
            "#]],
        );
    }

    #[test]
    fn requests_cut_short_or_followed_by_more() {
        let target = |text: &str| {
            let event = testing::read(&FORMAT, text).unwrap();
            event.text(Field::UrlOriginal).map(str::to_owned)
        };
        let head = "203.0.113.9:51514 [21/Nov/2026:06:58:00.123] web~ app/app1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 ";
        let tls = r#"{h.example} "GET /x?y=0/0 HTTP/1.1" 0/0/0/0/0 h.example/TLSv1.3/TLS_AES_256_GCM_SHA384"#;
        assert_eq!(target(&[head, tls].concat()).unwrap(), "/x?y=0/0");
        assert_eq!(target(&[head, r#""GET /x?y"#].concat()).unwrap(), "/x?y");
        assert_eq!(target(&[head, r#"{a|b} "GET /x?y"#].concat()).unwrap(), "/x?y");
        assert_eq!(target(&[head, "\""].concat()), None);
    }

    #[test]
    fn connections() {
        check(
            "203.0.113.9:51514 [21/Nov/2026:06:58:00.123] sql db/db1 0/0/5007 212 -- 0/0/0/0/3 0/0",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                destination.bytes = 212
                event.category = network
                event.duration = 5007000000
                event.type = access
                network.transport = tcp
                source.ip = 203.0.113.9
                source.port = 51514
                haproxy.frontend = sql
                haproxy.backend = db
                haproxy.server = db1
                haproxy.timers = 0/0/5007
            "]],
        );
    }

    #[test]
    fn other_lines() {
        check(
            "203.0.113.9:51514 [21/Nov/2026:06:58:00.123] a b c",
            expect![[r#"Missing("server")"#]],
        );
        check("name:1 [21/Nov/2026:06:58:00.123] a b/c 1/2", expect![[r#"Invalid("client")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
