//! The binary shape of an event, for the write-ahead log: little-endian, every length before its
//! bytes.
//!
//! Fields are written by their place in the schema, which may change with the version; whoever keeps
//! such bytes keeps [`FieldNames::current`] beside them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::fields::{Fields, Slot, Span};
use crate::schema::name_hash;
use crate::{Event, EventId, Field, SCHEMA, Text, Timestamp};

/// The bytes are not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError;

/// Which field each number stood for when the bytes were written.
#[derive(Clone, Debug)]
pub struct FieldNames(Vec<(String, Option<Field>)>);

impl FieldNames {
    /// Gives the names of this version's fields, one a line, in the order of their numbers.
    pub fn current() -> String {
        SCHEMA.iter().map(|row| row.name).collect::<Vec<_>>().join("\n")
    }

    /// Reads the names that were kept.
    pub fn parse(kept: &str) -> Self {
        Self(kept.lines().map(|name| (name.to_owned(), Field::by_name(name))).collect())
    }
}

impl Event {
    /// Appends the event's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fields = &self.fields;
        out.extend_from_slice(&self.id.0.to_le_bytes());
        out.extend_from_slice(&self.time.nanos().to_le_bytes());
        out.extend_from_slice(&self.ingested.nanos().to_le_bytes());
        put_text(&fields.original, out);
        put_text(&fields.made, out);
        put_length(fields.known.len(), out);
        for (field, slot) in fields.known.iter() {
            out.extend_from_slice(&field.index().to_le_bytes());
            put_slot(slot, out);
        }
        put_length(fields.extra.len(), out);
        for (name, slot) in fields.extra.iter() {
            out.push(u8::from(name.made));
            put_pair(name.start, name.length, out);
            put_slot(slot, out);
        }
        put_length(fields.items.len(), out);
        for slot in &fields.items {
            put_slot(*slot, out);
        }
        put_length(fields.wide.len(), out);
        for address in &fields.wide {
            out.extend_from_slice(&address.octets());
        }
    }

    /// Reads an event from the front of `bytes` and moves past it.
    pub fn decode(bytes: &mut &[u8], names: &FieldNames) -> Result<Self, DecodeError> {
        let id = EventId(u64::from_le_bytes(take(bytes)?));
        let time = Timestamp::from_nanos(i64::from_le_bytes(take(bytes)?));
        let ingested = Timestamp::from_nanos(i64::from_le_bytes(take(bytes)?));
        let original = Text::from(take_text(bytes)?);
        let made = take_text(bytes)?.to_owned();
        let mut fields = Fields { original, made, ..Fields::default() };
        let mut unknown = Vec::new();
        for _ in 0..take_length(bytes)? {
            let index = usize::from(u16::from_le_bytes(take(bytes)?));
            let slot = take_slot(bytes)?;
            match names.0.get(index).ok_or(DecodeError)? {
                (_, Some(field)) => fields.known.insert(*field, slot),
                (name, None) => unknown.push((name, slot)),
            }
        }
        let mut extra = Vec::new();
        for _ in 0..take_length(bytes)? {
            let [made] = take(bytes)?;
            let (start, length) = take_pair(bytes)?;
            let slot = take_slot(bytes)?;
            extra.push((Span { made: made != 0, start, length }, slot));
        }
        for _ in 0..take_length(bytes)? {
            let slot = take_slot(bytes)?;
            fields.items.push(slot);
        }
        for _ in 0..take_length(bytes)? {
            fields.wide.push(Ipv6Addr::from(take::<16>(bytes)?));
        }
        for (name, slot) in extra {
            let hash = name_hash(fields.text(name).as_bytes());
            fields.extra.push(hash, name, slot);
        }
        for (name, slot) in unknown {
            let hash = name_hash(name.as_bytes());
            let name = fields.make(name);
            fields.extra.push(hash, name, slot);
        }
        Ok(Self { id, time, ingested, fields })
    }
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn put_pair(start: u32, length: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
}

fn put_slot(slot: Slot, out: &mut Vec<u8>) {
    let (tag, payload) = match slot {
        Slot::Original { start, length } => (0, pair(start, length)),
        Slot::Made { start, length } => (1, pair(start, length)),
        Slot::MadeJson { start, length } => (2, pair(start, length)),
        Slot::List { start, length } => (3, pair(start, length)),
        Slot::Integer(number) => (4, number.to_le_bytes()),
        Slot::Float(number) => (5, number.to_le_bytes()),
        Slot::Flag(flag) => (6, u64::from(flag).to_le_bytes()),
        Slot::V4(address) => (7, u64::from(address.to_bits()).to_le_bytes()),
        Slot::V6(index) => (8, u64::from(index).to_le_bytes()),
        Slot::Time(time) => (9, time.nanos().to_le_bytes()),
        Slot::OriginalJson { start, length } => (10, pair(start, length)),
    };
    out.push(tag);
    out.extend_from_slice(&payload);
}

