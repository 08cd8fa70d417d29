//! Settings that people change while it runs, and the record of who did what.

use model::{EventId, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::{Catalog, CatalogError};

/// The setting that [`Catalog::detected_upto`] reads.
pub(crate) const DETECTED_UPTO: &str = "detected_upto";

/// One thing that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: the user's name.
    pub by: String,
    /// From where.
    pub address: String,
    /// What, such as `log_in`.
    pub action: String,
    /// To what, or how.
    pub detail: String,
}

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

    /// Records what somebody did; a record is never changed.
    pub fn audit(&self, entry: &AuditEntry) -> Result<(), CatalogError> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO audit (made_at, made_by, address, action, detail)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    entry.at.nanos(),
                    entry.by,
                    entry.address,
                    entry.action,
                    entry.detail
                ])?;
            Ok(())
        })
    }

    /// Gives the newest records, the newest first.
    pub fn audited(&self, limit: u32) -> Result<Vec<AuditEntry>, CatalogError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT made_at, made_by, address, action, detail FROM audit
                 ORDER BY id DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([limit], |row| {
                Ok(AuditEntry {
                    at: Timestamp::from_nanos(row.get(0)?),
                    by: row.get(1)?,
                    address: row.get(2)?,
                    action: row.get(3)?,
                    detail: row.get(4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
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
