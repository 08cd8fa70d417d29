//! SMTP (RFC 5321): who greets, who mails whom, who logs in.
//!
//! ```text
//! EHLO client.example.org
//! AUTH PLAIN AGFubgBzZWNyZXQ=     the user is told, the password is let go
//! MAIL FROM:<ann@example.org>
//! RCPT TO:<bob@example.net>
//! DATA
//! ```

use base64::Engine;

use super::shared::lines::{self, Next};
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const SMTP: Protocol = Protocol {
    name: "smtp",
    over: &[Transport::Tcp],
    ports: &[25, 587, 465, 2525],
    recognises,
    open: |_| Box::new(Smtp::default()),
    bytes_max: 64 * 1024 * 1024,
    held_max: 16 * 1024,
    events_max: 10_000,
};

/// Bounds the recipients of one message that are told.
const RECIPIENTS_MAX: usize = 32;
/// Bounds an address, a name or a subject.
const TEXT_BYTES_MAX: usize = 512;
/// Bounds the name of a mechanism (RFC 4422).
const MECHANISM_BYTES_MAX: usize = 20;
/// Bounds an answer to a challenge that is decoded.
const TOKEN_BYTES_MAX: usize = 2048;

fn recognises(first: &First<'_>) -> Verdict {
    let word = first
        .client
        .split(|byte| *byte == b'\n')
        .next()
        .and_then(|line| lines::command(line.trim_ascii_end()));
    let whole = memchr::memchr(b'\n', first.client).is_some();
    let greets =
        matches!(word.as_ref().map(|(word, _)| word.as_str()), Some("EHLO" | "HELO" | "LHLO"));
    let prompted = first.server.starts_with(b"220 ")
        || first.server.starts_with(b"220-")
        || first.server.starts_with(b"554 ");
    let possible = prompted
        || (first.server.len() < 4
            && b"220".starts_with(first.server.get(..3).unwrap_or(first.server)));
    if !possible || (whole && !greets && !prompted) {
        return Verdict::No;
    }
    if whole && greets {
        return Verdict::Yes;
    }
    let named = first.server.windows(4).any(|word| word.eq_ignore_ascii_case(b"smtp"));
    match (prompted && named, whole) {
        (true, _) => Verdict::Yes,
        // It says something else than a greeting: another protocol with a greeting alike.
        (false, true) => Verdict::No,
        (false, false) => Verdict::Maybe,
    }
}

/// What the client's next line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expects {
    #[default]
    Command,
    /// The token of PLAIN.
    Plain,
    /// The user of LOGIN.
    User,
    /// A password, or another answer that is let go.
    Secret,
    /// A message's head, to its empty line.
    Head,
    /// The rest of a message, to its lone dot.
    Body,
}

/// One connection.
#[derive(Debug, Default)]
struct Smtp {
    helo: Vec<u8>,
    from: Vec<u8>,
    recipients: Vec<Vec<u8>>,
    recipients_count: u64,
    subject: Vec<u8>,
    expects: Expects,
    user: Vec<u8>,
    mechanism: String,
    /// A log-in waits for its outcome.
    logs_in: bool,
    asked_for_tls: bool,
    /// DATA was sent and not yet answered.
    asked_for_data: bool,
    /// Messages that were sent and wait for their answer.
    sent: u32,
}

impl Dissector for Smtp {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let mut secured = false;
        let read = lines::each(bytes, |line| {
            match direction {
                Direction::Client => self.line(line),
                Direction::Server => secured = self.answer(line, told),
            }
            if secured { Next::Stop } else { Next::Line }
        });
        if secured { Progress::Become(read.taken, "tls") } else { Progress::Taken(read.taken) }
    }

    fn gap(&mut self, direction: Direction, told: &mut Told<'_>) -> Progress {
        // Most of what goes by is the text of messages, where a gap does no harm.
        if direction == Direction::Client && self.expects == Expects::Body {
            return Progress::Taken(0);
        }
        self.end(told);
        Progress::Done
    }

    fn held(&self) -> usize {
        self.recipients.iter().map(Vec::capacity).sum()
    }

    fn end(&mut self, told: &mut Told<'_>) {
        if !self.from.is_empty() || !self.recipients.is_empty() {
            self.mail(None, told);
        }
    }
}

impl Smtp {
    fn line(&mut self, line: &[u8]) {
        match self.expects {
            Expects::Command => self.command(line),
            Expects::Plain => {
                self.plain(line);
                self.expects = Expects::Command;
            }
            Expects::User => {
                self.user = decoded(line).unwrap_or_default();
                self.expects = Expects::Secret;
            }
            Expects::Secret => self.expects = Expects::Command,
            Expects::Head | Expects::Body if line == b"." => {
                self.expects = Expects::Command;
                self.sent = self.sent.saturating_add(1);
            }
            Expects::Head => self.head(line),
            Expects::Body => {}
        }
    }

