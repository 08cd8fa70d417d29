//! Access logs of Amazon's load balancers: those for web sites (ALB), and the classic ones (ELB), whose
//! lines begin with the time.
//!
//! ```text
//! https 2026-11-21T06:58:00.186641Z app/web/490d68 203.0.113.9:44740 192.0.2.10:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.org:443/a HTTP/1.1" "curl/8.5.0" … "www.example.org" …
//! 2026-11-21T06:58:00.186641Z web 203.0.113.9:44740 192.0.2.10:80 0.086 0.048 0.037 200 200 0 57 "GET http://www.example.org:80/a HTTP/1.1" "curl/8.5.0" - -
//! ```

use model::{Event, Field};

use super::shared::{address, address_port};
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, moment, quoted};

pub(crate) const FORMAT: Format = Format {
    id: "aws_alb",
    summary: "access logs of AWS load balancers: application and classic",
    programs: &[],
    recognises,
    parse,
};

const KINDS: [&str; 6] = ["http ", "https ", "h2 ", "grpcs ", "ws ", "wss "];

fn recognises(text: &str) -> bool {
    let rest = kind(text).map_or(text, |(_, rest)| rest);
    let bytes = rest.as_bytes();
    let dated = bytes.get(4) == Some(&b'-') && bytes.get(10) == Some(&b'T');
    if rest.len() < text.len() || !dated {
        return dated;
    }
    // A time begins many lines: here a name, two ends and three times follow.
    let mut words = text.split(' ').skip(2);
    let ends = words.by_ref().take(2).all(|end| end == "-" || address_port(end).is_some());
    ends && words.take(3).filter(|time| time.parse::<f64>().is_ok()).count() == 3
}

/// Splits the kind off a line of an ALB.
fn kind(text: &str) -> Option<(&str, &str)> {
    let kind = KINDS.iter().find(|kind| text.starts_with(**kind))?;
    Some((kind.trim_end_matches(' '), text.get(kind.len()..)?))
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let (kind, text) = kind(text).unwrap_or(("", text));
    let (head, rest) = text.split_once(" \"").ok_or(ParseError::Missing("request"))?;
    let agent_follows = |rest: &str| rest.starts_with(" \"") || rest.is_empty();
    let (request, rest) =
        web::closing(rest, agent_follows).ok_or(ParseError::Missing("request"))?;
    let mut words = head.split(' ');
    let mut word = |name| words.next().ok_or(ParseError::Missing(name));
    let time = moment::iso(word("time")?, context).ok_or(ParseError::Invalid("time"))?.0;
    let (balancer, client, target) = (word("balancer")?, word("client")?, word("target")?);
    let (ip, port) = address_port(client).ok_or(ParseError::Invalid("client"))?;
    let times = [word("request time")?, word("target time")?, word("answer time")?];
    let (status, target_status) = (word("status")?, word("target status")?);
    let (received, sent) = (word("received bytes")?, word("sent bytes")?);

    event.time = time;
    event.set(Field::EventCategory, "web");
    event.set(Field::EventType, "access");
    event.set(Field::SourceIp, ip);
    if let Some(port) = port {
        event.set(Field::SourcePort, port);
    }
    if let Some((ip, port)) = address_port(target) {
        event.set(Field::DestinationIp, ip);
        if let Some(port) = port {
            event.set(Field::DestinationPort, port);
        }
    }
    // `-1` where the request did not come so far.
    let times = times.into_iter().map(web::seconds);
    if let Some(taken) = times.reduce(|one, two| one?.checked_add(two?)).flatten() {
        event.set(Field::EventDuration, taken);
    }
    if kind.is_empty() {
        event.set_extra("aws.elb.name", balancer);
        event.set_extra("aws.elb.backend_status", target_status);
    } else {
        event.set_extra("aws.alb.type", kind);
        event.set_extra("aws.alb.name", balancer);
        event.set_extra("aws.alb.target_status", target_status);
    }
    web::proxied(event, request, Escapes::Undone);
    if let Ok(status) = status.parse() {
        web::status(event, status);
    }
    event.set(Field::RequestBytes, received);
    event.set(Field::ResponseBytes, sent);
    after(rest, event);
    Ok(())
}

