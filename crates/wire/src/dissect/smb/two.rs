//! Versions 2 and 3.

use super::{Asked, FILES_MAX, MORE_PROCESSING, NAME_BYTES_MAX, Smb};
use crate::dissect::shared::bytes::{Bytes, utf16};
use crate::tell::{Direction, Told};

const HEADER_BYTES: usize = 64;
/// Bounds the messages chained in one.
const CHAIN_MAX: usize = 32;
/// A request is at work; its answer comes later.
const PENDING: u32 = 0x0000_0103;
const DELETE_ON_CLOSE: u32 = 0x1000;

/// A file's handle.
pub(super) type Handle = [u8; 16];

/// A message: the header's fields that are read, and what is behind it.
struct Message<'a> {
    status: u32,
    command: u16,
    answer: bool,
    id: u64,
    tree: u32,
    /// From the header's first byte on, since places are counted from there.
    whole: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let mut rest = Bytes::new(bytes);
        rest.skip(8)?;
        let status = rest.le32()?;
        let command = rest.le16()?;
        rest.skip(2)?;
        let flags = rest.le32()?;
        let next = usize::try_from(rest.le32()?).ok()?;
        let id = rest.le64()?;
        rest.skip(4)?;
        let tree = rest.le32()?;
        rest.skip(24)?;
        let whole = if next > HEADER_BYTES { bytes.get(..next)? } else { bytes };
        Some((Self { status, command, answer: flags & 1 != 0, id, tree, whole }, next))
    }

    fn body(&self) -> Bytes<'a> {
        Bytes::new(self.whole.get(HEADER_BYTES..).unwrap_or_default())
    }

    fn part(&self, place: u16, length: u16) -> Option<&'a [u8]> {
        let place = usize::from(place);
        self.whole.get(place..place.checked_add(usize::from(length))?)
    }

    fn text(&self, place: u16, length: u16) -> Option<String> {
        let part = self.part(place, length)?;
        Some(utf16(part.get(..NAME_BYTES_MAX).unwrap_or(part)))
    }
}

impl Smb {
    pub(super) fn messages_two(&mut self, _: Direction, bytes: &[u8], told: &mut Told<'_>) {
        let mut rest = bytes;
        for _ in 0..CHAIN_MAX {
            let Some((message, next)) = Message::read(rest) else { return };
            // What does not read is told of by nothing; data cut short is no fault.
            let _ = if message.answer {
                self.answer_two(&message, told)
            } else {
                self.request_two(&message)
            };
            if next <= HEADER_BYTES {
                return;
            }
            let Some(after) = rest.get(next..) else { return };
            rest = after;
        }
    }

    fn request_two(&mut self, message: &Message<'_>) -> Option<()> {
        let mut body = message.body();
        match message.command {
            1 => {
                body.skip(12)?;
                let (place, length) = (body.le16()?, body.le16()?);
                self.token(message.part(place, length)?);
                self.ask(message.id, Asked::Login);
            }
            3 => {
                body.skip(4)?;
                let (place, length) = (body.le16()?, body.le16()?);
                self.ask(message.id, Asked::Share(message.text(place, length)?));
            }
            5 => {
                body.skip(40)?;
                let options = body.le32()?;
                let (place, length) = (body.le16()?, body.le16()?);
                let name = if length == 0 { String::new() } else { message.text(place, length)? };
                let deletes = options & DELETE_ON_CLOSE != 0;
                self.ask(message.id, Asked::File { name, deletes });
            }
            17 => self.change(message, body)?,
            _ => {}
        }
        Some(())
    }

    /// Reads what is changed of a file: its name, or that it goes.
    fn change(&mut self, message: &Message<'_>, mut body: Bytes<'_>) -> Option<()> {
        body.skip(2)?;
        let (kind, class) = (body.u8()?, body.u8()?);
        body.skip(4)?;
        let place = usize::from(body.le16()?);
        body.skip(6)?;
        let handle: Handle = body.take(16)?.try_into().ok()?;
        let name = self.files.iter().rev().find(|(known, _)| *known == handle)?.1.clone();
        let mut data = Bytes::new(message.whole.get(place..)?);
        match (kind, class) {
            (1, 10) => {
                data.skip(16)?;
                let length = usize::try_from(data.le32()?).ok()?.min(NAME_BYTES_MAX);
                self.ask(message.id, Asked::Rename { from: name, to: utf16(data.take(length)?) });
            }
            (1, 13) if data.u8()? == 1 => self.ask(message.id, Asked::Delete(name)),
            _ => {}
        }
        Some(())
    }

    fn answer_two(&mut self, message: &Message<'_>, told: &mut Told<'_>) -> Option<()> {
        if message.status == PENDING {
            return Some(());
        }
        let mut body = message.body();
        if message.command == 0 && message.status == 0 {
            body.skip(2)?;
            let security = body.le16()?;
            let dialect = body.le16()?;
            // 02ff only says that another round follows.
            if dialect != 0x02ff {
                let version = if dialect >= 0x0300 { 3 } else { 2 };
                self.negotiated(version, &dialect_name(dialect), security & 2 != 0, told);
            }
            return Some(());
        }
        let asked = self.answered(message.id)?;
        match &asked {
            Asked::Login if message.status == MORE_PROCESSING => return Some(()),
            Asked::Share(path) if message.status == 0 => self.connected(message.tree, path),
            Asked::File { name, .. } if message.status == 0 => {
                body.skip(64)?;
                let handle: Handle = body.take(16)?.try_into().ok()?;
                if self.files.len() >= FILES_MAX {
                    self.files.pop_front();
                }
                self.files.push_back((handle, name.clone()));
            }
            _ => {}
        }
        self.tell(&asked, message.status, message.tree, told);
        Some(())
    }
}

fn dialect_name(dialect: u16) -> String {
    match dialect {
        0x0202 => "2.0.2".to_owned(),
        0x0210 => "2.1".to_owned(),
        0x0300 => "3.0".to_owned(),
        0x0302 => "3.0.2".to_owned(),
        0x0311 => "3.1.1".to_owned(),
        _ => format!("0x{dialect:04x}"),
    }
}
