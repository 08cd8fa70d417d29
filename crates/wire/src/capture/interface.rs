//! Finds an interface, and says why it cannot be listened on.

use std::io;

use super::config::CaptureConfig;
use super::filter::{Filter, FilterError};
use super::ring::{BLOCK_BYTES, Ring, RingOptions, Source};
use super::sys;
use crate::packet::link;

/// Ethernet, and the machine's own interface, whose packets have such a header of zeros.
const ETHERNET: u16 = libc::ARPHRD_ETHER;
const LOOPBACK: u16 = libc::ARPHRD_LOOPBACK;
/// Tunnels and modems, whose packets begin with IP.
const BARE: [u16; 6] = [
    libc::ARPHRD_NONE,
    libc::ARPHRD_PPP,
    libc::ARPHRD_TUNNEL,
    libc::ARPHRD_TUNNEL6,
    libc::ARPHRD_SIT,
    libc::ARPHRD_IPGRE,
];

/// Why an interface cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// The right is missing; no retry helps.
    #[error(
        "capturing needs a right that this process does not have: grant it with \
         `setcap cap_net_raw,cap_net_admin=eip {0}`, or run as root"
    )]
    NotAllowed(String),
    /// The expression cannot be compiled; no retry helps.
    #[error(transparent)]
    Filter(#[from] FilterError),
    #[error("the link layer of {name} (kind {kind}) is not read: Ethernet and bare IP are")]
    Link { name: String, kind: u16 },
    #[error("there is no interface {0}; it is tried again")]
    Absent(String),
    #[error("the interface {0} is down (`ip link set {0} up`); it is tried again")]
    Down(String),
    #[error("cannot listen on {name}: {error}; it is tried again")]
    System { name: String, error: io::Error },
}

impl OpenError {
    /// Tells whether trying again may help.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Absent(_) | Self::Down(_) | Self::System { .. })
    }
}

/// An interface's rings, one a thread.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) rings: Vec<Ring>,
    pub(super) index: u32,
}

/// Opens the rings of an interface; `number` is its place among the names.
pub(super) fn open(
    config: &CaptureConfig,
    name: &str,
    number: u16,
    program: &str,
) -> Result<Opened, OpenError> {
    let system = |error: io::Error| match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => OpenError::NotAllowed(program.to_owned()),
        _ => OpenError::System { name: name.to_owned(), error },
    };
    // Asked first, so that a missing right is told even where the interface is missing too.
    let probe = sys::packet_socket().map_err(system)?;
    let index = sys::interface_index(name).ok_or_else(|| OpenError::Absent(name.to_owned()))?;
    let kind = sys::hardware(&probe, name).map_err(system)?;
    let link = match kind {
        ETHERNET | LOOPBACK => link::ETHERNET,
        kind if BARE.contains(&kind) => link::RAW,
        kind => return Err(OpenError::Link { name: name.to_owned(), kind }),
    };
    if !sys::is_up(&probe, name).map_err(system)? {
        return Err(OpenError::Down(name.to_owned()));
    }
    let filter = Filter::of_interface(&config.filter, name, link, config.snap_bytes)?;
    let source = Source { interface: number, link, skips_outgoing: kind == LOOPBACK };
    let options = RingOptions {
        block_bytes: BLOCK_BYTES,
        blocks: config.blocks(),
        promiscuous: config.promiscuous,
    };
    let mut rings = Vec::new();
    let mut group = None;
    for _ in 0..config.threads {
        let ring = Ring::open(index, source, options).map_err(system)?;
        if config.threads > 1 {
            group = Some(ring.share(group).map_err(system)?);
        }
        rings.push(ring);
    }
    for ring in &rings {
        ring.hear(&filter).map_err(system)?;
    }
    Ok(Opened { rings, index })
}

/// Tells whether the name still means the interface that was opened.
pub(super) fn is_still(name: &str, index: u32) -> bool {
    sys::interface_index(name) == Some(index)
}
