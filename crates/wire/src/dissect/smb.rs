//! SMB ([MS-CIFS], [MS-SMB2]): dialect, log-in, shares and files.
//!
//! ```text
//! 00 0000d4  fe 53 4d 42 40 00 …     length; version 2 and 3; a header of 64 bytes
//! 00 000085  ff 53 4d 42 72 …        version 1, which nobody should speak any more
//! ```
//!
//! A request is told of with its answer. Of what is read from and written to files nothing is looked at, and
//! what is encrypted stays so.

use super::shared::bytes::Bytes;
use super::shared::ntlm::{self, Ntlm};
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

mod one;
mod two;

/// The row.
pub(super) const SMB: Protocol = Protocol {
    name: "smb",
    over: &[Transport::Tcp],
    ports: &[445, 139],
    recognises,
    open: |_| Box::new(Smb::default()),
    bytes_max: 256 * 1024 * 1024,
    held_max: 20 * 1024,
    events_max: 10_000,
};

/// Bounds what is waited for of one message; data read and written comes behind.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Bounds the requests that wait for an answer; what is older is forgotten.
const WAITING_MAX: usize = 64;
/// Bounds the files whose names are known by their handle.
const FILES_MAX: usize = 64;
/// Bounds the trees of one connection.
const TREES_MAX: usize = 64;
/// More of the log-in is needed.
const MORE_PROCESSING: u32 = 0xc000_0016;
/// Bounds a name, in bytes of UTF-16.
const NAME_BYTES_MAX: usize = 520;

fn recognises(first: &First<'_>) -> Verdict {
    let bytes = if first.client.is_empty() { first.server } else { first.client };
    match bytes {
        [] => Verdict::Maybe,
        // A session of NetBIOS is asked for first.
        [0x81, 0, 0, 68, 0x20, ..] if first.port == 139 => Verdict::Yes,
        [0x81, ..] if bytes.len() < 5 && first.port == 139 => Verdict::Maybe,
        [0, _, _, _, mark, b'S', b'M', b'B', ..] if (0xfc..=0xff).contains(mark) => Verdict::Yes,
        [0, ..] if bytes.len() < 8 => Verdict::Maybe,
        _ => Verdict::No,
    }
}

/// What waits for its answer.
#[derive(Debug)]
enum Asked {
    Dialects(Vec<String>),
    Login,
    Share(String),
    File { name: String, deletes: bool },
    Rename { from: String, to: String },
    Delete(String),
}

/// A request by its number, and of which session it is.
#[derive(Debug)]
struct Waiting {
    id: u64,
    asked: Asked,
}

/// One connection.
#[derive(Debug, Default)]
struct Smb {
    waiting: std::collections::VecDeque<Waiting>,
    user: String,
    domain: String,
    workstation: String,
    /// The share of each tree, as far as they are known.
    shares: Vec<(u32, String)>,
    files: std::collections::VecDeque<(two::Handle, String)>,
    negotiated: Option<String>,
}

impl Dissector for Smb {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let mut taken = 0_usize;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let mut frame = Bytes::new(rest);
            let (Some(kind), Some(length)) = (frame.u8(), frame.u24()) else {
                return Progress::Taken(u64::try_from(taken).unwrap_or(0));
            };
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if kind == 0 {
                let needed = length.min(MESSAGE_BYTES_MAX);
                // Data goes by unread: its header alone decides.
                if frame.len() < needed && !is_data(frame.rest()) {
                    return Progress::Taken(u64::try_from(taken).unwrap_or(0));
                }
                let message = frame.rest().get(..needed).unwrap_or(frame.rest());
                match message.first() {
                    Some(0xff) => self.message_one(direction, message, told),
                    Some(0xfe) => self.messages_two(direction, message, told),
                    Some(0xfd | 0xfc) => {}
                    _ => told.malformed(),
                }
            } else if !matches!(kind, 0x81..=0x85) {
                told.malformed();
                return Progress::Done;
            }
            taken = taken.saturating_add(4).saturating_add(length);
            if taken >= bytes.len() {
                return Progress::Taken(u64::try_from(taken).unwrap_or(u64::MAX));
            }
        }
    }

    fn held(&self) -> usize {
        let waiting: usize = self.waiting.iter().map(|waiting| waiting.asked.held()).sum();
        let files: usize = self.files.iter().map(|(_, name)| name.len()).sum();
        let shares: usize = self.shares.iter().map(|(_, name)| name.len()).sum();
        let entries = self.waiting.len() + self.files.len() + self.shares.len();
        waiting + files + shares + entries * size_of::<Waiting>()
    }
}

