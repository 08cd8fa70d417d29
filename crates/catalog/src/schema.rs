//! The tables, as the numbered steps that made them.
//!
//! A step is never changed once it was released; a new one is added below it.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::CatalogError;

/// Marks a SQLite file as ours: `BTZN`.
const APPLICATION_ID: i64 = 0x4254_5A4E;

/// The steps; the number of a step is its place, counted from one.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE segments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        file TEXT NOT NULL UNIQUE,
        events INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        first_id INTEGER NOT NULL,
        last_id INTEGER NOT NULL,
        first_time INTEGER NOT NULL,
        last_time INTEGER NOT NULL,
        digest BLOB NOT NULL,
        stats TEXT NOT NULL
    );
    CREATE TABLE committed (
        line INTEGER PRIMARY KEY CHECK (line = 1),
        next_id INTEGER NOT NULL
    );
    INSERT INTO committed (line, next_id) VALUES (1, 0);
    CREATE TABLE checkpoints (
        source TEXT PRIMARY KEY,
        position TEXT NOT NULL
    );

    CREATE TABLE alerts (
        id INTEGER PRIMARY KEY,
        rule_id TEXT NOT NULL,
        title TEXT NOT NULL,
        level INTEGER NOT NULL,
        tags TEXT NOT NULL,
        entity_kind TEXT NOT NULL,
        entity_value TEXT NOT NULL,
        summary TEXT NOT NULL,
        status TEXT NOT NULL,
        verdict TEXT,
        assignee TEXT,
        happenings INTEGER NOT NULL,
        first_at INTEGER NOT NULL,
        last_at INTEGER NOT NULL,
        evidence TEXT NOT NULL,
        simulated INTEGER NOT NULL,
        version INTEGER NOT NULL
    );
    CREATE INDEX alerts_active ON alerts (rule_id, entity_kind, entity_value, status);
    CREATE INDEX alerts_by_status ON alerts (status, last_at);
    CREATE INDEX alerts_by_time ON alerts (last_at);
    CREATE INDEX alerts_by_entity ON alerts (entity_value);

    CREATE TABLE edits (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        made_at INTEGER NOT NULL,
        made_by TEXT NOT NULL,
        undoes INTEGER REFERENCES edits (id)
    );
    CREATE TABLE alert_history (
        id INTEGER PRIMARY KEY,
        alert_id INTEGER NOT NULL REFERENCES alerts (id),
        edit_id INTEGER NOT NULL REFERENCES edits (id),
        old_status TEXT NOT NULL,
        old_verdict TEXT,
        old_assignee TEXT,
        new_status TEXT NOT NULL,
        new_verdict TEXT,
        new_assignee TEXT,
        note TEXT,
        version INTEGER NOT NULL
    );
    CREATE INDEX alert_history_by_alert ON alert_history (alert_id);
    CREATE INDEX alert_history_by_edit ON alert_history (edit_id);

    CREATE TABLE users (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        role TEXT NOT NULL,
        password_hash TEXT NOT NULL,
        disabled INTEGER NOT NULL,
        created_at INTEGER NOT NULL
    );
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id INTEGER NOT NULL REFERENCES users (id),
        token BLOB NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        seen_at INTEGER NOT NULL,
        address TEXT NOT NULL,
        agent TEXT NOT NULL
    );
    CREATE INDEX sessions_by_user ON sessions (user_id);
    CREATE TABLE setup_tokens (
        token BLOB PRIMARY KEY,
        expires_at INTEGER NOT NULL
    );
    CREATE TABLE login_attempts (
        subject TEXT PRIMARY KEY,
        failures INTEGER NOT NULL,
        last_at INTEGER NOT NULL
    );
    CREATE INDEX login_attempts_by_time ON login_attempts (last_at);
    CREATE TABLE settings (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    );
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        made_at INTEGER NOT NULL,
        made_by TEXT NOT NULL,
        address TEXT NOT NULL,
        action TEXT NOT NULL,
        detail TEXT NOT NULL
    );
",
    "
    CREATE TABLE chain (
        sequence INTEGER PRIMARY KEY,
        made_at INTEGER NOT NULL,
        reason TEXT NOT NULL,
        is_in INTEGER NOT NULL,
        file TEXT NOT NULL,
        events INTEGER NOT NULL,
        digest BLOB NOT NULL,
        index_digest BLOB NOT NULL,
        row_digest BLOB NOT NULL,
        previous BLOB NOT NULL,
        mac BLOB NOT NULL
    );
    CREATE TABLE chain_fold (
        line INTEGER PRIMARY KEY CHECK (line = 1),
        upto INTEGER NOT NULL,
        last_mac BLOB NOT NULL,
        kept INTEGER NOT NULL,
        seal BLOB NOT NULL
    );
",
    "
    ALTER TABLE segments ADD COLUMN index_bytes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segments ADD COLUMN index_digest BLOB NOT NULL
        DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';
",
    "
    CREATE TABLE gone_files (
        file TEXT PRIMARY KEY
    );
    CREATE TABLE holds (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        from_time INTEGER NOT NULL,
        to_time INTEGER NOT NULL,
        matching TEXT NOT NULL,
        reason TEXT NOT NULL,
        made_at INTEGER NOT NULL,
        made_by TEXT NOT NULL,
        released_at INTEGER,
        released_by TEXT
    );
    CREATE TABLE keep_jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        from_time INTEGER NOT NULL,
        to_time INTEGER NOT NULL,
        matching TEXT NOT NULL,
        reason TEXT NOT NULL,
        made_at INTEGER NOT NULL,
        made_by TEXT NOT NULL,
        state TEXT NOT NULL,
        events INTEGER NOT NULL,
        detail TEXT NOT NULL,
        ended_at INTEGER
    );
    CREATE INDEX keep_jobs_by_state ON keep_jobs (state);
",
    "
    ALTER TABLE audit ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE audit ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE audit ADD COLUMN last_at INTEGER;
    CREATE INDEX audit_refused ON audit (made_at) WHERE refused = 1;
",
    "
    CREATE TABLE tokens (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id INTEGER NOT NULL REFERENCES users (id),
        name TEXT NOT NULL,
        token BLOB NOT NULL UNIQUE,
        role TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        used_at INTEGER,
        used_from TEXT,
        UNIQUE (user_id, name)
    );
",
];

/// Gives the connection back where the file is new or ours.
pub(crate) fn admit(connection: Connection, path: &Path) -> Result<Connection, CatalogError> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (application != 0 || tables != 0) {
        return Err(CatalogError::Foreign(path.to_owned()));
    }
    let found = version(&connection)?;
    let known = latest();
    if found > known {
        return Err(CatalogError::Newer { path: path.to_owned(), found, known });
    }
    Ok(connection)
}

/// Runs the steps that the file lacks, each in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), CatalogError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    for (step, number) in MIGRATIONS.iter().zip(1_i64..) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read within the transaction: another process may be opening the same file.
        let found = version(&transaction)?;
        if found > latest() {
            return Err(CatalogError::Newer { path: path.to_owned(), found, known: latest() });
        }
        if found < number {
            transaction.execute_batch(step)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<i64, CatalogError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

pub(crate) fn latest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}
