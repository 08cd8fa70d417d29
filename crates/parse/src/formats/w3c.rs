//! IIS and other servers that write the W3C extended log format.
//!
//! ```text
//! #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) …
//! 2026-11-21 06:58:00 192.0.2.1 GET /a.aspx id=1 443 - 203.0.113.9 Mozilla/5.0+(X11) https://www.example.org/ 200 0 0 15
//! 2026-11-21 06:58:00 W3SVC1 WEB1 192.0.2.1 POST /x - 80 CORP\ann 203.0.113.9 HTTP/1.1 curl/8.5 - - www.example.org 401 2 5 1245 312 46
//! ```
//!
//! Which columns there are stands in a line of their own, and a source that reads a log from its
//! beginning hands it on with each record. Where it is not known, as behind a syslog header, the columns
//! are told by what stands in them, in the order that IIS gives them: the server, the method, the path,
//! the query, the port, the user, the client, the client's words, the status with its two companions,
//! sizes, and the time taken. The numbers are counted from the end, for before them stand the client's
//! words, and a client may write numbers. Spaces are written as `+`.

use model::{Event, Field};

use super::shared::address;
use super::shared::columns::{self, Style};
use crate::web;
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "w3c",
    summary: "W3C extended log format, as IIS writes it",
    programs: &[],
    recognises,
    parse,
};

const STYLE: Style = Style { separator: ' ', prefix: "w3c.", said };

/// How many columns are read; a custom layout may have some more.
const COLUMNS_MAX: usize = 32;
/// How many columns may stand between the time and the method: site, computer, address.
const BEFORE_METHOD_MAX: usize = 3;
/// How many columns stand at the end from the status on, the likeliest first: status, its companions and
/// the time taken; the same without the time; with the sizes before it; and with a column of the
/// administrator's behind.
const TAILS: [usize; 4] = [4, 3, 6, 5];
/// Detailed statuses (`404.15`) have two figures at most.
const SUB_STATUS_MAX: u32 = 99;

fn recognises(text: &str) -> bool {
    let bytes = text.as_bytes();
    let dated =
        bytes.get(4) == Some(&b'-') && bytes.get(10) == Some(&b' ') && bytes.get(19) == Some(&b' ');
    dated && method_at(text.get(20..).unwrap_or_default()).is_some()
}

/// Finds the method: a word in capitals before a path.
fn method_at(text: &str) -> Option<usize> {
    let mut words = text.split(' ').take(BEFORE_METHOD_MAX + 2);
    let mut method = words.next()?;
    words.position(|path| {
        let found = (3..=16).contains(&method.len())
            && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte == b'-')
            && path.starts_with('/');
        method = path;
        found
    })
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    if !context.columns.is_empty() && columns::read(text, STYLE, event, context).is_ok() {
        return Ok(());
    }
    guess(text, event, context)
}

/// Reads a line of which nobody said which columns it has.
fn guess(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    const MISSING: ParseError = ParseError::Missing("column");
    let greenwich = Context { utc_offset_seconds: 0, ..*context };
    let (time, rest) = moment::leading(text, &greenwich).ok_or(ParseError::Missing("time"))?;
    let rest = rest.strip_prefix(' ').ok_or(MISSING)?;
    let method = method_at(rest).ok_or(ParseError::Missing("method"))?;
    let mut kept = [""; COLUMNS_MAX];
    let mut length = 0;
    for (place, word) in kept.iter_mut().zip(rest.split(' ')) {
        *place = word;
        length += 1;
    }
    let columns = kept.get(..length).unwrap_or_default();
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
    columns::target(path, query, event);
    if user != "-" {
        event.set(Field::UserName, user);
    }
    event.set(Field::SourceIp, client);
    client_words(rest.get(..status).unwrap_or_default(), event);
    answer(rest.get(status..).unwrap_or_default(), event);
    Ok(())
}

/// Finds the status among what follows the client. The client's own words come first, and there are two
/// of them at least in every usual layout.
fn status_at(columns: &[&str]) -> Option<usize> {
    // The version stands where all columns do, the sizes among them.
    let whole = columns.first().is_some_and(|first| first.starts_with("HTTP/"));
    let tails = |columns: &[&str]| {
        let all = Some(6).filter(|_| whole);
        all.into_iter().chain(TAILS).find_map(|tail| {
            let at = columns.len().checked_sub(tail)?;
            is_status(columns.get(at..)?).then_some(at)
        })
    };
    tails(columns).or_else(|| {
        // One more column, of text, is the administrator's own, such as the client that a proxy names.
        columns.split_last().filter(|(last, _)| !is_number(last)).and_then(|(_, rest)| tails(rest))
    })
}

