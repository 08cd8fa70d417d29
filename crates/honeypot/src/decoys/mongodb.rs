//! MongoDB: a server that was left open, as those are that are emptied and held to ransom; whatever is
//! done is recorded, and seen in the same session.
//!
//! ```text
//! length, request, answer to, operation (4 × 4 bytes)  then OP_MSG: flags, sections of BSON
//! ```

mod bson;
mod command;
mod data;
mod login;

use bytes::BufMut;
use futures::FutureExt as _;

use super::Decoy;
use crate::drive;
use crate::octets::{Octets, len32, size, text};
use crate::session::{End, Session, now};
use crate::talk::{Length, NAME_BYTES_MAX, TEXT_BYTES_MAX, Talk, Told, Turn};
use bson::{Document, Value};
use command::Asked;
use data::Data;
use login::LogIns;

pub(crate) const DECOY: Decoy = Decoy {
    id: "mongodb",
    port: 37017,
    summary: "MongoDB without a password: a small data base, log-ins as hashes, what is left behind",
    serve: |session| serve(session).boxed(),
};

async fn serve(session: &mut Session) -> Result<(), End> {
    let persona = session.persona();
    let version =
        session.service().banner.as_deref().unwrap_or(persona.version("mongodb")).to_owned();
    let random: [u8; 28] = drive::random()?;
    let mut octets = Octets::new(&random);
    let logins = LogIns::new(
        drive::own(session, "mongodb salt"),
        octets.array().unwrap_or([1; 24]),
        drive::gate(session),
    );
    let setup = Setup {
        version,
        host: persona.host_name().to_owned(),
        peer: session.peer().to_string(),
        data: Data::new(persona.number("mongodb data", 0, 2)),
        connection: i32::from(octets.u16_le().unwrap_or(7)) + 11,
        logins,
    };
    let mut mongo = Box::new(Mongo { setup, answered: 0 });
    drive::drive(session, mongo.as_mut()).await
}

const HEAD_BYTES: usize = 16;
const MESSAGE_BYTES_MAX: usize = 1 << 20;
const REPLY: u32 = 1;
const INSERT: u32 = 2002;
const QUERY: u32 = 2004;
const MESSAGE: u32 = 2013;
const CHECKSUM: u32 = 1;
const NO_ANSWER: u32 = 2;
/// Documents of one request.
const DOCUMENTS_MAX: usize = 1000;
/// What clients say by themselves and nobody needs to be told.
const QUIET: [&str; 4] = ["ping", "endsessions", "saslcontinue", "killcursors"];
const HTTP: &str = "HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 84\r\n\r\n\
It looks like you are trying to access MongoDB over HTTP on the native driver port.\n";

struct Setup {
    version: String,
    host: String,
    peer: String,
    data: Data,
    connection: i32,
    logins: LogIns,
}

/// One connection.
struct Mongo {
    setup: Setup,
    answered: u32,
}

/// Plays a server that lets everybody in on these bytes.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let setup = Setup {
        version: "4.4.29".to_owned(),
        host: "db".to_owned(),
        peer: "192.0.2.1:40000".to_owned(),
        data: Data::new(0),
        connection: 1,
        logins: LogIns::new([1; 16], [2; 24], Box::new(|_, _| true)),
    };
    let mut server = Mongo { setup, answered: 0 };
    crate::talk::rehearse(&mut server, bytes);
}

/// A command as it came.
struct Command {
    name: String,
    database: String,
    body: Document,
    documents: Vec<Document>,
}

impl Mongo {
    fn answer(&mut self, message: &[u8]) -> Option<Turn> {
        let mut octets = Octets::new(message);
        let (_length, id, _to, operation) =
            (octets.u32_le()?, octets.u32_le()?, octets.u32_le()?, octets.u32_le()?);
        match operation {
            QUERY => {
                let command = query(octets)?;
                let (answer, told) = self.command(&command);
                let mut body = 8_u32.to_le_bytes().to_vec();
                body.put_u64_le(0);
                body.put_u32_le(0);
                body.put_u32_le(1);
                body.extend(answer.bytes());
                Some(Turn { out: self.framed(id, REPLY, &body), told, ..Turn::default() })
            }
            MESSAGE => {
                let (flags, command) = command_of(octets)?;
                let (answer, told) = self.command(&command);
                if flags & NO_ANSWER != 0 {
                    return Some(Turn { told, ..Turn::default() });
                }
                let mut body = vec![0; 5];
                body.extend(answer.bytes());
                Some(Turn { out: self.framed(id, MESSAGE, &body), told, ..Turn::default() })
            }
            INSERT => {
                octets.take(4)?;
                let whole = text(octets.until_zero()?, NAME_BYTES_MAX);
                let document = bson::read(&mut octets)?;
                let told = typed(&format!("insert {whole} "), &document);
                self.setup.data.add(&whole, document);
                Some(Turn::default().tell(told))
            }
            _ => None,
        }
    }

    fn framed(&mut self, to: u32, operation: u32, body: &[u8]) -> Vec<u8> {
        self.answered = self.answered.wrapping_add(1);
        let mut out = Vec::with_capacity(HEAD_BYTES + body.len());
        out.put_u32_le(len32(HEAD_BYTES + body.len()));
        out.put_u32_le(self.answered);
        out.put_u32_le(to);
        out.put_u32_le(operation);
        out.put_slice(body);
        out
    }

