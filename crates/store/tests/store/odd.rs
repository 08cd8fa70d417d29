//! Folders that are not as they should be: one clear sentence, and nothing made worse.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use catalog::Catalog;
use store::{Config, Store, StoreError, check_folder};

use crate::crash::all_of;
use crate::samples::{Kind, events, json};

fn refused(dir: &Path, kind: Kind) -> StoreError {
    let catalog = Catalog::open(&dir.join("catalog.db")).unwrap();
    Store::open(dir, catalog, kind.config(Config::default())).unwrap_err()
}

#[test]
fn a_folder_of_another_user() {
    let (dir, store) = Kind::Plain.fresh(Config::default());
    drop(store);
    if std::os::unix::fs::chown(dir.path(), Some(12_345), None).is_err() {
        println!("skipped: only root can give a folder away");
        return;
    }
    for error in [refused(dir.path(), Kind::Plain), check_folder(dir.path()).unwrap_err()] {
        let told = error.to_string();
        assert!(told.contains("belongs to the user with the number 12345"), "{told}");
        assert!(told.contains("chown -R"), "{told}");
    }
}

#[test]
fn a_folder_without_its_catalog() {
    let (dir, store) = Kind::Plain.fresh(Config::default());
    check_folder(dir.path()).unwrap();
    store.append(&events(0..20, 1), &[]).unwrap();
    store.close().unwrap();
    std::fs::remove_file(dir.path().join("catalog.db")).unwrap();
    let error = check_folder(dir.path()).unwrap_err();
    assert!(error.to_string().contains("doctor --repair"), "{error}");
    assert!(!dir.path().join("catalog.db").exists(), "none was made");
}

#[test]
fn a_log_of_a_newer_version() {
    let (dir, store) = Kind::Sealed.fresh(Config::default());
    store.append(&events(0..20, 1), &[]).unwrap();
    drop(store);
    let log = dir.path().join("wal/00000001.wal");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[8] = 9;
    // The header's own check is made good: only the version is odd.
    let end = header_end(&bytes);
    let crc = crc32fast::hash(&bytes[..end]);
    bytes[end..end + 4].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&log, &bytes).unwrap();
    let told = refused(dir.path(), Kind::Sealed).to_string();
    assert!(told.contains("00000001.wal") && told.contains("version 9"), "{told}");
    assert_eq!(std::fs::read(&log).unwrap(), bytes, "it stays as it is");
}

/// Gives where the check of a log's header stands: behind its key and the names of the fields.
fn header_end(bytes: &[u8]) -> usize {
    let end_of = |at: usize| {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        at + 4 + usize::try_from(length).unwrap()
    };
    end_of(end_of(28))
}

#[test]
fn a_clock_that_went_back() {
    Kind::both(|kind| {
        let (dir, store) = kind.fresh(Config::default());
        let first = events(0..20, 1);
        store.append(&first, &[]).unwrap();
        drop(store);
        // What was written in the future was written before the clock went back.
        let future = SystemTime::now() + Duration::from_hours(5);
        let log = dir.path().join("wal/00000001.wal");
        std::fs::File::options().append(true).open(&log).unwrap().set_modified(future).unwrap();
        let store = kind.open(dir.path(), Config::default());
        let notices = store.notices();
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(notices[0].contains("the clock went back by 17"), "{notices:?}");
        let second = events(20..40, 2);
        store.append(&second, &[]).unwrap();
        assert_eq!(json(&all_of(&store)), json(&[first, second].concat()));
        store.close().unwrap();
        let store = kind.open(dir.path(), Config::default());
        assert_eq!(store.notices(), Vec::<String>::new(), "said once");
    });
}

#[test]
fn a_folder_of_another_machine() {
    let (dir, store) = Kind::Plain.fresh(Config::default());
    let first: Vec<Arc<_>> = events(0..20, 1);
    store.append(&first, &[]).unwrap();
    store.close().unwrap();
    let catalog = Catalog::open(&dir.path().join("catalog.db")).unwrap();
    if catalog.setting("machine").unwrap().is_none() {
        println!("skipped: this machine has no /etc/machine-id");
        return;
    }
    catalog.set_setting("machine", "0123456789abcdef").unwrap();
    let store = Kind::Plain.open(dir.path(), Config::default());
    let notices = store.notices();
    assert!(notices[0].contains("was last written on another machine"), "{notices:?}");
    assert_eq!(json(&all_of(&store)), json(&first));
    drop(store);
    assert!(Kind::Plain.open(dir.path(), Config::default()).notices().is_empty(), "said once");
}

#[test]
fn an_entry_that_would_have_the_log_deleted() {
    let (dir, store) = Kind::Plain.fresh(Config::default());
    let all = events(0..60, 1);
    store.append(&all[..30], &[]).unwrap();
    store.flush().unwrap();
    store.append(&all[30..], &[]).unwrap();
    drop(store);
    let sql = rusqlite::Connection::open(dir.path().join("catalog.db")).unwrap();
    let changed = "UPDATE segments SET stats = replace(stats, '\"log\":1,', '\"log\":3,')";
    assert!(sql.execute(changed, []).unwrap() > 0);
    drop(sql);
    let store = Kind::Plain.open(dir.path(), Config::default());
    assert!(store.notices()[0].contains("is not as it was written"), "{:?}", store.notices());
    assert_eq!(json(&all_of(&store)), json(&all), "the log is read, and not deleted");
}
