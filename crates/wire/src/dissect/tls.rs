//! TLS and SSL 3 (RFC 8446, RFC 5246): what both sides say before they encrypt.
//!
//! ```text
//! 16 03 01 00c8  01 0000c4 0303 …       record: handshake, version, length; message: client hello
//! ```
//!
//! One event tells of a connection, once both sides encrypt, or it ends. The hellos give names, versions,
//! cipher and fingerprints; up to TLS 1.2 the certificate is in clear too.

use super::shared::bytes::Bytes;
use super::shared::certificate::Certificate;
use super::shared::hello::{self, Carrier, ClientHello, ServerHello};
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::json::Object;
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const TLS: Protocol = Protocol {
    name: "tls",
    over: &[Transport::Tcp],
    ports: &[443, 8443, 993, 995, 465, 636, 853],
    recognises,
    open: |_| Box::new(Tls::default()),
    bytes_max: 512 * 1024,
    held_max: 20 * 1024,
    events_max: 4,
};

/// Bounds what is held of a handshake of one side; a chain of certificates fits.
const HANDSHAKE_BYTES_MAX: usize = 64 * 1024;
/// Bounds a record (RFC 5246, section 6.2.3).
const RECORD_BYTES_MAX: u16 = 16 * 1024 + 2048;
const HEADER_BYTES: usize = 5;

const CERTIFICATE: u8 = 11;

fn recognises(first: &First<'_>) -> Verdict {
    let bytes = if first.client.is_empty() { first.server } else { first.client };
    let expected = if first.client.is_empty() { hello::SERVER_HELLO } else { hello::CLIENT_HELLO };
    let is = |at: usize, fits: &dyn Fn(u8) -> bool| bytes.get(at).is_none_or(|byte| fits(*byte));
    let record = is(0, &|byte| byte == 22) && is(1, &|byte| byte == 3) && is(2, &|byte| byte <= 4);
    if !record || !is(5, &|byte| byte == expected) || !is(9, &|byte| byte == 3) {
        return Verdict::No;
    }
    if bytes.len() > 9 { Verdict::Yes } else { Verdict::Maybe }
}

/// What is known of one connection.
#[derive(Debug, Default)]
struct Tls {
    client: Option<Box<ClientHello>>,
    server: Option<Box<ServerHello>>,
    certificate: Option<Box<Certificate>>,
    /// How many certificates the server sent.
    chain: u64,
    sides: [Side; 2],
    /// A fatal alert in clear, and who sent it.
    alert: Option<(u8, Direction)>,
    told: bool,
}

/// One side of it.
#[derive(Debug, Default)]
struct Side {
    handshake: Vec<u8>,
    ciphered: bool,
}

impl Dissector for Tls {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let mut taken = 0_u64;
        let mut rest = Bytes::new(bytes);
        loop {
            if self.sides.iter().all(|side| side.ciphered) {
                self.tell(told);
                return Progress::Done;
            }
            let mut record = rest;
            let head = (record.u8(), record.u16(), record.u16());
            let (Some(kind), Some(version), Some(length)) = head else {
                return Progress::Taken(taken);
            };
            if !(20..=24).contains(&kind) || version >> 8 != 3 || length > RECORD_BYTES_MAX {
                told.malformed();
                self.tell(told);
                return Progress::Done;
            }
            let whole = u64::from(length).saturating_add(5);
            let ciphered = self
                .sides
                .get(usize::from(direction == Direction::Server))
                .is_some_and(|s| s.ciphered);
            if !ciphered && matches!(kind, 21 | 22) {
                let Some(body) = record.take(length.into()) else {
                    return Progress::Taken(taken);
                };
                if self.record(direction, kind, body, told).is_none() {
                    told.malformed();
                    self.tell(told);
                    return Progress::Done;
                }
            } else if kind != 21
                && let Some(side) = self.sides.get_mut(usize::from(direction == Direction::Server))
            {
                side.ciphered = true;
            }
            taken = taken.saturating_add(whole);
            if rest.skip(HEADER_BYTES + usize::from(length)).is_none() {
                return Progress::Taken(taken);
            }
        }
    }

    fn gap(&mut self, _: Direction, told: &mut Told<'_>) -> Progress {
        self.tell(told);
        Progress::Done
    }

    fn end(&mut self, told: &mut Told<'_>) {
        self.tell(told);
    }
}