fn pair(start: u32, length: u32) -> [u8; 8] {
    (u64::from(start) << 32 | u64::from(length)).to_le_bytes()
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], DecodeError> {
    let (taken, rest) = bytes.split_first_chunk::<N>().ok_or(DecodeError)?;
    *bytes = rest;
    Ok(*taken)
}

fn take_length(bytes: &mut &[u8]) -> Result<usize, DecodeError> {
    usize::try_from(u32::from_le_bytes(take(bytes)?)).map_err(|_| DecodeError)
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, DecodeError> {
    let length = take_length(bytes)?;
    let (text, rest) = bytes.split_at_checked(length).ok_or(DecodeError)?;
    *bytes = rest;
    std::str::from_utf8(text).map_err(|_| DecodeError)
}

fn take_pair(bytes: &mut &[u8]) -> Result<(u32, u32), DecodeError> {
    Ok((u32::from_le_bytes(take(bytes)?), u32::from_le_bytes(take(bytes)?)))
}

fn take_slot(bytes: &mut &[u8]) -> Result<Slot, DecodeError> {
    let [tag] = take(bytes)?;
    let payload: [u8; 8] = take(bytes)?;
    let number = u64::from_le_bytes(payload);
    let low = || u32::try_from(number & u64::from(u32::MAX)).map_err(|_| DecodeError);
    let high = || u32::try_from(number >> 32).map_err(|_| DecodeError);
    Ok(match tag {
        0 => Slot::Original { start: high()?, length: low()? },
        1 => Slot::Made { start: high()?, length: low()? },
        2 => Slot::MadeJson { start: high()?, length: low()? },
        3 => Slot::List { start: high()?, length: low()? },
        4 => Slot::Integer(i64::from_le_bytes(payload)),
        5 => Slot::Float(f64::from_le_bytes(payload)),
        6 => Slot::Flag(number != 0),
        7 => Slot::V4(Ipv4Addr::from_bits(low()?)),
        8 => Slot::V6(low()?),
        9 => Slot::Time(Timestamp::from_nanos(i64::from_le_bytes(payload))),
        10 => Slot::OriginalJson { start: high()?, length: low()? },
        _ => return Err(DecodeError),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Value;

    fn sample() -> Event {
        let text = Text::from("Failed password for root from 2001:db8::9");
        let mut event = Event::new(text.clone(), Timestamp::from_seconds(5));
        event.id = EventId(77);
        event.set(Field::UserName, &text[20..24]);
        event.set(Field::SourceIp, "2001:db8::9");
        event.set(Field::DestinationIp, "192.0.2.1");
        event.set(Field::InspectionScore, 0.5);
        event.set(Field::Simulated, true);
        event.set_list(Field::Tags, [Value::Text("a"), Value::Text("b")]);
        event.set_path("x.y", Value::Json("[{}]"));
        event
    }

    #[test]
    fn written_and_read_again() {
        let event = sample();
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        let names = FieldNames::parse(&FieldNames::current());
        let mut rest = bytes.as_slice();
        let read = Event::decode(&mut rest, &names).unwrap();
        assert!(rest.is_empty());
        assert_eq!(read.to_json(), event.to_json());
    }

    #[test]
    fn field_that_is_no_longer_known() {
        let event = sample();
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        let names = FieldNames::parse(&FieldNames::current().replace("user.name", "old.name"));
        let read = Event::decode(&mut bytes.as_slice(), &names).unwrap();
        assert_eq!(read.text(Field::UserName), None);
        assert_eq!(read.get_path("old.name"), Some(Value::Text("root")));
    }

    proptest! {
        #[test]
        fn damaged_bytes_are_survived(at in 0_usize..400, byte: u8, cut in 0_usize..400) {
            let mut bytes = Vec::new();
            sample().encode(&mut bytes);
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(cut.max(1));
            let names = FieldNames::parse(&FieldNames::current());
            if let Ok(event) = Event::decode(&mut bytes.as_slice(), &names) {
                let _ = event.to_json();
            }
        }
    }
}
