//! Sums the packets of a flow before they go to the accounts.
//!
//! Each packet would change five sums; most packets belong to few flows. So those of the flows seen
//! last are summed here first, in a place that the flow's number gives; a flow that wants the place of
//! another sends that one's sum to the accounts.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Amount, Share, Traffic};
use crate::flow::{Seen, Watch};
use crate::json::Lines;
use crate::packet::{Packet, Transport, flags};
use crate::tell::Direction;

/// How many flows are summed at once; a power of two.
const PLACES: usize = 4096;
/// Sums that wait for the accounts; the caller is to settle before.
const WAITING_USUAL: usize = 1024;

/// Sums packets by flow; each thread that reads packets has its own.
#[derive(Debug)]
pub struct Meter {
    places: Vec<Sum>,
    /// What was sent away and is not in the accounts yet.
    waiting: Vec<Sum>,
    interfaces: Vec<Arc<str>>,
}

#[derive(Clone, Copy, Debug)]
struct Sum {
    /// The flow's number, or none.
    flow: Option<u32>,
    time_ns: u64,
    source: IpAddr,
    destination: IpAddr,
    destination_port: u16,
    transport: Transport,
    protocol: Option<&'static str>,
    interface: u16,
    sent: Amount,
    returned: Amount,
    begins: bool,
    answered: bool,
}

const NOTHING: Sum = Sum {
    flow: None,
    time_ns: 0,
    source: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    destination: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    destination_port: 0,
    transport: Transport::Other,
    protocol: None,
    interface: 0,
    sent: Amount { bytes: 0, packets: 0 },
    returned: Amount { bytes: 0, packets: 0 },
    begins: false,
    answered: false,
};

impl Meter {
    /// Begins to sum packets of these interfaces.
    pub fn new(interfaces: Vec<String>) -> Self {
        let waiting = Vec::with_capacity(WAITING_USUAL);
        let interfaces = interfaces.into_iter().map(Arc::from).collect();
        Self { places: vec![NOTHING; PLACES], waiting, interfaces }
    }

    /// Moves to the accounts what was sent away.
    pub fn settle(&mut self, traffic: &mut Traffic, out: &mut Lines) {
        for sum in self.waiting.drain(..) {
            sum.add_to(&self.interfaces, traffic, out);
        }
    }

    /// Moves everything to the accounts.
    pub fn settle_all(&mut self, traffic: &mut Traffic, out: &mut Lines) {
        self.settle(traffic, out);
        for place in &mut self.places {
            if place.flow.is_some() {
                std::mem::replace(place, NOTHING).add_to(&self.interfaces, traffic, out);
            }
        }
    }

    /// Tells whether nothing waits for the accounts.
    pub fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl Watch for Meter {
    fn packet(&mut self, packet: &Packet<'_>, seen: Seen) {
        let place = usize::try_from(seen.flow).unwrap_or(0) & (PLACES - 1);
        let Some(sum) = self.places.get_mut(place) else { return };
        if sum.flow != Some(seen.flow) || seen.first {
            if sum.flow.is_some() {
                self.waiting.push(*sum);
            }
            *sum = Sum::begin(packet, seen);
        }
        sum.count(packet, seen);
    }
}

impl Sum {
    fn begin(packet: &Packet<'_>, seen: Seen) -> Self {
        let (source, destination, port) = match seen.direction {
            Direction::Client => (packet.source(), packet.destination(), packet.destination_port),
            Direction::Server => (packet.destination(), packet.source(), packet.source_port),
        };
        let has_ports = matches!(packet.transport, Transport::Tcp | Transport::Udp);
        Self {
            flow: Some(seen.flow),
            source,
            destination,
            destination_port: if has_ports { port } else { 0 },
            transport: packet.transport,
            interface: packet.interface,
            begins: seen.first,
            ..NOTHING
        }
    }

    fn count(&mut self, packet: &Packet<'_>, seen: Seen) {
        let amount = match seen.direction {
            Direction::Client => &mut self.sent,
            Direction::Server => &mut self.returned,
        };
        amount.bytes += u64::from(packet.wire_length);
        amount.packets += u64::from(packet.frames);
        self.time_ns = packet.time_ns;
        self.protocol = seen.protocol.or(self.protocol);
        let opened = flags::SYN | flags::ACK;
        self.answered |= seen.direction == Direction::Server
            && (packet.transport != Transport::Tcp
                || packet.tcp.flags & opened == opened
                || packet.payload_length > 0);
    }

    fn add_to(&self, interfaces: &[Arc<str>], traffic: &mut Traffic, out: &mut Lines) {
        let share = Share {
            time_ns: self.time_ns,
            source: self.source,
            destination: self.destination,
            destination_port: self.destination_port,
            transport: self.transport,
            protocol: self.protocol,
            interface: interfaces.get(usize::from(self.interface)),
            sent: self.sent,
            returned: self.returned,
            begins: self.begins,
            answered: self.answered,
        };
        traffic.add(&share, out);
    }
}
