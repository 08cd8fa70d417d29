//! How files and folders are shown: lists of a folder and what is said of one file ([MS-FSCC]).

use bytes::BufMut;

use super::disk::{Disk, Node};
use super::head;
use super::open::Reply;
use crate::octets::{len16, len32, len64, to_utf16};

/// Bytes of a list that are given at once.
const LIST_BYTES_MAX: usize = 65_536;
const CLUSTER: u64 = 4096;

fn attributes(node: &Node) -> u32 {
    if node.is_folder { 0x10 } else { 0x20 }
}

fn allocated(node: &Node) -> u64 {
    len64(node.bytes.len()).div_ceil(CLUSTER) * CLUSTER
}

fn put_times(out: &mut Vec<u8>, node: &Node) {
    for _ in 0..4 {
        out.put_u64_le(node.changed);
    }
}

/// Times, room, size and attributes, in this order.
pub(super) fn put_times_and_sizes(out: &mut Vec<u8>, node: &Node) {
    put_times(out, node);
    out.put_u64_le(allocated(node));
    out.put_u64_le(len64(node.bytes.len()));
    out.put_u32_le(attributes(node));
}

/// A number that stands for a file.
fn index(node: &Node) -> u64 {
    node.path.bytes().fold(0x0001_0000_0000_0021, |sum: u64, byte| {
        sum.rotate_left(5).wrapping_add(byte.into()) & 0x0003_ffff_ffff_ffff
    })
}

/// One entry of a list, its link to the next not yet set; `None` for a class that is not known.
fn entry(class: u8, node: &Node, name: &str) -> Option<Vec<u8>> {
    let name = to_utf16(name);
    let mut out = vec![0; 8];
    if class != 12 {
        put_times(&mut out, node);
        out.put_u64_le(len64(node.bytes.len()));
        out.put_u64_le(allocated(node));
        out.put_u32_le(attributes(node));
    }
    out.put_u32_le(len32(name.len()));
    match class {
        1 | 12 => {}
        2 => out.put_u32_le(0),
        3 => out.put_bytes(0, 30),
        37 => {
            out.put_bytes(0, 32);
            out.put_u64_le(index(node));
        }
        38 => {
            out.put_u64_le(0);
            out.put_u64_le(index(node));
        }
        _ => return None,
    }
    out.extend(name);
    Some(out)
}

/// What a request for a list wants.
pub(super) struct Wanted<'a> {
    pub(super) class: u8,
    pub(super) pattern: &'a str,
    /// How many entries the client has had.
    pub(super) from: usize,
    /// Only one at a time.
    pub(super) single: bool,
    /// Bytes that the client has room for.
    pub(super) room: usize,
}

/// Lists a folder; gives how many entries the client has had then.
pub(super) fn folder(disk: &Disk, node: &Node, wanted: &Wanted<'_>) -> (Reply, usize) {
    let mut entries: Vec<(&Node, &str)> = Vec::new();
    for dots in [".", ".."] {
        if super::disk::fits(wanted.pattern, dots) {
            entries.push((node, dots));
        }
    }
    entries
        .extend(disk.list(&node.path, wanted.pattern).into_iter().map(|node| (node, node.name())));
    let room = wanted.room.min(LIST_BYTES_MAX);
    let (mut out, mut last, mut had) = (Vec::new(), None, wanted.from);
    for (node, name) in entries.iter().skip(wanted.from) {
        let Some(entry) = entry(wanted.class, node, name) else {
            return (Reply::error(head::INVALID_INFO_CLASS), wanted.from);
        };
        let start = out.len().next_multiple_of(8);
        if start + entry.len() > room || (wanted.single && last.is_some()) {
            break;
        }
        if let Some(last) = last {
            link(&mut out, last, start);
        }
        out.resize(start, 0);
        out.extend(entry);
        (last, had) = (Some(start), had + 1);
    }
    let reply = match (last, wanted.from) {
        (Some(_), _) => Reply::ok(buffer(&out)),
        (None, 0) if entries.is_empty() => Reply::error(head::NO_SUCH_FILE),
        (None, _) => Reply::error(head::NO_MORE_FILES),
    };
    (reply, had)
}

