//! RTSP (RFC 7826): cameras and recorders.

use super::shared::{between, first_line, named, some, split_version};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "rtsp", tcp: &[554, 8554], udp: &[], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_vec()
}

fn read(answer: &[u8]) -> Option<Service> {
    let line = first_line(answer);
    let status = line.strip_prefix("RTSP/")?;
    let text = String::from_utf8_lossy(answer);
    let (product, version) =
        between(&text, "Server: ", "\r\n").map(split_version).unwrap_or_default();
    Some(Service { product, version, info: some(status), ..named("rtsp") })
}
