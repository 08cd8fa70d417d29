//! Shares, and the requests about what lies in them.

use super::disk::Disk;
use super::head::{self, Head, pointed};
use super::list::{self, Wanted};
use super::open::{self, Kind, OPENS_MAX, Open, Reply};
use super::{Smb, pipe};
use crate::octets::{Octets, len32, size, utf16};
use crate::talk::Told;
use bytes::BufMut;

/// The share that has files.
pub(super) const DISK: &str = "public";
const TREES_MAX: usize = 16;
/// Bytes that wait in a pipe.
const PIPE_BYTES_MAX: usize = 65_536;
const TRANSCEIVE: u32 = 0x0011_c017;
const DFS_REFERRALS: [u32; 2] = [0x0006_0194, 0x0006_01b0];
const LAST: u64 = u64::MAX;

/// A share that the client is connected to.
#[derive(Debug)]
pub(super) struct Tree {
    id: u32,
    is_pipes: bool,
}

/// Answers a request of somebody who is in.
pub(super) fn request(
    smb: &mut Smb,
    head: &mut Head,
    message: &[u8],
    last: &mut Option<u64>,
) -> Option<Reply> {
    let body = Octets::new(message.get(head::BYTES..)?);
    match head.command {
        head::LOGOFF => {
            smb.is_in = false;
            Some(Reply::ok(vec![4, 0, 0, 0]))
        }
        head::TREE_CONNECT => connect(smb, head, message),
        _ if !smb.trees.iter().any(|tree| tree.id == head.tree) => {
            Some(Reply::error(head::NETWORK_NAME_DELETED))
        }
        head::TREE_DISCONNECT => {
            smb.trees.retain(|tree| tree.id != head.tree);
            smb.opens.retain(|open| open.tree != head.tree);
            Some(Reply::ok(vec![4, 0, 0, 0]))
        }
        head::CREATE => create(smb, head, message, last),
        head::CLOSE => close(smb, body, *last),
        head::FLUSH | head::LOCK => Some(Reply::ok(vec![4, 0, 0, 0])),
        head::READ => read(smb, body, *last),
        head::WRITE => write(smb, body, message, *last),
        head::IOCTL => ioctl(smb, body, message, *last),
        head::QUERY_DIRECTORY => query_directory(smb, body, message, *last),
        head::QUERY_INFO => query_info(smb, body, *last),
        head::SET_INFO => set_info(smb, body, message, *last),
        _ => Some(Reply::error(head::NOT_SUPPORTED)),
    }
}

fn connect(smb: &mut Smb, head: &mut Head, message: &[u8]) -> Option<Reply> {
    let mut octets = Octets::new(message.get(head::BYTES..)?);
    octets.take(4)?;
    let (offset, length) = (octets.u16_le()?, octets.u16_le()?);
    let path = utf16(pointed(message, offset.into(), length.into())?, open::NAME_BYTES_MAX);
    let share = path.rsplit('\\').next().unwrap_or_default();
    let is_pipes = share.eq_ignore_ascii_case("IPC$");
    let told = Told::of("request")
        .with("process.command_line", format!("tree connect {path}"))
        .with("bartizan.decoy.share", share);
    let known = smb.shares.iter().any(|own| own.name.eq_ignore_ascii_case(share));
    if !known {
        return Some(Reply::error(head::BAD_NETWORK_NAME).tell([told.outcome(false)]));
    }
    if !is_pipes && !share.eq_ignore_ascii_case(DISK) {
        return Some(Reply::error(head::ACCESS_DENIED).tell([told.outcome(false)]));
    }
    if smb.trees.len() >= TREES_MAX {
        return Some(Reply::error(head::INSUFFICIENT_RESOURCES));
    }
    let id = smb.trees.iter().map(|tree| tree.id).max().unwrap_or(0).checked_add(1)?;
    smb.trees.push(Tree { id, is_pipes });
    head.tree = id;
    let mut out = Vec::new();
    out.put_u16_le(16);
    out.put_u8(if is_pipes { 2 } else { 1 });
    out.put_u8(0);
    out.put_u32_le(if is_pipes { 0x30 } else { 0 });
    out.put_u32_le(0);
    out.put_u32_le(if is_pipes { 0x001f_00a9 } else { 0x001f_01ff });
    Some(Reply::ok(out).tell([told.outcome(true)]))
}

