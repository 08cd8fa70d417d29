//! One flow as it is kept: three cache lines, of which a packet touches two.

use crate::community;
use crate::packet::{Macs, Packet, Transport, address, flags};
use crate::tell::{About, Direction};

/// No flow, no conversation.
pub(super) const NONE: u32 = u32::MAX;
/// A VLAN that is not there.
const NO_VLAN: u16 = u16::MAX;

/// What packets of one flow share, whichever way they go: the lower end stands first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Key {
    low: u128,
    high: u128,
    low_port: u16,
    high_port: u16,
    vlan: u16,
    inner_vlan: u16,
    protocol: u8,
    ip_version: u8,
    transport: Transport,
}

/// Secrets that make hashes unforeseeable: nobody outside can aim flows at one bucket.
#[derive(Clone, Copy)]
pub(super) struct Seeds([u64; 5]);

impl std::fmt::Debug for Seeds {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Seeds(…)")
    }
}

impl Seeds {
    pub(super) fn random() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let state = RandomState::new();
        Self([1, 2, 3, 4, 5].map(|number: u64| state.hash_one(number)))
    }
}

impl Key {
    /// Gives the key of a packet, and whether its sender is the lower end.
    pub(super) fn of(packet: &Packet<'_>) -> (Self, bool) {
        let (source_port, destination_port) = ports(packet);
        let (source, destination) = (packet.source_bits, packet.destination_bits);
        let upwards = (source, source_port) <= (destination, destination_port);
        let [vlan, inner_vlan] = packet.vlans.map(|vlan| vlan.unwrap_or(NO_VLAN));
        let (low, high, low_port, high_port) = if upwards {
            (source, destination, source_port, destination_port)
        } else {
            (destination, source, destination_port, source_port)
        };
        let key = Self {
            low,
            high,
            low_port,
            high_port,
            vlan,
            inner_vlan,
            protocol: packet.protocol,
            ip_version: packet.ip_version,
            transport: packet.transport,
        };
        (key, upwards)
    }

    /// Gives its hash; never 0.
    pub(super) fn hash(&self, seeds: &Seeds) -> u32 {
        let Seeds([s0, s1, s2, s3, s4]) = seeds;
        let halves = |bits: u128| {
            let low = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
            (low, u64::try_from(bits >> 64).unwrap_or(0))
        };
        let fold = |one: u64, other: u64| {
            let (low, high) = halves(u128::from(one) * u128::from(other));
            low ^ high
        };
        let (low, high) = (halves(self.low), halves(self.high));
        let ends = u64::from(self.low_port) << 48
            | u64::from(self.high_port) << 32
            | u64::from(self.protocol) << 8
            | u64::from(self.ip_version);
        let one = fold(low.0 ^ s0, low.1 ^ s1);
        let other = fold(high.0 ^ s2, high.1 ^ s3);
        // Nothing that senders choose is put together before a secret is between.
        let tags = u64::from(self.vlan) << 16 | u64::from(self.inner_vlan);
        let all = fold(one ^ ends, other ^ s4 ^ tags);
        u32::try_from(all >> 32).unwrap_or(0).max(1)
    }
}

/// Gives what stands for ports in the key; of ICMP the message, and for an answer what it answers.
fn ports(packet: &Packet<'_>) -> (u16, u16) {
    match packet.transport {
        Transport::Tcp | Transport::Udp => (packet.source_port, packet.destination_port),
        Transport::Icmp | Transport::Icmp6 => {
            let kind = packet.source_port;
            // One way only: both ends carry the same, so that the addresses tell the direction.
            let word = kind << 8 | (packet.destination_port & 0xff);
            community::answer(packet.transport, kind).map_or((word, word), |other| (kind, other))
        }
        Transport::Arp | Transport::Other => (0, 0),
    }
}

/// One direction of a flow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side {
    pub(super) bytes: u64,
    pub(super) packets: u64,
    /// The number after the last byte seen.
    pub(super) expected: u32,
    /// What was seen; see [`seen`].
    pub(super) seen: u8,
}

/// What a direction of a connection has shown.
pub(super) mod seen {
    /// A SYN without ACK.
    pub(crate) const SYN: u8 = 1;
    /// A SYN with ACK.
    pub(crate) const SYN_ACK: u8 = 2;
    pub(crate) const FIN: u8 = 4;
    pub(crate) const RST: u8 = 8;
    /// A payload.
    pub(crate) const DATA: u8 = 16;
    /// An ACK.
    pub(crate) const ACK: u8 = 32;
    /// The first sign that the connection ends.
    pub(crate) const RST_FIRST: u8 = 64;
}

/// Marks of a flow.
pub(super) mod mark {
    /// The side that opened it is the lower end of the key.
    pub(crate) const CLIENT_IS_LOW: u8 = 1;
    /// The link has addresses.
    pub(crate) const MACS: u8 = 2;
    /// No protocol is looked for, or none any more.
    pub(crate) const QUIET: u8 = 4;
    /// Both sides are done with it, or one has torn it down.
    pub(crate) const CLOSED: u8 = 8;
}

