//! The number that begins a syslog message sent over the network: `<34>`.

use model::{Event, Field};

/// The highest priority: facility 23, severity 7.
const PRIORITY_MAX: u8 = 191;

const FACILITIES: [&str; 24] = [
    "kernel", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
    "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3",
    "local4", "local5", "local6", "local7",
];

const SEVERITIES: [&str; 8] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"];

/// Reads `<34>` and gives what follows.
pub(super) fn read(text: &str) -> Option<(u8, &str)> {
    let (figures, rest) = text
        .strip_prefix('<')?
        .split_at_checked(text.bytes().skip(1).take(4).position(|byte| byte == b'>')?)?;
    if figures.starts_with('+') {
        return None;
    }
    let code = figures.parse().ok().filter(|code| *code <= PRIORITY_MAX)?;
    Some((code, rest.strip_prefix('>')?))
}

/// Writes the facility and the severity.
pub(super) fn write(code: u8, event: &mut Event) {
    let (facility, severity) = (code / 8, code % 8);
    event.set(Field::SyslogPriority, code);
    event.set(Field::SyslogFacilityCode, facility);
    event.set(Field::SyslogSeverityCode, severity);
    if let Some(name) = FACILITIES.get(usize::from(facility)) {
        event.set(Field::SyslogFacilityName, *name);
    }
    if let Some(name) = SEVERITIES.get(usize::from(severity)) {
        event.set(Field::SyslogSeverityName, *name);
    }
}