    fn command(&mut self, line: &[u8]) {
        let Some((word, argument)) = lines::command(line) else { return };
        match word.as_str() {
            "EHLO" | "HELO" | "LHLO" => self.helo = cut(argument).to_vec(),
            "MAIL" => self.from = address(argument),
            "RCPT" => {
                self.recipients_count += 1;
                if self.recipients.len() < RECIPIENTS_MAX {
                    self.recipients.push(address(argument));
                }
            }
            "DATA" => {
                self.asked_for_data = true;
                self.expects = Expects::Head;
            }
            "STARTTLS" => self.asked_for_tls = true,
            "AUTH" => self.authenticate(argument),
            "RSET" => self.forget(),
            _ => {}
        }
    }

    fn authenticate(&mut self, argument: &[u8]) {
        let space = memchr::memchr(b' ', argument).unwrap_or(argument.len());
        let (mechanism, token) = argument.split_at_checked(space).unwrap_or_default();
        let mechanism = mechanism.get(..MECHANISM_BYTES_MAX).unwrap_or(mechanism);
        let mechanism = String::from_utf8_lossy(mechanism).to_ascii_uppercase();
        let token = token.trim_ascii();
        self.logs_in = true;
        self.user = Vec::new();
        match mechanism.as_str() {
            "PLAIN" if token.is_empty() => self.expects = Expects::Plain,
            "PLAIN" => self.plain(token),
            "LOGIN" if token.is_empty() => self.expects = Expects::User,
            "LOGIN" => {
                self.user = decoded(token).unwrap_or_default();
                self.expects = Expects::Secret;
            }
            _ => self.expects = Expects::Secret,
        }
        self.mechanism = mechanism;
    }

    /// Reads `authorise NUL user NUL password` as far as the user.
    fn plain(&mut self, token: &[u8]) {
        let decoded = decode(token).unwrap_or_default();
        let user = decoded.split(|byte| *byte == 0).nth(1).unwrap_or_default();
        self.user = cut(user).to_vec();
    }

    fn head(&mut self, line: &[u8]) {
        if line.is_empty() {
            self.expects = Expects::Body;
        } else if self.subject.is_empty()
            && let Some((name, value)) = line.split_at_checked(8)
            && name.eq_ignore_ascii_case(b"subject:")
        {
            self.subject = cut(value.trim_ascii()).to_vec();
        }
    }

    /// Reads an answer; tells whether TLS begins behind it.
    fn answer(&mut self, line: &[u8], told: &mut Told<'_>) -> bool {
        let Some((code, true)) = lines::reply(line) else { return false };
        if std::mem::take(&mut self.asked_for_tls) && code == 220 {
            return true;
        }
        // Other good news is about what was said before.
        if self.logs_in && (code == 235 || code >= 400) {
            self.logs_in = false;
            self.expects = Expects::Command;
            self.login(code, told);
        } else if self.asked_for_data && code >= 400 {
            self.asked_for_data = false;
            self.expects = Expects::Command;
            self.mail(Some(code), told);
        } else if self.sent > 0 && code != 354 {
            self.sent -= 1;
            self.mail(Some(code), told);
        } else if code == 354 {
            self.asked_for_data = false;
        }
        false
    }

    fn login(&mut self, code: u16, told: &mut Told<'_>) {
        let outcome = if code < 300 { "success" } else { "failure" };
        told.event(Heading::login("mail_login", Some(outcome)), |line| {
            line.object("user", |user| user.text("name", &self.user));
            let clear = matches!(self.mechanism.as_str(), "PLAIN" | "LOGIN");
            line.object("bartizan", |ours| {
                ours.flag("cleartext_password", clear);
                ours.object("smtp", |smtp| {
                    smtp.text_some("helo", Some(&self.helo));
                    smtp.text("mechanism", &self.mechanism);
                    smtp.number("code", code);
                });
            });
        });
    }

    fn mail(&mut self, code: Option<u16>, told: &mut Told<'_>) {
        let outcome = code.map(|code| if code < 300 { "success" } else { "failure" });
        let heading =
            Heading { outcome, category: &["email", "network"], ..Heading::of("mail_sent") };
        told.event(heading, |line| {
            line.object("email", |email| {
                email.object("from", |from| from.text("address", &self.from));
                email.object("to", |to| to.texts("address", &self.recipients));
                email.text_some("subject", Some(&self.subject));
            });
            line.object("bartizan", |ours| {
                ours.object("smtp", |smtp| {
                    smtp.text_some("helo", Some(&self.helo));
                    smtp.number("recipients", self.recipients_count);
                    if let Some(code) = code {
                        smtp.number("code", code);
                    }
                });
            });
        });
        self.forget();
    }