/// One flow.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Flow {
    pub(super) key: Key,
    pub(super) start_ns: u64,
    pub(super) last_ns: u64,
    pub(super) client: Side,
    pub(super) server: Side,
    /// Its conversation, while there is one.
    pub(super) talk: u32,
    /// Which letters of the history are there.
    pub(super) letters: u32,
    /// The row of its protocol, counted from one.
    pub(super) protocol: u8,
    /// Datagrams that nobody recognised.
    pub(super) tried: u8,
    pub(super) marks: u8,
    /// Its place in the wheel of time.
    pub(super) slot: u16,
    pub(super) interface: u16,
    /// The letters, five bits each, the first in the highest that are used.
    pub(super) history: u128,
    pub(super) previous: u32,
    pub(super) next: u32,
    pub(super) hash: u32,
    macs: [[u8; 6]; 2],
    /// How often a part of it was told already.
    pub(super) part: u16,
    /// ICMP's message, as the first packet had it.
    message: [u8; 2],
}

/// What a flow may take; the table's share comes beside it.
const _: () = assert!(size_of::<Flow>() == 192);

impl Flow {
    /// Begins a flow with a packet; `upwards` as [`Key::of`] tells.
    pub(super) fn new(key: Key, upwards: bool, hash: u32, packet: &Packet<'_>) -> Self {
        let answers = packet.transport == Transport::Tcp && is_answer(packet);
        let client_is_low = upwards != answers;
        let mut marks = if client_is_low { mark::CLIENT_IS_LOW } else { 0 };
        let Macs { source, destination } = packet.macs.unwrap_or_default();
        if packet.macs.is_some() {
            marks |= mark::MACS;
        }
        let byte = |port: u16| u8::try_from(port & 0xff).unwrap_or(0);
        let icmp = matches!(packet.transport, Transport::Icmp | Transport::Icmp6);
        Self {
            key,
            start_ns: packet.time_ns,
            last_ns: packet.time_ns,
            client: Side::default(),
            server: Side::default(),
            talk: NONE,
            letters: 0,
            protocol: 0,
            tried: 0,
            marks,
            slot: 0,
            interface: packet.interface,
            history: 0,
            previous: NONE,
            next: NONE,
            hash,
            macs: if answers { [destination, source] } else { [source, destination] },
            part: 0,
            message: if icmp {
                [byte(packet.source_port), byte(packet.destination_port)]
            } else {
                [0, 0]
            },
        }
    }

    pub(super) fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    pub(super) fn direction(&self, upwards: bool) -> Direction {
        if upwards == self.has(mark::CLIENT_IS_LOW) { Direction::Client } else { Direction::Server }
    }

    pub(super) fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Client => &mut self.client,
            Direction::Server => &mut self.server,
        }
    }

    /// Tells whether its ends have ports.
    pub(super) fn has_ports(&self) -> bool {
        matches!(self.key.transport, Transport::Tcp | Transport::Udp)
    }

    pub(super) fn transport(&self) -> Transport {
        self.key.transport
    }

    /// Gives who speaks to whom.
    pub(super) fn about<'f>(&self, time_ns: u64, interface: &'f str) -> About<'f> {
        let low = (address(self.key.ip_version, self.key.low), self.key.low_port);
        let high = (address(self.key.ip_version, self.key.high), self.key.high_port);
        let (client, server) =
            if self.has(mark::CLIENT_IS_LOW) { (low, high) } else { (high, low) };
        let [source_mac, destination_mac] =
            self.macs.map(|mac| (self.has(mark::MACS) && mac != [0; 6]).then_some(mac));
        let vlan = |vlan: u16| (vlan != NO_VLAN).then_some(vlan);
        let [kind, code] = self.message.map(u16::from);
        let icmp = matches!(self.key.transport, Transport::Icmp | Transport::Icmp6);
        About {
            time_ns,
            source: client.0,
            destination: server.0,
            source_port: if icmp { kind } else { client.1 },
            destination_port: if icmp { code } else { server.1 },
            source_mac,
            destination_mac,
            transport: self.key.transport,
            protocol_number: self.key.protocol,
            vlans: [vlan(self.key.vlan), vlan(self.key.inner_vlan)],
            community_id: None,
            interface,
        }
    }
}

/// Tells whether the first packet seen of a connection comes from its server: a SYN with ACK does; and
/// where the beginning was not seen, what comes from a port below 1024 to one above.
fn is_answer(packet: &Packet<'_>) -> bool {
    let shown = packet.tcp.flags & (flags::SYN | flags::ACK);
    shown == (flags::SYN | flags::ACK)
        || shown & flags::SYN == 0 && packet.source_port < 1024 && packet.destination_port >= 1024
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nobody_can_choose_tags_so_that_flows_share_a_hash() {
        let seeds = Seeds::random();
        let hashes: HashSet<u32> = (0..4096_u16)
            .map(|inner_vlan| {
                let vlan = inner_vlan.rotate_left(4);
                Key { low: 1, high: 2, vlan, inner_vlan, ..Key::default() }.hash(&seeds)
            })
            .collect();
        // Of 4,096 hashes by chance, one in five hundred times two are alike.
        assert!(hashes.len() > 4000, "{}", hashes.len());
    }
}