fn create(smb: &mut Smb, head: &Head, message: &[u8], last: &mut Option<u64>) -> Option<Reply> {
    let wish = open::wish(message)?;
    if smb.opens.len() >= OPENS_MAX {
        return Some(Reply::error(head::INSUFFICIENT_RESOURCES));
    }
    let is_pipes = smb.trees.iter().any(|tree| tree.id == head.tree && tree.is_pipes);
    let id = smb.opened + 1;
    let (kind, body, told) = if is_pipes {
        let told = Told::of("request")
            .with("process.command_line", format!("open pipe {}", wish.name))
            .with("bartizan.decoy.pipe", wish.name.clone());
        if !wish.name.eq_ignore_ascii_case("srvsvc") {
            let known = ["svcctl", "samr", "lsarpc", "winreg", "netlogon", "atsvc", "spoolss"];
            let is_known = known.iter().any(|own| wish.name.eq_ignore_ascii_case(own));
            let status = if is_known { head::ACCESS_DENIED } else { head::OBJECT_NAME_NOT_FOUND };
            return Some(Reply::error(status).tell([told.outcome(false)]));
        }
        (Kind::Pipe { answer: Vec::new() }, open::opened(None, 1, id), Some(told.outcome(true)))
    } else {
        let disk = smb.disk.get_or_insert_with(|| Disk::new(smb.now));
        let (place, action) = match open::place(disk, &wish, smb.now) {
            Ok(found) => found,
            Err(status) => return Some(Reply::error(status)),
        };
        let told = (action != 1).then(|| {
            Told::of("command")
                .with("process.command_line", format!("create {}", wish.name))
                .with("file.name", wish.name.clone())
        });
        let body = open::opened(Some((disk, place)), action, id);
        (Kind::Node { place, listed: None, goes: open::goes(&wish) }, body, told)
    };
    smb.opened = id;
    *last = Some(id);
    smb.opens.push(Open { id, tree: head.tree, kind });
    Some(Reply::ok(body).tell(told))
}

/// Reads the number of a handle; all ones stands for that of the request before.
fn handle(octets: &mut Octets<'_>, last: Option<u64>) -> Option<u64> {
    let (id, other) = (octets.u64_le()?, octets.u64_le()?);
    if id == LAST && other == LAST { last } else { Some(id) }
}

fn open_at(smb: &Smb, id: u64) -> Option<usize> {
    smb.opens.iter().position(|open| open.id == id)
}

fn close(smb: &mut Smb, mut body: Octets<'_>, last: Option<u64>) -> Option<Reply> {
    body.take(2)?;
    let wants_more = body.u16_le()? & 1 == 1;
    body.take(4)?;
    let id = handle(&mut body, last)?;
    let Some(at) = open_at(smb, id) else { return Some(Reply::error(head::FILE_CLOSED)) };
    let open = smb.opens.swap_remove(at);
    let (Kind::Node { place, goes, .. }, Some(disk)) = (open.kind, &mut smb.disk) else {
        return Some(Reply::ok(open::closed(None, wants_more)));
    };
    let body = open::closed(Some((disk, place)), wants_more);
    let mut told: Vec<Told> = Vec::new();
    told.extend(disk.written(place).map(|(path, bytes)| open::upload(path, bytes)));
    if goes && let Some(node) = disk.at(place).filter(|node| !node.path.is_empty()) {
        let path = node.path.clone();
        told.push(
            Told::of("command")
                .with("process.command_line", format!("delete {path}"))
                .with("file.name", path),
        );
        disk.remove(place);
    }
    Some(Reply::ok(body).tell(told))
}

fn read(smb: &mut Smb, mut body: Octets<'_>, last: Option<u64>) -> Option<Reply> {
    body.take(4)?;
    let (length, offset) = (body.u32_le()?, body.u64_le()?);
    let id = handle(&mut body, last)?;
    let Some(at) = open_at(smb, id) else { return Some(Reply::error(head::FILE_CLOSED)) };
    match &mut smb.opens.get_mut(at)?.kind {
        Kind::Pipe { answer } if answer.is_empty() => Some(Reply::error(head::PIPE_EMPTY)),
        Kind::Pipe { answer } => {
            let rest = answer.split_off(answer.len().min(size(length)));
            let given = std::mem::replace(answer, rest);
            let status = if answer.is_empty() { head::SUCCESS } else { head::BUFFER_OVERFLOW };
            Some(Reply { status, ..Reply::ok(open::data(&given)) })
        }
        Kind::Node { place, .. } => {
            let node = smb.disk.as_ref()?.at(*place)?;
            let told = (offset == 0).then(|| {
                Told::of("command")
                    .with("process.command_line", format!("read {}", node.path))
                    .with("file.name", node.path.clone())
            });
            Some(open::read(&node.bytes, length, offset).tell(told))
        }
    }
}

fn write(smb: &mut Smb, mut body: Octets<'_>, message: &[u8], last: Option<u64>) -> Option<Reply> {
    body.take(2)?;
    let (at, length, offset) = (body.u16_le()?, body.u32_le()?, body.u64_le()?);
    let id = handle(&mut body, last)?;
    let data = pointed(message, at.into(), size(length))?;
    let Some(at) = open_at(smb, id) else { return Some(Reply::error(head::FILE_CLOSED)) };
    match &mut smb.opens.get_mut(at)?.kind {
        Kind::Pipe { answer } => {
            let called = pipe::call(data, &smb.shares, &smb.names.computer)?;
            if answer.len() + called.answer.len() > PIPE_BYTES_MAX {
                return Some(Reply::error(head::INSUFFICIENT_RESOURCES));
            }
            answer.extend(called.answer);
            Some(Reply::ok(open::wrote(data.len())).tell(called.call.map(named)))
        }
        Kind::Node { place, .. } => {
            let disk = smb.disk.as_mut()?;
            if disk.at(*place)?.is_folder {
                return Some(Reply::error(head::ACCESS_DENIED));
            }
            Some(match disk.write(*place, offset, data, smb.now) {
                Ok(()) => Reply::ok(open::wrote(data.len())),
                Err(_) => Reply::error(head::DISK_FULL),
            })
        }
    }
}

