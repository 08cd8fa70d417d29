//! The two hellos of TLS (RFC 8446, RFC 5246), which QUIC carries too, and what identifies their senders.
//!
//! JA3 joins the version, cipher suites, extensions, groups and point formats of a client as decimal
//! numbers and digests the text; JA3S does so with the server's answer. JA4 sorts what a client may
//! shuffle, so that it stays the same when a browser permutes its extensions.

use std::fmt::Write;

use crate::bytes::Bytes;
use crate::digest::{md5, sha256_12};

/// Bounds the numbers kept of one list, such as the cipher suites; a real client sends fewer than 200.
const LIST_MAX: usize = 512;
/// Bounds the protocols kept of one ALPN list.
const PROTOCOLS_MAX: usize = 16;
/// Bounds a server's name (RFC 1035).
const NAME_BYTES_MAX: usize = 255;

/// The kind of a record that belongs to a handshake.
const HANDSHAKE: u8 = 22;
/// The client's hello, by the type of its message.
pub const CLIENT_HELLO: u8 = 1;
/// The server's hello, by the type of its message.
pub const SERVER_HELLO: u8 = 2;

/// The first byte of a draft's version.
const DRAFT: u16 = 0x7f;
/// Told in a server's random where it asks for a second hello (RFC 8446, section 4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What carries the hello; JA4 tells it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// TLS over TCP.
    Tcp,
    /// QUIC.
    Quic,
}

/// What a client says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The version in the message; TLS 1.3 puts its own into an extension.
    pub version: u16,
    /// The cipher suites, in their order.
    pub ciphers: Vec<u16>,
    /// The kinds of its extensions, in their order.
    pub extensions: Vec<u16>,
    /// The groups for the exchange of keys.
    pub groups: Vec<u16>,
    /// How points of curves may be written.
    pub point_formats: Vec<u8>,
    /// The signatures that it takes.
    pub signatures: Vec<u16>,
    /// The versions that an extension offers.
    pub versions: Vec<u16>,
    /// The protocols that it would speak within (ALPN).
    pub protocols: Vec<Vec<u8>>,
    /// Whom it wants to speak with (SNI).
    pub server_name: Option<Vec<u8>>,
}

/// What a server chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerHello {
    /// The version in the message.
    pub version: u16,
    /// The version that TLS 1.3 chooses in an extension.
    pub chosen: Option<u16>,
    /// The cipher suite.
    pub cipher: u16,
    /// The kinds of its extensions, in their order.
    pub extensions: Vec<u16>,
    /// The protocol that is spoken within.
    pub protocol: Option<Vec<u8>>,
    /// It wants another hello first.
    pub retry: bool,
}

/// Numbers that clients insert at random so that servers bear what they do not know (RFC 8701).
pub fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

impl ClientHello {
    /// Reads the hello that a record of TLS holds whole; most clients send it so.
    pub fn of_record(record: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(record);
        if bytes.u8()? != HANDSHAKE {
            return None;
        }
        bytes.skip(2)?;
        let mut messages = bytes.part16()?;
        if messages.u8()? != CLIENT_HELLO {
            return None;
        }
        Self::read(messages.part24()?.rest())
    }

