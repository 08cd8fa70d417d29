//! Samba: who logged in over SMB, and what the module `full_audit` tells of files.
//!
//! ```text
//! Auth: [SMB2,(null)] user [WORKGROUP]\[root] at [Sat, 21 Nov 2026 06:58:00.023984 UTC] with [NTLMv2] status [NT_STATUS_WRONG_PASSWORD] workstation [X] remote host [ipv4:203.0.113.9:44890] mapped to [WORKGROUP]\[root]. local host [ipv4:192.0.2.1:445]
//! ann|203.0.113.9|finance|unlinkat|ok|/srv/finance/budget.xlsx
//! ```

use model::{Event, Field};

use super::shared::{Meaning, address_port, source};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "samba",
    summary: "Samba: log-ins and files",
    programs: &["samba", "smbd", "smbd_audit", "smbd-audit"],
    recognises: |text| text.trim_start().starts_with("Auth: [") && text.contains(" remote host ["),
    parse,
};

/// What is done to a file: the operation of the log, the action and the type.
const DEEDS: &[(&str, &str, &str)] = &[
    ("connect", "smb_connected", "start"),
    ("create_file", "smb_opened", "access"),
    ("disconnect", "smb_disconnected", "end"),
    ("mkdir", "smb_folder_made", "creation"),
    ("mkdirat", "smb_folder_made", "creation"),
    ("open", "smb_opened", "access"),
    ("openat", "smb_opened", "access"),
    ("pread", "smb_read", "access"),
    ("pwrite", "smb_written", "change"),
    ("rename", "smb_renamed", "change"),
    ("renameat", "smb_renamed", "change"),
    ("rmdir", "smb_folder_deleted", "deletion"),
    ("unlink", "smb_deleted", "deletion"),
    ("unlinkat", "smb_deleted", "deletion"),
];
/// How many parts stand before the operation at most: the administrator chooses them.
const BEFORE_MAX: usize = 8;

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let text = text.trim_start();
    event.set(Field::NetworkProtocol, "smb");
    match text.strip_prefix("Auth: [") {
        Some(rest) => login(rest, event),
        None => deed(text, event).ok_or(ParseError::Missing("operation")),
    }
}

fn login(rest: &str, event: &mut Event) -> Result<(), ParseError> {
    let (service, rest) = rest.split_once("] user [").ok_or(ParseError::Missing("user"))?;
    let (domain, rest) = rest.split_once("]\\[").ok_or(ParseError::Missing("user"))?;
    let (user, rest) = rest.split_once("] at [").ok_or(ParseError::Missing("user"))?;
    let (_, rest) = rest.split_once("] status [").ok_or(ParseError::Missing("status"))?;
    let (status, rest) = rest.split_once(']').ok_or(ParseError::Missing("status"))?;
    let outcome = if status == "NT_STATUS_OK" { "success" } else { "failure" };
    Meaning { action: "smb_login", category: "authentication", kind: "start", outcome }
        .write(event);
    event.set(Field::EventReason, status);
    event.set(Field::UserName, user);
    if !domain.is_empty() {
        event.set(Field::UserDomain, domain);
    }
    event.set_extra("samba.service", service);
    // The client names its workstation: a name that imitates the address makes both unbelieved.
    let mut hosts = rest.split(" remote host [").skip(1);
    if let (Some(host), None) = (hosts.next(), hosts.next()) {
        let host = host.split(']').next().unwrap_or_default();
        let host =
            host.strip_prefix("ipv4:").or_else(|| host.strip_prefix("ipv6:")).unwrap_or(host);
        // An IPv6 address stands without brackets before its port.
        let found = address_port(host).filter(|(_, port)| port.is_some()).or_else(|| {
            let (ip, port) = host.rsplit_once(':')?;
            Some((super::shared::address(ip)?, port.parse().ok()))
        });
        if let Some((ip, port)) = found {
            event.set(Field::SourceIp, ip);
            if let Some(port) = port {
                event.set(Field::SourcePort, port);
            }
        }
    }
    Ok(())
}