/// Reads the user agent, the cipher, the version of TLS, and the name that the client wanted.
fn after(text: &str, event: &mut Event) {
    let Some((agent, rest)) = text.trim_start().strip_prefix('"').and_then(quoted::closing) else {
        return;
    };
    if !matches!(agent, "" | "-") {
        quoted::set(event, Field::UserAgentOriginal, agent);
    }
    let mut words = rest.trim_start_matches(' ').splitn(4, ' ');
    for field in [Field::TlsCipher, Field::TlsVersion] {
        if let Some(word) = words.next().filter(|word| *word != "-") {
            event.set(field, word);
        }
    }
    // The target group and the trace's id, which the client may write, stand between.
    let trace = words.nth(1).and_then(|rest| quoted::closing(rest.strip_prefix('"')?));
    let name = trace.and_then(|(_, rest)| quoted::closing(rest.strip_prefix(" \"")?));
    if let Some((name, _)) = name
        && !matches!(name, "" | "-")
        && address(name).is_none()
    {
        event.set(Field::UrlDomain, name);
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
            r#"https 2026-11-21T06:58:00.186641Z app/web/490d68 203.0.113.9:44740 192.0.2.10:80 0.086 0.048 0.037 403 403 120 57 "GET https://www.example.org:443/a?id=1%27 HTTP/1.1" "curl/8.5.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/t/7 "Root=1-5" "www.example.org" "arn:aws:acm:eu-central-1:1:certificate/1" 1 2026-11-21T06:58:00.186000Z "forward" "-" "-" "192.0.2.10:80" "403" "-" "-""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.186641Z
                destination.ip = 192.0.2.10
                destination.port = 80
                event.category = web
                event.duration = 171000000
                event.outcome = failure
                event.type = access
                http.request.bytes = 120
                http.request.method = GET
                http.response.bytes = 57
                http.response.status_code = 403
                http.version = 1.1
                source.ip = 203.0.113.9
                source.port = 44740
                tls.cipher = ECDHE-RSA-AES128-GCM-SHA256
                tls.version = TLSv1.2
                url.domain = www.example.org
                url.original = /a?id=1%27
                url.path = /a
                url.port = 443
                url.query = id=1%27
                url.scheme = https
                user_agent.original = curl/8.5.0
                aws.alb.type = https
                aws.alb.name = app/web/490d68
                aws.alb.target_status = 403
            "]],
        );
        check(
            r#"http 2026-11-21T06:58:00.186641Z app/web/490d68 [2001:db8::9]:44740 - -1 -1 -1 400 - 0 0 "- http://192.0.2.1:80- -" "-" - - - "-" "-" "-" - 2026-11-21T06:58:00.186000Z "-" "-" "-" "-" "-" "-" "-""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.186641Z
                event.category = web
                event.outcome = failure
                event.type = access
                http.request.bytes = 0
                http.response.bytes = 0
                http.response.status_code = 400
                source.ip = 2001:db8::9
                source.port = 44740
                aws.alb.type = http
                aws.alb.name = app/web/490d68
                aws.alb.target_status = -
                http.request.line = - http://192.0.2.1:80- -
            "]],
        );
    }

    #[test]
    fn classic_balancers() {
        check(
            r#"2026-11-21T06:58:00.186641Z web 203.0.113.9:44740 192.0.2.10:80 0.000086 0.001048 0.001337 200 200 0 57 "GET https://www.example.org:443/a?u=http://x/ HTTP/1.1" "curl/8.5.0 \x22" DHE-RSA-AES128-SHA TLSv1.2"#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.186641Z
                destination.ip = 192.0.2.10
                destination.port = 80
                event.category = web
                event.duration = 2471000
                event.outcome = success
                event.type = access
                http.request.bytes = 0
                http.request.method = GET
                http.response.bytes = 57
                http.response.status_code = 200
                http.version = 1.1
                source.ip = 203.0.113.9
                source.port = 44740
                tls.cipher = DHE-RSA-AES128-SHA
                tls.version = TLSv1.2
                url.domain = www.example.org
                url.original = /a?u=http://x/
                url.path = /a
                url.port = 443
                url.query = u=http://x/
                url.scheme = https
                user_agent.original = curl/8.5.0 "
                aws.elb.name = web
                aws.elb.backend_status = 200
            "#]],
        );
        check(
            r#"2026-11-21T06:58:00.186641Z web 203.0.113.9:44740 - -1 -1 -1 503 0 0 0 "GET http://www.example.org:80/ HTTP/1.1" "-" - -"#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.186641Z
                event.category = web
                event.outcome = failure
                event.type = access
                http.request.bytes = 0
                http.request.method = GET
                http.response.bytes = 0
                http.response.status_code = 503
                http.version = 1.1
                source.ip = 203.0.113.9
                source.port = 44740
                url.domain = www.example.org
                url.original = /
                url.path = /
                url.port = 80
                url.scheme = http
                aws.elb.name = web
                aws.elb.backend_status = 0
            "]],
        );
    }

    #[test]
    fn a_listener_that_knows_no_requests() {
        check(
            r#"2026-11-21T06:58:00.186641Z web 203.0.113.9:44740 192.0.2.10:80 0.001069 0.000028 0.000041 - - 82 305 "- - - " "-" - -"#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.186641Z
                destination.ip = 192.0.2.10
                destination.port = 80
                event.category = web
                event.duration = 1138000
                event.type = access
                http.request.bytes = 82
                http.response.bytes = 305
                source.ip = 203.0.113.9
                source.port = 44740
                aws.elb.name = web
                aws.elb.backend_status = -
                http.request.line = - - - 
            "]],
        );
    }

    #[test]
    fn what_a_client_writes_shifts_nothing() {
        check(
            r#"https 2026-11-21T06:58:00.186641Z app/web/490d68 203.0.113.9:44740 192.0.2.10:80 0.086 0.048 0.037 403 403 120 57 "GET https://www.example.org:443/a" 200 " HTTP/1.1" "a \" b" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/t/7 "Root=1-5;x=\" y z" "www.example.org" "-" 1 2026-11-21T06:58:00.186000Z "forward" "-" "-" "192.0.2.10:80" "403" "-" "-""#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.186641Z
                destination.ip = 192.0.2.10
                destination.port = 80
                event.category = web
                event.duration = 171000000
                event.outcome = failure
                event.type = access
                http.request.bytes = 120
                http.request.method = GET
                http.response.bytes = 57
                http.response.status_code = 403
                http.version = 1.1
                source.ip = 203.0.113.9
                source.port = 44740
                tls.cipher = ECDHE-RSA-AES128-GCM-SHA256
                tls.version = TLSv1.2
                url.domain = www.example.org
                url.original = /a" 200 "
                url.path = /a" 200 "
                url.port = 443
                url.scheme = https
                user_agent.original = a " b
                aws.alb.type = https
                aws.alb.name = app/web/490d68
                aws.alb.target_status = 403
            "#]],
        );
    }

    #[test]
    fn other_lines() {
        assert!(!recognises("http is the protocol"));
        testing::check(
            &FORMAT,
            "http 2026-11-21T06:58:00Z app/x \"GET / HTTP/1.1\"",
            expect![[r#"Missing("client")"#]],
        );
        testing::check(&FORMAT, "http 2026-11-21T06:58:00Z", expect![[r#"Missing("request")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
