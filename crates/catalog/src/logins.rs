//! How often a log-in may be tried, and the one-time link that makes the first administrator.

use std::time::Duration;

use model::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use crate::users::{administrator_exists, insert};
use crate::{Catalog, CatalogError, NewUser, TokenDigest, UserId};

/// Attempts before one has to wait.
const FREE_ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// After so long without an attempt, the count begins anew.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);
/// Subjects of one kind, such as addresses, whose attempts are kept; past it, the oldest of that kind are
/// forgotten. Whoever has many addresses thus makes no account forget its attempts.
const SUBJECTS_MAX: u32 = 20_000;

/// Whose attempts are counted, and how long they may be made to wait.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What is counted: a kind and a name, such as `address 203.0.113.9`.
    pub name: &'a str,
    /// The longest wait.
    pub wait_max: Duration,
}

/// Whether a log-in may be tried now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Granted,
    /// Only after this time.
    Wait(Duration),
}

impl Catalog {
    /// Asks whether a log-in may be tried now and, if so, counts it as failed already: so attempts
    /// at the same time cannot slip past the limit. A success is told by
    /// [`Catalog::forget_attempts`].
    pub fn admit_attempt(
        &self,
        subjects: &[Subject<'_>],
        now: Timestamp,
    ) -> Result<Admission, CatalogError> {
        // Whoever has to wait anyhow does not keep those who write waiting.
        let wait = self.read(|transaction| longest(transaction, subjects, now))?;
        if !wait.is_zero() {
            return Ok(Admission::Wait(wait));
        }
        self.write(|transaction| {
            let wait = longest(transaction, subjects, now)?;
            if !wait.is_zero() {
                return Ok(Admission::Wait(wait));
            }
            for subject in subjects {
                count(transaction, subject.name, now)?;
            }
            Ok(Admission::Granted)
        })
    }

    /// Forgets the attempts of these subjects.
    pub fn forget_attempts(&self, subjects: &[Subject<'_>]) -> Result<(), CatalogError> {
        self.write(|transaction| {
            for subject in subjects {
                transaction
                    .prepare_cached("DELETE FROM login_attempts WHERE subject = ?1")?
                    .execute([subject.name])?;
            }
            Ok(())
        })
    }

    /// Keeps the token of the one-time link, in place of any before it; gives `false`, and keeps
    /// nothing, where there is an administrator.
    pub fn issue_setup(
        &self,
        token: TokenDigest,
        expires: Timestamp,
    ) -> Result<bool, CatalogError> {
        self.write(|transaction| {
            if administrator_exists(transaction)? {
                return Ok(false);
            }
            transaction.execute("DELETE FROM setup_tokens", [])?;
            transaction
                .prepare_cached("INSERT INTO setup_tokens (token, expires_at) VALUES (?1, ?2)")?
                .execute(params![token.0, expires.nanos()])?;
            Ok(true)
        })
    }

    /// Makes the first user with the token of the one-time link, which is used up by it. Gives
    /// `None` where the token is wrong or too old, or where there is an administrator.
    pub fn use_setup(
        &self,
        token: TokenDigest,
        user: &NewUser<'_>,
    ) -> Result<Option<UserId>, CatalogError> {
        self.write(|transaction| {
            let deleted = transaction
                .prepare_cached("DELETE FROM setup_tokens WHERE token = ?1 AND expires_at > ?2")?
                .execute(params![token.0, user.at.nanos()])?;
            if deleted == 0 || administrator_exists(transaction)? {
                return Ok(None);
            }
            insert(transaction, user).map(Some)
        })
    }
}

/// Gives the longest wait of several.
fn longest(
    transaction: &Transaction<'_>,
    subjects: &[Subject<'_>],
    now: Timestamp,
) -> Result<Duration, CatalogError> {
    let mut wait = Duration::ZERO;
    for subject in subjects {
        wait = wait.max(remaining(transaction, *subject, now)?);
    }
    Ok(wait)
}

fn remaining(
    transaction: &Transaction<'_>,
    subject: Subject<'_>,
    now: Timestamp,
) -> Result<Duration, CatalogError> {
    let kept: Option<(u32, i64)> = transaction
        .prepare_cached("SELECT failures, last_at FROM login_attempts WHERE subject = ?1")?
        .query_row([subject.name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((failures, last)) = kept else { return Ok(Duration::ZERO) };
    let quiet = now.since(Timestamp::from_nanos(last));
    Ok(wait_after(failures).min(subject.wait_max).saturating_sub(quiet))
}

/// Gives how long one waits after so many attempts: twice as long each time.
fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE_ATTEMPTS) {
        None => Duration::ZERO,
        Some(over) => FIRST_WAIT.saturating_mul(2_u32.saturating_pow(over)),
    }
}

fn count(transaction: &Transaction<'_>, subject: &str, now: Timestamp) -> Result<(), CatalogError> {
    let forgotten = now.minus(FORGOTTEN_AFTER).nanos();
    transaction
        .prepare_cached("DELETE FROM login_attempts WHERE last_at < ?1")?
        .execute([forgotten])?;
    let kind = subject.split(' ').next().unwrap_or_default();
    // An exclamation mark follows the blank.
    let (first, end) = (format!("{kind} "), format!("{kind}!"));
    let kept: u32 = transaction
        .prepare_cached("SELECT count(*) FROM login_attempts WHERE subject >= ?1 AND subject < ?2")?
        .query_row([&first, &end], |row| row.get(0))?;
    if kept >= SUBJECTS_MAX {
        transaction
            .prepare_cached(
                "DELETE FROM login_attempts WHERE subject IN (
                     SELECT subject FROM login_attempts WHERE subject >= ?1 AND subject < ?2
                     ORDER BY last_at LIMIT ?3)",
            )?
            .execute(params![first, end, SUBJECTS_MAX / 10])?;
    }
    transaction
        .prepare_cached(
            "INSERT INTO login_attempts (subject, failures, last_at) VALUES (?1, 1, ?2)
             ON CONFLICT (subject) DO UPDATE SET failures = login_attempts.failures + 1,
                 last_at = excluded.last_at",
        )?
        .execute(params![subject, now.nanos()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::Role;

    #[test]
    fn five_attempts_and_then_longer_and_longer() {
        check(&[0, 0, 0, 0, 0, 0, 5, 5, 15, 15], expect!["+ + + + + 5s + 10s + 20s"]);
    }

    #[test]
    fn the_wait_has_an_end() {
        let times: Vec<i64> = (0..30).map(|attempt| attempt * 60).collect();
        check(&times, expect!["+ + + + + + + + + + + + + + + + + + + + + + + + + + + + + +"]);
    }

    #[test]
    fn forgotten_after_an_hour() {
        check(
            &[0, 0, 0, 0, 0, 3700, 3700, 3700, 3700, 3700, 3700],
            expect!["+ + + + + + + + + + 5s"],
        );
    }

    #[test]
    fn many_addresses_make_no_account_forget() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        let wait_max = Duration::from_secs(30);
        let root = Subject { name: "account root", wait_max };
        for _ in 0..5 {
            catalog.admit_attempt(&[root], Timestamp::from_seconds(0)).unwrap();
        }
        let stranger = Subject { name: "token 203.0.113.9", wait_max };
        let fill = "INSERT INTO login_attempts (subject, failures, last_at)
            WITH RECURSIVE all_of (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM all_of LIMIT ?1)
            SELECT 'token ' || number, 1, 1000000000 FROM all_of";
        let filled: Result<_, CatalogError> =
            catalog.write(|transaction| Ok(transaction.execute(fill, [SUBJECTS_MAX])?));
        filled.unwrap();
        catalog.admit_attempt(&[stranger], Timestamp::from_seconds(1)).unwrap();
        let kept: u32 = catalog
            .read(|transaction| {
                let sql = "SELECT count(*) FROM login_attempts";
                Ok(transaction.query_row(sql, [], |row| row.get(0))?)
            })
            .unwrap();
        assert!(kept <= SUBJECTS_MAX, "{kept}");
        let told = catalog.admit_attempt(&[root], Timestamp::from_seconds(2)).unwrap();
        assert_eq!(told, Admission::Wait(Duration::from_secs(3)));
    }

    #[test]
    fn a_setup_link_is_used_once() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        let at = Timestamp::from_seconds;
        let user = |seconds| NewUser {
            name: "Ada",
            role: Role::Administrator,
            password_hash: "x",
            at: at(seconds),
        };
        let (first, second) = (TokenDigest::of("first"), TokenDigest::of("second"));
        assert!(catalog.issue_setup(first, at(10)).unwrap());
        assert!(catalog.issue_setup(second, at(10)).unwrap());
        assert_eq!(catalog.use_setup(first, &user(1)).unwrap(), None);
        assert_eq!(catalog.use_setup(second, &user(11)).unwrap(), None);
        assert!(catalog.use_setup(second, &user(1)).unwrap().is_some());
        assert_eq!(catalog.use_setup(second, &user(1)).unwrap(), None);
        assert!(!catalog.issue_setup(first, at(10)).unwrap());
        assert_eq!(catalog.user_by_name("ADA").unwrap().unwrap().name, "ada");
    }

    /// Tries to log in at these seconds, never with success.
    #[track_caller]
    fn check(seconds: &[i64], expect: Expect) {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        let subject = Subject { name: "account root", wait_max: Duration::from_mins(1) };
        let told: Vec<String> = seconds
            .iter()
            .map(|second| {
                match catalog.admit_attempt(&[subject], Timestamp::from_seconds(*second)).unwrap() {
                    Admission::Granted => "+".to_owned(),
                    Admission::Wait(wait) => format!("{wait:?}"),
                }
            })
            .collect();
        expect.assert_eq(&told.join(" "));
    }
}
