//! PostgreSQL: log-ins, refusals and statements, whatever prefix its lines are given.
//!
//! ```text
//! 2026-11-21 06:58:00.123 UTC [4242] ann@shop FATAL:  password authentication failed for user "ann"
//! 2026-11-21 06:58:00 UTC:203.0.113.9(51514):ann@shop:[4242]:LOG:  statement: COPY x FROM PROGRAM 'id'
//! 203.0.113.9 2026-11-21 06:58:00.123 UTC [4242] LOG:  connection authorized: user=ann database=shop
//! ```

use std::net::IpAddr;

use model::{Event, Field};

use super::shared::{Meaning, address, source};
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "postgresql",
    summary: "PostgreSQL server log",
    programs: &["postgres", "postgresql"],
    recognises: |text| {
        text.starts_with(|first: char| first.is_ascii_hexdigit() || first == '[')
            && level(text).is_some()
    },
    parse,
};

/// How far into a line its level is looked for.
const HEAD_BYTES_MAX: usize = 320;

const LEVELS: [&str; 15] = [
    "CONTEXT",
    "DEBUG1",
    "DEBUG2",
    "DEBUG3",
    "DEBUG4",
    "DEBUG5",
    "DETAIL",
    "ERROR",
    "FATAL",
    "HINT",
    "LOG",
    "NOTICE",
    "PANIC",
    "STATEMENT",
    "WARNING",
];

/// Gives what stands before the level, the level, and what is said.
fn level(text: &str) -> Option<(&str, &str, &str)> {
    let head = text.get(..text.floor_char_boundary(HEAD_BYTES_MAX))?;
    head.match_indices(":  ").find_map(|(at, _)| {
        let before = head.get(..at)?;
        let level = before.rsplit([' ', ':', ']', '[', '>']).next()?;
        LEVELS.contains(&level).then_some(())?;
        Some((before.get(..before.len() - level.len())?, level, text.get(at + 3..)?))
    })
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let (prefix, level, said) = level(text).ok_or(ParseError::Missing("level"))?;
    read_prefix(prefix, event, context);
    event.set(Field::LogLevel, level);
    event.set(Field::Message, said);
    read(level, said, event);
    Ok(())
}

/// Reads the time, the process, `user@database` and the address, in whatever order they stand. A
/// client chooses the user's name: where that makes a second address, none is believed.
fn read_prefix(prefix: &str, event: &mut Event, context: &Context<'_>) {
    let mut found: Option<IpAddr> = None;
    let mut doubtful = false;
    let mut is_dated = false;
    let mut rest = prefix.trim_start_matches('[');
    while !rest.is_empty() {
        if !is_dated && let Some((time, after)) = moment::leading(rest, context) {
            event.time = time;
            is_dated = true;
            rest = after;
            continue;
        }
        // In `UTC:203.0.113.9(51514):ann@shop:[4242]:` colons part the words.
        let end = rest.find([' ', '\t', ',']).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after.trim_start_matches([' ', '\t', ',', '[']);
        let pieces: &mut dyn Iterator<Item = &str> = match address(word) {
            Some(_) => &mut std::iter::once(word),
            None => &mut word.split(':'),
        };
        for piece in pieces {
            let bare = piece.split('(').next().unwrap_or_default();
            if let Some(ip) = address(bare) {
                doubtful |= found.is_some_and(|known| known != ip);
                found = Some(ip);
            } else if let Some((user, database)) = piece.split_once('@') {
                if !user.is_empty() && user.trim_end_matches(']') != "unknown" {
                    event.set(Field::UserName, user);
                }
                if !database.is_empty() && database != "[unknown]" {
                    event.set_extra("database.name", database);
                }
            } else if let Ok(pid) = piece.trim_matches(['[', ']']).parse::<u32>() {
                event.set(Field::ProcessPid, pid);
            }
        }
    }
    if let Some(ip) = found.filter(|_| !doubtful) {
        event.set(Field::SourceIp, ip);
    }
}

const FAILED: Meaning = Meaning {
    action: "database_login",
    category: "authentication",
    kind: "start",
    outcome: "failure",
};
const QUERIED: Meaning =
    Meaning { action: "database_query", category: "database", kind: "access", outcome: "" };

fn read(level: &str, said: &str, event: &mut Event) {
    if level == "FATAL" {
        return refused(said, event);
    }
    if level == "STATEMENT" {
        Meaning { outcome: "failure", ..QUERIED }.write(event);
        return event.set_extra("database.statement", said);
    }
    if level != "LOG" {
        return;
    }
    if let Some(pairs) = said.strip_prefix("connection received: ") {
        Meaning { action: "database_connected", category: "network", kind: "start", outcome: "" }
            .write(event);
        for (name, value) in super::shared::pairs(pairs) {
            match (name, value.parse::<u16>()) {
                ("host", _) => source(event, value),
                ("port", Ok(port)) => event.set(Field::SourcePort, port),
                _ => {}
            }
        }
    } else if let Some(pairs) = said
        .strip_prefix("connection authorized: ")
        .or_else(|| said.strip_prefix("replication connection authorized: "))
    {
        Meaning { outcome: "success", ..FAILED }.write(event);
        for (name, value) in super::shared::pairs(pairs) {
            match name {
                "user" => event.set(Field::UserName, value),
                "database" => event.set_extra("database.name", value),
                // What follows is the client's own word.
                _ => break,
            }
        }
    } else if said.starts_with("disconnection: ") {
        Meaning { action: "database_disconnected", category: "network", kind: "end", outcome: "" }
            .write(event);
    } else if let Some(statement) = statement(said) {
        QUERIED.write(event);
        event.set_extra("database.statement", statement);
    }
}

