//! systemd-logind: sessions of users.
//!
//! ```text
//! New session 12 of user ann.
//! New session '12' of user 'ann' with class 'user' and type 'tty'.
//! Session 12 logged out. Waiting for processes to exit.
//! Removed session 12.
//! ```

use model::{Event, Field};

use super::shared::Meaning;
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "logind",
    summary: "log-in sessions by systemd-logind",
    programs: &["elogind", "elogind-daemon", "systemd-logind"],
    recognises: |text| text.starts_with("New session ") && text.contains(" of user "),
    parse,
};

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let (action, kind, id) = read(text, event).ok_or(ParseError::Missing("session"))?;
    Meaning { action, category: "session", kind, outcome: "" }.write(event);
    event.set(Field::SessionId, bare(id));
    Ok(())
}

fn read<'a>(text: &'a str, event: &mut Event) -> Option<(&'static str, &'static str, &'a str)> {
    if let Some(rest) = text.strip_prefix("New session ") {
        let (id, user) = rest.split_once(" of user ")?;
        let user = user.split_once(" with class ").map_or(user, |(user, _)| user);
        event.set(Field::UserName, bare(user));
        return Some(("session_opened", "start", id));
    }
    if let Some(id) = text.strip_prefix("Removed session ") {
        return Some(("session_closed", "end", id));
    }
    let (id, _) = text.strip_prefix("Session ")?.split_once(" logged out")?;
    Some(("session_logged_out", "end", id))
}

/// Takes off the quotes and the full stop.
fn bare(word: &str) -> &str {
    word.trim_end_matches('.').trim_matches('\'')
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn sessions() {
        check(
            "New session 12 of user ann.",
            expect![[r"
            event.action = session_opened
            event.category = session
            event.type = start
            session.id = 12
            user.name = ann
        "]],
        );
        check(
            "New session 'c2' of user 'ann' with class 'user' and type 'tty'.",
            expect![[r"
            event.action = session_opened
            event.category = session
            event.type = start
            session.id = c2
            user.name = ann
        "]],
        );
        check(
            "Session 12 logged out. Waiting for processes to exit.",
            expect![[r"
            event.action = session_logged_out
            event.category = session
            event.type = end
            session.id = 12
        "]],
        );
        check(
            "Removed session 12.",
            expect![[r"
            event.action = session_closed
            event.category = session
            event.type = end
            session.id = 12
        "]],
        );
    }

    #[test]
    fn no_session() {
        check("New seat seat0.", expect![[r#"Missing("session")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