    fn forget(&mut self) {
        self.from = Vec::new();
        self.recipients = Vec::new();
        self.recipients_count = 0;
        self.subject = Vec::new();
    }
}

fn cut(text: &[u8]) -> &[u8] {
    text.get(..TEXT_BYTES_MAX).unwrap_or(text)
}

/// Gives the address of `FROM:<ann@example.org> SIZE=1`.
fn address(argument: &[u8]) -> Vec<u8> {
    let text = memchr::memchr(b':', argument).and_then(|at| argument.get(at + 1..));
    let text = text.unwrap_or(argument).trim_ascii_start();
    let address = match text.strip_prefix(b"<") {
        Some(rest) => rest.split(|byte| *byte == b'>').next(),
        None => text.split(|byte| *byte == b' ').next(),
    };
    cut(address.unwrap_or_default()).to_vec()
}

fn decode(token: &[u8]) -> Option<Vec<u8>> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    base64::engine::general_purpose::STANDARD.decode(token.trim_ascii()).ok()
}

fn decoded(token: &[u8]) -> Option<Vec<u8>> {
    decode(token).map(|text| cut(&text).to_vec())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, tcp};
    use super::*;

    const C: Direction = Direction::Client;
    const S: Direction = Direction::Server;

    #[test]
    fn a_message_and_its_envelope() {
        let told = feed_about(
            &SMTP,
            &tcp(25),
            &[
                (S, b"220 mail.example.net ESMTP\r\n"),
                (C, b"EHLO client.example.org\r\n"),
                (S, b"250-mail\r\n250 AUTH PLAIN LOGIN\r\n"),
                (C, b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"),
                (S, b"235 in\r\n"),
                (C, b"MAIL FROM:<ann@example.org> SIZE=10\r\nRCPT TO:<bob@example.net>\r\n"),
                (C, b"RCPT TO: eve@example.net\r\nDATA\r\n"),
                (S, b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                (C, b"Subject: hello\r\n\r\nMAIL FROM:<not@a.command>\r\n..\r\n.\r\nQUIT\r\n"),
                (S, b"250 queued\r\n221 bye\r\n"),
            ],
        );
        expect![[r#"
            mail_login success {"user":{"name":"ann"},"bartizan":{"cleartext_password":true,"smtp":{"helo":"client.example.org","mechanism":"PLAIN","code":235}}}
            mail_sent success {"email":{"from":{"address":"ann@example.org"},"to":{"address":["bob@example.net","eve@example.net"]},"subject":"hello"},"bartizan":{"smtp":{"helo":"client.example.org","recipients":2,"code":250}}}
        "#]].assert_eq(&told);
    }

    #[test]
    fn log_ins_without_the_password() {
        let told = feed_about(
            &SMTP,
            &tcp(25),
            &[
                (C, b"EHLO a\r\nAUTH LOGIN\r\n"),
                (S, b"250 ok\r\n334 VXNlcm5hbWU6\r\n"),
                (C, b"YW5u\r\n"),
                (S, b"334 UGFzc3dvcmQ6\r\n"),
                (C, b"c2VjcmV0\r\n"),
                (S, b"535 no\r\n"),
                (C, b"AUTH CRAM-MD5\r\n"),
                (S, b"334 PDE+\r\n"),
                (C, b"c2VjcmV0\r\n"),
                (S, b"235 in\r\n"),
            ],
        );
        assert!(!told.contains("c2Vj") && !told.contains("secret"));
        expect![[r#"
            mail_login failure {"user":{"name":"ann"},"bartizan":{"cleartext_password":true,"smtp":{"helo":"a","mechanism":"LOGIN","code":535}}}
            mail_login success {"user":{"name":""},"bartizan":{"cleartext_password":false,"smtp":{"helo":"a","mechanism":"CRAM-MD5","code":235}}}
        "#]].assert_eq(&told);
    }

    #[test]
    fn after_starttls_the_stream_is_tls() {
        let mut smtp = Smtp::default();
        smtp.command(b"STARTTLS");
        let about = tcp(25);
        let mut lines = crate::json::Lines::default();
        let mut told = Told::new(&mut lines, &about, "smtp", 9);
        assert_eq!(smtp.feed(S, b"220 go\r\n\x16", &mut told), Progress::Become(8, "tls"));
    }
}
