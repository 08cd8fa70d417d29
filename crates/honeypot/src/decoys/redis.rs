//! Redis: commands answered from a small memory of one's own, `INFO` of the persona's version, and every
//! way of taking a server over recorded as what it is.

mod attempts;
mod info;
mod keys;
mod machine;
mod resp;
mod script;
mod settings;
mod values;

use std::fmt::Write as _;
use std::time::Duration;

use futures::FutureExt as _;

use super::Decoy;
use crate::config::Admit;
use crate::session::{End, Fields, Outcome, Session, Visit, now};
use crate::text::{hex, shown};
use info::Facts;
use machine::Machine;
use resp::{Command, Reader};

pub(crate) const DECOY: Decoy = Decoy {
    id: "redis",
    port: 6379,
    summary: "Redis without a password (with one where `admit` is `none`), its takeovers recorded",
    serve: |session| serve(session).boxed(),
};

/// How much of a command is told.
const COMMAND_BYTES_MAX: usize = 4_096;
/// How much of one word of it.
const WORD_BYTES_MAX: usize = 1_024;
/// Bounds the commands of one connection, and with them its work.
const COMMANDS_MAX: u32 = 10_000;

async fn serve(session: &mut Session) -> Result<(), End> {
    // What a silent client would hold for nothing is made with its first bytes.
    if session.pending().is_empty() {
        session.fill().await?;
    }
    let mut reader = Box::new(Reader::default());
    let mut machine = Box::new(Machine::new(facts(session)));
    let mut commands = 0;
    loop {
        let piece = session.read_some(16 * 1024).await?;
        let mut input = piece.as_slice();
        loop {
            match reader.next(&mut input) {
                Ok(None) => break,
                Ok(Some(command)) => {
                    commands += 1;
                    let is_over = answer(session, &mut machine, &command).await?;
                    if is_over || commands >= COMMANDS_MAX {
                        session.close().await;
                        return Ok(());
                    }
                }
                Err(fault) => {
                    let fields = Fields::new().with_bytes("bartizan.decoy.first", &piece);
                    session.tell("malformed", fields).await;
                    session.write(&resp::error(&format!("ERR {}", fault.0))).await?;
                    session.close().await;
                    return Err(End::Protocol);
                }
            }
        }
    }
}

/// Answers one command and tells of it; true where the connection ends with it.
async fn answer(
    session: &mut Session,
    machine: &mut Machine,
    command: &Command,
) -> Result<bool, End> {
    let answer = machine.answer(command);
    let mut bytes = answer.bytes;
    if let Some((user, password)) = answer.login {
        session.think(1, 4).await;
        let admitted = session.admits(user.as_bytes(), password.as_bytes());
        let told = machine.authenticated(admitted);
        let worked = told.first() == Some(&b'+');
        if !worked || bytes.is_empty() {
            bytes = told;
        }
        let outcome = if worked { Outcome::Success } else { Outcome::Failure };
        let (user, password) = (user.as_bytes(), password.as_bytes());
        session.credentials(user, Some(password), outcome, Fields::new()).await;
    } else {
        let failed = bytes.first() == Some(&b'-');
        let outcome = if failed { Outcome::Failure } else { Outcome::Success };
        let mut fields = Fields::new().with("event.outcome", outcome.as_str());
        if let Some(attempt) = answer.attempt {
            fields.set("event.reason", attempt);
        }
        if command.dropped_bytes > 0 {
            fields.set("bartizan.decoy.bytes_dropped", command.dropped_bytes);
        }
        session.command(typed(command).as_bytes(), fields).await;
    }
    if let Some((path, content)) = answer.file {
        session.upload(path.as_bytes(), &content).await;
    }
    session.write(&bytes).await?;
    Ok(answer.close)
}

/// A command as somebody would type it.
fn typed(command: &Command) -> String {
    let mut text = String::new();
    for word in &command.words {
        if text.len() >= COMMAND_BYTES_MAX {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        let word = shown(word, WORD_BYTES_MAX);
        if word.is_empty() || word.contains([' ', '\n', '\r', '\t', '"']) {
            let _ = write!(text, "{word:?}");
        } else {
            text.push_str(&word);
        }
    }
    text
}

fn facts(visit: &Visit) -> Facts {
    let persona = visit.persona();
    let time = now();
    let uptime = time.since(persona.booted(time)).saturating_sub(Duration::from_secs(37));
    Facts {
        version: persona.version("redis").to_owned(),
        os: format!("Linux {} x86_64", persona.os().kernel),
        run_id: hex(&persona.bytes("redis run")).chars().take(40).collect(),
        process_id: u32::try_from(persona.number("redis process", 480, 1_190)).unwrap_or(612),
        port: 6379,
        uptime,
        now: u64::try_from(time.seconds()).unwrap_or_default(),
        asks_password: visit.house().config.admit == Admit::None,
    }
}

/// Gives bytes, cut into pieces by their first one, to everything here that reads them.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let (step, rest) = super::shared::fuzz_pieces(bytes);
    let facts = Facts {
        version: if step % 2 == 0 { "6.0.16" } else { "7.0.15" }.to_owned(),
        os: "Linux 6.1.0 x86_64".to_owned(),
        run_id: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        process_id: 612,
        port: 6379,
        uptime: Duration::from_secs(1_000_000),
        now: 1_795_244_280,
        asks_password: step % 3 == 0,
    };
    let (mut reader, mut machine) = (Reader::default(), Machine::new(facts));
    for mut piece in rest.chunks(step) {
        while let Ok(Some(command)) = reader.next(&mut piece) {
            let answer = machine.answer(&command);
            let login =
                answer.login.map(|(user, password)| machine.authenticated(user == password));
            let reply = login.unwrap_or(answer.bytes);
            assert!(reply.is_empty() || reply.ends_with(b"\r\n"));
            let _ = typed(&command);
        }
    }
}

#[cfg(test)]
mod tests;
