//! Packets of the client/server protocol, and the answers made of them.
//!
//! ```text
//! length (3 bytes, low first)  sequence (1)  payload
//! ```

use bytes::BufMut;

use crate::octets::{Octets, len16, len64, size};
use crate::sql::{Cell, Rows};

/// Bytes before the payload.
pub(super) const HEAD_BYTES: usize = 4;
const AUTOCOMMIT: u16 = 2;
const PART_BYTES_MAX: usize = 0x00ff_ffff;
const UTF8MB4: u16 = 45;
/// A text of any length.
const VARIABLE_TEXT: u8 = 0xfd;

/// The answer being written: packets, each with the next number.
#[derive(Debug)]
pub(super) struct Answer {
    out: Vec<u8>,
    sequence: u8,
    /// The client wants no marks between columns and rows.
    without_marks: bool,
}

/// The length of the first packet, its head among it.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let [low, middle, high] = bytes.first_chunk::<3>()?;
    Some(HEAD_BYTES + size(u32::from_le_bytes([*low, *middle, *high, 0])))
}

/// A number of a length that it tells itself.
pub(super) fn number(octets: &mut Octets<'_>) -> Option<u64> {
    match octets.byte()? {
        small @ 0..0xfb => Some(small.into()),
        0xfc => octets.u16_le().map(u64::from),
        0xfd => {
            let [low, middle, high] = octets.array()?;
            Some(u32::from_le_bytes([low, middle, high, 0]).into())
        }
        0xfe => octets.u64_le(),
        0xfb | 0xff => None,
    }
}

/// Bytes after a number that tells how many.
pub(super) fn counted<'a>(octets: &mut Octets<'a>) -> Option<&'a [u8]> {
    let count = usize::try_from(number(octets)?).ok()?;
    octets.take(count)
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    match (u8::try_from(number), u16::try_from(number)) {
        (Ok(small), _) if small < 0xfb => out.put_u8(small),
        (_, Ok(medium)) => {
            out.put_u8(0xfc);
            out.put_u16_le(medium);
        }
        _ => {
            out.put_u8(0xfe);
            out.put_u64_le(number);
        }
    }
}

fn put_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, len64(bytes.len()));
    out.put_slice(bytes);
}

impl Answer {
    /// An answer that begins with this number.
    pub(super) fn new(sequence: u8, without_marks: bool) -> Self {
        Self { out: Vec::new(), sequence, without_marks }
    }

    /// What has been written.
    pub(super) fn done(self) -> Vec<u8> {
        self.out
    }

    /// One packet.
    pub(super) fn packet(&mut self, payload: &[u8]) {
        let payload = payload.get(..PART_BYTES_MAX - 1).unwrap_or(payload);
        let length = crate::octets::len32(payload.len()).to_le_bytes();
        self.out.put_slice(length.get(..3).unwrap_or_default());
        self.out.put_u8(self.sequence);
        self.out.put_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// It is done.
    pub(super) fn ok(&mut self, affected: u64) {
        let mut payload = vec![0];
        put_number(&mut payload, affected);
        payload.put_u8(0);
        payload.put_u16_le(AUTOCOMMIT);
        payload.put_u16_le(0);
        self.packet(&payload);
    }

    /// It is not.
    pub(super) fn error(&mut self, code: u16, state: &str, message: &str) {
        let mut payload = vec![0xff];
        payload.put_u16_le(code);
        payload.put_u8(b'#');
        payload.put_slice(state.as_bytes());
        payload.put_slice(message.as_bytes());
        self.packet(&payload);
    }

    /// What an older server says at the end of columns and rows.
    pub(super) fn mark(&mut self) {
        let mut payload = vec![0xfe, 0, 0];
        payload.put_u16_le(AUTOCOMMIT);
        self.packet(&payload);
    }

    /// A statement is prepared: its number, its values and the columns that it will answer with.
    pub(super) fn prepared(&mut self, number: u32, parameters: usize, columns: &[String]) {
        let mut payload = vec![0];
        payload.put_u32_le(number);
        payload.put_u16_le(len16(columns.len()));
        payload.put_u16_le(len16(parameters));
        payload.put_slice(&[0, 0, 0]);
        self.packet(&payload);
        for _ in 0..parameters {
            self.column("?");
        }
        if parameters > 0 && !self.without_marks {
            self.mark();
        }
        for column in columns {
            self.column(column);
        }
        if !columns.is_empty() && !self.without_marks {
            self.mark();
        }
    }

    /// Columns and rows, each cell as text.
    pub(super) fn rows(&mut self, rows: &Rows) {
        self.rows_as(rows, cells);
    }

    /// Columns and rows, as prepared statements are answered.
    pub(super) fn binary_rows(&mut self, rows: &Rows) {
        self.rows_as(rows, binary_cells);
    }

    fn rows_as(&mut self, rows: &Rows, cells: fn(&[Cell]) -> Vec<u8>) {
        let mut payload = Vec::new();
        put_number(&mut payload, len64(rows.columns.len()));
        self.packet(&payload);
        for column in &rows.columns {
            self.column(column);
        }
        if !self.without_marks {
            self.mark();
        }
        for row in &rows.rows {
            self.packet(&cells(row));
        }
        if self.without_marks {
            let mut payload = vec![0xfe, 0, 0];
            payload.put_u16_le(AUTOCOMMIT);
            payload.put_u16_le(0);
            self.packet(&payload);
        } else {
            self.mark();
        }
    }

    fn column(&mut self, name: &str) {
        let name = name.as_bytes().get(..256).unwrap_or(name.as_bytes());
        let mut payload = Vec::new();
        put_counted(&mut payload, b"def");
        for part in [&b""[..], b"", b"", name, b""] {
            put_counted(&mut payload, part);
        }
        payload.put_u8(0x0c);
        payload.put_u16_le(UTF8MB4);
        payload.put_u32_le(1024);
        payload.put_u8(VARIABLE_TEXT);
        payload.put_u16_le(len16(0));
        payload.put_u8(31);
        payload.put_u16_le(0);
        self.packet(&payload);
    }
}

/// A row in binary: which cells are null, from the third bit on, then those that are not.
fn binary_cells(row: &[Cell]) -> Vec<u8> {
    let mut nulls = vec![0_u8; (row.len() + 9) / 8];
    let mut values = Vec::new();
    for (at, cell) in row.iter().enumerate() {
        match (cell, nulls.get_mut((at + 2) / 8)) {
            (Some(text), _) => put_counted(&mut values, text.as_bytes()),
            (None, Some(bits)) => *bits |= 1 << ((at + 2) % 8),
            (None, None) => {}
        }
    }
    [&[0][..], &nulls, &values].concat()
}

fn cells(row: &[Cell]) -> Vec<u8> {
    let mut payload = Vec::new();
    for cell in row {
        match cell {
            Some(text) => put_counted(&mut payload, text.as_bytes()),
            None => payload.put_u8(0xfb),
        }
    }
    payload
}
