//! The pipe `srvsvc`: as much of DCE/RPC (C706) and of [MS-SRVS] as lists the shares.

use bytes::BufMut;

use crate::octets::{Octets, len16, len32, size, to_utf16, utf16};
use crate::talk::NAME_BYTES_MAX;

const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;
const FAULT: u8 = 3;
const BIND: u8 = 11;
const BIND_ACK: u8 = 12;
const ALTER_CONTEXT: u8 = 14;
const ALTER_CONTEXT_ANSWER: u8 = 15;
const HEAD_BYTES: usize = 16;
const FRAGMENT_BYTES_MAX: u16 = 4280;
const CONTEXTS_MAX: u8 = 16;
/// 4b324fc8-1670-01d3-1278-5a47bf6ee188, version 3.0
const SRVSVC: &[u8] = &[
    0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3, 0x01, 0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e, 0xe1, 0x88,
    3, 0, 0, 0,
];
/// 8a885d04-1ceb-11c9-9fe8-08002b104860, version 2
const NDR: &[u8] = &[
    0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60,
    2, 0, 0, 0,
];
const SHARE_ENUM: u16 = 15;
const SERVER_INFO: u16 = 21;
const OUT_OF_RANGE: u32 = 0x1c01_0002;
const ERROR_ACCESS_DENIED: u32 = 5;
const ERROR_INVALID_LEVEL: u32 = 124;

/// A share as a list shows it.
#[derive(Clone, Debug)]
pub(super) struct Share {
    /// Its name.
    pub(super) name: &'static str,
    /// 0 a disk, 3 a pipe; the high bit hides it.
    pub(super) kind: u32,
    /// What stands beside it.
    pub(super) comment: String,
}

/// An answer, and which call it answers where that is worth telling.
pub(super) struct Called {
    pub(super) answer: Vec<u8>,
    pub(super) call: Option<&'static str>,
}

/// Answers one message; `None` where it is none.
pub(super) fn call(message: &[u8], shares: &[Share], computer: &str) -> Option<Called> {
    let mut octets = Octets::new(message);
    let (major, _minor) = (octets.byte()?, octets.byte()?);
    let (kind, flags) = (octets.byte()?, octets.byte()?);
    octets.take(8)?;
    let id = octets.u32_le()?;
    if major != 5 {
        return None;
    }
    match kind {
        BIND => Some(Called { answer: bound(id, BIND_ACK, octets)?, call: None }),
        ALTER_CONTEXT => {
            Some(Called { answer: bound(id, ALTER_CONTEXT_ANSWER, octets)?, call: None })
        }
        REQUEST if flags & 3 == 3 => {
            octets.take(4)?;
            let (context, operation) = (octets.u16_le()?, octets.u16_le()?);
            Some(requested(id, context, operation, octets, shares, computer))
        }
        REQUEST => Some(Called { answer: fault(id, 0), call: None }),
        _ => None,
    }
}

fn requested(
    id: u32,
    context: u16,
    operation: u16,
    stub: Octets<'_>,
    shares: &[Share],
    computer: &str,
) -> Called {
    let (stub, call) = match operation {
        SHARE_ENUM => (share_enum(stub, shares), Some("NetShareEnumAll")),
        SERVER_INFO => (server_info(stub, computer), Some("NetServerGetInfo")),
        _ => (None, None),
    };
    let answer = match stub {
        Some(stub) => {
            let mut body = Vec::new();
            body.put_u32_le(len32(stub.len()));
            body.put_u16_le(context);
            body.put_u16_le(0);
            body.extend(stub);
            framed(RESPONSE, id, &body)
        }
        None => fault(id, context),
    };
    Called { answer, call }
}

fn framed(kind: u8, id: u32, body: &[u8]) -> Vec<u8> {
    let mut out = vec![5, 0, kind, 3, 0x10, 0, 0, 0];
    out.put_u16_le(len16(HEAD_BYTES + body.len()));
    out.put_u16_le(0);
    out.put_u32_le(id);
    out.extend_from_slice(body);
    out
}

fn fault(id: u32, context: u16) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.put_u16_le(context);
    body.put_u16_le(0);
    body.put_u32_le(OUT_OF_RANGE);
    body.put_u32_le(0);
    framed(FAULT, id, &body)
}

