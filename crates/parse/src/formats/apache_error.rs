//! Apache's error log, as versions 2.2 and 2.4 write it.
//!
//! ```text
//! [Sat Nov 21 06:58:00 2026] [error] [client 203.0.113.9] File does not exist: /srv/x
//! [Sat Nov 21 06:58:00.123456 2026] [core:error] [pid 12:tid 34] [client 203.0.113.9:51514] AH00128: File does not exist: /srv/x
//! ```

use model::{Event, Field};

use super::shared::{self, Meaning};
use crate::{Context, Format, ParseError, modsecurity, moment, quoted, web};

pub(crate) const FORMAT: Format =
    Format { id: "apache_error", summary: "Apache error log", programs: &[], recognises, parse };

/// How many groups in brackets may stand before the message.
const GROUPS_MAX: usize = 8;

fn recognises(text: &str) -> bool {
    let bytes = text.as_bytes();
    let weekday =
        matches!(bytes, [b'[', b'A'..=b'Z', b'a'..=b'z', b'a'..=b'z', b' ', b'A'..=b'Z', ..]);
    weekday && text.get(..48).unwrap_or(text).contains("] [")
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let (time, mut rest) = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .ok_or(ParseError::Missing("time"))?;
    let (time, _) = moment::leading(time, context)
        .filter(|(_, rest)| rest.is_empty())
        .ok_or(ParseError::Invalid("time"))?;
    // Version 2.4 names the process, and only it writes the client's port.
    let mut with_port = false;
    let mut level = false;
    for _ in 0..GROUPS_MAX {
        let Some((group, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        else {
            break;
        };
        match group.split_once(' ') {
            None if !level => {
                level = true;
                write_level(group, event);
            }
            Some(("pid", process)) => {
                with_port = true;
                write_process(process, event);
            }
            Some(("client" | "remote", client)) => write_client(client, with_port, event),
            _ => break,
        }
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    if !level {
        return Err(ParseError::Missing("level"));
    }
    event.time = time;
    event.set(Field::EventCategory, "web");
    message(rest, with_port, event);
    Ok(())
}

/// Reads `error` or `core:error`.
fn write_level(text: &str, event: &mut Event) {
    let (module, level) = text.split_once(':').unwrap_or(("", text));
    event.set(Field::LogLevel, level);
    event.set(Field::EventType, web::type_of_level(level));
    if !module.is_empty() {
        event.set(Field::LogLogger, module);
    }
}

/// Reads `12` or `12:tid 34`.
fn write_process(text: &str, event: &mut Event) {
    let (pid, thread) = text.split_once(":tid ").unwrap_or((text, ""));
    if let Ok(pid) = pid.parse::<u32>() {
        event.set(Field::ProcessPid, pid);
    }
    if let Ok(thread) = thread.parse::<i64>() {
        event.set(Field::ProcessThreadId, thread);
    }
}

/// Reads `203.0.113.9`, `203.0.113.9:51514` or `2001:db8::9:51514`, where only the version tells
/// whether the last number is a port.
fn write_client(text: &str, with_port: bool, event: &mut Event) {
    let split = text.rsplit_once(':').filter(|_| with_port);
    let port = split.and_then(|(ip, port)| Some((shared::address(ip)?, port.parse::<u16>().ok()?)));
    match port {
        Some((ip, port)) => {
            event.set(Field::SourceIp, ip);
            event.set(Field::SourcePort, port);
        }
        None => shared::source(event, text),
    }
}

/// Reads what the server says, past the system's error and the number of the message.
fn message(text: &str, with_port: bool, event: &mut Event) {
    let mut said = text;
    // `(13)Permission denied: [client 203.0.113.9:51514] AH00035: …`
    if let Some((error, rest)) =
        said.strip_prefix('(').and_then(|rest| rest.split_once(": [client "))
        && let Some((client, rest)) = rest.split_once("] ")
        && let Some((_, error)) =
            error.split_once(')').filter(|(code, _)| code.parse::<i32>().is_ok())
    {
        event.set(Field::ErrorMessage, error);
        write_client(client, with_port, event);
        said = rest;
    }
    if let Some((code, rest)) = said.split_once(": ")
        && code.strip_prefix("AH").is_some_and(|digits| digits.parse::<u32>().is_ok())
    {
        event.set(Field::EventCode, code);
        said = rest;
    }
    // The last one counts: a path before it is the client's own text, and so is the page itself.
    if let Some((before, referrer)) = said.rsplit_once(", referer: ") {
        quoted::set(event, Field::RequestReferrer, referrer);
        said = before;
    }
    quoted::set(event, Field::Message, said);
    modsecurity::read(said, event);
    login(said, event);
    let file = ["File does not exist: ", "client denied by server configuration: "];
    if let Some(path) = file.iter().find_map(|start| said.strip_prefix(start)) {
        quoted::set(event, Field::FilePath, path);
        event.set(Field::EventOutcome, "failure");
    }
}

/// Reads `user ann: authentication failure for "/x": Password Mismatch` and `user ann not found: /x`.
/// The name is the client's own text; what the server says of it comes last.
fn login(said: &str, event: &mut Event) {
    let Some(rest) = said.strip_prefix("user ") else { return };
    let (user, path, reason) =
        if let Some((user, rest)) = rest.rsplit_once(": authentication failure for \"") {
            let (path, reason) = rest.rsplit_once("\": ").unwrap_or((rest, ""));
            (user, path, reason)
        } else if let Some((user, path)) = rest.rsplit_once(" not found: ") {
            (user, path, "user not found")
        } else {
            return;
        };
    Meaning { action: "http_login", category: "authentication", kind: "start", outcome: "failure" }
        .write(event);
    quoted::set(event, Field::UserName, user);
    quoted::set(event, Field::UrlPath, path);
    if !reason.is_empty() {
        event.set(Field::EventReason, reason);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn version_2_2() {
        check(
            "[Sat Nov 21 06:58:00 2026] [error] [client 203.0.113.9] File does not exist: /srv/x, referer: https://example.net/",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.category = web
                event.outcome = failure
                event.type = error
                file.path = /srv/x
                http.request.referrer = https://example.net/
                log.level = error
                message = File does not exist: /srv/x
                source.ip = 203.0.113.9
            "]],
        );
        check(
            "[Sat Nov 21 06:58:00 2026] [notice] caught SIGTERM, shutting down",
            expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.type = info
            log.level = notice
            message = caught SIGTERM, shutting down
        "]],
        );
        check(
            "[Sat Nov 21 06:58:00 2026] [error] [client 2001:db8::3775] x",
            expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.type = error
            log.level = error
            message = x
            source.ip = 2001:db8::3775
        "]],
        );
    }

    #[test]
    fn version_2_4() {
        check(
            "[Sat Nov 21 06:58:00.123456 2026] [core:error] [pid 12:tid 34] [client 203.0.113.9:51514] AH00128: File does not exist: /srv/x",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123456Z
                event.category = web
                event.code = AH00128
                event.outcome = failure
                event.type = error
                file.path = /srv/x
                log.level = error
                log.logger = core
                message = File does not exist: /srv/x
                process.pid = 12
                process.thread.id = 34
                source.ip = 203.0.113.9
                source.port = 51514
            "]],
        );
        check(
            "[Sat Nov 21 06:58:00.123456 2026] [core:error] [pid 12] (13)Permission denied: [client ::1:3775] AH00035: access to /x denied",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123456Z
                error.message = Permission denied
                event.category = web
                event.code = AH00035
                event.type = error
                log.level = error
                log.logger = core
                message = access to /x denied
                process.pid = 12
                source.ip = ::1
                source.port = 3775
            "]],
        );
        check(
            "[Sat Nov 21 06:58:00.123456 2026] [mpm_event:notice] [pid 12:tid 139] AH00489: Apache/2.4.58 configured -- resuming normal operations",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123456Z
                event.category = web
                event.code = AH00489
                event.type = info
                log.level = notice
                log.logger = mpm_event
                message = Apache/2.4.58 configured -- resuming normal operations
                process.pid = 12
                process.thread.id = 139
            "]],
        );
    }

    #[test]
    fn log_ins() {
        check(
            r#"[Sat Nov 21 06:58:00.123456 2026] [auth_basic:error] [pid 12] [client 203.0.113.9:51514] AH01617: user a: authentication failure for "/fake": Password Mismatch: authentication failure for "/x": Password Mismatch"#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.123456Z
                event.action = http_login
                event.category = authentication
                event.code = AH01617
                event.outcome = failure
                event.reason = Password Mismatch
                event.type = start
                log.level = error
                log.logger = auth_basic
                message = user a: authentication failure for "/fake": Password Mismatch: authentication failure for "/x": Password Mismatch
                process.pid = 12
                source.ip = 203.0.113.9
                source.port = 51514
                url.path = /x
                user.name = a: authentication failure for "/fake": Password Mismatch
            "#]],
        );
        check(
            "[Sat Nov 21 06:58:00 2026] [error] [client 203.0.113.9] user ann not found: /x",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.action = http_login
                event.category = authentication
                event.outcome = failure
                event.reason = user not found
                event.type = start
                log.level = error
                message = user ann not found: /x
                source.ip = 203.0.113.9
                url.path = /x
                user.name = ann
            "]],
        );
    }

    #[test]
    fn rule_of_modsecurity() {
        check(
            r#"[Sat Nov 21 06:58:00.009964 2026] [:error] [pid 2560:tid 14] [client ::1:37752] [client ::1] ModSecurity: Warning. Pattern match "(?i)[a-z]" at ARGS:a. [file "/a.conf"] [line "43"] [id "930100"] [msg "Path Traversal"] [severity "CRITICAL"] [ver "x"] [tag "a"] [hostname "h"] [uri "/x"] [unique_id "Y"]"#,
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.009964Z
                event.category = intrusion_detection
                event.kind = alert
                event.type = error
                http.request.id = Y
                log.level = CRITICAL
                message = ModSecurity: Warning. Pattern match "(?i)[a-z]" at ARGS:a. [file "/a.conf"] [line "43"] [id "930100"] [msg "Path Traversal"] [severity "CRITICAL"] [ver "x"] [tag "a"] [hostname "h"] [uri "/x"] [unique_id "Y"]
                observer.product = ModSecurity
                process.pid = 2560
                process.thread.id = 14
                rule.id = 930100
                rule.name = Path Traversal
                source.ip = ::1
                source.port = 37752
                tags = a
                url.domain = h
                url.path = /x
                modsecurity.file = /a.conf
                modsecurity.line = 43
                modsecurity.ver = x
            "#]],
        );
    }

    #[test]
    fn other_lines() {
        check("[Sat Nov 21 06:58:00 2026] [error", expect![[r#"Missing("level")"#]]);
        check("[Sat Nov 31 06:58:00 2026] [error] x", expect![[r#"Invalid("time")"#]]);
        check("[Sat Nov 21 06:58:00 2026] [pid 12] x", expect![[r#"Missing("level")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!(recognises(text));
        testing::check(&FORMAT, text, expect);
    }
}
