//! Questions that the store answers where the rows lie: predicates, the newest rows, what there is to
//! ask; and how a question ends early.

use std::sync::Arc;
use std::time::{Duration, Instant};

use expect_test::expect;
use model::{Event, EventId, Field, Text, Timestamp};
use query::Predicate;
use store::{Cell, Config, Order, SQL_FUNCTIONS, Scope, Search, SqlLimits, Store, StoreError};

use crate::samples::{MIDNIGHT, events, fresh};
use crate::sql::{answer, check, run, small};

/// Three generations in segments and one in memory.
fn mixed() -> (tempfile::TempDir, Store) {
    let (dir, store) = fresh(Config::default());
    for part in 0..3 {
        store.append(&events(part * 1500..(part + 1) * 1500, part + 5), &[]).unwrap();
        store.flush().unwrap();
    }
    store.append(&events(4500..5000, 77), &[]).unwrap();
    (dir, store)
}

fn ask(store: &Store, text: &str) -> String {
    run(answer(store, text, SqlLimits::default())).unwrap_or_else(|error| error.to_string())
}

async fn rows(store: &Store, text: &str) -> Vec<Vec<Cell>> {
    let mut rows = store.sql(text, SqlLimits::default()).await.unwrap();
    let mut all = Vec::new();
    while let Some(batch) = rows.next().await.unwrap() {
        all.extend(batch);
    }
    all
}

fn found(store: &Store, text: &str) -> Vec<u64> {
    let scope = Scope::of(Predicate::parse(text).unwrap());
    let search = Search { scope, order: Order::Oldest, limit: 50_000, cursor: None };
    let mut ids: Vec<u64> =
        store.search(&search).unwrap().events.iter().map(|event| event.id.0).collect();
    ids.sort_unstable();
    ids
}

const SEARCHES: [&str; 9] = [
    "user.name: root",
    "not user.name: root and source.ip: 203.0.113.0/28",
    "fw.rule: * or source.port < 300",
    "\"Failed password for alice\"",
    "event.category: session and event.outcome: failure",
    "source.ip: 2001:db8::/32",
    "user.name: nobody",
    "fw.packets >= 3",
    "*",
];

#[test]
fn kql_in_sql_is_the_search() {
    let (_dir, store) = mixed();
    for text in SEARCHES {
        let expected = found(&store, text);
        let ids = |query: &str| {
            let lines = ask(&store, query);
            let ids: Vec<u64> =
                lines.lines().skip(1).filter_map(|line| line.parse().ok()).collect();
            ids
        };
        let quoted = text.replace('\'', "''");
        let direct = format!("SELECT event.id FROM events WHERE kql('{quoted}') ORDER BY 1");
        assert_eq!(ids(&direct), expected, "{direct}");
        let within = format!(
            "SELECT event.id FROM events WHERE CASE WHEN kql('{quoted}') THEN 1 ELSE 0 END = 1 \
             ORDER BY 1"
        );
        assert_eq!(ids(&within), expected, "{within}");
        let shown = format!(
            "SELECT i FROM (SELECT event.id AS i, e.kql('{quoted}') AS k FROM events e) WHERE k ORDER BY 1"
        );
        assert_eq!(ids(&shown), expected, "{shown}");
        let other = format!("SELECT event.id FROM events WHERE NOT kql('{quoted}') ORDER BY 1");
        assert_eq!(ids(&other).len(), 5000 - expected.len(), "{other}");
        let among = run(async {
            let only = Some(Predicate::parse(text).unwrap());
            let limits = SqlLimits::default();
            let mut rows =
                store.sql_among("SELECT count(*) FROM events", only, limits).await.unwrap();
            rows.next().await.unwrap().unwrap()
        });
        assert_eq!(among, [[Cell::Integer(i64::try_from(expected.len()).unwrap())]], "{text}");
    }
}

