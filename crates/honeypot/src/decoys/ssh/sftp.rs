//! SFTP, version 3: the made-up files, and what is written goes into quarantine.
//!
//! ```text
//! length (4) │ kind (1) │ request (4) │ …
//! ```

use std::collections::HashMap;

use crate::session::{Fields, Upload, Visit};
use crate::shell::{Content, Follow, Node, Refusal, Remove, Shell};

/// Bounds a packet, as OpenSSH does.
const PACKET_BYTES_MAX: usize = 256 * 1024;
const HANDLES_MAX: usize = 64;
/// Bounds what handles hold together of files that are read, folders that are listed, files that come.
const HELD_BYTES_MAX: usize = 1 << 20;
/// How much of a file the shell shows afterwards.
const SHOWN_BYTES_MAX: usize = 256 * 1024;
const READ_BYTES_MAX: usize = 64 * 1024;
/// Bounds what one piece of input is answered with: many small questions, large answers.
const ANSWERS_BYTES_MAX: usize = 4 << 20;

const OK: u32 = 0;
const EOF: u32 = 1;
const ABSENT: u32 = 2;
const DENIED: u32 = 3;
const FAILURE: u32 = 4;
const UNSUPPORTED: u32 = 8;

/// Something that is open.
enum Handle {
    Read(Vec<u8>),
    Folder(Vec<(String, Node)>),
    Write { upload: Option<Box<Upload>>, path: String, at: u64, shown: Vec<u8> },
}

impl Handle {
    fn bytes(&self) -> usize {
        match self {
            Self::Read(bytes) => bytes.len(),
            Self::Folder(found) => found.len() * (size_of::<Node>() + 64),
            Self::Write { shown, .. } => shown.len(),
        }
    }
}

/// A conversation.
pub(super) struct Sftp {
    visit: Visit,
    shell: Shell,
    pending: Vec<u8>,
    handles: HashMap<u32, Handle>,
    next: u32,
}

/// Reads the parts of a packet.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn long(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*number))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<String> {
        Some(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    fn handle(&mut self) -> Option<u32> {
        self.bytes()?.try_into().ok().map(u32::from_be_bytes)
    }
}

/// Writes a packet.
struct Packet(Vec<u8>);

impl Packet {
    fn new(kind: u8, request: u32) -> Self {
        let mut bytes = vec![0, 0, 0, 0, kind];
        bytes.extend_from_slice(&request.to_be_bytes());
        Self(bytes)
    }

    fn number(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    fn attributes(self, node: &Node) -> Self {
        let kind = match node.content {
            Content::Folder => 0o040_000,
            Content::Link(_) => 0o120_000,
            Content::Device => 0o020_000,
            _ => 0o100_000,
        };
        let time = u32::try_from(node.at.seconds()).unwrap_or(0);
        let mut packet = self.number(0x0f);
        packet.0.extend_from_slice(&node.size().to_be_bytes());
        packet.number(node.uid).number(node.gid).number(kind | node.mode).number(time).number(time)
    }

    fn done(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len().saturating_sub(4)).unwrap_or(0);
        for (to, from) in self.0.iter_mut().zip(length.to_be_bytes()) {
            *to = from;
        }
        self.0
    }
}

fn status(request: u32, code: u32) -> Vec<u8> {
    let text = match code {
        OK => "Success",
        EOF => "End of file",
        ABSENT => "No such file",
        DENIED => "Permission denied",
        UNSUPPORTED => "Operation unsupported",
        _ => "Failure",
    };
    Packet::new(101, request).number(code).bytes(text.as_bytes()).bytes(b"").done()
}

fn outcome(request: u32, done: Result<(), Refusal>) -> Vec<u8> {
    let code = match done {
        Ok(()) => OK,
        Err(Refusal::Absent) => ABSENT,
        Err(Refusal::Denied) => DENIED,
        Err(_) => FAILURE,
    };
    status(request, code)
}

impl Sftp {
    pub(super) fn new(visit: Visit, shell: Shell) -> Self {
        Self { visit, shell, pending: Vec::new(), handles: HashMap::new(), next: 0 }
    }

