//! One normalised thing that happened.
//!
//! The record's text is shared with its source; a field is a small entry that points into that text,
//! or into one buffer of text that had to be made (escapes undone, names joined), or holds its
//! number or address itself. Reading or setting a field allocates nothing of its own. How the fields
//! are kept is the matter of [`fields`](crate::fields).

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use crate::fields::{EXTRA_FIELDS_MAX, Fields, Known, Slot};
use crate::schema::name_hash;
use crate::{Field, FieldKind, NameTable, SentName, Text, Timestamp, Value, ValueKind};

/// How many known fields most events have; room for them is made at once.
const KNOWN_FIELDS_USUAL: usize = 12;

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

impl Event {
    /// Gives an event that holds nothing but its record and the time of receipt.
    pub fn new(original: Text, received_at: Timestamp) -> Self {
        let known = Known::with_capacity(KNOWN_FIELDS_USUAL);
        let fields = Fields { original, known, ..Fields::default() };
        Self { id: EventId::default(), time: received_at, ingested: received_at, fields }
    }

    /// Gives an event as [`Event::new`] does, in the room of one that nobody needs any more.
    #[must_use]
    pub fn renewed(mut self, original: Text, received_at: Timestamp) -> Self {
        self.fields.renew(original);
        Self { id: EventId::default(), time: received_at, ingested: received_at, ..self }
    }

    /// Gives the record as it was received.
    pub fn original(&self) -> &str {
        &self.fields.original
    }

