//! Which rules an event is for.
//!
//! A rule names a product, a category, a service, or some of them. An event is of some of them too:
//! it says so itself (`product`, `category`, `service`, as flat events for Sigma do), or it follows
//! from the tables below. Where both name the same thing differently the rule does not run; where
//! either says nothing, it does, so that no match is lost for want of a label.

mod windows;

use model::{Event, Field, Value};
use query::{Case, FieldRef, Literal, Matcher, Node, Placement, TextMatcher};

use crate::fields::places;

use self::windows::{REGISTRY_KINDS, WindowsSource, windows};

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

/// Where an event may say itself of which product, category and service it is.
const LABELS: [[&str; 2]; 3] = [
    ["product", "logsource.product"],
    ["category", "logsource.category"],
    ["service", "logsource.service"],
];

/// What a format of ours reads: its `event.module`, the product and service it belongs to, and the
/// category, where it has one.
const MODULES: &[(&str, &str, &str, &str)] = &[
    ("access", "", "", "webserver"),
    ("accounts", "linux", "auth", ""),
    ("apache_error", "", "apache", ""),
    ("auditd", "linux", "auditd", "*"),
    ("aws_alb", "", "alb", "webserver"),
    ("charon", "linux", "charon", ""),
    ("cisco_asa", "cisco", "asa", "firewall"),
    ("cloudfront", "", "cloudfront", "webserver"),
    ("console", "bartizan", "console", ""),
    ("cron", "linux", "cron", ""),
    ("decoy", "", "decoy", ""),
    ("detector", "bartizan", "detector", ""),
    ("dnsmasq", "linux", "dnsmasq", "dns"),
    ("dovecot", "linux", "dovecot", ""),
    ("flow", "", "flow", "*"),
    ("filterlog", "", "filterlog", "firewall"),
    ("logind", "linux", "auth", ""),
    ("mariadb_audit", "", "mariadb", "database"),
    ("mysql", "", "mysql", "database"),
    ("named", "", "named", "dns"),
    ("netfilter", "linux", "netfilter", "firewall"),
    ("netflow", "", "netflow", "firewall"),
    ("nginx_error", "", "nginx", ""),
    ("openvpn", "", "openvpn", "vpn"),
    ("palo_alto", "paloalto", "panos", "firewall"),
    ("pam", "linux", "", ""),
    ("postfix", "linux", "postfix", ""),
    ("postgresql", "", "postgresql", "database"),
    ("proftpd", "linux", "proftpd", "ftp"),
    ("pure_ftpd", "linux", "pure-ftpd", "ftp"),
    ("redis", "", "redis", "database"),
    ("samba", "linux", "samba", "fileserver"),
    ("scan", "", "scan", ""),
    ("squid", "", "squid", "proxy"),
    ("sshd", "linux", "sshd", ""),
    ("su", "linux", "auth", ""),
    ("sudo", "linux", "sudo", ""),
    ("systemd", "linux", "syslog", ""),
    ("traffic", "", "traffic", ""),
    ("unbound", "", "unbound", "dns"),
    ("vsftpd", "linux", "vsftpd", "ftp"),
    ("w3c", "windows", "iis", "webserver"),
    ("windows_dns", "windows", "dns-server", "dns"),
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

/// Categories that hold others.
const WIDER: &[(&str, &str)] = &[
    ("registry_set", "registry_event"),
    ("registry_add", "registry_event"),
    ("registry_delete", "registry_event"),
    ("registry_rename", "registry_event"),
];

/// What an event is of.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'e> {
    product: Known<'e>,
    category: Known<'e>,
    service: Known<'e>,
}

impl Logsource {
    /// Tells whether a rule of this logsource is for an event.
    pub fn fits(&self, event: &Event) -> bool {
        self.fits_labels(&Labels::of(event))
    }

    /// Gives where the events of this logsource may keep what Sigma calls by a name; the name itself
    /// comes first.
    pub fn places(&self, name: &str) -> Vec<FieldRef> {
        places(name, self)
    }

