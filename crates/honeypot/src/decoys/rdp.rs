//! Remote Desktop ([MS-RDPBCGR], [MS-CSSP]): the front of a Windows server that wants network level
//! authentication, and keeps the answers as hashes.
//!
//! ```text
//! X.224 request, «Cookie: mstshash=name», protocols ▶ ◀ confirm, CredSSP   ── TLS ──
//! NTLM negotiate ▶ ◀ challenge   answer ▶ ◀ STATUS_LOGON_FAILURE
//! ```
//!
//! Nobody gets past the front: a screen would have to be played.

mod client;
mod credssp;

use futures::FutureExt as _;

use super::Decoy;
use crate::der::Whole;
use crate::drive;
use crate::ntlm::{self, Names, Negotiate};
use crate::octets::{Octets, text};
use crate::session::{End, Session};
use crate::talk::{Length, NAME_BYTES_MAX, Talk, Then, Told, Turn};

pub(crate) const DECOY: Decoy = Decoy {
    id: "rdp",
    port: 13389,
    summary: "Windows Remote Desktop: keeps NetNTLMv2 answers as hashes",
    serve: |session| serve(session).boxed(),
};

async fn serve(session: &mut Session) -> Result<(), End> {
    let persona = session.persona();
    let names = Names::of_member(persona.host_name(), persona.domain(), persona.version("windows"));
    let now = drive::windows_time(session.began().seconds());
    let mut rdp = Rdp::new(Setup { names, now, nonce: drive::random()? });
    drive::drive(session, &mut rdp).await
}

const MESSAGE_BYTES_MAX: usize = 16 << 10;
const TPKT_BYTES: usize = 4;
const REQUEST: u8 = 0xe0;
const TLS: u32 = 1;
const CREDSSP: u32 = 2;
const CREDSSP_REQUIRED: u32 = 5;

/// By what a server goes, and what is drawn for one connection.
struct Setup {
    /// The names in its challenge.
    names: Names,
    /// The time, in units of 100 ns since 1601.
    now: u64,
    /// The challenge.
    nonce: [u8; 8],
}

/// Plays a server on these bytes.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let names = Names::of_member("srv", "corp.example", "10.0.17763");
    let mut server = Rdp::new(Setup { names, now: 1, nonce: [1; 8] });
    crate::talk::rehearse(&mut server, bytes);
}

/// How far a connection has come.
#[derive(Debug)]
enum Stage {
    /// The first request is awaited.
    Begin,
    /// Within TLS: log-in.
    LogIn(Option<Negotiate>),
    /// A client without negotiation: what it says of itself is awaited.
    Old,
}

/// One connection.
struct Rdp {
    setup: Setup,
    stage: Stage,
}

impl Rdp {
    /// A server to which somebody has just connected.
    fn new(setup: Setup) -> Self {
        Self { setup, stage: Stage::Begin }
    }

    /// Answers the request to connect.
    fn request(&mut self, message: &[u8]) -> Option<Turn> {
        let mut octets = Octets::new(message.get(TPKT_BYTES..)?);
        let _length = octets.byte()?;
        if octets.byte()? != REQUEST {
            return None;
        }
        octets.take(5)?;
        let rest = octets.rest();
        let line = memchr::memmem::find(rest, b"\r\n").and_then(|end| rest.get(..end));
        let after = line.and_then(|line| rest.get(line.len() + 2..)).unwrap_or(rest);
        let cookie = line.and_then(|line| line.strip_prefix(b"Cookie: mstshash="));
        let protocols = wanted(after);
        let mut told = Told::of("request")
            .with("user.name", text(cookie.unwrap_or_default(), NAME_BYTES_MAX))
            .with(
                "bartizan.decoy.protocols",
                protocols.map_or_else(|| "classic".to_owned(), named),
            );
        if cookie.is_none() {
            // A load balancer's token, or something else than a name.
            told =
                told.with("bartizan.decoy.cookie", text(line.unwrap_or_default(), NAME_BYTES_MAX));
        }
        Some(match protocols {
            None => {
                self.stage = Stage::Old;
                Turn::send(confirm(&[])).tell(told)
            }
            Some(wanted) if wanted & CREDSSP != 0 => {
                self.stage = Stage::LogIn(None);
                let out = confirm(&negotiation(2, 0x1f, CREDSSP));
                Turn { out, told: vec![told], then: Then::Tls }
            }
            Some(_) => {
                Turn::send(confirm(&negotiation(3, 0, CREDSSP_REQUIRED))).tell(told).and_close()
            }
        })
    }