/// Reads `ann|203.0.113.9|finance|unlinkat|ok|/srv/finance/budget.xlsx`.
fn deed(text: &str, event: &mut Event) -> Option<()> {
    let parts: Vec<&str> = text.splitn(BEFORE_MAX + 4, '|').collect();
    let is_result = |part: &&str| *part == "ok" || part.starts_with("fail");
    let at = (1..parts.len().min(BEFORE_MAX)).find(|at| {
        parts.get(at + 1).is_some_and(is_result)
            && parts.get(*at).is_some_and(|word| {
                !word.is_empty()
                    && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            })
    })?;
    let operation = *parts.get(at)?;
    let (action, kind) = DEEDS
        .iter()
        .find(|row| row.0 == operation)
        .map_or(("smb_file", "info"), |row| (row.1, row.2));
    let outcome = if *parts.get(at + 1)? == "ok" { "success" } else { "failure" };
    Meaning { action, category: "file", kind, outcome }.write(event);
    event.set_extra("samba.operation", operation);
    for (place, part) in parts.iter().take(at).enumerate() {
        if super::shared::address(part).is_some() {
            source(event, part);
        } else if place == 0 {
            event.set(Field::UserName, *part);
        } else if place + 1 == at {
            event.set_extra("samba.share", *part);
        }
    }
    if let Some(path) = parts.last().filter(|_| parts.len() > at + 2) {
        event.set(Field::FilePath, *path);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn failed_login() {
        check(
            r"  Auth: [SMB2,(null)] user [WORKGROUP]\[root] at [Sat, 21 Nov 2026 06:58:00.023984 UTC] with [NTLMv2] status [NT_STATUS_WRONG_PASSWORD] workstation [X] remote host [ipv4:203.0.113.9:44890] mapped to [WORKGROUP]\[root]. local host [ipv4:192.0.2.1:445] ",
            expect![[r"
                event.action = smb_login
                event.category = authentication
                event.outcome = failure
                event.reason = NT_STATUS_WRONG_PASSWORD
                event.type = start
                network.protocol = smb
                source.ip = 203.0.113.9
                source.port = 44890
                user.domain = WORKGROUP
                user.name = root
                samba.service = SMB2,(null)
            "]],
        );
    }

    #[test]
    fn workstation_that_imitates_the_address() {
        check(
            r"Auth: [SMB2,(null)] user [W]\[ann] at [Sat, 21 Nov 2026 06:58:00.023984 UTC] with [NTLMv2] status [NT_STATUS_OK] workstation [X] remote host [ipv4:10.0.0.1:1] x] remote host [ipv6:2001:db8::9:44890] mapped to [W]\[ann]. local host [ipv4:192.0.2.1:445]",
            expect![[r"
                event.action = smb_login
                event.category = authentication
                event.outcome = success
                event.reason = NT_STATUS_OK
                event.type = start
                network.protocol = smb
                user.domain = W
                user.name = ann
                samba.service = SMB2,(null)
            "]],
        );
    }

    #[test]
    fn files() {
        check(
            "ann|203.0.113.9|finance|unlinkat|ok|/srv/finance/budget.xlsx",
            expect![[r"
            event.action = smb_deleted
            event.category = file
            event.outcome = success
            event.type = deletion
            file.path = /srv/finance/budget.xlsx
            network.protocol = smb
            source.ip = 203.0.113.9
            user.name = ann
            samba.operation = unlinkat
            samba.share = finance
        "]],
        );
        check(
            "ann|203.0.113.9|rename|fail (No such file)|a.doc|a.doc.locked",
            expect![[r"
            event.action = smb_renamed
            event.category = file
            event.outcome = failure
            event.type = change
            file.path = a.doc.locked
            network.protocol = smb
            source.ip = 203.0.113.9
            user.name = ann
            samba.operation = rename
        "]],
        );
    }

    #[test]
    fn other_lines() {
        check("smbd version 4.19 started.", expect![[r#"Missing("operation")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
