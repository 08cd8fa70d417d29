//! Negotiation and log-in over SMB2 ([MS-SMB2] 3.3.5.4 and 3.3.5.5).

use bytes::BufMut;

use super::head::{self, Head, pointed};
use super::open::Reply;
use super::{LogIn, Smb};
use crate::ntlm;
use crate::octets::{Octets, len16, size};
use crate::spnego;
use crate::talk::Secret;

const DIALECTS_MAX: u16 = 64;
const CONTEXTS_MAX: u16 = 16;
const NEWEST: u16 = 0x0311;
const KNOWN: [u16; 5] = [0x0202, 0x0210, 0x0300, 0x0302, NEWEST];
/// The answer to SMB1's offer of «2.???»: any of version 2, to be told by another negotiation.
pub(super) const ANY: u16 = 0x02ff;
const TRANSFER_BYTES_MAX: u32 = 65_536;
const GUEST: u16 = 1;
const NOBODY: u16 = 2;

/// Answers an SMB2 negotiation.
pub(super) fn negotiate(smb: &mut Smb, message: &[u8]) -> Option<Reply> {
    let mut octets = Octets::new(message.get(head::BYTES..)?);
    octets.take(2)?;
    let count = octets.u16_le()?;
    octets.take(24)?;
    let (offset, contexts) = (octets.u32_le()?, octets.u16_le()?);
    octets.take(2)?;
    if count > DIALECTS_MAX || contexts > CONTEXTS_MAX {
        return None;
    }
    let mut offered = Vec::new();
    for _ in 0..count {
        offered.push(octets.u16_le()?);
    }
    let Some(dialect) = KNOWN.into_iter().rev().find(|known| offered.contains(known)) else {
        return Some(Reply::error(head::NOT_SUPPORTED));
    };
    let cipher = if dialect == NEWEST {
        ciphers(message, size(offset), contexts)?.first().copied()
    } else {
        None
    };
    smb.dialects =
        offered.iter().map(|dialect| format!("{dialect:04x}")).collect::<Vec<_>>().join(",");
    Some(Reply::ok(negotiated(smb, dialect, cipher)))
}

/// The ciphers that the client would rather use than others, if it says so.
fn ciphers(message: &[u8], offset: usize, count: u16) -> Option<Vec<u16>> {
    let mut octets = Octets::new(message.get(offset..)?);
    let mut ciphers = Vec::new();
    for index in 0..count {
        let (kind, length) = (octets.u16_le()?, octets.u16_le()?);
        octets.take(4)?;
        let data = octets.take(length.into())?;
        if kind == 2 {
            let mut data = Octets::new(data);
            let _ciphers = data.u16_le()?;
            ciphers.extend(data.u16_le());
        }
        if index + 1 < count {
            octets.take(usize::from(length).next_multiple_of(8) - usize::from(length))?;
        }
    }
    Some(ciphers)
}

/// The body that settles on a dialect.
pub(super) fn negotiated(smb: &Smb, dialect: u16, cipher: Option<u16>) -> Vec<u8> {
    let token = spnego::offer();
    let mut out = Vec::new();
    out.put_u16_le(65);
    out.put_u16_le(1);
    out.put_u16_le(dialect);
    let is_newest = dialect == NEWEST;
    out.put_u16_le(if is_newest { 1 + u16::from(cipher.is_some()) } else { 0 });
    out.put_slice(&smb.guid);
    // Files are found over DFS and leased; large transfers where the dialect has them.
    out.put_u32_le(match dialect {
        0x0202 => 0x01,
        _ => 0x07,
    });
    for _ in 0..3 {
        out.put_u32_le(TRANSFER_BYTES_MAX);
    }
    out.put_u64_le(smb.now);
    out.put_u64_le(0);
    out.put_u16_le(128);
    out.put_u16_le(len16(token.len()));
    let after = (128 + token.len()).next_multiple_of(8);
    out.put_u32_le(if is_newest { crate::octets::len32(after) } else { 0 });
    out.extend_from_slice(&token);
    if !is_newest {
        return out;
    }
    out.resize(after - head::BYTES, 0);
    // The hash over what was said before: SHA-512, with salt.
    out.put_u16_le(1);
    out.put_u16_le(38);
    out.put_u32_le(0);
    out.put_u16_le(1);
    out.put_u16_le(32);
    out.put_u16_le(1);
    out.put_slice(&smb.salt);
    if let Some(cipher) = cipher {
        out.put_u16_le(0);
        out.put_u16_le(2);
        out.put_u16_le(4);
        out.put_u32_le(0);
        out.put_u16_le(1);
        out.put_u16_le(cipher);
    }
    out
}

/// Answers one step of a log-in.
pub(super) fn set_up(smb: &mut Smb, head: &mut Head, message: &[u8]) -> Option<Reply> {
    let mut octets = Octets::new(message.get(head::BYTES..)?);
    octets.take(12)?;
    let (offset, length) = (octets.u16_le()?, octets.u16_le()?);
    let blob = pointed(message, offset.into(), length.into())?;
    if head.session == 0 {
        head.session = smb.number;
    }
    Some(match step(smb, blob)? {
        Step::More(token) => {
            Reply { status: head::MORE_PROCESSING_REQUIRED, ..Reply::ok(body(0, &token)) }
        }
        Step::Done(told) if smb.is_in => {
            let flags = if smb.is_nobody { NOBODY } else { GUEST };
            Reply::ok(body(flags, &spnego::accept(blob))).tell(told)
        }
        Step::Done(told) => Reply::error(head::LOGON_FAILURE).tell(told),
    })
}

fn body(flags: u16, token: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_u16_le(9);
    out.put_u16_le(flags);
    out.put_u16_le(72);
    out.put_u16_le(len16(token.len()));
    out.extend_from_slice(token);
    out
}

/// How far a log-in has come.
pub(super) enum Step {
    /// The client is to answer this.
    More(Vec<u8>),
    /// It is decided, and this is told.
    Done(Option<crate::talk::Told>),
}

/// Takes one token of a log-in, of either version of the protocol.
pub(super) fn step(smb: &mut Smb, blob: &[u8]) -> Option<Step> {
    let Some(message) = ntlm::within(blob) else {
        // Kerberos or an empty beginning: NTLM is asked for.
        return Some(Step::More(spnego::prefer_ntlm()));
    };
    if let Some(asked) = ntlm::negotiate(message) {
        let challenge = ntlm::challenge(&asked, &smb.names, smb.nonce, smb.now);
        let token = spnego::ask(blob, &challenge);
        smb.asked = Some(asked);
        return Some(Step::More(token));
    }
    let answer = ntlm::authenticate(message)?;
    let nonce = smb.nonce;
    if answer.is_anonymous() {
        (smb.is_in, smb.is_nobody) = (true, true);
    } else if smb.is_guest(&answer.user) {
        (smb.is_in, smb.is_nobody) = (true, false);
    } else {
        let gives = |password: &str| answer.is_of(password, nonce);
        smb.is_in = (smb.gate)(&answer.user, Secret::Answer(&gives));
        smb.is_nobody = false;
    }
    let version = answer.version.clone();
    let version = version.or_else(|| smb.asked.as_ref().and_then(|asked| asked.version.clone()));
    let told = smb.log_in(LogIn {
        user: &answer.user,
        domain: &answer.domain,
        workstation: &answer.workstation,
        hash: answer.hash(nonce),
        kind: answer.kind(),
        version,
        is_plain: false,
    });
    Some(Step::Done(Some(told)))
}
