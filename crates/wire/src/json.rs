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
    #[inline]
    fn key(&mut self, key: &str) {
        self.out.push_str(if self.first { "\"" } else { ",\"" });
        self.first = false;
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    /// Writes members that are always the same, as they stand in JSON.
    pub(crate) fn members(&mut self, members: &'static str) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        self.out.push_str(members);
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
            self.out.push_str(ascii(&[digit(byte >> 4), digit(*byte)]));
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
        let mut text = *b"\"00-00-00-00-00-00\"";
        for (index, byte) in mac.iter().enumerate() {
            if let Some([high, low]) = text.get_mut(1 + 3 * index..3 + 3 * index) {
                *high = digit(byte >> 4).to_ascii_uppercase();
                *low = digit(*byte).to_ascii_uppercase();
            }
        }
        self.out.push_str(ascii(&text));
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

/// Writes moments; remembers the day, since most lines share it with the one before.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    day: u64,
    date: String,
}

impl Clock {
    fn write(&mut self, nanos: u64, out: &mut String) {
        let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let day = seconds / 86_400;
        if self.date.is_empty() || day != self.day {
            self.day = day;
            self.date.clear();
            let midnight = i64::try_from(day * 86_400).unwrap_or(0);
            let civil = model::Timestamp::from_seconds(midnight).civil();
            // Writing to a String cannot fail.
            let _ = write!(self.date, "{:04}-{:02}-{:02}T", civil.year, civil.month, civil.day);
        }
        out.push_str(&self.date);
        let of_day = seconds % 86_400;
        let mut text = *b"00:00:00.000000000Z";
        // Captures tell microseconds mostly: no more digits than there are.
        let (fraction, length) =
            if nanos.is_multiple_of(1000) { (nanos / 1000, 15) } else { (nanos, 18) };
        place(&mut text, 0..2, of_day / 3600);
        place(&mut text, 3..5, of_day / 60 % 60);
        place(&mut text, 6..8, of_day % 60);
        place(&mut text, 9..length, fraction);
        if let Some(end) = text.get_mut(length) {
            *end = b'Z';
        }
        out.push_str(ascii(text.get(..=length).unwrap_or_default()));
    }
}

/// Writes a number with leading zeros.
fn place(text: &mut [u8], digits: std::ops::Range<usize>, number: u64) {
    let mut rest = number;
    for place in text.get_mut(digits).unwrap_or_default().iter_mut().rev() {
        *place = decimal(rest % 10);
        rest /= 10;
    }
}

/// Gives text that was made of ASCII here.
fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
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
            let mut text = [0_u8; 15];
            let mut length = 0;
            let mut push = |byte| {
                if let Some(place) = text.get_mut(length) {
                    *place = byte;
                }
                length += 1;
            };
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    push(b'.');
                }
                if octet >= 100 {
                    push(b'0' + octet / 100);
                }
                if octet >= 10 {
                    push(b'0' + octet / 10 % 10);
                }
                push(b'0' + octet % 10);
            }
            out.push_str(ascii(text.get(..length).unwrap_or_default()));
        }
        IpAddr::V6(address) => {
            let _ = write!(out, "{address}");
        }
    }
}

pub(crate) fn write_number(number: u64, out: &mut String) {
    let mut text = [0_u8; 20];
    let mut rest = number;
    let mut first = text.len();
    for place in text.iter_mut().rev() {
        *place = decimal(rest % 10);
        rest /= 10;
        first -= 1;
        if rest == 0 {
            break;
        }
    }
    out.push_str(ascii(text.get(first..).unwrap_or_default()));
}

fn decimal(value: u64) -> u8 {
    b'0' + u8::try_from(value).unwrap_or(0)
}

fn digit(value: u8) -> u8 {
    match value & 15 {
        low @ 0..10 => b'0' + low,
        high => b'a' + high - 10,
    }
}
