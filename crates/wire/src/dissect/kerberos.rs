//! Kerberos 5 (RFC 4120): who asks for which ticket, how it is encrypted, and why it was refused.
//!
//! ```text
//! 6c …  30 … a1 03 02 01 05 …      TGS-REQ; a sequence of tagged parts
//! ```
//!
//! A request and its answer make one event. Tickets under RC4 that nobody's machine asks for, and answers to
//! who never proved himself, are what password crackers collect.

use super::shared::ber;
use super::shared::bytes::Bytes;
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const KERBEROS: Protocol = Protocol {
    name: "kerberos",
    over: &[Transport::Tcp, Transport::Udp],
    ports: &[88],
    recognises,
    open: |about| Box::new(Kerberos { stream: about.transport == Transport::Tcp, asked: None }),
    bytes_max: 4 * 1024 * 1024,
    held_max: 68 * 1024,
    events_max: 1_000,
};

/// Bounds a message; tickets with many groups are large.
const MESSAGE_BYTES_MAX: u32 = 64 * 1024;
/// Bounds the encryption types of one request.
const CIPHERS_MAX: usize = 32;
/// Bounds the parts of a name.
const PARTS_MAX: usize = 8;
/// Bounds a name.
const NAME_BYTES_MAX: usize = 256;
/// Bounds the proofs of one request.
const PROOFS_MAX: usize = 32;

const AS_REQUEST: u8 = 0x6a;
const AS_ANSWER: u8 = 0x6b;
const TGS_REQUEST: u8 = 0x6c;
const TGS_ANSWER: u8 = 0x6d;
const ERROR: u8 = 0x7e;
/// The proof of a password before anything is handed out.
const ENCRYPTED_TIMESTAMP: i64 = 2;
/// The proof of a certificate.
const CERTIFICATE: i64 = 16;

fn recognises(first: &First<'_>) -> Verdict {
    let bytes = if first.client.is_empty() { first.server } else { first.client };
    let mut message = Bytes::new(bytes);
    if first.transport == Transport::Tcp {
        match message.u32() {
            None => return Verdict::Maybe,
            Some(length) if !(16..=MESSAGE_BYTES_MAX).contains(&length) => return Verdict::No,
            Some(_) => {}
        }
    }
    let head = message.rest();
    match head.first() {
        None => return Verdict::Maybe,
        Some(&(AS_REQUEST | AS_ANSWER | TGS_REQUEST | TGS_ANSWER | ERROR)) => {}
        Some(_) => return Verdict::No,
    }
    // The version stands in the first part: `a1 03 02 01 05`, or a0.
    let window = head.get(..16).unwrap_or(head);
    match memchr::memmem::find(window, &[0x03, 0x02, 0x01, 0x05]) {
        Some(_) => Verdict::Yes,
        None if window.len() < 16 && first.transport == Transport::Tcp => Verdict::Maybe,
        None => Verdict::No,
    }
}

/// One flow; the request that waits for its answer.
#[derive(Debug)]
struct Kerberos {
    stream: bool,
    asked: Option<Message>,
}

#[derive(Debug, Default)]
struct Message {
    tag: u8,
    client: String,
    realm: String,
    service: String,
    ciphers: Vec<i64>,
    /// Its sender proved who he is.
    proved: bool,
    ticket_cipher: Option<i64>,
    answer_cipher: Option<i64>,
    error: Option<i64>,
}

impl Dissector for Kerberos {
    fn feed(&mut self, _: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        if !self.stream {
            self.message(bytes, told);
            return Progress::Taken(0);
        }
        let mut stream = Bytes::new(bytes);
        loop {
            let left = stream;
            let Some(length) = stream.u32() else {
                return Progress::Taken(u64::try_from(bytes.len() - left.len()).unwrap_or(0));
            };
            if length > MESSAGE_BYTES_MAX {
                told.malformed();
                self.end(told);
                return Progress::Done;
            }
            let Some(message) = usize::try_from(length).ok().and_then(|length| stream.take(length))
            else {
                return Progress::Taken(u64::try_from(bytes.len() - left.len()).unwrap_or(0));
            };
            self.message(message, told);
        }
    }

    fn gap(&mut self, _: Direction, told: &mut Told<'_>) -> Progress {
        self.end(told);
        Progress::Done
    }

