//! FTP (RFC 959): who logs in, and which files go where. All of it is in clear, the password too.
//!
//! ```text
//! 220 files.example.org ready
//! USER ann
//! 331 Password required
//! PASS ...                  seen and never kept
//! 230 Logged in
//! STOR report.pdf
//! 226 Transfer complete
//! ```

use super::shared::lines::{self, Next};
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const FTP: Protocol = Protocol {
    name: "ftp",
    over: &[Transport::Tcp],
    ports: &[21, 2121],
    recognises,
    open: |_| Box::new(Ftp::default()),
    bytes_max: 16 * 1024 * 1024,
    held_max: 16 * 1024,
    events_max: 10_000,
};

/// Bounds a name or an argument.
const TEXT_BYTES_MAX: usize = 512;
/// Bounds a server's greeting.
const GREETING_BYTES_MAX: usize = 256;

/// What is told of once it is answered: the command, the word for it and whether it takes a file.
const DEEDS: &[(&str, &str)] = &[
    ("RETR", "ftp_downloaded"),
    ("STOR", "ftp_uploaded"),
    ("STOU", "ftp_uploaded"),
    ("APPE", "ftp_uploaded"),
    ("DELE", "ftp_deleted"),
    ("RNTO", "ftp_renamed"),
    ("MKD", "ftp_directory_made"),
    ("RMD", "ftp_directory_removed"),
    ("SITE", "ftp_site_command"),
    ("LIST", "ftp_listed"),
    ("NLST", "ftp_listed"),
    ("MLSD", "ftp_listed"),
];
const FIRST_COMMANDS: &[&str] =
    &["USER", "AUTH", "FEAT", "SYST", "HOST", "OPTS", "PASS", "NOOP", "QUIT", "HELP", "CLNT"];

fn recognises(first: &First<'_>) -> Verdict {
    let mut client = first.client.split(|byte| *byte == b'\n');
    let spoken = client.next().and_then(lines::command);
    let whole = memchr::memchr(b'\n', first.client).is_some();
    let known = spoken.is_some_and(|(word, _)| FIRST_COMMANDS.contains(&word.as_str()));
    let greeted = match first.server.get(..3) {
        Some(digits) => {
            (digits == b"220" || digits == b"120" || digits == b"421")
                && matches!(first.server.get(3), Some(b' ' | b'-'))
        }
        None => b"220".starts_with(first.server) || b"120".starts_with(first.server),
    };
    if (!first.server.is_empty() && !greeted) || (!first.client.is_empty() && whole && !known) {
        return Verdict::No;
    }
    // Mail servers greet alike; what the client says decides, or the greeting's own word.
    let named = first.server.windows(3).any(|word| word.eq_ignore_ascii_case(b"ftp"));
    let mail = first.server.windows(4).any(|word| word.eq_ignore_ascii_case(b"smtp"));
    let sure = matches!(
        client_word(first.client).as_deref(),
        Some("USER" | "AUTH" | "FEAT" | "SYST" | "HOST" | "OPTS" | "PASS" | "CLNT")
    );
    match (greeted && first.server.len() > 3, sure && whole) {
        (true, true) => Verdict::Yes,
        (true, false) if named && !mail => Verdict::Yes,
        (true, false) if first.port == 21 && !mail && first.client.is_empty() => Verdict::Maybe,
        _ => Verdict::Maybe,
    }
}

fn client_word(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    lines::command(line.trim_ascii_end()).map(|(word, _)| word)
}

/// One control connection.
#[derive(Debug, Default)]
struct Ftp {
    user: Vec<u8>,
    password_sent: bool,
    greeting: Vec<u8>,
    logged_in: bool,
    /// The command that waits for its answer, and its argument.
    waiting: Option<(&'static str, &'static str, Vec<u8>)>,
    asked_for_tls: bool,
}

impl Dissector for Ftp {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let mut secured = false;
        let read = lines::each(bytes, |line| {
            match direction {
                Direction::Client => self.command(line),
                Direction::Server => secured = self.answer(line, told),
            }
            if secured { Next::Stop } else { Next::Line }
        });
        if secured { Progress::Become(read.taken, "tls") } else { Progress::Taken(read.taken) }
    }
}

impl Ftp {
    fn command(&mut self, line: &[u8]) {
        let Some((word, argument)) = lines::command(line) else { return };
        let argument = argument.get(..TEXT_BYTES_MAX).unwrap_or(argument);
        match word.as_str() {
            "USER" => {
                self.user = argument.to_vec();
                self.password_sent = false;
            }
            "PASS" => self.password_sent = true,
            "AUTH" => self.asked_for_tls = true,
            _ => {
                if let Some((word, action)) = DEEDS.iter().find(|(name, _)| *name == word) {
                    self.waiting = Some((word, action, argument.to_vec()));
                }
            }
        }
    }

