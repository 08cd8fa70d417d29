//! Events: search, counts, SQL.

use expect_test::expect;

use super::*;

#[tokio::test]
async fn searched_and_paged() {
    let mut house = House::inhabited().await;
    house.keep_events(&["alpha one", "beta two", "alpha three"]);
    house
        .check(
            &[
                "GET /api/v1/events?q=alpha&limit=1",
                "GET /api/v1/events?q=alpha&limit=1&cursor=3000000000.3",
                "GET /api/v1/events?q=message:alpha&order=oldest&to=1970-01-01T00:00:02Z",
                "GET /api/v1/events?order=sideways",
                "GET /api/v1/events?cursor=x",
                "GET /api/v1/events?limit=1001",
            ],
            expect![[r#"
                200 OK
                {"items":[{"@timestamp":"1970-01-01T00:00:03.000Z","event":{"id":3,"ingested":"1970-01-01T00:00:03.000Z","module":"unknown","original":"alpha three"},"message":"alpha three","source":{"ip":"203.0.113.9"}}],"next":"3000000000.3","took_ms":…,"truncated":false}
                200 OK
                {"items":[{"@timestamp":"1970-01-01T00:00:01.000Z","event":{"id":1,"ingested":"1970-01-01T00:00:01.000Z","module":"unknown","original":"alpha one"},"message":"alpha one","source":{"ip":"203.0.113.9"}}],"next":"1000000000.1","took_ms":…,"truncated":false}
                200 OK
                {"items":[{"@timestamp":"1970-01-01T00:00:01.000Z","event":{"id":1,"ingested":"1970-01-01T00:00:01.000Z","module":"unknown","original":"alpha one"},"message":"alpha one","source":{"ip":"203.0.113.9"}}],"next":null,"took_ms":…,"truncated":false}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"\"sideways\" is no order","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"the cursor is none of ours","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"limit is 1 to 1000","code":"bad_request","request_id":…}"#]],
        )
        .await;
}

#[tokio::test]
async fn bad_kql_marks_the_column() {
    let mut house = House::inhabited().await;
    house.check(&["GET /api/v1/events?q=user.name:(root%20or"], expect![[r#"
        400 Bad Request
        {"type":"about:blank","title":"Bad Request","status":400,"detail":"column 19: expected a value","code":"bad_query","column":19,"request_id":…}"#]]).await;
}

#[tokio::test]
async fn long_texts_are_cut_in_lists_alone() {
    let mut house = House::inhabited().await;
    let long = "ü".repeat(600);
    house.keep_events(&[&long]);
    let cut = format!("{}…", "ü".repeat(512));
    let listed = house.ask("GET /api/v1/events").await;
    assert!(listed.contains(&format!("\"{cut}\"")), "{listed}");
    assert!(!listed.contains(&long));
    let whole = house.ask("GET /api/v1/events/1").await;
    assert!(whole.contains(&long), "{whole}");
    house.check(&["GET /api/v1/events/2"], expect![[r#"
        404 Not Found
        {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such event","code":"not_found","request_id":…}"#]]).await;
}

#[tokio::test]
async fn counted_over_time_and_by_value() {
    let mut house = House::inhabited().await;
    house.keep_events(&["alpha", "beta", "alpha"]);
    house
        .check(
            &[
                "GET /api/v1/events/histogram?from=1970-01-01T00:00:01Z&to=1970-01-01T00:00:05Z&buckets=2",
                "GET /api/v1/events/histogram?from=1970-01-01T00:00:01Z&to=1970-01-01T00:00:01Z",
                "GET /api/v1/events/fields?field=message&limit=1",
                "GET /api/v1/events/fields?field=no.such&q=alpha",
            ],
            expect![[r#"
                200 OK
                {"buckets":[{"from":"1970-01-01T00:00:01.000Z","to":"1970-01-01T00:00:03.000Z","count":2},{"from":"1970-01-01T00:00:03.000Z","to":"1970-01-01T00:00:05.000Z","count":1}],"total":3}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"from is not before to","code":"bad_request","request_id":…}
                200 OK
                {"field":"message","values":[{"value":"alpha","count":2}],"other":1,"missing":0,"truncated":false}
                200 OK
                {"field":"no.such","values":[],"other":0,"missing":2,"truncated":false}"#]],
        )
        .await;
    let schema = house.ask("GET /api/v1/events/fields").await;
    assert!(schema.contains(r#"{"name":"source.ip","kind":"ip","summary":"#), "{schema}");
}

#[tokio::test]
async fn sql_reads_and_does_not_write() {
    let mut house = House::inhabited().await;
    house.keep_events(&["alpha", "beta", "alpha"]);
    let ask = |sql: &str| format!("POST /api/v1/sql\n\n{{\"sql\":\"{sql}\",\"limit\":2}}");
    house
        .check(
            &[
                &ask("SELECT message, source.ip, count(*) AS n, 0.5 AS half, @timestamp < now() AS past FROM events GROUP BY ALL ORDER BY 3 DESC"),
                &ask("SELECT event.id FROM events ORDER BY 1"),
                &ask("SELECT\\n  no_such(message) FROM events"),
                &ask("SELECT message FROM events WHERE ("),
            ],
            expect![[r#"
                200 OK
                {"columns":[{"name":"message","type":"text"},{"name":"source.ip","type":"text"},{"name":"n","type":"integer"},{"name":"half","type":"float"},{"name":"past","type":"flag"}],"rows":[["alpha","203.0.113.9",2,0.5,true],["beta","203.0.113.9",1,0.5,true]],"truncated":false,"took_ms":…}
                200 OK
                {"columns":[{"name":"event.id","type":"integer"}],"rows":[[1],[2]],"truncated":true,"took_ms":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"Invalid function 'no_such'","code":"bad_sql","line":2,"column":3,"request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"Expected: an expression, found: EOF","code":"bad_sql","request_id":…}"#]],
        )
        .await;
    for sql in [
        "DROP TABLE events",
        "DELETE FROM events",
        "INSERT INTO events VALUES (1)",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY events TO '/tmp/x.csv'",
        "SET datafusion.execution.target_partitions = 1",
        "SELECT 1; SELECT 2",
    ] {
        let answer = house.ask(&ask(sql)).await;
        assert!(answer.starts_with("400 Bad Request"), "{sql}: {answer}");
        assert!(answer.contains(r#""code":"bad_sql""#), "{sql}: {answer}");
    }
}

#[tokio::test]
async fn whole_answers_as_files() {
    let mut house = House::inhabited().await;
    house.keep_events(&["alpha one", "=beta two", "alpha three"]);
    let sql = |format: &str| {
        let sql = "SELECT event.id, event.original FROM events ORDER BY 1";
        format!("POST /api/v1/sql/export\n\n{{\"sql\":\"{sql}\",\"format\":\"{format}\"}}")
    };
    let events = |format: &str| {
        let scope = "\"q\":\"alpha\",\"columns\":[\"@timestamp\",\"message\"]";
        format!("POST /api/v1/events/export\n\n{{{scope},\"format\":\"{format}\"}}")
    };
    house
        .check(
            &[
                &sql("csv"),
                &sql("spreadsheet"),
                &sql("json"),
                &events("csv"),
                &events("json"),
                "POST /api/v1/sql/export\n\n{\"sql\":\"DELETE FROM events\",\"format\":\"csv\"}",
                "POST /api/v1/sql/export\n\n{\"sql\":\"SELECT 1\",\"format\":\"xls\"}",
                "POST /api/v1/events/export\n\n{\"q\":\"user.name:(\",\"format\":\"csv\"}",
            ],
            expect![[r#"
                200 OK
                event.id,event.original
                1,alpha one
                2,=beta two
                3,alpha three
                200 OK
                event.id,event.original
                1,alpha one
                2,"'=beta two"
                3,alpha three
                200 OK
                {"event.id":1,"event.original":"alpha one"}
                {"event.id":2,"event.original":"=beta two"}
                {"event.id":3,"event.original":"alpha three"}
                200 OK
                @timestamp,message
                1970-01-01T00:00:03.000Z,alpha three
                1970-01-01T00:00:01.000Z,alpha one
                200 OK
                {"@timestamp":"1970-01-01T00:00:03.000Z","event":{"id":3,"ingested":"1970-01-01T00:00:03.000Z","module":"unknown","original":"alpha three"},"message":"alpha three","source":{"ip":"203.0.113.9"}}
                {"@timestamp":"1970-01-01T00:00:01.000Z","event":{"id":1,"ingested":"1970-01-01T00:00:01.000Z","module":"unknown","original":"alpha one"},"message":"alpha one","source":{"ip":"203.0.113.9"}}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"the store is read-only: DELETE is not allowed, only SELECT is","code":"bad_sql","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"Failed to deserialize the JSON body into the target type: format: unknown variant `xls`, expected one of `csv`, `spreadsheet`, `json`, `parquet` at line 1 column 32","code":"bad_request","request_id":…}
                400 Bad Request
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"column 12: expected a value","code":"bad_query","column":12,"request_id":…}"#]],
        )
        .await;
    for request in [sql("parquet"), events("parquet")] {
        let response = house.send(&request).await;
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        assert_eq!(kind, "application/vnd.apache.parquet");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(b"PAR1") && body.ends_with(b"PAR1"));
    }
}

#[tokio::test]
async fn what_there_is_to_ask_is_listed() {
    let mut house = House::inhabited().await;
    house.keep_events(&["alpha one"]);
    let schema = house.read("GET /api/v1/sql/schema").await;
    let items = schema["items"].as_array().unwrap();
    let source = items.iter().find(|item| item["name"] == "source.ip").unwrap();
    assert_eq!((&source["kind"], &source["events"]), (&"ip".into(), &1.into()));
    let functions = house.read("GET /api/v1/sql/functions").await;
    assert!(functions["items"].as_array().unwrap().len() > 10);
}

/// A request whose connection is closed is dropped; what it asked for ends.
#[tokio::test]
async fn a_closed_connection_ends_the_query() {
    let mut house = House::inhabited().await;
    house.keep_events(&["alpha one"]);
    let heavy = "SELECT count(*) FROM generate_series(1, 9000000) a, generate_series(1, 9000000) b \
                 WHERE a.value + b.value = 3";
    let store = house.state.store.clone();
    for path in ["sql", "sql/export"] {
        let format = if path == "sql" { "" } else { ",\"format\":\"json\"" };
        let request = format!("POST /api/v1/{path}\n\n{{\"sql\":\"{heavy}\"{format}}}");
        let asked = async { house.send(&request).await.into_body().collect().await };
        let running = async {
            while store.sql_running() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answered = asked => panic!("{answered:?}"),
            () = running => {}
        }
        let left = std::time::Instant::now();
        while store.sql_running() > 0 {
            assert!(left.elapsed().as_secs() < 20, "it goes on");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn packets_of_a_flow_as_a_file() {
    let mut house = House::inhabited().await;
    for (asked, status, part) in [
        ("1:kept&from=1970-01-01T00:00:05Z", "200", "first 1970-01-01T00:00:05"),
        ("1:gone", "404", "flow among the packets that are kept"),
        ("what", "400", "community_id is none"),
        ("1:kept&from=yesterday", "400", "from is no time"),
    ] {
        let answer = house.ask(&format!("GET /api/v1/packets?community_id={asked}")).await;
        assert!(answer.starts_with(status) && answer.contains(part), "{asked}: {answer}");
    }
}

#[tokio::test]
async fn a_segment_that_cannot_be_read_is_told_with_every_answer() {
    let mut house = House::inhabited().await;
    house.keep_events(&["alpha one", "beta two"]);
    let name = house.damage_a_segment();
    let span = "from=1970-01-01T00:00:00Z&to=1970-01-01T01:00:00Z";
    for path in [
        "GET /api/v1/events?q=alpha".to_owned(),
        format!("GET /api/v1/events/histogram?q=alpha&{span}"),
        "GET /api/v1/events/fields?q=alpha&field=source.ip".to_owned(),
        "POST /api/v1/sql\n\n{\"sql\":\"SELECT message FROM events\"}".to_owned(),
    ] {
        let answer = house.read(&path).await;
        let told = answer["warnings"][0].as_str().unwrap_or_else(|| panic!("{path}: {answer}"));
        assert!(told.contains(&name), "{path}: {told}");
    }
    let sql =
        "POST /api/v1/sql/export\n\n{\"sql\":\"SELECT message FROM events\",\"format\":\"json\"}";
    let events = "POST /api/v1/events/export\n\n{\"q\":\"alpha\",\"format\":\"json\"}";
    for request in [sql, events] {
        let response = house.send(request).await;
        let export = response.headers()["x-bartizan-export"].to_str().unwrap().to_owned();
        let running = house.read(&format!("GET /api/v1/exports/{export}")).await;
        assert_eq!(running["state"], "running");
        response.into_body().collect().await.unwrap();
        let fate = house.read(&format!("GET /api/v1/exports/{export}")).await;
        assert_eq!(fate["state"], "whole");
        assert!(fate["warnings"][0].as_str().unwrap().contains(&name), "{fate}");
        // Somebody who goes away leaves it broken.
        let response = house.send(request).await;
        let export = response.headers()["x-bartizan-export"].to_str().unwrap().to_owned();
        drop(response);
        let fate = house.read(&format!("GET /api/v1/exports/{export}")).await;
        assert_eq!(fate["state"], "broken");
    }
    house.log_in_as("vic", Role::Administrator).await;
    house.check(&["GET /api/v1/exports/x"], expect![[r#"
        404 Not Found
        {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such export","code":"not_found","request_id":…}"#]]).await;
}
