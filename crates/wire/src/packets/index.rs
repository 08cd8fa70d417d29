//! Which flows have packets in which pieces of a file.
//!
//! A flow is known by the first eight bytes of its community identifier's digest. The index of a file:
//!
//! ```text
//! "BZPKTS1\n" | first, last moment | count of pieces | count of entries
//! | a piece: its offset, its length | … | an entry: flow, piece | …, sorted
//! ```

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::IpAddr;

use base64::Engine as _;

use crate::community::Ends;
use crate::packet::{Packet, Transport};

const MAGIC: &[u8; 8] = b"BZPKTS1\n";
/// How long a piece is, at which the next begins.
const PIECE_BYTES: u64 = 64 * 1024;
const HEADER_BYTES: usize = 32;
const PIECE_ENTRY: usize = 16;
const FLOW_ENTRY: usize = 12;

/// Both ends of a flow, the lower first, so that both directions have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FlowKey {
    low: (IpAddr, u16),
    high: (IpAddr, u16),
    transport: Transport,
    protocol: u8,
}

impl FlowKey {
    pub(super) fn of(packet: &Packet<'_>) -> Self {
        let source = (packet.source(), packet.source_port);
        let destination = (packet.destination(), packet.destination_port);
        let (transport, protocol) = (packet.transport, packet.protocol);
        // The ports of these are type and code, which do not change places.
        let ordered = source <= destination
            || matches!(transport, Transport::Icmp | Transport::Icmp6 | Transport::Arp);
        let (low, high) = if ordered { (source, destination) } else { (destination, source) };
        Self { low, high, transport, protocol }
    }

    /// Gives the same key without ports, under which fragments that have none are found.
    pub(super) fn addresses(self) -> (IpAddr, IpAddr, u8) {
        let (one, other) = (self.low.0.min(self.high.0), self.low.0.max(self.high.0));
        (one, other, self.protocol)
    }

    /// Gives what the flow is known by; ARP is no flow.
    pub(super) fn flow(self) -> Option<u64> {
        let ends = Ends {
            source: self.low.0,
            destination: self.high.0,
            source_port: self.low.1,
            destination_port: self.high.1,
        };
        flow_of(&ends.id(self.transport, self.protocol)?)
    }
}

/// Gives what a flow is known by from its community identifier.
pub(super) fn flow_of(community_id: &str) -> Option<u64> {
    let digest = community_id.strip_prefix("1:")?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(digest).ok()?;
    if bytes.len() != 20 {
        return None;
    }
    Some(u64::from_be_bytes(*bytes.first_chunk()?))
}

/// An index that grows with its file.
#[derive(Debug, Default)]
pub(super) struct Growing {
    /// What each flow of the file is known by.
    flows: HashMap<FlowKey, Option<u64>>,
    /// The flows of the piece that grows.
    in_piece: HashSet<u64>,
    pieces: Vec<(u64, u64)>,
    entries: Vec<(u64, u32)>,
    first_ns: Option<u64>,
    last_ns: u64,
}

impl Growing {
    /// Notes a packet that lies at `offset` and is `length` long.
    pub(super) fn note(&mut self, key: Option<FlowKey>, time_ns: u64, offset: u64, length: u64) {
        self.first_ns = Some(self.first_ns.map_or(time_ns, |first| first.min(time_ns)));
        self.last_ns = self.last_ns.max(time_ns);
        match self.pieces.last_mut() {
            Some((_, have)) if *have < PIECE_BYTES => *have += length,
            _ => {
                self.pieces.push((offset, length));
                self.in_piece.clear();
            }
        }
        let piece = u32::try_from(self.pieces.len() - 1).unwrap_or(u32::MAX);
        let Some(key) = key else { return };
        let Some(flow) = *self.flows.entry(key).or_insert_with(|| key.flow()) else { return };
        if self.in_piece.insert(flow) {
            self.entries.push((flow, piece));
        }
    }

    /// Tells whether the file holds no packet so far.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Gives how many flows the file has.
    pub(super) fn flows(&self) -> usize {
        self.flows.len()
    }

    /// Gives how many bytes it will take.
    pub(super) fn bytes(&self) -> u64 {
        let length =
            HEADER_BYTES + self.pieces.len() * PIECE_ENTRY + self.entries.len() * FLOW_ENTRY;
        u64::try_from(length).unwrap_or(u64::MAX)
    }

    /// Gives its bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entries.sort_unstable();
        let mut out = MAGIC.to_vec();
        out.extend(self.first_ns.unwrap_or_default().to_le_bytes());
        out.extend(self.last_ns.to_le_bytes());
        for count in [self.pieces.len(), self.entries.len()] {
            out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        }
        for (offset, length) in &self.pieces {
            out.extend(offset.to_le_bytes());
            out.extend(length.to_le_bytes());
        }
        for (flow, piece) in &self.entries {
            out.extend(flow.to_le_bytes());
            out.extend(piece.to_le_bytes());
        }
        out
    }
}

/// An index that was read.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    pieces: Vec<(u64, u64)>,
    entries: Vec<(u64, u32)>,
}

impl Index {
    /// Reads an index; anything that it is not is an error.
    pub(super) fn read(bytes: &[u8]) -> io::Result<Self> {
        Self::of(bytes).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "this is no index of packets")
        })
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let long = |bytes: &[u8]| Some(u64::from_le_bytes(*bytes.first_chunk()?));
        let short = |bytes: &[u8]| Some(u32::from_le_bytes(*bytes.first_chunk()?));
        let (head, rest) = rest.split_at_checked(HEADER_BYTES - MAGIC.len())?;
        let (first_ns, last_ns) = (long(head)?, long(head.get(8..)?)?);
        let pieces = usize::try_from(short(head.get(16..)?)?).ok()?;
        let entries = usize::try_from(short(head.get(20..)?)?).ok()?;
        let (pieces, entries_bytes) = rest.split_at_checked(pieces.checked_mul(PIECE_ENTRY)?)?;
        if entries_bytes.len() != entries.checked_mul(FLOW_ENTRY)? {
            return None;
        }
        let piece = |bytes: &[u8]| Some((long(bytes)?, long(bytes.get(8..)?)?));
        let entry = |bytes: &[u8]| Some((long(bytes)?, short(bytes.get(8..)?)?));
        Some(Self {
            first_ns,
            last_ns,
            pieces: pieces.chunks_exact(PIECE_ENTRY).map(piece).collect::<Option<_>>()?,
            entries: entries_bytes.chunks_exact(FLOW_ENTRY).map(entry).collect::<Option<_>>()?,
        })
    }

    /// Gives where the first piece lies; what stands before it describes the file.
    pub(super) fn first_piece(&self) -> Option<(u64, u64)> {
        self.pieces.first().copied()
    }

    /// Gives where the pieces lie that have packets of a flow, and how long they are.
    pub(super) fn pieces_of(&self, flow: u64) -> impl Iterator<Item = (u64, u64)> {
        let start = self.entries.partition_point(|(other, _)| *other < flow);
        let entries = self.entries.get(start..).unwrap_or_default().iter();
        let of_flow = entries.take_while(move |(other, _)| *other == flow);
        of_flow.filter_map(|(_, piece)| self.pieces.get(usize::try_from(*piece).ok()?).copied())
    }
}
