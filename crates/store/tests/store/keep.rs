//! Merging, retention, holds, purge, the reserve of the disk: against what a list of events says.

mod killed;
mod naive;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use catalog::{Catalog, JobKind, JobState, NewHold, NewJob};
use model::{Event, Timestamp};
use query::Predicate;
use store::{Config, KeepConfig, KeepSet, Purging, Scope, Space, Store, StoreError, Surroundings};

use crate::samples::{Kind, MIDNIGHT, events, json};

const DAY: i64 = 86_400;

/// A store whose time and disk are told by the test.
struct World {
    dir: tempfile::TempDir,
    now: Arc<AtomicI64>,
    free: Arc<AtomicU64>,
    config: Config,
}

impl World {
    fn new(keep: KeepConfig) -> Self {
        let now = Arc::new(AtomicI64::new(MIDNIGHT + 4000));
        let free = Arc::new(AtomicU64::new(u64::MAX));
        let (told_now, told_free) = (Arc::clone(&now), Arc::clone(&free));
        let surroundings = Surroundings {
            clock: Arc::new(move || Timestamp::from_seconds(told_now.load(Ordering::Relaxed))),
            disk: Arc::new(move |_| {
                Ok(Space { free: told_free.load(Ordering::Relaxed), total: 1 << 40 })
            }),
        };
        let config = Config { keep, keep_every: None, surroundings, ..Config::default() };
        Self { dir: tempfile::tempdir().unwrap(), now, free, config }
    }

    fn open(&self) -> Store {
        Kind::Sealed.open(self.dir.path(), self.config.clone())
    }

    fn catalog(&self) -> Catalog {
        Catalog::open(&self.dir.path().join("catalog.db")).unwrap()
    }

    fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Sample events that come in now.
    fn events(&self, ids: std::ops::Range<u64>) -> Vec<Arc<Event>> {
        let mut all = events(ids.clone(), ids.start + 1);
        let shift = self.now() - MIDNIGHT - 4000;
        for event in &mut all {
            let event = Arc::make_mut(event);
            event.ingested = Timestamp::from_seconds(self.now());
            event.time = Timestamp::from_seconds(event.time.seconds() + shift);
        }
        all
    }

    fn files(&self) -> Vec<PathBuf> {
        let days = std::fs::read_dir(self.dir.path().join("segments")).unwrap();
        let mut files: Vec<PathBuf> = days
            .flat_map(|day| std::fs::read_dir(day.unwrap().path()).unwrap())
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|one| one == "parquet"))
            .collect();
        files.sort();
        files
    }
}

fn all_of(store: &Store) -> Vec<Arc<Event>> {
    let mut all = Vec::new();
    let whole = store.scan(&Scope::of(Predicate::default()), &mut |event| {
        all.push(Arc::clone(event));
        ControlFlow::Continue(())
    });
    assert!(whole.unwrap());
    all.sort_by_key(|event| event.id);
    all
}

fn hold(from: i64, to: i64, matching: &str) -> NewHold {
    NewHold {
        from: Timestamp::from_seconds(from),
        to: Timestamp::from_seconds(to),
        matching: matching.to_owned(),
        reason: "a case".to_owned(),
        at: Timestamp::from_seconds(MIDNIGHT),
        by: "ada".to_owned(),
    }
}

fn job(kind: JobKind, matching: &str) -> NewJob {
    NewJob {
        kind,
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        matching: matching.to_owned(),
        reason: "asked for".to_owned(),
        at: Timestamp::from_seconds(MIDNIGHT),
        by: "ada".to_owned(),
    }
}

