//! SMB ([MS-SMB2]): a file server that lets nobody in particular and guests look at one share, keeps
//! the answers of everybody else as hashes, and what is written as files in quarantine.
//!
//! ```text
//! negotiate ▶ ◀ 3.1.1   NTLMSSP ▶ ◀ challenge   answer ▶ ◀ guest   tree, create, write, close ▶ …
//! ```
//!
//! What a client answers is recorded and never used to log in anywhere.

mod disk;
mod head;
mod list;
mod one;
mod open;
mod pipe;
mod session;
mod tree;

use futures::FutureExt as _;

use super::Decoy;
use crate::drive;
use crate::ntlm::{Names, Negotiate};
use crate::octets::{len32, text};
use crate::session::{End, Session};
use crate::talk::{Gate, Length, Talk, Told, Turn};

use disk::Disk;
use head::Head;
use open::{Open, Reply};
use pipe::Share;

pub(crate) const DECOY: Decoy = Decoy {
    id: "smb",
    port: 4445,
    summary: "Samba file server: keeps NetNTLMv2 answers as hashes, one share, files into quarantine",
    serve: |session| serve(session).boxed(),
};

async fn serve(session: &mut Session) -> Result<(), End> {
    let persona = session.persona();
    let host_name = persona.host_name();
    let version = session.service().banner.as_deref().unwrap_or(persona.version("samba"));
    let setup = Setup {
        names: Names::alone(host_name, persona.domain()),
        workgroup: "WORKGROUP".to_owned(),
        system: "Windows 6.1".to_owned(),
        manager: format!("Samba {version}"),
        comment: format!("IPC Service ({host_name} server (Samba, {}))", vendor(persona.os().id)),
        users: persona.users().iter().map(|user| user.name.clone()).collect(),
        now: drive::windows_time(session.began().seconds()),
        guid: drive::own(session, "smb guid"),
        random: drive::random()?,
        gate: drive::gate(session),
    };
    let mut smb = Smb::new(setup);
    drive::drive(session, &mut smb).await
}

fn vendor(system: &str) -> &'static str {
    if system == "ubuntu" { "Ubuntu" } else { "Debian" }
}

/// Bytes of one message: a write of the most that was granted, and what stands before it.
const MESSAGE_BYTES_MAX: usize = 65_536 + 8192;
/// Requests in one message.
const REQUESTS_MAX: usize = 16;
const LENGTH_BYTES: usize = 4;

/// By what a server goes, and what is drawn for one connection.
struct Setup {
    /// The names in its challenge.
    names: Names,
    /// The work group.
    workgroup: String,
    /// The operating system as SMB1 tells it.
    system: String,
    /// The server's program and version as SMB1 tells them.
    manager: String,
    /// What stands beside its pipe in the list of shares.
    comment: String,
    /// Users that it knows; others are guests.
    users: Vec<String>,
    /// The time, in units of 100 ns since 1601.
    now: u64,
    /// The server's own number.
    guid: [u8; 16],
    /// Random bytes for this connection.
    random: [u8; 48],
    /// Who of those that it knows is let in.
    gate: Gate,
}

/// Plays a server that lets everybody in on these bytes.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let mut server = Smb::new(Setup {
        names: Names::alone("srv", "corp.example"),
        workgroup: "WORKGROUP".to_owned(),
        system: "Windows 6.1".to_owned(),
        manager: "Samba".to_owned(),
        comment: "IPC Service".to_owned(),
        users: Vec::new(),
        now: 133_500_000_000_000_000,
        guid: [1; 16],
        random: [2; 48],
        gate: Box::new(|_, _| true),
    });
    crate::talk::rehearse(&mut server, bytes);
}

/// One connection.
struct Smb {
    names: Names,
    workgroup: String,
    system: String,
    manager: String,
    shares: Vec<Share>,
    users: Vec<String>,
    now: u64,
    guid: [u8; 16],
    nonce: [u8; 8],
    salt: [u8; 32],
    /// The number of its session.
    number: u64,
    gate: Gate,
    asked: Option<Negotiate>,
    dialects: String,
    is_in: bool,
    is_nobody: bool,
    trees: Vec<tree::Tree>,
    opens: Vec<Open>,
    opened: u64,
    disk: Option<Disk>,
}

/// What a log-in said.
struct LogIn<'a> {
    user: &'a str,
    domain: &'a str,
    workstation: &'a str,
    hash: Option<String>,
    kind: &'static str,
    version: Option<String>,
    /// The password itself came.
    is_plain: bool,
}

/// Puts before a message how long it is.
fn with_length(message: &[u8]) -> Vec<u8> {
    let mut out = len32(message.len()).to_be_bytes().to_vec();
    out.extend_from_slice(message);
    out
}

impl Smb {
    /// A server to which somebody has just connected.
    fn new(setup: Setup) -> Self {
        let mut random = crate::octets::Octets::new(&setup.random);
        let nonce = random.array().unwrap_or_default();
        let salt = random.array().unwrap_or_default();
        let number = u64::from(random.u32_le().unwrap_or_default()) | 1;
        let share = |name, kind, comment: &str| Share { name, kind, comment: comment.to_owned() };
        let shares = vec![
            share("print$", 0, "Printer Drivers"),
            share(tree::DISK, 0, "Office share"),
            share("IPC$", 0x8000_0003, &setup.comment),
        ];
        Self {
            names: setup.names,
            workgroup: setup.workgroup,
            system: setup.system,
            manager: setup.manager,
            shares,
            users: setup.users,
            now: setup.now,
            guid: setup.guid,
            nonce,
            salt,
            number,
            gate: setup.gate,
            asked: None,
            dialects: String::new(),
            is_in: false,
            is_nobody: false,
            trees: Vec::new(),
            opens: Vec::new(),
            opened: 0,
            disk: None,
        }
    }

