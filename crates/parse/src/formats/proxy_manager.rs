//! Nginx Proxy Manager's log of the hosts behind it.
//!
//! ```text
//! [21/Nov/2026:06:58:00 +0000] - 404 404 - GET http h.example "/x" [Client 203.0.113.9] [Length 192] [Gzip 3.10] [Sent-to app] "curl/8.5.0" "-"
//! ```

use model::{Event, Field};

use super::shared;
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, moment, quoted};

pub(crate) const FORMAT: Format = Format {
    id: "proxy_manager",
    summary: "Nginx Proxy Manager access log",
    programs: &[],
    recognises,
    parse,
};

fn recognises(text: &str) -> bool {
    text.starts_with('[') && text.contains("] ") && text.contains(" [Client ")
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    const MISSING: ParseError = ParseError::Missing("field");
    let (time, rest) = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .ok_or(ParseError::Missing("time"))?;
    let (time, _) = moment::leading(time, context).ok_or(ParseError::Invalid("time"))?;
    let (head, rest) = rest.split_once(" \"").ok_or(MISSING)?;
    // Cache state and the status of the host behind stand before, if there is such a host.
    let mut words = head.rsplit(' ');
    let (Some(host), Some(scheme), Some(method), Some("-"), Some(status)) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err(MISSING);
    };
    let status = if status == "-" { words.next().ok_or(MISSING)? } else { status };
    let (target, rest) = quoted::closing(rest).ok_or(MISSING)?;
    let rest = rest.strip_prefix(" [Client ").ok_or(ParseError::Missing("client"))?;
    let (client, rest) = rest.split_once(']').ok_or(ParseError::Missing("client"))?;

    event.time = time;
    event.set(Field::EventCategory, "web");
    event.set(Field::EventType, "access");
    shared::source(event, client);
    event.set(Field::RequestMethod, method);
    web::target(event, target, Escapes::Undone);
    event.set(Field::UrlScheme, scheme);
    web::host(event, host);
    if let Ok(status) = status.parse() {
        web::status(event, status);
    }
    tail(rest, event);
    Ok(())
}

/// Reads `[Length 192] [Gzip 3.10] [Sent-to app] "curl/8.5.0" "-"`.
fn tail(text: &str, event: &mut Event) {
    let (brackets, agents) = text.split_once(" \"").unwrap_or((text, ""));
    for group in brackets.split(['[', ']']) {
        match group.split_once(' ') {
            Some(("Length", bytes)) if bytes != "-" => event.set(Field::ResponseBodyBytes, bytes),
            Some(("Sent-to", server)) => event.set_extra("proxy_manager.sent_to", server),
            _ => {}
        }
    }
    let Some((agent, rest)) = quoted::closing(agents) else { return };
    if !matches!(agent, "" | "-") {
        quoted::set(event, Field::UserAgentOriginal, agent);
    }
    let referrer = rest.strip_prefix(" \"").and_then(quoted::closing);
    if let Some((referrer, _)) = referrer.filter(|(referrer, _)| !matches!(*referrer, "" | "-")) {
        quoted::set(event, Field::RequestReferrer, referrer);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn request() {
        check(
            r#"[21/Nov/2026:06:58:00 +0000] - 404 404 - GET http h.example "/x?\"y" [Client 203.0.113.9] [Length 192] [Gzip 3.10] [Sent-to app] "curl/8.5.0 [Client 10.0.0.1]" "https://example.net/""#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.category = web
                event.outcome = failure
                event.type = access
                http.request.method = GET
                http.request.referrer = https://example.net/
                http.response.body.bytes = 192
                http.response.status_code = 404
                source.ip = 203.0.113.9
                url.domain = h.example
                url.original = /x?"y
                url.path = /x
                url.query = "y
                url.scheme = http
                user_agent.original = curl/8.5.0 [Client 10.0.0.1]
                proxy_manager.sent_to = app
            "#]],
        );
        check(
            r#"[21/Nov/2026:06:58:00 +0000] 444 - GET https 192.0.2.1 "/" [Client 2001:db8::9] [Length -] [Gzip -] "-" "-""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.category = web
                event.outcome = failure
                event.type = access
                http.request.method = GET
                http.response.status_code = 444
                source.ip = 2001:db8::9
                url.domain = 192.0.2.1
                url.original = /
                url.path = /
                url.scheme = https
            "]],
        );
    }

    #[test]
    fn other_lines() {
        check(
            "[21/Nov/2026:06:58:00 +0000] x [Client 203.0.113.9]",
            expect![[r#"Missing("field")"#]],
        );
        check(
            r#"[x] - 404 404 - GET http h "/x" [Client 203.0.113.9] [Length 1]"#,
            expect![[r#"Invalid("time")"#]],
        );
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