fn named(call: &'static str) -> Told {
    Told::of("command").with("process.command_line", call)
}

fn ioctl(smb: &mut Smb, mut body: Octets<'_>, message: &[u8], last: Option<u64>) -> Option<Reply> {
    body.take(4)?;
    let code = body.u32_le()?;
    let id = handle(&mut body, last)?;
    let (at, length) = (body.u32_le()?, body.u32_le()?);
    if DFS_REFERRALS.contains(&code) {
        return Some(Reply::error(head::NOT_FOUND));
    }
    if code != TRANSCEIVE {
        return Some(Reply::error(head::NOT_SUPPORTED));
    }
    let Some(open) = open_at(smb, id).and_then(|at| smb.opens.get(at)) else {
        return Some(Reply::error(head::FILE_CLOSED));
    };
    if !matches!(open.kind, Kind::Pipe { .. }) {
        return Some(Reply::error(head::NOT_SUPPORTED));
    }
    let data = pointed(message, size(at), size(length))?;
    let called = pipe::call(data, &smb.shares, &smb.names.computer)?;
    let mut out = Vec::new();
    out.put_u16_le(49);
    out.put_u16_le(0);
    out.put_u32_le(code);
    open::put_id(&mut out, id);
    out.put_u32_le(112);
    out.put_u32_le(0);
    out.put_u32_le(112);
    out.put_u32_le(len32(called.answer.len()));
    out.put_u64_le(0);
    out.extend(called.answer);
    Some(Reply::ok(out).tell(called.call.map(named)))
}

fn query_directory(
    smb: &mut Smb,
    mut body: Octets<'_>,
    message: &[u8],
    last: Option<u64>,
) -> Option<Reply> {
    const RESTART: u8 = 0x01;
    const SINGLE: u8 = 0x02;
    const REOPEN: u8 = 0x10;
    body.take(2)?;
    let (class, flags) = (body.byte()?, body.byte()?);
    body.take(4)?;
    let id = handle(&mut body, last)?;
    let (offset, length, room) = (body.u16_le()?, body.u16_le()?, body.u32_le()?);
    let pattern = utf16(pointed(message, offset.into(), length.into())?, open::NAME_BYTES_MAX);
    let Some(at) = open_at(smb, id) else { return Some(Reply::error(head::FILE_CLOSED)) };
    let Kind::Node { place, listed, .. } = &mut smb.opens.get_mut(at)?.kind else {
        return Some(Reply::error(head::INVALID_PARAMETER));
    };
    let disk = smb.disk.as_ref()?;
    let node = disk.at(*place).filter(|node| node.is_folder)?;
    let from = if flags & (RESTART | REOPEN) != 0 { None } else { *listed };
    let told = from.is_none().then(|| {
        Told::of("command").with("process.command_line", format!("list {}\\{pattern}", node.path))
    });
    let single = flags & SINGLE != 0;
    let wanted =
        Wanted { class, pattern: &pattern, from: from.unwrap_or(0), single, room: size(room) };
    let (reply, had) = list::folder(disk, node, &wanted);
    *listed = Some(had);
    Some(reply.tell(told))
}

fn query_info(smb: &mut Smb, mut body: Octets<'_>, last: Option<u64>) -> Option<Reply> {
    body.take(2)?;
    let (of, class) = (body.byte()?, body.byte()?);
    let room = size(body.u32_le()?);
    body.take(16)?;
    let id = handle(&mut body, last)?;
    let Some(open) = open_at(smb, id).and_then(|at| smb.opens.get(at)) else {
        return Some(Reply::error(head::FILE_CLOSED));
    };
    let Kind::Node { place, .. } = open.kind else {
        return Some(Reply::error(head::NOT_SUPPORTED));
    };
    let node = smb.disk.as_ref()?.at(place)?;
    Some(match of {
        1 => list::file(node, class, room),
        2 => list::disk(class, DISK, room, smb.now),
        3 => Reply::error(head::ACCESS_DENIED),
        _ => Reply::error(head::NOT_SUPPORTED),
    })
}

fn set_info(
    smb: &mut Smb,
    mut body: Octets<'_>,
    message: &[u8],
    last: Option<u64>,
) -> Option<Reply> {
    body.take(2)?;
    let (of, class) = (body.byte()?, body.byte()?);
    let (length, offset) = (body.u32_le()?, body.u16_le()?);
    body.take(6)?;
    let id = handle(&mut body, last)?;
    let buffer = pointed(message, offset.into(), size(length))?;
    let Some(at) = open_at(smb, id) else { return Some(Reply::error(head::FILE_CLOSED)) };
    if of != 1 {
        return Some(Reply::error(head::ACCESS_DENIED));
    }
    let kind = &mut smb.opens.get_mut(at)?.kind;
    Some(open::set(smb.disk.as_mut()?, kind, class, buffer, smb.now))
}