    /// Gives a test that each event passes which a rule of this logsource is for. Some others pass it
    /// too: that an event of Windows is of another category, its own rules alone can tell.
    pub fn bound(&self) -> Node {
        let is = |module: &str| {
            let literal = Literal::new(Placement::Whole, Case::Exact, module);
            Node::field(Field::EventModule, Matcher::Text(TextMatcher::Literal(literal)))
        };
        let is_unfit = |module: &&str| {
            let mut event = Event::default();
            event.set(Field::EventModule, *module);
            !self.fits(&event)
        };
        let unfit: Vec<Node> = MODULES.iter().map(|row| row.0).filter(is_unfit).map(is).collect();
        // What an event says of itself goes before what follows from its module.
        let own = LABELS.iter().flatten();
        let says = own.map(|name| Node::field(FieldRef::by_name(name), Matcher::Exists));
        let mut passes = vec![Node::Not(Box::new(Node::Or(unfit)))];
        passes.extend(says);
        Node::Or(passes)
    }

    /// Tells whether a rule of this logsource is for the events of these labels.
    pub fn fits_labels(&self, labels: &Labels<'_>) -> bool {
        labels.fit(self)
    }
}

impl<'e> Labels<'e> {
    /// Gives the labels of an event.
    pub fn of(event: &'e Event) -> Self {
        let mut labels = Self::derived(event);
        for extra in event.extras() {
            let Value::Text(name) = extra.value else { continue };
            let known = Known::Name(name);
            match extra.name {
                name if LABELS[0].contains(&name) => labels.product = known,
                name if LABELS[1].contains(&name) => labels.category = known,
                name if LABELS[2].contains(&name) => labels.service = known,
                _ => {}
            }
        }
        labels
    }

    /// Gives product, category and service: `None` where nothing is known, empty where the event has
    /// none.
    pub fn words(&self) -> [Option<&'e str>; 3] {
        self.each().map(|known| match known {
            Known::Open => None,
            Known::Nothing => Some(""),
            Known::Name(name) => Some(name),
        })
    }

