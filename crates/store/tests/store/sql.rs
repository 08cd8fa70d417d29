//! Real questions in SQL, and those that are refused.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use model::{Event, EventId, Field, Text, Timestamp, Value};
use store::{Cell, Config, SqlLimits, Store, StoreError};
use tempfile::TempDir;

use crate::samples::{MIDNIGHT, events, fresh};

/// Six log-ins, half in a segment and half in memory.
pub(crate) fn small() -> (TempDir, Store) {
    let (dir, store) = fresh(Config::default());
    let all: Vec<Arc<Event>> = (0..6_u64)
        .map(|id| {
            let user = ["root", "alice", "root", "bob", "root", "alice"][id as usize];
            let failed = id % 2 == 0;
            let mut event = Event::new(
                Text::from(format!("login of {user}")),
                Timestamp::from_seconds(MIDNIGHT + 7),
            );
            event.id = EventId(id);
            event.time = Timestamp::from_seconds(MIDNIGHT + 600 * i64::try_from(id).unwrap());
            event.set(Field::UserName, user);
            event.set(Field::GroupName, "staff");
            event.set(Field::SourceIp, format!("10.0.{}.1", id / 2).as_str());
            event.set(Field::SourcePort, u16::try_from(1000 + id).unwrap());
            event.set(Field::EventOutcome, if failed { "failure" } else { "success" });
            event.push(Field::Tags, "a");
            if id == 4 {
                event.push(Field::Tags, "vip");
                event.push(Field::SourceIp, "2001:db8::1");
            }
            event.set_path("fw.rule", Value::Integer(i64::try_from(id).unwrap() * 10));
            event.set_path("user.quota", "big");
            event.set_path("Zone", if failed { "dmz" } else { "lan" });
            Arc::new(event)
        })
        .collect();
    store.append(&all[..3], &[]).unwrap();
    store.flush().unwrap();
    store.append(&all[3..], &[]).unwrap();
    (dir, store)
}

pub(crate) async fn answer(
    store: &Store,
    text: &str,
    limits: SqlLimits,
) -> Result<String, StoreError> {
    let mut rows = store.sql(text, limits).await?;
    let mut out = String::new();
    let columns = rows.columns().iter();
    let columns: Vec<String> =
        columns.map(|column| format!("{}:{}", column.name, column.kind.as_str())).collect();
    writeln!(out, "{}", columns.join(" | ")).unwrap();
    while let Some(batch) = rows.next().await? {
        for row in batch {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| match cell {
                    Cell::Null => "-".to_owned(),
                    Cell::Text(text) => text.clone(),
                    Cell::Integer(number) => number.to_string(),
                    Cell::Float(number) => number.to_string(),
                    Cell::Flag(flag) => flag.to_string(),
                    Cell::Time(time) => time.to_string(),
                })
                .collect();
            writeln!(out, "{}", cells.join(" | ")).unwrap();
        }
    }
    if rows.is_truncated() {
        out.push_str("truncated\n");
    }
    Ok(out)
}

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[track_caller]
pub(crate) fn check(text: &str, expect: Expect) {
    let (_dir, store) = small();
    match run(answer(&store, text, SqlLimits::default())) {
        Ok(text) => expect.assert_eq(&text),
        Err(error) => expect.assert_eq(&error.to_string()),
    }
}

