//! The outside shape of an event: nested ECS JSON.

use std::fmt::Write;

use crate::{Event, Field, Value};

impl Event {
    /// Appends the event as one JSON object: nested by the dots of the names, with `@timestamp`,
    /// `event.id`, `event.ingested` and `event.original`, unknown fields among the known ones.
    pub fn write_json(&self, out: &mut String) {
        let mut leaves: Vec<(&str, Value<'_>)> = self.known().map(|(f, v)| (f.name(), v)).collect();
        leaves.extend(self.extras().map(|extra| (extra.name, extra.value)));
        for field in [Field::Timestamp, Field::EventId, Field::EventIngested, Field::EventOriginal]
        {
            leaves.extend(self.get(field).map(|value| (field.name(), value)));
        }
        // Stable, so that of two values of one name the known one comes first and is the one kept.
        leaves.sort_by(|one, other| one.0.cmp(other.0));
        leaves.dedup_by(|later, earlier| later.0 == earlier.0);
        write_tree(&leaves, out);
    }

    /// Gives the event as one JSON object; see [`Event::write_json`].
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.original().len() * 2 + 256);
        self.write_json(&mut out);
        out
    }
}

/// Writes sorted leaves as nested objects. Leaves that share a prefix stand together, since they are
/// sorted; so one stack of open objects is enough. An object is kept as the place of the dot behind
/// its name.
fn write_tree(leaves: &[(&str, Value<'_>)], out: &mut String) {
    let mut open: Vec<usize> = Vec::new();
    let mut previous = "";
    out.push('{');
    let mut first = true;
    for (name, value) in leaves {
        while let Some(dot) = open.last() {
            let shared = name.as_bytes().get(..=*dot);
            if shared.is_some() && shared == previous.as_bytes().get(..=*dot) {
                break;
            }
            open.pop();
            out.push('}');
        }
        let mut rest = name.get(open.last().map_or(0, |dot| dot + 1)..).unwrap_or_default();
        while let Some((parent, tail)) = parent(leaves, name, rest) {
            separate(out, &mut first);
            write_json_string(parent, out);
            out.push_str(":{");
            first = true;
            open.push(name.len() - tail.len() - 1);
            rest = tail;
        }
        separate(out, &mut first);
        write_json_string(rest, out);
        out.push(':');
        write_value(*value, out);
        previous = name;
    }
    out.extend(open.iter().map(|_| '}'));
    out.push('}');
}

/// Splits the next object's name from the rest of a leaf's name, if there is one. Where a shorter
/// name is a leaf itself (`a` beside `a.b`), JSON cannot nest: the rest of the name then stays one
/// key.
fn parent<'n>(
    leaves: &[(&str, Value<'_>)],
    name: &str,
    rest: &'n str,
) -> Option<(&'n str, &'n str)> {
    let (parent, tail) = rest.split_once('.')?;
    let prefix = name.get(..name.len() - tail.len() - 1)?;
    let taken = leaves.binary_search_by(|(leaf, _)| (*leaf).cmp(prefix)).is_ok();
    (!taken && !parent.is_empty() && !tail.is_empty()).then_some((parent, tail))
}

fn separate(out: &mut String, first: &mut bool) {
    if !*first {
        out.push(',');
    }
    *first = false;
}

fn write_value(value: Value<'_>, out: &mut String) {
    match value {
        Value::Text(text) => write_json_string(text, out),
        Value::Json(json) => out.push_str(json),
        Value::Integer(number) => {
            // Writing to a String cannot fail, here and below.
            let _ = write!(out, "{number}");
        }
        Value::Float(number) if number.is_finite() => {
            let _ = write!(out, "{number}");
        }
        Value::Float(_) => out.push_str("null"),
        Value::Flag(flag) => out.push_str(if flag { "true" } else { "false" }),
        Value::Address(address) => {
            let _ = write!(out, "\"{address}\"");
        }
        Value::Time(time) => {
            let _ = write!(out, "\"{time}\"");
        }
        Value::List(list) => {
            out.push('[');
            let mut first = true;
            for element in list.iter() {
                separate(out, &mut first);
                write_value(element, out);
            }
            out.push(']');
        }
    }
}

/// Appends a text as a JSON string, quotes included (RFC 8259).
pub fn write_json_string(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while let Some((clean, tail)) = rest.split_at_checked(json_plain_length(rest.as_bytes())) {
        out.push_str(clean);
        let mut characters = tail.chars();
        match characters.next() {
            None => break,
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
        }
        rest = characters.as_str();
    }
    out.push('"');
}

/// Counts the bytes before the first that cannot stand in a JSON string as it is: a quote, a
/// backslash or a control character. Looks at eight bytes at a time.
pub fn json_plain_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    let mut rest = bytes;
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return length + usize::try_from(special.trailing_zeros() / 8).unwrap_or(0);
        }
        length += 8;
        rest = tail;
    }
    let plain = |byte: &&u8| !matches!(**byte, b'"' | b'\\' | 0..0x20);
    length + rest.iter().take_while(plain).count()
}

/// Marks the top bit of each byte that is a quote, a backslash or a control character. Marks above
/// the first one may be wrong, because a subtraction borrows from its neighbour; the first is right.
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & (ONES << 7);
    below(word, 0x20) | below(word ^ (ONES * 0x22), 1) | below(word ^ (ONES * 0x5C), 1)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;
    use crate::{Text, Timestamp};

    #[test]
    fn nested_with_unknown_fields_among_the_known() {
        let mut event = Event::new(Text::from("a \"line\"\t\u{1}"), Timestamp::from_seconds(0));
        event.set(Field::SourceIp, "203.0.113.9");
        event.set(Field::SourcePort, 22_u16);
        event.set_path("source.nat.kind", "full");
        event.push(Field::Tags, "one");
        event.push(Field::Tags, "two");
        expect![[r#"{"@timestamp":"1970-01-01T00:00:00.000Z","event":{"id":0,"ingested":"1970-01-01T00:00:00.000Z","original":"a \"line\"\t\u0001"},"source":{"ip":"203.0.113.9","nat":{"kind":"full"},"port":22},"tags":["one","two"]}"#]]
            .assert_eq(&event.to_json());
    }

    proptest! {
        #[test]
        fn plain_bytes_are_counted_as_one_by_one(bytes: Vec<u8>, at in 0_usize..40, byte: u8) {
            let mut bytes = bytes;
            bytes.retain(|byte| *byte >= 0x20 && !b"\"\\".contains(byte));
            bytes.insert(at.min(bytes.len()), byte);
            let slow = bytes.iter().take_while(|byte| **byte >= 0x20 && !b"\"\\".contains(byte));
            prop_assert_eq!(json_plain_length(&bytes), slow.count());
        }
    }

    #[test]
    fn a_leaf_that_is_a_prefix_of_another() {
        let mut event = Event::default();
        for name in ["a", "a.b", "a-b", "a.b.c", "c.", ".d", "e..f"] {
            event.set_path(name, true);
        }
        expect![[r#"{".d":true,"@timestamp":"1970-01-01T00:00:00.000Z","a":true,"a-b":true,"a.b":true,"a.b.c":true,"c.":true,"e":{".f":true},"event":{"id":0,"ingested":"1970-01-01T00:00:00.000Z","original":""}}"#]]
            .assert_eq(&event.to_json());
    }
}
