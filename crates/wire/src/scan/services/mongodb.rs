//! MongoDB: `buildInfo` as OP_MSG; the answer is BSON, in which the version stands as a string.

use super::shared::{named, some, until_zero};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "mongodb", tcp: &[27017, 27018, 27019], udp: &[], ask: Ask::Say(say), read };

const OP_MSG: u32 = 2013;

fn say() -> Vec<u8> {
    // { buildInfo: 1, $db: "admin" }
    let document = b"\x23\0\0\0\x10buildInfo\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";
    let mut body = vec![0, 0, 0, 0, 0];
    body.extend(document);
    let mut bytes = u32::try_from(body.len() + 16).unwrap_or(16).to_le_bytes().to_vec();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(OP_MSG.to_le_bytes());
    bytes.extend(body);
    bytes
}

fn read(answer: &[u8]) -> Option<Service> {
    let number = |at: usize| answer.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    (number(8)? == 1 && matches!(number(12)?, 1 | OP_MSG)).then_some(())?;
    let version = string(answer, b"\x02version\0");
    let refused = string(answer, b"\x02errmsg\0");
    (version.is_some() || refused.is_some() || answer.windows(4).any(|part| part == b"\x01ok\0"))
        .then_some(())?;
    Some(Service { product: some("MongoDB"), version, info: refused, ..named("mongodb") })
}

/// Gives the text of an element of BSON: name, length, text.
fn string(answer: &[u8], element: &[u8]) -> Option<String> {
    let at = answer.windows(element.len()).position(|part| part == element)?;
    some(&until_zero(answer.get(at + element.len() + 4..)?))
}
