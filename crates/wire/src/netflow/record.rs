//! One flow as an exporter tells it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cursor::{Cursor, number};
use super::fields::{Unit, What};
use crate::community::Ends;
use crate::json::Lines;
use crate::packet::{Transport, flags};
use crate::traffic::{Amount, Home, Share};

/// Between 1900, from which NTP counts, and 1970.
const NTP_TO_UNIX_SECONDS: u64 = 2_208_988_800;
const SECOND: u64 = 1_000_000_000;
/// Ports from here on are given out to whoever opens a connection.
const EPHEMERAL_MIN: u16 = 32_768;

/// One flow as an exporter tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) source: Option<IpAddr>,
    pub(super) destination: Option<IpAddr>,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) protocol: u8,
    pub(super) tcp_flags: u8,
    pub(super) sent: Amount,
    pub(super) returned: Option<Amount>,
    source_mac: Option<[u8; 6]>,
    destination_mac: Option<[u8; 6]>,
    pub(super) ingress: Option<u32>,
    pub(super) egress: Option<u32>,
    vlan: Option<u16>,
    inner_vlan: Option<u16>,
    pub(super) source_as: u32,
    pub(super) destination_as: u32,
    pub(super) start_ns: Option<u64>,
    pub(super) end_ns: Option<u64>,
    start_uptime: Option<u64>,
    end_uptime: Option<u64>,
    boot_ms: Option<u64>,
    duration_ms: Option<u64>,
    /// One of so many packets was counted.
    pub(super) sampling: Option<u32>,
    in_row: Option<u32>,
    space: Option<u32>,
    pub(super) sampler: Option<u64>,
    after: Amount,
    total: Amount,
    icmp: Option<(u16, u16)>,
}

/// When the message was sent that brought the record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    /// In nanoseconds since 1970, by the exporter's clock.
    pub(super) at_ns: u64,
    /// How long the exporter had run, in milliseconds; IPFIX does not say.
    pub(super) uptime_ms: Option<u32>,
}

impl Record {
    /// Reads the 48 bytes of a flow of version 5.
    pub(super) fn of_version_5(cursor: &mut Cursor<'_>, sent: Sent) -> Option<Self> {
        let mut cursor = Cursor(cursor.take(48)?);
        let cursor = &mut cursor;
        let mut address = || Some(IpAddr::from(*cursor.take(4)?.first_chunk::<4>()?));
        let (source, destination) = (address()?, address()?);
        let _next_hop = cursor.u32()?;
        let (ingress, egress) = (cursor.u16()?, cursor.u16()?);
        let (packets, bytes) = (cursor.u32()?, cursor.u32()?);
        let (first, last) = (cursor.u32()?, cursor.u32()?);
        let (source_port, destination_port) = (cursor.u16()?, cursor.u16()?);
        let _padding = cursor.u8()?;
        let (tcp_flags, protocol, _service) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
        let (source_as, destination_as) = (cursor.u16()?, cursor.u16()?);
        let mut record = Self {
            source: Some(source),
            destination: Some(destination),
            source_port,
            destination_port,
            protocol,
            tcp_flags,
            sent: Amount { bytes: bytes.into(), packets: packets.into() },
            ingress: Some(ingress.into()),
            egress: Some(egress.into()),
            source_as: source_as.into(),
            destination_as: destination_as.into(),
            ..Self::default()
        };
        if matches!(Transport::of(protocol), Transport::Icmp | Transport::Icmp6) {
            // Type and code lie in the destination's port.
            record.source_port = destination_port >> 8;
            record.destination_port = destination_port & 0xFF;
        }
        (record.start_uptime, record.end_uptime) = (Some(first.into()), Some(last.into()));
        record.finish(sent);
        Some(record)
    }

    /// Takes one column.
    pub(super) fn set(&mut self, what: What, bytes: &[u8], sent: Sent) {
        let value = number(bytes);
        let word = || u32::try_from(value).unwrap_or(u32::MAX);
        let short = || u16::try_from(value).ok();
        match what {
            What::Skip => {}
            What::Bytes => self.sent.bytes = value,
            What::Packets => self.sent.packets = value,
            What::BytesTotal => self.total.bytes = value,
            What::PacketsTotal => self.total.packets = value,
            What::BytesAfter => self.after.bytes = value,
            What::PacketsAfter => self.after.packets = value,
            What::ReturnedBytes => self.returned.get_or_insert_default().bytes = value,
            What::ReturnedPackets => self.returned.get_or_insert_default().packets = value,
            What::Protocol => self.protocol = u8::try_from(value).unwrap_or(0),
            What::TcpFlags => self.tcp_flags = u8::try_from(value & 0xFF).unwrap_or(0),
            What::SourcePort => self.source_port = short().unwrap_or(0),
            What::DestinationPort => self.destination_port = short().unwrap_or(0),
            What::Source => self.source = address(bytes).or(self.source),
            What::Destination => self.destination = address(bytes).or(self.destination),
            What::SourceMac => self.source_mac = bytes.try_into().ok(),
            What::DestinationMac => self.destination_mac = bytes.try_into().ok(),
            What::Ingress => self.ingress = Some(word()),
            What::Egress => self.egress = Some(word()),
            What::Vlan => self.vlan = short().filter(|vlan| *vlan != 0),
            What::InnerVlan => self.inner_vlan = short().filter(|vlan| *vlan != 0),
            What::IcmpKind => self.icmp = short().map(|kind| (kind >> 8, kind & 0xFF)),
            What::SourceAs => self.source_as = word(),
            What::DestinationAs => self.destination_as = word(),
            What::StartUptime => self.start_uptime = Some(value),
            What::EndUptime => self.end_uptime = Some(value),
            What::BootMillis => self.boot_ms = Some(value),
            What::DurationMillis => self.duration_ms = Some(value),
            What::Start(unit) => self.start_ns = moment(unit, bytes, sent),
            What::End(unit) => self.end_ns = moment(unit, bytes, sent),
            What::Sampling => self.sampling = Some(word()),
            What::SampledInRow => self.in_row = Some(word()),
            What::SampledSpace => self.space = Some(word()),
            What::Sampler => self.sampler = Some(value),
        }
    }

