//! Takes the packets of one flow out of the ring.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;

use super::format::{self, Block};
use super::index::{FlowKey, Index, flow_of};
use super::writer::{INDEX, packet_files, time_of};
use crate::decode::{Decoded, decode};
use crate::file::PcapWriter;
use crate::packet::Raw;

/// Flows of one file that are remembered as others.
const OTHERS_MAX: usize = 65_536;
/// No index that we write is longer.
const INDEX_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A file is given in pieces of this length.
const PIECE_BYTES: usize = 64 * 1024;
/// Several threads write into one file: packets are in order but for so much.
const DISORDER_NS: u64 = 10_000_000_000;

/// Which packets are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub(super) flow: u64,
    /// From this moment, in nanoseconds since 1970.
    pub from_ns: u64,
    /// Up to this moment.
    pub to_ns: u64,
}

/// The text is no community identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a community identifier, such as 1:LQU9qZlK+B5F3KDmev6m5PMibrg=")]
pub struct WantedError;

impl Wanted {
    /// Wants all packets of the flow with this community identifier.
    pub fn of(community_id: &str) -> Result<Self, WantedError> {
        let flow = flow_of(community_id).ok_or(WantedError)?;
        Ok(Self { flow, from_ns: 0, to_ns: u64::MAX })
    }
}

/// What a search found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Packets.
    pub packets: u64,
    /// Files in which they may lie by their time.
    pub files: u64,
    /// Bytes of them that were read.
    pub bytes_read: u64,
    /// Files that could not be read to their end.
    pub damaged: u64,
}

/// Gives the wanted packets, file by file, until `each` breaks off.
pub fn find(
    folder: &Path,
    wanted: &Wanted,
    mut each: impl FnMut(&Raw<'_>) -> ControlFlow<()>,
) -> io::Result<Found> {
    let mut search = Search { wanted, found: Found::default(), room: Vec::new() };
    let files = match packet_files(folder) {
        // Nothing was kept there so far.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(search.found),
        files => files?,
    };
    for (number, path) in files.iter().enumerate() {
        let begins = time_of(path).unwrap_or_default();
        let next = files.get(number + 1).and_then(|next| time_of(next)).unwrap_or(u64::MAX);
        let outside = begins.saturating_sub(DISORDER_NS) > wanted.to_ns
            || next.saturating_add(DISORDER_NS) < wanted.from_ns;
        if outside {
            continue;
        }
        match search.file(path, &mut each) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            // The oldest goes while we read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => search.found.damaged += 1,
        }
    }
    Ok(search.found)
}

/// Gives the wanted packets as a pcap file, in pieces, until `each` says that nobody wants more. Where
/// there is no packet there is no piece.
pub fn give(
    folder: &Path,
    wanted: &Wanted,
    each: &mut dyn FnMut(Vec<u8>) -> bool,
) -> io::Result<()> {
    let mut out = PcapWriter::new(Vec::new());
    let mut fault = None;
    let mut is_wanted = true;
    let found = find(folder, wanted, |raw| {
        fault = out.write(raw).err();
        if fault.is_none() && out.written().len() >= PIECE_BYTES {
            is_wanted = each(std::mem::take(out.written()));
        }
        if is_wanted && fault.is_none() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    if found.packets > 0 && is_wanted && !out.written().is_empty() {
        each(std::mem::take(out.written()));
    }
    Ok(())
}

struct Search<'w> {
    wanted: &'w Wanted,
    found: Found,
    room: Vec<u8>,
}

/// What is known of the flows of one file.
#[derive(Default)]
struct Flows {
    others: HashSet<FlowKey>,
    this: Option<FlowKey>,
    addresses: Option<(IpAddr, IpAddr, u8)>,
}

type Each<'e> = &'e mut dyn FnMut(&Raw<'_>) -> ControlFlow<()>;

impl Search<'_> {
    fn file(&mut self, path: &Path, each: Each<'_>) -> io::Result<ControlFlow<()>> {
        let index = read_index(&path.with_extension(INDEX))?;
        if index.as_ref().is_some_and(|index| {
            index.last_ns < self.wanted.from_ns || index.first_ns > self.wanted.to_ns
        }) {
            return Ok(ControlFlow::Continue(()));
        }
        self.found.files += 1;
        let mut file = BufReader::new(File::open(path)?);
        let mut links = Vec::new();
        let mut flows = Flows::default();
        let Some(index) = index else {
            // It is being written, or its writer ended with it.
            return self.piece(&mut file, u64::MAX, &mut links, &mut flows, each);
        };
        let pieces: Vec<(u64, u64)> = index.pieces_of(self.wanted.flow).collect();
        let Some((first, _)) = index.first_piece() else { return Ok(ControlFlow::Continue(())) };
        if pieces.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        // What stands before the first piece describes the interfaces.
        if self.piece(&mut file, first, &mut links, &mut flows, each)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        for (offset, length) in pieces {
            file.seek(SeekFrom::Start(offset))?;
            if self.piece(&mut file, length, &mut links, &mut flows, each)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn piece(
        &mut self,
        file: &mut BufReader<File>,
        length: u64,
        links: &mut Vec<u32>,
        flows: &mut Flows,
        each: Each<'_>,
    ) -> io::Result<ControlFlow<()>> {
        let mut read = 0;
        let mut room = std::mem::take(&mut self.room);
        while read < length {
            let Some((block, taken)) = format::next(file, &mut room)? else { break };
            read += u64::from(taken);
            self.found.bytes_read += u64::from(taken);
            match block {
                Block::Interface(link) => links.push(link),
                Block::Other => {}
                Block::Packet { interface, time_ns, wire_length, bytes } => {
                    let link = usize::try_from(interface).ok().and_then(|place| links.get(place));
                    let Some(link) = link.copied() else { continue };
                    let kept = Raw { time_ns, wire_length, interface: 0, link, bytes };
                    if self.wants(&kept, flows) {
                        self.found.packets += 1;
                        if each(&kept).is_break() {
                            self.room = room;
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                }
            }
        }
        self.room = room;
        Ok(ControlFlow::Continue(()))
    }

    fn wants(&self, kept: &Raw<'_>, flows: &mut Flows) -> bool {
        if !(self.wanted.from_ns..=self.wanted.to_ns).contains(&kept.time_ns) {
            return false;
        }
        match decode(kept) {
            Decoded::Packet(packet) => flows.is_this(FlowKey::of(&packet), self.wanted.flow),
            // Fragments have no ports; those between the flow's ends that lie near it may be its own.
            Decoded::Fragment(fragment) => {
                flows.addresses == Some(FlowKey::of(&fragment.packet).addresses())
            }
            Decoded::Other | Decoded::Malformed => false,
        }
    }
}

impl Flows {
    fn is_this(&mut self, key: FlowKey, flow: u64) -> bool {
        if self.this == Some(key) {
            return true;
        }
        if self.others.contains(&key) {
            return false;
        }
        if key.flow() == Some(flow) {
            self.this = Some(key);
            self.addresses = Some(key.addresses());
            return true;
        }
        if self.others.len() < OTHERS_MAX {
            self.others.insert(key);
        }
        false
    }
}

fn read_index(path: &Path) -> io::Result<Option<Index>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(INDEX_BYTES_MAX).read_to_end(&mut bytes)?;
    // An index that is damaged only spares work: without it the file is read whole.
    Ok(Index::read(&bytes).ok())
}
