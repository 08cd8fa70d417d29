//! How an event keeps its fields.
//!
//! A known field costs one slot and one bit; asking for one that is not there looks at the bit alone.
//! Unknown fields stand beside, found by the hash of their name, so that they cost the known ones
//! nothing.

mod extras;
mod known;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

pub(crate) use self::extras::Extras;
pub(crate) use self::known::Known;
use crate::text::usize_of;
use crate::{FieldKind, List, Text, Timestamp, Value, ValueKind};

/// Bounds the unknown fields of one event; what is past it stands in `event.original` only and is
/// counted in `bartizan.fields_dropped`.
pub(crate) const EXTRA_FIELDS_MAX: usize = 1_000;

/// The first room for text that does not stand in the record.
const MADE_BYTES_MIN: usize = 32;

#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) original: Text,
    /// Text that does not stand in the record as it is needed.
    pub(crate) made: String,
    pub(crate) known: Known,
    pub(crate) extra: Extras,
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
    Original {
        start: u32,
        length: u32,
    },
    Made {
        start: u32,
        length: u32,
    },
    /// JSON text that stands in the record.
    OriginalJson {
        start: u32,
        length: u32,
    },
    /// JSON text that had to be made.
    MadeJson {
        start: u32,
        length: u32,
    },
    List {
        start: u32,
        length: u32,
    },
    Integer(i64),
    Float(f64),
    Flag(bool),
    V4(Ipv4Addr),
    V6(u32),
    Time(Timestamp),
}

impl Slot {
    /// Gives the kind of the value.
    #[inline]
    pub(crate) fn kind(self) -> ValueKind {
        match self {
            Self::Original { .. } | Self::Made { .. } => ValueKind::Text,
            Self::OriginalJson { .. } | Self::MadeJson { .. } => ValueKind::Json,
            Self::List { .. } => ValueKind::List,
            Self::Integer(_) => ValueKind::Integer,
            Self::Float(_) => ValueKind::Float,
            Self::Flag(_) => ValueKind::Flag,
            Self::V4(_) | Self::V6(_) => ValueKind::Address,
            Self::Time(_) => ValueKind::Time,
        }
    }
}

impl Slot {
    /// Gives a piece of a text, which must be within it.
    pub(crate) fn piece(self, piece: Range<usize>) -> Option<Self> {
        let from = u32::try_from(piece.start).ok()?;
        let length = u32::try_from(piece.len()).ok()?;
        match self {
            Self::Original { start, .. } => {
                Some(Self::Original { start: start.checked_add(from)?, length })
            }
            Self::Made { start, .. } => {
                Some(Self::Made { start: start.checked_add(from)?, length })
            }
            _ => None,
        }
    }
}

impl Fields {
    /// Forgets everything but the room that it took.
    pub(crate) fn renew(&mut self, original: Text) {
        self.original = original;
        self.made.clear();
        self.known.clear();
        self.extra.clear();
        self.items.clear();
        self.wide.clear();
    }