    /// Settles what several columns say together, once all are taken.
    pub(super) fn finish(&mut self, sent: Sent) {
        for other in [self.total, self.after] {
            if self.sent == Amount::default() {
                self.sent = other;
            }
        }
        if let (Some(in_row), Some(space)) = (self.in_row.filter(|row| *row > 0), self.space) {
            self.sampling = Some(in_row.saturating_add(space) / in_row);
        }
        if let Some((kind, code)) = self.icmp
            && matches!(self.protocol, 1 | 58)
        {
            (self.source_port, self.destination_port) = (kind, code);
        }
        let by_uptime = |told: u64| match (self.boot_ms, sent.uptime_ms) {
            (Some(boot), _) => Some(boot.saturating_add(told).saturating_mul(1_000_000)),
            (None, Some(uptime)) => {
                // The counter begins anew every 49 days; what lies ahead of it is a clock that is off.
                let told = u32::try_from(told & 0xFFFF_FFFF).unwrap_or(0);
                let before = uptime.wrapping_sub(told);
                let before = if before > u32::MAX / 2 { 0 } else { before };
                sent.at_ns.checked_sub(u64::from(before).saturating_mul(1_000_000))
            }
            _ => None,
        };
        let (start, end) =
            (self.start_uptime.and_then(by_uptime), self.end_uptime.and_then(by_uptime));
        self.start_ns = self.start_ns.or(start);
        self.end_ns = self.end_ns.or(end);
        if let (Some(start), None, Some(duration)) = (self.start_ns, self.end_ns, self.duration_ms)
        {
            self.end_ns = Some(start.saturating_add(duration.saturating_mul(1_000_000)));
        }
    }

    /// Tells whether it is a flow: what has no address is something else, such as a counter of an interface.
    pub(super) fn is_flow(&self) -> bool {
        self.source.is_some() && self.destination.is_some()
            || self.source_mac.is_some() && self.destination_mac.is_some()
    }

    /// Multiplies the amounts by the sampling rate.
    pub(super) fn scale(&mut self) {
        let rate = u64::from(self.sampling.unwrap_or(1).max(1));
        for amount in std::iter::once(&mut self.sent).chain(self.returned.as_mut()) {
            amount.bytes = amount.bytes.saturating_mul(rate);
            amount.packets = amount.packets.saturating_mul(rate);
        }
    }

    fn transport(&self) -> Transport {
        Transport::of(self.protocol)
    }

    fn has_ports(&self) -> bool {
        matches!(self.transport(), Transport::Tcp | Transport::Udp)
    }

