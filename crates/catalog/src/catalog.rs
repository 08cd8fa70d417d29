//! The connections: one that writes, a few that read.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::error::one_line;
use crate::{CatalogError, schema};

/// How long a writer waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Reading connections kept for reuse; more may be open for a moment.
const READERS_KEPT_MAX: usize = 4;
const STATEMENTS_KEPT_MAX: usize = 96;
/// Files up to this size are checked whole at every start.
const CHECKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The catalog of one data folder; clones share its connections.
#[derive(Clone, Debug)]
pub struct Catalog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Catalog {
    /// Opens the catalog at `path`, makes it where there is none, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, CatalogError> {
        create_private(path)?;
        let writer = connect(path).map_err(|error| explain(path, error))?;
        let mut writer = schema::admit(writer, path).map_err(|error| explain(path, error))?;
        check_whole(&writer, path).map_err(|error| explain(path, error))?;
        schema::migrate(&mut writer, path).map_err(|error| explain(path, error))?;
        sync_log(path)?;
        let shared =
            Shared { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::default() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Writes the catalog as it is at one moment to a new file, durably; others go on writing.
    pub fn copy_to(&self, path: &Path) -> Result<(), CatalogError> {
        create_private(path)?;
        // Outside of a transaction, as this statement must be; it reads within one of its own.
        let connection = connect(&self.shared.path)?;
        connection.execute("VACUUM INTO ?1", [path.to_string_lossy()])?;
        let synced = OpenOptions::new().write(true).open(path).and_then(|file| file.sync_all());
        synced.map_err(|error| CatalogError::Unopened {
            path: path.to_owned(),
            detail: error.to_string(),
        })
    }

    /// Runs `work` in one transaction that holds the only right to write: all of it or, when it
    /// gives an error or panics, nothing.
    pub(crate) fn write<T, E: From<CatalogError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut writer = lock(&self.shared.writer);
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(CatalogError::from)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(CatalogError::from)?;
        Ok(done)
    }

    /// Runs `work` upon one unchanging view of the catalog.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        let kept = lock(&self.shared.readers).pop();
        let mut reader = match kept {
            Some(reader) => reader,
            None => connect(&self.shared.path)?,
        };
        let transaction = reader.transaction()?;
        let found = work(&transaction);
        drop(transaction);
        let mut readers = lock(&self.shared.readers);
        if readers.len() < READERS_KEPT_MAX {
            readers.push(reader);
        }
        found
    }
}

/// Makes durable what another process committed and perhaps did not live to sync: what is decided
/// upon from here on, such as which logs are needed no more, must not be taken back by a power cut.
fn sync_log(path: &Path) -> Result<(), CatalogError> {
    let unopened = |error: io::Error| CatalogError::Unopened {
        path: path.to_owned(),
        detail: error.to_string(),
    };
    let mut log = path.to_owned().into_os_string();
    log.push("-wal");
    match File::open(log) {
        Ok(log) => log.sync_all().map_err(unopened)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unopened(error)),
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(unopened)
}

/// A panic within a transaction rolls it back, so the connection behind a poisoned lock is sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the file readable to its owner alone: it holds password hashes. The database's side files
/// take over the same rights.
fn create_private(path: &Path) -> Result<(), CatalogError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| CatalogError::Unopened {
        path: path.to_owned(),
        detail: error.to_string(),
    })
}

fn connect(path: &Path) -> Result<Connection, CatalogError> {
    // Without URI names, which a folder's name could imitate.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // No view or trigger of a foreign file may run functions of ours.
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn check_whole(connection: &Connection, path: &Path) -> Result<(), CatalogError> {
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length > CHECKED_BYTES_MAX {
        return Ok(());
    }
    let answer: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if answer == "ok" {
        return Ok(());
    }
    Err(CatalogError::Damaged { path: path.to_owned(), detail: one_line(&answer) })
}

/// Tells in our words what the database says of a file that it cannot use.
fn explain(path: &Path, error: CatalogError) -> CatalogError {
    let CatalogError::Database(fault) = &error else { return error };
    let (path, detail) = (path.to_owned(), fault.to_string());
    match fault.code() {
        Some(ErrorCode::NotADatabase) => CatalogError::Foreign(path),
        Some(ErrorCode::DatabaseCorrupt) => CatalogError::Damaged { path, detail },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            CatalogError::Unopened { path, detail }
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn opened_twice() {
        check(|_| {}, expect!["opened"]);
    }

    #[test]
    fn text_file() {
        check(
            |path| {
                std::fs::write(path, "this is no database, and it is long enough to say so")
                    .unwrap();
            },
            expect!["PATH is not a catalog of this product; name another data folder"],
        );
    }

    #[test]
    fn database_of_another_product() {
        check(
            |path| {
                std::fs::remove_file(path).unwrap();
                let other = Connection::open(path).unwrap();
                other.execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
            },
            expect!["PATH is not a catalog of this product; name another data folder"],
        );
    }

    #[test]
    fn written_by_a_newer_version() {
        check(
            |path| {
                let newer = Connection::open(path).unwrap();
                newer.pragma_update(None, "user_version", 99).unwrap();
            },
            expect![
                "PATH has schema 99, and this version knows up to STEPS: run the newer version, or restore a backup"
            ],
        );
    }

    #[test]
    fn damaged_in_the_middle() {
        check(
            |path| {
                let mut bytes = std::fs::read(path).unwrap();
                bytes[4096..].fill(0xAB);
                std::fs::write(path, bytes).unwrap();
            },
            expect![
                "PATH is damaged (database disk image is malformed): restore a backup, or see what `bartizan doctor --repair` can save"
            ],
        );
    }

    #[test]
    fn a_copy_is_of_one_moment_and_opens() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        catalog.set_setting("a", "before").unwrap();
        let path = folder.path().join("copy.db");
        catalog.copy_to(&path).unwrap();
        catalog.set_setting("a", "after").unwrap();
        let copy = Catalog::open(&path).unwrap();
        assert_eq!(copy.setting("a").unwrap().as_deref(), Some("before"));
        assert!(catalog.copy_to(&path).is_err(), "nothing is written over");
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        let failed: Result<(), CatalogError> = catalog.write(|transaction| {
            transaction.execute("UPDATE committed SET next_id = 7", [])?;
            Err(CatalogError::OutOfRange("a test"))
        });
        assert!(failed.is_err());
        assert_eq!(catalog.committed().unwrap(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn readable_to_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let _catalog = Catalog::open(&path).unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }

    /// Makes a catalog, closes it, changes the file and compares what opening it says then.
    #[track_caller]
    fn check(change: impl FnOnce(&Path), expect: Expect) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        drop(Catalog::open(&path).unwrap());
        change(&path);
        let told = match Catalog::open(&path) {
            Ok(_) => "opened".to_owned(),
            Err(error) => error
                .to_string()
                .replace(path.to_str().unwrap(), "PATH")
                .replace(&format!("up to {}", crate::schema::latest()), "up to STEPS"),
        };
        expect.assert_eq(&told);
    }
}
