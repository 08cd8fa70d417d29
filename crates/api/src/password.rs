//! Passwords: how they are kept, and how they are checked.

use std::sync::LazyLock;

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordVerifier, Version};

const CHARS_MIN: usize = 10;
/// Bounds the work of one hash.
const CHARS_MAX: usize = 256;

/// Why a password was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is too short or too long.
    #[error("a password has 10 to 256 characters")]
    Length,
    /// The system gave no randomness or no memory.
    #[error("the password could not be hashed")]
    Unhashed,
}

/// Gives a password's hash as it is kept: Argon2id with 19 MiB and two passes, as OWASP's Password
/// Storage Cheat Sheet has it. Takes some tens of milliseconds of one core.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    if !(CHARS_MIN..=CHARS_MAX).contains(&password.chars().count()) {
        return Err(PasswordError::Length);
    }
    hash(password)
}

/// Tells whether a password fits a kept hash. Without a hash it takes as long, and says no: so the
/// time does not tell which users there are.
pub(crate) fn fits(password: &str, kept: Option<&str>) -> bool {
    static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody has it").unwrap_or_default());
    if password.chars().count() > CHARS_MAX {
        return false;
    }
    let fits = argon2().verify_password(password.as_bytes(), kept.unwrap_or(&NOBODY)).is_ok();
    fits && kept.is_some()
}

fn hash(password: &str) -> Result<String, PasswordError> {
    let hash: PasswordHash =
        argon2().hash_password(password.as_bytes()).map_err(|_| PasswordError::Unhashed)?;
    Ok(hash.to_string())
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or(Params::DEFAULT);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_as_argon2id_and_never_twice_the_same() {
        let (one, other) = (hash_password("correct horse"), hash_password("correct horse"));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, other);
        assert!(fits("correct horse", Some(&one)));
        assert!(!fits("correct horsf", Some(&one)));
        assert!(!fits("nobody has it", None));
        assert_eq!(hash_password("too short"), Err(PasswordError::Length));
        assert_eq!(hash_password(&"x".repeat(257)), Err(PasswordError::Length));
    }
}
