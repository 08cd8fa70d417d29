//! Tunnels that look like a payload: IP in IP, GRE, VXLAN, Geneve, GTP-U; and PPP, which several of
//! them carry. How deep they may lie in each other is bounded by whoever walks inwards.

use super::be16;
use super::frame::{self, Inside};
use crate::packet::{Packet, Transport, Tunnel};

const VXLAN_PORT: u16 = 4789;
/// What Linux used before there was a number.
const VXLAN_PORT_OLD: u16 = 8472;
const GENEVE_PORT: u16 = 6081;
const GTP_PORT: u16 = 2152;
/// Extension headers of one packet of GTP.
const GTP_EXTENSIONS_MAX: usize = 8;
/// Mirrored ports, by what stands in GRE: the first and second version, and the third.
const ERSPAN: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
/// Frames of Aruba's wireless controllers.
const ARUBA: std::ops::RangeInclusive<u16> = 0x8200..=0x8210;
/// What caches redirect.
const WCCP: u16 = 0x883e;

/// Tells whether the payload is a tunnel, and what is in it.
pub(super) fn unwrapped<'b>(packet: &Packet<'b>) -> Option<(Tunnel, Inside<'b>)> {
    let bytes = packet.payload;
    match (packet.transport, packet.protocol) {
        (Transport::Other, 4 | 41) => Some((tunnel("ipip", 0), Inside::Ip(bytes))),
        (Transport::Other, 47) => gre(bytes),
        (Transport::Other, 137) => Some((tunnel("mpls", 0), Inside::Ether(0x8847, bytes))),
        (Transport::Udp, _) => match packet.destination_port {
            VXLAN_PORT | VXLAN_PORT_OLD => vxlan(bytes),
            GENEVE_PORT => geneve(bytes),
            GTP_PORT => gtp(bytes),
            _ => None,
        },
        _ => None,
    }
}

fn tunnel(kind: &'static str, id: u32) -> Tunnel {
    Tunnel { kind, id, outer: None }
}

/// Reads VXLAN (RFC 7348).
fn vxlan(bytes: &[u8]) -> Option<(Tunnel, Inside<'_>)> {
    let ([0x08, 0, 0, 0, n0, n1, n2, 0], inner) = bytes.split_first_chunk::<8>()? else {
        return None;
    };
    let id = u32::from_be_bytes([0, *n0, *n1, *n2]);
    Some((tunnel("vxlan", id), Inside::Ethernet(inner)))
}

/// Reads Geneve (RFC 8926); its options are gone over.
fn geneve(bytes: &[u8]) -> Option<(Tunnel, Inside<'_>)> {
    let ([first, flags, k0, k1, n0, n1, n2, 0], rest) = bytes.split_first_chunk::<8>()? else {
        return None;
    };
    // Another version, or bits that none has set yet: it only looks alike.
    if first >> 6 != 0 || flags & 0x3f != 0 {
        return None;
    }
    let inner = rest.get(usize::from(first & 0x3f) * 4..)?;
    let id = u32::from_be_bytes([0, *n0, *n1, *n2]);
    Some((tunnel("geneve", id), Inside::Ether(be16(*k0, *k1), inner)))
}

/// Reads a user's packet in GTP version 1 (3GPP TS 29.281).
fn gtp(bytes: &[u8]) -> Option<(Tunnel, Inside<'_>)> {
    const USER_DATA: u8 = 255;
    let ([flags, USER_DATA, l0, l1, i0, i1, i2, i3], rest) = bytes.split_first_chunk::<8>()? else {
        return None;
    };
    // Version 1, of the protocol itself and not of its charging.
    if flags & 0xf0 != 0x30 {
        return None;
    }
    let mut rest = rest.get(..usize::from(be16(*l0, *l1))).unwrap_or(rest);
    if flags & 0x07 != 0 {
        let ([_, _, _, next], after) = rest.split_first_chunk::<4>()?;
        let mut next = if flags & 0x04 != 0 { *next } else { 0 };
        rest = after;
        for _ in 0..GTP_EXTENSIONS_MAX {
            if next == 0 {
                break;
            }
            let length = usize::from(*rest.first()?).checked_mul(4).filter(|length| *length > 0)?;
            let (extension, after) = rest.split_at_checked(length)?;
            next = *extension.last()?;
            rest = after;
        }
        if next != 0 {
            return None;
        }
    }
    let id = u32::from_be_bytes([*i0, *i1, *i2, *i3]);
    Some((tunnel("gtp", id), Inside::Ip(rest)))
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
    let gre = tunnel("gre", id);
    match (version & 7, kind) {
        // The first version has no header of its own; the second is announced by the sequence.
        (0, ERSPAN) if !has_sequence => Some((tunnel("erspan", 0), Inside::Ethernet(rest))),
        (0, ERSPAN) => {
            let ([_, _, s0, s1, ..], inner) = rest.split_first_chunk::<8>()?;
            Some((tunnel("erspan", session(*s0, *s1)), Inside::Ethernet(inner)))
        }
        (0, ERSPAN_3) => erspan_3(rest),
        (0, kind) if ARUBA.contains(&kind) => Some((gre, frame::wireless(rest)?)),
        (0, WCCP) => {
            // Its second version puts four bytes before the packet, the first none.
            let has_header = rest.first().is_some_and(|byte| byte >> 4 != 4);
            let inner = if has_header { rest.get(4..)? } else { rest };
            Some((gre, Inside::Ip(inner)))
        }
        (0, kind) => Some((gre, Inside::Ether(kind, rest))),
        (1, 0x880b) => {
            let rest = if version & 0x80 != 0 { rest.get(4..)? } else { rest };
            match ppp(rest) {
                Inside::Other => None,
                inside => Some((gre, inside)),
            }
        }
        _ => None,
    }
}

/// Reads the third version of mirrored ports, whose last bit announces a further header.
fn erspan_3(bytes: &[u8]) -> Option<(Tunnel, Inside<'_>)> {
    let ([_, _, s0, s1, _, _, _, _, _, _, kind, more], rest) = bytes.split_first_chunk::<12>()?;
    let inner = if more & 1 != 0 { rest.get(8..)? } else { rest };
    // What was mirrored: a frame, or a packet without one.
    let inside = match kind >> 2 & 0x1f {
        0 => Inside::Ethernet(inner),
        2 => Inside::Ip(inner),
        _ => return None,
    };
    Some((tunnel("erspan", session(*s0, *s1)), inside))
}

/// Gives the number of a mirror session.
fn session(high: u8, low: u8) -> u32 {
    (be16(high, low) & 0x03ff).into()
}

/// Reads PPP (RFC 1661); its address and control bytes may be left out, and the first byte of its
/// protocol where that is zero.
pub(super) fn ppp(bytes: &[u8]) -> Inside<'_> {
    let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    match bytes {
        [0x21 | 0x57, rest @ ..] | [0x00, 0x21 | 0x57, rest @ ..] => Inside::Ip(rest),
        [0x02, 0x81 | 0x83, rest @ ..] => Inside::Ether(0x8847, rest),
        _ => Inside::Other,
    }
}
