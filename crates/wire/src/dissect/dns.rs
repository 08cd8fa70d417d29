//! DNS (RFC 1035) over UDP and TCP, and its two cousins of the local link, mDNS and LLMNR.
//!
//! ```text
//! 12 34  01 00  00 01 00 00 00 00 00 00  03 www 07 example 03 org 00  00 01 00 01
//! id     flags  counts                   question                     A     IN
//! ```
//!
//! A name may point back into the message; pointers only lead backwards and are followed a bounded number
//! of times, so a message costs no more than its length.

use std::net::IpAddr;

use super::shared::bytes::Bytes;
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::json::Object;
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

mod names;
mod text;

use names::{class_name, operation_name, response_name, type_name};
use text::{name, skip_name};

/// DNS proper.
pub(super) const DNS: Protocol = Protocol {
    name: "dns",
    over: &[Transport::Udp, Transport::Tcp],
    ports: &[53],
    recognises: |first| if local(first).is_some() { Verdict::No } else { recognises(first) },
    open: |about| Box::new(Dns { stream: about.transport == Transport::Tcp }),
    bytes_max: 1024 * 1024 * 1024,
    held_max: 66 * 1024,
    events_max: 1_000_000,
};

/// Multicast DNS (RFC 6762).
pub(super) const MDNS: Protocol = Protocol {
    name: "mdns",
    over: &[Transport::Udp],
    ports: &[5353],
    recognises: |first| if local(first) == Some(5353) { recognises(first) } else { Verdict::No },
    ..DNS
};

/// Link-local multicast name resolution (RFC 4795).
pub(super) const LLMNR: Protocol = Protocol {
    name: "llmnr",
    over: &[Transport::Udp],
    ports: &[5355],
    recognises: |first| if local(first) == Some(5355) { recognises(first) } else { Verdict::No },
    ..DNS
};

/// Bounds the records of one message that are read.
const RECORDS_MAX: usize = 64;
/// Bounds the text of all records of one message: names that point back cost their sender two bytes.
const TEXTS_BYTES_MAX: usize = 8 * 1024;
/// Bounds the text of one record.
const TEXT_BYTES_MAX: usize = 512;
const HEADER_BYTES: usize = 12;

/// The port of the local link's protocols, where one side has it.
fn local(first: &First<'_>) -> Option<u16> {
    let ports = [first.port, first.client_port];
    [5353, 5355].into_iter().find(|port| ports.contains(port) && first.transport == Transport::Udp)
}

fn recognises(first: &First<'_>) -> Verdict {
    let bytes = if first.client.is_empty() { first.server } else { first.client };
    // The names of NetBIOS have the same form and another meaning.
    if [first.port, first.client_port].contains(&137) {
        return Verdict::No;
    }
    let message = if first.transport == Transport::Tcp {
        let mut stream = Bytes::new(bytes);
        let Some(length) = stream.u16() else { return Verdict::Maybe };
        if usize::from(length) < HEADER_BYTES + 5 {
            return Verdict::No;
        }
        match stream.take(length.into()) {
            Some(message) => message,
            // A long answer alone: its beginning must do.
            None if bytes.len() < HEADER_BYTES + 2 => return Verdict::Maybe,
            None => stream.rest(),
        }
    } else {
        bytes
    };
    let likely = [53, 5353, 5355].iter().any(|port| [first.port, first.client_port].contains(port));
    if is_message(message, likely) { Verdict::Yes } else { Verdict::No }
}