    fn command(&mut self, command: &Command) -> (Document, Vec<Told>) {
        let lower = command.name.to_ascii_lowercase();
        let mut told = Vec::new();
        match lower.as_str() {
            "hello" | "ismaster" => {
                if let Some(client) = command.body.document("client") {
                    let shown = bson::shown(client, TEXT_BYTES_MAX / 4);
                    told.push(Told::of("request").with("bartizan.decoy.client", shown));
                }
            }
            "saslstart" => {
                let (answer, login) = self.setup.logins.start(&command.body);
                return (answer, login.into_iter().collect());
            }
            "saslcontinue" => {
                let (answer, login) = self.setup.logins.go_on(&command.body, &command.database);
                return (answer, login.into_iter().collect());
            }
            name if QUIET.contains(&name) => {}
            _ => told.push(Self::worth_telling(command)),
        }
        let asked = Asked {
            name: &command.name,
            database: &command.database,
            body: &command.body,
            documents: &command.documents,
            version: &self.setup.version,
            host: &self.setup.host,
            connection: self.setup.connection,
            peer: &self.setup.peer,
            now: now().seconds().saturating_mul(1000),
        };
        (command::answer(&mut self.setup.data, &asked), told)
    }

    fn worth_telling(command: &Command) -> Told {
        let mut shown = command.body.clone();
        shown.0.retain(|(name, _)| {
            !matches!(name.as_str(), "lsid" | "$db" | "$readPreference" | "$clusterTime")
        });
        if !command.documents.is_empty() && shown.get("documents").is_none() {
            let documents: Vec<Value> =
                command.documents.iter().cloned().map(Value::Document).collect();
            shown = shown.with("documents", documents);
        }
        let told = typed(&format!("{} ", command.database), &shown);
        told.with("bartizan.decoy.database", command.database.clone())
    }
}

fn typed(before: &str, document: &Document) -> Told {
    let line = format!("{before}{}", bson::shown(document, TEXT_BYTES_MAX));
    Told::of("command").with("process.command_line", line)
}

/// Reads a command as old clients send it.
fn query(mut octets: Octets<'_>) -> Option<Command> {
    octets.take(4)?;
    let whole = text(octets.until_zero()?, NAME_BYTES_MAX);
    octets.take(8)?;
    let mut body = bson::read(&mut octets)?;
    // Some wrap the command with how it is to be read.
    if let Some(inner) = body.document("$query").or_else(|| body.document("query")) {
        body = inner.clone();
    }
    let (database, collection) = whole.split_once('.')?;
    let (name, body) = if collection == "$cmd" {
        (body.0.first()?.0.clone(), body)
    } else {
        let find = Document::default().with("find", collection).with("filter", body);
        ("find".to_owned(), find)
    };
    Some(Command { name, database: database.to_owned(), body, documents: Vec::new() })
}

/// Reads a command and the flags beside it.
fn command_of(mut octets: Octets<'_>) -> Option<(u32, Command)> {
    let flags = octets.u32_le()?;
    let mut rest = octets.rest();
    if flags & CHECKSUM != 0 {
        rest = rest.get(..rest.len().checked_sub(4)?)?;
    }
    let mut octets = Octets::new(rest);
    let (mut body, mut documents, mut left) = (None, Vec::new(), bson::VALUES_MAX);
    while !octets.is_empty() {
        match octets.byte()? {
            0 if body.is_none() => body = Some(bson::read_within(&mut octets, &mut left)?),
            1 => {
                let length = size(octets.u32_le()?).checked_sub(4)?;
                let mut section = Octets::new(octets.take(length)?);
                section.until_zero()?;
                while !section.is_empty() && documents.len() < DOCUMENTS_MAX {
                    documents.push(bson::read_within(&mut section, &mut left)?);
                }
            }
            _ => return None,
        }
    }
    let body = body?;
    if let Some(Value::Array(within)) = body.get("documents") {
        let within = within.iter().take(DOCUMENTS_MAX.saturating_sub(documents.len()));
        documents.extend(within.filter_map(|value| match value {
            Value::Document(document) => Some(document.clone()),
            _ => None,
        }));
    }
    let name = body.0.first()?.0.clone();
    let database = body.text("$db").unwrap_or("test").to_owned();
    Some((flags, Command { name, database, body, documents }))
}

impl Talk for Mongo {
    fn length(&self, bytes: &[u8]) -> Length {
        let Some(length) = bytes.first_chunk::<4>() else { return Length::More };
        if is_http(*length) {
            // Up to the end of the line, which is all that is looked at.
            return match memchr::memchr(b'\n', bytes) {
                Some(end) => Length::Whole(end + 1),
                None if bytes.len() > 4096 => Length::Broken,
                None => Length::More,
            };
        }
        let length = size(u32::from_le_bytes(*length));
        if length < HEAD_BYTES {
            return Length::Broken;
        }
        Length::of(length, bytes.len(), MESSAGE_BYTES_MAX)
    }

    fn take(&mut self, message: &[u8]) -> Turn {
        if message.first_chunk::<4>().is_some_and(|begin| is_http(*begin)) {
            let line = text(message, NAME_BYTES_MAX);
            let told = Told::of("request").with("bartizan.decoy.first", line.trim_end().to_owned());
            return Turn::send(HTTP.as_bytes().to_vec()).tell(told).and_close();
        }
        self.answer(message).unwrap_or_else(Turn::close)
    }
}

fn is_http(begin: [u8; 4]) -> bool {
    matches!(&begin, b"GET " | b"POST" | b"HEAD" | b"OPTI")
}

#[cfg(test)]
mod tests;