fn copy(from: &Path, to: &Path) {
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

/// Appends and flushes batches, each of which becomes segments of its own.
fn fill(world: &World, store: &Store, batches: u64) -> Vec<Arc<Event>> {
    let mut all = Vec::new();
    for number in 0..batches {
        let batch = world.events(number * 30..number * 30 + 30);
        store.append(&batch, &[]).unwrap();
        store.flush().unwrap();
        all.extend(batch);
    }
    all
}

#[test]
fn small_segments_become_one_a_day() {
    let world = World::new(KeepConfig::default());
    let store = world.open();
    let all = fill(&world, &store, 20);
    let before = store.stats();
    assert_eq!(before.segments, 40, "two days each");
    store.keep().unwrap();
    let after = store.stats();
    assert_eq!((after.segments, after.merges, after.merged), (2, 2, 40));
    assert!(after.segment_bytes * 3 < before.segment_bytes, "{before:?} {after:?}");
    assert!(after.is_balanced());
    assert_eq!(json(&all_of(&store)), json(&all));
    assert_eq!(world.files().len(), 2, "the old files are deleted");
    store.keep().unwrap();
    assert_eq!(store.stats().merges, 2, "what is merged stays");
    drop(store);
    let store = world.open();
    assert_eq!(json(&all_of(&store)), json(&all));
    assert_eq!(store.stats().orphans, 0);
}

#[test]
fn merged_as_soon_as_asked_for() {
    let world = World::new(KeepConfig::default());
    let store = world.open();
    let all = fill(&world, &store, 3);
    store.keep().unwrap();
    assert_eq!(store.stats().merges, 0, "it waits for more");
    let catalog = world.catalog();
    let id = catalog.add_job(&job(JobKind::Compact, "")).unwrap();
    store.keep().unwrap();
    assert_eq!(store.stats().segments, 2);
    assert_eq!(catalog.job(id).unwrap().unwrap().state, JobState::Done);
    assert_eq!(json(&all_of(&store)), json(&all));
}

#[test]
fn whoever_reads_goes_on_reading() {
    let world = World::new(KeepConfig::default());
    let store = world.open();
    let all = fill(&world, &store, 20);
    let config = Kind::Sealed.config(world.config.clone());
    let beside = Store::open_reader(world.dir.path(), world.catalog(), config).unwrap();
    let mut seen = Vec::new();
    let scope = Scope::of(Predicate::default());
    let whole = store.scan(&scope, &mut |event| {
        if seen.is_empty() {
            store.keep().unwrap();
            assert_eq!(store.stats().segments, 2);
        }
        seen.push(Arc::clone(event));
        ControlFlow::Continue(())
    });
    assert!(whole.unwrap());
    seen.sort_by_key(|event| event.id);
    assert_eq!(json(&seen), json(&all));
    // Another process still reads: its files stay until it ends.
    store.keep().unwrap();
    assert_eq!(world.files().len(), 42);
    assert_eq!(json(&all_of(&beside)), json(&all));
    drop(beside);
    store.keep().unwrap();
    assert_eq!(world.files().len(), 2);
}

#[test]
fn stop_between_the_steps_of_a_merge() {
    let world = World::new(KeepConfig::default());
    let store = world.open();
    let all = fill(&world, &store, 20);
    drop(store);
    let before = tempfile::tempdir().unwrap();
    copy(world.dir.path(), before.path());
    let store = world.open();
    store.keep().unwrap();
    drop(store);
    let reopened = |dir: &Path| Kind::Sealed.open(dir, world.config.clone());

    // Written, not listed; and one that was being written.
    let unlisted = tempfile::tempdir().unwrap();
    copy(before.path(), unlisted.path());
    copy(&world.dir.path().join("segments"), &unlisted.path().join("segments"));
    let part = unlisted.path().join("segments/2026-11-21/m00000099.part");
    std::fs::write(&part, b"half of it").unwrap();
    let store = reopened(unlisted.path());
    assert_eq!(json(&all_of(&store)), json(&all));
    assert_eq!((store.stats().orphans, store.stats().segments), (0, 40));
    assert!(!part.exists() && !unlisted.path().join("quarantine").exists());
    store.keep().unwrap();
    assert_eq!(json(&all_of(&store)), json(&all));

    // Listed, and the old files not deleted yet.
    let undeleted = tempfile::tempdir().unwrap();
    copy(world.dir.path(), undeleted.path());
    copy(&before.path().join("segments"), &undeleted.path().join("segments"));
    let store = reopened(undeleted.path());
    assert_eq!(json(&all_of(&store)), json(&all));
    assert_eq!((store.stats().orphans, store.stats().segments), (0, 2));
    drop(store);

    // An older catalog was put back: files with events that are nowhere else are the only copy, and
    // are set aside.
    let older = World::new(KeepConfig::default());
    let store = older.open();
    fill(&older, &store, 1);
    drop(store);
    copy(&world.dir.path().join("segments"), &older.dir.path().join("segments"));
    let store = older.open();
    assert_eq!((store.stats().orphans, store.stats().missing), (2, 0));
}

#[test]
fn too_old_and_too_much() {
    let set = |matching: &str, days, gigabytes| KeepSet {
        matching: matching.to_owned(),
        days,
        gigabytes,
    };
    let world = World::new(KeepConfig {
        days: 30,
        sets: vec![set("host.name: web-1", 3, 0.0), set("host.name: db", 0, 0.0)],
        ..KeepConfig::default()
    });
    let store = world.open();
    let all = fill(&world, &store, 20);
    let of = |hosts: &[&str]| -> Vec<Arc<Event>> {
        let is_of = |event: &&Arc<Event>| {
            let host = event.text(model::Field::HostName).unwrap_or_default();
            hosts.contains(&host)
        };
        all.iter().filter(is_of).cloned().collect()
    };
    store.keep().unwrap();
    world.pass(2 * DAY);
    store.keep().unwrap();
    assert_eq!(json(&all_of(&store)), json(&all), "nothing is due");
    world.pass(2 * DAY);
    store.keep().unwrap();
    assert_eq!(json(&all_of(&store)), json(&of(&["web-2", "db"])));
    world.pass(30 * DAY);
    store.keep().unwrap();
    assert_eq!(json(&all_of(&store)), json(&of(&["db"])));
    world.pass(10_000 * DAY);
    store.keep().unwrap();
    assert_eq!(json(&all_of(&store)), json(&of(&["db"])));
    let stats = store.stats();
    assert!(stats.is_balanced() && stats.retired > 0, "{stats:?}");
    let sets = store.keep_status().unwrap().sets;
    assert_eq!(sets.len(), 3);
    assert_eq!(sets[1].events, of(&["db"]).len() as u64);
    assert_eq!(sets[2].days, Some(30));
}

#[test]
fn too_much_in_all() {
    let mut world = World::new(KeepConfig::default());
    let store = world.open();
    let mut days = Vec::new();
    for day in 0..6_u64 {
        let batch = world.events(day * 500..day * 500 + 500);
        store.append(&batch, &[]).unwrap();
        store.flush().unwrap();
        days.push(batch);
        world.pass(DAY);
    }
    store.keep().unwrap();
    let bytes = store.keep_status().unwrap().bytes;
    drop(store);
    world.config.keep.gigabytes = f64::from(u32::try_from(bytes / 2).unwrap()) / 1e9;
    let store = world.open();
    store.keep().unwrap();
    let left = all_of(&store);
    assert!(store.keep_status().unwrap().bytes <= bytes / 2);
    assert!(left.len() >= 1000, "{}", left.len());
    let newest: Vec<Arc<Event>> = days.concat().split_off(3000 - left.len());
    // Segments of two days meet at midnight, so the edge is not exactly between two days.
    let ids = |events: &[Arc<Event>]| -> BTreeSet<u64> {
        events.iter().map(|event| event.id.0).collect()
    };
    let common = ids(&left).intersection(&ids(&newest)).count();
    assert!(common * 10 >= left.len() * 8, "{common} of {}", left.len());
}

#[test]
fn what_is_held_stays() {
    let world = World::new(KeepConfig { days: 3, ..KeepConfig::default() });
    let store = world.open();
    let all = fill(&world, &store, 20);
    let catalog = world.catalog();
    let (from, to) = (MIDNIGHT - 600, MIDNIGHT + 600);
    let id = catalog.hold(&hold(from, to, "host.name: web-1")).unwrap();
    world.pass(20 * DAY);
    store.keep().unwrap();
    let is_held = |event: &&Arc<Event>| {
        (from..to).contains(&event.time.seconds())
            && event.text(model::Field::HostName) == Some("web-1")
    };
    let held: Vec<Arc<Event>> = all.iter().filter(is_held).cloned().collect();
    assert!(!held.is_empty());
    assert_eq!(json(&all_of(&store)), json(&held));
    let purge = catalog.add_job(&job(JobKind::Purge, "")).unwrap();
    world.free.store(0, Ordering::Relaxed);
    store.keep().unwrap();
    assert_eq!(json(&all_of(&store)), json(&held), "neither purge nor a full disk");
    let purge = catalog.job(purge).unwrap().unwrap();
    assert_eq!((purge.state, purge.events), (JobState::Done, 0));
    assert!(purge.detail.starts_with(&held.len().to_string()), "{}", purge.detail);
    catalog.release(id, Timestamp::from_seconds(world.now()), "ada").unwrap();
    world.pass(DAY);
    store.keep().unwrap();
    assert!(all_of(&store).is_empty());
    assert!(store.stats().is_balanced());
}

#[test]
fn purged_from_segments_memory_and_log() {
    let world = World::new(KeepConfig::default());
    let store = world.open();
    let mut all = fill(&world, &store, 5);
    let more = world.events(150..180);
    store.append(&more, &[]).unwrap();
    all.extend(more);
    let predicate = Predicate::parse("user.name: bob").unwrap();
    let left: Vec<Arc<Event>> =
        all.iter().filter(|event| !predicate.matches(event)).cloned().collect();
    let purging =
        Purging { matching: "user.name: bob".to_owned(), from: Timestamp::MIN, to: Timestamp::MAX };
    let counted = store.purge_count(&purging).unwrap();
    assert_eq!(counted.events, (all.len() - left.len()) as u64);
    let catalog = world.catalog();
    let id = catalog.add_job(&job(JobKind::Purge, "user.name: bob")).unwrap();
    store.keep().unwrap();
    assert_eq!(json(&all_of(&store)), json(&left));
    let done = catalog.job(id).unwrap().unwrap();
    assert_eq!((done.state, done.events), (JobState::Done, counted.events));
    assert_eq!(store.stats().purged, counted.events);
    assert!(catalog.gone_files().unwrap().is_empty());
    let told = &catalog.audited(1).unwrap()[0];
    assert_eq!((told.action.as_str(), told.by.as_str()), ("purge", "ada"));
    assert!(!told.detail.contains("bob"), "{}", told.detail);
    drop(store);
    let store = world.open();
    assert_eq!(json(&all_of(&store)), json(&left));
    assert_eq!(store.stats().replayed, 0);
}

#[test]
fn disk_that_fills_up() {
    let mut world = World::new(KeepConfig { free_gb: Some(0.000_05), ..KeepConfig::default() });
    world.config.generation_events_max = 100;
    let store = world.open();
    let mut days = Vec::new();
    for day in 0..4_u64 {
        let batch = world.events(day * 500..day * 500 + 500);
        store.append(&batch, &[]).unwrap();
        store.flush().unwrap();
        days.push(batch);
        world.pass(2 * DAY);
    }
    store.keep().unwrap();
    let before = store.stats();
    assert!(!before.disk_is_full && before.disk_reserve == 50_000);
    // A little less than the reserve: the oldest segment makes room.
    world.free.store(49_999, Ordering::Relaxed);
    store.keep().unwrap();
    let stats = store.stats();
    assert!(stats.given_up > 0 && stats.is_balanced(), "{stats:?}");
    let left = all_of(&store);
    assert!(left.len() > 1000, "{}", left.len());
    let first = left.iter().map(|event| event.ingested).min().unwrap();
    assert!(stats.given_up < 500 || first > days[0][0].ingested, "the oldest went");
    // Much less, and the newest is held: all else goes, and then nothing is taken in.
    let from = days[3][0].time.seconds() - 7200;
    let id = world.catalog().hold(&hold(from, from + 3 * DAY, "")).unwrap();
    world.free.store(1_000, Ordering::Relaxed);
    // What was deleted may be room enough: looked at again, it was not.
    for _ in 0..10 {
        store.keep().unwrap();
    }
    assert_eq!(json(&all_of(&store)), json(&days[3]));
    let refused = store.append(&world.events(2000..2010), &[]).unwrap_err();
    assert!(matches!(refused, StoreError::DiskFull { .. }), "{refused}");
    assert!(refused.to_string().contains("No space left"), "{refused}");
    let stats = store.stats();
    assert!(stats.disk_is_full && stats.refused_full == 10 && stats.is_balanced(), "{stats:?}");
    // Room again, by itself.
    world.free.store(2_000_000_000, Ordering::Relaxed);
    store.keep().unwrap();
    store.append(&world.events(2000..2010), &[]).unwrap();
    world.catalog().release(id, Timestamp::from_seconds(world.now()), "ada").unwrap();
    assert_eq!(all_of(&store).len(), 510);
    assert!(store.stats().is_balanced());
}

#[test]
fn what_just_came_in_is_not_given_up() {
    let world = World::new(KeepConfig { free_gb: Some(1.0), ..KeepConfig::default() });
    let store = world.open();
    let all = fill(&world, &store, 2);
    world.free.store(0, Ordering::Relaxed);
    store.keep().unwrap();
    assert_eq!(json(&all_of(&store)), json(&all));
    assert!(store.stats().disk_is_full);
}

/// A small file system of its own; `None` where this user may not make one.
struct Small(PathBuf);

impl Small {
    fn at(path: &Path, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(path);
        let done = mount.stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn real_disk_that_never_fills_up() {
    let world = World::new(KeepConfig { free_gb: Some(0.004), ..KeepConfig::default() });
    let Some(small) = Small::at(world.dir.path(), "10m") else {
        println!("skipped: no right to mount a small file system");
        return;
    };
    // Less is left for the store, so that it is soon full.
    std::fs::write(small.0.join("filler"), vec![0; 2_500_000]).unwrap();
    let clock = Arc::clone(&world.config.surroundings.clock);
    let surroundings = Surroundings { clock, ..Surroundings::default() };
    let config = Config { surroundings, ..world.config.clone() };
    let store = Kind::Sealed.open(world.dir.path(), config);
    let mut appended = 0;
    while store.stats().given_up < 4_000 {
        let batch = world.events(appended..appended + 2000);
        store.append(&batch, &[]).unwrap();
        store.flush().unwrap();
        appended += 2000;
        world.pass(DAY);
        store.keep().unwrap();
        assert!(appended < 400_000, "the disk never filled up: {:?}", store.stats());
    }
    let stats = store.stats();
    assert!(stats.rejected == 0 && stats.is_balanced(), "{stats:?}");
    let left = all_of(&store);
    assert_eq!(left.len() as u64, appended - stats.given_up);
    assert_eq!(left.last().unwrap().id.0, appended - 1);
    drop(store);
    drop(small);
}
