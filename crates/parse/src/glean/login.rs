//! Log-ins told in a program's own words.
//!
//! ```text
//! Login failed for user `ann` from IP `203.0.113.9`.
//! [Warn] Auth: Auth-Failure ip 203.0.113.9 username 'ann'
//! ```
//!
//! Thousands of programs tell it, each in its own way, and nearly all of them in a few phrases. This
//! reads the phrase, the name and the address, so that guessing of passwords is seen on programs that
//! have no format here. It is asked last, and only of texts that no format took.

use std::net::IpAddr;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use model::{Event, Field};

/// How far into the text it is read.
const TEXT_BYTES_MAX: usize = 1_024;
/// The longest name of a user.
const USER_BYTES_MAX: usize = 128;

const FAILURES: &[&str] = &[
    "access denied for user",
    "account not found",
    "attempted to login",
    "auth fail",
    "auth-failure",
    "auth_failed",
    "authentication attempt from",
    "authentication credentials invalid",
    "authentication denied",
    "authentication error",
    "authentication fail",
    "authentication request for",
    "authentication unsuccessful",
    "authentication was denied",
    "authenticator failed",
    "bad credentials",
    "bad login",
    "bad password",
    "could not authenticate",
    "could not retrieve user",
    "fail login",
    "failed auth",
    "failed login",
    "failed logon",
    "failed password",
    "failed to authenticate",
    "failed to log in",
    "failed to login",
    "failed to validate user",
    "incorrect authentication data",
    "incorrect credentials",
    "incorrect email or password",
    "incorrect password",
    "incorrect username",
    "invalid authentication",
    "invalid credentials",
    "invalid login",
    "invalid password",
    "invalid token",
    "invalid user",
    "invalid username",
    "login attempt for",
    "login attempt from",
    "login attempt with",
    "login authentication failed",
    "login denied",
    "login failed",
    "login failure",
    "login incorrect",
    "login rejected",
    "login_failed",
    "logon failed",
    "logon failure",
    "no such user",
    "nonexistent user",
    "password check failed",
    "password is incorrect",
    "password mismatch",
    "unknown user",
    "unsuccessful 1fa",
    "unsuccessful 2fa",
    "unsuccessful auth",
    "unsuccessful login",
    "unsuccessful logon",
    "user not found",
    "wrong credentials",
    "wrong password",
    "wrong username",
];

/// Those of the failures that tell of a failure only if more is said behind them.
const ASKED: &[&str] = &[
    "attempted to login",
    "authentication attempt from",
    "authentication request for",
    "login attempt from",
    "login attempt with",
];

const SUCCESSES: &[&str] = &[
    "accepted password",
    "auth succeeded",
    "authenticated successfully",
    "authentication succeeded",
    "authentication successful",
    "has succeeded",
    "logged in",
    "login ok",
    "login succeeded",
    "login success",
    "login: user=",
    "ok login",
    "successful auth",
    "successful login",
    "successfully authenticated",
    "successfully logged in",
];

/// What stands before a name; the first words are surer than the later ones.
const NAMES: &[&str] =
    &["username", "user name", "user", "set_id", "account", "login", "email", "for"];

/// What stands before a name and is none.
const NO_NAMES: &[&str] = &[
    "agent",
    "and",
    "attempt",
    "authentication",
    "by",
    "denied",
    "does",
    "error",
    "failed",
    "failure",
    "for",
    "from",
    "has",
    "in",
    "input",
    "is",
    "name",
    "not",
    "ok",
    "on",
    "or",
    "password",
    "successful",
    "unknown",
    "via",
    "was",
    "which",
    "with",
];

/// Which phrases there are: the failures first, then the successes.
static PHRASES: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| searcher(FAILURES.iter().chain(SUCCESSES)));

static NAME_WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| searcher(NAMES));

fn searcher<'a>(words: impl IntoIterator<Item = &'a &'a str>) -> Option<AhoCorasick> {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(words)
        .ok()
}

/// Writes the log-in that a text tells of, and tells whether it does. `source` is the address that it
/// probably came from.
pub(super) fn read(text: &str, source: Option<IpAddr>, event: &mut Event) -> bool {
    let text = head(text);
    let Some(outcome) = outcome(text) else { return false };
    let user = user(text);
    // A phrase alone is talk; with a name or an address it is a log-in.
    if user.is_none() && source.is_none() {
        return false;
    }
    event.set(Field::EventAction, "login");
    event.set(Field::EventCategory, "authentication");
    event.set(Field::EventType, "start");
    event.set(Field::EventOutcome, outcome);
    if let Some(user) = user {
        event.set(Field::UserName, user);
    }
    if let Some(source) = source {
        event.set(Field::SourceIp, source);
    }
    true
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

/// Tells whether it failed or worked; where both are said (`unsuccessful login`), it failed.
fn outcome(text: &str) -> Option<&'static str> {
    let phrases = PHRASES.as_ref()?;
    let mut outcome = None;
    for found in phrases.find_iter(text) {
        if found.pattern().as_usize() < FAILURES.len() {
            // Those are asked or attempted; what became of it is said further on.
            let asked =
                FAILURES.get(found.pattern().as_usize()).is_some_and(|said| ASKED.contains(said));
            let rest = text.get(found.end()..).unwrap_or_default();
            if !asked || rest.contains("fail") || rest.contains("denied") {
                return Some("failure");
            }
        } else {
            outcome = Some("success");
        }
    }
    outcome
}

