//! One scan, from what is asked for to what was found.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::foreign::Foreign;
use super::identify::Identify;
use super::pace::Pace;
use super::ports::{Ports, Transport};
use super::probe::{Manner, Prober, Progress, State, Watch};
use super::services::{self, Service};
use super::sockets::SocketProber;
use super::sweep::{self, Sweep};
use super::syn::SynProber;
use super::targets::Targets;
use super::tls;

/// Bounds the addresses of one scan.
pub const HOSTS_MAX: u64 = 65_536;
/// Bounds the probes of one scan: all ports of a network of 256 addresses.
pub const PROBES_MAX: u64 = 1 << 24;
/// Bounds how often a probe is repeated.
pub const RETRIES_MAX: u8 = 6;
/// Open ports that are kept, of all hosts and of one: one that accepts on every port is a trap.
const FOUND_MAX: usize = 1 << 17;
const FOUND_A_HOST_MAX: u32 = 4_096;
/// Services of one host that are asked; more is a trap, not a machine.
const ASKED_A_HOST_MAX: u32 = 256;
/// Services that are asked at a time.
const ASKED_AT_ONCE: usize = 24;
/// How often the one who looks on is asked while services are.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How ports are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a connection; needs no privilege.
    Connect,
    /// By a SYN alone; needs raw sockets.
    Syn,
    /// By a datagram.
    Udp,
}

impl Way {
    /// Gives the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Syn => "syn",
            Self::Udp => "udp",
        }
    }

    /// Gives the kind of ports that are asked so.
    pub fn transport(self) -> Transport {
        match self {
            Self::Connect | Self::Syn => Transport::Tcp,
            Self::Udp => Transport::Udp,
        }
    }

    /// Gives the best way to ask TCP ports that this process may go.
    pub fn best() -> Self {
        let here = [IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)];
        if SynProber::open(&here).is_ok() { Self::Syn } else { Self::Connect }
    }
}

/// Why a scan does not begin, or ends.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// There is nothing to ask.
    #[error("no target is left")]
    Nothing,
    /// That is more than one scan takes.
    #[error(
        "{hosts} addresses with {ports} ports each are too many for one scan (at most {HOSTS_MAX} addresses and {PROBES_MAX} probes); name fewer, or scan in parts"
    )]
    TooMuch {
        /// How many addresses.
        hosts: u64,
        /// How many ports.
        ports: u32,
    },
    /// An address may be anybody's.
    #[error(
        "{0} is a public address; scan what is yours, and say so where you are entitled to more"
    )]
    Public(IpAddr),
    /// An address stands for no single machine.
    #[error("{0} stands for many machines or none")]
    NoHost(IpAddr),
    /// The privilege is missing.
    #[error(
        "a SYN scan needs the right to send raw packets: run as root, or `sudo setcap cap_net_raw+ep` the program; --connect needs no right"
    )]
    Privilege,
    /// The system refuses.
    #[error("cannot scan: {0}")]
    System(#[from] io::Error),
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which addresses.
    pub targets: Targets,
    /// Which ports.
    pub ports: Ports,
    /// How they are asked.
    pub way: Way,
    /// The longest time that the answer to a probe is waited for.
    pub timeout: Duration,
    /// How often a probe is repeated at most; fewer where little is lost.
    pub retries: u8,
    /// Packets a second at most.
    pub rate: Option<u32>,
    /// How services are asked, if they are.
    pub asks: Option<Asks>,
    /// Whether public addresses may be scanned.
    pub is_entitled: bool,
}

/// How services are asked.
#[derive(Clone, Debug)]
pub struct Asks {
    /// How long each answer is waited for.
    pub timeout: Duration,
    /// Probes that the user brought.
    pub foreign: Option<Arc<Foreign>>,
}

impl Plan {
    /// Refuses what no scan should do.
    pub fn check(&self) -> Result<(), ScanError> {
        let (hosts, ports) = (self.targets.count(), self.ports.count());
        if hosts == 0 {
            return Err(ScanError::Nothing);
        }
        if hosts > HOSTS_MAX || hosts.saturating_mul(u64::from(ports)) > PROBES_MAX {
            return Err(ScanError::TooMuch { hosts, ports });
        }
        if let Some(address) = self.targets.first_of_no_host() {
            return Err(ScanError::NoHost(address));
        }
        match self.targets.first_public() {
            Some(address) if !self.is_entitled => Err(ScanError::Public(address)),
            _ => Ok(()),
        }
    }
}

