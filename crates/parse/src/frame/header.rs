//! One header: priority, time, host, program, in any of the dialects.

use model::{Event, Timestamp};

use super::tag::{self, Tag};
use super::{priority, rfc5424};
use crate::{Context, moment};

/// The longest name of a host (RFC 1035).
const HOST_BYTES_MAX: usize = 255;

/// What one header says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Header<'a> {
    pub(super) priority: Option<u8>,
    pub(super) time: Option<Timestamp>,
    pub(super) host: Option<&'a str>,
    /// The program, or nothing.
    pub(super) tag: &'a str,
    pub(super) pid: &'a str,
    pub(super) message: &'a str,
}

/// Reads one header; structured data goes into the event at once.
pub(super) fn read<'a>(
    text: &'a str,
    context: &Context<'_>,
    event: &mut Event,
) -> Option<Header<'a>> {
    // What a header can begin with is told by its first byte, so that others cost nothing.
    match text.bytes().next()? {
        b'<' => {
            let (code, rest) = priority::read(text)?;
            let header = rfc5424::read(rest, context, event)
                .or_else(|| bsd(rest, context))
                .or_else(|| iso(rest, context))
                .unwrap_or_else(|| untimed(rest));
            Some(Header { priority: Some(code), ..header })
        }
        b'1'..=b'2' => rfc5424::read(text, context, event).or_else(|| iso(text, context)),
        b'-' => prefixed(text, context),
        b'A'..=b'Z' => bsd(text, context).or_else(|| prefixed(text, context)),
        _ => None,
    }
    .or_else(|| bare(text))
}

/// Reads `Nov 21 06:58:00 host prog[1]: `; the host, the program, or both may be absent.
fn bsd<'a>(text: &'a str, context: &Context<'_>) -> Option<Header<'a>> {
    let (time, rest) = moment::bsd(text, context)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest).strip_prefix(' ')?;
    let rest = rest.trim_start_matches(' ');
    let header = match split_host(rest) {
        // A logger on the machine itself names no host.
        None => untimed(rest),
        Some((host, rest)) => Header { host: Some(host), ..untimed(rest) },
    };
    Some(Header { time: Some(time), ..header })
}

/// Reads `2026-11-21T06:58:00+01:00 host prog[1]: `. Many programs begin their own lines with such
/// a time, so host and program must both be there.
fn iso<'a>(text: &'a str, context: &Context<'_>) -> Option<Header<'a>> {
    (text.as_bytes().get(4) == Some(&b'-')).then_some(())?;
    let (time, rest) = moment::iso(text, context)?;
    let rest = rest.strip_prefix(' ')?;
    if let Some(message) = container(rest) {
        return Some(Header { time: Some(time), message, ..Header::default() });
    }
    let (host, rest) = split_host(rest)?;
    if host == "-" || host.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest = rest.trim_start_matches(' ');
    // Some services send bare JSON behind time and host.
    if rest.starts_with('{') {
        return Some(Header {
            time: Some(time),
            host: Some(host),
            message: rest,
            ..Header::default()
        });
    }
    let Tag { name: tag, pid, message } = tag::read(rest)?;
    Some(Header { priority: None, time: Some(time), host: Some(host), tag, pid, message })
}

/// Reads what the container runtimes write between time and message: `stdout F `, `stderr P `.
fn container(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("stdout ").or_else(|| text.strip_prefix("stderr "))?;
    rest.strip_prefix("F ").or_else(|| rest.strip_prefix("P "))
}

/// Reads the collector's prefix of some large machines:
/// `- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond[2916]: …`.
fn prefixed<'a>(text: &'a str, context: &Context<'_>) -> Option<Header<'a>> {
    let (label, rest) = text.split_once(' ')?;
    (label == "-" || label.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(())?;
    let (seconds, rest) = rest.split_once(' ')?;
    let seconds = seconds.parse().ok().filter(|_| seconds.len() == 10)?;
    let (_date, rest) = rest.split_once(' ').filter(|(date, _)| date.len() == 10)?;
    let (host, rest) = rest.split_once(' ')?;
    let time = Timestamp::from_seconds(seconds);
    // The inner header names no year; the collector's time is the better one.
    let inner = bsd(rest, context).unwrap_or_else(|| Header { message: rest, ..Header::default() });
    Some(Header { time: Some(time), host: Some(host), ..inner })
}

/// Reads `prog[1]: ` alone.
fn bare(text: &str) -> Option<Header<'_>> {
    text.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(())?;
    let Tag { name: tag, pid, message } = tag::read(text).filter(|tag| !tag.pid.is_empty())?;
    Some(Header { tag, pid, message, ..Header::default() })
}

/// Reads the program's name, if any.
fn untimed(text: &str) -> Header<'_> {
    match tag::read(text) {
        Some(Tag { name: tag, pid, message }) => Header { tag, pid, message, ..Header::default() },
        None => Header { message: text, ..Header::default() },
    }
}

/// Splits the host off, unless the first word is the program already or no name at all.
fn split_host(text: &str) -> Option<(&str, &str)> {
    let (host, rest) = text.split_once(' ')?;
    let named = host.len() <= HOST_BYTES_MAX
        && !host.is_empty()
        && !host.ends_with(':')
        && !host.bytes().any(|byte| {
            matches!(byte, b'[' | b']' | b'=' | b'"' | b'{' | b'(' | b'|' | b',' | b'<')
        })
        && !is_level(host)
        // An address with a port is a client of the program that writes the line.
        && (!host.contains(':') || host.parse::<std::net::SocketAddr>().is_err());
    named.then_some((host, rest))
}

/// Tells whether a word is a level: then the line is a program's own, and no host is named.
fn is_level(word: &str) -> bool {
    const LEVELS: [&str; 12] = [
        "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "ERR", "FATAL", "CRITICAL",
        "SEVERE", "ALERT",
    ];
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
}
