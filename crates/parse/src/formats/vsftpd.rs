//! vsftpd: who logged in over FTP, and what was fetched, stored and deleted.
//!
//! ```text
//! Sat Nov 21 06:58:00 2026 [pid 4242] [ann] FAIL LOGIN: Client "203.0.113.9"
//! Sat Nov 21 06:58:01 2026 [pid 4242] [ann] OK UPLOAD: Client "203.0.113.9", "/srv/x.php", 512 bytes, 1.21Kbyte/sec
//! ```

use model::{Event, Field};

use super::shared::{Meaning, source};
use crate::{Context, Format, ParseError, moment};

pub(crate) const FORMAT: Format = Format {
    id: "vsftpd",
    summary: "vsftpd FTP server",
    programs: &["vsftpd"],
    recognises: |text| {
        text.get(..text.floor_char_boundary(40)).is_some_and(|head| head.contains(" [pid "))
            && text.contains(": Client \"")
    },
    parse,
};

/// What is done: the word of the log, the action, the category and the type.
const DEEDS: &[(&str, &str, &str, &str)] = &[
    ("CHMOD", "ftp_mode_changed", "file", "change"),
    ("DELETE", "ftp_deleted", "file", "deletion"),
    ("DOWNLOAD", "ftp_downloaded", "file", "access"),
    ("LOGIN", "ftp_login", "authentication", "start"),
    ("MKDIR", "ftp_folder_made", "file", "creation"),
    ("RENAME", "ftp_renamed", "file", "change"),
    ("RMDIR", "ftp_folder_deleted", "file", "deletion"),
    ("UPLOAD", "ftp_uploaded", "file", "creation"),
];

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    let rest = match moment::leading(text, context) {
        Some((time, rest)) => {
            event.time = time;
            rest.trim_start()
        }
        None => text,
    };
    // Behind a syslog header the process stands there already.
    let rest = match rest.strip_prefix("[pid ").and_then(|rest| rest.split_once("] ")) {
        Some((pid, rest)) => {
            event.set(Field::ProcessPid, pid);
            rest
        }
        None => rest,
    };
    let (before, after) = rest.rsplit_once(": Client \"").ok_or(ParseError::Missing("client"))?;
    let (user, what) = match before.strip_prefix('[').and_then(|rest| rest.rsplit_once("] ")) {
        Some((user, what)) => (user, what),
        None => ("", before),
    };
    let (client, after) = after.split_once('"').ok_or(ParseError::Missing("client"))?;
    let (outcome, deed) = match what.split_once(' ') {
        Some(("OK", deed)) => ("success", deed),
        Some(("FAIL", deed)) => ("failure", deed),
        _ => ("", what),
    };
    let (action, category, kind) = DEEDS
        .iter()
        .find(|row| row.0 == deed)
        .map_or(("ftp_connected", "network", "info"), |row| (row.1, row.2, row.3));
    Meaning { action, category, kind, outcome }.write(event);
    event.set(Field::NetworkProtocol, "ftp");
    source(event, client);
    if !user.is_empty() {
        event.set(Field::UserName, user);
    }
    let path = after.strip_prefix(", \"").and_then(|rest| rest.rsplit_once('"'));
    if let Some((path, tail)) = path.filter(|_| category == "file") {
        event.set(Field::FilePath, path);
        let size = tail.trim_start_matches([',', ' ']).split(' ').next().unwrap_or_default();
        if let Ok(size) = size.parse::<u32>() {
            event.set(Field::FileSize, size);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn failed_login() {
        check(
            "Sat Nov 21 06:58:00 2026 [pid 4242] [ann] FAIL LOGIN: Client \"::ffff:203.0.113.9\"",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.action = ftp_login
                event.category = authentication
                event.outcome = failure
                event.type = start
                network.protocol = ftp
                process.pid = 4242
                source.ip = 203.0.113.9
                user.name = ann
            "]],
        );
    }

    #[test]
    fn user_name_that_imitates_a_client() {
        check(
            "Sat Nov 21 06:58:00 2026 [pid 4242] [x] OK LOGIN: Client \"10.0.0.1] FAIL LOGIN: Client \"203.0.113.9\"",
            expect![[r#"
                @timestamp = 2026-11-21T06:58:00.000Z
                event.action = ftp_login
                event.category = authentication
                event.outcome = failure
                event.type = start
                network.protocol = ftp
                process.pid = 4242
                source.ip = 203.0.113.9
                user.name = x] OK LOGIN: Client "10.0.0.1
            "#]],
        );
    }

    #[test]
    fn upload() {
        check(
            "Sat Nov 21 06:58:01 2026 [pid 4242] [ann] OK UPLOAD: Client \"203.0.113.9\", \"/srv/x.php\", 512 bytes, 1.21Kbyte/sec",
            expect![[r"
                @timestamp = 2026-11-21T06:58:01.000Z
                event.action = ftp_uploaded
                event.category = file
                event.outcome = success
                event.type = creation
                file.path = /srv/x.php
                file.size = 512
                network.protocol = ftp
                process.pid = 4242
                source.ip = 203.0.113.9
                user.name = ann
            "]],
        );
    }

    #[test]
    fn other_lines() {
        testing::check(
            &FORMAT,
            "Sat Nov 21 06:58:00 2026 [pid 4242] hello",
            expect![[r#"Missing("client")"#]],
        );
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        assert!((FORMAT.recognises)(text));
        testing::check(&FORMAT, text, expect);
    }
}
