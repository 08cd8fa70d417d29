//! SMTP as Postfix speaks it: log-ins and letters are taken down, nothing is ever carried on.

mod machine;

use futures::FutureExt as _;

use super::Decoy;
use crate::session::{End, Fields, Outcome, Session, Upload, Visit};
use crate::text::{hex, shown};
use machine::{Envelope, Facts, LINE_BYTES_MAX, Machine, Next, Turn};

pub(crate) const DECOY: Decoy = Decoy {
    id: "smtp",
    port: 2525,
    summary: "SMTP as Postfix speaks it, with TLS; relays nothing, keeps what was to be sent",
    serve: |session| serve(session).boxed(),
};

/// What Postfix takes of a letter unless told otherwise; it is read on and thrown away.
const LETTER_BYTES_MAX: u64 = 10_240_000;
/// How much of a letter is told.
const TOLD_BYTES_MAX: usize = 4 * 1024;
/// Bounds a line of a letter; Postfix cuts longer ones too.
const LETTER_LINE_BYTES_MAX: usize = 16 * 1024;

/// A letter on its way into quarantine.
struct Letter {
    upload: Option<Upload>,
    first: Vec<u8>,
    bytes: u64,
}

impl Letter {
    fn new(visit: &Visit) -> Self {
        let name = format!("letter-{}.eml", visit.id());
        Self { upload: visit.begin_upload(name.as_bytes()), first: Vec::new(), bytes: 0 }
    }

    fn push(&mut self, piece: &[u8]) {
        self.bytes += u64::try_from(piece.len()).unwrap_or_default();
        let room = TOLD_BYTES_MAX.saturating_sub(self.first.len());
        self.first.extend_from_slice(piece.get(..room).unwrap_or(piece));
        if let Some(upload) = &mut self.upload {
            upload.push(piece);
        }
    }
}

async fn serve(session: &mut Session) -> Result<(), End> {
    session.write(format!("220 {}\r\n", greeting(session)).as_bytes()).await?;
    // What a silent client would hold for nothing is made with its first bytes.
    while session.pending().is_empty() {
        session.fill().await?;
    }
    let mut machine = Box::new(Machine::new(facts(session), session.is_tls()));
    let mut pieces: Option<Letter> = None;
    while let Some(line) = session.read_line(LINE_BYTES_MAX).await? {
        let text = String::from_utf8_lossy(&line).into_owned();
        let awaits = machine.awaits_credentials();
        let turn = machine.answer(&text);
        let is_secret = awaits || matches!(turn.next, Next::LogIn { .. });
        if !is_secret {
            session.command(&line, told(&machine, &turn)).await;
        }
        session.write(turn.reply.as_bytes()).await?;
        match turn.next {
            // What was begun with `BDAT` belongs to the letter that is under way.
            Next::Nothing if !machine.is_under_way() => pieces = None,
            Next::Nothing => {}
            Next::Close => break,
            Next::LogIn { user, password } => {
                if log_in(session, &mut machine, &user, &password).await? {
                    break;
                }
            }
            Next::Tls => {
                // What was sent before TLS does not count within it.
                let ahead = session.pending().first().is_some_and(|first| *first != 22);
                if ahead {
                    session.consume(session.pending().len());
                }
                session.start_tls(None).await?;
                machine.secured();
            }
            Next::Letter => {
                let letter = letter(session).await?;
                taken(session, &mut machine, letter).await?;
            }
            Next::Piece { bytes, last } => {
                let mut held = pieces.take().unwrap_or_else(|| Letter::new(session));
                piece(session, &mut held, bytes).await?;
                if last {
                    taken(session, &mut machine, held).await?;
                } else {
                    pieces = Some(held);
                    session.write(Machine::piece_taken(bytes).reply.as_bytes()).await?;
                }
            }
        }
    }
    session.close().await;
    Ok(())
}

fn told(machine: &Machine, turn: &Turn) -> Fields {
    let outcome = if turn.worked { Outcome::Success } else { Outcome::Failure };
    let mut fields = Fields::new().with("event.outcome", outcome.as_str());
    if turn.relay {
        fields.set("event.reason", "mail_relay");
    }
    if let Some(hello) = machine.hello() {
        fields.set("bartizan.decoy.client", hello);
    }
    fields
}

