//! SSDP: devices of UPnP, searched for.

use super::shared::{between, first_line, named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "ssdp", tcp: &[], udp: &[1900], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n"
        .to_vec()
}

fn read(answer: &[u8]) -> Option<Service> {
    first_line(answer).starts_with("HTTP/1.1 200").then_some(())?;
    let text = String::from_utf8_lossy(answer);
    let info = between(&text, "SERVER: ", "\r\n").or_else(|| between(&text, "Server: ", "\r\n"));
    Some(Service { info: info.and_then(some), ..named("ssdp") })
}
