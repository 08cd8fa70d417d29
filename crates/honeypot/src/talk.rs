//! A protocol as a machine without a socket: bytes in, bytes out and what is to be told.
//!
//! So the same machine plays over TCP, within TLS and in a test that throws random bytes at it.

use serde_json::Value;

/// Bytes of the longest text of an intruder that one field of an event holds.
pub(crate) const TEXT_BYTES_MAX: usize = 16 << 10;
/// Bytes of names: users, hosts, data bases, programs.
pub(crate) const NAME_BYTES_MAX: usize = 512;

/// What a client gave for a password.
pub(crate) enum Secret<'a> {
    /// The password itself.
    Plain(&'a str),
    /// An answer to a challenge, and whether a password would have given it.
    Answer(&'a dyn Fn(&str) -> bool),
}

/// Decides who is let in, by the name and what was given for a password.
pub(crate) type Gate = Box<dyn Fn(&str, Secret<'_>) -> bool + Send>;

/// What a decoy says first, and what it answers.
pub(crate) trait Talk: Send {
    /// What the decoy says before it is asked.
    fn greet(&mut self) -> Turn {
        Turn::default()
    }

    /// How long the first message in these bytes is.
    fn length(&self, bytes: &[u8]) -> Length;

    /// Answers one whole message.
    fn take(&mut self, message: &[u8]) -> Turn;

    /// What a file being written holds when the connection ends in the middle of it.
    fn ended(&mut self) -> Vec<Told> {
        Vec::new()
    }
}

/// How long a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// More bytes are needed to tell, or to have it whole.
    More,
    /// So many bytes, all of them there.
    Whole(usize),
    /// This is none of the protocol's; nothing more is read.
    Broken,
}

impl Length {
    /// A message of `length` bytes within those that are there, unless it is longer than `max`.
    pub(crate) fn of(length: usize, there: usize, max: usize) -> Self {
        match length {
            _ if length > max || length == 0 => Self::Broken,
            _ if length > there => Self::More,
            _ => Self::Whole(length),
        }
    }
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Then {
    /// The next message.
    #[default]
    Listen,
    /// The peer's side of TLS begins, and all that follows is within it.
    Tls,
    /// The end.
    Close,
}

/// One answer.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// What is sent.
    pub(crate) out: Vec<u8>,
    /// What is recorded.
    pub(crate) told: Vec<Told>,
    /// What follows.
    pub(crate) then: Then,
}

impl Turn {
    /// An answer with nothing to tell.
    pub(crate) fn send(out: Vec<u8>) -> Self {
        Self { out, ..Self::default() }
    }

    /// The end without a word.
    pub(crate) fn close() -> Self {
        Self { then: Then::Close, ..Self::default() }
    }

    /// The same, with this told too.
    pub(crate) fn tell(mut self, told: Told) -> Self {
        self.told.push(told);
        self
    }

    /// The same, and then the end.
    pub(crate) fn and_close(mut self) -> Self {
        self.then = Then::Close;
        self
    }
}

/// One thing that an intruder did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    /// `login`, `query`, `command`, `request`, `upload`.
    pub(crate) action: &'static str,
    /// Whether it was let through, where that is a question.
    pub(crate) succeeded: Option<bool>,
    /// Fields with their dotted names.
    pub(crate) fields: Vec<(&'static str, Value)>,
    /// A file that was left here.
    pub(crate) file: Option<Upload>,
}

/// A file that an intruder left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Upload {
    /// The name that the intruder gave it.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) bytes: Vec<u8>,
}

impl Told {
    /// Something that was done.
    pub(crate) fn of(action: &'static str) -> Self {
        Self { action, succeeded: None, fields: Vec::new(), file: None }
    }

    /// With a field; an empty text is left out.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if value.as_str() != Some("") && !value.is_null() {
            self.fields.push((name, value));
        }
        self
    }

    /// With the outcome.
    pub(crate) fn outcome(mut self, succeeded: bool) -> Self {
        self.succeeded = Some(succeeded);
        self
    }

    /// With a file.
    pub(crate) fn file(mut self, name: String, bytes: Vec<u8>) -> Self {
        self.file = Some(Upload { name, bytes });
        self
    }
}

/// Plays a machine on bytes as if they came over a connection, to whatever end.
#[cfg(any(test, fuzzing))]
pub(crate) fn rehearse(talk: &mut dyn Talk, bytes: &[u8]) {
    talk.greet();
    let mut rest = bytes;
    while let Length::Whole(length) = talk.length(rest) {
        let (message, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        if talk.take(message).then == Then::Close {
            break;
        }
        rest = after;
    }
    talk.ended();
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Feeds bytes as the driver does, whole messages at a time, until the machine ends.
    pub(crate) fn feed(talk: &mut dyn Talk, bytes: &[u8]) -> Turn {
        let mut all = Turn::default();
        let mut rest = bytes;
        loop {
            match talk.length(rest) {
                Length::More => return all,
                Length::Broken => {
                    all.then = Then::Close;
                    return all;
                }
                Length::Whole(length) => {
                    assert!((1..=rest.len()).contains(&length), "a length of what is there");
                    let (message, after) = rest.split_at(length);
                    let turn = talk.take(message);
                    all.out.extend(turn.out);
                    all.told.extend(turn.told);
                    all.then = turn.then;
                    rest = after;
                    if all.then == Then::Close {
                        return all;
                    }
                }
            }
        }
    }

    /// A text field of the first thing told that has it.
    pub(crate) fn field(turn: &Turn, name: &str) -> String {
        let mut fields = turn.told.iter().flat_map(|told| &told.fields);
        let found = fields.find(|(own, _)| *own == name);
        let (_, value) = found.unwrap_or_else(|| panic!("no {name} in {:?}", turn.told));
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }
}
