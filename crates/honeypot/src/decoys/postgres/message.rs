//! Messages of the frontend/backend protocol, version 3.
//!
//! ```text
//! kind (1 byte)  length of what follows and itself (4 bytes, high first)  body
//! ```

use bytes::BufMut;

use crate::octets::{len16, len32};
use crate::sql::Rows;

/// A text of any length, by its number in the catalog.
const TEXT: u32 = 25;

/// Adds one message.
pub(super) fn put(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    out.put_u8(kind);
    out.put_u32(len32(body.len() + 4));
    out.put_slice(body);
}

/// Adds a demand of the log-in: its number and what goes with it.
pub(super) fn authentication(out: &mut Vec<u8>, number: u32, rest: &[u8]) {
    let mut body = number.to_be_bytes().to_vec();
    body.extend_from_slice(rest);
    put(out, b'R', &body);
}

/// What is wrong, and where in the server that is said.
pub(super) struct Fault<'a> {
    pub(super) severity: &'a str,
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) file: &'a str,
    pub(super) line: u32,
    pub(super) routine: &'a str,
}

/// Adds an error, its fields in the order of the server.
pub(super) fn error(out: &mut Vec<u8>, fault: &Fault<'_>) {
    let line = fault.line.to_string();
    let mut body = Vec::new();
    for (kind, text) in [
        (b'S', fault.severity),
        (b'V', fault.severity),
        (b'C', fault.code),
        (b'M', fault.message),
        (b'F', fault.file),
        (b'L', &line),
        (b'R', fault.routine),
    ] {
        body.put_u8(kind);
        body.put_slice(text.replace('\0', "").as_bytes());
        body.put_u8(0);
    }
    body.put_u8(0);
    put(out, b'E', &body);
}

/// Adds a setting that the client is told.
pub(super) fn setting(out: &mut Vec<u8>, name: &str, value: &str) {
    let body = [name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat();
    put(out, b'S', &body);
}

/// Adds the names of the columns.
pub(super) fn columns(out: &mut Vec<u8>, rows: &Rows) {
    let mut body = Vec::new();
    body.put_u16(len16(rows.columns.len()));
    for column in &rows.columns {
        body.put_slice(column.replace('\0', "").as_bytes());
        body.put_u8(0);
        body.put_u32(0);
        body.put_u16(0);
        body.put_u32(TEXT);
        body.put_i16(-1);
        body.put_i32(-1);
        body.put_u16(0);
    }
    put(out, b'T', &body);
}

/// Adds the rows.
pub(super) fn rows(out: &mut Vec<u8>, rows: &Rows) {
    for row in &rows.rows {
        let mut body = Vec::new();
        body.put_u16(len16(row.len()));
        for cell in row {
            match cell {
                Some(text) => {
                    body.put_u32(len32(text.len()));
                    body.put_slice(text.as_bytes());
                }
                None => body.put_i32(-1),
            }
        }
        put(out, b'D', &body);
    }
}

/// Adds that a statement is done.
pub(super) fn complete(out: &mut Vec<u8>, tag: &str) {
    put(out, b'C', &[tag.as_bytes(), b"\0"].concat());
}

/// Adds that the server waits for the next.
pub(super) fn ready(out: &mut Vec<u8>) {
    put(out, b'Z', b"I");
}
