//! NTP (RFC 5905): a client's question of version 4.

use super::shared::{named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row = Row { id: "ntp", tcp: &[], udp: &[123], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    let mut bytes = vec![0x23];
    bytes.resize(48, 0);
    bytes
}

fn read(answer: &[u8]) -> Option<Service> {
    (answer.len() >= 48).then_some(())?;
    let first = answer.first()?;
    // Mode 4 is a server's.
    (first & 7 == 4).then_some(())?;
    let info = format!("version {}, stratum {}", (first >> 3) & 7, answer.get(1)?);
    Some(Service { info: some(&info), ..named("ntp") })
}
