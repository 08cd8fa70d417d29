//! What Postfix answers to a command.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bounds a line; Postfix bounds it alike.
pub(super) const LINE_BYTES_MAX: usize = 2_048;
/// Faults after which Postfix hangs up.
const FAULTS_MAX: u32 = 20;
/// Bounds the recipients of a letter that are remembered; Postfix takes a thousand.
const RECIPIENTS_MAX: usize = 100;
/// Bounds one address.
const ADDRESS_BYTES_MAX: usize = 320;

/// What is to be done after a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing more than the answer.
    Nothing,
    /// The answer waits for a look at who this is.
    LogIn { user: String, password: String },
    /// The letter comes now, up to a line with one dot.
    Letter,
    /// So many bytes of the letter come now (`BDAT`).
    Piece { bytes: u64, last: bool },
    /// TLS begins after the answer.
    Tls,
    /// Hang up.
    Close,
}

/// An answer, and what the line was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) reply: String,
    pub(super) next: Next,
    pub(super) worked: bool,
    /// Whether somebody wanted a letter carried to where this server does not belong.
    pub(super) relay: bool,
}

/// A letter before its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) from: String,
    pub(super) to: Vec<String>,
}

/// What the server is.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Such as `mail.example.net`.
    pub(super) host: String,
    pub(super) domain: String,
    /// What stands in brackets behind the name: `Debian/GNU`, `Ubuntu`.
    pub(super) system: String,
    pub(super) users: Vec<String>,
}

impl Facts {
    /// What it says first, without its number.
    pub(super) fn greeting(&self) -> String {
        match self.system.as_str() {
            "" => format!("{} ESMTP Postfix", self.host),
            system => format!("{} ESMTP Postfix ({system})", self.host),
        }
    }
}

/// Which part of a log-in is awaited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    Plain,
    User,
    Password(String),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Machine {
    facts: Facts,
    /// How the client calls itself.
    hello: Option<String>,
    is_tls: bool,
    admitted: bool,
    asked: Asked,
    envelope: Option<Envelope>,
    faults: u32,
    letters: u64,
}

impl Machine {
    pub(super) fn new(facts: Facts, is_tls: bool) -> Self {
        Self {
            facts,
            hello: None,
            is_tls,
            admitted: false,
            asked: Asked::Nothing,
            envelope: None,
            faults: 0,
            letters: 0,
        }
    }

    /// Whether a letter has a sender and waits for its text.
    pub(super) fn is_under_way(&self) -> bool {
        self.envelope.is_some()
    }

    pub(super) fn hello(&self) -> Option<&str> {
        self.hello.as_deref()
    }

    /// Whether the next line is a part of a log-in, which is no command to be told.
    pub(super) fn awaits_credentials(&self) -> bool {
        self.asked != Asked::Nothing
    }

    /// TLS is on: what was said before is forgotten (RFC 3207, section 4.2).
    pub(super) fn secured(&mut self) {
        self.is_tls = true;
        self.hello = None;
        self.envelope = None;
        self.asked = Asked::Nothing;
    }

    /// Answers one line.
    pub(super) fn answer(&mut self, line: &str) -> Turn {
        let turn = match std::mem::take(&mut self.asked) {
            Asked::Nothing => self.command(line),
            asked => self.credentials(asked, line),
        };
        if turn.worked {
            return turn;
        }
        self.faults += 1;
        if self.faults >= FAULTS_MAX && turn.next == Next::Nothing {
            let reply = format!("421 4.7.0 {} Error: too many errors", self.facts.host);
            return Turn { next: Next::Close, relay: turn.relay, ..refused(reply) };
        }
        turn
    }

