//! Flows in the shape of Zeek's `conn.log`: its header, then one line a flow, `-` for what is not known.
//!
//! Zeek counts bytes of payloads and of IP packets; ours are of whole frames, and stand in columns whose
//! names say so.

use serde_json::Value;

const FIELDS: &[(&str, &str)] = &[
    ("ts", "time"),
    ("id.orig_h", "addr"),
    ("id.orig_p", "port"),
    ("id.resp_h", "addr"),
    ("id.resp_p", "port"),
    ("proto", "enum"),
    ("service", "string"),
    ("duration", "interval"),
    ("conn_state", "string"),
    ("history", "string"),
    ("orig_pkts", "count"),
    ("orig_frame_bytes", "count"),
    ("resp_pkts", "count"),
    ("resp_frame_bytes", "count"),
    ("community_id", "string"),
];

/// Gives what stands above the rows.
pub(super) fn head() -> String {
    let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    let types: Vec<&str> = FIELDS.iter().map(|(_, kind)| *kind).collect();
    format!(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\t{}\n#types\t{}\n",
        names.join("\t"),
        types.join("\t")
    )
}

/// Gives the row of a flow; nothing for what protocols say.
pub(super) fn row(line: &str) -> Option<String> {
    let flow: Value = serde_json::from_str(line).ok()?;
    let at = |path: &str| flow.pointer(path).filter(|value| !value.is_null());
    if at("/event/dataset")?.as_str()? != "flow.connection" {
        return None;
    }
    let text = |path: &str| match at(path) {
        Some(Value::String(text)) => clean(text),
        Some(value) => value.to_string(),
        None => "-".to_owned(),
    };
    let port =
        |side: &str, of_icmp: &str| match at(&format!("/{side}/port")).or_else(|| at(of_icmp)) {
            Some(port) => port.to_string(),
            None => "0".to_owned(),
        };
    let start = model::Timestamp::parse(at("/event/start")?.as_str()?)?.nanos();
    let duration = at("/event/duration").and_then(Value::as_i64).unwrap_or(0);
    let proto = match text("/network/transport").as_str() {
        "ipv6-icmp" => "icmp".to_owned(),
        "-" => "unknown_transport".to_owned(),
        other => other.to_owned(),
    };
    let columns = [
        seconds(start),
        text("/source/ip"),
        port("source", "/icmp/type"),
        text("/destination/ip"),
        port("destination", "/icmp/code"),
        proto,
        text("/network/protocol"),
        seconds(duration),
        text("/bartizan/flow/state"),
        text("/bartizan/flow/history"),
        text("/source/packets"),
        text("/source/bytes"),
        text("/destination/packets"),
        text("/destination/bytes"),
        text("/network/community_id"),
    ];
    Some(columns.join("\t") + "\n")
}

/// Gives nanoseconds as seconds with microseconds.
fn seconds(nanos: i64) -> String {
    let micros = nanos / 1000;
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// Gives a text that cannot end its column.
fn clean(text: &str) -> String {
    let escape = |character: char| match character {
        '\t' => "\\x09".to_owned(),
        '\n' => "\\x0a".to_owned(),
        other => other.to_string(),
    };
    if text.is_empty() { "(empty)".to_owned() } else { text.chars().map(escape).collect() }
}