    /// Gives what a field holds.
    #[inline]
    pub fn get(&self, field: Field) -> Option<Value<'_>> {
        match field {
            Field::Timestamp => Some(Value::Time(self.time)),
            Field::EventIngested => Some(Value::Time(self.ingested)),
            Field::EventOriginal => Some(Value::Text(self.original())),
            Field::EventId => i64::try_from(self.id.0).ok().map(Value::Integer),
            _ => self.fields.value(self.fields.known.get(field)?),
        }
    }

    /// Gives what the field of a dotted name holds, known or not.
    pub fn get_path(&self, name: &str) -> Option<Value<'_>> {
        let known = Field::by_name(name).and_then(|field| self.get(field));
        known.or_else(|| self.get_extra(name))
    }

    /// Gives what an unknown field holds.
    pub fn get_extra(&self, name: &str) -> Option<Value<'_>> {
        let (_, slot) = self.fields.extra(name_hash(name.as_bytes()), name)?;
        self.fields.value(slot)
    }

    /// Gives the unknown fields in the order in which they came.
    pub fn extras(&self) -> impl Iterator<Item = Extra<'_>> {
        let fields = &self.fields;
        fields.extra.iter().filter_map(|(name, slot)| {
            Some(Extra { name: fields.text(name), value: fields.value(slot)? })
        })
    }

    /// Gives, for each unknown field that `names` holds, what is kept there for it, the known field
    /// of that name, if there is one, and the value.
    #[inline]
    pub fn extras_in<'e, T: Copy>(
        &'e self,
        names: &'e NameTable<T>,
    ) -> impl Iterator<Item = (T, Option<Field>, Value<'e>)> {
        let fields = &self.fields;
        fields.extra.hashed().filter_map(move |(hash, name, slot)| {
            let (kept, known) = names.get(hash, || fields.text(name))?;
            Some((kept, known, fields.value(slot)?))
        })
    }

    /// Gives the known fields that were set, in the order of their names; the time, the identity
    /// and the record itself are not among them.
    pub fn known(&self) -> impl Iterator<Item = (Field, Value<'_>)> {
        let fields = &self.fields;
        fields.known.iter().filter_map(|(field, slot)| Some((field, fields.value(slot)?)))
    }

    /// Gives the known fields that were set, as [`known`](Self::known) does, each with no more than
    /// the kind of its value.
    pub fn kinds(&self) -> impl Iterator<Item = (Field, ValueKind)> {
        self.fields.known.iter().map(|(field, slot)| (field, slot.kind()))
    }

    /// Gives the names of the unknown fields in the order in which they came.
    pub fn extra_names(&self) -> impl Iterator<Item = &str> {
        self.fields.extra.iter().map(|(name, _)| self.fields.text(name))
    }

    /// Gives a number that is the same for events that have the same fields, and hardly ever for
    /// others.
    pub fn shape(&self) -> u64 {
        self.fields.known.shape() ^ self.fields.extra.shape()
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
                Some(slot) => self.fields.known.insert(field, slot),
                None => self.set_extra(field.name(), value),
            },
        }
    }

    /// Sets a field to the text that `write` appends, converted like any other: for text that does
    /// not stand in the record as it is needed, written without a copy between.
    pub fn set_made(&mut self, field: Field, write: impl FnOnce(&mut String)) {
        match (field, self.fields.convert_made(field.kind(), write)) {
            (Field::EventOriginal | Field::EventId, _) => {}
            (Field::Timestamp, Ok(Slot::Time(time))) => self.time = time,
            (Field::EventIngested, Ok(Slot::Time(time))) => self.ingested = time,
            (_, Ok(slot)) => self.fields.known.insert(field, slot),
            (_, Err(text)) => self.put_extra(field.name(), text),
        }
    }

    /// Sets a field to several values; with one value it is the same as [`Event::set`]. Where one of
    /// them does not fit the field's kind, all are kept as an unknown field of the same name.
    pub fn set_list<'v>(&mut self, field: Field, values: impl IntoIterator<Item = Value<'v>>) {
        if is_apart(field) {
            // It has one value: of several, the first.
            return values.into_iter().take(1).for_each(|value| self.set(field, value));
        }
        let mut values = values.into_iter();
        let Some(first) = values.next() else { return };
        let Some(second) = values.next() else { return self.set(field, first) };
        let mut misfit = false;
        let mut slots = Vec::new();
        for value in [first, second].into_iter().chain(values) {
            let slot = self.fields.convert(field.kind(), value);
            misfit |= slot.is_none();
            slots.push(slot.unwrap_or_else(|| self.fields.keep(value)));
        }
        match self.fields.keep_list(&slots) {
            Some(slot) if misfit => self.put_extra(field.name(), slot),
            Some(slot) => self.fields.known.insert(field, slot),
            None => {}
        }
    }

    /// Adds a value to a field: to a list, or beside the one value that it holds.
    pub fn push<'v>(&mut self, field: Field, value: impl Into<Value<'v>>) {
        if is_apart(field) {
            return self.set(field, value);
        }
        let Some(added) = self.fields.convert(field.kind(), value.into()) else { return };
        let mut slots = match self.fields.known.get(field) {
            None => Vec::new(),
            Some(Slot::List { start, length }) => self.fields.items(start, length).to_vec(),
            Some(single) => vec![single],
        };
        slots.push(added);
        if let Some(slot) = self.fields.keep_list(&slots) {
            self.fields.known.insert(field, slot);
        }
    }

    /// Removes a field.
    pub fn remove(&mut self, field: Field) {
        self.fields.known.remove(field);
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
        let mut values = values.into_iter();
        let Some(first) = values.next() else { return };
        let Some(second) = values.next() else { return self.set_extra(name, first) };
        let all = [first, second].into_iter().chain(values);
        let slots: Vec<Slot> = all.map(|value| self.fields.keep(value)).collect();
        if let Some(slot) = self.fields.keep_list(&slots) {
            self.put_extra(name, slot);
        }
    }

    /// Sets an unknown field under its sender's name; of a name that comes twice, the last counts.
    pub fn set_extra<'v>(&mut self, name: &str, value: impl Into<Value<'v>>) {
        let slot = self.fields.keep(value.into());
        self.put_extra(name, slot);
    }

    /// The same, where the name was looked at before.
    pub fn set_sent<'v>(&mut self, name: SentName<'_>, value: impl Into<Value<'v>>) {
        let slot = self.fields.keep(value.into());
        self.put_hashed(name.hash, name.text, slot);
    }

    /// Sets an unknown field, whose name was looked at before, to the text that `write` appends.
    pub fn set_sent_made(&mut self, name: SentName<'_>, write: impl FnOnce(&mut String)) {
        let slot = self.fields.keep_made(write);
        self.put_hashed(name.hash, name.text, slot);
    }

    /// Sets an unknown field to the text that `write` appends.
    pub fn set_extra_made(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        let slot = self.fields.keep_made(write);
        self.put_extra(name, slot);
    }

    /// Sets a field of words to the text that an unknown field holds, which is not copied; tells whether
    /// it holds one.
    pub fn set_alike(&mut self, field: Field, name: &str) -> bool {
        let held = self.fields.extra(name_hash(name.as_bytes()), name);
        let text = held.map(|(_, slot)| slot).filter(|slot| slot.kind() == ValueKind::Text);
        let Some(slot) = text.filter(|_| field.kind() == FieldKind::Keyword && !is_apart(field))
        else {
            return false;
        };
        self.fields.known.insert(field, slot);
        true
    }

    /// Sets a field of words to a piece of the text that an unknown field holds, which is not copied; tells
    /// whether it holds one that has such a piece.
    pub fn set_piece(&mut self, field: Field, name: &str, piece: Range<usize>) -> bool {
        let Some((_, slot)) = self.fields.extra(name_hash(name.as_bytes()), name) else {
            return false;
        };
        let whole = self.fields.value(slot).and_then(Value::as_text);
        let there = whole.is_some_and(|text| text.get(piece.clone()).is_some());
        if !there || field.kind() != FieldKind::Keyword || is_apart(field) {
            return false;
        }
        let Some(slot) = slot.piece(piece) else { return false };
        self.fields.known.insert(field, slot);
        true
    }

    /// Makes room for so many unknown fields at once, where a format can guess how many will come.
    pub fn reserve_extras(&mut self, count: usize) {
        self.fields.extra.reserve(count.min(EXTRA_FIELDS_MAX));
    }

    fn put_extra(&mut self, name: &str, slot: Slot) {
        self.put_hashed(name_hash(name.as_bytes()), name, slot);
    }

    fn put_hashed(&mut self, hash: u32, name: &str, slot: Slot) {
        if !self.fields.set_extra(hash, name, slot) {
            let dropped = self.integer(Field::FieldsDropped).unwrap_or(0);
            self.fields.known.insert(Field::FieldsDropped, Slot::Integer(dropped + 1));
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

/// Tells whether a field is kept apart from the others, as every event has it.
fn is_apart(field: Field) -> bool {
    matches!(field, Field::Timestamp | Field::EventId | Field::EventIngested | Field::EventOriginal)
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
    use std::collections::BTreeMap;

    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;
    use crate::SCHEMA;

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
    fn text_of_an_unknown_field_is_not_copied() {
        let mut event = event("record");
        event.set_extra("method", "GET");
        event.set_extra("size", 5_i64);
        assert!(event.set_alike(Field::RequestMethod, "method"));
        assert_eq!(event.text(Field::RequestMethod), Some("GET"));
        // Neither numbers, nor what is kept apart, nor what is not there.
        assert!(!event.set_alike(Field::RequestMethod, "size"));
        assert!(!event.set_alike(Field::ResponseStatus, "method"));
        assert!(!event.set_alike(Field::EventOriginal, "method"));
        assert!(!event.set_alike(Field::RequestMethod, "none"));
        assert_eq!(event.original(), "record");

        event.set_extra("target", "/é?a");
        assert!(event.set_piece(Field::UrlPath, "target", 0..3));
        assert!(event.set_piece(Field::UrlQuery, "target", 4..5));
        assert_eq!(event.text(Field::UrlPath), Some("/é"));
        assert_eq!(event.text(Field::UrlQuery), Some("a"));
        // Neither pieces that are not there or cut a letter, nor of numbers, nor for them.
        assert!(!event.set_piece(Field::UrlPath, "target", 0..2));
        assert!(!event.set_piece(Field::UrlPath, "target", 4..6));
        assert!(!event.set_piece(Field::UrlPath, "size", 0..1));
        assert!(!event.set_piece(Field::ResponseStatus, "target", 0..1));
        assert_eq!(event.text(Field::UrlPath), Some("/é"));
    }

    #[test]
    fn value_that_does_not_fit_stays_beside() {
        let mut event = event("");
        event.set(Field::SourceIp, "not an address");
        assert_eq!(event.ip(Field::SourceIp), None);
        assert_eq!(event.get_path("source.ip"), Some(Value::Text("not an address")));
    }

    #[test]
    fn list_with_one_that_does_not_fit_stays_beside() {
        let mut event = event("");
        event.set_list(Field::SourceIp, [Value::Text("192.0.2.1"), Value::Text("nowhere")]);
        assert_eq!(event.ip(Field::SourceIp), None);
        let kept = event.get_extra("source.ip").unwrap();
        assert_eq!(kept.to_string(), "192.0.2.1, nowhere");
    }

    #[test]
    fn made_text_takes_the_kind_of_its_field() {
        let mut event = event("");
        event.set_made(Field::UserName, |out| out.push_str("ann"));
        event.set_made(Field::SourcePort, |out| out.push_str("22"));
        event.set_made(Field::SourceIp, |out| out.push_str("2001:db8::9"));
        event.set_made(Field::DestinationIp, |out| out.push_str("nowhere"));
        event.set_made(Field::Timestamp, |out| out.push_str("2026-11-21T06:58:00Z"));
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            source.ip = 2001:db8::9
            source.port = 22
            user.name = ann
            destination.ip = nowhere
        "]]
        .assert_eq(&event.to_string());
    }

    #[test]
    fn unknown_name_that_comes_twice_keeps_its_last_value() {
        let mut event = event("");
        for number in 0_i64..40 {
            event.set_extra(&format!("x.{number}"), number);
        }
        event.set_extra("x.17", "last");
        assert_eq!(event.get_extra("x.17"), Some(Value::Text("last")));
        assert_eq!(event.get_extra("x.39"), Some(Value::Integer(39)));
        assert_eq!(event.get_extra("x.40"), None);
        assert_eq!(event.extras().count(), 40);
    }

    proptest! {
        #[test]
        fn known_fields_are_kept_as_in_a_map(
            steps in prop::collection::vec((0..SCHEMA.len(), any::<bool>()), 0..80),
        ) {
            let mut event = event("");
            let mut twin = BTreeMap::new();
            for (number, (index, removed)) in steps.into_iter().enumerate() {
                let field = SCHEMA[index].field;
                if matches!(
                    field,
                    Field::Timestamp | Field::EventId | Field::EventIngested | Field::EventOriginal
                ) {
                    continue;
                }
                if removed {
                    event.remove(field);
                    twin.remove(&field);
                } else {
                    let number = i64::try_from(number).unwrap();
                    event.fields.known.insert(field, Slot::Integer(number));
                    twin.insert(field, Value::Integer(number));
                }
            }
            for row in SCHEMA.iter().filter(|row| twin.contains_key(&row.field)) {
                prop_assert_eq!(event.get(row.field), twin.get(&row.field).copied());
            }
            let kept: Vec<_> = event.known().collect();
            let expected: Vec<_> = twin.into_iter().collect();
            prop_assert_eq!(kept, expected);
        }
    }

    #[test]
    fn a_list_cannot_set_what_a_value_cannot() {
        let mut event = event("record");
        event.set_list(Field::EventId, [Value::Integer(1), Value::Integer(2)]);
        event.push(Field::EventOriginal, "other");
        event.set_list(Field::Timestamp, [Value::Text("2026-11-21T06:58:00Z")]);
        assert_eq!(event.known().count(), 0);
        assert_eq!(event.get(Field::EventOriginal), Some(Value::Text("record")));
        assert_eq!(event.time.to_string(), "2026-11-21T06:58:00.000Z");
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