    /// Whether somebody is a guest: who is not known here, as `map to guest = bad user` has it.
    fn is_guest(&self, user: &str) -> bool {
        !self.users.iter().any(|own| own.eq_ignore_ascii_case(user))
    }

    fn log_in(&self, log_in: LogIn<'_>) -> Told {
        let is_guest = self.is_in && !self.is_nobody && self.is_guest(log_in.user);
        let mut told = Told::of("login")
            .outcome(self.is_in)
            .with("user.name", log_in.user)
            .with("user.domain", log_in.domain)
            .with("bartizan.decoy.workstation", log_in.workstation)
            .with("bartizan.decoy.client_version", log_in.version)
            .with("bartizan.decoy.dialects", self.dialects.clone());
        match log_in.hash {
            Some(hash) => {
                told = told
                    .with("bartizan.decoy.hash", hash)
                    .with("bartizan.decoy.hash_type", log_in.kind);
            }
            // A name and no answer: the password is empty.
            None if !log_in.user.is_empty() && !log_in.is_plain => {
                told.fields.push(("bartizan.decoy.password", "".into()));
            }
            None => {}
        }
        if self.is_nobody || is_guest { told.with("bartizan.decoy.guest", true) } else { told }
    }

    /// Answers each request of a message, as far as they go together.
    fn requests(&mut self, message: &[u8]) -> Option<Turn> {
        let mut turn = Turn::default();
        let mut answers: Vec<Vec<u8>> = Vec::new();
        let mut rest = message;
        let (mut last_open, mut last_tree) = (None, 0);
        for _ in 0..REQUESTS_MAX {
            let mut head = Head::read(rest)?;
            let next = crate::octets::size(head.next);
            let (request, after) =
                if next == 0 { (rest, &[][..]) } else { rest.split_at_checked(next)? };
            if request.len() < head::BYTES {
                return None;
            }
            if head.is_related() {
                (head.tree, head.session) = (last_tree, self.number);
            }
            if let Some(reply) = self.request(&mut head, request, &mut last_open) {
                last_tree = head.tree;
                turn.told.extend(reply.told);
                answers.push(head.answer(reply.status, &reply.body));
            }
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        turn.out = joined(answers);
        Some(turn)
    }

    fn request(
        &mut self,
        head: &mut Head,
        message: &[u8],
        last: &mut Option<u64>,
    ) -> Option<Reply> {
        let malformed = || Reply::error(head::INVALID_PARAMETER);
        match head.command {
            head::NEGOTIATE => Some(session::negotiate(self, message).unwrap_or_else(malformed)),
            head::SESSION_SETUP => {
                Some(session::set_up(self, head, message).unwrap_or_else(malformed))
            }
            head::ECHO => Some(Reply::ok(vec![4, 0, 0, 0])),
            head::CANCEL => None,
            _ if !self.is_in || head.session != self.number => {
                Some(Reply::error(head::USER_SESSION_DELETED))
            }
            _ => Some(tree::request(self, head, message, last).unwrap_or_else(malformed)),
        }
    }
}

/// Joins answers to one message, each at a multiple of eight.
fn joined(answers: Vec<Vec<u8>>) -> Vec<u8> {
    if answers.is_empty() {
        return Vec::new();
    }
    let count = answers.len();
    let mut out = Vec::new();
    for (index, mut answer) in answers.into_iter().enumerate() {
        if index + 1 < count {
            answer.resize(answer.len().next_multiple_of(8), 0);
            let next = len32(answer.len()).to_le_bytes();
            if let Some(room) = answer.get_mut(20..24) {
                room.copy_from_slice(&next);
            }
        }
        out.extend(answer);
    }
    with_length(&out)
}

impl Talk for Smb {
    fn length(&self, bytes: &[u8]) -> Length {
        let Some(head) = bytes.first_chunk::<LENGTH_BYTES>() else { return Length::More };
        let [kind, high, middle, low] = *head;
        if !matches!(kind, 0 | 0x81 | 0x85) {
            return Length::Broken;
        }
        let length = crate::octets::size(u32::from_be_bytes([0, high, middle, low]));
        Length::of(LENGTH_BYTES + length, bytes.len(), MESSAGE_BYTES_MAX)
    }

    fn take(&mut self, message: &[u8]) -> Turn {
        let (head, body) = message.split_at_checked(LENGTH_BYTES).unwrap_or((message, &[]));
        match head.first() {
            // A session of NetBIOS is granted, whatever names it is between.
            Some(0x81) => {
                let called = text(body, 68);
                let told = Told::of("request").with("bartizan.decoy.called", called);
                return Turn::send(vec![0x82, 0, 0, 0]).tell(told);
            }
            Some(0x85) => return Turn::default(),
            _ => {}
        }
        let turn =
            if body.starts_with(one::MAGIC) { one::take(self, body) } else { self.requests(body) };
        turn.unwrap_or_else(Turn::close)
    }

    fn ended(&mut self) -> Vec<Told> {
        let Some(disk) = &mut self.disk else { return Vec::new() };
        let places = disk.places();
        let mut written = |place| disk.written(place);
        places.filter_map(&mut written).map(|(path, bytes)| open::upload(path, bytes)).collect()
    }
}

#[cfg(test)]
mod tests;
