//! What the store answers is what a look at every event would answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::samples::{MIDNIGHT, Numbers, events, fresh, json};
use model::{Event, EventId, Timestamp};
use proptest::prelude::*;
use query::Predicate;
use store::{Config, Cursor, Histogram, Order, Scope, Search, Store, StoreError, Top};

const QUESTIONS: &[&str] = &[
    "",
    "user.name: root",
    "not user.name: root",
    "user.name: (root or alice) and not host.name: db",
    "user.name: *",
    "not user.name: *",
    "user.name: r*t",
    "source.ip: 203.0.113.0/29",
    "source.ip: 2001:db8::/32",
    "source.ip: \"not an address\"",
    "source.port >= 30000",
    "source.port: 7",
    "event.category: session",
    "event.category: authentication and event.outcome: failure",
    "failed",
    "\"password for alice\"",
    "quoted or web-2",
    "fw.rule: one",
    "fw.rule: *",
    "fw.packets > 3 or fw.ratio: 2",
    "not fw.open: *",
    "fw.names: a",
    "bartizan.simulated: true",
    "bartizan.inspection.score <= 0.5",
    "@timestamp >= 2026-11-21T00:10:00Z and message: accepted",
    "event.id: 17",
    "no.such: thing",
    "user.shell: *",
    "source.port < 100000",
    "source.port > 100000",
];

/// A store whose events lie in several segments, in frozen generations and in memory.
fn mixed(seed: u64) -> (tempfile::TempDir, Store, Vec<Arc<Event>>) {
    let (dir, store) = fresh(Config::default());
    let all = events(0..900, seed);
    store.append(&all[..300], &[]).unwrap();
    store.flush().unwrap();
    store.append(&all[300..500], &[]).unwrap();
    store.append(&all[500..700], &[]).unwrap();
    store.flush().unwrap();
    store.append(&all[700..], &[]).unwrap();
    (dir, store, all)
}

fn naive(all: &[Arc<Event>], scope: &Scope, order: Order) -> Vec<Arc<Event>> {
    let mut hits: Vec<Arc<Event>> = all
        .iter()
        .filter(|event| event.time >= scope.from && event.time < scope.to)
        .filter(|event| scope.predicate.matches(event))
        .cloned()
        .collect();
    hits.sort_by_key(|event| (event.time, event.id));
    if order == Order::Newest {
        hits.reverse();
    }
    hits
}

#[test]
fn what_was_kept_since_an_event() {
    let config = Config { generation_events_max: 100, ..Config::default() };
    let (_dir, store) = fresh(config);
    let all = events(0..450, 7);
    for batch in all.chunks(50) {
        store.append(batch, &[]).unwrap();
    }
    let ids = |first: u64, count: u64| -> Vec<u64> {
        let found = store.since(EventId(first), count).unwrap();
        found.iter().map(|event| event.id.0).collect()
    };
    assert_eq!(ids(0, 1_000), (0..450).collect::<Vec<_>>());
    assert_eq!(ids(95, 210), (95..305).collect::<Vec<_>>());
    assert_eq!(ids(445, 100), (445..450).collect::<Vec<_>>());
    assert_eq!(ids(450, 100), Vec::<u64>::new());
    assert_eq!(ids(u64::MAX, u64::MAX), Vec::<u64>::new());
    let found = store.since(EventId(95), 210).unwrap();
    assert_eq!(json(&found), json(&all[95..305]));
}

#[test]
fn every_question_page_by_page() {
    let (_dir, store, all) = mixed(11);
    for text in QUESTIONS {
        for order in [Order::Newest, Order::Oldest] {
            let predicate = Predicate::parse(text).unwrap();
            let scope = Scope::of(predicate);
            let mut search = Search { scope: scope.clone(), order, limit: 37, cursor: None };
            let mut found = Vec::new();
            loop {
                let page = store.search(&search).unwrap();
                assert!(page.is_complete);
                found.extend(page.events);
                search.cursor = page.next;
                if search.cursor.is_none() {
                    break;
                }
            }
            assert_eq!(json(&found), json(&naive(&all, &scope, order)), "{text} {order:?}");
        }
    }
}

#[test]
fn counts_are_those_of_the_events() {
    let (_dir, store, all) = mixed(12);
    for text in QUESTIONS {
        let mut scope = Scope::of(Predicate::parse(text).unwrap());
        scope.from = Timestamp::from_seconds(MIDNIGHT - 1800);
        scope.to = Timestamp::from_seconds(MIDNIGHT + 1801);
        let hits = naive(&all, &scope, Order::Oldest);
        let histogram = Histogram { scope: scope.clone(), buckets: 7 };
        let buckets = store.histogram(&histogram).unwrap().buckets;
        assert_eq!(buckets.first().unwrap().from, scope.from);
        assert_eq!(buckets.last().unwrap().to, scope.to);
        for bucket in buckets {
            let inside = |event: &&Arc<Event>| event.time >= bucket.from && event.time < bucket.to;
            let count = hits.iter().filter(inside).count() as u64;
            assert_eq!(bucket.count, count, "{text}");
        }
        for field in ["user.name", "event.category", "source.port", "fw.rule", "source.ip"] {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            let mut missing = 0;
            for event in &hits {
                match event.get_path(field) {
                    Some(value) => {
                        for one in value.each() {
                            *counts.entry(one.to_string()).or_default() += 1;
                        }
                    }
                    None => missing += 1,
                }
            }
            let mut expected: Vec<(String, u64)> = counts.into_iter().collect();
            expected.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let total: u64 = expected.iter().map(|(_, count)| count).sum();
            expected.truncate(4);
            let top = Top { scope: scope.clone(), field: field.to_owned(), limit: 4 };
            let top = store.top(&top).unwrap();
            assert_eq!(top.values, expected, "{text} {field}");
            assert_eq!(top.missing, missing, "{text} {field}");
            let shown: u64 = expected.iter().map(|(_, count)| count).sum();
            assert_eq!(top.other, total - shown, "{text} {field}");
        }
    }
}

