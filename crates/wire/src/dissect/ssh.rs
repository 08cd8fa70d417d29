//! SSH (RFC 4253): who speaks which software, and what both offer before they encrypt.
//!
//! ```text
//! SSH-2.0-OpenSSH_9.6                  one line of each side
//! 000005dc 04 14 …                     then packets: length, padding, message; 20 offers algorithms
//! ```
//!
//! HASSH digests a client's offer of key exchanges, ciphers, MACs and compressions, HASSHServer a server's.

use super::shared::bytes::Bytes;
use super::shared::fingerprint;
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const SSH: Protocol = Protocol {
    name: "ssh",
    over: &[Transport::Tcp],
    ports: &[22, 2222],
    recognises,
    open: |_| Box::new(Ssh::default()),
    bytes_max: 256 * 1024,
    held_max: 40 * 1024,
    events_max: 2,
};

/// Bounds a banner (RFC 4253, section 4.2, allows 255).
const BANNER_BYTES_MAX: usize = 512;
/// Bounds the lines that a server may send before its banner.
const LINES_MAX: u32 = 64;
/// Bounds what is kept of a list; fingerprints are taken over all of it.
const LIST_BYTES_MAX: usize = 2048;
/// Bounds a packet (RFC 4253, section 6.1).
const PACKET_BYTES_MAX: u32 = 35_000;
const KEXINIT: u8 = 20;

fn recognises(first: &First<'_>) -> Verdict {
    let starts = |bytes: &[u8]| {
        if bytes.starts_with(b"SSH-") {
            Verdict::Yes
        } else if b"SSH-".starts_with(bytes) {
            Verdict::Maybe
        } else {
            Verdict::No
        }
    };
    // Who does not speak yet says nothing against it.
    match (starts(first.client), starts(first.server)) {
        (Verdict::Yes, _) | (_, Verdict::Yes) => Verdict::Yes,
        (Verdict::Maybe, Verdict::Maybe) => Verdict::Maybe,
        _ => Verdict::No,
    }
}

/// Both sides of one connection.
#[derive(Debug, Default)]
struct Ssh {
    client: Side,
    server: Side,
    told: bool,
}

/// What one side said.
#[derive(Debug, Default)]
struct Side {
    banner: Option<Vec<u8>>,
    lines: u32,
    offer: Option<Offer>,
}

/// What is kept of a KEXINIT.
#[derive(Debug)]
struct Offer {
    /// Over what is offered to the server, and to the client.
    fingerprints: [String; 2],
    exchanges: String,
    host_keys: String,
    /// Those towards the server.
    ciphers: String,
}

impl Dissector for Ssh {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let mut rest = bytes;
        loop {
            let side = match direction {
                Direction::Client => &mut self.client,
                Direction::Server => &mut self.server,
            };
            let Some(taken) = side.read(rest) else {
                told.malformed();
                self.tell(told);
                return Progress::Done;
            };
            if self.client.offer.is_some() && self.server.offer.is_some() {
                self.tell(told);
                return Progress::Done;
            }
            rest = rest.get(taken..).unwrap_or_default();
            if taken == 0 || rest.is_empty() {
                return Progress::Taken(u64::try_from(bytes.len() - rest.len()).unwrap_or(0));
            }
        }
    }

    fn gap(&mut self, _: Direction, told: &mut Told<'_>) -> Progress {
        self.tell(told);
        Progress::Done
    }

    fn held(&self) -> usize {
        let offers =
            [&self.client, &self.server].into_iter().filter_map(|side| side.offer.as_ref());
        offers
            .map(|offer| offer.exchanges.len() + offer.host_keys.len() + offer.ciphers.len())
            .sum()
    }

    fn end(&mut self, told: &mut Told<'_>) {
        self.tell(told);
    }
}

impl Side {
    /// Reads a line or a packet; gives how many bytes it took, or nothing where it is neither.
    fn read(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.banner.is_none() {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                return (bytes.len() <= BANNER_BYTES_MAX).then_some(0);
            };
            let line = bytes.get(..end)?;
            self.lines += 1;
            if line.starts_with(b"SSH-") {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                self.banner = Some(line.get(..BANNER_BYTES_MAX).unwrap_or(line).to_vec());
            }
            return (self.lines <= LINES_MAX).then_some(end + 1);
        }
        let mut packet = Bytes::new(bytes);
        let Some(length) = packet.u32() else { return Some(0) };
        // What is longer is encrypted, or of version 1.
        if !(2..=PACKET_BYTES_MAX).contains(&length) {
            return None;
        }
        let length = usize::try_from(length).ok()?;
        let Some(body) = packet.take(length) else { return Some(0) };
        if body.get(1) == Some(&KEXINIT) && self.offer.is_none() {
            self.offer = Some(Offer::read(body.get(18..)?)?);
        }
        Some(4 + length)
    }
}

