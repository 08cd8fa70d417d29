//! The port mapper of ONC RPC (RFC 1833): a call of procedure 0, version 2.

use super::shared::{named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "portmap", tcp: &[111], udp: &[111], ask: Ask::Say(say), read };

const ID: [u8; 4] = *b"btzn";

fn say() -> Vec<u8> {
    let mut bytes = vec![0x80, 0, 0, 40];
    bytes.extend(ID);
    for word in [0_u32, 2, 100_000, 2, 0, 0, 0, 0, 0] {
        bytes.extend(word.to_be_bytes());
    }
    bytes
}

fn read(answer: &[u8]) -> Option<Service> {
    let message = answer.get(4..)?.strip_prefix(&ID)?;
    message.starts_with(&[0, 0, 0, 1]).then_some(())?;
    Some(Service { product: some("rpcbind"), ..named("portmap") })
}
