//! Lines of JSON, written straight into one buffer.
//!
//! No tree is built: an object is open while a closure writes into it, so it cannot stay open. All text
//! comes from the wire and is escaped; what is no UTF-8 is replaced, what is too long is cut.

use std::fmt::Write;
use std::net::IpAddr;

use model::write_json_string;

use crate::packet::Transport;

/// Bounds one text; what is longer is cut.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Bounds the elements of one list; what is more is left out.
pub const LIST_MAX: usize = 128;

/// Finished lines, one event each.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    pub(crate) text: String,
    pub(crate) count: usize,
    pub(crate) clock: Clock,
}

/// An object that is being written.
#[derive(Debug)]
pub struct Object<'l> {
    out: &'l mut String,
    first: bool,
}

impl Lines {
    /// Gives the lines as one text, each with its line feed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Counts the lines.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Forgets the lines and keeps the room.
    pub fn clear(&mut self) {
        self.text.clear();
        self.count = 0;
    }

    /// Gives the lines, each without its line feed.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }

    /// Writes one line.
    pub fn line(&mut self, write: impl FnOnce(&mut Object<'_>, &mut Clock)) {
        self.text.push('{');
        let mut object = Object { out: &mut self.text, first: true };
        write(&mut object, &mut self.clock);
        self.text.push_str("}\n");
        self.count += 1;
    }
}

impl Object<'_> {
    fn key(&mut self, key: &str) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    /// Writes an object. `key` is ours, never the wire's: it is written as it is, here and below.
    pub fn object(&mut self, key: &'static str, write: impl FnOnce(&mut Object<'_>)) {
        self.key(key);
        self.out.push('{');
        write(&mut Object { out: self.out, first: true });
        self.out.push('}');
    }

    /// Writes a text of ours that needs no escape.
    pub fn word(&mut self, key: &'static str, word: &'static str) {
        self.key(key);
        self.out.push('"');
        self.out.push_str(word);
        self.out.push('"');
    }

    /// Writes a list of words of ours.
    pub fn words(&mut self, key: &'static str, words: &[&'static str]) {
        self.key(key);
        self.out.push('[');
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.out.push('"');
            self.out.push_str(word);
            self.out.push('"');
        }
        self.out.push(']');
    }

    /// Writes a text of the wire: what is no UTF-8 becomes the replacement character, what is longer
    /// than [`TEXT_BYTES_MAX`] is cut.
    pub fn text(&mut self, key: &'static str, text: impl AsRef<[u8]>) {
        self.key(key);
        write_text(text.as_ref(), TEXT_BYTES_MAX, self.out);
    }

    /// Writes a text of the wire with a bound of its own.
    pub fn text_within(&mut self, key: &'static str, text: impl AsRef<[u8]>, bytes_max: usize) {
        self.key(key);
        write_text(text.as_ref(), bytes_max, self.out);
    }

    /// Writes a text of the wire where there is one and it is not empty.
    pub fn text_some(&mut self, key: &'static str, text: Option<impl AsRef<[u8]>>) {
        if let Some(text) = text.filter(|text| !text.as_ref().is_empty()) {
            self.text(key, text);
        }
    }

    /// Writes a list of texts of the wire, at most [`LIST_MAX`] of them.
    pub fn texts(&mut self, key: &'static str, texts: impl IntoIterator<Item = impl AsRef<[u8]>>) {
        self.key(key);
        self.out.push('[');
        for (index, text) in texts.into_iter().take(LIST_MAX).enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            write_text(text.as_ref(), TEXT_BYTES_MAX, self.out);
        }
        self.out.push(']');
    }

    /// Writes bytes as lower-case hexadecimal digits.
    pub fn hex(&mut self, key: &'static str, bytes: &[u8]) {
        self.key(key);
        self.out.push('"');
        for byte in bytes.iter().take(TEXT_BYTES_MAX) {
            self.out.push(digit(byte >> 4));
            self.out.push(digit(byte & 15));
        }
        self.out.push('"');
    }

    /// Writes a number.
    pub fn number(&mut self, key: &'static str, number: impl Into<u64>) {
        self.key(key);
        write_number(number.into(), self.out);
    }

    /// Writes a number that may be negative.
    pub fn signed(&mut self, key: &'static str, number: impl Into<i64>) {
        self.key(key);
        let number = number.into();
        if number < 0 {
            self.out.push('-');
        }
        write_number(number.unsigned_abs(), self.out);
    }

    /// Writes true or false.
    pub fn flag(&mut self, key: &'static str, flag: bool) {
        self.key(key);
        self.out.push_str(if flag { "true" } else { "false" });
    }

    /// Writes an address.
    pub fn address(&mut self, key: &'static str, address: IpAddr) {
        self.key(key);
        self.out.push('"');
        write_address(address, self.out);
        self.out.push('"');
    }

    /// Writes a list of addresses, at most [`LIST_MAX`] of them.
    pub fn addresses(&mut self, key: &'static str, addresses: impl IntoIterator<Item = IpAddr>) {
        self.key(key);
        self.out.push('[');
        for (index, address) in addresses.into_iter().take(LIST_MAX).enumerate() {
            self.out.push_str(if index > 0 { ",\"" } else { "\"" });
            write_address(address, self.out);
            self.out.push('"');
        }
        self.out.push(']');
    }

    /// Writes a hardware address as ECS has it: `00-00-5E-00-53-23`.
    pub fn mac(&mut self, key: &'static str, mac: [u8; 6]) {
        self.key(key);
        self.out.push('"');
        for (index, byte) in mac.iter().enumerate() {
            if index > 0 {
                self.out.push('-');
            }
            self.out.push(digit(byte >> 4).to_ascii_uppercase());
            self.out.push(digit(byte & 15).to_ascii_uppercase());
        }
        self.out.push('"');
    }

    /// Writes a moment, in nanoseconds since 1970-01-01T00:00:00Z, as `2026-11-21T06:58:00.123456789Z`.
    pub fn time(&mut self, key: &'static str, nanos: u64) {
        self.time_by(key, nanos, &mut Clock::default());
    }

    /// The same, with a clock that remembers the date between lines.
    pub fn time_by(&mut self, key: &'static str, nanos: u64, clock: &mut Clock) {
        self.key(key);
        self.out.push('"');
        clock.write(nanos, self.out);
        self.out.push('"');
    }

    /// Writes what carries a packet as `network.transport` or, where it has no name, its number alone.
    pub(crate) fn transport(&mut self, transport: Transport, number: u8) {
        if let Some(name) = transport.name() {
            self.word("transport", name);
        }
        if transport != Transport::Arp {
            self.decimal("iana_number", number.into());
        }
    }

    /// Writes a number as text, which the schema wants of identifiers.
    pub(crate) fn decimal(&mut self, key: &'static str, number: u64) {
        self.key(key);
        self.out.push('"');
        write_number(number, self.out);
        self.out.push('"');
    }

    /// Writes `event.dataset` of a protocol.
    pub(crate) fn dataset(&mut self, protocol: &'static str) {
        self.key("dataset");
        self.out.push_str("\"flow.");
        self.out.push_str(protocol);
        self.out.push('"');
    }
}

