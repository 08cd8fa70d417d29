//! The server's other lines, one row each: how it begins and what it tells.

use model::{Event, Field};

use super::{Meaning, Peer, fingerprint, peer, user_and_peer, write_user};
use crate::formats::shared::{destination, source};

/// One kind of line.
struct Row {
    prefix: &'static str,
    kind: Meaning,
    /// Reads what follows the prefix.
    read: fn(&str, &mut Event) -> Option<()>,
}

const fn row(prefix: &'static str, kind: Meaning, read: fn(&str, &mut Event) -> Option<()>) -> Row {
    Row { prefix, kind, read }
}

const fn network(action: &'static str, kind: &'static str) -> Meaning {
    Meaning { action, category: "network", kind, outcome: "" }
}

const fn refused(action: &'static str) -> Meaning {
    Meaning { action, category: "authentication", kind: "denied", outcome: "failure" }
}

const fn session(action: &'static str, kind: &'static str) -> Meaning {
    Meaning { action, category: "session", kind, outcome: "" }
}

const INVALID_USER: Meaning = refused("ssh_invalid_user");
const CLOSED: Meaning = network("ssh_connection_closed", "end");
const DISCONNECTED: Meaning = network("ssh_disconnected", "end");
const TIMED_OUT: Meaning = refused("ssh_login_timeout");
const ATTEMPTS: Meaning = refused("ssh_attempts_exceeded");
const NEGOTIATION: Meaning = network("ssh_negotiation_failed", "denied");
const BAD_PROTOCOL: Meaning = network("ssh_bad_protocol", "denied");
const REVERSE_MAPPING: Meaning = network("ssh_reverse_mapping_failed", "info");
const STEP: Meaning =
    Meaning { action: "ssh_login_step", category: "authentication", kind: "info", outcome: "" };

/// The rows, the longer prefix before the shorter one that it begins with.
const ROWS: &[Row] = &[
    row("Invalid user ", INVALID_USER, invalid_user),
    row("Illegal user ", INVALID_USER, invalid_user),
    row("input_userauth_request: invalid user ", INVALID_USER, |text, event| {
        write_user("invalid user ", event);
        event.set(Field::UserName, text);
        Some(())
    }),
    row("Received disconnect from ", DISCONNECTED, from_peer_reason),
    row("error: Received disconnect from ", DISCONNECTED, from_peer_reason),
    row("Connection closed by ", CLOSED, user_peer),
    row("Connection reset by ", network("ssh_connection_reset", "end"), user_peer),
    row("Disconnected from ", DISCONNECTED, user_peer),
    row("Disconnecting: Too many authentication failures for ", ATTEMPTS, user_maybe_peer),
    row("Disconnecting ", DISCONNECTED, user_peer),
    row("error: maximum authentication attempts exceeded for ", ATTEMPTS, user_from_peer),
    row("maximum authentication attempts exceeded for ", ATTEMPTS, user_from_peer),
    row("Too many authentication failures for ", ATTEMPTS, user_maybe_peer),
    row("PAM service(sshd) ignoring max retries", ATTEMPTS, nothing),
    row("PAM ", refused("ssh_pam_failures"), pam_more),
    row("error: PAM: ", refused("ssh_pam_failure"), pam_error),
    row("Postponed ", STEP, step),
    row("Partial ", STEP, step),
    row("User ", refused("ssh_user_denied"), denied_user),
    row("Login restricted for ", refused("ssh_user_denied"), user_maybe_peer),
    row("ROOT LOGIN REFUSED FROM ", refused("ssh_user_denied"), root_refused),
    row(
        "Did not receive identification string from ",
        network("ssh_no_identification", "end"),
        from_peer,
    ),
    row("Bad protocol version identification ", BAD_PROTOCOL, quoted_from_peer),
    row("banner exchange: Connection from ", BAD_PROTOCOL, from_peer_reason),
    row("error: kex_exchange_identification: ", BAD_PROTOCOL, reason),
    row("kex_exchange_identification: ", BAD_PROTOCOL, reason),
    row("error: kex_protocol_error: ", BAD_PROTOCOL, reason),
    row("Protocol major versions differ for ", BAD_PROTOCOL, from_peer_reason),
    row("fatal: Unable to negotiate with ", NEGOTIATION, from_peer_reason),
    row("Unable to negotiate with ", NEGOTIATION, from_peer_reason),
    row("ssh_dispatch_run_fatal: Connection from ", NEGOTIATION, from_peer_reason),
    row("fatal: ssh_dispatch_run_fatal: Connection from ", NEGOTIATION, from_peer_reason),
    row("fatal: Timeout before authentication for ", TIMED_OUT, timeout),
    row("Timeout before authentication for ", TIMED_OUT, timeout),
    row("fatal: Read from socket failed: ", CLOSED, reason),
    row("fatal: Write failed: ", CLOSED, reason),
    row("Read error from remote host ", CLOSED, from_peer_reason),
    row("Timeout, client not responding from ", CLOSED, user_peer),
    row("reverse mapping checking getaddrinfo for ", REVERSE_MAPPING, reverse_mapping),
    row("Address ", REVERSE_MAPPING, address_maps),
    row("Nasty PTR record ", REVERSE_MAPPING, quoted_set_up),
    row("refused connect from ", network("ssh_connection_refused", "denied"), name_and_address),
    row("drop connection ", network("ssh_connection_dropped", "denied"), dropped),
    row("Connection from ", network("ssh_connection", "start"), connection),
    row("Starting session: ", session("ssh_session_started", "start"), starting_session),
    row("Close session: user ", session("ssh_session_closed", "end"), user_maybe_peer),
    row("subsystem request for ", session("ssh_subsystem", "start"), subsystem),
    row(
        "Server listening on ",
        Meaning { action: "ssh_server_started", category: "process", kind: "start", outcome: "" },
        listening,
    ),
    row(
        "Received signal ",
        Meaning { action: "ssh_server_stopped", category: "process", kind: "end", outcome: "" },
        nothing,
    ),
];

