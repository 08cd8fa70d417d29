//! IIS and other servers that write the W3C extended log format.
//!
//! ```text
//! 2026-11-21 06:58:00 192.0.2.1 GET /a.aspx id=1 443 - 203.0.113.9 Mozilla/5.0+(X11) https://www.example.org/ 200 0 0 15
//! 2026-11-21 06:58:00 W3SVC1 WEB1 192.0.2.1 POST /x - 80 CORP\ann 203.0.113.9 HTTP/1.1 curl/8.5 - - www.example.org 401 2 5 1245 312 46
//! ```
//!
//! Which columns there are stands in a line of their own (`#Fields:`), which a record does not have
//! with it. So the columns are told by what stands in them, in the order that IIS gives them: the
//! server, the method, the path, the query, the port, the user, the client, the client's words, the
//! status with its two companions, sizes, and the time taken. Spaces are written as `+`.

use model::{Event, Field};

use super::shared::address;
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "w3c",
    summary: "W3C extended log format, as IIS writes it",
    programs: &[],
    recognises,
    parse,
};

/// How many columns are read; a custom layout may have some more.
const COLUMNS_MAX: usize = 32;
/// How many columns may stand between the time and the method: site, computer, address.
const BEFORE_METHOD_MAX: usize = 3;
/// Milliseconds in nanoseconds.
const NANOS_A_MILLI: i64 = 1_000_000;

fn recognises(text: &str) -> bool {
    let bytes = text.as_bytes();
    let dated =
        bytes.get(4) == Some(&b'-') && bytes.get(10) == Some(&b' ') && bytes.get(19) == Some(&b' ');
    dated && method_at(&columns(text.get(20..).unwrap_or_default())).is_some()
}

fn columns(text: &str) -> Vec<&str> {
    text.split(' ').take(COLUMNS_MAX).collect()
}

/// Finds the method: a word in capitals before a path.
fn method_at(columns: &[&str]) -> Option<usize> {
    (0..=BEFORE_METHOD_MAX).find(|at| {
        let method = columns.get(*at).copied().unwrap_or_default();
        let path = columns.get(*at + 1).copied().unwrap_or_default();
        (3..=16).contains(&method.len())
            && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte == b'-')
            && path.starts_with('/')
    })
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    const MISSING: ParseError = ParseError::Missing("column");
    let (time, rest) = moment::leading(text, context).ok_or(ParseError::Missing("time"))?;
    let columns = columns(rest.strip_prefix(' ').ok_or(MISSING)?);
    let method = method_at(&columns).ok_or(ParseError::Missing("method"))?;
    let column = |at: usize| columns.get(method + at).copied().ok_or(MISSING);
    let (verb, path, query, port) = (column(0)?, column(1)?, column(2)?, column(3)?);
    let (user, client) = (column(4)?, column(5)?);
    let port: u16 = port.parse().map_err(|_| ParseError::Invalid("port"))?;
    let client = address(client).ok_or(ParseError::Invalid("client"))?;
    let rest = columns.get(method + 6..).unwrap_or_default();
    let status = status_at(rest).ok_or(ParseError::Missing("status"))?;

    event.time = time;
    event.set(Field::EventCategory, "web");
    event.set(Field::EventType, "access");
    for before in columns.get(..method).unwrap_or_default() {
        match address(before) {
            Some(ip) => event.set(Field::DestinationIp, ip),
            None if before.starts_with("W3SVC") => event.set_extra("iis.site", *before),
            None => event.set(Field::HostName, *before),
        }
    }
    event.set(Field::DestinationPort, port);
    event.set(Field::RequestMethod, verb);
    target(path, query, event);
    if user != "-" {
        event.set(Field::UserName, user);
    }
    event.set(Field::SourceIp, client);
    said(rest.get(..status).unwrap_or_default(), event);
    answer(rest.get(status..).unwrap_or_default(), event);
    Ok(())
}

/// Writes the path and the query, which stand apart, as one was asked for.
fn target(path: &str, query: &str, event: &mut Event) {
    if query == "-" {
        web::target(event, path, Escapes::Unknown);
        return;
    }
    event.set_made(Field::UrlOriginal, |made| {
        made.push_str(path);
        made.push('?');
        made.push_str(query);
    });
    event.set(Field::UrlPath, path);
    event.set(Field::UrlQuery, query);
}

