//! Who is logged in. Of a session's token only the digest is kept, so that a stolen file opens no
//! session.

use std::time::Duration;

use model::Timestamp;
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::users::role;
use crate::{Catalog, CatalogError, Role, UserId};

/// Sessions of one user; a new one ends the one that was quiet for longest.
const SESSIONS_PER_USER_MAX: u32 = 20;
/// A session's last use is written at most this often.
const SEEN_EVERY: Duration = Duration::from_mins(1);

/// The identity of a session; it does not open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub i64);

/// SHA-256 of a token that a person or a program holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest(pub(crate) [u8; 32]);

impl TokenDigest {
    /// Gives the digest of a token. Tokens are long and random, so that no slow hash is needed.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl std::fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenDigest")
    }
}

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionSpan {
    /// Unused for longer, a session ends.
    pub idle: Duration,
    /// Older than this, a session ends.
    pub whole: Duration,
}

impl Default for SessionSpan {
    fn default() -> Self {
        Self { idle: Duration::from_hours(12), whole: Duration::from_hours(7 * 24) }
    }
}

/// A session to be begun.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    /// Whose.
    pub user: UserId,
    /// The digest of its token.
    pub token: TokenDigest,
    /// From where.
    pub address: &'a str,
    /// With what.
    pub agent: &'a str,
    /// The moment.
    pub at: Timestamp,
}

/// A session, with what its user may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its identity.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The user's name.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used, to the minute.
    pub seen: Timestamp,
    /// From where it was begun.
    pub address: String,
    /// With what it was begun.
    pub agent: String,
}

const SELECT: &str = "SELECT s.id, s.user_id, u.name, u.role, s.created_at, s.seen_at, s.address, \
     s.agent FROM sessions s JOIN users u ON u.id = s.user_id";

