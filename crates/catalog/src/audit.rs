//! The record of who did what, and of who was not let in.
//!
//! What somebody did is written once and never changed. A refusal is what a stranger causes as often as
//! he likes: alike ones within an hour are one record that counts, so that neither an hour nor all time
//! can hold more than a bounded number of them.

use std::time::Duration;

use model::Timestamp;
use rusqlite::{Transaction, params};

use crate::records::{get, set};
use crate::sql::{Sql, signed, unsigned};
use crate::{Catalog, CatalogError};

/// Within this time alike refusals are counted by one record.
const ALIKE_WITHIN: Duration = Duration::from_hours(1);
/// Records of refusals that an hour may begin; what comes beyond is counted by one for each action.
const REFUSALS_PER_HOUR_MAX: u32 = 250;
/// Records of refusals that are kept; past it, the oldest go and are counted.
const REFUSALS_MAX: u32 = 20_000;
/// The setting that counts the refusals whose records went.
const FORGOTTEN: &str = "audit_refusals_forgotten";
/// What stands for a name or an address in the record of what was too much.
const SEVERAL: &str = "(several)";

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

/// Somebody who was not let in, once or several times alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was tried; the name in `by` is whatever was typed.
    pub entry: AuditEntry,
    /// How often.
    pub times: u64,
}

/// One record as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number; later records have greater ones.
    pub id: i64,
    /// What was done or tried.
    pub entry: AuditEntry,
    /// Whether it was refused.
    pub refused: bool,
    /// How often; more than once only where it was refused.
    pub times: u64,
    /// When it happened last.
    pub last: Timestamp,
}

/// Some records, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The records.
    pub rows: Vec<AuditRow>,
    /// Whether there are older ones.
    pub more: bool,
    /// How many refusals there were whose records went because there were too many.
    pub forgotten: u64,
}

impl Catalog {
    /// Records what somebody did; such a record is never changed.
    pub fn audit(&self, entry: &AuditEntry) -> Result<(), CatalogError> {
        self.write(|transaction| audit(transaction, entry))
    }

    /// Records who was not let in; alike ones within an hour are counted by one record.
    pub fn audit_refusals(&self, refusals: &[Refusal]) -> Result<(), CatalogError> {
        self.write(|transaction| {
            let mut begun = false;
            for refusal in refusals {
                begun |= refuse(transaction, refusal)?;
            }
            if begun { forget(transaction) } else { Ok(()) }
        })
    }

    /// Gives the newest records, the newest first.
    pub fn audited(&self, limit: u32) -> Result<Vec<AuditEntry>, CatalogError> {
        let page = self.audit_page(None, limit)?;
        Ok(page.rows.into_iter().map(|row| row.entry).collect())
    }

    /// Gives records older than that one, or the newest, the newest first.
    pub fn audit_page(&self, before: Option<i64>, limit: u32) -> Result<AuditPage, CatalogError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT id, made_at, made_by, address, action, detail, refused, times,
                     coalesce(last_at, made_at)
                 FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let wanted = i64::from(limit).saturating_add(1);
            let found = statement.query_map([before.unwrap_or(i64::MAX), wanted], row)?;
            let mut rows: Vec<AuditRow> = found.collect::<Result<_, _>>()?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let more = rows.len() > limit;
            rows.truncate(limit);
            Ok(AuditPage { rows, more, forgotten: forgotten(transaction)? })
        })
    }
}

/// Records what somebody did within a transaction.
pub(crate) fn audit(transaction: &Transaction<'_>, entry: &AuditEntry) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT INTO audit (made_at, made_by, address, action, detail)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![entry.at.nanos(), entry.by, entry.address, entry.action, entry.detail])?;
    Ok(())
}

/// Records a refusal; tells whether a record was begun for it.
fn refuse(transaction: &Transaction<'_>, refusal: &Refusal) -> Result<bool, CatalogError> {
    if counted(transaction, refusal)? {
        return Ok(false);
    }
    let since = refusal.entry.at.minus(ALIKE_WITHIN).nanos();
    let begun: u32 = transaction
        .prepare_cached("SELECT count(*) FROM audit WHERE refused = 1 AND made_at > ?1")?
        .query_row([since], |row| row.get(0))?;
    if begun < REFUSALS_PER_HOUR_MAX {
        begin(transaction, refusal)?;
        return Ok(true);
    }
    let several = Refusal {
        entry: AuditEntry {
            by: SEVERAL.to_owned(),
            address: SEVERAL.to_owned(),
            detail: "more than could be recorded one by one".to_owned(),
            ..refusal.entry.clone()
        },
        ..*refusal
    };
    if counted(transaction, &several)? {
        return Ok(false);
    }
    begin(transaction, &several)?;
    Ok(true)
}

/// Counts a refusal with the record of alike ones, if there is one.
fn counted(transaction: &Transaction<'_>, refusal: &Refusal) -> Result<bool, CatalogError> {
    let Refusal { entry, times } = refusal;
    let changed = transaction
        .prepare_cached(
            "UPDATE audit SET times = times + ?1, last_at = max(?2, coalesce(last_at, made_at))
             WHERE id = (SELECT id FROM audit
                 WHERE refused = 1 AND made_at > ?3 AND action = ?4 AND made_by = ?5
                     AND address = ?6 ORDER BY id DESC LIMIT 1)",
        )?
        .execute(params![
            signed(*times)?,
            entry.at.nanos(),
            entry.at.minus(ALIKE_WITHIN).nanos(),
            entry.action,
            entry.by,
            entry.address
        ])?;
    Ok(changed > 0)
}

