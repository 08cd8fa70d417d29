//! HTTP/1 (RFC 9112): the `Server` header, the title, and what a search engine tells of itself.

use super::shared::{between, named, some, split_version};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row = Row {
    id: "http",
    tcp: &[
        80, 81, 82, 443, 591, 3000, 4848, 5000, 5357, 5601, 5984, 5985, 5986, 7001, 8000, 8008,
        8080, 8081, 8086, 8090, 8181, 8443, 8834, 8888, 9000, 9090, 9200, 9443, 10000, 15672, 2375,
        2379, 6443, 10250,
    ],
    udp: &[],
    ask: Ask::Say(say),
    read,
};

fn say() -> Vec<u8> {
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0 (compatible; bartizan-scan)\r\n\
      Accept: */*\r\nConnection: close\r\n\r\n"
        .to_vec()
}

fn read(answer: &[u8]) -> Option<Service> {
    answer.starts_with(b"HTTP/1.").then_some(())?;
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let header = |wanted: &str| {
        head.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    let status = head.lines().next()?.split(' ').nth(1)?;
    (status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    let mut service = named("http");
    if let Some(server) = header("server") {
        (service.product, service.version) = split_version(server);
    }
    if let Some(number) = between(body, "\"number\"", ",")
        && (body.contains("lucene_version") || body.contains("You Know, for Search"))
    {
        "elasticsearch".clone_into(&mut service.name);
        let is_open = body.contains("opensearch");
        service.product = some(if is_open { "OpenSearch" } else { "Elasticsearch" });
        service.version = some(number.trim_matches([' ', ':', '"']));
    } else if body.contains("\"couchdb\"") {
        service.product = some("CouchDB");
        service.version = between(body, "\"version\":\"", "\"").and_then(some);
    }
    let lower = body.to_ascii_lowercase();
    let title = between(&lower, "<title", "</title>").and_then(|part| {
        // The same bytes stand in the original at the same place: only ASCII changed its case.
        let begin = lower.find(part)?;
        body.get(begin..begin + part.len())?.split_once('>').map(|(_, title)| title)
    });
    let said = [
        Some(format!("status {status}")),
        title.and_then(some).map(|title| format!("title {title}")),
        header("location").and_then(some).map(|place| format!("to {place}")),
        header("x-powered-by").and_then(some),
        header("www-authenticate").and_then(some).map(|how| format!("asks for {how}")),
    ];
    service.info = some(&said.into_iter().flatten().collect::<Vec<_>>().join("; "));
    service.info = service.info.map(|info| super::shared::text(info.as_bytes()));
    Some(service)
}
