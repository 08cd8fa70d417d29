//! Names that firewalls, proxies and programs give to the same things, and the fields they mean.

use model::{Event, Field};

use super::{address, address_port, destination, source};
use crate::web::{self, Escapes};

/// Bounds a name; what is longer is none of these.
const NAME_BYTES_MAX: usize = 32;

/// Writes a value whose name is one of the usual ones; tells whether it was. Upper and lower case
/// are the same, and so are `_` and `-`.
pub(crate) fn set(event: &mut Event, name: &str, value: &str) -> bool {
    let mut buffer = [0; NAME_BYTES_MAX];
    let Some(name) = normalised(name, &mut buffer) else { return false };
    addresses(event, name, value) || people(event, name, value) || things(event, name, value)
}

fn normalised<'b>(name: &str, buffer: &'b mut [u8; NAME_BYTES_MAX]) -> Option<&'b str> {
    let place = buffer.get_mut(..name.len())?;
    for (to, from) in place.iter_mut().zip(name.bytes()) {
        *to = if from == b'-' { b'_' } else { from.to_ascii_lowercase() };
    }
    std::str::from_utf8(place).ok()
}

fn addresses(event: &mut Event, name: &str, value: &str) -> bool {
    match name {
        "src" | "srcip" | "src_ip" | "source_ip" | "sourceip" | "source_address" | "srcaddr"
        | "saddr" | "client_ip" | "clientip" | "remote_ip" | "remote_addr" | "remip" => {
            return end(event, value, [Field::SourceIp, Field::SourcePort], source);
        }
        // Words with other meanings too: only where an address follows.
        "source" | "client" | "remote" | "peer" | "ip" | "client_addr" | "addr" | "host"
        | "rhost" | "remote_host" | "remoteaddress" | "clienthost"
            if address_port(value).is_some() =>
        {
            return end(event, value, [Field::SourceIp, Field::SourcePort], source);
        }
        "dst"
        | "dstip"
        | "dst_ip"
        | "dest_ip"
        | "destip"
        | "destination_ip"
        | "destinationip"
        | "destination_address"
        | "dstaddr"
        | "daddr" => {
            return end(event, value, [Field::DestinationIp, Field::DestinationPort], destination);
        }
        _ => {}
    }
    let field = match name {
        "spt" | "sport" | "srcport" | "src_port" | "source_port" | "sourceport" | "client_port" => {
            Field::SourcePort
        }
        "dpt" | "dport" | "dstport" | "dst_port" | "dest_port" | "destport"
        | "destination_port" | "destinationport" => Field::DestinationPort,
        "smac" | "srcmac" | "src_mac" => Field::SourceMac,
        "dmac" | "dstmac" | "dst_mac" => Field::DestinationMac,
        "sentbyte" | "bytes_sent" | "sent_bytes" | "srcbytes" => Field::SourceBytes,
        "rcvdbyte" | "bytes_received" | "recv_bytes" | "dstbytes" => Field::DestinationBytes,
        "sentpkt" | "packets_sent" => Field::SourcePackets,
        "rcvdpkt" | "packets_received" => Field::DestinationPackets,
        "srcintf" | "src_int" | "in_interface" => Field::ObserverIngressInterface,
        "shost" => Field::SourceDomain,
        "dhost" => Field::DestinationDomain,
        "proto" | "protocol" => return protocol(event, value),
        _ => return false,
    };
    fits(event, field, value)
}

/// Writes one end of a connection: an address, an address and a port, or a name. More than that
/// (`203.0.113.9:443:X1`) is read up to the port.
fn end(event: &mut Event, value: &str, [ip, port]: [Field; 2], name: fn(&mut Event, &str)) -> bool {
    let found = address_port(value).or_else(|| {
        let mut parts = value.split(':');
        Some((address(parts.next()?)?, parts.next()?.parse().ok()))
    });
    let Some((address, number)) = found else {
        name(event, value);
        return !value.is_empty();
    };
    event.set(ip, address);
    if let Some(number) = number {
        event.set(port, number);
    }
    true
}

fn people(event: &mut Event, name: &str, value: &str) -> bool {
    let field = match name {
        "user" | "usr" | "username" | "user_name" | "usrname" | "login" | "userid" => {
            Field::UserName
        }
        "suser" | "srcuser" | "src_user" | "source_user" => Field::SourceUserName,
        "duser" | "dstuser" | "dst_user" | "destination_user" => Field::DestinationUserName,
        "sntdom" | "user_domain" | "usrdomain" => Field::UserDomain,
        "group" | "usergroup" => Field::UserGroupName,
        "email" => Field::UserEmail,
        _ => return false,
    };
    // Who acted is the user; a device that names both ends of it may leave that one out.
    let ends = [Field::SourceUserName, Field::DestinationUserName];
    if ends.contains(&field) && event.get(Field::UserName).is_none() {
        event.set(Field::UserName, value);
    }
    fits(event, field, value)
}

