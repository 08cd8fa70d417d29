//! BSON, as much as commands are made of, with bounds on depth and on how much there is.

use std::fmt::Write as _;

use bytes::BufMut;

use crate::octets::{Octets, len32, size, text};

const DEPTH_MAX: usize = 16;
pub(super) const VALUES_MAX: usize = 20_000;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Double(f64),
    Text(String),
    Document(Document),
    Array(Vec<Value>),
    Binary(Vec<u8>),
    Id([u8; 12]),
    Bool(bool),
    /// Milliseconds since 1970.
    Date(i64),
    Null,
    Int(i32),
    Long(i64),
    /// What is passed over: its kind.
    Other(u8),
}

/// Names and values in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Document(pub(super) Vec<(String, Value)>);

impl Document {
    /// With one more.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// The value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// The text of a name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The document of a name.
    pub(super) fn document(&self, name: &str) -> Option<&Document> {
        match self.get(name)? {
            Value::Document(document) => Some(document),
            _ => None,
        }
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.0 {
            put(&mut body, name, value);
        }
        framed(&body)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Document> for Value {
    fn from(document: Document) -> Self {
        Self::Document(document)
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self::Array(values)
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 5);
    out.put_u32_le(len32(body.len() + 5));
    out.put_slice(body);
    out.put_u8(0);
    out
}

fn put(out: &mut Vec<u8>, name: &str, value: &Value) {
    let kind = match value {
        Value::Double(_) => 0x01,
        Value::Text(_) => 0x02,
        Value::Document(_) => 0x03,
        Value::Array(_) => 0x04,
        Value::Binary(_) => 0x05,
        Value::Id(_) => 0x07,
        Value::Bool(_) => 0x08,
        Value::Date(_) => 0x09,
        Value::Null | Value::Other(_) => 0x0a,
        Value::Int(_) => 0x10,
        Value::Long(_) => 0x12,
    };
    out.put_u8(kind);
    out.put_slice(name.replace('\0', "").as_bytes());
    out.put_u8(0);
    match value {
        Value::Double(number) => out.put_f64_le(*number),
        Value::Text(text) => {
            out.put_u32_le(len32(text.len() + 1));
            out.put_slice(text.as_bytes());
            out.put_u8(0);
        }
        Value::Document(document) => out.extend(document.bytes()),
        Value::Array(values) => {
            let mut body = Vec::new();
            for (index, value) in values.iter().enumerate() {
                put(&mut body, &index.to_string(), value);
            }
            out.extend(framed(&body));
        }
        Value::Binary(bytes) => {
            out.put_u32_le(len32(bytes.len()));
            out.put_u8(0);
            out.put_slice(bytes);
        }
        Value::Id(id) => out.put_slice(id),
        Value::Bool(value) => out.put_u8(u8::from(*value)),
        Value::Date(number) | Value::Long(number) => out.put_i64_le(*number),
        Value::Int(number) => out.put_i32_le(*number),
        Value::Null | Value::Other(_) => {}
    }
}

/// Reads one document from the front.
pub(super) fn read(octets: &mut Octets<'_>) -> Option<Document> {
    let mut left = VALUES_MAX;
    read_within(octets, &mut left)
}

/// Reads one of several documents of a message, which share what may be read.
pub(super) fn read_within(octets: &mut Octets<'_>, left: &mut usize) -> Option<Document> {
    document(octets, DEPTH_MAX, left)
}

fn body<'a>(octets: &mut Octets<'a>) -> Option<Octets<'a>> {
    let length = size(octets.u32_le()?).checked_sub(4)?;
    let body = octets.take(length)?;
    Some(Octets::new(body.strip_suffix(&[0])?))
}

fn document(octets: &mut Octets<'_>, depth: usize, left: &mut usize) -> Option<Document> {
    let depth = depth.checked_sub(1)?;
    let mut octets = body(octets)?;
    let mut out = Document::default();
    while !octets.is_empty() {
        *left = left.checked_sub(1)?;
        let kind = octets.byte()?;
        let name = octets.until_zero()?;
        let value = value(kind, &mut octets, depth, left)?;
        out.0.push((text(name, 512), value));
    }
    Some(out)
}

