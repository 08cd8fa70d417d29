//! Alerts: lists, edits, bulk edits, counts.

use expect_test::expect;

use super::*;

#[tokio::test]
async fn listed_filtered_and_paged() {
    let mut house = House::inhabited().await;
    house.detect("sweep", "203.0.113.9", 10);
    house.detect("spray", "203.0.113.9", 11);
    house.detect("spray", "203.0.113.10", 12);
    house
        .check(
            &[
                "GET /api/v1/alerts?limit=1",
                "GET /api/v1/alerts?level=critical&entity=address:203.0.113.9&assignee=none",
                "GET /api/v1/alerts?status=closed,acknowledged",
                "GET /api/v1/alerts?status=ajar",
                "GET /api/v1/alerts?sort=colour",
                "GET /api/v1/alerts?cursor=1.x",
                "GET /api/v1/alerts?sort=level&cursor=1.2",
                "GET /api/v1/alerts?from=yesterday",
            ],
            expect![[r#"
                200 OK
                {"items":[{"id":"3","rule_id":"spray","title":"Rule spray","level":"low","tags":["attack.t1046"],"entity":{"type":"address","value":"203.0.113.10"},"summary":"203.0.113.10 did it","status":"open","verdict":null,"assignee":null,"count":1,"first":"1970-01-01T00:00:12.000Z","last":"1970-01-01T00:00:12.000Z","events":1,"simulated":false,"version":1}],"next":"12000000000.3","total":3}
                200 OK
                {"items":[{"id":"1","rule_id":"sweep","title":"Rule sweep","level":"critical","tags":["attack.t1046"],"entity":{"type":"address","value":"203.0.113.9"},"summary":"203.0.113.9 did it","status":"open","verdict":null,"assignee":null,"count":1,"first":"1970-01-01T00:00:10.000Z","last":"1970-01-01T00:00:10.000Z","events":1,"simulated":false,"version":1}],"next":null,"total":1}
                200 OK
                {"items":[],"next":null,"total":0}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"\"ajar\" is no status","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"\"colour\" is no order","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"the cursor is none of ours","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"the cursor is out of range","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"from is no time such as 2026-11-21T06:58:00Z","code":"bad_request","request_id":…}"#]],
        )
        .await;
}

#[tokio::test]
async fn second_page_goes_on_after_the_first() {
    let mut house = House::inhabited().await;
    for second in 10..13 {
        house.detect("sweep", &format!("203.0.113.{second}"), second);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = house.read(&format!("GET /api/v1/alerts?limit=2{cursor}")).await;
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["3", "2", "1"]);
}

#[tokio::test]
async fn whole_with_history_rule_and_evidence() {
    let mut house = House::inhabited().await;
    house.keep_events(&["one", "two \"quoted\""]);
    house.detect("sweep", "203.0.113.9", 2);
    house.detect("sweep", "203.0.113.9", 1);
    house
        .check(
            &["GET /api/v1/alerts/1", "GET /api/v1/alerts/1/events", "GET /api/v1/alerts/2"],
            expect![[r#"
                200 OK
                {"id":"1","rule_id":"sweep","title":"Rule sweep","level":"critical","tags":["attack.t1046"],"entity":{"type":"address","value":"203.0.113.9"},"summary":"203.0.113.9 did it","status":"open","verdict":null,"assignee":null,"count":2,"first":"1970-01-01T00:00:01.000Z","last":"1970-01-01T00:00:02.000Z","events":2,"simulated":false,"version":1,"history":[{"at":"1970-01-01T00:00:01.000Z","by":"bartizan","change":"created","note":null}],"rule":{"id":"sweep","title":"Port sweep","level":"critical","status":"","tags":[],"description":"","path":"","logsource":"","kind":"","references":[],"false_positives":[],"author":"","license":"","enabled":false,"reports":false,"level_given":null,"exceptions":[],"reason":""}}
                200 OK
                {"items":[{"@timestamp":"1970-01-01T00:00:01.000Z","event":{"id":1,"ingested":"1970-01-01T00:00:01.000Z","module":"unknown","original":"one"},"message":"one","source":{"ip":"203.0.113.9"}},{"@timestamp":"1970-01-01T00:00:02.000Z","event":{"id":2,"ingested":"1970-01-01T00:00:02.000Z","module":"unknown","original":"two \"quoted\""},"message":"two \"quoted\"","source":{"ip":"203.0.113.9"}}]}
                404 Not Found
                {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such alert","code":"not_found","request_id":…}"#]],
        )
        .await;
}

#[tokio::test]
async fn an_edit_upon_an_old_version() {
    let mut house = House::inhabited().await;
    house.detect("sweep", "203.0.113.9", 10);
    let edit = "PATCH /api/v1/alerts/1\nif-match: \"1\"\n\n{\"status\":\"acknowledged\",\"assignee\":\"ada\"}";
    house
        .check(
            &[
                edit,
                edit,
                "PATCH /api/v1/alerts/1\nif-match: x\n\n{\"note\":\"seen\"}",
                "PATCH /api/v1/alerts/1\n\n{\"assignee\":null}",
                "PATCH /api/v1/alerts/1\n\n{\"assignee\":\"eve\"}",
                "PATCH /api/v1/alerts/1\n\n{\"status\":\"closed\"}",
                "PATCH /api/v1/alerts/1\n\n{\"verdict\":\"harmless\"}",
                "PATCH /api/v1/alerts/1\n\n{\"verdikt\":\"benign\"}",
                "PATCH /api/v1/alerts/7\n\n{\"verdict\":\"benign\"}",
            ],
            expect![[r#"
                200 OK
                {"id":"1","rule_id":"sweep","title":"Rule sweep","level":"critical","tags":["attack.t1046"],"entity":{"type":"address","value":"203.0.113.9"},"summary":"203.0.113.9 did it","status":"acknowledged","verdict":null,"assignee":"ada","count":1,"first":"1970-01-01T00:00:10.000Z","last":"1970-01-01T00:00:10.000Z","events":1,"simulated":false,"version":2}
                412 Precondition Failed
                {"type":"about:blank","title":"Precondition Failed","status":412,"detail":"it was changed meanwhile","code":"changed","version":2,"request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"if-match is no version","code":"bad_request","request_id":…}
                200 OK
                {"id":"1","rule_id":"sweep","title":"Rule sweep","level":"critical","tags":["attack.t1046"],"entity":{"type":"address","value":"203.0.113.9"},"summary":"203.0.113.9 did it","status":"acknowledged","verdict":null,"assignee":null,"count":1,"first":"1970-01-01T00:00:10.000Z","last":"1970-01-01T00:00:10.000Z","events":1,"simulated":false,"version":3}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"there is no user \"eve\"","code":"unknown_user","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"closing an alert needs a verdict","code":"unfit","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"\"harmless\" is no verdict","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"Failed to deserialize the JSON body into the target type: verdikt: unknown field `verdikt`, expected one of `status`, `verdict`, `assignee`, `note` at line 1 column 10","code":"bad_request","request_id":…}
                404 Not Found
                {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such alert","code":"not_found","request_id":…}"#]],
        )
        .await;
    let response = house.send("GET /api/v1/alerts/1").await;
    assert_eq!(response.headers()[header::ETAG], "\"3\"");
}

#[tokio::test]
async fn in_bulk_and_back() {
    let mut house = House::inhabited().await;
    for second in 10..15 {
        house.detect("sweep", &format!("203.0.113.{second}"), second);
    }
    let closed = "GET /api/v1/alerts?status=closed&limit=1&entity=nobody";
    let bulk = |targets: &str| {
        format!(
            "POST /api/v1/alerts/bulk\n\n{{{targets},\"change\":{{\"verdict\":\"benign\",\"note\":\"lab\"}}}}"
        )
    };
    house
        .check(
            &[
                &bulk(r#""filter":{"status":"open","q":"sweep"}"#),
                "POST /api/v1/alerts/undo\n\n{\"undo\":\"1\"}",
                "POST /api/v1/alerts/undo\n\n{\"undo\":\"2\"}",
                "POST /api/v1/alerts/undo\n\n{\"undo\":\"x\"}",
                &bulk(r#""ids":["1","3","77"]"#),
                &bulk(r#""ids":["one"]"#),
                &bulk(r#""filter":{"colour":"red"}"#),
                &bulk(r#""filter":{"status":["open"]}"#),
                &bulk(r#""ids":["1"],"filter":{}"#),
                closed,
            ],
            expect![[r#"
                200 OK
                {"changed":5,"undo":"1"}
                200 OK
                {"changed":5,"undo":"2"}
                409 Conflict
                {"type":"about:blank","title":"Conflict","status":409,"detail":"this edit cannot be taken back any more","code":"cannot_undo","request_id":…}
                409 Conflict
                {"type":"about:blank","title":"Conflict","status":409,"detail":"this edit cannot be taken back any more","code":"cannot_undo","request_id":…}
                200 OK
                {"changed":2,"undo":"3"}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"an id is no number","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"\"colour\" is no filter","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"filter: invalid type: sequence, expected a string","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"give either ids or filter","code":"bad_request","request_id":…}
                200 OK
                {"items":[],"next":null,"total":0}"#]],
        )
        .await;
}

#[tokio::test]
async fn counted_over_time() {
    let mut house = House::inhabited().await;
    house.detect("sweep", "203.0.113.9", 10);
    house.detect("spray", "203.0.113.9", 11);
    house.detect("spray", "203.0.113.10", 19);
    house
        .check(
            &[
                "GET /api/v1/alerts/histogram?from=1970-01-01T00:00:10Z&to=1970-01-01T00:00:20Z&buckets=3",
                "GET /api/v1/alerts/histogram?from=1970-01-01T00:00:20Z&to=1970-01-01T00:00:10Z",
                "GET /api/v1/alerts/histogram?buckets=0",
            ],
            expect![[r#"
                200 OK
                {"buckets":[{"from":"1970-01-01T00:00:10.000Z","to":"1970-01-01T00:00:13.333333334Z","counts":{"low":1,"critical":1}},{"from":"1970-01-01T00:00:13.333333334Z","to":"1970-01-01T00:00:16.666666668Z","counts":{}},{"from":"1970-01-01T00:00:16.666666668Z","to":"1970-01-01T00:00:20.000Z","counts":{"low":1}}]}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"from is not before to","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"buckets is 1 to 1000","code":"bad_request","request_id":…}"#]],
        )
        .await;
}
