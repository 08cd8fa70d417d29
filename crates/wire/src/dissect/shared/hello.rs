//! The two hellos of TLS (RFC 8446, RFC 5246), which QUIC carries too, and what identifies their senders.
//!
//! JA3 joins the version, cipher suites, extensions, groups and point formats of a client as decimal
//! numbers and digests the text; JA3S does so with the server's answer. JA4 sorts what a client may
//! shuffle, so that it stays the same when a browser permutes its extensions.

use std::fmt::Write;

use super::bytes::Bytes;
use super::fingerprint;
use crate::json::Object;

/// Bounds the numbers kept of one list, such as the cipher suites; a real client sends fewer than 200.
const LIST_MAX: usize = 512;
/// Bounds the protocols kept of one ALPN list.
const PROTOCOLS_MAX: usize = 16;
/// Bounds a server's name (RFC 1035).
const NAME_BYTES_MAX: usize = 255;

/// The message types of a handshake that are read.
pub(crate) const CLIENT_HELLO: u8 = 1;
/// The server's hello.
pub(crate) const SERVER_HELLO: u8 = 2;

/// The first byte of a draft's version.
const DRAFT: u16 = 0x7f;
/// Told in a server's random where it asks for a second hello (RFC 8446, section 4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What carries the hello; JA4 tells it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// TLS over TCP.
    Tcp,
    /// QUIC.
    Quic,
}

/// What a client says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientHello {
    /// The version in the message; TLS 1.3 puts its own into an extension.
    pub(crate) version: u16,
    pub(crate) ciphers: Vec<u16>,
    pub(crate) extensions: Vec<u16>,
    pub(crate) groups: Vec<u16>,
    pub(crate) point_formats: Vec<u8>,
    pub(crate) signatures: Vec<u16>,
    pub(crate) versions: Vec<u16>,
    pub(crate) protocols: Vec<Vec<u8>>,
    pub(crate) server_name: Option<Vec<u8>>,
}

/// What a server chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerHello {
    pub(crate) version: u16,
    /// The version that TLS 1.3 chooses in an extension.
    pub(crate) chosen: Option<u16>,
    pub(crate) cipher: u16,
    pub(crate) extensions: Vec<u16>,
    pub(crate) protocol: Option<Vec<u8>>,
    /// It wants another hello first.
    pub(crate) retry: bool,
}

/// Numbers that clients insert at random so that servers bear what they do not know (RFC 8701).
pub(crate) fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

impl ClientHello {
    /// Reads the body of the message.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
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
    pub(crate) fn held(&self) -> usize {
        let lists =
            [&self.ciphers, &self.extensions, &self.groups, &self.signatures, &self.versions];
        let numbers: usize = lists.into_iter().map(Vec::len).sum();
        let protocols: usize = self.protocols.iter().map(Vec::len).sum();
        size_of::<Self>() + 2 * numbers + protocols + self.point_formats.len()
    }

    /// Gives the highest version that is offered.
    pub(crate) fn version_highest(&self) -> u16 {
        self.versions
            .iter()
            .copied()
            .filter(|version| !is_grease(*version))
            .max()
            .unwrap_or(self.version)
    }

    /// Gives the text that JA3 digests.
    pub(crate) fn ja3_text(&self) -> String {
        let formats: Vec<u16> = self.point_formats.iter().map(|format| (*format).into()).collect();
        let mut text = self.version.to_string();
        for list in [&self.ciphers, &self.extensions, &self.groups, &formats] {
            text.push(',');
            join_decimal(list, &mut text);
        }
        text
    }

    /// Gives JA3.
    pub(crate) fn ja3(&self) -> String {
        fingerprint::md5(&self.ja3_text())
    }

    /// Gives JA4: `t13d1516h2_8daaf6152771_e5627efa2ab1`.
    pub(crate) fn ja4(&self, carrier: Carrier) -> String {
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
        let _ = write!(
            text,
            "_{}_{}",
            fingerprint::sha256_12(&joined_hex(&ciphers)),
            fingerprint::sha256_12(&third)
        );
        text
    }
}

impl ServerHello {
    /// Reads the body of the message.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
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
    pub(crate) fn version_chosen(&self) -> u16 {
        self.chosen.unwrap_or(self.version)
    }

    /// Whether the version chosen is TLS 1.3 or a draft of it.
    pub(crate) fn is_newest(&self) -> bool {
        let version = self.version_chosen();
        version == 0x0304 || version >> 8 == DRAFT
    }

    /// Gives the text that JA3S digests.
    pub(crate) fn ja3s_text(&self) -> String {
        let mut text = format!("{},{},", self.version, self.cipher);
        join_decimal(&self.extensions, &mut text);
        text
    }

    /// Gives JA3S.
    pub(crate) fn ja3s(&self) -> String {
        fingerprint::md5(&self.ja3s_text())
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
pub(crate) fn version_name(version: u16) -> String {
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

/// Gives a cipher suite's name in IANA's registry, or its number.
pub(crate) fn cipher_name(cipher: u16) -> String {
    let known = tls_parser::TlsCipherSuite::from_id(cipher);
    known.map_or_else(|| format!("0x{cipher:04x}"), |suite| suite.name.to_owned())
}

/// Writes what a client says of itself under `tls.client`.
pub(crate) fn write_client(client: &mut Object<'_>, hello: &ClientHello, carrier: Carrier) {
    client.text_some("server_name", hello.server_name.as_ref());
    client.text("ja3", hello.ja3());
    client.text("ja4", hello.ja4(carrier));
    if !hello.protocols.is_empty() {
        client.texts("next_protocols", &hello.protocols);
    }
    client.text("version_highest", version_name(hello.version_highest()));
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
}