#[test]
fn names_with_dots_need_no_quotes() {
    check(
        "SELECT source.ip, e.user.name, group.name, event.id FROM events e \
         WHERE event.outcome = 'failure' AND source.port >= 1002 ORDER BY @timestamp",
        expect![[r#"
            source.ip:text | user.name:text | group.name:text | event.id:integer
            10.0.1.1 | root | staff | 2
            ["10.0.2.1","2001:db8::1"] | root | staff | 4
        "#]],
    );
}

#[test]
fn counts_by_group() {
    check(
        "select user.name, count(*) as n, min(source.port), max(@timestamp) from events \
         group by 1 having count(*) > 1 order by n desc, 1",
        expect![[r"
            user.name:text | n:integer | min(source.port):integer | max(@timestamp):time
            root | 3 | 1000 | 2026-11-21T00:40:00.000Z
            alice | 2 | 1001 | 2026-11-21T00:50:00.000Z
        "]],
    );
}

#[test]
fn all_that_there_is() {
    check(
        "SELECT count(*) FROM events",
        expect![[r"
            count(*):integer
            6
        "]],
    );
    check(
        "SELECT count(DISTINCT user.name) AS users, count(tags) FROM events",
        expect![[r"
            users:integer | count(tags):integer
            3 | 6
        "]],
    );
}

#[test]
fn over_time() {
    check(
        "SELECT date_bin(INTERVAL '20 minutes', @timestamp) AS t, count(*) FROM events \
         WHERE @timestamp >= '2026-11-21T00:10:00Z' GROUP BY t ORDER BY t",
        expect![[r"
            t:time | count(*):integer
            2026-11-21T00:00:00.000Z | 1
            2026-11-21T00:20:00.000Z | 2
            2026-11-21T00:40:00.000Z | 2
        "]],
    );
    check(
        "SELECT date_trunc('hour', @timestamp) AS hour, count(*) FROM events GROUP BY 1",
        expect![[r"
            hour:time | count(*):integer
            2026-11-21T00:00:00.000Z | 6
        "]],
    );
    check(
        "SELECT event.id FROM events WHERE @timestamp BETWEEN '2026-11-21T00:10:00Z' AND \
         TIMESTAMP '2026-11-21 00:30:00' ORDER BY 1",
        expect![[r"
            event.id:integer
            1
            2
            3
        "]],
    );
}

#[test]
fn unknown_fields() {
    check(
        "SELECT fw.rule, Zone, user.quota, field('Zone') AS z FROM events \
         WHERE fw.rule > '20' AND Zone = 'dmz' ORDER BY fw.rule",
        expect![[r"
            fw.rule:text | Zone:text | user.quota:text | z:text
            40 | dmz | big | dmz
        "]],
    );
    check(
        "SELECT e.fw.rule, field(e.extra, 'Zone') z, field('source.port') FROM events e \
         WHERE zone IS NULL AND e.fw.rule = '10'",
        expect![[r"
            fw.rule:text | z:text | source.port:text
            10 | lan | 1001
        "]],
    );
    check(
        "SELECT extra FROM events WHERE event.id = 5",
        expect![[r#"
            extra:text
            {"fw.rule":50,"user.quota":"big","Zone":"lan"}
        "#]],
    );
}

#[test]
fn fields_of_several_values() {
    check(
        "SELECT event.id, tags, source.ip FROM events \
         WHERE has(tags, 'vip') OR cidr_match(source.ip, '10.0.1.0/24') ORDER BY 1",
        expect![[r#"
            event.id:integer | tags:text | source.ip:text
            2 | a | 10.0.1.1
            3 | a | 10.0.1.1
            4 | ["a","vip"] | ["10.0.2.1","2001:db8::1"]
        "#]],
    );
    check(
        "SELECT event.id FROM events WHERE cidr_match(source.ip, '2001:db8::/32')",
        expect![[r"
            event.id:integer
            4
        "]],
    );
    check(
        "SELECT 1 FROM events WHERE cidr_match(source.ip, 'nonsense')",
        expect!["`nonsense` is not a network such as 10.0.0.0/8"],
    );
}

#[test]
fn joins_and_steps() {
    check(
        "WITH failed AS (SELECT user.name AS who, count(*) AS n FROM events \
            WHERE event.outcome = 'failure' GROUP BY 1), \
         won AS (SELECT DISTINCT user.name AS who FROM events WHERE event.outcome = 'success') \
         SELECT failed.who, n, won.who IS NOT NULL AS got_in FROM failed \
         LEFT JOIN won ON failed.who = won.who ORDER BY n DESC",
        expect![[r"
            who:text | n:integer | got_in:flag
            root | 3 | false
        "]],
    );
    check(
        "SELECT a.event.id, b.event.id FROM events a JOIN events b \
         ON a.user.name = b.user.name AND a.event.id < b.event.id ORDER BY 1, 2",
        expect![[r"
            event.id:integer | event.id:integer
            0 | 2
            0 | 4
            1 | 5
            2 | 4
        "]],
    );
    check(
        "SELECT event.id, row_number() OVER (PARTITION BY user.name ORDER BY @timestamp) AS nth \
         FROM events WHERE user.name IN ('root', 'bob') ORDER BY 1",
        expect![[r"
            event.id:integer | nth:integer
            0 | 1
            2 | 2
            3 | 1
            4 | 3
        "]],
    );
}

#[test]
fn what_there_is_to_ask() {
    check(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
        expect![[r"
            table_name:text
            alert_events
            alerts
            events
            fields
        "]],
    );
    check(
        "SELECT column_name, data_type FROM information_schema.columns \
         WHERE table_name = 'events' AND column_name LIKE 'source.p%'",
        expect![[r"
            column_name:text | data_type:text
            source.packets | Int64
            source.port | Int64
        "]],
    );
    check(
        "EXPLAIN SELECT source.ip FROM events WHERE source.port = 1 LIMIT 3",
        expect![[r"
            plan_type:text | plan:text
            logical_plan | Limit: skip=0, fetch=3
              TableScan: events projection=[source.ip], full_filters=[events.source.port = Int64(1)], fetch=3
            physical_plan | GlobalLimitExec: skip=0, fetch=3
              CooperativeExec
                Events: pieces=1, columns=[source.ip], conditions=[source.port@0 = 1]

        "]],
    );
    check(
        "SELECT 1 + 1 AS two, upper('x') AS x, NULL",
        expect![[r"
            two:integer | x:text | NULL:text
            2 | X | -
        "]],
    );
}

#[test]
fn writes_are_refused() {
    for (text, expected) in [
        (
            "DROP TABLE events",
            expect!["the store is read-only: DROP is not allowed, only SELECT is"],
        ),
        (
            "DELETE FROM events",
            expect!["the store is read-only: DELETE is not allowed, only SELECT is"],
        ),
        (
            "INSERT INTO events SELECT * FROM events",
            expect!["the store is read-only: INSERT is not allowed, only SELECT is"],
        ),
        (
            "CREATE TABLE x AS SELECT 1",
            expect!["the store is read-only: CREATE is not allowed, only SELECT is"],
        ),
        (
            "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
            expect!["the store is read-only: CREATE is not allowed, only SELECT is"],
        ),
        (
            "COPY (SELECT 1) TO '/tmp/x.csv'",
            expect!["the store is read-only: COPY is not allowed, only SELECT is"],
        ),
        (
            "SET datafusion.execution.batch_size = 1",
            expect!["the store is read-only: SET is not allowed, only SELECT is"],
        ),
        (
            "EXPLAIN DELETE FROM events",
            expect!["the store is read-only: DELETE is not allowed, only SELECT is"],
        ),
        ("SELECT 1; DROP TABLE events", expect!["exactly one statement is expected"]),
        ("SELECT * INTO x FROM events", expect!["the store is read-only: only SELECT is allowed"]),
        ("SELECT * FROM '/etc/passwd'", expect!["table 'datafusion.public./etc/passwd' not found"]),
        ("SELECT * FROM read_csv('/etc/passwd')", expect!["table function 'read_csv' not found"]),
        ("", expect!["exactly one statement is expected"]),
    ] {
        check(text, expected);
    }
}

#[test]
fn mistakes_are_placed() {
    check(
        "SELECT source.ip\nFROM events WHER x",
        expect!["Expected: end of statement, found: x (line 2, column 18)"],
    );
    check("SELECT 'open", expect!["Unterminated string literal (line 1, column 8)"]);
    check(
        "SELECT nosuch(source.ip)\nFROM events",
        expect!["Invalid function 'nosuch' (line 1, column 8)"],
    );
    check(
        "SELECT source.ip FROM nowhere",
        expect!["table 'nowhere' not found (line 1, column 23)"],
    );
    check(
        "SELECT source.ip FROM events GROUP BY user.name",
        expect![
            "'events.source.ip' must appear in GROUP BY clause because it's not an aggregate expression (line 1, column 8)"
        ],
    );
    check(
        "SELECT source.port + 'x' FROM events",
        expect!["expressions have incompatible types (line 1, column 8)"],
    );
}

#[test]
fn bounds_of_an_answer() {
    let (_dir, store) = small();
    let limits = SqlLimits { rows: 2, deadline: None };
    let text = run(answer(&store, "SELECT event.id FROM events ORDER BY 1", limits)).unwrap();
    assert_eq!(text, "event.id:integer\n0\n1\ntruncated\n");
    let limits = SqlLimits { rows: 6, deadline: None };
    let text = run(answer(&store, "SELECT event.id FROM events ORDER BY 1", limits)).unwrap();
    assert!(!text.contains("truncated"));

    let deadline = Some(Instant::now() + Duration::from_millis(300));
    let limits = SqlLimits { rows: 2, deadline };
    let endless = "SELECT sum(a.value * b.value) FROM generate_series(1, 300000) a, \
                   generate_series(1, 300000) b";
    let began = Instant::now();
    let error = run(answer(&store, endless, limits)).unwrap_err();
    assert!(matches!(error, StoreError::Deadline), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
    // The threads are free again.
    run(answer(&store, "SELECT count(*) FROM events", SqlLimits::default())).unwrap();
}

#[test]
fn texts_that_are_too_deep_or_too_long() {
    let (_dir, store) = small();
    let ask = |text: &str| run(answer(&store, text, SqlLimits::default()));
    let long = format!("SELECT 1 FROM events WHERE {} true", "true or ".repeat(5000));
    expect!["the query has more than 500 operators"]
        .assert_eq(&ask(&long).unwrap_err().to_string());
    let long = format!("SELECT 1 FROM events WHERE {} true", "true or ".repeat(400));
    ask(&long).unwrap();
    let deep = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(matches!(ask(&deep).unwrap_err(), StoreError::Sql { .. }));
    let huge = format!("SELECT '{}'", "x".repeat(70_000));
    expect!["the query is longer than 65536 bytes"].assert_eq(&ask(&huge).unwrap_err().to_string());
}

#[test]
fn much_of_little_is_refused() {
    let (_dir, store) = small();
    for text in [
        "SELECT length(repeat('a', 2000000000))",
        "SELECT lpad('a', 2000000000)",
        "SELECT replace(replace('aaaa', 'a', 'bbbb'), 'b', 'cccc')",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    ] {
        let refused = run(answer(&store, text, SqlLimits::default()));
        assert!(matches!(refused, Err(StoreError::Sql { .. })), "{text}: {refused:?}");
    }
}

#[test]
fn nested_text_is_read_on_a_stack_that_bears_it() {
    let (_dir, store) = small();
    // As small as the threads that ask.
    let asker = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        for depth in [30, 400] {
            let text = format!("SELECT {}true", "NOT ".repeat(depth));
            let _ = run(answer(&store, &text, SqlLimits::default()));
        }
    });
    asker.unwrap().join().unwrap();
}

#[test]
fn same_answer_from_memory_and_from_segments() {
    let questions = [
        "SELECT count(*), sum(source.port), min(user.name), count(fw.rule) FROM events",
        "SELECT user.name, count(*) FROM events GROUP BY 1 ORDER BY 1",
        "SELECT event.id FROM events WHERE user.name = 'root' AND host.name = 'db' ORDER BY 1",
        "SELECT event.id FROM events WHERE user.name IN ('bob', 'müller') ORDER BY 1",
        "SELECT event.id FROM events WHERE source.port = 7 OR source.port < 300 ORDER BY 1",
        "SELECT event.id FROM events WHERE @timestamp > '2026-11-21T00:40:00Z' ORDER BY 1 LIMIT 5",
        "SELECT event.original, tags FROM events WHERE event.id = 17",
        "SELECT event.id, extra FROM events WHERE extra IS NOT NULL ORDER BY 1",
        "SELECT event.id FROM events WHERE user.shell = 'x'",
    ];
    let (_dir, store) = fresh(Config::default());
    store.append(&events(0..3000, 21), &[]).unwrap();
    let ask = |text: &str| run(answer(&store, text, SqlLimits::default())).unwrap();
    let before: Vec<String> = questions.iter().map(|text| ask(text)).collect();
    store.flush().unwrap();
    for (text, before) in questions.iter().zip(before) {
        assert_eq!(ask(text), before, "{text}");
    }
}

#[test]
fn query_that_outlives_its_store() {
    let (_dir, store) = small();
    run(async {
        let mut rows =
            store.sql("SELECT event.id FROM events", SqlLimits::default()).await.unwrap();
        drop(store);
        // Whatever comes, it ends.
        while let Ok(Some(_)) = rows.next().await {}
    });
}

#[test]
fn alerts_and_the_events_on_which_they_stand() {
    let (dir, store) = small();
    let catalog = catalog::Catalog::open(&dir.path().join("catalog.db")).unwrap();
    let alert = |title: &str, events: &[u64]| model::Alert {
        id: model::AlertId(0),
        rule_id: format!("rule {title}"),
        title: title.to_owned(),
        level: model::Level::High,
        tags: vec!["attack.t1110".to_owned(), "attack.t1078".to_owned()],
        entity: Some(model::Entity { kind: model::EntityKind::User, value: "o'neill".to_owned() }),
        summary: "it happened".to_owned(),
        status: model::Status::Open,
        verdict: None,
        assignee: None,
        count: 7,
        first: Timestamp::from_seconds(MIDNIGHT),
        last: Timestamp::from_seconds(MIDNIGHT + 60),
        events: events.iter().copied().map(EventId).collect(),
        simulated: false,
        version: 1,
    };
    let kept: Result<(), catalog::CatalogError> = catalog.alter_alerts(|alerts| {
        alerts.insert(&alert("first", &[2, 4]))?;
        alerts.insert(&alert("second", &[3])).map(drop)
    });
    kept.unwrap();
    let ask = |text: &str| {
        run(answer(&store, text, SqlLimits::default())).unwrap_or_else(|error| error.to_string())
    };
    expect![[r"
        id:integer | rule_id:text | title:text | level:text | status:text | verdict:text | assignee:text | entity_type:text | entity_value:text | summary:text | tags:text | happenings:integer | first_at:time | last_at:time | simulated:flag
        1 | rule first | first | high | open | - | - | user | o'neill | it happened | attack.t1110, attack.t1078 | 7 | 2026-11-21T00:00:00.000Z | 2026-11-21T00:01:00.000Z | false
        2 | rule second | second | high | open | - | - | user | o'neill | it happened | attack.t1110, attack.t1078 | 7 | 2026-11-21T00:00:00.000Z | 2026-11-21T00:01:00.000Z | false
    "]].assert_eq(&ask("SELECT * FROM alerts ORDER BY id"));
    // Unknown fields of events stay what they are beside the columns of alerts.
    expect![[r"
        title:text | event.id:integer | user.name:text | fw.rule:text
        first | 2 | root | 20
        second | 3 | bob | 30
        first | 4 | root | 40
    "]]
    .assert_eq(&ask("SELECT title, event.id, user.name, fw.rule FROM alerts a \
         JOIN alert_events x ON x.alert_id = a.id JOIN events e ON e.event.id = x.event_id \
         WHERE last_at >= TIMESTAMP '2026-11-21T00:00:00Z' ORDER BY event.id"));
    expect![[r"
        count(*):integer | title:text
        6 | -
    "]]
    .assert_eq(&ask("SELECT count(*), title FROM events GROUP BY title"));
    expect!["the store is read-only: DELETE is not allowed, only SELECT is"]
        .assert_eq(&ask("DELETE FROM alerts"));
    expect![[r"
        title:text
        second
    "]]
    .assert_eq(&ask(
        "SELECT title FROM alerts WHERE entity_value = 'o''neill' AND level = 'high' AND id = 2",
    ));
}
