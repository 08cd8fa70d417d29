//! Stops at any moment, and disks that are full: what was acknowledged is there once, and whole.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use model::{Checkpoint, Event, EventId};
use query::Predicate;
use store::{Config, Scope, Store, StoreError};

use crate::samples::{Kind, Numbers, events, fresh, json, open};

pub(crate) fn all_of(store: &Store) -> Vec<Arc<Event>> {
    let mut all = Vec::new();
    let whole = store.scan(&Scope::of(Predicate::default()), &mut |event| {
        all.push(Arc::clone(event));
        std::ops::ControlFlow::Continue(())
    });
    assert!(whole.unwrap(), "not read: {:?}", store.damaged());
    all.sort_by_key(|event| event.id);
    all
}

fn logs(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("wal")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A store that was stopped with ten batches in one log file, and the next file made ahead: the folder,
/// the batches, and the length of the log after each.
fn stopped(kind: Kind) -> (tempfile::TempDir, Vec<Vec<Arc<Event>>>, Vec<u64>) {
    let (dir, store) = kind.fresh(Config::default());
    let mut lengths = Vec::new();
    let mut batches = Vec::new();
    for number in 0..10 {
        let batch = events(number * 7..number * 7 + 7, number + 1);
        let checkpoint = Checkpoint { key: "file".into(), position: number.to_string() };
        store.append(&batch, &[checkpoint]).unwrap();
        batches.push(batch);
        lengths.push(std::fs::metadata(&logs(dir.path())[0]).unwrap().len());
    }
    let ahead = loop {
        let ahead =
            logs(dir.path()).get(1).map(|path| (path.clone(), std::fs::read(path).unwrap()));
        match ahead {
            Some((_, bytes)) if bytes.is_empty() => {}
            Some(ahead) => break ahead,
            None => {}
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    drop(store);
    assert_eq!(logs(dir.path()).len(), 1, "what was made ahead and not used goes");
    std::fs::write(ahead.0, ahead.1).unwrap();
    (dir, batches, lengths)
}

/// Leaves the file that was made ahead as it is, or half of it, or nothing.
fn stop_while_making_ahead(dir: &Path, numbers: &mut Numbers) {
    let path = logs(dir).remove(1);
    let length = std::fs::metadata(&path).unwrap().len();
    match numbers.below(3) {
        0 => std::fs::remove_file(&path).unwrap(),
        1 => {
            let half = OpenOptions::new().write(true).open(&path).unwrap();
            half.set_len(numbers.below(length)).unwrap();
        }
        _ => {}
    }
}

#[test]
fn torn_tail_anywhere() {
    Kind::both(torn_tail);
}

fn torn_tail(kind: Kind) {
    let (dir, batches, lengths) = stopped(kind);
    let mut numbers = Numbers(77);
    for _ in 0..60 {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        stop_while_making_ahead(copied.path(), &mut numbers);
        let cut = numbers.below(lengths[9] + 1);
        let log = logs(copied.path()).remove(0);
        OpenOptions::new().write(true).open(&log).unwrap().set_len(cut).unwrap();
        let whole = lengths.iter().filter(|length| **length <= cut).count();

        let store = kind.open(copied.path(), Config::default());
        let expected: Vec<Arc<Event>> = batches[..whole].concat();
        assert_eq!(json(&all_of(&store)), json(&expected), "cut at {cut}");
        let checkpoints = store.checkpoints();
        assert_eq!(checkpoints.len(), usize::from(whole > 0));
        assert!(checkpoints.iter().all(|one| one.position == (whole - 1).to_string()));
        assert_eq!(store.stats().quarantined, 0);

        let next = store.next_id();
        assert_eq!(next, expected.last().map_or(0, |event| event.id.0 + 1));
        let more = events(next..next + 5, 99);
        store.append(&more, &[]).unwrap();
        drop(store);
        let store = kind.open(copied.path(), Config::default());
        assert_eq!(json(&all_of(&store)), json(&[expected, more].concat()), "cut at {cut}");
        assert!(store.stats().is_balanced());
    }
}

#[test]
fn damage_anywhere() {
    Kind::both(damage);
}

fn damage(kind: Kind) {
    let (dir, batches, lengths) = stopped(kind);
    let mut numbers = Numbers(78);
    for _ in 0..60 {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        stop_while_making_ahead(copied.path(), &mut numbers);
        let at = numbers.below(lengths[9]);
        let log = logs(copied.path()).remove(0);
        let mut bytes = std::fs::read(&log).unwrap();
        bytes[usize::try_from(at).unwrap()] ^= 0x41;
        std::fs::write(&log, bytes).unwrap();

        let header = lengths[0] - (lengths[1] - lengths[0]) / 2;
        let hit = lengths.iter().filter(|length| **length <= at).count();
        let store = kind.open(copied.path(), Config::default());
        let found = json(&all_of(&store));
        if found.is_empty() {
            // The header was hit: without it nothing can be read, and all of it is kept aside.
            assert!(at < header, "damage at {at}");
            assert_eq!(store.stats().quarantined, 1, "damage at {at}");
            continue;
        }
        let kept: Vec<Vec<Arc<Event>>> = batches
            .iter()
            .enumerate()
            .filter(|(number, _)| *number != hit)
            .map(|(_, batch)| batch.clone())
            .collect();
        assert_eq!(found, json(&kept.concat()), "damage at {at}");
        assert_eq!(store.stats().quarantined, u64::from(hit < 9), "damage at {at}");
        drop(store);
        let store = kind.open(copied.path(), Config::default());
        assert_eq!(json(&all_of(&store)), json(&kept.concat()), "after damage at {at}");
        assert_eq!(store.stats().quarantined, 0);
    }
}

#[test]
fn stop_between_the_steps_of_a_flush() {
    Kind::both(stop_between_the_steps);
}

fn stop_between_the_steps(kind: Kind) {
    let (dir, store) = kind.fresh(Config::default());
    let all = events(0..500, 5);
    store.append(&all, &[]).unwrap();
    let before = tempfile::tempdir().unwrap();
    copy(dir.path(), before.path());
    store.flush().unwrap();
    store.close().unwrap();

    // Segments were written, the catalog did not learn of them.
    let unpublished = tempfile::tempdir().unwrap();
    copy(before.path(), unpublished.path());
    copy(&dir.path().join("segments"), &unpublished.path().join("segments"));
    let store = kind.open(unpublished.path(), Config::default());
    assert_eq!(json(&all_of(&store)), json(&all));
    let stats = store.stats();
    assert!(stats.orphans == 0 && stats.replayed == 500 && stats.is_balanced());
    store.flush().unwrap();
    assert_eq!(json(&all_of(&store)), json(&all));

    // The catalog knows the segments, the log is still there.
    copy(&before.path().join("wal"), &dir.path().join("wal"));
    let store = kind.open(dir.path(), Config::default());
    assert_eq!(json(&all_of(&store)), json(&all));
    let stats = store.stats();
    assert!(stats.replayed == 0 && stats.in_segments == 500 && stats.is_balanced());
    assert_eq!(store.next_id(), 500);
}

#[test]
fn identities_that_arrive_out_of_order() {
    let (dir, store) = fresh(Config::default());
    let all = events(0..40, 3);
    store.append(&all[20..], &[]).unwrap();
    store.flush().unwrap();
    store.append(&all[..20], &[]).unwrap();
    drop(store);
    let store = open(dir.path(), Config::default());
    assert_eq!(json(&all_of(&store)), json(&all));
    assert_eq!(store.next_id(), 40);
}

#[test]
fn one_process_writes_and_others_read() {
    let (dir, store) = fresh(Config::default());
    let all = events(0..40, 3);
    store.append(&all[..20], &[]).unwrap();
    store.flush().unwrap();
    store.append(&all[20..], &[]).unwrap();
    let catalog = catalog::Catalog::open(&dir.path().join("catalog.db")).unwrap();
    let second = Store::open(dir.path(), catalog.clone(), Config::default());
    assert!(matches!(second.unwrap_err(), StoreError::Locked { .. }));
    let reader =
        Store::open_reader(dir.path(), catalog, Kind::Sealed.config(Config::default())).unwrap();
    assert_eq!(json(&all_of(&reader)), json(&all));
    assert!(matches!(reader.append(&all, &[]).unwrap_err(), StoreError::Closed { .. }));
    drop(reader);
    store.append(&events(40..50, 4), &[]).unwrap();
    assert_eq!(all_of(&store).len(), 50);
}

#[test]
fn nothing_after_the_end() {
    let (dir, store) = fresh(Config::default());
    let other = store.clone();
    store.append(&events(0..5, 1), &[]).unwrap();
    store.close().unwrap();
    assert!(matches!(other.append(&events(5..6, 1), &[]).unwrap_err(), StoreError::Closed { .. }));
    assert!(matches!(other.flush().unwrap_err(), StoreError::Closed { .. }));
    assert_eq!(all_of(&other).len(), 5);
    drop(other);
    let store = open(dir.path(), Config::default());
    assert_eq!((store.stats().in_segments, store.stats().replayed), (5, 0));
}

const FOLDER: &str = "STORE_TEST_FOLDER";
const PLAIN: &str = "STORE_TEST_PLAIN";

/// Not a test of its own: the process that [`killed_again_and_again`] kills.
#[test]
#[ignore = "run by killed_again_and_again"]
fn appends_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let kind = if std::env::var_os(PLAIN).is_some() { Kind::Plain } else { Kind::Sealed };
    let store = kind.open(Path::new(&folder), tiny());
    loop {
        let next = store.next_id();
        store.append(&events(next..next + 13, next + 1), &[]).unwrap();
        println!("acknowledged {next}");
    }
}

fn tiny() -> Config {
    Config { generation_events_max: 50, ..Config::default() }
}

#[test]
fn killed_again_and_again() {
    Kind::both(killed);
}

fn killed(kind: Kind) {
    let dir = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(4);
    let mut batches = 0;
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::appends_until_killed", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, dir.path())
            .envs((kind == Kind::Plain).then_some((PLAIN, "")))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = Vec::new();
        let enough = 3 + numbers.below(20);
        while acknowledged.len() as u64 <= enough {
            let line = lines.next().expect("the child ended by itself").unwrap();
            if let Some(id) = line.rsplit_once("acknowledged ") {
                acknowledged.push(id.1.parse::<u64>().unwrap());
            }
        }
        std::thread::sleep(Duration::from_micros(numbers.below(3000)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some(id) = line.rsplit_once("acknowledged ") {
                acknowledged.extend(id.1.parse::<u64>());
            }
        }
        batches += acknowledged.len();
        let store = kind.open(dir.path(), tiny());
        let all = all_of(&store);
        let ids: Vec<EventId> = all.iter().map(|event| event.id).collect();
        let expected: Vec<EventId> = (0..all.len() as u64).map(EventId).collect();
        assert_eq!(ids, expected, "round {round}");
        let last = acknowledged.last().unwrap() + 13;
        assert!(all.len() as u64 >= last, "round {round}: {} of {last}", all.len());
        assert_eq!(all.len() % 13, 0);
        for id in acknowledged {
            let batch = events(id..id + 13, id + 1);
            let place = usize::try_from(id).unwrap();
            assert_eq!(json(&all[place..place + 13]), json(&batch));
        }
        assert!(store.stats().is_balanced());
    }
    assert!(batches > 30);
}

/// A file system of one megabyte; `None` where this user may not make one.
struct Small(PathBuf);

impl Small {
    fn at(path: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&path);
        let done = mount.stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn disk_that_is_full() {
    Kind::both(full_disk);
}

fn full_disk(kind: Kind) {
    let dir = tempfile::tempdir().unwrap();
    let Some(small) = Small::at(dir.path().join("wal")) else {
        println!("skipped: no right to mount a small file system");
        return;
    };
    let filler = small.0.join("filler");
    std::fs::write(&filler, vec![0; 500_000]).unwrap();
    let store = kind.open(dir.path(), Config::default());
    let mut kept = Vec::new();
    let mut refused = 0;
    for number in 0..400 {
        let batch = events(number * 20..number * 20 + 20, number + 1);
        match store.append(&batch, &[]) {
            Ok(()) => kept.push(batch),
            Err(StoreError::Io { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        if refused == 5 && filler.exists() {
            assert_eq!(json(&all_of(&store)), json(&kept.concat()));
            std::fs::remove_file(&filler).unwrap();
        }
        if refused > 20 {
            break;
        }
    }
    assert!(refused > 5, "the disk was never full");
    assert!(!filler.exists());
    assert_eq!(json(&all_of(&store)), json(&kept.concat()));
    assert!(store.stats().is_balanced());
    drop(store);
    std::fs::write(&filler, b"").unwrap();
    let store = kind.open(dir.path(), Config::default());
    assert_eq!(json(&all_of(&store)), json(&kept.concat()));
    drop(store);
    drop(small);
}
