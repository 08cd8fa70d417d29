//! Redis and Valkey: the server's log, and what `MONITOR` tells of commands.
//!
//! ```text
//! 4242:M 21 Nov 2026 06:58:00.123 * Module 'system' loaded from ./module.so
//! 4242:S 21 Nov 2026 06:58:00.123 * REPLICAOF 203.0.113.9:21000 enabled (user request from 'id=5 addr=203.0.113.9:51514 … user=default')
//! 1795244280.107412 [0 203.0.113.9:60866] "config" "set" "dir" "/var/spool/cron"
//! ```

use model::{Event, Field};

use super::shared::{Meaning, address_port};
use crate::{Context, Format, ParseError, epoch, moment};

pub(crate) const FORMAT: Format = Format {
    id: "redis",
    summary: "Redis and Valkey: log and MONITOR",
    programs: &["redis", "redis-server", "valkey-server"],
    recognises: |text| {
        text.starts_with(|first: char| first.is_ascii_digit())
            && (server(text).is_some() || monitored(text).is_some())
    },
    parse,
};

/// How far into a line its head is looked for.
const HEAD_BYTES_MAX: usize = 64;

/// What is said: how it begins, the action, the category and the type.
const LINES: &[(&str, &str, &str, &str)] = &[
    (
        "Possible SECURITY ATTACK detected",
        "database_protocol_abuse",
        "intrusion_detection",
        "denied",
    ),
    ("Module '", "database_module_loaded", "driver", "start"),
    ("REPLICAOF ", "database_replication_changed", "configuration", "change"),
    ("SLAVEOF ", "database_replication_changed", "configuration", "change"),
    ("Failed opening the RDB file ", "database_save_failed", "file", "error"),
    ("Failed opening the temp RDB file ", "database_save_failed", "file", "error"),
    ("Failed opening .rdb for saving", "database_save_failed", "file", "error"),
    ("User requested shutdown", "database_stopped", "process", "end"),
    ("Ready to accept connections", "database_started", "process", "start"),
];

/// Splits `4242:M 21 Nov 2026 06:58:00.123 * ` off: the process, the time, the level and the rest.
fn server(text: &str) -> Option<(&str, &str, &str, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (pid, rest) = text.split_at_checked(digits)?;
    let rest = rest.strip_prefix(':')?;
    let rest = rest.strip_prefix(['M', 'S', 'C', 'X', 'R'])?.strip_prefix(' ')?;
    let head = rest.get(..rest.floor_char_boundary(HEAD_BYTES_MAX))?;
    let at = [" * ", " # ", " - ", " . "].iter().filter_map(|mark| head.find(mark)).min()?;
    Some((pid, rest.get(..at)?, rest.get(at + 1..at + 2)?, rest.get(at + 3..)?))
}

