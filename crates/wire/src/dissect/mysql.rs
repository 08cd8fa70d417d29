//! MySQL and MariaDB (client/server protocol, version 10): greeting, log-in, first commands.
//!
//! ```text
//! 4a 00 00 00  0a 38 2e 30 …     length, number; version 10 and the server's own
//! ```

use super::shared::bytes::Bytes;
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const MYSQL: Protocol = Protocol {
    name: "mysql",
    over: &[Transport::Tcp],
    ports: &[3306],
    recognises,
    open: |_| Box::new(Mysql::default()),
    bytes_max: 1024 * 1024,
    held_max: 20 * 1024,
    events_max: COMMANDS_MAX + 2,
};

/// Bounds the commands of one connection that are told.
const COMMANDS_MAX: u32 = 16;
/// Bounds what is told of one command.
const QUERY_BYTES_MAX: usize = 512;
/// Bounds a packet that is waited for; of a longer one the beginning must do.
const PACKET_BYTES_MAX: usize = 16 * 1024;
/// Bounds a name.
const NAME_BYTES_MAX: usize = 256;

const CAPABILITY_TLS: u32 = 0x0800;
const CAPABILITY_DATABASE: u32 = 0x0008;
const CAPABILITY_LONG_ANSWER: u32 = 0x0020_0000;
const CAPABILITY_SECURE: u32 = 0x8000;
const CAPABILITY_PLUGIN: u32 = 0x0008_0000;
const CAPABILITY_4_1: u32 = 0x0200;

fn recognises(first: &First<'_>) -> Verdict {
    let server = first.server;
    if server.is_empty() {
        return if first.client.is_empty() { Verdict::Maybe } else { Verdict::No };
    }
    let mut bytes = Bytes::new(server);
    let (Some(length), Some(number)) = (bytes.le24(), bytes.u8()) else { return Verdict::Maybe };
    if number != 0 || !(10..1024).contains(&length) {
        return Verdict::No;
    }
    match bytes.u8() {
        None => Verdict::Maybe,
        Some(10) if bytes.rest().first().is_none_or(u8::is_ascii_digit) => Verdict::Yes,
        // Refused at once: an error instead of a greeting, its text in clear.
        Some(0xff) if first.port == 3306 => Verdict::Yes,
        Some(_) => Verdict::No,
    }
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    Greeted,
    /// The log-in was sent and not yet answered.
    LogsIn,
    LoggedIn,
    Refused,
}

/// One connection.
#[derive(Debug, Default)]
struct Mysql {
    version: Vec<u8>,
    user: Vec<u8>,
    database: Vec<u8>,
    plugin: Vec<u8>,
    program: Vec<u8>,
    stage: Stage,
    /// The server asked for the password as it is.
    clear: bool,
    commands: u32,
}

impl Dissector for Mysql {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let mut taken = 0_usize;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let mut packet = Bytes::new(rest);
            let (Some(length), Some(_)) = (packet.le24(), packet.u8()) else {
                return Progress::Taken(u64::try_from(taken).unwrap_or(0));
            };
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if packet.len() < length.min(PACKET_BYTES_MAX) {
                return Progress::Taken(u64::try_from(taken).unwrap_or(0));
            }
            let body = packet.rest().get(..length).unwrap_or(packet.rest());
            let state = match direction {
                Direction::Client => self.client(body, told),
                Direction::Server => self.server(body, told),
            };
            taken += 4 + length;
            match state {
                State::On if taken < bytes.len() => {}
                State::On => return Progress::Taken(u64::try_from(taken).unwrap_or(0)),
                State::Ends => return Progress::Done,
                State::Tls => return Progress::Become(u64::try_from(taken).unwrap_or(0), "tls"),
            }
        }
    }

    fn end(&mut self, told: &mut Told<'_>) {
        match self.stage {
            Stage::LogsIn => self.login(None, None, told),
            Stage::Greeted => self.greeting(told),
            _ => {}
        }
    }

    fn gap(&mut self, _: Direction, told: &mut Told<'_>) -> Progress {
        self.end(told);
        Progress::Done
    }
}

enum State {
    On,
    Ends,
    Tls,
}

