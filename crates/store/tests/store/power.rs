//! Kills, torn writes, power cuts, full disks and failing syncs at seeded points.
//!
//! A process appends to a store and tells what was acknowledged; `power.c` stands between it and the
//! disk and ends it at the planned call. Then a copy of the folder is opened: every acknowledged batch
//! is there once and whole, of the others all or nothing, checkpoints fit the events, the ledger is
//! balanced, nothing good was set aside. Some stops in a row fall on one folder, so that stops during
//! the repair of a stop are among them.
//!
//! `CRASH_POINTS=1000 CRASH_SEED=7` widens the search (`make crash`); `CRASH_CHAIN=12` plays one folder
//! again. The plan is the same in each run; which thread comes first is the system's choice.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use catalog::Catalog;
use model::{BATCH_KEY, Checkpoint, Event};
use store::{Config, Store, StoreError};

use crate::crash::{all_of, copy};
use crate::samples::{Kind, Numbers, events, json};

const KINDS: [Kind; 2] = [Kind::Sealed, Kind::Plain];
/// Stops in a row on one folder.
const CHAIN: u64 = 6;
/// Batches of one process, after which it ends by itself.
const BATCHES: u64 = 90;
const TRIES_MAX: usize = 12;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn tiny(kind: Kind) -> Config {
    kind.config(Config {
        generation_events_max: 60,
        room_wait_max: Duration::from_millis(20),
        retry_after: Duration::from_millis(2),
        ..Config::default()
    })
}

fn batch(first: u64, count: u64, round: u64) -> Vec<Arc<Event>> {
    events(first..first + count, first * 1009 + round * 7 + count)
}

/// Not a test of its own: the process that is stopped.
#[test]
#[ignore = "run by stopped_at_any_point"]
fn appends_until_stopped() {
    let (Some(folder), Some(round)) = (std::env::var_os("POWER_ROOT"), setting("CRASH_ROUND"))
    else {
        return;
    };
    let kind = KINDS[usize::try_from(setting("CRASH_KIND").unwrap()).unwrap()];
    let dir = Path::new(&folder);
    let opened = Catalog::open(&dir.join("catalog.db"))
        .map_err(StoreError::from)
        .and_then(|catalog| Store::open(dir, catalog, tiny(kind)));
    let store = match opened {
        Ok(store) => store,
        Err(error) => return println!("\nrefused {error}"),
    };
    println!("\nopened");
    let next = AtomicU64::new(store.next_id());
    std::thread::scope(|scope| {
        for thread in 0..setting("CRASH_THREADS").unwrap() {
            let (store, next) = (&store, &next);
            scope.spawn(move || append(store, next, round, thread));
        }
    });
    println!("\ndone");
    // Under a full disk the log keeps what could not be flushed.
    let _ = store.close();
}

