//! NTLM over SSPI ([MS-NLMP]), the server's half as far as a decoy goes: it asks with a challenge of
//! its own and keeps the answer as a hash that can be tried against lists of passwords offline.
//!
//! ```text
//! client NEGOTIATE ──▶   ◀── CHALLENGE (8 random bytes, our names)   AUTHENTICATE (user, answer) ──▶
//! ```
//!
//! The answer is never sent on to anybody.

mod answer;

use crate::octets::{Octets, hex, len16, len32, part, size, text, to_utf16, utf16};
use crate::talk::NAME_BYTES_MAX;

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
/// Bytes of an answer that are kept; real ones have some hundred.
const ANSWER_BYTES_MAX: usize = 2048;

const UNICODE: u32 = 0x0000_0001;
const REQUEST_TARGET: u32 = 0x0000_0004;
const NTLM: u32 = 0x0000_0200;
const ANONYMOUS: u32 = 0x0000_0800;
const TARGET_TYPE_SERVER: u32 = 0x0002_0000;
const EXTENDED_SECURITY: u32 = 0x0008_0000;
const TARGET_INFO: u32 = 0x0080_0000;
const VERSION: u32 = 0x0200_0000;
/// What a server grants where a client asks: signing, sealing, key exchange, their lengths.
const GRANTED: u32 = 0xe008_8035;

/// The names and the build by which this server goes.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// The computer's NetBIOS name.
    pub(crate) computer: String,
    /// The domain's NetBIOS name; that of the computer where it has none.
    pub(crate) domain: String,
    /// The computer's full name.
    pub(crate) dns_computer: String,
    /// The domain's full name; that of the computer where it has none.
    pub(crate) dns_domain: String,
    /// Major and minor version, build.
    pub(crate) version: (u8, u8, u16),
}

impl Names {
    /// The names of a machine that is in a domain.
    pub(crate) fn of_member(host_name: &str, domain: &str, version: &str) -> Self {
        let short = domain.split('.').next().unwrap_or(domain);
        Self {
            computer: netbios(host_name),
            domain: netbios(short),
            dns_computer: format!("{host_name}.{domain}"),
            dns_domain: domain.to_owned(),
            version: numbers(version),
        }
    }

    /// The names of a machine that stands alone, as Samba tells them.
    pub(crate) fn alone(host_name: &str, domain: &str) -> Self {
        Self {
            computer: netbios(host_name),
            domain: netbios(host_name),
            dns_computer: format!("{host_name}.{domain}"),
            dns_domain: domain.to_owned(),
            version: (6, 1, 0),
        }
    }
}

/// The first fifteen letters, in capitals.
fn netbios(name: &str) -> String {
    name.chars().take(15).collect::<String>().to_uppercase()
}

/// Reads `10.0.17763`.
fn numbers(version: &str) -> (u8, u8, u16) {
    let mut parts = version.split('.');
    let mut next = || parts.next().unwrap_or_default();
    (
        next().parse().unwrap_or(10),
        next().parse().unwrap_or_default(),
        next().parse().unwrap_or(17763),
    )
}

/// What a client says of itself when it begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Negotiate {
    flags: u32,
    /// The domain that it names.
    pub(crate) domain: String,
    /// The computer that it says it is.
    pub(crate) workstation: String,
    /// Its version, as `10.0.19041`.
    pub(crate) version: Option<String>,
}

/// What a client answers to the challenge.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authenticate {
    /// The domain that it names.
    pub(crate) domain: String,
    /// The user.
    pub(crate) user: String,
    /// The computer that it says it is.
    pub(crate) workstation: String,
    /// Its version.
    pub(crate) version: Option<String>,
    lm: Vec<u8>,
    nt: Vec<u8>,
    anonymous: bool,
}

/// Where a message begins within whatever wraps it.
pub(crate) fn within(blob: &[u8]) -> Option<&[u8]> {
    blob.get(memchr::memmem::find(blob, SIGNATURE)?..)
}

/// Reads the first message of a client.
pub(crate) fn negotiate(message: &[u8]) -> Option<Negotiate> {
    let mut octets = begin(message, 1)?;
    let flags = octets.u32_le()?;
    // Old clients end here.
    let domain = field(message, &mut octets).unwrap_or_default();
    let workstation = field(message, &mut octets).unwrap_or_default();
    let version = version(flags, &mut octets);
    Some(Negotiate {
        flags,
        domain: text(domain, NAME_BYTES_MAX),
        workstation: text(workstation, NAME_BYTES_MAX),
        version,
    })
}

/// Writes the challenge. `time` is in units of 100 ns since 1601.
pub(crate) fn challenge(asked: &Negotiate, names: &Names, nonce: [u8; 8], time: u64) -> Vec<u8> {
    const HEAD_BYTES: usize = 56;
    let mut flags = (asked.flags & GRANTED) | NTLM | TARGET_TYPE_SERVER | TARGET_INFO | VERSION;
    flags |= asked.flags & (UNICODE | REQUEST_TARGET | EXTENDED_SECURITY);
    let target = if flags & UNICODE == 0 {
        names.computer.as_bytes().to_vec()
    } else {
        to_utf16(&names.computer)
    };
    let info = target_info(names, time);
    let mut out = SIGNATURE.to_vec();
    out.extend(2_u32.to_le_bytes());
    put_field(&mut out, target.len(), HEAD_BYTES);
    out.extend(flags.to_le_bytes());
    out.extend(nonce);
    out.extend([0; 8]);
    put_field(&mut out, info.len(), HEAD_BYTES + target.len());
    let (major, minor, build) = names.version;
    out.extend([major, minor]);
    out.extend(build.to_le_bytes());
    out.extend([0, 0, 0, 15]);
    out.extend(target);
    out.extend(info);
    out
}