/// Decides on a password; true where the connection ends.
async fn log_in(
    session: &mut Session,
    machine: &mut Machine,
    user: &str,
    password: &str,
) -> Result<bool, End> {
    let admitted = session.admits(user.as_bytes(), password.as_bytes());
    // Postfix waits before it says that a password was wrong.
    if !admitted {
        session.think(700, 1_400).await;
    }
    let outcome = if admitted { Outcome::Success } else { Outcome::Failure };
    let mut fields = Fields::new().with("bartizan.decoy.banner_sent", greeting(session));
    if let Some(hello) = machine.hello() {
        fields.set("bartizan.decoy.client", hello);
    }
    session.credentials(user.as_bytes(), Some(password.as_bytes()), outcome, fields).await;
    let turn = machine.logged_in(admitted);
    session.write(turn.reply.as_bytes()).await?;
    Ok(turn.next == Next::Close)
}

/// Takes a letter up to its line with one dot.
async fn letter(session: &mut Session) -> Result<Letter, End> {
    let mut letter = Letter::new(session);
    while let Some(line) = session.read_line(LETTER_LINE_BYTES_MAX).await? {
        if line == b"." {
            return Ok(letter);
        }
        let line = line.strip_prefix(b".").unwrap_or(&line);
        letter.push(line);
        letter.push(b"\r\n");
    }
    Err(End::Closed)
}

/// Takes so many bytes of a letter.
async fn piece(session: &mut Session, letter: &mut Letter, bytes: u64) -> Result<(), End> {
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(16 * 1024);
        let some = session.read_some(most).await?;
        letter.push(&some);
        left -= u64::try_from(some.len()).unwrap_or(left);
    }
    Ok(())
}

/// Puts a letter into quarantine and tells of it.
async fn taken(session: &mut Session, machine: &mut Machine, letter: Letter) -> Result<(), End> {
    let number = format!("letter {} {}", session.id(), machine.letters());
    let queue_id: String =
        hex(&session.persona().bytes(&number)).to_ascii_uppercase().chars().take(10).collect();
    let (envelope, turn) = machine.letter_taken(&queue_id);
    let too_long = letter.bytes > LETTER_BYTES_MAX;
    let fields = about(&envelope, &letter, &queue_id);
    if let Some(upload) = letter.upload {
        upload.finish(fields.clone()).await;
    }
    session.tell("message", fields).await;
    let reply =
        if too_long { "552 5.3.4 Error: message file too big\r\n".to_owned() } else { turn.reply };
    session.write(reply.as_bytes()).await
}

fn about(envelope: &Envelope, letter: &Letter, queue_id: &str) -> Fields {
    let text = String::from_utf8_lossy(&letter.first);
    let header = |name: &str| {
        let of = |line: &str| {
            let (held, value) = line.split_once(':')?;
            held.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        text.lines().take_while(|line| !line.is_empty()).find_map(of)
    };
    let to: Vec<serde_json::Value> = envelope.to.iter().map(|to| to.clone().into()).collect();
    let mut fields = Fields::new()
        .with("email.from.address", envelope.from.clone())
        .with("email.to.address", to)
        .with("email.local_id", queue_id)
        .with("bartizan.decoy.message", shown(&letter.first, TOLD_BYTES_MAX))
        .with("bartizan.decoy.message_bytes", letter.bytes);
    for (name, field) in [
        ("subject", "email.subject"),
        ("x-mailer", "email.x_mailer"),
        ("message-id", "email.message_id"),
    ] {
        if let Some(value) = header(name) {
            fields.set(field, value);
        }
    }
    fields
}

/// What it says first, without its number.
fn greeting(visit: &Visit) -> String {
    let own = visit.service().banner.clone();
    own.unwrap_or_else(|| facts(visit).greeting())
}

fn facts(visit: &Visit) -> Facts {
    let persona = visit.persona();
    let system = match persona.os().id {
        "debian" => "Debian/GNU",
        "ubuntu" => "Ubuntu",
        _ => "",
    };
    Facts {
        host: persona.fqdn(),
        domain: persona.domain().to_owned(),
        system: system.to_owned(),
        users: persona.users().iter().map(|user| user.name.clone()).collect(),
    }
}

/// Gives bytes, cut into pieces by their first one, to everything here that reads them.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let (step, rest) = super::shared::fuzz_pieces(bytes);
    let facts = Facts {
        host: "mail.norda.example".to_owned(),
        domain: "norda.example".to_owned(),
        system: "Debian/GNU".to_owned(),
        users: vec!["ahoff".to_owned()],
    };
    let mut machine = Machine::new(facts, step % 2 == 0);
    for line in rest.split(|byte| *byte == b'\n') {
        let turn = machine.answer(&String::from_utf8_lossy(line));
        let fields = told(&machine, &turn);
        match turn.next {
            Next::LogIn { user, password } => drop(machine.logged_in(user == password)),
            Next::Letter | Next::Piece { .. } => drop(machine.letter_taken("0")),
            Next::Tls => machine.secured(),
            Next::Nothing | Next::Close => drop(fields),
        }
    }
}

#[cfg(test)]
mod tests;
