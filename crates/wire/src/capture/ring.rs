//! One ring of packets that the kernel fills: AF_PACKET with TPACKET_V3.
//!
//! The kernel writes packets into blocks of shared memory and hands over whole blocks, so one wake-up
//! brings thousands of packets and none is copied. Several rings of one interface may share its packets
//! by a hash of the flow, the same for both directions (PACKET_FANOUT_HASH).

use std::ffi::c_int;
use std::io;
use std::mem::offset_of;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::filter::Filter;
use super::sys::{self, Shared};
use crate::packet::{Raw, link};

/// What lies in a block before the first packet at the least.
const BLOCK_HEADER: usize = size_of::<libc::tpacket_block_desc>();
/// A packet's header, and the address of the link layer that follows it.
const FRAME_HEADER: usize =
    libc::TPACKET_ALIGNMENT * size_of::<libc::tpacket3_hdr>().div_ceil(libc::TPACKET_ALIGNMENT);
/// The size of a block. Few large ones: each costs a wake-up, and a hand-over to the flows.
pub(super) const BLOCK_BYTES: usize = 1 << 20;
/// How long a block waits for further packets before it is handed over unfilled.
const BLOCK_WAITS_MS: u32 = 20;
/// A tag of a virtual network, which the network card may have taken out of the packet.
const TAG_BYTES: usize = 4;
/// The two addresses before it.
const ADDRESSES_BYTES: usize = 12;
const TAG_USUAL: u16 = 0x8100;

/// How a ring is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RingOptions {
    /// The size of one block; a power of two, at least a page.
    pub(crate) block_bytes: usize,
    /// How many blocks there are.
    pub(crate) blocks: usize,
    /// Whether packets for others are wanted too.
    pub(crate) promiscuous: bool,
}

/// What the kernel counted since it was asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KernelCount {
    /// Packets that reached the ring.
    pub(crate) packets: u64,
    /// Packets that found no room in it.
    pub(crate) dropped: u64,
}

/// A ring that receives.
#[derive(Debug)]
pub(crate) struct Ring {
    // The mapping goes before the socket whose memory it is.
    shared: Shared,
    socket: OwnedFd,
    next: usize,
    source: Source,
    /// Blocks or packets whose headers made no sense.
    broken: u64,
}

/// The rings of one interface that share its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group(u16);

impl Ring {
    /// Opens a ring on an interface. It is deaf until it is told what to hear: rings that share packets
    /// would each receive all of them until the last has joined.
    pub(crate) fn open(index: u32, source: Source, options: RingOptions) -> io::Result<Self> {
        let socket = sys::packet_socket()?;
        let version = c_int::try_from(VERSION).map_err(io::Error::other)?;
        sys::set_packet(&socket, libc::PACKET_VERSION, version)?;
        let reserved = c_int::try_from(TAG_BYTES).map_err(io::Error::other)?;
        sys::set_packet(&socket, libc::PACKET_RESERVE, reserved)?;
        let number = |count: usize| libc::c_uint::try_from(count).map_err(io::Error::other);
        let frame_bytes = 2048;
        sys::set_ring(
            &socket,
            &libc::tpacket_req3 {
                tp_block_size: number(options.block_bytes)?,
                tp_block_nr: number(options.blocks)?,
                // With version 3 packets lie one behind the other; these two must only agree.
                tp_frame_size: number(frame_bytes)?,
                tp_frame_nr: number(options.block_bytes / frame_bytes * options.blocks)?,
                tp_retire_blk_tov: BLOCK_WAITS_MS,
                tp_sizeof_priv: 0,
                tp_feature_req_word: 0,
            },
        )?;
        let shared = Shared::map(&socket, options.block_bytes, options.blocks)?;
        sys::attach_filter(&socket, Filter::nothing().steps())?;
        if options.promiscuous {
            sys::set_promiscuous(&socket, index)?;
        }
        sys::bind(&socket, index)?;
        Ok(Self { shared, socket, next: 0, source, broken: 0 })
    }

