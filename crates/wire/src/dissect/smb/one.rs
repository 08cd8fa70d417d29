//! Version 1.

use super::{Asked, MORE_PROCESSING, NAME_BYTES_MAX, Smb};
use crate::dissect::shared::bytes::{Bytes, utf16};
use crate::tell::{Direction, Told};

const ANSWER: u8 = 0x80;
const UNICODE: u16 = 0x8000;
/// Bounds the dialects of one offer.
const DIALECTS_MAX: usize = 32;

/// A message's header, its words and its bytes.
struct Message<'a> {
    command: u8,
    status: u32,
    unicode: bool,
    tree: u32,
    id: u64,
    words: Bytes<'a>,
    bytes: &'a [u8],
    /// Where `bytes` begin: texts in Unicode stand at even places.
    place: usize,
}

fn read(message: &[u8]) -> Option<(Message<'_>, bool)> {
    let mut rest = Bytes::new(message);
    rest.skip(4)?;
    let command = rest.u8()?;
    let status = rest.le32()?;
    let answer = rest.u8()? & ANSWER != 0;
    let unicode = rest.le16()? & UNICODE != 0;
    rest.skip(12)?;
    let tree = u32::from(rest.le16()?);
    let process = rest.le16()?;
    rest.skip(2)?;
    let id = (u64::from(process) << 16) | u64::from(rest.le16()?);
    let words = usize::from(rest.u8()?) * 2;
    let words = Bytes::new(rest.take(words)?);
    let length = usize::from(rest.le16()?);
    let place = message.len() - rest.len();
    let bytes = rest.rest();
    let bytes = bytes.get(..length).unwrap_or(bytes);
    Some((Message { command, status, unicode, tree, id, words, bytes, place }, answer))
}

impl Message<'_> {
    /// Takes a text that ends with a zero, from so far into the bytes; gives where it ends.
    fn text(&self, from: usize) -> Option<(String, usize)> {
        if !self.unicode {
            let rest = self.bytes.get(from..)?;
            let end = memchr::memchr(0, rest).unwrap_or(rest.len());
            let text = rest.get(..end.min(NAME_BYTES_MAX))?;
            return Some((String::from_utf8_lossy(text).into_owned(), from + end + 1));
        }
        let from = from + (self.place + from) % 2;
        let rest = self.bytes.get(from..)?;
        let (pairs, _) = rest.as_chunks::<2>();
        let end = pairs.iter().position(|pair| *pair == [0, 0]).unwrap_or(pairs.len()) * 2;
        let text = rest.get(..end.min(NAME_BYTES_MAX))?;
        Some((utf16(text), from + end + 2))
    }
}

impl Smb {
    pub(super) fn message_one(&mut self, _: Direction, bytes: &[u8], told: &mut Told<'_>) {
        let Some((message, answer)) = read(bytes) else {
            told.malformed();
            return;
        };
        let _ = if answer { self.answer_one(&message, told) } else { self.request_one(&message) };
    }

    fn request_one(&mut self, message: &Message<'_>) -> Option<()> {
        let mut words = message.words;
        match message.command {
            0x72 => {
                let dialects = message
                    .bytes
                    .split(|byte| *byte == 0)
                    .filter_map(|part| part.strip_prefix(&[2]))
                    .map(|name| {
                        String::from_utf8_lossy(name.get(..32).unwrap_or(name)).into_owned()
                    })
                    .take(DIALECTS_MAX);
                self.ask(message.id, Asked::Dialects(dialects.collect()));
            }
            0x73 => {
                if words.len() == 26 {
                    words.skip(14)?;
                    let passwords = usize::from(words.le16()?) + usize::from(words.le16()?);
                    let (user, end) = message.text(passwords)?;
                    let (domain, _) = message.text(end)?;
                    (self.user, self.domain) = (user, domain);
                } else {
                    self.token(message.bytes);
                }
                self.ask(message.id, Asked::Login);
            }
            0x75 => {
                words.skip(6)?;
                let password = usize::from(words.le16()?);
                let (path, _) = message.text(password)?;
                self.ask(message.id, Asked::Share(path));
            }
            0xa2 => {
                let (name, _) = message.text(0)?;
                self.ask(message.id, Asked::File { name, deletes: false });
            }
            0x06 => {
                let (name, _) = message.text(1)?;
                self.ask(message.id, Asked::Delete(name));
            }
            0x07 => {
                let (from, end) = message.text(1)?;
                let (to, _) = message.text(end + 1)?;
                self.ask(message.id, Asked::Rename { from, to });
            }
            _ => {}
        }
        Some(())
    }

    fn answer_one(&mut self, message: &Message<'_>, told: &mut Told<'_>) -> Option<()> {
        let asked = self.answered(message.id)?;
        match &asked {
            Asked::Dialects(dialects) => {
                let mut words = message.words;
                let chosen = words.le16()?;
                let required = words.u8().is_some_and(|security| security & 8 != 0);
                if let Some(name) = dialects.get(usize::from(chosen)) {
                    self.negotiated(1, name, required, told);
                }
                return Some(());
            }
            Asked::Login if message.status == MORE_PROCESSING => return Some(()),
            Asked::Share(path) if message.status == 0 => self.connected(message.tree, path),
            _ => {}
        }
        self.tell(&asked, message.status, message.tree, told);
        Some(())
    }
}
