//! One normalised thing that happened.
//!
//! The record's text is shared with its source; a field is a small entry that points into that text,
//! or into one buffer of text that had to be made (escapes undone, names joined), or holds its
//! number or address itself. Reading or setting a field allocates nothing of its own.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::text::usize_of;
use crate::{Field, FieldKind, List, Text, Timestamp, Value};

/// Bounds the unknown fields of one event; what is past it stands in `event.original` only and is
/// counted in `bartizan.fields_dropped`.
const EXTRA_FIELDS_MAX: usize = 1_000;

/// The identity of an event in one installation: ascending in the order of arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u64);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One normalised thing that happened; never changed once it has passed enrichment.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// Its identity, given by the line.
    pub id: EventId,
    /// When it happened; the time of receipt until a format finds a better one.
    pub time: Timestamp,
    /// When its record was received.
    pub ingested: Timestamp,
    pub(crate) fields: Fields,
}

/// A field that the schema does not know, kept under the name that the sender gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extra<'a> {
    /// The dotted name.
    pub name: &'a str,
    /// What it holds.
    pub value: Value<'a>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) original: Text,
    /// Text that does not stand in the record as it is needed.
    pub(crate) made: String,
    /// In the order of the schema.
    pub(crate) known: Vec<(Field, Slot)>,
    /// In the order of arrival.
    pub(crate) extra: Vec<(Span, Slot)>,
    /// The elements of lists.
    pub(crate) items: Vec<Slot>,
    /// IPv6 addresses, which would make every slot wider.
    pub(crate) wide: Vec<Ipv6Addr>,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) made: bool,
    pub(crate) start: u32,
    pub(crate) length: u32,
}

/// A value as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    Original { start: u32, length: u32 },
    Made { start: u32, length: u32 },
    Json { start: u32, length: u32 },
    List { start: u32, length: u32 },
    Integer(i64),
    Float(f64),
    Flag(bool),
    V4(Ipv4Addr),
    V6(u32),
    Time(Timestamp),
}

impl Event {
    /// Gives an event that holds nothing but its record and the time of receipt.
    pub fn new(original: Text, received_at: Timestamp) -> Self {
        let fields = Fields { original, known: Vec::with_capacity(16), ..Fields::default() };
        Self { id: EventId::default(), time: received_at, ingested: received_at, fields }
    }

    /// Gives the record as it was received.
    pub fn original(&self) -> &str {
        &self.fields.original
    }

