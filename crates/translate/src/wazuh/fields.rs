//! Where our events keep what Wazuh's decoders read, and what its decoders are called here.

use crate::detection::{Logsource, Node, Test, Value};

/// What kind of record a rule looks at, where that changes what a field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An access log of a web server or proxy.
    Web,
    /// An event of Windows.
    Windows,
    /// A line of a packet filter.
    Firewall,
    /// Anything else that a decoder is known for.
    Other,
}

/// What records a decoder or a category reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) kind: Kind,
    logsource: Logsource,
    /// A field and its values that tell such a record; none where only its logsource does.
    test: Option<(&'static str, &'static [&'static str])>,
}

const fn program(service: &'static str, programs: &'static [&'static str]) -> Origin {
    let logsource = Logsource { product: Some("linux"), category: None, service: Some(service) };
    Origin { kind: Kind::Other, logsource, test: Some(("process.name", programs)) }
}

const fn other(programs: &'static [&'static str]) -> Origin {
    let logsource = Logsource { product: None, category: None, service: None };
    Origin { kind: Kind::Other, logsource, test: Some(("process.name", programs)) }
}

const fn module(kind: Kind, modules: &'static [&'static str]) -> Origin {
    let logsource = Logsource { product: None, category: None, service: None };
    Origin { kind, logsource, test: Some(("event.module", modules)) }
}

/// A service of Linux whose events have a format of their own here.
const fn of_linux(service: &'static str, modules: &'static [&'static str]) -> Origin {
    let logsource = Logsource { product: Some("linux"), category: None, service: Some(service) };
    Origin { kind: Kind::Other, logsource, test: Some(("event.module", modules)) }
}

const WEB: Origin = Origin {
    kind: Kind::Web,
    logsource: Logsource { product: None, category: Some("webserver"), service: None },
    test: Some(("event.category", &["web"])),
};
const WINDOWS: Origin =
    Origin { kind: Kind::Windows, logsource: Logsource::product("windows"), test: None };
const FIREWALL: Origin = Origin {
    kind: Kind::Firewall,
    logsource: Logsource { product: None, category: Some("firewall"), service: None },
    test: Some(("event.module", &["cisco_asa", "filterlog", "netfilter"])),
};

/// Decoders by their names.
const DECODERS: &[(&str, Origin)] = &[
    ("apache-errorlog", module(Kind::Other, &["apache_error"])),
    ("auditd", of_linux("auditd", &["auditd"])),
    ("cisco-asa", module(Kind::Firewall, &["cisco_asa"])),
    ("crond", program("cron", &["cron", "CRON", "crond"])),
    ("dovecot", other(&["dovecot"])),
    ("dropbear", other(&["dropbear"])),
    ("iptables", module(Kind::Firewall, &["netfilter"])),
    ("kernel", other(&["kernel"])),
    ("mysql_log", module(Kind::Other, &["mysql"])),
    ("named", other(&["named"])),
    ("nginx-errorlog", module(Kind::Other, &["nginx_error"])),
    ("openvpn", other(&["openvpn"])),
    ("pf", module(Kind::Firewall, &["filterlog"])),
    ("postfix", of_linux("postfix", &["postfix"])),
    ("postgresql_log", module(Kind::Other, &["postgresql"])),
    ("proftpd", other(&["proftpd"])),
    ("pure-ftpd", other(&["pure-ftpd"])),
    ("redis", module(Kind::Other, &["redis"])),
    ("smbd", other(&["smbd"])),
    ("squid-accesslog", module(Kind::Web, &["squid"])),
    ("sshd", program("sshd", &["sshd", "sshd-session", "sshd-auth"])),
    ("su", program("auth", &["su"])),
    ("sudo", program("sudo", &["sudo"])),
    ("systemd", program("syslog", &["systemd"])),
    ("telnetd", other(&["telnetd", "in.telnetd"])),
    ("unbound", other(&["unbound"])),
    ("useradd", program("auth", &["useradd", "adduser"])),
    ("usermod", program("auth", &["usermod"])),
    ("vsftpd", program("vsftpd", &["vsftpd"])),
    ("web-accesslog", WEB),
    ("web-accesslog-domain", WEB),
    ("web-accesslog-ip", WEB),
    ("windows", WINDOWS),
    ("windows_eventchannel", WINDOWS),
];

/// Categories, which are the decoders' types.
const CATEGORIES: &[(&str, Origin)] =
    &[("firewall", FIREWALL), ("web-log", WEB), ("windows", WINDOWS)];

/// Decoders that read any record of a form, and so ask nothing of it.
const OPEN_DECODERS: &[&str] = &["json"];
/// The category of every text log that has no other.
const OPEN_CATEGORY: &str = "syslog";

/// What a decoder or a category reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reads {
    Anything,
    Only(Origin),
}

/// Gives what a decoder reads.
pub(crate) fn decoder(name: &str) -> Option<Reads> {
    if OPEN_DECODERS.contains(&name) {
        return Some(Reads::Anything);
    }
    DECODERS.iter().find(|(known, _)| *known == name).map(|(_, origin)| Reads::Only(*origin))
}

