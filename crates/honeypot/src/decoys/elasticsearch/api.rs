//! What Elasticsearch answers: a small cluster of one node, its indices, and a refusal of scripts.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::super::shared::http1::Request;

/// What the node is, the same in every answer.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) version: String,
    pub(super) node: String,
    pub(super) cluster: String,
    pub(super) address: String,
    pub(super) users: Vec<String>,
    pub(super) domain: String,
    pub(super) seed: [u8; 32],
    /// Seconds since it started.
    pub(super) uptime: u64,
    /// Seconds since 1970.
    pub(super) now: u64,
}

#[cfg(any(test, fuzzing))]
impl Facts {
    /// Gives those of a node that tests talk to.
    pub(super) fn sample() -> Self {
        Self {
            version: "7.17.24".to_owned(),
            node: "web01".to_owned(),
            cluster: "norda".to_owned(),
            address: "192.0.2.1".to_owned(),
            users: vec!["ahoff".to_owned()],
            domain: "norda.example".to_owned(),
            seed: [7; 32],
            uptime: 1_000_000,
            now: 1_795_244_280,
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) is_text: bool,
    pub(super) body: String,
    /// What the request was meant to do, where that is worth a word.
    pub(super) attempt: Option<&'static str>,
}

/// The indices: name, documents, bytes.
const INDICES: &[(&str, u64, u64)] = &[
    ("customers", 48_211, 31_457_280),
    ("orders", 213_904, 187_695_104),
    ("products", 3_120, 2_411_724),
    (".kibana_1", 214, 2_726_297),
];
/// Bounds the documents of an answer.
const HITS_MAX: usize = 10;

impl Facts {
    fn word(&self, name: &str, letters: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let digest = Sha256::new().chain_update(self.seed).chain_update(name).finalize();
        digest
            .iter()
            .take(letters)
            .filter_map(|byte| LETTERS.get(usize::from(byte % 64)).copied())
            .map(char::from)
            .collect()
    }

    /// The version of Lucene within.
    fn lucene(&self) -> &'static str {
        match self.version.as_str() {
            version if version.starts_with("7.17.") => "8.11.3",
            version if version.starts_with("7.") => "8.7.0",
            version if version.starts_with("6.") => "7.7.3",
            version if version.starts_with("5.") => "6.6.1",
            _ => "9.10.0",
        }
    }
}

