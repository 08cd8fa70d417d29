//! MySQL and MariaDB: the error log, and the general log of statements.
//!
//! ```text
//! 2026-11-21T06:58:00.861934Z 344 [Note] [MY-010926] [Server] Access denied for user 'root'@'203.0.113.9' (using password: YES)
//! 2026-11-21  6:58:00 8 [Warning] Access denied for user 'ann'@'203.0.113.9' (using password: NO)
//! 2026-11-21T06:58:00.116872Z     14 Connect  root@203.0.113.9 on shop using TCP/IP
//! 2026-11-21T06:58:00.116872Z     14 Query  GRANT ALL ON *.* TO 'bob'@'%'
//! ```

use model::{Event, Field};

use super::shared::{Meaning, source};
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "mysql",
    summary: "MySQL and MariaDB: error log and general log",
    programs: &["mariadb", "mariadbd", "mysql", "mysqld"],
    recognises,
    parse,
};

/// How far into a line its thread and level are looked for.
const HEAD_BYTES_MAX: usize = 80;

const LEVELS: [&str; 5] = ["[Note]", "[Warning]", "[ERROR]", "[System]", "[Error]"];
const COMMANDS: [&str; 8] =
    ["Connect", "Query", "Quit", "Execute", "Prepare", "Init DB", "Change user", "Close stmt"];

fn recognises(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit() || first == '\t')
        && text.get(..text.floor_char_boundary(HEAD_BYTES_MAX)).is_some_and(|head| {
            LEVELS.iter().any(|level| head.contains(level))
                || COMMANDS.iter().take(3).any(|command| {
                    head.split_once(command).is_some_and(|(before, after)| {
                        (after.starts_with('\t') || after.starts_with("  "))
                            && ends_with_thread(before)
                    })
                })
        })
}

/// Tells whether a text ends with the number of a thread and a space.
fn ends_with_thread(text: &str) -> bool {
    text.strip_suffix(' ').is_some_and(|rest| {
        rest.ends_with(|last: char| last.is_ascii_digit()) && rest.contains([' ', '\t'])
    })
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let rest = dated(text, event, context).trim_start();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (thread, rest) = rest.split_at_checked(digits).ok_or(ParseError::Missing("thread"))?;
    if let Ok(thread) = thread.parse::<u32>() {
        event.set(Field::ProcessThreadId, thread);
    }
    let rest = rest.trim_start();
    if rest.starts_with('[') {
        return server(rest, event);
    }
    let command = COMMANDS
        .iter()
        .find(|command| rest.starts_with(**command))
        .filter(|_| !thread.is_empty())
        .ok_or(ParseError::Missing("command"))?;
    let said = rest.get(command.len()..).unwrap_or_default();
    if !said.is_empty() && !said.starts_with(['\t', ' ']) {
        return Err(ParseError::Invalid("command"));
    }
    statement(command, said.trim(), event);
    Ok(())
}

/// Reads the time and gives what follows it. MariaDB pads an hour of one figure with a space
/// (`2026-11-21  6:58:00`).
fn dated<'t>(text: &'t str, event: &mut Event, context: &Context<'_>) -> &'t str {
    if let Some((date, rest)) = text.split_once("  ").filter(|(date, _)| date.len() <= 10)
        && let Some((clock, rest)) = rest.split_once([' ', '\t'])
        && let Some((time, "")) = moment::leading(&format!("{date} 0{clock}"), context)
    {
        event.time = time;
        return rest;
    }
    match moment::leading(text, context) {
        Some((time, rest)) => {
            event.time = time;
            rest
        }
        None => text,
    }
}

