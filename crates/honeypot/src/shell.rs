//! A shell that only seems to be one: it reads what is typed, answers from made-up files, and runs
//! nothing.
//!
//! ```text
//! line ─▶ parse ─▶ expand ($NAME, $(…), *) ─▶ commands, each a function from arguments and input to output
//! ```
//!
//! It is pure: no I/O, no clock; what is worth telling (an address that was to be fetched, a file that
//! was written) comes back beside the output. Depth, steps, output and files are bounded.

mod commands;
mod expand;
mod files;
mod parse;
mod run;
mod terminal;
mod tree;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use model::Timestamp;

use crate::persona::Persona;

pub(crate) use commands::listed;
pub(crate) use files::{Content, Files, Follow, Node, Refusal, Remove};
pub(crate) use terminal::{Key, Terminal};
pub(crate) use tree::{Tree, grow};

/// Bounds what one line may give.
pub(crate) const OUTPUT_BYTES_MAX: usize = 256 * 1024;
/// Bounds how many commands one line may run, loops included.
const STEPS_MAX: u32 = 256;
/// Bounds the work of one line, counted in bytes that are read, cut and compared on the way: a line is to
/// take a fraction of a second at most, whatever it says.
const WORK_MAX: usize = 16 << 20;
/// Bounds a text that is run as a script.
const SCRIPT_BYTES_MAX: usize = 64 * 1024;
/// Bounds what the variables of a shell hold together, and what was typed into it.
const VARIABLES_BYTES_MAX: usize = 128 * 1024;
const HISTORY_BYTES_MAX: usize = 64 * 1024;
/// Bounds the files that one line writes and that are told.
const HAPPENINGS_BYTES_MAX: usize = 4 << 20;
/// Bounds how deep shells and substitutions nest.
const DEPTH_MAX: u32 = 6;
/// Bounds what is remembered of what was typed.
const HISTORY_MAX: usize = 500;
const VARIABLES_MAX: usize = 128;
const VALUE_BYTES_MAX: usize = 16 * 1024;
/// Bounds the things of one line that are told.
const HAPPENINGS_MAX: usize = 64;

/// Something that was done, beside what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// Something was to be fetched, and was not.
    Download(String),
    /// A file was written.
    Written {
        /// Where.
        path: String,
        /// What.
        bytes: Vec<u8>,
    },
}

/// What a line gave.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// What is shown.
    pub(crate) bytes: Vec<u8>,
    /// What else happened.
    pub(crate) happenings: Vec<Happening>,
    /// How long a machine would take for it, in milliseconds.
    pub(crate) takes_ms: u64,
}

/// Which program answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// As a person logs in to a server.
    Bash,
    /// As the small machines that Telnet is spoken to.
    BusyBox,
}

/// Where the shell is and who uses it.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) persona: &'a Persona,
    pub(crate) tree: Arc<Tree>,
    pub(crate) user: &'a str,
    pub(crate) flavour: Flavour,
    /// The address at which the machine was reached.
    pub(crate) local: IpAddr,
    pub(crate) peer: IpAddr,
    pub(crate) has_terminal: bool,
    pub(crate) now: Timestamp,
}

/// What a shell knows of the machine that it is on.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) host_name: String,
    pub(crate) domain: String,
    pub(crate) os: &'static crate::persona::Os,
    pub(crate) mac: [u8; 6],
    pub(crate) address: IpAddr,
    pub(crate) peer: IpAddr,
    pub(crate) booted: Timestamp,
    pub(crate) cores: u64,
    pub(crate) memory_kb: u64,
    pub(crate) disk_kb: u64,
    pub(crate) busybox: String,
}

/// A shell that only seems to be one.
#[derive(Debug)]
pub(crate) struct Shell {
    machine: Machine,
    files: Files,
    user: String,
    uid: u32,
    home: String,
    cwd: String,
    flavour: Flavour,
    variables: BTreeMap<String, String>,
    history: Vec<String>,
    status: u8,
    pid: u32,
    terminal: bool,
    now: Timestamp,
    steps: u32,
    /// The work of the line so far.
    work: usize,
    depth: u32,
    answer: Answer,
    /// A question that waits for the next line, such as for a password.
    asks: Option<Asks>,
    ended: Option<u8>,
}

