//! Real Windows event files and the public rule that each must fire, where they lie beside the
//! project: all of them, as often as the set says, with every public rule loaded at once.

#![expect(clippy::unwrap_used, reason = "the whole file is a test")]
#![expect(clippy::print_stdout, reason = "the whole file is a test that tells its figures")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use detect::{Engine, Memory};
use model::{Clock, Event, EventId, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};
use sigma::{RuleFile, RuleSet};
use source::{Import, ImportConfig};

/// Where the set's count is not ours: the rule, how often it fires, and why that is right. Nothing
/// fails to fire; a row that no longer holds must go.
const OTHER_COUNTS: &[(&str, usize, &str)] = &[
    (
        "0b9ad457-2554-44c1-82c2-d56a99c42377",
        3,
        "the set says 1; records 14985, 14988 and 14990 each write a file whose path holds
        `\\AppData\\Roaming\\AnyDesk\\user.conf`, which is all that the rule asks",
    ),
    (
        "45e112d0-7759-4c2a-aa36-9f8fb79d3393",
        3,
        "the set says 1; all three records set a value below `ZoneMap\\Domains` to 2, which the
        rule's filter does not let off",
    ),
    (
        "8fbf3271-1ef6-4e94-8210-03c2317947f6",
        3,
        "the set says 1; three of the six records are of the rule's file names, and the others of
        their streams",
    ),
    (
        "c7dcacd0-cc59-4004-b0a4-1d6cdebe6f3e",
        2,
        "the set says 1; one record sets `AutoShareServer` and one `AutoShareWks`, both to 0",
    ),
];

/// How many cases there are.
const CASES: usize = 203;

/// One file and what must come of it.
struct Case {
    file: PathBuf,
    rule: String,
    /// How often, where the set says so.
    count: Option<usize>,
}

fn corpora() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    if !path.is_dir() {
        println!("skipped: no public corpora at {}", path.display());
        return None;
    }
    Some(path)
}

fn each_file(folder: &Path, each: &mut impl FnMut(PathBuf)) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { each_file(&path, each) } else { each(path) }
    }
}

/// Reads `info.yml`: the id of the rule, and how often it matches.
fn case(info: &Path) -> Case {
    let text = fs::read_to_string(info).unwrap();
    let value = |name: &str| {
        let line = text.lines().map(|line| line.trim_start_matches([' ', '#', '-']));
        line.filter_map(|line| line.strip_prefix(name))
            .next_back()
            .map(|value| value.trim().to_owned())
    };
    let named = value("path:").unwrap();
    let file = Path::new(&named).file_name().unwrap();
    Case {
        file: info.with_file_name(file),
        rule: value("id:").unwrap(),
        count: value("match_count:").map(|count| count.parse().unwrap()),
    }
}

fn events(path: &Path, parser: &Parser) -> Vec<Event> {
    let mut events: Vec<Event> = if path.extension().is_some_and(|ending| ending == "evtx") {
        let mut import = Import::new(&[path.to_owned()], ImportConfig::default()).unwrap();
        let events = import.by_ref().flatten().map(|record| parser.parse(record)).collect();
        assert!(import.faults().is_empty(), "{}: {:?}", path.display(), import.faults());
        events
    } else {
        let now = Timestamp::from_seconds(1_795_262_400);
        let origin = Arc::new(Origin { clock: Clock::File(now), ..Origin::default() });
        let text = fs::read_to_string(path).unwrap();
        let record = |line| Record {
            text: Text::from(line),
            received_at: now,
            origin: Arc::clone(&origin),
            truncated_bytes: 0,
            escaped_bytes: 0,
        };
        text.lines().map(|line| parser.parse(record(line))).collect()
    };
    for (id, event) in (1..).zip(&mut events) {
        event.id = EventId(id);
    }
    events
}

#[test]
fn the_named_rule_fires_on_its_file() {
    let Some(corpora) = corpora() else { return };
    let mut files = Vec::new();
    each_file(&corpora.join("sigma"), &mut |path| {
        if path.extension().is_some_and(|ending| ending == "yml") {
            let text = fs::read_to_string(&path).unwrap();
            files.push(RuleFile { path: path.display().to_string(), text });
        }
    });
    let engine = Engine::new(RuleSet::load(&files).0);
    let mut cases = Vec::new();
    each_file(&corpora.join("evtx/sigma-regression"), &mut |path| {
        if path.file_name().is_some_and(|name| name == "info.yml") {
            cases.push(case(&path));
        }
    });
    assert_eq!(cases.len(), CASES);

    let parser = Parser::new(ParserConfig::default());
    let next = AtomicUsize::new(0);
    let wrong: Mutex<BTreeMap<String, String>> = Mutex::default();
    let total = AtomicUsize::new(0);
    let work = || {
        let mut memory = Memory::default();
        let mut found = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let events = events(&case.file, &parser);
            total.fetch_add(events.len(), Ordering::Relaxed);
            found.clear();
            for event in &events {
                engine.observe(event, &mut memory, &mut found);
            }
            let fired = found.iter().filter(|detection| detection.rule.id == case.rule).count();
            let other = OTHER_COUNTS.iter().find(|row| row.0 == case.rule && !row.2.is_empty());
            if other.map(|row| row.1).or(case.count).map_or(fired == 0, |count| fired != count) {
                let others: BTreeSet<&str> =
                    found.iter().map(|detection| detection.rule.title.as_str()).collect();
                let told = format!(
                    "{} fired {fired} times instead of {:?}, in {} events; {others:?}",
                    case.file.display(),
                    case.count,
                    events.len(),
                );
                wrong.lock().unwrap().insert(case.rule.clone(), told);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(work);
        }
    });
    println!("{CASES} files, {} events", total.load(Ordering::Relaxed));
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
