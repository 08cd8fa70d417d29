//! PostgreSQL (frontend/backend protocol 3): start, log-in, first queries.
//!
//! ```text
//! 00000026 00030000 user\0ann\0database\0shop\0\0     start: length, version, parameters
//! 52 00000008 00000000                               'R', length, 0: let in
//! ```

use super::shared::bytes::Bytes;
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const POSTGRESQL: Protocol = Protocol {
    name: "postgresql",
    over: &[Transport::Tcp],
    ports: &[5432],
    recognises,
    open: |_| Box::new(Postgresql::default()),
    bytes_max: 1024 * 1024,
    held_max: 20 * 1024,
    events_max: QUERIES_MAX + 2,
};

/// Bounds the queries of one connection that are told.
const QUERIES_MAX: u32 = 16;
/// Bounds what is told of one.
const QUERY_BYTES_MAX: usize = 512;
/// Bounds the start and a message that is read; others are skipped by their length.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
const NAME_BYTES_MAX: usize = 256;

const VERSION_3: u32 = 0x0003_0000;
const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const GSS: u32 = 80_877_104;

fn recognises(first: &First<'_>) -> Verdict {
    let mut bytes = Bytes::new(first.client);
    let (length, version) = (bytes.u32(), bytes.u32());
    match (length, version) {
        (Some(8), Some(TLS | GSS)) | (Some(16), Some(CANCEL)) => Verdict::Yes,
        (Some(9..10_000), Some(VERSION_3 | 0x0003_0002)) => {
            let rest = bytes.rest();
            let name = |text: &[u8]| rest.starts_with(text) || text.starts_with(rest);
            // The parameters come in any order; all of them are words.
            if name(b"user\0") || rest.first().is_none_or(u8::is_ascii_lowercase) {
                Verdict::Yes
            } else {
                Verdict::No
            }
        }
        (Some(8..10_000), None) => Verdict::Maybe,
        (None, None) if first.client.iter().take(2).all(|byte| *byte == 0) => {
            if first.server.is_empty() { Verdict::Maybe } else { Verdict::No }
        }
        _ => Verdict::No,
    }
}

/// One connection.
#[derive(Debug, Default)]
struct Postgresql {
    started: bool,
    /// TLS or GSS was asked for; one byte answers.
    asked: Option<u32>,
    user: Vec<u8>,
    database: Vec<u8>,
    program: Vec<u8>,
    method: Option<&'static str>,
    /// The log-in was answered.
    answered: bool,
    queries: u32,
}

impl Dissector for Postgresql {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let mut taken = 0_usize;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            if rest.is_empty() {
                return Progress::Taken(u64::try_from(taken).unwrap_or(0));
            }
            match self.step(direction, rest, told) {
                Step::Took(count) => match taken.checked_add(count) {
                    Some(sum) if sum <= bytes.len() => taken = sum,
                    Some(sum) => return Progress::Taken(u64::try_from(sum).unwrap_or(u64::MAX)),
                    None => return Progress::Done,
                },
                Step::Waits => return Progress::Taken(u64::try_from(taken).unwrap_or(0)),
                Step::Ends => return Progress::Done,
                Step::Tls => {
                    return Progress::Become(u64::try_from(taken + 1).unwrap_or(0), "tls");
                }
            }
        }
    }

    fn gap(&mut self, _: Direction, told: &mut Told<'_>) -> Progress {
        self.end(told);
        Progress::Done
    }

    fn end(&mut self, told: &mut Told<'_>) {
        if self.started && !self.answered {
            self.login(None, None, told);
        }
    }
}

enum Step {
    Took(usize),
    Waits,
    Ends,
    Tls,
}

impl Postgresql {
    fn step(&mut self, direction: Direction, rest: &[u8], told: &mut Told<'_>) -> Step {
        match direction {
            Direction::Server if self.asked.is_some() => match (self.asked.take(), rest.first()) {
                (Some(TLS), Some(b'S')) => Step::Tls,
                (_, Some(b'N')) => Step::Took(1),
                _ => Step::Ends,
            },
            Direction::Client if !self.started => self.start(rest),
            _ => self.message(direction, rest, told),
        }
    }

    fn start(&mut self, rest: &[u8]) -> Step {
        let mut bytes = Bytes::new(rest);
        let (Some(length), Some(version)) = (bytes.u32(), bytes.u32()) else { return Step::Waits };
        let Some(length) =
            usize::try_from(length).ok().filter(|l| (8..=MESSAGE_BYTES_MAX).contains(l))
        else {
            return Step::Ends;
        };
        let Some(message) = rest.get(8..length) else { return Step::Waits };
        if matches!(version, TLS | GSS) {
            self.asked = Some(version);
            return Step::Took(length);
        }
        if version >> 16 != 3 {
            return Step::Ends;
        }
        self.started = true;
        let mut parameters = Bytes::new(message);
        while let Some(name) = parameters.zero_ended().filter(|name| !name.is_empty()) {
            let value = parameters.zero_ended().unwrap_or_default();
            let value = value.get(..NAME_BYTES_MAX).unwrap_or(value).to_vec();
            match name {
                b"user" => self.user = value,
                b"database" => self.database = value,
                b"application_name" => self.program = value,
                _ => {}
            }
        }
        Step::Took(length)
    }