impl Mysql {
    fn server(&mut self, body: &[u8], told: &mut Told<'_>) -> State {
        if self.stage == Stage::Start {
            let mut bytes = Bytes::new(body);
            if bytes.u8() == Some(10) {
                self.stage = Stage::Greeted;
                self.version = cut(bytes.zero_ended().unwrap_or_default());
                return State::On;
            }
            if let Some((code, _)) = error(body) {
                self.login(Some(code), Some("failure"), told);
            }
            return State::Ends;
        }
        if self.stage != Stage::LogsIn {
            return State::On;
        }
        match body.first() {
            Some(0) => self.login(None, Some("success"), told),
            Some(0xff) => {
                let code = error(body).map(|(code, _)| code);
                self.login(code, Some("failure"), told);
            }
            Some(0xfe) => {
                let mut bytes = Bytes::new(body.get(1..).unwrap_or_default());
                if let Some(plugin) = bytes.zero_ended() {
                    self.clear |= plugin == b"mysql_clear_password";
                    self.plugin = cut(plugin);
                }
            }
            _ => {}
        }
        State::On
    }

    fn client(&mut self, body: &[u8], told: &mut Told<'_>) -> State {
        match self.stage {
            Stage::Start => return State::Ends,
            Stage::LoggedIn => {
                self.command(body, told);
                return if self.commands >= COMMANDS_MAX { State::Ends } else { State::On };
            }
            // Another round of the log-in: what it holds is an answer to the server's challenge.
            Stage::LogsIn | Stage::Refused => return State::On,
            Stage::Greeted => {}
        }
        let capabilities = Bytes::new(body).le32().unwrap_or(0);
        if capabilities & CAPABILITY_TLS != 0
            && capabilities & CAPABILITY_4_1 != 0
            && body.len() <= 32
        {
            self.greeting(told);
            return State::Tls;
        }
        if self.answer(body).is_none() {
            told.malformed();
        }
        self.stage = Stage::LogsIn;
        State::On
    }

    fn answer(&mut self, body: &[u8]) -> Option<()> {
        let mut bytes = Bytes::new(body);
        let low = bytes.le16()?;
        if u32::from(low) & CAPABILITY_4_1 == 0 {
            bytes.skip(3)?;
            self.user = cut(bytes.zero_ended()?);
            return Some(());
        }
        let capabilities = (u32::from(bytes.le16()?) << 16) | u32::from(low);
        bytes.skip(28)?;
        self.user = cut(bytes.zero_ended()?);
        if capabilities & (CAPABILITY_LONG_ANSWER | CAPABILITY_SECURE) != 0 {
            let length = counted(&mut bytes)?;
            bytes.skip(usize::try_from(length).ok()?)?;
        } else {
            bytes.zero_ended()?;
        }
        if capabilities & CAPABILITY_DATABASE != 0 {
            self.database = cut(bytes.zero_ended()?);
        }
        if capabilities & CAPABILITY_PLUGIN != 0 {
            self.plugin = cut(bytes.zero_ended()?);
            self.clear = self.plugin == b"mysql_clear_password";
        }
        let length = usize::try_from(counted(&mut bytes)?).ok()?;
        let mut attributes = Bytes::new(bytes.take(length)?);
        while !attributes.is_empty() {
            let name = string(&mut attributes)?;
            let value = string(&mut attributes)?;
            if name == b"program_name" || (name == b"_client_name" && self.program.is_empty()) {
                self.program = cut(value);
            }
        }
        Some(())
    }

    fn command(&mut self, body: &[u8], told: &mut Told<'_>) {
        let Some((code, rest)) = body.split_first() else { return };
        let name = match code {
            1 => return,
            2 => "use",
            3 => "query",
            4 => "list fields",
            9 => "statistics",
            17 => "change user",
            18 => "dump of the binary log",
            22 => "prepare",
            _ => "other",
        };
        self.commands += 1;
        let shown = matches!(code, 2 | 3 | 22);
        let heading =
            Heading { category: &["database", "network"], ..Heading::of("database_query") };
        told.event(heading, |line| {
            line.object("user", |user| user.text("name", &self.user));
            if shown && !sets_password(rest) {
                line.object("database", |to| to.text_within("statement", rest, QUERY_BYTES_MAX));
            }
            line.object("bartizan", |ours| ours.object("mysql", |to| to.word("command", name)));
        });
    }

    fn greeting(&self, told: &mut Told<'_>) {
        told.event(Heading::of("database_greeting"), |line| {
            line.object("bartizan", |ours| {
                ours.object("mysql", |mysql| {
                    mysql.text_some("server_version", Some(&self.version));
                });
            });
        });
    }

    fn login(&mut self, code: Option<u16>, outcome: Option<&'static str>, told: &mut Told<'_>) {
        let success = outcome == Some("success");
        self.stage = if success { Stage::LoggedIn } else { Stage::Refused };
        told.event(Heading::login("database_login", outcome), |line| {
            if !self.user.is_empty() {
                line.object("user", |user| user.text("name", &self.user));
            }
            if !self.database.is_empty() {
                line.object("database", |to| to.text("name", &self.database));
            }
            line.object("bartizan", |ours| {
                ours.flag("cleartext_password", self.clear);
                ours.object("mysql", |mysql| {
                    mysql.text_some("server_version", Some(&self.version));
                    mysql.text_some("plugin", Some(&self.plugin));
                    mysql.text_some("program", Some(&self.program));
                    if let Some(code) = code {
                        mysql.number("error_code", code);
                    }
                });
            });
        });
    }
}

