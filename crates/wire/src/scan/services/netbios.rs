//! NetBIOS names (RFC 1002): the status of a node, which names the machine and its group.

use super::shared::{named, short, some, text};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "netbios", tcp: &[], udp: &[137], ask: Ask::Say(say), read };

const ID: [u8; 2] = [0xba, 0x28];

fn say() -> Vec<u8> {
    let mut bytes = ID.to_vec();
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 32]);
    // The name `*`, spelt in halves of bytes.
    bytes.extend(*b"CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    bytes.extend([0, 0, 0x21, 0, 1]);
    bytes
}

fn read(answer: &[u8]) -> Option<Service> {
    (answer.starts_with(&ID) && answer.get(2)? & 0x80 != 0 && short(answer, 6)? > 0)
        .then_some(())?;
    // After the header: the name again, type, class, time to live, length.
    let data = answer.get(12 + 34 + 10..)?;
    let count = usize::from(*data.first()?);
    let names: Vec<String> = data
        .get(1..)?
        .chunks_exact(18)
        .take(count.min(16))
        .filter_map(|entry| {
            // Suffix 0 is the machine or its group.
            let name = entry.get(..15).filter(|_| entry.get(15) == Some(&0))?;
            Some(text(name))
        })
        .collect();
    Some(Service { info: some(&names.join(", ")), ..named("netbios") })
}
