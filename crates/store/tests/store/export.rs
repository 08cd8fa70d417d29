//! Answers as files.

use expect_test::expect;
use query::Predicate;
use store::{Config, Export, ExportFormat, Order, Scope, SqlLimits, Store};

use crate::samples::{events, fresh};
use crate::sql::{run, small};

fn export(store: &Store, text: &str, format: ExportFormat, rows: usize) -> (Vec<u8>, u64, bool) {
    run(async {
        let rows = store.sql(text, SqlLimits { rows, deadline: None }).await.unwrap();
        let mut export = Export::of(rows, format).unwrap();
        let mut bytes = Vec::new();
        while let Some(more) = export.next().await.unwrap() {
            bytes.extend(more);
        }
        (bytes, export.written(), export.is_truncated())
    })
}

fn text(store: &Store, query: &str, format: ExportFormat) -> String {
    let text = String::from_utf8(export(store, query, format, 100).0).unwrap();
    assert_eq!(text.contains("\r\n"), format != ExportFormat::Json, "lines end as RFC 4180 says");
    text.replace("\r\n", "\n")
}

const ODD: &str = "SELECT * FROM (VALUES (1, '=1+1', true), (2, 'a \"b\", c', NULL), (3, '', false), \
                   (4, NULL, NULL), (5, '-2', true)) AS t(n, s, f) ORDER BY n";

#[test]
fn as_csv() {
    let (_dir, store) = small();
    expect![[r#"
        n,s,f
        1,=1+1,true
        2,"a ""b"", c",
        3,"",false
        4,,
        5,-2,true
    "#]]
    .assert_eq(&text(&store, ODD, ExportFormat::Csv));
    expect![[r#"
        n,s,f
        1,"'=1+1",true
        2,"a ""b"", c",
        3,"",false
        4,,
        5,"'-2",true
    "#]]
    .assert_eq(&text(&store, ODD, ExportFormat::CsvForSpreadsheets));
    expect![[r"
        user.name
    "]]
    .assert_eq(&text(&store, "SELECT user.name FROM events WHERE false", ExportFormat::Csv));
}

#[test]
fn as_json_lines() {
    let (_dir, store) = small();
    expect![[r#"
        {"n":1,"s":"=1+1","f":true}
        {"n":2,"s":"a \"b\", c","f":null}
        {"n":3,"s":"","f":false}
        {"n":4,"s":null,"f":null}
        {"n":5,"s":"-2","f":true}
    "#]]
    .assert_eq(&text(&store, ODD, ExportFormat::Json));
    let some = "SELECT @timestamp, source.ip, 0.5 AS half FROM events WHERE event.id = 4";
    expect![[r#"
        {"@timestamp":"2026-11-21T00:40:00.000Z","source.ip":"[\"10.0.2.1\",\"2001:db8::1\"]","half":0.5}
    "#]].assert_eq(&text(&store, some, ExportFormat::Json));
}

#[test]
fn as_parquet() {
    let (_dir, store) = fresh(Config::default());
    store.append(&events(0..3000, 3), &[]).unwrap();
    store.flush().unwrap();
    let all = "SELECT * FROM events ORDER BY event.id";
    let (bytes, rows, is_truncated) = export(&store, all, ExportFormat::Parquet, 2500);
    assert_eq!((rows, is_truncated), (2500, true));
    let file = tempfile::tempfile().unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
    let reader = reader.unwrap().build().unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2500);
}

#[test]
fn whole_searches() {
    let (_dir, store) = fresh(Config::default());
    store.append(&events(0..9000, 3), &[]).unwrap();
    store.flush().unwrap();
    store.append(&events(9000..12_000, 4), &[]).unwrap();
    let scope = || Scope::of(Predicate::parse("user.name: root").unwrap());
    let columns = ["@timestamp".to_owned(), "user.name".to_owned(), "fw.rule".to_owned()];
    let whole = |format, limit| {
        let mut export =
            store.export_events(scope(), Order::Newest, limit, format, &columns).unwrap();
        let mut bytes = Vec::new();
        while let Some(more) = export.next_bytes().unwrap() {
            bytes.extend(more);
        }
        (bytes, export.written(), export.is_truncated())
    };
    let (json, count, is_truncated) = whole(ExportFormat::Json, usize::MAX);
    let json = String::from_utf8(json).unwrap();
    assert!(!is_truncated);
    assert_eq!(json.lines().count(), usize::try_from(count).unwrap());
    let time = |line: &str| line.split('"').nth(3).unwrap().to_owned();
    let times: Vec<String> = json.lines().map(time).collect();
    assert!(times.is_sorted_by(|one, next| one >= next));
    let (csv, same, _) = whole(ExportFormat::Csv, usize::MAX);
    let csv = String::from_utf8(csv).unwrap();
    assert_eq!((csv.lines().count() - 1, same), (usize::try_from(count).unwrap(), count));
    assert_eq!(csv.lines().next(), Some("@timestamp,user.name,fw.rule"));
    let (parquet, same, _) = whole(ExportFormat::Parquet, usize::MAX);
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    assert_eq!(same, count);
    let (_, hundred, is_truncated) = whole(ExportFormat::Json, 100);
    assert_eq!((hundred, is_truncated), (100, true));
}
