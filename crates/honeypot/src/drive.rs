//! Plays a [`Talk`] on a session: reads whole messages, writes the answers, tells what was done.

use crate::octets::Octets;
use crate::session::{End, Fields, Outcome, Session, Visit};
use crate::talk::{Gate, Length, Secret, Talk, Then, Told, Turn};

/// Seconds between 1601, from which Windows counts, and 1970.
const FROM_1601_SECONDS: i64 = 11_644_473_600;

/// Plays it to its end. What was left unfinished is told however it ends.
pub(crate) async fn drive(session: &mut Session, talk: &mut dyn Talk) -> Result<(), End> {
    let end = play(session, talk).await;
    for told in talk.ended() {
        tell(session.visit(), told).await;
    }
    end
}

async fn play(session: &mut Session, talk: &mut dyn Talk) -> Result<(), End> {
    let mut turn = talk.greet();
    loop {
        let then = turn.then;
        perform(session, turn).await?;
        match then {
            Then::Close => return Ok(()),
            Then::Tls => session.start_tls(None).await?,
            Then::Listen => {}
        }
        let length = loop {
            match talk.length(session.pending()) {
                Length::Whole(length) => break length,
                Length::More => session.fill().await?,
                Length::Broken => return Err(End::Protocol),
            }
        };
        turn = match session.pending().get(..length) {
            Some(message) => talk.take(message),
            None => return Err(End::Protocol),
        };
        session.consume(length);
    }
}

async fn perform(session: &mut Session, turn: Turn) -> Result<(), End> {
    let refused =
        turn.told.iter().any(|told| told.action == "login" && told.succeeded == Some(false));
    for told in turn.told {
        tell(session.visit(), told).await;
    }
    if refused {
        session.think(15, 90).await;
    }
    if turn.out.is_empty() { Ok(()) } else { session.write(&turn.out).await }
}

async fn tell(visit: &Visit, told: Told) {
    let mut fields = Fields::new();
    let mut command = None;
    for (name, value) in told.fields {
        match value {
            serde_json::Value::String(text) if name == "process.command_line" => {
                command = Some(text);
            }
            value => fields.set(name, value),
        }
    }
    if let Some(succeeded) = told.succeeded {
        let outcome = if succeeded { Outcome::Success } else { Outcome::Failure };
        fields.set("event.outcome", outcome.as_str());
    }
    if let Some(file) = told.file {
        if let Some(mut upload) = visit.begin_upload(file.name.as_bytes()) {
            upload.push(&file.bytes);
            upload.finish(fields).await;
        }
        return;
    }
    match command {
        Some(command) if told.action == "command" => {
            visit.command(command.as_bytes(), fields).await;
        }
        Some(command) => {
            visit.tell(told.action, fields.with("process.command_line", command)).await;
        }
        None => visit.tell(told.action, fields).await,
    }
}

/// Who is let in, as the house decides.
pub(crate) fn gate(session: &Session) -> Gate {
    let visit = session.visit().clone();
    Box::new(move |user, secret| match secret {
        Secret::Plain(password) => visit.admits(user.as_bytes(), password.as_bytes()),
        Secret::Answer(gives) => admits_answer(&visit, user, gives),
    })
}

/// Decides on who answered a challenge: `gives` tells whether a password would have given that answer.
fn admits_answer(visit: &Visit, user: &str, gives: &dyn Fn(&str) -> bool) -> bool {
    let house = visit.house();
    let own = house.config.accounts.iter().filter(|account| account.user == user);
    let own = own.map(|account| account.password.as_str());
    let found = own.chain(house.persona.weak_of(user)).find(|password| gives(password));
    // Where everybody is let in it need not be known; elsewhere no account has this password.
    visit.admits(user.as_bytes(), found.unwrap_or("\0").as_bytes())
}

/// Random bytes for one connection; where the system has none, nothing is played.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], End> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| End::Closed)?;
    Ok(bytes)
}

/// The beginning of bytes that follow from the persona.
pub(crate) fn own<const N: usize>(session: &Session, words: &str) -> [u8; N] {
    Octets::new(&session.persona().bytes(words)).array().unwrap_or([0; N])
}

/// The time as Windows counts it, in units of 100 ns.
pub(crate) fn windows_time(seconds: i64) -> u64 {
    u64::try_from(seconds.saturating_add(FROM_1601_SECONDS))
        .unwrap_or_default()
        .saturating_mul(10_000_000)
}
