//! A value's text with case folded, between the marks of its ends.

use std::fmt::Write;

use model::Value;
use query::fold;

use crate::compile::atoms::{END, START};

/// Room for one value's folded text.
#[derive(Debug, Default)]
pub(super) struct Folded {
    bytes: Vec<u8>,
    written: String,
}

impl Folded {
    /// Gives the text of a single value.
    pub(super) fn of(&mut self, value: Value<'_>) -> &[u8] {
        if let Some(text) = value.as_text() {
            fold_into(&mut self.bytes, text);
        } else {
            self.written.clear();
            // Writing to a String cannot fail.
            let _ = write!(self.written, "{value}");
            fold_into(&mut self.bytes, &self.written);
        }
        &self.bytes
    }
}

fn fold_into(bytes: &mut Vec<u8>, text: &str) {
    bytes.clear();
    bytes.reserve(text.len() + 2);
    bytes.push(START);
    if text.is_ascii() {
        bytes.extend_from_slice(text.as_bytes());
        bytes.make_ascii_lowercase();
    } else {
        for character in text.chars() {
            if character.is_ascii() {
                bytes.extend(u8::try_from(character).map(|byte| byte.to_ascii_lowercase()));
            } else {
                bytes.extend_from_slice(fold(character).encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    bytes.push(END);
}
