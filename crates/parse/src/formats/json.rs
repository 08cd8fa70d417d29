//! JSON objects, one a record: events in the Elastic Common Schema, nested or flat, and any other.
//!
//! ```text
//! {"@timestamp":"2026-11-21T06:58:00Z","user":{"name":"root"},"source.ip":"203.0.113.9"}
//! ```
//!
//! How an object becomes fields stands at [`object`](crate::object).

use std::fmt::Write;

use model::{Event, Field, Timestamp, Value};

use super::shared;
use crate::object::{self, Whose};
use crate::{Context, Format, ParseError, dialect, epoch, glean, modsecurity, quoted};

/// The format's row.
pub(crate) const FORMAT: Format = Format {
    id: "json",
    summary: "JSON objects, ECS or any other",
    programs: &[],
    recognises,
    parse,
};

/// Where a record has no `@timestamp`, its time is in the first of these.
const TIME_NAMES: [&str; 7] =
    ["@timestamp", "timestamp", "time", "ts", "eventTime", "datetime", "event.created"];

/// How long a message may be that is searched for who it is about; longer ones are forms.
const SAID_BYTES_MAX: usize = 512;

/// The addresses of a connection, as programs that know no ECS name them.
const OTHER_NAMES: &[(Field, &[&str])] = &[
    (
        Field::SourceIp,
        &[
            "src_ip",
            "source_ip",
            "client_ip",
            "clientip",
            "remote_ip",
            "remote_addr",
            "remoteAddr",
            "ClientHost",
            "request.client_ip",
            "request.remote_ip",
            "sourceIPAddress",
            "IpAddress",
            "SourceIp",
            "ip",
        ],
    ),
    (Field::DestinationIp, &["dest_ip", "dst_ip", "DestinationIp"]),
];

fn recognises(text: &str) -> bool {
    let body = cookie_removed(text).trim_start();
    let inner = body.strip_prefix('{').map(str::trim_start);
    inner.is_some_and(|inner| inner.starts_with(['"', '}']))
}

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let before = event.time;
    let object = cookie_removed(text);
    if let Err(error) = object::read(object, event, Whose::Sender) {
        let mended = mended(object).ok_or(error)?;
        object::read(&mended, event, Whose::Sender)?;
    }
    if event.time == before {
        date(event);
    }
    dialect::translate(event);
    known_by_other_names(event);
    Ok(())
}

/// Removes the mark that says "JSON follows" in a syslog message (`@cee: {…}`).
fn cookie_removed(text: &str) -> &str {
    text.strip_prefix("@cee:").unwrap_or(text)
}

/// Gives the object whose writer escapes as in an access log, not as in JSON: nginx writes `\x22` unless
/// its format says `escape=json`, and does so only where a client sent quotes, or worse.
fn mended(text: &str) -> Option<String> {
    text.contains("\\x").then_some(())?;
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    let mut rest = text;
    while let Some((clean, tail)) = rest.split_once('\\') {
        out.push_str(clean);
        let length = quoted::hex_run(tail);
        if length == 0 {
            // An escape of JSON, or what is none in either.
            let end = tail.chars().next().map_or(0, char::len_utf8);
            out.push('\\');
            out.push_str(tail.get(..end)?);
            rest = tail.get(end..)?;
            continue;
        }
        let mut meant = String::new();
        quoted::undo(rest.get(clean.len()..clean.len() + 1 + length)?, &mut meant);
        push_escaped(&meant, &mut out);
        rest = tail.get(length..)?;
    }
    out.push_str(rest);
    Some(out)
}

/// Appends a text as it stands in a string of JSON.
fn push_escaped(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
}

/// Sets what rules ask for first where it came under another common name, which stays beside it.
fn known_by_other_names(event: &mut Event) {
    for (field, names) in OTHER_NAMES {
        if event.get(*field).is_some() {
            continue;
        }
        let mut found = names.iter().filter_map(|name| event.get_extra(name)?.as_text());
        let value = match field {
            Field::SourceIp | Field::DestinationIp => {
                found.find_map(|text| shared::address_port(text).map(|(ip, _)| Value::Address(ip)))
            }
            _ => None,
        };
        if let Some(value) = value {
            event.set(*field, value);
        }
    }
    if event.get(Field::SourceIp).is_some() || event.get(Field::UserName).is_some() {
        return;
    }
    let said = event.text(Field::Message).or_else(|| event.get_extra("msg")?.as_text());
    let Some(said) = said else { return };
    if said.starts_with("[client ") {
        let said = said.to_owned();
        modsecurity::read(&said, event);
    } else if said.len() <= SAID_BYTES_MAX {
        let said = said.to_owned();
        glean::addresses_and_login(&said, event);
    }
}

/// Finds the event's time where no `@timestamp` told it.
fn date(event: &mut Event) {
    let found = TIME_NAMES.iter().find_map(|name| moment(event.get_extra(name)?));
    if let Some(time) = found {
        event.time = time;
    }
}

/// Reads a time as programs write it: a date, or a count since 1970.
fn moment(value: Value<'_>) -> Option<Timestamp> {
    match value {
        Value::Text(text) => Timestamp::parse(text).or_else(|| epoch::text(text)),
        Value::Integer(count) => epoch::count(count),
        Value::Float(seconds) => epoch::float(seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