/// What the next line answers, shown or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// `passwd`, at its first or second question.
    NewPassword(bool),
    /// `su` to a user.
    SwitchUser(String),
}

impl Shell {
    pub(crate) fn new(place: Place<'_>) -> Self {
        let persona = place.persona;
        let known = persona.users().iter().find(|user| user.name == place.user);
        let uid =
            known.map_or_else(|| if place.user == "root" { 0 } else { 1100 }, |user| user.uid);
        let home = if uid == 0 { "/root".to_owned() } else { format!("/home/{}", place.user) };
        let mut files = Files::new(Arc::clone(&place.tree), place.now);
        files.log_in(place.user, uid, &home, persona.set_up());
        let machine = Machine {
            host_name: persona.host_name().to_owned(),
            domain: persona.domain().to_owned(),
            os: persona.os(),
            mac: persona.mac(),
            address: persona.address(place.local),
            peer: place.peer,
            booted: persona.booted(place.now),
            cores: tree::cores(persona),
            memory_kb: tree::memory_kb(persona),
            disk_kb: tree::disk_kb(persona),
            busybox: persona.version("busybox").to_owned(),
        };
        let pid =
            u32::try_from(persona.number(&format!("pid {}", place.now.seconds()), 1200, 29_000));
        let mut shell = Self {
            machine,
            files,
            user: place.user.to_owned(),
            uid,
            cwd: home.clone(),
            home,
            flavour: place.flavour,
            variables: BTreeMap::new(),
            history: Vec::new(),
            status: 0,
            pid: pid.unwrap_or(1200),
            terminal: place.has_terminal,
            now: place.now,
            steps: 0,
            work: 0,
            depth: 0,
            answer: Answer::default(),
            asks: None,
            ended: None,
        };
        shell.set_variables();
        shell
    }

    fn set_variables(&mut self) {
        let path = if self.uid == 0 {
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        } else {
            "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
        };
        let shell = if self.flavour == Flavour::Bash { "/bin/bash" } else { "/bin/sh" };
        for (name, value) in [
            ("USER", self.user.clone()),
            ("LOGNAME", self.user.clone()),
            ("HOME", self.home.clone()),
            ("PATH", path.to_owned()),
            ("SHELL", shell.to_owned()),
            ("PWD", self.cwd.clone()),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("SHLVL", "1".to_owned()),
            ("_", "/usr/bin/env".to_owned()),
        ] {
            self.variables.insert(name.to_owned(), value);
        }
        if self.terminal {
            self.variables.insert("TERM".to_owned(), "xterm-256color".to_owned());
        }
    }