impl Catalog {
    /// Begins a session.
    pub fn begin_session(&self, session: &NewSession<'_>) -> Result<SessionId, CatalogError> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "DELETE FROM sessions WHERE user_id = ?1 AND id NOT IN (
                         SELECT id FROM sessions WHERE user_id = ?1
                         ORDER BY seen_at DESC, id DESC LIMIT ?2)",
                )?
                .execute(params![session.user.0, SESSIONS_PER_USER_MAX - 1])?;
            let id = transaction
                .prepare_cached(
                    "INSERT INTO sessions (user_id, token, created_at, seen_at, address, agent)
                     VALUES (?1, ?2, ?3, ?3, ?4, ?5) RETURNING id",
                )?
                .query_row(
                    params![
                        session.user.0,
                        session.token.0,
                        session.at.nanos(),
                        session.address,
                        session.agent
                    ],
                    |row| row.get(0),
                )?;
            Ok(SessionId(id))
        })
    }

    /// Gives the session of a token, if it has not ended and its user is not kept out; notes that it
    /// was used.
    pub fn session(
        &self,
        token: TokenDigest,
        span: SessionSpan,
        now: Timestamp,
    ) -> Result<Option<Session>, CatalogError> {
        let found = self.read(|transaction| {
            let sql = format!(
                "{SELECT} WHERE s.token = ?1 AND s.seen_at >= ?2 AND s.created_at >= ?3
                     AND u.disabled = 0"
            );
            let (idle, whole) = (now.minus(span.idle), now.minus(span.whole));
            Ok(transaction
                .prepare_cached(&sql)?
                .query_row(params![token.0, idle.nanos(), whole.nanos()], session)
                .optional()?)
        })?;
        if let Some(session) = &found
            && now.since(session.seen) >= SEEN_EVERY
        {
            self.write(|transaction| {
                transaction
                    .prepare_cached("UPDATE sessions SET seen_at = ?2 WHERE id = ?1")?
                    .execute(params![session.id.0, now.nanos()])
                    .map_err(CatalogError::from)
            })?;
        }
        Ok(found)
    }

    /// Gives the sessions of a user that have not ended, the last used first.
    pub fn sessions(
        &self,
        user: UserId,
        span: SessionSpan,
        now: Timestamp,
    ) -> Result<Vec<Session>, CatalogError> {
        self.read(|transaction| {
            let sql = format!(
                "{SELECT} WHERE s.user_id = ?1 AND s.seen_at >= ?2 AND s.created_at >= ?3
                 ORDER BY s.seen_at DESC, s.id DESC"
            );
            let (idle, whole) = (now.minus(span.idle), now.minus(span.whole));
            let mut statement = transaction.prepare_cached(&sql)?;
            let rows =
                statement.query_map(params![user.0, idle.nanos(), whole.nanos()], session)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Ends a session of a user; tells whether there was one.
    pub fn end_session(&self, user: UserId, id: SessionId) -> Result<bool, CatalogError> {
        self.write(|transaction| {
            let ended = transaction
                .prepare_cached("DELETE FROM sessions WHERE user_id = ?1 AND id = ?2")?
                .execute([user.0, id.0])?;
            Ok(ended == 1)
        })
    }

    /// Forgets the sessions that have ended by themselves.
    pub fn forget_sessions(&self, span: SessionSpan, now: Timestamp) -> Result<(), CatalogError> {
        self.write(|transaction| {
            let (idle, whole) = (now.minus(span.idle), now.minus(span.whole));
            transaction
                .prepare_cached("DELETE FROM sessions WHERE seen_at < ?1 OR created_at < ?2")?
                .execute([idle.nanos(), whole.nanos()])?;
            Ok(())
        })
    }
}

fn session(row: &rusqlite::Row<'_>) -> Result<Session, rusqlite::Error> {
    Ok(Session {
        id: SessionId(row.get(0)?),
        user: UserId(row.get(1)?),
        name: row.get(2)?,
        role: role(row, 3)?,
        created: Timestamp::from_nanos(row.get(4)?),
        seen: Timestamp::from_nanos(row.get(5)?),
        address: row.get(6)?,
        agent: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewUser;

    #[test]
    fn ends_when_unused_when_old_when_revoked_and_with_its_user() {
        let (_folder, catalog, user) = catalog_with_a_user();
        let span = SessionSpan { idle: Duration::from_secs(100), whole: Duration::from_secs(250) };
        let token = TokenDigest::of("token");
        let open = |second| {
            catalog.session(token, span, Timestamp::from_seconds(second)).unwrap().is_some()
        };
        begin(&catalog, user, "token");
        assert!(open(90));
        assert!(open(180), "use at 90 keeps it open until 190");
        assert!(!open(281), "unused for longer than 100");
        assert!(open(250));
        assert!(!open(251), "older than 250");

        assert!(open(200));
        catalog.disable_user(user).unwrap();
        catalog.enable_user(user).unwrap();
        assert!(!open(200), "keeping its user out ends it");

        let id = begin(&catalog, user, "token");
        assert!(!catalog.end_session(UserId(99), id).unwrap(), "the session of somebody else");
        assert!(open(10));
        assert!(catalog.end_session(user, id).unwrap());
        assert!(!open(10));
    }

    #[test]
    fn one_too_many_ends_the_quietest() {
        let (_folder, catalog, user) = catalog_with_a_user();
        for number in 0..=SESSIONS_PER_USER_MAX {
            begin(&catalog, user, &number.to_string());
        }
        let now = Timestamp::from_seconds(1);
        let open = catalog.sessions(user, SessionSpan::default(), now).unwrap();
        assert_eq!(open.len(), 20);
        let first = TokenDigest::of("0");
        assert_eq!(catalog.session(first, SessionSpan::default(), now).unwrap(), None);
    }

    fn catalog_with_a_user() -> (tempfile::TempDir, Catalog, UserId) {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        let user = catalog
            .add_user(&NewUser {
                name: "ada",
                role: Role::Analyst,
                password_hash: "x",
                at: Timestamp::from_seconds(0),
            })
            .unwrap();
        (folder, catalog, user)
    }

    fn begin(catalog: &Catalog, user: UserId, token: &str) -> SessionId {
        let session = NewSession {
            user,
            token: TokenDigest::of(token),
            address: "127.0.0.1",
            agent: "test",
            at: Timestamp::from_seconds(0),
        };
        catalog.begin_session(&session).unwrap()
    }
}
