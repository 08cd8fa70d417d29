//! RDP before it encrypts ([MS-RDPBCGR]): who connects, and how both will secure it.
//!
//! ```text
//! 03 00 00 2c  27 e0 0000 0000 00  Cookie: mstshash=ann\r\n  01 00 0800 03000000
//! TPKT         X.224 connection request                       asks for TLS or CredSSP
//! ```

use super::shared::bytes::{Bytes, utf16};
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const RDP: Protocol = Protocol {
    name: "rdp",
    over: &[Transport::Tcp],
    ports: &[3389],
    recognises,
    open: |_| Box::new(Rdp::default()),
    bytes_max: 64 * 1024,
    held_max: 16 * 1024,
    events_max: 2,
};

const REQUEST: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
const COOKIE: &[u8] = b"Cookie: mstshash=";
/// Bounds the cookie.
const COOKIE_BYTES_MAX: usize = 128;
/// Bounds a packet.
const PACKET_BYTES_MAX: u16 = 16 * 1024;

/// The security that is asked for, one bit each.
const PROTOCOLS: &[(u32, &str)] =
    &[(1, "tls"), (2, "credssp"), (4, "rdstls"), (8, "credssp_ex"), (16, "aad")];

fn recognises(first: &First<'_>) -> Verdict {
    let is = |at: usize, fits: &dyn Fn(u8) -> bool| first.client.get(at).is_none_or(|b| fits(*b));
    let tpkt =
        is(0, &|byte| byte == 3) && is(1, &|byte| byte == 0) && is(5, &|byte| byte == REQUEST);
    if !tpkt {
        return Verdict::No;
    }
    if first.client.is_empty() {
        return if first.server.is_empty() { Verdict::Maybe } else { Verdict::No };
    }
    let mut bytes = Bytes::new(first.client);
    let length = bytes.skip(2).and_then(|()| bytes.u16()).map(usize::from);
    match length {
        Some(length) if !(11..1024).contains(&length) => Verdict::No,
        Some(length) if first.client.len() >= length => {
            // Other protocols stand on X.224 too; this one asks for its security or sends its cookie.
            let asks = request(first.client.get(4..length).unwrap_or_default());
            let plain = first.port == 3389 && length == 11;
            match asks {
                Some(asks) if !asks.cookie.is_empty() || asks.protocols.is_some() || plain => {
                    Verdict::Yes
                }
                _ => Verdict::No,
            }
        }
        _ => Verdict::Maybe,
    }
}

#[derive(Debug, Default)]
struct Request {
    cookie: Vec<u8>,
    protocols: Option<u32>,
}

/// Reads a connection request, the header of X.224 included.
fn request(bytes: &[u8]) -> Option<Request> {
    let mut rest = Bytes::new(bytes);
    rest.skip(1)?;
    (rest.u8()? == REQUEST).then_some(())?;
    rest.skip(5)?;
    let mut request = Request::default();
    if let Some(after) = rest.rest().strip_prefix(COOKIE) {
        let end = memchr::memchr(b'\n', after).map_or(after.len(), |end| end + 1);
        let line = after.get(..end).unwrap_or_default().trim_ascii_end();
        request.cookie = line.get(..COOKIE_BYTES_MAX).unwrap_or(line).to_vec();
        rest.skip(COOKIE.len() + end)?;
    } else if rest.rest().starts_with(b"Cookie: msts=")
        && let Some(end) = memchr::memchr(b'\n', rest.rest())
    {
        rest.skip(end + 1)?;
    }
    if rest.u8() == Some(1) {
        rest.skip(1)?;
        (rest.le16()? == 8).then_some(())?;
        request.protocols = Some(rest.le32()?);
    }
    Some(request)
}

/// One connection.
#[derive(Debug, Default)]
struct Rdp {
    request: Request,
    /// What the server chose; nothing where it knows no other security than its own old one.
    selected: Option<u32>,
    failure: Option<u32>,
    confirmed: bool,
    told: bool,
}

impl Dissector for Rdp {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let mut taken = 0_usize;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let mut packet = Bytes::new(rest);
            let (version, length) = (packet.u8(), packet.skip(1).and_then(|()| packet.u16()));
            let Some(length) = length else {
                return Progress::Taken(u64::try_from(taken).unwrap_or(0));
            };
            if version != Some(3) || !(7..PACKET_BYTES_MAX).contains(&length) {
                self.tell(None, told);
                return Progress::Done;
            }
            let Some(body) = rest.get(4..usize::from(length)) else {
                return Progress::Taken(u64::try_from(taken).unwrap_or(0));
            };
            taken += usize::from(length);
            match (direction, body.get(1)) {
                (Direction::Client, Some(&REQUEST)) => {
                    self.request = request(body).unwrap_or_default();
                }
                (Direction::Server, Some(&CONFIRM)) => {
                    self.confirm(body);
                    if self.failure.is_some() {
                        self.tell(None, told);
                        return Progress::Done;
                    }
                    if self.selected.is_some_and(|selected| selected != 0) {
                        self.tell(None, told);
                        return Progress::Become(u64::try_from(taken).unwrap_or(0), "tls");
                    }
                }
                (Direction::Client, _) if self.confirmed => {
                    self.tell(Core::find(body), told);
                    return Progress::Done;
                }
                _ => {}
            }
        }
    }

    fn gap(&mut self, _: Direction, told: &mut Told<'_>) -> Progress {
        self.tell(None, told);
        Progress::Done
    }

    fn end(&mut self, told: &mut Told<'_>) {
        self.tell(None, told);
    }
}

