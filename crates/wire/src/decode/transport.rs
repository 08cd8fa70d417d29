//! TCP, UDP, ICMP; and the tunnels that look like a payload: GRE, VXLAN, IP in IP.

use super::be16;
use super::frame::Inside;
use crate::packet::{Packet, Tcp, Transport, Tunnel};

const VXLAN_PORT: u16 = 4789;
/// What Linux used before there was a number.
const VXLAN_PORT_OLD: u16 = 8472;
const ERSPAN: u16 = 0x88be;

pub(super) fn tcp<'b>(packet: &mut Packet<'b>, bytes: &'b [u8], length: u32) -> Option<()> {
    let (header, _) = bytes.split_first_chunk::<20>()?;
    let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1, ..] = *header;
    let header_length = usize::from(offset >> 4) * 4;
    let payload_length = length.checked_sub(u32::try_from(header_length).ok()?)?;
    if header_length < 20 {
        return None;
    }
    packet.source_port = be16(s0, s1);
    packet.destination_port = be16(d0, d1);
    packet.tcp = Tcp {
        sequence: u32::from_be_bytes([q0, q1, q2, q3]),
        acknowledged: u32::from_be_bytes([a0, a1, a2, a3]),
        flags,
        window: be16(w0, w1),
    };
    packet.payload = bytes.get(header_length..).unwrap_or_default();
    packet.payload_length = payload_length;
    Some(())
}

pub(super) fn udp<'b>(packet: &mut Packet<'b>, bytes: &'b [u8], length: u32) -> Option<()> {
    let ([s0, s1, d0, d1, l0, l1, _, _], rest) = bytes.split_first_chunk::<8>()?;
    packet.source_port = be16(*s0, *s1);
    packet.destination_port = be16(*d0, *d1);
    // Zero is a jumbogram. More than there is room for in the packet is a lie.
    let told = match be16(*l0, *l1) {
        0 => length,
        told => u32::from(told),
    };
    if told < 8 || told > length {
        return None;
    }
    packet.payload_length = told - 8;
    let told = usize::try_from(told - 8).ok()?;
    packet.payload = rest.get(..told).unwrap_or(rest);
    Some(())
}

pub(super) fn icmp<'b>(packet: &mut Packet<'b>, bytes: &'b [u8], length: u32) -> Option<()> {
    let ([kind, code, _, _], rest) = bytes.split_first_chunk::<4>()?;
    packet.source_port = u16::from(*kind);
    packet.destination_port = u16::from(*code);
    packet.payload = rest;
    packet.payload_length = length.checked_sub(4)?;
    Some(())
}

/// Tells whether the payload is a tunnel, and what is in it.
pub(super) fn unwrapped<'b>(packet: &Packet<'b>) -> Option<(Tunnel, Inside<'b>)> {
    let tunnel = |kind, id| Tunnel { kind, id, outer: None };
    match (packet.transport, packet.protocol) {
        (Transport::Other, 4 | 41) => Some((tunnel("ipip", 0), Inside::Ip(packet.payload))),
        (Transport::Other, 47) => gre(packet.payload),
        (Transport::Other, 137) => Some((tunnel("mpls", 0), Inside::Ether(0x8847, packet.payload))),
        (Transport::Udp, _) if matches!(packet.destination_port, VXLAN_PORT | VXLAN_PORT_OLD) => {
            let ([0x08, 0, 0, 0, n0, n1, n2, 0], inner) =
                packet.payload.split_first_chunk::<8>()?
            else {
                return None;
            };
            let id = u32::from_be_bytes([0, *n0, *n1, *n2]);
            Some((tunnel("vxlan", id), Inside::Ethernet(inner)))
        }
        _ => None,
    }
}

/// Reads GRE (RFC 2784, 2890), PPTP's version 1 (RFC 2637) included.
fn gre(bytes: &[u8]) -> Option<(Tunnel, Inside<'_>)> {
    let ([flags, version, k0, k1], rest) = bytes.split_first_chunk::<4>()?;
    let kind = be16(*k0, *k1);
    let (has_checksum, has_key, has_sequence) =
        (flags & 0x80 != 0, flags & 0x20 != 0, flags & 0x10 != 0);
    // Routing was taken out of the protocol, and its length with it.
    if flags & 0x40 != 0 {
        return None;
    }
    let mut rest = rest;
    if has_checksum {
        rest = rest.get(4..)?;
    }
    let mut id = 0;
    if has_key {
        let (key, after) = rest.split_first_chunk::<4>()?;
        id = u32::from_be_bytes(*key);
        rest = after;
    }
    if has_sequence {
        rest = rest.get(4..)?;
    }
    let tunnel = Tunnel { kind: "gre", id, outer: None };
    match (version & 7, kind) {
        // A mirrored port; its second version has a header of its own, announced by the sequence.
        (0, ERSPAN) => {
            let header = if has_sequence { 8 } else { 0 };
            Some((tunnel, Inside::Ethernet(rest.get(header..)?)))
        }
        (0, kind) => Some((tunnel, Inside::Ether(kind, rest))),
        (1, 0x880b) => {
            let rest = if version & 0x80 != 0 { rest.get(4..)? } else { rest };
            ppp(rest).map(|inside| (tunnel, inside))
        }
        _ => None,
    }
}

/// Reads PPP in GRE; its address and control bytes may be left out, and a byte of its protocol.
fn ppp(bytes: &[u8]) -> Option<Inside<'_>> {
    let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    match bytes {
        [0x21, rest @ ..] | [0x00, 0x21 | 0x57, rest @ ..] => Some(Inside::Ip(rest)),
        _ => None,
    }
}
