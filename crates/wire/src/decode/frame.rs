//! Below IP: Ethernet, VLAN, MPLS, PPPoE, serial lines, wireless frames, the loopback's four bytes, Linux' cooked captures.

use super::{be16, tunnel};
use crate::packet::{Macs, Packet, Tunnel};

pub(super) const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const QINQ: u16 = 0x88a8;
const QINQ_OLD: u16 = 0x9100;
const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE: u16 = 0x8864;
/// Ethernet in Ethernet, or in GRE.
const BRIDGED: u16 = 0x6558;
/// Below it the field is a length, and LLC follows.
const LENGTH_MAX: u16 = 1536;
/// Labels on one packet.
const LABELS_MAX: usize = 16;

/// What a header wraps.
#[derive(Clone, Copy, Debug)]
pub(super) enum Inside<'b> {
    Ip(&'b [u8]),
    Ethernet(&'b [u8]),
    /// A payload by its EtherType.
    Ether(u16, &'b [u8]),
    /// Nothing that flows are made of.
    Other,
}

pub(super) fn ethernet<'b>(bytes: &'b [u8], packet: &mut Packet<'b>) -> Option<Inside<'b>> {
    let (header, rest) = bytes.split_first_chunk::<14>()?;
    let (destination, after) = header.split_first_chunk::<6>()?;
    packet.macs = Some(Macs { source: *after.first_chunk()?, destination: *destination });
    let [.., high, low] = *header;
    let kind = be16(high, low);
    if kind < LENGTH_MAX {
        return Some(logical_link(rest));
    }
    Some(Inside::Ether(kind, rest))
}

/// Reads IEEE 802.2 where a length stands for the type: SNAP names a type after all.
fn logical_link(bytes: &[u8]) -> Inside<'_> {
    match bytes {
        [0xaa, 0xaa, 0x03, 0, 0, 0, high, low, rest @ ..] => Inside::Ether(be16(*high, *low), rest),
        _ => Inside::Other,
    }
}

/// Reads what an EtherType announces, save ARP.
pub(super) fn ether<'b>(kind: u16, bytes: &'b [u8], packet: &mut Packet<'b>) -> Option<Inside<'b>> {
    match kind {
        IPV4 | IPV6 => Some(Inside::Ip(bytes)),
        VLAN | QINQ | QINQ_OLD => {
            let ([a, b, high, low], rest) = bytes.split_first_chunk::<4>()?;
            let vlan = Some(be16(*a, *b) & 0x0fff);
            match &mut packet.vlans {
                [outer @ None, _] => *outer = vlan,
                [_, inner @ None] => *inner = vlan,
                // A third is not told; it tells flows apart no more than two do.
                _ => {}
            }
            let kind = be16(*high, *low);
            Some(if kind < LENGTH_MAX { logical_link(rest) } else { Inside::Ether(kind, rest) })
        }
        MPLS | MPLS_MULTICAST => mpls(bytes, packet),
        PPPOE => pppoe(bytes, packet),
        BRIDGED => Some(Inside::Ethernet(bytes)),
        _ => Some(Inside::Other),
    }
}

/// Takes labels off until the last; its payload is told by its first bits alone.
pub(super) fn mpls<'b>(bytes: &'b [u8], packet: &mut Packet<'b>) -> Option<Inside<'b>> {
    let mut rest = bytes;
    for depth in 0..LABELS_MAX {
        let (label, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        let label = u32::from_be_bytes(*label);
        if depth == 0 {
            let outer = packet.tunnel.and_then(|tunnel| tunnel.outer);
            packet.tunnel = Some(Tunnel { kind: "mpls", id: label >> 12, outer });
        }
        if label & 0x100 != 0 {
            return match rest.first()? >> 4 {
                4 | 6 => Some(Inside::Ip(rest)),
                // A pseudowire's control word, and then a frame.
                0 => Some(Inside::Ethernet(rest.get(4..)?)),
                _ => Some(Inside::Other),
            };
        }
    }
    None
}

/// Reads a session of PPP over Ethernet (RFC 2516).
pub(super) fn pppoe<'b>(bytes: &'b [u8], packet: &mut Packet<'b>) -> Option<Inside<'b>> {
    let ([kind, code, s0, s1, l0, l1], rest) = bytes.split_first_chunk::<6>()?;
    if *kind != 0x11 || *code != 0 {
        return Some(Inside::Other);
    }
    packet.tunnel = Some(Tunnel { kind: "pppoe", id: be16(*s0, *s1).into(), outer: None });
    // What is behind the length is padding of the frame.
    let rest = rest.get(..usize::from(be16(*l0, *l1))).unwrap_or(rest);
    Some(tunnel::ppp(rest))
}

/// Reads what goes over serial lines: PPP, or the framing that Cisco uses in its place.
pub(super) fn serial(bytes: &[u8]) -> Inside<'_> {
    match bytes {
        [0x0f | 0x8f, 0x00, high, low, rest @ ..] => Inside::Ether(be16(*high, *low), rest),
        _ => tunnel::ppp(bytes),
    }
}

/// Reads a wireless data frame in clear (IEEE 802.11): its header's length follows from its flags.
pub(super) fn wireless(bytes: &[u8]) -> Option<Inside<'_>> {
    let [control, flags, ..] = *bytes else { return None };
    let (is_data, is_empty) = (control & 0x0c == 0x08, control & 0x40 != 0);
    let (is_protected, is_relayed) = (flags & 0x40 != 0, flags & 0x03 == 0x03);
    if !is_data || is_empty || is_protected {
        return Some(Inside::Other);
    }
    let has_quality = control & 0x80 != 0;
    let has_throughput = has_quality && flags & 0x80 != 0;
    let header = 24
        + if is_relayed { 6 } else { 0 }
        + if has_quality { 2 } else { 0 }
        + if has_throughput { 4 } else { 0 };
    Some(logical_link(bytes.get(header..)?))
}