/// Each condition is asked once as a condition, which the store tests itself, and once as a column
/// of the answer, which the engine computes.
#[test]
fn conditions_that_the_store_tests_are_those_of_the_engine() {
    let (_dir, store) = mixed();
    for condition in [
        "user.name = 'root'",
        "user.name IS NULL",
        "user.name <> 'root'",
        "coalesce(user.name, 'nobody') = 'nobody'",
        "upper(user.name) = 'ROOT' OR source.port > 50000",
        "user.name LIKE '%o%' AND NOT has(event.category, 'session')",
        "event.original LIKE '%from 203.0.113.1%'",
        "event.original LIKE '%alice%' AND source.port % 2 = 0 AND host.name = 'db'",
        "message IS NOT NULL",
        "length(event.original) > 60 AND message IS NULL",
        "event.original = message OR user.name = 'bob'",
        "field_int('fw.packets') > 4",
        "cidr_match(source.ip, '203.0.113.8/29')",
        "source.ip IN ('203.0.113.3', '203.0.113.4', 'not an address')",
        "@timestamp >= '2026-11-21T00:10:00Z' AND @timestamp < '2026-11-21T00:20:00Z'",
        "@timestamp BETWEEN '2026-11-20T23:30:00Z' AND '2026-11-20T23:40:00Z' AND user.name = 'alice'",
        "'2026-11-21T00:00:00Z' > @timestamp",
        "NOT (@timestamp > '2026-11-21T00:00:00Z')",
        "bucket(@timestamp, '10m') = TIMESTAMP '2026-11-21 00:10:00'",
        "event.id = 4600 OR event.id = 10",
        "kql('user.name: root') OR user.name = 'bob'",
        "kql('user.name: root') IS NOT TRUE AND kql('host.name: web*')",
        "bartizan.simulated OR inspection.score > 0.2",
        "user.shell = 'x'",
        "true",
        "1 = 2",
    ] {
        let asked = format!("SELECT event.id FROM events WHERE {condition} ORDER BY 1");
        let shown = format!("SELECT event.id, ({condition}) AS passes FROM events ORDER BY 1");
        let (asked, shown) =
            run(async { (rows(&store, &asked).await, rows(&store, &shown).await) });
        let shown: Vec<_> = shown
            .into_iter()
            .filter(|row| row[1] == Cell::Flag(true))
            .map(|row| vec![row[0].clone()])
            .collect();
        assert_eq!(asked, shown, "{condition}");
    }
}

#[test]
fn newest_rows_are_those_of_a_whole_sort() {
    let (_dir, store) = mixed();
    for (order, end) in [("DESC", "newest"), ("ASC", "oldest")] {
        for condition in ["true", "user.name = 'alice'", "kql('\"for bob\"')", "source.port < 90"] {
            let tail =
                format!("FROM events WHERE {condition} ORDER BY @timestamp {order}, event.id");
            let some = ask(&store, &format!("SELECT event.id, host.name {tail} LIMIT 25"));
            let all = ask(&store, &format!("SELECT event.id, host.name {tail}"));
            let expected: Vec<&str> = all.lines().take(26).collect();
            assert_eq!(some.lines().collect::<Vec<_>>(), expected, "{tail}");
            let plan = ask(&store, &format!("EXPLAIN SELECT event.id {tail} LIMIT 25"));
            assert!(plan.contains(&format!("{end}=25")), "{plan}");
        }
    }
    for order in ["source.port DESC", "user.name", "source.ip DESC, event.id"] {
        let some = ask(
            &store,
            &format!(
                "SELECT {} FROM events ORDER BY {order} LIMIT 9",
                order.split(' ').next().unwrap().trim_end_matches(',')
            ),
        );
        let all = ask(
            &store,
            &format!(
                "SELECT {} FROM events ORDER BY {order}",
                order.split(' ').next().unwrap().trim_end_matches(',')
            ),
        );
        assert_eq!(some.lines().collect::<Vec<_>>(), all.lines().take(10).collect::<Vec<_>>());
    }
}

#[test]
fn counts_and_bounds_are_not_read() {
    let (_dir, store) = mixed();
    let plan = ask(
        &store,
        "EXPLAIN SELECT count(*), min(@timestamp), max(@timestamp), max(event.id) FROM events",
    );
    assert!(!plan.contains("Events:"), "{plan}");
    let known = "SELECT count(*), min(@timestamp), max(@timestamp), max(event.id) FROM events";
    let read = format!("{known} WHERE event.original IS NOT NULL");
    assert_eq!(ask(&store, known), ask(&store, &read));
}

