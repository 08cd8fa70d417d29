//! Common Event Format, versions 0 and 1: what security devices of many makers send.
//!
//! ```text
//! CEF:0|Maker|Product|1.0|100|Worm stopped|10|src=203.0.113.9 dst=192.0.2.1 spt=1232 msg=It was stopped
//! ```
//!
//! In the header `|` and `\` are escaped by `\`, in a value `=`, `\` and line ends. A value may hold
//! spaces, so it reaches up to the next `name=`. The usual names go to their fields, a numbered name
//! with a label (`cs1Label=Rule cs1=x`) to a field of the label's name, every other stays as it is.
//! Of a name that comes twice the first counts: what a device knows comes before what it quotes.

use model::{Event, Field};

use super::shared::names;
use crate::{Context, Format, ParseError, claim, epoch, moment};

pub(crate) const FORMAT: Format =
    Format { id: "cef", summary: "Common Event Format (CEF)", programs: &[], recognises, parse };

/// How many names of one record are read; the rest stands in `event.original` only, and is counted.
const NAMES_MAX: usize = 256;
/// How far into the text the header is looked for where `CEF:` does not announce it.
const LOOK_BYTES_MAX: usize = 512;
const HEADER_PARTS: usize = 7;
/// Bounds for how many happenings a device may say that one record stands.
const REPEAT_MAX: i64 = 100_000;

fn recognises(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix("CEF:") {
        return rest.get(..64).unwrap_or(rest).contains('|');
    }
    // A syslog daemon may have taken `CEF:` for the program's name.
    let parts = text.bytes().take(LOOK_BYTES_MAX).filter(|byte| *byte == b'|').count();
    (text.starts_with("0|") || text.starts_with("1|")) && parts >= HEADER_PARTS
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let rest = text.strip_prefix("CEF:").unwrap_or(text);
    let mut parts = Header(rest);
    let mut part = || parts.next().ok_or(ParseError::Missing("header part"));
    let version = part()?.trim();
    if !version.starts_with(['0', '1']) || version.len() > 3 {
        return Err(ParseError::Invalid("version"));
    }
    let fields =
        [Field::ObserverVendor, Field::ObserverProduct, Field::ObserverVersion, Field::EventCode];
    for field in fields {
        let text = part()?;
        if !text.is_empty() {
            set(event, field, text);
        }
    }
    let name = part()?;
    // A record that was cut off within its header still says what happened.
    let severity = part().unwrap_or_default().trim();
    let extension = parts.0;

    set(event, Field::Message, name);
    set(event, Field::RuleName, name);
    if let Ok(number) = severity.parse::<u8>() {
        event.set(Field::EventSeverity, number);
    } else if !severity.is_empty() {
        event.set(Field::LogLevel, severity);
    }
    let mut pairs = pairs(extension);
    let read: Vec<(&str, &str)> = pairs.by_ref().take(NAMES_MAX).collect();
    for (place, (name, value)) in read.iter().enumerate() {
        let earlier = read.iter().take(place).any(|(earlier, _)| earlier == name);
        if !earlier {
            write(name, value, &read, (event, context));
        }
    }
    let dropped = pairs.count();
    if dropped > 0 {
        event.set(Field::FieldsDropped, i64::try_from(dropped).unwrap_or(i64::MAX));
    }
    for end in [Field::EventEnd, Field::EventStart] {
        if event.time == event.ingested
            && let Some(model::Value::Time(time)) = event.get(end)
        {
            event.time = time;
        }
    }
    Ok(())
}

/// The parts of a header that are left.
struct Header<'t>(&'t str);

impl<'t> Header<'t> {
    fn next(&mut self) -> Option<&'t str> {
        let bytes = self.0.as_bytes();
        let mut at = 0;
        loop {
            at += memchr::memchr2(b'|', b'\\', bytes.get(at..)?)?;
            if bytes.get(at) == Some(&b'|') {
                let part = self.0.get(..at)?;
                self.0 = self.0.get(at + 1..)?;
                return Some(part);
            }
            at += 2;
        }
    }
}

