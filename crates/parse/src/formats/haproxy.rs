//! HAProxy's traffic log, for HTTP and for TCP.
//!
//! ```text
//! 203.0.113.9:51514 [21/Nov/2026:06:58:00.123] web~ app/app1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {h.example} "GET /x HTTP/1.1"
//! 203.0.113.9:51514 [21/Nov/2026:06:58:00.123] sql db/db1 0/0/5007 212 -- 0/0/0/0/3 0/0
//! ```

use model::{Event, Field};

use super::shared;
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "haproxy",
    summary: "HAProxy HTTP and TCP logs",
    programs: &["haproxy"],
    recognises,
    parse,
};

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
    // The request comes last and the client writes it: its quote is the first one.
    let request =
        rest.split_once('"').map(|(_, request)| request.strip_suffix('"').unwrap_or(request));
    if let Some(request) = request {
        http(request, (word()?, word()?), event);
    } else {
        event.set(Field::EventCategory, "network");
        event.set(Field::NetworkTransport, "tcp");
        event.set(Field::DestinationBytes, word()?);
    }
    event.set(Field::EventType, "access");
    Ok(())
}

fn http(request: &str, (status, bytes): (&str, &str), event: &mut Event) {
    event.set(Field::EventCategory, "web");
    web::request(event, request, Escapes::Unknown);
    // `-1` where the client left before there was an answer.
    if let Ok(status) = status.parse() {
        web::status(event, status);
    }
    if bytes.bytes().all(|byte| byte.is_ascii_digit()) {
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
            "]],
        );
        check(
            r#"2001:db8::9:51514 [21/Nov/2026:06:58:00.123] web~ web~/<NOSRV> -1/-1/-1/-1/5 -1 0 - - PR-- 1/1/0/0/3 0/0 "<BADREQ>""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.category = web
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
    fn connections() {
        check(
            "203.0.113.9:51514 [21/Nov/2026:06:58:00.123] sql db/db1 0/0/5007 212 -- 0/0/0/0/3 0/0",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                destination.bytes = 212
                event.category = network
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
