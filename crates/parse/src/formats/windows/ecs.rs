//! The usual names of Sysmon and of the security log in the words of the Elastic Common Schema.
//!
//! What an event's own names hold stays where it is; this only says the same once more under the
//! names that all other formats share.

mod tables;

use std::net::IpAddr;

use model::{Event, Field};

use self::tables::{KINDS, MAPPINGS};
use super::super::shared::Meaning;
use super::xml::unescaped;

/// What one value becomes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// The field, as it stands.
    As(Field),
    /// A whole number, decimal or hexadecimal.
    Number(Field),
    /// A path, and its last part.
    Path(Field, Field),
    /// `DOMAIN\name`.
    Account,
    /// An address; IPv4 within IPv6 is taken out.
    Address(Field),
    /// A transport, by name or by its number.
    Transport,
    /// `SHA256=…,MD5=…`, below this prefix.
    Hashes(&'static str),
    /// The path of a registry key, its root by its short name.
    Key,
    /// A field that the schema does not know.
    Other(&'static str),
    /// The label of an integrity level, by its number.
    Integrity,
}

/// How the values of one kind of event are called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapping(&'static [(&'static str, Target)]);

/// An event's provider, in the few that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    Sysmon,
    Security,
    EventLog,
    ServiceControl,
    PowerShell,
    LocalSessions,
}

impl Provider {
    fn of(event: &Event) -> Option<Self> {
        Some(match event.text(Field::EventProvider)? {
            "Microsoft-Windows-Sysmon" | "Linux-Sysmon" => Self::Sysmon,
            "Microsoft-Windows-Security-Auditing" => Self::Security,
            "Microsoft-Windows-Eventlog" => Self::EventLog,
            "Service Control Manager" => Self::ServiceControl,
            "Microsoft-Windows-PowerShell" | "PowerShellCore" => Self::PowerShell,
            "Microsoft-Windows-TerminalServices-LocalSessionManager" => Self::LocalSessions,
            _ => return None,
        })
    }
}

fn code(event: &Event) -> Option<u16> {
    event.text(Field::EventCode)?.parse().ok()
}

impl Mapping {
    /// Gives the names of an event whose header has been read.
    pub(super) fn of(event: &Event) -> Self {
        let found = Provider::of(event).zip(code(event)).and_then(|(provider, code)| {
            MAPPINGS.iter().find(|row| {
                row.provider == provider && (row.codes.is_empty() || row.codes.contains(&code))
            })
        });
        Self(found.map_or(&[], |row| row.names))
    }

    /// Writes one value under its common name, where it has one.
    pub(super) fn write(self, event: &mut Event, name: &str, text: &str) {
        // A dash says that there is nothing.
        if matches!(text, "" | "-") {
            return;
        }
        if let Some((_, target)) = self.0.iter().find(|(known, _)| *known == name) {
            target.write(event, &unescaped(text));
        }
    }
}

impl Target {
    fn write(self, event: &mut Event, text: &str) {
        match self {
            Self::As(field) => event.set(field, text),
            Self::Other(name) => event.set_extra(name, text),
            Self::Number(field) => {
                if let Some(number) = number(text) {
                    event.set(field, number);
                }
            }
            Self::Path(path, name) => {
                event.set(path, text);
                event.set(name, last(text));
            }
            Self::Account => {
                let (domain, name) = text.split_once('\\').unwrap_or(("", text));
                event.set(Field::UserName, name);
                if !domain.is_empty() {
                    event.set(Field::UserDomain, domain);
                }
            }
            Self::Address(field) => {
                if let Ok(address) = text.parse::<IpAddr>() {
                    event.set(field, address.to_canonical());
                }
            }
            Self::Transport => {
                let name = match text {
                    "1" => "icmp",
                    "6" => "tcp",
                    "17" => "udp",
                    "58" => "ipv6-icmp",
                    other => other,
                };
                event.set(Field::NetworkTransport, name);
            }
            Self::Hashes(prefix) => hashes(event, prefix, text),
            Self::Key => event.set_extra_made("registry.path", |out| key(text, out)),
            Self::Integrity => {
                let level = match text {
                    "S-1-16-0" => "untrusted",
                    "S-1-16-4096" => "low",
                    "S-1-16-8192" | "S-1-16-8448" => "medium",
                    "S-1-16-12288" => "high",
                    "S-1-16-16384" => "system",
                    _ => return,
                };
                event.set_extra("process.Ext.token.integrity_level_name", level);
            }
        }
    }
}

/// Adds what follows from the whole event.
pub(super) fn finish(event: &mut Event) {
    if event.text(Field::EventProvider) == Some("Linux-Sysmon") {
        event.set(Field::HostOsType, "linux");
    }
    let (Some(provider), Some(code)) = (Provider::of(event), code(event)) else { return };
    if let Some(kind) = KINDS.iter().find(|kind| kind.provider == provider && kind.code == code) {
        let (action, category, outcome) = (kind.action, kind.category, kind.outcome);
        Meaning { action, category, kind: kind.kind, outcome }.write(event);
    }
    // The security log tells a key and the name of its value apart.
    if provider == Provider::Security
        && code == 4657
        && let (Some(key), Some(value)) =
            (text_of(event, "registry.path"), text_of(event, "winlog.event_data.ObjectValueName"))
    {
        event.set_extra("registry.path", format!("{key}\\{value}").as_str());
    }
}

fn text_of(event: &Event, name: &str) -> Option<String> {
    event.get_extra(name)?.as_text().map(ToOwned::to_owned)
}

/// Reads `1234` or `0x4d2`.
fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Gives what stands behind the last separator of a path.
fn last(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

fn hashes(event: &mut Event, prefix: &str, text: &str) {
    for (kind, value) in text.split(',').filter_map(|hash| hash.split_once('=')) {
        let name = match kind {
            "MD5" => "md5",
            "SHA1" => "sha1",
            "SHA256" => "sha256",
            "IMPHASH" => "imphash",
            _ => continue,
        };
        event.set_path(&format!("{prefix}.{name}"), value.to_ascii_lowercase().as_str());
    }
}

/// Writes the path of a key as Sysmon does, whose rules it is for.
fn key(text: &str, out: &mut String) {
    const ROOTS: &[(&str, &str)] = &[("\\REGISTRY\\MACHINE", "HKLM"), ("\\REGISTRY\\USER", "HKU")];
    let root = ROOTS.iter().find_map(|(long, short)| {
        let head = text.get(..long.len())?;
        head.eq_ignore_ascii_case(long).then(|| (*short, text.get(long.len()..).unwrap_or("")))
    });
    let (root, rest) = root.unwrap_or(("", text));
    out.push_str(root);
    out.push_str(rest);
}