#[test]
fn whole_segments_are_counted_without_being_read() {
    let (_dir, store, _) = mixed(13);
    let mut scope = Scope::of(Predicate::default());
    scope.from = Timestamp::from_seconds(MIDNIGHT - 90_000);
    scope.to = Timestamp::from_seconds(MIDNIGHT + 90_000);
    let counted = store.histogram(&Histogram { scope, buckets: 2 }).unwrap();
    assert_eq!(counted.total(), 900);
}

#[test]
fn events_by_their_identities() {
    let (_dir, store, all) = mixed(14);
    let ids: Vec<EventId> = [899, 3, 450, 12_345, 3, 299, 300].map(EventId).to_vec();
    let found = store.get(&ids).unwrap();
    let expected: Vec<Arc<Event>> =
        [899, 3, 450, 3, 299, 300].map(|place: usize| Arc::clone(&all[place])).to_vec();
    assert_eq!(json(&found), json(&expected));
}

#[test]
fn scan_sees_every_event_once_and_stops_when_told() {
    let (_dir, store, all) = mixed(15);
    let scope = Scope::of(Predicate::parse("host.name: web-1").unwrap());
    let mut seen = Vec::new();
    let whole = store
        .scan(&scope, &mut |event| {
            seen.push(Arc::clone(event));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert!(whole);
    assert_eq!(json(&seen), json(&naive(&all, &scope, Order::Oldest)));
    let mut count = 0;
    let whole = store
        .scan(&scope, &mut |_| {
            count += 1;
            if count == 5 {
                std::ops::ControlFlow::Break(())
            } else {
                std::ops::ControlFlow::Continue(())
            }
        })
        .unwrap();
    assert!(!whole && count == 5);
}

#[test]
fn time_that_is_over() {
    let (_dir, store, _) = mixed(16);
    let mut scope = Scope::of(Predicate::parse("failed").unwrap());
    scope.deadline = Some(Instant::now().checked_sub(Duration::from_secs(1)).unwrap());
    let search = Search { scope: scope.clone(), order: Order::Newest, limit: 5, cursor: None };
    let found = store.search(&search).unwrap();
    assert!(!found.is_complete && found.events.is_empty());
    let error = store.histogram(&Histogram { scope, buckets: 3 }).unwrap_err();
    assert!(matches!(error, StoreError::Deadline));
}

#[test]
fn cursor_as_text() {
    let cursor = Cursor { time: Timestamp::from_nanos(-5), id: EventId(9) };
    assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
    assert_eq!(Cursor::parse("x.9"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// What is read from a segment writes the same JSON as what was appended.
    #[test]
    fn appended_and_read_again(seed in 1_u64..1_000_000) {
        let (_dir, store) = fresh(Config::default());
        let all = events(0..200, seed);
        store.append(&all, &[]).unwrap();
        store.flush().unwrap();
        prop_assert_eq!(store.stats().in_memory, 0);
        let ids: Vec<EventId> = all.iter().map(|event| event.id).collect();
        prop_assert_eq!(json(&store.get(&ids).unwrap()), json(&all));
    }

    /// Any question over any span, in either order, from memory and segments alike.
    #[test]
    fn any_question(seed in 1_u64..1_000_000, cut in 0_usize..200, limit in 1_usize..60) {
        let (_dir, store) = fresh(Config::default());
        let all = events(0..200, seed);
        store.append(&all[..cut], &[]).unwrap();
        store.flush().unwrap();
        store.append(&all[cut..], &[]).unwrap();
        let mut numbers = Numbers(seed);
        for _ in 0..6 {
            let text = *numbers.one_of(QUESTIONS);
            let mut scope = Scope::of(Predicate::parse(text).unwrap());
            scope.from = Timestamp::from_seconds(MIDNIGHT - numbers.below(4000) as i64);
            scope.to = Timestamp::from_seconds(MIDNIGHT + numbers.below(4000) as i64);
            let order = *numbers.one_of(&[Order::Newest, Order::Oldest]);
            let search = Search { scope: scope.clone(), order, limit, cursor: None };
            let found = store.search(&search).unwrap();
            let mut expected = naive(&all, &scope, order);
            expected.truncate(limit);
            prop_assert_eq!(json(&found.events), json(&expected), "{}", text);
        }
    }
}
