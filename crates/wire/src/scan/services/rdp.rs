//! Remote desktop: the connection request of X.224 (MS-RDPBCGR 2.2.1.1), with all kinds of security.

use super::shared::{named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row = Row { id: "rdp", tcp: &[3389], udp: &[], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    vec![3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0]
}

fn read(answer: &[u8]) -> Option<Service> {
    let (3, 0, 0xd0) = (*answer.first()?, *answer.get(1)?, *answer.get(5)?) else { return None };
    let info = match (answer.get(11), answer.get(15)) {
        (Some(2), Some(1)) => "TLS",
        (Some(2), Some(2 | 8)) => "network level authentication",
        (Some(3), _) => "refuses the kinds of security offered",
        _ => "classic security",
    };
    Some(Service { info: some(info), ..named("rdp") })
}
