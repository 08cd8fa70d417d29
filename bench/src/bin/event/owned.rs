//! A sorted vector of owned values: each text its own String.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::net::IpAddr;

use model::{Field, FieldKind, Timestamp, write_json_string};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::columns::Columns;
use crate::shape::{KNOWN, Kind, Shape, UNKNOWN, ssh, write_times};

pub(crate) struct Owned;

enum Held {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    Address(IpAddr),
    Time(Timestamp),
    List(Vec<Held>),
}

pub(crate) struct Kept {
    original: String,
    fields: Vec<(Cow<'static, str>, Held)>,
}

impl Kept {
    fn get(&self, name: &str) -> Option<&Held> {
        let place = self.fields.binary_search_by(|(held, _)| held.as_ref().cmp(name)).ok()?;
        self.fields.get(place).map(|(_, value)| value)
    }
}

impl Shape for Owned {
    const NAME: &'static str = "vector of owned values";
    type Kept<'t> = Kept;

    fn with<T>(lines: &[String], kind: Kind, then: impl FnOnce(&[Kept]) -> T) -> T {
        let read = match kind {
            Kind::Json => read_json,
            Kind::Ssh => read_ssh,
        };
        let kept: Vec<Kept> = lines.iter().map(|line| read(line)).collect();
        then(&kept)
    }

    fn read(kept: &Kept) -> usize {
        let known = KNOWN.iter().filter(|field| kept.get(field.name()).is_some()).count();
        known + UNKNOWN.iter().filter(|name| kept.get(name).is_some()).count()
    }

    fn write(kept: &Kept, out: &mut String) {
        out.push_str("{\"event.original\":");
        write_json_string(&kept.original, out);
        write_times(out);
        let mut open: Vec<&str> = Vec::new();
        for (name, value) in &kept.fields {
            let mut parts: Vec<&str> = name.split('.').collect();
            let leaf = parts.pop().unwrap_or_default();
            let shared = open.iter().zip(&parts).take_while(|(one, other)| one == other).count();
            out.extend(open.drain(shared..).map(|_| '}'));
            out.push(',');
            for part in parts.into_iter().skip(shared) {
                write_json_string(part, out);
                out.push_str(":{");
                open.push(part);
            }
            write_json_string(leaf, out);
            out.push(':');
            write_held(value, out);
        }
        out.extend(open.iter().map(|_| '}'));
        out.push('}');
    }

    fn append(kept: &Kept, columns: &mut Columns) {
        let time = match kept.get("@timestamp") {
            Some(Held::Time(time)) => *time,
            _ => Timestamp::default(),
        };
        columns.time(time.nanos());
        columns.address(match kept.get("source.ip") {
            Some(Held::Address(address)) => Some(*address),
            _ => None,
        });
        columns.texts(|field| match kept.get(field.name())? {
            Held::Text(text) => Some(text.as_str()),
            Held::List(list) => match list.first()? {
                Held::Text(text) => Some(text.as_str()),
                _ => None,
            },
            _ => None,
        });
        columns.numbers(|field| match kept.get(field.name())? {
            Held::Integer(number) => Some(*number),
            _ => None,
        });
    }
}

fn write_held(value: &Held, out: &mut String) {
    let _ = match value {
        Held::Text(text) => {
            write_json_string(text, out);
            Ok(())
        }
        Held::Integer(number) => write!(out, "{number}"),
        Held::Float(number) => write!(out, "{number}"),
        Held::Flag(flag) => write!(out, "{flag}"),
        Held::Address(address) => write!(out, "\"{address}\""),
        Held::Time(time) => write!(out, "\"{time}\""),
        Held::List(list) => {
            let mut mark = '[';
            for inner in list {
                out.push(mark);
                write_held(inner, out);
                mark = ',';
            }
            out.write_str(if mark == '[' { "[]" } else { "]" })
        }
    };
}

fn read_ssh(line: &str) -> Kept {
    let mut fields = Vec::with_capacity(5);
    if let Some(ssh) = ssh(line) {
        push(&mut fields, "event.action", Held::Text("ssh_login".to_owned()));
        push(&mut fields, "event.outcome", Held::Text(ssh.outcome.to_owned()));
        push(&mut fields, "source.ip", Held::Text(ssh.address.to_owned()));
        push(&mut fields, "source.port", Held::Text(ssh.port.to_owned()));
        push(&mut fields, "user.name", Held::Text(ssh.user.to_owned()));
    }
    Kept { original: line.to_owned(), fields }
}

fn read_json(line: &str) -> Kept {
    let mut fields = Vec::with_capacity(32);
    let mut path = String::new();
    let mut reader = serde_json::Deserializer::from_str(line);
    // A line that is no JSON keeps what was read before its fault.
    let _ = Flatten { path: &mut path, fields: &mut fields }.deserialize(&mut reader);
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    Kept { original: line.to_owned(), fields }
}

/// Keeps a value under its name, converted to the kind of a known field.
fn push(fields: &mut Vec<(Cow<'static, str>, Held)>, name: &str, value: Held) {
    let Some(field) = Field::by_name(name) else {
        return fields.push((Cow::Owned(name.to_owned()), value));
    };
    let value = match (field.kind(), value) {
        (FieldKind::Ip, Held::Text(text)) => match text.parse() {
            Ok(address) => Held::Address(address),
            Err(_) => Held::Text(text),
        },
        (FieldKind::Date, Held::Text(text)) => match Timestamp::parse(&text) {
            Some(time) => Held::Time(time),
            None => Held::Text(text),
        },
        (FieldKind::Long, Held::Text(text)) => match text.parse() {
            Ok(number) => Held::Integer(number),
            Err(_) => Held::Text(text),
        },
        (FieldKind::Keyword, Held::Integer(number)) => Held::Text(number.to_string()),
        (_, value) => value,
    };
    fields.push((Cow::Borrowed(field.name()), value));
}

struct Flatten<'a> {
    path: &'a mut String,
    fields: &'a mut Vec<(Cow<'static, str>, Held)>,
}

impl<'de> DeserializeSeed<'de> for Flatten<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Flatten<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        push(self.fields, self.path, Held::Flag(flag));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        push(self.fields, self.path, Held::Integer(number));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        let held = i64::try_from(number).map_or(Held::Text(number.to_string()), Held::Integer);
        push(self.fields, self.path, held);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        push(self.fields, self.path, Held::Float(number));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        push(self.fields, self.path, Held::Text(text.to_owned()));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let mut elements = Vec::new();
        let mut path = String::new();
        while sequence
            .next_element_seed(Flatten { path: &mut path, fields: &mut elements })?
            .is_some()
        {}
        let list = Held::List(elements.into_iter().map(|(_, value)| value).collect());
        push(self.fields, self.path, list);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let outer = self.path.len();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if outer > 0 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            map.next_value_seed(Flatten { path: &mut *self.path, fields: &mut *self.fields })?;
            self.path.truncate(outer);
        }
        Ok(())
    }
}
