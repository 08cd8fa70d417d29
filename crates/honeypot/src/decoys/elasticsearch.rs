//! Elasticsearch over HTTP: the answers of a small cluster that nobody closed; what is done to it is
//! recorded, scripts above all.

mod api;

use futures::FutureExt as _;

use super::Decoy;
use super::shared::conversation::Conversation;
use super::shared::http1::{Limits, Request, Version};
use crate::session::{End, Fields, Outcome, Session, Visit, now};
use crate::text::shown;
use api::{Facts, Reply};

pub(crate) const DECOY: Decoy = Decoy {
    id: "elasticsearch",
    port: 9200,
    summary: "Elasticsearch without a password, its scripts and wipes recorded",
    serve: |session| serve(session).boxed(),
};

/// What Elasticsearch takes of a body is a hundred times that; more is not waited for.
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Kept of a body in memory.
const KEPT_BYTES_MAX: usize = 256 * 1024;
/// How much of a body is told.
const TOLD_BYTES_MAX: usize = 8 * 1024;

async fn serve(session: &mut Session) -> Result<(), End> {
    Conversation::begun(session).await?;
    let limits = Limits { body_max: BODY_BYTES_MAX, kept_max: KEPT_BYTES_MAX };
    let mut client = Conversation::new(limits);
    while let Some(heard) = client.next(session).await? {
        let keeps = match heard {
            Ok(request) => answer(session, &request).await?,
            Err((_, request)) => malformed(session, &request).await?,
        };
        if !keeps {
            break;
        }
    }
    session.close().await;
    Ok(())
}

/// Says that this was no request.
async fn malformed(session: &mut Session, request: &Request) -> Result<bool, End> {
    let fields = Fields::new().with("http.request.line", request.line.clone());
    session.tell("malformed", fields).await;
    let body = r#"{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"text is not a HTTP request"}],"type":"illegal_argument_exception","reason":"text is not a HTTP request"},"status":400}"#;
    let reply = Reply { status: 400, is_text: false, body: body.to_owned(), attempt: None };
    session.write(&written(request, &reply)).await?;
    Ok(false)
}

/// Answers a request and tells of it; true where the connection is kept.
async fn answer(session: &mut Session, request: &Request) -> Result<bool, End> {
    let reply = api::answer(&facts(session), request);
    let bytes = written(request, &reply);
    session.tell("query", told(request, &reply, bytes.len())).await;
    // Without its security switched on, it takes any password for right.
    if let Some((user, password)) = request.basic() {
        let (user, password) = (user.as_bytes(), password.as_bytes());
        session.credentials(user, Some(password), Outcome::Success, Fields::new()).await;
    }
    session.write(&bytes).await?;
    Ok(request.keeps())
}

fn told(request: &Request, reply: &Reply, bytes: usize) -> Fields {
    let outcome = if reply.status < 400 { "success" } else { "failure" };
    let mut fields = Fields::new()
        .with("http.request.method", request.method.clone())
        .with("url.original", request.target.clone())
        .with("url.path", request.path())
        .with("http.response.status_code", reply.status)
        .with("http.response.bytes", bytes)
        .with("event.outcome", outcome);
    if !request.query().is_empty() {
        fields.set("url.query", request.query());
    }
    if let Some(agent) = request.header("user-agent") {
        fields.set("user_agent.original", agent);
    }
    let body = request.body.kept();
    if !body.is_empty() {
        fields.set("http.request.body.content", shown(body, TOLD_BYTES_MAX));
        fields.set("http.request.body.bytes", request.body.bytes);
    }
    if request.body.dropped() > 0 {
        fields.set("bartizan.decoy.bytes_dropped", request.body.dropped());
    }
    if let Some(attempt) = reply.attempt {
        fields.set("event.reason", attempt);
    }
    fields
}

