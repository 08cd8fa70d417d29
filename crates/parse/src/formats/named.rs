//! BIND: names asked for, and what was denied.
//!
//! ```text
//! client @0x7f65100ee4d8 203.0.113.9#3076 (example.org): query (cache) 'example.org/ANY/IN' denied
//! client 203.0.113.9#3076 (example.org): query: example.org IN A +E(0)K (192.0.2.1)
//! client @0x7f65100ee4d8 203.0.113.9#55590 (example.org): zone transfer 'example.org/AXFR/IN' denied
//! client @0x7f65100ee4d8 203.0.113.9#55590 (example.org): transfer of 'example.org/IN': AXFR started (serial 7)
//! client @0x7f65100ee4d8 203.0.113.9#55590/key dhcp: updating zone 'example.org/IN': adding an RR at 'a.example.org' A 192.0.2.9
//! ```
//!
//! BIND may put a time of its own before it.

use model::{Event, Field};

use super::shared::{Meaning, Peer};
use crate::{Context, Format, ParseError, dns, moment};

pub(crate) const FORMAT: Format = Format {
    id: "named",
    summary: "BIND name server",
    programs: &["named"],
    recognises: |text| {
        text.get(..60).unwrap_or(text).contains(" client ")
            && (text.contains("): ") || text.contains(": updat"))
    },
    parse,
};

const TRANSFERS: [&str; 2] = ["AXFR", "IXFR"];

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
    // `3076`, `3076 (example.org)`, `3076/key transfer`
    let (port, said) = rest.split_once(": ").ok_or(ParseError::Missing("name"))?;
    let port = port.split([' ', '/']).next().unwrap_or_default();
    let said = match said.strip_prefix("view ").and_then(|view| view.split_once(": ")) {
        Some((_, said)) => said,
        None => said,
    };
    question(said, event).ok_or(ParseError::Invalid("question"))?;
    Peer { address, port, rest: "" }.write_source(event);
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
        dns::question(event, words.next()?, words.nth(1)?);
        Meaning { action: "dns_query", category: "network", kind: "protocol", outcome: "" }
            .write(event);
        return Some(());
    }
    // `query (cache) 'example.org/ANY/IN' denied`
    let (what, rest) = said.split_once('\'')?;
    let (asked, end) = rest.split_once('\'')?;
    let mut parts = asked.rsplitn(3, '/');
    let (_class, kind, name) = (parts.next()?, parts.next()?, parts.next());
    // `'example.org/IN'` names no type; a transfer names its own behind it.
    let (name, kind) = match name {
        Some(name) => (name, kind),
        None => (kind, TRANSFERS.into_iter().find(|kind| end.contains(kind)).unwrap_or_default()),
    };
    dns::question(event, name, kind);
    let action = match what.split_once(' ')?.0 {
        "zone" | "transfer" => "dns_zone_transfer",
        "update" | "updating" => "dns_update",
        _ => "dns_query",
    };
    let (kind, outcome) = if end.contains("denied") {
        ("denied", "failure")
    } else if end.contains("AXFR started") || end.contains("IXFR started") {
        ("info", "success")
    } else {
        ("info", "")
    };
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
                dns.question.registered_domain = example.org
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
                dns.question.registered_domain = example.org
            "]],
        );
    }

    #[test]
    fn transferred_and_updated() {
        check(
            "client @0x7f65100ee4d8 203.0.113.9#55590 (example.org): transfer of 'example.org/IN': AXFR started (serial 7)",
            expect![[r"
                dns.question.name = example.org
                dns.question.type = AXFR
                event.action = dns_zone_transfer
                event.category = network
                event.outcome = success
                event.type = info
                network.protocol = dns
                source.ip = 203.0.113.9
                source.port = 55590
                dns.question.registered_domain = example.org
            "]],
        );
        check(
            "client @0x7f65100ee4d8 203.0.113.9#55590/key dhcp: updating zone 'example.org/IN': adding an RR at 'a.example.org' A 192.0.2.9",
            expect![[r"
                dns.question.name = example.org
                event.action = dns_update
                event.category = network
                event.type = info
                network.protocol = dns
                source.ip = 203.0.113.9
                source.port = 55590
                dns.question.registered_domain = example.org
            "]],
        );
        check(
            "client @0x7f65 203.0.113.9#55590: update 'example.org/IN' denied",
            expect![[r"
            dns.question.name = example.org
            event.action = dns_update
            event.category = network
            event.outcome = failure
            event.type = denied
            network.protocol = dns
            source.ip = 203.0.113.9
            source.port = 55590
            dns.question.registered_domain = example.org
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
                dns.question.registered_domain = example.org
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
