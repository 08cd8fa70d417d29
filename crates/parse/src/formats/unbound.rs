//! Unbound: names asked for, how they were answered, and what a local zone refused.
//!
//! ```text
//! [1795244280] unbound[75:0] info: 192.0.2.7 www.example.org. A IN
//! [75:0] info: 192.0.2.7 www.example.org. A IN NOERROR 0.012345 0 55
//! [75:0] reply: 192.0.2.7 www.example.org. A IN NXDOMAIN 0.000000 1 100
//! [75:0] info: ads.example.org. always_nxdomain 192.0.2.7@51514 ads.example.org. A IN
//! ```
//!
//! A time of its own stands before it in Unbound's own file; syslog's header takes its place.

use model::{Event, Field};

use super::shared::{Meaning, address};
use crate::{Context, Format, ParseError, dns, epoch};

pub(crate) const FORMAT: Format = Format {
    id: "unbound",
    summary: "Unbound name server",
    programs: &["unbound"],
    recognises: |text| {
        text.starts_with('[') && text.get(..40).unwrap_or(text).contains("] unbound[")
    },
    parse,
};

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let (time, rest) = match text.split_once("] unbound[") {
        Some((time, rest)) => (epoch::text(time.strip_prefix('[').unwrap_or(time)), rest),
        None => (None, text.strip_prefix('[').ok_or(ParseError::Missing("thread"))?),
    };
    let (thread, rest) = rest.split_once("] ").ok_or(ParseError::Missing("thread"))?;
    if thread.is_empty() || !thread.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
        return Err(ParseError::Invalid("thread"));
    }
    let (level, said) = rest.split_once(": ").ok_or(ParseError::Missing("level"))?;
    if level.is_empty() || !level.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(ParseError::Invalid("level"));
    }
    event.set(Field::LogLevel, level);
    event.set(Field::Message, said);
    if let Some(time) = time {
        event.time = time;
    }
    // What is no question is a line of the daemon all the same.
    let _ = asked(said, event).or_else(|| zoned(said, event));
    Ok(())
}

/// Reads `192.0.2.7 www.example.org. A IN` and what was answered, if it stands there.
fn asked(said: &str, event: &mut Event) -> Option<()> {
    let mut words = said.split(' ');
    let client = address(words.next()?)?;
    let (name, kind, _class) = (words.next()?, words.next()?, words.next()?);
    event.set(Field::SourceIp, client);
    dns::question(event, name, kind);
    let Some(code) = words.next() else {
        write("dns_query", "", event);
        return Some(());
    };
    event.set(Field::DnsResponseCode, code);
    if let Some(taken) = words.next() {
        event.set_extra("unbound.seconds", taken);
    }
    if let Some(bytes) = words.nth(1) {
        event.set(Field::DestinationBytes, bytes);
    }
    write("dns_answer", if code == "NOERROR" { "success" } else { "failure" }, event);
    Some(())
}

/// Reads `ads.example.org. always_nxdomain 192.0.2.7@51514 ads.example.org. A IN`.
fn zoned(said: &str, event: &mut Event) -> Option<()> {
    let mut words = said.split(' ');
    let (zone, kind, client) = (words.next()?, words.next()?, words.next()?);
    let (ip, port) = client.split_once('@')?;
    event.set(Field::SourceIp, address(ip)?);
    event.set(Field::SourcePort, port);
    dns::question(event, words.next()?, words.next()?);
    event.set(Field::RuleName, zone.trim_end_matches('.'));
    event.set(Field::RuleCategory, kind);
    write("dns_query", "", event);
    // `transparent`, `static`, `redirect` answer; these refuse.
    if ["deny", "refuse", "always_deny", "always_refuse", "always_nxdomain", "always_null"]
        .contains(&kind)
    {
        event.set(Field::EventType, "denied");
        event.set(Field::EventOutcome, "failure");
    }
    Some(())
}

fn write(action: &'static str, outcome: &'static str, event: &mut Event) {
    Meaning { action, category: "network", kind: "protocol", outcome }.write(event);
    event.set(Field::NetworkProtocol, "dns");
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn answered() {
        check(
            "[1795244280] unbound[75:0] info: 192.0.2.7 www.example.co.uk. TXT IN NXDOMAIN 0.012345 0 55",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                destination.bytes = 55
                dns.question.name = www.example.co.uk
                dns.question.type = TXT
                dns.response_code = NXDOMAIN
                event.action = dns_answer
                event.category = network
                event.outcome = failure
                event.type = protocol
                log.level = info
                message = 192.0.2.7 www.example.co.uk. TXT IN NXDOMAIN 0.012345 0 55
                network.protocol = dns
                source.ip = 192.0.2.7
                dns.question.registered_domain = example.co.uk
                unbound.seconds = 0.012345
            "]],
        );
    }

    #[test]
    fn refused() {
        check(
            "[75:1] info: ads.example.org. always_nxdomain 192.0.2.7@51514 a.ads.example.org. A IN",
            expect![[r"
                dns.question.name = a.ads.example.org
                dns.question.type = A
                event.action = dns_query
                event.category = network
                event.outcome = failure
                event.type = denied
                log.level = info
                message = ads.example.org. always_nxdomain 192.0.2.7@51514 a.ads.example.org. A IN
                network.protocol = dns
                rule.category = always_nxdomain
                rule.name = ads.example.org
                source.ip = 192.0.2.7
                source.port = 51514
                dns.question.registered_domain = example.org
            "]],
        );
    }

    #[test]
    fn other_lines() {
        check(
            "[75:0] notice: init module 0: validator",
            expect![[r"
            log.level = notice
            message = init module 0: validator
        "]],
        );
        check("[75:0] no level", expect![[r#"Missing("level")"#]]);
        check("[75:0 info: 192.0.2.7 x. A IN", expect![[r#"Missing("thread")"#]]);
        check("[a] info: x", expect![[r#"Invalid("thread")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