    /// Answers one step of the log-in.
    fn log_in(&mut self, message: &[u8]) -> Option<Turn> {
        let request = credssp::read(message)?;
        let Stage::LogIn(asked) = &mut self.stage else { return None };
        let blob = request.token?;
        let token = ntlm::within(blob)?;
        if let Some(first) = ntlm::negotiate(token) {
            let Setup { names, now, nonce } = &self.setup;
            let challenge = ntlm::challenge(&first, names, *nonce, *now);
            let out = credssp::token(request.version, &crate::spnego::ask(blob, &challenge));
            *asked = Some(first);
            return Some(Turn::send(out));
        }
        let answer = ntlm::authenticate(token)?;
        let version = answer.version.clone();
        let version = version.or_else(|| asked.as_ref().and_then(|asked| asked.version.clone()));
        let mut told = Told::of("login")
            .outcome(false)
            .with("user.name", answer.user.clone())
            .with("user.domain", answer.domain.clone())
            .with("bartizan.decoy.workstation", answer.workstation.clone())
            .with("bartizan.decoy.client_version", version)
            .with("bartizan.decoy.credssp_version", request.version);
        if let Some(hash) = answer.hash(self.setup.nonce) {
            told = told
                .with("bartizan.decoy.hash", hash)
                .with("bartizan.decoy.hash_type", answer.kind());
        }
        Some(Turn::send(credssp::refusal(request.version)).tell(told).and_close())
    }
}

/// The protocols that a client asks for; `None` where it knows nothing of asking.
fn wanted(bytes: &[u8]) -> Option<u32> {
    let mut octets = Octets::new(bytes);
    let (kind, _flags, length) = (octets.byte()?, octets.byte()?, octets.u16_le()?);
    if kind != 1 || length != 8 {
        return None;
    }
    octets.u32_le()
}

fn named(protocols: u32) -> String {
    let names = [(TLS, "tls"), (CREDSSP, "credssp"), (4, "rdstls"), (8, "credssp-ex"), (16, "aad")];
    let told: Vec<&str> =
        names.iter().filter(|(bit, _)| protocols & bit != 0).map(|(_, name)| *name).collect();
    if told.is_empty() { "rdp".to_owned() } else { told.join(",") }
}

fn negotiation(kind: u8, flags: u8, value: u32) -> Vec<u8> {
    let mut out = vec![kind, flags, 8, 0];
    out.extend(value.to_le_bytes());
    out
}

/// The confirmation of a connection.
fn confirm(negotiation: &[u8]) -> Vec<u8> {
    let length = u8::try_from(negotiation.len()).unwrap_or_default();
    let mut out = vec![3, 0, 0, 11 + length, 6 + length, 0xd0, 0, 0, 0x12, 0x34, 0];
    out.extend_from_slice(negotiation);
    out
}

impl Talk for Rdp {
    fn length(&self, bytes: &[u8]) -> Length {
        if let Stage::LogIn(_) = self.stage {
            return match (bytes.first(), crate::der::whole(bytes)) {
                (Some(&crate::der::SEQUENCE) | None, Whole::More) => Length::More,
                (Some(&crate::der::SEQUENCE), Whole::Bytes(length)) => {
                    Length::of(length, bytes.len(), MESSAGE_BYTES_MAX)
                }
                _ => Length::Broken,
            };
        }
        match bytes {
            [3, _, high, low, ..] => {
                let length = u16::from_be_bytes([*high, *low]).into();
                if length < 7 {
                    Length::Broken
                } else {
                    Length::of(length, bytes.len(), MESSAGE_BYTES_MAX)
                }
            }
            [] | [3, ..] => Length::More,
            _ => Length::Broken,
        }
    }

    fn take(&mut self, message: &[u8]) -> Turn {
        let turn = match self.stage {
            Stage::Begin => self.request(message),
            Stage::LogIn(_) => self.log_in(message),
            Stage::Old => client::read(message).map(|client| {
                let told = Told::of("request")
                    .with("bartizan.decoy.workstation", client.name)
                    .with("bartizan.decoy.client_version", client.build.to_string())
                    .with("bartizan.decoy.keyboard_layout", format!("{:08x}", client.keyboard));
                Turn::close().tell(told)
            }),
        };
        turn.unwrap_or_else(Turn::close)
    }
}

#[cfg(test)]
mod tests;