/// Reads `[Note] [MY-010926] [Server] Access denied …`.
fn server(text: &str, event: &mut Event) -> Result<(), ParseError> {
    let mut rest = text;
    for place in 0..3 {
        let Some((word, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        else {
            break;
        };
        match place {
            0 if !LEVELS.iter().any(|level| level.trim_matches(['[', ']']) == word) => {
                return Err(ParseError::Invalid("level"));
            }
            0 => event.set(Field::LogLevel, word),
            _ if word.starts_with("MY-") => event.set(Field::EventCode, word),
            _ => event.set(Field::LogLogger, word),
        }
        rest = after.trim_start();
    }
    event.set(Field::Message, rest);
    told(rest, event);
    Ok(())
}

fn statement(command: &str, said: &str, event: &mut Event) {
    if said.starts_with("Access denied for user") {
        event.set(Field::Message, said);
        return told(said, event);
    }
    let action = match command {
        "Connect" | "Change user" => "database_connected",
        "Quit" => "database_disconnected",
        _ => "database_query",
    };
    let kind = match action {
        "database_connected" => "start",
        "database_disconnected" => "end",
        _ => "access",
    };
    Meaning { action, category: "database", kind, outcome: "" }.write(event);
    if action == "database_query" {
        event.set_extra("database.statement", said);
        return;
    }
    // `root@203.0.113.9 on shop using TCP/IP`
    let (who, rest) = said.split_once(" on ").unwrap_or((said, ""));
    if let Some((user, host)) = who.rsplit_once('@') {
        event.set(Field::UserName, user);
        source(event, host);
    }
    let database = rest.split(" using ").next().unwrap_or_default().trim();
    if !database.is_empty() {
        event.set_extra("database.name", database);
    }
}

fn told(said: &str, event: &mut Event) {
    if let Some(rest) = said.strip_prefix("Access denied for user '") {
        Meaning {
            action: "database_login",
            category: "authentication",
            kind: "start",
            outcome: "failure",
        }
        .write(event);
        // Behind the last `'@'` the server speaks; before it stands what the client called itself.
        if let Some((user, rest)) = rest.rsplit_once("'@'") {
            if !user.is_empty() {
                event.set(Field::UserName, user);
            }
            let (host, why) = rest.split_once('\'').unwrap_or((rest, ""));
            source(event, host);
            event.set(Field::EventReason, why.trim_matches([' ', '(', ')']));
        }
    } else if said.contains("is blocked because of many connection errors") {
        Meaning {
            action: "database_host_blocked",
            category: "network",
            kind: "denied",
            outcome: "",
        }
        .write(event);
        if let Some(host) = said.strip_prefix("Host '").and_then(|rest| rest.split('\'').next()) {
            source(event, host);
        }
    } else if said.starts_with("Aborted connection ") {
        Meaning { action: "database_aborted", category: "database", kind: "end", outcome: "" }
            .write(event);
        for (name, field) in [("user: '", Field::UserName), ("host: '", Field::SourceAddress)] {
            let value = said.rsplit_once(name).and_then(|(_, rest)| rest.split('\'').next());
            match (value, field) {
                (Some(host), Field::SourceAddress) => source(event, host),
                (Some(user), field) => event.set(field, user),
                _ => {}
            }
        }
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
            "2026-11-21T06:58:00.861934Z 344 [Note] [MY-010926] [Server] Access denied for user 'root'@'203.0.113.9' (using password: YES)",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.861934Z
                event.action = database_login
                event.category = authentication
                event.code = MY-010926
                event.outcome = failure
                event.reason = using password: YES
                event.type = start
                log.level = Note
                log.logger = Server
                message = Access denied for user 'root'@'203.0.113.9' (using password: YES)
                process.thread.id = 344
                source.ip = 203.0.113.9
                user.name = root
            "]],
        );
    }

    #[test]
    fn user_name_that_imitates_the_host() {
        check(
            "2026-11-21  6:58:00 8 [Warning] Access denied for user 'x'@'10.0.0.1'@'203.0.113.9' (using password: NO)",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.action = database_login
                event.category = authentication
                event.outcome = failure
                event.reason = using password: NO
                event.type = start
                log.level = Warning
                message = Access denied for user 'x'@'10.0.0.1'@'203.0.113.9' (using password: NO)
                process.thread.id = 8
                source.ip = 203.0.113.9
                user.name = x'@'10.0.0.1
            "]],
        );
    }

    #[test]
    fn statements() {
        check(
            "2026-11-21T06:58:00.116872Z\t   14 Query\tGRANT ALL ON *.* TO 'bob'@'%'",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.116872Z
                event.action = database_query
                event.category = database
                event.type = access
                process.thread.id = 14
                database.statement = GRANT ALL ON *.* TO 'bob'@'%'
            "]],
        );
        check(
            "2026-11-21T06:58:00.116872Z\t   14 Connect\troot@203.0.113.9 on shop using TCP/IP",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.116872Z
                event.action = database_connected
                event.category = database
                event.type = start
                process.thread.id = 14
                source.ip = 203.0.113.9
                user.name = root
                database.name = shop
            "]],
        );
    }

    #[test]
    fn other_lines() {
        assert!(!recognises("2026-11-21 06:58:00 worker 14 Query the customer"));
        assert!(!recognises("2026-11-21 06:58:00 Connect"));
        testing::check(&FORMAT, "2026-11-21 06:58:00 8 hello", expect![[r#"Missing("command")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
