//! The SYN scan: raw sockets, and no memory of single probes in the kernel.
//!
//! The sequence number of each SYN is a keyed digest of the address and port that it goes to, so an
//! answer proves by the number that it acknowledges that it answers us. The port that the SYNs come
//! from is reserved by a socket that never connects: the kernel answers each SYN-ACK with a reset by
//! itself, so no connection is left half open at the other end.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, bind, getsockname,
    ipproto, recvfrom, sendto, socket_with, sockopt,
};
use socket2::{SockFilter, SockRef};

use super::probe::{About, Answer, Probe, Prober, Sent, State};
use super::segment::{self, Kind};

/// Room for answers that come while others are looked at.
const RECEIVE_BYTES: usize = 32 << 20;
/// What is read of a packet: headers with every option, and what an ICMP message quotes.
const PACKET_BYTES: usize = 256;
/// Packets that are taken in one go, so that sending is not forgotten.
const PACKETS_AT_ONCE: usize = 512;
/// The low bits of the sequence number tell the try.
const TRY_BITS: u32 = 7;
const UNDER_WAY_MAX: u32 = 1 << 16;

/// One family's sockets.
#[derive(Debug)]
struct Family {
    is_six: bool,
    segments: OwnedFd,
    messages: OwnedFd,
    port: u16,
    _reserved: OwnedFd,
}

/// Asks by SYNs.
#[derive(Debug)]
pub(crate) struct SynProber {
    families: Vec<Family>,
    /// From which address each host is reached.
    sources: std::collections::HashMap<IpAddr, IpAddr>,
    key: RandomState,
    buffer: Vec<u8>,
}

impl SynProber {
    /// Opens the sockets for these hosts; needs the privilege to send raw packets.
    pub(crate) fn open(hosts: &[IpAddr]) -> io::Result<Self> {
        let mut families = Vec::new();
        if hosts.iter().any(IpAddr::is_ipv4) {
            families.push(Family::open(false)?);
        }
        if hosts.iter().any(IpAddr::is_ipv6) {
            families.push(Family::open(true)?);
        }
        let sources = hosts.iter().filter_map(|host| Some((*host, source_for(*host)?))).collect();
        Ok(Self { families, sources, key: RandomState::new(), buffer: vec![0; PACKET_BYTES] })
    }

    /// Gives the digest of an address in the high bits, and nothing in those of the try.
    fn cookie(&self, to: SocketAddr) -> u32 {
        let digest = self.key.hash_one((to.ip(), to.port()));
        u32::try_from(digest >> 32).unwrap_or(0) & !TRY_BITS
    }

    /// Checks that a sequence number is one of ours for this address; gives the try.
    fn check(&self, to: SocketAddr, sequence: u32) -> Option<u8> {
        (sequence & !TRY_BITS == self.cookie(to)).then(|| u8::try_from(sequence & TRY_BITS).ok())?
    }

    fn read_segments(&mut self, place: usize, answers: &mut Vec<Answer>) -> io::Result<()> {
        for _ in 0..PACKETS_AT_ONCE {
            let Some(family) = self.families.get(place) else { return Ok(()) };
            let port = family.port;
            let is_six = family.is_six;
            let Some((length, from)) = take(&family.segments, &mut self.buffer)? else {
                return Ok(());
            };
            let packet = self.buffer.get(..length).unwrap_or_default();
            let opened = if is_six {
                from.map(|from| (from, packet))
            } else {
                segment::open_four(packet).map(|(from, inner)| (IpAddr::V4(from), inner))
            };
            let reply = opened.and_then(|(from, segment)| {
                let reply = segment::reply(segment).filter(|reply| reply.to_port == port)?;
                let address = SocketAddr::new(from, reply.from_port);
                let tries = self.check(address, reply.acknowledges.wrapping_sub(1))?;
                Some((address, tries, reply.kind))
            });
            if let Some((address, tries, kind)) = reply {
                let state = if kind == Kind::Accepts { State::Open } else { State::Closed };
                answers.push(answer(address, tries, state));
            }
        }
        Ok(())
    }

    fn read_messages(&mut self, place: usize, answers: &mut Vec<Answer>) -> io::Result<()> {
        for _ in 0..PACKETS_AT_ONCE {
            let Some(family) = self.families.get(place) else { return Ok(()) };
            let (port, is_six) = (family.port, family.is_six);
            let Some((length, _)) = take(&family.messages, &mut self.buffer)? else {
                return Ok(());
            };
            let packet = self.buffer.get(..length).unwrap_or_default();
            let told = if is_six {
                segment::undelivered_six(packet)
            } else {
                segment::open_four(packet).and_then(|(_, inner)| segment::undelivered_four(inner))
            };
            let Some(told) = told.filter(|told| told.from_port == port) else { continue };
            if let Some(tries) = self.check(told.to, told.sequence) {
                answers.push(answer(told.to, tries, State::Filtered));
            }
        }
        Ok(())
    }
}