/// Gives each name of an extension with its value, escapes still in it. Every place is looked at
/// once.
fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut starts = memchr::memchr_iter(b'=', text.as_bytes())
        .filter_map(|at| Some((name_before(text.get(..at)?)?, at)))
        .peekable();
    std::iter::from_fn(move || {
        let (start, at) = starts.next()?;
        let end = starts.peek().map_or(text.len(), |(start, _)| *start);
        Some((text.get(start..at)?, text.get(at + 1..end)?.trim_end_matches([' ', '\r', '\n'])))
    })
}

/// Gives where the name before an `=` begins, if it is one: a word after a space.
fn name_before(text: &str) -> Option<usize> {
    const NAME_BYTES_MAX: usize = 128;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-[]".contains(byte);
    let length = text.bytes().rev().take(NAME_BYTES_MAX).take_while(plain).count();
    let start = text.len() - length;
    let before = text.as_bytes().get(..start)?.last();
    (length > 0 && matches!(before, None | Some(b' ' | b'|' | b'\n'))).then_some(start)
}

fn write(
    name: &str,
    raw: &str,
    all: &[(&str, &str)],
    (event, context): (&mut Event, &Context<'_>),
) {
    let undone;
    let value = if raw.contains('\\') {
        undone = undo(raw);
        undone.as_str()
    } else {
        raw
    };
    match name {
        "" => {}
        _ if value.is_empty() => {}
        "rt" | "start" | "end" => match time(value, context) {
            Some(time) if name == "rt" => event.time = time,
            Some(time) if name == "start" => event.set(Field::EventStart, time),
            Some(time) => event.set(Field::EventEnd, time),
            None => event.set_extra(name, value),
        },
        "in" => event.set(Field::SourceBytes, value),
        "out" => event.set(Field::DestinationBytes, value),
        "app" => names::lower(event, Field::NetworkProtocol, value),
        "cat" => event.set(Field::RuleCategory, value),
        "sproc" | "deviceProcessName" => event.set(Field::ProcessName, value),
        "spid" => event.set(Field::ProcessPid, value),
        "suid" | "duid" => event.set(Field::UserId, value),
        "cnt" => match value.parse::<i64>() {
            Ok(count @ 1..=REPEAT_MAX) => event.set(Field::Repeat, count),
            _ => event.set_extra(name, value),
        },
        "deviceDirection" => match value {
            "0" => event.set(Field::NetworkDirection, "inbound"),
            "1" => event.set(Field::NetworkDirection, "outbound"),
            _ => event.set_extra(name, value),
        },
        // It stands with what it labels.
        _ if name.ends_with("Label") => {}
        _ if label_of(name, all).is_some_and(|label| claim_label(event, label, value)) => {}
        _ if names::set(event, name, value) => {}
        _ => claim::set(event, name, value),
    }
}

/// Keeps a value under its label; tells whether the label names anything.
fn claim_label(event: &mut Event, label: &str, value: &str) -> bool {
    let label = undo(label);
    let name = label.trim().replace(' ', "_");
    if !name.is_empty() {
        claim::set(event, &name, value);
    }
    !name.is_empty()
}

/// Finds the label of `cs1`, `cn2`, `c6a3`, `deviceCustomDate1`, `flexString1`, …
fn label_of<'t>(name: &str, all: &[(&'t str, &'t str)]) -> Option<&'t str> {
    let labelled = ["cs", "cn", "c6a", "cfp", "deviceCustom", "flex"];
    if !labelled.iter().any(|start| name.starts_with(start)) {
        return None;
    }
    let label = |other: &str| other.strip_suffix("Label") == Some(name);
    all.iter().find(|(other, _)| label(other)).map(|(_, label)| *label)
}

/// Reads milliseconds since 1970, or a date.
fn time(text: &str, context: &Context<'_>) -> Option<model::Timestamp> {
    epoch::text(text).or_else(|| moment::leading(text, context).map(|(time, _)| time))
}

fn set(event: &mut Event, field: Field, raw: &str) {
    if raw.contains('\\') {
        event.set(field, &undo(raw));
    } else {
        event.set(field, raw);
    }
}

/// Undoes the escapes of headers and values.
fn undo(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((clean, tail)) = rest.split_once('\\') {
        out.push_str(clean);
        let mut characters = tail.chars();
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some(escaped @ ('=' | '|' | '\\')) => out.push(escaped),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
