//! dnsmasq, and Pi-hole, which is built on it: names asked for, answered and blocked.
//!
//! ```text
//! query[A] www.example.org from 192.0.2.7
//! 12345 192.0.2.7/51514 reply www.example.org is 198.51.100.7
//! gravity blocked ads.example.org is 0.0.0.0
//! reply nothing.example.org is NXDOMAIN
//! ```
//!
//! With `log-queries=extra` a number and the client stand before each line; only then does an answer
//! tell who had asked.

use model::{Event, Field};

use super::shared::{Meaning, address};
use crate::{Context, Format, ParseError, dns};

pub(crate) const FORMAT: Format = Format {
    id: "dnsmasq",
    summary: "dnsmasq and Pi-hole name servers",
    programs: &["dnsmasq", "pihole-FTL"],
    recognises: |_| false,
    parse,
};

/// What Pi-hole writes before a name that it blocked.
const BLOCKED: [&str; 8] = [
    "gravity blocked ",
    "exactly denied ",
    "exactly blacklisted ",
    "regex denied ",
    "regex blacklisted ",
    "special domain ",
    "external blocked ",
    "blacklisted ",
];
/// What stands before a name that was answered from somewhere.
const ANSWERED: [&str; 6] =
    ["reply ", "cached-stale ", "cached ", "config ", "/etc/hosts ", "DHCP "];

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let said = extra(text, event).unwrap_or(text);
    read(said, event).ok_or(ParseError::Invalid("question"))?;
    event.set(Field::NetworkProtocol, "dns");
    Ok(())
}

/// Reads `12345 192.0.2.7/51514 ` and gives what follows.
fn extra<'t>(text: &'t str, event: &mut Event) -> Option<&'t str> {
    let (number, rest) = text.split_once(' ')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    let (client, said) = rest.split_once(' ')?;
    let (ip, port) = client.split_once('/')?;
    event.set(Field::SourceIp, address(ip)?);
    event.set(Field::SourcePort, port);
    event.set_extra("dnsmasq.serial", number);
    Some(said)
}

fn read(said: &str, event: &mut Event) -> Option<()> {
    if let Some(rest) = said.strip_prefix("query[") {
        let (kind, rest) = rest.split_once("] ")?;
        let (name, client) = rest.rsplit_once(" from ")?;
        dns::question(event, name, kind);
        event.set(Field::SourceIp, address(client)?);
        meaning("dns_query", "protocol", "").write(event);
        return Some(());
    }
    if let Some(rest) = said.strip_prefix("forwarded ") {
        let (name, server) = rest.rsplit_once(" to ")?;
        dns::question(event, name, "");
        event.set(Field::DestinationIp, address(server.split('#').next()?)?);
        meaning("dns_forwarded", "protocol", "").write(event);
        return Some(());
    }
    if let Some(name) = said.strip_prefix("possible DNS-rebind attack detected: ") {
        dns::question(event, name, "");
        meaning("dns_rebinding", "denied", "failure").write(event);
        return Some(());
    }
    let is_blocked = BLOCKED.iter().any(|words| said.starts_with(words));
    let start = BLOCKED.iter().chain(&ANSWERED).find(|words| said.starts_with(**words))?;
    let (name, answer) = said.get(start.len()..)?.rsplit_once(" is ")?;
    dns::question(event, name, "");
    if is_blocked {
        event.set(Field::EventReason, start.trim_end());
        meaning("dns_blocked", "denied", "failure").write(event);
        return Some(());
    }
    match answer {
        "NXDOMAIN" | "SERVFAIL" | "REFUSED" => {
            event.set(Field::DnsResponseCode, answer);
            meaning("dns_answer", "protocol", "failure").write(event);
        }
        _ => {
            event.set(Field::DnsResponseCode, "NOERROR");
            if let Some(address) = address(answer) {
                event.set_extra("dns.resolved_ip", model::Value::Address(address));
            }
            meaning("dns_answer", "protocol", "success").write(event);
        }
    }
    Some(())
}

fn meaning(action: &'static str, kind: &'static str, outcome: &'static str) -> Meaning {
    Meaning { action, category: "network", kind, outcome }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn asked() {
        check(
            "query[AAAA] www.Example.org from 2001:db8::7",
            expect![[r"
            dns.question.name = www.Example.org
            dns.question.type = AAAA
            event.action = dns_query
            event.category = network
            event.type = protocol
            network.protocol = dns
            source.ip = 2001:db8::7
            dns.question.registered_domain = example.org
        "]],
        );
        check(
            "forwarded www.example.org to 192.0.2.53#5353",
            expect![[r"
            destination.ip = 192.0.2.53
            dns.question.name = www.example.org
            event.action = dns_forwarded
            event.category = network
            event.type = protocol
            network.protocol = dns
            dns.question.registered_domain = example.org
        "]],
        );
    }

    #[test]
    fn answered() {
        check(
            "9 192.0.2.7/51514 reply www.example.org is 198.51.100.7",
            expect![[r"
            dns.question.name = www.example.org
            dns.response_code = NOERROR
            event.action = dns_answer
            event.category = network
            event.outcome = success
            event.type = protocol
            network.protocol = dns
            source.ip = 192.0.2.7
            source.port = 51514
            dnsmasq.serial = 9
            dns.question.registered_domain = example.org
            dns.resolved_ip = 198.51.100.7
        "]],
        );
        check(
            "9 192.0.2.7/51514 cached x.example.org is NXDOMAIN",
            expect![[r"
            dns.question.name = x.example.org
            dns.response_code = NXDOMAIN
            event.action = dns_answer
            event.category = network
            event.outcome = failure
            event.type = protocol
            network.protocol = dns
            source.ip = 192.0.2.7
            source.port = 51514
            dnsmasq.serial = 9
            dns.question.registered_domain = example.org
        "]],
        );
        check(
            "reply www.example.org is <CNAME>",
            expect![[r"
            dns.question.name = www.example.org
            dns.response_code = NOERROR
            event.action = dns_answer
            event.category = network
            event.outcome = success
            event.type = protocol
            network.protocol = dns
            dns.question.registered_domain = example.org
        "]],
        );
    }

    #[test]
    fn blocked() {
        check(
            "gravity blocked ads.example.org is 0.0.0.0",
            expect![[r"
            dns.question.name = ads.example.org
            event.action = dns_blocked
            event.category = network
            event.outcome = failure
            event.reason = gravity blocked
            event.type = denied
            network.protocol = dns
            dns.question.registered_domain = example.org
        "]],
        );
        check(
            "possible DNS-rebind attack detected: evil.example.net",
            expect![[r"
            dns.question.name = evil.example.net
            event.action = dns_rebinding
            event.category = network
            event.outcome = failure
            event.type = denied
            network.protocol = dns
            dns.question.registered_domain = example.net
        "]],
        );
    }

    #[test]
    fn other_lines() {
        check("started, version 2.90 cachesize 150", expect![[r#"Invalid("question")"#]]);
        check("query[A] www.example.org from nowhere", expect![[r#"Invalid("question")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
