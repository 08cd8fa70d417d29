//! QUIC (RFC 9000, RFC 9369): the first packets of a connection, which hold a TLS hello.
//!
//! ```text
//! c3 00000001 08 8394c8f03e515708 00 00 449e …     long header, version, identifiers, token, length
//! ```
//!
//! They are encrypted under keys that follow from the client's first identifier (RFC 9001, section 5.2), so that
//! anybody on the way may read them, and nobody who is not may forge them.

use ring::aead::{self, LessSafeKey, Nonce, UnboundKey, quic as protection};
use ring::hkdf::{self, HKDF_SHA256, KeyType, Prk, Salt};

use super::shared::bytes::Bytes;
use super::shared::hello::{self, Carrier, ClientHello, ServerHello};
use super::{Dissector, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

mod crypto;

use crypto::{Crypto, frames_of};

/// The row.
pub(super) const QUIC: Protocol = Protocol {
    name: "quic",
    over: &[Transport::Udp],
    ports: &[443, 80],
    recognises: |first| {
        let bytes = if first.client.is_empty() { first.server } else { first.client };
        // Who recognises is shown the beginning alone, so the length is not held against it.
        let mut head = Bytes::new(bytes);
        let known = head.u8().zip(head.u32()).is_some_and(|(head, number)| {
            let version = VERSIONS.iter().any(|(known, ..)| *known == number);
            version && head & 0xc0 == 0xc0 && is_initial(head, number)
        });
        let identifier = head.part8().is_some_and(|part| part.len() <= IDENTIFIER_BYTES_MAX);
        if known && identifier { Verdict::Yes } else { Verdict::No }
    },
    open: |_| Box::new(Quic::default()),
    bytes_max: 64 * 1024,
    held_max: 2 * 1024,
    events_max: 2,
};

/// Bounds an identifier (RFC 9000, section 17.2).
const IDENTIFIER_BYTES_MAX: usize = 20;
/// Bounds the packets of one flow that no key opens: who sends more does not speak it, and each costs
/// the derivation of keys.
const UNOPENED_MAX: u8 = 4;
/// A client fills its first datagrams up to so much, and servers drop what is shorter (RFC 9000, section
/// 14.1).
const FIRST_BYTES_MIN: usize = 1200;
/// Bounds the packets of one datagram.
const PACKETS_MAX: usize = 8;
const TAG_BYTES: usize = 16;

/// The versions that are read: number, salt, and the word in front of the labels of keys.
const VERSIONS: &[(u32, [u8; 20], &str)] = &[
    (0x0000_0001, SALT_1, "quic"),
    (0x6b33_43cf, SALT_2, "quicv2"),
    (0xff00_001d, SALT_29, "quic"),
    (0xff00_001e, SALT_29, "quic"),
    (0xff00_001f, SALT_29, "quic"),
    (0xff00_0020, SALT_29, "quic"),
    (0xff00_0017, SALT_23, "quic"),
    (0xff00_0018, SALT_23, "quic"),
    (0xff00_0019, SALT_23, "quic"),
    (0xff00_001a, SALT_23, "quic"),
    (0xff00_001b, SALT_23, "quic"),
    (0xff00_001c, SALT_23, "quic"),
];
/// RFC 9001, section 5.2.
const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
/// RFC 9369, section 3.3.1.
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
];
/// Drafts 29 to 32.
const SALT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
    0x43, 0x90, 0xa8, 0x99,
];
/// Drafts 23 to 28.
const SALT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65,
    0xbe, 0xf9, 0xf5, 0x02,
];

/// A packet with a long header.
#[derive(Clone, Copy, Debug)]
struct Packet<'a> {
    initial: bool,
    version: usize,
    destination: &'a [u8],
    /// From its first byte to its end.
    bytes: &'a [u8],
    /// Where its number begins.
    number_place: usize,
}

