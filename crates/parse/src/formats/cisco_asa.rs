//! Cisco's firewalls (ASA, Firepower, PIX): packets, connections and log-ins.
//!
//! ```text
//! %ASA-4-106023: Deny tcp src outside:203.0.113.9/51514 dst inside:192.0.2.1/22 by access-group "edge" [0x0, 0x0]
//! %ASA-6-302013: Built inbound TCP connection 8 for outside:203.0.113.9/51514 (…) to inside:192.0.2.1/22 (…)
//! %ASA-6-113015: AAA user authentication Rejected : reason = Invalid password : … : user = ann : user IP = 203.0.113.9
//! ```
//!
//! Every message has a code, by which it is read. A syslog header may have taken it for the program's
//! name; then only the messages that are known here are recognised, and the rest is plain syslog.

use model::{Event, Field};

use super::shared::{Meaning, address, names};
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "cisco_asa",
    summary: "Cisco ASA, Firepower and PIX firewalls",
    programs: &[],
    recognises,
    parse,
};

const PREFIXES: [&str; 4] = ["%ASA-", "%FTD-", "%PIX-", "%FWSM-"];
/// Words that begin the messages whose code the header took away.
const OPENINGS: [&str; 14] = [
    "Deny ",
    "Built ",
    "Teardown ",
    "access-list ",
    "Inbound ",
    "AAA ",
    "Group ",
    "Login ",
    "User ",
    "TCP ",
    "UDP ",
    "Dropped ",
    "Authentication: ",
    "[",
];
/// How far into the text the code may stand.
const LOOK_BYTES_MAX: usize = 48;

fn recognises(text: &str) -> bool {
    let head = head(text);
    OPENINGS.iter().any(|opening| text.starts_with(opening))
        || (head.contains('%') && PREFIXES.iter().any(|prefix| head.contains(prefix)))
}

/// Gives the part of a text in which the code must stand.
fn head(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LOOK_BYTES_MAX)).unwrap_or_default()
}

fn parse(text: &str, event: &mut Event, context: &Context<'_>) -> Result<(), ParseError> {
    const NO_CODE: ParseError = ParseError::Missing("code");
    let tagged = PREFIXES.iter().find_map(|prefix| context.tag.strip_prefix(prefix));
    let (code, said) = if let Some(code) = tagged {
        (code, text)
    } else {
        let head = head(text);
        let at = PREFIXES.iter().find_map(|prefix| Some(head.find(prefix)? + prefix.len()));
        text.get(at.ok_or(NO_CODE)?..).and_then(|rest| rest.split_once(": ")).ok_or(NO_CODE)?
    };
    // `4-106023`, and from some models `session-4-106023`.
    let (level, number) = code.rsplit_once('-').ok_or(NO_CODE)?;
    let level = level.rsplit_once('-').map_or(level, |(_, level)| level);
    if number.len() != 6 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseError::Invalid("code"));
    }
    event.set(Field::EventCode, number);
    event.set(Field::EventSeverity, level);
    event.set(Field::Message, said);
    event.set(Field::ObserverVendor, "Cisco");
    event.set(Field::ObserverProduct, "asa");
    // What is not known here is a line of the device all the same.
    let _ = read(number, said, event);
    Ok(())
}

fn read(number: &str, said: &str, event: &mut Event) -> Option<()> {
    match number {
        "106001" | "106006" | "106007" | "106010" | "106014" | "106015" | "106016" | "106017"
        | "106021" | "106022" | "106023" | "710003" | "710005" => denied(said, event),
        "106100" | "106102" => listed(said, event),
        "302013" | "302015" | "302017" => built(said, event),
        "302014" | "302016" | "302018" => torn_down(said, event),
        "113004" | "113005" | "113012" | "113015" | "109005" | "109006" => checked(said, event),
        "113039" | "716001" | "722022" | "722051" => session(said, event),
        "605004" | "605005" => console(said, event),
        "111008" | "111010" => command(said, event),
        "733100" | "733101" => threat(said, event),
        _ => None,
    }
}

