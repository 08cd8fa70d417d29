//! Lines of bytes to records of text.
//!
//! All lines of one read go into one shared chunk, and each record is a range of it. Bytes that are not
//! UTF-8 are written as `\xHH`; a character that the length bound has cut in two is cut off whole.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use model::{Origin, Record, Text, Timestamp};

use crate::lines::{Line, length};

/// Lines on their way to become records.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    range: Range<usize>,
    truncated_bytes: u64,
    escaped_bytes: u32,
    origin: Arc<Origin>,
}

impl Chunk {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), pieces: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(crate) fn records(&self) -> usize {
        self.pieces.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Adds one line from `origin`.
    pub(crate) fn push(&mut self, line: Line<'_>, origin: &Arc<Origin>) {
        let start = self.text.len();
        let mut truncated_bytes = line.truncated_bytes;
        let mut escaped_bytes = 0;
        match simdutf8::compat::from_utf8(line.bytes) {
            Ok(text) => self.text.push_str(text),
            Err(error) => {
                let halved = error.error_len().is_none() && truncated_bytes > 0;
                let (valid, rest) = line.bytes.split_at(error.valid_up_to());
                if halved {
                    self.text.push_str(std::str::from_utf8(valid).unwrap_or_default());
                    truncated_bytes += length(rest);
                } else {
                    (escaped_bytes, truncated_bytes) = self.escape(line);
                }
            }
        }
        let range = start..self.text.len();
        let origin = Arc::clone(origin);
        self.pieces.push(Piece { range, truncated_bytes, escaped_bytes, origin });
    }

    /// Writes a line that is not all UTF-8; gives how many bytes were escaped, and how many are cut.
    fn escape(&mut self, line: Line<'_>) -> (u32, u64) {
        let mut escaped = 0;
        let mut truncated = line.truncated_bytes;
        let mut left = line.bytes.len();
        for part in line.bytes.utf8_chunks() {
            self.text.push_str(part.valid());
            left -= part.valid().len() + part.invalid().len();
            let incomplete =
                std::str::from_utf8(part.invalid()).is_err_and(|error| error.error_len().is_none());
            if left == 0 && incomplete && truncated > 0 {
                truncated += length(part.invalid());
                break;
            }
            for byte in part.invalid() {
                // Writing to a string cannot fail.
                let _ = write!(self.text, "\\x{byte:02X}");
                escaped += 1;
            }
        }
        (escaped, truncated)
    }

    /// Gives the lines as records that share one chunk.
    pub(crate) fn into_records(self, received_at: Timestamp) -> Vec<Record> {
        let chunk: Arc<str> = Arc::from(self.text);
        self.pieces
            .into_iter()
            .map(|piece| Record {
                text: Text::slice(&chunk, piece.range).unwrap_or_default(),
                received_at,
                origin: piece.origin,
                truncated_bytes: piece.truncated_bytes,
                escaped_bytes: piece.escaped_bytes,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn text_stays_as_it_is() {
        check("é\u{0}\u{7}\u{fffd} \\x41".as_bytes(), 0, expect![[r#""é\0\u{7}� \\x41""#]]);
    }

    #[test]
    fn bytes_that_are_no_text_are_escaped() {
        check(b"caf\xe9 \xff\xfe!", 0, expect![[r#""caf\\xE9 \\xFF\\xFE!" 3 escaped"#]]);
        check(b"half \xc3", 0, expect![[r#""half \\xC3" 1 escaped"#]]);
    }

    #[test]
    fn a_character_halved_by_the_bound_is_cut_off_whole() {
        check(b"half \xe2\x82", 5, expect![[r#""half " 7 truncated"#]]);
        check(b"\xff half \xe2\x82", 5, expect![[r#""\\xFF half " 1 escaped 7 truncated"#]]);
    }

    #[test]
    fn records_share_the_chunk() {
        let origin = Arc::new(Origin::default());
        let mut chunk = Chunk::default();
        for bytes in [&b"one"[..], b"\xff", b"three"] {
            chunk.push(Line { bytes, truncated_bytes: 0 }, &origin);
        }
        let records = chunk.into_records(Timestamp::from_seconds(1));
        let texts: Vec<&str> = records.iter().map(|record| &*record.text).collect();
        assert_eq!(texts, ["one", "\\xFF", "three"]);
        assert_eq!(texts[0].as_ptr().addr() + 3, texts[1].as_ptr().addr());
    }

    #[track_caller]
    fn check(bytes: &[u8], truncated_bytes: u64, expect: Expect) {
        let mut chunk = Chunk::default();
        chunk.push(Line { bytes, truncated_bytes }, &Arc::new(Origin::default()));
        let record = chunk.into_records(Timestamp::default()).remove(0);
        let mut shown = format!("{:?}", &*record.text);
        if record.escaped_bytes > 0 {
            write!(shown, " {} escaped", record.escaped_bytes).unwrap();
        }
        if record.truncated_bytes > 0 {
            write!(shown, " {} truncated", record.truncated_bytes).unwrap();
        }
        expect.assert_eq(&shown);
    }
}