impl<'a> Packet<'a> {
    /// Reads the packet at the front of a datagram, and gives what follows it.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut rest = Bytes::new(bytes);
        let head = rest.u8()?;
        (head & 0xc0 == 0xc0).then_some(())?;
        let number = rest.u32()?;
        let version = VERSIONS.iter().position(|(known, ..)| *known == number)?;
        let destination = rest.part8()?.rest();
        let source = rest.part8()?.rest();
        if destination.len() > IDENTIFIER_BYTES_MAX || source.len() > IDENTIFIER_BYTES_MAX {
            return None;
        }
        let kind = head >> 4 & 3;
        let second = number == 0x6b33_43cf;
        let initial = is_initial(head, number);
        let retry = kind == if second { 0 } else { 3 };
        if retry {
            let packet = Self { initial: false, version, destination, bytes, number_place: 0 };
            return Some((packet, &[]));
        }
        if initial {
            let token = usize::try_from(variable(&mut rest)?).ok()?;
            rest.skip(token)?;
        }
        let length = usize::try_from(variable(&mut rest)?).ok()?;
        let number_place = bytes.len() - rest.len();
        let (bytes, after) = bytes.split_at_checked(number_place.checked_add(length)?)?;
        Some((Self { initial, version, destination, bytes, number_place }, after))
    }

    /// Gives the frames within, where the keys fit.
    fn open(&self, keys: &Keys) -> Option<Vec<u8>> {
        let sample = self.bytes.get(self.number_place + 4..self.number_place + 20)?;
        let mask = keys.header.new_mask(sample).ok()?;
        let mut bytes = self.bytes.to_vec();
        let head = bytes.first_mut()?;
        *head ^= mask[0] & 0x0f;
        let number_bytes = usize::from(*head & 3) + 1;
        let mut number = 0_u64;
        for (index, mask) in mask.iter().skip(1).take(number_bytes).enumerate() {
            let byte = bytes.get_mut(self.number_place + index)?;
            *byte ^= mask;
            number = (number << 8) | u64::from(*byte);
        }
        let mut nonce = keys.nonce;
        for (byte, number) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        let mut sealed = bytes.split_off(self.number_place + number_bytes);
        if sealed.len() < TAG_BYTES {
            return None;
        }
        let opened = keys
            .packet
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(&bytes),
                &mut sealed,
            )
            .ok()?
            .len();
        sealed.truncate(opened);
        Some(sealed)
    }
}

/// Whether the first byte, as this version has it, is of a first packet.
fn is_initial(head: u8, number: u32) -> bool {
    head >> 4 & 3 == u8::from(number == 0x6b33_43cf)
}

/// Takes a number whose first two bits tell its length (RFC 9000, section 16).
fn variable(rest: &mut Bytes<'_>) -> Option<u64> {
    let first = rest.u8()?;
    let more = (1_usize << (first >> 6)) - 1;
    let start = u64::from(first & 0x3f);
    Some(rest.take(more)?.iter().fold(start, |sum, byte| (sum << 8) | u64::from(*byte)))
}

