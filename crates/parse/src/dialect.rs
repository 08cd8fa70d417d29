//! What well-known programs call things in their JSON, and the fields that these are.
//!
//! A program is told by names that only it writes. Its own names stay beside the fields, so rules
//! may ask for either. To teach another dialect, add a row to [`DIALECTS`].

mod cloud;
mod decoys;
mod edge;
mod network;
mod servers;
mod services;
mod windows;

use std::sync::LazyLock;

use model::{Event, Field, FieldKind, NameTable, Value};

use crate::address::address_port;
use crate::web::{self, Escapes};
use crate::{Context, claim, dns, epoch, moment};

/// The JSON of one kind of log.
struct Dialect {
    /// What stands in `event.dataset` where the sender names none; nothing leaves it open.
    dataset: &'static str,
    /// Names that all stand in it.
    needs: &'static [&'static str],
    /// Fields, and the names of the same things, the best first.
    fields: &'static [(Field, &'static [&'static str])],
    /// Writes what is more than another name.
    finish: fn(&mut Event),
}

/// In this order; the first that fits counts.
const DIALECTS: [&[Dialect]; 6] = [
    network::DIALECTS,
    servers::DIALECTS,
    edge::DIALECTS,
    services::DIALECTS,
    cloud::DIALECTS,
    decoys::DIALECTS,
];

const NANOS_A_MILLI: i64 = 1_000_000;

/// Names under which the dialects keep the time, besides the usual ones.
const TIMES: [&str; 5] = ["published", "CreationTime", "utc_time", "T", "start_time"];

/// Names of which one stands in every Windows event: those are many, and of no other dialect.
const WINDOWS: [&str; 2] = ["EventID", "winlog.channel"];

