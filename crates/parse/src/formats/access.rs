//! Access logs of web servers: who asked for what, and what they got.
//!
//! The common log format of NCSA httpd, Apache's combined one, that with the virtual host before it,
//! and nginx's, which is the combined one; many servers and proxies write the same.
//!
//! ```text
//! 203.0.113.9 - ann [21/Nov/2026:06:58:00 +0000] "GET /a?b=c HTTP/1.1" 200 512 "-" "curl/8.5.0"
//! example.org:443 203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET / HTTP/1.1" 200 512 "-" "-"
//! ```
//!
//! What follows the user agent is Traefik's, or of the administrator's own making: `name=value` is kept
//! under its name, the rest in `access.extra`.

mod traefik;

use model::{Event, Field, Timestamp, Value};

use super::shared;
use crate::web::{self, Escapes};
use crate::{Context, Format, ParseError, moment, quoted};

pub(crate) const FORMAT: Format = Format {
    id: "access",
    summary: "web access logs: nginx, Apache (common, combined, with virtual host), Traefik",
    programs: &[],
    recognises,
    parse,
};

/// The same where the client's address begins the line, or the server's name and it.
pub(crate) const ANCHORED: Format = Format {
    recognises: |text| {
        let mut words = text.splitn(3, ' ').take(2);
        let client = |word: &str| shared::address(word.trim_end_matches(',')).is_some();
        words.any(client) && recognises(text)
    },
    ..FORMAT
};

/// How far into the text the time is looked for; user names stand before it.
const TIME_BYTES_MAX: usize = 1_024;
/// How many quotes may stand before the request's: an empty user name is written as `""`.
const QUOTES_BEFORE_MAX: usize = 5;
/// How many digits a size has at most; all of them fit the number.
const NUMBER_DIGITS_MAX: usize = 18;
/// How many words after the user agent are kept.
const EXTRAS_MAX: usize = 32;

fn recognises(text: &str) -> bool {
    let mut brackets =
        memchr::memchr_iter(b'[', text.as_bytes()).take_while(|at| *at < TIME_BYTES_MAX);
    brackets.any(|at| {
        let time = text.as_bytes().get(at + 1..).unwrap_or_default();
        matches!(
            time,
            [b'0'..=b'9', b'0'..=b'9', b'/', b'A'..=b'Z', b'a'..=b'z', b'a'..=b'z', b'/', ..]
        )
    })
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let (who, time, rest) = head(text, context).ok_or(ParseError::Missing("time and request"))?;
    let (request, rest) =
        web::closing(rest, status_follows).ok_or(ParseError::Missing("request"))?;
    let (status, rest) = word(rest).ok_or(ParseError::Missing("status"))?;
    if status != "-" && !(status.len() == 3 && is_number(status)) {
        return Err(ParseError::Invalid("status"));
    }

    client(who, event)?;
    event.time = time;
    event.set(Field::EventCategory, "web");
    event.set(Field::EventType, "access");
    let after = match word(rest) {
        Some((bytes, after)) if is_number(bytes) || bytes == "-" => after,
        _ => rest,
    };
    let traefik = traefik::words(after);
    let escapes = if traefik.is_some() { Escapes::Unknown } else { Escapes::Undone };
    web::request(event, request, escapes);
    if let Ok(status) = status.parse() {
        web::status(event, status);
    }
    if let Some((bytes, _)) = word(rest).filter(|(bytes, _)| is_number(bytes)) {
        event.set(Field::ResponseBodyBytes, bytes);
    }
    match traefik {
        Some(words) => words.write(event),
        None => extras(after, event),
    }
    Ok(())
}

/// Tells whether a status and a size stand at the beginning.
fn status_follows(text: &str) -> bool {
    let size = |size: &str| size == "-" || is_number(size);
    word(text).is_some_and(|(status, rest)| {
        status.len() == 3 && is_number(status) && word(rest).is_some_and(|(bytes, _)| size(bytes))
    })
}

