//! Telnet (RFC 854): log-ins in clear, recognised by what the server asks.
//!
//! ```text
//! ff fd 18  ff fd 20 …        do: terminal type, speed
//! login: ann
//! Password:                   what follows is not looked at
//! ```

use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const TELNET: Protocol = Protocol {
    name: "telnet",
    over: &[Transport::Tcp],
    ports: &[23, 2323],
    recognises,
    open: |_| Box::new(Telnet::default()),
    bytes_max: 64 * 1024,
    held_max: 8 * 1024,
    events_max: 16,
};

const IAC: u8 = 255;
const SUBNEGOTIATION: u8 = 250;
const SUBNEGOTIATION_END: u8 = 240;
/// Bounds what is kept of the server's last words and of a name.
const TEXT_BYTES_MAX: usize = 128;

fn recognises(first: &First<'_>) -> Verdict {
    let commands = |bytes: &[u8]| matches!(bytes, [IAC, 251..=254, option, ..] if *option <= 50);
    let bytes = if first.server.is_empty() { first.client } else { first.server };
    match bytes {
        _ if commands(first.client) || commands(first.server) => Verdict::Yes,
        [] | [IAC] | [IAC, 251..=254] => Verdict::Maybe,
        _ => Verdict::No,
    }
}

/// What the server wants to hear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asks {
    #[default]
    Nothing,
    User,
    Password,
    /// The password was sent: the next words tell whether it was right.
    Judges,
}

/// One connection.
#[derive(Debug, Default)]
struct Telnet {
    asks: Asks,
    /// The server's last line.
    said: Vec<u8>,
    user: Vec<u8>,
}

impl Dissector for Telnet {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let mut place = 0;
        while let Some(byte) = bytes.get(place) {
            if *byte == IAC {
                let Some(length) = command_length(bytes.get(place..).unwrap_or_default()) else {
                    return Progress::Taken(u64::try_from(place).unwrap_or(0));
                };
                place += length;
                continue;
            }
            place += 1;
            match direction {
                Direction::Client => self.typed(*byte),
                Direction::Server => self.said(*byte, told),
            }
        }
        Progress::Taken(u64::try_from(place).unwrap_or(0))
    }

    fn end(&mut self, told: &mut Told<'_>) {
        if self.asks == Asks::Judges {
            self.tell(None, told);
        }
    }
}

/// Gives the length of the command at the front, or nothing where more is needed.
fn command_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        251..=254 => bytes.get(2).map(|_| 3),
        &SUBNEGOTIATION => {
            let end = memchr::memmem::find(bytes, &[IAC, SUBNEGOTIATION_END]);
            match end {
                Some(end) => Some(end + 2),
                // One without end is no reason to wait for ever.
                None if bytes.len() > 4 * 1024 => Some(bytes.len()),
                None => None,
            }
        }
        _ => Some(2),
    }
}

impl Telnet {
    fn typed(&mut self, byte: u8) {
        match (self.asks, byte) {
            (Asks::User, b'\r' | b'\n') if !self.user.is_empty() => self.asks = Asks::Nothing,
            (Asks::User, 8 | 127) => {
                self.user.pop();
            }
            (Asks::User, 32..=126 | 128..) if self.user.len() < TEXT_BYTES_MAX => {
                self.user.push(byte);
            }
            (Asks::Password, b'\r') => {
                self.asks = Asks::Judges;
                self.said.clear();
            }
            _ => {}
        }
    }

    fn said(&mut self, byte: u8, told: &mut Told<'_>) {
        if byte == b'\n' || byte == b'\r' {
            if self.asks == Asks::Judges && refuses(&self.said) {
                self.tell(Some("failure"), told);
            } else if self.asks == Asks::Judges && welcomes(&self.said) {
                self.tell(Some("success"), told);
            }
            self.said.clear();
            return;
        }
        if self.said.len() < TEXT_BYTES_MAX {
            self.said.push(byte.to_ascii_lowercase());
        }
        // Prompts have no end of line: they are known by their last characters.
        let text = self.said.trim_ascii_end();
        if byte == b':' || byte == b' ' {
            if text.ends_with(b"password:") || text.ends_with(b"passcode:") {
                if self.asks == Asks::Judges {
                    self.tell(Some("failure"), told);
                }
                self.asks = Asks::Password;
            } else if [&b"login:"[..], b"username:", b"user:", b"user name:"]
                .iter()
                .any(|prompt| text.ends_with(prompt))
                && self.asks != Asks::User
                && !text.starts_with(b"last ")
            {
                if self.asks == Asks::Judges {
                    self.tell(Some("failure"), told);
                }
                self.asks = Asks::User;
                self.user.clear();
            }
        } else if self.asks == Asks::Judges && matches!(byte, b'$' | b'#' | b'>' | b'%') {
            self.tell(Some("success"), told);
        }
    }

    fn tell(&mut self, outcome: Option<&'static str>, told: &mut Told<'_>) {
        self.asks = Asks::Nothing;
        told.event(Heading::login("telnet_login", outcome), |line| {
            if !self.user.is_empty() {
                line.object("user", |user| user.text("name", &self.user));
            }
            line.object("bartizan", |ours| ours.flag("cleartext_password", true));
        });
    }
}

fn refuses(line: &[u8]) -> bool {
    [&b"incorrect"[..], b"invalid", b"failed", b"denied", b"fail"]
        .iter()
        .any(|word| memchr::memmem::find(line, word).is_some())
}

fn welcomes(line: &[u8]) -> bool {
    [&b"last login"[..], b"welcome"].iter().any(|word| memchr::memmem::find(line, word).is_some())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, tcp};
    use super::*;

    const C: Direction = Direction::Client;
    const S: Direction = Direction::Server;

    #[test]
    fn log_ins_without_the_password() {
        let told = feed_about(
            &TELNET,
            &tcp(23),
            &[
                (S, b"\xff\xfd\x18\xff\xfd"),
                (S, b"\x20Debian 12\r\nhost login: "),
                (C, b"\xff\xfb\x18\xff\xfa\x18\x00xterm\xff\xf0roox\x7ft\r\n"),
                (S, b"root\r\nPassword: "),
                (C, b"secret\r\n"),
                (S, b"\r\nLogin incorrect\r\nhost login: "),
                (C, b"ann\r\n"),
                (S, b"ann\r\nPassword: "),
                (C, b"secret\r\n"),
                (S, b"\r\nLast login: Mon from secret\r\nann@host:~$ "),
            ],
        );
        assert!(!told.contains("secret"));
        expect![[r#"
            telnet_login failure {"user":{"name":"root"},"bartizan":{"cleartext_password":true}}
            telnet_login success {"user":{"name":"ann"},"bartizan":{"cleartext_password":true}}
        "#]]
        .assert_eq(&told);
    }
}