/// Looks on while a scan runs.
pub trait Look {
    /// Tells whether it is to stop; what was found until then is given.
    fn is_stopped(&mut self) -> bool;
    /// Is told how far the probes have come.
    fn progress(&mut self, progress: Progress);
    /// Is told how many services were asked, of how many.
    fn asked(&mut self, done: usize, all: usize);
}

/// A port that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub address: SocketAddr,
    /// TCP or UDP.
    pub transport: Transport,
    /// What serves there, where it was asked.
    pub service: Option<Service>,
}

/// What a host answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostCount {
    /// The host.
    pub ip: IpAddr,
    /// Ports that are open.
    pub open: u32,
    /// Ports that it refuses.
    pub closed: u32,
    /// Ports of which somebody said that they cannot be reached.
    pub filtered: u32,
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Open ports, by address and port.
    pub found: Vec<Found>,
    /// Hosts that answered anything.
    pub hosts: Vec<HostCount>,
    /// Whether all was asked.
    pub is_whole: bool,
    /// How far it came.
    pub progress: Progress,
    /// Open ports that were not kept for want of room, and services that were not asked.
    pub dropped: u64,
    /// How long it took.
    pub took: Duration,
}

/// Runs a scan to its end, or until `look` says stop.
pub fn run(plan: &Plan, look: &mut dyn Look) -> Result<Outcome, ScanError> {
    plan.check()?;
    let began = Instant::now();
    let hosts: Vec<IpAddr> = plan.targets.iter().collect();
    let ports = usize::try_from(plan.ports.count()).unwrap_or(usize::MAX);
    let all = plan.targets.count().saturating_mul(u64::from(plan.ports.count()));
    let mut tally = Tally {
        transport: plan.way.transport(),
        outcome: Outcome { is_whole: true, ..Outcome::default() },
        counts: Vec::new(),
        hosts: &[],
        before: Progress { all, ..Progress::default() },
        look,
    };
    let mut pace = None;
    for portion in hosts.chunks(sweep::hosts_at_once(ports)) {
        let mut prober = open(plan.way, portion)?;
        let pace = pace.get_or_insert_with(|| Pace::new(prober.room(), plan.rate));
        let manner = Manner {
            timeout: plan.timeout,
            tries_max: plan.retries.min(RETRIES_MAX) + 1,
            seed: seed(),
        };
        tally.begin(portion);
        let is_whole =
            Sweep::new(portion, &plan.ports, manner).run(&mut *prober, pace, &mut tally)?;
        drop(prober);
        tally.end();
        if !is_whole {
            tally.outcome.is_whole = false;
            break;
        }
    }
    let Tally { mut outcome, look, .. } = tally;
    outcome.found.sort_by_key(|found| found.address);
    if let (Some(asks), true) = (&plan.asks, plan.way != Way::Udp && outcome.is_whole) {
        let is_whole = ask_services(asks, &mut outcome, look)?;
        outcome.is_whole &= is_whole;
    }
    outcome.took = began.elapsed();
    Ok(outcome)
}

fn open(way: Way, hosts: &[IpAddr]) -> Result<Box<dyn Prober>, ScanError> {
    match way {
        Way::Syn => match SynProber::open(hosts) {
            Ok(prober) => Ok(Box::new(prober)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(ScanError::Privilege)
            }
            Err(error) => Err(error.into()),
        },
        Way::Connect | Way::Udp => Ok(Box::new(SocketProber::open(way.transport())?)),
    }
}

fn seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    RandomState::new().build_hasher().finish()
}

/// Counts what a sweep finds.
struct Tally<'a> {
    transport: Transport,
    outcome: Outcome,
    counts: Vec<HostCount>,
    hosts: &'a [IpAddr],
    /// What the sweeps before this one did.
    before: Progress,
    look: &'a mut dyn Look,
}

