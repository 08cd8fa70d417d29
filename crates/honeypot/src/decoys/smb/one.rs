//! SMB1 ([MS-CIFS], [MS-SMB]), as far as the log-in: what worms, old tools and scanners begin with.

use bytes::BufMut;

use super::session::{self, Step};
use super::{LogIn, Smb, head};
use crate::ntlm;
use crate::octets::{Octets, len16, text, to_utf16, utf16};
use crate::spnego;
use crate::talk::{NAME_BYTES_MAX, Secret, Told, Turn};

const HEAD_BYTES: usize = 32;
pub(super) const MAGIC: &[u8; 4] = b"\xffSMB";
const NEGOTIATE: u8 = 0x72;
const SESSION_SETUP: u8 = 0x73;
const TREE_CONNECT: u8 = 0x75;
const TRANSACTION_2: u8 = 0x32;
const DIALECTS_MAX: usize = 64;
const UNICODE: u16 = 0x8000;
const EXTENDED_SECURITY: u16 = 0x0800;
const NOT_IMPLEMENTED: u32 = 0xc000_0002;

struct Request<'a> {
    command: u8,
    flags2: u16,
    head: &'a [u8],
    words: Vec<u16>,
    bytes: &'a [u8],
}

/// Answers one message.
pub(super) fn take(smb: &mut Smb, message: &[u8]) -> Option<Turn> {
    let request = read(message)?;
    match request.command {
        NEGOTIATE => Some(negotiate(smb, &request)),
        SESSION_SETUP => set_up(smb, &request),
        TREE_CONNECT => Some(Turn::send(answer(&request, head::ACCESS_DENIED, &[], &[]))),
        TRANSACTION_2 => {
            // What EternalBlue and its detectors begin with, before any log-in.
            let told = Told::of("command").with("process.command_line", "SMB1 TRANSACTION2");
            Some(Turn::send(answer(&request, NOT_IMPLEMENTED, &[], &[])).tell(told))
        }
        _ => Some(Turn::send(answer(&request, NOT_IMPLEMENTED, &[], &[]))),
    }
}

fn read(message: &[u8]) -> Option<Request<'_>> {
    let (head, body) = message.split_at_checked(HEAD_BYTES)?;
    let mut octets = Octets::new(head);
    if octets.take(4)? != MAGIC {
        return None;
    }
    let command = octets.byte()?;
    octets.take(5)?;
    let flags2 = octets.u16_le()?;
    let mut octets = Octets::new(body);
    let count = octets.byte()?;
    let mut words = Vec::new();
    for _ in 0..count {
        words.push(octets.u16_le()?);
    }
    let length = octets.u16_le()?;
    let rest = octets.rest();
    let bytes = rest.get(..usize::from(length)).unwrap_or(rest);
    Some(Request { command, flags2, head, words, bytes })
}

impl Request<'_> {
    fn word(&self, index: usize) -> Option<u16> {
        self.words.get(index).copied()
    }
}

fn answer(request: &Request<'_>, status: u32, words: &[u8], bytes: &[u8]) -> Vec<u8> {
    framed(request, status, 0x98, request.flags2 & UNICODE | 0x4801, words, bytes)
}

fn framed(
    request: &Request<'_>,
    status: u32,
    flags: u8,
    flags2: u16,
    words: &[u8],
    bytes: &[u8],
) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_slice(MAGIC);
    out.put_u8(request.command);
    out.put_u32_le(status);
    out.put_u8(flags);
    out.put_u16_le(flags2);
    // Process, signature, tree, process, user, multiplex: as the client has them.
    out.put_bytes(0, 12);
    out.put_slice(request.head.get(24..).unwrap_or_default());
    if request.command == SESSION_SETUP
        && let Some(user) = out.get_mut(28..30)
    {
        user.copy_from_slice(&0x0800_u16.to_le_bytes());
    }
    out.put_u8(u8::try_from(words.len() / 2).unwrap_or_default());
    out.put_slice(words);
    out.put_u16_le(len16(bytes.len()));
    out.put_slice(bytes);
    super::with_length(&out)
}

fn negotiate(smb: &mut Smb, request: &Request<'_>) -> Turn {
    let offered: Vec<String> = request
        .bytes
        .split(|byte| *byte == 0)
        .filter_map(|dialect| dialect.strip_prefix(&[2]))
        .take(DIALECTS_MAX)
        .map(|dialect| text(dialect, NAME_BYTES_MAX))
        .collect();
    let place = |wanted: &str| offered.iter().position(|dialect| dialect == wanted);
    let told = Told::of("request").with("bartizan.decoy.client", offered.join(", "));
    if place("SMB 2.???").is_some() || place("SMB 2.002").is_some() {
        let dialect = if place("SMB 2.???").is_some() { session::ANY } else { 0x0202 };
        let body = session::negotiated(smb, dialect, None);
        let out = super::with_length(&head::Head::first().answer(head::SUCCESS, &body));
        return Turn::send(out).tell(told);
    }
    // Samba takes either for the same, and the first that is named.
    let Some(index) = place("NT LANMAN 1.0").or_else(|| place("NT LM 0.12")) else {
        return Turn::send(answer(request, 0, &[0xff, 0xff], &[])).tell(told).and_close();
    };
    let extended = request.flags2 & EXTENDED_SECURITY != 0;
    let mut words = Vec::new();
    words.put_u16_le(len16(index));
    // Users log in, with challenges; signing is possible.
    words.put_u8(0x03);
    words.put_u16_le(50);
    words.put_u16_le(1);
    words.put_u32_le(0x4104);
    words.put_u32_le(65_536);
    words.put_u32_le(0);
    words.put_u32_le(if extended { 0x8080_f3fd } else { 0x0080_f3fd });
    words.put_u64_le(smb.now);
    words.put_u16_le(0);
    words.put_u8(if extended { 0 } else { 8 });
    let mut bytes = Vec::new();
    if extended {
        bytes.put_slice(&smb.guid);
        bytes.put_slice(&spnego::offer());
    } else {
        bytes.put_slice(&smb.nonce);
        for name in [&smb.workgroup, &smb.names.computer] {
            bytes.put_slice(&to_utf16(name));
            bytes.put_u16_le(0);
        }
    }
    let out = framed(
        request,
        0,
        0x88,
        request.flags2 & (UNICODE | EXTENDED_SECURITY) | 0x4001,
        &words,
        &bytes,
    );
    Turn::send(out).tell(told)
}