/// Finds the name: behind the surest of the words that introduce one.
fn user(text: &str) -> Option<&str> {
    let words = NAME_WORDS.as_ref()?;
    let mut best: Option<(usize, &str)> = None;
    for found in words.find_iter(text) {
        let rank = found.pattern().as_usize();
        if best.is_some_and(|(known, _)| known <= rank) || is_within_word(text, found.start()) {
            continue;
        }
        let Some(rest) = text.get(found.end()..) else { continue };
        let quoted_only = NAMES.get(rank).is_some_and(|word| matches!(*word, "for" | "login"));
        if let Some(name) = name(rest, quoted_only) {
            best = Some((rank, name));
        }
    }
    best.map(|(_, name)| name)
}

fn is_within_word(text: &str, start: usize) -> bool {
    start > 0 && text.as_bytes().get(start - 1).is_some_and(u8::is_ascii_alphanumeric)
}

/// Reads ` 'ann'`, `: ann`, `=<ann>`, ` [ann]`, ` ann `.
fn name(text: &str, quoted_only: bool) -> Option<&str> {
    let bare = text.trim_start_matches([' ', ':', '=']);
    // The word went on (`users`, `form`).
    (bare.len() < text.len()).then_some(())?;
    let direct = text.starts_with([':', '=']);
    let first = bare.chars().next()?;
    let closing = match first {
        '\'' | '"' | '`' => first,
        '<' => '>',
        '[' => ']',
        '(' => ')',
        _ if quoted_only && !direct => return None,
        _ => return plain_name(bare),
    };
    let (name, _) = bare.get(1..)?.split_once(closing)?;
    (!name.is_empty() && name.len() <= USER_BYTES_MAX).then_some(name)
}

fn plain_name(text: &str) -> Option<&str> {
    let end = text
        .find(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ')' | ']' | '"' | '\''))
        .unwrap_or(text.len());
    let name = text.get(..end)?.trim_end_matches(['.', ':', '!']);
    let is_name = !name.is_empty()
        && name.len() <= USER_BYTES_MAX
        && !name.contains(['=', '(', '/'])
        && !NO_NAMES.iter().any(|word| word.eq_ignore_ascii_case(name));
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn failures() {
        check("Login failed for user `ann` from IP `203.0.113.9`.", expect!["failure ann"]);
        check("[Warn] Auth: Auth-Failure ip 203.0.113.9 username 'ann'", expect!["failure ann"]);
        check("Invalid username or password for user: admin", expect!["failure admin"]);
        check(
            "(?@203.0.113.9) [WARNING] Authentication failed for user [root]",
            expect!["failure root"],
        );
        check(
            "/login: authentication error for user 'ann' from: 203.0.113.9",
            expect!["failure ann"],
        );
        check(
            "authentication failure; rhost=203.0.113.9 user=ann@pam msg=no such user",
            expect!["failure ann@pam"],
        );
        check(
            "Authentication request for ann has been denied (IP: 203.0.113.9).",
            expect!["failure nobody"],
        );
        check(
            "login authenticator failed for a.example [203.0.113.9]:5: 535 Incorrect authentication data (set_id=ann)",
            expect!["failure ann"],
        );
        check("Unsuccessful login attempt with account \"ann\"", expect!["failure ann"]);
        check(
            "query from 11 203.0.113.9:5 attempted to login with account \"ann\" and failed!",
            expect!["failure ann"],
        );
        check("Bad password attempt for 'ann' from 203.0.113.9:5", expect!["failure ann"]);
    }

    #[test]
    fn successes() {
        check("<root@pam> successful auth for user 'root@pam'", expect!["success root@pam"]);
        check(
            "auth: user \"ann\" successfully logged in from ip 203.0.113.9",
            expect!["success ann"],
        );
    }

    #[test]
    fn talk() {
        check("users of this form are logged in", expect!["success nobody"]);
        check("the user interface has started", expect!["none"]);
        check(
            "query from 11 203.0.113.9:5 attempted to login with account \"ann\"",
            expect!["none"],
        );
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let told = outcome(text).map_or("none".to_owned(), |outcome| {
            format!("{outcome} {}", user(text).unwrap_or("nobody"))
        });
        expect.assert_eq(&told);
    }
}