/// Gives the statement of `statement: …`, `execute <unnamed>: …` and
/// `duration: 1.2 ms  statement: …`.
fn statement(said: &str) -> Option<&str> {
    let said = match said.strip_prefix("duration: ") {
        Some(rest) => rest.split_once(" ms  ")?.1,
        None => said,
    };
    if let Some(rest) = said.strip_prefix("AUDIT: ") {
        return Some(rest);
    }
    said.strip_prefix("statement: ")
        .or_else(|| said.strip_prefix("execute ")?.split_once(": ").map(|(_, statement)| statement))
}

/// Reads why a client was sent away.
fn refused(said: &str, event: &mut Event) {
    let quoted = |text: &str| -> Option<String> {
        let (_, rest) = text.split_once(" user \"")?;
        let name = rest.split_once("\", database").map_or(rest, |(name, _)| name);
        Some(name.rsplit_once('"').map_or(name, |(name, _)| name).to_owned())
    };
    if said.contains(" authentication failed for user \"") {
        FAILED.write(event);
        if let Some(user) = quoted(said) {
            event.set(Field::UserName, user.as_str());
        }
    } else if let Some(rest) = said.strip_prefix("role \"")
        && let Some((user, _)) = rest.rsplit_once("\" does not exist")
    {
        FAILED.write(event);
        event.set(Field::UserName, user);
        event.set(Field::EventReason, "invalid user");
    } else if said.starts_with("no pg_hba.conf entry for ")
        || said.starts_with("pg_hba.conf rejects connection for ")
    {
        FAILED.write(event);
        event.set(Field::EventReason, "not allowed by pg_hba.conf");
        let host = said.split_once("host \"").and_then(|(_, rest)| rest.split('"').next());
        if let Some(host) = host {
            source(event, host);
        }
        if let Some((_, rest)) = said.split_once(", user \"") {
            let user = rest.split_once("\", database").map_or(rest, |(name, _)| name);
            event.set(Field::UserName, user);
        }
    } else if said.contains("too many clients already")
        || said.contains("remaining connection slots")
    {
        Meaning {
            action: "database_full",
            category: "database",
            kind: "error",
            outcome: "failure",
        }
        .write(event);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn failed_login() {
        check(
            "2026-11-21 06:58:00.123 UTC [4242] 203.0.113.9 ann@shop FATAL:  password authentication failed for user \"ann\"",
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.action = database_login
                event.category = authentication
                event.outcome = failure
                event.type = start
                log.level = FATAL
                message = password authentication failed for user "ann"
                process.pid = 4242
                source.ip = 203.0.113.9
                user.name = ann
                database.name = shop
            "#]],
        );
        check(
            "2026-11-21 06:58:00.123 UTC:203.0.113.9(51514):ann@shop:[4242]:FATAL:  password authentication failed for user \"ann\"",
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.action = database_login
                event.category = authentication
                event.outcome = failure
                event.type = start
                log.level = FATAL
                message = password authentication failed for user "ann"
                process.pid = 4242
                source.ip = 203.0.113.9
                user.name = ann
                database.name = shop
            "#]],
        );
    }

    #[test]
    fn user_name_that_imitates_an_address() {
        check(
            "2026-11-21 06:58:00.123 UTC [4242] 203.0.113.9 x 10.0.0.1 y@shop FATAL:  role \"x 10.0.0.1 y\" does not exist",
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.action = database_login
                event.category = authentication
                event.outcome = failure
                event.reason = invalid user
                event.type = start
                log.level = FATAL
                message = role "x 10.0.0.1 y" does not exist
                process.pid = 4242
                user.name = x 10.0.0.1 y
                database.name = shop
            "#]],
        );
    }

    #[test]
    fn statements() {
        check(
            "2026-11-21 06:58:00.123 UTC [4242] ann@shop LOG:  duration: 1.234 ms  statement: COPY t FROM PROGRAM 'id'",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.action = database_query
                event.category = database
                event.type = access
                log.level = LOG
                message = duration: 1.234 ms  statement: COPY t FROM PROGRAM 'id'
                process.pid = 4242
                user.name = ann
                database.name = shop
                database.statement = COPY t FROM PROGRAM 'id'
            "]],
        );
    }

    #[test]
    fn other_lines() {
        assert!(level("2026-11-21 the LOG: one space").is_none());
        testing::check(
            &FORMAT,
            "2026-11-21 06:58:00 hello:  you",
            expect![[r#"Missing("level")"#]],
        );
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!((FORMAT.recognises)(text));
        testing::check(&FORMAT, text, expect);
    }
}
