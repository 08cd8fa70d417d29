//! Settings that people change while it runs.

use model::EventId;
use rusqlite::{OptionalExtension, Transaction};

use crate::{Catalog, CatalogError};

/// The setting that [`Catalog::detected_upto`] reads.
pub(crate) const DETECTED_UPTO: &str = "detected_upto";

impl Catalog {
    /// Gives the value of a setting.
    pub fn setting(&self, name: &str) -> Result<Option<String>, CatalogError> {
        self.read(|transaction| get(transaction, name))
    }

    /// Keeps the value of a setting.
    pub fn set_setting(&self, name: &str, value: &str) -> Result<(), CatalogError> {
        self.write(|transaction| set(transaction, name, value))
    }

    /// Gives up to which event all detections have become alerts; later events may have been stored
    /// without their detections, when the process was cut off in between.
    pub fn detected_upto(&self) -> Result<EventId, CatalogError> {
        let kept = self.setting(DETECTED_UPTO)?;
        Ok(EventId(kept.and_then(|id| id.parse().ok()).unwrap_or(0)))
    }
}

/// Gives the value of a setting within a transaction.
pub(crate) fn get(
    transaction: &Transaction<'_>,
    name: &str,
) -> Result<Option<String>, CatalogError> {
    let mut statement = transaction.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Keeps the value of a setting within a transaction.
pub(crate) fn set(
    transaction: &Transaction<'_>,
    name: &str,
    value: &str,
) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT INTO settings (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute([name, value])?;
    Ok(())
}