    /// Receives from now on what the filter takes.
    pub(crate) fn hear(&self, filter: &Filter) -> io::Result<()> {
        sys::attach_filter(&self.socket, filter.steps())
    }

    /// Shares the interface's packets among rings: the first makes the group, the others join it.
    pub(crate) fn share(&self, group: Option<Group>) -> io::Result<Group> {
        let (id, mode) = match group {
            Some(Group(id)) => (u32::from(id), libc::PACKET_FANOUT_HASH),
            None => (0, libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_UNIQUEID),
        };
        let value = (id | mode << 16).cast_signed();
        sys::set_packet(&self.socket, libc::PACKET_FANOUT, value)?;
        let told = sys::get_packet(&self.socket, libc::PACKET_FANOUT)?.cast_unsigned();
        u16::try_from(told & 0xFFFF).map(Group).map_err(io::Error::other)
    }

    /// Waits for a block; tells whether there is one.
    pub(crate) fn wait(&self, time: Duration) -> io::Result<bool> {
        let is_ready = sys::wait(&self.socket, time)?;
        match sys::fault_of(&self.socket).filter(|_| is_ready) {
            Some(fault) => Err(fault),
            None => Ok(is_ready),
        }
    }

    /// Gives the packets of the next block, and the block back to the kernel; tells whether there was
    /// one.
    pub(crate) fn take(&mut self, each: impl FnOnce(&[Raw<'_>])) -> bool {
        let number = self.next;
        let Some(block) = self.shared.block(number) else { return false };
        let mut frames = Frames { source: self.source, whole: true, raws: Vec::new() };
        frames.walk(block);
        each(&frames.raws);
        self.broken += u64::from(!frames.whole);
        self.shared.give_back(number);
        self.next = (number + 1) % self.shared.blocks();
        true
    }

    /// Gives how many blocks the ring has.
    pub(crate) fn blocks(&self) -> usize {
        self.shared.blocks()
    }

    /// Gives what the kernel counted since it was asked last.
    pub(crate) fn kernel_count(&self) -> KernelCount {
        sys::statistics(&self.socket).map_or_else(
            |_| KernelCount::default(),
            |told| KernelCount {
                // The kernel counts what it dropped among what came.
                packets: told.tp_packets.saturating_sub(told.tp_drops).into(),
                dropped: u64::from(told.tp_drops),
            },
        )
    }

    /// Gives how many blocks made no sense since it was asked last.
    pub(crate) fn broken(&mut self) -> u64 {
        std::mem::take(&mut self.broken)
    }
}

/// What a ring's packets have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// The interface's place among the names.
    pub(crate) interface: u16,
    /// How its packets begin.
    pub(crate) link: u32,
    /// On the machine's own interface every packet is seen twice, on its way out first.
    pub(crate) skips_outgoing: bool,
}

/// `TPACKET_V3`.
const VERSION: u32 = 2;

/// The packets of a block, as they are found.
struct Frames<'b> {
    source: Source,
    /// Whether all headers made sense.
    whole: bool,
    raws: Vec<Raw<'b>>,
}

impl<'b> Frames<'b> {
    fn walk(&mut self, block: &'b mut [u8]) {
        self.whole = self.walk_whole(block).is_some();
    }

    fn walk_whole(&mut self, block: &'b mut [u8]) -> Option<()> {
        const HEADER: usize = offset_of!(libc::tpacket_block_desc, hdr);
        let count = number(block, HEADER + offset_of!(libc::tpacket_hdr_v1, num_pkts))?;
        let first = number(block, HEADER + offset_of!(libc::tpacket_hdr_v1, offset_to_first_pkt))?;
        let first = usize::try_from(first).ok()?;
        if count == 0 {
            return Some(());
        }
        // No packet is this short, so a count that lies reserves no more than the block could hold.
        let likely = usize::try_from(count).ok()?.min(block.len() / FRAME_HEADER);
        self.raws.reserve(likely);
        let mut rest = block.get_mut(first.max(BLOCK_HEADER)..)?;
        for left in (0..count).rev() {
            let next = number(rest, offset_of!(libc::tpacket3_hdr, tp_next_offset))?;
            // The last one of a block need not say where a next would be.
            let length = if left == 0 { rest.len() } else { usize::try_from(next).ok()? };
            let (frame, after) = rest.split_at_mut_checked(length)?;
            self.one(frame)?;
            rest = after;
        }
        Some(())
    }