    /// Gives the labels that [`Labels::words`] told.
    pub fn of_words(words: [Option<&'e str>; 3]) -> Self {
        let [product, category, service] = words.map(|word| match word {
            None => Known::Open,
            Some("") => Known::Nothing,
            Some(name) => Known::Name(name),
        });
        Self { product, category, service }
    }

    /// Gives the labels as something to keep.
    pub(crate) fn names(&self) -> LabelNames {
        LabelNames(self.each().map(|known| match known {
            Known::Open => None,
            Known::Nothing => Some(String::new()),
            Known::Name(name) => Some(name.to_owned()),
        }))
    }

    /// Gives the length of the longest.
    pub(crate) fn length(&self) -> usize {
        let length = |known| if let Known::Name(name) = known { str::len(name) } else { 0 };
        self.each().map(length).into_iter().max().unwrap_or(0)
    }

    fn each(&self) -> [Known<'e>; 3] {
        [self.product, self.category, self.service]
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
        if let Some(labels) = Self::of_windows(event) {
            return labels;
        }
        let program = event.text(Field::ProcessName).or_else(|| event.text(Field::SyslogAppname));
        if let Some((_, product, service)) =
            PROGRAMS.iter().find(|(name, _, _)| Some(*name) == program)
        {
            return Self { product: Known::Name(product), service: Known::Name(service), ..open };
        }
        open
    }

    /// Reads the channel, the provider and the event's number of a Windows event, flat or not.
    fn of_windows(event: &'e Event) -> Option<Self> {
        let extra = |name| event.get_extra(name).and_then(Value::as_text);
        let channel = extra("winlog.channel").or_else(|| extra("Channel"))?;
        let code = match event.text(Field::EventCode).map(str::parse) {
            Some(Ok(code)) => Some(code),
            _ => match event.get_extra("EventID") {
                Some(Value::Integer(code)) => Some(code),
                Some(Value::Text(code)) => code.parse().ok(),
                _ => None,
            },
        };
        let provider = event.text(Field::EventProvider).or_else(|| extra("SourceName"));
        let provider = provider.unwrap_or_default();
        if provider == "Linux-Sysmon" {
            let found = windows("Microsoft-Windows-Sysmon/Operational", provider, code);
            let category = found.category.map_or(Known::Open, Known::Name);
            return Some(Self {
                product: Known::Name("linux"),
                category,
                service: Known::Name("sysmon"),
            });
        }
        let WindowsSource { service, mut category } = windows(channel, provider, code);
        // What happened to a registry key stands in the event.
        if category == Some("registry_event") {
            let kind = extra("winlog.event_data.EventType").or_else(|| extra("EventType"));
            category = REGISTRY_KINDS
                .iter()
                .find(|(name, _)| Some(*name) == kind)
                .map_or(category, |(_, kind)| Some(*kind));
        }
        // The tables know all categories of the services that they know.
        let without = if service.is_some() { Known::Nothing } else { Known::Open };
        Some(Self {
            product: Known::Name("windows"),
            category: category.map_or(without, Known::Name),
            service: service.map_or(Known::Open, Known::Name),
        })
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

/// Labels, kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelNames([Option<String>; 3]);

impl LabelNames {
    /// Tells whether labels are these.
    pub(crate) fn are(&self, labels: &Labels<'_>) -> bool {
        self.0.iter().zip(labels.each()).all(|(kept, known)| match (kept.as_deref(), known) {
            (None, Known::Open) | (Some(""), Known::Nothing) => true,
            // No rule names nothing: an empty name fits as `Nothing` does.
            (Some(kept), Known::Name(name)) => kept == name,
            _ => false,
        })
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
    fn the_bound_loses_nothing() {
        let mut events: Vec<Event> = MODULES
            .iter()
            .map(|row| {
                let mut event = Event::default();
                event.set(Field::EventModule, row.0);
                event
            })
            .collect();
        let mut labelled = Event::default();
        labelled.set(Field::EventModule, "sshd");
        labelled.set_path("product", "windows");
        events.push(labelled);
        events.push(Event::default());
        for (product, service) in
            [("linux", Some("sshd")), ("windows", None), ("cisco", None), ("linux", Some("cron"))]
        {
            let logsource = Logsource {
                product: Some(product.to_owned()),
                service: service.map(str::to_owned),
                category: None,
            };
            let passed: Vec<&Event> =
                events.iter().filter(|event| logsource.bound().matches(event)).collect();
            assert!(passed.len() < events.len() / 2 + 8, "{logsource:?} narrows");
            assert!(
                events
                    .iter()
                    .all(|event| { !logsource.fits(event) || logsource.bound().matches(event) })
            );
        }
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

    #[test]
    fn an_event_of_a_windows_event_file() {
        let mut event = Event::default();
        event.set(Field::EventModule, "windows");
        event.set(Field::EventCode, "4688");
        event.set(Field::ProcessName, "sshd");
        event.set_path("winlog.channel", "Security");
        check(&event, "windows/process_creation/", true);
        check(&event, "windows//security", true);
        check(&event, "windows/image_load/", false);
        check(&event, "linux//sshd", false);
        event.set(Field::EventCode, "4624");
        check(&event, "windows/process_creation/", false);
    }

    #[test]
    fn what_happened_to_a_registry_key() {
        let mut event = Event::default();
        event.set(Field::EventCode, "12");
        event.set_path("winlog.channel", "Microsoft-Windows-Sysmon/Operational");
        check(&event, "windows/registry_event/", true);
        event.set_path("winlog.event_data.EventType", "DeleteKey");
        check(&event, "windows/registry_delete/", true);
        check(&event, "windows/registry_event/", true);
        check(&event, "windows/registry_add/", false);
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
