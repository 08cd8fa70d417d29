//! Statements that are prepared, given values and then executed: the binary protocol.
//!
//! ```text
//! prepare sql ▶ ◀ number, parameters, columns   execute number, values ▶ ◀ rows, in binary
//! ```

use crate::held::Held;
use crate::octets::{Octets, hex, text};
use crate::sql::Cell;

use super::login::QUERY_ATTRIBUTES;
use super::packet::{counted, number};

/// Statements that one session keeps.
const STATEMENTS_MAX: usize = 16;
/// Bytes of each.
const STATEMENT_BYTES_MAX: usize = 64 * 1024;
/// Values of one statement.
pub(super) const PARAMETERS_MAX: usize = 256;
/// Bytes that a session sends as long data before it executes.
const LONG_BYTES_MAX: usize = 1 << 20;
/// A flag of an execution: it tells how many values there are.
const COUNT_AVAILABLE: u8 = 8;

/// One that was prepared.
#[derive(Debug)]
struct Statement {
    number: u32,
    sql: String,
    /// Where its question marks stand.
    marks: Vec<usize>,
    /// The kinds of the values, which are sent with the first execution alone.
    kinds: Vec<(u8, u8)>,
    /// What was sent ahead for a value.
    long: Vec<(usize, Vec<u8>)>,
    held: Held,
}

/// What a session prepared.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    statements: Vec<Statement>,
    last: u32,
}

/// An execution: the text with its values in it, and the values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) sql: String,
    pub(super) values: Vec<Cell>,
}

/// Where a statement's question marks stand: those that are no part of a text or a comment.
pub(super) fn marks(sql: &str) -> Vec<usize> {
    let bytes = sql.as_bytes();
    let (mut marks, mut at) = (Vec::new(), 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(b"?") && marks.len() <= PARAMETERS_MAX {
            marks.push(at);
        }
        at += passed(rest);
    }
    marks
}

/// How much of a statement is read at once: a text, a comment, or one byte.
fn passed(rest: &[u8]) -> usize {
    let line = || memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    match rest {
        [quote @ (b'\'' | b'"' | b'`'), ..] => {
            let mut escaped = false;
            let ends = |byte: &u8| {
                let ends = !escaped && byte == quote;
                escaped = !escaped && *byte == b'\\' && *quote != b'`';
                ends
            };
            rest.iter().skip(1).position(ends).map_or(rest.len(), |length| length + 2)
        }
        // What the server runs all the same.
        [b'/', b'*', b'!', ..] => 3,
        [b'/', b'*', ..] => {
            let inside = rest.get(2..).unwrap_or_default();
            memchr::memmem::find(inside, b"*/").map_or(rest.len(), |length| length + 4)
        }
        [b'#', ..] | [b'-', b'-'] => line(),
        [b'-', b'-', next, ..] if next.is_ascii_whitespace() || next.is_ascii_control() => line(),
        _ => 1,
    }
}

/// A statement with these texts in the places of its question marks.
fn filled<'a>(
    sql: &str,
    marks: &[usize],
    mut of: impl FnMut(usize) -> std::borrow::Cow<'a, str>,
) -> String {
    let (mut out, mut from) = (String::with_capacity(sql.len()), 0);
    for (index, at) in marks.iter().enumerate() {
        out.push_str(sql.get(from..*at).unwrap_or_default());
        out.push_str(&of(index));
        from = at + 1;
    }
    out.push_str(sql.get(from..).unwrap_or_default());
    out
}

/// A statement as it would be without values, to see what it would answer.
pub(super) fn without_values(sql: &str, marks: &[usize]) -> String {
    filled(sql, marks, |_| "NULL".into())
}

