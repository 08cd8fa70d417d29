//! MongoDB (wire protocol): the client's own words, log-ins, first commands.
//!
//! ```text
//! length, id, answer to, 2013 (OP_MSG); flags, section 0, a BSON document whose first name is the command
//! ```

use super::shared::bytes::Bytes;
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const MONGODB: Protocol = Protocol {
    name: "mongodb",
    over: &[Transport::Tcp],
    ports: &[27017],
    recognises,
    open: |_| Box::new(Mongodb::default()),
    bytes_max: 1024 * 1024,
    held_max: 20 * 1024,
    events_max: COMMANDS_MAX + 2,
};

/// Bounds the commands of one connection that are told.
const COMMANDS_MAX: u32 = 16;
/// Bounds a message that is waited for; of a longer one the beginning must do.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Bounds a message at all.
const LENGTH_MAX: u32 = 48 * 1024 * 1024;
/// Bounds the elements of a document that are looked at.
const ELEMENTS_MAX: usize = 64;
/// Bounds a name.
const NAME_BYTES_MAX: usize = 256;

const OP_REPLY: u32 = 1;
const OP_QUERY: u32 = 2004;
const OP_COMPRESSED: u32 = 2012;
const OP_MSG: u32 = 2013;
const HEADER_BYTES: usize = 16;

fn recognises(first: &First<'_>) -> Verdict {
    let mut bytes = Bytes::new(first.client);
    let head = (bytes.le32(), bytes.skip(8), bytes.le32());
    match head {
        (Some(length), _, _) if !(21..=LENGTH_MAX).contains(&length) => Verdict::No,
        (Some(_), Some(()), Some(OP_QUERY | OP_COMPRESSED | OP_MSG)) => Verdict::Yes,
        (_, _, Some(_)) => Verdict::No,
        _ if first.server.is_empty() => Verdict::Maybe,
        _ => Verdict::No,
    }
}

/// One connection.
#[derive(Debug, Default)]
struct Mongodb {
    user: Vec<u8>,
    mechanism: Vec<u8>,
    logs_in: bool,
    commands: u32,
}

impl Dissector for Mongodb {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let mut taken = 0_usize;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let mut head = Bytes::new(rest);
            let head = (head.le32(), head.skip(8), head.le32());
            let (Some(length), Some(()), Some(operation)) = head else {
                return Progress::Taken(u64::try_from(taken).unwrap_or(0));
            };
            if !(16..=LENGTH_MAX).contains(&length) {
                told.malformed();
                return Progress::Done;
            }
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if rest.len() < length.min(MESSAGE_BYTES_MAX) {
                return Progress::Taken(u64::try_from(taken).unwrap_or(0));
            }
            let body =
                rest.get(HEADER_BYTES..length).or(rest.get(HEADER_BYTES..)).unwrap_or_default();
            if let Some(document) = document(operation, body) {
                match direction {
                    Direction::Client => self.command(&document, told),
                    Direction::Server => self.answer(&document, told),
                }
            }
            if self.commands >= COMMANDS_MAX {
                return Progress::Done;
            }
            taken = taken.saturating_add(length);
            if taken >= bytes.len() {
                return Progress::Taken(u64::try_from(taken).unwrap_or(0));
            }
        }
    }
}

/// What is read of a document's elements: texts, documents and numbers, each by its name.
#[derive(Debug, Default)]
struct Document<'a> {
    first: &'a [u8],
    elements: Vec<(&'a [u8], Value<'a>)>,
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    Inner(&'a [u8]),
    Number(i64),
    Other,
}

fn document(operation: u32, body: &[u8]) -> Option<Document<'_>> {
    let mut bytes = Bytes::new(body);
    match operation {
        OP_MSG => {
            bytes.skip(4)?;
            (bytes.u8()? == 0).then_some(())?;
        }
        OP_QUERY => {
            bytes.skip(4)?;
            bytes.zero_ended()?;
            bytes.skip(8)?;
        }
        OP_REPLY => bytes.skip(20)?,
        _ => return None,
    }
    read(bytes.rest())
}

