//! From the bytes of a frame to what its headers say.
//!
//! The innermost IP packet counts; what it was wrapped in is kept as the packet's tunnel. Lengths are
//! believed only as far as bytes are there. What wraps can wrap again, so the depth has a bound.

mod fragments;
mod frame;
mod network;
mod transport;
mod tunnel;

pub(crate) use fragments::Fragments;
use frame::Inside;

use crate::packet::{Packet, Raw, Tcp, Transport, Tunnel, link};

/// How many headers may wrap each other.
const LAYERS_MAX: u8 = 16;

/// What a frame is.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one of these a packet, on the stack: a box would cost more than the copy"
)]
pub enum Decoded<'b> {
    /// A packet of a flow.
    Packet(Packet<'b>),
    /// A fragment of an IP packet.
    Fragment(Fragment<'b>),
    /// Nothing that flows are made of.
    Other,
    /// It breaks the rules of what it claims to be, or is cut before its ports.
    Malformed,
}

/// A fragment of an IP packet.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'b> {
    /// What the headers say so far; the payload is the fragment's.
    pub packet: Packet<'b>,
    /// The identification that its fragments share.
    pub id: u32,
    /// Where its payload begins in the whole.
    pub offset: u32,
    /// Tells whether more come behind it.
    pub more: bool,
}

/// Decodes a frame.
pub fn decode<'b>(raw: &Raw<'b>) -> Decoded<'b> {
    let mut packet = blank(raw);
    decode_into(raw, &mut packet).decoded(&packet)
}

/// Decodes a frame into a blank packet: where there are many, they are not moved about.
pub(crate) fn decode_into<'b>(raw: &Raw<'b>, packet: &mut Packet<'b>) -> Read {
    Walk { packet, layers: 0 }.frame(raw.link, raw.bytes)
}

/// Decodes what was put together from fragments: `packet` is what their headers say.
pub(crate) fn decode_whole<'b>(packet: Packet<'b>, payload: &'b [u8]) -> Decoded<'b> {
    let mut packet = packet;
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let (protocol, ip_version) = (packet.protocol, packet.ip_version);
    let mut walk = Walk { packet: &mut packet, layers: 0 };
    let read = if ip_version == 6 {
        match network::extensions(protocol, payload, payload.len()) {
            Some(carried) => walk.network(carried),
            None => Read::Malformed,
        }
    } else {
        walk.carried(protocol, payload, length)
    };
    read.decoded(&packet)
}

/// What was read into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Packet,
    Fragment { id: u32, offset: u32, more: bool },
    Other,
    Malformed,
}

impl Read {
    fn decoded<'b>(self, packet: &Packet<'b>) -> Decoded<'b> {
        match self {
            Self::Packet => Decoded::Packet(*packet),
            Self::Fragment { id, offset, more } => {
                Decoded::Fragment(Fragment { packet: *packet, id, offset, more })
            }
            Self::Other => Decoded::Other,
            Self::Malformed => Decoded::Malformed,
        }
    }
}

/// Gives a packet that says nothing yet.
pub(crate) fn blank<'b>(raw: &Raw<'b>) -> Packet<'b> {
    Packet {
        time_ns: raw.time_ns,
        wire_length: raw.wire_length,
        interface: raw.interface,
        macs: None,
        vlans: [None, None],
        ip_version: 0,
        source_bits: 0,
        destination_bits: 0,
        transport: Transport::Other,
        protocol: 0,
        ttl: 0,
        source_port: 0,
        destination_port: 0,
        tcp: Tcp::default(),
        ip_length: 0,
        frames: 1,
        payload: &[],
        payload_length: 0,
        tunnel: None,
    }
}

/// On the way inwards.
struct Walk<'p, 'b> {
    packet: &'p mut Packet<'b>,
    layers: u8,
}