/// Reads a line; `None` where it is of no kind known here.
pub(super) fn read(text: &str, event: &mut Event) -> Option<()> {
    let (row, rest) = ROWS.iter().find_map(|row| Some((row, text.strip_prefix(row.prefix)?)))?;
    (row.read)(rest, event)?;
    row.kind.write(event);
    Some(())
}

#[expect(clippy::unnecessary_wraps, reason = "a row's function")]
fn nothing(_: &str, _: &mut Event) -> Option<()> {
    Some(())
}

#[expect(clippy::unnecessary_wraps, reason = "a row's function")]
fn reason(text: &str, event: &mut Event) -> Option<()> {
    event.set(Field::EventReason, text);
    Some(())
}

/// `admin from 203.0.113.9 port 51514`; the name may be empty.
fn invalid_user(text: &str, event: &mut Event) -> Option<()> {
    let (user, peer) = match text.strip_prefix("from ") {
        Some(rest) if !rest.contains(" from ") => ("", peer(rest)?),
        _ => user_and_peer(text)?,
    };
    write_user("invalid user ", event);
    if !user.is_empty() {
        event.set(Field::UserName, user);
    }
    peer.write_source(event);
    Some(())
}

/// `203.0.113.9 port 51514`.
fn from_peer(text: &str, event: &mut Event) -> Option<()> {
    peer(text)?.write_source(event);
    Some(())
}

/// `203.0.113.9 port 51514:11: Bye Bye` or `203.0.113.9: 11: Bye Bye`.
fn from_peer_reason(text: &str, event: &mut Event) -> Option<()> {
    let peer = peer(text)?;
    peer.write_source(event);
    write_reason(peer, event);
    Some(())
}