    /// Gives what a field holds.
    pub fn get(&self, field: Field) -> Option<Value<'_>> {
        match field {
            Field::Timestamp => Some(Value::Time(self.time)),
            Field::EventIngested => Some(Value::Time(self.ingested)),
            Field::EventOriginal => Some(Value::Text(self.original())),
            Field::EventId => i64::try_from(self.id.0).ok().map(Value::Integer),
            _ => self.fields.value(self.fields.slot(field)?),
        }
    }

    /// Gives what the field of a dotted name holds, known or not.
    pub fn get_path(&self, name: &str) -> Option<Value<'_>> {
        let known = Field::by_name(name).and_then(|field| self.get(field));
        known.or_else(|| self.get_extra(name))
    }

    /// Gives what an unknown field holds.
    pub fn get_extra(&self, name: &str) -> Option<Value<'_>> {
        self.extras().find(|extra| extra.name == name).map(|extra| extra.value)
    }

    /// Gives the unknown fields in the order in which they came.
    pub fn extras(&self) -> impl Iterator<Item = Extra<'_>> {
        let fields = &self.fields;
        fields.extra.iter().filter_map(|(name, slot)| {
            Some(Extra { name: fields.text(*name), value: fields.value(*slot)? })
        })
    }

    /// Gives the known fields that were set, in the order of their names; the time, the identity
    /// and the record itself are not among them.
    pub fn known(&self) -> impl Iterator<Item = (Field, Value<'_>)> {
        let fields = &self.fields;
        fields.known.iter().filter_map(|(field, slot)| Some((*field, fields.value(*slot)?)))
    }

    /// Gives the text of a text field.
    pub fn text(&self, field: Field) -> Option<&str> {
        self.get(field)?.as_text()
    }

    /// Gives the number of a whole-number field.
    pub fn integer(&self, field: Field) -> Option<i64> {
        match self.get(field)? {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// Gives the address of an address field; of several, the first.
    pub fn ip(&self, field: Field) -> Option<IpAddr> {
        self.get(field)?.each().find_map(|value| match value {
            Value::Address(address) => Some(address),
            _ => None,
        })
    }

    /// Gives the number of a port field.
    pub fn port(&self, field: Field) -> Option<u16> {
        u16::try_from(self.integer(field)?).ok()
    }

    /// Gives for how many happenings the event stands; one, unless the sender says otherwise.
    pub fn repeat(&self) -> u64 {
        self.integer(Field::Repeat).and_then(|count| u64::try_from(count).ok()).unwrap_or(1).max(1)
    }

    /// Sets a field, converting the value to the field's kind. A value that cannot be converted is
    /// kept as an unknown field of the same name. The record and the identity cannot be set.
    pub fn set<'v>(&mut self, field: Field, value: impl Into<Value<'v>>) {
        let value = value.into();
        match field {
            Field::EventOriginal | Field::EventId => {}
            Field::Timestamp | Field::EventIngested => self.set_moment(field, value),
            _ => match self.fields.convert(field.kind(), value) {
                Some(slot) => self.fields.insert(field, slot),
                None => self.set_extra(field.name(), value),
            },
        }
    }

    /// Sets a field to several values; with one value it is the same as [`Event::set`].
    pub fn set_list<'v>(&mut self, field: Field, values: impl IntoIterator<Item = Value<'v>>) {
        let slots: Vec<Slot> = values
            .into_iter()
            .filter_map(|value| self.fields.convert(field.kind(), value))
            .collect();
        if let Some(slot) = self.fields.keep_list(&slots) {
            self.fields.insert(field, slot);
        }
    }

    /// Adds a value to a field: to a list, or beside the one value that it holds.
    pub fn push<'v>(&mut self, field: Field, value: impl Into<Value<'v>>) {
        let Some(added) = self.fields.convert(field.kind(), value.into()) else { return };
        let mut slots = match self.fields.slot(field) {
            None => Vec::new(),
            Some(Slot::List { start, length }) => self.fields.items(start, length).to_vec(),
            Some(single) => vec![single],
        };
        slots.push(added);
        if let Some(slot) = self.fields.keep_list(&slots) {
            self.fields.insert(field, slot);
        }
    }

    /// Removes a field.
    pub fn remove(&mut self, field: Field) {
        self.fields.known.retain(|(known, _)| *known != field);
    }

    /// Sets the field of a dotted name, known or not.
    pub fn set_path<'v>(&mut self, name: &str, value: impl Into<Value<'v>>) {
        match Field::by_name(name) {
            Some(field) => self.set(field, value),
            None => self.set_extra(name, value),
        }
    }

    /// Sets the field of a dotted name, known or not, to several values.
    pub fn set_path_list<'v>(&mut self, name: &str, values: impl IntoIterator<Item = Value<'v>>) {
        if let Some(field) = Field::by_name(name) {
            return self.set_list(field, values);
        }
        let slots: Vec<Slot> = values.into_iter().map(|value| self.fields.keep(value)).collect();
        if let Some(slot) = self.fields.keep_list(&slots) {
            self.add_extra(name, slot);
        }
    }

    /// Adds an unknown field under its sender's name.
    pub fn set_extra<'v>(&mut self, name: &str, value: impl Into<Value<'v>>) {
        let slot = self.fields.keep(value.into());
        self.add_extra(name, slot);
    }

    fn add_extra(&mut self, name: &str, slot: Slot) {
        if self.fields.extra.len() < EXTRA_FIELDS_MAX {
            let name = self.fields.keep_text(name);
            self.fields.extra.push((name, slot));
        } else {
            let dropped = self.integer(Field::FieldsDropped).unwrap_or(0);
            self.fields.insert(Field::FieldsDropped, Slot::Integer(dropped + 1));
        }
    }

    fn set_moment(&mut self, field: Field, value: Value<'_>) {
        match self.fields.convert(FieldKind::Date, value) {
            Some(Slot::Time(time)) if field == Field::Timestamp => self.time = time,
            Some(Slot::Time(time)) => self.ingested = time,
            _ => self.set_extra(field.name(), value),
        }
    }
}

