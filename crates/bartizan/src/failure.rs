//! How a command ends: the exit codes that scripts hold on to.

use std::fmt;
use std::process::ExitCode;

/// How a command ended; where several things came together, the greatest tells most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It did what was asked.
    Done,
    /// It ran, and found a fault in what it was given.
    Fault,
    /// It was asked in a wrong way.
    Usage,
    /// What it was to read cannot be read.
    Unreadable,
    /// It was interrupted.
    Interrupted,
}

impl Outcome {
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Fault => 1,
            Self::Usage => 2,
            Self::Unreadable => 3,
            Self::Interrupted => 130,
        })
    }
}

/// A command's failure, ready to be told.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) outcome: Outcome,
    pub(crate) sentence: String,
}

impl Failure {
    /// Gives what to tell of an error, and how the process ends.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let outcome = error.chain().find_map(|cause| {
            if let Some(marked) = cause.downcast_ref::<Marked>() {
                return Some(marked.outcome);
            }
            cause.downcast_ref::<std::io::Error>().map(|_| Outcome::Unreadable)
        });
        Self { outcome: outcome.unwrap_or(Outcome::Fault), sentence: format!("{error:#}") }
    }
}

/// Gives an error that ends the command in a certain way.
pub(crate) fn ending(outcome: Outcome, sentence: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Marked { outcome, sentence: sentence.into() })
}

#[derive(Debug)]
struct Marked {
    outcome: Outcome,
    sentence: String,
}

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Marked {}
