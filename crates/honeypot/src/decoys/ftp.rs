//! FTP as vsftpd speaks it, with a port for data that only the same address may use. What is sent goes
//! into quarantine; it never connects to anybody, so `PORT` is refused.

mod data;
mod machine;
mod tree;

use std::net::IpAddr;

use futures::FutureExt as _;

use super::Decoy;
use crate::session::{End, Fields, Outcome, Session, Visit, now};
use data::Port;
use machine::{LINE_BYTES_MAX, Machine, Next, Turn};
use tree::{Content, Tree};

pub(crate) const DECOY: Decoy = Decoy {
    id: "ftp",
    port: 2121,
    summary: "FTP as vsftpd speaks it, open to anonymous, uploads into quarantine",
    serve: |session| serve(session).boxed(),
};

async fn serve(session: &mut Session) -> Result<(), End> {
    session.write(format!("220 {}\r\n", greeting(session)).as_bytes()).await?;
    // What a silent client would hold for nothing is made with its first bytes.
    while session.pending().is_empty() {
        session.fill().await?;
    }
    let mut machine = Box::new(Machine::new(files(session)));
    let mut port: Option<Port> = None;
    while let Some(line) = session.read_line(LINE_BYTES_MAX).await? {
        let line = without_telnet(&line);
        let text = String::from_utf8_lossy(&line).into_owned();
        let turn = machine.answer(&text, port.is_some(), seconds());
        let is_password = text.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("pass "));
        if !is_password {
            let outcome = if turn.worked { Outcome::Success } else { Outcome::Failure };
            let fields = Fields::new().with("event.outcome", outcome.as_str());
            session.command(&line, fields).await;
        }
        if matches!(turn.next, Next::Passive { .. }) {
            port = None;
        }
        if step(session, &mut machine, &mut port, turn).await? {
            session.close().await;
            return Ok(());
        }
    }
    Ok(())
}

/// Does what a command leads to; true where the connection ends with it.
async fn step(
    session: &mut Session,
    machine: &mut Machine,
    port: &mut Option<Port>,
    turn: Turn,
) -> Result<bool, End> {
    session.write(turn.reply.as_bytes()).await?;
    match turn.next {
        Next::Nothing => {}
        Next::Close => return Ok(true),
        Next::LogIn { user, password } => {
            let turn = log_in(session, machine, &user, &password).await;
            session.write(turn.reply.as_bytes()).await?;
            return Ok(turn.next == Next::Close);
        }
        Next::Passive { extended } => {
            *port = Port::open(session).await;
            let reply = match port {
                Some(port) => port.told(session.local().ip(), extended),
                None => Machine::no_port().reply,
            };
            session.write(reply.as_bytes()).await?;
        }
        Next::Send { data, done } => {
            let sent = match port.take() {
                Some(port) => port.send(session, &data).await?,
                None => false,
            };
            let reply = if sent { done } else { "425 Failed to establish connection." };
            session.write(format!("{reply}\r\n").as_bytes()).await?;
        }
        Next::Receive { path } => {
            let taken = match port.take() {
                Some(port) => port.receive(session, &path).await?,
                None => None,
            };
            let reply = match taken {
                Some(bytes) => {
                    machine.stored(&path, bytes, seconds());
                    "226 Transfer complete.\r\n"
                }
                None => "425 Failed to establish connection.\r\n",
            };
            session.write(reply.as_bytes()).await?;
        }
    }
    Ok(false)
}

/// vsftpd answers a right password soon and a wrong one after a second or so.
async fn log_in(session: &Session, machine: &mut Machine, user: &str, password: &str) -> Turn {
    let admitted =
        machine::is_anonymous(user) || session.admits(user.as_bytes(), password.as_bytes());
    if admitted {
        session.think(15, 60).await;
    } else {
        session.think(900, 1_600).await;
    }
    let outcome = if admitted { Outcome::Success } else { Outcome::Failure };
    let (user, password) = (user.as_bytes(), password.as_bytes());
    let fields = Fields::new().with("bartizan.decoy.banner_sent", greeting(session));
    session.credentials(user, Some(password), outcome, fields).await;
    machine.logged_in(admitted)
}

/// What it says first, without its number.
fn greeting(visit: &Visit) -> String {
    let version = visit.persona().version("vsftpd");
    visit.service().banner.clone().unwrap_or_else(|| format!("(vsFTPd {version})"))
}

/// A line without the commands of Telnet that some clients put before `ABOR`.
fn without_telnet(line: &[u8]) -> Vec<u8> {
    line.iter().copied().filter(|byte| !matches!(byte, 0xf2..=0xff | 0)).collect()
}

fn seconds() -> u64 {
    u64::try_from(now().seconds()).unwrap_or_default()
}

/// The files that lie there: a folder for everybody, one to leave things in, and a copy that somebody
/// forgot.
fn files(visit: &Visit) -> Tree {
    let persona = visit.persona();
    let born = u64::try_from(persona.set_up().seconds()).unwrap_or_default();
    let day = |words: &str, most| born + persona.number(words, 1, most) * 86_400 + 31_337;
    let owner =
        persona.users().iter().find(|user| user.name != "root").map_or(1000, |user| user.uid);
    let mut tree = Tree::new(born);
    tree.folder("/pub", day("ftp pub", 40), 0);
    tree.folder("/incoming", day("ftp incoming", 40), 112);
    tree.folder("/backup", day("ftp backup", 90), owner);
    let about = format!(
        "This is the file server of {}.\n\nLeave files for us in /incoming and write to postmaster@{0} when \
         you are done.\n",
        persona.domain()
    );
    tree.file("/pub/README", Content::Text(about), day("ftp readme", 50), 0);
    let host = persona.host_name();
    let settings = format!(
        "# backup of {host}\nhost={host}.{}\nuser=backup\ntarget=/srv/backup\nkeep_days=14\n",
        persona.domain()
    );
    tree.file("/backup/backup.conf", Content::Text(settings), day("ftp settings", 90), owner);
    for part in ["etc", "www"] {
        let name = format!("/backup/{host}-{part}.tar.gz");
        let seed = persona.number(&name, 0, u64::MAX - 1);
        let bytes = 8_192 + usize::try_from(seed % 8_192).unwrap_or_default();
        tree.file(&name, Content::Archive { seed, bytes }, day(&name, 110), owner);
    }
    tree
}

/// Whether two addresses are one, however they are written.
fn same(one: IpAddr, other: IpAddr) -> bool {
    one.to_canonical() == other.to_canonical()
}

/// Gives bytes, cut into pieces by their first one, to everything here that reads them.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let (step, rest) = super::shared::fuzz_pieces(bytes);
    let mut tree = Tree::new(1_700_000_000);
    tree.folder("/pub", 1_700_000_000, 0);
    tree.file("/pub/x.tar.gz", Content::Archive { seed: 7, bytes: 99 }, 1_700_000_000, 0);
    let mut machine = Machine::new(tree);
    for line in rest.split(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(&without_telnet(line)).into_owned();
        let turn = machine.answer(&text, step % 2 == 0, 1_795_244_280);
        match turn.next {
            Next::LogIn { user, password } => drop(machine.logged_in(user != password)),
            Next::Receive { path } => machine.stored(&path, 1, 1_795_244_280),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
