//! Who sent how much, minute by minute, and who is new: kept as events, so that SQL can ask.
//!
//! Fed by flows and flow records alike, one [`Share`] each. A minute is told as the largest of each
//! kind and the rest in one sum, so a flood of forged addresses costs a bounded number of events. New
//! hosts and services are told once, and remembered in a file across restarts.

mod accounts;
mod home;
mod known;
mod meter;
mod shared;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crate::json::Lines;
use crate::packet::Transport;

pub use accounts::{KEYS_MAX, TOP_MAX};
pub use home::{Home, HomeError};
pub use known::{HOSTS_MAX, SERVICES_MAX};
pub use meter::Meter;
pub use shared::SharedTraffic;

use accounts::Accounts;
use known::Known;

/// A minute in nanoseconds.
pub(crate) const MINUTE_NS: u64 = 60_000_000_000;

/// What one flow adds since it was last added.
#[derive(Clone, Copy, Debug)]
pub struct Share<'a> {
    /// When, in nanoseconds since 1970.
    pub time_ns: u64,
    /// The side that opened the flow.
    pub source: IpAddr,
    /// The other side.
    pub destination: IpAddr,
    /// The other side's port; 0 where there are no ports.
    pub destination_port: u16,
    /// What carries it.
    pub transport: Transport,
    /// What it speaks, where that is known.
    pub protocol: Option<&'static str>,
    /// Where it was seen, live.
    pub interface: Option<&'a Arc<str>>,
    /// Bytes and packets of the side that opened it.
    pub sent: Amount,
    /// Bytes and packets of the other side.
    pub returned: Amount,
    /// Whether this is a flow that was not added before.
    pub begins: bool,
    /// Whether the other side took the connection, or answered where there are no connections.
    pub answered: bool,
}

/// An amount of traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// In bytes.
    pub bytes: u64,
    /// In packets.
    pub packets: u64,
}

/// The accounts and what is known of the own networks.
#[derive(Debug)]
pub struct Traffic {
    accounts: Accounts,
    /// Nothing where what passes is of the past, in which nothing is new.
    known: Option<(Known, Home)>,
}

impl Traffic {
    /// Begins to count; what is known is forgotten with it.
    pub fn new(home: Home) -> Self {
        Self { accounts: Accounts::default(), known: Some((Known::default(), home)) }
    }

    /// Begins to count with what is remembered in a file; the second value tells why that could not be
    /// read, if so.
    pub fn remembering(home: Home, file: &Path) -> (Self, Option<std::io::Error>) {
        let (known, fault) = Known::read(file);
        (Self { accounts: Accounts::default(), known: Some((known, home)) }, fault)
    }

    /// Begins to count what is of the past, such as a file: no host of it is new.
    pub fn of_the_past() -> Self {
        Self { accounts: Accounts::default(), known: None }
    }

    /// Adds a share; a host or a service that it shows for the first time is told.
    pub fn add(&mut self, share: &Share<'_>, out: &mut Lines) {
        self.accounts.add(share);
        if let Some((known, home)) = &mut self.known {
            known.learn(share, home, out);
        }
    }

    /// Tells the minute that began at `start_ns`, and begins the next.
    pub fn close_minute(&mut self, start_ns: u64, out: &mut Lines) {
        self.accounts.close(start_ns, out);
    }

    /// Writes what is known to the file, where it has changed since.
    pub fn remember(&mut self, file: &Path) -> std::io::Result<()> {
        self.known.as_mut().map_or(Ok(()), |(known, _)| known.write(file))
    }

    /// Gives how many hosts and services found no room among what is known.
    pub fn unremembered(&self) -> u64 {
        self.known.as_ref().map_or(0, |(known, _)| known.refused)
    }
}
