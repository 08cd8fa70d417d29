//! The header of RFC 5424, with its structured data.
//!
//! ```text
//! 1 2026-11-21T06:58:00.003Z web1 sshd 4711 ID47 [meta@1 seq="7"][x@2 a="b \"c\""] Failed …
//! ```

use model::{Event, Field};

use super::header::Header;
use crate::{Context, moment};

/// The longest name of an element or a parameter; the standard has 32. Names are copied once a
/// parameter, so without a bound a long one would cost the square of its length.
const NAME_BYTES_MAX: usize = 128;

/// What stands for nothing.
const NIL: &str = "-";

/// Reads the header after the priority, which rsyslog leaves out in files.
pub(super) fn read<'a>(
    text: &'a str,
    context: &Context<'_>,
    event: &mut Event,
) -> Option<Header<'a>> {
    let (version, rest) = text.split_once(' ').filter(|(version, _)| is_version(version))?;
    let (time, rest) = if let Some(rest) = rest.strip_prefix("- ") {
        (None, rest)
    } else {
        let (time, rest) = moment::iso(rest, context)?;
        (Some(time), rest.strip_prefix(' ')?)
    };
    let (host, rest) = rest.split_once(' ')?;
    let (tag, rest) = rest.split_once(' ')?;
    let (pid, rest) = rest.split_once(' ')?;
    let (kind, rest) = rest.split_once(' ').unwrap_or((rest, ""));

    event.set(Field::SyslogVersion, version);
    if let Some(kind) = named(kind) {
        event.set(Field::SyslogMsgid, kind);
    }
    let rest = match rest.strip_prefix(NIL) {
        Some(rest) => rest,
        None => structured_data(rest, event),
    };
    let message = rest.strip_prefix(' ').unwrap_or(rest).trim_start_matches('\u{feff}');
    Some(Header {
        priority: None,
        time,
        host: named(host),
        tag: named(tag).unwrap_or_default(),
        pid: named(pid).unwrap_or_default(),
        message,
    })
}

fn is_version(text: &str) -> bool {
    (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn named(text: &str) -> Option<&str> {
    (text != NIL && !text.is_empty()).then_some(text)
}

/// Reads `[id name="value" …][…]` into unknown fields and gives what follows; from the first fault
/// on, the text counts as the message.
fn structured_data<'a>(text: &'a str, event: &mut Event) -> &'a str {
    let mut rest = text;
    let mut name = String::new();
    while let Some(after) =
        rest.strip_prefix('[').and_then(|inner| element(inner, &mut name, event))
    {
        rest = after;
    }
    rest
}

fn element<'a>(text: &'a str, name: &mut String, event: &mut Event) -> Option<&'a str> {
    let end = text.find([' ', ']'])?;
    let (id, mut rest) = text.split_at_checked(end)?;
    (!id.is_empty() && id.len() <= NAME_BYTES_MAX).then_some(())?;
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return Some(after);
        }
        let (parameter, after) = rest.trim_start_matches(' ').split_once("=\"")?;
        (parameter.len() <= NAME_BYTES_MAX).then_some(())?;
        let end = closing_quote(after)?;
        let value = after.get(..end)?;
        name.clear();
        name.push_str("log.syslog.structured_data.");
        name.push_str(id);
        name.push('.');
        name.push_str(parameter);
        if value.contains('\\') {
            event.set_extra(name, &*unescaped(value));
        } else {
            event.set_extra(name, value);
        }
        rest = after.get(end + 1..)?;
    }
}

/// Finds the quote that ends a value; one after a backslash does not.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// Undoes `\"`, `\\` and `\]`; any other backslash stands for itself.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        if let Some(escaped @ ('"' | '\\' | ']')) = after.chars().next() {
            text.push(escaped);
            rest = after.get(1..).unwrap_or_default();
        } else {
            text.push('\\');
            rest = after;
        }
    }
    text.push_str(rest);
    text
}