impl Rdp {
    fn confirm(&mut self, body: &[u8]) {
        self.confirmed = true;
        let mut rest = Bytes::new(body);
        let answer = rest.skip(7).and_then(|()| rest.u8());
        let value = rest.skip(3).and_then(|()| rest.le32());
        match answer {
            Some(2) => self.selected = value,
            Some(3) => self.failure = value,
            _ => {}
        }
    }

    fn tell(&mut self, core: Option<Core>, told: &mut Told<'_>) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let outcome = match (self.confirmed, self.failure) {
            (_, Some(_)) => Some("failure"),
            (true, None) => Some("success"),
            (false, None) => None,
        };
        let heading = Heading { outcome, ..Heading::of("rdp_connection") };
        told.event(heading, |line| {
            line.object("rdp", |rdp| {
                rdp.text_some("cookie", Some(&self.request.cookie));
                if let Some(asked) = self.request.protocols {
                    let list: Vec<&str> = PROTOCOLS
                        .iter()
                        .filter(|(bit, _)| asked & bit != 0)
                        .map(|(_, name)| *name)
                        .collect();
                    rdp.words("requested_protocols", &list);
                }
                if self.confirmed && self.failure.is_none() {
                    let chosen = self.selected.unwrap_or(0);
                    let name = PROTOCOLS.iter().find(|(bit, _)| *bit == chosen);
                    rdp.word("selected_protocol", name.map_or("standard", |(_, name)| name));
                }
                if let Some(code) = self.failure {
                    rdp.number("failure_code", code);
                }
                if let Some(core) = &core {
                    rdp.text_some("client_name", Some(&core.name));
                    rdp.number("client_build", core.build);
                    rdp.number("keyboard_layout", core.keyboard);
                }
            });
        });
    }
}

/// What the client says of its machine, in clear only under the old security.
#[derive(Debug)]
struct Core {
    name: String,
    build: u32,
    keyboard: u32,
}

impl Core {
    /// Finds the block CS_CORE in the connect message.
    fn find(body: &[u8]) -> Option<Self> {
        // GCC's key of the client's data ("Duca") comes before the blocks.
        let start = memchr::memmem::find(body, b"Duca")?;
        let blocks = body.get(start..)?;
        let at = memchr::memmem::find(blocks, &[0x01, 0xc0])?;
        let mut rest = Bytes::new(blocks.get(at..)?);
        rest.skip(16)?;
        let keyboard = rest.le32()?;
        let build = rest.le32()?;
        let name = utf16(rest.take(32)?);
        let name = name.split('\0').next().unwrap_or_default().to_owned();
        Some(Self { name, build, keyboard })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, tcp, unhex};
    use super::*;

    fn asking() -> Vec<u8> {
        let mut bytes = unhex("0300 0029 24 e0 0000 0000 00");
        bytes.extend(b"Cookie: mstshash=ann\r\n");
        bytes.extend(unhex("01 00 0800 03000000"));
        assert_eq!(bytes.len(), 0x29);
        bytes
    }

    #[test]
    fn a_cookie_and_what_was_agreed() {
        let confirm = unhex("0300 0013 0e d0 0000 1234 00 02 00 0800 02000000");
        let refuse = unhex("0300 0013 0e d0 0000 1234 00 03 00 0800 05000000");
        let asking = asking();
        let ask = |answer: &[u8]| {
            feed_about(
                &RDP,
                &tcp(3389),
                &[
                    (Direction::Client, &asking[..20]),
                    (Direction::Client, &asking[20..]),
                    (Direction::Server, answer),
                ],
            )
        };
        expect![[r#"
            rdp_connection success {"rdp":{"cookie":"ann","requested_protocols":["tls","credssp"],"selected_protocol":"credssp"}}
            rdp_connection failure {"rdp":{"cookie":"ann","requested_protocols":["tls","credssp"],"failure_code":5}}
        "#]].assert_eq(&format!("{}{}", ask(&confirm), ask(&refuse)));
    }

    #[test]
    fn other_protocols_on_the_same_ground() {
        let ask = |client: &[u8]| {
            (RDP.recognises)(&First {
                client,
                server: &[],
                port: 102,
                client_port: 1,
                transport: Transport::Tcp,
            })
        };
        assert_eq!(ask(&asking()), Verdict::Yes);
        assert_eq!(ask(&asking()[..20]), Verdict::Maybe);
        assert_eq!(
            ask(&unhex("0300 0016 11 e0 0000 0001 00 c0010a c1020100 c2020102")),
            Verdict::No
        );
    }
}