    pub(crate) fn text(&self, span: Span) -> &str {
        let Span { made, start, length } = span;
        let range = usize_of(start)..usize_of(start).saturating_add(usize_of(length));
        let whole = if made { self.made.as_str() } else { self.original.as_str() };
        whole.get(range).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn value(&self, slot: Slot) -> Option<Value<'_>> {
        let text = |made, start, length| self.text(Span { made, start, length });
        Some(match slot {
            Slot::Original { start, length } => Value::Text(text(false, start, length)),
            Slot::Made { start, length } => Value::Text(text(true, start, length)),
            Slot::OriginalJson { start, length } => Value::Json(text(false, start, length)),
            Slot::MadeJson { start, length } => Value::Json(text(true, start, length)),
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

    pub(crate) fn items(&self, start: u32, length: u32) -> &[Slot] {
        let range = usize_of(start)..usize_of(start).saturating_add(usize_of(length));
        self.items.get(range).unwrap_or_default()
    }

    /// Gives where an unknown field stands.
    pub(crate) fn extra(&self, hash: u32, name: &str) -> Option<(usize, Slot)> {
        self.extra.candidates(hash).find_map(|place| {
            let (span, slot) = self.extra.get(place)?;
            (self.text(*span) == name).then_some((place, *slot))
        })
    }

    /// Sets an unknown field; tells whether there was room for it.
    pub(crate) fn set_extra(&mut self, hash: u32, name: &str, slot: Slot) -> bool {
        let place = self.extra(hash, name).map(|(place, _)| place);
        if let Some(kept) = place.and_then(|place| self.extra.get_mut(place)) {
            kept.1 = slot;
            return true;
        }
        let room = self.extra.len() < EXTRA_FIELDS_MAX;
        if room {
            let name = self.keep_text(name);
            self.extra.push(hash, name, slot);
        }
        room
    }

    /// Converts a value to a field's kind and keeps it, or gives `None` where it does not fit.
    pub(crate) fn convert(&mut self, kind: FieldKind, value: Value<'_>) -> Option<Slot> {
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
            (_, other) => converted(kind, other)?,
        };
        Some(self.keep(fitting))
    }

    pub(crate) fn keep(&mut self, value: Value<'_>) -> Slot {
        match value {
            Value::Text(text) => {
                let Span { made, start, length } = self.keep_text(text);
                if made { Slot::Made { start, length } } else { Slot::Original { start, length } }
            }
            Value::Json(text) => {
                let Span { made, start, length } = self.keep_text(text);
                if made {
                    Slot::MadeJson { start, length }
                } else {
                    Slot::OriginalJson { start, length }
                }
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

    /// Keeps what `write` appends as text.
    pub(crate) fn keep_made(&mut self, write: impl FnOnce(&mut String)) -> Slot {
        self.make_room();
        let before = self.made.len();
        write(&mut self.made);
        let start = u32::try_from(before).unwrap_or(u32::MAX);
        Slot::Made { start, length: u32::try_from(self.made.len() - before).unwrap_or(u32::MAX) }
    }

    /// Converts what `write` appends to a field's kind and keeps it; where it does not fit, gives it
    /// back as text.
    pub(crate) fn convert_made(
        &mut self,
        kind: FieldKind,
        write: impl FnOnce(&mut String),
    ) -> Result<Slot, Slot> {
        let before = self.made.len();
        let text = self.keep_made(write);
        if kind == FieldKind::Keyword {
            return Ok(text);
        }
        let written = Value::Text(self.made.get(before..).unwrap_or_default());
        let value = converted(kind, written).ok_or(text)?;
        let slot = match value {
            Value::Integer(number) => Slot::Integer(number),
            Value::Float(number) => Slot::Float(number),
            Value::Flag(flag) => Slot::Flag(flag),
            Value::Time(time) => Slot::Time(time),
            Value::Address(address) => self.keep(Value::Address(address)),
            _ => return Err(text),
        };
        self.made.truncate(before);
        Ok(slot)
    }

    /// Finds a text within the record, or makes a copy of it.
    fn keep_text(&mut self, text: &str) -> Span {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        match self.original.offset_of(text) {
            Some(start) => Span { made: false, start, length },
            None => self.make(text),
        }
    }

    /// Makes the first room for made text at once: it grows with the record's escapes.
    fn make_room(&mut self) {
        if self.made.capacity() == 0 {
            self.made.reserve((self.original.len() / 4).max(MADE_BYTES_MIN));
        }
    }

    pub(crate) fn make(&mut self, text: &str) -> Span {
        self.make_room();
        let start = u32::try_from(self.made.len()).unwrap_or(u32::MAX);
        self.made.push_str(text);
        Span { made: true, start, length: u32::try_from(text.len()).unwrap_or(u32::MAX) }
    }

    fn keep_display(&mut self, value: Value<'_>) -> Slot {
        use fmt::Write;
        self.keep_made(|made| {
            // Writing to a String cannot fail.
            let _ = write!(made, "{value}");
        })
    }

    pub(crate) fn keep_list(&mut self, slots: &[Slot]) -> Option<Slot> {
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

/// Converts a value to a kind that is not text, where it can be.
fn converted(kind: FieldKind, value: Value<'_>) -> Option<Value<'_>> {
    Some(match (kind, value) {
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
    })
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
