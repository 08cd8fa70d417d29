//! The kernel's audit log of Linux (auditd): one record a line, several records an event.
//!
//! ```text
//! type=SYSCALL msg=audit(1795244280.123:4242): arch=c000003e syscall=59 success=yes exit=0 … comm="id" exe="/usr/bin/id" key="exec"
//! type=EXECVE msg=audit(1795244280.123:4242): argc=2 a0="cat" a1="/etc/shadow"
//! type=USER_LOGIN msg=audit(1795244280.456:4243): pid=4711 uid=0 … msg='op=login acct="ann" exe="/usr/sbin/sshd" addr=203.0.113.9 terminal=ssh res=failed'
//! ```
//!
//! Records of one event share the pair of time and number in `auditd.id`, by which correlations join
//! them. What a user could have chosen is written in hexadecimal digits and decoded here; the names
//! of the audit log (`type`, `key`, `a0`, `name`, `exe`, `comm`) stay beside the known fields.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::{Event, Field, Value};

use super::shared::{address, source};
use crate::{Context, Format, ParseError, epoch};

pub(crate) const FORMAT: Format = Format {
    id: "auditd",
    summary: "Linux audit log (auditd)",
    programs: &["audisp-syslog", "audispd", "audit", "auditd", "kernel"],
    recognises: |text| text.starts_with("type=") || text.starts_with("node="),
    parse,
};

/// How far into a line its beginning is looked for, behind the kernel's own stamp.
const BEGINNING_BYTES_MAX: usize = 64;
/// How many pairs of one record are read; the rest is counted.
const PAIRS_MAX: usize = 512;
/// Stands between the kernel's words and those that auditd adds (`log_format = ENRICHED`).
const ENRICHED: char = '\u{1d}';
/// The id of nobody: 32 bits, all set.
const UNSET: &str = "4294967295";

/// What records of a type are about: category and type in the words of ECS.
const KINDS: &[(&str, &str, &str)] = &[
    ("ADD_GROUP", "iam", "creation"),
    ("ADD_USER", "iam", "creation"),
    ("CONFIG_CHANGE", "configuration", "change"),
    ("CRED_ACQ", "authentication", "info"),
    ("CRED_DISP", "authentication", "info"),
    ("DAEMON_CONFIG", "configuration", "change"),
    ("DAEMON_END", "process", "end"),
    ("DAEMON_START", "process", "start"),
    ("DEL_GROUP", "iam", "deletion"),
    ("DEL_USER", "iam", "deletion"),
    ("EXECVE", "process", "start"),
    ("GRP_MGMT", "iam", "change"),
    ("KERN_MODULE", "driver", "start"),
    ("LOGIN", "authentication", "start"),
    ("PATH", "file", "access"),
    ("PROCTITLE", "process", "info"),
    ("SERVICE_START", "process", "start"),
    ("SERVICE_STOP", "process", "end"),
    ("SOCKADDR", "network", "info"),
    ("SYSCALL", "process", "info"),
    ("USER_ACCT", "authentication", "info"),
    ("USER_AUTH", "authentication", "start"),
    ("USER_CHAUTHTOK", "iam", "change"),
    ("USER_CMD", "process", "start"),
    ("USER_END", "session", "end"),
    ("USER_ERR", "authentication", "start"),
    ("USER_LOGIN", "authentication", "start"),
    ("USER_LOGOUT", "session", "end"),
    ("USER_MGMT", "iam", "change"),
    ("USER_START", "session", "start"),
];

/// What the kernel's own log calls the types.
const NUMBERS: &[(&str, &str)] = &[
    ("1006", "LOGIN"),
    ("1100", "USER_AUTH"),
    ("1101", "USER_ACCT"),
    ("1103", "CRED_ACQ"),
    ("1104", "CRED_DISP"),
    ("1105", "USER_START"),
    ("1106", "USER_END"),
    ("1112", "USER_LOGIN"),
    ("1123", "USER_CMD"),
    ("1130", "SERVICE_START"),
    ("1131", "SERVICE_STOP"),
    ("1300", "SYSCALL"),
    ("1302", "PATH"),
    ("1305", "CONFIG_CHANGE"),
    ("1307", "CWD"),
    ("1309", "EXECVE"),
    ("1325", "NETFILTER_CFG"),
    ("1326", "SECCOMP"),
    ("1327", "PROCTITLE"),
    ("1330", "KERN_MODULE"),
    ("1334", "BPF"),
    ("1400", "AVC"),
    ("1404", "MAC_STATUS"),
    ("1700", "ANOM_PROMISCUOUS"),
    ("1701", "ANOM_ABEND"),
];