    /// Takes one packet; `frame` begins with its header.
    fn one(&mut self, frame: &'b mut [u8]) -> Option<()> {
        let header = Header::read(frame)?;
        if self.source.skips_outgoing && header.outgoing {
            return Some(());
        }
        let kept = usize::try_from(header.kept).ok()?;
        let end = header.start.checked_add(kept)?;
        let mut start = header.start;
        let mut wire_length = header.length;
        if let Some(tag) = header.tag
            && self.source.link == link::ETHERNET
            && kept >= ADDRESSES_BYTES
            && let Some(room) = start.checked_sub(TAG_BYTES).filter(|room| *room >= FRAME_HEADER)
            && let Some(moved) = frame.get_mut(room..end)
        {
            put_tag_back(moved, tag);
            start = room;
            wire_length = wire_length.saturating_add(4);
        }
        let bytes = frame.get(start..end)?;
        let Source { interface, link, .. } = self.source;
        self.raws.push(Raw { time_ns: header.nanos, wire_length, interface, link, bytes });
        Some(())
    }
}

/// Moves the addresses to the front of the room and writes the tag behind them.
fn put_tag_back(room: &mut [u8], (kind, tag): (u16, u16)) {
    room.copy_within(TAG_BYTES..TAG_BYTES + ADDRESSES_BYTES, 0);
    let ([a, b], [c, d]) = (kind.to_be_bytes(), tag.to_be_bytes());
    if let Some(place) = room.get_mut(ADDRESSES_BYTES..ADDRESSES_BYTES + TAG_BYTES) {
        place.copy_from_slice(&[a, b, c, d]);
    }
}

/// What the kernel says of one packet.
struct Header {
    nanos: u64,
    kept: u32,
    length: u32,
    start: usize,
    /// Kind and content of the tag that the network card took out.
    tag: Option<(u16, u16)>,
    outgoing: bool,
}

impl Header {
    fn read(frame: &[u8]) -> Option<Self> {
        use libc::{sockaddr_ll, tpacket_hdr_variant1, tpacket3_hdr};
        const VARIANT: usize = offset_of!(tpacket3_hdr, hv1);
        let seconds = number(frame, offset_of!(tpacket3_hdr, tp_sec))?;
        let nanos = number(frame, offset_of!(tpacket3_hdr, tp_nsec))?;
        let status = number(frame, offset_of!(tpacket3_hdr, tp_status))?;
        let kind = short(frame, VARIANT + offset_of!(tpacket_hdr_variant1, tp_vlan_tpid))?;
        let tag = number(frame, VARIANT + offset_of!(tpacket_hdr_variant1, tp_vlan_tci))?;
        let told = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
        let kind = if told { kind } else { TAG_USUAL };
        let tag = u16::try_from(tag & 0xFFFF).ok()?;
        let way = *frame.get(FRAME_HEADER + offset_of!(sockaddr_ll, sll_pkttype))?;
        Some(Self {
            nanos: u64::from(seconds) * 1_000_000_000 + u64::from(nanos),
            kept: number(frame, offset_of!(tpacket3_hdr, tp_snaplen))?,
            length: number(frame, offset_of!(tpacket3_hdr, tp_len))?,
            start: usize::from(short(frame, offset_of!(tpacket3_hdr, tp_mac))?),
            tag: (status & libc::TP_STATUS_VLAN_VALID != 0).then_some((kind, tag)),
            outgoing: way == libc::PACKET_OUTGOING,
        })
    }
}

fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn short(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}