/// An answer's bytes, as Netty writes them.
fn written(request: &Request, reply: &Reply) -> Vec<u8> {
    let kind = if reply.is_text { "text/plain" } else { "application/json" };
    let reason = match reply.status {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        404 => "Not Found",
        _ => "Method Not Allowed",
    };
    let (version, product) = match request.version {
        // Programs that speak 1.0 are no clients of its own, which alone ask for the product's mark.
        Version::Old | Version::V10 => ("1.0", ""),
        Version::V11 => ("1.1", "X-elastic-product: Elasticsearch\r\n"),
    };
    let head = format!(
        "HTTP/{version} {} {reason}\r\n{product}content-type: {kind}; charset=UTF-8\r\ncontent-length: {}\r\n\r\n",
        reply.status,
        reply.body.len()
    );
    let mut bytes = head.into_bytes();
    if request.method != "HEAD" {
        bytes.extend_from_slice(reply.body.as_bytes());
    }
    bytes
}

fn facts(visit: &Visit) -> Facts {
    let persona = visit.persona();
    let time = now();
    let banner = visit.service().banner.clone();
    Facts {
        version: banner.unwrap_or_else(|| persona.version("elasticsearch").to_owned()),
        node: persona.host_name().to_owned(),
        cluster: persona.domain().split('.').next().unwrap_or("elasticsearch").to_owned(),
        address: persona.address(visit.local().ip()).to_string(),
        users: persona
            .users()
            .iter()
            .map(|user| user.name.clone())
            .filter(|name| name != "root")
            .collect(),
        domain: persona.domain().to_owned(),
        seed: persona.bytes("elasticsearch"),
        uptime: time.since(persona.booted(time)).as_secs(),
        now: u64::try_from(time.seconds()).unwrap_or_default(),
    }
}

/// Gives bytes, cut into pieces by their first one, to everything here that reads them.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    use super::shared::http1::{Reader, Step};

    let (step, rest) = super::shared::fuzz_pieces(bytes);
    let facts = Facts::sample();
    let mut reader = Reader::new(Limits { body_max: BODY_BYTES_MAX, kept_max: KEPT_BYTES_MAX });
    for mut piece in rest.chunks(step) {
        while !piece.is_empty() {
            match reader.next(&mut piece) {
                Step::Request(request) => {
                    let reply = api::answer(&facts, &request);
                    let read = serde_json::from_str::<serde::de::IgnoredAny>(&reply.body);
                    assert!(reply.is_text || read.is_ok(), "{}", reply.body);
                    let _ = told(&request, &reply, written(&request, &reply).len());
                }
                Step::Bad(..) => return,
                Step::More | Step::Continue => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shared::testing::{nmap, run};
    use crate::testing::House;

    #[tokio::test(flavor = "multi_thread")]
    async fn curl_looks_around_and_sends_a_script() {
        let house = House::new("elasticsearch").await;
        let url = |path: &str| format!("http://{}{path}", house.address);
        let Some(told) = run("curl", &["-s", "-i", "--max-time", "60", &url("/")]).await else {
            return;
        };
        let version = house.persona().version("elasticsearch").to_owned();
        assert!(told.contains(&format!("\"number\" : \"{version}\"")), "{told}");
        assert!(told.contains("X-elastic-product: Elasticsearch"), "{told}");
        let cat = url("/_cat/indices?v");
        let args = ["-s", "--max-time", "60", "-u", "elastic:changeme", &cat];
        let told = run("curl", &args).await.unwrap();
        let event = house.event("login").await;
        assert_eq!(event["user"]["name"], "elastic");
        assert_eq!(event["bartizan"]["decoy"]["password"], "changeme");
        assert!(told.contains("customers"), "{told}");
        let script =
            r#"{"script_fields":{"x":{"script":"java.lang.Runtime.getRuntime().exec(\"id\")"}}}"#;
        let json = "content-type: application/json";
        let args = ["-s", "--max-time", "60", &url("/_search"), "-H", json, "-d", script];
        run("curl", &args).await.unwrap();
        let event = house.event_where(|event| event["event"]["reason"] == "script").await;
        assert_eq!(event["event"]["action"], "decoy_query");
        assert_eq!(event["http"]["request"]["body"]["content"], script);
        assert_eq!(event["url"]["path"], "/_search");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nmap_names_it() {
        let house = House::new("elasticsearch").await;
        let Some(told) = nmap(&house).await else { return };
        let version = house.persona().version("elasticsearch");
        assert!(told.contains(&format!("Elasticsearch REST API {version}")), "{told}");
    }
}
