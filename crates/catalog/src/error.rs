//! What can go wrong with the catalog.

use std::path::PathBuf;

use crate::SegmentId;

/// Why the catalog could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The file is something else.
    #[error("{} is not a catalog of this product; name another data folder", .0.display())]
    Foreign(PathBuf),
    /// The file was written by a later version.
    #[error(
        "{} has schema {found}, and this version knows up to {known}: run the newer version, or restore a backup",
        .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The latest schema of this version.
        known: i64,
    },
    /// The file cannot be read as a database.
    #[error("{} is damaged ({detail}): restore a backup, or see what `bartizan doctor --repair` can save", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the database says of it.
        detail: String,
    },
    /// The file cannot be opened.
    #[error("cannot open {}: {detail}", .path.display())]
    Unopened {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// Another writer has moved the committed offset; nothing was changed.
    #[error("the committed offset is {found}, not {expected}: another writer was here")]
    Overtaken {
        /// What the caller took it to be.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// A segment to be removed is not listed; nothing was changed.
    #[error("segment {0} is not listed")]
    NoSegment(SegmentId),
    /// A hold was set after the step was planned; nothing was changed.
    #[error("a new hold was set meanwhile; nothing was given up")]
    HeldMeanwhile,
    /// A name that must be unique is in use.
    #[error("{0} is taken")]
    Taken(String),
    /// A number does not fit, or a stored word is none that this version knows.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// The database refused; the text says why.
    #[error(transparent)]
    Database(#[from] Fault),
}

/// The database's own error.
#[derive(Debug, thiserror::Error)]
#[error("{}", one_line(&.0.to_string()))]
pub struct Fault(rusqlite::Error);

/// Gives what the database says in one line: it repeats whole statements, damaged ones of its own among them.
pub(crate) fn one_line(said: &str) -> String {
    let text = said.replace(char::is_control, " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl From<rusqlite::Error> for CatalogError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Fault(error))
    }
}

impl Fault {
    pub(crate) fn code(&self) -> Option<rusqlite::ErrorCode> {
        self.0.sqlite_error_code()
    }

    /// Tells whether a constraint of the schema stood against the change.
    pub(crate) fn is_constraint(&self) -> bool {
        self.code() == Some(rusqlite::ErrorCode::ConstraintViolation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line_whatever_statement_it_repeats() {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        let error = database.execute("SELECT a,\n\tb\x1b[2J\nFROM nowhere", []).unwrap_err();
        let said = CatalogError::from(error).to_string();
        assert!(said.contains("FROM nowhere") && !said.contains(char::is_control), "{said:?}");
    }
}
