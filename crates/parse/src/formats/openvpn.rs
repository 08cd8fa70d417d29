//! OpenVPN server: who joined the network, and who failed to.
//!
//! ```text
//! 203.0.113.9:51514 TLS Auth Error: Auth Username/Password verification failed for peer
//! 203.0.113.9:51514 TLS: Username/Password authentication succeeded for username 'ann'
//! 203.0.113.9:51514 [ann] Peer Connection Initiated with [AF_INET]203.0.113.9:51514
//! 2026-11-21 06:58:00 203.0.113.9:51514 TLS Error: TLS handshake failed
//! ```

use model::{Event, Field};

use super::shared::{Meaning, address_port};
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "openvpn",
    summary: "OpenVPN server",
    programs: &["openvpn", "ovpn-server", "ovpn-server1", "ovpn-server2"],
    recognises: |text| {
        text.starts_with(|first: char| first.is_ascii_digit())
            && text
                .get(..text.floor_char_boundary(HEAD_BYTES_MAX))
                .is_some_and(|head| PHRASES.iter().any(|(phrase, ..)| head.contains(phrase)))
    },
    parse,
};

/// How far into a line a phrase is looked for.
const HEAD_BYTES_MAX: usize = 160;

/// What is said: the phrase, the action, the type and the outcome.
const PHRASES: &[(&str, &str, &str, &str)] = &[
    (" TLS Auth Error: ", "vpn_login", "start", "failure"),
    (" authentication succeeded for username ", "vpn_login", "start", "success"),
    (" Peer Connection Initiated with [", "vpn_connected", "start", "success"),
    (" VERIFY ERROR: ", "vpn_certificate_refused", "denied", "failure"),
    (" TLS Error: ", "vpn_handshake_failed", "denied", "failure"),
];

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let rest = match moment::leading(text, context) {
        Some((time, rest)) => {
            event.time = time;
            rest.trim_start()
        }
        None => text,
    };
    // With a log-in before it, the client's name stands before its address (`ann/203.0.113.9:51514`).
    let (peer, said) = rest.split_once(' ').ok_or(ParseError::Missing("client"))?;
    let (name, peer) = peer.rsplit_once('/').unwrap_or(("", peer));
    let (ip, port) = address_port(peer).ok_or(ParseError::Missing("client"))?;
    event.set(Field::SourceIp, ip);
    if let Some(port) = port {
        event.set(Field::SourcePort, port);
    }
    if !name.is_empty() {
        event.set(Field::UserName, name);
    }
    event.set(Field::Message, said);
    let found = PHRASES.iter().find_map(|(phrase, action, kind, outcome)| {
        let at = rest.find(phrase)?;
        let after = rest.get(at + phrase.len()..)?;
        Some((Meaning { action, category: "authentication", kind, outcome }, after))
    });
    let Some((meaning, after)) = found else {
        Meaning { action: "vpn_message", category: "network", kind: "info", outcome: "" }
            .write(event);
        return Ok(());
    };
    meaning.write(event);
    match meaning.action {
        "vpn_login" if meaning.outcome == "success" => {
            let user = after.strip_prefix('\'').and_then(|rest| rest.rsplit_once('\''));
            if let Some((user, _)) = user {
                event.set(Field::UserName, user);
            }
        }
        "vpn_connected" => {
            let user = said.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            if let Some((user, _)) = user.filter(|(user, _)| *user != "UNDEF") {
                event.set(Field::UserName, user);
            }
        }
        _ => event.set(Field::EventReason, after),
    }
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
            "203.0.113.9:51514 TLS Auth Error: Auth Username/Password verification failed for peer",
            expect![[r"
                event.action = vpn_login
                event.category = authentication
                event.outcome = failure
                event.reason = Auth Username/Password verification failed for peer
                event.type = start
                message = TLS Auth Error: Auth Username/Password verification failed for peer
                source.ip = 203.0.113.9
                source.port = 51514
            "]],
        );
    }

    #[test]
    fn connections() {
        check(
            "2026-11-21 06:58:00 203.0.113.9:51514 [ann] Peer Connection Initiated with [AF_INET]203.0.113.9:51514",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.action = vpn_connected
                event.category = authentication
                event.outcome = success
                event.type = start
                message = [ann] Peer Connection Initiated with [AF_INET]203.0.113.9:51514
                source.ip = 203.0.113.9
                source.port = 51514
                user.name = ann
            "]],
        );
        check(
            "203.0.113.9:51514 TLS: Username/Password authentication succeeded for username 'ann' [CN SET]",
            expect![[r"
                event.action = vpn_login
                event.category = authentication
                event.outcome = success
                event.type = start
                message = TLS: Username/Password authentication succeeded for username 'ann' [CN SET]
                source.ip = 203.0.113.9
                source.port = 51514
                user.name = ann
            "]],
        );
    }

    #[test]
    fn other_lines() {
        testing::check(
            &FORMAT,
            "Initialization Sequence Completed",
            expect![[r#"Missing("client")"#]],
        );
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!((FORMAT.recognises)(text));
        testing::check(&FORMAT, text, expect);
    }
}