    /// Gives what stands before the next line.
    pub(crate) fn prompt(&self) -> String {
        match &self.asks {
            Some(Asks::NewPassword(false)) => return "New password: ".to_owned(),
            Some(Asks::NewPassword(true)) => return "Retype new password: ".to_owned(),
            Some(Asks::SwitchUser(_)) => return "Password: ".to_owned(),
            None => {}
        }
        let sign = if self.uid == 0 { '#' } else { '$' };
        let place = match self.cwd.strip_prefix(self.home.as_str()) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("~{rest}"),
            _ => self.cwd.clone(),
        };
        match self.flavour {
            Flavour::Bash => format!("{}@{}:{place}{sign} ", self.user, self.machine.host_name),
            Flavour::BusyBox => format!("{place} {sign} "),
        }
    }

    /// Tells whether what is typed next is not to be shown.
    pub(crate) fn hides(&self) -> bool {
        self.asks.is_some()
    }

    /// Gives with what the shell ended, once it has.
    pub(crate) fn ended(&self) -> Option<u8> {
        self.ended
    }

    /// Gives the status of the last command.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }

    /// Gives the files, for what is uploaded by other means.
    pub(crate) fn files_mut(&mut self) -> &mut Files {
        &mut self.files
    }

    /// Gives the user's folder.
    pub(crate) fn home(&self) -> &str {
        &self.home
    }

    /// Gives the user's number.
    pub(crate) fn uid(&self) -> u32 {
        self.uid
    }

    /// Answers one line.
    pub(crate) fn line(&mut self, text: &str, now: Timestamp) -> Answer {
        self.now = now;
        (self.steps, self.work) = (0, 0);
        self.files.at(now);
        if let Some(asks) = self.asks.take() {
            self.answer_to(asks, text);
            return std::mem::take(&mut self.answer);
        }
        let typed: usize = self.history.iter().map(String::len).sum();
        let room = self.history.len() < HISTORY_MAX && typed + text.len() <= HISTORY_BYTES_MAX;
        if !text.trim().is_empty() && self.terminal && room {
            self.history.push(text.to_owned());
        }
        let output = self.script(text);
        self.show(&output);
        std::mem::take(&mut self.answer)
    }

    /// Answers one line that reads this input.
    pub(crate) fn with_input(&mut self, text: &str, input: &[u8], now: Timestamp) -> Answer {
        self.now = now;
        (self.steps, self.work) = (0, 0);
        self.files.at(now);
        let output = self.script_with(text, input);
        self.show(&output);
        std::mem::take(&mut self.answer)
    }

    /// Gives what a file holds, where the user may read it.
    pub(crate) fn bytes_of(&mut self, path: &str) -> Option<Vec<u8>> {
        self.read(path).ok()
    }

    fn answer_to(&mut self, asks: Asks, text: &str) {
        match asks {
            Asks::NewPassword(false) => self.asks = Some(Asks::NewPassword(true)),
            Asks::NewPassword(true) => {
                self.show(b"passwd: password updated successfully\n");
                self.status = 0;
            }
            Asks::SwitchUser(user) => {
                let _ = (user, text);
                self.show(b"su: Authentication failure\n");
                self.answer.takes_ms = self.answer.takes_ms.saturating_add(1800);
                self.status = 1;
            }
        }
    }

    /// Adds to what is shown, up to the bound.
    fn show(&mut self, bytes: &[u8]) {
        let room = OUTPUT_BYTES_MAX.saturating_sub(self.answer.bytes.len());
        self.answer.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Counts work; tells whether the line may go on.
    fn spend(&mut self, bytes: usize) -> bool {
        self.work = self.work.saturating_add(bytes).min(WORK_MAX + 1);
        self.work <= WORK_MAX
    }

    fn happened(&mut self, happening: Happening) {
        let all = &mut self.answer.happenings;
        if let Happening::Written { path, bytes } = &happening {
            // What a line adds to again and again is told as it is in the end; what it writes over was
            // there all the same.
            let stays = |own: &Happening| {
                !matches!(own, Happening::Written { path: of, bytes: was }
                    if of == path && bytes.starts_with(was))
            };
            let held = |own: &Happening| match own {
                Happening::Written { bytes, .. } => bytes.len(),
                Happening::Download(_) => 0,
            };
            let kept = all.iter().filter(|own| stays(own)).map(held).sum::<usize>();
            if kept + bytes.len() > HAPPENINGS_BYTES_MAX {
                return;
            }
            all.retain(stays);
        }
        if all.len() < HAPPENINGS_MAX {
            all.push(happening);
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        let held: usize = self.variables.iter().map(|(name, value)| name.len() + value.len()).sum();
        let fits = held + name.len() + value.len() <= VARIABLES_BYTES_MAX;
        let is_there = self.variables.contains_key(name);
        if fits && (is_there || self.variables.len() < VARIABLES_MAX) {
            let mut value = value.to_owned();
            let cut = value.floor_char_boundary(VALUE_BYTES_MAX);
            value.truncate(cut);
            self.variables.insert(name.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests;