/// Writes moments; remembers the second, since most lines share it with the one before.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    second: u64,
    text: String,
}

impl Clock {
    fn write(&mut self, nanos: u64, out: &mut String) {
        let second = nanos / 1_000_000_000;
        if self.text.is_empty() || second != self.second {
            self.second = second;
            self.text.clear();
            let civil = model::Timestamp::from_seconds(i64::try_from(second).unwrap_or(0)).civil();
            // Writing to a String cannot fail.
            let _ = write!(
                self.text,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.",
                civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second
            );
        }
        out.push_str(&self.text);
        let nanos = nanos % 1_000_000_000;
        // Captures tell microseconds mostly: no more digits than there are.
        let (mut rest, mut scale) =
            if nanos.is_multiple_of(1000) { (nanos / 1000, 100_000) } else { (nanos, 100_000_000) };
        while scale > 0 {
            out.push(decimal(rest / scale));
            rest %= scale;
            scale /= 10;
        }
        out.push('Z');
    }
}

fn write_text(bytes: &[u8], bytes_max: usize, out: &mut String) {
    let cut = bytes.get(..bytes_max).unwrap_or(bytes);
    match std::str::from_utf8(cut) {
        Ok(text) => write_json_string(text, out),
        Err(_) => write_json_string(&String::from_utf8_lossy(cut), out),
    }
}

fn write_address(address: IpAddr, out: &mut String) {
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().iter().enumerate() {
                if index > 0 {
                    out.push('.');
                }
                write_number((*octet).into(), out);
            }
        }
        IpAddr::V6(address) => {
            let _ = write!(out, "{address}");
        }
    }
}

pub(crate) fn write_number(number: u64, out: &mut String) {
    let mut scale = 1;
    while number / scale >= 10 {
        scale *= 10;
    }
    let mut rest = number;
    while scale > 0 {
        out.push(decimal(rest / scale));
        rest %= scale;
        scale /= 10;
    }
}

fn decimal(value: u64) -> char {
    u8::try_from(value).ok().and_then(|value| char::from_digit(value.into(), 10)).unwrap_or('0')
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}
