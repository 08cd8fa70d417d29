//! What lies on disk cannot be read without the keys, and can with them.

use std::path::{Path, PathBuf};

use expect_test::expect;
use model::Checkpoint;
use query::Predicate;
use seal::Keyring;
use store::{Config, Order, Scope, Search, Store, StoreError};

use crate::samples::{Kind, events, json};

fn newest(store: &Store) -> Result<Vec<String>, StoreError> {
    let scope = Scope::of(Predicate::default());
    let search = Search { scope, order: Order::Oldest, limit: 1000, cursor: None };
    Ok(json(&store.search(&search)?.events))
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found = files(&dir.join("segments"));
    found.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    found
}

#[test]
fn segments_are_sealed_and_plain_ones_stay_readable() {
    let (dir, plain) = Kind::Plain.fresh(Config::default());
    plain.append(&events(0..300, 3), &[]).unwrap();
    plain.close().unwrap();
    let before = segments(dir.path());
    let store = Kind::Sealed.open(dir.path(), Config::default());
    store.append(&events(300..600, 4), &[]).unwrap();
    store.flush().unwrap();
    assert_eq!(newest(&store).unwrap().len(), 600);
    for path in segments(dir.path()) {
        let bytes = std::fs::read(&path).unwrap();
        let magic: &[u8] = if before.contains(&path) { b"PAR1" } else { b"PARE" };
        assert!(bytes.starts_with(magic) && bytes.ends_with(magic));
        let names_a_field = bytes.windows(9).any(|window| window == b"user.name");
        assert_eq!(names_a_field, before.contains(&path));
    }
}

#[test]
fn nothing_of_an_event_is_in_any_file() {
    let (dir, store) = Kind::Sealed.fresh(Config::default());
    let position = Checkpoint { key: "tail".to_owned(), position: "203.0.113.7".to_owned() };
    store.append(&events(0..200, 3), std::slice::from_ref(&position)).unwrap();
    store.flush().unwrap();
    store.append(&events(200..400, 4), &[]).unwrap();
    for path in files(dir.path()) {
        let bytes = std::fs::read(&path).unwrap();
        for word in ["203.0.113", "Failed", "alice", "fw.packets"] {
            let shows = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!shows, "{word} in {}", path.display());
        }
    }
    drop(store);
    let store = Kind::Sealed.open(dir.path(), Config::default());
    assert_eq!(store.checkpoints(), [position]);
}

#[test]
fn another_key_opens_nothing() {
    let (dir, store) = Kind::Sealed.fresh(Config::default());
    store.append(&events(0..30, 3), &[]).unwrap();
    store.close().unwrap();
    let told = |keyring: Option<Keyring>| {
        let catalog = catalog::Catalog::open(&dir.path().join("catalog.db")).unwrap();
        let config = Config { keyring, ..Config::default() };
        let store = Store::open_reader(dir.path(), catalog, config);
        let error = store.and_then(|store| newest(&store)).unwrap_err().to_string();
        error.split_once(' ').unwrap().1.to_owned()
    };
    expect!["does not open with this key: it was changed, or belongs to another key"]
        .assert_eq(&told(Some(Keyring::generate().unwrap())));
    expect!["is sealed, and no key was given"].assert_eq(&told(None));
}
