//! A flow as an event.

use std::net::IpAddr;

use super::record::Flow;
use crate::json::{Lines, Object};
use crate::packet::Transport;

/// Why a flow is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It is over: both sides are done, one has torn it down, or the file ends.
    End,
    /// It was silent for too long.
    Idle,
    /// It lasts; this is a part of it.
    Long,
    /// Another needed its room.
    Evicted,
    /// Whoever captures stops.
    Shutdown,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Idle => "idle",
            Self::Long => "long",
            Self::Evicted => "evicted",
            Self::Shutdown => "shutdown",
        }
    }
}

/// Writes a flow as one line.
pub(super) fn report(
    flow: &Flow,
    protocol: Option<&'static str>,
    reason: Reason,
    home: &[(IpAddr, u8)],
    interface: &str,
    lines: &mut Lines,
) {
    let about = flow.about(flow.last_ns, interface);
    lines.line(|line, clock| {
        line.time_by("@timestamp", flow.last_ns, clock);
        line.object("event", |event| {
            event.members(
                r#""module":"flow","kind":"event","dataset":"flow.connection","category":["network"],"type":["connection","end"],"action":"network_flow""#,
            );
            event.time_by("start", flow.start_ns, clock);
            event.time_by("end", flow.last_ns, clock);
            event.number("duration", flow.last_ns.saturating_sub(flow.start_ns));
        });
        let ports = matches!(about.transport, Transport::Tcp | Transport::Udp);
        let side = |object: &mut Object<'_>, address, port: u16, mac: Option<[u8; 6]>| {
            object.address("ip", address);
            if ports {
                object.number("port", port);
            }
            if let Some(mac) = mac {
                object.mac("mac", mac);
            }
        };
        line.object("source", |source| {
            side(source, about.source, about.source_port, about.source_mac);
            source.number("bytes", flow.client.bytes);
            source.number("packets", flow.client.packets);
        });
        line.object("destination", |destination| {
            side(destination, about.destination, about.destination_port, about.destination_mac);
            destination.number("bytes", flow.server.bytes);
            destination.number("packets", flow.server.packets);
        });
        line.object("network", |network| {
            if let Some(protocol) = protocol {
                network.word("protocol", protocol);
            }
            about.network(network);
            network.number("bytes", flow.client.bytes + flow.server.bytes);
            network.number("packets", flow.client.packets + flow.server.packets);
            network.word("direction", direction(about.source, about.destination, home));
        });
        if matches!(about.transport, Transport::Icmp | Transport::Icmp6) {
            line.object("icmp", |icmp| {
                icmp.number("type", about.source_port);
                icmp.number("code", about.destination_port);
            });
        }
        line.object("bartizan", |ours| {
            ours.object("flow", |ours| {
                ours.word("state", flow.state());
                flow.write_history_to(ours);
                ours.word("reason", reason.name());
                if flow.part > 0 {
                    ours.number("part", flow.part);
                }
            });
        });
        if !interface.is_empty() {
            line.object("observer", |observer| observer.interface(interface));
        }
    });
}

/// Tells which way a flow goes, seen from the networks that are ours.
fn direction(source: IpAddr, destination: IpAddr, home: &[(IpAddr, u8)]) -> &'static str {
    let ours = |address| home.iter().any(|network| holds(*network, address));
    match (ours(source), ours(destination)) {
        (true, true) => "internal",
        (true, false) => "outbound",
        (false, true) => "inbound",
        (false, false) => "external",
    }
}

/// Tells whether an address lies in a network.
fn holds((network, length): (IpAddr, u8), address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = 32 - u32::from(length.min(32));
            (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let shift = 128 - u32::from(length.min(128));
            (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
        }
        _ => false,
    }
}