    /// Reads the body of the message.
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(body);
        let mut hello = Self { version: bytes.u16()?, ..Self::default() };
        if !(0x0200..=0x0304).contains(&hello.version) {
            return None;
        }
        bytes.skip(32)?;
        bytes.part8()?;
        hello.ciphers = numbers(bytes.part16()?);
        bytes.part8()?;
        if bytes.is_empty() {
            return Some(hello);
        }
        let mut extensions = bytes.part16()?;
        while !extensions.is_empty() && hello.extensions.len() < LIST_MAX {
            let kind = extensions.u16()?;
            let body = extensions.part16()?;
            hello.extensions.push(kind);
            // One that is malformed says nothing; the hello still does.
            let _ = hello.extension(kind, body);
        }
        Some(hello)
    }

    /// Tells whether bytes begin with a hello in the form of SSL 2, which asks for a later version.
    pub fn is_old(bytes: &[u8]) -> bool {
        let mut bytes = Bytes::new(bytes);
        let head = (bytes.u16(), bytes.u8(), bytes.u16());
        let (Some(length @ 0x8000..), Some(CLIENT_HELLO), Some(0x0300..=0x0304)) = head else {
            return false;
        };
        let (Some(ciphers), Some(session), Some(challenge)) =
            (bytes.u16(), bytes.u16(), bytes.u16())
        else {
            return false;
        };
        let parts = 9 + u32::from(ciphers) + u32::from(session) + u32::from(challenge);
        ciphers % 3 == 0 && parts == u32::from(length & 0x7fff)
    }

    /// Takes a hello in the form of SSL 2 (RFC 5246, appendix E.2), once it is whole.
    pub fn read_old(bytes: &mut Bytes<'_>) -> Option<Self> {
        Self::is_old(bytes.rest()).then_some(())?;
        let mut rest = *bytes;
        let length = rest.u16()? & 0x7fff;
        let mut body = Bytes::new(rest.take(length.into())?);
        body.skip(1)?;
        let version = body.u16()?;
        let ciphers = usize::from(body.u16()?);
        body.skip(4)?;
        // Those of SSL 2 itself have a first byte of their own.
        let (ciphers, _) = body.take(ciphers)?.as_chunks::<3>();
        let known = ciphers.iter().filter(|[first, ..]| *first == 0);
        let ciphers = known.map(|[_, high, low]| u16::from_be_bytes([*high, *low]));
        let hello = Self { version, ciphers: ciphers.take(LIST_MAX).collect(), ..Self::default() };
        *bytes = rest;
        Some(hello)
    }

    fn extension(&mut self, kind: u16, mut body: Bytes<'_>) -> Option<()> {
        match kind {
            0 => {
                let mut names = body.part16()?;
                while !names.is_empty() {
                    let kind = names.u8()?;
                    let name = names.part16()?.rest();
                    if kind == 0 && name.len() <= NAME_BYTES_MAX {
                        self.server_name = Some(name.to_vec());
                        break;
                    }
                }
            }
            10 => self.groups = numbers(body.part16()?),
            11 => self.point_formats = body.part8()?.rest().to_vec(),
            13 => self.signatures = numbers(body.part16()?),
            16 => self.protocols = protocols(body)?,
            43 => self.versions = numbers(body.part8()?),
            _ => {}
        }
        Some(())
    }

    /// Counts the bytes that are kept.
    pub fn held(&self) -> usize {
        let lists =
            [&self.ciphers, &self.extensions, &self.groups, &self.signatures, &self.versions];
        let numbers: usize = lists.into_iter().map(Vec::len).sum();
        let protocols: usize = self.protocols.iter().map(Vec::len).sum();
        size_of::<Self>() + 2 * numbers + protocols + self.point_formats.len()
    }

    /// Gives the highest version that is offered.
    pub fn version_highest(&self) -> u16 {
        self.versions
            .iter()
            .copied()
            .filter(|version| !is_grease(*version))
            .max()
            .unwrap_or(self.version)
    }

    /// Gives the text that JA3 digests.
    pub fn ja3_text(&self) -> String {
        let formats: Vec<u16> = self.point_formats.iter().map(|format| (*format).into()).collect();
        let mut text = self.version.to_string();
        for list in [&self.ciphers, &self.extensions, &self.groups, &formats] {
            text.push(',');
            join_decimal(list, &mut text);
        }
        text
    }

    /// Gives JA3.
    pub fn ja3(&self) -> String {
        md5(&self.ja3_text())
    }

    /// Gives JA4: `t13d1516h2_8daaf6152771_e5627efa2ab1`.
    pub fn ja4(&self, carrier: Carrier) -> String {
        let mut ciphers: Vec<u16> = without_grease(&self.ciphers);
        let extensions: Vec<u16> = without_grease(&self.extensions);
        let mut text = String::with_capacity(36);
        text.push(if carrier == Carrier::Quic { 'q' } else { 't' });
        text.push_str(match self.version_highest() {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0200 => "s2",
            _ => "00",
        });
        text.push(if extensions.contains(&0) { 'd' } else { 'i' });
        // Writing to a String cannot fail.
        let _ = write!(text, "{:02}{:02}", ciphers.len().min(99), extensions.len().min(99));
        text.push_str(&first_and_last(self.protocols.first().map_or(&[], Vec::as_slice)));
        ciphers.sort_unstable();
        let mut kinds: Vec<u16> =
            extensions.into_iter().filter(|kind| !matches!(kind, 0 | 16)).collect();
        kinds.sort_unstable();
        let mut third = joined_hex(&kinds);
        if !self.signatures.is_empty() && !kinds.is_empty() {
            third.push('_');
            third.push_str(&joined_hex(&without_grease(&self.signatures)));
        }
        let _ = write!(text, "_{}_{}", sha256_12(&joined_hex(&ciphers)), sha256_12(&third));
        text
    }
}