/// Reads who was denied, in the many ways that the messages say it: the first two ends that are
/// written `outside:203.0.113.9/51514`, `203.0.113.9/51514` or `203.0.113.9`.
fn denied(said: &str, event: &mut Event) -> Option<()> {
    let mut found =
        said.split([' ', ',']).filter_map(|word| End::read(word).map(|end| (end, word)));
    let (from, _) = found.next()?;
    let to = found.next().map(|(to, _)| to);
    from.write_source(event);
    if let Some(to) = to {
        to.write_destination(event);
    }
    let transport = said.split(' ').find(|word| {
        ["tcp", "udp", "icmp", "icmpv6"].iter().any(|known| known.eq_ignore_ascii_case(word))
    });
    if let Some(transport) = transport {
        names::lower(event, Field::NetworkTransport, transport);
    }
    if let Some((_, list)) = said.split_once("by access-group \"") {
        event.set(Field::RuleName, list.split('"').next()?);
    }
    network("packet_denied", "denied", event);
    Some(())
}

/// Reads `access-list edge denied tcp outside/203.0.113.9(51514) -> inside/192.0.2.1(22) hit-cnt 1 …`.
fn listed(said: &str, event: &mut Event) -> Option<()> {
    let mut words = said.strip_prefix("access-list ")?.split(' ');
    let (list, verdict, transport) = (words.next()?, words.next()?, words.next()?);
    let (from, arrow, to) = (words.next()?, words.next()?, words.next()?);
    (arrow == "->").then_some(())?;
    let (interface, from) = bracketed(from)?;
    event.set(Field::ObserverIngressInterface, interface);
    from.write_source(event);
    let (interface, to) = bracketed(to)?;
    event.set(Field::ObserverEgressInterface, interface);
    to.write_destination(event);
    names::lower(event, Field::NetworkTransport, transport);
    event.set(Field::RuleName, list);
    match verdict {
        "permitted" => network("packet_allowed", "allowed", event),
        _ => network("packet_denied", "denied", event),
    }
    Some(())
}

/// Reads `outside/203.0.113.9(51514)`.
fn bracketed(text: &str) -> Option<(&str, End<'_>)> {
    let (interface, rest) = text.split_once('/')?;
    let (ip, port) = rest.split_once('(')?;
    let port = port.split(')').next()?;
    Some((interface, End { interface: "", ip: address(ip)?, port: port.parse().ok() }))
}

/// Reads `Built inbound TCP connection 8 for outside:203.0.113.9/51514 (…) to inside:192.0.2.1/22 (…)`.
/// The outer end stands first; who began is told by the direction.
fn built(said: &str, event: &mut Event) -> Option<()> {
    let mut words = said.strip_prefix("Built ")?.split(' ');
    let (direction, transport) = (words.next()?, words.next()?);
    let (outer, inner) = ends(said)?;
    let (from, to) = if direction == "outbound" { (inner, outer) } else { (outer, inner) };
    from.write_source(event);
    to.write_destination(event);
    names::lower(event, Field::NetworkTransport, transport);
    event.set(Field::NetworkDirection, direction);
    event.set_extra("cisco.connection", words.nth(1)?);
    network("packet_allowed", "allowed", event);
    Some(())
}

