//! Saves what can be read of a damaged catalog, table by table, into a new one.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use crate::{Catalog, CatalogError};

/// Rows that could not be told, or kept, before a table is given up.
const REFUSED_MAX: u64 = 100_000;

/// What became of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RescuedTable {
    /// Its name.
    pub name: String,
    /// How many rows were saved.
    pub rows: u64,
    /// Why others were not, where there were others.
    pub fault: Option<String>,
}

/// Makes a catalog at `to` of all that can be read of the one at `from`, which stays as it is; gives
/// what became of each table. `from` should be a copy, since reading a database may write to it.
pub fn rescue(from: &Path, to: &Path) -> Result<Vec<RescuedTable>, CatalogError> {
    drop(Catalog::open(to)?);
    let fresh = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    fresh.pragma_update(None, "foreign_keys", false)?;
    let names = names(&fresh)?;
    let old = match open(from) {
        Ok(old) => old,
        Err(error) => {
            let fault = Some(error.to_string());
            let lost = |name| RescuedTable { name, rows: 0, fault: fault.clone() };
            return Ok(names.into_iter().map(lost).collect());
        }
    };
    let found = version(&old).unwrap_or_default();
    let known = version(&fresh)?;
    if found > known {
        return Err(CatalogError::Newer { path: from.to_owned(), found, known });
    }
    let rescued = names.into_iter().map(|name| table(&old, &fresh, name)).collect::<Result<_, _>>();
    fresh.execute("INSERT OR IGNORE INTO committed (line, next_id) VALUES (1, 0)", [])?;
    remove_dangling(&fresh)?;
    rescued
}

fn open(path: &Path) -> Result<Connection, rusqlite::Error> {
    let old = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    old.pragma_update(None, "trusted_schema", false)?;
    old.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(old)
}

fn version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn names(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
         ORDER BY rowid",
    )?;
    statement.query_map([], |row| row.get(0))?.collect()
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

fn table(old: &Connection, fresh: &Connection, name: String) -> Result<RescuedTable, CatalogError> {
    let had = columns(old, &name).unwrap_or_default();
    let shared: Vec<String> =
        columns(fresh, &name)?.into_iter().filter(|column| had.contains(column)).collect();
    let mut rescued = RescuedTable { name, rows: 0, fault: None };
    if shared.is_empty() {
        // A table that an older version did not have is none that was lost.
        return Ok(rescued);
    }
    fresh.execute(&format!("DELETE FROM {}", rescued.name), [])?;
    let mut copier = Copier { fresh, shared: &shared, rescued: &mut rescued, refused: 0 };
    let forward = copier.copy(old, "ASC");
    if let Err(error) = forward {
        // From the other end, up to the damage.
        let _ = copier.copy(old, "DESC");
        rescued.fault = Some(error.to_string());
    } else if copier.refused > 0 {
        rescued.fault = Some(format!("{} rows make no sense", copier.refused));
    }
    Ok(rescued)
}

struct Copier<'c> {
    fresh: &'c Connection,
    shared: &'c [String],
    rescued: &'c mut RescuedTable,
    refused: u64,
}

impl Copier<'_> {
    fn copy(&mut self, old: &Connection, order: &str) -> Result<(), rusqlite::Error> {
        let (table, columns) = (&self.rescued.name, self.shared.join(", "));
        let places: Vec<String> =
            (1..=self.shared.len()).map(|place| format!("?{place}")).collect();
        let select = format!("SELECT {columns} FROM {table} NOT INDEXED ORDER BY rowid {order}");
        let insert =
            format!("INSERT OR IGNORE INTO {table} ({columns}) VALUES ({})", places.join(", "));
        let transaction = self.fresh.unchecked_transaction()?;
        let copied = (|| {
            let mut select = old.prepare(&select)?;
            let mut insert = transaction.prepare(&insert)?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                let cells = (0..self.shared.len()).map(|place| row.get(place));
                let cells: Result<Vec<Value>, _> = cells.collect();
                match cells.and_then(|cells| insert.execute(params_from_iter(cells))) {
                    Ok(added) => {
                        self.rescued.rows += u64::try_from(added).unwrap_or_default();
                    }
                    Err(_) if self.refused < REFUSED_MAX => self.refused += 1,
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })();
        transaction.commit()?;
        copied
    }
}

/// Removes rows whose owner was not saved.
fn remove_dangling(fresh: &Connection) -> Result<(), CatalogError> {
    loop {
        let mut statement = fresh.prepare("PRAGMA foreign_key_check")?;
        let dangling: Vec<(String, i64)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        if dangling.is_empty() {
            return Ok(());
        }
        for (table, row) in dangling {
            fresh.execute(&format!("DELETE FROM {table} WHERE rowid = ?1"), [row])?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewUser, Role};
    use model::Timestamp;

    /// Makes a catalog with 200 settings and a user, has it damaged, and tells what was saved.
    fn check(damage: impl FnOnce(&mut Vec<u8>)) -> (Vec<RescuedTable>, Catalog, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("catalog.db"), folder.path().join("saved.db"));
        let catalog = Catalog::open(&from).unwrap();
        for number in 0..200 {
            catalog.set_setting(&format!("name-{number:03}"), &"x".repeat(300)).unwrap();
        }
        let user = NewUser {
            name: "ada",
            role: Role::Administrator,
            password_hash: "hash",
            at: Timestamp::from_seconds(1),
        };
        catalog.add_user(&user).unwrap();
        drop(catalog);
        let mut bytes = std::fs::read(&from).unwrap();
        damage(&mut bytes);
        std::fs::write(&from, &bytes).unwrap();
        let rescued = rescue(&from, &to).unwrap();
        assert_eq!(std::fs::read(&from).unwrap(), bytes, "the damaged one stays as it is");
        (rescued, Catalog::open(&to).unwrap(), folder)
    }

    fn rows(rescued: &[RescuedTable], name: &str) -> u64 {
        rescued.iter().find(|table| table.name == name).unwrap().rows
    }

    #[test]
    fn a_sound_one_is_saved_whole() {
        let (rescued, catalog, _folder) = check(|_| {});
        assert!(rescued.iter().all(|table| table.fault.is_none()), "{rescued:?}");
        assert_eq!((rows(&rescued, "settings"), rows(&rescued, "users")), (200, 1));
        assert!(catalog.has_administrator().unwrap());
    }

    #[test]
    fn around_a_page_that_is_gone() {
        let (rescued, catalog, _folder) = check(|bytes| {
            let text = b"name-100xxxx";
            let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
            let page = at / 4096 * 4096;
            bytes[page..page + 4096].fill(0xAB);
        });
        let saved = rows(&rescued, "settings");
        assert!((150..200).contains(&saved), "{saved} of 200");
        assert!(catalog.setting("name-000").unwrap().is_some());
        assert!(catalog.setting("name-199").unwrap().is_some());
        assert_eq!(rows(&rescued, "users"), 1);
    }

    #[test]
    fn nothing_of_what_is_no_database() {
        let (rescued, catalog, _folder) = check(|bytes| bytes.fill(7));
        assert!(rescued.iter().all(|table| table.rows == 0 && table.fault.is_some()));
        assert_eq!(catalog.committed().unwrap(), 0);
    }
}
