//! What a sweep and its ways of asking say to each other.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// What was found of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Something accepts connections or answered.
    Open,
    /// The machine refuses.
    Closed,
    /// Somebody on the way says that it may not be reached.
    Filtered,
    /// Nothing came back.
    Silent,
}

/// One probe, by its place in the sweep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub(crate) index: u32,
    pub(crate) address: SocketAddr,
    /// Which try it is, from 1.
    pub(crate) tries: u8,
}

/// Whom an answer is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    /// The probe with this place.
    Index(u32),
    /// The probe of this address.
    Address(SocketAddr),
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) about: About,
    /// Which try it answers, where that can be told.
    pub(crate) tries: Option<u8>,
    pub(crate) state: State,
    /// What was said (UDP).
    pub(crate) payload: Vec<u8>,
}

/// What became of a packet that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Gone,
    /// The system has no room at the moment.
    Full,
    /// It is decided already.
    Decided(State),
}

/// A way of asking.
pub(crate) trait Prober {
    /// Sends a probe.
    fn send(&mut self, probe: Probe) -> io::Result<Sent>;
    /// Waits up to `wait` for answers and gives all that are there.
    fn receive(&mut self, wait: Duration, answers: &mut Vec<Answer>) -> io::Result<()>;
    /// Lets go of what it holds for a probe.
    fn forget(&mut self, index: u32);
    /// Gives how many probes it can have under way.
    fn room(&self) -> u32;
}

/// What a sweep is told by its user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// The longest time that an answer is waited for.
    pub(crate) timeout: Duration,
    /// How often a probe goes out at most.
    pub(crate) tries_max: u8,
    pub(crate) seed: u64,
}

/// How far a sweep has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Probes that are decided.
    pub done: u64,
    /// All probes of the scan.
    pub all: u64,
    /// Ports found open until now.
    pub open: u64,
    /// Packets sent until now, tries again among them.
    pub sent: u64,
}

/// Looks on while a sweep runs.
pub(crate) trait Watch {
    /// Tells whether it is to stop.
    fn is_stopped(&mut self) -> bool;
    /// Is told from time to time.
    fn progress(&mut self, decided: u64, open: u64, sent: u64);
    /// Is told of each port that answered, once.
    fn found(&mut self, address: SocketAddr, state: State, payload: Vec<u8>);
}