    /// Reads an answer; tells whether TLS begins behind it.
    fn answer(&mut self, line: &[u8], told: &mut Told<'_>) -> bool {
        let Some((code, last)) = lines::reply(line) else { return false };
        if code == 220 && self.greeting.is_empty() {
            let text = line.get(4..).unwrap_or_default();
            self.greeting = text.get(..GREETING_BYTES_MAX).unwrap_or(text).to_vec();
        }
        if !last {
            return false;
        }
        match code {
            234 if self.asked_for_tls => return true,
            230 | 232 | 530 | 430 if self.password_sent || code == 230 => self.login(code, told),
            100..200 => {}
            _ => {
                self.asked_for_tls = false;
                self.deed(code, told);
            }
        }
        false
    }

    fn login(&mut self, code: u16, told: &mut Told<'_>) {
        if self.logged_in && code != 230 {
            return;
        }
        let success = code < 300;
        self.logged_in |= success;
        let sent = std::mem::take(&mut self.password_sent);
        let heading =
            Heading::login("ftp_login", Some(if success { "success" } else { "failure" }));
        told.event(heading, |line| {
            line.object("user", |user| user.text("name", &self.user));
            line.object("bartizan", |ours| {
                ours.flag("cleartext_password", sent);
                ours.object("ftp", |ftp| {
                    ftp.number("code", code);
                    ftp.text_some("greeting", Some(&self.greeting));
                });
            });
        });
    }

    fn deed(&mut self, code: u16, told: &mut Told<'_>) {
        let Some((word, action, argument)) = self.waiting.take() else { return };
        let success = code < 400;
        let heading = Heading {
            action,
            category: &["file", "network"],
            kinds: &["access"],
            outcome: Some(if success { "success" } else { "failure" }),
        };
        told.event(heading, |line| {
            line.object("user", |user| user.text("name", &self.user));
            if !argument.is_empty() {
                line.object("file", |file| {
                    file.text("path", &argument);
                    let name = argument.rsplit(|byte| *byte == b'/').next();
                    file.text_some("name", name);
                });
            }
            line.object("bartizan", |ours| {
                ours.object("ftp", |ftp| {
                    ftp.word("command", word);
                    ftp.number("code", code);
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

    const C: Direction = Direction::Client;
    const S: Direction = Direction::Server;

    #[test]
    fn log_in_and_files_without_the_password() {
        let told = feed_about(
            &FTP,
            &tcp(21),
            &[
                (S, b"220-hello\r\n220 files ready\r\n"),
                (C, b"USER ann\r\n"),
                (S, b"331 Password\r\n"),
                (C, b"PASS wrong-secret\r\n"),
                (S, b"530 no\r\n"),
                (C, b"USER ann\r\nPA"),
                (C, b"SS secret\r\n"),
                (S, b"331 Password\r\n230 in\r\n"),
                (C, b"STOR /pub/report.pdf\r\n"),
                (S, b"150 opening\r\n226 done\r\n"),
                (C, b"RETR /etc/passwd\r\n"),
                (S, b"550 no\r\n"),
            ],
        );
        assert!(!told.contains("secret"));
        expect![[r#"
            ftp_login failure {"user":{"name":"ann"},"bartizan":{"cleartext_password":true,"ftp":{"code":530,"greeting":"hello"}}}
            ftp_login success {"user":{"name":"ann"},"bartizan":{"cleartext_password":true,"ftp":{"code":230,"greeting":"hello"}}}
            ftp_uploaded success {"file":{"path":"/pub/report.pdf","name":"report.pdf"},"bartizan":{"ftp":{"command":"STOR","code":226}},"user":{"name":"ann"}}
            ftp_downloaded failure {"file":{"path":"/etc/passwd","name":"passwd"},"bartizan":{"ftp":{"command":"RETR","code":550}},"user":{"name":"ann"}}
        "#]].assert_eq(&told);
    }

    #[test]
    fn after_auth_tls_the_stream_is_tls() {
        let mut ftp = Ftp::default();
        ftp.command(b"AUTH TLS");
        let about = tcp(21);
        let mut lines = crate::json::Lines::default();
        let mut told = Told::new(&mut lines, &about, "ftp", 9);
        assert_eq!(ftp.feed(S, b"234 go\r\n\x16\x03", &mut told), Progress::Become(8, "tls"));
    }

    #[test]
    fn told_apart_from_mail() {
        let ask = |client: &[u8], server: &[u8]| {
            let first =
                First { client, server, port: 21, client_port: 1, transport: Transport::Tcp };
            (FTP.recognises)(&first)
        };
        assert_eq!(ask(b"", b"220 (vsFTPd 3.0.5)\r\n"), Verdict::Yes);
        assert_eq!(ask(b"USER a\r\n", b"220 hello\r\n"), Verdict::Yes);
        assert_eq!(ask(b"EHLO a\r\n", b"220 hello\r\n"), Verdict::No);
        assert_eq!(ask(b"", b"220 mail ESMTP ready"), Verdict::Maybe);
        assert_eq!(ask(b"", b"SSH-2.0"), Verdict::No);
    }
}
