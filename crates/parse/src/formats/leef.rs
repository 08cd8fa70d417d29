//! Log Event Extended Format, versions 1.0 and 2.0, as devices send it to QRadar.
//!
//! ```text
//! LEEF:1.0|Maker|Product|1.0|login|src=203.0.113.9<tab>usrName=ann
//! LEEF:2.0|Maker|Product|1.0|login|^|src=203.0.113.9^usrName=ann
//! ```
//!
//! Version 2.0 names what stands between the pairs: a character, or its number (`x5E`, `0x09`).

use model::{Event, Field, Timestamp};

use super::shared::names;
use crate::{Context, Format, ParseError, claim, epoch, moment};

pub(crate) const FORMAT: Format = Format {
    id: "leef",
    summary: "Log Event Extended Format (LEEF)",
    programs: &[],
    recognises,
    parse,
};

/// How many pairs of one record are read; the rest is counted.
const PAIRS_MAX: usize = 256;

fn recognises(text: &str) -> bool {
    text.starts_with("LEEF:") && text.get(..64).unwrap_or(text).contains('|')
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let mut rest = text.strip_prefix("LEEF:").ok_or(ParseError::Missing("LEEF"))?;
    let mut part = || {
        let (part, after) = rest.split_once('|').ok_or(ParseError::Missing("header part"))?;
        rest = after;
        Ok(part)
    };
    let version = part()?;
    let second = match version {
        "1.0" | "1" => false,
        "2.0" | "2" => true,
        _ => return Err(ParseError::Invalid("version")),
    };
    let fields =
        [Field::ObserverVendor, Field::ObserverProduct, Field::ObserverVersion, Field::EventCode];
    for field in fields {
        let text = part()?;
        if !text.is_empty() {
            event.set(field, text);
        }
    }
    let (delimiter, pairs) = match rest.split_once('|') {
        // Some devices say 2.0 and name no delimiter: then it is no delimiter but a pair.
        Some((named, pairs)) if second && !named.contains('=') => (delimiter(named), pairs),
        _ => ('\t', rest),
    };

    let mut date = None;
    let mut count = 0_i64;
    for (name, value) in pairs.split(delimiter).filter_map(|pair| pair.split_once('=')) {
        count += 1;
        if count > i64::try_from(PAIRS_MAX).unwrap_or(i64::MAX) {
            event.set(Field::FieldsDropped, count - i64::try_from(PAIRS_MAX).unwrap_or(i64::MAX));
            continue;
        }
        match name.trim() {
            "" | "devTimeFormat" => {}
            "devTime" => date = time(value, context),
            "sev" => event.set(Field::EventSeverity, value),
            "cat" => event.set(Field::RuleCategory, value),
            "usrName" => event.set(Field::UserName, value),
            "identHostName" => event.set(Field::HostName, value),
            name if names::set(event, name, value) => {}
            name => claim::set(event, name, value),
        }
    }
    if let Some(time) = date {
        event.time = time;
    }
    Ok(())
}

/// Reads `^`, `x5E` or `0x5E`; nothing stands for a tab.
fn delimiter(text: &str) -> char {
    let number = text.strip_prefix("0x").or_else(|| text.strip_prefix('x'));
    let numbered = number.and_then(|number| char::from_u32(u32::from_str_radix(number, 16).ok()?));
    numbered.or_else(|| text.chars().next()).unwrap_or('\t')
}

/// Reads a date in one of the usual shapes, or a count since 1970.
fn time(text: &str, context: &Context<'_>) -> Option<Timestamp> {
    epoch::text(text).or_else(|| moment::leading(text, context).map(|(time, _)| time))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn version_1() {
        check(
            "LEEF:1.0|Maker|Product|1.0|login|src=203.0.113.9\tsrcPort=5\tdst=192.0.2.1\tusrName=ann b\tproto=TCP\tsev=5\tcat=Auth\tdevTime=Nov 21 2026 06:58:00\tpolicy=x=y\tbartizan.repeat=9",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                destination.ip = 192.0.2.1
                event.code = login
                event.severity = 5
                network.transport = tcp
                observer.product = Product
                observer.vendor = Maker
                observer.version = 1.0
                rule.category = Auth
                source.ip = 203.0.113.9
                source.port = 5
                user.name = ann b
                policy = x=y
                sender.bartizan.repeat = 9
            "]],
        );
    }

    #[test]
    fn version_2() {
        check(
            "LEEF:2.0|m|p|1|e|^|src=2001:db8::9^devTime=1795244280250^msg=a|b",
            expect![[r"
            @timestamp = 2026-11-21T06:58:00.250Z
            event.code = e
            message = a|b
            observer.product = p
            observer.vendor = m
            observer.version = 1
            source.ip = 2001:db8::9
        "]],
        );
        check(
            "LEEF:2.0|m|p|1|e|x7C|src=203.0.113.9|other=b",
            expect![[r"
            event.code = e
            observer.product = p
            observer.vendor = m
            observer.version = 1
            source.ip = 203.0.113.9
            other = b
        "]],
        );
        check(
            "LEEF:2.0|m|p|1|e||src=203.0.113.9\tother=b",
            expect![[r"
            event.code = e
            observer.product = p
            observer.vendor = m
            observer.version = 1
            source.ip = 203.0.113.9
            other = b
        "]],
        );
        check(
            "LEEF:2.0|m|p|1|e|src=203.0.113.9\tother=b|c",
            expect![[r"
            event.code = e
            observer.product = p
            observer.vendor = m
            observer.version = 1
            source.ip = 203.0.113.9
            other = b|c
        "]],
        );
    }

    #[test]
    fn other_lines() {
        check("LEEF:3.0|m|p|1|e|", expect![[r#"Invalid("version")"#]]);
        check("LEEF:1.0|m|p|1", expect![[r#"Missing("header part")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