impl Offer {
    fn read(lists: &[u8]) -> Option<Self> {
        let mut lists = Bytes::new(lists);
        let mut list =
            || lists.part32().map(|list| String::from_utf8_lossy(list.rest()).into_owned());
        let (exchanges, host_keys) = (list()?, list()?);
        let [ciphers, macs, compressions] =
            [[list()?, list()?], [list()?, list()?], [list()?, list()?]];
        let [there, back] = [0, 1].map(|way| {
            let of = |lists: &[String; 2]| lists.get(way).cloned().unwrap_or_default();
            let lists = [exchanges.clone(), of(&ciphers), of(&macs), of(&compressions)];
            fingerprint::md5(&lists.join(";"))
        });
        let [ciphers, _] = ciphers;
        Some(Self {
            fingerprints: [there, back],
            exchanges: cut(exchanges),
            host_keys: cut(host_keys),
            ciphers: cut(ciphers),
        })
    }
}

fn cut(mut list: String) -> String {
    list.truncate(list.floor_char_boundary(LIST_BYTES_MAX));
    list.shrink_to_fit();
    list
}

/// Gives the algorithm that both agree on: the client's first that the server has too.
fn agreed<'c>(client: &'c str, server: &str) -> Option<&'c str> {
    let offered: std::collections::HashSet<&str> = server.split(',').collect();
    client.split(',').find(|name| offered.contains(name))
}

impl Ssh {
    fn tell(&mut self, told: &mut Told<'_>) {
        if self.told || (self.client.banner.is_none() && self.server.banner.is_none()) {
            return;
        }
        self.told = true;
        let (client, server) = (&self.client, &self.server);
        told.event(Heading::of("ssh_handshake"), |line| {
            line.object("bartizan", |ours| {
                ours.object("ssh", |ssh| {
                    ssh.text_some("client", client.banner.as_ref());
                    ssh.text_some("server", server.banner.as_ref());
                    if let Some(offer) = &client.offer {
                        let [there, _] = &offer.fingerprints;
                        ssh.text("hassh", there);
                    }
                    if let Some(offer) = &server.offer {
                        let [_, back] = &offer.fingerprints;
                        ssh.text("hassh_server", back);
                    }
                    if let (Some(offer), Some(answer)) = (&client.offer, &server.offer) {
                        ssh.text_some("key_exchange", agreed(&offer.exchanges, &answer.exchanges));
                        ssh.text_some("host_key", agreed(&offer.host_keys, &answer.host_keys));
                        ssh.text_some("cipher", agreed(&offer.ciphers, &answer.ciphers));
                    }
                });
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, tcp};
    use super::*;

    /// A KEXINIT with these ten lists.
    fn kexinit(lists: [&str; 10]) -> Vec<u8> {
        let mut body = vec![4, KEXINIT];
        body.extend([7; 16]);
        for list in lists {
            body.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
            body.extend(list.bytes());
        }
        body.extend([0; 9]);
        let mut packet = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        packet.extend(body);
        packet
    }

    const LISTS: [&str; 10] = [
        "curve25519-sha256,diffie-hellman-group14-sha256",
        "ssh-ed25519,rsa-sha2-512",
        "aes128-ctr,aes256-gcm@openssh.com",
        "aes256-ctr",
        "hmac-sha2-256",
        "hmac-sha1",
        "none,zlib@openssh.com",
        "none",
        "",
        "",
    ];

    #[test]
    fn banners_and_fingerprints() {
        let client = [b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), kexinit(LISTS)].concat();
        let server = [b"welcome\r\nSSH-2.0-dropbear_2022.83\r\n".to_vec(), kexinit(LISTS)].concat();
        let messages = [
            (Direction::Client, &client[..30]),
            (Direction::Server, &server[..]),
            (Direction::Client, &client[30..]),
        ];
        expect![[r#"
            ssh_handshake  {"bartizan":{"ssh":{"client":"SSH-2.0-OpenSSH_9.6","server":"SSH-2.0-dropbear_2022.83","hassh":"7b3f76e580e44aea1e396d8af55a8228","hassh_server":"ec533e8b63734be039f4747583343cb8","key_exchange":"curve25519-sha256","host_key":"ssh-ed25519","cipher":"aes128-ctr"}}}
        "#]].assert_eq(&feed_about(&SSH, &tcp(22), &messages));
    }

    #[test]
    fn a_banner_alone_is_told_when_the_connection_ends() {
        let messages: [(Direction, &[u8]); 1] = [(Direction::Client, b"SSH-2.0-Go\r\n")];
        expect![[r#"
            ssh_handshake  {"bartizan":{"ssh":{"client":"SSH-2.0-Go"}}}
        "#]]
        .assert_eq(&feed_about(&SSH, &tcp(22), &messages));
    }

    #[test]
    fn no_banner_without_end() {
        let mut ssh = Ssh::default();
        assert_eq!(ssh.client.read(&[b'x'; 600]), None);
        assert_eq!(ssh.server.read(&[b'x'; 5]), Some(0));
    }
}
