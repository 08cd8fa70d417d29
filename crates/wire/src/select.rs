//! Which frames belong to some flows, told by their community identifiers.

use std::collections::{HashMap, HashSet};

use crate::community::Ends;
use crate::decode::{Decoded, Fragment, decode};
use crate::packet::{Packet, Raw, Transport};

/// Ends and fragments that are remembered; past it all are forgotten, and computed anew.
const REMEMBERED_MAX: usize = 1 << 18;

/// Picks frames.
#[derive(Debug)]
pub struct Selector {
    ids: HashSet<String>,
    known: HashMap<(u128, u128, u16, u16, u8), bool>,
    /// The fragments whose first one is wanted; those that come before it are not picked.
    fragments: HashSet<(u128, u128, u32)>,
}

impl Selector {
    /// Gives a selector of the flows with these identifiers.
    pub fn new(ids: HashSet<String>) -> Self {
        Self { ids, known: HashMap::new(), fragments: HashSet::new() }
    }

    /// Tells whether a frame belongs to one of the flows; frames within tunnels belong to the inner one.
    pub fn selects(&mut self, raw: &Raw<'_>) -> bool {
        match decode(raw) {
            Decoded::Packet(packet) => self.selects_packet(&packet),
            Decoded::Fragment(fragment) => self.selects_fragment(&fragment),
            Decoded::Other | Decoded::Malformed => false,
        }
    }

    fn selects_packet(&mut self, packet: &Packet<'_>) -> bool {
        let (source_port, destination_port) = (packet.source_port, packet.destination_port);
        let bits = (packet.source_bits, packet.destination_bits);
        let key = (bits.0, bits.1, source_port, destination_port, packet.protocol);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let ends = Ends {
            source: packet.source(),
            destination: packet.destination(),
            source_port,
            destination_port,
        };
        let id = ends.id(packet.transport, packet.protocol);
        let wanted = id.is_some_and(|id| self.ids.contains(&id));
        if self.known.len() >= REMEMBERED_MAX {
            self.known.clear();
        }
        self.known.insert(key, wanted);
        wanted
    }

    fn selects_fragment(&mut self, fragment: &Fragment<'_>) -> bool {
        let packet = &fragment.packet;
        let key = (packet.source_bits, packet.destination_bits, fragment.id);
        if fragment.offset > 0 {
            return self.fragments.contains(&key);
        }
        let [s0, s1, d0, d1, ..] = *packet.payload else { return false };
        let mut first = *packet;
        if matches!(packet.transport, Transport::Tcp | Transport::Udp) {
            first.source_port = u16::from_be_bytes([s0, s1]);
            first.destination_port = u16::from_be_bytes([d0, d1]);
        } else if matches!(packet.transport, Transport::Icmp | Transport::Icmp6) {
            (first.source_port, first.destination_port) = (s0.into(), s1.into());
        }
        let wanted = self.selects_packet(&first);
        if wanted {
            if self.fragments.len() >= REMEMBERED_MAX {
                self.fragments.clear();
            }
            self.fragments.insert(key);
        }
        wanted
    }
}
