//! Which rules an event is for.
//!
//! A rule names a product, a category, a service, or some of them. An event is of some of them too:
//! it says so itself (`product`, `category`, `service`, as flat events for Sigma do), or it follows
//! from the tables below. Where both name the same thing differently the rule does not run; where
//! either says nothing, it does, so that no match is lost for want of a label.

use std::collections::HashMap;

use model::{Event, Field, Value};

/// What a rule's `logsource` names, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Logsource {
    /// Such as `linux`.
    pub product: Option<String>,
    /// Such as `webserver`.
    pub category: Option<String>,
    /// Such as `sshd`.
    pub service: Option<String>,
}

/// What is known of one dimension of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known<'e> {
    /// Nothing: every rule fits.
    Open,
    /// It has none: rules that name one do not fit.
    Nothing,
    /// This one.
    Name(&'e str),
}

/// What a format of ours reads: its `event.module`, the product and service it belongs to, and the
/// category, where it has one.
const MODULES: &[(&str, &str, &str, &str)] = &[
    ("access", "", "", "webserver"),
    ("accounts", "linux", "auth", ""),
    ("apache_error", "", "apache", ""),
    ("auditd", "linux", "auditd", "*"),
    ("charon", "linux", "charon", ""),
    ("cisco_asa", "cisco", "asa", "firewall"),
    ("cron", "linux", "cron", ""),
    ("dnsmasq", "linux", "dnsmasq", "dns"),
    ("dovecot", "linux", "dovecot", ""),
    ("filterlog", "", "filterlog", "firewall"),
    ("logind", "linux", "auth", ""),
    ("named", "", "named", "dns"),
    ("netfilter", "linux", "netfilter", "firewall"),
    ("nginx_error", "", "nginx", ""),
    ("pam", "linux", "", ""),
    ("postfix", "linux", "postfix", ""),
    ("squid", "", "squid", "proxy"),
    ("sshd", "linux", "sshd", ""),
    ("su", "linux", "auth", ""),
    ("sudo", "linux", "sudo", ""),
    ("systemd", "linux", "syslog", ""),
    ("unbound", "", "unbound", "dns"),
    ("w3c", "windows", "iis", "webserver"),
];

/// What a program that speaks syslog is called in Sigma; its category stays open.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("CRON", "linux", "cron"),
    ("auditd", "linux", "auditd"),
    ("clamd", "linux", "clamav"),
    ("cron", "linux", "cron"),
    ("crond", "linux", "cron"),
    ("sshd", "linux", "sshd"),
    ("sshd-session", "linux", "sshd"),
    ("sudo", "linux", "sudo"),
    ("vsftpd", "linux", "vsftpd"),
];

/// Windows channels.
const CHANNELS: &[(&str, &str)] = &[
    ("Application", "application"),
    ("Microsoft-Windows-PowerShell/Operational", "powershell"),
    ("Microsoft-Windows-Sysmon/Operational", "sysmon"),
    ("Microsoft-Windows-TaskScheduler/Operational", "taskscheduler"),
    ("Microsoft-Windows-WMI-Activity/Operational", "wmi"),
    ("Microsoft-Windows-Windows Defender/Operational", "windefend"),
    ("Security", "security"),
    ("System", "system"),
    ("Windows PowerShell", "powershell-classic"),
];

/// Sysmon's event ids as Sigma's categories.
const SYSMON: &[(i64, &str)] = &[
    (1, "process_creation"),
    (2, "file_change"),
    (3, "network_connection"),
    (5, "process_termination"),
    (6, "driver_load"),
    (7, "image_load"),
    (8, "create_remote_thread"),
    (9, "raw_access_thread"),
    (10, "process_access"),
    (11, "file_event"),
    (12, "registry_event"),
    (13, "registry_set"),
    (14, "registry_rename"),
    (15, "create_stream_hash"),
    (17, "pipe_created"),
    (18, "pipe_created"),
    (19, "wmi_event"),
    (20, "wmi_event"),
    (21, "wmi_event"),
    (22, "dns_query"),
    (23, "file_delete"),
    (25, "process_tampering"),
    (26, "file_delete"),
];

/// Categories that hold others.
const WIDER: &[(&str, &str)] = &[
    ("registry_set", "registry_event"),
    ("registry_add", "registry_event"),
    ("registry_delete", "registry_event"),
    ("registry_rename", "registry_event"),
];

/// What an event is of.
#[derive(Clone, Copy, Debug)]
struct Labels<'e> {
    product: Known<'e>,
    category: Known<'e>,
    service: Known<'e>,
}

/// The rules by their logsource, and which of them an event is for.
#[derive(Debug, Default)]
pub(crate) struct Router {
    groups: Vec<(Logsource, Vec<usize>)>,
    index: HashMap<Logsource, usize>,
}

impl Router {
    pub(crate) fn add(&mut self, logsource: &Logsource, rule: usize) {
        let index = *self.index.entry(logsource.clone()).or_insert_with(|| {
            self.groups.push((logsource.clone(), Vec::new()));
            self.groups.len() - 1
        });
        if let Some((_, rules)) = self.groups.get_mut(index) {
            rules.push(rule);
        }
    }