/// Dialects, to be told apart in one pass over an event's names.
struct Known {
    /// What each dialect needs, each name with its bit.
    names: NameTable<u128>,
    /// The bits of what each needs.
    rows: Vec<(u128, &'static Dialect)>,
}

static OTHERS: LazyLock<Known> = LazyLock::new(|| Known::new(&DIALECTS));
static OF_WINDOWS: LazyLock<Known> = LazyLock::new(|| Known::new(&[windows::DIALECTS]));

impl Known {
    fn new(dialects: &[&'static [Dialect]]) -> Self {
        let all = || dialects.iter().copied().flatten();
        let mut needed: Vec<&str> = all().flat_map(|dialect| dialect.needs).copied().collect();
        needed.sort_unstable();
        needed.dedup();
        // A name past the last bit would have none, and its dialect not be told; a test counts them.
        let bit = |at: usize| u32::try_from(at).ok().and_then(|at| 1_u128.checked_shl(at));
        let bit_of = |name: &&str| needed.binary_search(name).ok().and_then(bit).unwrap_or(0);
        let rows = all().map(|dialect| {
            (dialect.needs.iter().map(bit_of).fold(0, |bits, bit| bits | bit), dialect)
        });
        let names = needed.iter().map(|name| (Box::from(*name), bit_of(name)));
        Self { rows: rows.collect(), names: NameTable::new(names) }
    }

    /// Gives the first dialect all of whose names stand in an event.
    fn of(&self, event: &Event) -> Option<&'static Dialect> {
        let there = event.extras_in(&self.names).fold(0, |bits, (bit, ..)| bits | bit);
        let row = self.rows.iter().find(|(needs, _)| there & needs == *needs);
        row.map(|(_, dialect)| *dialect)
    }
}

/// Writes the fields of a dialect's names, if the event is of a known one.
pub(crate) fn translate(event: &mut Event) {
    // Who says what was done in the words of the Elastic Common Schema speaks no other dialect.
    let ecs = event.get(Field::EventAction).is_some();
    let windows = WINDOWS.iter().any(|name| has(event, name));
    let known = if ecs || windows { &*OF_WINDOWS } else { &*OTHERS };
    let Some(dialect) = known.of(event) else { return };
    if !dialect.dataset.is_empty() && event.get(Field::EventDataset).is_none() {
        event.set(Field::EventDataset, dialect.dataset);
    }
    for (field, names) in dialect.fields {
        if event.get(*field).is_none() {
            copy(event, *field, names);
        }
    }
    if event.time == event.ingested
        && let Some(time) = TIMES.iter().find_map(|name| time(event, name))
    {
        event.time = time;
    }
    (dialect.finish)(event);
}

/// Reads a time.
fn time(event: &Event, name: &str) -> Option<model::Timestamp> {
    moment_of(event, event.get_extra(name)?.as_text()?)
}

/// Reads a time; one without a zone is UTC in all of these.
fn moment_of(event: &Event, text: &str) -> Option<model::Timestamp> {
    let context = Context {
        received_at: event.ingested,
        clock: model::Clock::Live,
        utc_offset_seconds: 0,
        tag: "",
        columns: "",
    };
    moment::iso(text, &context).map(|(time, _)| time)
}

fn has(event: &Event, name: &str) -> bool {
    event.get_extra(name).is_some()
}

/// Sets a field to the first of these names that says something that fits.
fn copy(event: &mut Event, field: Field, names: &[&str]) {
    for name in names {
        let owned = match event.get_extra(name) {
            None => continue,
            Some(value) => match (field.kind(), value) {
                // Most are texts, and stand in the record already.
                (FieldKind::Keyword, Value::Text(text)) if !matches!(text, "" | "-") => None,
                (_, value) => match value.each().next().and_then(|value| owned(field, value)) {
                    None => continue,
                    some => some,
                },
            },
        };
        match owned {
            None => _ = event.set_alike(field, name),
            Some(Owned::Text(text)) => event.set(field, &*text),
            Some(Owned::Integer(number)) => event.set(field, number),
            Some(Owned::Address(ip)) => event.set(field, ip),
        }
        return;
    }
}

/// Gives what a field is to hold for a value that does not stand in the record as it is needed; nothing
/// where the value says nothing, or does not fit.
fn owned(field: Field, value: Value<'_>) -> Option<Owned> {
    match value {
        Value::Text("" | "-") => None,
        Value::Text(text) if field.kind() == FieldKind::Ip => {
            address_port(text.trim()).map(|(ip, _)| Owned::Address(ip))
        }
        Value::Text(text) if field.kind() == FieldKind::Long => {
            text.parse().ok().map(Owned::Integer)
        }
        Value::Integer(number) => Some(Owned::Integer(number)),
        Value::Address(ip) => Some(Owned::Address(ip)),
        value => Some(Owned::Text(value.to_string())),
    }
}

/// A value that no longer borrows from its event.
enum Owned {
    Text(String),
    Integer(i64),
    Address(std::net::IpAddr),
}

/// Gives a copy of what stands under a name, as text.
fn said(event: &Event, name: &str) -> Option<String> {
    let value = event.get_extra(name)?.each().next()?.to_string();
    (!matches!(value.as_str(), "" | "-")).then_some(value)
}

/// Gives the text that stands under a name, if it is one that says something.
fn said_text<'e>(event: &'e Event, name: &str) -> Option<&'e str> {
    event.get_extra(name)?.as_text().filter(|text| !matches!(*text, "" | "-"))
}

/// Writes a request's target from the first of these names that holds one, its host from another.
fn target(event: &mut Event, names: &[&str], host: &str) {
    for name in names {
        if whole_target(event, name) {
            break;
        }
        if let Some(target) = said(event, name) {
            web::target(event, &target, Escapes::Unknown);
            break;
        }
    }
    if event.get(Field::UrlDomain).is_some() {
        return;
    }
    // A name alone needs neither its port taken off nor escapes undone, and is not copied.
    let plain = said_text(event, host).is_some_and(|host| {
        host != "_"
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    });
    if plain {
        event.set_alike(Field::UrlDomain, host);
    } else if let Some(host) = said(event, host) {
        web::host(event, &host);
    }
}

/// Writes the target that stands under a name where it begins with the path, as nearly all do, as
/// [`web::target`] does but without a copy; tells whether it did.
fn whole_target(event: &mut Event, name: &str) -> bool {
    let Some(text) = said_text(event, name).filter(|text| text.starts_with('/')) else {
        return false;
    };
    let (length, path) = (text.len(), text.find('?').unwrap_or(text.len()));
    event.set_alike(Field::UrlOriginal, name);
    event.set_piece(Field::UrlPath, name, 0..path);
    if path + 1 < length {
        event.set_piece(Field::UrlQuery, name, path + 1..length);
    }
    true
}