fn append(store: &Store, next: &AtomicU64, round: u64, thread: u64) {
    let mut numbers = Numbers(round * 31 + thread + 1);
    for _ in 0..BATCHES / setting("CRASH_THREADS").unwrap() {
        let count = 1 + numbers.below(11);
        let first = next.fetch_add(count, Ordering::Relaxed);
        let checkpoints = [
            Checkpoint { key: format!("thread {thread}"), position: first.to_string() },
            Checkpoint { key: key(first, round), position: "1".to_owned() },
        ];
        println!("\ntry {first} {count} {round} {thread}");
        for _ in 0..TRIES_MAX {
            let outcome = store.append(&batch(first, count, round), &checkpoints);
            assert!(store.stats().is_balanced(), "{:?}", store.stats());
            match outcome {
                Ok(()) => {
                    println!("\nkept {first} {round}");
                    break;
                }
                Err(StoreError::Io { .. } | StoreError::Busy { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        if numbers.below(30) == 0 {
            let _ = store.flush();
        }
        if numbers.below(15) == 0 {
            // Segments are merged, the old ones deleted.
            let _ = store.keep();
        }
    }
}

fn key(first: u64, round: u64) -> String {
    format!("{BATCH_KEY}{first}.{round}")
}

/// A batch that a process meant to append.
#[derive(Debug)]
struct Attempt {
    count: u64,
    round: u64,
    thread: u64,
    must_be_there: bool,
    json: Vec<String>,
}

/// One folder, and what is known of it.
struct Chain {
    place: String,
    kind: Kind,
    dir: tempfile::TempDir,
    attempts: BTreeMap<u64, Vec<Attempt>>,
}

impl Drop for Chain {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.dir.disable_cleanup(true);
            eprintln!("{}: the folder is kept in {}", self.place, self.dir.path().display());
        }
    }
}

/// How the processes came to their end.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    stopped: u64,
    done: u64,
    refused: u64,
    kept: u64,
}

impl Chain {
    fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("data")
    }

    /// Runs one process to its end, and looks at what it leaves.
    fn step(&mut self, shim: &Path, round: u64, numbers: &mut Numbers, tally: &mut Tally) {
        let plan = plan(numbers);
        let away = self.dir.path().canonicalize().unwrap().join("away");
        std::fs::create_dir_all(self.root()).unwrap();
        std::fs::create_dir_all(&away).unwrap();
        let kind = KINDS.iter().position(|kind| *kind == self.kind).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["power::appends_until_stopped", "--exact", "--ignored", "--nocapture"])
            .env("LD_PRELOAD", shim)
            .env("POWER_ROOT", self.root())
            .env("POWER_AWAY", &away)
            .env("POWER_PLAN", &plan)
            .env("POWER_SEED", (numbers.below(1 << 40) + 1).to_string())
            .env("CRASH_ROUND", round.to_string())
            .env("CRASH_KIND", kind.to_string())
            .env("CRASH_THREADS", (1 + numbers.below(3)).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines: Vec<String> = lines.map_while(Result::ok).collect();
        let mut told = String::new();
        let mut errors = child.stderr.take().unwrap();
        errors.read_to_string(&mut told).unwrap();
        let status = child.wait().unwrap();
        let place = format!("{}, round {round}, {plan}", self.place);
        assert!(status.signal() == Some(9) || status.success(), "{place}: {status}\n{told}");
        if status.signal().is_some() {
            tally.stopped += 1;
        } else if lines.iter().any(|line| line == "done") {
            tally.done += 1;
        } else {
            tally.refused += 1;
        }
        self.learn(&lines);
        tally.kept = self.verify(&place, numbers.below(4) == 0);
    }

    fn learn(&mut self, lines: &[String]) {
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |place: usize| words[place].parse::<u64>().unwrap();
            match words[0] {
                // What was there when a store was opened is durable from then on.
                "opened" => {
                    for attempt in self.attempts.values_mut().flatten() {
                        attempt.must_be_there = !attempt.json.is_empty();
                    }
                }
                "try" if words.len() == 5 => {
                    let attempt = Attempt {
                        count: number(2),
                        round: number(3),
                        thread: number(4),
                        must_be_there: false,
                        json: Vec::new(),
                    };
                    self.attempts.entry(number(1)).or_default().push(attempt);
                }
                "kept" if words.len() == 3 => {
                    let all = self.attempts.get_mut(&number(1)).unwrap();
                    let one = all.iter_mut().find(|attempt| attempt.round == number(2));
                    one.unwrap().must_be_there = true;
                }
                _ => {}
            }
        }
    }

    /// Opens a copy of the folder and compares; gives how many events there are.
    fn verify(&mut self, place: &str, goes_on: bool) -> u64 {
        let copied = tempfile::tempdir().unwrap();
        copy(&self.root(), copied.path());
        let catalog = Catalog::open(&copied.path().join("catalog.db")).unwrap();
        let patient = Config { room_wait_max: Duration::from_mins(2), ..tiny(self.kind) };
        let store = Store::open(copied.path(), catalog, patient)
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        let stats = store.stats();
        assert!(stats.is_balanced(), "{place}: {stats:?}");
        assert_eq!((stats.quarantined, stats.missing), (0, 0), "{place}");
        let found = self.compare(place, &store);
        if goes_on {
            let next = store.next_id();
            let more = events(next..next + 70, 5);
            store.append(&more, &[]).unwrap();
            store.close().unwrap_or_else(|error| panic!("{place}: {error}"));
            let store = self.kind.open(copied.path(), tiny(self.kind));
            let all = json(&all_of(&store));
            assert!(all.iter().eq(found.iter().chain(&json(&more))), "{place}: after a flush");
            assert_eq!(store.stats().replayed, 0);
        }
        found.len() as u64
    }

    fn compare(&mut self, place: &str, store: &Store) -> Vec<String> {
        let all = all_of(store);
        let found = json(&all);
        for attempt in self.attempts.values_mut().flatten() {
            attempt.json.clear();
        }
        let mut positions = BTreeMap::new();
        let mut at = 0;
        while at < all.len() {
            let first = all[at].id.0;
            let begun = self.attempts.get_mut(&first);
            let whole = begun.into_iter().flatten().find_map(|attempt| {
                let expected = json(&batch(first, attempt.count, attempt.round));
                let there = found.get(at..at + expected.len())?;
                (there == expected.as_slice()).then_some((attempt, expected))
            });
            let Some((attempt, expected)) = whole else {
                panic!("{place}: event {first} is there twice, or not with its batch");
            };
            assert!(store.has_batch(&key(first, attempt.round)), "{place}: {first} is not known");
            at += expected.len();
            attempt.json = expected;
            positions.insert(format!("thread {}", attempt.thread), first.to_string());
        }
        for (first, attempts) in &self.attempts {
            for attempt in attempts {
                let is_lost = attempt.must_be_there && attempt.json.is_empty();
                assert!(!is_lost, "{place}: {first} was acknowledged and is lost: {attempt:?}");
            }
        }
        let told = store.checkpoints().into_iter().map(|one| (one.key, one.position));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), positions, "{place}");
        found
    }
}

