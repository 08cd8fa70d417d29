//! MySQL and MariaDB: the greeting of the persona's version, log-ins as passwords or hashes, and for
//! who is let in a data base of a few tables.
//!
//! ```text
//! ◀ version, salt   user, answer ▶ ◀ other plugin, salt   answer ▶ ◀ 1045 or OK   query ▶ ◀ rows …
//! ```

mod greeting;
mod login;
mod packet;
mod prepared;
mod query;
mod schema;

use futures::FutureExt as _;

use super::Decoy;
use crate::drive;
use crate::octets::text;
use crate::session::{End, Session};
use crate::talk::{Gate, Length, NAME_BYTES_MAX, Secret, TEXT_BYTES_MAX, Talk, Then, Told, Turn};
use login::{CACHING, CLEAR, First, NATIVE, Response};
use packet::{Answer, HEAD_BYTES};
use prepared::{PARAMETERS_MAX, Prepared};
use query::{Asked, Outcome};
use schema::Schema;

pub(crate) const DECOY: Decoy = Decoy {
    id: "mysql",
    port: 13306,
    summary: "MySQL or MariaDB: keeps answers as hashes, plays a small data base",
    serve: |session| serve(session).boxed(),
};

async fn serve(session: &mut Session) -> Result<(), End> {
    let persona = session.persona();
    let version =
        session.service().banner.as_deref().unwrap_or(persona.version("mysql")).to_owned();
    let schema = Schema::new(
        &version,
        persona.host_name(),
        persona.os().name,
        persona.number("mysql data", 0, 2),
    );
    let setup = Setup {
        version,
        client: session.peer().ip().to_canonical().to_string(),
        schema,
        random: drive::random()?,
        gate: drive::gate(session),
    };
    let mut mysql = Box::new(MySql::new(setup));
    drive::drive(session, mysql.as_mut()).await
}

/// Bytes of one packet: a library in hexadecimal digits.
const PACKET_BYTES_MAX: usize = 1 << 20;
/// Bytes of a log-in.
const LOGIN_BYTES_MAX: usize = 8192;

/// By what a server goes, and what is drawn for one connection.
struct Setup {
    version: String,
    /// From where the client comes, as the server names it in refusals.
    client: String,
    schema: Schema,
    random: [u8; 44],
    gate: Gate,
}

/// Plays a server that lets everybody in on these bytes.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let mut server = MySql::new(Setup {
        version: "8.0.39".to_owned(),
        client: "192.0.2.1".to_owned(),
        schema: Schema::new("8.0.39", "db", "Ubuntu", 0),
        random: [1; 44],
        gate: Box::new(|_, _| true),
    });
    crate::talk::rehearse(&mut server, bytes);
}

/// How far a connection has come.
#[derive(Debug)]
enum Stage {
    /// The answer to the greeting is awaited.
    Greeted,
    /// An answer with another plugin, to another salt, is awaited.
    Switched(Box<Response>),
    /// The password itself is awaited, within TLS.
    Asked(Box<Response>),
    /// Queries.
    In,
}

/// One connection.
struct MySql {
    setup: Setup,
    stage: Stage,
    is_tls: bool,
    flags: u32,
    salts: [[u8; 20]; 2],
    number: u32,
    prepared: Prepared,
}

impl MySql {
    fn new(setup: Setup) -> Self {
        let mut octets = crate::octets::Octets::new(&setup.random);
        // A salt is text that ends with a zero byte: no byte of it is zero or no ASCII.
        let mut salt = || octets.array::<20>().unwrap_or([1; 20]).map(|byte| byte % 126 + 1);
        let salts = [salt(), salt()];
        let number = octets.u32_le().unwrap_or(7) % 90_000 + 8;
        Self {
            setup,
            stage: Stage::Greeted,
            is_tls: false,
            flags: 0,
            salts,
            number,
            prepared: Prepared::default(),
        }
    }

    fn answer(&self, sequence: u8) -> Answer {
        Answer::new(sequence.wrapping_add(1), self.flags & login::WITHOUT_MARKS != 0)
    }

    fn first_salt(&self) -> &[u8; 20] {
        let [first, _] = &self.salts;
        first
    }

    fn second_salt(&self) -> &[u8; 20] {
        let [_, second] = &self.salts;
        second
    }

    /// Takes the answer to the greeting.
    fn respond(&mut self, sequence: u8, payload: &[u8]) -> Option<Turn> {
        let First::LogIn(response) = login::response(payload)? else {
            if self.is_tls {
                return None;
            }
            self.is_tls = true;
            return Some(Turn { then: Then::Tls, ..Turn::default() });
        };
        self.flags = response.flags;
        Some(self.decide(sequence, response))
    }