    fn end(&mut self, told: &mut Told<'_>) {
        if let Some(asked) = self.asked.take() {
            tell(Some(&asked), None, told);
        }
    }
}

impl Kerberos {
    fn message(&mut self, bytes: &[u8], told: &mut Told<'_>) {
        let Some(message) = Message::read(bytes) else {
            told.malformed();
            return;
        };
        if matches!(message.tag, AS_REQUEST | TGS_REQUEST) {
            self.end(told);
            self.asked = Some(message);
        } else {
            tell(self.asked.take().as_ref(), Some(&message), told);
        }
    }
}

impl Message {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut outer = Bytes::new(bytes);
        let element = ber::element(&mut outer)?;
        let mut message = Self { tag: element.tag, ..Self::default() };
        let mut parts = ber::expect(&mut Bytes::new(element.value), 0x30)?;
        while let Some(part) = ber::element(&mut parts) {
            let value = Bytes::new(part.value);
            // A part that does not read says nothing; the others still do.
            let _ = match element.tag {
                AS_REQUEST | TGS_REQUEST => message.of_request(part.tag, value),
                AS_ANSWER | TGS_ANSWER => message.of_answer(part.tag, value),
                ERROR => message.of_error(part.tag, value),
                _ => return None,
            };
        }
        Some(message)
    }

    fn of_request(&mut self, tag: u8, mut value: Bytes<'_>) -> Option<()> {
        match tag {
            0xa3 => {
                let mut proofs = ber::expect(&mut value, 0x30)?;
                for _ in 0..PROOFS_MAX {
                    let Some(mut proof) = ber::expect(&mut proofs, 0x30) else { break };
                    let kind = number(ber::expect(&mut proof, 0xa1)?)?;
                    self.proved |= matches!(kind, ENCRYPTED_TIMESTAMP | CERTIFICATE | 1 | 138);
                }
            }
            0xa4 => {
                let mut body = ber::expect(&mut value, 0x30)?;
                while let Some(part) = ber::element(&mut body) {
                    let mut value = Bytes::new(part.value);
                    match part.tag {
                        0xa1 => self.client = name(value)?,
                        0xa2 => self.realm = text(ber::element(&mut value)?.value),
                        0xa3 => self.service = name(value)?,
                        0xa8 => {
                            let mut list = ber::expect(&mut value, 0x30)?;
                            while self.ciphers.len() < CIPHERS_MAX
                                && let Some(cipher) = ber::expect(&mut list, 0x02)
                            {
                                self.ciphers.extend(ber::integer(cipher.rest()));
                            }
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Some(())
    }

    fn of_answer(&mut self, tag: u8, mut value: Bytes<'_>) -> Option<()> {
        match tag {
            0xa3 => self.realm = text(ber::element(&mut value)?.value),
            0xa4 => self.client = name(value)?,
            0xa5 => {
                let mut ticket = ber::expect(&mut value, 0x61)?;
                let mut ticket = ber::expect(&mut ticket, 0x30)?;
                while let Some(part) = ber::element(&mut ticket) {
                    match part.tag {
                        0xa2 => self.service = name(Bytes::new(part.value))?,
                        0xa3 => self.ticket_cipher = cipher(Bytes::new(part.value)),
                        _ => {}
                    }
                }
            }
            0xa6 => self.answer_cipher = cipher(value),
            _ => {}
        }
        Some(())
    }

    fn of_error(&mut self, tag: u8, mut value: Bytes<'_>) -> Option<()> {
        match tag {
            0xa6 => self.error = number(value),
            0xa8 => self.client = name(value)?,
            0xa9 => self.realm = text(ber::element(&mut value)?.value),
            0xaa => self.service = name(value)?,
            _ => {}
        }
        Some(())
    }
}

fn number(mut value: Bytes<'_>) -> Option<i64> {
    ber::integer(ber::expect(&mut value, 0x02)?.rest())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..NAME_BYTES_MAX).unwrap_or(bytes)).into_owned()
}

/// Reads the parts of a name, `HTTP` and `web1`, as `HTTP/web1`.
fn name(mut value: Bytes<'_>) -> Option<String> {
    let mut name = ber::expect(&mut value, 0x30)?;
    ber::expect(&mut name, 0xa0)?;
    let mut strings = ber::expect(&mut name, 0xa1)?;
    let mut strings = ber::expect(&mut strings, 0x30)?;
    let mut parts = Vec::new();
    while parts.len() < PARTS_MAX
        && let Some(part) = ber::element(&mut strings)
    {
        parts.push(text(part.value));
    }
    Some(parts.join("/"))
}

fn cipher(mut value: Bytes<'_>) -> Option<i64> {
    let mut encrypted = ber::expect(&mut value, 0x30)?;
    number(ber::expect(&mut encrypted, 0xa0)?)
}

fn tell(asked: Option<&Message>, answer: Option<&Message>, told: &mut Told<'_>) {
    let tag = asked.or(answer).map_or(0, |message| message.tag);
    let (action, kind) = match tag {
        AS_REQUEST | AS_ANSWER => ("kerberos_authentication", "AS"),
        TGS_REQUEST | TGS_ANSWER => ("kerberos_service_ticket", "TGS"),
        _ => ("kerberos_error", "error"),
    };
    let outcome = answer.map(|answer| if answer.error.is_some() { "failure" } else { "success" });
    let either = |of: fn(&Message) -> &str| {
        let of_answer = answer.map(of).filter(|text| !text.is_empty());
        of_answer.or(asked.map(of)).unwrap_or_default().to_owned()
    };
    let client = either(|message| &message.client);
    told.event(Heading::login(action, outcome), |line| {
        if !client.is_empty() {
            line.object("user", |user| user.text("name", &client));
        }
        line.object("kerberos", |to| {
            to.word("request_type", kind);
            to.text_some("client", Some(&client));
            to.text_some("realm", Some(either(|message| &message.realm)));
            to.text_some("service", Some(either(|message| &message.service)));
            if let Some(asked) = asked {
                to.texts("requested_ciphers", asked.ciphers.iter().map(|code| cipher_name(*code)));
                if asked.tag == AS_REQUEST {
                    to.flag("preauthenticated", asked.proved);
                }
            }
            let Some(answer) = answer else { return };
            if let Some(code) = answer.ticket_cipher {
                to.text("cipher", cipher_name(code));
            }
            if let Some(code) = answer.answer_cipher {
                to.text("answer_cipher", cipher_name(code));
            }
            if let Some(code) = answer.error {
                to.signed("error_code", code);
                to.word("error", error_name(code));
            }
        });
    });
}

fn cipher_name(code: i64) -> String {
    let name = match code {
        1 => "des-cbc-crc",
        2 => "des-cbc-md4",
        3 => "des-cbc-md5",
        16 => "des3-cbc-sha1",
        17 => "aes128-cts-hmac-sha1-96",
        18 => "aes256-cts-hmac-sha1-96",
        19 => "aes128-cts-hmac-sha256-128",
        20 => "aes256-cts-hmac-sha384-192",
        23 => "rc4-hmac",
        24 => "rc4-hmac-exp",
        -133 => "rc4-hmac-old",
        -135 => "rc4-hmac-old-exp",
        _ => return code.to_string(),
    };
    name.to_owned()
}

fn error_name(code: i64) -> &'static str {
    match code {
        6 => "client unknown",
        7 => "service unknown",
        12 => "against policy",
        14 => "cipher not supported",
        17 => "cipher of the request not supported",
        18 => "client revoked",
        23 => "password expired",
        24 => "wrong password",
        25 => "proof required",
        31 => "integrity check failed",
        32 => "ticket expired",
        34 => "replay",
        37 => "clocks differ",
        41 => "message modified",
        52 => "answer too large for a datagram",
        60 => "generic error",
        68 => "wrong realm",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, tcp, udp};
    use super::*;

    fn tlv(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        let body = parts.concat();
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], &body].concat()
    }

    fn number(tag: u8, value: u8) -> Vec<u8> {
        vec![tag, 3, 2, 1, value]
    }

    fn name(tag: u8, parts: &[&str]) -> Vec<u8> {
        let strings: Vec<Vec<u8>> =
            parts.iter().map(|part| tlv(0x1b, &[part.as_bytes().to_vec()])).collect();
        tlv(tag, &[tlv(0x30, &[number(0xa0, 1), tlv(0xa1, &[tlv(0x30, &strings)])])])
    }

    fn realm(tag: u8) -> Vec<u8> {
        tlv(tag, &[tlv(0x1b, &[b"CORP.EXAMPLE.ORG".to_vec()])])
    }

    fn request(tag: u8, proof: u8, service: &[&str], ciphers: &[u8]) -> Vec<u8> {
        let ciphers: Vec<Vec<u8>> = ciphers.iter().map(|code| vec![2, 1, *code]).collect();
        let body = tlv(
            0x30,
            &[
                name(0xa1, &["ann"]),
                realm(0xa2),
                name(0xa3, service),
                tlv(0xa8, &[tlv(0x30, &ciphers)]),
            ],
        );
        let proofs = tlv(0x30, &[tlv(0x30, &[number(0xa1, proof), tlv(0xa2, &[vec![4, 0]])])]);
        tlv(
            tag,
            &[tlv(
                0x30,
                &[number(0xa1, 5), number(0xa2, 10), tlv(0xa3, &[proofs]), tlv(0xa4, &[body])],
            )],
        )
    }

    fn answer(tag: u8, service: &[&str], code: u8) -> Vec<u8> {
        let encrypted =
            |tag| tlv(tag, &[tlv(0x30, &[number(0xa0, code), tlv(0xa2, &[vec![4, 1, 9]])])]);
        let ticket = tlv(
            0x61,
            &[tlv(0x30, &[number(0xa0, 5), realm(0xa1), name(0xa2, service), encrypted(0xa3)])],
        );
        tlv(
            tag,
            &[tlv(
                0x30,
                &[
                    number(0xa0, 5),
                    number(0xa1, 13),
                    realm(0xa3),
                    name(0xa4, &["ann"]),
                    tlv(0xa5, &[ticket]),
                    encrypted(0xa6),
                ],
            )],
        )
    }

    #[test]
    fn a_ticket_under_rc4_and_an_answer_without_proof() {
        let service = ["MSSQLSvc", "db1.corp.example.org"];
        let told = feed_about(
            &KERBEROS,
            &udp(88),
            &[
                (Direction::Client, &request(TGS_REQUEST, 1, &service, &[23])),
                (Direction::Server, &answer(TGS_ANSWER, &service, 23)),
                (Direction::Client, &request(AS_REQUEST, 128, &["krbtgt", "CORP"], &[18, 23])),
                (Direction::Server, &answer(AS_ANSWER, &["krbtgt", "CORP"], 18)),
            ],
        );
        expect![[r#"
            kerberos_service_ticket success {"user":{"name":"ann"},"kerberos":{"request_type":"TGS","client":"ann","realm":"CORP.EXAMPLE.ORG","service":"MSSQLSvc/db1.corp.example.org","requested_ciphers":["rc4-hmac"],"cipher":"rc4-hmac","answer_cipher":"rc4-hmac"}}
            kerberos_authentication success {"user":{"name":"ann"},"kerberos":{"request_type":"AS","client":"ann","realm":"CORP.EXAMPLE.ORG","service":"krbtgt/CORP","requested_ciphers":["aes256-cts-hmac-sha1-96","rc4-hmac"],"preauthenticated":false,"cipher":"aes256-cts-hmac-sha1-96","answer_cipher":"aes256-cts-hmac-sha1-96"}}
        "#]].assert_eq(&told);
    }

    #[test]
    fn refused_over_tcp() {
        let ask = request(AS_REQUEST, 2, &["krbtgt", "CORP"], &[18]);
        let refuse = tlv(
            ERROR,
            &[tlv(0x30, &[number(0xa0, 5), number(0xa1, 30), number(0xa6, 24), realm(0xa9)])],
        );
        let framed = |message: &[u8]| {
            [&u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
        };
        let (ask, refuse) = (framed(&ask), framed(&refuse));
        let told = feed_about(
            &KERBEROS,
            &tcp(88),
            &[
                (Direction::Client, &ask[..50]),
                (Direction::Client, &ask[50..]),
                (Direction::Server, &refuse),
            ],
        );
        expect![[r#"
            kerberos_authentication failure {"user":{"name":"ann"},"kerberos":{"request_type":"AS","client":"ann","realm":"CORP.EXAMPLE.ORG","service":"krbtgt/CORP","requested_ciphers":["aes256-cts-hmac-sha1-96"],"preauthenticated":true,"error_code":24,"error":"wrong password"}}
        "#]].assert_eq(&told);
    }
}
