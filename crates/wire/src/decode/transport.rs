//! TCP, UDP, ICMP.

use super::be16;
use crate::packet::{Packet, Tcp};

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
