//! OpenSSH server: who tried to log in, from where, and whether it worked.
//!
//! Reads the message of a syslog record, its header already removed:
//!
//! ```text
//! Failed password for invalid user admin from 203.0.113.9 port 51514 ssh2
//! Accepted publickey for ann from 203.0.113.9 port 51514 ssh2: ED25519 SHA256:ZGFya25lc3M
//! ```
//!
//! Each attempt to log in is the action `ssh_login`, once, however many other lines the server
//! writes about it. The other lines have actions of their own (see `messages`).

mod messages;

use model::{Event, Field};

use super::shared::{Meaning, Peer, peer};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "sshd",
    summary: "OpenSSH server",
    programs: &["sshd", "sshd-auth", "sshd-session"],
    recognises,
    parse,
};

/// Marks a user name that the machine does not know.
const INVALID_USER: &str = "invalid user";

/// Whether a record without a header is one of the server's; only what others do not write.
fn recognises(text: &str) -> bool {
    text.strip_prefix("Failed ")
        .or_else(|| text.strip_prefix("Accepted "))
        .is_some_and(|rest| rest.get(..40).unwrap_or(rest).contains(" for "))
        || text.starts_with("Invalid user ")
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let said = text.strip_suffix(" [preauth]").unwrap_or(text);
    let known = match said.split_once(' ') {
        Some(("Failed", rest)) => login(rest, "failure", event),
        Some(("Accepted", rest)) => login(rest, "success", event),
        _ => messages::read(said, event),
    };
    // A record without a header is the server's only if it reads as such.
    if known.is_none() && context.tag.is_empty() {
        return Err(ParseError::Invalid("message of the server"));
    }
    event.set(Field::NetworkApplication, "ssh");
    event.set(Field::NetworkProtocol, "ssh");
    Ok(())
}

/// Reads `password for invalid user admin from 203.0.113.9 port 51514 ssh2`.
fn login(text: &str, outcome: &'static str, event: &mut Event) -> Option<()> {
    let (method, rest) = text.split_once(" for ")?;
    // `Accepted key RSA SHA256:… found at …` tells of a step, not of a log-in.
    (!method.contains(' ')).then_some(())?;
    let (user, peer) = user_and_peer(rest)?;

    Meaning { action: "ssh_login", category: "authentication", kind: "start", outcome }
        .write(event);
    event.set(Field::SshMethod, method);
    write_user(user, event);
    peer.write_source(event);
    if let Some(key) = peer.rest.strip_prefix("ssh2: ").and_then(fingerprint) {
        event.set(Field::SshSignature, key);
    }
    Some(())
}

/// Splits `USER from ADDRESS port N …`. The user name is the attacker's own text and may itself hold
/// ` from `: the last one counts.
fn user_and_peer(text: &str) -> Option<(&str, Peer<'_>)> {
    let (user, rest) = text.rsplit_once(" from ")?;
    Some((user, peer(rest)?))
}

/// Writes the user's name, without the words that the server puts before it.
fn write_user(text: &str, event: &mut Event) {
    let unknown = [INVALID_USER, "illegal user"]
        .iter()
        .find_map(|words| text.strip_prefix(words)?.strip_prefix(' '));
    if unknown.is_some() {
        event.set(Field::EventReason, INVALID_USER);
    }
    let name = unknown.unwrap_or(text);
    if !name.is_empty() {
        event.set(Field::UserName, name);
    }
}

/// Reads `RSA SHA256:…` or `RSA aa:bb:…`: the second word.
fn fingerprint(text: &str) -> Option<&str> {
    let key = text.split(' ').nth(1)?.trim_end_matches([',', ')']);
    (key.len() > 16 && key.contains(':')).then_some(key)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn failed_login_of_an_unknown_user() {
        check(
            "Failed password for invalid user admin from 203.0.113.9 port 51514 ssh2",
            expect![[r"
                event.action = ssh_login
                event.category = authentication
                event.outcome = failure
                event.reason = invalid user
                event.type = start
                network.application = ssh
                network.protocol = ssh
                source.ip = 203.0.113.9
                source.port = 51514
                ssh.method = password
                user.name = admin
            "]],
        );
    }

    #[test]
    fn user_name_that_imitates_the_address() {
        check(
            "Failed password for x from 10.0.0.1 port 1 from 203.0.113.9 port 51514 ssh2",
            expect![[r"
                event.action = ssh_login
                event.category = authentication
                event.outcome = failure
                event.type = start
                network.application = ssh
                network.protocol = ssh
                source.ip = 203.0.113.9
                source.port = 51514
                ssh.method = password
                user.name = x from 10.0.0.1 port 1
            "]],
        );
    }

    #[test]
    fn accepted_key() {
        check(
            "Accepted publickey for ann from 2001:db8::9 port 22022 ssh2: RSA SHA256:ZGFya25lc3Mgd2FpdHM",
            expect![[r"
                event.action = ssh_login
                event.category = authentication
                event.outcome = success
                event.type = start
                network.application = ssh
                network.protocol = ssh
                source.ip = 2001:db8::9
                source.port = 22022
                ssh.method = publickey
                ssh.signature = SHA256:ZGFya25lc3Mgd2FpdHM
                user.name = ann
            "]],
        );
    }

    #[test]
    fn other_programs_lines() {
        check("Failed to start", expect![[r#"Invalid("message of the server")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
