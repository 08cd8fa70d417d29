//! Lines whose columns the log itself has named: the W3C's extended log format, which IIS and
//! CloudFront write.

use model::{Event, Field, Timestamp};

use super::address;
use crate::web::{self, Escapes};
use crate::{Context, ParseError, moment};

/// How many columns are read; the names are bounded by their source.
const COLUMNS_MAX: usize = 128;
const NANOS_A_MILLI: i64 = 1_000_000;

/// How one product writes its lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// What stands between two columns.
    pub(crate) separator: char,
    /// What begins the names of columns that have no field.
    pub(crate) prefix: &'static str,
    /// Writes what a client said in a header, as it was before it was logged.
    pub(crate) said: fn(&mut Event, Field, &str),
}

/// What is written once all columns are known.
#[derive(Default)]
struct Row<'t> {
    date: &'t str,
    time: &'t str,
    path: &'t str,
    query: &'t str,
    /// The host that the client named, and the one that the server has.
    hosts: [&'t str; 2],
}

/// Reads a line by the names of its columns.
pub(crate) fn read(
    text: &str,
    style: Style,
    event: &mut Event,
    context: &Context<'_>,
) -> Result<(), ParseError> {
    let names = || context.columns.split([' ', '\t']).filter(|name| !name.is_empty());
    let count = names().take(COLUMNS_MAX).count();
    // Other columns are those of another kind of log, such as a name server's.
    if !names().any(|name| matches!(name, "cs-method" | "cs-uri-stem" | "cs-uri")) {
        return Err(ParseError::Missing("request"));
    }
    let mut row = Row::default();
    if text.split(style.separator).take(COLUMNS_MAX + 1).count() == count {
        for (name, value) in names().zip(text.split(style.separator)) {
            column(name, unquoted(value), style, &mut row, event);
        }
    } else {
        // Other writers quote what holds spaces. Those that do not are never read so: there a quote is
        // the client's.
        let values = quoted_words(text).ok_or(ParseError::Invalid("column"))?;
        if values.len() != count {
            return Err(ParseError::Missing("column"));
        }
        for (name, value) in names().zip(values) {
            column(name, value, style, &mut row, event);
        }
    }
    finish(text, &row, event, context)
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// Splits a line at its spaces, those in quotes left alone.
fn quoted_words(text: &str) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    let mut rest = text;
    while words.len() < COLUMNS_MAX {
        let (word, after) = match rest.strip_prefix('"') {
            Some(inner) => {
                let (word, after) = inner.split_at_checked(inner.find('"')?)?;
                (word, after.get(1..)?)
            }
            None => rest.split_at_checked(rest.find(' ').unwrap_or(rest.len()))?,
        };
        words.push(word);
        if after.is_empty() {
            return Some(words);
        }
        rest = after.strip_prefix(' ')?;
    }
    None
}

fn column<'t>(name: &str, value: &'t str, style: Style, row: &mut Row<'t>, event: &mut Event) {
    if matches!(value, "" | "-") {
        return;
    }
    match name {
        "date" => row.date = value,
        "time" => row.time = value,
        "cs-uri-stem" | "cs-uri" => row.path = value,
        "cs-uri-query" => row.query = value,
        "cs-host" | "x-host-header" => row.hosts[0] = value,
        "cs(Host)" => row.hosts[1] = value,
        "cs(User-Agent)" => (style.said)(event, Field::UserAgentOriginal, value),
        "cs(Referer)" => (style.said)(event, Field::RequestReferrer, value),
        "cs-version" | "cs-protocol-version" => {
            event.set(Field::HttpVersion, value.strip_prefix("HTTP/").unwrap_or(value));
        }
        "c-ip" => end(event, Field::SourceIp, value),
        "s-ip" => end(event, Field::DestinationIp, value),
        // `000` where the client left before there was an answer.
        "sc-status" => {
            if let Ok(status @ 100..1000) = value.parse() {
                web::status(event, status);
            }
        }
        "time-taken" => {
            if let Some(nanos) = duration(value) {
                event.set(Field::EventDuration, nanos);
            }
        }
        _ => match field(name) {
            Some(field) => event.set(field, value),
            None => other(name, value, style, event),
        },
    }
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "cs-method" => Field::RequestMethod,
        "cs-username" => Field::UserName,
        "s-port" => Field::DestinationPort,
        "c-port" => Field::SourcePort,
        "s-computername" => Field::HostName,
        "sc-bytes" => Field::ResponseBytes,
        "cs-bytes" => Field::RequestBytes,
        "sc-content-len" => Field::ResponseBodyBytes,
        "cs-protocol" => Field::UrlScheme,
        "ssl-protocol" => Field::TlsVersion,
        "ssl-cipher" => Field::TlsCipher,
        "x-edge-request-id" => Field::RequestId,
        _ => return None,
    })
}

fn other(name: &str, value: &str, style: Style, event: &mut Event) {
    let known = match name {
        "s-sitename" => "iis.site",
        "sc-substatus" => "iis.sub_status",
        "sc-win32-status" => "iis.win32_status",
        "x-edge-location" => "cloudfront.edge",
        "x-edge-result-type" => "cloudfront.result",
        "x-edge-detailed-result-type" => "cloudfront.detail",
        _ => {
            event.set_extra(&[style.prefix, name].concat(), value);
            return;
        }
    };
    event.set_extra(known, value);
}

fn end(event: &mut Event, field: Field, value: &str) {
    if let Some(ip) = address(value) {
        event.set(field, ip);
    }
}

/// Reads `15`, which is milliseconds, and `0.113`, which is seconds.
pub(crate) fn duration(text: &str) -> Option<i64> {
    if !text.contains('.') {
        let millis: i64 = text.parse().ok().filter(|millis| *millis >= 0)?;
        return Some(millis.saturating_mul(NANOS_A_MILLI));
    }
    web::seconds(text)
}

fn finish(
    text: &str,
    row: &Row<'_>,
    event: &mut Event,
    context: &Context<'_>,
) -> Result<(), ParseError> {
    event.time = time(text, (row.date, row.time), context).ok_or(ParseError::Missing("time"))?;
    event.set(Field::EventCategory, "web");
    event.set(Field::EventType, "access");
    if !row.path.is_empty() {
        target(row.path, row.query, event);
    }
    if let Some(host) = row.hosts.iter().find(|host| !host.is_empty()) {
        web::host(event, host);
    }
    Ok(())
}

/// Reads the date and the time, which are those of Greenwich.
pub(crate) fn time(
    text: &str,
    (date, time): (&str, &str),
    context: &Context<'_>,
) -> Option<Timestamp> {
    let context = Context { utc_offset_seconds: 0, ..*context };
    // Mostly they begin the line, a space between, and nothing need be copied.
    let length = date.len() + 1 + time.len();
    if text.starts_with(date)
        && let Some(both) = text.get(..length).filter(|both| both.ends_with(time))
        && let Some((found, "")) = moment::iso(both, &context)
    {
        return Some(found);
    }
    moment::iso(&[date, " ", time].concat(), &context).map(|(found, _)| found)
}

/// Writes the path and the query, which stand apart, as one was asked for.
pub(crate) fn target(path: &str, query: &str, event: &mut Event) {
    if matches!(query, "" | "-") {
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
