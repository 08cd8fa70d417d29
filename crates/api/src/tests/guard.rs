//! What holds for every request.

use std::time::Duration;

use axum::middleware::from_fn_with_state;
use axum::routing::get;
use expect_test::expect;

use super::*;
use crate::guard::guard;

#[tokio::test]
async fn everything_but_the_door_is_closed() {
    let mut house = House::new();
    let mut open = Vec::new();
    let description = house.read("GET /api/openapi.json").await;
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let request = format!("{} {}", method.to_uppercase(), path.replace("{id}", "1"));
            let answer = house.ask(&format!("{request}\n\n{{}}")).await;
            if !answer.starts_with("401") {
                open.push(format!("{request}: {}", answer.lines().next().unwrap()));
            }
        }
    }
    expect![[r"
        POST /api/v1/login: 400 Bad Request
        GET /api/v1/session: 200 OK
        POST /api/v1/setup: 400 Bad Request"]]
    .assert_eq(&open.join("\n"));
}

#[tokio::test]
async fn other_sites_and_other_names() {
    let mut house = House::new();
    let login = |header: &str| {
        format!("POST /api/v1/login\n{header}\n\n{{\"user\":\"ada\",\"password\":\"x\"}}")
    };
    for (header, code) in [
        ("origin: http://evil.example", "wrong_origin"),
        ("origin: null", "wrong_origin"),
        ("origin: http://127.0.0.1:9999", "wrong_origin"),
        ("sec-fetch-site: cross-site", "wrong_origin"),
        ("host: evil.example", "wrong_host"),
        ("host: 127.0.0.1.evil.example:8440", "wrong_host"),
        ("host: 198.51.100.1:8440", "wrong_host"),
        ("host:", "wrong_host"),
        ("origin: http://127.0.0.1:8440", "wrong_credentials"),
        ("host: LOCALHOST:8440", "wrong_credentials"),
        ("host: [::1]:8440", "wrong_credentials"),
        ("content-type: text/plain", "bad_request"),
    ] {
        let answer = house.ask(&login(header)).await;
        assert!(answer.contains(&format!(r#""code":"{code}""#)), "{header}: {answer}");
    }
}

#[tokio::test]
async fn problems_of_all_kinds_look_alike() {
    let mut house = House::inhabited().await;
    let long = format!("POST /api/v1/sql\n\n{{\"sql\":\"{}\"}}", "x".repeat(1024 * 1024));
    house
        .check(
            &[
                "GET /api/v1/nothing",
                "DELETE /api/v1/alerts",
                "POST /api/v1/simulation\n\n{\"action\":1}",
                "POST /api/v1/simulation\n\nnot json",
                &long,
                "GET /api/v1/alerts?limit=9000",
                "GET /api/v1/alerts?limit=x",
                "GET /api/v1/alerts/x",
                "GET /api/v1/events/99999999999999999999999",
            ],
            expect![[r#"
                404 Not Found
                {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such resource","code":"not_found","request_id":…}
                405 Method Not Allowed
                {"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"method not allowed","code":"method_not_allowed","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"Failed to deserialize the JSON body into the target type: action: invalid type: integer `1`, expected a string at line 1 column 11","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"Failed to parse the request body as JSON: expected ident at line 1 column 2","code":"bad_request","request_id":…}
                413 Payload Too Large
                {"type":"about:blank","title":"Payload Too Large","status":413,"detail":"the request's body is too long","code":"too_large","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"limit is 1 to 500","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"Failed to deserialize query string: limit: invalid digit found in string","code":"bad_request","request_id":…}
                404 Not Found
                {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such page","code":"not_found","request_id":…}
                404 Not Found
                {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such page","code":"not_found","request_id":…}"#]],
        )
        .await;
}

#[tokio::test]
async fn every_answer_bears_the_headers() {
    let mut house = House::new();
    for path in ["/", "/assets/none.js", "/api/v1/session", "/api/v1/alerts", "/healthz"] {
        let response = house.send(&format!("GET {path}")).await;
        let headers = response.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin", "{path}");
        assert!(!headers["x-request-id"].is_empty(), "{path}");
        if path.starts_with("/api/") {
            assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
        }
    }
}

async fn panics() {
    panic!("for a test")
}

#[tokio::test]
async fn a_panic_and_an_endless_handler_end_their_request_alone() {
    let config = Config { deadline: Duration::from_millis(20), ..Config::default() };
    let mut house = House::with(config);
    house.router = Router::new()
        .route("/api/panic", get(panics))
        .route("/api/endless", get(std::future::pending::<()>))
        .route("/api/well", get(|| async { "well" }))
        .layer(from_fn_with_state(house.state.clone(), guard));
    house.check(&["GET /api/panic", "GET /api/endless", "GET /api/well"], expect![[r#"
        500 Internal Server Error
        {"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the request failed; the trace of the product tells why","code":"internal","request_id":…}
        503 Service Unavailable
        {"type":"about:blank","title":"Service Unavailable","status":503,"detail":"it took too long and was given up; narrow the time range or the query","code":"deadline","request_id":…}
        200 OK
        well"#]]).await;
}

#[tokio::test]
async fn a_name_of_its_own() {
    let hosts = crate::Hosts::Named(vec!["siem.example".to_owned()]);
    let mut house = House::with(Config { hosts, ..Config::default() });
    let answer = house.ask("GET /healthz\nhost: SIEM.example:8440").await;
    assert_eq!(answer, "200 OK\nok");
    assert!(house.ask("GET /healthz\nhost: evil.example").await.starts_with("421"));
}
