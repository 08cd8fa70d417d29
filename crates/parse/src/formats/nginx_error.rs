//! nginx's error log.
//!
//! ```text
//! 2026/11/21 06:58:00 [error] 12#34: *99 open() "/srv/x" failed (2: No such file or directory), client: 203.0.113.9, server: example.org, request: "GET /x HTTP/1.1", host: "example.org"
//! ```
//!
//! nginx escapes nothing here. What it writes before the client (a path, a user name) and after it
//! (the request) may be the client's own text, so the client is looked for outside of quotes only.

use model::{Event, Field};

use super::shared::{self, Meaning};
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, modsecurity, moment};

pub(crate) const FORMAT: Format =
    Format { id: "nginx_error", summary: "nginx error log", programs: &[], recognises, parse };

/// What follows the client, in nginx's order.
const PARTS: [&str; 7] = [
    ", server: ",
    ", login: ",
    ", request: ",
    ", subrequest: ",
    ", upstream: ",
    ", host: ",
    ", referrer: ",
];

fn recognises(text: &str) -> bool {
    let bytes = text.as_bytes();
    let figures = |from: usize, to: usize| {
        bytes.get(from..to).is_some_and(|figures| figures.iter().all(u8::is_ascii_digit))
    };
    figures(0, 4)
        && bytes.get(4) == Some(&b'/')
        && bytes.get(19..21) == Some(b" [")
        && figures(17, 19)
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let (time, rest) = moment::iso(text, context).ok_or(ParseError::Missing("time"))?;
    let (level, rest) = rest
        .strip_prefix(" [")
        .and_then(|rest| rest.split_once("] "))
        .ok_or(ParseError::Missing("level"))?;
    let (process, said) = rest.split_once(": ").ok_or(ParseError::Missing("process"))?;
    let (pid, thread) = process.split_once('#').ok_or(ParseError::Missing("process"))?;
    let (Ok(pid), Ok(thread)) = (pid.parse::<u32>(), thread.parse::<u32>()) else {
        return Err(ParseError::Invalid("process"));
    };

    event.time = time;
    event.set(Field::LogLevel, level);
    event.set(Field::ProcessPid, pid);
    event.set(Field::ProcessThreadId, thread);
    event.set(Field::EventCategory, "web");
    event.set(Field::EventType, web::type_of_level(level));
    let said = match said.strip_prefix('*').and_then(|said| said.split_once(' ')) {
        Some((connection, said)) => {
            event.set_extra("nginx.connection", connection);
            said
        }
        None => said,
    };
    let client = outside_quotes(said, ", client: ");
    let (message, tail) = client
        .and_then(|at| Some((said.get(..at)?, said.get(at + ", client: ".len()..)?)))
        .unwrap_or((said, ""));
    event.set(Field::Message, message);
    parts(tail, event);
    told(message, event);
    Ok(())
}

/// Reads the client and what follows it.
fn parts(text: &str, event: &mut Event) {
    let mut name = "client";
    let mut rest = text;
    for part in PARTS {
        let Some((value, after)) = rest.split_once(part) else { continue };
        write(name, value, event);
        name = part.trim_matches([',', ' ', ':']);
        rest = after;
    }
    write(name, rest, event);
}

fn write(name: &str, value: &str, event: &mut Event) {
    let value =
        value.strip_prefix('"').map_or(value, |rest| rest.strip_suffix('"').unwrap_or(rest));
    match name {
        "" => {}
        "client" => peer(value, event),
        "login" => event.set(Field::UserName, value),
        "request" => web::request(event, value, Escapes::Unknown),
        "host" => web::host(event, value),
        "referrer" => event.set(Field::RequestReferrer, value),
        "server" if value.is_empty() => {}
        _ => event.set_extra(&format!("nginx.{name}"), value),
    }
}

fn peer(text: &str, event: &mut Event) {
    match shared::address_port(text) {
        Some((ip, port)) => {
            event.set(Field::SourceIp, ip);
            if let Some(port) = port {
                event.set(Field::SourcePort, port);
            }
        }
        None if text.is_empty() => {}
        None => event.set(Field::SourceAddress, text),
    }
}

