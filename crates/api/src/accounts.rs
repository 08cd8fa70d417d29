//! Users, for the command line and for the set-up.

use std::time::Duration;

use catalog::{Catalog, CatalogError, NewToken, NewUser, Role, TokenDigest, TokenId, UserId};
use model::Timestamp;

use crate::password::{PasswordError, hash_password};
use crate::refusals::is_unseen;
use crate::{ApiError, token};

/// How long a set-up link can be used.
const SETUP_SPAN: Duration = Duration::from_hours(24);
const NAME_CHARS_MAX: usize = 64;

/// Why a user could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The name has other characters, or is too long.
    #[error("a user name has 1 to 64 of the characters a-z 0-9 . _ @ -")]
    Name,
    /// The name of a token is empty, too long, or has characters that cannot be seen.
    #[error("a token's name has 1 to 64 characters that can be seen")]
    TokenName,
    /// There is no such user.
    #[error("there is no such user")]
    Unknown,
    /// The password is not good.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The system gave no randomness.
    #[error("the system gave no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The catalog refused.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// A user to be made.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The name.
    pub name: &'a str,
    /// The password, in clear.
    pub password: &'a str,
    /// What the user may do.
    pub role: Role,
}

/// A token to be made.
#[derive(Clone, Copy, Debug)]
pub struct TokenWanted<'a> {
    /// Whose.
    pub user: UserId,
    /// What it is for.
    pub name: &'a str,
    /// What it may do at most; never more than its user.
    pub role: Role,
    /// When it ends by itself, if it does.
    pub expires: Option<Timestamp>,
}

/// Makes a token and gives what the program is to hold, which nobody can see again: only its digest is kept.
/// It begins with `btz_`, so that those who look for secrets that were let slip know it.
pub fn add_token(
    catalog: &Catalog,
    wanted: &TokenWanted<'_>,
    now: Timestamp,
) -> Result<(TokenId, String), AccountError> {
    let name = wanted.name.trim();
    let counts = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
    if !counts || name.chars().any(is_unseen) {
        return Err(AccountError::TokenName);
    }
    let token = format!("btz_{}", token::random()?);
    let id = catalog.add_token(&NewToken {
        user: wanted.user,
        name,
        token: TokenDigest::of(&token),
        role: wanted.role,
        at: now,
        expires: wanted.expires,
    })?;
    Ok((id, token))
}

/// Gives the path of a new one-time set-up link, such as `/setup?token=…`, and makes older ones
/// useless; gives `None` where there is an administrator already.
pub fn issue_setup_link(catalog: &Catalog, now: Timestamp) -> Result<Option<String>, AccountError> {
    let token = token::random()?;
    let kept = catalog.issue_setup(TokenDigest::of(&token), now.plus(SETUP_SPAN))?;
    Ok(kept.then(|| format!("/setup?token={token}")))
}

/// Makes a user.
pub fn add_user(
    catalog: &Catalog,
    account: Account<'_>,
    now: Timestamp,
) -> Result<UserId, AccountError> {
    let name = user_name(account.name).ok_or(AccountError::Name)?;
    let password_hash = hash_password(account.password)?;
    let user = NewUser { name: &name, role: account.role, password_hash: &password_hash, at: now };
    Ok(catalog.add_user(&user)?)
}

/// Changes a user's password and ends the user's sessions.
pub fn set_password(catalog: &Catalog, name: &str, password: &str) -> Result<(), AccountError> {
    let user = catalog.user_by_name(name)?.ok_or(AccountError::Unknown)?;
    let password_hash = hash_password(password)?;
    catalog.set_password(user.id, &password_hash)?;
    Ok(())
}

/// Gives a name as it is kept, if it can be one.
pub(crate) fn user_name(given: &str) -> Option<String> {
    let name = given.trim().to_lowercase();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-');
    let counts = (1..=NAME_CHARS_MAX).contains(&name.len());
    (counts && name.chars().all(fits)).then_some(name)
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Name => Self::BadUserName,
            AccountError::TokenName => Self::BadTokenName,
            AccountError::Unknown => Self::NotFound("user"),
            AccountError::Password(error) => error.into(),
            AccountError::Randomness(error) => Self::Internal(error.to_string()),
            AccountError::Catalog(error) => error.into(),
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Length => Self::WeakPassword,
            PasswordError::Unhashed => Self::Internal(error.to_string()),
        }
    }
}