    /// Goes on with an answer as its plugin has it.
    fn decide(&mut self, sequence: u8, response: Response) -> Turn {
        let mut answer = self.answer(sequence);
        if response.answer.is_empty() || response.answer == [0] {
            return self.finish(sequence, &response, &Given::Password(String::new()));
        }
        match response.plugin.as_str() {
            CACHING if self.is_tls => {
                // Nothing is cached for the user: the password itself is asked for.
                answer.packet(&[1, 4]);
                self.stage = Stage::Asked(Box::new(response));
                Turn::send(answer.done())
            }
            CLEAR => {
                let password = password(&response.answer);
                self.finish(sequence, &response, &Given::Password(password))
            }
            NATIVE | "" if response.answer.len() == 20 => {
                let salt = *self.first_salt();
                let given = Given::Native(salt, response.answer.clone());
                self.finish(sequence, &response, &given)
            }
            _ => {
                answer.packet(&greeting::switch(self.second_salt()));
                self.stage = Stage::Switched(Box::new(response));
                Turn::send(answer.done())
            }
        }
    }

    /// Lets in or refuses, and tells.
    fn finish(&mut self, sequence: u8, response: &Response, given: &Given) -> Turn {
        let is_in = match given {
            Given::Password(password) => (self.setup.gate)(&response.user, Secret::Plain(password)),
            Given::Native(salt, answer) => {
                let fits = |password: &str| login::native_is_of(password, salt, answer);
                (self.setup.gate)(&response.user, Secret::Answer(&fits))
            }
        };
        let told = told(response, given).outcome(is_in);
        let mut answer = self.answer(sequence);
        if is_in {
            self.stage = Stage::In;
            self.setup.schema.enter(&response.user, &response.database, &self.setup.client);
            answer.ok(0);
            return Turn::send(answer.done()).tell(told);
        }
        let using = if matches!(given, Given::Password(password) if password.is_empty()) {
            "NO"
        } else {
            "YES"
        };
        let (user, client) = (&response.user, &self.setup.client);
        let message =
            format!("Access denied for user '{user}'@'{client}' (using password: {using})");
        answer.error(1045, "28000", &message);
        Turn::send(answer.done()).tell(told).and_close()
    }

    /// Answers a command of who is in.
    fn command(&mut self, sequence: u8, payload: &[u8]) -> Turn {
        let mut answer = self.answer(sequence);
        let Some((kind, body)) = payload.split_first() else { return Turn::close() };
        let named = |what: &str| {
            let line = format!("{what} {}", text(body, NAME_BYTES_MAX));
            Told::of("command").with("process.command_line", line.trim().to_owned())
        };
        let mut told = Vec::new();
        match *kind {
            1 => return Turn::close(),
            2 => {
                told.push(named("use"));
                self.say(&mut answer, Asked { sql: &format!("use {}", text(body, NAME_BYTES_MAX)) }, &mut told);
            }
            3 => {
                let sql = greeting::query_text(body, self.flags);
                let sql = text(sql, PACKET_BYTES_MAX);
                told.push(typed(&sql));
                self.say(&mut answer, Asked { sql: &sql }, &mut told);
            }
            // The columns of a table, of which none are told; an option.
            4 | 27 => answer.mark(),
            9 => answer.packet(b"Uptime: 2184377  Threads: 3  Questions: 918446  Slow queries: 2  Opens: 217  Flush tables: 1  Open tables: 148  Queries per second avg: 0.420"),
            14 | 31 => answer.ok(0),
            17 => {
                told.push(named("change user"));
                answer.error(1047, "08S01", "Unknown command");
            }
            22..=26 => self.statement(*kind, body, &mut answer, &mut told),
            _ => {
                told.push(Told::of("command").with("process.command_line", format!("COM {kind}")));
                answer.error(1047, "08S01", "Unknown command");
            }
        }
        Turn { out: answer.done(), told, then: Then::Listen }
    }

    /// Answers a command of prepared statements.
    fn statement(&mut self, kind: u8, body: &[u8], answer: &mut Answer, told: &mut Vec<Told>) {
        let unknown = |answer: &mut Answer, what: &str| {
            let message = format!("Unknown prepared statement handler (0) given to {what}");
            answer.error(1243, "HY000", &message);
        };
        match kind {
            22 => {
                let sql = text(body, PACKET_BYTES_MAX);
                told.push(typed(&sql));
                let marks = prepared::marks(&sql);
                if marks.len() > PARAMETERS_MAX {
                    let message = "Prepared statement contains too many placeholders";
                    return answer.error(1390, "HY000", message);
                }
                // What it would answer tells its columns; nothing is changed by that.
                let probe = prepared::without_values(&sql, &marks);
                let asked = Asked { sql: &probe };
                match query::answer(&mut self.setup.schema.clone(), &asked, self.number).0 {
                    Outcome::Fault(code, state, message) => answer.error(code, state, &message),
                    Outcome::Done(_) => {
                        let count = marks.len();
                        answer.prepared(self.prepared.keep(&sql, marks), count, &[]);
                    }
                    Outcome::Rows(rows) => {
                        let count = marks.len();
                        answer.prepared(self.prepared.keep(&sql, marks), count, &rows.columns);
                    }
                }
            }
            23 => match self.prepared.execute(body, self.flags) {
                Some(bound) => {
                    let values = prepared::told(&bound.values);
                    told.push(typed(&bound.sql).with("bartizan.decoy.values", values));
                    self.say_as(answer, Asked { sql: &bound.sql }, told, Answer::binary_rows);
                }
                None => unknown(answer, "mysqld_stmt_execute"),
            },
            // Neither of these is answered.
            24 => drop(self.prepared.long_data(body)),
            25 => self.prepared.close(body),
            _ => match self.prepared.reset(body) {
                Some(()) => answer.ok(0),
                None => unknown(answer, "mysqld_stmt_reset"),
            },
        }
    }

