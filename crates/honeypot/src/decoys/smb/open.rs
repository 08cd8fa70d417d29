//! What a client has open on the share, and what it does with it ([MS-SMB2] 3.3.5.9 and on).

use bytes::BufMut;

use super::disk::{Disk, Full};
use super::head::{self, pointed};
use super::list;
use crate::octets::{Octets, len32, len64, size, utf16};
use crate::talk::Told;

/// Bytes of the longest name in a request.
pub(super) const NAME_BYTES_MAX: usize = 1040;
/// Handles of one session.
pub(super) const OPENS_MAX: usize = 64;
/// Bytes that one read gives.
pub(super) const READ_BYTES_MAX: usize = 65_536;
const DELETE_ON_CLOSE: u32 = 0x1000;
const FOLDER_WANTED: u32 = 1;
const FILE_WANTED: u32 = 0x40;

/// What one handle stands for.
#[derive(Debug)]
pub(super) enum Kind {
    /// A place on the disk, and from where its list goes on.
    Node { place: usize, listed: Option<usize>, goes: bool },
    /// A pipe, and the answer that waits in it.
    Pipe { answer: Vec<u8> },
}

/// A handle.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: u64,
    pub(super) tree: u32,
    pub(super) kind: Kind,
}

/// A status, the body beside it, and what is told.
pub(super) struct Reply {
    pub(super) status: u32,
    pub(super) body: Vec<u8>,
    pub(super) told: Vec<Told>,
}

impl Reply {
    pub(super) fn ok(body: Vec<u8>) -> Self {
        Self { status: head::SUCCESS, body, told: Vec::new() }
    }

    pub(super) fn error(status: u32) -> Self {
        Self { status, body: head::error(), told: Vec::new() }
    }

    pub(super) fn tell(mut self, told: impl IntoIterator<Item = Told>) -> Self {
        self.told.extend(told);
        self
    }
}

/// What a request to open names.
pub(super) struct Wish {
    pub(super) name: String,
    access: u32,
    disposition: u32,
    options: u32,
}

/// Reads a request to open.
pub(super) fn wish(message: &[u8]) -> Option<Wish> {
    let mut octets = Octets::new(message.get(head::BYTES..)?);
    octets.take(24)?;
    let access = octets.u32_le()?;
    octets.take(8)?;
    let (disposition, options) = (octets.u32_le()?, octets.u32_le()?);
    let (offset, length) = (octets.u16_le()?, octets.u16_le()?);
    let name = pointed(message, offset.into(), length.into())?;
    (name.len() <= NAME_BYTES_MAX).then(|| Wish {
        name: utf16(name, NAME_BYTES_MAX).trim_matches('\\').to_owned(),
        access,
        disposition,
        options,
    })
}

/// Opens or makes what a client names; gives its place and how it came to be.
pub(super) fn place(disk: &mut Disk, wish: &Wish, now: u64) -> Result<(usize, u32), u32> {
    const OPENED: u32 = 1;
    const CREATED: u32 = 2;
    const OVERWRITTEN: u32 = 3;
    if wish.name.contains('\0') {
        return Err(head::OBJECT_NAME_NOT_FOUND);
    }
    let Some(place) = disk.find(&wish.name) else {
        // Open and overwrite want it to be there.
        if matches!(wish.disposition, 1 | 4) || !disk.has_parent(&wish.name) {
            return Err(head::OBJECT_NAME_NOT_FOUND);
        }
        let is_folder = wish.options & FOLDER_WANTED != 0;
        let place = disk.add(&wish.name, is_folder, now).map_err(|Full| head::DISK_FULL)?;
        return Ok((place, CREATED));
    };
    let is_folder = disk.at(place).is_some_and(|node| node.is_folder);
    if wish.disposition == 2 {
        return Err(head::OBJECT_NAME_COLLISION);
    }
    if is_folder && wish.options & FILE_WANTED != 0 {
        return Err(head::FILE_IS_A_DIRECTORY);
    }
    if !is_folder && wish.options & FOLDER_WANTED != 0 {
        return Err(0xc000_0103);
    }
    if !is_folder && matches!(wish.disposition, 0 | 4 | 5) {
        disk.truncate(place, 0, now).map_err(|Full| head::DISK_FULL)?;
        return Ok((place, OVERWRITTEN));
    }
    Ok((place, OPENED))
}