/// Whether the header is possible and the first question, where there is one, reads as such. On a port of
/// its own the header is enough: a name that is broken on purpose is told of too.
fn is_message(message: &[u8], likely: bool) -> bool {
    let check = || {
        let header = Header::read(message)?;
        let known = matches!(header.operation(), 0..=2 | 4..=6) && header.flags & 0x0040 == 0;
        let counts = [header.questions, header.answers, header.authorities, header.additional];
        let records = counts.into_iter().map(u32::from).sum::<u32>();
        // Each takes five bytes at least.
        let room = u32::try_from(message.len() - HEADER_BYTES).unwrap_or(u32::MAX) / 5;
        if !known || records == 0 || records > room.max(1) || header.questions > 16 {
            return None;
        }
        if !header.is_answer() && header.response_code() != 0 {
            return None;
        }
        if likely {
            return Some(());
        }
        // Elsewhere a message asks something, or answers what was asked.
        (header.questions > 0).then_some(())?;
        let mut bytes = Bytes::new(message.get(HEADER_BYTES..)?);
        name(message, &mut bytes)?;
        bytes.u16().filter(|kind| *kind != 0)?;
        let class = bytes.u16()? & 0x7fff;
        matches!(class, 1 | 3 | 4 | 254 | 255).then_some(())
    };
    check().is_some()
}

#[derive(Clone, Copy, Debug)]
struct Header {
    id: u16,
    flags: u16,
    questions: u16,
    answers: u16,
    authorities: u16,
    additional: u16,
}

impl Header {
    fn read(message: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(message);
        let (id, flags) = (bytes.u16()?, bytes.u16()?);
        let (questions, answers) = (bytes.u16()?, bytes.u16()?);
        let (authorities, additional) = (bytes.u16()?, bytes.u16()?);
        Some(Self { id, flags, questions, answers, authorities, additional })
    }

    fn is_answer(self) -> bool {
        self.flags & 0x8000 != 0
    }

    fn operation(self) -> u16 {
        (self.flags >> 11) & 15
    }

    fn response_code(self) -> u16 {
        self.flags & 15
    }
}

/// State of one flow: none but how messages are told apart.
#[derive(Debug)]
struct Dns {
    stream: bool,
}

impl Dissector for Dns {
    fn feed(&mut self, _: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        if !self.stream {
            tell(bytes, told);
            return Progress::Taken(0);
        }
        let mut stream = Bytes::new(bytes);
        loop {
            let left = stream;
            let Some(message) = stream.part16() else {
                return Progress::Taken(u64::try_from(bytes.len() - left.len()).unwrap_or(0));
            };
            tell(message.rest(), told);
        }
    }
}

/// What one message says.
#[derive(Debug, Default)]
struct Message {
    question: Option<(String, u16, u16)>,
    answers: Vec<(String, String)>,
    resolved: Vec<IpAddr>,
    /// How much text the answers have.
    text_bytes: usize,
    /// Records end before their count does.
    cut: bool,
}

fn tell(bytes: &[u8], told: &mut Told<'_>) {
    let Some(header) = Header::read(bytes) else {
        told.malformed();
        return;
    };
    let message = read(bytes, header);
    if message.cut {
        told.malformed();
    }
    let kind = message.question.as_ref().map_or(0, |(_, kind, _)| *kind);
    let action = match (header.is_answer(), header.operation(), kind) {
        (_, 5, _) => "dns_update",
        (_, _, 251 | 252) => "dns_zone_transfer",
        (true, ..) => "dns_answer",
        (false, ..) => "dns_query",
    };
    let outcome = match (header.is_answer(), header.response_code()) {
        (false, _) => None,
        (true, 0) => Some("success"),
        (true, _) => Some("failure"),
    };
    let heading = Heading { kinds: &["protocol", "info"], outcome, ..Heading::of(action) };
    told.event(heading, |line| line.object("dns", |dns| write(dns, header, &message)));
}

fn write(dns: &mut Object<'_>, header: Header, message: &Message) {
    dns.text("id", header.id.to_string());
    dns.word("type", if header.is_answer() { "answer" } else { "query" });
    dns.word("op_code", operation_name(header.operation()));
    let flags = [
        (0x0400, "AA"),
        (0x0200, "TC"),
        (0x0100, "RD"),
        (0x0080, "RA"),
        (0x20, "AD"),
        (0x10, "CD"),
    ];
    let set: Vec<&str> =
        flags.iter().filter(|(bit, _)| header.flags & bit != 0).map(|(_, name)| *name).collect();
    if !set.is_empty() {
        dns.words("header_flags", &set);
    }
    if let Some((name, kind, class)) = &message.question {
        dns.object("question", |question| {
            question.text("name", name);
            question.text("type", type_name(*kind));
            question.text("class", class_name(*class));
        });
    }
    if header.is_answer() {
        dns.text("response_code", response_name(header.response_code()));
        dns.number("answers_count", header.answers);
    }
    if !message.answers.is_empty() {
        dns.object("answers", |answers| {
            answers.texts("type", message.answers.iter().map(|(kind, _)| kind));
            answers.texts("data", message.answers.iter().map(|(_, data)| data));
        });
    }
    if !message.resolved.is_empty() {
        dns.addresses("resolved_ip", message.resolved.iter().copied());
    }
}

