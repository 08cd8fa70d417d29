//! Postfix: who connected, who failed to log in, what was rejected.
//!
//! ```text
//! warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=ann
//! NOQUEUE: reject: RCPT from host.example[203.0.113.9]: 554 5.7.1 <a@example.org>: Relay access denied; from=<b@example.org> to=<a@example.org> proto=ESMTP helo=<x>
//! PREGREET 16 after 2.6 from [203.0.113.9]:41323: EHLO 192.0.2.1\r\n
//! ```

use model::{Event, Field};

use super::shared::{Meaning, source};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "postfix",
    summary: "Postfix mail server",
    programs: &["postfix"],
    recognises: |_| false,
    parse,
};

/// A line that needs no more than its beginning: what it means and where the client stands.
const CLIENT_LINES: &[(&str, &str, &str)] = &[
    ("connect from ", "smtp_connected", "start"),
    ("disconnect from ", "smtp_disconnected", "end"),
    ("lost connection after ", "smtp_connection_lost", "end"),
    ("timeout after ", "smtp_connection_lost", "end"),
    ("too many errors after ", "smtp_errors_exceeded", "denied"),
    ("improper command pipelining after ", "smtp_bad_command", "denied"),
    ("warning: non-SMTP command from ", "smtp_bad_command", "denied"),
    ("PREGREET ", "smtp_pregreet", "denied"),
];

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    read(text, event).ok_or(ParseError::Missing("client"))?;
    event.set(Field::NetworkProtocol, "smtp");
    Ok(())
}

fn read(text: &str, event: &mut Event) -> Option<()> {
    if let Some((who, why)) = text.split_once(": SASL ") {
        client(who.strip_prefix("warning: ").unwrap_or(who), event)?;
        let (method, why) = why.split_once(" authentication failed: ")?;
        Meaning {
            action: "mail_login",
            category: "authentication",
            kind: "start",
            outcome: "failure",
        }
        .write(event);
        event.set_extra("postfix.sasl_method", method);
        let (why, user) = why.split_once(", sasl_username=").unwrap_or((why, ""));
        event.set(Field::EventReason, why);
        if !user.is_empty() {
            event.set(Field::UserName, user);
        }
        return Some(());
    }
    for (prefix, action, kind) in CLIENT_LINES {
        if let Some(rest) = text.strip_prefix(prefix) {
            let who = rest.split_once("from ").map_or(rest, |(_, who)| who);
            client(who, event)?;
            Meaning { action, category: "network", kind, outcome: "" }.write(event);
            return Some(());
        }
    }
    let (queue, said) = text.split_once(": ")?;
    event.set_extra("postfix.queue_id", queue);
    if let Some(rest) = said.strip_prefix("client=") {
        client(rest, event)?;
        if let Some((_, user)) = rest.split_once("sasl_username=") {
            event.set(Field::UserName, user);
            Meaning {
                action: "mail_login",
                category: "authentication",
                kind: "start",
                outcome: "success",
            }
            .write(event);
        } else {
            Meaning { action: "smtp_message", category: "email", kind: "info", outcome: "" }
                .write(event);
        }
        return Some(());
    }
    if let Some(rest) = said.strip_prefix("from=<") {
        return queued(rest, event);
    }
    if let Some(rest) = said.strip_prefix("to=<") {
        return delivered(rest, event);
    }
    rejected(said, event)
}

/// Reads `ann@example.org>, size=1234, nrcpt=50 (queue active)`.
fn queued(rest: &str, event: &mut Event) -> Option<()> {
    let (sender, rest) = rest.split_once('>')?;
    event.set_extra("email.from.address", sender);
    for (name, value) in rest.split([',', ' ']).filter_map(|pair| pair.split_once('=')) {
        match (name, value.parse::<u32>()) {
            ("nrcpt", Ok(count)) => event.set_extra("postfix.recipients", i64::from(count)),
            ("size", Ok(size)) => event.set_extra("email.size", i64::from(size)),
            _ => {}
        }
    }
    Meaning { action: "smtp_queued", category: "email", kind: "info", outcome: "" }.write(event);
    Some(())
}

