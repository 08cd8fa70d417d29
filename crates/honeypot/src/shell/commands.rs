//! What the shell knows to answer: one row a command. None does what it says.

mod accounts;
mod changes;
mod filters;
mod identity;
mod live;
mod machine;
mod nested;
mod network;
mod processes;
mod storage;
mod words;

use sha2::{Digest as _, Sha256};

pub(crate) use storage::listed;

use super::{OUTPUT_BYTES_MAX, Shell};

/// One call of a command.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: &'a [String],
    pub(super) input: &'a [u8],
    pub(super) out: Vec<u8>,
    pub(super) err: Vec<u8>,
}

impl Call<'_> {
    fn say(&mut self, text: &str) {
        let room = OUTPUT_BYTES_MAX.saturating_sub(self.out.len());
        let text = text.as_bytes();
        self.out.extend_from_slice(text.get(..room).unwrap_or(text));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let room = OUTPUT_BYTES_MAX.saturating_sub(self.out.len());
        self.out.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn complain(&mut self, text: &str) {
        if self.err.len() > OUTPUT_BYTES_MAX {
            return;
        }
        self.err.extend_from_slice(format!("{}: {text}\n", self.name).as_bytes());
    }

    /// Gives the arguments that are no options.
    fn operands(&self) -> Vec<String> {
        self.arguments
            .iter()
            .filter(|word| !word.starts_with('-') || *word == "-")
            .cloned()
            .collect()
    }

    /// Tells whether an option of one letter, or a long one, is given.
    fn has(&self, letter: char, long: &str) -> bool {
        self.arguments.iter().any(|word| match word.strip_prefix("--") {
            Some(word) => word == long,
            None => word.strip_prefix('-').is_some_and(|letters| letters.contains(letter)),
        })
    }

    /// Gives the value of an option, given as `-n 5` or `-n5`.
    fn value(&self, letter: &str) -> Option<&str> {
        let mut words = self.arguments.iter();
        while let Some(word) = words.next() {
            match word.strip_prefix(letter) {
                Some("") => return words.next().map(String::as_str),
                Some(value) => return Some(value),
                None => {}
            }
        }
        None
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.input).into_owned()
    }
}

pub(super) type Command = fn(&mut Shell, &mut Call<'_>) -> u8;

const TABLES: &[&[(&str, Command)]] = &[
    accounts::COMMANDS,
    changes::COMMANDS,
    filters::COMMANDS,
    identity::COMMANDS,
    machine::COMMANDS,
    network::COMMANDS,
    nested::COMMANDS,
    processes::COMMANDS,
    storage::COMMANDS,
    words::COMMANDS,
];

pub(super) fn find(name: &str) -> Option<Command> {
    TABLES.iter().copied().flatten().find(|(own, _)| *own == name).map(|(_, command)| *command)
}

/// Names that are the shell's own and no files.
const BUILT_IN: &[&str] = &[
    "cd",
    "exit",
    "logout",
    "export",
    "unset",
    "history",
    "set",
    "alias",
    "source",
    ".",
    ":",
    "eval",
    "exec",
    "ulimit",
    "umask",
    "type",
    "jobs",
    "enable",
    "system",
    "shell",
    "linuxshell",
];

/// Gives the names of the commands that are files.
pub(super) fn programs() -> Vec<&'static str> {
    let all = TABLES.iter().copied().flatten().map(|(name, _)| *name);
    all.filter(|name| !BUILT_IN.contains(name)).collect()
}

pub(super) fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name)
}

/// Gives the bytes of a program that is not there: the head of one for this machine, then noise that is
/// always the same.
pub(super) fn program(path: &str, size: u64) -> Vec<u8> {
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(OUTPUT_BYTES_MAX);
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0");
    bytes.extend_from_slice(&[0x10, 0x5b, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&[0x58, 0x90, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0x38, 0]);
    bytes.extend_from_slice(&[0x0b, 0, 0x40, 0, 0x1e, 0, 0x1d, 0]);
    let mut block: [u8; 32] = Sha256::digest(path.as_bytes()).into();
    while bytes.len() < size {
        bytes.extend_from_slice(&block);
        block = Sha256::digest(block).into();
    }
    bytes.truncate(size);
    bytes
}