/// Whether the client wants it gone when it closes.
pub(super) fn goes(wish: &Wish) -> bool {
    const DELETE: u32 = 0x0001_0000;
    wish.options & DELETE_ON_CLOSE != 0 && wish.access & (DELETE | 0x0200_0000 | 0x1000_0000) != 0
}

/// The body that answers a request to open.
pub(super) fn opened(disk: Option<(&Disk, usize)>, action: u32, id: u64) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_u16_le(89);
    out.put_u16_le(0);
    out.put_u32_le(action);
    if let Some(node) = disk.and_then(|(disk, place)| disk.at(place)) {
        list::put_times_and_sizes(&mut out, node);
    } else {
        out.put_bytes(0, 48);
        out.put_u32_le(0x80);
    }
    out.put_u32_le(0);
    put_id(&mut out, id);
    out.put_u64_le(0);
    out
}

/// The two halves of a handle's number.
pub(super) fn put_id(out: &mut Vec<u8>, id: u64) {
    out.put_u64_le(id);
    out.put_u64_le(id ^ 0xffff_ffff_0000_0000);
}

/// Reads from a file.
pub(super) fn read(bytes: &[u8], length: u32, offset: u64) -> Reply {
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) else {
        return Reply::error(head::END_OF_FILE);
    };
    let count = size(length).min(READ_BYTES_MAX).min(rest.len());
    Reply::ok(data(rest.get(..count).unwrap_or_default()))
}

/// The body that carries what was read.
pub(super) fn data(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_u16_le(17);
    out.put_u8(80);
    out.put_u8(0);
    out.put_u32_le(len32(bytes.len()));
    out.put_u64_le(0);
    out.extend_from_slice(bytes);
    if bytes.is_empty() {
        out.push(0);
    }
    out
}

/// The body that says how much was written.
pub(super) fn wrote(count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_u16_le(17);
    out.put_u16_le(0);
    out.put_u32_le(len32(count));
    out.put_u64_le(0);
    out
}

/// The body that answers a request to close, with what the file was if that was asked for.
pub(super) fn closed(disk: Option<(&Disk, usize)>, wants_more: bool) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_u16_le(60);
    out.put_u16_le(u16::from(wants_more));
    out.put_u32_le(0);
    match disk.and_then(|(disk, place)| disk.at(place)).filter(|_| wants_more) {
        Some(node) => list::put_times_and_sizes(&mut out, node),
        None => out.put_bytes(0, 52),
    }
    out
}

/// Changes what stands at a place, as a request to set information says.
pub(super) fn set(disk: &mut Disk, kind: &mut Kind, class: u8, buffer: &[u8], now: u64) -> Reply {
    let Kind::Node { place, goes, .. } = kind else { return Reply::error(head::NOT_SUPPORTED) };
    let mut octets = Octets::new(buffer);
    let old = disk.at(*place).map(|node| node.path.clone()).unwrap_or_default();
    let told = |what: &str, name: &str| {
        Told::of("command").with("process.command_line", what).with("file.name", name)
    };
    match class {
        // Rename.
        10 => {
            let name = octets.take(16).and_then(|_| {
                let length = size(octets.u32_le()?);
                Some(utf16(octets.take(length)?, NAME_BYTES_MAX))
            });
            let Some(name) = name else { return Reply::error(head::INVALID_PARAMETER) };
            let name = name.trim_matches('\\').to_owned();
            if old.is_empty() || name.contains('\0') || !disk.rename(*place, &name) {
                return Reply::error(head::OBJECT_NAME_COLLISION);
            }
            Reply::ok(vec![2, 0]).tell([told(&format!("rename {old} {name}"), &name)])
        }
        // Disposition: whether it goes when it is closed.
        13 | 64 => {
            *goes = octets.byte().is_some_and(|flags| flags & 1 == 1) && !old.is_empty();
            Reply::ok(vec![2, 0])
        }
        // End of file.
        20 => match disk.truncate(*place, octets.u64_le().unwrap_or_default(), now) {
            Ok(()) => Reply::ok(vec![2, 0]),
            Err(Full) => Reply::error(head::DISK_FULL),
        },
        // Times, attributes, allocation: taken as done.
        4 | 19 => Reply::ok(vec![2, 0]),
        _ => Reply::error(head::NOT_SUPPORTED),
    }
}

/// What is told of a file that was written.
pub(super) fn upload(path: String, bytes: Vec<u8>) -> Told {
    Told::of("upload")
        .with("file.name", path.clone())
        .with("file.size", len64(bytes.len()))
        .file(path, bytes)
}
