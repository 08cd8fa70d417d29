//! Redis (RESP): which commands are sent, and who logs in.
//!
//! ```text
//! *2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n     an array of strings; secrets are let go
//! -ERR invalid password\r\n
//! ```

use super::shared::bytes::Bytes;
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const REDIS: Protocol = Protocol {
    name: "redis",
    over: &[Transport::Tcp],
    ports: &[6379],
    recognises,
    open: |_| Box::new(Redis::default()),
    bytes_max: 1024 * 1024,
    held_max: 64 * 1024,
    events_max: COMMANDS_MAX,
};

/// Bounds the commands of one connection that are told; a client sends millions.
const COMMANDS_MAX: u32 = 32;
/// Bounds the strings of one command.
const STRINGS_MAX: u64 = 1024;
/// Bounds what is told of one argument.
const ARGUMENT_BYTES_MAX: usize = 128;
/// Bounds the arguments told of one command.
const ARGUMENTS_MAX: usize = 6;
/// Bounds the digits of a number.
const NUMBER_BYTES_MAX: usize = 12;

/// Commands whose arguments are told, since they show what an intruder is after; of others the arguments
/// are an application's data.
const TELLING: &[&str] = &[
    "CONFIG",
    "SLAVEOF",
    "REPLICAOF",
    "MODULE",
    "DEBUG",
    "SAVE",
    "BGSAVE",
    "FLUSHALL",
    "FLUSHDB",
    "KEYS",
    "CLIENT",
    "INFO",
    "COMMAND",
    "SELECT",
    "SHUTDOWN",
    "SCRIPT",
    "CLUSTER",
    "MONITOR",
    "SYNC",
    "PSYNC",
    "ACL",
    "LATENCY",
];

fn recognises(first: &First<'_>) -> Verdict {
    let bytes = first.client;
    if bytes.is_empty() {
        return if first.server.is_empty() { Verdict::Maybe } else { Verdict::No };
    }
    let Some(rest) = bytes.strip_prefix(b"*") else { return Verdict::No };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match rest.get(digits..).unwrap_or_default() {
        [b'\r', b'\n', b'$', digit, ..] if digits > 0 && digit.is_ascii_digit() => Verdict::Yes,
        rest if digits <= 4 && b"\r\n$".starts_with(rest) => Verdict::Maybe,
        _ => Verdict::No,
    }
}

/// One connection.
#[derive(Debug, Default)]
struct Redis {
    told: u32,
    /// Commands that wait for an answer before the log-in's.
    before_login: Option<u64>,
    user: Vec<u8>,
    unanswered: u64,
    /// How far the command that comes in pieces was read.
    far: Far,
}

impl Dissector for Redis {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        if direction == Direction::Server {
            return self.answers(bytes, told);
        }
        let mut rest = Bytes::new(bytes);
        loop {
            let left = rest;
            if rest.is_empty() {
                return Progress::Taken(u64::try_from(bytes.len()).unwrap_or(0));
            }
            match command(&mut rest, &mut self.far) {
                Read::Whole(arguments) => {
                    self.unanswered += 1;
                    self.command(&arguments, told);
                    if self.told >= COMMANDS_MAX {
                        return Progress::Done;
                    }
                }
                Read::Cut => {
                    return Progress::Taken(u64::try_from(bytes.len() - left.len()).unwrap_or(0));
                }
                Read::Never => {
                    told.malformed();
                    self.end(told);
                    return Progress::Done;
                }
            }
        }
    }

    fn gap(&mut self, _: Direction, told: &mut Told<'_>) -> Progress {
        self.end(told);
        Progress::Done
    }

    fn end(&mut self, told: &mut Told<'_>) {
        if self.before_login.take().is_some() {
            self.login(None, told);
        }
    }
}

impl Redis {
    fn command(&mut self, arguments: &[&[u8]], told: &mut Told<'_>) {
        let Some((name, rest)) = arguments.split_first() else { return };
        let name = String::from_utf8_lossy(name.get(..32).unwrap_or(name)).to_ascii_uppercase();
        if name == "AUTH" || name == "HELLO" {
            let user = match (name.as_str(), rest) {
                ("AUTH", [user, _]) => Some(*user),
                ("AUTH", [_]) => Some(&b"default"[..]),
                // HELLO 3 AUTH user password
                ("HELLO", [_, auth, user, _, ..]) if auth.eq_ignore_ascii_case(b"auth") => {
                    Some(*user)
                }
                _ => None,
            };
            if let Some(user) = user {
                self.user = user.get(..ARGUMENT_BYTES_MAX).unwrap_or(user).to_vec();
                self.before_login = Some(self.unanswered);
                return;
            }
        }
        self.told += 1;
        // Passwords are set by CONFIG SET and ACL SETUSER.
        let secret = matches!(name.as_str(), "CONFIG" | "ACL")
            && rest.iter().any(|argument| {
                let lower = argument.to_ascii_lowercase();
                lower == b"setuser"
                    || memchr::memmem::find(&lower, b"pass").is_some()
                    || memchr::memmem::find(&lower, b"auth").is_some()
            });
        let mut text = name.clone().into_bytes();
        if TELLING.contains(&name.as_str()) {
            let shown = if secret { 2 } else { ARGUMENTS_MAX };
            for argument in rest.iter().take(shown) {
                text.push(b' ');
                text.extend_from_slice(argument.get(..ARGUMENT_BYTES_MAX).unwrap_or(argument));
            }
        }
        let heading =
            Heading { category: &["database", "network"], ..Heading::of("database_query") };
        told.event(heading, |line| {
            line.object("database", |to| to.text("statement", &text));
            line.object("bartizan", |ours| ours.object("redis", |to| to.text("command", &name)));
        });
    }