/// Reads the answer of a client.
pub(crate) fn authenticate(message: &[u8]) -> Option<Authenticate> {
    let mut octets = begin(message, 3)?;
    let lm = field(message, &mut octets)?;
    let nt = field(message, &mut octets)?;
    let domain = field(message, &mut octets)?;
    let user = field(message, &mut octets)?;
    let workstation = field(message, &mut octets)?;
    let _session_key = field(message, &mut octets);
    let flags = octets.u32_le().unwrap_or(UNICODE);
    let version = version(flags, &mut octets);
    if lm.len() > ANSWER_BYTES_MAX || nt.len() > ANSWER_BYTES_MAX {
        return None;
    }
    let name = |bytes: &[u8]| {
        if flags & UNICODE == 0 {
            text(bytes, NAME_BYTES_MAX)
        } else {
            utf16(bytes, NAME_BYTES_MAX)
        }
    };
    Some(Authenticate {
        domain: name(domain),
        user: name(user),
        workstation: name(workstation),
        version,
        lm: lm.to_vec(),
        nt: nt.to_vec(),
        anonymous: flags & ANONYMOUS != 0 || (user.is_empty() && nt.is_empty()),
    })
}

impl Authenticate {
    /// Tells whether nobody in particular asks to be let in.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.anonymous || self.user.is_empty()
    }

    /// The hash as hashcat (modes 5600 and 5500) and john (netntlmv2, netntlm) read it; `None` where
    /// there was no answer.
    pub(crate) fn hash(&self, nonce: [u8; 8]) -> Option<String> {
        let Self { user, domain, .. } = self;
        hash(user, domain, &self.lm, &self.nt, nonce)
    }

    /// Tells whether this password gave the answer; only of version 2.
    pub(crate) fn is_of(&self, password: &str, nonce: [u8; 8]) -> bool {
        let Some((told, blob)) = self.nt.split_at_checked(16).filter(|_| self.nt.len() > 24) else {
            return false;
        };
        answer::proof(&self.user, &self.domain, password, &nonce, blob) == told
    }

    /// The name by which a hash is called.
    pub(crate) fn kind(&self) -> &'static str {
        if self.nt.len() > 24 { "NetNTLMv2" } else { "NetNTLMv1" }
    }
}

/// A hash from its parts, which SMB1 carries without a message around them.
pub(crate) fn hash(
    user: &str,
    domain: &str,
    lm: &[u8],
    nt: &[u8],
    nonce: [u8; 8],
) -> Option<String> {
    let nonce = hex(&nonce);
    // A colon would shift what follows; no account has one.
    let (user, domain) = (user.replace(':', "_"), domain.replace(':', "_"));
    match nt.len() {
        0..24 => None,
        24 => Some(format!("{user}::{domain}:{}:{}:{nonce}", hex(lm), hex(nt))),
        _ => {
            let (proof, blob) = nt.split_at_checked(16)?;
            Some(format!("{user}::{domain}:{nonce}:{}:{}", hex(proof), hex(blob)))
        }
    }
}

fn begin(message: &[u8], kind: u32) -> Option<Octets<'_>> {
    let mut octets = Octets::new(message);
    let fits = octets.take(8)? == SIGNATURE && octets.u32_le()? == kind;
    fits.then_some(octets)
}

/// A field stands in the head as its length, its room and its offset.
fn field<'a>(message: &'a [u8], octets: &mut Octets<'a>) -> Option<&'a [u8]> {
    let length = octets.u16_le()?;
    let _room = octets.u16_le()?;
    let offset = octets.u32_le()?;
    if length == 0 {
        return Some(&[]);
    }
    part(message, size(offset), usize::from(length))
}

fn put_field(out: &mut Vec<u8>, length: usize, offset: usize) {
    out.extend(len16(length).to_le_bytes());
    out.extend(len16(length).to_le_bytes());
    out.extend(len32(offset).to_le_bytes());
}

fn version(flags: u32, octets: &mut Octets<'_>) -> Option<String> {
    if flags & VERSION == 0 {
        return None;
    }
    let (major, minor, build) = (octets.byte()?, octets.byte()?, octets.u16_le()?);
    octets.take(4)?;
    (major != 0).then(|| format!("{major}.{minor}.{build}"))
}

fn target_info(names: &Names, time: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut pair = |id: u16, value: &[u8]| {
        out.extend(id.to_le_bytes());
        out.extend(len16(value.len()).to_le_bytes());
        out.extend(value);
    };
    pair(2, &to_utf16(&names.domain));
    pair(1, &to_utf16(&names.computer));
    pair(4, &to_utf16(&names.dns_domain));
    pair(3, &to_utf16(&names.dns_computer));
    pair(7, &time.to_le_bytes());
    pair(0, &[]);
    out
}

#[cfg(test)]
pub(crate) mod tests;
