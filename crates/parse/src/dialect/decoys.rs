//! Decoys of others: Cowrie and OpenCanary. What they saw is told in the words of our own decoys:
//! `decoy_connection`, `decoy_login`, `decoy_command`, `decoy_request`, `decoy_download`, `decoy_scan`.

use model::{Event, Field};

use super::{Dialect, fill, said, target};

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        dataset: "cowrie",
        needs: &["eventid", "session", "sensor"],
        fields: &[
            (Field::SourceIp, &["src_ip"]),
            (Field::SourcePort, &["src_port"]),
            (Field::DestinationIp, &["dst_ip"]),
            (Field::DestinationPort, &["dst_port"]),
            (Field::UserName, &["username"]),
            (Field::NetworkProtocol, &["protocol"]),
            (Field::ProcessCommandLine, &["input"]),
            (Field::SessionId, &["session"]),
            (Field::ObserverName, &["sensor"]),
            (Field::FileHashSha256, &["shasum"]),
        ],
        finish: cowrie,
    },
    Dialect {
        dataset: "opencanary",
        needs: &["logtype", "node_id", "src_host"],
        fields: &[
            (Field::SourceIp, &["src_host"]),
            (Field::SourcePort, &["src_port"]),
            (Field::DestinationIp, &["dst_host"]),
            (Field::DestinationPort, &["dst_port"]),
            (Field::UserName, &["logdata.USERNAME"]),
            (Field::ObserverName, &["node_id"]),
            (Field::UserAgentOriginal, &["logdata.USERAGENT"]),
            (Field::ProcessCommandLine, &["logdata.CMD"]),
        ],
        finish: opencanary,
    },
];

fn cowrie(event: &mut Event) {
    let Some(id) = said(event, "eventid") else { return };
    let action = match id.strip_prefix("cowrie.").unwrap_or_default() {
        "session.connect" => "decoy_connection",
        "login.failed" | "login.success" => "decoy_login",
        "command.input" | "command.failed" | "command.success" => "decoy_command",
        "session.file_download" | "session.file_upload" => "decoy_download",
        "direct-tcpip.request" => "decoy_request",
        _ => return,
    };
    decoy(event, action);
    if action == "decoy_login" {
        let outcome = if id.ends_with("success") { "success" } else { "failure" };
        fill(event, Field::EventOutcome, outcome);
    }
    if action == "decoy_download" {
        target(event, &["url"], "");
    }
}

fn opencanary(event: &mut Event) {
    let action = match said(event, "logtype").as_deref() {
        Some(
            "2000" | "3001" | "4002" | "6001" | "7001" | "8001" | "9001" | "9002" | "12001"
            | "14001",
        ) => "decoy_login",
        Some("4000" | "4001" | "11001" | "13001" | "18001" | "18002" | "18003" | "18004") => {
            "decoy_connection"
        }
        Some("3000" | "5000" | "10001" | "15001" | "16001") => "decoy_request",
        Some("17001") => "decoy_command",
        Some("5001" | "5002" | "5003" | "5004" | "5005") => "decoy_scan",
        _ => return,
    };
    decoy(event, action);
    if action == "decoy_login" {
        fill(event, Field::EventOutcome, "failure");
    }
    target(event, &["logdata.PATH"], "logdata.HOSTNAME");
}

fn decoy(event: &mut Event, action: &str) {
    fill(event, Field::EventAction, action);
    fill(event, Field::EventCategory, "intrusion_detection");
    fill(event, Field::EventType, "info");
}