/// Finds the status: a number of three digits that two numbers or more follow.
fn status_at(columns: &[&str]) -> Option<usize> {
    columns.windows(3).position(|three| {
        three.iter().all(|text| is_number(text))
            && three.first().is_some_and(|status| status.len() == 3)
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Writes what the client said: version, user agent, cookie, referrer, host.
fn said(columns: &[&str], event: &mut Event) {
    let mut columns = columns.iter().copied().peekable();
    if let Some(version) = columns.peek().and_then(|first| first.strip_prefix("HTTP/")) {
        event.set(Field::HttpVersion, version);
        columns.next();
    }
    let Some(agent) = columns.next() else { return };
    if agent != "-" {
        event.set(Field::UserAgentOriginal, &*agent.replace('+', " "));
    }
    for word in columns.filter(|word| *word != "-") {
        if word.starts_with("http://") || word.starts_with("https://") {
            event.set(Field::RequestReferrer, word);
        } else if !word.contains(['=', ';', '/', '+']) {
            web::host(event, word);
        }
    }
}

/// Writes the status, its companions, and what follows: sizes and the time taken.
fn answer(columns: &[&str], event: &mut Event) {
    let number = |at: usize| columns.get(at).and_then(|text| text.parse::<i64>().ok());
    if let Some(status) = columns.first().and_then(|text| text.parse::<u16>().ok()) {
        web::status(event, status);
    }
    if let Some(substatus) = columns.get(1) {
        event.set_extra("iis.sub_status", *substatus);
    }
    if let Some(code) = columns.get(2) {
        event.set_extra("iis.win32_status", *code);
    }
    let taken = match (number(3), number(4), number(5)) {
        (Some(sent), Some(received), Some(taken)) => {
            event.set(Field::ResponseBytes, sent);
            event.set(Field::RequestBytes, received);
            Some(taken)
        }
        (taken, _, _) => taken,
    };
    if let Some(taken) = taken {
        event.set(Field::EventDuration, taken.saturating_mul(NANOS_A_MILLI));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn usual_columns() {
        check(
            "2026-11-21 06:58:00 192.0.2.1 GET /a.aspx id=1 443 - 203.0.113.9 Mozilla/5.0+(X11;+Linux) https://www.example.org/ 200 0 0 15",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                destination.ip = 192.0.2.1
                destination.port = 443
                event.category = web
                event.duration = 15000000
                event.outcome = success
                event.type = access
                http.request.method = GET
                http.request.referrer = https://www.example.org/
                http.response.status_code = 200
                source.ip = 203.0.113.9
                url.original = /a.aspx?id=1
                url.path = /a.aspx
                url.query = id=1
                user_agent.original = Mozilla/5.0 (X11; Linux)
                iis.sub_status = 0
                iis.win32_status = 0
            "]],
        );
        check(
            "2026-11-21 06:58:00 GET / - 80 - 2001:db8::9 - - 404 0 2 0",
            expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            destination.port = 80
            event.category = web
            event.duration = 0
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.response.status_code = 404
            source.ip = 2001:db8::9
            url.original = /
            url.path = /
            iis.sub_status = 0
            iis.win32_status = 2
        "]],
        );
    }

    #[test]
    fn all_columns() {
        check(
            r"2026-11-21 06:58:00 W3SVC1 WEB1 192.0.2.1 POST /owa/auth.owa - 443 CORP\ann 203.0.113.9 HTTP/1.1 curl/8.5 sid=4 - www.example.org 401 1 1326 1245 312 46",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                destination.ip = 192.0.2.1
                destination.port = 443
                event.category = web
                event.duration = 46000000
                event.outcome = failure
                event.type = access
                host.name = WEB1
                http.request.bytes = 312
                http.request.method = POST
                http.response.bytes = 1245
                http.response.status_code = 401
                http.version = 1.1
                source.ip = 203.0.113.9
                url.domain = www.example.org
                url.original = /owa/auth.owa
                url.path = /owa/auth.owa
                user.name = CORP\ann
                user_agent.original = curl/8.5
                iis.site = W3SVC1
                iis.sub_status = 1
                iis.win32_status = 1326
            "]],
        );
    }

    #[test]
    fn other_lines() {
        assert!(!recognises("2026-11-21 06:58:00 GET it done"));
        assert!(!recognises("#Fields: date time s-ip cs-method"));
        testing::check(
            &FORMAT,
            "2026-11-21 06:58:00 GET /a b c",
            expect![[r#"Missing("column")"#]],
        );
        testing::check(
            &FORMAT,
            "2026-11-21 06:58:00 GET /a - 80 - 192.0.2.1 x",
            expect![[r#"Missing("status")"#]],
        );
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
