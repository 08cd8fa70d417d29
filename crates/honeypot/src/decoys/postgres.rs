//! PostgreSQL: the log-in of the persona's version, passwords or hashes, and for who is let in a data
//! base of a few tables.
//!
//! ```text
//! SSLRequest ▶ ◀ S   user, database ▶ ◀ R(password)   p ▶ ◀ E 28P01 or R(ok), S…, K, Z   Q ▶ ◀ T D C Z
//! ```

mod data;
mod login;
mod message;
mod prepared;
mod query;

use futures::FutureExt as _;

use super::Decoy;
use crate::drive;
use crate::held::Held;
use crate::octets::{Octets, size, text};
use crate::session::{End, Session};
use crate::talk::{Gate, Length, NAME_BYTES_MAX, TEXT_BYTES_MAX, Talk, Then, Told, Turn};
use data::Data;
use login::LogIn;
use message::Fault;
use prepared::Prepared;
use query::Outcome;

pub(crate) const DECOY: Decoy = Decoy {
    id: "postgresql",
    port: 15432,
    summary: "PostgreSQL: keeps passwords or answers as hashes, plays a small data base",
    serve: |session| serve(session).boxed(),
};

async fn serve(session: &mut Session) -> Result<(), End> {
    let persona = session.persona();
    let version = session.service().banner.as_deref().unwrap_or(persona.version("postgresql"));
    let os = persona.os();
    let gcc = os.compiler.split("gcc").last().unwrap_or_default();
    let setup = Setup {
        data: Data::new(version, os.name, gcc),
        salt: drive::own(session, "postgresql salt"),
        random: drive::random()?,
        gate: drive::gate(session),
    };
    let mut postgres = Box::new(Postgres::new(setup));
    drive::drive(session, postgres.as_mut()).await
}

const START_BYTES_MAX: usize = 10_000;
/// Bytes of one message: a library in hexadecimal digits.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
const PARAMETERS_MAX: usize = 32;
/// Bytes that `COPY … FROM STDIN` is given.
const COPY_BYTES_MAX: usize = 1 << 20;

const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;
const VERSION_3: u32 = 3 << 16;

/// By what a server goes, and what is drawn for one connection.
struct Setup {
    data: Data,
    /// Salt of the passwords that it pretends to keep.
    salt: [u8; 16],
    random: [u8; 30],
    gate: Gate,
}

/// Plays a server that lets everybody in on these bytes.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let data = Data::new("13.16", "Debian GNU/Linux", "(Debian 10.2.1-6) 10.2.1");
    let mut server =
        Postgres::new(Setup { data, salt: [1; 16], random: [2; 30], gate: Box::new(|_, _| true) });
    crate::talk::rehearse(&mut server, bytes);
}

/// How far a connection has come.
enum Stage {
    Start,
    LogIn(Box<LogIn>),
    In,
    /// Rows for a table are awaited, then what is done with them.
    Copy {
        table: String,
        rows: Vec<u8>,
        whole: bool,
        held: Held,
    },
}

/// One connection.
struct Postgres {
    setup: Setup,
    stage: Stage,
    is_tls: bool,
    prepared: Prepared,
    /// After an error nothing is done until the client says `Sync`.
    skips: bool,
}

impl Postgres {
    fn new(setup: Setup) -> Self {
        Self {
            setup,
            stage: Stage::Start,
            is_tls: false,
            prepared: Prepared::default(),
            skips: false,
        }
    }

    /// Answers the first packet.
    fn start(&mut self, packet: &[u8]) -> Option<Turn> {
        let mut octets = Octets::new(packet.get(4..)?);
        let code = octets.u32_be()?;
        match code {
            SSL if !self.is_tls => {
                self.is_tls = true;
                return Some(Turn { out: b"S".to_vec(), then: Then::Tls, ..Turn::default() });
            }
            GSS => return Some(Turn::send(b"N".to_vec())),
            CANCEL => {
                let told = Told::of("command").with("process.command_line", "cancel request");
                return Some(Turn::close().tell(told));
            }
            _ if code >> 16 != 3 => return Some(self.unsupported(code)),
            _ => {}
        }
        let (mut user, mut database, mut client) = (String::new(), String::new(), Vec::new());
        for _ in 0..PARAMETERS_MAX {
            let name = octets.until_zero()?;
            if name.is_empty() {
                break;
            }
            let value = text(octets.until_zero()?, NAME_BYTES_MAX);
            match name {
                b"user" => user = value,
                b"database" => database = value,
                other => client.push(format!("{}={value}", text(other, NAME_BYTES_MAX))),
            }
        }
        if user.is_empty() {
            let mut out = Vec::new();
            let message = "no PostgreSQL user name specified in startup packet";
            message::error(
                &mut out,
                &fatal("28000", message, "postmaster.c", 2260, "ProcessStartupPacket"),
            );
            return Some(Turn::send(out).and_close());
        }
        if database.is_empty() {
            database.clone_from(&user);
        }
        let is_new = self.setup.data.major() >= 14;
        let (log_in, out) = LogIn::begin(
            user,
            database,
            client.join(", "),
            self.is_tls,
            is_new,
            &self.setup.random,
        );
        self.stage = Stage::LogIn(Box::new(log_in));
        let out = if code == VERSION_3 { out } else { [older(), out].concat() };
        Some(Turn::send(out))
    }

