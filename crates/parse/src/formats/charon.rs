//! strongSwan (`charon`): packets and log-ins of the IPsec key exchange.
//!
//! ```text
//! 06[NET] <con1|83> sending packet: from 192.0.2.1[4500] to 203.0.113.9[28808] (1172 bytes)
//! 06[IKE] <con1|83> EAP-MS-CHAPv2 username: 'ann'
//! 06[IKE] <con1|62> XAuth pam_authenticate for 'ann' failed: System error
//! ```

use model::{Event, Field};

use super::shared::{Meaning, destination, source};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "charon",
    summary: "strongSwan key exchange",
    programs: &["charon", "charon-systemd", "ipsec", "strongswan"],
    recognises: |_| false,
    parse,
};

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let (thread, rest) = text.split_once('[').ok_or(ParseError::Missing("thread"))?;
    let (subsystem, rest) = rest.split_once("] ").ok_or(ParseError::Missing("subsystem"))?;
    if thread.is_empty() || !thread.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseError::Invalid("thread"));
    }
    event.set_extra("charon.thread", thread);
    event.set(Field::LogLogger, subsystem);
    let said = match rest.strip_prefix('<').and_then(|inner| inner.split_once("> ")) {
        Some((id, said)) => {
            // With its brackets, as people look for it.
            event.set_extra("charon.connection", rest.get(..id.len() + 2).unwrap_or(id));
            said
        }
        None => rest,
    };
    // What is not known here is a line of the daemon all the same.
    let _ = read(said, event);
    Ok(())
}

fn read(said: &str, event: &mut Event) -> Option<()> {
    let packet = [("sending packet: from ", "outbound"), ("received packet: from ", "inbound")]
        .iter()
        .find_map(|(prefix, direction)| Some((said.strip_prefix(prefix)?, *direction)));
    if let Some((ends, direction)) = packet {
        let (from, to) = ends.split_once(" to ")?;
        let (from, from_port) = end_point(from)?;
        let (to, to_port) = end_point(to)?;
        source(event, from);
        event.set(Field::SourcePort, from_port);
        destination(event, to);
        event.set(Field::DestinationPort, to_port);
        event.set(Field::NetworkDirection, direction);
        Meaning { action: "ipsec_packet", category: "network", kind: "connection", outcome: "" }
            .write(event);
        return Some(());
    }
    if let Some((_, user)) = said.split_once("username: '") {
        event.set(Field::UserName, user.strip_suffix('\'')?);
        return Some(());
    }
    // `XAuth pam_authenticate for 'ann' failed: System error`, `EAP method … failed for peer ann`
    if let Some((_, rest)) = said.split_once("authenticate for '")
        && let Some((user, why)) = rest.rsplit_once("' failed")
    {
        event.set(Field::UserName, user);
        event.set(Field::EventReason, why.trim_start_matches([':', ' ']));
        login("failure").write(event);
        return Some(());
    }
    if let Some((_, rest)) = said.split_once("XAuth authentication of '") {
        let (user, result) = rest.rsplit_once("' ")?;
        event.set(Field::UserName, user);
        login(if result.starts_with("successful") { "success" } else { "failure" }).write(event);
        return Some(());
    }
    let (peer, _) = said.split_once(" is initiating ")?;
    source(event, peer);
    Meaning { action: "ipsec_initiated", category: "network", kind: "start", outcome: "" }
        .write(event);
    Some(())
}

fn login(outcome: &'static str) -> Meaning {
    Meaning { action: "vpn_login", category: "authentication", kind: "start", outcome }
}

/// Reads `203.0.113.9[4500]`.
fn end_point(text: &str) -> Option<(&str, &str)> {
    let (address, rest) = text.split_once('[')?;
    Some((address, rest.split_once(']')?.0))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn packet() {
        check(
            "06[NET] <con1|83> sending packet: from 192.0.2.1[4500] to 203.0.113.9[28808] (1172 bytes)",
            expect![[r"
                destination.ip = 203.0.113.9
                destination.port = 28808
                event.action = ipsec_packet
                event.category = network
                event.type = connection
                log.logger = NET
                network.direction = outbound
                source.ip = 192.0.2.1
                source.port = 4500
                charon.thread = 06
                charon.connection = <con1|83>
            "]],
        );
    }

    #[test]
    fn users() {
        check(
            "06[IKE] <con1|62> XAuth pam_authenticate for 'ann' failed: System error",
            expect![[r"
                event.action = vpn_login
                event.category = authentication
                event.outcome = failure
                event.reason = System error
                event.type = start
                log.logger = IKE
                user.name = ann
                charon.thread = 06
                charon.connection = <con1|62>
            "]],
        );
        check(
            "06[IKE] <con1|83> EAP-MS-CHAPv2 username: 'ann'",
            expect![[r"
            log.logger = IKE
            user.name = ann
            charon.thread = 06
            charon.connection = <con1|83>
        "]],
        );
    }

    #[test]
    fn other_lines() {
        check("Starting strongSwan IPsec [starter]...", expect![[r#"Missing("subsystem")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