/// Reads a document's own elements; those within are left as they are, so nothing recurses.
fn read(bytes: &[u8]) -> Option<Document<'_>> {
    let mut rest = Bytes::new(bytes);
    let length = usize::try_from(rest.le32()?).ok()?;
    let mut rest = Bytes::new(bytes.get(4..length).or(bytes.get(4..))?);
    let mut document = Document::default();
    for index in 0..ELEMENTS_MAX {
        let Some(kind) = rest.u8().filter(|kind| *kind != 0) else { break };
        let Some(name) = rest.zero_ended() else { break };
        let Some(value) = value(kind, &mut rest) else { break };
        if index == 0 {
            document.first = name;
        }
        document.elements.push((name, value));
    }
    (!document.first.is_empty()).then_some(document)
}

fn value<'a>(kind: u8, rest: &mut Bytes<'a>) -> Option<Value<'a>> {
    let counted = |rest: &mut Bytes<'a>| usize::try_from(rest.le32()?).ok();
    Some(match kind {
        1 => {
            let bits = rest.le64()?;
            // Only whether it is zero matters.
            Value::Number(i64::from(bits << 1 != 0))
        }
        2 | 13 | 14 => {
            let length = counted(rest)?;
            let text = rest.take(length)?;
            Value::Text(text.strip_suffix(b"\0").unwrap_or(text))
        }
        3 | 4 => {
            let start = rest.rest();
            let length = counted(rest)?.checked_sub(4)?;
            rest.skip(length)?;
            Value::Inner(start.get(..length + 4)?)
        }
        5 => {
            let length = counted(rest)?;
            rest.skip(1)?;
            Value::Bytes(rest.take(length)?)
        }
        6 | 10 | 127 | 255 => Value::Other,
        7 => rest.skip(12).map(|()| Value::Other)?,
        8 => Value::Number(i64::from(rest.u8()?)),
        9 | 17 => rest.skip(8).map(|()| Value::Other)?,
        16 => Value::Number(i64::from(rest.le32()?)),
        18 => Value::Number(rest.le64()?.cast_signed()),
        19 => rest.skip(16).map(|()| Value::Other)?,
        _ => return None,
    })
}

impl<'a> Document<'a> {
    fn get(&self, name: &str) -> Option<Value<'a>> {
        self.elements.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> Option<&'a [u8]> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text.get(..NAME_BYTES_MAX).unwrap_or(text)),
            _ => None,
        }
    }

    fn inner(&self, name: &str) -> Option<Document<'a>> {
        match self.get(name) {
            Some(Value::Inner(bytes)) => read(bytes),
            _ => None,
        }
    }
}

impl Mongodb {
    fn command(&mut self, document: &Document<'_>, told: &mut Told<'_>) {
        let name = document.first.get(..64).unwrap_or(document.first);
        match name {
            b"saslStart" => {
                self.logs_in = true;
                self.mechanism = document.text("mechanism").unwrap_or_default().to_vec();
                self.user = match document.get("payload") {
                    Some(Value::Bytes(payload) | Value::Text(payload)) => {
                        sasl_user(payload, &self.mechanism)
                    }
                    _ => Vec::new(),
                };
                return;
            }
            b"saslContinue" | b"ping" | b"getnonce" | b"endSessions" => return,
            _ => {}
        }
        self.commands += 1;
        let client = document.inner("client");
        let heading =
            Heading { category: &["database", "network"], ..Heading::of("database_query") };
        told.event(heading, |line| {
            if let Some(database) = document.text("$db") {
                line.object("database", |to| to.text("name", database));
            }
            line.object("bartizan", |ours| {
                ours.object("mongodb", |to| {
                    to.text("command", name);
                    to.text_some("collection", document.text(&String::from_utf8_lossy(name)));
                    if let Some(client) = client {
                        let of = |part: &str, name: &str| {
                            client.inner(part).and_then(|part| part.text(name).map(<[u8]>::to_vec))
                        };
                        to.text_some("program", of("application", "name"));
                        to.text_some("driver", of("driver", "name"));
                        to.text_some("driver_version", of("driver", "version"));
                        to.text_some("platform", client.text("platform"));
                    }
                });
            });
        });
    }