/// Answers a request.
pub(super) fn answer(facts: &Facts, request: &Request) -> Reply {
    let path = request.path().trim_end_matches('/');
    let method = request.method.as_str();
    let body = String::from_utf8_lossy(request.body.kept());
    let attempt = attempt(method, path, request.query(), &body);
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let reply = match (method, parts.as_slice()) {
        (_, _) if attempt == Some("script") && has_foreign_language(&body) => {
            error(400, "illegal_argument_exception", "script_lang not supported [groovy]")
        }
        ("GET" | "HEAD", []) => json(root(facts)),
        ("GET", ["_cat", rest @ ..]) => text(cat(facts, rest, request.query())),
        ("GET", ["_cluster", "health", ..]) => json(health(facts)),
        ("GET", ["_cluster", "settings"]) => json(r#"{"persistent":{},"transient":{}}"#),
        ("GET", ["_cluster", "stats" | "state", ..]) => json(stats(facts)),
        ("GET", ["_nodes", ..]) => json(nodes(facts)),
        ("GET" | "POST", ["_search"] | ["_all", "_search"]) => json(search(facts, None)),
        ("GET" | "POST", ["_count"]) => {
            json(count(INDICES.iter().map(|(_, count, _)| count).sum()))
        }
        (
            "GET",
            ["_aliases" | "_alias" | "_mapping" | "_mappings" | "_settings" | "_stats", ..],
        ) => json(listed(|_| r#"{"aliases":{}}"#.to_owned())),
        ("POST" | "PUT", ["_bulk"] | [_, "_bulk"]) => {
            json(r#"{"took":7,"errors":false,"items":[]}"#)
        }
        ("PUT" | "POST", ["_snapshot" | "_scripts" | "_ingest" | "_template", ..]) => {
            json(r#"{"acknowledged":true}"#)
        }
        ("DELETE", ["_all" | "*"]) => json(r#"{"acknowledged":true}"#),
        (_, [first, ..]) if first.starts_with('_') => Reply {
            status: 400,
            ..json(format!(
                r#"{{"error":"no handler found for uri [{}] and method [{}]"}}"#,
                quoted(&request.target),
                quoted(method)
            ))
        },
        (_, [index, rest @ ..]) => on_index(facts, method, index, rest),
        _ => Reply {
            status: 405,
            ..json(format!(
                r#"{{"error":"Incorrect HTTP method for uri [/] and method [{}], allowed: [GET, HEAD, DELETE]","status":405}}"#,
                quoted(method)
            ))
        },
    };
    Reply { attempt, ..reply }
}

/// What the request is meant to do.
fn attempt(method: &str, path: &str, query: &str, body: &str) -> Option<&'static str> {
    let is_search =
        path.ends_with("_search") || path.ends_with("_update") || path.contains("_scripts");
    let names_script = |text: &str| {
        text.contains("script") || text.contains("java.lang.") || text.contains("Runtime")
    };
    if is_search && (names_script(body) || names_script(query))
        || path.contains("_scripts/painless")
    {
        Some("script")
    } else if method == "DELETE" && path.len() > 1 {
        Some("data_wipe")
    } else if matches!(method, "PUT" | "POST") && path.contains("_snapshot") {
        Some("snapshot")
    } else {
        None
    }
}

fn has_foreign_language(body: &str) -> bool {
    body.contains("groovy") || body.contains("java.lang.") || body.contains("mvel")
}

fn on_index(facts: &Facts, method: &str, index: &str, rest: &[&str]) -> Reply {
    let known = INDICES.iter().find(|(name, _, _)| *name == index);
    match (method, rest, known) {
        ("PUT", [], None) => json(format!(
            r#"{{"acknowledged":true,"shards_acknowledged":true,"index":"{}"}}"#,
            quoted(index)
        )),
        ("PUT", [], Some(_)) => error(
            400,
            "resource_already_exists_exception",
            &format!("index [{index}] already exists"),
        ),
        ("DELETE", [], Some(_)) => json(r#"{"acknowledged":true}"#),
        ("PUT" | "POST", ["_doc" | "_create" | "doc", id @ ..], _) => Reply {
            status: 201,
            ..json(format!(
                r#"{{"_index":"{}","_type":"_doc","_id":"{}","_version":1,"result":"created","_shards":{{"total":2,"successful":1,"failed":0}},"_seq_no":0,"_primary_term":1}}"#,
                quoted(index),
                quoted(id.first().unwrap_or(&facts.word(index, 20).as_str()))
            ))
        },
        ("GET" | "POST", ["_search"], Some(_)) => json(search(facts, Some(index))),
        ("GET" | "POST", ["_count"], Some((_, documents, _))) => json(count(*documents)),
        ("GET" | "HEAD", [], Some(_))
        | ("GET", ["_mapping" | "_settings" | "_stats", ..], Some(_)) => json(format!(
            r#"{{"{index}":{{"aliases":{{}},"mappings":{{"properties":{{"email":{{"type":"keyword"}},"name":{{"type":"text"}}}}}}}}}}"#
        )),
        ("GET", ["_doc", id], Some(_)) => Reply {
            status: 404,
            ..json(format!(
                r#"{{"_index":"{index}","_type":"_doc","_id":"{}","found":false}}"#,
                quoted(id)
            ))
        },
        (_, _, None) => not_found(index),
        _ => error(400, "invalid_type_name_exception", "Rejecting this request"),
    }
}

fn root(facts: &Facts) -> String {
    let lucene = facts.lucene();
    format!(
        "{{\n  \"name\" : \"{}\",\n  \"cluster_name\" : \"{}\",\n  \"cluster_uuid\" : \"{}\",\n  \
         \"version\" : {{\n    \"number\" : \"{}\",\n    \"build_flavor\" : \"default\",\n    \
         \"build_type\" : \"deb\",\n    \"build_hash\" : \"fcbbfbc2b9b4b1a4ba7bd1ea1d0d1e1a4ab6bd5b\",\n    \
         \"build_date\" : \"2024-08-29T12:10:11.402133412Z\",\n    \"build_snapshot\" : false,\n    \
         \"lucene_version\" : \"{lucene}\",\n    \"minimum_wire_compatibility_version\" : \"6.8.0\",\n    \
         \"minimum_index_compatibility_version\" : \"6.0.0-beta1\"\n  }},\n  \
         \"tagline\" : \"You Know, for Search\"\n}}\n",
        facts.node,
        facts.cluster,
        facts.word("cluster", 22),
        facts.version,
    )
}

fn cat(facts: &Facts, what: &[&str], query: &str) -> String {
    let headed = query.split('&').any(|part| part == "v" || part.starts_with("v=t"));
    let (head, lines) = match what.first().copied() {
        Some("indices") => (
            "health status index     uuid                   pri rep docs.count docs.deleted store.size pri.store.size\n",
indices(facts),
        ),
        Some("nodes") => (
            "ip           heap.percent ram.percent cpu load_1m load_5m load_15m node.role   master name\n",
            format!(
                "{:<12} {:>12} {:>11} {:>3} {:>7} {:>7} {:>8} cdfhilmrstw *      {}\n",
                facts.address,
                31 + facts.uptime % 30,
                88,
                2,
                "0.08",
                "0.11",
                "0.09",
                facts.node
            ),
        ),
        Some("health") => (
            "epoch      timestamp cluster       status node.total node.data shards pri relo init unassign pending_tasks max_task_wait_time active_shards_percent\n",
            format!(
                "{} {:02}:{:02}:{:02}  {} yellow          1         1      4   4    0    0        4             0                  -                 50.0%\n",
                facts.now,
                facts.now / 3600 % 24,
                facts.now / 60 % 60,
                facts.now % 60,
                facts.cluster
            ),
        ),
        Some("count") => (
            "epoch      timestamp count\n",
            format!("{} 00:00:00 {}\n", facts.now, INDICES.iter().map(|row| row.1).sum::<u64>()),
        ),
        Some("master") => (
            "id                     host         ip           node\n",
            format!("{} {2:<12} {2:<12} {1}\n", facts.word("node", 22), facts.node, facts.address),
        ),
        Some(_) => ("", String::new()),
        None => (
            "",
            "=^.^=\n/_cat/allocation\n/_cat/shards\n/_cat/shards/{index}\n/_cat/master\n/_cat/nodes\n\
             /_cat/tasks\n/_cat/indices\n/_cat/indices/{index}\n/_cat/segments\n/_cat/count\n\
             /_cat/recovery\n/_cat/health\n/_cat/pending_tasks\n/_cat/aliases\n/_cat/thread_pool\n\
             /_cat/plugins\n/_cat/fielddata\n/_cat/nodeattrs\n/_cat/repositories\n/_cat/snapshots/{repository}\n\
             /_cat/templates\n"
                .to_owned(),
        ),
    };
    if headed { format!("{head}{lines}") } else { lines }
}

fn indices(facts: &Facts) -> String {
    let mut text = String::new();
    for (name, documents, bytes) in INDICES {
        let size = format!("{:.1}mb", mebibytes(*bytes));
        let (id, deleted) = (facts.word(name, 22), documents % 97);
        let _ = writeln!(
            text,
            "yellow open   {name:<9} {id}   1   1 {documents:>10} {deleted:>12} {size:>10} {size:>14}"
        );
    }
    text
}

/// Rounded down to what a person reads; exact for sizes below 2^52 bytes.
fn mebibytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 104_857).unwrap_or(u32::MAX)) / 10.0
}

fn health(facts: &Facts) -> String {
    format!(
        r#"{{"cluster_name":"{}","status":"yellow","timed_out":false,"number_of_nodes":1,"number_of_data_nodes":1,"active_primary_shards":4,"active_shards":4,"relocating_shards":0,"initializing_shards":0,"unassigned_shards":4,"delayed_unassigned_shards":0,"number_of_pending_tasks":0,"number_of_in_flight_fetch":0,"task_max_waiting_in_queue_millis":0,"active_shards_percent_as_number":50.0}}"#,
        facts.cluster
    )
}

fn stats(facts: &Facts) -> String {
    format!(
        r#"{{"_nodes":{{"total":1,"successful":1,"failed":0}},"cluster_name":"{}","cluster_uuid":"{}","status":"yellow","indices":{{"count":{},"docs":{{"count":{},"deleted":211}}}},"nodes":{{"count":{{"total":1,"data":1,"master":1}},"versions":["{}"]}}}}"#,
        facts.cluster,
        facts.word("cluster", 22),
        INDICES.len(),
        INDICES.iter().map(|row| row.1).sum::<u64>(),
        facts.version
    )
}

fn nodes(facts: &Facts) -> String {
    format!(
        r#"{{"_nodes":{{"total":1,"successful":1,"failed":0}},"cluster_name":"{cluster}","nodes":{{"{id}":{{"name":"{node}","transport_address":"{ip}:9300","host":"{ip}","ip":"{ip}","version":"{version}","build_flavor":"default","build_type":"deb","roles":["data","ingest","master"],"os":{{"name":"Linux","arch":"amd64","allocated_processors":2}},"process":{{"refresh_interval_in_millis":1000,"id":{process},"mlockall":false}},"jvm":{{"version":"17.0.12","vm_name":"OpenJDK 64-Bit Server VM","start_time_in_millis":{start}}},"settings":{{"cluster":{{"name":"{cluster}"}},"path":{{"data":["/var/lib/elasticsearch"],"logs":"/var/log/elasticsearch"}},"network":{{"host":"0.0.0.0"}}}}}}}}}}"#,
        cluster = facts.cluster,
        id = facts.word("node", 22),
        node = facts.node,
        ip = facts.address,
        version = facts.version,
        process = 600 + u32::from(facts.seed[0]),
        start = u128::from(facts.now.saturating_sub(facts.uptime)) * 1000
    )
}

fn search(facts: &Facts, index: Option<&str>) -> String {
    let index = index.unwrap_or("customers");
    let documents = INDICES.iter().find(|row| row.0 == index).map_or(0, |row| row.1);
    let hits: Vec<String> = facts
        .users
        .iter()
        .take(HITS_MAX)
        .map(|user| {
            format!(
                r#"{{"_index":"{index}","_type":"_doc","_id":"{}","_score":1.0,"_source":{{"name":"{user}","email":"{user}@{}","active":true}}}}"#,
                facts.word(user, 20),
                facts.domain
            )
        })
        .collect();
    format!(
        r#"{{"took":3,"timed_out":false,"_shards":{{"total":1,"successful":1,"skipped":0,"failed":0}},"hits":{{"total":{{"value":{},"relation":"gte"}},"max_score":1.0,"hits":[{}]}}}}"#,
        documents.min(10_000),
        hits.join(",")
    )
}

fn count(documents: u64) -> String {
    format!(
        r#"{{"count":{documents},"_shards":{{"total":1,"successful":1,"skipped":0,"failed":0}}}}"#
    )
}

fn listed(of: impl Fn(&str) -> String) -> String {
    let rows: Vec<String> =
        INDICES.iter().map(|(name, _, _)| format!("\"{name}\":{}", of(name))).collect();
    format!("{{{}}}", rows.join(","))
}

fn not_found(index: &str) -> Reply {
    let index = quoted(index);
    let cause = format!(
        r#""type":"index_not_found_exception","reason":"no such index [{index}]","resource.type":"index_or_alias","resource.id":"{index}","index_uuid":"_na_","index":"{index}""#
    );
    Reply {
        status: 404,
        ..json(format!(r#"{{"error":{{"root_cause":[{{{cause}}}],{cause}}},"status":404}}"#))
    }
}

fn error(status: u16, kind: &str, reason: &str) -> Reply {
    let cause = format!(r#""type":"{kind}","reason":"{}""#, quoted(reason));
    let body = format!(r#"{{"error":{{"root_cause":[{{{cause}}}],{cause}}},"status":{status}}}"#);
    Reply { status, ..json(body) }
}

fn json(body: impl Into<String>) -> Reply {
    Reply { status: 200, is_text: false, body: body.into(), attempt: None }
}

fn text(body: String) -> Reply {
    Reply { is_text: true, ..json(body) }
}

/// A client's text within a string of JSON, at most 256 characters of it.
fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(256).collect();
    let whole = serde_json::Value::String(cut).to_string();
    whole.get(1..whole.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::shared::http1::{Limits, Reader, Step};
    use super::*;

    fn ask(method: &str, target: &str, body: &str) -> Reply {
        let text =
            format!("{method} {target} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut reader = Reader::new(Limits { body_max: 1 << 20, kept_max: 1 << 20 });
        match reader.next(&mut text.as_bytes()) {
            Step::Request(request) => answer(&Facts::sample(), &request),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_answer_in_json_is_json() {
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/_cluster/health"),
            ("GET", "/_cluster/stats"),
            ("GET", "/_cluster/settings"),
            ("GET", "/_nodes"),
            ("GET", "/_nodes/_local/jvm"),
            ("GET", "/_search?pretty"),
            ("GET", "/_aliases"),
            ("GET", "/customers"),
            ("GET", "/customers/_count"),
            ("POST", "/orders/_search"),
            ("DELETE", "/orders"),
            ("PUT", "/read_me"),
            ("POST", "/read_me/_doc"),
            ("GET", "/none/_search"),
            ("GET", "/_no\"thing"),
            ("PATCH", "/"),
        ] {
            let reply = ask(method, path, "");
            let read: Result<serde_json::Value, _> = serde_json::from_str(&reply.body);
            assert!(read.is_ok() && !reply.is_text, "{method} {path}: {reply:?}");
        }
        assert!(ask("GET", "/_cat/indices?v", "").body.starts_with("health status index"));
        assert!(ask("GET", "/_cat/indices", "").body.starts_with("yellow open   customers "));
        assert_eq!(ask("GET", "/none", "").status, 404);
        assert_eq!(ask("GET", "/_none", "").status, 400);
    }

    #[test]
    fn what_a_request_is_meant_to_do() {
        let script = r#"{"script_fields":{"x":{"lang":"groovy","script":"java.lang.Math.class.forName(\"java.lang.Runtime\")"}}}"#;
        let reply = ask("POST", "/_search?pretty", script);
        assert_eq!((reply.status, reply.attempt), (400, Some("script")));
        assert_eq!(ask("POST", "/_search", r#"{"query":{"match_all":{}}}"#).attempt, None);
        assert_eq!(ask("DELETE", "/customers", "").attempt, Some("data_wipe"));
        assert_eq!(ask("PUT", "/_snapshot/x", "{}").attempt, Some("snapshot"));
    }

    proptest! {
        #[test]
        fn any_request(method in "(GET|POST|PUT|DELETE|HEAD)", path in "(_cat|_search|customers|_nodes|[a-z\"\\\\{]{0,5}|/){0,4}", body in ".{0,60}") {
            let reply = ask(&method, &format!("/{path}"), &body);
            if !reply.is_text {
                let read: Result<serde_json::Value, _> = serde_json::from_str(&reply.body);
                prop_assert!(read.is_ok(), "{}", reply.body);
            }
        }
    }
}
