//! MQTT 3.1.1: a CONNECT without a name, answered by CONNACK.

use super::shared::{named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "mqtt", tcp: &[1883, 8883], udp: &[], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    vec![0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 20, 0, 0]
}

fn read(answer: &[u8]) -> Option<Service> {
    let (0x20, 2, code) = (*answer.first()?, *answer.get(1)?, *answer.get(3)?) else { return None };
    let info = match code {
        0 => "lets anybody in",
        1..=3 => "refuses",
        4 | 5 => "asks for a password",
        _ => return None,
    };
    Some(Service { info: some(info), ..named("mqtt") })
}