/// Whether a message of version 2 holds a file's data: then its header is enough.
fn is_data(message: &[u8]) -> bool {
    let mut bytes = Bytes::new(message);
    let two = bytes.take(4).is_some_and(|mark| mark == b"\xfeSMB");
    let command = bytes.skip(8).and_then(|()| bytes.le16());
    two && message.len() >= 64 && matches!(command, Some(8 | 9))
}

impl Asked {
    /// Counts the bytes that it keeps.
    fn held(&self) -> usize {
        match self {
            Self::Dialects(names) => names.iter().map(String::len).sum(),
            Self::Login => 0,
            Self::Share(name) | Self::Delete(name) | Self::File { name, .. } => name.len(),
            Self::Rename { from, to } => from.len() + to.len(),
        }
    }
}

impl Smb {
    fn ask(&mut self, id: u64, asked: Asked) {
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { id, asked });
    }

    fn answered(&mut self, id: u64) -> Option<Asked> {
        let at = self.waiting.iter().position(|waiting| waiting.id == id)?;
        self.waiting.remove(at).map(|waiting| waiting.asked)
    }

    /// Keeps which share a tree is; servers give the numbers of trees that are gone anew.
    fn connected(&mut self, tree: u32, share: &str) {
        if let Some((_, before)) = self.shares.iter_mut().find(|(known, _)| *known == tree) {
            share.clone_into(before);
        } else if self.shares.len() < TREES_MAX {
            self.shares.push((tree, share.to_owned()));
        }
    }

    /// Keeps who answers a challenge.
    fn token(&mut self, bytes: &[u8]) {
        if let Some(Ntlm::Authenticate { user, domain, workstation }) = ntlm::find(bytes) {
            (self.user, self.domain, self.workstation) = (user, domain, workstation);
        }
    }

    fn negotiated(&mut self, version: u8, dialect: &str, signing: bool, told: &mut Told<'_>) {
        if self.negotiated.as_deref() == Some(dialect) {
            return;
        }
        self.negotiated = Some(dialect.to_owned());
        told.event(Heading::of("smb_negotiated"), |line| {
            line.object("smb", |smb| {
                smb.number("version", version);
                smb.text("dialect", dialect);
                smb.flag("signing_required", signing);
            });
        });
    }

    /// Tells what was asked once it is answered.
    fn tell(&self, asked: &Asked, status: u32, tree: u32, told: &mut Told<'_>) {
        let outcome = Some(if status == 0 { "success" } else { "failure" });
        let share = self.shares.iter().find(|(known, _)| *known == tree).map(|(_, share)| share);
        let (action, category, name, to): (_, &[&str], &str, Option<&str>) = match asked {
            Asked::Dialects(_) => return,
            Asked::Login => ("smb_login", &["authentication", "network"], "", None),
            Asked::Share(path) => ("smb_connected", &["network"], path, None),
            Asked::File { deletes: true, name } if status == 0 => {
                ("smb_deleted", &["file", "network"], name, None)
            }
            Asked::File { name, .. } => ("smb_opened", &["file", "network"], name, None),
            Asked::Rename { from, to } => ("smb_renamed", &["file", "network"], from, Some(to)),
            Asked::Delete(name) => ("smb_deleted", &["file", "network"], name, None),
        };
        let path =
            if matches!(asked, Asked::Share(_)) { Some(name) } else { share.map(String::as_str) };
        let file = !matches!(asked, Asked::Login | Asked::Share(_));
        let heading = Heading { action, category, kinds: &["access"], outcome };
        told.event(heading, |line| {
            self.write_user(line);
            if file {
                line.object("file", |to| {
                    to.text("path", name);
                    to.text_some("name", name.rsplit('\\').next());
                });
            }
            line.object("smb", |smb| {
                smb.text_some("share", path);
                smb.text_some("target", to);
                smb.number("status", status);
                if matches!(asked, Asked::Login) {
                    smb.text_some("workstation", Some(&self.workstation));
                }
            });
        });
    }

    fn write_user(&self, line: &mut crate::json::Object<'_>) {
        if self.user.is_empty() && self.domain.is_empty() {
            return;
        }
        line.object("user", |user| {
            user.text_some("name", Some(&self.user));
            user.text_some("domain", Some(&self.domain));
        });
    }
}

#[cfg(test)]
mod tests;