impl Tls {
    fn record(
        &mut self,
        direction: Direction,
        kind: u8,
        body: &[u8],
        told: &mut Told<'_>,
    ) -> Option<()> {
        if kind == 21 {
            if let [2, code] = body {
                self.alert.get_or_insert((*code, direction));
            }
            return Some(());
        }
        let side = self.sides.get_mut(usize::from(direction == Direction::Server))?;
        if side.handshake.len() + body.len() > HANDSHAKE_BYTES_MAX {
            return None;
        }
        // Mostly a record holds whole messages, and nothing need be copied.
        let held = std::mem::take(&mut side.handshake);
        let joined;
        let all = if held.is_empty() {
            body
        } else {
            joined = [held.as_slice(), body].concat();
            joined.as_slice()
        };
        let mut rest = Bytes::new(all);
        loop {
            let left = rest;
            let (Some(kind), Some(message)) = (rest.u8(), rest.part24()) else {
                let side = self.sides.get_mut(usize::from(direction == Direction::Server))?;
                side.handshake = left.rest().to_vec();
                return Some(());
            };
            if self.message(direction, kind, message).is_none() {
                told.malformed();
            }
        }
    }

    fn message(&mut self, direction: Direction, kind: u8, mut body: Bytes<'_>) -> Option<()> {
        match (direction, kind) {
            (Direction::Client, hello::CLIENT_HELLO) if self.client.is_none() => {
                self.client = Some(Box::new(ClientHello::read(body.rest())?));
            }
            (Direction::Server, hello::SERVER_HELLO) => {
                let hello = ServerHello::read(body.rest())?;
                if !hello.retry {
                    self.server = Some(Box::new(hello));
                }
            }
            (Direction::Server, CERTIFICATE) if self.certificate.is_none() => {
                let mut chain = body.part24()?;
                while let Some(certificate) = chain.part24() {
                    if self.chain == 0 {
                        self.certificate = Some(Box::new(Certificate::read(certificate.rest())));
                    }
                    self.chain += 1;
                }
            }
            _ => {}
        }
        Some(())
    }

    fn tell(&mut self, told: &mut Told<'_>) {
        if self.told || (self.client.is_none() && self.server.is_none()) {
            return;
        }
        self.told = true;
        let established = self.sides.iter().all(|side| side.ciphered) && self.alert.is_none();
        let heading = Heading {
            outcome: Some(if established { "success" } else { "failure" }),
            ..Heading::of("tls_handshake")
        };
        let now = told.about().time_ns / 1_000_000_000;
        told.event(heading, |line| {
            line.object("tls", |tls| self.write(tls, established));
            self.write_ours(line, now);
        });
    }

    fn write(&self, tls: &mut Object<'_>, established: bool) {
        if let Some(server) = &self.server {
            write_version(tls, server.version_chosen());
            tls.text("cipher", hello::cipher_name(server.cipher));
            tls.text_some("next_protocol", server.protocol.as_ref());
        }
        tls.flag("established", established);
        if let Some(client) = &self.client {
            tls.object("client", |to| hello::write_client(to, client, Carrier::Tcp));
        }
        if self.server.is_none() && self.certificate.is_none() {
            return;
        }
        tls.object("server", |to| {
            if let Some(server) = &self.server {
                to.text("ja3s", server.ja3s());
            }
            if let Some(certificate) = &self.certificate {
                to.object("hash", |hash| hash.text("sha256", &certificate.sha256));
                if !certificate.serial.is_empty() {
                    to.object("x509", |x509| write_certificate(x509, certificate));
                }
            }
        });
    }

    /// Writes what the Elastic Common Schema has no name for, and what rules cannot work out.
    fn write_ours(&self, line: &mut Object<'_>, now: u64) {
        if self.alert.is_none() && self.certificate.is_none() {
            return;
        }
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        line.object("bartizan", |ours| {
            ours.object("tls", |tls| {
                if let Some((code, from)) = self.alert {
                    tls.number("alert", code);
                    tls.word(
                        "alert_from",
                        if from == Direction::Client { "client" } else { "server" },
                    );
                }
                if let Some(certificate) =
                    self.certificate.as_deref().filter(|c| !c.serial.is_empty())
                {
                    tls.number("chain_length", self.chain);
                    tls.flag("self_signed", certificate.self_signed);
                    tls.flag("expired", certificate.not_after.seconds < now);
                    tls.flag("not_yet_valid", certificate.not_before.seconds > now);
                }
            });
        });
    }
}

fn write_version(tls: &mut Object<'_>, version: u16) {
    let name = hello::version_name(version);
    let (protocol, number) = name.split_once(' ').unwrap_or(("tls", &name));
    tls.text("version", number);
    tls.text("version_protocol", protocol.to_ascii_lowercase());
}

fn write_certificate(x509: &mut Object<'_>, certificate: &Certificate) {
    x509.object("subject", |to| {
        to.text("distinguished_name", &certificate.subject);
        to.text_some("common_name", certificate.subject_common_name.as_ref());
    });
    x509.object("issuer", |to| {
        to.text("distinguished_name", &certificate.issuer);
        to.text_some("common_name", certificate.issuer_common_name.as_ref());
    });
    x509.text("serial_number", &certificate.serial);
    x509.text("not_before", &certificate.not_before.text);
    x509.text("not_after", &certificate.not_after.text);
    if !certificate.alternative_names.is_empty() {
        x509.texts("alternative_names", &certificate.alternative_names);
    }
}
