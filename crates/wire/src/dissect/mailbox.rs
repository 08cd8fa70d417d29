//! POP3 (RFC 1939) and IMAP (RFC 9051) in clear: who logs in, and whether the password went by.

use super::shared::lines::{self, Next};
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// POP3.
pub(super) const POP3: Protocol = Protocol {
    name: "pop3",
    over: &[Transport::Tcp],
    ports: &[110],
    recognises: |first| {
        let known =
            |word: &str| matches!(word, "USER" | "CAPA" | "APOP" | "AUTH" | "STLS" | "QUIT");
        greeted(first, b"+OK", &|line| lines::command(line).is_some_and(|(word, _)| known(&word)))
    },
    open: |_| Box::new(Mailbox { imap: false, ..Mailbox::default() }),
    bytes_max: 256 * 1024,
    held_max: 8 * 1024,
    events_max: 64,
};

/// IMAP.
pub(super) const IMAP: Protocol = Protocol {
    name: "imap",
    over: &[Transport::Tcp],
    ports: &[143],
    recognises: |first| {
        greeted(first, b"* OK", &|line| {
            let word =
                tagged(line).and_then(|(_, rest)| lines::command(rest)).map(|(word, _)| word);
            matches!(
                word.as_deref(),
                Some(
                    "CAPABILITY" | "LOGIN" | "AUTHENTICATE" | "STARTTLS" | "ID" | "NOOP" | "LOGOUT"
                )
            )
        })
    },
    open: |_| Box::new(Mailbox { imap: true, ..Mailbox::default() }),
    ..POP3
};

/// Bounds a name.
const NAME_BYTES_MAX: usize = 256;
/// Bounds a tag (they are a few letters).
const TAG_BYTES_MAX: usize = 32;

/// The server greets in these words, and the client says what fits.
fn greeted(first: &First<'_>, greeting: &[u8], fits: &dyn Fn(&[u8]) -> bool) -> Verdict {
    let server = first.server;
    if !server.starts_with(greeting) && !greeting.starts_with(server) {
        return Verdict::No;
    }
    let line = memchr::memchr(b'\n', first.client).and_then(|end| first.client.get(..end));
    match line.map(|line| fits(line.trim_ascii_end())) {
        Some(true) if server.len() > greeting.len() => Verdict::Yes,
        Some(false) => Verdict::No,
        _ => Verdict::Maybe,
    }
}

/// One connection.
#[derive(Debug, Default)]
struct Mailbox {
    imap: bool,
    user: Vec<u8>,
    /// What the answer to the log-in begins with: the tag of IMAP, nothing for POP3.
    waiting: Option<Vec<u8>>,
    starts_tls: Option<Vec<u8>>,
    /// A password is on the client's next line, which is not looked at.
    secret_next: bool,
    clear: bool,
}

impl Dissector for Mailbox {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let (mut done, mut secured) = (false, false);
        let read = lines::each(bytes, |line| {
            match direction {
                Direction::Client => self.command(line),
                Direction::Server => (done, secured) = self.answer(line, told),
            }
            if done || secured { Next::Stop } else { Next::Line }
        });
        match (done, secured) {
            (true, _) => Progress::Done,
            (_, true) => Progress::Become(read.taken, "tls"),
            _ => Progress::Taken(read.taken),
        }
    }
}

impl Mailbox {
    fn command(&mut self, line: &[u8]) {
        if std::mem::take(&mut self.secret_next) {
            return;
        }
        let parts = if self.imap { tagged(line) } else { Some((&b""[..], line)) };
        let Some((tag, line)) = parts else { return };
        let Some((word, argument)) = lines::command(line) else { return };
        match (self.imap, word.as_str()) {
            (false, "USER") => self.user = cut(argument),
            (false, "PASS") => self.logs_in(tag, true),
            (false, "APOP") => {
                self.user = cut(argument.split(|byte| *byte == b' ').next().unwrap_or_default());
                self.logs_in(tag, false);
            }
            (false, "STLS") | (true, "STARTTLS") => self.starts_tls = Some(tag.to_vec()),
            (true, "LOGIN") => {
                self.user = cut(&first_string(argument));
                self.logs_in(tag, true);
            }
            (false, "AUTH") | (true, "AUTHENTICATE") => {
                let (mechanism, _) = lines::command(argument).unwrap_or_default();
                self.secret_next = true;
                self.logs_in(tag, matches!(mechanism.as_str(), "PLAIN" | "LOGIN"));
            }
            _ => {}
        }
    }