    fn command(&mut self, line: &str) -> Turn {
        let (name, words) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
        match name.to_ascii_uppercase().as_str() {
            "HELO" | "EHLO" if words.is_empty() => {
                refused(format!("501 Syntax: {} hostname", name.to_ascii_uppercase()))
            }
            "HELO" => {
                self.greeted(words);
                said(format!("250 {}", self.facts.host))
            }
            "EHLO" => {
                self.greeted(words);
                said(self.capabilities())
            }
            "STARTTLS" if self.is_tls => refused("554 5.5.1 Error: TLS already active"),
            "STARTTLS" if !words.is_empty() => {
                refused("501 5.5.4 Syntax: STARTTLS (no parameters allowed)")
            }
            "STARTTLS" => Turn { next: Next::Tls, ..said("220 2.0.0 Ready to start TLS") },
            "AUTH" => self.auth(words),
            "MAIL" => self.mail(words),
            "RCPT" => self.recipient(words),
            "DATA" => match &self.envelope {
                Some(envelope) if !envelope.to.is_empty() => {
                    Turn { next: Next::Letter, ..said("354 End data with <CR><LF>.<CR><LF>") }
                }
                Some(_) => refused("554 5.5.1 Error: no valid recipients"),
                None => refused("503 5.5.1 Error: need RCPT command"),
            },
            "BDAT" => self.piece(words),
            "RSET" => {
                self.envelope = None;
                said("250 2.0.0 Ok")
            }
            "NOOP" => said("250 2.0.0 Ok"),
            "QUIT" => Turn { next: Next::Close, ..said("221 2.0.0 Bye") },
            "VRFY" if words.is_empty() => refused("501 5.5.4 Syntax: VRFY address"),
            "VRFY" if self.is_local(words) => said(format!("252 2.0.0 {words}")),
            "VRFY" => refused(format!(
                "550 5.1.1 <{words}>: Recipient address rejected: User unknown in local recipient table"
            )),
            "ETRN" => refused("554 5.7.1 <unknown>: Etrn command rejected: Access denied"),
            // A browser was sent here.
            "GET" | "POST" | "CONNECT" => Turn {
                next: Next::Close,
                ..refused("221 2.7.0 Error: I can break rules, too. Goodbye.")
            },
            _ => refused("502 5.5.2 Error: command not recognized"),
        }
    }

    fn greeted(&mut self, words: &str) {
        self.hello = Some(words.chars().take(255).collect());
        self.envelope = None;
    }

    fn capabilities(&self) -> String {
        let mut text = format!(
            "250-{}\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n",
            self.facts.host
        );
        if !self.is_tls {
            text.push_str("250-STARTTLS\r\n");
        }
        text.push_str(
            "250-AUTH PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n\
             250 CHUNKING",
        );
        text
    }

    fn auth(&mut self, words: &str) -> Turn {
        if self.hello.is_none() {
            return refused("503 5.5.1 Error: send HELO/EHLO first");
        }
        if self.admitted {
            return refused("503 5.5.1 Error: already authenticated");
        }
        let (how, first) = words.split_once(' ').unwrap_or((words, ""));
        match (how.to_ascii_uppercase().as_str(), first) {
            ("PLAIN", "") => {
                self.asked = Asked::Plain;
                said("334 ")
            }
            ("PLAIN", first) => self.credentials(Asked::Plain, first),
            ("LOGIN", "") => {
                self.asked = Asked::User;
                said("334 VXNlcm5hbWU6")
            }
            ("LOGIN", first) => self.credentials(Asked::User, first),
            ("", _) => refused("501 5.5.4 Syntax: AUTH mechanism"),
            _ => {
                refused("535 5.7.8 Error: authentication failed: Invalid authentication mechanism")
            }
        }
    }

