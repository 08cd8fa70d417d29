//! Standard access logs of Amazon CloudFront: 33 columns between tabs.
//!
//! ```text
//! 2026-11-21 06:58:00 CDG50-P2 703 203.0.113.9 GET d1.cloudfront.net /a 200 - curl/8.5.0 b=c - Miss …
//! ```

use model::{Event, Field};

use super::shared::address;
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "cloudfront",
    summary: "access logs of Amazon CloudFront",
    programs: &[],
    recognises,
    parse,
};

/// How many columns the first published layout had; later ones have more.
const COLUMNS_MIN: usize = 19;
const COLUMNS_MAX: usize = 40;

fn recognises(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.get(4) == Some(&b'-') && bytes.get(10) == Some(&b'\t') && bytes.get(19) == Some(&b'\t')
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let columns: Vec<&str> = text.split('\t').take(COLUMNS_MAX).collect();
    if columns.len() < COLUMNS_MIN {
        return Err(ParseError::Missing("column"));
    }
    let column = |at: usize| columns.get(at).copied().filter(|text| !matches!(*text, "" | "-"));
    let date = [column(0).unwrap_or_default(), " ", column(1).unwrap_or_default(), "Z"].concat();
    let (time, _) = moment::iso(&date, context).ok_or(ParseError::Invalid("time"))?;
    let client = column(4).and_then(address).ok_or(ParseError::Invalid("client"))?;

    event.time = time;
    event.set(Field::EventCategory, "web");
    event.set(Field::EventType, "access");
    event.set(Field::SourceIp, client);
    let path = column(7).unwrap_or_default();
    match column(11) {
        Some(query) => web::target(event, &[path, "?", query].concat(), Escapes::Unknown),
        None => web::target(event, path, Escapes::Unknown),
    }
    let rows = [
        (3, Field::ResponseBytes),
        (5, Field::RequestMethod),
        (9, Field::RequestReferrer),
        (14, Field::RequestId),
        (16, Field::UrlScheme),
        (17, Field::RequestBytes),
        (20, Field::TlsVersion),
        (21, Field::TlsCipher),
        (26, Field::SourcePort),
    ];
    for (at, field) in rows {
        if let Some(value) = column(at) {
            event.set(field, value);
        }
    }
    // The name that the visitor wrote; the other one is CloudFront's own.
    if let Some(host) = column(15).or_else(|| column(6)) {
        web::host(event, host);
    }
    if let Some(version) = column(23) {
        event.set(Field::HttpVersion, version.strip_prefix("HTTP/").unwrap_or(version));
    }
    if let Some(agent) = column(10) {
        event.set(Field::UserAgentOriginal, &*agent.replace("%20", " "));
    }
    // `000` where the visitor left before there was an answer.
    if let Some(Ok(status @ 100..600)) = column(8).map(str::parse) {
        web::status(event, status);
    }
    for (at, name) in [(2, "cloudfront.edge"), (13, "cloudfront.result"), (28, "cloudfront.detail")]
    {
        if let Some(value) = column(at) {
            event.set_extra(name, value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn requests() {
        check(
            "2026-11-21\t06:58:00\tCDG50-P2\t703\t203.0.113.9\tGET\td1.cloudfront.net\t/a\t403\t-\tMozilla/5.0%20(X11)\tid=1%2527\t-\tError\t375WZm==\twww.example.org\thttps\t62\t0.113\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tError\tHTTP/2.0\t-\t-\t51754\t0.113\tError\ttext/plain\t20\t-\t-",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.category = web
                event.outcome = failure
                event.type = access
                http.request.bytes = 62
                http.request.id = 375WZm==
                http.request.method = GET
                http.response.bytes = 703
                http.response.status_code = 403
                http.version = 2.0
                source.ip = 203.0.113.9
                source.port = 51754
                tls.cipher = TLS_AES_128_GCM_SHA256
                tls.version = TLSv1.3
                url.domain = www.example.org
                url.original = /a?id=1%2527
                url.path = /a
                url.query = id=1%2527
                url.scheme = https
                user_agent.original = Mozilla/5.0 (X11)
                cloudfront.edge = CDG50-P2
                cloudfront.result = Error
                cloudfront.detail = Error
            "]],
        );
    }

    #[test]
    fn other_lines() {
        check("2026-11-21\t06:58:00\tx", expect![[r#"Missing("column")"#]]);
        assert!(!recognises("#Version: 1.0"));
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