    /// Reads the answers as far as the log-in's.
    fn answers(&mut self, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let all = u64::try_from(bytes.len()).unwrap_or(0);
        // Which answer is whose is told by counting, and only simple ones are counted: a log-in is sent first.
        if self.before_login == Some(1)
            && let Some(success) = match bytes.first() {
                Some(b'+' | b'%' | b'*') => Some(true),
                Some(b'-') => Some(false),
                _ => None,
            }
        {
            self.login(Some(if success { "success" } else { "failure" }), told);
            self.before_login = None;
        }
        self.unanswered = 0;
        Progress::Taken(all)
    }

    fn login(&self, outcome: Option<&'static str>, told: &mut Told<'_>) {
        told.event(Heading::login("database_login", outcome), |line| {
            line.object("user", |user| user.text("name", &self.user));
            line.object("bartizan", |ours| ours.flag("cleartext_password", true));
        });
    }
}

enum Read<'a> {
    Whole(Vec<&'a [u8]>),
    Cut,
    Never,
}

/// How far into a command its strings are whole, so that those that come in small pieces are not read
/// from the start each time.
#[derive(Clone, Copy, Debug, Default)]
struct Far {
    strings: u64,
    bytes: usize,
}

/// Takes one command; inline ones, which people type, are lines.
fn command<'a>(rest: &mut Bytes<'a>, far: &mut Far) -> Read<'a> {
    if rest.rest().first() != Some(&b'*') {
        let Some(end) = memchr::memchr(b'\n', rest.rest()) else { return Read::Cut };
        let line = rest.take(end).unwrap_or_default().trim_ascii();
        let _ = rest.skip(1);
        let words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        return Read::Whole(words.take(ARGUMENTS_MAX + 1).collect());
    }
    let mut ahead = *rest;
    let count = match number(rest, b'*') {
        Ok(Some(count)) if count <= STRINGS_MAX => count,
        Ok(None) => return Read::Cut,
        _ => return Read::Never,
    };
    let all = ahead.len();
    far.bytes = far.bytes.max(all - rest.len());
    if ahead.skip(far.bytes).is_none() {
        return Read::Never;
    }
    while far.strings < count {
        match string(&mut ahead) {
            Ok(Some(_)) => *far = Far { strings: far.strings + 1, bytes: all - ahead.len() },
            Ok(None) => return Read::Cut,
            Err(NotThere) => return Read::Never,
        }
    }
    *far = Far::default();
    let mut strings = Vec::new();
    for _ in 0..count {
        let Ok(Some(string)) = string(rest) else { return Read::Never };
        strings.push(string);
    }
    Read::Whole(strings)
}

/// Takes a string; nothing where it is cut.
fn string<'a>(rest: &mut Bytes<'a>) -> Result<Option<&'a [u8]>, NotThere> {
    let Some(length) = number(rest, b'$')? else { return Ok(None) };
    let length = usize::try_from(length).map_err(|_| NotThere)?;
    let Some(string) = rest.take(length) else { return Ok(None) };
    Ok(rest.skip(2).map(|()| string))
}

/// What should stand there does not.
struct NotThere;

fn number(rest: &mut Bytes<'_>, mark: u8) -> Result<Option<u64>, NotThere> {
    let bytes = rest.rest();
    if bytes.first().is_some_and(|first| *first != mark) {
        return Err(NotThere);
    }
    let window = bytes.get(..NUMBER_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if window.len() == NUMBER_BYTES_MAX { Err(NotThere) } else { Ok(None) };
    };
    let digits = window.get(1..end).unwrap_or_default().trim_ascii_end();
    let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
    rest.skip(end + 1).ok_or(NotThere)?;
    number.map(Some).ok_or(NotThere)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, tcp};
    use super::*;

    const C: Direction = Direction::Client;
    const S: Direction = Direction::Server;

    #[test]
    fn log_in_and_commands_without_the_password() {
        let told = feed_about(
            &REDIS,
            &tcp(6379),
            &[
                (C, b"*2\r\n$4\r\nAUTH\r\n$6\r\nsec"),
                (C, b"ret\r\n"),
                (S, b"+OK\r\n"),
                (C, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\nsecret\r\n*3\r\n$7\r\nslaveof\r\n$9\r\n192.0.2.9\r\n$4\r\n6379\r\n"),
                (C, b"*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$11\r\nrequirepass\r\n$6\r\nsecret\r\nINFO server\r\n"),
            ],
        );
        assert!(!told.contains("secret"));
        expect![[r#"
            database_login success {"user":{"name":"default"},"bartizan":{"cleartext_password":true}}
            database_query  {"database":{"statement":"SET"},"bartizan":{"redis":{"command":"SET"}}}
            database_query  {"database":{"statement":"SLAVEOF 192.0.2.9 6379"},"bartizan":{"redis":{"command":"SLAVEOF"}}}
            database_query  {"database":{"statement":"CONFIG SET requirepass"},"bartizan":{"redis":{"command":"CONFIG"}}}
            database_query  {"database":{"statement":"INFO server"},"bartizan":{"redis":{"command":"INFO"}}}
        "#]].assert_eq(&told);
    }

    #[test]
    fn lengths_that_lie() {
        for bytes in
            [&b"*99999999\r\n"[..], b"*2\r\n$99999999999999\r\n", b"*1\r\n:3\r\n", b"*1\r\n$-1\r\n"]
        {
            assert!(
                matches!(command(&mut Bytes::new(bytes), &mut Far::default()), Read::Never),
                "{bytes:?}"
            );
        }
        assert!(matches!(
            command(&mut Bytes::new(b"*1\r\n$9\r\nabc"), &mut Far::default()),
            Read::Cut
        ));
    }
}