impl Prepared {
    /// Keeps a statement; gives its number.
    pub(super) fn keep(&mut self, sql: &str, marks: Vec<usize>) -> u32 {
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.remove(0);
        }
        self.last = self.last.wrapping_add(1);
        let mut sql = sql.to_owned();
        sql.truncate(sql.floor_char_boundary(STATEMENT_BYTES_MAX));
        let marks: Vec<usize> = marks.into_iter().filter(|at| *at < sql.len()).collect();
        let mut held = Held::default();
        // Where all sessions together keep too much, it is known and does nothing.
        if !held.take(sql.len()) {
            sql.clear();
        }
        let marks = if sql.is_empty() { Vec::new() } else { marks };
        let (kinds, long) = (Vec::new(), Vec::new());
        self.statements.push(Statement { number: self.last, sql, marks, kinds, long, held });
        self.last
    }

    fn of(&mut self, number: u32) -> Option<&mut Statement> {
        self.statements.iter_mut().find(|own| own.number == number)
    }

    /// Takes a value that is sent ahead, in pieces.
    pub(super) fn long_data(&mut self, body: &[u8]) -> Option<()> {
        let mut octets = Octets::new(body);
        let statement = octets.u32_le()?;
        let place = usize::from(octets.u16_le()?);
        let kept: usize =
            self.statements.iter().flat_map(|own| &own.long).map(|(_, bytes)| bytes.len()).sum();
        let data = octets.rest();
        let data = data.get(..LONG_BYTES_MAX.saturating_sub(kept)).unwrap_or(data);
        let own = self.of(statement)?;
        if place >= own.marks.len() || !own.held.take(data.len()) {
            return None;
        }
        match own.long.iter_mut().find(|(at, _)| *at == place) {
            Some((_, bytes)) => bytes.extend_from_slice(data),
            None => own.long.push((place, data.to_vec())),
        }
        Some(())
    }

    /// Forgets what was sent ahead.
    pub(super) fn reset(&mut self, body: &[u8]) -> Option<()> {
        let own = Octets::new(body).u32_le().and_then(|number| self.of(number))?;
        own.forget();
        Some(())
    }

    /// Forgets a statement.
    pub(super) fn close(&mut self, body: &[u8]) {
        let number = Octets::new(body).u32_le();
        self.statements.retain(|own| Some(own.number) != number);
    }

    /// Reads an execution; `None` where there is no such statement, or its values cannot be read.
    pub(super) fn execute(&mut self, body: &[u8], abilities: u32) -> Option<Bound> {
        let mut octets = Octets::new(body);
        let own = octets.u32_le().and_then(|number| self.of(number))?;
        let flags = octets.byte()?;
        octets.take(4)?;
        let attributes = abilities & QUERY_ATTRIBUTES != 0;
        let mut values = Vec::new();
        if !own.marks.is_empty() || (attributes && flags & COUNT_AVAILABLE != 0) {
            values = own.values(&mut octets, attributes)?;
        }
        values.resize(own.marks.len(), None);
        own.forget();
        let quoted = |index: usize| match values.get(index) {
            Some(Some(value)) => {
                format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'")).into()
            }
            _ => "NULL".into(),
        };
        Some(Bound { sql: filled(&own.sql, &own.marks, quoted), values })
    }
}

impl Statement {
    fn forget(&mut self) {
        self.long = Vec::new();
        self.held.set(self.sql.len());
    }

    fn values(&mut self, octets: &mut Octets<'_>, attributes: bool) -> Option<Vec<Cell>> {
        // Attributes of the query come behind the values of the statement.
        let count =
            if attributes { usize::try_from(number(octets)?).ok()? } else { self.marks.len() };
        if count < self.marks.len() || count > 2 * PARAMETERS_MAX {
            return None;
        }
        let nulls = octets.take(count.div_ceil(8))?;
        if octets.byte()? == 1 {
            let mut kinds = Vec::with_capacity(count);
            for _ in 0..count {
                kinds.push((octets.byte()?, octets.byte()?));
                if attributes {
                    counted(octets)?;
                }
            }
            self.kinds = kinds;
        }
        let mut values = Vec::new();
        for place in 0..count {
            let null = nulls.get(place / 8).is_some_and(|bits| bits >> (place % 8) & 1 == 1);
            let ahead = self.long.iter().find(|(at, _)| *at == place);
            let (kind, flags) = self.kinds.get(place).copied()?;
            values.push(match ahead {
                Some((_, bytes)) => Some(shown(bytes)),
                None if null || kind == 0x06 => None,
                None => Some(value(octets, kind, flags & 0x80 != 0)?),
            });
        }
        Some(values)
    }
}

fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("0x{}", hex(bytes)),
    }
}

/// One value, as it would be written in a statement.
fn value(octets: &mut Octets<'_>, kind: u8, unsigned: bool) -> Option<String> {
    Some(match (kind, unsigned) {
        (0x01, true) => octets.byte()?.to_string(),
        (0x01, false) => i8::from_le_bytes(octets.array()?).to_string(),
        (0x02 | 0x0d, true) => octets.u16_le()?.to_string(),
        (0x02 | 0x0d, false) => i16::from_le_bytes(octets.array()?).to_string(),
        (0x03 | 0x09, true) => octets.u32_le()?.to_string(),
        (0x03 | 0x09, false) => i32::from_le_bytes(octets.array()?).to_string(),
        (0x08, true) => octets.u64_le()?.to_string(),
        (0x08, false) => i64::from_le_bytes(octets.array()?).to_string(),
        (0x04, _) => f32::from_le_bytes(octets.array()?).to_string(),
        (0x05, _) => f64::from_le_bytes(octets.array()?).to_string(),
        (0x07 | 0x0a | 0x0c, _) => moment(octets)?,
        (0x0b, _) => span(octets)?,
        _ => shown(counted(octets)?),
    })
}