    fn logs_in(&mut self, tag: &[u8], clear: bool) {
        self.waiting = Some(tag.to_vec());
        self.clear = clear;
    }

    /// Reads an answer; tells whether nothing more is wanted, and whether TLS begins behind it.
    fn answer(&mut self, line: &[u8], told: &mut Told<'_>) -> (bool, bool) {
        let (tag, rest) =
            if self.imap { tagged(line).unwrap_or_default() } else { (&b""[..], line) };
        let good = if self.imap { rest.starts_with(b"OK") } else { rest.starts_with(b"+OK") };
        let bad = if self.imap {
            rest.starts_with(b"NO") || rest.starts_with(b"BAD")
        } else {
            rest.starts_with(b"-ERR")
        };
        if self.starts_tls.as_deref() == Some(tag) && (good || bad) {
            self.starts_tls = None;
            return (false, good);
        }
        if self.waiting.as_deref() != Some(tag) || !(good || bad) {
            return (false, false);
        }
        self.waiting = None;
        let outcome = Some(if good { "success" } else { "failure" });
        told.event(Heading::login("mail_login", outcome), |event| {
            if !self.user.is_empty() {
                event.object("user", |user| user.text("name", &self.user));
            }
            event.object("bartizan", |ours| ours.flag("cleartext_password", self.clear));
        });
        // What comes after a log-in are people's mails.
        (good, false)
    }
}

fn cut(name: &[u8]) -> Vec<u8> {
    name.get(..NAME_BYTES_MAX).unwrap_or(name).to_vec()
}

fn tagged(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memchr(b' ', line).filter(|at| (1..=TAG_BYTES_MAX).contains(at))?;
    let (tag, rest) = line.split_at_checked(space)?;
    Some((tag, rest.get(1..)?))
}

/// Gives the first of two strings, in quotes or not.
fn first_string(text: &[u8]) -> Vec<u8> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        return text.split(|byte| *byte == b' ').next().unwrap_or_default().to_vec();
    };
    let mut name = Vec::new();
    let mut escaped = false;
    for byte in quoted.iter().take(NAME_BYTES_MAX) {
        match byte {
            b'\\' if !escaped => escaped = true,
            b'"' if !escaped => break,
            _ => {
                escaped = false;
                name.push(*byte);
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, tcp};
    use super::*;

    const C: Direction = Direction::Client;
    const S: Direction = Direction::Server;

    #[test]
    fn pop3() {
        let told = feed_about(
            &POP3,
            &tcp(110),
            &[
                (S, b"+OK ready\r\n"),
                (C, b"USER ann\r\n"),
                (S, b"+OK\r\n"),
                (C, b"PASS secret\r\n"),
                (S, b"-ERR no\r\n"),
                (C, b"USER bob\r\n"),
                (S, b"+OK\r\n"),
                (C, b"PASS secret\r\n"),
                (S, b"+OK 3 messages\r\n"),
            ],
        );
        assert!(!told.contains("secret"));
        expect![[r#"
            mail_login failure {"user":{"name":"ann"},"bartizan":{"cleartext_password":true}}
            mail_login success {"user":{"name":"bob"},"bartizan":{"cleartext_password":true}}
        "#]]
        .assert_eq(&told);
    }

    #[test]
    fn imap() {
        let told = feed_about(
            &IMAP,
            &tcp(143),
            &[
                (S, b"* OK ready\r\n"),
                (C, b"a1 CAPABILITY\r\na2 LOGIN \"an\\\"n\" secret\r\n"),
                (S, b"* CAPABILITY IMAP4rev1\r\na1 OK done\r\na2 OK in\r\n"),
            ],
        );
        assert!(!told.contains("secret"));
        expect![[r#"
            mail_login success {"user":{"name":"an\"n"},"bartizan":{"cleartext_password":true}}
        "#]]
        .assert_eq(&told);
    }
}
