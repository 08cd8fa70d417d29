//! SMB: a negotiation of version 2 (MS-SMB2), answered with the dialect and the server's identity.

use super::shared::{named, some};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "smb", tcp: &[445, 139], udp: &[], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    let mut header = Vec::from(*b"\xfeSMB");
    header.extend([64, 0]);
    // Credit charge, status, command 0 (negotiate), one credit, flags, next command, message 0, process, tree, session.
    header.extend([0; 8]);
    header.extend([1, 0]);
    header.extend([0; 32]);
    header.extend([0; 16]);
    // Four dialects, signing possible; then the client's identity.
    let mut body = vec![36, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    body.extend(*b"bartizan-scan-id");
    body.extend([0; 8]);
    for dialect in [0x0202_u16, 0x0210, 0x0300, 0x0302] {
        body.extend(dialect.to_le_bytes());
    }
    let length = u32::try_from(header.len() + body.len()).unwrap_or(0);
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(body);
    bytes
}

fn read(answer: &[u8]) -> Option<Service> {
    let message = answer.get(4..)?;
    if message.starts_with(b"\xffSMB") {
        return Some(Service { info: some("dialect 1"), ..named("smb") });
    }
    message.starts_with(b"\xfeSMB").then_some(())?;
    let body = message.get(64..)?;
    let signing = u16::from_le_bytes(body.get(2..4)?.try_into().ok()?);
    let dialect = u16::from_le_bytes(body.get(4..6)?.try_into().ok()?);
    let dialect = match dialect {
        0x0202 => "2.0.2",
        0x0210 => "2.1",
        0x0300 => "3.0",
        0x0302 => "3.0.2",
        0x0311 => "3.1.1",
        0x02ff => "2",
        _ => return Some(named("smb")),
    };
    let signing = if signing & 2 == 2 { "signing required" } else { "signing not required" };
    Some(Service { info: some(&format!("dialect {dialect}; {signing}")), ..named("smb") })
}