/// What happens to the next process, and when.
fn plan(numbers: &mut Numbers) -> String {
    let at = match numbers.below(4) {
        // While the store is being opened, and repaired.
        0 => 1 + numbers.below(40),
        _ => 1 + numbers.below(600),
    };
    let stop = *numbers.one_of(&["kill", "torn", "cut", "cut"]);
    let length = 1 + numbers.below(30);
    let later = at + length + numbers.below(150);
    match numbers.below(10) {
        0 | 1 => format!("full@{at}+{length},{stop}@{later}"),
        2 => format!("eio@{at}+{length},{stop}@{later}"),
        _ => format!("{stop}@{at}"),
    }
}

fn build_shim(folder: &Path) -> PathBuf {
    let shim = folder.join("power.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/power.c");
    let built = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-Wall", "-o"])
        .args([&shim, &source])
        .args(["-ldl", "-lpthread"])
        .status();
    assert!(built.unwrap().success(), "power.c could not be compiled");
    shim
}

#[test]
fn stopped_at_any_point() {
    let folder = tempfile::tempdir().unwrap();
    let shim = build_shim(folder.path());
    let seed = setting("CRASH_SEED").unwrap_or(1);
    let points = setting("CRASH_POINTS").unwrap_or(36);
    let only = setting("CRASH_CHAIN");
    let chains = points.div_ceil(CHAIN);
    let next = AtomicU64::new(only.unwrap_or(0));
    let end = only.map_or(chains, |only| only + 1);
    let tallies: Mutex<Vec<Tally>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get().min(4) {
            scope.spawn(|| {
                loop {
                    let chain = next.fetch_add(1, Ordering::Relaxed);
                    if chain >= end {
                        return;
                    }
                    let tally = run_chain(&shim, seed, chain);
                    let mut all = tallies.lock().unwrap();
                    all.push(tally);
                    if points > 100 {
                        println!("{} of {chains} folders: {tally:?}", all.len());
                    }
                }
            });
        }
    });
    let all = tallies.into_inner().unwrap();
    let sum = |number: fn(&Tally) -> u64| all.iter().map(number).sum::<u64>();
    println!(
        "seed {seed}: {} folders; {} processes were stopped, {} ended by themselves, {} could not \
         open the store; {} events kept, none lost, none twice",
        all.len(),
        sum(|tally| tally.stopped),
        sum(|tally| tally.done),
        sum(|tally| tally.refused),
        sum(|tally| tally.kept),
    );
    assert!(only.is_some() || sum(|tally| tally.stopped) * 2 > points, "the points are not met");
}

fn run_chain(shim: &Path, seed: u64, chain: u64) -> Tally {
    let mut numbers = Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (chain + 1) << 17 | 1);
    for _ in 0..8 {
        numbers.below(2);
    }
    let kind = *numbers.one_of(&KINDS);
    let dir = tempfile::tempdir().unwrap();
    let place = format!("CRASH_SEED={seed} CRASH_CHAIN={chain}");
    let mut chain = Chain { place, kind, dir, attempts: BTreeMap::new() };
    let mut tally = Tally::default();
    for round in 1..=CHAIN {
        chain.step(shim, round, &mut numbers, &mut tally);
    }
    tally
}