    fn answer(&mut self, document: &Document<'_>, told: &mut Told<'_>) {
        if !self.logs_in {
            return;
        }
        let number = |name| match document.get(name) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        };
        let refused = number("ok") == Some(0);
        if !refused && number("done") != Some(1) {
            return;
        }
        self.logs_in = false;
        let outcome = if refused { "failure" } else { "success" };
        told.event(Heading::login("database_login", Some(outcome)), |line| {
            if !self.user.is_empty() {
                line.object("user", |user| user.text("name", &self.user));
            }
            line.object("bartizan", |ours| {
                ours.flag("cleartext_password", self.mechanism == b"PLAIN");
                ours.object("mongodb", |to| {
                    to.text_some("mechanism", Some(&self.mechanism));
                    if let Some(code) = number("code").and_then(|code| u64::try_from(code).ok()) {
                        to.number("error_code", code);
                    }
                });
            });
        });
    }
}

/// Gives the user of `n,,n=ann,r=…` (RFC 5802), or of `\0ann\0password` (RFC 4616).
fn sasl_user(payload: &[u8], mechanism: &[u8]) -> Vec<u8> {
    let user = if mechanism == b"PLAIN" {
        payload.split(|byte| *byte == 0).nth(1)
    } else {
        payload.split(|byte| *byte == b',').find_map(|part| part.strip_prefix(b"n="))
    };
    let user = user.unwrap_or_default();
    user.get(..NAME_BYTES_MAX).unwrap_or(user).to_vec()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, tcp};
    use super::*;

    const C: Direction = Direction::Client;
    const S: Direction = Direction::Server;

    fn bson(elements: &[(u8, &str, Vec<u8>)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, name, value) in elements {
            body.push(*kind);
            body.extend(name.bytes());
            body.push(0);
            body.extend(value);
        }
        body.push(0);
        let length = u32::try_from(body.len() + 4).unwrap();
        [&length.to_le_bytes()[..], &body].concat()
    }

    fn text(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len() + 1).unwrap();
        [&length.to_le_bytes()[..], text.as_bytes(), &[0]].concat()
    }

    fn message(document: &[u8]) -> Vec<u8> {
        let length = u32::try_from(document.len() + 21).unwrap();
        let numbers = [length, 1, 0, OP_MSG, 0];
        let head: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        [&head[..], &[0], document].concat()
    }

    #[test]
    fn who_connects_logs_in_and_asks() {
        let driver = bson(&[(2, "name", text("PyMongo")), (2, "version", text("4.9"))]);
        let client = bson(&[(3, "driver", driver), (2, "platform", text("CPython 3.11"))]);
        let hello = message(&bson(&[
            (16, "hello", vec![1, 0, 0, 0]),
            (3, "client", client),
            (2, "$db", text("admin")),
        ]));
        let payload = b"n,,n=ann,r=abc";
        let payload = [&14_u32.to_le_bytes()[..], &[0], payload].concat();
        let login = message(&bson(&[
            (16, "saslStart", vec![1, 0, 0, 0]),
            (2, "mechanism", text("SCRAM-SHA-256")),
            (5, "payload", payload),
        ]));
        let refused = message(&bson(&[(1, "ok", vec![0; 8]), (16, "code", vec![18, 0, 0, 0])]));
        let list = message(&bson(&[(2, "find", text("users")), (2, "$db", text("shop"))]));
        let told = feed_about(
            &MONGODB,
            &tcp(27017),
            &[(C, &hello[..40]), (C, &hello[40..]), (C, &login), (S, &refused), (C, &list)],
        );
        expect![[r#"
            database_query  {"database":{"name":"admin"},"bartizan":{"mongodb":{"command":"hello","driver":"PyMongo","driver_version":"4.9","platform":"CPython 3.11"}}}
            database_login failure {"user":{"name":"ann"},"bartizan":{"cleartext_password":false,"mongodb":{"mechanism":"SCRAM-SHA-256","error_code":18}}}
            database_query  {"database":{"name":"shop"},"bartizan":{"mongodb":{"command":"find","collection":"users"}}}
        "#]].assert_eq(&told);
    }
}
