//! What can go wrong, told apart by what a caller can do about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use catalog::CatalogError;

/// Why the store did not do what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk did not do its part; nothing was half done, and the call may be tried again.
    #[error("{what}: {error}")]
    Io {
        /// What was being done, and with which file.
        what: String,
        /// What the system said.
        #[source]
        error: Arc<io::Error>,
    },
    /// There is no room in memory until segments can be written again.
    #[error("no room in memory: {waiting} events wait to be written to segments")]
    Busy {
        /// How many events wait.
        waiting: u64,
    },
    /// The batch is larger than one record of the log may be.
    #[error("the batch takes {bytes} bytes, past the bound of one log record")]
    TooLarge {
        /// Its encoded size.
        bytes: usize,
    },
    /// Another process has this data folder open.
    #[error("{} is in use by {holder}", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Who holds it, in words.
        holder: String,
    },
    /// The data folder belongs to another user.
    #[error(
        "{} belongs to the user with the number {owner}, and this process runs as {ours}: run it as that user, or give the folder to this one (chown -R)",
        folder.display()
    )]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// The number of its owner.
        owner: u32,
        /// The number of the user that this process runs as.
        ours: u32,
    },
    /// There are segments, and the catalog knows nothing.
    #[error(
        "{} holds {segments} segments, and its catalog.db is missing or empty: restore it from a backup, or run `bartizan doctor --repair`",
        folder.display()
    )]
    CatalogLost {
        /// The folder.
        folder: PathBuf,
        /// How many segments lie there.
        segments: usize,
    },
    /// The store was closed, or was opened for reading only.
    #[error("the store does not take events: {why}")]
    Closed {
        /// Which of the two.
        why: &'static str,
    },
    /// The catalog did not do its part.
    #[error("catalog: {0}")]
    Catalog(#[source] Arc<CatalogError>),
    /// A segment or a log file cannot be read.
    #[error("{file}: {reason}")]
    Damaged {
        /// Which file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file is sealed with a key that is not at hand, or was not sealed although it had to be.
    #[error("{file} {reason}")]
    Sealed {
        /// Which file.
        file: String,
        /// What keeps it closed.
        reason: String,
    },
    /// The SQL text is wrong, or asks for what is not allowed.
    #[error("{}", at(message, *place))]
    Sql {
        /// What is wrong.
        message: String,
        /// Where, where it is known: line and column, from 1.
        place: Option<(u64, u64)>,
    },
    /// The time given for the question is over.
    #[error("the time allowed for the query is over")]
    Deadline,
    /// A thread of the store could not do its work.
    #[error("internal: {0}")]
    Internal(String),
}

fn at(message: &str, place: Option<(u64, u64)>) -> String {
    match place {
        Some((line, column)) => format!("{message} (line {line}, column {column})"),
        None => message.to_owned(),
    }
}

impl StoreError {
    pub(crate) fn sealed(file: impl Into<String>, reason: impl ToString) -> Self {
        Self::Sealed { file: file.into(), reason: reason.to_string() }
    }

    pub(crate) fn damaged(file: impl Into<String>, reason: impl ToString) -> Self {
        Self::Damaged { file: file.into(), reason: reason.to_string() }
    }
}

impl From<CatalogError> for StoreError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(Arc::new(error))
    }
}

/// Says what was being done when the system refused.
pub(crate) trait During<T> {
    fn during(self, what: impl FnOnce() -> String) -> Result<T, StoreError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, what: impl FnOnce() -> String) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::Io { what: what(), error: Arc::new(error) })
    }
}
