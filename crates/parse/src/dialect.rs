//! JSON of programs that have their own names for what rules ask: Kubernetes' audit log, MongoDB.
//!
//! The names of the program stay as they are; what is told of them here is only who, from where, and
//! what it was.

use model::{Event, Field, Timestamp, Value};

use crate::formats::address_and_port;

/// Writes the known fields of an event in a dialect that is known.
pub(crate) fn read(event: &mut Event) {
    if event.get_extra("auditID").is_some() {
        kubernetes(event);
    } else if event.get_extra("attr.remote").is_some() || event.get_extra("t.$date").is_some() {
        mongodb(event);
    }
}

fn text(event: &Event, name: &str) -> Option<String> {
    event.get_path(name).and_then(|value| Some(value.each().next()?.to_string()))
}

/// Reads an event of the audit log of a Kubernetes API server: the verb is the action.
fn kubernetes(event: &mut Event) {
    let Some(verb) = text(event, "verb") else { return };
    let resource = text(event, "objectRef.resource").unwrap_or_default();
    let part = text(event, "objectRef.subresource").unwrap_or_default();
    event.set_made(Field::EventAction, |out| {
        out.push_str("kubernetes_");
        out.push_str(&verb);
        for word in [&resource, &part] {
            if !word.is_empty() {
                out.push('_');
                out.push_str(word);
            }
        }
    });
    if let Some(user) = text(event, "user.username") {
        event.set(Field::UserName, user.as_str());
    }
    if let Some(agent) = text(event, "userAgent") {
        event.set(Field::UserAgentOriginal, agent.as_str());
    }
    // The first is the client as the nearest proxy names it, the last who spoke to the server.
    let source = event
        .get_extra("sourceIPs")
        .and_then(|list| list.each().filter_map(|ip| address_and_port(ip.as_text()?)).last());
    if let Some((ip, _)) = source {
        event.set(Field::SourceIp, ip);
    }
    let outcome = match event.get_extra("responseStatus.code") {
        Some(Value::Integer(code)) if code < 400 => "success",
        Some(Value::Integer(_)) => "failure",
        _ => "unknown",
    };
    event.set(Field::EventOutcome, outcome);
    let time = text(event, "stageTimestamp").or_else(|| text(event, "requestReceivedTimestamp"));
    if let Some(time) = time.and_then(|time| Timestamp::parse(&time)) {
        event.time = time;
    }
}

/// Reads a line of MongoDB's own log.
fn mongodb(event: &mut Event) {
    let Some(said) = text(event, "msg") else { return };
    if let Some(time) = text(event, "t.$date").and_then(|time| Timestamp::parse(&time)) {
        event.time = time;
    }
    event.set(Field::Message, said.as_str());
    let peer = text(event, "attr.remote").or_else(|| text(event, "attr.client"));
    if let Some((ip, port)) = peer.and_then(|peer| address_and_port(&peer)) {
        event.set(Field::SourceIp, ip);
        if let Some(port) = port {
            event.set(Field::SourcePort, port);
        }
    }
    let (action, category, outcome) = match said.as_str() {
        "Authentication failed" => ("database_login", "authentication", "failure"),
        "Successfully authenticated" | "Authentication succeeded" => {
            ("database_login", "authentication", "success")
        }
        "Connection accepted" => ("database_connected", "network", ""),
        "Connection ended" => ("database_disconnected", "network", ""),
        _ => return,
    };
    event.set(Field::EventAction, action);
    event.set(Field::EventCategory, category);
    if !outcome.is_empty() {
        event.set(Field::EventOutcome, outcome);
    }
    let user = text(event, "attr.principalName").or_else(|| text(event, "attr.user.user"));
    let user = user.or_else(|| text(event, "attr.user"));
    if let Some(user) = user.filter(|user| !user.is_empty()) {
        event.set(Field::UserName, user.as_str());
    }
    if let Some(reason) = text(event, "attr.error") {
        event.set(Field::EventReason, reason.as_str());
    }
}
