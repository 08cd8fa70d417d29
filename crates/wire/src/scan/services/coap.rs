//! CoAP (RFC 7252): small devices, asked for `/.well-known/core`.

use super::shared::{named, some, text};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "coap", tcp: &[], udp: &[5683], ask: Ask::Say(say), read };

const ID: [u8; 2] = [0xba, 0x29];

fn say() -> Vec<u8> {
    let mut bytes = vec![0x40, 1];
    bytes.extend(ID);
    bytes.push(0xbb);
    bytes.extend(*b".well-known");
    bytes.push(4);
    bytes.extend(*b"core");
    bytes
}

fn read(answer: &[u8]) -> Option<Service> {
    (answer.first()? >> 6 == 1 && answer.get(2..4)? == ID).then_some(())?;
    let begin = answer.iter().position(|byte| *byte == 0xff);
    let said = begin.and_then(|at| answer.get(at + 1..)).map(text);
    Some(Service { info: said.as_deref().and_then(some), ..named("coap") })
}
