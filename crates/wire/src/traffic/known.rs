//! Which hosts and services of the own networks have been seen before.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::json::Lines;
use crate::packet::Transport;

use super::{Home, Share};

/// How many hosts are remembered; past it no further one is told, and that is counted.
pub const HOSTS_MAX: usize = 65_536;
/// The same for services, of all hosts together.
pub const SERVICES_MAX: usize = 262_144;
/// One host cannot take the room of the others.
const SERVICES_A_HOST_MAX: usize = 512;
/// The first line of the file.
const HEADING: &str = "bartizan traffic 1";
/// The file is ours, but a disk may hold anything. A host with all its services takes 5,200 bytes.
const LINE_BYTES_MAX: u64 = 8192;
/// While the memory is younger, everything is new; what is told then says so.
const LEARNING_NS: u64 = 24 * 3600 * 1_000_000_000;

/// What has been seen, and since when.
#[derive(Debug, Default)]
pub(super) struct Known {
    hosts: HashMap<IpAddr, Vec<Service>>,
    services: usize,
    /// When the first share was learned.
    since_ns: Option<u64>,
    changed: bool,
    /// What found no room.
    pub(super) refused: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Service {
    transport: Transport,
    port: u16,
}

impl Known {
    /// Learns from a share, and tells what is new in it. A host counts once it has sent something of
    /// its own: addresses that others only try to reach are no hosts.
    pub(super) fn learn(&mut self, share: &Share<'_>, home: &Home, out: &mut Lines) {
        let since = *self.since_ns.get_or_insert(share.time_ns);
        let learning = share.time_ns.saturating_sub(since) < LEARNING_NS;
        if share.sent.packets > 0 && is_host(share.source) && home.holds(share.source) {
            self.host(share.source, share, learning, out);
        }
        if share.returned.packets > 0 && is_host(share.destination) && home.holds(share.destination)
        {
            self.host(share.destination, share, learning, out);
            if share.answered && matches!(share.transport, Transport::Tcp | Transport::Udp) {
                self.service(share, learning, out);
            }
        }
    }

    fn host(&mut self, host: IpAddr, share: &Share<'_>, learning: bool, out: &mut Lines) {
        if self.hosts.contains_key(&host) {
            return;
        }
        if self.hosts.len() >= HOSTS_MAX {
            self.refused = self.refused.saturating_add(1);
            return;
        }
        self.hosts.insert(host, Vec::new());
        self.changed = true;
        tell(&New { action: "new_host", host, service: None, share, learning }, out);
    }

    fn service(&mut self, share: &Share<'_>, learning: bool, out: &mut Lines) {
        let service = Service { transport: share.transport, port: share.destination_port };
        let Some(services) = self.hosts.get_mut(&share.destination) else { return };
        let Err(place) = services.binary_search(&service) else { return };
        if services.len() >= SERVICES_A_HOST_MAX || self.services >= SERVICES_MAX {
            self.refused = self.refused.saturating_add(1);
            return;
        }
        services.insert(place, service);
        self.services += 1;
        self.changed = true;
        let host = share.destination;
        let service = Some(service);
        tell(&New { action: "new_service", host, service, share, learning }, out);
    }

