//! Squid: what was fetched for whom, in its own ("native") access log.
//!
//! ```text
//! 1795244280.123    245 192.0.2.7 TCP_MISS/200 4512 GET http://example.org/a ann HIER_DIRECT/198.51.100.7 text/html
//! 1795244280.123  10245 192.0.2.7 TCP_TUNNEL/200 8912 CONNECT example.org:443 - HIER_DIRECT/198.51.100.7 -
//! ```
//!
//! Squid's other layouts are those of web servers, and the format `access` reads them.

use model::{Event, Field};

use super::shared::{address, source};
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, epoch};

pub(crate) const FORMAT: Format = Format {
    id: "squid",
    summary: "Squid proxy, native access log",
    programs: &["squid", "squid-1"],
    recognises,
    parse,
};

const NANOS_A_MILLI: i64 = 1_000_000;

fn recognises(text: &str) -> bool {
    let bytes = text.as_bytes();
    if !(bytes.get(10) == Some(&b'.') && bytes.iter().take(10).all(u8::is_ascii_digit)) {
        return false;
    }
    let result = words(text.get(..128).unwrap_or(text)).nth(3).unwrap_or_default();
    result.contains('/') && result.starts_with(|first: char| first.is_ascii_uppercase())
}

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let mut words = words(text);
    let mut word = |name| words.next().ok_or(ParseError::Missing(name));
    let time = epoch::text(word("time")?).ok_or(ParseError::Invalid("time"))?;
    let taken: i64 = word("duration")?.parse().map_err(|_| ParseError::Invalid("duration"))?;
    let client = word("client")?;
    let (result, status) = word("result")?.split_once('/').ok_or(ParseError::Invalid("result"))?;
    let is_name = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    if result.is_empty() || !result.bytes().all(is_name) {
        return Err(ParseError::Invalid("result"));
    }
    let (bytes, method, target) = (word("size")?, word("method")?, word("target")?);
    let (user, peer) = (word("user")?, word("peer")?);

    event.time = time;
    event.set(Field::EventDuration, taken.saturating_mul(NANOS_A_MILLI));
    source(event, client);
    event.set_extra("squid.result", result);
    event.set(Field::EventAction, "proxy_request");
    event.set(Field::EventCategory, "web");
    let denied = result.contains("DENIED");
    event.set(Field::EventType, if denied { "denied" } else { "access" });
    // `000` where there was no answer.
    if let Ok(status @ 100..600) = status.parse() {
        web::status(event, status);
    }
    event.set(Field::ResponseBytes, bytes);
    event.set(Field::RequestMethod, method);
    web::target(event, target, Escapes::Unknown);
    if user != "-" {
        event.set(Field::UserName, user);
    }
    let (hierarchy, server) = peer.split_once('/').unwrap_or((peer, "-"));
    event.set_extra("squid.hierarchy", hierarchy);
    if let Some(server) = address(server) {
        event.set(Field::DestinationIp, server);
    }
    if let Some(kind) = words.next().filter(|kind| *kind != "-") {
        event.set_extra("http.response.mime_type", kind);
    }
    Ok(())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn fetched() {
        check(
            "1795244280.123    245 192.0.2.7 TCP_MISS/200 4512 GET http://www.example.org:8080/a.exe?x=1 ann HIER_DIRECT/198.51.100.7 application/octet-stream",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                destination.ip = 198.51.100.7
                event.action = proxy_request
                event.category = web
                event.duration = 245000000
                event.outcome = success
                event.type = access
                http.request.method = GET
                http.response.bytes = 4512
                http.response.status_code = 200
                source.ip = 192.0.2.7
                url.domain = www.example.org
                url.original = http://www.example.org:8080/a.exe?x=1
                url.path = /a.exe
                url.port = 8080
                url.query = x=1
                url.scheme = http
                user.name = ann
                squid.result = TCP_MISS
                squid.hierarchy = HIER_DIRECT
                http.response.mime_type = application/octet-stream
            "]],
        );
    }

    #[test]
    fn tunnelled_and_denied() {
        check(
            "1795244280.123  10245 2001:db8::7 TCP_TUNNEL/200 8912 CONNECT example.org:443 - HIER_DIRECT/2001:db8::1 -",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                destination.ip = 2001:db8::1
                event.action = proxy_request
                event.category = web
                event.duration = 10245000000
                event.outcome = success
                event.type = access
                http.request.method = CONNECT
                http.response.bytes = 8912
                http.response.status_code = 200
                source.ip = 2001:db8::7
                url.domain = example.org
                url.original = example.org:443
                url.port = 443
                squid.result = TCP_TUNNEL
                squid.hierarchy = HIER_DIRECT
            "]],
        );
        check(
            "1795244280.123      0 192.0.2.7 TCP_DENIED/403 3912 CONNECT example.org:25 - HIER_NONE/- text/html",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.action = proxy_request
                event.category = web
                event.duration = 0
                event.outcome = failure
                event.type = denied
                http.request.method = CONNECT
                http.response.bytes = 3912
                http.response.status_code = 403
                source.ip = 192.0.2.7
                url.domain = example.org
                url.original = example.org:25
                url.port = 25
                squid.result = TCP_DENIED
                squid.hierarchy = HIER_NONE
                http.response.mime_type = text/html
            "]],
        );
    }

    #[test]
    fn other_lines() {
        assert!(!recognises("1795244280.123 some text that begins so"));
        assert!(!recognises("1795244280"));
        testing::check(
            &FORMAT,
            "1795244280.123 1 192.0.2.7 tcp/200",
            expect![[r#"Invalid("result")"#]],
        );
        testing::check(
            &FORMAT,
            "1795244280.123 1 192.0.2.7 TCP_HIT/200 1 GET",
            expect![[r#"Missing("target")"#]],
        );
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
