//! A store that the first version wrote opens for ever after (`tests/data/v1`).

use std::path::Path;

use model::{Checkpoint, EventId};
use store::{Config, Store};

use crate::crash::{all_of, copy};
use crate::samples::{events, json, open};

fn of_version_1() -> (tempfile::TempDir, Vec<String>) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v1");
    let dir = tempfile::tempdir().unwrap();
    copy(&data.join("data"), dir.path());
    let text = std::fs::read_to_string(data.join("events.ndjson")).unwrap();
    (dir, text.lines().map(str::to_owned).collect())
}

fn sources(store: &Store) -> Vec<String> {
    let checkpoints = store.checkpoints().into_iter();
    checkpoints.map(|Checkpoint { key, position }| format!("{key} at {position}")).collect()
}

#[test]
fn nothing_of_it_is_lost_and_it_goes_on() {
    let (dir, mut expected) = of_version_1();
    let store = open(dir.path(), Config::default());
    assert_eq!(json(&all_of(&store)), expected);
    let known = ["file:/var/log/auth.log at 400", "file:/var/log/ä at {\"at\":7}", "new at 1"];
    assert_eq!(sources(&store), known);
    let stats = store.stats();
    assert_eq!((stats.found, stats.replayed, stats.segments), (110, 40, 4));
    assert_eq!((stats.quarantined, stats.orphans, stats.missing), (0, 0, 0));
    assert!(stats.is_balanced());
    assert_eq!(store.next_id(), 150);
    let some = [EventId(149), EventId(5), EventId(109)];
    assert_eq!(json(&store.get(&some).unwrap()), some.map(|id| expected[id.0 as usize].clone()));

    let more = events(150..180, 3);
    store.append(&more, &[Checkpoint { key: "new".into(), position: "2".into() }]).unwrap();
    expected.extend(json(&more));
    store.flush().unwrap();
    assert_eq!(json(&all_of(&store)), expected);
    store.close().unwrap();

    let store = open(dir.path(), Config::default());
    assert_eq!(json(&all_of(&store)), expected);
    assert_eq!(sources(&store), [known[0], known[1], "new at 2"]);
    assert_eq!((store.stats().in_segments, store.stats().replayed), (180, 0));
}

#[test]
fn a_reader_beside_it() {
    let (dir, expected) = of_version_1();
    let catalog = catalog::Catalog::open(&dir.path().join("catalog.db")).unwrap();
    let reader = Store::open_reader(dir.path(), catalog, Config::default()).unwrap();
    assert_eq!(json(&all_of(&reader)), expected);
}