/// Names whose values are hexadecimal digits where they could not stand in quotes.
const ENCODED: &[&str] = &[
    "acct",
    "apparmor",
    "cmd",
    "comm",
    "cwd",
    "data",
    "dir",
    "exe",
    "key",
    "name",
    "old",
    "path",
    "proctitle",
    "vm",
];

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let inner = beginning(text).ok_or(ParseError::Missing("type"))?;
    let (kind, rest) = inner.split_once(' ').ok_or(ParseError::Missing("type"))?;
    let kind = NUMBERS.iter().find(|(number, _)| *number == kind).map_or(kind, |(_, name)| name);
    let rest = rest.strip_prefix("msg=").unwrap_or(rest);
    let (stamp, body) = rest
        .strip_prefix("audit(")
        .and_then(|rest| rest.split_once(')'))
        .ok_or(ParseError::Missing("stamp"))?;
    let (seconds, number) = stamp.split_once(':').ok_or(ParseError::Invalid("stamp"))?;
    event.time = epoch::text(seconds).ok_or(ParseError::Invalid("time"))?;
    if let Ok(number) = number.parse::<u32>() {
        event.set(Field::EventSequence, i64::from(number));
    }
    if let Some(node) = text.strip_prefix("node=").and_then(|rest| rest.split(' ').next()) {
        event.set(Field::HostName, node);
    }
    event.set_extra("auditd.id", stamp);
    event.set_extra("type", kind);
    event.set_made(Field::EventAction, |out| {
        out.push_str("audit_");
        out.extend(kind.chars().map(|letter| letter.to_ascii_lowercase()));
    });
    if let Ok(row) = KINDS.binary_search_by_key(&kind, |row| row.0)
        && let Some((_, category, kind)) = KINDS.get(row)
    {
        event.set(Field::EventCategory, *category);
        event.set(Field::EventType, *kind);
    }
    Reader { event, kind, arguments: Vec::new(), read: 0 }
        .body(body.trim_start_matches([':', ' ']));
    Ok(())
}

/// Gives what begins with the type: behind `node=web1 ` or the kernel's `[12.3] audit: `.
fn beginning(text: &str) -> Option<&str> {
    if let Some(kind) = text.strip_prefix("type=") {
        return Some(kind);
    }
    if text.starts_with("node=") {
        return text
            .split_once(" type=")
            .filter(|(node, _)| !node.contains(' '))
            .map(|(_, rest)| rest);
    }
    let head = text.get(..text.floor_char_boundary(BEGINNING_BYTES_MAX))?;
    let (before, _) = head.split_once("audit: type=")?;
    (before.is_empty() || before.starts_with('[')).then_some(())?;
    text.get(before.len()..)?.strip_prefix("audit: type=")
}

struct Reader<'e, 't> {
    event: &'e mut Event,
    kind: &'t str,
    /// The arguments of a command line, in their order.
    arguments: Vec<String>,
    read: usize,
}

