//! MariaDB's audit plugin: who connected, what was asked, and whether it worked.
//!
//! ```text
//! 20261121 06:58:00,db1,root,203.0.113.9,14,0,FAILED_CONNECT,,,1045
//! 20261121 06:58:00,db1,ann,203.0.113.9,15,77,QUERY,shop,'GRANT ALL ON *.* TO bob',0
//! mysql-server_auditing: db1,ann,203.0.113.9,15,0,CONNECT,shop,,0
//! ```

use model::{Event, Field};

use super::shared::{Meaning, source};
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "mariadb_audit",
    summary: "MariaDB audit plugin",
    programs: &["mysql-server_auditing"],
    recognises,
    parse,
};

const OPERATIONS: [&str; 8] = [
    "CONNECT",
    "FAILED_CONNECT",
    "DISCONNECT",
    "QUERY",
    "QUERY_DDL",
    "QUERY_DML",
    "QUERY_DCL",
    "TABLE",
];
/// How far into a line its operation is looked for.
const HEAD_BYTES_MAX: usize = 300;

fn recognises(text: &str) -> bool {
    let head = text.get(..text.floor_char_boundary(HEAD_BYTES_MAX)).unwrap_or_default();
    text.starts_with("20")
        && text.as_bytes().get(17) == Some(&b',')
        && head.split(',').nth(6).is_some_and(|word| OPERATIONS.contains(&word))
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    // Behind a syslog header the time is left out.
    let rest = match text.split_once(',') {
        Some((time, rest)) if time.starts_with("20") && time.contains(':') => {
            event.time = packed(time, context).ok_or(ParseError::Invalid("time"))?;
            rest
        }
        _ => text,
    };
    let mut parts = rest.splitn(7, ',');
    let mut next = || parts.next().ok_or(ParseError::Missing("operation"));
    let (host, user, peer, thread) = (next()?, next()?, next()?, next()?);
    let (_query, operation, tail) = (next()?, next()?, next()?);
    if !OPERATIONS.contains(&operation) {
        return Err(ParseError::Invalid("operation"));
    }
    let (tail, code) = tail.rsplit_once(',').ok_or(ParseError::Missing("code"))?;
    let outcome = if code.trim() == "0" { "success" } else { "failure" };
    let (database, object) = tail.split_once(',').unwrap_or((tail, ""));
    let (action, category, kind) = match operation {
        "CONNECT" | "FAILED_CONNECT" => ("database_login", "authentication", "start"),
        "DISCONNECT" => ("database_disconnected", "database", "end"),
        "TABLE" => ("database_table", "database", "access"),
        _ => ("database_query", "database", "access"),
    };
    Meaning { action, category, kind, outcome }.write(event);
    event.set(Field::HostName, host);
    if !user.is_empty() {
        event.set(Field::UserName, user);
    }
    source(event, peer);
    if let Ok(thread) = thread.parse::<u32>() {
        event.set(Field::ProcessThreadId, thread);
    }
    event.set(Field::EventCode, code.trim());
    if !database.is_empty() {
        event.set_extra("database.name", database);
    }
    if !object.is_empty() {
        event.set_extra("database.statement", bare(object));
    }
    Ok(())
}

/// Takes off the quotes around a statement.
fn bare(text: &str) -> &str {
    text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(text)
}

/// Reads `20261121 06:58:00`.
fn packed(text: &str, context: &Context<'_>) -> Option<model::Timestamp> {
    let (date, time) = text.split_once(' ')?;
    let (year, rest) = date.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    moment::leading(&format!("{year}-{month}-{day} {time}"), context).map(|(time, _)| time)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn logins() {
        check(
            "20261121 06:58:00,db1,root,203.0.113.9,14,0,FAILED_CONNECT,,,1045",
            expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.action = database_login
            event.category = authentication
            event.code = 1045
            event.outcome = failure
            event.type = start
            host.name = db1
            process.thread.id = 14
            source.ip = 203.0.113.9
            user.name = root
        "]],
        );
    }

    #[test]
    fn statements() {
        check(
            "20261121 06:58:00,db1,ann,203.0.113.9,15,77,QUERY,shop,'SELECT a, b FROM c',0",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.action = database_query
                event.category = database
                event.code = 0
                event.outcome = success
                event.type = access
                host.name = db1
                process.thread.id = 15
                source.ip = 203.0.113.9
                user.name = ann
                database.name = shop
                database.statement = SELECT a, b FROM c
            "]],
        );
    }

    #[test]
    fn other_lines() {
        assert!(!recognises("20261121 06:58:00,a,b,c,d,e,f,g"));
        testing::check(&FORMAT, "a,b", expect![[r#"Missing("operation")"#]]);
        testing::check(
            &FORMAT,
            "db1,ann,192.0.2.7,15,77,DANCE,shop,x,0",
            expect![[r#"Invalid("operation")"#]],
        );
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
