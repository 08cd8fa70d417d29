//! DNS (RFC 1035): the version that BIND made known as `version.bind`, over TCP with its length.

use super::shared::{find_product, named, short, some, text};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "dns", tcp: &[53], udp: &[53, 5353], ask: Ask::Say(say), read };

const ID: [u8; 2] = [0xba, 0x27];
const KNOWN: [(&str, &str); 7] = [
    ("dnsmasq", "dnsmasq"),
    ("unbound", "Unbound"),
    ("PowerDNS", "PowerDNS"),
    ("NSD", "NSD"),
    ("Knot", "Knot DNS"),
    ("CoreDNS", "CoreDNS"),
    ("Microsoft DNS", "Microsoft DNS"),
];

fn say() -> Vec<u8> {
    // One question: version.bind, TXT, class CHAOS.
    let mut bytes = vec![0, 30];
    bytes.extend(ID);
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    bytes.extend(*b"\x07version\x04bind\0");
    bytes.extend([0, 16, 0, 3]);
    bytes
}

fn read(answer: &[u8]) -> Option<Service> {
    let message = answer.get(2..)?;
    let is_answer = message.get(2)? & 0x80 != 0 && short(message, 4)? <= 1;
    (message.starts_with(&ID) && is_answer).then_some(())?;
    let mut service = named("dns");
    service.info = match message.get(3)? & 0x0f {
        5 => some("refuses to tell its version"),
        4 => some("does not know what a version is"),
        _ => None,
    };
    if short(message, 6)? == 0 {
        return Some(service);
    }
    // The text of the first answer stands after our question, a pointer, and ten bytes.
    let rest = message.get(30..)?;
    let begin =
        if rest.first()? & 0xc0 == 0xc0 { 2 } else { rest.iter().position(|byte| *byte == 0)? + 1 };
    let data = rest.get(begin + 10..)?;
    let said = text(data.get(1..1 + usize::from(*data.first()?))?);
    find_product(&said, &KNOWN, &mut service);
    if service.product.is_none() && said.starts_with("9.") {
        service.product = some("BIND");
        service.version = said.split(' ').next().and_then(some);
    }
    service.info = some(&said);
    Some(service)
}
