//! What programs hold in place of a password. Only the digest of a token is kept, so that a stolen file
//! opens nothing; a token acts as its user, and never may more than that user.

use std::time::Duration;

use model::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use crate::users::role;
use crate::{Catalog, CatalogError, Role, TokenDigest, UserId};

/// Tokens that one user may have.
const TOKENS_PER_USER_MAX: u32 = 50;
/// A token's last use is written at most this often.
const USED_EVERY: Duration = Duration::from_mins(1);

/// The identity of a token; it does not open anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub i64);

/// A token to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// Whose.
    pub user: UserId,
    /// What it is for, in the user's words.
    pub name: &'a str,
    /// The digest of what the program holds.
    pub token: TokenDigest,
    /// What it may do at most.
    pub role: Role,
    /// The moment.
    pub at: Timestamp,
    /// When it ends by itself, if it does.
    pub expires: Option<Timestamp>,
}

/// A token, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its identity.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// That user's name.
    pub user_name: String,
    /// What it is for.
    pub name: String,
    /// What it may do: the lesser of its own role and its user's.
    pub role: Role,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends by itself, if it does.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub used: Option<Timestamp>,
    /// From where.
    pub used_from: Option<String>,
    /// Whether its user is kept out, and the token with the user.
    pub disabled: bool,
}

impl Token {
    /// Tells whether it opens anything at that moment.
    pub fn is_good(&self, now: Timestamp) -> bool {
        !self.disabled && self.expires.is_none_or(|expires| now < expires)
    }
}

const SELECT: &str = "SELECT t.id, t.user_id, u.name, t.name, t.role, u.role, t.created_at, \
     t.expires_at, t.used_at, t.used_from, u.disabled \
     FROM tokens t JOIN users u ON u.id = t.user_id";

impl Catalog {
    /// Makes a token; a user has at most fifty, each of another name.
    pub fn add_token(&self, token: &NewToken<'_>) -> Result<TokenId, CatalogError> {
        self.write(|transaction| {
            let count: u32 = transaction
                .prepare_cached("SELECT count(*) FROM tokens WHERE user_id = ?1")?
                .query_row([token.user.0], |row| row.get(0))?;
            if count >= TOKENS_PER_USER_MAX {
                return Err(CatalogError::Taken("each of a user's fifty tokens".to_owned()));
            }
            let inserted = transaction
                .prepare_cached(
                    "INSERT INTO tokens (user_id, name, token, role, created_at, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
                )?
                .query_row(
                    params![
                        token.user.0,
                        token.name,
                        token.token.0,
                        token.role.as_str(),
                        token.at.nanos(),
                        token.expires.map(Timestamp::nanos)
                    ],
                    |row| row.get(0),
                );
            match inserted.map_err(CatalogError::from) {
                Ok(id) => Ok(TokenId(id)),
                Err(CatalogError::Database(fault)) if fault.is_constraint() => {
                    Err(CatalogError::Taken(format!("the token name {}", token.name)))
                }
                Err(error) => Err(error),
            }
        })
    }

    /// Gives the token of that digest, whether or not it is still good.
    pub fn token(&self, token: TokenDigest) -> Result<Option<Token>, CatalogError> {
        self.read(|transaction| {
            let mut statement =
                transaction.prepare_cached(&format!("{SELECT} WHERE t.token = ?1"))?;
            Ok(statement.query_row([token.0], read).optional()?)
        })
    }

    /// Notes that a token was used, at most once a minute.
    pub fn use_token(
        &self,
        token: &Token,
        address: &str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        if token.used.is_some_and(|used| now.since(used) < USED_EVERY) {
            return Ok(());
        }
        self.write(|transaction| {
            transaction
                .prepare_cached("UPDATE tokens SET used_at = ?2, used_from = ?3 WHERE id = ?1")?
                .execute(params![token.id.0, now.nanos(), address])?;
            Ok(())
        })
    }