    /// What is said to another protocol, by which scanners tell versions.
    fn unsupported(&self, code: u32) -> Turn {
        let data = &self.setup.data;
        let oldest = if data.major() >= 14 { 3 } else { 2 };
        let (high, low) = (code >> 16, code & 0xffff);
        let message = format!(
            "unsupported frontend protocol {high}.{low}: server supports {oldest}.0 to 3.0"
        );
        let line = match data.major() {
            ..=12 => 2119,
            13 => 2133,
            14 => 2138,
            _ => 2194,
        };
        let mut out = Vec::new();
        message::error(
            &mut out,
            &fatal("0A000", &message, "postmaster.c", line, "ProcessStartupPacket"),
        );
        let told =
            Told::of("request").with("bartizan.decoy.client", format!("protocol {high}.{low}"));
        Turn::send(out).tell(told).and_close()
    }

    /// Takes a message of the log-in.
    fn log_in(&mut self, mut log_in: Box<LogIn>, body: &[u8]) -> Turn {
        let step = log_in.take(body, &self.setup.salt, &*self.setup.gate);
        match step {
            login::Step::More(out) => {
                self.stage = Stage::LogIn(log_in);
                Turn::send(out)
            }
            login::Step::Done { mut out, told } if told.succeeded == Some(true) => {
                self.setup.data.enter(&log_in.user, &log_in.database);
                self.setup.data.welcome(&mut out, &self.setup.random);
                self.stage = Stage::In;
                Turn::send(out).tell(told)
            }
            login::Step::Done { mut out, told } => {
                let message =
                    format!("password authentication failed for user \"{}\"", log_in.user);
                message::error(&mut out, &fatal("28P01", &message, "auth.c", 347, "auth_failed"));
                Turn::send(out).tell(told).and_close()
            }
        }
    }

    /// Answers a message of who is in.
    fn message(&mut self, kind: u8, body: &[u8]) -> Turn {
        let mut turn = Turn::default();
        if self.skips && !matches!(kind, b'S' | b'X') {
            return turn;
        }
        match kind {
            b'Q' => {
                let sql = text(body.strip_suffix(b"\0").unwrap_or(body), MESSAGE_BYTES_MAX);
                self.query(&sql, &mut turn);
            }
            b'P' => self.prepared.parse(body, &mut turn),
            b'B' => self.prepared.bind(body, &mut turn),
            b'D' => self.prepared.describe(&self.setup.data, body, &mut turn),
            b'E' => {
                if let Some(sql) = self.prepared.bound() {
                    self.skips = !self.statement(&sql, false, &mut turn);
                }
            }
            b'C' => message::put(&mut turn.out, b'3', &[]),
            b'S' => {
                self.skips = false;
                message::ready(&mut turn.out);
            }
            b'X' => turn.then = Then::Close,
            b'F' => {
                let told = Told::of("command").with("process.command_line", "function call");
                turn.told.push(told);
                message::ready(&mut turn.out);
            }
            _ => {}
        }
        turn
    }

    fn query(&mut self, sql: &str, turn: &mut Turn) {
        turn.told.push(typed(sql));
        let statements = crate::sql::statements(sql);
        if statements.is_empty() {
            message::put(&mut turn.out, b'I', &[]);
        }
        for statement in statements {
            if !self.statement(statement, true, turn) {
                break;
            }
            if let Stage::Copy { whole, .. } = &mut self.stage {
                *whole = true;
                return;
            }
        }
        message::ready(&mut turn.out);
    }

