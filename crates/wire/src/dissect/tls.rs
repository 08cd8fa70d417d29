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
const HANDSHAKE_BYTES_MAX: usize = 32 * 1024;
/// Bounds a record (RFC 5246, section 6.2.3).
const RECORD_BYTES_MAX: u16 = 16 * 1024 + 2048;
const HEADER_BYTES: usize = 5;

const CERTIFICATE: u8 = 11;

fn recognises(first: &First<'_>) -> Verdict {
    if ClientHello::is_old(first.client) {
        return Verdict::Yes;
    }
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
    /// The server asked for another hello first.
    retried: bool,
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
            if direction == Direction::Client && self.client.is_none() {
                let mut old = rest;
                if let Some(hello) = ClientHello::read_old(&mut old) {
                    self.client = Some(Box::new(hello));
                    taken =
                        taken.saturating_add(u64::try_from(rest.len() - old.len()).unwrap_or(0));
                    rest = old;
                    continue;
                }
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
            } else if (kind == 23 || (kind == 20 && !self.is_newest()))
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

    fn held(&self) -> usize {
        let sides: usize = self.sides.iter().map(|side| side.handshake.capacity()).sum();
        let client = self.client.as_ref().map_or(0, |client| client.held());
        let server = self.server.as_ref().map_or(0, |server| server.extensions.len() * 2);
        sides + client + server + self.certificate.as_ref().map_or(0, |read| read.held())
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
        // Mostly a record holds whole messages, and nothing need be copied. What comes in small records
        // is put behind what is there, and moved only when a message is whole.
        let mut held = std::mem::take(&mut side.handshake);
        let left = if held.is_empty() {
            held = self.messages(direction, body, told).to_vec();
            held.len()
        } else {
            held.extend_from_slice(body);
            self.messages(direction, &held, told).len()
        };
        held.drain(..held.len() - left);
        let side = self.sides.get_mut(usize::from(direction == Direction::Server))?;
        side.handshake = held;
        Some(())
    }

    /// Reads whole messages; gives what is left.
    fn messages<'b>(
        &mut self,
        direction: Direction,
        bytes: &'b [u8],
        told: &mut Told<'_>,
    ) -> &'b [u8] {
        let mut rest = Bytes::new(bytes);
        loop {
            let left = rest;
            let (Some(kind), Some(message)) = (rest.u8(), rest.part24()) else {
                return left.rest();
            };
            if self.message(direction, kind, message).is_none() {
                told.malformed();
            }
        }
    }

    /// Whether TLS 1.3 is spoken, where a change of cipher is sent for old relays' sake and means nothing.
    fn is_newest(&self) -> bool {
        self.retried || self.server.as_ref().is_some_and(|server| server.is_newest())
    }

    fn message(&mut self, direction: Direction, kind: u8, mut body: Bytes<'_>) -> Option<()> {
        match (direction, kind) {
            (Direction::Client, hello::CLIENT_HELLO) if self.client.is_none() => {
                self.client = Some(Box::new(ClientHello::read(body.rest())?));
            }
            (Direction::Server, hello::SERVER_HELLO) => {
                let hello = ServerHello::read(body.rest())?;
                if hello.retry {
                    self.retried = true;
                } else {
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

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, tcp, unhex};
    use super::*;

    const C: Direction = Direction::Client;
    const S: Direction = Direction::Server;

    /// A certificate that vouched for itself through the year 2020.
    const CERTIFICATE_2020: &str = "
        3082018e30820133a00302010202040badcafe300a06082a8648ce3d040302302c3110300e060355040a0c07
        4578616d706c653118301606035504030c0f6f6c642e6578616d706c652e6f7267301e170d32303031303130
        30303030305a170d3231303130313030303030305a302c3110300e060355040a0c074578616d706c65311830
        1606035504030c0f6f6c642e6578616d706c652e6f72673059301306072a8648ce3d020106082a8648ce3d03
        0107034200044de6900cd33524862eda80ef36c96306b4722a586d9ecde2298fc1ea3cf6d97e4cd2a836d9ec
        7817fb8ef156de693e0987d0a8f3f4fc292eba9f1a39bd9b6a18a343304130200603551d1104193017820f6f
        6c642e6578616d706c652e6f72678704c0000207301d0603551d0e041604142a363b8aed67322eaad95da0de
        0dadc23f99438c300a06082a8648ce3d0403020349003046022100c6beda51d9bb1520c04fd1ae2656d93402
        7dcf070674b6d0882f172bf988f2e9022100aa6b3ce3c1f5a6251344a50adbbf35634f127c6c0cd05a70f536
        3276fcf57cbb";

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 3, 3], &length[..], body].concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind], &length[1..], body].concat()
    }

    fn client_hello() -> Vec<u8> {
        let mut body = unhex("0303");
        body.extend([9; 32]);
        body.extend(unhex("00 0004 c02f 1301 01 00"));
        let name = unhex("0000 0010 000e 00 000b 6578616d706c652e6f7267");
        let rest = unhex("000a 0004 0002 001d 000b 0002 0100 0010 0005 0003 02 6832");
        let extensions = [name, rest].concat();
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        message(hello::CLIENT_HELLO, &body)
    }

    fn server_hello(random: &[u8; 32], cipher: &str, extensions: &str) -> Vec<u8> {
        let extensions = unhex(extensions);
        let mut body = unhex("0303");
        body.extend(random);
        body.extend(unhex(&format!("00 {cipher} 00")));
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        message(hello::SERVER_HELLO, &body)
    }

    fn certificate() -> Vec<u8> {
        let der = unhex(CERTIFICATE_2020);
        let one = u32::try_from(der.len()).unwrap().to_be_bytes();
        let all = u32::try_from(der.len() + 3).unwrap().to_be_bytes();
        message(CERTIFICATE, &[&all[1..], &one[1..], &der].concat())
    }

    #[test]
    fn a_hello_in_the_form_of_ssl_2() {
        let hello = unhex("801c 01 0300 0003 0000 0010 00000a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        let server = server_hello(&[7; 32], "000a", "");
        let told = feed_about(&TLS, &tcp(443), &[(C, &hello), (S, &record(22, &server))]);
        assert!(
            told.contains("TLS_RSA_WITH_3DES_EDE_CBC_SHA") && told.contains("SSL 3.0"),
            "{told}"
        );
        let first = |client| First {
            client,
            server: &[],
            port: 443,
            client_port: 50_000,
            transport: Transport::Tcp,
        };
        assert_eq!(recognises(&first(&hello)), Verdict::Yes);
        assert_eq!(recognises(&first(&[0x80; 30])), Verdict::No);
        // The lengths within must fit the one in front.
        let mut other = hello.clone();
        other[1] += 1;
        assert_eq!(recognises(&first(&other)), Verdict::No);
    }

    #[test]
    fn a_handshake_in_records_of_one_byte() {
        let pieces = |message: &[u8]| -> Vec<u8> {
            message.iter().flat_map(|byte| record(22, &[*byte])).collect()
        };
        let server = [server_hello(&[7; 32], "c02f", "ff01 0001 00"), certificate()].concat();
        let messages = [
            (C, pieces(&client_hello())),
            (S, pieces(&server)),
            (C, record(20, &[1])),
            (S, record(20, &[1])),
        ];
        let messages: Vec<(Direction, &[u8])> =
            messages.iter().map(|(direction, bytes)| (*direction, bytes.as_slice())).collect();
        let told = feed_about(&TLS, &tcp(443), &messages);
        assert!(
            told.contains("old.example.org") && told.contains("dd78fbf2c8eaabc922e7c9d69b1413ab"),
            "{told}"
        );
    }

    #[test]
    fn tls_1_2_with_a_certificate_over_several_records() {
        let server = [server_hello(&[7; 32], "c02f", "ff01 0001 00"), certificate()].concat();
        let told = feed_about(
            &TLS,
            &tcp(443),
            &[
                (C, &record(22, &client_hello())),
                (S, &[record(22, &server[..100]), record(22, &server[100..])].concat()),
                (C, &record(20, &[1])),
                (S, &[record(20, &[1]), record(22, &[0; 40])].concat()),
            ],
        );
        expect![[r#"
            tls_handshake success {"tls":{"version":"1.2","version_protocol":"tls","cipher":"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256","established":true,"client":{"server_name":"example.org","ja3":"dd78fbf2c8eaabc922e7c9d69b1413ab","ja4":"t12d0204h2_c1929292aa6b_33a13ba74d1c","next_protocols":["h2"],"version_highest":"TLS 1.2"},"server":{"ja3s":"fbe78c619e7ea20046131294ad087f05","hash":{"sha256":"4b919883dec6d76e3d6586cd0497e0b5bcf9de138e98bb724098657a70bbab0e"},"x509":{"subject":{"distinguished_name":"O=Example, CN=old.example.org","common_name":"old.example.org"},"issuer":{"distinguished_name":"O=Example, CN=old.example.org","common_name":"old.example.org"},"serial_number":"0BADCAFE","not_before":"2020-01-01T00:00:00Z","not_after":"2021-01-01T00:00:00Z","alternative_names":["old.example.org","192.0.2.7"]}}},"bartizan":{"tls":{"chain_length":1,"self_signed":true,"expired":true,"not_yet_valid":false}}}
        "#]].assert_eq(&told);
    }

    #[test]
    fn tls_1_3_after_another_hello_was_asked_for() {
        let retry: [u8; 32] =
            unhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
                .try_into()
                .unwrap();
        let told = feed_about(
            &TLS,
            &tcp(443),
            &[
                (C, &record(22, &client_hello())),
                (
                    S,
                    &[
                        record(22, &server_hello(&retry, "1301", "002b 0002 0304")),
                        record(20, &[1]),
                    ]
                    .concat(),
                ),
                (C, &[record(20, &[1]), record(22, &client_hello())].concat()),
                (S, &record(22, &server_hello(&[7; 32], "1301", "002b 0002 0304"))),
                (S, &record(23, &[0; 50])[..20]),
                (C, &record(23, &[0; 50])),
            ],
        );
        expect![[r#"
            tls_handshake success {"tls":{"version":"1.3","version_protocol":"tls","cipher":"TLS_AES_128_GCM_SHA256","established":true,"client":{"server_name":"example.org","ja3":"dd78fbf2c8eaabc922e7c9d69b1413ab","ja4":"t12d0204h2_c1929292aa6b_33a13ba74d1c","next_protocols":["h2"],"version_highest":"TLS 1.2"},"server":{"ja3s":"cce84e7a8b742462e40afb585a3e3ccc"}}}
        "#]].assert_eq(&told);
    }

    #[test]
    fn refused_by_an_alert_and_answered_in_clear() {
        let refused = feed_about(
            &TLS,
            &tcp(443),
            &[(C, &record(22, &client_hello())), (S, &record(21, &[2, 40]))],
        );
        let clear = feed_about(
            &TLS,
            &tcp(443),
            &[(C, &record(22, &client_hello())), (S, b"HTTP/1.1 400 Bad Request\r\n")],
        );
        expect![[r#"
            tls_handshake failure {"tls":{"established":false,"client":{"server_name":"example.org","ja3":"dd78fbf2c8eaabc922e7c9d69b1413ab","ja4":"t12d0204h2_c1929292aa6b_33a13ba74d1c","next_protocols":["h2"],"version_highest":"TLS 1.2"}},"bartizan":{"tls":{"alert":40,"alert_from":"server"}}}
            tls_handshake failure {"tls":{"established":false,"client":{"server_name":"example.org","ja3":"dd78fbf2c8eaabc922e7c9d69b1413ab","ja4":"t12d0204h2_c1929292aa6b_33a13ba74d1c","next_protocols":["h2"],"version_highest":"TLS 1.2"}}}
        "#]].assert_eq(&format!("{refused}{clear}"));
    }

    #[test]
    fn a_handshake_without_end_is_not_kept() {
        let mut tls = Tls::default();
        let about = tcp(443);
        let mut lines = crate::json::Lines::default();
        let mut told = Told::new(&mut lines, &about, "tls", 9);
        let start = message(11, &[0; 10]);
        let mut endless = vec![11, 0xff, 0xff, 0xff];
        endless.extend(start);
        endless.resize(16_000, 0);
        let record = record(22, &endless);
        let ended = (0..20).any(|_| tls.feed(S, &record, &mut told) == Progress::Done);
        assert!(ended);
        assert!(tls.sides.iter().all(|side| side.handshake.len() <= HANDSHAKE_BYTES_MAX));
    }
}
