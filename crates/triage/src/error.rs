//! What can go wrong in triage.

use catalog::CatalogError;
use model::AlertId;

/// Why an alert could not be changed or read.
#[derive(Debug, thiserror::Error)]
pub enum TriageError {
    /// There is no such alert.
    #[error("no alert {0}")]
    NoAlert(AlertId),
    /// Somebody has changed the alert meanwhile; it is now at this version.
    #[error("alert {id} was changed meanwhile: it is at version {version}")]
    Changed {
        /// The alert.
        id: AlertId,
        /// Its version now.
        version: u64,
    },
    /// The edit does not fit the life of an alert; the text says why.
    #[error("{0}")]
    Unfit(&'static str),
    /// The edit cannot be taken back: it is too old, another user's, or none.
    #[error("this edit cannot be taken back any more")]
    Final,
    /// The catalog refused.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}
