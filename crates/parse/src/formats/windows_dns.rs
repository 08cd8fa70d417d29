//! The debug log of Windows DNS servers, one packet a line.
//!
//! ```text
//! 11/21/2026 6:58:00 AM 0E9C PACKET  000001D1F80FF6E0 UDP Rcv 192.0.2.7  a5b4   Q [0001   D   NOERROR] A      (3)www(7)example(3)org(0)
//! 11/21/2026 6:58:00 AM 0E9C PACKET  000001D1F80FF6E0 UDP Snd 192.0.2.7  a5b4 R Q [8385 A DR NXDOMAIN] A      (3)www(7)example(3)org(0)
//! ```
//!
//! How the date is written depends on the server's language; the server tells no zone.

use std::time::Duration;

use model::{Event, Field, Timestamp};

use super::shared::{Meaning, address};
use crate::{Context, Format, ParseError, dns, moment};

pub(crate) const FORMAT: Format = Format {
    id: "windows_dns",
    summary: "debug log of Windows DNS servers",
    programs: &[],
    recognises: |text| {
        let head = text.get(..text.floor_char_boundary(64)).unwrap_or_default();
        head.starts_with(|first: char| first.is_ascii_digit()) && head.contains(" PACKET ")
    },
    parse,
};

/// Half a day, which the clock of twelve hours leaves out.
const AFTERNOON: Duration = Duration::from_hours(12);

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    const MISSING: ParseError = ParseError::Missing("packet");
    let (head, packet) = text.split_once(" PACKET ").ok_or(MISSING)?;
    let (facts, rest) = packet.split_once('[').ok_or(MISSING)?;
    let (flags, asked) = rest.split_once(']').ok_or(MISSING)?;
    let mut words =
        facts.split_ascii_whitespace().skip_while(|word| *word != "UDP" && *word != "TCP");
    let (transport, direction) = (words.next().ok_or(MISSING)?, words.next().ok_or(MISSING)?);
    let peer = words.next().and_then(address).ok_or(ParseError::Invalid("address"))?;
    let answered = words.any(|word| word == "R");
    let mut asked = asked.split_ascii_whitespace();
    let (kind, name) = (asked.next().ok_or(MISSING)?, asked.next().ok_or(MISSING)?);
    let name = unpacked(name).ok_or(ParseError::Invalid("name"))?;

    if let Some(time) = time(head, context) {
        event.time = time;
    }
    dns::question(event, &name, kind);
    event.set(Field::NetworkProtocol, "dns");
    event.set(Field::NetworkTransport, if transport == "UDP" { "udp" } else { "tcp" });
    // What the server asks of others, and what they answer, is not what its clients ask of it.
    let (action, of_client) = match (direction, answered) {
        ("Rcv", false) => ("dns_query", true),
        ("Snd", true) => ("dns_answer", true),
        (_, false) => ("dns_forwarded", false),
        (_, true) => ("dns_forwarded_answer", false),
    };
    event.set(if of_client { Field::SourceIp } else { Field::DestinationIp }, peer);
    let code = flags.split_ascii_whitespace().last().unwrap_or_default();
    let outcome = match (answered, code) {
        (false, _) => "",
        (true, "NOERROR") => "success",
        (true, _) => "failure",
    };
    if answered {
        event.set(Field::DnsResponseCode, code);
    }
    Meaning { action, category: "network", kind: "protocol", outcome }.write(event);
    Ok(())
}

/// Reads the time, of a clock of twelve hours too, and with the day first where dots stand between.
fn time(text: &str, context: &Context<'_>) -> Option<Timestamp> {
    let turned;
    let text = match text.split_once(' ') {
        Some((date, clock)) if date.contains('.') => {
            let mut parts = date.split('.');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            turned = [year, "-", month, "-", day, " ", clock].concat();
            turned.as_str()
        }
        _ => text,
    };
    let (time, rest) = moment::leading(text, context)?;
    let hour = time.plus(offset(context)).civil().hour;
    Some(match rest.trim_start().get(..2) {
        Some("PM") if hour < 12 => time.plus(AFTERNOON),
        Some("AM") if hour == 12 => time.minus(AFTERNOON),
        _ => time,
    })
}

/// How far the server's clock is ahead of UTC; behind it, the day before counts as well.
fn offset(context: &Context<'_>) -> Duration {
    const DAY_SECONDS: i32 = 86_400;
    let seconds = context.utc_offset_seconds.rem_euclid(DAY_SECONDS);
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// Reads `(3)www(7)example(3)org(0)`.
fn unpacked(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    for part in text.strip_prefix('(')?.split('(') {
        let (_length, label) = part.split_once(')')?;
        if !label.is_empty() && !name.is_empty() {
            name.push('.');
        }
        name.push_str(label);
    }
    if name.is_empty() {
        name.push('.');
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn asked_and_answered() {
        check(
            "11/21/2026 6:58:00 AM 0E9C PACKET  000001D1F80FF6E0 UDP Rcv 192.0.2.7       a5b4   Q [0001   D   NOERROR] TXT    (3)www(7)example(3)org(0)",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                dns.question.name = www.example.org
                dns.question.type = TXT
                event.action = dns_query
                event.category = network
                event.type = protocol
                network.protocol = dns
                network.transport = udp
                source.ip = 192.0.2.7
                dns.question.registered_domain = example.org
            "]],
        );
        check(
            "11/20/2026 6:58:00 PM 0E9C PACKET  000001D1F80FF6E0 TCP Snd 2001:db8::7     a5b4 R Q [8385 A DR NXDOMAIN] A      (7)nothing(7)example(3)org(0)",
            expect![[r"
                @timestamp = 2026-11-20T18:58:00.000Z
                dns.question.name = nothing.example.org
                dns.question.type = A
                dns.response_code = NXDOMAIN
                event.action = dns_answer
                event.category = network
                event.outcome = failure
                event.type = protocol
                network.protocol = dns
                network.transport = tcp
                source.ip = 2001:db8::7
                dns.question.registered_domain = example.org
            "]],
        );
    }

    #[test]
    fn of_other_servers() {
        check(
            "21.11.2026 06:58:00 0E9C PACKET  000001D1F80FF6E0 UDP Snd 198.51.100.53   a5b4   Q [0000       NOERROR] A      (0)",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                destination.ip = 198.51.100.53
                dns.question.name = .
                dns.question.type = A
                event.action = dns_forwarded
                event.category = network
                event.type = protocol
                network.protocol = dns
                network.transport = udp
            "]],
        );
    }

    #[test]
    fn other_lines() {
        check("11/21/2026 6:58:00 AM 0E9C PACKET  UDP Rcv", expect![[r#"Missing("packet")"#]]);
        testing::check(
            &FORMAT,
            "11/21/2026 6:58:00 AM 0E9C EVENT The server has started.",
            expect![[r#"Missing("packet")"#]],
        );
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!((FORMAT.recognises)(text));
        testing::check(&FORMAT, text, expect);
    }
}
