//! Kills, torn writes, power cuts, full disks and failing syncs at seeded points.
//!
//! A process appends to a store and tells what was acknowledged; `power.c` stands between it and the
//! disk and ends it at the planned call. Then a copy of the folder is opened: every acknowledged batch
//! is there once and whole, of the others all or nothing, checkpoints fit the events, the ledger is
//! balanced, nothing good was set aside, and the chain of digests fits the segments. Meanwhile segments are
//! merged, some batches are purged and some are too old ([`going`]). Some stops in a row fall on one folder, so that stops during
//! the repair of a stop are among them.
//!
//! `CRASH_POINTS=1000 CRASH_SEED=7` widens the search (`make crash`); `CRASH_CHAIN=12` plays one folder
//! again. The plan is the same in each run; which thread comes first is the system's choice.

mod going;

use std::collections::{BTreeMap, BTreeSet};
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

use self::going::{Fate, Left};
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
    going::aging(kind.config(Config {
        generation_events_max: 60,
        room_wait_max: Duration::from_millis(20),
        retry_after: Duration::from_millis(2),
        ..Config::default()
    }))
}

fn batch(first: u64, count: u64, round: u64) -> Vec<Arc<Event>> {
    going::marked(first, events(first..first + count, first * 1009 + round * 7 + count))
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
        .and_then(|catalog| Ok((Store::open(dir, catalog.clone(), tiny(kind))?, catalog)));
    let (store, catalog) = match opened {
        Ok(opened) => opened,
        Err(error) => return println!("\nrefused {error}"),
    };
    println!("\nopened");
    let next = AtomicU64::new(store.next_id());
    std::thread::scope(|scope| {
        for thread in 0..setting("CRASH_THREADS").unwrap() {
            let (store, catalog, next) = (&store, &catalog, &next);
            scope.spawn(move || append(store, catalog, next, round, thread));
        }
    });
    println!("\ndone");
    // Under a full disk the log keeps what could not be flushed.
    let _ = store.close();
}

fn append(store: &Store, catalog: &Catalog, next: &AtomicU64, round: u64, thread: u64) {
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
            // Segments are merged, the old ones deleted, and what is aged goes.
            let _ = store.keep();
        }
        if numbers.below(20) == 0 {
            going::purge(store, catalog, &format!("{round}.{first}"));
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
    /// Whether it was acknowledged, or there when a store was opened.
    is_known: bool,
    json: Vec<String>,
    left: Left,
}

/// One folder, and what is known of it.
struct Chain {
    place: String,
    kind: Kind,
    dir: tempfile::TempDir,
    /// Which files' syncs do nothing.
    lax: &'static str,
    attempts: BTreeMap<u64, Vec<Attempt>>,
    /// Whether doomed batches may be gone.
    purge_asked: bool,
    /// By each purge that was asked for, which batches it must delete.
    purges: BTreeMap<String, Vec<(u64, u64)>>,
}

