//! JSON objects, one a record: events in the Elastic Common Schema, nested or flat, and any other.
//!
//! ```text
//! {"@timestamp":"2026-11-21T06:58:00Z","user":{"name":"root"},"source.ip":"203.0.113.9"}
//! ```
//!
//! Read by the standard (RFC 8259) straight into the event, without a tree between: a string without
//! escapes is a piece of the record. Nested names are joined by dots; an array of plain values is a
//! list; an array that holds objects or arrays is kept as its JSON text. A name that comes twice
//! keeps its last value. Null says nothing, as in the Elastic Common Schema.

mod scanner;

use model::{Event, Field, Timestamp, Value};

use self::scanner::{Piece, Scanner, deeper};
use super::shared;
use crate::{Context, Format, ParseError, claim, dialect, epoch, glean, modsecurity};

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

/// How long a field is about, name and value; room for so many is made at once.
const BYTES_A_FIELD: usize = 64;
const EXTRAS_USUAL_MAX: usize = 48;

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
    event.reserve_extras((text.len() / BYTES_A_FIELD).min(EXTRAS_USUAL_MAX));
    let mut reader =
        Reader { scanner: Scanner::new(cookie_removed(text)), event, path: String::new() };
    reader.object(0)?;
    reader.scanner.end()?;
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
        Value::Float(_) => epoch::text(&value.to_string()),
        _ => None,
    }
}

struct Reader<'t, 'e> {
    scanner: Scanner<'t>,
    event: &'e mut Event,
    /// The names of the objects that are open, each followed by a dot.
    path: String,
}

impl<'t> Reader<'t, '_> {
    fn object(&mut self, depth: usize) -> Result<(), ParseError> {
        deeper(depth)?;
        let mut more = self.scanner.open(b'{', b'}')?;
        while more {
            let outer = self.path.len();
            let key = self.scanner.string()?;
            self.member(key, depth)?;
            self.path.truncate(outer);
            more = self.scanner.another(b'}')?;
        }
        Ok(())
    }

    /// Reads what follows the first piece of a key.
    fn member(&mut self, key: Piece<'t>, depth: usize) -> Result<(), ParseError> {
        // At the top, a key without escapes is the name itself, and need not be copied.
        let name = match key {
            Piece::Plain(name) if self.path.is_empty() => Some(name),
            Piece::Plain(name) => {
                self.path.push_str(name);
                None
            }
            Piece::Escaped(start) => {
                self.path.push_str(start);
                self.scanner.unescape(&mut self.path)?;
                None
            }
        };
        self.scanner.expect(b':', "colon")?;
        if self.scanner.next_byte() == Some(b'{') {
            self.path.push_str(name.unwrap_or_default());
            self.path.push('.');
            return self.object(depth + 1);
        }
        if let Some(name) = name {
            return self.value(name, depth);
        }
        let path = std::mem::take(&mut self.path);
        let read = self.value(&path, depth);
        self.path = path;
        read
    }

    fn value(&mut self, name: &str, depth: usize) -> Result<(), ParseError> {
        match self.scanner.next_byte() {
            Some(b'"') => match self.scanner.string()? {
                Piece::Plain(text) => claim::set(self.event, name, Value::Text(text)),
                Piece::Escaped(start) => {
                    let mut read = Ok(());
                    claim::set_made(self.event, name, |out| {
                        out.push_str(start);
                        read = self.scanner.unescape(out);
                    });
                    return read;
                }
            },
            Some(b'[') => return self.array(name, depth + 1),
            _ => {
                if let Some(value) = self.scanner.scalar()? {
                    claim::set(self.event, name, value);
                }
            }
        }
        Ok(())
    }

    fn array(&mut self, name: &str, depth: usize) -> Result<(), ParseError> {
        deeper(depth)?;
        let start = self.scanner.place();
        let mut elements = Elements::default();
        let mut plain = true;
        let mut more = self.scanner.open(b'[', b']')?;
        while more {
            match self.scanner.next_byte() {
                Some(b'{' | b'[') => {
                    plain = false;
                    self.scanner.skip(depth + 1)?;
                }
                _ => elements.read(&mut self.scanner)?,
            }
            more = self.scanner.another(b']')?;
        }
        if plain {
            claim::set_list(self.event, name, elements.values());
            return Ok(());
        }
        let json = self.scanner.since(start);
        if json.contains(['\n', '\r']) {
            // Outside of strings they are mere space, and inside they cannot stand: so the event
            // stays one line when it is written out.
            claim::set(self.event, name, Value::Json(&json.replace(['\n', '\r'], " ")));
        } else {
            claim::set(self.event, name, Value::Json(json));
        }
        Ok(())
    }
}

/// The plain values of an array.
#[derive(Default)]
struct Elements<'t> {
    /// Most arrays hold one value, which needs no list.
    first: Option<Element<'t>>,
    read: Vec<Element<'t>>,
    /// The text of those that held escapes.
    unescaped: String,
}

enum Element<'t> {
    Whole(Value<'t>),
    Unescaped(std::ops::Range<usize>),
}

impl<'t> Elements<'t> {
    fn read(&mut self, scanner: &mut Scanner<'t>) -> Result<(), ParseError> {
        if scanner.next_byte() != Some(b'"') {
            scanner
                .scalar()?
                .map(Element::Whole)
                .into_iter()
                .for_each(|element| self.push(element));
            return Ok(());
        }
        let element = match scanner.string()? {
            Piece::Plain(text) => Element::Whole(Value::Text(text)),
            Piece::Escaped(start) => {
                let before = self.unescaped.len();
                self.unescaped.push_str(start);
                scanner.unescape(&mut self.unescaped)?;
                Element::Unescaped(before..self.unescaped.len())
            }
        };
        self.push(element);
        Ok(())
    }

    fn push(&mut self, element: Element<'t>) {
        match self.first {
            None => self.first = Some(element),
            Some(_) => self.read.push(element),
        }
    }

    fn values(&self) -> impl Iterator<Item = Value<'_>> + Clone {
        self.first.iter().chain(&self.read).map(|element| match element {
            Element::Whole(value) => *value,
            Element::Unescaped(range) => {
                Value::Text(self.unescaped.get(range.clone()).unwrap_or_default())
            }
        })
    }
}

#[cfg(test)]
mod tests;