fn read(bytes: &[u8], header: Header) -> Message {
    let mut message = Message::default();
    let mut rest = Bytes::new(bytes.get(HEADER_BYTES..).unwrap_or_default());
    let mut records = || {
        for index in 0..header.questions.min(16) {
            let name = name(bytes, &mut rest)?;
            let (kind, class) = (rest.u16()?, rest.u16()?);
            if index == 0 {
                message.question = Some((name, kind, class));
            }
        }
        for _ in 0..usize::from(header.answers).min(RECORDS_MAX) {
            skip_name(&mut rest)?;
            let kind = rest.u16()?;
            rest.skip(6)?;
            let data = rest.part16()?;
            message.record(bytes, kind, data);
        }
        Some(())
    };
    message.cut = records().is_none();
    message
}

impl Message {
    fn record<'m>(&mut self, message: &'m [u8], kind: u16, data: Bytes<'m>) {
        let address = match kind {
            1 => <[u8; 4]>::try_from(data.rest()).ok().map(IpAddr::from),
            28 => <[u8; 16]>::try_from(data.rest()).ok().map(IpAddr::from),
            _ => None,
        };
        self.resolved.extend(address);
        let text = match address {
            Some(address) => address.to_string(),
            None if self.text_bytes >= TEXTS_BYTES_MAX => String::new(),
            None => data_text(message, kind, data).unwrap_or_default(),
        };
        self.text_bytes += text.len();
        self.answers.push((type_name(kind), text));
    }
}