fn set_up(smb: &mut Smb, request: &Request<'_>) -> Option<Turn> {
    match request.words.len() {
        12 => {
            let length = usize::from(request.word(7)?);
            let blob = request.bytes.get(..length)?;
            let (status, token, told) = match session::step(smb, blob)? {
                Step::More(token) => (head::MORE_PROCESSING_REQUIRED, token, None),
                Step::Done(told) if smb.is_in => (head::SUCCESS, spnego::accept(blob), told),
                Step::Done(told) => (head::LOGON_FAILURE, Vec::new(), told),
            };
            let mut words = vec![0xff, 0, 0, 0];
            words.put_u16_le(u16::from(smb.is_in));
            words.put_u16_le(len16(token.len()));
            let mut bytes = token;
            if bytes.len() % 2 == 0 {
                bytes.push(0);
            }
            bytes.extend(system(smb));
            let mut turn = Turn::send(answer(request, status, &words, &bytes));
            turn.told.extend(told);
            Some(turn)
        }
        13 => plain_set_up(smb, request),
        _ => None,
    }
}

/// The log-in of clients without extended security: the answers stand there as they are.
fn plain_set_up(smb: &mut Smb, request: &Request<'_>) -> Option<Turn> {
    let mut octets = Octets::new(request.bytes);
    let lm = octets.take(request.word(7)?.into())?;
    let nt = octets.take(request.word(8)?.into())?;
    let names = if request.flags2 & UNICODE == 0 {
        let name = |part: &[u8]| text(part, NAME_BYTES_MAX);
        octets.rest().split(|byte| *byte == 0).take(3).map(name).collect::<Vec<_>>()
    } else {
        // The text begins at an even offset from the front of the message, which is odd here.
        let begun = request.bytes.len() - octets.rest().len();
        if (HEAD_BYTES + 1 + 26 + 2 + begun) % 2 == 1 {
            octets.take(1)?;
        }
        let all = utf16(octets.rest(), NAME_BYTES_MAX * 4);
        all.split('\0').take(3).map(str::to_owned).collect()
    };
    let name = |index: usize| names.get(index).map_or("", String::as_str);
    let (user, domain) = (name(0), name(1));
    let hash = ntlm::hash(user, domain, lm, nt, smb.nonce);
    // Some clients send the password itself where they were asked for an answer.
    let plain =
        (hash.is_none() && !lm.is_empty() && lm.len() != 24).then(|| text(lm, NAME_BYTES_MAX));
    let plain = plain
        .map(|plain| plain.trim_end_matches('\0').to_owned())
        .filter(|plain| !plain.is_empty());
    smb.is_nobody = user.is_empty();
    smb.is_in = smb.is_nobody
        || smb.is_guest(user)
        || plain.as_deref().is_some_and(|plain| (smb.gate)(user, Secret::Plain(plain)));
    let kind = if nt.len() > 24 { "NetNTLMv2" } else { "NetNTLMv1" };
    let version = Some(name(2).to_owned()).filter(|version| !version.is_empty());
    let mut told = smb.log_in(LogIn {
        user,
        domain,
        workstation: "",
        hash,
        kind,
        version,
        is_plain: plain.is_some(),
    });
    if let Some(plain) = plain {
        told = told.with("bartizan.decoy.password", plain);
    }
    let status = if smb.is_in { head::SUCCESS } else { head::LOGON_FAILURE };
    let words = [0xff, 0, 0, 0, u8::from(smb.is_in), 0];
    let mut bytes = vec![0];
    bytes.extend(system(smb));
    bytes.extend(to_utf16(&smb.workgroup));
    bytes.extend([0, 0]);
    let (words, bytes) = if smb.is_in { (&words[..], &bytes[..]) } else { (&[][..], &[][..]) };
    Some(Turn::send(answer(request, status, words, bytes)).tell(told))
}

/// What the server says it is.
fn system(smb: &Smb) -> Vec<u8> {
    let mut out = Vec::new();
    for text in [&smb.system, &smb.manager] {
        out.extend(to_utf16(text));
        out.extend([0, 0]);
    }
    out
}
