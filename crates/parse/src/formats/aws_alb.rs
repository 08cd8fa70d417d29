//! Access logs of Amazon's load balancers for web sites (ALB).
//!
//! ```text
//! https 2026-11-21T06:58:00.186641Z app/web/490d68 203.0.113.9:44740 192.0.2.10:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.org:443/a HTTP/1.1" "curl/8.5.0" … "www.example.org" …
//! ```

use model::{Event, Field};

use super::shared::{address, address_port};
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, moment, quoted};

pub(crate) const FORMAT: Format = Format {
    id: "aws_alb",
    summary: "access logs of AWS application load balancers",
    programs: &[],
    recognises,
    parse,
};

const KINDS: [&str; 6] = ["http ", "https ", "h2 ", "grpcs ", "ws ", "wss "];

fn recognises(text: &str) -> bool {
    let rest = KINDS.iter().find_map(|kind| text.strip_prefix(kind)).unwrap_or_default();
    let bytes = rest.as_bytes();
    bytes.get(4) == Some(&b'-') && bytes.get(10) == Some(&b'T')
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let (head, rest) = text.split_once(" \"").ok_or(ParseError::Missing("request"))?;
    let (request, rest) = quoted::closing(rest).ok_or(ParseError::Missing("request"))?;
    let mut words = head.split(' ');
    let mut word = |name| words.next().ok_or(ParseError::Missing(name));
    let kind = word("kind")?;
    let time = moment::iso(word("time")?, context).ok_or(ParseError::Invalid("time"))?.0;
    let (balancer, client, target) = (word("balancer")?, word("client")?, word("target")?);
    let (ip, port) = address_port(client).ok_or(ParseError::Invalid("client"))?;
    let _waited = (word("request time")?, word("target time")?, word("answer time")?);
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
    event.set_extra("aws.alb.type", kind);
    event.set_extra("aws.alb.name", balancer);
    event.set_extra("aws.alb.target_status", target_status);
    web::request(event, request, Escapes::Undone);
    own_words(event);
    if let Ok(status) = status.parse() {
        web::status(event, status);
    }
    event.set(Field::RequestBytes, received);
    event.set(Field::ResponseBytes, sent);
    after(rest, event);
    Ok(())
}

/// The balancer writes whole URLs; what the client asked for is the path and the query.
fn own_words(event: &mut Event) {
    let local = event.text(Field::UrlOriginal).and_then(|url| {
        let (_, rest) = url.split_once("://")?;
        rest.get(rest.find('/')?..).map(str::to_owned)
    });
    if let Some(local) = local {
        event.set(Field::UrlOriginal, local.as_str());
    }
}

/// Reads the user agent, the cipher, the version of TLS, and the name that the client wanted.
fn after(text: &str, event: &mut Event) {
    let Some((agent, rest)) = text.trim_start().strip_prefix('"').and_then(quoted::closing) else {
        return;
    };
    if agent != "-" {
        quoted::set(event, Field::UserAgentOriginal, agent);
    }
    let mut words = rest.split_ascii_whitespace();
    for field in [Field::TlsCipher, Field::TlsVersion] {
        if let Some(word) = words.next().filter(|word| *word != "-") {
            event.set(field, word);
        }
    }
    // The target group and the trace id stand between.
    if let Some(name) = words.nth(2).map(|name| name.trim_matches('"'))
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