/// Reads `ann@example.org>, relay=mx.example.org[192.0.2.9]:25, …, status=sent (250 2.0.0 Ok)`.
fn delivered(rest: &str, event: &mut Event) -> Option<()> {
    let (recipient, rest) = rest.split_once('>')?;
    let (_, rest) = rest.split_once(", status=")?;
    let (status, why) = rest.split_once(' ').unwrap_or((rest, ""));
    let outcome = if status == "sent" { "success" } else { "failure" };
    event.set_extra("email.to.address", recipient);
    event.set_extra("postfix.status", status);
    event.set(Field::EventReason, why.trim_matches(['(', ')']));
    Meaning { action: "smtp_delivered", category: "email", kind: "info", outcome }.write(event);
    Some(())
}

/// Reads `reject: RCPT from host.example[203.0.113.9]: 554 …: Relay access denied; from=<…> to=<…> …`.
fn rejected(said: &str, event: &mut Event) -> Option<()> {
    let (_, rest) = said.strip_prefix("reject: ")?.split_once(" from ")?;
    client(rest, event)?;
    let (_, answer) = rest.split_once("]: ")?;
    let (answer, pairs) = answer.rsplit_once("; from=").unwrap_or((answer, ""));
    event.set(Field::EventReason, answer.rsplit(": ").next()?);
    event.set(Field::EventCode, answer.split(' ').next()?);
    let (from, pairs) = pairs.split_once(' ').unwrap_or((pairs, ""));
    event.set_extra("email.from.address", from.trim_matches(['<', '>']));
    for (name, value) in pairs.split(' ').filter_map(|pair| pair.split_once('=')) {
        let value = value.trim_matches(['<', '>']);
        match name {
            "to" => event.set_extra("email.to.address", value),
            "helo" => event.set_extra("postfix.helo", value),
            _ => {}
        }
    }
    Meaning { action: "smtp_rejected", category: "email", kind: "denied", outcome: "failure" }
        .write(event);
    Some(())
}

/// Reads `host.example[203.0.113.9]`, `unknown[203.0.113.9]:25` or `[203.0.113.9]:41323`.
fn client(text: &str, event: &mut Event) -> Option<()> {
    let (name, rest) = text.split_once('[')?;
    let (ip, rest) = rest.split_once(']')?;
    source(event, ip);
    if !name.is_empty() && name != "unknown" {
        event.set(Field::SourceDomain, name);
    }
    if let Some(port) = rest.strip_prefix(':') {
        let end = port.bytes().take_while(u8::is_ascii_digit).count();
        if let Some(port) = port.get(..end).filter(|port| !port.is_empty()) {
            event.set(Field::SourcePort, port);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn failed_login() {
        check(
            "warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=ann",
            expect![[r"
                event.action = mail_login
                event.category = authentication
                event.outcome = failure
                event.reason = UGFzc3dvcmQ6
                event.type = start
                network.protocol = smtp
                source.ip = 203.0.113.9
                user.name = ann
                postfix.sasl_method = LOGIN
            "]],
        );
    }

    #[test]
    fn rejected_mail() {
        check(
            "NOQUEUE: reject: RCPT from host.example[203.0.113.9]: 554 5.7.1 <a@example.org>: Relay access denied; from=<b@example.org> to=<a@example.org> proto=ESMTP helo=<x>",
            expect![[r"
                event.action = smtp_rejected
                event.category = email
                event.code = 554
                event.outcome = failure
                event.reason = Relay access denied
                event.type = denied
                network.protocol = smtp
                source.domain = host.example
                source.ip = 203.0.113.9
                postfix.queue_id = NOQUEUE
                email.from.address = b@example.org
                email.to.address = a@example.org
                postfix.helo = x
            "]],
        );
    }

    #[test]
    fn clients() {
        check(
            "PREGREET 16 after 2.6 from [203.0.113.9]:41323: EHLO 192.0.2.1",
            expect![[r"
            event.action = smtp_pregreet
            event.category = network
            event.type = denied
            network.protocol = smtp
            source.ip = 203.0.113.9
            source.port = 41323
        "]],
        );
        check(
            "connect from host.example[203.0.113.9]",
            expect![[r"
            event.action = smtp_connected
            event.category = network
            event.type = start
            network.protocol = smtp
            source.domain = host.example
            source.ip = 203.0.113.9
        "]],
        );
    }

    #[test]
    fn other_lines() {
        check("daemon started -- version 3", expect![[r#"Missing("client")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