#[test]
fn the_same_plan_from_kql_and_from_a_predicate() {
    let (_dir, store) = small();
    let plan = |text: &str, only: Option<Predicate>| {
        let mut lines = run(async {
            let mut rows = store.sql_among(text, only, SqlLimits::default()).await.unwrap();
            let mut all = Vec::new();
            while let Some(batch) = rows.next().await.unwrap() {
                all.extend(batch);
            }
            all
        });
        lines.pop().unwrap().pop().unwrap()
    };
    let kql = plan("EXPLAIN SELECT event.id FROM events WHERE kql('user.name: root')", None);
    let only = Predicate::parse("user.name: root").unwrap();
    assert_eq!(kql, plan("EXPLAIN SELECT event.id FROM events", Some(only)));
    assert!(format!("{kql:?}").contains("conditions=[user.name: "), "{kql:?}");
}

#[test]
fn kql_that_cannot_be_read_is_placed() {
    check(
        "SELECT event.id\nFROM events WHERE kql('user.name: (root')",
        expect!["this `(` is never closed (line 2, column 35)"],
    );
    check(
        "SELECT kql(user.name) FROM events",
        expect!["kql takes one text, such as kql('user.name: root')"],
    );
    check(
        "SELECT 1 WHERE kql('*')",
        expect!["kql is asked of the table `events`, which is not read there"],
    );
    check(
        "SELECT * FROM events e JOIN events f ON e.event.id = f.event.id WHERE kql('*')",
        expect!["say of which table kql is asked, such as e.kql('user.name: root')"],
    );
}

#[test]
fn columns_of_kql_are_not_shown() {
    let (_dir, store) = small();
    let columns = |text: &str| ask(&store, text).lines().next().unwrap().split(" | ").count();
    let all = columns("SELECT * FROM events LIMIT 1");
    assert_eq!(columns("SELECT * FROM events WHERE kql('user.name: root') LIMIT 1"), all);
    assert_eq!(columns("SELECT e.*, 1 AS one FROM events e WHERE e.kql('*') LIMIT 1"), all + 1);
    let joined = "SELECT * FROM events e JOIN (SELECT 1 AS one) o ON e.source.port > o.one \
                  WHERE e.kql('user.name: root') LIMIT 1";
    assert_eq!(columns(joined), all + 1);
}

