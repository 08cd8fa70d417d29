//! Where the master key comes from: a file, an environment variable, a passphrase, a command.
//!
//! Whoever holds a copy of the disk must not hold the key as well, so it is best kept elsewhere.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::MasterKey;

/// Bounds what a file or a command may give; the text of a key has 65 bytes at most.
const TEXT_BYTES_MAX: u64 = 4096;
/// A shorter passphrase is guessed, whatever is done to it.
const PASSPHRASE_LETTERS_MIN: usize = 12;
/// How long a command may take.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(30);

/// Where the master key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file that holds it, as base64 or hexadecimal digits.
    File(PathBuf),
    /// An environment variable that holds it.
    Variable(String),
    /// An environment variable that holds a passphrase.
    Passphrase(String),
    /// A passphrase that was typed.
    Typed(Typed),
    /// A command that prints it.
    Command(Vec<String>),
}

/// A passphrase that was typed.
#[derive(Clone, PartialEq, Eq)]
pub struct Typed(pub Zeroizing<String>);

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed(…)")
    }
}

/// What a source gave.
#[derive(Debug)]
pub enum Secret {
    /// The master key itself.
    Key(Box<MasterKey>),
    /// A passphrase, from which the keyring's own salt makes the master key.
    Passphrase(Typed),
}

/// Why a source gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is no such file.
    #[error("the master key {} is not there", .0.display())]
    Missing(PathBuf),
    /// The system said no.
    #[error("the master key cannot be read from {place}: {error}")]
    Unreadable {
        /// Which source.
        place: String,
        /// What the system said.
        error: io::Error,
    },
    /// Others than its owner may read the file.
    #[error("the master key {} can be read by others ({mode:o}): chmod 600 {}", path.display(), path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file belongs to somebody else.
    #[error("the master key {} belongs to user {owner}, who could change it: chown it", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// It gave something that is no key.
    #[error("{0} does not hold a master key: 32 bytes as base64 or as hexadecimal digits")]
    Malformed(String),
    /// The variable is not set.
    #[error("the variable {0} is not set, and the master key should be in it")]
    Unset(String),
    /// The passphrase is too short.
    #[error("the passphrase has fewer than {PASSPHRASE_LETTERS_MIN} letters")]
    Short,
    /// The command did not do its part.
    #[error("the command {command} that gives the master key {reason}")]
    Command {
        /// Its first word.
        command: String,
        /// What went wrong.
        reason: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Passphrase(name) => write!(f, "a passphrase in the variable {name}"),
            Self::Typed(_) => f.write_str("a passphrase that was typed"),
            Self::Command(words) => {
                write!(f, "the command {}", words.first().map_or("", String::as_str))
            }
        }
    }
}

impl Source {
    /// Asks the source; `variable` looks into the environment.
    pub fn secret(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Secret, SourceError> {
        let set = |name: &str| {
            variable(name).map(Zeroizing::new).ok_or_else(|| SourceError::Unset(name.to_owned()))
        };
        match self {
            Self::File(path) => self.key(&read_file(path)?),
            Self::Variable(name) => self.key(&set(name)?),
            Self::Passphrase(name) => passphrase(&Typed(set(name)?)),
            Self::Typed(typed) => passphrase(typed),
            Self::Command(words) => self.key(&run(words, COMMAND_TIME_MAX)?),
        }
    }

    fn key(&self, text: &str) -> Result<Secret, SourceError> {
        let key = MasterKey::of_text(text).map_err(|_| SourceError::Malformed(self.to_string()));
        key.map(|key| Secret::Key(Box::new(key)))
    }
}

fn passphrase(typed: &Typed) -> Result<Secret, SourceError> {
    if typed.0.chars().count() < PASSPHRASE_LETTERS_MIN {
        return Err(SourceError::Short);
    }
    Ok(Secret::Passphrase(typed.clone()))
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, SourceError> {
    let unreadable = |error| SourceError::Unreadable { place: path.display().to_string(), error };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SourceError::Missing(path.to_owned()));
        }
        opened => opened.map_err(unreadable)?,
    };
    // Of the file that was opened, not of what the name may point to by now.
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SourceError::Open { path: path.to_owned(), mode });
    }
    let (owner, own) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != own && owner != 0 {
        return Err(SourceError::Foreign { path: path.to_owned(), owner });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(TEXT_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// Runs a command without a shell, and gives what it prints.
fn run(words: &[String], time_max: Duration) -> Result<Zeroizing<String>, SourceError> {
    let command = words.first().cloned().unwrap_or_default();
    let failed = |reason: String| SourceError::Command { command: command.clone(), reason };
    let mut child = Command::new(&command)
        .args(words.get(1..).unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let (told, answer) = mpsc::channel();
    let stdout = child.stdout.take();
    let reading = std::thread::Builder::new().name("key-command".to_owned()).spawn(move || {
        let mut text = Zeroizing::new(String::new());
        let read = stdout.map(|stdout| stdout.take(TEXT_BYTES_MAX).read_to_string(&mut text));
        // Nobody waits any more where it took too long.
        let _ = told.send((read, text));
    });
    if let Err(error) = reading {
        end(&mut child);
        return Err(failed(format!("cannot be heard: {error}")));
    }
    let Ok((read, text)) = answer.recv_timeout(time_max) else {
        end(&mut child);
        return Err(failed(format!("took more than {} s", time_max.as_secs())));
    };
    // It has closed its output; what it does after that is of no use to us.
    let status = wait(&mut child, time_max).map_err(|error| failed(error.to_string()))?;
    match (read, status) {
        (_, None) => Err(failed(format!("did not end within {} s", time_max.as_secs()))),
        (_, Some(status)) if !status.success() => Err(failed(format!("failed: {status}"))),
        (Some(Err(error)), _) => Err(failed(format!("gave no text: {error}"))),
        _ => Ok(text),
    }
}

fn wait(child: &mut Child, time_max: Duration) -> io::Result<Option<std::process::ExitStatus>> {
    const PAUSE: Duration = Duration::from_millis(10);
    let began = std::time::Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() >= time_max {
            end(child);
            return Ok(None);
        }
        std::thread::sleep(PAUSE);
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests;