/// Gives what records a category holds.
pub(crate) fn category(name: &str) -> Option<Reads> {
    if name == OPEN_CATEGORY {
        return Some(Reads::Anything);
    }
    CATEGORIES.iter().find(|(known, _)| *known == name).map(|(_, origin)| Reads::Only(*origin))
}

impl Origin {
    pub(crate) fn node(self) -> Node {
        let test = self.test.map(|(field, values)| Test {
            key: field.to_owned(),
            values: values.iter().map(|value| Value::Text((*value).to_owned())).collect(),
        });
        Node::Source(self.logsource, test)
    }
}

/// Gives the field of a decoder's fixed name, or why there is none.
pub(crate) fn fixed(name: &str, kind: Option<Kind>) -> Result<&'static str, String> {
    Ok(match (name, kind) {
        ("srcip", _) => "source.ip",
        ("dstip", _) => "destination.ip",
        ("srcport", _) => "source.port",
        ("dstport", _) => "destination.port",
        // Either of the two there; our events have the one who acted, or tried to.
        ("user" | "dstuser", _) | ("srcuser", Some(Kind::Web)) => "user.name",
        ("srcuser", _) => "source.user.name",
        ("hostname" | "system_name", _) => "host.name",
        ("program_name", _) => "process.name",
        ("url", _) => "url.original",
        ("id", Some(Kind::Web)) => "http.response.status_code",
        ("id", Some(Kind::Windows)) => "EventID",
        ("id", _) => {
            return Err("what `id` holds depends on the decoder, and that is not known".to_owned());
        }
        ("protocol" | "action", Some(Kind::Web)) => "http.request.method",
        ("protocol", _) => "network.transport",
        ("action", Some(Kind::Firewall)) => "event.action",
        ("location", _) => "log.file.path",
        _ => return Err(format!("the decoded field `{name}` has no counterpart")),
    })
}

/// Gives the field of a name that a decoder made itself.
pub(crate) fn dynamic(name: &str, kind: Option<Kind>) -> (String, Option<Logsource>) {
    if let Some(field) = name.strip_prefix("win.eventdata.") {
        return (capitalised(field), Some(Logsource::product("windows")));
    }
    if let Some(field) = name.strip_prefix("win.system.") {
        let field = match field {
            "eventID" => "EventID".to_owned(),
            "providerName" | "eventSourceName" => "Provider_Name".to_owned(),
            other => capitalised(other),
        };
        return (field, Some(Logsource::product("windows")));
    }
    if let Ok(field) = fixed(name, kind) {
        return (field.to_owned(), None);
    }
    let known = DYNAMIC.iter().find(|(theirs, _)| *theirs == name);
    (known.map_or(name, |(_, ours)| ours).to_owned(), None)
}

/// Names that Wazuh's own decoders give, and where our events keep the same.
const DYNAMIC: &[(&str, &str)] = &[
    ("audit.command", "process.name"),
    ("audit.cwd", "process.working_directory"),
    ("audit.exe", "process.executable"),
    ("audit.file.name", "file.path"),
    ("audit.pid", "process.pid"),
    ("audit.tty", "process.tty"),
];

fn capitalised(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + characters.as_str()
    })
}

/// Gives the field that a `same_…`, `different_…` or `not_same_…` names, and whether it must differ.
pub(crate) fn compared(
    name: &str,
    content: &str,
    kind: Option<Kind>,
) -> Option<Result<(String, bool), String>> {
    let differing = || name.strip_prefix("different_").or_else(|| name.strip_prefix("not_same_"));
    let same = name.strip_prefix("same_");
    let differs = same.is_none();
    let what = same.or_else(differing)?;
    let fixed_name = match what {
        "field" => {
            let name = content.trim();
            if name.is_empty() {
                return Some(Err("it compares a field and names none".to_owned()));
            }
            return Some(Ok((dynamic(name, kind).0, differs)));
        }
        "source_ip" | "srcip" => "srcip",
        "dest_ip" | "dst_ip" | "dstip" => "dstip",
        "src_port" | "srcport" => "srcport",
        "dst_port" | "dstport" => "dstport",
        // What an agent or a place of origin is there, is the host here.
        "agent" | "location" | "system_name" | "hostname" => "hostname",
        other => other,
    };
    Some(fixed(fixed_name, kind).map(|field| (field.to_owned(), differs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(dynamic("win.eventdata.targetUserName", None).0, "TargetUserName");
        assert_eq!(dynamic("win.system.eventID", None).0, "EventID");
        assert_eq!(dynamic("srcip", None).0, "source.ip");
        assert_eq!(dynamic("my.own", None).0, "my.own");
        assert_eq!(fixed("id", Some(Kind::Web)), Ok("http.response.status_code"));
        assert!(fixed("id", None).is_err());
        let same = |name, content| compared(name, content, None).unwrap().unwrap();
        assert_eq!(same("same_source_ip", ""), ("source.ip".to_owned(), false));
        assert_eq!(same("not_same_user", ""), ("user.name".to_owned(), true));
        assert_eq!(same("different_field", "a.b"), ("a.b".to_owned(), true));
        assert!(compared("description", "", None).is_none());
    }

    #[test]
    fn decoders_stand_in_order() {
        assert!(DECODERS.is_sorted_by(|one, next| one.0 < next.0));
    }
}