fn write_reason(peer: Peer<'_>, event: &mut Event) {
    let said = peer.rest.trim_start_matches([':', ' ']);
    // The number is the protocol's code of the reason.
    let said = match said.split_once(": ") {
        Some((code, reason)) if code.parse::<u8>().is_ok() => reason,
        _ => said,
    };
    if !said.is_empty() {
        event.set(Field::EventReason, said);
    }
}

/// `invalid user admin 203.0.113.9 port 51514`, `authenticating user root 203.0.113.9 port 51514: why`,
/// `user ann 203.0.113.9 port 51514` or `203.0.113.9 port 51514`.
fn user_peer(text: &str, event: &mut Event) -> Option<()> {
    let named = ["invalid user ", "authenticating user ", "user "]
        .iter()
        .find_map(|words| Some((*words, text.strip_prefix(words)?)));
    let Some((words, rest)) = named else { return from_peer_reason(text, event) };
    // A name tried later stands behind the address.
    let rest = rest.split_once(": Change of username").map_or(rest, |(before, _)| before);
    // The name may hold spaces: what stands before the last ` port ` ends with the address.
    let (before, _) = rest.rsplit_once(" port ").unwrap_or((rest, ""));
    let (user, _) = before.rsplit_once(' ').unwrap_or(("", before));
    let peer = peer(rest.get(user.len()..)?.trim_start_matches(' '))?;
    if words.starts_with("invalid") {
        write_user("invalid user ", event);
    }
    if !user.is_empty() {
        event.set(Field::UserName, user);
    }
    peer.write_source(event);
    write_reason(peer, event);
    Some(())
}

/// `invalid user admin from 203.0.113.9 port 51514 ssh2`.
fn user_from_peer(text: &str, event: &mut Event) -> Option<()> {
    let (user, peer) = user_and_peer(text)?;
    write_user(user, event);
    peer.write_source(event);
    Some(())
}

/// `root` or `root from 203.0.113.9 port 51514 id 0`.
#[expect(clippy::unnecessary_wraps, reason = "a row's function")]
fn user_maybe_peer(text: &str, event: &mut Event) -> Option<()> {
    if user_from_peer(text, event).is_none() {
        write_user(text, event);
    }
    Some(())
}

/// `2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9 user=root`.
fn pam_more(text: &str, event: &mut Event) -> Option<()> {
    let (_count, rest) = text.split_once(" more authentication failure")?;
    if let Some((_, host)) = rest.rsplit_once(" rhost=") {
        let (host, user) = host.split_once(" user=").unwrap_or((host, ""));
        source(event, host.trim());
        if !user.is_empty() {
            event.set(Field::UserName, user);
        }
    }
    Some(())
}

/// `Authentication failure for illegal user admin from 203.0.113.9`.
fn pam_error(text: &str, event: &mut Event) -> Option<()> {
    let (why, rest) = text.split_once(" for ")?;
    event.set(Field::EventReason, why);
    user_from_peer(rest, event)
}

/// `keyboard-interactive for invalid user admin from 203.0.113.9 port 51514 ssh2`.
fn step(text: &str, event: &mut Event) -> Option<()> {
    let (method, rest) = text.split_once(" for ")?;
    event.set(Field::SshMethod, method);
    let (user, peer) = user_and_peer(rest)?;
    write_user(user, event);
    peer.write_source(event);
    if let Some(key) = peer.rest.strip_prefix("ssh2: ").and_then(fingerprint) {
        event.set(Field::SshSignature, key);
    }
    Some(())
}

/// `ann from 203.0.113.9 not allowed because not listed in AllowUsers`.
fn denied_user(text: &str, event: &mut Event) -> Option<()> {
    let (who, why) = text.rsplit_once(" not allowed because ")?;
    event.set(Field::EventReason, why);
    if let Some((user, host)) = who.rsplit_once(" from ") {
        event.set(Field::UserName, user);
        source(event, host);
    } else {
        event.set(Field::UserName, who);
    }
    Some(())
}

fn root_refused(text: &str, event: &mut Event) -> Option<()> {
    event.set(Field::UserName, "root");
    from_peer(text, event)
}