impl ServerHello {
    /// Reads the body of the message.
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(body);
        let mut hello = Self { version: bytes.u16()?, ..Self::default() };
        hello.retry = bytes.take(32)? == RETRY_RANDOM;
        // Drafts of TLS 1.3 before the 22nd told their number here, and had neither session nor compression.
        let draft = hello.version >> 8 == DRAFT;
        if !draft {
            bytes.part8()?;
        }
        hello.cipher = bytes.u16()?;
        if !draft {
            bytes.u8()?;
        }
        if bytes.is_empty() {
            return Some(hello);
        }
        let mut extensions = bytes.part16()?;
        while !extensions.is_empty() && hello.extensions.len() < LIST_MAX {
            let kind = extensions.u16()?;
            let mut body = extensions.part16()?;
            hello.extensions.push(kind);
            match kind {
                16 => hello.protocol = protocols(body).and_then(|all| all.into_iter().next()),
                43 => hello.chosen = body.u16(),
                _ => {}
            }
        }
        Some(hello)
    }

    /// Gives the version that both speak from here on.
    pub fn version_chosen(&self) -> u16 {
        self.chosen.unwrap_or(self.version)
    }

    /// Whether the version chosen is TLS 1.3 or a draft of it.
    pub fn is_newest(&self) -> bool {
        let version = self.version_chosen();
        version == 0x0304 || version >> 8 == DRAFT
    }

    /// Gives the text that JA3S digests.
    pub fn ja3s_text(&self) -> String {
        let mut text = format!("{},{},", self.version, self.cipher);
        join_decimal(&self.extensions, &mut text);
        text
    }

    /// Gives JA3S.
    pub fn ja3s(&self) -> String {
        md5(&self.ja3s_text())
    }
}

fn numbers(mut bytes: Bytes<'_>) -> Vec<u16> {
    let mut list = Vec::with_capacity((bytes.len() / 2).min(LIST_MAX));
    while list.len() < LIST_MAX
        && let Some(number) = bytes.u16()
    {
        list.push(number);
    }
    list
}

fn protocols(mut body: Bytes<'_>) -> Option<Vec<Vec<u8>>> {
    let mut list = body.part16()?;
    let mut protocols = Vec::new();
    while !list.is_empty() && protocols.len() < PROTOCOLS_MAX {
        protocols.push(list.part8()?.rest().to_vec());
    }
    Some(protocols)
}

fn without_grease(list: &[u16]) -> Vec<u16> {
    list.iter().copied().filter(|number| !is_grease(*number)).collect()
}

fn join_decimal(list: &[u16], text: &mut String) {
    let mut first = true;
    for number in list.iter().filter(|number| !is_grease(**number)) {
        if !first {
            text.push('-');
        }
        first = false;
        let _ = write!(text, "{number}");
    }
}

