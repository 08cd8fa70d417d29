//! PAM, the log-in modules of Linux: any service's authentications, sessions and password changes.
//!
//! ```text
//! pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=root
//! pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)
//! ```
//!
//! Older systems name the module in the header instead: `sshd(pam_unix)[4711]: authentication …`.
//! A server's own line about the same log-in is another event, so these have other actions.

use model::{Event, Field};

use super::shared::{Meaning, source};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "pam",
    summary: "PAM modules of any service",
    programs: &[],
    recognises: is_of_module,
    parse,
};

/// Tells whether a text begins like `pam_unix(sshd:auth): `.
fn is_of_module(text: &str) -> bool {
    text.strip_prefix("pam_").is_some_and(|rest| {
        let name = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        rest.as_bytes().get(name.count()) == Some(&b'(')
    })
}

/// Tells whether a module of PAM wrote the message, whatever program it is loaded into.
pub(crate) fn wrote(tag: &str, message: &str) -> bool {
    is_of_module(message) || tag.contains("(pam_")
}

const SESSION_OPENED: Meaning =
    Meaning { action: "session_opened", category: "session", kind: "start", outcome: "success" };
const SESSION_CLOSED: Meaning =
    Meaning { action: "session_closed", category: "session", kind: "end", outcome: "success" };
const AUTHENTICATED: Meaning = Meaning {
    action: "pam_authentication",
    category: "authentication",
    kind: "start",
    outcome: "success",
};
const NOT_AUTHENTICATED: Meaning = Meaning { outcome: "failure", ..AUTHENTICATED };
const PASSWORD_CHANGED: Meaning =
    Meaning { action: "password_changed", category: "iam", kind: "change", outcome: "success" };

/// The module and the service that wrote a line.
#[derive(Clone, Copy)]
struct Writer<'a> {
    module: &'a str,
    service: &'a str,
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let (writer, said) = writer(text)
        .or_else(|| Some((tag_writer(context.tag)?, text)))
        .ok_or(ParseError::Missing("module"))?;
    event.set(Field::EventProvider, writer.module);
    if !writer.service.is_empty() {
        event.set(Field::ServiceName, writer.service);
    }
    // What is not known here is a line of PAM all the same.
    let _ = read(said, writer, event);
    Ok(())
}

/// Reads `pam_unix(sshd:auth): `.
fn writer(text: &str) -> Option<(Writer<'_>, &str)> {
    let (module, said) = text.split_once(": ").filter(|_| is_of_module(text))?;
    let (module, inner) = module.split_once('(').unwrap_or((module, ""));
    let service = inner.trim_end_matches(')').split(':').next().unwrap_or_default();
    Some((Writer { module, service }, said))
}

/// Reads `sshd(pam_unix)`.
fn tag_writer(tag: &str) -> Option<Writer<'_>> {
    let (service, module) = tag.split_once('(')?;
    let module = module.strip_suffix(')').filter(|module| module.starts_with("pam_"))?;
    Some(Writer { module, service })
}

fn read(said: &str, writer: Writer<'_>, event: &mut Event) -> Option<()> {
    if let Some(rest) = said.strip_prefix("authentication failure") {
        NOT_AUTHENTICATED.write(event);
        return pairs(rest, event);
    }
    if let Some(rest) = said.strip_prefix("authentication success") {
        AUTHENTICATED.write(event);
        return pairs(rest, event);
    }
    if let Some(rest) = said.strip_prefix("session opened for user ") {
        SESSION_OPENED.write(event);
        session(rest, writer, event);
        return Some(());
    }
    if let Some(rest) = said.strip_prefix("session closed for user ") {
        SESSION_CLOSED.write(event);
        session(rest, writer, event);
        return Some(());
    }
    if let Some(user) = said.strip_prefix("password changed for ") {
        PASSWORD_CHANGED.write(event);
        event.set(Field::UserTargetName, user);
        return Some(());
    }
    rarer(said, event)
}