/// Goes over what the radio says of a wireless frame.
pub(super) fn radiotap(bytes: &[u8]) -> Option<Inside<'_>> {
    let [0, _, low, high, ..] = *bytes else { return Some(Inside::Other) };
    wireless(bytes.get(usize::from(be16(high, low))..)?)
}

/// BSD's loopback: a family, in the byte order of the machine that captured. The families of IPv6
/// differ between systems; the packet itself tells.
pub(super) fn loopback(bytes: &[u8]) -> Option<Inside<'_>> {
    let (family, rest) = bytes.split_first_chunk::<4>()?;
    let family = u32::from_be_bytes(*family);
    let family = if family > 0xffff { family.swap_bytes() } else { family };
    Some(match family {
        2 | 10 | 24 | 28 | 30 => Inside::Ip(rest),
        _ => Inside::Other,
    })
}

/// Linux' cooked capture: which way, the sender's address, the EtherType.
pub(super) fn cooked<'b>(bytes: &'b [u8], packet: &mut Packet<'b>) -> Option<Inside<'b>> {
    let (header, rest) = bytes.split_first_chunk::<16>()?;
    let [_, _, _, _, l0, l1, address @ .., high, low] = *header;
    if be16(l0, l1) == 6 {
        packet.macs = Some(Macs { source: *address.first_chunk()?, destination: [0; 6] });
    }
    Some(Inside::Ether(be16(high, low), rest))
}

/// Its second version.
pub(super) fn cooked2<'b>(bytes: &'b [u8], packet: &mut Packet<'b>) -> Option<Inside<'b>> {
    let (header, rest) = bytes.split_first_chunk::<20>()?;
    let [high, low, _, _, _, _, _, _, _, _, _, length, address @ ..] = *header;
    if length == 6 {
        packet.macs = Some(Macs { source: *address.first_chunk()?, destination: [0; 6] });
    }
    Some(Inside::Ether(be16(high, low), rest))
}
