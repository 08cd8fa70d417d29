//! SSH (RFC 4253): `SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3`.

use super::shared::{first_line, named, some, split_version};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "ssh", tcp: &[22, 2222, 22222], udp: &[], ask: Ask::Greeting, read };

fn read(answer: &[u8]) -> Option<Service> {
    let line = first_line(answer.starts_with(b"SSH-").then_some(answer)?);
    let mut parts = line.splitn(3, '-');
    let (_, protocol, software) = (parts.next()?, parts.next()?, parts.next()?);
    let (program, comment) = software.split_once(' ').unwrap_or((software, ""));
    let (product, version) = match program.split_once('_') {
        Some((product, version)) => (some(product), some(version)),
        None => split_version(program),
    };
    let info = match some(comment) {
        Some(comment) => format!("{comment}, protocol {protocol}"),
        None => format!("protocol {protocol}"),
    };
    Some(Service { product, version, info: Some(info), ..named("ssh") })
}
