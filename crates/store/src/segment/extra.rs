//! The `extra` column: unknown fields as one JSON object, in the order in which they came.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::{self, Write};

use model::{Event, Field, Value, write_json_string};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::layout::{TEXT_TYPE, data_type};

/// Appends one member to the object that begins in `out`.
pub(super) fn put(name: &str, value: Value<'_>, out: &mut String) {
    out.push(if out.is_empty() { '{' } else { ',' });
    write_json_string(name, out);
    out.push(':');
    put_value(value, out);
}

/// Appends a value. A float keeps its point, so that it comes back as a float.
pub(super) fn put_value(value: Value<'_>, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Text(text) => {
            write_json_string(text, out);
            Ok(())
        }
        Value::Json(text) => {
            if let Ok(raw) = serde_json::from_str::<&RawValue>(text) {
                out.push_str(raw.get());
            } else {
                write_json_string(text, out);
            }
            Ok(())
        }
        Value::Integer(number) => write!(out, "{number}"),
        Value::Float(number) if number.is_finite() => write!(out, "{number:?}"),
        Value::Float(_) => out.write_str("null"),
        Value::Flag(flag) => write!(out, "{flag}"),
        Value::Address(address) => write!(out, "\"{address}\""),
        Value::Time(time) => write!(out, "\"{time}\""),
        Value::List(list) => {
            out.push('[');
            for (index, element) in list.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                put_value(element, out);
            }
            out.write_str("]")
        }
    };
}

/// The members of a JSON object in their order, repeated names and all.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// Sets the members of the object as fields of the event. `lists` names known fields of which the
/// object holds the several values.
pub(super) fn restore(object: &str, lists: &str, event: &mut Event) {
    let Ok(members) = serde_json::from_str::<Members<'_>>(object) else {
        // Only a damaged file gets here, past the checksum of its page; show what there is.
        event.set_extra("extra", object);
        return;
    };
    for (name, raw) in members.0 {
        let known = Field::by_name(&name).filter(|field| {
            data_type(*field) != TEXT_TYPE && lists.split(',').any(|list| list == name)
        });
        restore_member(&name, known, raw.get(), event);
    }
}

fn restore_member(name: &str, known: Option<Field>, raw: &str, event: &mut Event) {
    if !raw.starts_with('[') {
        return with_scalar(raw, |value| event.set_extra(name, value));
    }
    let elements: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
    let flat = elements.len() > 1 && elements.iter().all(|one| !one.get().starts_with(['[', '{']));
    let has_column = known.is_none() && Field::by_name(name).is_some();
    if !flat || has_column {
        return event.set_extra(name, Value::Json(raw));
    }
    let texts: Vec<Scalar<'_>> = elements.iter().map(|one| scalar(one.get())).collect();
    let values = texts.iter().map(Scalar::value);
    match known {
        Some(field) => event.set_list(field, values),
        None => event.set_path_list(name, values),
    }
}

enum Scalar<'a> {
    Text(Cow<'a, str>),
    Other(Value<'a>),
}

impl Scalar<'_> {
    fn value(&self) -> Value<'_> {
        match self {
            Scalar::Text(text) => Value::Text(text),
            Scalar::Other(value) => *value,
        }
    }
}

fn with_scalar(raw: &str, take: impl FnOnce(Value<'_>)) {
    take(scalar(raw).value());
}

fn scalar(raw: &str) -> Scalar<'_> {
    if raw.starts_with('"') {
        return match serde_json::from_str::<Borrowed<'_>>(raw) {
            Ok(text) => Scalar::Text(text.0),
            Err(_) => Scalar::Other(Value::Json(raw)),
        };
    }
    Scalar::Other(match raw {
        "true" => Value::Flag(true),
        "false" => Value::Flag(false),
        _ => number(raw).unwrap_or(Value::Json(raw)),
    })
}

fn number(raw: &str) -> Option<Value<'_>> {
    let integer = raw.parse().ok().map(Value::Integer);
    integer.or_else(|| raw.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float))
}

/// Gives every value of the object to `each`, with the name of its member; of a list both the whole,
/// as JSON, and the elements.
pub(crate) fn each_value(object: &str, each: &mut dyn FnMut(&str, Value<'_>)) {
    let Ok(members) = serde_json::from_str::<Members<'_>>(object) else {
        return each("extra", Value::Text(object));
    };
    for (name, raw) in members.0 {
        if !raw.get().starts_with('[') {
            with_scalar(raw.get(), |value| each(&name, value));
            continue;
        }
        each(&name, Value::Json(raw.get()));
        let elements: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
        for element in elements {
            with_scalar(element.get(), |value| each(&name, value));
        }
    }
}

/// Gives the name of every member of the object, each once.
pub(super) fn names_in(object: &str) -> BTreeSet<String> {
    let members = serde_json::from_str::<Members<'_>>(object);
    members.map_or_else(
        |_| BTreeSet::from(["extra".to_owned()]),
        |members| members.0.into_iter().map(|(name, _)| name.into_owned()).collect(),
    )
}

/// Gives a member of the object as text: what a person reads, without quotes.
pub(crate) fn field_of<'a>(object: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let members = serde_json::from_str::<Members<'a>>(object).ok()?;
    let (_, raw) = members.0.into_iter().find(|(member, _)| member == name)?;
    match raw.get() {
        "null" => None,
        text if text.starts_with('"') => {
            serde_json::from_str::<Borrowed<'a>>(text).ok().map(|text| text.0)
        }
        other => Some(Cow::Borrowed(other)),
    }
}

/// A JSON string that is borrowed where it holds no escapes.
pub(super) struct Borrowed<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Borrowed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Borrowed<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Borrowed(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Borrowed(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<Borrowed<'de>, &RawValue>()? {
                    members.push((name.0, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