    fn credentials(&mut self, asked: Asked, line: &str) -> Turn {
        let line = line.trim();
        if line == "*" {
            return refused("501 5.7.0 Authentication aborted");
        }
        let Ok(bytes) = STANDARD.decode(line) else {
            return refused(
                "535 5.7.8 Error: authentication failed: Invalid base64 data in continued response",
            );
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match asked {
            Asked::User => {
                self.asked = Asked::Password(text);
                said("334 UGFzc3dvcmQ6")
            }
            Asked::Password(user) => log_in(user, text),
            Asked::Plain | Asked::Nothing => {
                let mut parts = text.splitn(3, '\0');
                let (_, user, password) = (parts.next(), parts.next(), parts.next());
                log_in(user.unwrap_or_default().to_owned(), password.unwrap_or_default().to_owned())
            }
        }
    }

    /// What is said after somebody was let in or not.
    pub(super) fn logged_in(&mut self, admitted: bool) -> Turn {
        self.admitted = admitted;
        if admitted {
            return said("235 2.7.0 Authentication successful");
        }
        self.faults += 1;
        let reply = "535 5.7.8 Error: authentication failed: authentication failure";
        let next = if self.faults >= FAULTS_MAX { Next::Close } else { Next::Nothing };
        Turn { next, ..refused(reply) }
    }

    fn mail(&mut self, words: &str) -> Turn {
        if self.hello.is_none() {
            return refused("503 5.5.1 Error: send HELO/EHLO first");
        }
        if self.envelope.is_some() {
            return refused("503 5.5.1 Error: nested MAIL command");
        }
        match address(words, "from:") {
            Some(from) => {
                self.envelope = Some(Envelope { from, to: Vec::new() });
                said("250 2.1.0 Ok")
            }
            None => refused("501 5.5.4 Syntax: MAIL FROM:<address>"),
        }
    }

    fn recipient(&mut self, words: &str) -> Turn {
        let local = address(words, "to:").map(|to| (self.is_local(&to), self.is_ours(&to), to));
        let Some(envelope) = &mut self.envelope else {
            return refused("503 5.5.1 Error: need MAIL command");
        };
        match local {
            None => refused("501 5.5.4 Syntax: RCPT TO:<address>"),
            Some(_) if envelope.to.len() >= RECIPIENTS_MAX => {
                refused("452 4.5.3 Error: too many recipients")
            }
            // Who logged in may send anywhere, or so it seems: nothing leaves.
            Some((is_local, is_ours, to)) if is_local || (self.admitted && !is_ours) => {
                envelope.to.push(to);
                Turn { relay: !is_ours, ..said("250 2.1.5 Ok") }
            }
            Some((_, true, to)) => refused(format!(
                "550 5.1.1 <{to}>: Recipient address rejected: User unknown in local recipient table"
            )),
            Some((_, false, to)) => {
                Turn { relay: true, ..refused(format!("454 4.7.1 <{to}>: Relay access denied")) }
            }
        }
    }

    fn is_ours(&self, address: &str) -> bool {
        match address.rsplit_once('@') {
            None => true,
            Some((_, domain)) => {
                domain.eq_ignore_ascii_case(&self.facts.domain)
                    || domain.eq_ignore_ascii_case(&self.facts.host)
                    || domain.eq_ignore_ascii_case("localhost")
            }
        }
    }

    fn is_local(&self, address: &str) -> bool {
        let name = address.split('@').next().unwrap_or(address);
        self.is_ours(address)
            && (name.eq_ignore_ascii_case("postmaster")
                || name.eq_ignore_ascii_case("root")
                || self.facts.users.iter().any(|user| user.eq_ignore_ascii_case(name)))
    }

    fn piece(&mut self, words: &str) -> Turn {
        let (bytes, last) = words.split_once(' ').unwrap_or((words, ""));
        let Ok(bytes) = bytes.parse::<u64>() else {
            return refused("501 5.5.4 Syntax: BDAT count [LAST]");
        };
        match &self.envelope {
            Some(envelope) if !envelope.to.is_empty() => Turn {
                reply: String::new(),
                next: Next::Piece { bytes, last: last.eq_ignore_ascii_case("last") },
                worked: true,
                relay: false,
            },
            _ => Turn { next: Next::Close, ..refused("503 5.5.1 Error: need RCPT command") },
        }
    }

    /// The letter whose text was taken, and what is said of it.
    pub(super) fn letter_taken(&mut self, queue_id: &str) -> (Envelope, Turn) {
        self.letters += 1;
        let envelope = self.envelope.take().unwrap_or_default();
        (envelope, said(format!("250 2.0.0 Ok: queued as {queue_id}")))
    }

    /// A piece was taken, and more are to come.
    pub(super) fn piece_taken(bytes: u64) -> Turn {
        said(format!("250 2.0.0 Ok: {bytes} bytes"))
    }

    /// How many letters were taken, which makes the names of the next ones.
    pub(super) fn letters(&self) -> u64 {
        self.letters
    }
}

fn log_in(user: String, password: String) -> Turn {
    Turn { reply: String::new(), next: Next::LogIn { user, password }, worked: true, relay: false }
}

/// `FROM:<a@b> SIZE=1` gives the address.
fn address(words: &str, before: &str) -> Option<String> {
    let head = words.get(..before.len())?;
    let rest = words.get(before.len()..)?.trim_start();
    if !head.eq_ignore_ascii_case(before) {
        return None;
    }
    let address = match rest.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?.0,
        None => rest.split(' ').next().filter(|address| !address.is_empty())?,
    };
    (address.len() <= ADDRESS_BYTES_MAX).then(|| address.to_owned())
}