fn bound(id: u32, kind: u8, mut octets: Octets<'_>) -> Option<Vec<u8>> {
    let sends = octets.u16_le()?.min(FRAGMENT_BYTES_MAX);
    let takes = octets.u16_le()?.min(FRAGMENT_BYTES_MAX);
    octets.take(4)?;
    let contexts = octets.byte()?;
    octets.take(3)?;
    if contexts > CONTEXTS_MAX {
        return None;
    }
    let mut body = Vec::new();
    body.put_u16_le(sends);
    body.put_u16_le(takes);
    body.put_u32_le(0x53f0);
    body.put_u16_le(13);
    body.put_slice(b"\\PIPE\\srvsvc\0");
    while !(HEAD_BYTES + body.len()).is_multiple_of(4) {
        body.push(0);
    }
    body.put_slice(&[contexts, 0, 0, 0]);
    for _ in 0..contexts {
        octets.take(2)?;
        let syntaxes = octets.byte()?;
        octets.take(1)?;
        let is_ours = octets.take(20)? == SRVSVC;
        let mut spoken = false;
        for _ in 0..syntaxes {
            spoken |= octets.take(20)? == NDR;
        }
        // Refused by the provider: 1, the abstract syntax; 2, the transfer syntax.
        let (result, reason) = if !is_ours {
            (2, 1)
        } else if spoken {
            (0, 0)
        } else {
            (2, 2)
        };
        body.put_u16_le(result);
        body.put_u16_le(reason);
        body.put_slice(if result == 0 { NDR } else { &[0; 20] });
    }
    Some(framed(kind, id, &body))
}

/// Passes over a pointer to text, and gives the text.
fn pointed_text(octets: &mut Octets<'_>) -> Option<String> {
    if octets.u32_le()? == 0 {
        return Some(String::new());
    }
    octets.take(8)?;
    let bytes = size(octets.u32_le()?).checked_mul(2)?;
    let text = octets.take(bytes)?;
    if bytes % 4 != 0 {
        octets.take(2)?;
    }
    Some(utf16(text, NAME_BYTES_MAX))
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut bytes = to_utf16(text);
    bytes.extend([0, 0]);
    let units = len32(bytes.len() / 2);
    out.put_u32_le(units);
    out.put_u32_le(0);
    out.put_u32_le(units);
    if !bytes.len().is_multiple_of(4) {
        bytes.extend([0, 0]);
    }
    out.extend(bytes);
}

fn share_enum(mut stub: Octets<'_>, shares: &[Share]) -> Option<Vec<u8>> {
    let _server = pointed_text(&mut stub)?;
    let level = stub.u32_le()?;
    let mut out = Vec::new();
    out.put_u32_le(level);
    out.put_u32_le(level);
    if level > 1 {
        out.put_u32_le(0);
        out.put_u32_le(0);
        out.put_u32_le(0);
        out.put_u32_le(if level == 2 || level == 502 {
            ERROR_ACCESS_DENIED
        } else {
            ERROR_INVALID_LEVEL
        });
        return Some(out);
    }
    let count = len32(shares.len());
    out.put_u32_le(0x0002_0000);
    out.put_u32_le(count);
    out.put_u32_le(0x0002_0004);
    out.put_u32_le(count);
    let mut pointer = 0x0002_0008;
    let mut texts = Vec::new();
    for share in shares {
        out.put_u32_le(pointer);
        put_text(&mut texts, share.name);
        pointer += 4;
        if level == 1 {
            out.put_u32_le(share.kind);
            out.put_u32_le(pointer);
            put_text(&mut texts, &share.comment);
            pointer += 4;
        }
    }
    out.extend(texts);
    out.put_u32_le(count);
    // Nothing to go on with.
    out.put_u32_le(0);
    out.put_u32_le(0);
    Some(out)
}

fn server_info(mut stub: Octets<'_>, computer: &str) -> Option<Vec<u8>> {
    let _server = pointed_text(&mut stub)?;
    let level = stub.u32_le()?;
    let mut out = Vec::new();
    out.put_u32_le(level);
    if level != 101 {
        out.put_u32_le(0);
        out.put_u32_le(if level == 102 { ERROR_ACCESS_DENIED } else { ERROR_INVALID_LEVEL });
        return Some(out);
    }
    out.put_u32_le(0x0002_0000);
    out.put_u32_le(500);
    out.put_u32_le(0x0002_0004);
    out.put_u32_le(10);
    out.put_u32_le(0);
    // A server that serves files.
    out.put_u32_le(0x0000_9003);
    out.put_u32_le(0x0002_0008);
    put_text(&mut out, computer);
    put_text(&mut out, "");
    out.put_u32_le(0);
    Some(out)
}