/// Gives what a record holds as text, where it is of a kind that people read.
fn data_text<'m>(message: &'m [u8], kind: u16, mut data: Bytes<'m>) -> Option<String> {
    match kind {
        2 | 5 | 12 | 39 => name(message, &mut data),
        6 => Some(format!("{} {}", name(message, &mut data)?, name(message, &mut data)?)),
        16 | 99 => {
            let mut text = Vec::new();
            while let Some(part) = data.part8() {
                text.extend_from_slice(part.rest());
                if text.len() > TEXT_BYTES_MAX {
                    text.truncate(TEXT_BYTES_MAX);
                    break;
                }
            }
            Some(String::from_utf8_lossy(&text).into_owned())
        }
        33 => {
            let (priority, weight, port) = (data.u16()?, data.u16()?, data.u16()?);
            Some(format!("{priority} {weight} {port} {}", name(message, &mut data)?))
        }
        15 | 64 | 65 => {
            let priority = data.u16()?;
            Some(format!("{priority} {}", name(message, &mut data)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing::{feed_about, tcp, udp, unhex};
    use super::*;

    /// A question: id, flags, then `www.example.org`, type and class.
    fn question(flags: &str, kind: &str) -> Vec<u8> {
        unhex(&format!(
            "1234 {flags} 0001 0000 0000 0000 03 777777 07 6578616d706c65 03 6f7267 00 {kind} 0001"
        ))
    }

    fn answer() -> Vec<u8> {
        unhex(
            "1234 8180 0001 0003 0000 0000 03 777777 07 6578616d706c65 03 6f7267 00 0001 0001
             c00c 0005 0001 00000e10 0007 04 65646765 c010
             c02d 0001 0001 00000e10 0004 c0000207
             c02d 001c 0001 00000e10 0010 20010db8000000000000000000000007",
        )
    }

    #[test]
    fn a_question_and_its_answer() {
        check(
            &DNS,
            &[(Direction::Client, &question("0100", "0001")), (Direction::Server, &answer())],
            expect![[r#"
                dns_query  {"dns":{"id":"4660","type":"query","op_code":"QUERY","header_flags":["RD"],"question":{"name":"www.example.org","type":"A","class":"IN"}}}
                dns_answer success {"dns":{"id":"4660","type":"answer","op_code":"QUERY","header_flags":["RD","RA"],"question":{"name":"www.example.org","type":"A","class":"IN"},"response_code":"NOERROR","answers_count":3,"answers":{"type":["CNAME","A","AAAA"],"data":["edge.example.org","192.0.2.7","2001:db8::7"]},"resolved_ip":["192.0.2.7","2001:db8::7"]}}
            "#]],
        );
    }

    #[test]
    fn a_zone_transfer_over_tcp_in_two_segments() {
        let mut message = question("0000", "00fc");
        message.splice(0..0, [0, 33]);
        assert_eq!(message.len(), 35);
        let told = feed_about(
            &DNS,
            &tcp(53),
            &[(Direction::Client, &message[..9]), (Direction::Client, &message[9..])],
        );
        expect![[r#"
            dns_zone_transfer  {"dns":{"id":"4660","type":"query","op_code":"QUERY","question":{"name":"www.example.org","type":"AXFR","class":"IN"}}}
        "#]]
        .assert_eq(&told);
    }

    #[test]
    fn a_name_that_circles() {
        let message = unhex("1234 0100 0001 0000 0000 0000 c00c 0001 0001");
        assert!(!is_message(&message, false));
        check(
            &DNS,
            &[(Direction::Client, &message)],
            expect![[r#"
                dns_query  {"dns":{"id":"4660","type":"query","op_code":"QUERY","header_flags":["RD"]}}
            "#]],
        );
    }

    #[test]
    fn a_small_message_of_many_long_names_is_not_told_a_hundredfold() {
        let label = format!("3f{}", "01".repeat(63));
        let name = format!("{}00", label.repeat(3));
        let record = "c00c 0005 0001 00000e10 0002 c00c".repeat(64);
        let message = unhex(&format!("1234 8180 0001 0040 0000 0000 {name} 0005 0001 {record}"));
        let told = feed_about(&DNS, &udp(53), &[(Direction::Server, &message)]);
        assert!(
            told.contains(r#""answers_count":64"#) && told.len() < 16 * message.len(),
            "{}",
            told.len()
        );
    }

    #[test]
    fn labels_that_are_no_text() {
        let message = unhex("1234 0100 0001 0000 0000 0000 03 612e62 02 ff00 00 0010 0001");
        check(
            &DNS,
            &[(Direction::Client, &message)],
            expect![[r#"
                dns_query  {"dns":{"id":"4660","type":"query","op_code":"QUERY","header_flags":["RD"],"question":{"name":"a\\046b.\\255\\000","type":"TXT","class":"IN"}}}
            "#]],
        );
    }

    #[test]
    fn by_content_and_the_cousins_by_port() {
        let bytes = question("0100", "0001");
        let ask = |row: &Protocol, bytes: &[u8], port| {
            (row.recognises)(&First {
                client: bytes,
                server: &[],
                port,
                client_port: 50_000,
                transport: Transport::Udp,
            })
        };
        assert_eq!(ask(&DNS, &bytes, 9999), Verdict::Yes);
        assert_eq!(ask(&DNS, &bytes, 5353), Verdict::No);
        assert_eq!(ask(&MDNS, &bytes, 5353), Verdict::Yes);
        assert_eq!(ask(&LLMNR, &bytes, 5355), Verdict::Yes);
        assert_eq!(ask(&DNS, &[0; 40], 53), Verdict::No);
        assert_eq!(ask(&DNS, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 53), Verdict::No);
    }

    #[track_caller]
    fn check(row: &Protocol, messages: &[(Direction, &[u8])], expect: Expect) {
        expect.assert_eq(&feed_about(row, &udp(53), messages));
    }
}