    /// Gives what it adds to the accounts. An exporter tells each direction by itself and does not say
    /// who began: a record from a service's port to a port that is given out is taken for the answer.
    pub(super) fn share(&self, time_ns: u64) -> Option<Share<'static>> {
        let (source, destination) = (self.source?, self.destination?);
        let forth = Share {
            time_ns,
            source,
            destination,
            destination_port: if self.has_ports() { self.destination_port } else { 0 },
            transport: self.transport(),
            protocol: None,
            interface: None,
            sent: self.sent,
            returned: self.returned.unwrap_or_default(),
            begins: true,
            answered: self.returned.is_some_and(|returned| returned.packets > 0),
        };
        let is_answer = self.has_ports()
            && self.returned.is_none()
            && self.source_port < EPHEMERAL_MIN
            && self.destination_port >= EPHEMERAL_MIN;
        if !is_answer {
            return Some(forth);
        }
        let opened = flags::SYN | flags::ACK;
        let answered = self.transport() == Transport::Udp || self.tcp_flags & opened == opened;
        Some(Share {
            source: destination,
            destination: source,
            destination_port: self.source_port,
            sent: Amount::default(),
            returned: self.sent,
            begins: false,
            answered,
            ..forth
        })
    }

    /// Writes it as an event.
    pub(super) fn write(&self, from: &From<'_>, out: &mut Lines) {
        let start = self.start_ns.filter(|start| self.end_ns.is_none_or(|end| end >= *start));
        let time = self.end_ns.unwrap_or(from.time_ns);
        let duration = start.zip(self.end_ns).map(|(start, end)| end - start);
        out.line(|line, clock| {
            line.time_by("@timestamp", time, clock);
            line.object("event", |event| {
                event.word("module", "netflow");
                event.word("dataset", "netflow.flow");
                event.word("kind", "event");
                event.words("category", &["network"]);
                event.words("type", &["connection", "end"]);
                event.word("action", "network_flow");
                if let Some(start) = start {
                    event.time("start", start);
                }
                if let Some(end) = self.end_ns {
                    event.time("end", end);
                }
                if let Some(duration) = duration {
                    event.number("duration", duration);
                }
            });
            self.sides(line);
            self.network(from.home, line);
            line.object("observer", |observer| {
                observer.address("ip", from.exporter);
                for (way, index) in [("ingress", self.ingress), ("egress", self.egress)] {
                    if let Some(index) = index.filter(|index| *index != 0) {
                        observer.object(way, |way| {
                            way.object("interface", |interface| {
                                interface.decimal("id", index.into());
                            });
                        });
                    }
                }
            });
            line.object("bartizan", |own| {
                own.object("netflow", |netflow| {
                    netflow.number("version", from.version);
                    netflow.number("domain", from.domain);
                    if let Some(rate) = self.sampling.filter(|rate| *rate > 1) {
                        netflow.number("sampling", rate);
                    }
                    if self.transport() == Transport::Tcp {
                        netflow.number("tcp_flags", self.tcp_flags);
                    }
                });
            });
        });
    }

    fn sides(&self, line: &mut crate::json::Object<'_>) {
        let source = (self.source, self.source_port, self.source_mac, self.source_as);
        let back =
            (self.destination, self.destination_port, self.destination_mac, self.destination_as);
        let sides = [("source", source, Some(self.sent)), ("destination", back, self.returned)];
        for (key, (address, port, mac, system), amount) in sides {
            line.object(key, |side| {
                if let Some(address) = address {
                    side.address("ip", address);
                }
                if self.has_ports() {
                    side.number("port", port);
                }
                if let Some(mac) = mac {
                    side.mac("mac", mac);
                }
                if let Some(amount) = amount {
                    side.number("bytes", amount.bytes);
                    side.number("packets", amount.packets);
                }
                if system != 0 {
                    side.object("as", |side| side.number("number", system));
                }
            });
        }
    }

    fn network(&self, home: &Home, line: &mut crate::json::Object<'_>) {
        let returned = self.returned.unwrap_or_default();
        line.object("network", |network| {
            network.transport(self.transport(), self.protocol);
            if let Some((source, destination)) = self.source.zip(self.destination) {
                network.word("type", if source.is_ipv6() { "ipv6" } else { "ipv4" });
                let ends = Ends {
                    source,
                    destination,
                    source_port: self.source_port,
                    destination_port: self.destination_port,
                };
                network.text_some("community_id", ends.id(self.transport(), self.protocol));
                network.word("direction", home.direction(source, destination));
            }
            network.number("bytes", self.sent.bytes.saturating_add(returned.bytes));
            network.number("packets", self.sent.packets.saturating_add(returned.packets));
            if let Some(vlan) = self.vlan {
                network.object("vlan", |object| object.decimal("id", vlan.into()));
            }
            if let Some(vlan) = self.inner_vlan {
                network.object("inner", |inner| {
                    inner.object("vlan", |object| object.decimal("id", vlan.into()));
                });
            }
        });
    }
}

/// Who told a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct From<'a> {
    pub(super) exporter: IpAddr,
    pub(super) version: u16,
    pub(super) domain: u32,
    /// Stands where the record tells no end.
    pub(super) time_ns: u64,
    pub(super) home: &'a Home,
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::V4(Ipv4Addr::from(bytes))).filter(|address| !address.is_unspecified());
    }
    let bytes = <[u8; 16]>::try_from(bytes).ok()?;
    // Exporters fill the columns of the other family with zeros.
    Some(IpAddr::V6(Ipv6Addr::from(bytes))).filter(|address| !address.is_unspecified())
}

fn moment(unit: Unit, bytes: &[u8], sent: Sent) -> Option<u64> {
    let value = number(bytes);
    match unit {
        Unit::Seconds => value.checked_mul(SECOND),
        Unit::Millis => value.checked_mul(1_000_000),
        Unit::Ntp => {
            let seconds = (value >> 32).checked_sub(NTP_TO_UNIX_SECONDS)?;
            let fraction = (value & 0xFFFF_FFFF).saturating_mul(SECOND) >> 32;
            seconds.checked_mul(SECOND)?.checked_add(fraction)
        }
        Unit::MicrosBefore => sent.at_ns.checked_sub(value.checked_mul(1000)?),
    }
    .filter(|time| *time > 0)
}