impl<'t> Reader<'_, 't> {
    fn body(&mut self, body: &'t str) {
        let (raw, enriched) = body.split_once(ENRICHED).unwrap_or((body, ""));
        self.pairs(raw);
        self.pairs(enriched);
        if !self.arguments.is_empty() {
            let line = self.arguments.join(" ");
            self.event.set(Field::ProcessCommandLine, line.as_str());
            let values = self.arguments.iter().map(|argument| Value::Text(argument));
            self.event.set_list(Field::ProcessArgs, values);
        }
        let dropped = self.read.saturating_sub(PAIRS_MAX);
        if dropped > 0 {
            let dropped = i64::try_from(dropped).unwrap_or(i64::MAX);
            self.event.set(Field::FieldsDropped, dropped);
        }
    }

    /// Reads `name=value name="value" msg='…'`; words without `=` are passed over.
    fn pairs(&mut self, text: &'t str) {
        let mut rest = text;
        while let Some(at) = rest.find('=') {
            let (before, after) =
                (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
            let name = before.rsplit([' ', '(', ',']).next().unwrap_or_default();
            if let Some(inner) = after.strip_prefix('\'') {
                // What a program says stands in single quotes, and nothing but its end holds one.
                let (inner, tail) = inner.rsplit_once('\'').unwrap_or((inner, ""));
                self.pairs(inner);
                rest = tail;
                continue;
            }
            let (value, tail) = if let Some(inner) = after.strip_prefix('"') {
                inner.split_once('"').unwrap_or((inner, ""))
            } else {
                let end = after.find([' ', ENRICHED]).unwrap_or(after.len());
                let (value, tail) = after.split_at_checked(end).unwrap_or((after, ""));
                let closing: &[char] = if value.starts_with('(') { &[] } else { &[',', ')'] };
                (value.trim_end_matches(closing), tail)
            };
            self.read += 1;
            if self.read <= PAIRS_MAX {
                self.pair(name, value, after.starts_with('"'));
            }
            rest = tail;
        }
    }

    fn pair(&mut self, name: &'t str, value: &'t str, quoted: bool) {
        if value.is_empty() || matches!(value, "?" | "(null)" | "(none)" | "unset") {
            return;
        }
        if self.kind == "EXECVE" && self.argument(name, value, quoted) {
            return;
        }
        let decoded = if quoted || !ENCODED.contains(&name) { None } else { decoded(value) };
        self.write(name, decoded.as_deref().unwrap_or(value));
    }

    /// Takes in `a1="…"`, or a piece `a1[0]=…` of a long one; tells whether it was one.
    fn argument(&mut self, name: &str, value: &str, quoted: bool) -> bool {
        let Some(place) = name.strip_prefix('a') else { return false };
        let (number, piece) = place.split_once('[').unwrap_or((place, ""));
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        let text = if quoted { None } else { decoded(value) };
        let text = text.as_deref().unwrap_or(value);
        match self.arguments.last_mut() {
            Some(last) if !piece.is_empty() && !piece.starts_with("0]") => last.push_str(text),
            _ => self.arguments.push(text.to_owned()),
        }
        if piece.is_empty() {
            self.event.set_extra(name, text);
        }
        true
    }

    fn write(&mut self, name: &str, value: &str) {
        let field = match name {
            "pid" => Field::ProcessPid,
            "ppid" => Field::ParentPid,
            "uid" => Field::UserId,
            "euid" => Field::UserEffectiveId,
            "exe" => Field::ProcessExecutable,
            "comm" => Field::ProcessName,
            "cwd" => Field::ProcessWorkingDirectory,
            "cmd" => Field::ProcessCommandLine,
            "tty" | "terminal" => Field::ProcessTty,
            "unit" => Field::ServiceName,
            "key" => Field::RuleName,
            "name" if self.kind == "PATH" || value.starts_with('/') => Field::FilePath,
            "ses" if value == UNSET => return,
            "ses" => Field::SessionId,
            "EUID" => Field::UserEffectiveName,
            "acct" if is_of_accounts(self.kind) => Field::UserTargetName,
            // Who logged in first, whoever he became since; or who is asked about.
            "AUID" | "acct" => Field::UserName,
            "res" | "success" | "result" => return self.outcome(name, value),
            "addr" if address(value).is_some() => return source(self.event, value),
            "addr" => return,
            "hostname" if address(value).is_some() => return,
            "hostname" => Field::SourceDomain,
            "saddr" => return self.peer(value),
            _ => return self.event.set_extra(name, value),
        };
        self.event.set(field, value);
        if matches!(name, "comm" | "exe" | "key" | "name" | "uid" | "euid" | "cwd") {
            self.event.set_extra(name, value);
        }
    }

    fn outcome(&mut self, name: &str, value: &str) {
        let outcome = match value {
            "success" | "yes" | "1" => "success",
            "failed" | "no" | "0" => "failure",
            _ => "unknown",
        };
        self.event.set(Field::EventOutcome, outcome);
        if name == "success" {
            self.event.set_extra(name, value);
        }
    }

    /// Reads the other end of a connection from a socket address in hexadecimal digits.
    fn peer(&mut self, value: &str) {
        self.event.set_extra("saddr", value);
        let Some(bytes) = bytes(value) else { return };
        if let [2, 0, high, low, a, b, c, d, ..] = bytes.as_slice() {
            self.event.set(Field::DestinationIp, Ipv4Addr::new(*a, *b, *c, *d));
            self.event.set(Field::DestinationPort, u16::from_be_bytes([*high, *low]));
        } else if let [10, 0, high, low, _, _, _, _, rest @ ..] = bytes.as_slice()
            && let Some(octets) = rest.first_chunk::<16>()
        {
            let ip = std::net::IpAddr::from(Ipv6Addr::from(*octets)).to_canonical();
            self.event.set(Field::DestinationIp, ip);
            self.event.set(Field::DestinationPort, u16::from_be_bytes([*high, *low]));
        }
    }
}