    fn say(&mut self, answer: &mut Answer, asked: Asked<'_>, told: &mut Vec<Told>) {
        self.say_as(answer, asked, told, Answer::rows);
    }

    fn say_as(
        &mut self,
        answer: &mut Answer,
        asked: Asked<'_>,
        told: &mut Vec<Told>,
        rows_of: fn(&mut Answer, &crate::sql::Rows),
    ) {
        let (outcome, file) = query::answer(&mut self.setup.schema, &asked, self.number);
        if let Some((name, bytes)) = file {
            let upload = Told::of("upload").with("file.path", name.clone()).file(name, bytes);
            told.push(upload);
        }
        match outcome {
            Outcome::Done(affected) => answer.ok(affected),
            Outcome::Rows(rows) => rows_of(answer, &rows),
            Outcome::Fault(code, state, message) => answer.error(code, state, &message),
        }
    }
}

/// A statement as it is told.
fn typed(sql: &str) -> Told {
    let sql: String = sql.chars().take(TEXT_BYTES_MAX).collect();
    Told::of("command").with("process.command_line", sql)
}

/// What was given for a password.
enum Given {
    Password(String),
    Native([u8; 20], Vec<u8>),
}

fn password(bytes: &[u8]) -> String {
    text(bytes, NAME_BYTES_MAX).trim_end_matches('\0').to_owned()
}

fn told(response: &Response, given: &Given) -> Told {
    let told = Told::of("login")
        .with("user.name", response.user.clone())
        .with("bartizan.decoy.database", response.database.clone())
        .with("bartizan.decoy.plugin", response.plugin.clone())
        .with("bartizan.decoy.client", response.attributes.join(", "));
    match given {
        Given::Password(password) => Told {
            // An empty password is one too.
            fields: [told.fields, vec![("bartizan.decoy.password", password.as_str().into())]]
                .concat(),
            ..told
        },
        Given::Native(salt, answer) => told
            .with("bartizan.decoy.hash", login::native_hash(salt, answer))
            .with("bartizan.decoy.hash_type", NATIVE),
    }
}

impl Talk for MySql {
    fn greet(&mut self) -> Turn {
        let mut answer = Answer::new(0, false);
        answer.packet(&greeting::greeting(&self.setup.version, self.number, self.first_salt()));
        Turn::send(answer.done())
    }

    fn length(&self, bytes: &[u8]) -> Length {
        let max = if matches!(self.stage, Stage::In) { PACKET_BYTES_MAX } else { LOGIN_BYTES_MAX };
        packet::length(bytes).map_or(Length::More, |length| Length::of(length, bytes.len(), max))
    }

    fn take(&mut self, message: &[u8]) -> Turn {
        let Some((head, payload)) = message.split_at_checked(HEAD_BYTES) else {
            return Turn::close();
        };
        let sequence = head.last().copied().unwrap_or_default();
        match std::mem::replace(&mut self.stage, Stage::Greeted) {
            Stage::Greeted => self.respond(sequence, payload).unwrap_or_else(|| {
                let mut answer = self.answer(sequence);
                answer.error(1043, "08S01", "Bad handshake");
                Turn::send(answer.done()).and_close()
            }),
            Stage::Switched(response) => {
                let given = match payload {
                    [] | [0] => Given::Password(String::new()),
                    answer if answer.len() == 20 => {
                        Given::Native(*self.second_salt(), answer.to_vec())
                    }
                    other => Given::Password(password(other)),
                };
                self.finish(sequence, &response, &given)
            }
            Stage::Asked(response) => {
                self.finish(sequence, &response, &Given::Password(password(payload)))
            }
            Stage::In => {
                self.stage = Stage::In;
                self.command(sequence, payload)
            }
        }
    }

    fn ended(&mut self) -> Vec<Told> {
        // Who does not go on with another plugin still named a user.
        match &self.stage {
            Stage::Switched(response) | Stage::Asked(response) => {
                let told =
                    Told::of("login").outcome(false).with("user.name", response.user.clone());
                let answer =
                    crate::octets::hex(response.answer.get(..64).unwrap_or(&response.answer));
                let salt = crate::octets::hex(self.first_salt());
                vec![
                    told.with("bartizan.decoy.plugin", response.plugin.clone())
                        .with("bartizan.decoy.hash", format!("{salt}:{answer}"))
                        .with("bartizan.decoy.hash_type", response.plugin.clone()),
                ]
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
