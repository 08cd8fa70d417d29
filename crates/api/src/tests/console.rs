//! The console's files, its numbers, and the API's own description.

use expect_test::expect;

use super::*;

#[tokio::test]
async fn pages_are_the_console_and_missing_files_are_missing() {
    let mut house = House::new();
    for path in ["/", "/alerts/7", "/entity/address/203.0.113.9", "/../../Cargo.toml"] {
        let response = house.send(&format!("GET {path}")).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache", "{path}");
    }
    house
        .check(
            &["GET /assets/none.js", "POST /"],
            expect![[r"
        404 Not Found
        not found
        405 Method Not Allowed"]],
        )
        .await;
}

#[tokio::test]
async fn the_numbers_at_the_top() {
    let mut house = House::inhabited().await;
    house.keep_events(&["alpha", "beta"]);
    house.detect("sweep", "203.0.113.9", 10);
    house.detect("spray", "203.0.113.9", 11);
    let answer = house.ask("GET /api/v1/overview").await;
    expect![[r#"
        200 OK
        {"events_total":7,"events_per_second":2.5,"alerts_open":2,"alerts_acknowledged":0,"alerts_critical":1,"parse_unknown":1,"inputs":[{"name":"syslog \"udp\"","address":"0.0.0.0:5514","received":7,"dropped":2,"last_event":"1970-01-01T00:00:05.000Z"}],"store":{"bytes":0,"segments":0,"in_memory":2,"events":2},"started_at":"1970-01-01T00:00:00.000Z"}"#]].assert_eq(&answer);
    let within =
        house.ask("GET /api/v1/overview?from=1970-01-01T00:00:02Z&to=1970-01-01T00:00:11Z").await;
    assert!(within.contains(r#""events_total":1,"#), "{within}");
    assert!(
        within.contains(r#""alerts_open":1,"alerts_acknowledged":0,"alerts_critical":1,"#),
        "{within}"
    );
}

#[tokio::test]
async fn rules_and_sample_traffic() {
    let mut house = House::inhabited().await;
    house
        .check(
            &[
                "GET /api/v1/rules",
                "POST /api/v1/simulation\n\n{\"action\":\"start\"}",
                "POST /api/v1/simulation\n\n{\"action\":\"pause\"}",
            ],
            expect![[r#"
                200 OK
                {"items":[{"id":"sweep","title":"Port sweep","level":"critical","status":"","tags":[],"description":"","path":"","logsource":"","kind":"","references":[],"false_positives":[],"author":"","license":"","enabled":false,"reports":false,"level_given":null,"exceptions":[],"reason":""}],"faults":[{"path":"rules/x.yml","line":3,"column":5,"message":"unknown modifier","kept":true}],"status":{"loads":1,"loaded_at":"1970-01-01T00:00:07.000Z","took_ms":…,"added":0,"removed":0,"changed":0}}
                200 OK
                {"running":true,"sent":0,"until":null}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"\"pause\" is neither start nor stop","code":"bad_request","request_id":…}"#]],
        )
        .await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one page of counters, whole")]
async fn for_those_who_keep_it_running() {
    let mut house = House::new();
    house.detect("sweep", "203.0.113.9", 10);
    house
        .check(
            &["GET /healthz", "GET /readyz", "GET /metrics"],
            expect![[r#"
                200 OK
                ok
                200 OK
                ready
                200 OK
                # HELP bartizan_events_total Events since the start.
                # TYPE bartizan_events_total counter
                bartizan_events_total 7
                # HELP bartizan_parse_unknown_total Records that no format recognised.
                # TYPE bartizan_parse_unknown_total counter
                bartizan_parse_unknown_total 1
                # HELP bartizan_input_received_total Records received by an input.
                # TYPE bartizan_input_received_total counter
                bartizan_input_received_total{input="syslog \"udp\""} 7
                # HELP bartizan_input_dropped_total Records dropped by an input.
                # TYPE bartizan_input_dropped_total counter
                bartizan_input_dropped_total{input="syslog \"udp\""} 2
                # HELP bartizan_store_found Events in segments at the start.
                # TYPE bartizan_store_found gauge
                bartizan_store_found 0
                # HELP bartizan_store_received_total Events given to the store.
                # TYPE bartizan_store_received_total counter
                bartizan_store_received_total 0
                # HELP bartizan_store_rejected_total Events that could not be kept.
                # TYPE bartizan_store_rejected_total counter
                bartizan_store_rejected_total 0
                # HELP bartizan_store_deduplicated_total Events of batches that were sent again.
                # TYPE bartizan_store_deduplicated_total counter
                bartizan_store_deduplicated_total 0
                # HELP bartizan_store_retired_total Events whose time was over.
                # TYPE bartizan_store_retired_total counter
                bartizan_store_retired_total 0
                # HELP bartizan_store_purged_total Events that were purged.
                # TYPE bartizan_store_purged_total counter
                bartizan_store_purged_total 0
                # HELP bartizan_store_batches_forgotten_total Names of batches forgotten before their time.
                # TYPE bartizan_store_batches_forgotten_total counter
                bartizan_store_batches_forgotten_total 0
                # HELP bartizan_store_balanced 1 while the ledger is.
                # TYPE bartizan_store_balanced gauge
                bartizan_store_balanced 1
                # HELP bartizan_store_replayed_total Events read back at the start.
                # TYPE bartizan_store_replayed_total counter
                bartizan_store_replayed_total 0
                # HELP bartizan_store_flush_failures_total Failed writes.
                # TYPE bartizan_store_flush_failures_total counter
                bartizan_store_flush_failures_total 0
                # HELP bartizan_store_quarantined_total Damaged log files.
                # TYPE bartizan_store_quarantined_total counter
                bartizan_store_quarantined_total 0
                # HELP bartizan_store_missing_segments Segments not on disk.
                # TYPE bartizan_store_missing_segments gauge
                bartizan_store_missing_segments 0
                # HELP bartizan_store_damaged_segments Segments that could not be read.
                # TYPE bartizan_store_damaged_segments gauge
                bartizan_store_damaged_segments 0
                # HELP bartizan_store_memory_events Events in memory.
                # TYPE bartizan_store_memory_events gauge
                bartizan_store_memory_events 0
                # HELP bartizan_store_memory_bytes Bytes in memory.
                # TYPE bartizan_store_memory_bytes gauge
                bartizan_store_memory_bytes 0
                # HELP bartizan_store_segment_events Events in segments.
                # TYPE bartizan_store_segment_events gauge
                bartizan_store_segment_events 0
                # HELP bartizan_store_segment_bytes Bytes in segments.
                # TYPE bartizan_store_segment_bytes gauge
                bartizan_store_segment_bytes 0
                # HELP bartizan_store_segments Segments.
                # TYPE bartizan_store_segments gauge
                bartizan_store_segments 0
                # HELP bartizan_store_merges_total Merges of segments.
                # TYPE bartizan_store_merges_total counter
                bartizan_store_merges_total 0
                # HELP bartizan_store_merged_segments_total Segments merged.
                # TYPE bartizan_store_merged_segments_total counter
                bartizan_store_merged_segments_total 0
                # HELP bartizan_store_given_up_total Events given up for room.
                # TYPE bartizan_store_given_up_total counter
                bartizan_store_given_up_total 0
                # HELP bartizan_store_keep_failures_total Failed tidyings.
                # TYPE bartizan_store_keep_failures_total counter
                bartizan_store_keep_failures_total 0
                # HELP bartizan_store_refused_full_total Events refused: disk full.
                # TYPE bartizan_store_refused_full_total counter
                bartizan_store_refused_full_total 0
                # HELP bartizan_store_disk_free_bytes Bytes free on the disk.
                # TYPE bartizan_store_disk_free_bytes gauge
                bartizan_store_disk_free_bytes 0
                # HELP bartizan_store_disk_reserve_bytes Bytes that stay free.
                # TYPE bartizan_store_disk_reserve_bytes gauge
                bartizan_store_disk_reserve_bytes 0
                # HELP bartizan_store_disk_full Whether events are refused.
                # TYPE bartizan_store_disk_full gauge
                bartizan_store_disk_full 0
                # HELP bartizan_alerts Alerts by state and level.
                # TYPE bartizan_alerts gauge
                bartizan_alerts{status="open",level="critical"} 1"#]],
        )
        .await;
}

#[tokio::test]
async fn the_api_describes_itself() {
    let mut house = House::new();
    let description = house.read("GET /api/openapi.json").await;
    let mut told = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let answers: Vec<_> = operation["responses"].as_object().unwrap().keys().collect();
            told.push(format!("{} {path} {answers:?}", method.to_uppercase()));
        }
    }
    told.sort();
    expect![[r#"
        DELETE /api/v1/rules/{id}/override ["200", "404", "412"]
        DELETE /api/v1/sessions/{id} ["204", "404"]
        DELETE /api/v1/tokens/{id} ["204", "403", "404"]
        GET /api/v1/alerts ["200"]
        GET /api/v1/alerts/histogram ["200"]
        GET /api/v1/alerts/{id} ["200", "404"]
        GET /api/v1/alerts/{id}/events ["200", "404"]
        GET /api/v1/audit ["200", "403"]
        GET /api/v1/events ["200", "400"]
        GET /api/v1/events/fields ["200"]
        GET /api/v1/events/histogram ["200"]
        GET /api/v1/events/{id} ["200", "404"]
        GET /api/v1/exports/{name} ["200", "404"]
        GET /api/v1/ledger ["200"]
        GET /api/v1/live ["200"]
        GET /api/v1/overview ["200"]
        GET /api/v1/packets ["200", "400", "404"]
        GET /api/v1/rules ["200"]
        GET /api/v1/rules/health ["200"]
        GET /api/v1/rules/{id} ["200", "404"]
        GET /api/v1/rules/{id}/health ["200", "404"]
        GET /api/v1/session ["200"]
        GET /api/v1/sessions ["200"]
        GET /api/v1/simulation ["200"]
        GET /api/v1/sql/functions ["200"]
        GET /api/v1/sql/schema ["200"]
        GET /api/v1/storage ["200"]
        GET /api/v1/tokens ["200"]
        PATCH /api/v1/alerts/{id} ["200", "404", "412"]
        POST /api/v1/alerts/bulk ["200"]
        POST /api/v1/alerts/undo ["200", "409"]
        POST /api/v1/events/export ["200", "400"]
        POST /api/v1/login ["204", "401", "429"]
        POST /api/v1/logout ["204", "401"]
        POST /api/v1/rules/reload ["200"]
        POST /api/v1/rules/test ["200", "400", "404"]
        POST /api/v1/setup ["204", "403"]
        POST /api/v1/simulation ["200"]
        POST /api/v1/sql ["200", "400"]
        POST /api/v1/sql/export ["200", "400"]
        POST /api/v1/tokens ["201", "400", "403"]
        PUT /api/v1/rules/{id}/override ["200", "404", "412"]"#]]
    .assert_eq(&told.join("\n"));
}
