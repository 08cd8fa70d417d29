//! What commands are answered with.

use super::bson::{Document, Value};
use super::data::Data;

/// Documents that one answer holds.
const BATCH_MAX: usize = 101;

/// What is known when a command comes.
pub(super) struct Asked<'a> {
    pub(super) name: &'a str,
    pub(super) database: &'a str,
    pub(super) body: &'a Document,
    pub(super) documents: &'a [Document],
    pub(super) version: &'a str,
    pub(super) host: &'a str,
    pub(super) connection: i32,
    pub(super) peer: &'a str,
    /// Milliseconds since 1970.
    pub(super) now: i64,
}

/// An answer that says that it went well.
pub(super) fn good() -> Document {
    Document::default().with("ok", 1.0)
}

/// An answer that says what is wrong.
pub(super) fn fault(code: i32, name: &str, message: &str) -> Document {
    Document::default()
        .with("ok", 0.0)
        .with("errmsg", message)
        .with("code", code)
        .with("codeName", name)
}

/// Answers a command.
pub(super) fn answer(data: &mut Data, asked: &Asked<'_>) -> Document {
    let lower = asked.name.to_ascii_lowercase();
    match lower.as_str() {
        "hello" | "ismaster" => hello(asked),
        "buildinfo" => build_info(asked.version),
        "ping" | "endsessions" | "logout" | "killcursors" | "setparameter" | "startsession"
        | "createindexes" | "create" | "createuser" | "updateuser" | "dropuser" | "fsync"
        | "killsessions" | "refreshsessions" => good(),
        "whatsmyuri" => Document::default().with("you", asked.peer).with("ok", 1.0),
        "listdatabases" => list_databases(data),
        "listcollections" => list_collections(data, asked),
        "find" => cursor(&whole(asked), &data.documents(&whole(asked))),
        "aggregate" | "listindexes" => aggregate(data, asked),
        "getmore" => cursor_part("nextBatch", &whole(asked), &[]),
        "count" => {
            let count = i32::try_from(data.documents(&whole(asked)).len()).unwrap_or_default();
            Document::default().with("n", count).with("ok", 1.0)
        }
        "distinct" => Document::default().with("values", Vec::<Value>::new()).with("ok", 1.0),
        "insert" => insert(data, asked),
        "update" => Document::default().with("n", 1).with("nModified", 1).with("ok", 1.0),
        "delete" => {
            let count = i32::try_from(data.documents(&whole(asked)).len()).unwrap_or_default();
            data.drop(&whole(asked));
            Document::default().with("n", count).with("ok", 1.0)
        }
        "drop" => {
            let whole = whole(asked);
            if data.drop(&whole) {
                Document::default()
                    .with("nIndexesWas", 1)
                    .with("ns", whole.as_str())
                    .with("ok", 1.0)
            } else {
                fault(26, "NamespaceNotFound", "ns not found")
            }
        }
        "dropdatabase" => {
            data.drop(asked.database);
            Document::default().with("dropped", asked.database).with("ok", 1.0)
        }
        _ => about_the_server(data, asked, &lower),
    }
}

fn about_the_server(data: &Data, asked: &Asked<'_>, lower: &str) -> Document {
    match lower {
        "serverstatus" => server_status(asked),
        "hostinfo" => {
            let system = Document::default()
                .with("hostname", asked.host)
                .with("cpuArch", "x86_64")
                .with("numCores", 4);
            let os = Document::default().with("type", "Linux").with("name", "linux");
            Document::default().with("system", system).with("os", os).with("ok", 1.0)
        }
        "getlog" => Document::default()
            .with("totalLinesWritten", 0)
            .with("log", Vec::<Value>::new())
            .with("ok", 1.0),
        "getcmdlineopts" => {
            let arguments =
                ["/usr/bin/mongod", "--config", "/etc/mongod.conf"].map(Value::from).to_vec();
            Document::default()
                .with("argv", arguments)
                .with("parsed", Document::default())
                .with("ok", 1.0)
        }
        "connectionstatus" => {
            let none = Document::default()
                .with("authenticatedUsers", Vec::<Value>::new())
                .with("authenticatedUserRoles", Vec::<Value>::new());
            Document::default().with("authInfo", none).with("ok", 1.0)
        }
        "usersinfo" => Document::default().with("users", Vec::<Value>::new()).with("ok", 1.0),
        "getparameter" => {
            let version = Document::default().with(
                "version",
                asked.version.split('.').take(2).collect::<Vec<_>>().join(".").as_str(),
            );
            Document::default().with("featureCompatibilityVersion", version).with("ok", 1.0)
        }
        "dbstats" => {
            let count = i32::try_from(data.collections(asked.database).len()).unwrap_or_default();
            Document::default()
                .with("db", asked.database)
                .with("collections", count)
                .with("objects", 1846)
                .with("dataSize", 912_384.0)
                .with("storageSize", 1_048_576.0)
                .with("ok", 1.0)
        }
        "collstats" => {
            let whole = whole(asked);
            Document::default()
                .with("ns", whole.as_str())
                .with("count", 3)
                .with("size", 1290)
                .with("ok", 1.0)
        }
        "replsetgetstatus" | "replsetgetconfig" => {
            fault(76, "NoReplicationEnabled", "not running with --replSet")
        }
        _ => fault(59, "CommandNotFound", &format!("no such command: '{}'", asked.name)),
    }
}

/// The collection that a command names, with its data base before it.
pub(super) fn whole(asked: &Asked<'_>) -> String {
    let first = asked.body.0.first().map(|(_, value)| value);
    let name = match first {
        Some(Value::Text(name)) => name.as_str(),
        _ => asked.body.text("collection").unwrap_or_default(),
    };
    format!("{}.{name}", asked.database)
}