/// Splits the line at its request: what stands before the time, the time, and what follows the
/// request's opening quote.
fn head<'t>(text: &'t str, context: &Context<'_>) -> Option<(&'t str, Timestamp, &'t str)> {
    let mut at = 0;
    for _ in 0..QUOTES_BEFORE_MAX {
        // Servers escape quotes in user names; what is escaped is passed over.
        let (before, rest) = quoted::closing(text.get(at..)?)?;
        at += before.len() + 1;
        let time = text.get(..at - 1)?.trim_end_matches(' ').strip_suffix(']');
        if let Some((who, time)) = time.and_then(|head| head.rsplit_once('['))
            && let Some((time, "")) = moment::leading(time, context)
        {
            return Some((who.trim_end_matches(' '), time, rest));
        }
    }
    None
}

/// Reads `203.0.113.9 - ann` or `example.org:443 203.0.113.9 - ann`. A user name may hold spaces.
fn client(text: &str, event: &mut Event) -> Result<(), ParseError> {
    const MISSING: ParseError = ParseError::Missing("client");
    let (first, rest) = word(text).ok_or(MISSING)?;
    let (second, after) = word(rest).ok_or(MISSING)?;
    let (client, rest) = if is_virtual_host(first, second) {
        web::host(event, first);
        (second, after)
    } else {
        (first, rest)
    };
    let (ident, user) = word(rest).ok_or(MISSING)?;
    match shared::address_port(client.trim_end_matches(',')) {
        Some((ip, port)) => {
            event.set(Field::SourceIp, ip);
            if let Some(port) = port {
                event.set(Field::SourcePort, port);
            }
        }
        None if client == "-" => {}
        None => shared::source(event, client),
    }
    if ident != "-" {
        quoted::set_extra(event, "access.ident", ident);
    }
    let user = user.trim_start_matches(' ');
    let user = user.strip_prefix('"').and_then(|user| user.strip_suffix('"')).unwrap_or(user);
    if !matches!(user, "" | "-") {
        quoted::set(event, Field::UserName, user);
    }
    Ok(())
}

/// Tells the server's own name from the client: the client follows, or a port belongs to the name.
fn is_virtual_host(first: &str, second: &str) -> bool {
    let port = first.rsplit_once(':').filter(|(name, _)| shared::address(name).is_none());
    shared::address(second).is_some()
        || (second != "-"
            && port.is_some_and(|(name, port)| !name.contains(':') && port.parse::<u16>().is_ok()))
}

/// Reads what follows the size.
fn extras(text: &str, event: &mut Event) {
    let mut rest = text;
    let mut quoted_words = 0;
    let mut kept = Vec::new();
    for _ in 0..EXTRAS_MAX {
        rest = rest.trim_start_matches(' ');
        if let Some((inner, after)) = rest.strip_prefix('"').and_then(quoted::closing) {
            rest = after;
            quoted_words += 1;
            match quoted_words {
                _ if matches!(inner, "" | "-") => {}
                1 => quoted::set(event, Field::RequestReferrer, inner),
                2 => quoted::set(event, Field::UserAgentOriginal, inner),
                _ => kept.push(inner),
            }
        } else if let Some(after) = named(rest, event) {
            rest = after;
        } else if let Some((next, after)) = word(rest) {
            rest = after;
            kept.extend(Some(next).filter(|next| *next != "-"));
        }
    }
    kept.extend(Some(rest.trim_start_matches(' ')).filter(|rest| !rest.is_empty()));
    event.set_path_list("access.extra", kept.into_iter().map(Value::Text));
}

/// Reads `rt=0.005` or `ua="a b"` at the beginning of a text; gives what follows.
fn named<'t>(text: &'t str, event: &mut Event) -> Option<&'t str> {
    let (name, value) = text.split_once('=')?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if name.is_empty() || !plain {
        return None;
    }
    let whole = value.strip_prefix('"').and_then(quoted::closing);
    let (value, after) = whole.unwrap_or(value.split_once(' ').unwrap_or((value, "")));
    if !matches!(value, "" | "-") {
        quoted::set_extra(event, &format!("access.{name}"), value);
    }
    Some(after)
}

fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(' ');
    (!text.is_empty()).then(|| text.split_once(' ').unwrap_or((text, "")))
}

fn is_number(text: &str) -> bool {
    text.len() <= NUMBER_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