fn rarer(said: &str, event: &mut Event) -> Option<()> {
    if said == "check pass; user unknown" || said.starts_with("could not identify user") {
        NOT_AUTHENTICATED.write(event);
        event.set(Field::EventAction, "pam_unknown_user");
        event.set(Field::EventReason, "invalid user");
        return Some(());
    }
    // `received for user ann: 7 (Authentication failure)`
    if let Some(rest) = said.strip_prefix("received for user ") {
        let (user, code) = rest.rsplit_once(": ")?;
        NOT_AUTHENTICATED.write(event);
        event.set(Field::UserName, user);
        event.set(Field::EventReason, code);
        return Some(());
    }
    // `Consecutive login failures for user ann account temporarily locked`
    if let Some(rest) = said.strip_prefix("Consecutive login failures for user ") {
        NOT_AUTHENTICATED.write(event);
        event.set(Field::EventAction, "account_locked");
        event.set(Field::UserName, rest.split(' ').next()?);
        return Some(());
    }
    // `requirement "uid >= 1000" not met by user "root"`
    if let Some((_, user)) = said.rsplit_once(" not met by user \"") {
        NOT_AUTHENTICATED.write(event);
        event.set(Field::EventAction, "pam_requirement_not_met");
        event.set(Field::UserName, user.trim_end_matches('"'));
        return Some(());
    }
    // `user root (0) tally 5, deny 3`
    let (user, rest) = said.strip_prefix("user ")?.split_once(" (")?;
    let (_, tally) = rest.split_once(") tally ")?;
    NOT_AUTHENTICATED.write(event);
    event.set(Field::EventAction, "account_locked");
    event.set(Field::UserName, user);
    event.set(Field::EventReason, tally);
    Some(())
}

/// Reads `; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=root`. The user's name comes
/// last and is the attacker's own text: what it holds is not read as pairs.
fn pairs(text: &str, event: &mut Event) -> Option<()> {
    let (before, host_and_user) = text.split_once("rhost=")?;
    let (host, user) = host_and_user.split_once(" user=").unwrap_or((host_and_user, ""));
    source(event, host.trim());
    set_named(Field::UserName, user.trim(), event);
    for word in before.trim_start_matches([';', ' ']).split(' ') {
        let Some((name, value)) = word.split_once('=') else { continue };
        match name {
            // The ids are those of the service's own process, not of who is at the other end.
            "uid" => event.set_extra("pam.uid", value),
            "euid" => event.set_extra("pam.euid", value),
            "tty" => set_named(Field::ProcessTty, value, event),
            "ruser" => set_named(Field::SourceUserName, value, event),
            _ => {}
        }
    }
    Some(())
}

/// Reads `root by (uid=0)`, `root(uid=0) by ann(uid=1000)` or `root`.
fn session(text: &str, writer: Writer<'_>, event: &mut Event) {
    let (owner, by) = text.split_once(" by ").unwrap_or((text, ""));
    let (owner, owner_id) = name_and_id(owner);
    let (by, by_id) = name_and_id(by);
    // With these the one who opens the session acts as its owner.
    if matches!(writer.service, "sudo" | "su" | "su-l" | "runuser" | "doas") && !by.is_empty() {
        set_named(Field::UserName, by, event);
        set_named(Field::UserId, by_id, event);
        set_named(Field::UserEffectiveName, owner, event);
        set_named(Field::UserEffectiveId, owner_id, event);
    } else {
        set_named(Field::UserName, owner, event);
        set_named(Field::UserId, owner_id, event);
        set_named(Field::SourceUserName, by, event);
    }
}

/// Reads `ann(uid=1000)`.
fn name_and_id(text: &str) -> (&str, &str) {
    let (name, rest) = text.split_once("(uid=").unwrap_or((text, ""));
    (name.trim(), rest.trim_end_matches(')'))
}

fn set_named(field: Field, value: &str, event: &mut Event) {
    if !value.is_empty() {
        event.set(field, value);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn failure() {
        check(
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=root",
            expect![[r"
                event.action = pam_authentication
                event.category = authentication
                event.outcome = failure
                event.provider = pam_unix
                event.type = start
                process.tty = ssh
                service.name = sshd
                source.ip = 203.0.113.9
                user.name = root
                pam.uid = 0
                pam.euid = 0
            "]],
        );
    }

    #[test]
    fn user_name_that_imitates_the_host() {
        check(
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=x rhost=10.0.0.1",
            expect![[r"
                event.action = pam_authentication
                event.category = authentication
                event.outcome = failure
                event.provider = pam_unix
                event.type = start
                process.tty = ssh
                service.name = sshd
                source.ip = 203.0.113.9
                user.name = x rhost=10.0.0.1
                pam.uid = 0
                pam.euid = 0
            "]],
        );
    }

    #[test]
    fn session_of_sudo() {
        check(
            "pam_unix(sudo:session): session opened for user root(uid=0) by ann(uid=1000)",
            expect![[r"
                event.action = session_opened
                event.category = session
                event.outcome = success
                event.provider = pam_unix
                event.type = start
                service.name = sudo
                user.effective.id = 0
                user.effective.name = root
                user.id = 1000
                user.name = ann
            "]],
        );
    }

    #[test]
    fn not_of_pam() {
        check("session opened for user root", expect![[r#"Missing("module")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