    fn message(&mut self, direction: Direction, rest: &[u8], told: &mut Told<'_>) -> Step {
        let mut bytes = Bytes::new(rest);
        let (Some(kind), Some(length)) = (bytes.u8(), bytes.u32()) else { return Step::Waits };
        let Some(length) = usize::try_from(length).ok().filter(|length| *length >= 4) else {
            told.malformed();
            self.end(told);
            return Step::Ends;
        };
        let wanted = match direction {
            Direction::Server => !self.answered && matches!(kind, b'R' | b'E'),
            Direction::Client => matches!(kind, b'Q' | b'P'),
        };
        if wanted {
            let needed = (length - 4).min(MESSAGE_BYTES_MAX);
            if bytes.len() < needed {
                return Step::Waits;
            }
            let body = bytes.rest().get(..needed).unwrap_or_default();
            match direction {
                Direction::Server => self.answer(kind, body, told),
                Direction::Client => self.query(kind, body, told),
            }
        }
        if self.queries >= QUERIES_MAX { Step::Ends } else { Step::Took(length.saturating_add(1)) }
    }

    fn answer(&mut self, kind: u8, body: &[u8], told: &mut Told<'_>) {
        if kind == b'E' {
            let mut fields = Bytes::new(body);
            let mut code = None;
            while let Some((mark, text)) = fields.zero_ended().and_then(|field| field.split_first())
            {
                if *mark == b'C' {
                    code = Some(text.get(..5).unwrap_or(text));
                }
            }
            self.login(code, Some("failure"), told);
            return;
        }
        match Bytes::new(body).u32() {
            Some(0) => self.login(None, Some("success"), told),
            Some(3) => self.method = Some("password"),
            Some(5) => self.method = Some("md5"),
            Some(7 | 8) => self.method = Some("gss"),
            Some(10) => self.method = Some("scram"),
            _ => {}
        }
    }

    fn login(&mut self, code: Option<&[u8]>, outcome: Option<&'static str>, told: &mut Told<'_>) {
        self.answered = true;
        told.event(Heading::login("database_login", outcome), |line| {
            line.object("user", |user| user.text("name", &self.user));
            line.object("database", |to| to.text_some("name", Some(&self.database)));
            line.object("bartizan", |ours| {
                ours.flag("cleartext_password", self.method == Some("password"));
                ours.object("postgresql", |to| {
                    to.text_some("program", Some(&self.program));
                    to.word("method", self.method.unwrap_or("trust"));
                    to.text_some("error_code", code);
                });
            });
        });
    }

    fn query(&mut self, kind: u8, body: &[u8], told: &mut Told<'_>) {
        let mut bytes = Bytes::new(body);
        // A prepared statement has a name first.
        if kind == b'P' && bytes.zero_ended().is_none() {
            return;
        }
        let text = bytes.rest().split(|byte| *byte == 0).next().unwrap_or_default();
        let start = text.get(..QUERY_BYTES_MAX).unwrap_or(text).to_ascii_lowercase();
        let secret = memchr::memmem::find(&start, b"password").is_some();
        self.queries += 1;
        let heading =
            Heading { category: &["database", "network"], ..Heading::of("database_query") };
        told.event(heading, |line| {
            line.object("user", |user| user.text("name", &self.user));
            line.object("database", |to| {
                to.text_some("name", Some(&self.database));
                if !secret {
                    to.text_within("statement", text, QUERY_BYTES_MAX);
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, tcp, unhex};
    use super::*;

    const C: Direction = Direction::Client;
    const S: Direction = Direction::Server;

    fn start() -> Vec<u8> {
        let parameters = b"user\0ann\0database\0shop\0application_name\0psql\0\0";
        let length = u32::try_from(parameters.len() + 8).unwrap();
        [&length.to_be_bytes()[..], &VERSION_3.to_be_bytes(), parameters].concat()
    }

    #[test]
    fn let_in_after_a_password_in_clear() {
        let told = feed_about(
            &POSTGRESQL,
            &tcp(5432),
            &[
                (C, &unhex("00000008 04d2162f")),
                (S, b"N"),
                (C, &start()),
                (S, &unhex("52 00000008 00000003")),
                (C, b"p\0\0\0\x0bsecret\0"),
                (S, &unhex("52 00000008 00000000 53 00000005 00")),
                (C, b"Q\0\0\0\x0dSELECT 1\0"),
            ],
        );
        assert!(!told.contains("secret"));
        expect![[r#"
            database_login success {"database":{"name":"shop"},"bartizan":{"cleartext_password":true,"postgresql":{"program":"psql","method":"password"}},"user":{"name":"ann"}}
            database_query  {"user":{"name":"ann"},"database":{"name":"shop","statement":"SELECT 1"}}
        "#]].assert_eq(&told);
    }

    #[test]
    fn refused() {
        let told = feed_about(
            &POSTGRESQL,
            &tcp(5432),
            &[
                (C, &start()),
                (S, &unhex("52 0000000c 00000005 01020304")),
                (S, b"E\0\0\0\x19SFATAL\0C28P01\0Mno\0\0\0\0\0\0"),
            ],
        );
        expect![[r#"
            database_login failure {"database":{"name":"shop"},"bartizan":{"cleartext_password":false,"postgresql":{"program":"psql","method":"md5","error_code":"28P01"}},"user":{"name":"ann"}}
        "#]].assert_eq(&told);
    }
}
