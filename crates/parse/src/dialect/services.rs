//! Services with names of their own for what rules ask: Kubernetes' audit log, MongoDB.

use model::{Event, Field, Timestamp, Value};

use super::{Dialect, said};
use crate::address::address_port;

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        dataset: "kubernetes.audit",
        needs: &["auditID", "verb"],
        fields: &[],
        finish: kubernetes,
    },
    Dialect { dataset: "mongodb.log", needs: &["t.$date", "msg"], fields: &[], finish: mongodb },
    Dialect {
        dataset: "mongodb.log",
        needs: &["attr.remote", "msg"],
        fields: &[],
        finish: mongodb,
    },
];

/// Reads an event of the audit log of a Kubernetes API server: the verb is the action.
fn kubernetes(event: &mut Event) {
    let Some(verb) = said(event, "verb") else { return };
    let resource = said(event, "objectRef.resource").unwrap_or_default();
    let part = said(event, "objectRef.subresource").unwrap_or_default();
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
    if let Some(user) = said(event, "user.username") {
        event.set(Field::UserName, user.as_str());
    }
    if let Some(agent) = said(event, "userAgent") {
        event.set(Field::UserAgentOriginal, agent.as_str());
    }
    // The first is the client as the nearest proxy names it, the last who spoke to the server.
    let source = event
        .get_extra("sourceIPs")
        .and_then(|list| list.each().filter_map(|ip| address_port(ip.as_text()?)).last());
    if let Some((ip, _)) = source {
        event.set(Field::SourceIp, ip);
    }
    let outcome = match event.get_extra("responseStatus.code") {
        Some(Value::Integer(code)) if code < 400 => "success",
        Some(Value::Integer(_)) => "failure",
        _ => "unknown",
    };
    event.set(Field::EventOutcome, outcome);
    let time = said(event, "stageTimestamp").or_else(|| said(event, "requestReceivedTimestamp"));
    if let Some(time) = time.and_then(|time| Timestamp::parse(&time)) {
        event.time = time;
    }
}

/// Reads a line of MongoDB's own log.
fn mongodb(event: &mut Event) {
    let Some(message) = said(event, "msg") else { return };
    if let Some(time) = said(event, "t.$date").and_then(|time| Timestamp::parse(&time)) {
        event.time = time;
    }
    event.set(Field::Message, message.as_str());
    let peer = said(event, "attr.remote").or_else(|| said(event, "attr.client"));
    if let Some((ip, port)) = peer.and_then(|peer| address_port(&peer)) {
        event.set(Field::SourceIp, ip);
        if let Some(port) = port {
            event.set(Field::SourcePort, port);
        }
    }
    let (action, category, outcome) = match message.as_str() {
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
    let user = said(event, "attr.principalName").or_else(|| said(event, "attr.user.user"));
    let user = user.or_else(|| said(event, "attr.user"));
    if let Some(user) = user.filter(|user| !user.is_empty()) {
        event.set(Field::UserName, user.as_str());
    }
    if let Some(reason) = said(event, "attr.error") {
        event.set(Field::EventReason, reason.as_str());
    }
}
