//! ProFTPD: who logged in over FTP or SFTP.
//!
//! ```text
//! ftp1.example.org (203.0.113.9[203.0.113.9]) - USER ann (Login failed): Incorrect password
//! ftp1.example.org (203.0.113.9[203.0.113.9]) - USER bob: no such user found from 203.0.113.9 [203.0.113.9] to 192.0.2.1:21
//! ftp1.example.org (203.0.113.9[203.0.113.9]) - USER ann: Login successful.
//! ```

use model::{Event, Field};

use super::shared::{Meaning, source};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "proftpd",
    summary: "ProFTPD FTP server",
    programs: &["proftpd"],
    recognises: |_| false,
    parse,
};

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let (_, rest) = text.split_once(" (").ok_or(ParseError::Missing("client"))?;
    let (_, rest) = rest.split_once('[').ok_or(ParseError::Missing("client"))?;
    let (client, rest) = rest.split_once("])").ok_or(ParseError::Missing("client"))?;
    source(event, client);
    event.set(Field::NetworkProtocol, "ftp");
    let said = rest.trim_start_matches([' ', '-', ':']);
    event.set(Field::EventReason, said);
    let (action, category, kind, outcome, user) = read(said);
    Meaning { action, category, kind, outcome }.write(event);
    if let Some(user) = user {
        event.set(Field::UserName, user);
    }
    Ok(())
}

type Said<'a> = (&'static str, &'static str, &'static str, &'static str, Option<&'a str>);

fn read(said: &str) -> Said<'_> {
    let login = |outcome, user| ("ftp_login", "authentication", "start", outcome, Some(user));
    if let Some(rest) = said.strip_prefix("USER ") {
        if let Some((user, _)) = rest.rsplit_once(" (Login failed)") {
            return login("failure", user);
        }
        if let Some((user, _)) = rest.rsplit_once(": no such user") {
            return login("failure", user);
        }
        if let Some((user, _)) = rest.rsplit_once(": Login successful") {
            return login("success", user);
        }
    }
    if let Some(rest) = said.strip_prefix("ANON ")
        && let Some((user, _)) = rest.rsplit_once(": Login successful")
    {
        return login("success", user);
    }
    if let Some(rest) = said.strip_prefix("SECURITY VIOLATION: ") {
        let user = rest.split_whitespace().next().filter(|_| rest.contains(" login attempted"));
        return ("ftp_login", "authentication", "start", "failure", user);
    }
    if said.starts_with("Maximum login attempts") {
        return ("ftp_login_limit", "network", "denied", "", None);
    }
    if said.starts_with("FTP session closed") {
        return ("ftp_disconnected", "network", "end", "", None);
    }
    ("ftp_message", "network", "info", "", None)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn logins() {
        check(
            "ftp1.example.org (203.0.113.9[203.0.113.9]) - USER ann (Login failed): Incorrect password",
            expect![[r"
                event.action = ftp_login
                event.category = authentication
                event.outcome = failure
                event.reason = USER ann (Login failed): Incorrect password
                event.type = start
                network.protocol = ftp
                source.ip = 203.0.113.9
                user.name = ann
            "]],
        );
        check(
            "ftp1.example.org (203.0.113.9[203.0.113.9]): USER bob: no such user found from 203.0.113.9 [203.0.113.9] to 192.0.2.1:21",
            expect![[r"
                event.action = ftp_login
                event.category = authentication
                event.outcome = failure
                event.reason = USER bob: no such user found from 203.0.113.9 [203.0.113.9] to 192.0.2.1:21
                event.type = start
                network.protocol = ftp
                source.ip = 203.0.113.9
                user.name = bob
            "]],
        );
        check(
            "ftp1.example.org (2001:db8::9[2001:db8::9]) - USER ann: Login successful.",
            expect![[r"
                event.action = ftp_login
                event.category = authentication
                event.outcome = success
                event.reason = USER ann: Login successful.
                event.type = start
                network.protocol = ftp
                source.ip = 2001:db8::9
                user.name = ann
            "]],
        );
    }

    #[test]
    fn other_lines() {
        check("ProFTPD 1.3.8 standalone mode STARTUP", expect![[r#"Missing("client")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