/// Writes into an entry where the next one begins.
fn link(out: &mut [u8], entry: usize, next: usize) {
    if let Some(room) = out.get_mut(entry..).and_then(|rest| rest.get_mut(..4)) {
        room.copy_from_slice(&len32(next.saturating_sub(entry)).to_le_bytes());
    }
}

/// The body that carries a list or an information.
fn buffer(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_u16_le(9);
    out.put_u16_le(72);
    out.put_u32_le(len32(bytes.len()));
    out.extend_from_slice(bytes);
    out
}

/// What is said of one file.
pub(super) fn file(node: &Node, class: u8, room: usize) -> Reply {
    let mut out = Vec::new();
    let folder = u8::from(node.is_folder);
    match class {
        // Basic.
        4 => {
            put_times(&mut out, node);
            out.put_u32_le(attributes(node));
            out.put_u32_le(0);
        }
        // Standard.
        5 => {
            out.put_u64_le(allocated(node));
            out.put_u64_le(len64(node.bytes.len()));
            out.put_u32_le(1);
            out.put_slice(&[0, folder, 0, 0]);
        }
        // Internal, extended attributes, access, position, mode, alignment.
        6 => out.put_u64_le(index(node)),
        7 | 16 | 17 => out.put_u32_le(0),
        8 => out.put_u32_le(0x001f_01ff),
        14 => out.put_u64_le(0),
        // All.
        18 => {
            put_times(&mut out, node);
            out.put_u32_le(attributes(node));
            out.put_u32_le(0);
            out.put_u64_le(allocated(node));
            out.put_u64_le(len64(node.bytes.len()));
            out.put_u32_le(1);
            out.put_slice(&[0, folder, 0, 0]);
            out.put_u64_le(index(node));
            out.put_u32_le(0);
            out.put_u32_le(0x001f_01ff);
            out.put_bytes(0, 16);
            let name = to_utf16(&format!("\\{}", node.path));
            out.put_u32_le(len32(name.len()));
            out.extend(name);
        }
        // Streams.
        22 => {
            let name = to_utf16("::$DATA");
            out.put_u32_le(0);
            out.put_u32_le(len32(name.len()));
            out.put_u64_le(len64(node.bytes.len()));
            out.put_u64_le(allocated(node));
            out.extend(name);
        }
        // For opening over the network.
        34 => {
            put_times_and_sizes(&mut out, node);
            out.put_u32_le(0);
        }
        _ => return Reply::error(head::NOT_SUPPORTED),
    }
    cut(out, room)
}

/// What is said of the disk.
pub(super) fn disk(class: u8, label: &str, room: usize, now: u64) -> Reply {
    const UNITS: u64 = 31_326_207;
    const FREE: u64 = 11_744_038;
    let mut out = Vec::new();
    match class {
        1 => {
            let label = to_utf16(label);
            out.put_u64_le(now.saturating_sub(864_000_000_000 * 731));
            out.put_u32_le(0x6ac1_20f4);
            out.put_u32_le(len32(label.len()));
            out.put_u16_le(0);
            out.extend(label);
        }
        3 => {
            out.put_u64_le(UNITS);
            out.put_u64_le(FREE);
            out.put_u32_le(8);
            out.put_u32_le(512);
        }
        4 => {
            out.put_u32_le(7);
            out.put_u32_le(0x20);
        }
        5 => {
            let name = to_utf16("NTFS");
            out.put_u32_le(0x00c7_00ff);
            out.put_u32_le(255);
            out.put_u32_le(u32::from(len16(name.len())));
            out.extend(name);
        }
        7 => {
            out.put_u64_le(UNITS);
            out.put_u64_le(FREE);
            out.put_u64_le(FREE);
            out.put_u32_le(8);
            out.put_u32_le(512);
        }
        11 => {
            for number in [512, 4096, 4096, 512, 3, 0, 0] {
                out.put_u32_le(number);
            }
        }
        _ => return Reply::error(head::NOT_SUPPORTED),
    }
    cut(out, room)
}

/// As much as the client has room for.
fn cut(mut out: Vec<u8>, room: usize) -> Reply {
    let fits = out.len() <= room;
    out.truncate(room);
    let status = if fits { head::SUCCESS } else { head::BUFFER_OVERFLOW };
    Reply { status, body: buffer(&out), told: Vec::new() }
}