    /// Reads the file; where there is none, nothing is known. What can be read of it counts.
    pub(super) fn read(file: &Path) -> (Self, Option<io::Error>) {
        let mut known = Self::default();
        let outcome = match File::open(file) {
            Ok(file) => known.read_lines(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        (known, outcome.err())
    }

    fn read_lines(&mut self, file: File) -> io::Result<()> {
        let mut reader = BufReader::new(file);
        let mut line = String::new();
        let mut number = 0_u64;
        loop {
            line.clear();
            let taken = reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)?;
            if taken == 0 {
                return Ok(());
            }
            number += 1;
            if self.read_line(number, line.trim_end()).is_none() {
                let message = format!("line {number} of what is known of hosts is damaged");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
    }

    fn read_line(&mut self, number: u64, line: &str) -> Option<()> {
        if number == 1 {
            let since = line.strip_prefix(HEADING)?.trim();
            self.since_ns = Some(since.parse().ok()?);
            return Some(());
        }
        let mut words = line.split(' ');
        let host = words.next()?.parse().ok()?;
        if self.hosts.len() >= HOSTS_MAX {
            return None;
        }
        let mut services = Vec::new();
        for word in words.take(SERVICES_A_HOST_MAX) {
            let (transport, port) = word.split_once('/')?;
            let transport = match transport {
                "tcp" => Transport::Tcp,
                "udp" => Transport::Udp,
                _ => return None,
            };
            services.push(Service { transport, port: port.parse().ok()? });
        }
        services.sort_unstable();
        services.dedup();
        self.services += services.len();
        if self.services > SERVICES_MAX {
            return None;
        }
        if let Some(before) = self.hosts.insert(host, services) {
            self.services -= before.len();
        }
        Some(())
    }

    /// Writes the file where anything has changed, whole or not at all.
    pub(super) fn write(&mut self, file: &Path) -> io::Result<()> {
        let Some(since) = self.since_ns.filter(|_| self.changed) else { return Ok(()) };
        let aside = file.with_extension("new");
        let options = &mut fs::OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        let mut writer = BufWriter::new(opened);
        writeln!(writer, "{HEADING} {since}")?;
        for (host, services) in &self.hosts {
            write!(writer, "{host}")?;
            for service in services {
                let transport = service.transport.name().unwrap_or_default();
                write!(writer, " {transport}/{}", service.port)?;
            }
            writeln!(writer)?;
        }
        writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
        fs::rename(&aside, file)?;
        self.changed = false;
        Ok(())
    }
}

/// Tells whether an address can be that of one host.
fn is_host(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !address.is_multicast() && !address.is_unspecified() && !broadcast
}

struct New<'a> {
    action: &'static str,
    host: IpAddr,
    service: Option<Service>,
    share: &'a Share<'a>,
    learning: bool,
}

fn tell(new: &New<'_>, out: &mut Lines) {
    let share = new.share;
    out.line(|line, clock| {
        line.time_by("@timestamp", share.time_ns, clock);
        line.object("event", |event| {
            event.word("module", "traffic");
            event.word("dataset", "traffic.new");
            event.word("kind", "event");
            event.words("category", &["network"]);
            event.words("type", &["info"]);
            event.word("action", new.action);
        });
        line.object("host", |host| host.addresses("ip", [new.host]));
        line.object("source", |side| side.address("ip", share.source));
        line.object("destination", |side| {
            side.address("ip", share.destination);
            if let Some(service) = new.service {
                side.number("port", service.port);
            }
        });
        line.object("network", |network| {
            if let Some(name) = share.transport.name() {
                network.word("transport", name);
            }
            network.text_some("protocol", share.protocol);
        });
        if let Some(interface) = share.interface {
            line.object("observer", |observer| observer.interface(interface));
        }
        line.object("bartizan", |own| {
            own.object("traffic", |traffic| traffic.flag("learning", new.learning));
        });
    });
}

#[cfg(test)]
mod tests {
    use super::super::Amount;
    use super::*;

    fn share(source: &str, destination: &str, port: u16) -> Share<'static> {
        Share {
            time_ns: 1_795_244_280_000_000_000,
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            destination_port: port,
            transport: Transport::Tcp,
            protocol: None,
            interface: None,
            sent: Amount { bytes: 60, packets: 1 },
            returned: Amount { bytes: 60, packets: 1 },
            begins: true,
            answered: true,
        }
    }

    fn told(known: &mut Known, share: &Share<'_>) -> Vec<String> {
        let mut lines = Lines::default();
        known.learn(share, &Home::default(), &mut lines);
        let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let words = |event: serde_json::Value| {
            format!("{} {}", event["event"]["action"].as_str().unwrap(), event["host"]["ip"][0])
        };
        lines.iter().map(read).map(words).collect()
    }

    #[test]
    fn hosts_and_services_are_new_once_even_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known");
        let mut known = Known::default();
        let web = share("10.0.0.1", "10.0.0.2", 443);
        let first = told(&mut known, &web);
        assert_eq!(
            first,
            ["new_host \"10.0.0.1\"", "new_host \"10.0.0.2\"", "new_service \"10.0.0.2\""]
        );
        assert!(told(&mut known, &web).is_empty());
        known.write(&file).unwrap();
        let (mut again, fault) = Known::read(&file);
        assert!(fault.is_none());
        assert!(told(&mut again, &web).is_empty());
        let other = told(&mut again, &share("10.0.0.1", "10.0.0.2", 80));
        assert_eq!(other, ["new_service \"10.0.0.2\""]);
    }

    #[test]
    fn strangers_and_addresses_that_never_spoke_are_no_hosts() {
        let mut known = Known::default();
        let silent = Share { returned: Amount::default(), ..share("198.51.100.1", "10.0.0.9", 22) };
        assert!(told(&mut known, &silent).is_empty());
        let refused = Share { answered: false, ..share("198.51.100.1", "10.0.0.9", 22) };
        assert_eq!(told(&mut known, &refused), ["new_host \"10.0.0.9\""]);
    }

    #[test]
    fn one_host_cannot_fill_the_memory() {
        let mut known = Known::default();
        for port in 0..=u16::MAX {
            told(&mut known, &share("198.51.100.1", "10.0.0.9", port));
        }
        assert_eq!(known.services, SERVICES_A_HOST_MAX);
        assert_eq!(known.refused, 65_536 - 512);
    }

    #[test]
    fn a_host_of_many_services_is_remembered_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known");
        let mut known = Known::default();
        for port in 0..600 {
            told(
                &mut known,
                &share("fd00::1", "fd00:aaaa:bbbb:cccc:dddd:eeee:ffff:2", 60_000 + port),
            );
        }
        known.write(&file).unwrap();
        let (again, fault) = Known::read(&file);
        assert!(fault.is_none(), "{fault:?}");
        assert_eq!((again.hosts.len(), again.services), (2, SERVICES_A_HOST_MAX));
    }

    #[test]
    fn a_damaged_file_gives_what_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known");
        fs::write(&file, "bartizan traffic 1 5\n10.0.0.1 tcp/22\nwhat\n").unwrap();
        let (known, fault) = Known::read(&file);
        assert_eq!(known.hosts.len(), 1);
        assert!(fault.unwrap().to_string().contains("line 3"));
    }
}