/// Tells whether these are a status, its companions and other numbers.
fn is_status(columns: &[&str]) -> bool {
    let [status, detail, ..] = columns else { return false };
    let status = status.len() == 3 && matches!(status.as_bytes().first(), Some(b'1'..=b'9'));
    let detail = detail.parse().is_ok_and(|detail: u32| detail <= SUB_STATUS_MAX);
    status && detail && columns.iter().all(|word| is_number(word))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Writes what the client said in a header.
fn said(event: &mut Event, field: Field, value: &str) {
    if value.contains('+') {
        return event.set_made(field, |made| {
            let mut words = value.split('+');
            made.push_str(words.next().unwrap_or_default());
            words.for_each(|word| {
                made.push(' ');
                made.push_str(word);
            });
        });
    }
    event.set(field, value);
}

/// Writes what the client said: version, user agent, cookie, referrer, host.
fn client_words(columns: &[&str], event: &mut Event) {
    let mut columns = columns.iter().copied().peekable();
    if let Some(version) = columns.peek().and_then(|first| first.strip_prefix("HTTP/"))
        && columns.len() > 2
    {
        event.set(Field::HttpVersion, version);
        columns.next();
    }
    let Some(agent) = columns.next() else { return };
    if agent != "-" {
        said(event, Field::UserAgentOriginal, agent);
    }
    let rest: Vec<&str> = columns.collect();
    let (referrer, host) = match *rest.as_slice() {
        [referrer] => (Some(referrer), None),
        [_cookie, referrer, host] => (Some(referrer), Some(host)),
        _ => {
            let url = |word: &&&str| word.starts_with("http://") || word.starts_with("https://");
            let name = |word: &&&str| !word.contains(['=', ';', '/', '+']);
            (rest.iter().find(url).copied(), rest.iter().rfind(name).copied())
        }
    };
    if let Some(referrer) = referrer.filter(|word| *word != "-") {
        said(event, Field::RequestReferrer, referrer);
    }
    if let Some(host) = host.filter(|word| *word != "-") {
        web::host(event, host);
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
        (Some(sent), Some(received), Some(_)) => {
            event.set(Field::ResponseBytes, sent);
            event.set(Field::RequestBytes, received);
            columns.get(5)
        }
        _ => columns.get(3),
    };
    if let Some(taken) = taken.and_then(|taken| columns::duration(taken)) {
        event.set(Field::EventDuration, taken);
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
    fn columns_that_the_log_named() {
        named(
            "date time s-sitename cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status X-Forwarded-For time-taken",
            "2026-11-21 06:58:00 W3SVC1 GET /a+b.aspx id=1+2 203.0.113.9 404+0+0 200 403 14 5 198.51.100.7,+10.0.0.1 15",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.category = web
                event.duration = 15000000
                event.outcome = failure
                event.type = access
                http.request.method = GET
                http.request.referrer = 200
                http.response.status_code = 403
                source.ip = 203.0.113.9
                url.original = /a+b.aspx?id=1+2
                url.path = /a+b.aspx
                url.query = id=1+2
                user_agent.original = 404 0 0
                iis.site = W3SVC1
                iis.sub_status = 14
                iis.win32_status = 5
                w3c.X-Forwarded-For = 198.51.100.7,+10.0.0.1
            "]],
        );
        // Another server: the time first, spaces in quotes, seconds.
        named(
            "time date c-ip cs-method cs-uri cs(User-Agent) sc-status time-taken",
            "06:58:00.5 2026-11-21 2001:db8::9 GET /a?b=c \"Mozilla/5.0 (X11)\" 200 0.25",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.500Z
                event.category = web
                event.duration = 250000000
                event.outcome = success
                event.type = access
                http.request.method = GET
                http.response.status_code = 200
                source.ip = 2001:db8::9
                url.original = /a?b=c
                url.path = /a
                url.query = b=c
                user_agent.original = Mozilla/5.0 (X11)
            "]],
        );
    }

    #[test]
    fn columns_that_do_not_fit_the_line_are_not_believed() {
        named(
            "date time cs-method",
            "2026-11-21 06:58:00 GET / - 80 - 203.0.113.9 - - 404 0 2 0",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                destination.port = 80
                event.category = web
                event.duration = 0
                event.outcome = failure
                event.type = access
                http.request.method = GET
                http.response.status_code = 404
                source.ip = 203.0.113.9
                url.original = /
                url.path = /
                iis.sub_status = 0
                iis.win32_status = 2
            "]],
        );
    }

    /// Numbers in the client's own words do not pass for the server's.
    #[test]
    fn a_client_cannot_write_the_status() {
        let status = |line: &str| {
            let event = testing::read(&FORMAT, line).unwrap();
            (event.integer(Field::ResponseStatus), event.integer(Field::EventDuration))
        };
        for (agent, referrer) in [("200", "0"), ("-", "200"), ("HTTP/1.1", "200"), ("200", "404")] {
            let line = format!(
                "2026-11-21 06:58:00 192.0.2.1 GET /a - 80 - 203.0.113.9 {agent} {referrer} 403 14 5 7"
            );
            assert_eq!(status(&line), (Some(403), Some(7_000_000)), "{line}");
            let line = format!(
                "2026-11-21 06:58:00 192.0.2.1 GET /a - 80 - 203.0.113.9 HTTP/1.1 {agent} a=b {referrer} 1 403 14 5 100 20 7"
            );
            assert_eq!(status(&line), (Some(403), Some(7_000_000)), "{line}");
        }
        let line = "2026-11-21 06:58:00 GET /a - 80 - 203.0.113.9 x 200 403 14 5";
        assert_eq!(status(line), (Some(403), None));
    }

    #[track_caller]
    fn named(columns: &str, text: &str, expect: Expect) {
        testing::check_with(&FORMAT, columns, text, expect);
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