    /// Gives the rules that an event is for.
    pub(crate) fn rules(&self, event: &Event) -> impl Iterator<Item = usize> {
        let labels = Labels::of(event);
        self.groups
            .iter()
            .filter(move |(logsource, _)| labels.fit(logsource))
            .flat_map(|(_, rules)| rules.iter().copied())
    }
}

impl Logsource {
    /// Tells whether a rule of this logsource is for an event.
    pub fn fits(&self, event: &Event) -> bool {
        Labels::of(event).fit(self)
    }
}

impl<'e> Labels<'e> {
    fn of(event: &'e Event) -> Self {
        let mut labels = Self::derived(event);
        for extra in event.extras() {
            let Value::Text(name) = extra.value else { continue };
            let known = Known::Name(name);
            match extra.name {
                "product" | "logsource.product" => labels.product = known,
                "category" | "logsource.category" => labels.category = known,
                "service" | "logsource.service" => labels.service = known,
                _ => {}
            }
        }
        labels
    }

    fn derived(event: &'e Event) -> Self {
        let open = Self { product: Known::Open, category: Known::Open, service: Known::Open };
        let named = |name| match name {
            "" => Known::Nothing,
            "*" => Known::Open,
            name => Known::Name(name),
        };
        let module = event.text(Field::EventModule).unwrap_or_default();
        if let Some((_, product, service, category)) = MODULES.iter().find(|row| row.0 == module) {
            // An access log may be of any server: its service stays open.
            let service = if service.is_empty() { Known::Open } else { Known::Name(service) };
            return Self { product: named(product), category: named(category), service };
        }
        let program = event.text(Field::ProcessName).or_else(|| event.text(Field::SyslogAppname));
        if let Some((_, product, service)) =
            PROGRAMS.iter().find(|(name, _, _)| Some(*name) == program)
        {
            return Self { product: Known::Name(product), service: Known::Name(service), ..open };
        }
        Self::of_windows(event).unwrap_or(open)
    }

    /// Reads the channel and the event id of a flat Windows event.
    fn of_windows(event: &'e Event) -> Option<Self> {
        let channel = event.get_extra("Channel")?.as_text()?;
        let (_, service) = CHANNELS.iter().find(|(name, _)| *name == channel)?;
        let category = match event.get_extra("EventID") {
            Some(Value::Integer(id)) if *service == "sysmon" => {
                SYSMON.iter().find(|row| row.0 == id).map_or(Known::Open, |row| Known::Name(row.1))
            }
            _ => Known::Open,
        };
        Some(Self { product: Known::Name("windows"), category, service: Known::Name(service) })
    }

    fn fit(&self, logsource: &Logsource) -> bool {
        self.product.fits(logsource.product.as_deref())
            && self.service.fits(logsource.service.as_deref())
            && (self.category.fits(logsource.category.as_deref())
                || WIDER.iter().any(|(narrow, wide)| {
                    self.category == Known::Name(narrow)
                        && logsource.category.as_deref() == Some(*wide)
                }))
    }
}

impl Known<'_> {
    fn fits(self, wanted: Option<&str>) -> bool {
        match (self, wanted) {
            (_, None) | (Self::Open, _) => true,
            (Self::Nothing, Some(_)) => false,
            (Self::Name(name), Some(wanted)) => name.eq_ignore_ascii_case(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_for_an_ssh_server() {
        let mut event = Event::default();
        event.set(Field::EventModule, "sshd");
        check(&event, "linux//sshd", true);
        check(&event, "linux//", true);
        check(&event, "//", true);
        check(&event, "linux//auditd", false);
        check(&event, "/webserver/", false);
        check(&event, "windows//", false);
    }

    #[test]
    fn rules_for_a_web_server() {
        let mut event = Event::default();
        event.set(Field::EventModule, "access");
        check(&event, "/webserver/", true);
        check(&event, "//nginx", true);
        check(&event, "linux//", false);
        check(&event, "/proxy/", false);
    }

    #[test]
    fn a_label_that_is_missing_loses_nothing() {
        let mut event = Event::default();
        check(&event, "windows/process_creation/", true);
        event.set_path("product", "windows");
        event.set_path("category", "registry_set");
        check(&event, "windows/registry_set/sysmon", true);
        check(&event, "windows/registry_event/", true);
        check(&event, "windows/process_creation/", false);
        check(&event, "linux//", false);
    }

    #[test]
    fn a_flat_windows_event() {
        let mut event = Event::default();
        event.set_path("Channel", "Microsoft-Windows-Sysmon/Operational");
        event.set_path("EventID", 1_i64);
        check(&event, "windows/process_creation/", true);
        check(&event, "windows/image_load/", false);
        check(&event, "windows//security", false);
    }

    #[track_caller]
    fn check(event: &Event, logsource: &str, fits: bool) {
        let mut parts =
            logsource.split('/').map(|part| (!part.is_empty()).then(|| part.to_owned()));
        let mut next = || parts.next().flatten();
        let logsource = Logsource { product: next(), category: next(), service: next() };
        assert_eq!(logsource.fits(event), fits, "{logsource:?}");
    }
}
