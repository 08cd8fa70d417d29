//! su, in all its dialects: who became whom.
//!
//! ```text
//! (to root) ann on pts/0                       util-linux
//! FAILED SU (to root) ann on pts/0
//! Successful su for root by ann                shadow
//! + /dev/pts/0 ann:root
//! ann to root on /dev/pts/0                    BSD
//! BAD SU ann to root on /dev/pts/0
//! ```

use model::{Event, Field};

use super::shared::Meaning;
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "su",
    summary: "su, change of user",
    programs: &["su", "su-l", "runuser"],
    recognises: |text| {
        ["(to ", "FAILED SU (to ", "Successful su for ", "FAILED su for ", "BAD SU "]
            .iter()
            .any(|prefix| text.starts_with(prefix))
    },
    parse,
};

/// Who became whom, where.
#[derive(Clone, Copy, Default)]
struct Change<'a> {
    user: &'a str,
    target: &'a str,
    terminal: &'a str,
}

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let (outcome, change) = read(text).ok_or(ParseError::Missing("change of user"))?;
    Meaning { action: "su", category: "authentication", kind: "start", outcome }.write(event);
    event.set(Field::UserEffectiveName, change.target);
    event.set(Field::UserName, change.user);
    if !change.terminal.is_empty() {
        event.set(Field::ProcessTty, change.terminal);
    }
    Ok(())
}

fn read(text: &str) -> Option<(&'static str, Change<'_>)> {
    if let Some(rest) = text.strip_prefix("FAILED SU ") {
        return Some(("failure", to_in_parentheses(rest)?));
    }
    if text.starts_with("(to ") {
        return Some(("success", to_in_parentheses(text)?));
    }
    if let Some(rest) = text.strip_prefix("Successful su for ") {
        return Some(("success", target_by_user(rest)?));
    }
    if let Some(rest) = text.strip_prefix("FAILED su for ") {
        return Some(("failure", target_by_user(rest)?));
    }
    if let Some(rest) = text.strip_prefix("+ ") {
        return Some(("success", terminal_and_pair(rest)?));
    }
    if let Some(rest) = text.strip_prefix("- ") {
        return Some(("failure", terminal_and_pair(rest)?));
    }
    if let Some(rest) = text.strip_prefix("BAD SU ") {
        return Some(("failure", user_to_target(rest)?));
    }
    Some(("success", user_to_target(text)?))
}

/// `(to root) ann on pts/0`.
fn to_in_parentheses(text: &str) -> Option<Change<'_>> {
    let (target, rest) = text.strip_prefix("(to ")?.split_once(") ")?;
    let (user, terminal) = rest.rsplit_once(" on ").unwrap_or((rest, ""));
    Some(Change { user, target, terminal })
}

/// `root by ann`.
fn target_by_user(text: &str) -> Option<Change<'_>> {
    let (target, user) = text.split_once(" by ")?;
    Some(Change { user, target, terminal: "" })
}

/// `/dev/pts/0 ann:root` or `pts/0 ann-root`.
fn terminal_and_pair(text: &str) -> Option<Change<'_>> {
    let (terminal, pair) = text.split_once(' ')?;
    let (user, target) = pair.split_once(':').or_else(|| pair.split_once('-'))?;
    Some(Change { user, target, terminal })
}

/// `ann to root on /dev/pts/0`.
fn user_to_target(text: &str) -> Option<Change<'_>> {
    let (user, rest) = text.split_once(" to ")?;
    let (target, terminal) = rest.split_once(" on ")?;
    (!user.contains(' ')).then_some(Change { user, target, terminal })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn dialects() {
        check("(to root) ann on pts/0", expect!["success ann root pts/0"]);
        check("FAILED SU (to root) ann on pts/0", expect!["failure ann root pts/0"]);
        check("Successful su for root by ann", expect!["success ann root "]);
        check("FAILED su for root by ann", expect!["failure ann root "]);
        check("+ /dev/pts/0 ann:root", expect!["success ann root /dev/pts/0"]);
        check("- pts/0 ann-root", expect!["failure ann root pts/0"]);
        check("ann to root on /dev/ttyp0", expect!["success ann root /dev/ttyp0"]);
        check("BAD SU ann to root on /dev/ttyp0", expect!["failure ann root /dev/ttyp0"]);
        check("pam_authenticate: Authentication failure", expect!["none"]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let told = read(text).map_or("none".to_owned(), |(outcome, change)| {
            format!("{outcome} {} {} {}", change.user, change.target, change.terminal)
        });
        expect.assert_eq(&told);
    }
}