/// Writes the status that stands under a name.
fn status(event: &mut Event, name: &str) {
    let status = match event.get_extra(name) {
        Some(Value::Integer(status)) => u16::try_from(status).ok(),
        Some(Value::Text(status)) => status.parse().ok(),
        _ => said(event, name).and_then(|status| status.parse().ok()),
    };
    if let Some(status @ 100..600) = status {
        web::status(event, status);
    }
}

/// Writes the text that stands under a name, its escapes undone.
fn set_said(event: &mut Event, field: Field, name: &str, escapes: Escapes) {
    if let Some(text) = said(event, name) {
        escapes.set(event, field, &text);
    }
}

/// Writes all that stands under a name where that is more than one text.
fn joined(event: &mut Event, field: Field, name: &str) {
    if let Some(Value::List(list)) = event.get_extra(name) {
        let all: Vec<String> = list.iter().map(|value| value.to_string()).collect();
        event.set(field, all.join(", ").as_str());
    }
}

/// Writes the protocol's version that stands under a name.
fn version(event: &mut Event, name: &str) {
    if event.get(Field::HttpVersion).is_some() {
        return;
    }
    if let Some(text) = said_text(event, name) {
        let (length, number) = (text.len(), text.strip_prefix("HTTP/").unwrap_or(text).len());
        event.set_piece(Field::HttpVersion, name, length - number..length);
    } else if let Some(version) = said(event, name) {
        event.set(Field::HttpVersion, version.strip_prefix("HTTP/").unwrap_or(&version));
    }
}

/// Writes how long it took, which stands under a name in seconds.
fn seconds(event: &mut Event, name: &str) {
    let taken = match event.get_extra(name) {
        Some(Value::Float(seconds)) => epoch::float(seconds).map(model::Timestamp::nanos),
        Some(Value::Text(seconds)) => web::seconds(seconds),
        _ => said(event, name).and_then(|seconds| web::seconds(&seconds)),
    };
    if let Some(nanos) = taken {
        event.set(Field::EventDuration, nanos);
    }
}

/// Writes how long it took, which stands under a name in milliseconds.
fn duration(event: &mut Event, name: &str) {
    let millis = said(event, name).and_then(|millis| millis.parse::<i64>().ok());
    if let Some(millis @ 0..) = millis {
        event.set(Field::EventDuration, millis.saturating_mul(NANOS_A_MILLI));
    }
}

/// Writes what a web server's log is.
fn web_access(event: &mut Event) {
    fill(event, Field::EventCategory, "web");
    fill(event, Field::EventType, "access");
}

/// Writes a name server's question from the names of its name and type.
fn question(event: &mut Event, name: &str, kind: &str) {
    if let Some(asked) = said(event, name) {
        let kind = said(event, kind).unwrap_or_default();
        dns::question(event, &asked, &kind);
        fill(event, Field::NetworkProtocol, "dns");
    }
}

/// Sets a field that is not set yet.
fn fill(event: &mut Event, field: Field, value: &str) {
    if event.get(field).is_none() {
        event.set(field, value);
    }
}

/// Keeps a value under another name too, if that name is not taken.
fn alias(event: &mut Event, name: &str, other: &str) {
    if event.get_path(name).is_none()
        && let Some(value) = said(event, other)
    {
        claim::set(event, name, &*value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_is_told_by_the_names_that_it_needs() {
        for known in [&*OTHERS, &*OF_WINDOWS] {
            for (needs, dialect) in &known.rows {
                assert_eq!(usize::try_from(needs.count_ones()).unwrap(), dialect.needs.len());
                let mut event = Event::default();
                dialect.needs.iter().for_each(|name| event.set_extra(name, "x"));
                let fits =
                    |(_, row): &&(u128, &Dialect)| row.needs.iter().all(|name| has(&event, name));
                let first = known.rows.iter().find(fits).unwrap().1;
                assert!(std::ptr::eq(known.of(&event).unwrap(), first), "{}", dialect.dataset);
            }
        }
    }
}