fn things(event: &mut Event, name: &str, value: &str) -> bool {
    let field = match name {
        "act" | "action" => Field::EventAction,
        "app" | "application" | "appname" => Field::NetworkApplication,
        "service" => Field::NetworkProtocol,
        "msg" | "message" => Field::Message,
        "severity" if value.bytes().all(|byte| byte.is_ascii_digit()) => Field::EventSeverity,
        "level" | "lvl" | "loglevel" | "log_level" | "severity" => Field::LogLevel,
        "logger" => Field::LogLogger,
        "reason" => Field::EventReason,
        "error" | "err" => Field::ErrorMessage,
        "method" | "requestmethod" | "request_method" | "httpmethod" => Field::RequestMethod,
        "useragent" | "user_agent" | "agent" | "requestclientapplication" => {
            Field::UserAgentOriginal
        }
        "referer" | "referrer" | "requestcontext" => Field::RequestReferrer,
        "request_id" | "requestid" => Field::RequestId,
        "fname" | "filename" | "file_name" => Field::FileName,
        "filepath" | "file_path" => Field::FilePath,
        "fsize" | "filesize" | "file_size" => Field::FileSize,
        "md5" => Field::FileHashMd5,
        "sha1" => Field::FileHashSha1,
        "sha256" => Field::FileHashSha256,
        "filehash" => hash(value),
        "pid" => Field::ProcessPid,
        "hostname" | "host_name" => Field::HostName,
        "devname" | "dvchost" | "device_name" => Field::ObserverName,
        "dvc" | "device_ip" => Field::ObserverIp,
        "policyname" | "policy_name" | "rulename" | "rule_name" | "attack" | "signature" => {
            Field::RuleName
        }
        "policyid" | "policy_id" | "ruleid" | "rule_id" | "attackid" | "signature_id" => {
            Field::RuleId
        }
        "logid" | "log_id" | "event_id" | "eventid" => Field::EventCode,
        "session" | "sessionid" | "session_id" => Field::SessionId,
        "url" | "uri" | "request" => {
            web::target(event, value, Escapes::Unknown);
            return true;
        }
        "outcome" | "result" => return outcome(event, value),
        _ => return false,
    };
    fits(event, field, value)
}

/// Sets a field whose kind the value fits; otherwise it stays under its own name.
fn fits(event: &mut Event, field: Field, value: &str) -> bool {
    let fits = match field.kind() {
        model::FieldKind::Long => value.parse::<i64>().is_ok(),
        model::FieldKind::Ip => address(value).is_some(),
        _ => !value.is_empty(),
    };
    if fits {
        event.set(field, value);
    }
    fits
}

/// Tells a hash by its length.
fn hash(value: &str) -> Field {
    match value.len() {
        32 => Field::FileHashMd5,
        40 => Field::FileHashSha1,
        _ => Field::FileHashSha256,
    }
}

/// Writes `tcp`, `TCP`, `6` or `tcp/https`.
fn protocol(event: &mut Event, value: &str) -> bool {
    let (transport, application) = value.split_once('/').unwrap_or((value, ""));
    match transport {
        "1" => event.set(Field::NetworkTransport, "icmp"),
        "6" => event.set(Field::NetworkTransport, "tcp"),
        "17" => event.set(Field::NetworkTransport, "udp"),
        "58" => event.set(Field::NetworkTransport, "ipv6-icmp"),
        "" => return false,
        _ => lower(event, Field::NetworkTransport, transport),
    }
    if !application.is_empty() {
        lower(event, Field::NetworkProtocol, application);
    }
    true
}

/// Writes a text in lower case, as the Elastic Common Schema wants it.
pub(crate) fn lower(event: &mut Event, field: Field, value: &str) {
    if value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        event.set(field, &value.to_ascii_lowercase());
    } else {
        event.set(field, value);
    }
}

/// Writes `success` or `failure` where the word means one of them.
pub(crate) fn outcome(event: &mut Event, value: &str) -> bool {
    let is = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    let outcome =
        if is(&["success", "succeeded", "successful", "successfully", "ok", "pass", "allowed"]) {
            "success"
        } else if is(&["failure", "failed", "fail", "error", "denied", "blocked"]) {
            "failure"
        } else {
            return false;
        };
    event.set(Field::EventOutcome, outcome);
    true
}
