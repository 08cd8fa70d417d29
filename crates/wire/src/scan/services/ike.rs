//! IKE (RFC 7296): a first message without proposals; whoever negotiates keys answers in kind.

use super::shared::{named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row = Row { id: "ike", tcp: &[], udp: &[500], ask: Ask::Say(say), read };

const INITIATOR: [u8; 8] = *b"bartizan";

fn say() -> Vec<u8> {
    let mut bytes = INITIATOR.to_vec();
    bytes.extend([0; 8]);
    // Version 1, main mode: a security association with one proposal of one transform (3DES, SHA-1,
    // shared secret, group 2).
    bytes.extend([1, 0x10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 76]);
    bytes.extend([0, 0, 0, 48, 0, 0, 0, 1, 0, 0, 0, 1]);
    bytes.extend([0, 0, 0, 36, 1, 1, 0, 1]);
    bytes.extend([0, 0, 0, 28, 1, 1, 0, 0]);
    bytes.extend([0x80, 1, 0, 5, 0x80, 2, 0, 2, 0x80, 3, 0, 1, 0x80, 4, 0, 2, 0x80, 11, 0, 1]);
    bytes
}

fn read(answer: &[u8]) -> Option<Service> {
    (answer.len() >= 28 && answer.starts_with(&INITIATOR)).then_some(())?;
    let version = answer.get(17)? >> 4;
    Some(Service { info: some(&format!("version {version}")), ..named("ike") })
}
