//! The log-in: what a client answers to the greeting, and whether a password would have given it.

use sha1::{Digest, Sha1};

use super::packet::{counted, number};
use crate::octets::{Octets, hex, text};
use crate::talk::NAME_BYTES_MAX;

pub(super) const NATIVE: &str = "mysql_native_password";
pub(super) const CACHING: &str = "caching_sha2_password";
pub(super) const CLEAR: &str = "mysql_clear_password";
/// Attributes of a connection that are kept.
const ATTRIBUTES_MAX: usize = 16;

pub(super) const CONNECT_WITH_DB: u32 = 0x0000_0008;
pub(super) const PROTOCOL_41: u32 = 0x0000_0200;
pub(super) const TLS: u32 = 0x0000_0800;
pub(super) const SECURE_CONNECTION: u32 = 0x0000_8000;
pub(super) const PLUGIN_AUTH: u32 = 0x0008_0000;
pub(super) const CONNECT_ATTRIBUTES: u32 = 0x0010_0000;
pub(super) const COUNTED_AUTH: u32 = 0x0020_0000;
pub(super) const WITHOUT_MARKS: u32 = 0x0100_0000;
pub(super) const QUERY_ATTRIBUTES: u32 = 0x0800_0000;

/// What a client answers to the greeting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) flags: u32,
    pub(super) user: String,
    pub(super) answer: Vec<u8>,
    pub(super) database: String,
    pub(super) plugin: String,
    /// `name=value` of what it says of itself.
    pub(super) attributes: Vec<String>,
}

/// What a client says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// It asks for TLS.
    Tls,
    /// It logs in.
    LogIn(Response),
}

/// Reads the answer; one without a user asks for TLS.
pub(super) fn response(payload: &[u8]) -> Option<First> {
    let mut octets = Octets::new(payload);
    let low = u32::from(octets.u16_le()?);
    if low & PROTOCOL_41 == 0 {
        return old_response(low, octets).map(First::LogIn);
    }
    let flags = low | (u32::from(octets.u16_le()?) << 16);
    octets.take(4 + 1 + 23)?;
    if flags & TLS != 0 && octets.is_empty() {
        return Some(First::Tls);
    }
    let user = text(octets.until_zero()?, NAME_BYTES_MAX);
    let answer = if flags & COUNTED_AUTH != 0 {
        counted(&mut octets)?
    } else if flags & SECURE_CONNECTION != 0 {
        let count = octets.byte()?;
        octets.take(count.into())?
    } else {
        octets.until_zero().unwrap_or_default()
    };
    let mut response = Response { flags, user, answer: answer.to_vec(), ..Response::default() };
    if flags & CONNECT_WITH_DB != 0 {
        response.database = text(octets.until_zero().unwrap_or_default(), NAME_BYTES_MAX);
    }
    if flags & PLUGIN_AUTH != 0 {
        response.plugin = text(octets.until_zero().unwrap_or_default(), NAME_BYTES_MAX);
    }
    if flags & CONNECT_ATTRIBUTES != 0 {
        response.attributes = attributes(&mut octets).unwrap_or_default();
    }
    Some(First::LogIn(response))
}

/// The answer of clients before 4.1.
fn old_response(flags: u32, mut octets: Octets<'_>) -> Option<Response> {
    octets.take(3)?;
    let user = text(octets.until_zero()?, NAME_BYTES_MAX);
    let answer = octets.until_zero().unwrap_or(octets.rest()).to_vec();
    Some(Response {
        flags,
        user,
        answer,
        plugin: "mysql_old_password".to_owned(),
        ..Response::default()
    })
}

fn attributes(octets: &mut Octets<'_>) -> Option<Vec<String>> {
    let all = usize::try_from(number(octets)?).ok()?;
    let mut octets = Octets::new(octets.take(all)?);
    let mut out = Vec::new();
    while !octets.is_empty() && out.len() < ATTRIBUTES_MAX {
        let name = text(counted(&mut octets)?, NAME_BYTES_MAX);
        let value = text(counted(&mut octets)?, NAME_BYTES_MAX);
        out.push(format!("{name}={value}"));
    }
    Some(out)
}

/// Whether this password gives this answer to the salt.
pub(super) fn native_is_of(password: &str, salt: &[u8; 20], answer: &[u8]) -> bool {
    let once: [u8; 20] = Sha1::digest(password).into();
    let twice = Sha1::digest(once);
    let mut hash = Sha1::new();
    hash.update(salt);
    hash.update(twice);
    let mask: [u8; 20] = hash.finalize().into();
    answer.len() == 20
        && answer.iter().zip(once.iter().zip(mask)).all(|(byte, (of, mask))| *byte == of ^ mask)
}

/// The hash as hashcat (mode 11200) and john (mysqlna) read it.
pub(super) fn native_hash(salt: &[u8; 20], answer: &[u8]) -> String {
    format!("$mysqlna${}*{}", hex(salt), hex(answer))
}