impl Family {
    fn open(is_six: bool) -> io::Result<Self> {
        let (family, messages, wildcard) = if is_six {
            (AddressFamily::INET6, ipproto::ICMPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED))
        } else {
            (AddressFamily::INET, ipproto::ICMP, IpAddr::V4(Ipv4Addr::UNSPECIFIED))
        };
        let raw = |protocol: Protocol| {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            socket_with(family, SocketType::RAW, flags, Some(protocol))
        };
        let (segments, messages) = (raw(ipproto::TCP)?, raw(messages)?);
        let reserved = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        bind(&reserved, &SocketAddr::new(wildcard, 0))?;
        let port = SocketAddr::try_from(getsockname(&reserved)?)?.port();
        // The kernel drops what is not for us before it takes room.
        let (port_filter, kind_filter) = filters(is_six, port);
        SockRef::from(&segments).attach_filter(&port_filter)?;
        SockRef::from(&messages).attach_filter(&kind_filter)?;
        if sockopt::set_socket_recv_buffer_size_force(&segments, RECEIVE_BYTES).is_err() {
            // Less room only means that more is asked again.
            sockopt::set_socket_recv_buffer_size(&segments, RECEIVE_BYTES)?;
        }
        Ok(Self { is_six, segments, messages, port, _reserved: reserved })
    }
}

/// Filters of the classic packet filter: segments to our port; messages of what cannot be delivered.
/// The raw sockets of IPv4 show the header of IP, those of IPv6 do not.
fn filters(is_six: bool, port: u16) -> (Vec<SockFilter>, Vec<SockFilter>) {
    const HEADER_LENGTH_TO_X: u16 = 0xb1;
    const SHORT_AT_X: u16 = 0x48;
    const BYTE_AT_X: u16 = 0x50;
    const IF_EQUAL: u16 = 0x15;
    const GIVE: u16 = 0x06;
    // Where there is no header, X stays 0.
    let begin = || (!is_six).then(|| SockFilter::new(HEADER_LENGTH_TO_X, 0, 0, 0)).into_iter();
    let test = |load: SockFilter, value: u32| -> Vec<SockFilter> {
        let rest = [
            load,
            SockFilter::new(IF_EQUAL, 0, 1, value),
            SockFilter::new(GIVE, 0, 0, u32::MAX),
            SockFilter::new(GIVE, 0, 0, 0),
        ];
        begin().chain(rest).collect()
    };
    let unreachable = if is_six { 1 } else { 3 };
    (
        test(SockFilter::new(SHORT_AT_X, 0, 0, 2), u32::from(port)),
        test(SockFilter::new(BYTE_AT_X, 0, 0, 0), unreachable),
    )
}

/// Asks the kernel from which of our addresses a host is reached; nothing is sent.
fn source_for(host: IpAddr) -> Option<IpAddr> {
    let wildcard = match host {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = std::net::UdpSocket::bind((wildcard, 0)).ok()?;
    socket.connect((host, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// Takes one packet, if one is there.
fn take(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<(usize, Option<IpAddr>)>> {
    match recvfrom(socket, buffer, RecvFlags::DONTWAIT) {
        Ok((length, _, from)) => {
            let from = from.and_then(|from| SocketAddr::try_from(from).ok());
            Ok(Some((length, from.map(|from| from.ip()))))
        }
        // What a router said of an earlier packet; its message comes by itself.
        Err(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::CONNREFUSED) => Ok(Some((0, None))),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn answer(address: SocketAddr, tries: u8, state: State) -> Answer {
    Answer { about: About::Address(address), tries: Some(tries), state, payload: Vec::new() }
}

impl Prober for SynProber {
    fn send(&mut self, probe: Probe) -> io::Result<Sent> {
        let to = probe.address;
        let Some(source) = self.sources.get(&to.ip()) else {
            return Ok(Sent::Decided(State::Silent));
        };
        let family = self.families.iter().find(|family| family.is_six == to.is_ipv6());
        let Some(family) = family else { return Ok(Sent::Decided(State::Silent)) };
        let sequence = self.cookie(to) | (u32::from(probe.tries) & TRY_BITS);
        let segment = segment::syn(SocketAddr::new(*source, family.port), to, sequence);
        // The kernel takes the port of a raw socket's address for a protocol.
        match sendto(&family.segments, &segment, SendFlags::DONTWAIT, &SocketAddr::new(to.ip(), 0))
        {
            Ok(_) => Ok(Sent::Gone),
            Err(Errno::AGAIN | Errno::NOBUFS | Errno::INTR) => Ok(Sent::Full),
            Err(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::HOSTDOWN | Errno::CONNREFUSED) => {
                Ok(Sent::Decided(State::Silent))
            }
            Err(Errno::ACCESS | Errno::PERM) => Ok(Sent::Decided(State::Filtered)),
            Err(error) => Err(error.into()),
        }
    }

    fn receive(&mut self, wait: Duration, answers: &mut Vec<Answer>) -> io::Result<()> {
        if !wait.is_zero() {
            let sockets =
                self.families.iter().flat_map(|family| [&family.segments, &family.messages]);
            let mut sockets: Vec<PollFd<'_>> =
                sockets.map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
            let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
            match poll(&mut sockets, Some(&wait)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for place in 0..self.families.len() {
            self.read_segments(place, answers)?;
            self.read_messages(place, answers)?;
        }
        Ok(())
    }

    fn forget(&mut self, _: u32) {}

    fn room(&self) -> u32 {
        UNDER_WAY_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_answer_is_no_answer() {
        let prober = SynProber {
            families: Vec::new(),
            sources: std::collections::HashMap::new(),
            key: RandomState::new(),
            buffer: Vec::new(),
        };
        let (one, other): (SocketAddr, SocketAddr) =
            ("10.0.0.1:80".parse().unwrap(), "10.0.0.1:81".parse().unwrap());
        let cookie = prober.cookie(one);
        assert_eq!(prober.check(one, cookie | 3), Some(3));
        assert_eq!(prober.check(one, cookie.wrapping_add(8)), None);
        assert_eq!(prober.check(other, cookie), None);
    }
}
