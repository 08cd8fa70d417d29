//! Reads the words of JSON (RFC 8259) one after the other, each byte once.
//!
//! Strict, with two leniencies that lose nothing: half of a surrogate pair, which the grammar allows
//! and which is no character, becomes U+FFFD; a number that no number type can hold stays text.

use model::{Value, json_plain_length};

use crate::ParseError;

/// Bounds the depth of nesting, and with it the recursion.
const DEPTH_MAX: usize = 64;

/// A place in a JSON text.
#[derive(Debug)]
pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

/// A string whose opening quote has been read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'t> {
    /// All of it stands in the text as it is; its closing quote has been read.
    Plain(&'t str),
    /// It holds escapes, the first of them at the scanner's place; this is what stands before it.
    /// [`Scanner::unescape`] reads the rest.
    Escaped(&'t str),
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// Gives the next byte that is no space, and stops before it.
    pub(super) fn next_byte(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Reads one byte of punctuation.
    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), ParseError> {
        if self.next_byte() != Some(byte) {
            return Err(ParseError::Missing(what));
        }
        self.at += 1;
        Ok(())
    }

    /// Reads the comma before another element, or the end of the object or array; tells whether
    /// another element follows.
    pub(super) fn another(&mut self, end: u8) -> Result<bool, ParseError> {
        match self.next_byte() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(ParseError::Missing("comma")),
        }
    }

    /// Reads the opening bracket; tells whether something stands before the closing one, and reads
    /// that one where not.
    pub(super) fn open(&mut self, start: u8, end: u8) -> Result<bool, ParseError> {
        self.expect(start, "bracket")?;
        if self.next_byte() != Some(end) {
            return Ok(true);
        }
        self.at += 1;
        Ok(false)
    }

    /// Tells where the scanner stands.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Gives the text from an earlier place up to here.
    pub(super) fn since(&self, place: usize) -> &'t str {
        self.slice(place, self.at)
    }

    /// Reads nothing but space up to the end.
    pub(super) fn end(&mut self) -> Result<(), ParseError> {
        if self.next_byte().is_none() { Ok(()) } else { Err(ParseError::Invalid("end")) }
    }

    /// Reads a string up to its end, or up to its first escape.
    pub(super) fn string(&mut self) -> Result<Piece<'t>, ParseError> {
        self.expect(b'"', "string")?;
        let start = self.at;
        self.at += json_plain_length(self.rest());
        let clean = self.slice(start, self.at);
        match self.rest().first() {
            Some(b'"') => {
                self.at += 1;
                Ok(Piece::Plain(clean))
            }
            Some(b'\\') => Ok(Piece::Escaped(clean)),
            _ => Err(ParseError::Invalid("string")),
        }
    }

    /// Reads the rest of a string that holds escapes and appends what it means.
    pub(super) fn unescape(&mut self, out: &mut String) -> Result<(), ParseError> {
        loop {
            match self.rest() {
                [b'"', ..] => {
                    self.at += 1;
                    return Ok(());
                }
                [b'\\', b'u', ..] => {
                    self.at += 2;
                    out.push(self.code_point()?);
                }
                [b'\\', escape, ..] => {
                    out.push(meaning(*escape).ok_or(ParseError::Invalid("escape"))?);
                    self.at += 2;
                }
                rest => {
                    let length = json_plain_length(rest);
                    if length == 0 {
                        return Err(ParseError::Invalid("string"));
                    }
                    out.push_str(self.slice(self.at, self.at + length));
                    self.at += length;
                }
            }
        }
    }

    /// Reads a number, `true`, `false` or `null`; `None` stands for null.
    pub(super) fn scalar(&mut self) -> Result<Option<Value<'t>>, ParseError> {
        let (word, value) = match self.next_byte() {
            Some(b't') => ("true", Some(Value::Flag(true))),
            Some(b'f') => ("false", Some(Value::Flag(false))),
            Some(b'n') => ("null", None),
            _ => return self.number().map(Some),
        };
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(ParseError::Invalid("word"));
        }
        self.at += word.len();
        Ok(value)
    }

    /// Reads past one value of any kind.
    pub(super) fn skip(&mut self, depth: usize) -> Result<(), ParseError> {
        match self.next_byte() {
            Some(b'"') => self.skip_string(),
            Some(b'{') => {
                let mut more = deeper(depth).and(self.open(b'{', b'}'))?;
                while more {
                    self.skip_string()?;
                    self.expect(b':', "colon")?;
                    self.skip(depth + 1)?;
                    more = self.another(b'}')?;
                }
                Ok(())
            }
            Some(b'[') => {
                let mut more = deeper(depth).and(self.open(b'[', b']'))?;
                while more {
                    self.skip(depth + 1)?;
                    more = self.another(b']')?;
                }
                Ok(())
            }
            _ => self.scalar().map(|_| ()),
        }
    }

    fn skip_string(&mut self) -> Result<(), ParseError> {
        match self.string()? {
            Piece::Plain(_) => Ok(()),
            Piece::Escaped(_) => self.unescape(&mut String::new()),
        }
    }

    fn number(&mut self) -> Result<Value<'t>, ParseError> {
        const WRONG: ParseError = ParseError::Invalid("value");
        let start = self.at;
        self.at += usize::from(self.rest().first() == Some(&b'-'));
        let leading_zero = self.rest().first() == Some(&b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return Err(WRONG);
        }
        let mut integer = true;
        if self.rest().first() == Some(&b'.') {
            integer = false;
            self.at += 1;
            (self.digits() > 0).then_some(()).ok_or(WRONG)?;
        }
        if let [b'e' | b'E', sign, ..] = self.rest() {
            integer = false;
            self.at += 1 + usize::from(matches!(sign, b'+' | b'-'));
            (self.digits() > 0).then_some(()).ok_or(WRONG)?;
        }
        let text = self.slice(start, self.at);
        if integer {
            return Ok(text.parse().map_or(Value::Text(text), Value::Integer));
        }
        let float: f64 = text.parse().map_err(|_| WRONG)?;
        Ok(if float.is_finite() { Value::Float(float) } else { Value::Text(text) })
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// Reads the four hexadecimal digits after `\u`, and those of a second half where there is one.
    fn code_point(&mut self) -> Result<char, ParseError> {
        let first = self.hex()?;
        if !(0xD800..0xDC00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let place = self.at;
        if self.rest().starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex()?;
            if (0xDC00..0xE000).contains(&second) {
                let joined = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            // Not its other half: it is read again, for itself.
            self.at = place;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Result<u32, ParseError> {
        const WRONG: ParseError = ParseError::Invalid("escape");
        let digits = self.rest().first_chunk::<4>().ok_or(WRONG)?;
        let mut number = 0;
        for digit in digits {
            number = number * 16 + char::from(*digit).to_digit(16).ok_or(WRONG)?;
        }
        self.at += 4;
        Ok(number)
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn slice(&self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }
}

/// Checks that there is room for one more level below `depth`.
pub(super) fn deeper(depth: usize) -> Result<(), ParseError> {
    if depth < DEPTH_MAX { Ok(()) } else { Err(ParseError::Invalid("depth")) }
}

fn meaning(escape: u8) -> Option<char> {
    Some(match escape {
        b'"' | b'\\' | b'/' => char::from(escape),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        _ => return None,
    })
}