/// A date, with a time where there is one.
fn moment(octets: &mut Octets<'_>) -> Option<String> {
    let length = octets.byte()?;
    let mut own = Octets::new(octets.take(length.into())?);
    if length == 0 {
        return Some("0000-00-00".to_owned());
    }
    let (year, month, day) = (own.u16_le()?, own.byte()?, own.byte()?);
    let date = format!("{year:04}-{month:02}-{day:02}");
    let Some([hour, minute, second]) = own.array() else { return Some(date) };
    let part = own.u32_le().map_or_else(String::new, |part| format!(".{part:06}"));
    Some(format!("{date} {hour:02}:{minute:02}:{second:02}{part}"))
}

/// A span of time.
fn span(octets: &mut Octets<'_>) -> Option<String> {
    let length = octets.byte()?;
    let mut own = Octets::new(octets.take(length.into())?);
    if length == 0 {
        return Some("00:00:00".to_owned());
    }
    let (negative, days) = (own.byte()?, own.u32_le()?);
    let [hour, minute, second] = own.array()?;
    let sign = if negative == 1 { "-" } else { "" };
    let hours = u64::from(days) * 24 + u64::from(hour);
    Some(format!("{sign}{hours:02}:{minute:02}:{second:02}"))
}

/// What values are told as, each cut.
pub(super) fn told(values: &[Cell]) -> Vec<String> {
    const VALUE_BYTES_MAX: usize = 1024;
    let shown = |value: &Cell| match value {
        Some(value) => text(value.as_bytes(), VALUE_BYTES_MAX),
        None => "NULL".to_owned(),
    };
    values.iter().take(64).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn question_marks_in_texts_and_comments_are_none() {
        let sql = "select '?', `a?`, \"\\\"?\" /* ? */ from t where a = ? and b=?";
        let marks = marks(sql);
        assert_eq!(marks.len(), 2);
        let filled = without_values(sql, &marks);
        assert!(filled.ends_with("where a = NULL and b=NULL"), "{filled}");
    }

    #[test]
    fn comments_of_a_line_and_odd_ones_hold_no_marks() {
        for (sql, count) in [
            ("select ? -- ?\n, ?", 2),
            ("select ? # ?", 1),
            ("select 1--?", 1),
            ("select ? --", 1),
            ("select /*/ ? */ ?", 1),
            ("select /*!50000 ? */", 1),
            ("select `a\\` = ?", 1),
            ("select 'a\\' ?', ?", 1),
            ("select 'it''s ?', ?", 1),
        ] {
            assert_eq!(marks(sql).len(), count, "{sql}");
        }
    }

    #[test]
    fn values_of_all_kinds_are_read() {
        let mut prepared = Prepared::default();
        let sql = "insert into t values (?, ?, ?, ?, ?)";
        let number = prepared.keep(sql, marks(sql));
        let mut body = number.to_le_bytes().to_vec();
        body.extend([0, 1, 0, 0, 0]);
        // The second is null.
        body.extend([0b10, 1, 0x03, 0, 0x06, 0, 0xfd, 0, 0x0c, 0, 0x01, 0x80]);
        body.extend((-5_i32).to_le_bytes());
        body.extend(b"\x05it's\\");
        body.extend([7, 0xea, 7, 11, 21, 10, 4, 5]);
        body.push(200);
        let bound = prepared.execute(&body, 0).unwrap();
        assert_eq!(
            bound.sql,
            r"insert into t values ('-5', NULL, 'it\'s\\', '2026-11-21 10:04:05', '200')"
        );
        // The kinds are remembered; what was sent ahead takes the place of a value.
        let mut ahead = number.to_le_bytes().to_vec();
        ahead.extend([2, 0]);
        ahead.extend(b"long");
        prepared.long_data(&ahead).unwrap();
        let mut again = number.to_le_bytes().to_vec();
        again.extend([0, 1, 0, 0, 0, 0b11010, 0]);
        again.extend(7_i32.to_le_bytes());
        let bound = prepared.execute(&again, 0).unwrap();
        assert_eq!(bound.values[2].as_deref(), Some("long"));
        prepared.close(&number.to_le_bytes());
        assert!(prepared.execute(&again, 0).is_none());
    }

    proptest! {
        #[test]
        fn any_execution(bytes in proptest::collection::vec(any::<u8>(), 0..120), abilities: u32) {
            let mut prepared = Prepared::default();
            let sql = "select ?, ?, ?";
            let number = prepared.keep(sql, marks(sql));
            let body = [&number.to_le_bytes()[..], &bytes].concat();
            let _ = prepared.long_data(&body);
            let _ = prepared.execute(&body, abilities);
            let _ = prepared.execute(&body, abilities);
            let _ = prepared.reset(&body);
        }

        #[test]
        fn any_statement(sql in "[?'\"` /*a\\\\#!\n-]{0,40}") {
            let places = marks(&sql);
            assert!(places.iter().all(|at| sql.as_bytes()[*at] == b'?'));
            without_values(&sql, &places);
        }
    }
}
