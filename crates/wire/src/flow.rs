//! Flows: who spoke to whom, when, how much, in which protocol.

mod engine;
mod record;
mod report;
mod rows;
mod state;
mod stream;
mod table;
mod talk;
mod talks;
mod wheel;

#[cfg(test)]
mod tests;

pub use engine::Flows;

use std::net::IpAddr;

use crate::packet::Packet;
use crate::tell::Direction;

/// How flows are kept.
#[derive(Clone, Debug)]
pub struct FlowConfig {
    /// Networks that are ours: address and prefix length. `network.direction` is told by them.
    pub home: Vec<(IpAddr, u8)>,
    /// Flows that are kept at once; past it the one that was silent longest is told and dropped.
    pub flows_max: usize,
    /// Flows whose first bytes or messages are kept at once; past it new flows are only counted.
    pub dissected_max: usize,
    /// Bytes that are kept of what flows say, all together.
    pub held_bytes_max: usize,
    /// After so long without a packet a connection that was opened is over.
    pub idle_ns: u64,
    /// The same for a connection that was not opened whole (a scan, a flood).
    pub half_open_ns: u64,
    /// The same for UDP and what has no connections.
    pub datagram_idle_ns: u64,
    /// A flow that lasts longer is told each time so much has passed.
    pub long_ns: u64,
    /// The names of the interfaces, for `observer.ingress.interface.name`; none for files.
    pub interfaces: Vec<String>,
}

impl Default for FlowConfig {
    fn default() -> Self {
        const SECOND: u64 = 1_000_000_000;
        let home = [
            ("10.0.0.0", 8),
            ("172.16.0.0", 12),
            ("192.168.0.0", 16),
            ("100.64.0.0", 10),
            ("169.254.0.0", 16),
            ("127.0.0.0", 8),
            ("fc00::", 7),
            ("fe80::", 10),
            ("::1", 128),
        ];
        let network = |(text, length): (&str, u8)| Some((text.parse().ok()?, length));
        Self {
            home: home.into_iter().filter_map(network).collect(),
            flows_max: 1 << 20,
            dissected_max: 1 << 16,
            held_bytes_max: 256 << 20,
            idle_ns: 300 * SECOND,
            half_open_ns: 20 * SECOND,
            datagram_idle_ns: 60 * SECOND,
            long_ns: 1800 * SECOND,
            interfaces: Vec::new(),
        }
    }
}

/// What was read, and what was left out for want of room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Frames that break the rules of what they claim to be.
    pub malformed: u64,
    /// Frames of a kind that is not read (no IP, no ARP).
    pub other: u64,
    /// Frames that the capture cut.
    pub cut: u64,
    /// Fragments.
    pub fragments: u64,
    /// Packets put together from fragments.
    pub reassembled: u64,
    /// Packets whose fragments did not all come in time, or had no room.
    pub fragments_dropped: u64,
    /// Flows that began.
    pub flows: u64,
    /// Flows told and dropped before their time, for want of room.
    pub evicted: u64,
    /// Flows whose protocol was not read, for want of room.
    pub undissected: u64,
    /// Segments that said again what was there already, in other bytes perhaps: what came first counts.
    pub overlaps: u64,
    /// Places where bytes of a stream were missing.
    pub gaps: u64,
    /// Segments that came before their turn and found no room.
    pub segments_dropped: u64,
    /// Messages that break their protocol's rules.
    pub messages_malformed: u64,
    /// Messages longer than what is kept of one: the flow is read no further.
    pub messages_long: u64,
    /// Events that were not told, since their flow had told its share.
    pub untold: u64,
    /// Events told: flows and what protocols say.
    pub events: u64,
}

/// What is known of the flow of a packet when it comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The flow's number, which the next flow may have when this one is over.
    pub flow: u32,
    /// Whether this is the flow's first packet.
    pub first: bool,
    /// Who sent it.
    pub direction: Direction,
    /// What the flow speaks, where that is known already.
    pub protocol: Option<&'static str>,
}

/// Sees each packet with its flow, for accounting. Called once a packet, on the path of all: short.
pub trait Watch {
    /// Takes a packet.
    fn packet(&mut self, packet: &Packet<'_>, seen: Seen);
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWatch;

impl Watch for NoWatch {
    fn packet(&mut self, _: &Packet<'_>, _: Seen) {}
}
