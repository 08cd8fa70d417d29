//! Rules: what is known of them, what an installation changes, and trials over stored events.

use expect_test::expect;

use super::*;

#[tokio::test]
async fn one_rule_and_its_health() {
    let mut house = House::inhabited().await;
    house
        .check(
            &[
                "GET /api/v1/rules/sweep",
                "GET /api/v1/rules/none",
                "GET /api/v1/rules/health",
                "GET /api/v1/rules/sweep/health",
                "GET /api/v1/rules/none/health",
                "POST /api/v1/rules/reload",
            ],
            expect![[r#"
                200 OK
                {"id":"sweep","title":"Port sweep","level":"critical","status":"","tags":[],"description":"","path":"","logsource":"","kind":"","references":[],"false_positives":[],"author":"","license":"","enabled":false,"reports":false,"level_given":null,"exceptions":[],"reason":"","text":"title: Port sweep","examples":[{"lines":["a line"],"matches":true}],"own":null,"version":0}
                404 Not Found
                {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such rule","code":"not_found","request_id":…}
                200 OK
                {"since":"1970-01-01T00:00:01.000Z","at":"1970-01-01T00:00:05.000Z","silent_after_seconds":86400,"items":[{"id":"sweep","verdict":"able","source_last":"1970-01-01T00:00:04.000Z","source_per_hour":7,"missing":["user.name"],"could":"1970-01-01T00:00:03.000Z","fired":null,"hits":0,"evaluations":5,"share":0.5}]}
                200 OK
                {"id":"sweep","verdict":"able","source_last":"1970-01-01T00:00:04.000Z","source_per_hour":7,"missing":["user.name"],"could":"1970-01-01T00:00:03.000Z","fired":null,"hits":0,"evaluations":5,"share":0.5}
                404 Not Found
                {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such rule","code":"not_found","request_id":…}
                200 OK
                {"rules":1,"faults":1,"loads":1,"loaded_at":"1970-01-01T00:00:07.000Z","took_ms":…,"added":0,"removed":0,"changed":0}"#]],
        )
        .await;
}

#[tokio::test]
async fn changed_for_this_installation_and_back() {
    let mut house = House::inhabited().await;
    let put = |version: &str, body: &str| {
        format!("PUT /api/v1/rules/sweep/override\nif-match: \"{version}\"\n\n{body}")
    };
    house
        .check(
            &[
                &put("0", r#"{"enabled":false,"reason":"our own scanner"}"#),
                &put("0", r#"{"enabled":true}"#),
                &put("9", r#"{"level":"low","exceptions":[" source.ip: 192.0.2.7 "]}"#),
                "GET /api/v1/rules/sweep",
                &put("9", r#"{"level":"awful"}"#),
                &put("9", r#"{"exceptions":["source.ip: ("]}"#),
                &put("9", r#"{"exceptions":[" "]}"#),
                &put("x", "{}"),
                "PUT /api/v1/rules/none/override\n\n{}",
                "DELETE /api/v1/rules/sweep/override",
            ],
            expect![[r#"
                200 OK
                {"before":null,"own":{"enabled":false,"level":null,"exceptions":[],"reason":"our own scanner"},"version":9}
                412 Precondition Failed
                {"type":"about:blank","title":"Precondition Failed","status":412,"detail":"it was changed meanwhile","code":"changed","version":9,"request_id":…}
                200 OK
                {"before":{"enabled":false,"level":null,"exceptions":[],"reason":"our own scanner"},"own":{"enabled":null,"level":"low","exceptions":["source.ip: 192.0.2.7"],"reason":""},"version":9}
                200 OK
                {"id":"sweep","title":"Port sweep","level":"critical","status":"","tags":[],"description":"","path":"","logsource":"","kind":"","references":[],"false_positives":[],"author":"","license":"","enabled":false,"reports":false,"level_given":null,"exceptions":[],"reason":"","text":"title: Port sweep","examples":[{"lines":["a line"],"matches":true}],"own":{"enabled":null,"level":"low","exceptions":["source.ip: 192.0.2.7"],"reason":""},"version":9}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"\"awful\" is no level","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"column 13: expected a value","code":"bad_query","column":13,"request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"an exception is not empty","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"if-match is no version","code":"bad_request","request_id":…}
                404 Not Found
                {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such rule","code":"not_found","request_id":…}
                200 OK
                {"before":{"enabled":null,"level":"low","exceptions":["source.ip: 192.0.2.7"],"reason":""},"own":null,"version":0}"#]],
        )
        .await;
    let done = house.state.catalog.audited(3).unwrap();
    let told: Vec<String> = done
        .iter()
        .map(|entry| format!("{} {} {}", entry.by, entry.action, entry.detail))
        .collect();
    expect![[r"
        ada override_rule sweep: as its file says
        ada override_rule sweep: level low; except source.ip: 192.0.2.7
        ada override_rule sweep: disabled; our own scanner"]]
    .assert_eq(&told.join("\n"));

    house.log_in_as("viewer", Role::Viewer).await;
    let answer = house.ask("PUT /api/v1/rules/sweep/override\n\n{\"enabled\":false}").await;
    assert!(answer.starts_with("403"), "{answer}");
}

#[tokio::test]
async fn tried_on_what_is_stored() {
    let mut house = House::inhabited().await;
    house.keep_events(&["login failed", "all is well", "login failed again"]);
    let test = |body: &str| {
        let span = r#""from":"1970-01-01T00:00:00Z","to":"1970-01-02T00:00:00Z""#;
        format!("POST /api/v1/rules/test\n\n{{{span},{body}}}")
    };
    house
        .check(
            &[
                &test(r#""rule":"sweep","limit":1"#),
                &test(r#""text":"{title: all, logsource: {product: any}, detection: {s: [well], condition: s}}""#),
                &test(r#""text":"{title: all, detection: {s: {a|what: 1}, condition: s}}""#),
                &test(r#""rule":"none""#),
                &test(r#""rule":"sweep","text":"x""#),
                "POST /api/v1/rules/test\n\n{\"rule\":\"sweep\",\"from\":\"2026-01-01T00:00:00Z\",\"to\":\"2025-01-01T00:00:00Z\"}",
            ],
            expect![[r#"
                200 OK
                {"titles":["Port sweep"],"reports":true,"from":"1970-01-01T00:00:00.000Z","to":"1970-01-02T00:00:00.000Z","events":3,"hits":2,"days":[{"day":"1970-01-01T00:00:00.000Z","hits":2}],"detections":[{"time":"1970-01-01T00:00:01.000Z","rule_id":"sweep","title":"Port sweep","level":"informational","entity":"203.0.113.9","count":1,"summary":"Port sweep","events":["1"]}],"is_complete":true,"took_ms":…}
                200 OK
                {"titles":["all"],"reports":true,"from":"1970-01-01T00:00:00.000Z","to":"1970-01-02T00:00:00.000Z","events":3,"hits":1,"days":[{"day":"1970-01-01T00:00:00.000Z","hits":1}],"detections":[{"time":"1970-01-01T00:00:02.000Z","rule_id":"all","title":"all","level":"informational","entity":"203.0.113.9","count":1,"summary":"all","events":["2"]}],"is_complete":true,"took_ms":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"1 fault in what was given","code":"faulty_rule","faults":[{"line":1,"column":30,"message":"unknown modifier `what`"}],"request_id":…}
                404 Not Found
                {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such rule","code":"not_found","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"give either rule or text","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"from is not before to","code":"bad_request","request_id":…}"#]],
        )
        .await;
}