/// `'GET / HTTP/1.1' from 203.0.113.9 port 51514`.
fn quoted_from_peer(text: &str, event: &mut Event) -> Option<()> {
    let (said, peer) = user_and_peer(text)?;
    event.set(Field::EventReason, said);
    peer.write_source(event);
    Some(())
}

/// `203.0.113.9 port 51514` or `connection from 203.0.113.9 to 192.0.2.1, pid = 12`.
fn timeout(text: &str, event: &mut Event) -> Option<()> {
    from_peer(text.strip_prefix("connection from ").unwrap_or(text), event)
}

/// `host.example [203.0.113.9] failed - POSSIBLE BREAK-IN ATTEMPT!`.
fn reverse_mapping(text: &str, event: &mut Event) -> Option<()> {
    let (name, rest) = text.split_once(" [")?;
    let (ip, _) = rest.split_once(']')?;
    source(event, ip);
    event.set(Field::SourceDomain, name);
    Some(())
}

/// `203.0.113.9 maps to host.example, but this does not map back to the address …`.
fn address_maps(text: &str, event: &mut Event) -> Option<()> {
    let (ip, rest) = text.split_once(" maps to ")?;
    let (name, _) = rest.split_once(", but this does not map back")?;
    source(event, ip);
    event.set(Field::SourceDomain, name);
    Some(())
}

/// `"192.0.2.7" is set up for 203.0.113.9, ignoring`.
fn quoted_set_up(text: &str, event: &mut Event) -> Option<()> {
    let (name, rest) = text.strip_prefix('"')?.split_once("\" is set up for ")?;
    event.set(Field::SourceDomain, name);
    from_peer(rest, event)
}

/// `host.example (203.0.113.9)`.
#[expect(clippy::unnecessary_wraps, reason = "a row's function")]
fn name_and_address(text: &str, event: &mut Event) -> Option<()> {
    let (name, rest) = text.split_once(" (").unwrap_or((text, text));
    source(event, rest.trim_end_matches(')'));
    if name != rest {
        event.set(Field::SourceDomain, name);
    }
    Some(())
}

/// `#10 from [203.0.113.9]:51514 on [192.0.2.1]:22 past MaxStartups`.
fn dropped(text: &str, event: &mut Event) -> Option<()> {
    let (_, rest) = text.split_once("from [")?;
    let (ip, rest) = rest.split_once("]:")?;
    let (port, rest) = rest.split_once(' ')?;
    Peer { address: ip, port, rest: "" }.write_source(event);
    if let Some((_, why)) = rest.split_once("past ") {
        event.set(Field::EventReason, why);
    }
    Some(())
}

/// `203.0.113.9 port 51514 on 192.0.2.1 port 22 rdomain ""`.
fn connection(text: &str, event: &mut Event) -> Option<()> {
    let from = peer(text)?;
    from.write_source(event);
    if let Some(to) = from.rest.strip_prefix("on ").and_then(peer) {
        destination(event, to.address);
        event.set(Field::DestinationPort, to.port);
    }
    Some(())
}

/// `shell on pts/0 for ann from 203.0.113.9 port 51514 id 0`.
fn starting_session(text: &str, event: &mut Event) -> Option<()> {
    let (what, rest) = text.split_once(" for ")?;
    if let Some((_, terminal)) = what.split_once(" on ") {
        event.set(Field::ProcessTty, terminal);
    }
    user_from_peer(rest, event)
}

/// `sftp by user ann`.
fn subsystem(text: &str, event: &mut Event) -> Option<()> {
    let (name, user) = text.split_once(" by user ")?;
    event.set(Field::EventReason, name);
    let (user, _failed) = user.split_once(" failed,").unwrap_or((user, ""));
    event.set(Field::UserName, user);
    Some(())
}

/// `0.0.0.0 port 22.`
fn listening(text: &str, event: &mut Event) -> Option<()> {
    let at = peer(text)?;
    destination(event, at.address);
    event.set(Field::DestinationPort, at.port);
    Some(())
}