fn begin(transaction: &Transaction<'_>, refusal: &Refusal) -> Result<(), CatalogError> {
    let Refusal { entry, times } = refusal;
    transaction
        .prepare_cached(
            "INSERT INTO audit (made_at, made_by, address, action, detail, refused, times)
             VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6)",
        )?
        .execute(params![
            entry.at.nanos(),
            entry.by,
            entry.address,
            entry.action,
            entry.detail,
            signed(*times)?
        ])?;
    Ok(())
}

/// Lets the oldest records of refusals go where there are too many, and counts them.
fn forget(transaction: &Transaction<'_>) -> Result<(), CatalogError> {
    let mut oldest = Sql::new(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE refused = 1
             ORDER BY made_at DESC, id DESC LIMIT -1 OFFSET ",
    );
    oldest.bind(i64::from(REFUSALS_MAX));
    oldest.push(") RETURNING times");
    let gone = oldest.query(transaction, |row| unsigned(row, 0))?;
    if gone.is_empty() {
        return Ok(());
    }
    let forgotten = gone.into_iter().fold(forgotten(transaction)?, u64::saturating_add);
    set(transaction, FORGOTTEN, &forgotten.to_string())
}

fn forgotten(transaction: &Transaction<'_>) -> Result<u64, CatalogError> {
    let kept = get(transaction, FORGOTTEN)?;
    Ok(kept.and_then(|count| count.parse().ok()).unwrap_or(0))
}

fn row(row: &rusqlite::Row<'_>) -> Result<AuditRow, rusqlite::Error> {
    Ok(AuditRow {
        id: row.get(0)?,
        entry: AuditEntry {
            at: Timestamp::from_nanos(row.get(1)?),
            by: row.get(2)?,
            address: row.get(3)?,
            action: row.get(4)?,
            detail: row.get(5)?,
        },
        refused: row.get(6)?,
        times: unsigned(row, 7)?,
        last: Timestamp::from_nanos(row.get(8)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_refusals_are_one_record_for_an_hour() {
        let (_folder, catalog) = catalog();
        for second in [0, 10, 20] {
            catalog.audit_refusals(&[refusal(second, "root", "203.0.113.9", 1)]).unwrap();
        }
        catalog.audit_refusals(&[refusal(30, "root", "198.51.100.7", 4)]).unwrap();
        catalog.audit_refusals(&[refusal(3_601, "root", "203.0.113.9", 2)]).unwrap();
        let page = catalog.audit_page(None, 10).unwrap();
        let told: Vec<_> = page.rows.iter().map(|row| (row.times, row.last.seconds())).collect();
        assert_eq!(told, [(2, 3_601), (4, 30), (3, 20)]);
        assert_eq!((page.more, page.forgotten), (false, 0));
    }

    #[test]
    fn what_somebody_did_is_never_counted_together() {
        let (_folder, catalog) = catalog();
        let done = refusal(0, "ada", "203.0.113.9", 1).entry;
        catalog.audit(&done).unwrap();
        catalog.audit(&done).unwrap();
        catalog.audit_refusals(&[refusal(0, "ada", "203.0.113.9", 1)]).unwrap();
        let rows = catalog.audit_page(None, 10).unwrap().rows;
        assert_eq!(rows.iter().map(|row| row.refused).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(catalog.audit_page(Some(rows[1].id), 10).unwrap().rows.len(), 1);
    }

    #[test]
    fn neither_an_hour_nor_all_time_can_be_filled() {
        let (_folder, catalog) = catalog();
        let mut sent = 0;
        // Each try with another name, from another address, 300 an hour, for 84 hours.
        for hour in 0..84 {
            let tries: Vec<_> = (0..300)
                .map(|number| refusal(hour * 3_601, &format!("u{number}"), &format!("a{hour}"), 1))
                .collect();
            sent += 300;
            catalog.audit_refusals(&tries).unwrap();
        }
        let page = catalog.audit_page(None, 100_000).unwrap();
        assert_eq!(page.rows.len(), usize::try_from(REFUSALS_MAX).unwrap());
        let kept: u64 = page.rows.iter().map(|row| row.times).sum();
        assert_eq!(kept + page.forgotten, sent, "every try is counted somewhere");
        let several = page.rows.iter().find(|row| row.entry.by == SEVERAL).unwrap();
        assert_eq!(several.times, 50);
        assert!(catalog.audit_page(None, 10).unwrap().more);
    }

    fn refusal(second: i64, by: &str, address: &str, times: u64) -> Refusal {
        let entry = AuditEntry {
            at: Timestamp::from_seconds(second),
            by: by.to_owned(),
            address: address.to_owned(),
            action: "log_in_refused".to_owned(),
            detail: "wrong password".to_owned(),
        };
        Refusal { entry, times }
    }

    fn catalog() -> (tempfile::TempDir, Catalog) {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        (folder, catalog)
    }
}
