//! What ModSecurity and Coraza write into the error logs of nginx and Apache: the rule that matched.
//!
//! ```text
//! ModSecurity: Warning. … [file "x.conf"] [id "942100"] [msg "SQL Injection"] [uri "/a"] …
//! ```

use model::{Event, Field};

use crate::{quoted, web};

/// How many tags of one message are read.
const TAGS_MAX: usize = 64;

/// Reads the message's `[name "value"]` tags, if it is one of ModSecurity's or Coraza's; the client
/// may stand before it, with or without quotes.
pub(crate) fn read(message: &str, event: &mut Event) {
    let client = message.strip_prefix("[client ").and_then(|rest| rest.split_once("] "));
    let said = client.map_or(message, |(_, said)| said);
    let product = ["ModSecurity", "Coraza"]
        .into_iter()
        .find(|product| said.strip_prefix(product).is_some_and(|rest| rest.starts_with(": ")));
    let Some(product) = product else { return };
    event.set(Field::EventKind, "alert");
    event.set(Field::EventCategory, "intrusion_detection");
    event.set(Field::ObserverProduct, product);
    if let Some((client, _)) = client {
        event.set(Field::SourceIp, client.trim_matches('"'));
    }
    let status = said
        .split_once("Access denied with code ")
        .and_then(|(_, rest)| rest.get(..3)?.parse().ok());
    if let Some(status) = status {
        web::status(event, status);
    }
    let mut rest = message;
    for _ in 0..TAGS_MAX {
        let Some((name, value, after)) = tag(rest) else { break };
        rest = after;
        match name {
            "id" => event.set(Field::RuleId, value),
            "msg" => quoted::set(event, Field::RuleName, value),
            "severity" => event.set(Field::LogLevel, value),
            "hostname" => quoted::set(event, Field::UrlDomain, value),
            "uri" => quoted::set(event, Field::UrlPath, value),
            "unique_id" => event.set(Field::RequestId, value),
            "tag" => event.push(Field::Tags, value),
            _ => quoted::set_extra(event, &format!("modsecurity.{name}"), value),
        }
    }
}

/// Finds the next `[name "value"]`, past brackets of the message itself.
fn tag(text: &str) -> Option<(&str, &str, &str)> {
    let mut rest = text;
    for _ in 0..TAGS_MAX {
        (_, rest) = rest.split_once(" [")?;
        let length =
            rest.bytes().take_while(|byte| byte.is_ascii_lowercase() || *byte == b'_').count();
        let (name, value) = rest.split_at_checked(length)?;
        if let Some((value, after)) = value.strip_prefix(" \"").and_then(quoted::closing)
            && after.starts_with(']')
        {
            return Some((name, value, after));
        }
    }
    None
}
