//! Standard access logs of Amazon CloudFront: columns between tabs, 33 unless the log names others.
//!
//! ```text
//! 2026-11-21 06:58:00 CDG50-P2 703 203.0.113.9 GET d1.cloudfront.net /a 200 - curl/8.5.0 b=c - Miss …
//! ```
//!
//! A log that names its columns may have fewer, in another order. What visitors said in headers is
//! percent-encoded once more than they did; their URLs are left as they stand.

use model::{Event, Field};

use super::shared::address;
use super::shared::columns::{self, Style};
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "cloudfront",
    summary: "access logs of Amazon CloudFront",
    programs: &[],
    recognises,
    parse,
};

const ESCAPES: Escapes = Escapes::Marked('%');
const STYLE: Style = Style {
    separator: '\t',
    prefix: "cloudfront.",
    said: |event, field, value| ESCAPES.set(event, field, value),
};

/// How many columns the first published layout had; later ones have more.
const COLUMNS_MIN: usize = 19;
const COLUMNS_MAX: usize = 40;

fn recognises(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.get(4) == Some(&b'-') && bytes.get(10) == Some(&b'\t') && bytes.get(19) == Some(&b'\t')
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    if !context.columns.is_empty() && columns::read(text, STYLE, event, context).is_ok() {
        return Ok(());
    }
    let mut kept = [""; COLUMNS_MAX];
    let mut length = 0;
    for (place, word) in kept.iter_mut().zip(text.split('\t')) {
        *place = word;
        length += 1;
    }
    let columns = kept.get(..length).unwrap_or_default();
    if columns.len() < COLUMNS_MIN {
        return Err(ParseError::Missing("column"));
    }
    let column = |at: usize| columns.get(at).copied().filter(|text| !matches!(*text, "" | "-"));
    let date = (column(0).unwrap_or_default(), column(1).unwrap_or_default());
    let time = columns::time(text, date, context).ok_or(ParseError::Invalid("time"))?;
    let client = column(4).and_then(address).ok_or(ParseError::Invalid("client"))?;

    event.time = time;
    event.set(Field::EventCategory, "web");
    event.set(Field::EventType, "access");
    event.set(Field::SourceIp, client);
    columns::target(column(7).unwrap_or_default(), column(11).unwrap_or_default(), event);
    let rows = [
        (3, Field::ResponseBytes),
        (5, Field::RequestMethod),
        (14, Field::RequestId),
        (16, Field::UrlScheme),
        (17, Field::RequestBytes),
        (20, Field::TlsVersion),
        (21, Field::TlsCipher),
        (26, Field::SourcePort),
        (30, Field::ResponseBodyBytes),
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
    for (at, field) in [(9, Field::RequestReferrer), (10, Field::UserAgentOriginal)] {
        if let Some(said) = column(at) {
            ESCAPES.set(event, field, said);
        }
    }
    if let Some(taken) = column(18).and_then(columns::duration) {
        event.set(Field::EventDuration, taken);
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
                event.duration = 113000000
                event.outcome = failure
                event.type = access
                http.request.bytes = 62
                http.request.id = 375WZm==
                http.request.method = GET
                http.response.body.bytes = 20
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
    fn columns_that_the_log_named() {
        testing::check_with(
            &FORMAT,
            "date time c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query time-taken x-edge-location sc-range-start",
            "2026-11-21\t06:58:00\t2001:db8::9\tGET\td1.cloudfront.net\t/a\t200\thttps://www.example.org/%3Fq=%2522\t%2524%257B%22x%22\tid=1%2527\t0.113\tCDG50-P2\t7",
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.category = web
                event.duration = 113000000
                event.outcome = success
                event.type = access
                http.request.method = GET
                http.request.referrer = https://www.example.org/?q=%22
                http.response.status_code = 200
                source.ip = 2001:db8::9
                url.domain = d1.cloudfront.net
                url.original = /a?id=1%2527
                url.path = /a
                url.query = id=1%2527
                user_agent.original = %24%7B"x"
                cloudfront.edge = CDG50-P2
                cloudfront.sc-range-start = 7
            "#]],
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