impl Drop for Chain {
    fn drop(&mut self) {
        if std::thread::panicking() && self.lax.is_empty() {
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
    /// Batches that are gone by a purge, and by age.
    purged: u64,
    aged: u64,
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
            .env("POWER_LAX", self.lax)
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
        (tally.purged, tally.aged) = self.gone();
    }

    fn learn(&mut self, lines: &[String]) {
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |place: usize| words[place].parse::<u64>().unwrap();
            match words[0] {
                // What was there when a store was opened is durable from then on.
                "opened" => {
                    for (first, attempts) in &mut self.attempts {
                        for attempt in attempts {
                            attempt.is_known = !attempt.json.is_empty();
                            attempt.must_be_there =
                                attempt.is_known && may_go(*first, self.purge_asked).is_none();
                        }
                    }
                }
                "try" if words.len() == 5 => {
                    let attempt = Attempt {
                        count: number(2),
                        round: number(3),
                        thread: number(4),
                        must_be_there: false,
                        is_known: false,
                        json: Vec::new(),
                        left: Left::default(),
                    };
                    self.attempts.entry(number(1)).or_default().push(attempt);
                }
                "kept" if words.len() == 3 => {
                    let all = self.attempts.get_mut(&number(1)).unwrap();
                    let one = all.iter_mut().find(|attempt| attempt.round == number(2));
                    let one = one.unwrap();
                    one.is_known = true;
                    one.must_be_there = may_go(number(1), self.purge_asked).is_none();
                    one.left.begin();
                }
                "purging" if words.len() == 2 => {
                    self.purge_asked = true;
                    let mut condemned = Vec::new();
                    for (first, attempts) in &mut self.attempts {
                        if Fate::of(*first) != Fate::Doomed {
                            continue;
                        }
                        for attempt in attempts {
                            attempt.must_be_there = false;
                            if attempt.is_known {
                                condemned.push((*first, attempt.round));
                            }
                        }
                    }
                    self.purges.insert(words[1].to_owned(), condemned);
                }
                "purged" if words.len() == 2 => {
                    for (first, round) in self.purges.remove(words[1]).unwrap_or_default() {
                        let all = self.attempts.get_mut(&first).unwrap();
                        let one = all.iter_mut().find(|attempt| attempt.round == round);
                        one.unwrap().left.must_be_gone = true;
                    }
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
        // Nothing goes while it is looked at.
        let room_wait_max = Duration::from_mins(2);
        let patient = Config { room_wait_max, keep_every: None, ..tiny(self.kind) };
        let unchanged = store::verify(copied.path(), &catalog, &patient, &[], &mut |_| {}).unwrap();
        assert!(unchanged.faults.is_empty(), "{place}: {:?}", unchanged.faults);
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
            let quiet = Config { keep_every: None, ..tiny(self.kind) };
            let store = self.kind.open(copied.path(), quiet);
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
            let id = all[at].id.0;
            let begun = self.attempts.range_mut(..=id).next_back();
            let (first, attempts) = begun.unwrap_or_else(|| panic!("{place}: event {id} is new"));
            let partly = may_go(*first, self.purge_asked).is_some();
            let there = attempts.iter_mut().find_map(|attempt| {
                let expected = json(&batch(*first, attempt.count, attempt.round));
                let rest = &found[at..];
                let there: Vec<String> = if partly {
                    let of_batch = |(line, event): &(&String, &Arc<Event>)| {
                        event.id.0 < *first + attempt.count && expected.contains(line)
                    };
                    let lines = rest.iter().zip(&all[at..]).take_while(of_batch);
                    lines.map(|(line, _)| line.clone()).collect()
                } else {
                    rest.get(..expected.len()).filter(|there| *there == expected)?.to_vec()
                };
                (!there.is_empty()).then_some((attempt, there))
            });
            let Some((attempt, there)) = there else {
                panic!("{place}: event {id} is there twice, or not with its batch");
            };
            assert!(store.has_batch(&key(*first, attempt.round)), "{place}: {first} is not known");
            at += there.len();
            attempt.json = there;
            positions.insert(attempt.thread, *first);
        }
        self.look_at_those_that_go(place, &all);
        for (first, attempts) in &self.attempts {
            for attempt in attempts {
                let is_lost = attempt.must_be_there && attempt.json.is_empty();
                assert!(!is_lost, "{place}: {first} was acknowledged and is lost: {attempt:?}");
            }
        }
        self.compare_checkpoints(place, store, &positions);
        found
    }

    /// Compares how far each thread is said to have come with the last of its batches that is there; where
    /// later ones may have gone since, it may be one of them.
    fn compare_checkpoints(&self, place: &str, store: &Store, positions: &BTreeMap<u64, u64>) {
        let told = store.checkpoints().into_iter().map(|one| (one.key, one.position));
        let told: BTreeMap<String, String> = told.collect();
        let threads = self.attempts.values().flatten().map(|attempt| attempt.thread);
        for thread in threads.collect::<BTreeSet<_>>() {
            let last = positions.get(&thread).copied();
            let said = told.get(&format!("thread {thread}")).map(|text| text.parse().unwrap());
            let went = |first: &u64| {
                let of_it = self.attempts.get(first).into_iter().flatten();
                may_go(*first, self.purge_asked).is_some()
                    && Some(*first) > last
                    && of_it.into_iter().any(|attempt| attempt.thread == thread)
            };
            let fits = said == last || said.as_ref().is_some_and(went);
            assert!(fits, "{place}: thread {thread} is said to be at {said:?}, and is at {last:?}");
        }
    }

    /// Looks whether what is gone stays so.
    fn look_at_those_that_go(&mut self, place: &str, all: &[Arc<Event>]) {
        let ids: BTreeSet<u64> = all.iter().map(|event| event.id.0).collect();
        for (first, attempts) in &mut self.attempts {
            if Fate::of(*first) == Fate::Stays {
                continue;
            }
            for attempt in attempts.iter_mut().filter(|attempt| attempt.is_known) {
                let is_it = !attempt.json.is_empty();
                let there = ids.range(*first..*first + attempt.count).copied();
                attempt.left.look(there.filter(|_| is_it).collect(), place);
            }
        }
    }

    /// Counts the batches that a purge told of, and that are gone by age.
    fn gone(&self) -> (u64, u64) {
        let all =
            || self.attempts.iter().flat_map(|(first, all)| all.iter().map(|one| (*first, one)));
        let purged = all().filter(|(_, one)| one.left.must_be_gone).count();
        let aged = all().filter(|(first, one)| {
            Fate::of(*first) == Fate::Aged && one.is_known && one.json.is_empty()
        });
        (purged as u64, aged.count() as u64)
    }
}

/// Gives by what the events of a batch may have gone.
fn may_go(first: u64, purge_asked: bool) -> Option<Fate> {
    match Fate::of(first) {
        Fate::Stays => None,
        Fate::Doomed => purge_asked.then_some(Fate::Doomed),
        Fate::Aged => Some(Fate::Aged),
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
                    let tally = run_chain(&shim, seed, chain, "");
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
         open the store; {} events kept, none lost, none twice; {} batches purged and {} too old, none back",
        all.len(),
        sum(|tally| tally.stopped),
        sum(|tally| tally.done),
        sum(|tally| tally.refused),
        sum(|tally| tally.kept),
        sum(|tally| tally.purged),
        sum(|tally| tally.aged),
    );
    let went = sum(|tally| tally.purged) > 0 && sum(|tally| tally.aged) > 0;
    assert!(only.is_some() || went, "nothing was purged, or nothing too old");
    assert!(only.is_some() || sum(|tally| tally.stopped) * 2 > points, "the points are not met");
}

/// The harness itself is tested: a store whose syncs do nothing loses events, and that shows.
#[test]
fn a_sync_that_does_nothing_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let shim = build_shim(folder.path());
    for lax in [".wal", ".part", "catalog.db-wal"] {
        let is_found = (0..6)
            .any(|chain| std::panic::catch_unwind(|| run_chain(&shim, 1, chain, lax)).is_err());
        assert!(is_found, "nobody noticed that {lax} was never synced");
    }
}

fn run_chain(shim: &Path, seed: u64, chain: u64, lax: &'static str) -> Tally {
    let mut numbers = Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (chain + 1) << 17 | 1);
    for _ in 0..8 {
        numbers.below(2);
    }
    let kind = *numbers.one_of(&KINDS);
    let dir = tempfile::tempdir().unwrap();
    let place = format!("CRASH_SEED={seed} CRASH_CHAIN={chain}");
    let (attempts, purges) = (BTreeMap::new(), BTreeMap::new());
    let mut chain = Chain { place, kind, dir, lax, attempts, purge_asked: false, purges };
    let mut tally = Tally::default();
    for round in 1..=CHAIN {
        chain.step(shim, round, &mut numbers, &mut tally);
    }
    tally
}