/// Reads the messages that tell of an attempt to log in, and those of the mail proxy.
fn told(message: &str, event: &mut Event) {
    modsecurity::read(message, event);
    if let Some(rest) = message.strip_prefix("client ")
        && let Some((client, server)) = rest.split_once(" connected to ")
    {
        peer(client, event);
        if let Some((ip, port)) = shared::address_port(server) {
            event.set(Field::DestinationIp, ip);
            event.set(Field::DestinationPort, port.unwrap_or_default());
        }
    }
    // The name is the client's own text: what nginx says of it comes last.
    let denied = message.strip_prefix("user \"").and_then(|rest| {
        let wrong =
            rest.strip_suffix("\": password mismatch").map(|user| (user, "password mismatch"));
        wrong.or_else(|| Some((rest.rsplit_once("\" was not found in \"")?.0, "user not found")))
    });
    if let Some((user, reason)) = denied {
        event.set(Field::UserName, user);
        event.set(Field::EventReason, reason);
        Meaning {
            action: "http_login",
            category: "authentication",
            kind: "start",
            outcome: "failure",
        }
        .write(event);
    }
}

/// Finds a mark where no quote is open.
fn outside_quotes(text: &str, mark: &str) -> Option<usize> {
    let mut quotes = 0;
    let mut from = 0;
    for at in memchr::memmem::find_iter(text.as_bytes(), mark.as_bytes()) {
        quotes += memchr::memchr_iter(b'"', text.as_bytes().get(from..at)?).count();
        from = at;
        if quotes % 2 == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn file_not_found() {
        check(
            r#"2026/11/21 06:58:00 [error] 12#34: *99 open() "/srv/x" failed (2: No such file or directory), client: 203.0.113.9, server: example.org, request: "GET /x?y HTTP/1.1", upstream: "http://127.0.0.1:80/x", host: "example.org:8080", referrer: "https://example.net/""#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.category = web
                event.type = error
                http.request.method = GET
                http.request.referrer = https://example.net/
                http.version = 1.1
                log.level = error
                message = open() "/srv/x" failed (2: No such file or directory)
                process.pid = 12
                process.thread.id = 34
                source.ip = 203.0.113.9
                url.domain = example.org
                url.original = /x?y
                url.path = /x
                url.port = 8080
                url.query = y
                nginx.connection = 99
                nginx.server = example.org
                nginx.upstream = http://127.0.0.1:80/x
            "#]],
        );
    }

    #[test]
    fn path_that_imitates_the_client() {
        check(
            r#"2026/11/21 06:58:00 [error] 12#34: *99 open() "/srv/, client: 10.0.0.1, server: x" failed (2: No such file or directory), client: 203.0.113.9, server: , request: "GET /, client: 10.0.0.1 HTTP/1.1", host: "h""#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.category = web
                event.type = error
                http.request.method = GET
                http.version = 1.1
                log.level = error
                message = open() "/srv/, client: 10.0.0.1, server: x" failed (2: No such file or directory)
                process.pid = 12
                process.thread.id = 34
                source.ip = 203.0.113.9
                url.domain = h
                url.original = /, client: 10.0.0.1
                url.path = /, client: 10.0.0.1
                nginx.connection = 99
            "#]],
        );
    }

    #[test]
    fn log_ins() {
        check(
            r#"2026/11/21 06:58:00 [error] 12#34: *99 user "ann": password mismatch, client: 203.0.113.9, server: _, request: "GET / HTTP/1.1", host: "h""#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.action = http_login
                event.category = authentication
                event.outcome = failure
                event.reason = password mismatch
                event.type = start
                http.request.method = GET
                http.version = 1.1
                log.level = error
                message = user "ann": password mismatch
                process.pid = 12
                process.thread.id = 34
                source.ip = 203.0.113.9
                url.domain = h
                url.original = /
                url.path = /
                user.name = ann
                nginx.connection = 99
                nginx.server = _
            "#]],
        );
        check(
            r#"2026/11/21 06:58:00 [error] 12#34: *99 user "ann" was not found in "/etc/x", client: 2001:db8::9, server: _, request: "GET / HTTP/1.1", host: "h""#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.action = http_login
                event.category = authentication
                event.outcome = failure
                event.reason = user not found
                event.type = start
                http.request.method = GET
                http.version = 1.1
                log.level = error
                message = user "ann" was not found in "/etc/x"
                process.pid = 12
                process.thread.id = 34
                source.ip = 2001:db8::9
                url.domain = h
                url.original = /
                url.path = /
                user.name = ann
                nginx.connection = 99
                nginx.server = _
            "#]],
        );
        check(
            r#"2026/11/21 06:58:00 [info] 8#8: *1 client login failed: "no" while in http auth state, client: 203.0.113.9, server: 0.0.0.0:25, login: "ann""#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.category = web
                event.type = info
                log.level = info
                message = client login failed: "no" while in http auth state
                process.pid = 8
                process.thread.id = 8
                source.ip = 203.0.113.9
                user.name = ann
                nginx.connection = 1
                nginx.server = 0.0.0.0:25
            "#]],
        );
    }

    #[test]
    fn without_a_client() {
        check(
            "2026/11/21 06:58:00 [notice] 1#1: signal process started",
            expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.type = info
            log.level = notice
            message = signal process started
            process.pid = 1
            process.thread.id = 1
        "]],
        );
        check(
            "2026/11/21 06:58:00 [info] 8#8: *5 client 203.0.113.9:53044 connected to 0.0.0.0:25",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                destination.ip = 0.0.0.0
                destination.port = 25
                event.category = web
                event.type = info
                log.level = info
                message = client 203.0.113.9:53044 connected to 0.0.0.0:25
                process.pid = 8
                process.thread.id = 8
                source.ip = 203.0.113.9
                source.port = 53044
                nginx.connection = 5
            "]],
        );
    }

    #[test]
    fn rule_of_modsecurity() {
        check(
            r"2026/11/21 06:58:00 [error] 1#1: *5 [client 203.0.113.9] ModSecurity: Access denied with code 403 (phase 2), client: 203.0.113.9",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.category = intrusion_detection
                event.kind = alert
                event.outcome = failure
                event.type = error
                http.response.status_code = 403
                log.level = error
                message = [client 203.0.113.9] ModSecurity: Access denied with code 403 (phase 2)
                observer.product = ModSecurity
                process.pid = 1
                process.thread.id = 1
                source.ip = 203.0.113.9
                nginx.connection = 5
            "]],
        );
        check(
            r#"2026/11/21 06:58:00 [info] 1#1: *5 ModSecurity: Warning. Matched [x "Operator" [file "/a.conf"] [line "5"] [id "942100"] [msg "SQL \"Injection\""] [severity "2"] [tag "a"] [tag "b"] [hostname "h"] [uri "/x"] [unique_id "1.2"], client: 203.0.113.9, server: h, request: "GET /x HTTP/1.1", host: "h""#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.category = intrusion_detection
                event.kind = alert
                event.type = info
                http.request.id = 1.2
                http.request.method = GET
                http.version = 1.1
                log.level = 2
                message = ModSecurity: Warning. Matched [x "Operator" [file "/a.conf"] [line "5"] [id "942100"] [msg "SQL \"Injection\""] [severity "2"] [tag "a"] [tag "b"] [hostname "h"] [uri "/x"] [unique_id "1.2"]
                observer.product = ModSecurity
                process.pid = 1
                process.thread.id = 1
                rule.id = 942100
                rule.name = SQL "Injection"
                source.ip = 203.0.113.9
                tags = a, b
                url.domain = h
                url.original = /x
                url.path = /x
                nginx.connection = 5
                nginx.server = h
                modsecurity.file = /a.conf
                modsecurity.line = 5
            "#]],
        );
    }

    #[test]
    fn other_lines() {
        check("2026/11/21 06:58:00 [x] y", expect![[r#"Missing("process")"#]]);
        check("2026/11/21 06:58:00 [error] worker: x", expect![[r#"Missing("process")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