impl Fields {
    pub(crate) fn text(&self, span: Span) -> &str {
        let Span { made, start, length } = span;
        let range = usize_of(start)..usize_of(start).saturating_add(usize_of(length));
        let whole = if made { self.made.as_str() } else { self.original.as_str() };
        whole.get(range).unwrap_or_default()
    }

    pub(crate) fn value(&self, slot: Slot) -> Option<Value<'_>> {
        Some(match slot {
            Slot::Original { start, length } => {
                Value::Text(self.text(Span { made: false, start, length }))
            }
            Slot::Made { start, length } => {
                Value::Text(self.text(Span { made: true, start, length }))
            }
            Slot::Json { start, length } => {
                Value::Json(self.text(Span { made: true, start, length }))
            }
            Slot::List { start, length } => {
                Value::List(List { fields: self, items: self.items(start, length) })
            }
            Slot::Integer(number) => Value::Integer(number),
            Slot::Float(number) => Value::Float(number),
            Slot::Flag(flag) => Value::Flag(flag),
            Slot::V4(address) => Value::Address(IpAddr::V4(address)),
            Slot::V6(index) => Value::Address(IpAddr::V6(*self.wide.get(usize_of(index))?)),
            Slot::Time(time) => Value::Time(time),
        })
    }

    fn items(&self, start: u32, length: u32) -> &[Slot] {
        let range = usize_of(start)..usize_of(start).saturating_add(usize_of(length));
        self.items.get(range).unwrap_or_default()
    }

    fn slot(&self, field: Field) -> Option<Slot> {
        self.known.iter().find(|(known, _)| *known == field).map(|(_, slot)| *slot)
    }

    fn insert(&mut self, field: Field, slot: Slot) {
        match self.known.binary_search_by_key(&field, |(known, _)| *known) {
            Ok(at) => {
                if let Some(entry) = self.known.get_mut(at) {
                    entry.1 = slot;
                }
            }
            Err(at) => self.known.insert(at, (field, slot)),
        }
    }

    /// Converts a value to a field's kind and keeps it, or gives `None` where it does not fit.
    fn convert(&mut self, kind: FieldKind, value: Value<'_>) -> Option<Slot> {
        if let Value::List(list) = value {
            let slots: Option<Vec<Slot>> =
                list.iter().map(|element| self.convert(kind, element)).collect();
            return self.keep_list(&slots?);
        }
        let fitting = match (kind, value) {
            (FieldKind::Keyword, Value::Text(_))
            | (FieldKind::Long, Value::Integer(_))
            | (FieldKind::Float, Value::Float(_))
            | (FieldKind::Flag, Value::Flag(_))
            | (FieldKind::Ip, Value::Address(_))
            | (FieldKind::Date, Value::Time(_)) => value,
            (FieldKind::Keyword, Value::Json(_)) => return None,
            (FieldKind::Keyword, other) => return Some(self.keep_display(other)),
            (FieldKind::Long, Value::Text(text)) => Value::Integer(text.trim().parse().ok()?),
            (FieldKind::Float, Value::Text(text)) => Value::Float(finite(text.trim())?),
            (FieldKind::Float, Value::Integer(number)) => {
                Value::Float(f64::from(i32::try_from(number).ok()?))
            }
            (FieldKind::Flag, Value::Text("true")) => Value::Flag(true),
            (FieldKind::Flag, Value::Text("false")) => Value::Flag(false),
            (FieldKind::Ip, Value::Text(text)) => Value::Address(text.parse().ok()?),
            (FieldKind::Date, Value::Text(text)) => Value::Time(Timestamp::parse(text)?),
            _ => return None,
        };
        Some(self.keep(fitting))
    }

    fn keep(&mut self, value: Value<'_>) -> Slot {
        match value {
            Value::Text(text) => {
                let Span { made, start, length } = self.keep_text(text);
                if made { Slot::Made { start, length } } else { Slot::Original { start, length } }
            }
            Value::Json(text) => {
                let Span { start, length, .. } = self.make(text);
                Slot::Json { start, length }
            }
            Value::List(list) => {
                let slots: Vec<Slot> = list.iter().map(|element| self.keep(element)).collect();
                self.keep_list(&slots).unwrap_or(Slot::List { start: 0, length: 0 })
            }
            Value::Integer(number) => Slot::Integer(number),
            Value::Float(number) => Slot::Float(number),
            Value::Flag(flag) => Slot::Flag(flag),
            Value::Address(IpAddr::V4(address)) => Slot::V4(address),
            Value::Address(IpAddr::V6(address)) => {
                self.wide.push(address);
                Slot::V6(u32::try_from(self.wide.len() - 1).unwrap_or(u32::MAX))
            }
            Value::Time(time) => Slot::Time(time),
        }
    }

    /// Finds a text within the record, or makes a copy of it.
    fn keep_text(&mut self, text: &str) -> Span {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        match self.original.offset_of(text) {
            Some(start) => Span { made: false, start, length },
            None => self.make(text),
        }
    }

    pub(crate) fn make(&mut self, text: &str) -> Span {
        let start = u32::try_from(self.made.len()).unwrap_or(u32::MAX);
        self.made.push_str(text);
        Span { made: true, start, length: u32::try_from(text.len()).unwrap_or(u32::MAX) }
    }

    fn keep_display(&mut self, value: Value<'_>) -> Slot {
        use fmt::Write;
        let before = self.made.len();
        // Writing to a String cannot fail.
        let _ = write!(self.made, "{value}");
        let length = self.made.len() - before;
        Slot::Made {
            start: u32::try_from(before).unwrap_or(u32::MAX),
            length: u32::try_from(length).unwrap_or(u32::MAX),
        }
    }

    fn keep_list(&mut self, slots: &[Slot]) -> Option<Slot> {
        match slots {
            [] => None,
            [single] => Some(*single),
            several => {
                let start = u32::try_from(self.items.len()).ok()?;
                self.items.extend_from_slice(several);
                Some(Slot::List { start, length: u32::try_from(several.len()).ok()? })
            }
        }
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// One `name = value` a line, known fields first; the time only where it is not that of receipt.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.time != self.ingested {
            writeln!(f, "@timestamp = {}", self.time)?;
        }
        for (field, value) in self.known() {
            writeln!(f, "{} = {value}", field.name())?;
        }
        for extra in self.extras() {
            writeln!(f, "{} = {}", extra.name, extra.value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn event(text: &str) -> Event {
        Event::new(Text::from(text), Timestamp::from_seconds(0))
    }

    #[test]
    fn text_of_the_record_is_not_copied() {
        let text = Text::from("user root from 203.0.113.9");
        let mut event = Event::new(text.clone(), Timestamp::default());
        event.set(Field::UserName, &text[5..9]);
        assert_eq!(event.text(Field::UserName), Some("root"));
        assert!(event.fields.made.is_empty());
        event.set(Field::UserName, "made up");
        assert_eq!(event.text(Field::UserName), Some("made up"));
    }

    #[test]
    fn values_take_the_kind_of_their_field() {
        let mut event = event("");
        event.set(Field::SourceIp, "2001:db8::1");
        event.set(Field::SourcePort, "443");
        event.set(Field::UserId, 0_u16);
        event.set(Field::InspectionScore, 1_i64);
        event.set(Field::Timestamp, "2026-11-21T06:58:00Z");
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            bartizan.inspection.score = 1
            source.ip = 2001:db8::1
            source.port = 443
            user.id = 0
        "]]
        .assert_eq(&event.to_string());
    }

    #[test]
    fn value_that_does_not_fit_stays_beside() {
        let mut event = event("");
        event.set(Field::SourceIp, "not an address");
        assert_eq!(event.ip(Field::SourceIp), None);
        assert_eq!(event.get_path("source.ip"), Some(Value::Text("not an address")));
    }

    #[test]
    fn lists_grow() {
        let mut event = event("");
        event.push(Field::Tags, "one");
        assert_eq!(event.get(Field::Tags), Some(Value::Text("one")));
        event.push(Field::Tags, "two");
        event.push(Field::Tags, "three");
        let tags: Vec<String> =
            event.get(Field::Tags).unwrap().each().map(|tag| tag.to_string()).collect();
        assert_eq!(tags, ["one", "two", "three"]);
    }

    #[test]
    fn too_many_unknown_fields_are_counted() {
        let mut event = event("");
        for number in 0..EXTRA_FIELDS_MAX + 3 {
            event.set_path(&format!("x.{number}"), 1_i64);
        }
        assert_eq!(event.extras().count(), EXTRA_FIELDS_MAX);
        assert_eq!(event.integer(Field::FieldsDropped), Some(3));
    }
}