/// Tells whether the account in such a record is the one that is changed.
fn is_of_accounts(kind: &str) -> bool {
    matches!(
        kind,
        "ADD_USER"
            | "DEL_USER"
            | "ADD_GROUP"
            | "DEL_GROUP"
            | "USER_MGMT"
            | "GRP_MGMT"
            | "USER_CHAUTHTOK"
    )
}

/// Gives the text of hexadecimal digits, or `None` where they are none; what ends an argument
/// becomes a space.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = bytes(value)?;
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    for byte in &mut bytes {
        if matches!(*byte, 0 | 1 | b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn bytes(value: &str) -> Option<Vec<u8>> {
    let (pairs, []) = value.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn command_line_in_hexadecimal_digits() {
        check(
            "type=EXECVE msg=audit(1795244280.123:4242): argc=3 a0=\"sh\" a1=\"-c\" a2=636174202F6574632F736861646F77",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.action = audit_execve
                event.category = process
                event.sequence = 4242
                event.type = start
                process.args = sh, -c, cat /etc/shadow
                process.command_line = sh -c cat /etc/shadow
                auditd.id = 1795244280.123:4242
                type = EXECVE
                argc = 3
                a0 = sh
                a1 = -c
                a2 = cat /etc/shadow
            "]],
        );
    }

    #[test]
    fn long_argument_in_pieces() {
        check(
            "type=EXECVE msg=audit(1795244280.123:4242): argc=2 a0=\"echo\" a1_len=8 a1[0]=6162 a1[1]=6364",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                event.action = audit_execve
                event.category = process
                event.sequence = 4242
                event.type = start
                process.args = echo, abcd
                process.command_line = echo abcd
                auditd.id = 1795244280.123:4242
                type = EXECVE
                argc = 2
                a0 = echo
                a1_len = 8
            "]],
        );
    }

    #[test]
    fn connection() {
        check(
            "type=SOCKADDR msg=audit(1795244280.123:4242): saddr=0200115CCB0071090000000000000000",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                destination.ip = 203.0.113.9
                destination.port = 4444
                event.action = audit_sockaddr
                event.category = network
                event.sequence = 4242
                event.type = info
                auditd.id = 1795244280.123:4242
                type = SOCKADDR
                saddr = 0200115CCB0071090000000000000000
            "]],
        );
        check(
            "type=SOCKADDR msg=audit(1795244280.123:4242): saddr=0A000016000000000000000000000000000000000000000000000000",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.123Z
                destination.ip = ::
                destination.port = 22
                event.action = audit_sockaddr
                event.category = network
                event.sequence = 4242
                event.type = info
                auditd.id = 1795244280.123:4242
                type = SOCKADDR
                saddr = 0A000016000000000000000000000000000000000000000000000000
            "]],
        );
    }

    #[test]
    fn account_name_that_imitates_an_address() {
        check(
            "type=USER_LOGIN msg=audit(1795244280.456:4243): pid=4711 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct=78206164647231302E302E302E31 exe=\"/usr/sbin/sshd\" hostname=? addr=203.0.113.9 terminal=ssh res=failed'",
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.456Z
                event.action = audit_user_login
                event.category = authentication
                event.outcome = failure
                event.sequence = 4243
                event.type = start
                process.executable = /usr/sbin/sshd
                process.pid = 4711
                process.tty = ssh
                source.ip = 203.0.113.9
                user.id = 0
                user.name = x addr10.0.0.1
                auditd.id = 1795244280.456:4243
                type = USER_LOGIN
                uid = 0
                auid = 4294967295
                op = login
                exe = /usr/sbin/sshd
            "]],
        );
    }

    #[test]
    fn not_of_audit() {
        check("type=SYSCALL pid=1", expect![[r#"Missing("stamp")"#]]);
        check("IN=eth0 OUT= audit", expect![[r#"Missing("type")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