impl<'b> Walk<'_, 'b> {
    /// Reads a frame of a link type.
    fn frame(&mut self, link: u32, bytes: &'b [u8]) -> Read {
        let inside = match link {
            link::ETHERNET => frame::ethernet(bytes, self.packet),
            link::NULL | link::LOOP => frame::loopback(bytes),
            link::LINUX_SLL => frame::cooked(bytes, self.packet),
            link::LINUX_SLL2 => frame::cooked2(bytes, self.packet),
            link::RAW | link::RAW_BSD | link::RAW_OPENBSD | link::IPV4 | link::IPV6 => {
                Some(Inside::Ip(bytes))
            }
            link::PPP | link::PPP_SERIAL => Some(frame::serial(bytes)),
            link::PPP_ETHER => frame::pppoe(bytes, self.packet),
            link::WIRELESS => frame::wireless(bytes),
            link::RADIOTAP => frame::radiotap(bytes),
            _ => Some(Inside::Other),
        };
        self.inside(inside)
    }

    /// Goes on with what a header wraps.
    fn inside(&mut self, inside: Option<Inside<'b>>) -> Read {
        let mut inside = inside;
        while self.layers < LAYERS_MAX {
            self.layers += 1;
            inside = match inside {
                None => return Read::Malformed,
                Some(Inside::Other) => return Read::Other,
                Some(Inside::Ip(bytes)) => return self.ip(bytes),
                Some(Inside::Ethernet(bytes)) => frame::ethernet(bytes, self.packet),
                Some(Inside::Ether(kind, bytes)) => {
                    if kind == frame::ARP {
                        return network::arp(self.packet, bytes)
                            .map_or(Read::Malformed, |()| Read::Packet);
                    }
                    frame::ether(kind, bytes, self.packet)
                }
            };
        }
        Read::Malformed
    }

    fn ip(&mut self, bytes: &'b [u8]) -> Read {
        match bytes.first().map(|byte| byte >> 4) {
            Some(4) => match network::ipv4(self.packet, bytes) {
                Some(carried) => self.network(carried),
                None => Read::Malformed,
            },
            Some(6) => match network::ipv6(self.packet, bytes) {
                Some(carried) => self.network(carried),
                None => Read::Malformed,
            },
            _ => Read::Malformed,
        }
    }

    fn network(&mut self, carried: network::Carried<'b>) -> Read {
        match carried.fragment {
            Some((id, offset, more)) => {
                self.packet.protocol = carried.protocol;
                self.packet.transport = Transport::of(carried.protocol);
                self.packet.payload = carried.bytes;
                self.packet.payload_length = carried.length;
                Read::Fragment { id, offset, more }
            }
            None => self.carried(carried.protocol, carried.bytes, carried.length),
        }
    }

    /// Reads what IP carries: `length` is what the headers tell, `bytes` what is there.
    fn carried(&mut self, protocol: u8, bytes: &'b [u8], length: u32) -> Read {
        self.packet.protocol = protocol;
        self.packet.transport = Transport::of(protocol);
        let read = match protocol {
            6 => transport::tcp(self.packet, bytes, length),
            17 => transport::udp(self.packet, bytes, length),
            1 | 58 => transport::icmp(self.packet, bytes, length),
            _ => {
                self.packet.payload = bytes;
                self.packet.payload_length = length;
                Some(())
            }
        };
        if read.is_none() {
            return Read::Malformed;
        }
        match tunnel::unwrapped(self.packet) {
            Some((tunnel, inside)) => self.unwrap(tunnel, inside),
            None => Read::Packet,
        }
    }

    /// Reads what a tunnel wraps; where that is nothing flows are made of, the tunnel itself counts.
    fn unwrap(&mut self, tunnel: Tunnel, inside: Inside<'b>) -> Read {
        let outer = *self.packet;
        *self.packet = Packet {
            tunnel: Some(Tunnel { outer: Some((outer.source(), outer.destination())), ..tunnel }),
            tcp: Tcp::default(),
            source_port: 0,
            destination_port: 0,
            ..outer
        };
        match self.inside(Some(inside)) {
            Read::Other | Read::Malformed => {
                *self.packet = outer;
                Read::Packet
            }
            read => read,
        }
    }
}

/// Gives a number of two bytes in network order.
const fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests;