/// Reads `Teardown TCP connection 8 for … to … duration 0:00:53 bytes 2436 TCP FINs`. Who began it is
/// not told here, so the outer end is called the source.
fn torn_down(said: &str, event: &mut Event) -> Option<()> {
    let mut words = said.strip_prefix("Teardown ")?.split(' ');
    names::lower(event, Field::NetworkTransport, words.next()?);
    event.set_extra("cisco.connection", words.nth(1)?);
    let (outer, inner) = ends(said)?;
    outer.write_source(event);
    inner.write_destination(event);
    let (_, rest) = said.split_once(" bytes ")?;
    let (bytes, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    event.set(Field::NetworkBytes, bytes);
    if !reason.is_empty() {
        event.set(Field::EventReason, reason);
    }
    network("connection_ended", "end", event);
    Some(())
}

/// Reads the two ends after `for` and `to`.
fn ends(said: &str) -> Option<(End<'_>, End<'_>)> {
    let (_, rest) = said.split_once(" for ")?;
    let (outer, rest) = rest.split_once(' ')?;
    let (_, inner) = rest.split_once("to ")?;
    Some((End::read(outer)?, End::read(inner.split(' ').next()?)?))
}

/// Reads `AAA user authentication Rejected : reason = … : user = ann : user IP = 203.0.113.9`.
fn checked(said: &str, event: &mut Event) -> Option<()> {
    let (what, rest) = said.split_once(" : ").or_else(|| said.split_once(' '))?;
    let worked = what.contains("Successful") || said.contains("succeeded");
    for part in rest.split(" : ") {
        match part.split_once(" = ") {
            Some(("reason", reason)) => event.set(Field::EventReason, reason.trim()),
            Some(("user", user)) => event.set(Field::UserName, user.trim()),
            Some(("user IP", ip)) => event.set(Field::SourceIp, address(ip.trim())?),
            _ => {}
        }
    }
    login("vpn_login", worked, event);
    Some(())
}

/// Reads `Group <staff> User <ann> IP <203.0.113.9> …`.
fn session(said: &str, event: &mut Event) -> Option<()> {
    let after = |name: &str| {
        let (_, rest) = said.split_once(name)?;
        Some(rest.split_once('>')?.0)
    };
    event.set(Field::UserName, after("User <")?);
    event.set(Field::SourceIp, address(after("IP <")?)?);
    if let Some(group) = after("Group <") {
        event.set(Field::UserGroupName, group);
    }
    login("vpn_login", true, event);
    Some(())
}

/// Reads `Login denied from 203.0.113.9/51514 to inside:192.0.2.1/ssh for user "ann"`.
fn console(said: &str, event: &mut Event) -> Option<()> {
    let mut words = said.strip_prefix("Login ")?.split(' ');
    let verdict = words.next()?;
    End::read(words.nth(1)?)?.write_source(event);
    let (to, service) = words.nth(1)?.rsplit_once('/')?;
    End::read(to)?.write_destination(event);
    event.set(Field::NetworkProtocol, service);
    if let Some((_, user)) = said.split_once("for user \"") {
        event.set(Field::UserName, user.strip_suffix('"').unwrap_or(user));
    }
    login("login", verdict == "permitted", event);
    Some(())
}

/// Reads `User 'ann', running 'CLI' from IP 192.0.2.9, executed 'no logging host inside 192.0.2.5'`.
fn command(said: &str, event: &mut Event) -> Option<()> {
    let (user, rest) = said.strip_prefix("User '")?.split_once('\'')?;
    event.set(Field::UserName, user);
    if let Some((_, ip)) = rest.split_once("from IP ") {
        event.set(Field::SourceIp, address(ip.split(',').next()?)?);
    }
    let (_, command) = rest.split_once("executed ")?;
    let command = command.strip_prefix("the ").unwrap_or(command);
    let line = command.strip_prefix('\'')?;
    event.set(Field::ProcessCommandLine, line.rsplit_once('\'')?.0);
    Meaning { action: "device_command", category: "configuration", kind: "change", outcome: "" }
        .write(event);
    Some(())
}

/// Reads `[ Scanning] drop rate-1 exceeded. Current burst rate is 12 per second, …`.
fn threat(said: &str, event: &mut Event) -> Option<()> {
    let (what, _) = said.strip_prefix('[')?.split_once(']')?;
    event.set(Field::RuleName, what.trim());
    network("threat_detected", "info", event);
    Some(())
}

fn network(action: &'static str, kind: &'static str, event: &mut Event) {
    Meaning { action, category: "network", kind, outcome: "" }.write(event);
}

fn login(action: &'static str, worked: bool, event: &mut Event) {
    let outcome = if worked { "success" } else { "failure" };
    Meaning { action, category: "authentication", kind: "start", outcome }.write(event);
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
struct End<'t> {
    interface: &'t str,
    ip: std::net::IpAddr,
    port: Option<u16>,
}

impl<'t> End<'t> {
    /// Reads `outside:203.0.113.9/51514`, or less of it.
    fn read(text: &'t str) -> Option<Self> {
        let (place, port) = text.split_once('/').unwrap_or((text, ""));
        let port = port.split('(').next().and_then(|port| port.parse().ok());
        // An IPv6 address holds colons too, so the whole is tried first.
        let (interface, ip) = if let Some(ip) = address(place) {
            ("", ip)
        } else {
            let (interface, ip) = place.split_once(':')?;
            (interface, address(ip)?)
        };
        Some(Self { interface, ip, port })
    }

    fn write_source(self, event: &mut Event) {
        event.set(Field::SourceIp, self.ip);
        if let Some(port) = self.port {
            event.set(Field::SourcePort, port);
        }
        if !self.interface.is_empty() {
            event.set(Field::ObserverIngressInterface, self.interface);
        }
    }

    fn write_destination(self, event: &mut Event) {
        event.set(Field::DestinationIp, self.ip);
        if let Some(port) = self.port {
            event.set(Field::DestinationPort, port);
        }
        if !self.interface.is_empty() {
            event.set(Field::ObserverEgressInterface, self.interface);
        }
    }
}

#[cfg(test)]
mod tests;
