//! memcached: `version`, answered with `VERSION 1.6.18`.

use super::shared::{first_line, named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "memcached", tcp: &[11211], udp: &[], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    b"version\r\n".to_vec()
}

fn read(answer: &[u8]) -> Option<Service> {
    let line = first_line(answer);
    let version = some(line.strip_prefix("VERSION ")?);
    Some(Service { product: some("memcached"), version, ..named("memcached") })
}
