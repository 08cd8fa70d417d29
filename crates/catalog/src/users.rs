//! Who may use the console, and as what.

use model::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use crate::{Catalog, CatalogError};

/// The identity of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub i64);

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads, and works on alerts.
    Analyst,
    /// Does everything.
    Administrator,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The identity.
    pub id: UserId,
    /// The name, in lower case.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// The password's hash, with its method and parameters.
    pub password_hash: String,
    /// Whether the user is kept out.
    pub disabled: bool,
    /// When the user was made.
    pub created: Timestamp,
}

/// A user to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// The name.
    pub name: &'a str,
    /// What the user may do.
    pub role: Role,
    /// The password's hash.
    pub password_hash: &'a str,
    /// The moment.
    pub at: Timestamp,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Analyst, Self::Administrator];

    /// Gives the role's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Administrator => "administrator",
        }
    }

    /// Reads the role's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

const COLUMNS: &str = "id, name, role, password_hash, disabled, created_at";

impl Catalog {
    /// Makes a user; a name is kept in lower case, and can be used once.
    pub fn add_user(&self, user: &NewUser<'_>) -> Result<UserId, CatalogError> {
        self.write(|transaction| insert(transaction, user))
    }

    /// Gives the user of that name, whatever its case.
    pub fn user_by_name(&self, name: &str) -> Result<Option<User>, CatalogError> {
        self.read(|transaction| {
            let sql = format!("SELECT {COLUMNS} FROM users WHERE name = ?1");
            let mut statement = transaction.prepare_cached(&sql)?;
            Ok(statement.query_row([name.to_lowercase()], user).optional()?)
        })
    }

    /// Gives every user, in the order of the names.
    pub fn users(&self) -> Result<Vec<User>, CatalogError> {
        self.read(|transaction| {
            let sql = format!("SELECT {COLUMNS} FROM users ORDER BY name");
            let mut statement = transaction.prepare_cached(&sql)?;
            Ok(statement.query_map([], user)?.collect::<Result<_, _>>()?)
        })
    }

    /// Tells whether there is an administrator who is not kept out.
    pub fn has_administrator(&self) -> Result<bool, CatalogError> {
        self.read(administrator_exists)
    }

    /// Changes a user's password and ends the sessions; tells whether there is that user.
    pub fn set_password(&self, id: UserId, password_hash: &str) -> Result<bool, CatalogError> {
        self.write(|transaction| {
            end_sessions(transaction, id)?;
            let changed = transaction
                .prepare_cached("UPDATE users SET password_hash = ?2 WHERE id = ?1")?
                .execute(params![id.0, password_hash])?;
            Ok(changed == 1)
        })
    }

    /// Changes what a user may do; tells whether there is that user.
    pub fn set_role(&self, id: UserId, role: Role) -> Result<bool, CatalogError> {
        self.write(|transaction| {
            let changed = transaction
                .prepare_cached("UPDATE users SET role = ?2 WHERE id = ?1")?
                .execute(params![id.0, role.as_str()])?;
            Ok(changed == 1)
        })
    }

    /// Keeps a user out and ends the sessions; tells whether there is that user.
    pub fn disable_user(&self, id: UserId) -> Result<bool, CatalogError> {
        self.write(|transaction| {
            end_sessions(transaction, id)?;
            let changed = transaction
                .prepare_cached("UPDATE users SET disabled = 1 WHERE id = ?1")?
                .execute([id.0])?;
            Ok(changed == 1)
        })
    }

    /// Lets a user in again; tells whether there is that user.
    pub fn enable_user(&self, id: UserId) -> Result<bool, CatalogError> {
        self.write(|transaction| {
            let changed = transaction
                .prepare_cached("UPDATE users SET disabled = 0 WHERE id = ?1")?
                .execute([id.0])?;
            Ok(changed == 1)
        })
    }
}

pub(crate) fn administrator_exists(
    transaction: &rusqlite::Transaction<'_>,
) -> Result<bool, CatalogError> {
    let mut statement = transaction.prepare_cached(
        "SELECT count(*) FROM users WHERE role = 'administrator' AND disabled = 0",
    )?;
    let count: i64 = statement.query_row([], |row| row.get(0))?;
    Ok(count > 0)
}

pub(crate) fn insert(
    transaction: &rusqlite::Transaction<'_>,
    user: &NewUser<'_>,
) -> Result<UserId, CatalogError> {
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO users (name, role, password_hash, disabled, created_at)
             VALUES (?1, ?2, ?3, 0, ?4) RETURNING id",
        )?
        .query_row(
            params![
                user.name.to_lowercase(),
                user.role.as_str(),
                user.password_hash,
                user.at.nanos()
            ],
            |row| row.get(0),
        );
    match inserted.map_err(CatalogError::from) {
        Ok(id) => Ok(UserId(id)),
        Err(CatalogError::Database(fault)) if fault.is_constraint() => {
            Err(CatalogError::Taken(format!("the user name {}", user.name)))
        }
        Err(error) => Err(error),
    }
}

fn end_sessions(transaction: &rusqlite::Transaction<'_>, id: UserId) -> Result<(), CatalogError> {
    transaction.prepare_cached("DELETE FROM sessions WHERE user_id = ?1")?.execute([id.0])?;
    Ok(())
}

fn user(row: &Row<'_>) -> Result<User, rusqlite::Error> {
    Ok(User {
        id: UserId(row.get(0)?),
        name: row.get(1)?,
        role: role(row, 2)?,
        password_hash: row.get(3)?,
        disabled: row.get(4)?,
        created: Timestamp::from_nanos(row.get(5)?),
    })
}

/// Reads a role; a word that a later version wrote gives the weakest.
pub(crate) fn role(row: &Row<'_>, column: usize) -> Result<Role, rusqlite::Error> {
    let word: String = row.get(column)?;
    Ok(Role::parse(&word).unwrap_or(Role::Viewer))
}