fn value(kind: u8, octets: &mut Octets<'_>, depth: usize, left: &mut usize) -> Option<Value> {
    let number = |octets: &mut Octets<'_>| octets.array().map(i64::from_le_bytes);
    Some(match kind {
        0x01 => Value::Double(f64::from_le_bytes(octets.array()?)),
        0x02 | 0x0d | 0x0e => {
            let length = size(octets.u32_le()?);
            let bytes = octets.take(length)?.strip_suffix(&[0])?;
            Value::Text(text(bytes, bytes.len()))
        }
        0x03 => Value::Document(document(octets, depth, left)?),
        0x04 => {
            let items = document(octets, depth, left)?;
            Value::Array(items.0.into_iter().map(|(_, value)| value).collect())
        }
        0x05 => {
            let length = size(octets.u32_le()?);
            octets.byte()?;
            Value::Binary(octets.take(length)?.to_vec())
        }
        0x07 => Value::Id(octets.array()?),
        0x08 => Value::Bool(octets.byte()? != 0),
        0x09 => Value::Date(number(octets)?),
        0x06 | 0x0a => Value::Null,
        0x0b => {
            octets.until_zero()?;
            octets.until_zero()?;
            Value::Other(kind)
        }
        0x10 => Value::Int(octets.array().map(i32::from_le_bytes)?),
        0x12 => Value::Long(number(octets)?),
        0x11 => {
            octets.take(8)?;
            Value::Other(kind)
        }
        0x13 => {
            octets.take(16)?;
            Value::Other(kind)
        }
        0x7f | 0xff => Value::Other(kind),
        _ => return None,
    })
}

/// A document as text to be read, of at most so many bytes.
pub(super) fn shown(document: &Document, bytes_max: usize) -> String {
    let mut out = String::new();
    put_document(&mut out, document, bytes_max);
    if out.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|end| out.is_char_boundary(*end)).unwrap_or(0);
        out.truncate(end);
        out.push('…');
    }
    out
}

fn put_document(out: &mut String, document: &Document, bytes_max: usize) {
    out.push('{');
    for (index, (name, value)) in document.0.iter().enumerate() {
        if out.len() > bytes_max {
            return;
        }
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str(name);
        out.push_str(": ");
        put_value(out, value, bytes_max);
    }
    out.push('}');
}

fn put_value(out: &mut String, value: &Value, bytes_max: usize) {
    match value {
        Value::Double(number) => out.push_str(&number.to_string()),
        Value::Text(text) => {
            let _ = write!(out, "{text:?}");
        }
        Value::Document(document) => put_document(out, document, bytes_max),
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if out.len() > bytes_max {
                    return;
                }
                if index > 0 {
                    out.push_str(", ");
                }
                put_value(out, value, bytes_max);
            }
            out.push(']');
        }
        Value::Binary(bytes) => {
            let _ = write!(out, "hex({})", crate::octets::hex(bytes.get(..64).unwrap_or(bytes)));
        }
        Value::Id(id) => {
            let _ = write!(out, "ObjectId({})", crate::octets::hex(id));
        }
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Date(number) | Value::Long(number) => out.push_str(&number.to_string()),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Null => out.push_str("null"),
        Value::Other(kind) => {
            let _ = write!(out, "kind({kind})");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let inner = Document::default().with("a", 1.5).with("b", "x").with("c", false);
        let all = Document::default()
            .with("find", "users")
            .with("filter", inner)
            .with("list", vec![Value::Int(1), Value::Null, Value::Long(9), Value::Date(7)])
            .with("raw", Value::Binary(vec![1, 2]))
            .with("_id", Value::Id([7; 12]));
        assert_eq!(read(&mut Octets::new(&all.bytes())), Some(all.clone()));
        assert_eq!(
            shown(&all, 300),
            "{find: \"users\", filter: {a: 1.5, b: \"x\", c: false}, list: [1, null, 9, 7], \
             raw: hex(0102), _id: ObjectId(070707070707070707070707)}"
        );
        assert!(shown(&all, 10).len() < 16);
    }

    #[test]
    fn what_lies_too_deep_is_refused() {
        let mut deep = Document::default();
        for _ in 0..=DEPTH_MAX {
            deep = Document::default().with("d", deep);
        }
        assert_eq!(read(&mut Octets::new(&deep.bytes())), None);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut framed = len32(bytes.len() + 5).to_le_bytes().to_vec();
            framed.extend(&bytes);
            framed.push(0);
            if let Some(document) = read(&mut Octets::new(&framed)) {
                let _ = shown(&document, 50);
            }
        }
    }
}