    /// Answers one statement; tells whether it went well.
    fn statement(&mut self, sql: &str, with_columns: bool, turn: &mut Turn) -> bool {
        let (outcome, file) = query::answer(&mut self.setup.data, sql);
        if let Some((name, bytes)) = file {
            turn.told.push(Told::of("upload").with("file.path", name.clone()).file(name, bytes));
        }
        match outcome {
            Outcome::Done(tag) => message::complete(&mut turn.out, &tag),
            Outcome::Rows(rows, tag) => {
                if with_columns {
                    message::columns(&mut turn.out, &rows);
                }
                message::rows(&mut turn.out, &rows);
                message::complete(&mut turn.out, &tag);
            }
            Outcome::CopyIn(table) => {
                message::put(&mut turn.out, b'G', &[0, 0, 1, 0, 0]);
                self.stage =
                    Stage::Copy { table, rows: Vec::new(), whole: false, held: Held::default() };
            }
            Outcome::Fault(code, message) => {
                message::error(&mut turn.out, &query::fault(code, &message));
                return false;
            }
        }
        true
    }

    /// Takes rows for a table.
    fn copy(&mut self, kind: u8, body: &[u8]) -> Turn {
        let Stage::Copy { table, rows, whole, held } = &mut self.stage else {
            return Turn::close();
        };
        let mut turn = Turn::default();
        match kind {
            b'd' => {
                let room = COPY_BYTES_MAX.saturating_sub(rows.len());
                let part = body.get(..room).unwrap_or(body);
                if held.take(part.len()) {
                    rows.extend_from_slice(part);
                }
                return turn;
            }
            b'c' => {
                let lines = memchr::memchr_iter(b'\n', rows).count();
                message::complete(&mut turn.out, &format!("COPY {lines}"));
            }
            b'f' => message::error(&mut turn.out, &query::fault("57014", "COPY from stdin failed")),
            _ => return turn,
        }
        if *whole {
            message::ready(&mut turn.out);
        }
        let (name, bytes) = (std::mem::take(table), std::mem::take(rows));
        self.stage = Stage::In;
        if !bytes.is_empty() {
            turn.told.push(Told::of("upload").file(name, bytes));
        }
        turn
    }
}

fn typed(sql: &str) -> Told {
    let told = Told::of("command");
    told.with("process.command_line", sql.chars().take(TEXT_BYTES_MAX).collect::<String>())
}

fn fatal<'a>(
    code: &'a str,
    message: &'a str,
    file: &'a str,
    line: u32,
    routine: &'a str,
) -> Fault<'a> {
    Fault { severity: "FATAL", code, message, file, line, routine }
}

/// Says that a newer protocol's minor version is not spoken.
fn older() -> Vec<u8> {
    let mut out = Vec::new();
    message::put(&mut out, b'v', &[0, 3, 0, 0, 0, 0, 0, 0]);
    out
}

impl Talk for Postgres {
    fn length(&self, bytes: &[u8]) -> Length {
        let mut octets = Octets::new(bytes);
        if let Stage::Start = self.stage {
            return match octets.u32_be().map(size) {
                None => Length::More,
                Some(length) if length < 8 => Length::Broken,
                Some(length) => Length::of(length, bytes.len(), START_BYTES_MAX),
            };
        }
        let max =
            if matches!(self.stage, Stage::LogIn(_)) { START_BYTES_MAX } else { MESSAGE_BYTES_MAX };
        match (octets.byte(), octets.u32_be().map(size)) {
            (Some(_), Some(length)) if length < 4 => Length::Broken,
            (Some(_), Some(length)) => Length::of(length.saturating_add(1), bytes.len(), max),
            _ => Length::More,
        }
    }

    fn take(&mut self, message: &[u8]) -> Turn {
        if let Stage::Start = self.stage {
            return self.start(message).unwrap_or_else(Turn::close);
        }
        let (Some(kind), Some(body)) = (message.first().copied(), message.get(5..)) else {
            return Turn::close();
        };
        match std::mem::replace(&mut self.stage, Stage::In) {
            Stage::LogIn(log_in) if kind == b'p' => self.log_in(log_in, body),
            Stage::LogIn(_) | Stage::Start => Turn::close(),
            Stage::In => self.message(kind, body),
            copying @ Stage::Copy { .. } => {
                self.stage = copying;
                self.copy(kind, body)
            }
        }
    }
}

#[cfg(test)]
mod tests;