impl<'a> Tally<'a> {
    /// Begins with the next hosts, which are in order.
    fn begin(&mut self, hosts: &'a [IpAddr]) {
        self.hosts = hosts;
        let none = |ip: &IpAddr| HostCount { ip: *ip, open: 0, closed: 0, filtered: 0 };
        self.counts = hosts.iter().map(none).collect();
    }

    fn end(&mut self) {
        self.before = self.outcome.progress;
        let answered = self
            .counts
            .drain(..)
            .filter(|host| host.open.saturating_add(host.closed).saturating_add(host.filtered) > 0);
        self.outcome.hosts.extend(answered);
    }
}

impl Watch for Tally<'_> {
    fn is_stopped(&mut self) -> bool {
        self.look.is_stopped()
    }

    fn progress(&mut self, decided: u64, open: u64, sent: u64) {
        self.outcome.progress = Progress {
            done: self.before.done + decided,
            all: self.before.all,
            open: self.before.open + open,
            sent: self.before.sent + sent,
        };
        self.look.progress(self.outcome.progress);
    }

    fn found(&mut self, address: SocketAddr, state: State, payload: Vec<u8>) {
        let place = self.hosts.binary_search(&address.ip()).ok();
        let Some(host) = place.and_then(|place| self.counts.get_mut(place)) else { return };
        match state {
            State::Closed => host.closed += 1,
            State::Filtered => host.filtered += 1,
            State::Silent => {}
            State::Open => {
                host.open += 1;
                if host.open > FOUND_A_HOST_MAX || self.outcome.found.len() >= FOUND_MAX {
                    self.outcome.dropped += 1;
                    return;
                }
                let service = (self.transport == Transport::Udp).then(|| {
                    let unknown = || services::with_banner(Service::default(), &payload);
                    services::read_datagram(address.port(), &payload).unwrap_or_else(unknown)
                });
                self.outcome.found.push(Found { address, transport: self.transport, service });
            }
        }
    }
}

/// Asks what serves on the open ports; tells whether all were asked.
fn ask_services(
    asks: &Asks,
    outcome: &mut Outcome,
    look: &mut dyn Look,
) -> Result<bool, ScanError> {
    let identify = Identify {
        timeout: asks.timeout,
        client: tls::Client::new()?,
        foreign: asks.foreign.clone(),
    };
    let mut asked: Vec<(usize, SocketAddr)> = Vec::new();
    let mut of_host = (None, 0_u32);
    for (place, found) in outcome.found.iter().enumerate() {
        if of_host.0 != Some(found.address.ip()) {
            of_host = (Some(found.address.ip()), 0);
        }
        of_host.1 += 1;
        if of_host.1 <= ASKED_A_HOST_MAX {
            asked.push((place, found.address));
        } else {
            outcome.dropped += 1;
        }
    }
    let (next, done, goes_on) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(true));
    let work = || {
        let mut answers = Vec::new();
        while goes_on.load(Ordering::Relaxed)
            && let Some((place, address)) = asked.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let service = identify.ask(*address, &|| goes_on.load(Ordering::Relaxed));
            answers.push((*place, service));
            done.fetch_add(1, Ordering::Relaxed);
        }
        answers
    };
    let answers = thread::scope(|scope| {
        let count = asked.len().min(ASKED_AT_ONCE);
        let threads: Vec<_> = (0..count)
            .filter_map(|_| {
                thread::Builder::new().name("scan-ask".to_owned()).spawn_scoped(scope, work).ok()
            })
            .collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            look.asked(done.load(Ordering::Relaxed), asked.len());
            if look.is_stopped() {
                goes_on.store(false, Ordering::Relaxed);
            }
            thread::sleep(LOOK_EVERY);
        }
        look.asked(done.load(Ordering::Relaxed), asked.len());
        let joined = threads.into_iter().filter_map(|thread| thread.join().ok());
        joined.flatten().collect::<Vec<_>>()
    });
    let is_whole = answers.len() == asked.len();
    for (place, service) in answers {
        if let Some(found) = outcome.found.get_mut(place) {
            found.service = Some(service);
        }
    }
    Ok(is_whole)
}

#[cfg(test)]
mod tests;
