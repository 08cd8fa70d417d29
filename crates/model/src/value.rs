//! What a field holds.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Timestamp;
use crate::fields::{Fields, Slot};

/// One value of an event, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text, as it was sent, escapes undone.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Flag(bool),
    /// An IPv4 or IPv6 address.
    Address(IpAddr),
    /// A moment.
    Time(Timestamp),
    /// Several values of one field, in order.
    List(List<'a>),
    /// A structure that no field path names (an array that holds objects), as JSON text.
    Json(&'a str),
}

impl<'a> Value<'a> {
    /// Gives the text of a text value (or the JSON text of a structure).
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            Value::Text(text) | Value::Json(text) => Some(text),
            _ => None,
        }
    }

    /// Gives each value in turn: the elements of a list, or the value itself.
    pub fn each(self) -> impl Iterator<Item = Value<'a>> {
        let (one, list) = match self {
            Value::List(list) => (None, Some(list)),
            single => (Some(single), None),
        };
        one.into_iter().chain(list.into_iter().flat_map(List::iter))
    }
}

/// The elements of a list value.
#[derive(Clone, Copy)]
pub struct List<'a> {
    pub(crate) fields: &'a Fields,
    pub(crate) items: &'a [Slot],
}

impl<'a> List<'a> {
    /// Gives the elements in order.
    pub fn iter(self) -> impl Iterator<Item = Value<'a>> {
        self.items.iter().filter_map(move |slot| self.fields.value(*slot))
    }

    /// Gives how many elements there are.
    pub fn len(self) -> usize {
        self.items.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(self) -> bool {
        self.items.is_empty()
    }
}

impl PartialEq for List<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The form in which people read a value and in which rules compare it as text.
/// What a value is, without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// A text.
    Text,
    /// A structure as JSON text.
    Json,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Float,
    /// True or false.
    Flag,
    /// An address.
    Address,
    /// A moment.
    Time,
    /// Several values.
    List,
}

impl Value<'_> {
    /// Gives what the value is.
    pub fn kind(&self) -> ValueKind {
        match self {
            Value::Text(_) => ValueKind::Text,
            Value::Json(_) => ValueKind::Json,
            Value::Integer(_) => ValueKind::Integer,
            Value::Float(_) => ValueKind::Float,
            Value::Flag(_) => ValueKind::Flag,
            Value::Address(_) => ValueKind::Address,
            Value::Time(_) => ValueKind::Time,
            Value::List(_) => ValueKind::List,
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) | Value::Json(text) => f.write_str(text),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Float(number) => write!(f, "{number}"),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Address(address) => write!(f, "{address}"),
            Value::Time(time) => write!(f, "{time}"),
            Value::List(list) => {
                for (index, value) in list.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{value}")?;
                }
                Ok(())
            }
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Value::Text(text)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Value::Flag(flag)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Value::Float(number)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Value::Time(time)
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => { $(
        impl From<$integer> for Value<'_> {
            fn from(number: $integer) -> Self {
                Value::Integer(i64::from(number))
            }
        }
    )* };
}
from_integers!(u8, u16, u32, i32, i64);

macro_rules! from_addresses {
    ($($address:ty),*) => { $(
        impl From<$address> for Value<'_> {
            fn from(address: $address) -> Self {
                Value::Address(IpAddr::from(address))
            }
        }
    )* };
}
from_addresses!(IpAddr, Ipv4Addr, Ipv6Addr);