    /// Gives the tokens of a user, or of all, in the order of users and names.
    pub fn tokens(&self, of: Option<UserId>) -> Result<Vec<Token>, CatalogError> {
        self.read(|transaction| {
            let sql =
                format!("{SELECT} WHERE ?1 IS NULL OR t.user_id = ?1 ORDER BY u.name, t.name");
            let mut statement = transaction.prepare_cached(&sql)?;
            let rows = statement.query_map([of.map(|user| user.0)], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Takes a token back, of that user where one is given; gives it as it was, if there was one.
    pub fn revoke_token(
        &self,
        id: TokenId,
        of: Option<UserId>,
    ) -> Result<Option<Token>, CatalogError> {
        self.write(|transaction| {
            let sql = format!("{SELECT} WHERE t.id = ?1 AND (?2 IS NULL OR t.user_id = ?2)");
            let found = transaction
                .prepare_cached(&sql)?
                .query_row(params![id.0, of.map(|user| user.0)], read)
                .optional()?;
            if found.is_some() {
                transaction.prepare_cached("DELETE FROM tokens WHERE id = ?1")?.execute([id.0])?;
            }
            Ok(found)
        })
    }
}

fn read(row: &Row<'_>) -> Result<Token, rusqlite::Error> {
    let time = |column| row.get(column).map(|at: Option<i64>| at.map(Timestamp::from_nanos));
    Ok(Token {
        id: TokenId(row.get(0)?),
        user: UserId(row.get(1)?),
        user_name: row.get(2)?,
        name: row.get(3)?,
        role: role(row, 4)?.min(role(row, 5)?),
        created: Timestamp::from_nanos(row.get(6)?),
        expires: time(7)?,
        used: time(8)?,
        used_from: row.get(9)?,
        disabled: row.get(10)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewUser;

    #[test]
    fn never_more_than_its_user_and_gone_with_the_user() {
        let (_folder, catalog, ada) = catalog_with_a_user();
        let digest = TokenDigest::of("secret");
        let made = NewToken { expires: Some(at(100)), ..new(ada, "backup", "secret") };
        let id = catalog.add_token(&made).unwrap();
        let token = || catalog.token(digest).unwrap().unwrap();
        assert_eq!((token().id, token().role, token().used), (id, Role::Administrator, None));
        catalog.set_role(ada, Role::Viewer).unwrap();
        assert_eq!(token().role, Role::Viewer);
        assert!(token().is_good(at(99)) && !token().is_good(at(100)));
        catalog.disable_user(ada).unwrap();
        assert!(!token().is_good(at(1)));
        assert_eq!(catalog.token(TokenDigest::of("other")).unwrap(), None);
    }

    #[test]
    fn use_is_written_once_a_minute() {
        let (_folder, catalog, ada) = catalog_with_a_user();
        catalog.add_token(&new(ada, "backup", "secret")).unwrap();
        let use_at = |second, address| {
            let token = catalog.token(TokenDigest::of("secret")).unwrap().unwrap();
            catalog.use_token(&token, address, at(second)).unwrap();
            let token = catalog.token(TokenDigest::of("secret")).unwrap().unwrap();
            (token.used.unwrap().seconds(), token.used_from.unwrap())
        };
        assert_eq!(use_at(10, "a"), (10, "a".to_owned()));
        assert_eq!(use_at(69, "b"), (10, "a".to_owned()));
        assert_eq!(use_at(70, "b"), (70, "b".to_owned()));
    }

    #[test]
    fn revoked_by_its_owner_alone_and_bounded() {
        let (_folder, catalog, ada) = catalog_with_a_user();
        let id = catalog.add_token(&new(ada, "backup", "secret")).unwrap();
        let again = catalog.add_token(&new(ada, "backup", "other")).unwrap_err();
        assert_eq!(again.to_string(), "the token name backup is taken");
        assert_eq!(catalog.revoke_token(id, Some(UserId(99))).unwrap(), None);
        assert_eq!(catalog.revoke_token(id, Some(ada)).unwrap().unwrap().name, "backup");
        assert_eq!(catalog.revoke_token(id, None).unwrap(), None);
        for number in 0..TOKENS_PER_USER_MAX {
            let text = number.to_string();
            catalog.add_token(&new(ada, &text, &text)).unwrap();
        }
        assert!(catalog.add_token(&new(ada, "one more", "one more")).is_err());
        assert_eq!(catalog.tokens(Some(ada)).unwrap().len(), 50);
        assert_eq!(catalog.tokens(Some(UserId(99))).unwrap(), []);
    }

    fn new<'a>(user: UserId, name: &'a str, secret: &str) -> NewToken<'a> {
        let token = TokenDigest::of(secret);
        NewToken { user, name, token, role: Role::Administrator, at: at(0), expires: None }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn catalog_with_a_user() -> (tempfile::TempDir, Catalog, UserId) {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        let role = Role::Administrator;
        let user = NewUser { name: "ada", role, password_hash: "x", at: at(0) };
        let ada = catalog.add_user(&user).unwrap();
        (folder, catalog, ada)
    }
}