/// Splits `1795244280.107412 [0 203.0.113.9:60866] ` off: the time, the client and the command.
fn monitored(text: &str) -> Option<(&str, &str, &str)> {
    let (time, rest) = text.split_once(" [")?;
    let (whom, command) = rest.split_once("] \"")?;
    let (database, client) = whom.split_once(' ')?;
    (time.len() == 17 && database.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    Some((time, client, rest.get(rest.len() - command.len() - 1..)?))
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    if let Some((time, client, command)) = monitored(text) {
        event.time = epoch::text(time).ok_or(ParseError::Invalid("time"))?;
        Meaning { action: "database_query", category: "database", kind: "access", outcome: "" }
            .write(event);
        peer(client, event);
        event.set_extra_made("database.statement", |out| {
            // The words stand in quotes, and the escapes within them matter to nobody here.
            for (place, word) in command.trim_matches('"').split("\" \"").enumerate() {
                if place > 0 {
                    out.push(' ');
                }
                out.push_str(word);
            }
        });
        return Ok(());
    }
    let said = match server(text) {
        Some((pid, time, level, said)) => {
            event.set(Field::ProcessPid, pid);
            if let Some((time, _)) = day_first(time).and_then(|time| {
                let (time, rest) = moment::leading(&time, context)?;
                Some((time, rest.len()))
            }) {
                event.time = time;
            }
            let level = match level {
                "#" => "warning",
                "*" => "notice",
                "-" => "verbose",
                _ => "debug",
            };
            event.set(Field::LogLevel, level);
            said
        }
        None if context.tag.is_empty() => return Err(ParseError::Missing("process")),
        None => text,
    };
    event.set(Field::Message, said);
    let row = LINES.iter().find(|row| said.starts_with(row.0));
    let (action, category, kind) =
        row.map_or(("database_message", "database", "info"), |row| (row.1, row.2, row.3));
    Meaning { action, category, kind, outcome: "" }.write(event);
    match action {
        "database_module_loaded" => {
            if let Some((_, path)) = said.split_once("' loaded from ") {
                event.set(Field::FilePath, path);
            }
        }
        "database_replication_changed" => {
            let (master, rest) = said.split_once(" enabled").unwrap_or((said, ""));
            let master = master.split_once(' ').map_or(master, |(_, master)| master);
            if let Some((ip, port)) = address_port(master) {
                event.set(Field::DestinationIp, ip);
                if let Some(port) = port {
                    event.set(Field::DestinationPort, port);
                }
            }
            let client = rest.split_once(" addr=").and_then(|(_, rest)| rest.split(' ').next());
            peer(client.unwrap_or_default(), event);
        }
        "database_protocol_abuse" => {
            let client = said.rsplit_once("Connection from ");
            let client = client.and_then(|(_, rest)| rest.split(' ').next());
            peer(client.unwrap_or_default(), event);
        }
        _ => {}
    }
    Ok(())
}

/// Gives `2026-11-21 06:58:00.123` of `21 Nov 2026 06:58:00.123`.
fn day_first(text: &str) -> Option<String> {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    Some(format!("{month} {day:>2} {year} {time}"))
}

fn peer(text: &str, event: &mut Event) {
    if let Some((ip, port)) = address_port(text) {
        event.set(Field::SourceIp, ip);
        if let Some(port) = port {
            event.set(Field::SourcePort, port);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn replication() {
        check(
            "4242:S 21 Nov 2026 06:58:00.123 * REPLICAOF 203.0.113.9:21000 enabled (user request from 'id=5 addr=198.51.100.7:51514 laddr=192.0.2.1:6379 fd=8 name= cmd=slaveof user=default')",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                destination.ip = 203.0.113.9
                destination.port = 21000
                event.action = database_replication_changed
                event.category = configuration
                event.type = change
                log.level = notice
                message = REPLICAOF 203.0.113.9:21000 enabled (user request from 'id=5 addr=198.51.100.7:51514 laddr=192.0.2.1:6379 fd=8 name= cmd=slaveof user=default')
                process.pid = 4242
                source.ip = 198.51.100.7
                source.port = 51514
            "]],
        );
    }

    #[test]
    fn module() {
        check(
            "4242:M 21 Nov 2026 06:58:00.123 * Module 'system' loaded from ./module.so",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.action = database_module_loaded
                event.category = driver
                event.type = start
                file.path = ./module.so
                log.level = notice
                message = Module 'system' loaded from ./module.so
                process.pid = 4242
            "]],
        );
    }

    #[test]
    fn command() {
        check(
            r#"1795244280.107412 [0 203.0.113.9:60866] "config" "set" "dir" "/var/spool/cron""#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.107412Z
                event.action = database_query
                event.category = database
                event.type = access
                source.ip = 203.0.113.9
                source.port = 60866
                database.statement = config set dir /var/spool/cron
            "]],
        );
    }

    #[test]
    fn other_lines() {
        assert!(!(FORMAT.recognises)("12:M hello"));
        assert!(!(FORMAT.recognises)("1795244280.107412 [0 x] hello"));
        testing::check(&FORMAT, "hello", expect![[r#"Missing("process")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!((FORMAT.recognises)(text));
        testing::check(&FORMAT, text, expect);
    }
}
