//! The few bytes that a SYN scan writes and reads: TCP segments (RFC 9293), and what routers say when
//! one cannot be delivered (ICMP, RFC 792 and 4443).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The header and the one option that every system sends: the maximum segment size.
pub(crate) const SYN_BYTES: usize = 24;
const TCP: u8 = 6;
const FLAG_SYN: u8 = 0x02;
const FLAG_RST: u8 = 0x04;
const FLAG_ACK: u8 = 0x10;
const MAXIMUM_SEGMENT: u16 = 1460;
const WINDOW: u16 = 64_240;

/// What a TCP segment answers to a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Accepts,
    Refuses,
}

/// The head of a segment that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) from_port: u16,
    pub(crate) to_port: u16,
    pub(crate) acknowledges: u32,
    pub(crate) kind: Kind,
}

/// What could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undelivered {
    pub(crate) to: SocketAddr,
    pub(crate) from_port: u16,
    pub(crate) sequence: u32,
}

/// Gives a SYN.
pub(crate) fn syn(from: SocketAddr, to: SocketAddr, sequence: u32) -> [u8; SYN_BYTES] {
    let mut bytes = [0_u8; SYN_BYTES];
    let offset_and_flags = u16::from_be_bytes([6 << 4, FLAG_SYN]);
    let words: [(usize, [u8; 2]); 6] = [
        (0, from.port().to_be_bytes()),
        (2, to.port().to_be_bytes()),
        (12, offset_and_flags.to_be_bytes()),
        (14, WINDOW.to_be_bytes()),
        (20, [2, 4]),
        (22, MAXIMUM_SEGMENT.to_be_bytes()),
    ];
    for (at, word) in words {
        put(&mut bytes, at, &word);
    }
    put(&mut bytes, 4, &sequence.to_be_bytes());
    let sum = checksum(from.ip(), to.ip(), &bytes);
    put(&mut bytes, 16, &sum.to_be_bytes());
    bytes
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// Gives the checksum over a segment and the addresses.
fn checksum(from: IpAddr, to: IpAddr, segment: &[u8]) -> u16 {
    let mut sum = u64::from(TCP) + u64::try_from(segment.len()).unwrap_or(0);
    for address in [from, to] {
        match address {
            IpAddr::V4(four) => sum += words(&four.octets()),
            IpAddr::V6(six) => sum += words(&six.octets()),
        }
    }
    sum += words(segment);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

fn words(bytes: &[u8]) -> u64 {
    let word = |pair: &[u8]| {
        let (high, low) = (pair.first().copied(), pair.get(1).copied());
        u64::from(u16::from_be_bytes([high.unwrap_or(0), low.unwrap_or(0)]))
    };
    bytes.chunks(2).map(word).sum()
}

/// Reads a segment that may answer a SYN.
pub(crate) fn reply(segment: &[u8]) -> Option<Reply> {
    let flags = *segment.get(13)?;
    let kind = match flags & (FLAG_SYN | FLAG_RST | FLAG_ACK) {
        both if both == FLAG_SYN | FLAG_ACK => Kind::Accepts,
        both if both == FLAG_RST | FLAG_ACK => Kind::Refuses,
        _ => return None,
    };
    Some(Reply {
        from_port: short(segment, 0)?,
        to_port: short(segment, 2)?,
        acknowledges: long(segment, 8)?,
        kind,
    })
}

/// Takes the header off a packet of IPv4: who sent it, and what it carries.
pub(crate) fn open_four(packet: &[u8]) -> Option<(Ipv4Addr, &[u8])> {
    let first = *packet.first()?;
    let length = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || length < 20 {
        return None;
    }
    let from: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    Some((Ipv4Addr::from(from), packet.get(length..)?))
}

/// Reads the word that a packet could not be delivered, of ICMP.
pub(crate) fn undelivered_four(message: &[u8]) -> Option<Undelivered> {
    let (3, inner) = (*message.first()?, message.get(8..)?) else { return None };
    let to: [u8; 4] = inner.get(16..20)?.try_into().ok()?;
    let length = usize::from(*inner.first()? & 0x0f) * 4;
    (*inner.get(9)? == TCP).then_some(())?;
    undelivered(IpAddr::V4(Ipv4Addr::from(to)), inner.get(length..)?)
}

/// The same of ICMPv6.
pub(crate) fn undelivered_six(message: &[u8]) -> Option<Undelivered> {
    let (1, inner) = (*message.first()?, message.get(8..)?) else { return None };
    let to: [u8; 16] = inner.get(24..40)?.try_into().ok()?;
    (*inner.get(6)? == TCP).then_some(())?;
    undelivered(IpAddr::V6(Ipv6Addr::from(to)), inner.get(40..)?)
}

fn undelivered(to: IpAddr, segment: &[u8]) -> Option<Undelivered> {
    Some(Undelivered {
        to: SocketAddr::new(to, short(segment, 2)?),
        from_port: short(segment, 0)?,
        sequence: long(segment, 4)?,
    })
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_syn_is_what_another_decoder_reads() {
        for (from, to) in [("10.0.0.1:50000", "10.0.0.2:443"), ("[fd00::1]:50000", "[fd00::2]:443")]
        {
            let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
            let bytes = syn(from, to, 0xdead_beef);
            let slice = etherparse::TcpHeaderSlice::from_slice(&bytes).unwrap();
            assert_eq!((slice.source_port(), slice.destination_port()), (50_000, 443));
            assert_eq!(slice.sequence_number(), 0xdead_beef);
            assert!(slice.syn() && !slice.ack() && !slice.rst());
            let options: Vec<_> = slice.options_iterator().map(Result::unwrap).collect();
            assert_eq!(options, [etherparse::TcpOptionElement::MaximumSegmentSize(1460)]);
            let expected = match (from.ip(), to.ip()) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    slice.calc_checksum_ipv4_raw(from.octets(), to.octets(), &[]).unwrap()
                }
                (IpAddr::V6(from), IpAddr::V6(to)) => {
                    slice.calc_checksum_ipv6_raw(from.octets(), to.octets(), &[]).unwrap()
                }
                _ => unreachable!(),
            };
            assert_eq!(slice.checksum(), expected);
        }
    }

    #[test]
    fn only_answers_are_taken() {
        let mut segment = [0_u8; 20];
        segment[..4].copy_from_slice(&[1, 187, 195, 80]);
        segment[8..12].copy_from_slice(&7_u32.to_be_bytes());
        let kind = |flags: u8, mut segment: [u8; 20]| {
            segment[13] = flags;
            reply(&segment).map(|reply| reply.kind)
        };
        assert_eq!(kind(0x12, segment), Some(Kind::Accepts));
        assert_eq!(kind(0x14, segment), Some(Kind::Refuses));
        for other in [0x00, 0x02, 0x04, 0x10, 0x11, 0x18, 0x16] {
            assert_eq!(kind(other, segment), None, "{other:x}");
        }
        segment[13] = 0x12;
        let read = reply(&segment).unwrap();
        assert_eq!((read.from_port, read.to_port, read.acknowledges), (443, 50_000, 7));
        assert_eq!(reply(&segment[..11]), None);
    }

    #[test]
    fn what_could_not_be_delivered_names_the_probe() {
        let from: SocketAddr = "10.0.0.1:50000".parse().unwrap();
        let to: SocketAddr = "10.0.0.2:443".parse().unwrap();
        let mut inner = vec![0x45, 0, 0, 44, 0, 0, 0, 0, 64, TCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        inner.extend(&syn(from, to, 99)[..8]);
        let mut message = vec![3, 13, 0, 0, 0, 0, 0, 0];
        message.extend(&inner);
        let expected = Undelivered { to, from_port: 50_000, sequence: 99 };
        assert_eq!(undelivered_four(&message), Some(expected));
        message[0] = 11;
        assert_eq!(undelivered_four(&message), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = reply(&bytes);
            let _ = open_four(&bytes);
            let _ = undelivered_four(&bytes);
            let _ = undelivered_six(&bytes);
        }
    }
}
