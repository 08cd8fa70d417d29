//! What the table `[decoys]` of the configuration holds.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::DECOYS;

/// Bounds how many services one process plays.
const SERVICES_MAX: usize = 256;
const CONNECTIONS_MAX: usize = 200_000;

/// The decoys; none listens unless it is named in `services`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which accounts are let in: `weak` a few that are tried often, `none`, or `any` of them.
    pub admit: Admit,
    /// Further accounts that are let in.
    pub accounts: Vec<Account>,
    /// Who the decoys pretend to be, where that is not to be made up.
    pub persona: PersonaConfig,
    /// What one source and all of them together may take.
    pub bounds: Bounds,
    /// Whose touches are not told, such as your own scanner.
    pub allow: Vec<Allowed>,
    /// The services that are played.
    pub services: Vec<ServiceConfig>,
}

/// One service that is played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// Which one: the first column of `bartizan decoy kinds`.
    pub kind: String,
    /// Where it listens; the kind's own high port on every address if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Its name in events; the kind if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it greets with instead of what fits the persona.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner: Option<String>,
}

/// Which accounts are let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Admit {
    /// A few weak ones that this installation chose, after some tries.
    #[default]
    Weak,
    /// None but those of `accounts`.
    None,
    /// Whatever is tried.
    Any,
}

/// An account that is let in at once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Who the decoys pretend to be, where that is not to be made up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PersonaConfig {
    /// The machine's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// The domain that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Versions of services by their kind, such as `mysql = "8.0.36"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
}

/// A source whose touches are not told; what is left out fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allowed {
    /// An address or a network, such as `10.0.0.0/8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The port that it came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The kind or the name of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// What one source and all of them together may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Connections that are open at once, all in all.
    pub connections_max: usize,
    /// Of these, how many of one source (an IPv4 address, an IPv6 /64); fewer where places run short.
    pub source_connections_max: u32,
    /// New connections of one source a second, over time.
    pub source_rate_max: u32,
    /// New connections of one source at once before that rate holds.
    pub source_burst_max: u32,
    /// What one source may send in an hour, in megabytes.
    pub source_mb_an_hour_max: u64,
    /// How long all sessions of one source may take in an hour, together, in minutes.
    pub source_minutes_an_hour_max: u64,
    /// What may be sent in one session, in megabytes.
    pub session_mb_max: u64,
    /// How long one session lasts at most, in seconds.
    pub session_seconds_max: u64,
    /// How long it may be silent, in seconds.
    pub idle_seconds_max: u64,
    /// How large a file is that goes into quarantine, in megabytes; the rest is cut.
    pub file_mb_max: u64,
    /// How much the quarantine keeps, in megabytes; the oldest files go first.
    pub quarantine_mb_max: u64,
    /// How much is kept of what passed in one session, in kilobytes.
    pub transcript_kb_max: u64,
    /// How much is kept of what passed in all of them, in megabytes; the oldest go first.
    pub transcripts_mb_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            source_connections_max: 128,
            source_rate_max: 20,
            source_burst_max: 300,
            source_mb_an_hour_max: 256,
            source_minutes_an_hour_max: 1200,
            session_mb_max: 64,
            session_seconds_max: 3600,
            idle_seconds_max: 180,
            file_mb_max: 32,
            quarantine_mb_max: 1024,
            transcript_kb_max: 512,
            transcripts_mb_max: 256,
        }
    }
}

/// What is wrong with the configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key, such as `decoys.services[0].kind`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Config {
    /// Gives every fault at once; `path` is where the table stands, such as `decoys`.
    pub fn validate(&self, path: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut add = |key: String, message: String| {
            faults.push(Fault { path: format!("{path}.{key}"), message });
        };
        if self.services.len() > SERVICES_MAX {
            add("services".to_owned(), format!("may be {SERVICES_MAX} at most"));
        }
        for (index, service) in self.services.iter().enumerate() {
            if !DECOYS.iter().any(|decoy| decoy.id == service.kind) {
                let known: Vec<&str> = DECOYS.iter().map(|decoy| decoy.id).collect();
                let known = known.join(", ");
                let message = format!("there is no decoy `{}`; there are {known}", service.kind);
                add(format!("services[{index}].kind"), message);
            }
            if service.banner.as_ref().is_some_and(|banner| banner.len() > 255) {
                add(format!("services[{index}].banner"), "may be 255 bytes at most".to_owned());
            }
        }
        for (index, allowed) in self.allow.iter().enumerate() {
            if allowed.ip.as_ref().is_some_and(|ip| Network::parse(ip).is_none()) {
                let message = "is no address and no network such as 10.0.0.0/8".to_owned();
                add(format!("allow[{index}].ip"), message);
            }
            if *allowed == Allowed::default() {
                add(format!("allow[{index}]"), "must name an ip, a port or a service".to_owned());
            }
        }
        let host = self.persona.host_name.iter().chain(&self.persona.domain);
        if host.into_iter().any(|name| !is_host_name(name)) {
            let message = "host names are letters, digits, dots and hyphens, 200 at most";
            add("persona".to_owned(), message.to_owned());
        }
        self.bounds.validate(&mut add);
        faults
    }
}

