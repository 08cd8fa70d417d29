//! Pure-FTPd: who logged in over FTP, and what was fetched, stored and deleted.
//!
//! ```text
//! (?@203.0.113.9) [WARNING] Authentication failed for user [root]
//! (?@203.0.113.9) [INFO] ann is now logged in
//! (ann@203.0.113.9) [NOTICE] /srv/ftp//x.php uploaded  (512 bytes, 1.21KB/sec)
//! ```

use model::{Event, Field};

use super::shared::{Meaning, source};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "pure_ftpd",
    summary: "Pure-FTPd FTP server",
    programs: &["pure-ftpd"],
    recognises: |_| false,
    parse,
};

/// What is done to a file: the word of the log, the action and the type.
const DEEDS: &[(&str, &str, &str)] = &[
    (" uploaded", "ftp_uploaded", "creation"),
    (" downloaded", "ftp_downloaded", "access"),
    (" deleted", "ftp_deleted", "deletion"),
];

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let rest = text.strip_prefix('(').ok_or(ParseError::Missing("client"))?;
    let (who, rest) = rest.split_once(") [").ok_or(ParseError::Missing("client"))?;
    let (level, said) = rest.split_once("] ").ok_or(ParseError::Missing("level"))?;
    let (user, client) = who.rsplit_once('@').ok_or(ParseError::Missing("client"))?;
    source(event, client);
    event.set(Field::NetworkProtocol, "ftp");
    event.set(Field::LogLevel, level);
    if !matches!(user, "?" | "") {
        event.set(Field::UserName, user);
    }
    let login = |outcome| Meaning {
        action: "ftp_login",
        category: "authentication",
        kind: "start",
        outcome,
    };
    if let Some(name) = said.strip_prefix("Authentication failed for user [") {
        login("failure").write(event);
        event.set(Field::UserName, name.strip_suffix(']').unwrap_or(name));
    } else if let Some(name) = said.strip_suffix(" is now logged in") {
        login("success").write(event);
        event.set(Field::UserName, name);
    } else if let Some((path, action, kind)) = deed(said) {
        Meaning { action, category: "file", kind, outcome: "success" }.write(event);
        event.set(Field::FilePath, path);
    } else {
        Meaning { action: "ftp_message", category: "network", kind: "info", outcome: "" }
            .write(event);
        event.set(Field::EventReason, said);
    }
    Ok(())
}

fn deed(said: &str) -> Option<(&str, &'static str, &'static str)> {
    DEEDS.iter().find_map(|(word, action, kind)| {
        let (path, _) = said.rsplit_once(word).filter(|_| said.starts_with('/'))?;
        Some((path, *action, *kind))
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn logins() {
        check(
            "(?@203.0.113.9) [WARNING] Authentication failed for user [root]",
            expect![[r"
            event.action = ftp_login
            event.category = authentication
            event.outcome = failure
            event.type = start
            log.level = WARNING
            network.protocol = ftp
            source.ip = 203.0.113.9
            user.name = root
        "]],
        );
        check(
            "(?@203.0.113.9) [INFO] ann is now logged in",
            expect![[r"
            event.action = ftp_login
            event.category = authentication
            event.outcome = success
            event.type = start
            log.level = INFO
            network.protocol = ftp
            source.ip = 203.0.113.9
            user.name = ann
        "]],
        );
    }

    #[test]
    fn files() {
        check(
            "(ann@203.0.113.9) [NOTICE] /srv/ftp//x.php uploaded  (512 bytes, 1.21KB/sec)",
            expect![[r"
                event.action = ftp_uploaded
                event.category = file
                event.outcome = success
                event.type = creation
                file.path = /srv/ftp//x.php
                log.level = NOTICE
                network.protocol = ftp
                source.ip = 203.0.113.9
                user.name = ann
            "]],
        );
    }

    #[test]
    fn other_lines() {
        check("Listening on port 21", expect![[r#"Missing("client")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