fn hello(asked: &Asked<'_>) -> Document {
    let mut out = Document::default();
    out = if asked.name.eq_ignore_ascii_case("hello") {
        out.with("isWritablePrimary", true)
    } else {
        out.with("helloOk", true).with("ismaster", true)
    };
    out = out
        .with("maxBsonObjectSize", 16_777_216)
        .with("maxMessageSizeBytes", 48_000_000)
        .with("maxWriteBatchSize", 100_000)
        .with("localTime", Value::Date(asked.now))
        .with("logicalSessionTimeoutMinutes", 30)
        .with("connectionId", asked.connection)
        .with("minWireVersion", 0)
        .with("maxWireVersion", wire_version(asked.version))
        .with("readOnly", false);
    if asked.body.get("saslSupportedMechs").is_some() {
        out = out
            .with("saslSupportedMechs", ["SCRAM-SHA-1", "SCRAM-SHA-256"].map(Value::from).to_vec());
    }
    out.with("ok", 1.0)
}

fn wire_version(version: &str) -> i32 {
    match version.get(..3) {
        Some("4.0") => 7,
        Some("4.2") => 8,
        Some("5.0") => 13,
        Some("6.0") => 17,
        Some("7.0") => 21,
        Some("8.0") => 25,
        // 4.4, and what is not known.
        _ => 9,
    }
}

fn build_info(version: &str) -> Document {
    let numbers = version.split('.').map(|part| Value::Int(part.parse().unwrap_or_default()));
    let mut numbers: Vec<Value> = numbers.take(3).collect();
    numbers.push(Value::Int(0));
    Document::default()
        .with("version", version)
        .with("gitVersion", "f4dda329a99811c707eb06d05ad023599f9be263")
        .with("modules", Vec::<Value>::new())
        .with("allocator", "tcmalloc")
        .with("javascriptEngine", "mozjs")
        .with("sysInfo", "deprecated")
        .with("versionArray", numbers)
        .with("bits", 64)
        .with("debug", false)
        .with("maxBsonObjectSize", 16_777_216)
        .with(
            "storageEngines",
            ["biggie", "devnull", "ephemeralForTest", "wiredTiger"].map(Value::from).to_vec(),
        )
        .with("ok", 1.0)
}

fn server_status(asked: &Asked<'_>) -> Document {
    let connections = Document::default()
        .with("current", 7)
        .with("available", 51_193)
        .with("totalCreated", 20_418);
    Document::default()
        .with("host", asked.host)
        .with("version", asked.version)
        .with("process", "mongod")
        .with("pid", Value::Long(871))
        .with("uptime", 2_184_377.0)
        .with("localTime", Value::Date(asked.now))
        .with("connections", connections)
        .with(
            "storageEngine",
            Document::default().with("name", "wiredTiger").with("persistent", true),
        )
        .with("ok", 1.0)
}

fn list_databases(data: &Data) -> Document {
    let size = |name: &str| {
        if matches!(name, "admin" | "config" | "local") { 40_960.0 } else { 1_171_456.0 }
    };
    let names = data.databases();
    let total: f64 = names.iter().map(|name| size(name)).sum();
    let row = |name: &String| {
        let row = Document::default()
            .with("name", name.as_str())
            .with("sizeOnDisk", size(name))
            .with("empty", false);
        Value::Document(row)
    };
    let rows: Vec<Value> = names.iter().map(row).collect();
    Document::default().with("databases", rows).with("totalSize", total).with("ok", 1.0)
}

fn list_collections(data: &Data, asked: &Asked<'_>) -> Document {
    let row = |name: &String| {
        Document::default()
            .with("name", name.as_str())
            .with("type", "collection")
            .with("options", Document::default())
            .with("info", Document::default().with("readOnly", false))
    };
    let rows: Vec<Document> = data.collections(asked.database).iter().map(row).collect();
    cursor(&format!("{}.$cmd.listCollections", asked.database), &rows)
}

/// A pipeline that counts is answered with the number; any other with the documents as they are.
fn aggregate(data: &Data, asked: &Asked<'_>) -> Document {
    let whole = whole(asked);
    if asked.name.eq_ignore_ascii_case("listIndexes") {
        let key = Document::default().with("_id", 1);
        let index = Document::default().with("v", 2).with("key", key).with("name", "_id_");
        return cursor(&whole, &[index]);
    }
    let documents = data.documents(&whole);
    let counts = matches!(asked.body.get("pipeline"), Some(Value::Array(stages)) if stages.iter().any(
        |stage| matches!(stage, Value::Document(stage) if stage.get("$group").is_some() || stage.get("$count").is_some())));
    if counts {
        let count = i32::try_from(documents.len()).unwrap_or_default();
        return cursor(&whole, &[Document::default().with("_id", 1).with("n", count)]);
    }
    cursor(&whole, &documents)
}

fn insert(data: &mut Data, asked: &Asked<'_>) -> Document {
    let whole = whole(asked);
    for document in asked.documents {
        data.add(&whole, document.clone());
    }
    let count = i32::try_from(asked.documents.len()).unwrap_or_default();
    Document::default().with("n", count).with("ok", 1.0)
}

fn cursor(whole: &str, documents: &[Document]) -> Document {
    cursor_part("firstBatch", whole, documents)
}

fn cursor_part(name: &str, whole: &str, documents: &[Document]) -> Document {
    let batch: Vec<Value> =
        documents.iter().take(BATCH_MAX).cloned().map(Value::Document).collect();
    let cursor = Document::default().with(name, batch).with("id", Value::Long(0)).with("ns", whole);
    Document::default().with("cursor", cursor).with("ok", 1.0)
}
