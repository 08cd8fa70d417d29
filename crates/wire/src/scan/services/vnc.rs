//! Remote frame buffer (RFC 6143): `RFB 003.008`.

use super::shared::{first_line, named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "vnc", tcp: &[5900, 5901, 5902], udp: &[], ask: Ask::Greeting, read };

fn read(answer: &[u8]) -> Option<Service> {
    let line = first_line(answer);
    let version = line.strip_prefix("RFB ").filter(|version| version.len() >= 7)?;
    let product = match version.get(..7)? {
        "003.889" => Some("Apple Remote Desktop".to_owned()),
        "004.001" | "005.000" => Some("RealVNC".to_owned()),
        _ => None,
    };
    let info = some(&format!("protocol {}", version.get(..7)?));
    Some(Service { product, info, ..named("vnc") })
}
