//! What Traefik writes behind the answer's size.
//!
//! ```text
//! "https://www.example.org/" "Mozilla/5.0" 49 "web@docker" "http://192.0.2.10:80" 12ms
//! ```
//!
//! It writes the client's words as they came, quotes among them. Its own words come last, so the line is
//! read from its end.

use model::{Event, Field};

const NANOS_A_MILLI: i64 = 1_000_000;

/// Traefik's words.
pub(super) struct Words<'t> {
    referrer: &'t str,
    agent: &'t str,
    router: &'t str,
    server: &'t str,
    millis: i64,
}

impl Words<'_> {
    /// Writes them into the event.
    pub(super) fn write(&self, event: &mut Event) {
        let there = |said: &&str| !matches!(*said, "" | "-");
        let client =
            [(Field::RequestReferrer, self.referrer), (Field::UserAgentOriginal, self.agent)];
        for (field, said) in client {
            if let Some(said) = Some(said).filter(there) {
                event.set(field, said);
            }
        }
        let own = [
            ("traefik.access.router_name", self.router),
            ("traefik.access.server_url", self.server),
        ];
        for (name, said) in own {
            if let Some(said) = Some(said).filter(there) {
                event.set_extra(name, said);
            }
        }
        event.set(Field::EventDuration, self.millis.saturating_mul(NANOS_A_MILLI));
    }
}

/// Reads the words, if they are Traefik's.
pub(super) fn words(text: &str) -> Option<Words<'_>> {
    let (rest, taken) = text.strip_suffix("ms")?.rsplit_once(' ')?;
    let millis = taken.parse().ok().filter(|millis| *millis >= 0)?;
    let (rest, server) = last(rest)?;
    let (rest, router) = last(rest)?;
    let (rest, count) = rest.rsplit_once(' ')?;
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let said = rest.trim_start_matches(' ').strip_prefix('"')?.strip_suffix('"')?;
    let (referrer, agent) = said.split_once("\" \"")?;
    Some(Words { referrer, agent, router, server, millis })
}

/// Takes the last word off, which is quoted or a dash.
fn last(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_suffix(" -") {
        return Some((rest, "-"));
    }
    text.strip_suffix('"')?.rsplit_once(" \"")
}
