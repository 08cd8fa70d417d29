//! What a sender says in names of his own choosing (JSON keys, `key=value`, CEF extensions).
//!
//! Known names go to their fields, others are kept as they are. Some fields are ours to write, and a
//! sender who could set them would pass off a real attack as sample traffic, or one record as
//! millions: what he says under such a name is kept under [`PREFIX`] and the name.

use model::{Event, Field, SentName, Value};

/// Stands before a sender's name that is also the name of a field of ours.
const PREFIX: &str = "sender.";

/// Sets the field that the sender names.
pub(crate) fn set<'v>(event: &mut Event, name: &str, value: impl Into<Value<'v>>) {
    let sent = SentName::new(name);
    match sent.field() {
        Some(field) if !is_ours(field, name) => event.set(field, value),
        None if !is_under_ours(name) => event.set_sent(sent, value),
        _ => event.set_extra(&format!("{PREFIX}{name}"), value),
    }
}

/// Sets the field that the sender names to the text that `write` appends.
pub(crate) fn set_made(event: &mut Event, name: &str, write: impl FnOnce(&mut String)) {
    let sent = SentName::new(name);
    match sent.field() {
        Some(field) if !is_ours(field, name) => event.set_made(field, write),
        None if !is_under_ours(name) => event.set_sent_made(sent, write),
        _ => event.set_extra_made(&format!("{PREFIX}{name}"), write),
    }
}

/// Sets the field that the sender names to several values.
pub(crate) fn set_list<'v>(
    event: &mut Event,
    name: &str,
    values: impl Iterator<Item = Value<'v>> + Clone,
) {
    match Field::by_name(name) {
        Some(field) if !is_ours(field, name) => event.set_list(field, values),
        None if !is_under_ours(name) => event.set_path_list(name, values),
        _ => event.set_path_list(&format!("{PREFIX}{name}"), values),
    }
}

fn is_ours(field: Field, name: &str) -> bool {
    matches!(
        field,
        Field::EventId | Field::EventIngested | Field::EventModule | Field::EventOriginal
    ) || is_under_ours(name)
}

fn is_under_ours(name: &str) -> bool {
    name.starts_with("bartizan.")
}
