//! Changes addresses in frames, and mends their checksums.

/// Writes two bytes in network order; nothing where there is no room.
pub(crate) fn put16(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

/// Writes four bytes in network order.
pub(crate) fn put32(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

fn get16(bytes: &[u8], at: usize) -> u16 {
    bytes
        .get(at..at + 2)
        .map_or(0, |pair| pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)))
}

fn sum(bytes: &[u8]) -> u32 {
    let shifted =
        |(at, byte): (usize, &u8)| u32::from(*byte) << if at.is_multiple_of(2) { 8 } else { 0 };
    bytes.iter().enumerate().map(shifted).sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Sets the checksums of an Ethernet frame with an IPv4 header of twenty bytes at its place, and TCP or UDP
/// behind it.
pub(crate) fn checksum(frame: &mut [u8]) {
    put16(frame, 24, 0);
    let header = fold(sum(frame.get(14..34).unwrap_or_default()));
    put16(frame, 24, header);
    let tcp = frame.get(23) == Some(&6);
    let place = if tcp { 50 } else { 40 };
    put16(frame, place, 0);
    let segment = frame.get(34..).unwrap_or_default();
    let pseudo = sum(frame.get(26..34).unwrap_or_default())
        + u32::from(frame.get(23).copied().unwrap_or(0))
        + segment.len() as u32;
    let value = fold(pseudo + sum(segment));
    put16(frame, place, value);
}

/// Gives both addresses of an IP packet on Ethernet another second byte, so that each replica has flows of
/// its own. What is no IP, or wrapped in anything but VLANs, stays.
pub(crate) fn replica(frame: &mut [u8], number: u8) {
    let mut at = 12;
    while matches!(get16(frame, at), 0x8100 | 0x88a8) {
        at += 4;
    }
    let ip = at + 2;
    let mask = u16::from(number);
    match get16(frame, at) {
        0x0800 => {
            let header = usize::from(frame.get(ip).copied().unwrap_or(0) & 15) * 4;
            let offset = get16(frame, ip + 6) & 0x1fff;
            let first = offset == 0;
            let protocol = frame.get(ip + 9).copied().unwrap_or(0);
            for place in [ip + 12, ip + 16] {
                let (old, new) = (get16(frame, place), get16(frame, place) ^ mask);
                put16(frame, place, new);
                mend(frame, ip + 10, old, new);
                if first {
                    transport(frame, ip + header, protocol, old, new);
                }
            }
        }
        0x86dd => {
            let protocol = frame.get(ip + 6).copied().unwrap_or(0);
            for place in [ip + 10, ip + 26] {
                let (old, new) = (get16(frame, place), get16(frame, place) ^ mask);
                put16(frame, place, new);
                transport(frame, ip + 40, protocol, old, new);
            }
        }
        _ => {}
    }
}

fn transport(frame: &mut [u8], at: usize, protocol: u8, old: u16, new: u16) {
    match protocol {
        6 => mend(frame, at + 16, old, new),
        17 if get16(frame, at + 6) != 0 => mend(frame, at + 6, old, new),
        58 => mend(frame, at + 2, old, new),
        _ => {}
    }
}

/// Mends a checksum after two bytes that it covers have changed (RFC 1624).
fn mend(frame: &mut [u8], at: usize, old: u16, new: u16) {
    let sum = u32::from(!get16(frame, at)) + u32::from(!old) + u32::from(new);
    put16(frame, at, fold(sum));
}
