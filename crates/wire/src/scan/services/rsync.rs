//! rsync: `@RSYNCD: 31.0 sha512 …`.

use super::shared::{first_line, named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "rsync", tcp: &[873], udp: &[], ask: Ask::Greeting, read };

fn read(answer: &[u8]) -> Option<Service> {
    let line = first_line(answer);
    let protocol = line.strip_prefix("@RSYNCD: ")?.split(' ').next()?;
    let info = some(&format!("protocol {protocol}"));
    Some(Service { product: some("rsync"), info, ..named("rsync") })
}
