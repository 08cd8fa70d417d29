//! Asking without privilege: a TCP connection a port, or a datagram a port from a socket of its own.
//!
//! A connected UDP socket is told of the ICMP message that a port is closed, which needs no raw
//! socket.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
    sockopt,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::ports::Transport;
use super::probe::{About, Answer, Probe, Prober, Sent, State};
use super::services;

/// Sockets at a time at most, and the part of the process' files that they may take.
const SOCKETS_MAX: u64 = 4_096;
const SHARE_OF_FILES: u64 = 4;
const SOCKETS_MIN: u64 = 16;
/// What is kept of a datagram that answers.
const DATAGRAM_BYTES: usize = 2_048;
/// Sockets that are looked at in one go.
const EVENTS_AT_ONCE: usize = 512;

/// Asks by a socket a port.
pub(crate) struct SocketProber {
    transport: Transport,
    epoll: OwnedFd,
    held: HashMap<u32, OwnedFd>,
    room: u32,
    ready: Vec<epoll::Event>,
}

impl SocketProber {
    pub(crate) fn open(transport: Transport) -> io::Result<Self> {
        Ok(Self {
            transport,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            held: HashMap::new(),
            room: u32::try_from(room()).unwrap_or(u32::MAX),
            ready: Vec::with_capacity(EVENTS_AT_ONCE),
        })
    }

    fn socket(&self, address: SocketAddr) -> Result<OwnedFd, Errno> {
        let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
        let kind = match self.transport {
            Transport::Tcp => SocketType::STREAM,
            Transport::Udp => SocketType::DGRAM,
        };
        let socket = socket_with(family, kind, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
        if self.transport == Transport::Tcp {
            // Closing resets: neither side keeps anything of the connection.
            sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
        }
        Ok(socket)
    }

    fn begin(&mut self, probe: Probe) -> Result<Option<State>, Errno> {
        let socket = self.socket(probe.address)?;
        match connect(&socket, &probe.address) {
            Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error),
            Ok(()) if self.transport == Transport::Tcp => return Ok(Some(State::Open)),
            Ok(()) => {
                let payload = services::datagram(probe.address.port());
                send(&socket, &payload, SendFlags::DONTWAIT)?;
            }
        }
        let interest = match self.transport {
            Transport::Tcp => epoll::EventFlags::OUT,
            Transport::Udp => epoll::EventFlags::IN,
        };
        let data = epoll::EventData::new_u64(u64::from(probe.index));
        epoll::add(&self.epoll, &socket, data, interest)?;
        self.held.insert(probe.index, socket);
        Ok(None)
    }

    /// Gives what a socket has to say.
    fn look(&self, index: u32) -> Option<Answer> {
        let socket = self.held.get(&index)?;
        let mut payload = Vec::new();
        let outcome = match self.transport {
            Transport::Tcp => sockopt::socket_error(socket).and_then(|error| error),
            Transport::Udp => {
                payload = vec![0; DATAGRAM_BYTES];
                recv(socket, payload.as_mut_slice(), RecvFlags::DONTWAIT)
                    .map(|(length, _)| payload.truncate(length))
            }
        };
        let state = match outcome {
            Ok(()) => State::Open,
            Err(Errno::AGAIN | Errno::INTR) => return None,
            Err(error) => refusal(error)?,
        };
        if state != State::Open {
            payload.clear();
        }
        Some(Answer { about: About::Index(index), tries: None, state, payload })
    }
}

/// Gives what an error says of the port, if it does.
fn refusal(error: Errno) -> Option<State> {
    match error {
        Errno::CONNREFUSED | Errno::CONNRESET => Some(State::Closed),
        Errno::ACCESS | Errno::PERM | Errno::NETUNREACH | Errno::HOSTUNREACH => {
            Some(State::Filtered)
        }
        Errno::TIMEDOUT | Errno::HOSTDOWN => Some(State::Silent),
        _ => None,
    }
}

/// Gives how many sockets there may be, after asking for as many files as the system allows.
fn room() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let (Some(now), most) = (limit.current, limit.maximum) else { return SOCKETS_MAX };
    let wanted =
        most.map_or(SOCKETS_MAX * SHARE_OF_FILES, |most| most.min(SOCKETS_MAX * SHARE_OF_FILES));
    let raised = wanted > now
        && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: most }).is_ok();
    let files = if raised { wanted } else { now };
    (files / SHARE_OF_FILES).clamp(SOCKETS_MIN, SOCKETS_MAX)
}

impl Prober for SocketProber {
    fn send(&mut self, probe: Probe) -> io::Result<Sent> {
        match self.begin(probe) {
            Ok(None) => Ok(Sent::Gone),
            Ok(Some(state)) => Ok(Sent::Decided(state)),
            Err(
                Errno::MFILE
                | Errno::NFILE
                | Errno::NOBUFS
                | Errno::NOMEM
                | Errno::AGAIN
                | Errno::ADDRNOTAVAIL,
            ) => Ok(Sent::Full),
            Err(error) => match refusal(error) {
                Some(state) => Ok(Sent::Decided(state)),
                None => Err(error.into()),
            },
        }
    }

    fn receive(&mut self, wait: Duration, answers: &mut Vec<Answer>) -> io::Result<()> {
        self.ready.clear();
        let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
        let spare = rustix::buffer::spare_capacity(&mut self.ready);
        match epoll::wait(&self.epoll, spare, Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = std::mem::take(&mut self.ready);
        let indices = ready.iter().filter_map(|event| u32::try_from(event.data.u64()).ok());
        answers.extend(indices.filter_map(|index| self.look(index)));
        self.ready = ready;
        Ok(())
    }

    fn forget(&mut self, index: u32) {
        // Closing takes it out of the set as well.
        self.held.remove(&index);
    }

    fn room(&self) -> u32 {
        self.room
    }
}