fn said(reply: impl Into<String>) -> Turn {
    let reply = format!("{}\r\n", reply.into());
    Turn { reply, next: Next::Nothing, worked: true, relay: false }
}

fn refused(reply: impl Into<String>) -> Turn {
    Turn { worked: false, ..said(reply) }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn machine() -> Machine {
        let facts = Facts {
            host: "mail.norda.example".to_owned(),
            domain: "norda.example".to_owned(),
            system: "Debian/GNU".to_owned(),
            users: vec!["ahoff".to_owned()],
        };
        Machine::new(facts, false)
    }

    #[track_caller]
    fn check(lines: &[&str], expected: Expect) {
        let mut machine = machine();
        let mut told = String::new();
        for line in lines {
            let mut turn = machine.answer(line);
            if let Next::LogIn { user, password } = &turn.next {
                let _ = writeln!(told, "{user} {password}");
                turn = machine.logged_in(password == "right");
            }
            told.push_str(&turn.reply.replace('\r', ""));
            if turn.relay {
                told.push_str("relay\n");
            }
            if turn.next != Next::Nothing {
                let _ = writeln!(told, "{:?}", turn.next);
            }
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn relaying_is_refused_as_postfix_does() {
        check(
            &[
                "MAIL FROM:<a@b>",
                "EHLO x",
                "MAIL FROM:<a@b> SIZE=3",
                "RCPT TO:<victim@example.com>",
                "RCPT TO:<nobody@norda.example>",
                "DATA",
                "rcpt to: <ahoff@norda.example>",
                "DATA",
            ],
            expect![[r"
                503 5.5.1 Error: send HELO/EHLO first
                250-mail.norda.example
                250-PIPELINING
                250-SIZE 10240000
                250-VRFY
                250-ETRN
                250-STARTTLS
                250-AUTH PLAIN LOGIN
                250-ENHANCEDSTATUSCODES
                250-8BITMIME
                250-DSN
                250-SMTPUTF8
                250 CHUNKING
                250 2.1.0 Ok
                454 4.7.1 <victim@example.com>: Relay access denied
                relay
                550 5.1.1 <nobody@norda.example>: Recipient address rejected: User unknown in local recipient table
                554 5.5.1 Error: no valid recipients
                250 2.1.5 Ok
                354 End data with <CR><LF>.<CR><LF>
                Letter
            "]],
        );
    }

    #[test]
    fn passwords_in_both_ways() {
        check(
            &[
                "HELO x",
                "AUTH LOGIN",
                "dXNlcg==",
                "c2VjcmV0",
                "AUTH PLAIN AGEAcmlnaHQ=",
                "MAIL FROM:<>",
                "RCPT TO:<victim@example.com>",
                "QUIT",
            ],
            expect![[r"
                250 mail.norda.example
                334 VXNlcm5hbWU6
                334 UGFzc3dvcmQ6
                user secret
                535 5.7.8 Error: authentication failed: authentication failure
                a right
                235 2.7.0 Authentication successful
                250 2.1.0 Ok
                250 2.1.5 Ok
                relay
                221 2.0.0 Bye
                Close
            "]],
        );
    }

    #[test]
    fn twenty_faults_end_it() {
        let mut machine = machine();
        let ends = (1..100).find(|_| machine.answer("nonsense").next == Next::Close);
        assert_eq!(ends, Some(FAULTS_MAX));
    }

    proptest! {
        #[test]
        fn any_line_has_an_answer(lines in prop::collection::vec("((EHLO|MAIL FROM:|RCPT TO:|AUTH PLAIN|AUTH LOGIN|BDAT|VRFY|DATA|RSET) ?[a-zA-Z0-9@<>=. ]{0,12}|.{0,20})", 1..30)) {
            let mut machine = machine();
            for line in lines {
                let mut turn = machine.answer(&line);
                if let Next::LogIn { .. } = turn.next {
                    turn = machine.logged_in(false);
                }
                let silent = matches!(turn.next, Next::Piece { .. });
                prop_assert!(silent || turn.reply.ends_with("\r\n"), "{line}: {turn:?}");
            }
        }
    }
}