/// What one side's first packets are sealed with.
struct Keys {
    packet: LessSafeKey,
    header: protection::HeaderProtectionKey,
    nonce: [u8; 12],
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Keys {
    fn derive(version: usize, identifier: &[u8], direction: Direction) -> Option<Self> {
        let (_, salt, word) = VERSIONS.get(version)?;
        let first = Salt::new(HKDF_SHA256, salt).extract(identifier);
        let side = if direction == Direction::Client { "client in" } else { "server in" };
        let secret = Prk::new_less_safe(HKDF_SHA256, &expand::<32>(&first, side)?);
        let key: [u8; 16] = expand(&secret, &format!("{word} key"))?;
        let header: [u8; 16] = expand(&secret, &format!("{word} hp"))?;
        Some(Self {
            packet: LessSafeKey::new(UnboundKey::new(&aead::AES_128_GCM, &key).ok()?),
            header: protection::HeaderProtectionKey::new(&protection::AES_128, &header).ok()?,
            nonce: expand(&secret, &format!("{word} iv"))?,
        })
    }
}

/// HKDF-Expand-Label of TLS 1.3 (RFC 8446, section 7.1) without a context.
fn expand<const N: usize>(secret: &hkdf::Prk, label: &str) -> Option<[u8; N]> {
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = [u8::try_from(label.len() + 6).ok()?];
    let info: [&[u8]; 5] = [&length, &label_length, b"tls13 ", label.as_bytes(), &[0]];
    let mut out = [0; N];
    secret.expand(&info, Length(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// One connection.
#[derive(Debug, Default)]
struct Quic {
    /// The identifier that the keys follow from, and the version.
    first: Option<(usize, Vec<u8>)>,
    sides: [Crypto; 2],
    client: Option<Box<ClientHello>>,
    unopened: u8,
    told: bool,
}

impl Dissector for Quic {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let short = bytes.first().is_some_and(|head| head & 0x80 == 0);
        if short && self.client.is_some() {
            self.tell(None, told);
            return Progress::Done;
        }
        let begins = direction == Direction::Client && self.client.is_none();
        if begins && bytes.len() < FIRST_BYTES_MIN {
            return Progress::Taken(0);
        }
        let mut rest = bytes;
        for _ in 0..PACKETS_MAX {
            let Some((packet, after)) = Packet::read(rest) else { break };
            rest = after;
            if packet.initial && self.packet(direction, &packet).is_none() {
                told.malformed();
                self.unopened += 1;
                if self.unopened >= UNOPENED_MAX {
                    self.tell(None, told);
                    return Progress::Done;
                }
                // The others of the datagram are sealed alike.
                break;
            }
        }
        let side = self.sides.get(usize::from(direction == Direction::Server));
        match (direction, side.and_then(Crypto::message)) {
            (Direction::Client, Some((hello::CLIENT_HELLO, body))) if self.client.is_none() => {
                self.client = ClientHello::read(body).map(Box::new);
            }
            (Direction::Server, Some((hello::SERVER_HELLO, body))) => {
                let server = ServerHello::read(body);
                self.tell(server.as_ref(), told);
                return Progress::Done;
            }
            _ => {}
        }
        Progress::Taken(0)
    }

    fn held(&self) -> usize {
        let sides: usize = self.sides.iter().map(|side| side.bytes.capacity()).sum();
        sides + self.client.as_ref().map_or(0, |client| client.held())
    }

    fn end(&mut self, told: &mut Told<'_>) {
        self.tell(None, told);
    }
}

impl Quic {
    fn packet(&mut self, direction: Direction, packet: &Packet<'_>) -> Option<()> {
        if self.first.is_none() {
            // Seen from its middle, or from its answer on, there is no way in.
            if direction == Direction::Server {
                return Some(());
            }
            self.first = Some((packet.version, packet.destination.to_vec()));
        }
        let (version, identifier) = self.first.as_ref()?;
        let opened =
            Keys::derive(*version, identifier, direction).and_then(|keys| packet.open(&keys));
        let frames = match opened {
            Some(frames) => frames,
            // After a retry, or with another version, the client begins anew.
            None if direction == Direction::Client => {
                let keys = Keys::derive(packet.version, packet.destination, direction)?;
                let frames = packet.open(&keys)?;
                self.first = Some((packet.version, packet.destination.to_vec()));
                frames
            }
            None => return None,
        };
        let side = self.sides.get_mut(usize::from(direction == Direction::Server))?;
        frames_of(&frames, side)
    }

    fn tell(&mut self, server: Option<&ServerHello>, told: &mut Told<'_>) {
        let Some(client) = self.client.as_deref().filter(|_| !self.told) else { return };
        self.told = true;
        let number = self.first.as_ref().and_then(|(version, _)| VERSIONS.get(*version));
        let outcome = if server.is_some() { "success" } else { "unknown" };
        told.event(Heading { outcome: Some(outcome), ..Heading::of("quic_handshake") }, |line| {
            line.object("quic", |quic| {
                let number = number.map_or(0, |(number, ..)| *number);
                quic.text("version", version_name(number));
            });
            line.object("tls", |tls| {
                if let Some(server) = server {
                    tls.text("version", "1.3");
                    tls.text("version_protocol", "tls");
                    tls.text("cipher", hello::cipher_name(server.cipher));
                }
                tls.object("client", |to| hello::write_client(to, client, Carrier::Quic));
                if let Some(server) = server {
                    tls.object("server", |to| to.text("ja3s", server.ja3s()));
                }
            });
        });
    }
}

fn version_name(number: u32) -> String {
    match number {
        1 => "1".to_owned(),
        0x6b33_43cf => "2".to_owned(),
        _ => format!("draft-{}", number & 0xff),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::bytes::hex;
    use super::super::shared::testing::{feed_about, udp, unhex};
    use super::crypto::CRYPTO_BYTES_MAX;
    use super::*;

    /// The client's hello of RFC 9001, appendix A.2.
    const HELLO: &str = "
        010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302
        010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007
        0005 04616c706e 000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171
        fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d0002
        0101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901
        100f088394c8f03e51570806048000ffff";

    /// Seals frames as a client does.
    fn sealed(version: usize, identifier: &[u8], number: u8, frames: &[u8]) -> Vec<u8> {
        let keys = Keys::derive(version, identifier, Direction::Client).unwrap();
        let initial = if VERSIONS[version].2 == "quicv2" { 0xd0 } else { 0xc0 };
        let mut head = vec![initial];
        head.extend(VERSIONS[version].0.to_be_bytes());
        head.push(u8::try_from(identifier.len()).unwrap());
        head.extend(identifier);
        head.extend([0, 0]);
        let length = u16::try_from(frames.len() + 1 + TAG_BYTES).unwrap();
        head.extend((length | 0x4000).to_be_bytes());
        let place = head.len();
        head.push(number);
        let mut nonce = keys.nonce;
        nonce[11] ^= number;
        let mut body = frames.to_vec();
        keys.packet
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(&head),
                &mut body,
            )
            .unwrap();
        let mut packet = [head, body].concat();
        let sample: [u8; 16] = packet[place + 4..place + 20].try_into().unwrap();
        let mask = keys.header.new_mask(&sample).unwrap();
        packet[0] ^= mask[0] & 0x0f;
        packet[place] ^= mask[1];
        packet
    }

    fn crypto(place: usize, data: &[u8]) -> Vec<u8> {
        let two = |number: usize| (u16::try_from(number).unwrap() | 0x4000).to_be_bytes();
        [&[6], &two(place)[..], &two(data.len()), data].concat()
    }

    /// RFC 9001, appendix A.1: what follows from the identifier 8394c8f03e515708.
    #[test]
    fn keys_of_the_standard() {
        let first = Salt::new(HKDF_SHA256, &SALT_1).extract(&unhex("8394c8f03e515708"));
        let secret: [u8; 32] = expand(&first, "client in").unwrap();
        assert_eq!(
            hex(&secret),
            "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea"
        );
        let secret = Prk::new_less_safe(HKDF_SHA256, &secret);
        assert_eq!(
            hex(&expand::<16>(&secret, "quic key").unwrap()),
            "1f369613dd76d5467730efcbe3b1a22d"
        );
        assert_eq!(hex(&expand::<12>(&secret, "quic iv").unwrap()), "fa044b2f42a3fd3b46fb255c");
        assert_eq!(
            hex(&expand::<16>(&secret, "quic hp").unwrap()),
            "9f50449e04a0e810283a1e9933adedd2"
        );
    }

    #[test]
    fn who_sends_what_no_key_opens_is_not_listened_to_for_long() {
        let mut packet = sealed(0, &[7; 8], 0, &[0; 1200]);
        let last = packet.len() - 1;
        packet[last] ^= 1;
        let (about, mut lines) = (udp(443), crate::json::Lines::default());
        let mut told = Told::new(&mut lines, &about, "quic", 2);
        let mut quic = Quic::default();
        let heard = (0..100)
            .take_while(|_| quic.feed(Direction::Client, &packet, &mut told) != Progress::Done)
            .count();
        assert!(heard < 8, "{heard}");
    }

    #[test]
    fn a_short_datagram_costs_no_keys() {
        let packet = sealed(0, &[7; 8], 0, &[0; 60]);
        let (about, mut lines) = (udp(443), crate::json::Lines::default());
        let mut told = Told::new(&mut lines, &about, "quic", 2);
        let mut quic = Quic::default();
        quic.feed(Direction::Client, &packet, &mut told);
        assert!(quic.first.is_none());
    }

    #[test]
    fn a_hello_in_parts_out_of_order_over_two_packets() {
        let identifier = unhex("8394c8f03e515708");
        let hello = unhex(HELLO);
        for version in 0..VERSIONS.len() {
            let second =
                [crypto(200, &hello[200..]), vec![0; 1200], crypto(0, &hello[..50])].concat();
            let first = [vec![1], crypto(50, &hello[50..200]), vec![0; 1200]].concat();
            let told = feed_about(
                &QUIC,
                &udp(443),
                &[
                    (Direction::Client, &sealed(version, &identifier, 0, &second)),
                    (Direction::Client, &sealed(version, &identifier, 1, &first)),
                ],
            );
            assert!(told.contains("example.com"), "{version}: {told}");
            if version == 0 {
                expect![[r#"
                    quic_handshake unknown {"quic":{"version":"1"},"tls":{"client":{"server_name":"example.com","ja3":"41bc9ae914d6cb3bd0bd0a5453ab7d7f","ja4":"q13d0211an_62ed6f6ca7ad_4d634acda6c0","next_protocols":["alpn"],"version_highest":"TLS 1.3"}}}
                "#]].assert_eq(&told);
            }
        }
    }

    #[test]
    fn a_packet_of_another_or_changed_is_not_opened() {
        let identifier = unhex("8394c8f03e515708");
        let mut packet =
            sealed(0, &identifier, 0, &[crypto(0, &unhex(HELLO)), vec![0; 1200]].concat());
        let last = packet.len() - 1;
        packet[last] ^= 1;
        assert_eq!(feed_about(&QUIC, &udp(443), &[(Direction::Client, &packet)]), "");
    }

    #[test]
    fn a_part_far_out_is_refused() {
        let mut crypto = Crypto::default();
        assert!(crypto.add(CRYPTO_BYTES_MAX - 1, &[1, 2]).is_none());
        assert!(crypto.add(usize::MAX, &[1]).is_none());
        assert!(crypto.bytes.is_empty());
    }
}