impl Bounds {
    fn validate(&self, add: &mut impl FnMut(String, String)) {
        let mut within = |name: &str, number: u64, most: u64| {
            if !(1..=most).contains(&number) {
                let message = format!("must be between 1 and {most}, but is {number}");
                add(format!("bounds.{name}"), message);
            }
        };
        let connections = u64::try_from(self.connections_max).unwrap_or(u64::MAX);
        let connections_max = u64::try_from(CONNECTIONS_MAX).unwrap_or(u64::MAX);
        within("connections_max", connections, connections_max);
        within("source_connections_max", self.source_connections_max.into(), connections_max);
        within("source_rate_max", self.source_rate_max.into(), 1_000_000);
        within("source_burst_max", self.source_burst_max.into(), 1_000_000);
        within("source_mb_an_hour_max", self.source_mb_an_hour_max, 1 << 20);
        within("source_minutes_an_hour_max", self.source_minutes_an_hour_max, 1 << 30);
        within("session_mb_max", self.session_mb_max, 1 << 20);
        within("session_seconds_max", self.session_seconds_max, 86_400);
        within("idle_seconds_max", self.idle_seconds_max, 86_400);
        within("file_mb_max", self.file_mb_max, 1024);
        within("quarantine_mb_max", self.quarantine_mb_max, 1 << 20);
        within("transcript_kb_max", self.transcript_kb_max, 1 << 20);
        within("transcripts_mb_max", self.transcripts_mb_max, 1 << 20);
    }
}

fn is_host_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (1..=200).contains(&name.len()) && name.bytes().all(fits)
}

impl Allowed {
    /// Tells whether a touch is one of these.
    pub(crate) fn covers(&self, ip: IpAddr, port: u16, names: [&str; 2]) -> bool {
        let network = self.ip.as_deref().map(Network::parse);
        network.is_none_or(|network| network.is_some_and(|network| network.holds(ip)))
            && self.port.is_none_or(|own| own == port)
            && self.service.as_deref().is_none_or(|own| names.contains(&own))
    }
}

/// A network of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    bits: u128,
    prefix: u32,
    is_v4: bool,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (ip, prefix) = text.split_once('/').map_or((text, None), |(ip, p)| (ip, Some(p)));
        let (bits, is_v4) = bits(ip.parse().ok()?);
        let width = if is_v4 { 32 } else { 128 };
        let prefix = prefix.map_or(Some(width), |prefix| prefix.parse().ok())?;
        (prefix <= width).then_some(Self { bits, prefix, is_v4 })
    }

    fn holds(self, ip: IpAddr) -> bool {
        let (bits, is_v4) = bits(ip);
        let width = if self.is_v4 { 32 } else { 128 };
        let away = width - self.prefix;
        is_v4 == self.is_v4
            && (bits ^ self.bits).checked_shr(away).is_none_or(|different| different == 0)
    }
}

fn bits(ip: IpAddr) -> (u128, bool) {
    match ip.to_canonical() {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), true),
        IpAddr::V6(ip) => (ip.to_bits(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_by_address_and_port_and_service() {
        let allowed = |ip: Option<&str>, port, service: Option<&str>| Allowed {
            ip: ip.map(str::to_owned),
            port,
            service: service.map(str::to_owned),
        };
        let touch = |allowed: Allowed| {
            allowed.covers("10.1.2.3".parse().unwrap(), 2222, ["ssh", "dmz ssh"])
        };
        assert!(touch(allowed(Some("10.0.0.0/8"), None, None)));
        assert!(touch(allowed(Some("::ffff:10.1.2.3"), Some(2222), Some("ssh"))));
        assert!(touch(allowed(None, None, Some("dmz ssh"))));
        assert!(touch(allowed(Some("0.0.0.0/0"), None, None)));
        assert!(!touch(allowed(Some("10.1.2.4"), None, None)));
        assert!(!touch(allowed(Some("10.1.2.3"), Some(22), None)));
        assert!(!touch(allowed(Some("::/0"), None, None)));
        assert!(!touch(allowed(None, None, Some("telnet"))));
    }

    #[test]
    fn all_faults_at_once() {
        let service =
            ServiceConfig { kind: "nonsense".to_owned(), listen: None, name: None, banner: None };
        let config = Config {
            services: vec![service],
            allow: vec![Allowed::default()],
            bounds: Bounds { file_mb_max: 0, ..Bounds::default() },
            ..Config::default()
        };
        let paths: Vec<String> =
            config.validate("decoys").into_iter().map(|fault| fault.path).collect();
        assert_eq!(
            paths,
            ["decoys.services[0].kind", "decoys.allow[0]", "decoys.bounds.file_mb_max"]
        );
        assert_eq!(Config::default().validate("decoys"), []);
    }
}
