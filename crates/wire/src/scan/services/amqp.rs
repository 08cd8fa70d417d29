//! AMQP 0-9-1: the protocol header, answered by `connection.start` with the broker's properties.

use super::shared::{named, some, text};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "amqp", tcp: &[5672, 5671], udp: &[], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    b"AMQP\0\0\x09\x01".to_vec()
}

fn read(answer: &[u8]) -> Option<Service> {
    if let Some(rest) = answer.strip_prefix(b"AMQP") {
        let info = format!("protocol {}.{}", rest.get(1)?, rest.get(2)?);
        return Some(Service { info: some(&info), ..named("amqp") });
    }
    answer.starts_with(&[1, 0, 0]).then_some(())?;
    (answer.get(7..11)? == [0, 10, 0, 10]).then_some(())?;
    let value = |name: &[u8]| {
        let at = answer.windows(name.len()).position(|part| part == name)?;
        let rest = answer.get(at + name.len()..)?;
        let (b'S', length) = (*rest.first()?, rest.get(1..5)?) else { return None };
        let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
        some(&text(rest.get(5..length.checked_add(5)?)?))
    };
    Some(Service {
        product: value(b"\x07product"),
        version: value(b"\x07version"),
        ..named("amqp")
    })
}
