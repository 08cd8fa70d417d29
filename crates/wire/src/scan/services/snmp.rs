//! SNMP (RFC 1157): the system's description, asked for with the community `public`.

use super::shared::{named, some, text};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row = Row { id: "snmp", tcp: &[], udp: &[161], ask: Ask::Say(say), read };

/// The object sysDescr.0.
const OBJECT: [u8; 10] = [6, 8, 0x2b, 6, 1, 2, 1, 1, 1, 0];

fn say() -> Vec<u8> {
    let mut bytes = vec![0x30, 0x29, 2, 1, 0, 4, 6];
    bytes.extend(*b"public");
    bytes.extend([
        0xa0, 0x1c, 2, 4, 0x62, 0x74, 0x7a, 0x6e, 2, 1, 0, 2, 1, 0, 0x30, 0x0e, 0x30, 0x0c,
    ]);
    bytes.extend(OBJECT);
    bytes.extend([5, 0]);
    bytes
}

fn read(answer: &[u8]) -> Option<Service> {
    (*answer.first()? == 0x30 && answer.windows(6).any(|part| part == b"public")).then_some(())?;
    let at = answer.windows(OBJECT.len()).position(|part| part == OBJECT)?;
    let value = answer.get(at + OBJECT.len()..)?;
    let mut info = some("answers to the community public");
    if *value.first()? == 4 {
        let (length, begin) = match *value.get(1)? {
            0x81 => (usize::from(*value.get(2)?), 3),
            0x82 => (usize::from(super::shared::short(value, 2)?), 4),
            length => (usize::from(length), 2),
        };
        let description = value.get(begin..begin + length).or_else(|| value.get(begin..))?;
        info = some(&text(description)).or(info);
    }
    Some(Service { info, ..named("snmp") })
}