    /// Takes what came; gives the answers, or `None` where it makes no sense.
    pub(super) async fn data(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        self.pending.extend_from_slice(data);
        let all = std::mem::take(&mut self.pending);
        let mut left = all.as_slice();
        let mut answers = Vec::new();
        while let Some((length, rest)) = left.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            if length == 0 || length > PACKET_BYTES_MAX {
                return None;
            }
            let Some((packet, after)) = rest.split_at_checked(length) else { break };
            left = after;
            answers.extend_from_slice(&self.packet(packet).await?);
            if answers.len() > ANSWERS_BYTES_MAX {
                return None;
            }
        }
        self.pending = left.to_vec();
        Some(answers)
    }

    async fn packet(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (kind, rest) = packet.split_first()?;
        let mut parts = Parts(rest);
        let request = parts.number()?;
        if *kind == 1 {
            // The number is the version here; the answer's own stands in its place.
            let version = Packet::new(2, 3);
            return Some(
                version
                    .bytes(b"posix-rename@openssh.com")
                    .bytes(b"1")
                    .bytes(b"statvfs@openssh.com")
                    .bytes(b"2")
                    .done(),
            );
        }
        Some(match kind {
            3 => self.open(request, &mut parts).await?,
            4 => self.close(request, parts.handle()?).await,
            5 => self.read(request, &mut parts)?,
            6 => self.write(request, &mut parts)?,
            7 | 17 => self.stat(request, &parts.text()?, *kind == 7),
            8 => self.handle_stat(request, parts.handle()?),
            9 | 10 => status(request, OK),
            11 => self.open_folder(request, &parts.text()?),
            12 => self.read_folder(request, parts.handle()?),
            13 => {
                let path = self.path(&parts.text()?);
                let uid = self.shell.uid();
                outcome(request, self.shell.files_mut().remove(&path, uid, Remove::File))
            }
            14 => {
                let path = self.path(&parts.text()?);
                let uid = self.shell.uid();
                outcome(request, self.shell.files_mut().make_folder(&path, uid))
            }
            15 => {
                let path = self.path(&parts.text()?);
                let uid = self.shell.uid();
                outcome(request, self.shell.files_mut().remove(&path, uid, Remove::EmptyFolder))
            }
            16 => {
                let path = self.path(&parts.text()?);
                Packet::new(104, request)
                    .number(1)
                    .bytes(path.as_bytes())
                    .bytes(path.as_bytes())
                    .number(0)
                    .done()
            }
            18 => {
                let (from, to) = (self.path(&parts.text()?), self.path(&parts.text()?));
                self.rename(request, &from, &to)
            }
            200 if parts.text()? == "posix-rename@openssh.com" => {
                let (from, to) = (self.path(&parts.text()?), self.path(&parts.text()?));
                self.rename(request, &from, &to)
            }
            _ => status(request, UNSUPPORTED),
        })
    }

    fn path(&mut self, name: &str) -> String {
        let home = self.shell.home().to_owned();
        self.shell.files_mut().resolve(&home, name, Follow::All)
    }

    fn rename(&mut self, request: u32, from: &str, to: &str) -> Vec<u8> {
        let uid = self.shell.uid();
        let files = self.shell.files_mut();
        let moved = files.copy(from, to, uid).and_then(|()| files.remove(from, uid, Remove::All));
        outcome(request, moved)
    }

    fn keep(&mut self, request: u32, handle: Handle) -> Vec<u8> {
        let held: usize = self.handles.values().map(Handle::bytes).sum();
        if self.handles.len() >= HANDLES_MAX || held + handle.bytes() > HELD_BYTES_MAX {
            return status(request, FAILURE);
        }
        self.next = self.next.wrapping_add(1);
        self.handles.insert(self.next, handle);
        Packet::new(102, request).bytes(&self.next.to_be_bytes()).done()
    }

    async fn open(&mut self, request: u32, parts: &mut Parts<'_>) -> Option<Vec<u8>> {
        let name = parts.text()?;
        let writes = parts.number()? & 0x02 != 0;
        let path = self.path(&name);
        if !writes {
            self.visit.command(format!("get {path}").as_bytes(), Fields::new()).await;
            return Some(match self.shell.bytes_of(&path) {
                Some(bytes) => self.keep(request, Handle::Read(bytes)),
                None if self.shell.files_mut().get(&path).is_none() => status(request, ABSENT),
                None => status(request, DENIED),
            });
        }
        let uid = self.shell.uid();
        self.visit.command(format!("put {path}").as_bytes(), Fields::new()).await;
        if let Err(refusal) = self.shell.files_mut().write(&path, Vec::new(), uid) {
            return Some(outcome(request, Err(refusal)));
        }
        let upload = self.visit.begin_upload(path.as_bytes()).map(Box::new);
        Some(self.keep(request, Handle::Write { upload, path, at: 0, shown: Vec::new() }))
    }

    async fn close(&mut self, request: u32, handle: u32) -> Vec<u8> {
        match self.handles.remove(&handle) {
            Some(handle) => {
                self.end(handle).await;
                status(request, OK)
            }
            None => status(request, FAILURE),
        }
    }

    async fn end(&mut self, handle: Handle) {
        let Handle::Write { upload, path, shown, .. } = handle else { return };
        let uid = self.shell.uid();
        let _ = self.shell.files_mut().write(&path, shown, uid);
        if let Some(upload) = upload {
            upload.finish(Fields::new().with("bartizan.decoy.method", "sftp")).await;
        }
    }

    fn read(&mut self, request: u32, parts: &mut Parts<'_>) -> Option<Vec<u8>> {
        let (handle, at, length) = (parts.handle()?, parts.long()?, parts.number()?);
        let Some(Handle::Read(bytes)) = self.handles.get(&handle) else {
            return Some(status(request, FAILURE));
        };
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let length = usize::try_from(length).unwrap_or(0).min(READ_BYTES_MAX);
        let rest = bytes.get(at..).unwrap_or_default();
        let piece = rest.get(..length).unwrap_or(rest);
        if piece.is_empty() {
            return Some(status(request, EOF));
        }
        Some(Packet::new(103, request).bytes(piece).done())
    }

    fn write(&mut self, request: u32, parts: &mut Parts<'_>) -> Option<Vec<u8>> {
        let (handle, from, bytes) = (parts.handle()?, parts.long()?, parts.bytes()?);
        let held: usize = self.handles.values().map(Handle::bytes).sum();
        let Some(Handle::Write { upload, at, shown, .. }) = self.handles.get_mut(&handle) else {
            return Some(status(request, FAILURE));
        };
        // Clients write from the beginning to the end; holes and repeats are not kept.
        if from != *at {
            return Some(status(request, FAILURE));
        }
        *at = at.saturating_add(u64::try_from(bytes.len()).unwrap_or_default());
        if let Some(upload) = upload {
            upload.push(bytes);
        }
        let room = SHOWN_BYTES_MAX.saturating_sub(shown.len());
        let room = room.min(HELD_BYTES_MAX.saturating_sub(held));
        shown.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        Some(status(request, OK))
    }

    fn stat(&mut self, request: u32, name: &str, link: bool) -> Vec<u8> {
        let home = self.shell.home().to_owned();
        let follow = if link { Follow::Parents } else { Follow::All };
        let files = self.shell.files_mut();
        let path = files.resolve(&home, name, follow);
        match files.get(&path) {
            Some(node) => Packet::new(105, request).attributes(node).done(),
            None => status(request, ABSENT),
        }
    }

    fn handle_stat(&mut self, request: u32, handle: u32) -> Vec<u8> {
        let path = match self.handles.get(&handle) {
            Some(Handle::Write { path, .. }) => path.clone(),
            Some(Handle::Read(bytes)) => {
                let size = u64::try_from(bytes.len()).unwrap_or_default();
                let mut packet = Packet::new(105, request).number(1);
                packet.0.extend_from_slice(&size.to_be_bytes());
                return packet.done();
            }
            _ => return status(request, FAILURE),
        };
        self.stat(request, &path, false)
    }

    fn open_folder(&mut self, request: u32, name: &str) -> Vec<u8> {
        let path = self.path(name);
        let uid = self.shell.uid();
        let files = self.shell.files_mut();
        match files.get(&path) {
            None => status(request, ABSENT),
            Some(node) if !node.is_folder() => status(request, FAILURE),
            Some(node) if !node.lets(uid, 4) || !files.reachable(&path, uid) => {
                status(request, DENIED)
            }
            Some(_) => {
                let mut found = files.list(&path);
                found.truncate(1000);
                self.keep(request, Handle::Folder(found))
            }
        }
    }

    fn read_folder(&mut self, request: u32, handle: u32) -> Vec<u8> {
        let Some(Handle::Folder(found)) = self.handles.get_mut(&handle) else {
            return status(request, FAILURE);
        };
        if found.is_empty() {
            return status(request, EOF);
        }
        let found = std::mem::take(found);
        let count = u32::try_from(found.len()).unwrap_or(0);
        let mut packet = Packet::new(104, request).number(count);
        for (name, node) in found {
            let long = crate::shell::listed(&name, &node);
            packet = packet.bytes(name.as_bytes()).bytes(long.as_bytes()).attributes(&node);
        }
        packet.done()
    }

    /// The peer is gone; what it began to write is kept.
    pub(super) async fn left(mut self) {
        for handle in std::mem::take(&mut self.handles).into_values() {
            self.end(handle).await;
        }
    }
}
