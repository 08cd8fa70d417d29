//! A JSON object to the fields of an event.
//!
//! Read by the standard (RFC 8259) straight into the event, without a tree between: a string without
//! escapes is a piece of the record. Nested names are joined by dots; an array of plain values is a
//! list; an array that holds objects or arrays is kept as its JSON text. A name that comes twice
//! keeps its last value. Null says nothing, as in the Elastic Common Schema.

mod scanner;

use model::{Event, Field, SentName, Value};

use self::scanner::{Piece, Scanner, deeper};
use crate::{ParseError, claim};

/// How long a field is about, name and value; room for so many is made at once.
const BYTES_A_FIELD: usize = 64;
const EXTRAS_USUAL_MAX: usize = 48;

/// Whose words an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// A sender's, who may not set the fields that are ours to write.
    Sender,
    /// Those of a sensor of this product.
    Ours,
}

/// Reads the one object that `text` is.
pub(crate) fn read(text: &str, event: &mut Event, whose: Whose) -> Result<(), ParseError> {
    event.reserve_extras((text.len() / BYTES_A_FIELD).min(EXTRAS_USUAL_MAX));
    let mut reader = Reader { scanner: Scanner::new(text), event, whose, path: String::new() };
    reader.object(0)?;
    reader.scanner.end()
}

impl Whose {
    fn set<'v>(self, event: &mut Event, name: &str, value: impl Into<Value<'v>>) {
        if self == Self::Sender {
            return claim::set(event, name, value);
        }
        match Field::by_name(name) {
            Some(field) => event.set(field, value),
            None => event.set_sent(SentName::new(name), value),
        }
    }

    fn set_made(self, event: &mut Event, name: &str, write: impl FnOnce(&mut String)) {
        if self == Self::Sender {
            return claim::set_made(event, name, write);
        }
        let sent = SentName::new(name);
        match sent.field() {
            Some(field) => event.set_made(field, write),
            None => event.set_sent_made(sent, write),
        }
    }

    fn set_list<'v>(
        self,
        event: &mut Event,
        name: &str,
        values: impl Iterator<Item = Value<'v>> + Clone,
    ) {
        if self == Self::Sender {
            return claim::set_list(event, name, values);
        }
        match Field::by_name(name) {
            Some(field) => event.set_list(field, values),
            None => event.set_path_list(name, values),
        }
    }
}

struct Reader<'t, 'e> {
    scanner: Scanner<'t>,
    event: &'e mut Event,
    whose: Whose,
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
                Piece::Plain(text) => self.whose.set(self.event, name, Value::Text(text)),
                Piece::Escaped(start) => {
                    let mut read = Ok(());
                    self.whose.set_made(self.event, name, |out| {
                        out.push_str(start);
                        read = self.scanner.unescape(out);
                    });
                    return read;
                }
            },
            Some(b'[') => return self.array(name, depth + 1),
            _ => {
                if let Some(value) = self.scanner.scalar()? {
                    self.whose.set(self.event, name, value);
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
            self.whose.set_list(self.event, name, elements.values());
            return Ok(());
        }
        let json = self.scanner.since(start);
        if json.contains(['\n', '\r']) {
            // Outside of strings they are mere space, and inside they cannot stand: so the event
            // stays one line when it is written out.
            self.whose.set(self.event, name, Value::Json(&json.replace(['\n', '\r'], " ")));
        } else {
            self.whose.set(self.event, name, Value::Json(json));
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