fn joined_hex(list: &[u16]) -> String {
    let mut text = String::with_capacity(list.len() * 5);
    for (index, number) in list.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let _ = write!(text, "{number:04x}");
    }
    text
}

/// The first and the last character of the first ALPN value; hexadecimal digits where they are none.
fn first_and_last(protocol: &[u8]) -> String {
    let (Some(first), Some(last)) = (protocol.first(), protocol.last()) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(*first), char::from(*last)].iter().collect();
    }
    format!("{:x}{:x}", first >> 4, last & 15)
}

/// Gives a version's name, as `tls.version` and `tls.version_protocol` tell it in one.
pub fn version_name(version: u16) -> String {
    match version {
        0x0200 => "SSL 2.0".to_owned(),
        0x0300 => "SSL 3.0".to_owned(),
        0x0301 => "TLS 1.0".to_owned(),
        0x0302 => "TLS 1.1".to_owned(),
        0x0303 => "TLS 1.2".to_owned(),
        0x0304 => "TLS 1.3".to_owned(),
        0x7f00..=0x7fff => format!("TLS 1.3 draft {}", version & 0xff),
        _ => format!("0x{version:04x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<u16> {
        text.split(['-', ','])
            .filter(|word| !word.is_empty())
            .map(|word| {
                if word.len() == 4 && text.contains(',') {
                    u16::from_str_radix(word, 16).unwrap()
                } else {
                    word.parse().unwrap()
                }
            })
            .collect()
    }

    /// The examples that the authors of JA3 published with it.
    #[test]
    fn published_ja3() {
        let hello = ClientHello {
            version: 769,
            ciphers: of("47-53-5-10-49161-49162-49171-49172-50-56-19-4"),
            extensions: of("0-10-11"),
            groups: of("23-24-25"),
            point_formats: vec![0],
            ..ClientHello::default()
        };
        assert_eq!(hello.ja3(), "ada70206e40642a3e4461f35503241d5");
        let hello = ClientHello {
            version: 769,
            ciphers: of("4-5-10-9-100-98-3-6-19-18-99"),
            ..ClientHello::default()
        };
        assert_eq!(hello.ja3_text(), "769,4-5-10-9-100-98-3-6-19-18-99,,,");
        assert_eq!(hello.ja3(), "de350869b8c85de67a350c8d186f11e6");
    }

    /// The example of JA4's own specification: Chrome, whatever the order of its extensions.
    #[test]
    fn published_ja4() {
        let hello = ClientHello {
            version: 0x0303,
            ciphers: of(
                "2a2a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
            ),
            extensions: of(
                "9a9a,001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015,1a1a",
            ),
            signatures: of("0403,0804,0401,0503,0805,0501,0806,0601"),
            versions: of("6a6a,0304,0303,"),
            protocols: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            ..ClientHello::default()
        };
        assert_eq!(hello.ja4(Carrier::Tcp), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(hello.ja4(Carrier::Quic), "q13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn protocols_that_are_no_letters() {
        assert_eq!(first_and_last(b""), "00");
        assert_eq!(first_and_last(b"http/1.1"), "h1");
        assert_eq!(first_and_last(&[0xab]), "ab");
        assert_eq!(first_and_last(&[0x30, 0x31, 0xab, 0xcd]), "3d");
    }

    #[test]
    fn grease_is_known() {
        assert!((0..16).all(|n| is_grease(0x0a0a + 0x1010 * n)));
        assert!(!is_grease(0x0a1a) && !is_grease(0x0b0b));
    }

    proptest::proptest! {
        #[test]
        fn any_record(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let mut body = vec![3, 3];
            body.extend(&bytes);
            let length = u8::try_from(body.len()).unwrap();
            let record = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat();
            if let Some(hello) = ClientHello::of_record(&record) {
                assert_eq!(Some(hello.ja4(Carrier::Tcp).len()), Some(36));
                assert_eq!(hello.ja3().len(), 32);
            }
            let _ = ClientHello::of_record(&bytes);
            let _ = ServerHello::read(&bytes);
        }
    }
}
