//! Dovecot: who read mail, from where, and who failed to.
//!
//! ```text
//! imap-login: Disconnected (auth failed, 1 attempts in 6 secs): user=<ann>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, TLS, session=<x>
//! imap-login: Login: user=<ann>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, mpid=18, TLS, session=<x>
//! auth-worker(245): pam(ann,203.0.113.9): unknown user
//! ```

use model::{Event, Field};

use super::shared::{Meaning, destination, source};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "dovecot",
    summary: "Dovecot mail server",
    programs: &["dovecot"],
    recognises: |_| false,
    parse,
};

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let (process, said) = text.split_once(": ").ok_or(ParseError::Missing("process"))?;
    let said = ["Info: ", "Error: ", "Warning: "]
        .iter()
        .find_map(|level| said.strip_prefix(level))
        .unwrap_or(said);
    if let Some(protocol) = process.strip_suffix("-login") {
        event.set(Field::NetworkProtocol, protocol);
        return login(said, event);
    }
    if process.starts_with("auth") {
        return worker(said, event);
    }
    Err(ParseError::Invalid("process"))
}

/// Reads `Disconnected (auth failed, …): user=<ann>, method=PLAIN, rip=…`.
fn login(said: &str, event: &mut Event) -> Result<(), ParseError> {
    let (what, pairs) = said.split_once(": user=<").ok_or(ParseError::Missing("user"))?;
    let (user, pairs) = pairs.split_once('>').ok_or(ParseError::Missing("user"))?;
    let (action, kind, outcome) = if what == "Login" {
        ("mail_login", "start", "success")
    } else if what.contains("auth failed") || what.contains("unknown user") {
        ("mail_login", "start", "failure")
    } else {
        ("mail_disconnected", "end", "")
    };
    Meaning { action, category: "authentication", kind, outcome }.write(event);
    if what != "Login" {
        event.set(Field::EventReason, what);
    }
    if !user.is_empty() {
        event.set(Field::UserName, user);
    }
    for (name, value) in pairs.split(", ").filter_map(|pair| pair.split_once('=')) {
        match name {
            "rip" => source(event, value),
            "lip" => destination(event, value),
            "session" => event.set(Field::SessionId, value.trim_matches(['<', '>'])),
            "mpid" => event.set(Field::ProcessPid, value),
            "method" => event.set_extra("dovecot.method", value),
            _ => {}
        }
    }
    Ok(())
}

/// Reads `pam(ann,203.0.113.9): unknown user`.
fn worker(said: &str, event: &mut Event) -> Result<(), ParseError> {
    let (_, rest) = said.split_once('(').ok_or(ParseError::Missing("user"))?;
    let (who, why) = rest.split_once("): ").ok_or(ParseError::Missing("reason"))?;
    let mut parts = who.split(',');
    let user = parts.next().unwrap_or_default();
    let address = parts.next().ok_or(ParseError::Missing("address"))?;
    // The log-in process writes the log-in itself.
    Meaning {
        action: "mail_user_rejected",
        category: "authentication",
        kind: "denied",
        outcome: "failure",
    }
    .write(event);
    event.set(Field::EventReason, why);
    event.set(Field::UserName, user);
    source(event, address);
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn failed_login() {
        check(
            "imap-login: Disconnected (auth failed, 1 attempts in 6 secs): user=<ann>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, TLS, session=<x>",
            expect![[r"
                destination.ip = 192.0.2.1
                event.action = mail_login
                event.category = authentication
                event.outcome = failure
                event.reason = Disconnected (auth failed, 1 attempts in 6 secs)
                event.type = start
                network.protocol = imap
                session.id = x
                source.ip = 203.0.113.9
                user.name = ann
                dovecot.method = PLAIN
            "]],
        );
        check(
            "auth-worker(245): pam(ann,203.0.113.9): unknown user",
            expect![[r"
            event.action = mail_user_rejected
            event.category = authentication
            event.outcome = failure
            event.reason = unknown user
            event.type = denied
            source.ip = 203.0.113.9
            user.name = ann
        "]],
        );
    }

    #[test]
    fn other_lines() {
        check("master: Dovecot v2 starting up", expect![[r#"Invalid("process")"#]]);
        check("imap-login: proxy started", expect![[r#"Missing("user")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