/// Whether a statement sets a password, which is then not told.
fn sets_password(statement: &[u8]) -> bool {
    let start = statement.get(..QUERY_BYTES_MAX).unwrap_or(statement).to_ascii_lowercase();
    [&b"password"[..], b"identified"]
        .iter()
        .any(|word| memchr::memmem::find(&start, word).is_some())
}

fn cut(name: &[u8]) -> Vec<u8> {
    name.get(..NAME_BYTES_MAX).unwrap_or(name).to_vec()
}

fn error(body: &[u8]) -> Option<(u16, &[u8])> {
    let mut bytes = Bytes::new(body);
    (bytes.u8()? == 0xff).then_some(())?;
    Some((bytes.le16()?, bytes.rest()))
}

/// Takes a number whose first byte tells its length.
fn counted(bytes: &mut Bytes<'_>) -> Option<u64> {
    match bytes.u8()? {
        0xfc => bytes.le16().map(u64::from),
        0xfd => bytes.le24().map(u64::from),
        0xfe => bytes.le64(),
        0xfb | 0xff => None,
        small => Some(small.into()),
    }
}

fn string<'a>(bytes: &mut Bytes<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(counted(bytes)?).ok()?;
    bytes.take(length)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, tcp};
    use super::*;

    const C: Direction = Direction::Client;
    const S: Direction = Direction::Server;

    fn packet(number: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [&length[..3], &[number], body].concat()
    }

    fn greeting() -> Vec<u8> {
        packet(0, b"\x0a8.0.36\0\x07\0\0\0abcdefgh\0\xff\xf7\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0abcdefghijkl\0caching_sha2_password\0")
    }

    fn login(capabilities: u32) -> Vec<u8> {
        let mut body = capabilities.to_le_bytes().to_vec();
        body.extend([0, 0, 0, 1, 45]);
        body.extend([0; 23]);
        body.extend(
            b"root\0\x04\x01\x02\x03\x04shop\0mysql_native_password\0\x10\x0cprogram_name\x02ab",
        );
        packet(1, &body)
    }

    #[test]
    fn log_in_refused_and_let_in() {
        let (greeting, login) = (greeting(), login(0x00bf_a28d | CAPABILITY_DATABASE));
        let query = packet(0, b"\x03SELECT version()");
        let secret = packet(0, b"\x03CREATE USER a IDENTIFIED BY 'secret'");
        let told = feed_about(
            &MYSQL,
            &tcp(3306),
            &[
                (S, &greeting[..20]),
                (S, &greeting[20..]),
                (C, &login),
                (S, &packet(2, b"\xff\x15\x04#28000Access denied")),
            ],
        );
        let let_in = feed_about(
            &MYSQL,
            &tcp(3306),
            &[
                (S, &greeting),
                (C, &login),
                (S, &packet(2, b"\0\0\0\x02\0\0\0")),
                (C, &query),
                (C, &secret),
            ],
        );
        assert!(!let_in.contains("secret"));
        expect![[r#"
            database_login failure {"database":{"name":"shop"},"bartizan":{"cleartext_password":false,"mysql":{"server_version":"8.0.36","plugin":"mysql_native_password","program":"ab","error_code":1045}},"user":{"name":"root"}}
            database_login success {"database":{"name":"shop"},"bartizan":{"cleartext_password":false,"mysql":{"server_version":"8.0.36","plugin":"mysql_native_password","program":"ab"}},"user":{"name":"root"}}
            database_query  {"database":{"statement":"SELECT version()"},"bartizan":{"mysql":{"command":"query"}},"user":{"name":"root"}}
            database_query  {"user":{"name":"root"},"bartizan":{"mysql":{"command":"query"}}}
        "#]].assert_eq(&format!("{told}{let_in}"));
    }

    #[test]
    fn tls_follows() {
        let mut mysql = Mysql { stage: Stage::Greeted, ..Mysql::default() };
        let about = tcp(3306);
        let mut lines = crate::json::Lines::default();
        let mut told = Told::new(&mut lines, &about, "mysql", 9);
        let mut request = packet(1, &[&0x00bf_ae85_u32.to_le_bytes()[..], &[0; 28]].concat());
        request.push(0x16);
        assert_eq!(mysql.feed(C, &request, &mut told), Progress::Become(36, "tls"));
    }
}
