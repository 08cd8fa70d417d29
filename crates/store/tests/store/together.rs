//! Many appenders, many readers, segments written meanwhile: each event is seen exactly once.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::EventId;
use query::Predicate;
use store::{Config, Histogram, Order, Scope, Search, Store};

use crate::samples::{MIDNIGHT, events, fresh};

const BATCHES: u64 = 60;
const APPENDERS: u64 = 4;

#[test]
fn each_event_is_seen_exactly_once() {
    let config = Config { generation_events_max: 100, ..Config::default() };
    let (_dir, store) = fresh(config);
    let next = AtomicU64::new(0);
    let acknowledged: Mutex<HashSet<u64>> = Mutex::default();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let appenders: Vec<_> = (0..APPENDERS)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..BATCHES {
                        let first = next.fetch_add(5, Ordering::Relaxed);
                        store.append(&events(first..first + 5, first + 1), &[]).unwrap();
                        acknowledged.lock().unwrap().extend(first..first + 5);
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    look(&store, &acknowledged);
                }
            });
        }
        for appender in appenders {
            appender.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    store.flush().unwrap();
    assert_eq!(look(&store, &acknowledged), usize::try_from(BATCHES * APPENDERS * 5).unwrap());
    let stats = store.stats();
    assert!(stats.is_balanced() && stats.in_memory == 0 && stats.segments > 3, "{stats:?}");
}

/// Looks at everything once, in three ways, and gives how many events there were.
fn look(store: &Store, acknowledged: &Mutex<HashSet<u64>>) -> usize {
    assert!(store.stats().is_balanced());
    let before: HashSet<u64> = acknowledged.lock().unwrap().clone();
    let mut seen = HashSet::new();
    let search = Search {
        scope: Scope::of(Predicate::default()),
        order: Order::Newest,
        limit: 10_000,
        cursor: None,
    };
    for event in store.search(&search).unwrap().events {
        assert!(seen.insert(event.id.0), "event {} was seen twice", event.id);
    }
    assert!(before.is_subset(&seen), "{:?} are missing", before.difference(&seen));
    let mut scope = Scope::of(Predicate::default());
    scope.from = model::Timestamp::from_seconds(MIDNIGHT - 90_000);
    scope.to = model::Timestamp::from_seconds(MIDNIGHT + 90_000);
    let counted = store.histogram(&Histogram { scope, buckets: 5 }).unwrap().total();
    assert!(counted >= seen.len() as u64, "{counted} of {}", seen.len());
    let some: Vec<EventId> = before.iter().take(20).copied().map(EventId).collect();
    assert_eq!(store.get(&some).unwrap().len(), some.len());
    seen.len()
}