#[test]
fn what_there_is_to_ask() {
    let (_dir, store) = small();
    let listed = ask(&store, "DESCRIBE events");
    let line = |name: &str| {
        let begin = format!("{name} | ");
        listed.lines().find(|line| line.starts_with(&begin)).unwrap_or(&listed).to_owned()
    };
    expect!["source.port | long | 6 | The source's port."].assert_eq(&line("source.port"));
    expect!["fw.rule | unknown | 6 | a field of the source's own; field('name') gives it as text"]
        .assert_eq(&line("fw.rule"));
    expect!["@timestamp | date | 6 | When it happened, by the sender's clock (held within bounds for live inputs)."].assert_eq(&line("@timestamp"));
    assert_eq!(ask(&store, "SHOW COLUMNS FROM events"), listed);
    let fields = store.sql_fields().unwrap();
    let zone = fields.iter().find(|field| field.name == "Zone").unwrap();
    assert_eq!((zone.events, zone.is_exact, zone.is_column), (6, true, false));
    check(
        "SELECT name, events FROM fields WHERE events > 0 AND NOT is_column ORDER BY 1",
        expect![[r"
            name:text | events:integer
            Zone | 6
            fw.rule | 6
            user.quota | 6
        "]],
    );
}

#[test]
fn functions() {
    check(
        "SELECT ip_family('10.0.0.1') a, ip_family('::1') b, ip_family('x') c, \
         is_private('192.168.1.1') d, is_private('[\"8.8.8.8\",\"fe80::1\"]') e, \
         is_private('::ffff:8.8.8.8') f, network('203.0.113.77', 24) g, \
         network('2001:db8:1::1', 32) h, ip_order('10.0.0.2') < ip_order('10.0.0.10') i, \
         ip_order('10.0.0.2') < ip_order('::1') j",
        expect![[r"
            a:integer | b:integer | c:integer | d:flag | e:flag | f:flag | g:text | h:text | i:flag | j:flag
            4 | 6 | - | true | true | false | 203.0.113.0/24 | 2001:db8::/32 | true | true
        "]],
    );
    check(
        "SELECT bucket(TIMESTAMP '2026-11-21 13:17:34', '5m') a, \
         bucket(TIMESTAMP '2026-11-21 13:17:34', '1w') b, \
         bucket(TIMESTAMP '1969-12-31 23:59:59', '1h') c, now() - ago('1h') = INTERVAL '1 hour' d",
        expect![[r"
            a:time | b:time | c:time | d:flag
            2026-11-21T13:15:00.000Z | 2026-11-16T00:00:00.000Z | 1969-12-31T23:00:00.000Z | true
        "]],
    );
    check(
        "SELECT unnest(items(tags)) AS tag, count(*) FROM events GROUP BY 1 ORDER BY 1",
        expect![[r"
            tag:text | count(*):integer
            a | 6
            vip | 1
        "]],
    );
    check(
        "SELECT event.id, field_int('fw.rule') + 1 AS r, field_int('source.port') AS p, \
         field_float('user.name') AS n, item_count(source.ip) AS a FROM events \
         WHERE event.id IN (1, 4) ORDER BY 1",
        expect![[r"
            event.id:integer | r:integer | p:integer | n:float | a:integer
            1 | 11 | 1001 | - | 1
            4 | 41 | 1004 | - | 2
        "]],
    );
    check(
        "SELECT bucket(@timestamp, '5 minutes') FROM events",
        expect!["`5 minutes` is no span of time; write 30s, 5m, 1h, 1d or 1w"],
    );
    check(
        "SELECT 1 FROM events WHERE @timestamp > ago('yesterday')",
        expect!["`yesterday` is no span of time; write 30s, 5m, 1h, 1d or 1w"],
    );
    check(
        "SELECT network(source.ip, 200) FROM events",
        expect!["`200` is no length of a prefix: 0 to 32, or to 128 for IPv6"],
    );
}

#[test]
fn examples_of_all_functions_run() {
    let (_dir, store) = small();
    for function in SQL_FUNCTIONS {
        let limits = SqlLimits::default();
        let outcome = run(answer(&store, function.example, limits));
        assert!(outcome.is_ok(), "{}: {outcome:?}", function.example);
        let name = function.call.split('(').next().unwrap();
        assert!(function.example.contains(name), "{}", function.call);
    }
}

#[test]
fn nothing_gets_out_or_takes_all() {
    let (_dir, store) = small();
    for text in [
        "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'http://127.0.0.1:1/x'",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "CREATE VIEW v AS SELECT 1",
        "COPY events TO 'x.parquet'",
        "SET datafusion.catalog.location = '/'",
        "RESET datafusion.catalog.location",
        "SELECT 1 INTO x",
        "WITH x AS (SELECT 1) INSERT INTO events SELECT * FROM x",
        "EXPLAIN COPY (SELECT 1) TO '/tmp/x'",
        "EXPLAIN ANALYZE INSERT INTO events SELECT * FROM events",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM \"file:///etc/passwd\"",
        "SELECT * FROM parquet_metadata('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT load_extension('x')",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "ATTACH 'x' AS y",
        "USE x",
        "BEGIN",
        "KILL 1",
        "CALL x()",
        "TRUNCATE events",
        "MERGE INTO events USING events ON true WHEN MATCHED THEN DELETE",
    ] {
        let refused = run(answer(&store, text, SqlLimits::default()));
        assert!(matches!(refused, Err(StoreError::Sql { .. })), "{text}: {refused:?}");
    }
    let many: Vec<String> = (0..12_000).map(|number| format!("'{number}'")).collect();
    let listed = format!("SELECT count(*) FROM events WHERE user.name IN ({})", many.join(","));
    assert!(listed.len() > 64 << 10 || run(answer(&store, &listed, SqlLimits::default())).is_ok());
    let listed =
        format!("SELECT count(*) FROM events WHERE user.name IN ({})", many[..6000].join(","));
    run(answer(&store, &listed, SqlLimits::default())).unwrap();
    for bomb in [
        "SELECT regexp_like(event.original, '(((a{1000}){1000}){1000}){1000}') FROM events",
        "SELECT regexp_like(event.original, '(a*)*(a*)*(a*)*(a*)*b') FROM events",
    ] {
        let deadline = Some(Instant::now() + Duration::from_secs(20));
        let _ = run(answer(&store, bomb, SqlLimits { rows: 10, deadline }));
    }
    let nested = format!("SELECT {}1{}", "abs(".repeat(400), ")".repeat(400));
    let _ = run(answer(&store, &nested, SqlLimits::default()));
    let queries = format!("SELECT * FROM {}events{}", "(SELECT * FROM ".repeat(60), ")".repeat(60));
    let _ = run(answer(&store, &queries, SqlLimits::default()));
}

/// Waits until no thread works at a query any more.
fn rest(store: &Store) {
    let began = Instant::now();
    while store.sql_running() > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "a query goes on after its end");
        std::thread::yield_now();
    }
}

#[test]
fn given_up_queries_stop() {
    let (_dir, store) = mixed();
    for heavy in [
        "SELECT count(*) FROM events a, events b, events c WHERE a.source.port + b.source.port = c.source.port",
        "SELECT a.event.original FROM events a CROSS JOIN events b ORDER BY b.event.original, a.event.id",
        "SELECT a.event.original, b.event.original, count(*) FROM events a, events b GROUP BY 1, 2",
        "SELECT sum(a.value * b.value) FROM generate_series(1, 9000000) a, generate_series(1, 9000000) b",
        "SELECT max(length(a.event.original)) OVER (ORDER BY b.event.id) FROM events a, events b",
        "SELECT value FROM generate_series(1, 900000000000)",
    ] {
        run(async {
            let rows = store.sql(heavy, SqlLimits::default()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
            drop(rows);
        });
        rest(&store);
    }
    assert_eq!(ask(&store, "SELECT 1 AS one"), "one:integer\n1\n");
}

#[test]
fn what_does_not_fit_memory_goes_to_disk_and_comes_back() {
    let config = Config { sql_memory_bytes_max: 16 << 20, ..Config::default() };
    let (dir, store) = fresh(config);
    let sorted =
        "SELECT value, value % 1000 AS a FROM generate_series(1, 1500000) ORDER BY a, value DESC";
    let count = run(async {
        let limits = SqlLimits { rows: usize::MAX, deadline: None };
        let mut rows = store.sql(sorted, limits).await.unwrap();
        let (mut count, mut last) = (0_u64, None);
        while let Some(batch) = rows.next().await.unwrap() {
            for row in batch {
                let (Cell::Integer(value), Cell::Integer(a)) = (&row[0], &row[1]) else { panic!() };
                assert!(last.is_none_or(|last| last < (*a, -*value)), "{row:?}");
                last = Some((*a, -*value));
                count += 1;
            }
        }
        count
    });
    assert_eq!(count, 1_500_000);
    // No file is left, and none had a name.
    let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|name| name.contains("tmp")), "{names:?}");
}

#[test]
fn disk_for_queries_is_bounded() {
    let config =
        Config { sql_memory_bytes_max: 8 << 20, sql_spill_bytes_max: 2 << 20, ..Config::default() };
    let (_dir, store) = fresh(config);
    let sorted = "SELECT value FROM generate_series(1, 3000000) ORDER BY value % 1000";
    let error = run(answer(&store, sorted, SqlLimits::default())).unwrap_err();
    expect!["Arrow error: Io error: the query needs more than the 2097152 bytes of disk that queries may take; narrow it"].assert_eq(&error.to_string());
}

#[test]
fn memory_is_bounded() {
    let config = Config { sql_memory_bytes_max: 64 << 10, ..Config::default() };
    let (_dir, store) = fresh(config);
    let greedy = "SELECT value, count(*) FROM generate_series(1, 10000000) GROUP BY 1";
    let error = run(answer(&store, greedy, SqlLimits::default())).unwrap_err();
    expect!["the query needs more memory than queries may take; narrow it"]
        .assert_eq(&error.to_string());
}

#[test]
fn newest_in_blocks_of_a_long_segment() {
    let (_dir, store) = fresh(Config::default());
    let all: Vec<Arc<Event>> = (0..20_000_u64)
        .map(|id| {
            let mut event =
                Event::new(Text::from(format!("line {id}")), Timestamp::from_seconds(MIDNIGHT));
            event.id = EventId(id);
            event.time = Timestamp::from_seconds(MIDNIGHT + i64::try_from(id / 3).unwrap());
            event.set(Field::UserName, if id % 1999 == 0 { "rare" } else { "usual" });
            Arc::new(event)
        })
        .collect();
    store.append(&all, &[]).unwrap();
    store.flush().unwrap();
    let newest = "SELECT event.id FROM events WHERE user.name = 'rare' ORDER BY @timestamp DESC, event.id DESC LIMIT 4";
    assert_eq!(ask(&store, newest), "event.id:integer\n19990\n17991\n15992\n13993\n");
    let newest = "SELECT event.id FROM events ORDER BY @timestamp DESC, event.id LIMIT 3";
    assert_eq!(ask(&store, newest), "event.id:integer\n19998\n19999\n19995\n");
}
