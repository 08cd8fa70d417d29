//! BIND: names asked for, and what was denied.
//!
//! ```text
//! client @0x7f65100ee4d8 203.0.113.9#3076 (example.org): query (cache) 'example.org/ANY/IN' denied
//! client 203.0.113.9#3076 (example.org): query: example.org IN A +E(0)K (192.0.2.1)
//! client @0x7f65100ee4d8 203.0.113.9#55590 (example.org): zone transfer 'example.org/AXFR/IN' denied
//! ```
//!
//! BIND may put a time of its own before it.

use model::{Event, Field};

use super::shared::{Meaning, Peer};
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "named",
    summary: "BIND name server",
    programs: &["named"],
    recognises: |text| text.get(..60).unwrap_or(text).contains(" client ") && text.contains("): "),
    parse,
};

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let (own_time, rest) = match moment::leading(text, context) {
        Some((time, rest)) => (Some(time), rest),
        None => (None, text),
    };
    let (_, rest) = rest.split_once("client ").ok_or(ParseError::Missing("client"))?;
    let rest = match rest.strip_prefix('@') {
        Some(after) => after.split_once(' ').ok_or(ParseError::Missing("client"))?.1,
        None => rest,
    };
    let (address, rest) = rest.split_once('#').ok_or(ParseError::Missing("port"))?;
    let (port, rest) = rest.split_once(' ').ok_or(ParseError::Missing("name"))?;
    let (_, said) = rest.split_once("): ").ok_or(ParseError::Missing("name"))?;
    let said = match said.strip_prefix("view ").and_then(|view| view.split_once(": ")) {
        Some((_, said)) => said,
        None => said,
    };
    question(said, event).ok_or(ParseError::Invalid("question"))?;
    Peer { address, port: port.trim_end_matches(':'), rest: "" }.write_source(event);
    event.set(Field::NetworkProtocol, "dns");
    if let Some(time) = own_time {
        event.time = time;
    }
    Ok(())
}

fn question(said: &str, event: &mut Event) -> Option<()> {
    // `query: example.org IN A +`
    if let Some(rest) = said.strip_prefix("query: ") {
        let mut words = rest.split(' ');
        event.set(Field::DnsQuestionName, words.next()?);
        event.set(Field::DnsQuestionType, words.nth(1)?);
        Meaning { action: "dns_query", category: "network", kind: "protocol", outcome: "" }
            .write(event);
        return Some(());
    }
    // `query (cache) 'example.org/ANY/IN' denied`
    let (what, rest) = said.split_once('\'')?;
    let (asked, end) = rest.split_once('\'')?;
    let mut parts = asked.rsplitn(3, '/');
    let (_class, kind, name) = (parts.next()?, parts.next()?, parts.next()?);
    event.set(Field::DnsQuestionName, name);
    event.set(Field::DnsQuestionType, kind);
    let action = match what.split_once(' ')?.0 {
        "zone" => "dns_zone_transfer",
        "update" => "dns_update",
        _ => "dns_query",
    };
    let (kind, outcome) = if end.contains("denied") { ("denied", "failure") } else { ("info", "") };
    Meaning { action, category: "network", kind, outcome }.write(event);
    Some(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn denied() {
        check(
            "client @0x7f65100ee4d8 203.0.113.9#3076 (example.org): query (cache) 'example.org/ANY/IN' denied",
            expect![[r"
                dns.question.name = example.org
                dns.question.type = ANY
                event.action = dns_query
                event.category = network
                event.outcome = failure
                event.type = denied
                network.protocol = dns
                source.ip = 203.0.113.9
                source.port = 3076
            "]],
        );
        check(
            "19-Oct-2026 05:34:02.425 client 203.0.113.9#3076 (example.org): zone transfer 'example.org/AXFR/IN' denied",
            expect![[r"
                @timestamp = 2026-10-19T05:34:02.425Z
                dns.question.name = example.org
                dns.question.type = AXFR
                event.action = dns_zone_transfer
                event.category = network
                event.outcome = failure
                event.type = denied
                network.protocol = dns
                source.ip = 203.0.113.9
                source.port = 3076
            "]],
        );
    }

    #[test]
    fn asked() {
        check(
            "client 203.0.113.9#3076 (example.org): query: example.org IN A +E(0)K (192.0.2.1)",
            expect![[r"
                dns.question.name = example.org
                dns.question.type = A
                event.action = dns_query
                event.category = network
                event.type = protocol
                network.protocol = dns
                source.ip = 203.0.113.9
                source.port = 3076
            "]],
        );
    }

    #[test]
    fn other_lines() {
        check("zone example.org/IN: loaded serial 7", expect![[r#"Missing("client")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
