//! Sensors of the network and name servers: Zeek, Suricata, AdGuard Home.

use model::{Event, Field};

use super::{Dialect, alias, fill, has, question, said, status, target};

/// The ends of a connection, as Zeek names them.
const ZEEK_ENDS: &[(Field, &[&str])] = &[
    (Field::SourceIp, &["id.orig_h"]),
    (Field::SourcePort, &["id.orig_p"]),
    (Field::DestinationIp, &["id.resp_h"]),
    (Field::DestinationPort, &["id.resp_p"]),
    (Field::NetworkTransport, &["proto"]),
    (Field::NetworkProtocol, &["service"]),
    (Field::NetworkCommunityId, &["community_id"]),
    (Field::SourceBytes, &["orig_bytes"]),
    (Field::DestinationBytes, &["resp_bytes"]),
    (Field::SourcePackets, &["orig_pkts"]),
    (Field::DestinationPackets, &["resp_pkts"]),
    (Field::RequestMethod, &["method"]),
    (Field::UserAgentOriginal, &["user_agent"]),
    (Field::RequestReferrer, &["referrer"]),
    (Field::DnsResponseCode, &["rcode_name"]),
];

const SURICATA_ENDS: &[(Field, &[&str])] = &[
    (Field::SourceIp, &["src_ip"]),
    (Field::SourcePort, &["src_port"]),
    (Field::DestinationIp, &["dest_ip"]),
    (Field::DestinationPort, &["dest_port"]),
    (Field::NetworkProtocol, &["app_proto"]),
    (Field::NetworkCommunityId, &["community_id"]),
    (Field::SourceBytes, &["flow.bytes_toserver"]),
    (Field::DestinationBytes, &["flow.bytes_toclient"]),
    (Field::SourcePackets, &["flow.pkts_toserver"]),
    (Field::DestinationPackets, &["flow.pkts_toclient"]),
    (Field::RuleName, &["alert.signature"]),
    (Field::RuleId, &["alert.signature_id"]),
    (Field::RuleCategory, &["alert.category"]),
    (Field::RequestMethod, &["http.http_method"]),
    (Field::UserAgentOriginal, &["http.http_user_agent"]),
    (Field::RequestReferrer, &["http.http_refer"]),
    (Field::DnsResponseCode, &["dns.rcode"]),
];

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        dataset: "zeek.dns",
        needs: &["id.orig_h", "query"],
        fields: ZEEK_ENDS,
        finish: zeek_dns,
    },
    Dialect {
        dataset: "zeek.conn",
        needs: &["id.orig_h", "conn_state"],
        fields: ZEEK_ENDS,
        finish: zeek_conn,
    },
    Dialect {
        dataset: "zeek.http",
        needs: &["id.orig_h", "method", "uri"],
        fields: ZEEK_ENDS,
        finish: zeek_http,
    },
    Dialect { dataset: "zeek", needs: &["id.orig_h"], fields: ZEEK_ENDS, finish: |_| {} },
    Dialect {
        dataset: "suricata.eve",
        needs: &["event_type", "src_ip"],
        fields: SURICATA_ENDS,
        finish: suricata,
    },
    Dialect {
        dataset: "adguard.query",
        needs: &["QH", "QT", "IP"],
        fields: &[(Field::SourceIp, &["IP"])],
        finish: adguard,
    },
];

fn zeek_dns(event: &mut Event) {
    question(event, "query", "qtype_name");
    let action = if has(event, "rcode_name") { "dns_answer" } else { "dns_query" };
    network(event, action, "protocol");
}

fn zeek_conn(event: &mut Event) {
    network(event, "network_flow", "connection");
}

fn zeek_http(event: &mut Event) {
    target(event, &["uri"], "host");
    status(event, "status_code");
    fill(event, Field::EventCategory, "web");
    fill(event, Field::EventType, "access");
}

fn suricata(event: &mut Event) {
    if let Some(transport) = said(event, "proto") {
        event.set(Field::NetworkTransport, &*transport.to_ascii_lowercase());
    }
    match said(event, "event_type").as_deref() {
        Some("alert") => {
            fill(event, Field::EventKind, "alert");
            network(event, "ids_alert", "info");
            alias(event, "event.severity", "alert.severity");
        }
        Some("flow" | "netflow") => network(event, "network_flow", "connection"),
        Some("dns") => {
            question(event, "dns.rrname", "dns.rrtype");
            let answered = has(event, "dns.rcode");
            network(event, if answered { "dns_answer" } else { "dns_query" }, "protocol");
        }
        Some("http") => {
            target(event, &["http.url"], "http.hostname");
            status(event, "http.status");
            fill(event, Field::EventCategory, "web");
            fill(event, Field::EventType, "access");
        }
        _ => fill(event, Field::EventCategory, "network"),
    }
}

fn adguard(event: &mut Event) {
    question(event, "QH", "QT");
    let blocked = said(event, "Result.IsFiltered").as_deref() == Some("true");
    if blocked {
        network(event, "dns_blocked", "denied");
    } else {
        network(event, "dns_query", "protocol");
    }
}

fn network(event: &mut Event, action: &str, kind: &str) {
    fill(event, Field::EventCategory, "network");
    fill(event, Field::EventAction, action);
    fill(event, Field::EventType, kind);
}
