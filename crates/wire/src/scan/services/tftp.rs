//! TFTP (RFC 1350): a file that does not exist is asked for; the server answers with an error.

use super::shared::{named, some, until_zero};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row = Row { id: "tftp", tcp: &[], udp: &[69], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    b"\0\x01bartizan-no-such-file\0octet\0".to_vec()
}

fn read(answer: &[u8]) -> Option<Service> {
    let (0, kind @ (3 | 5)) = (*answer.first()?, *answer.get(1)?) else { return None };
    let info = (kind == 5).then(|| until_zero(answer.get(4..).unwrap_or_default()));
    Some(Service { info: info.as_deref().and_then(some), ..named("tftp") })
}
