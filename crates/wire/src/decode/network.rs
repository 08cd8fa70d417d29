//! IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200), and ARP (RFC 826).

use super::be16;
use crate::packet::{Macs, Packet, Transport};

/// Extension headers of one packet.
const EXTENSIONS_MAX: usize = 16;

/// What an IP packet carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried<'b> {
    pub(super) protocol: u8,
    /// What is there of it.
    pub(super) bytes: &'b [u8],
    /// How long it is, as the header tells.
    pub(super) length: u32,
    /// The identification, the offset, and whether more comes; nothing for a whole packet.
    pub(super) fragment: Option<(u32, u32, bool)>,
}

pub(super) fn ipv4<'b>(packet: &mut Packet<'b>, bytes: &'b [u8]) -> Option<Carried<'b>> {
    let (header, _) = bytes.split_first_chunk::<20>()?;
    let [first, _, t0, t1, i0, i1, f0, f1, ttl, protocol, _, _, addresses @ ..] = *header;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
    let header_length = usize::from(first & 15) * 4;
    // Hardware that cuts large packets itself leaves the length at zero.
    let total = match be16(t0, t1) {
        0 => bytes.len(),
        total => usize::from(total),
    };
    if header_length < 20 || total < header_length {
        return None;
    }
    packet.ip_version = 4;
    packet.source_bits = u32::from_be_bytes([s0, s1, s2, s3]).into();
    packet.destination_bits = u32::from_be_bytes([d0, d1, d2, d3]).into();
    packet.ttl = ttl;
    packet.ip_length = u32::try_from(total).ok()?;
    let there = bytes.get(header_length..total.min(bytes.len()))?;
    let flags = be16(f0, f1);
    let (more, offset) = (flags & 0x2000 != 0, u32::from(flags & 0x1fff) * 8);
    let fragment = (more || offset > 0).then_some((be16(i0, i1).into(), offset, more));
    let length = u32::try_from(total - header_length).ok()?;
    Some(Carried { protocol, bytes: there, length, fragment })
}

pub(super) fn ipv6<'b>(packet: &mut Packet<'b>, bytes: &'b [u8]) -> Option<Carried<'b>> {
    let (header, rest) = bytes.split_first_chunk::<40>()?;
    let (fixed, addresses) = header.split_first_chunk::<8>()?;
    let [_, _, _, _, l0, l1, next, hops] = *fixed;
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    packet.ip_version = 6;
    packet.source_bits = u128::from_be_bytes(*source);
    packet.destination_bits = u128::from_be_bytes(*destination.first_chunk::<16>()?);
    packet.ttl = hops;
    // Zero is a jumbogram, or hardware that cuts large packets itself.
    let length = match be16(l0, l1) {
        0 if next == 0 || next == 6 || next == 17 => rest.len(),
        length => usize::from(length),
    };
    packet.ip_length = u32::try_from(length + 40).ok()?;
    extensions(next, rest.get(..length).unwrap_or(rest), length)
}

/// Goes over the extension headers to what they stand before; fragments put together begin with them
/// too. `length` is what the headers tell, `bytes` what is there.
pub(super) fn extensions(next: u8, bytes: &[u8], length: usize) -> Option<Carried<'_>> {
    let (mut next, mut rest, mut length) = (next, bytes, length);
    for _ in 0..EXTENSIONS_MAX {
        let extension = match next {
            // Hop-by-hop, routing, destination options, mobility, host identity, shim.
            0 | 43 | 60 | 135 | 139 | 140 => {
                let [_, units, ..] = rest else { return None };
                (usize::from(*units) + 1) * 8
            }
            // Authentication counts in words.
            51 => {
                let [_, units, ..] = rest else { return None };
                (usize::from(*units) + 2) * 4
            }
            44 => {
                let ([after, _, o0, o1, id @ ..], data) = rest.split_first_chunk::<8>()?;
                let place = be16(*o0, *o1);
                let (offset, more) = (u32::from(place & 0xfff8), place & 1 != 0);
                length = length.checked_sub(8)?;
                if offset > 0 || more {
                    return Some(Carried {
                        protocol: *after,
                        bytes: data,
                        length: u32::try_from(length).ok()?,
                        fragment: Some((u32::from_be_bytes(*id), offset, more)),
                    });
                }
                (next, rest) = (*after, data);
                continue;
            }
            _ => break,
        };
        next = *rest.first()?;
        length = length.checked_sub(extension)?;
        rest = rest.get(extension..)?;
    }
    let length = u32::try_from(length).ok()?;
    Some(Carried { protocol: next, bytes: rest, length, fragment: None })
}

/// Reads ARP for IPv4 on Ethernet; others are not spoken.
pub(super) fn arp<'b>(packet: &mut Packet<'b>, bytes: &'b [u8]) -> Option<()> {
    let (message, _) = bytes.split_first_chunk::<28>()?;
    let (header, ends) = message.split_first_chunk::<8>()?;
    let [h0, h1, p0, p1, hardware, protocol, o0, o1] = *header;
    if be16(p0, p1) != 0x0800 || hardware != 6 || protocol != 4 || be16(h0, h1) == 0 {
        return None;
    }
    let (ends, _) = ends.split_first_chunk::<20>()?;
    let [m0, m1, m2, m3, m4, m5, s0, s1, s2, s3, .., t0, t1, t2, t3] = *ends;
    packet.ip_version = 4;
    packet.transport = Transport::Arp;
    packet.protocol = 0;
    packet.source_bits = u32::from_be_bytes([s0, s1, s2, s3]).into();
    packet.destination_bits = u32::from_be_bytes([t0, t1, t2, t3]).into();
    packet.source_port = be16(o0, o1);
    let destination = packet.macs.map_or([0; 6], |macs| macs.destination);
    packet.macs =
        Some(packet.macs.unwrap_or(Macs { source: [m0, m1, m2, m3, m4, m5], destination }));
    packet.payload = message;
    packet.payload_length = 28;
    packet.ip_length = 28;
    Some(())
}
