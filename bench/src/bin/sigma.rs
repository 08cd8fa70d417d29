//! Thousands of public rules over real Windows events: from a line of JSON to the rules it matches.
//!
//! Rates are per core: events by seconds of this thread's processor time, the median of several
//! rounds. Each lane runs in a process of its own, so that its memory is its own. With `--check`
//! every event is also put to every rule one by one, and the hits must be the same.

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bench::{allocations, timing};
use model::{Event, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};
use sigma::{RuleFile, RuleIndex, RuleKind, RuleSet, Scratch};

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const LANES: [&str; 2] = ["windows-mixed-20k", "windows-process-creation-11k"];
/// How often the rules are loaded; the median counts.
const LOADS: usize = 5;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(name) = arguments.iter().find_map(|word| word.strip_prefix("--lane=")) {
        return lane(name, arguments.iter().any(|word| word == "--check"));
    }
    if !corpora().is_dir() {
        println!("no public rules and events at {}: skipped", corpora().display());
        return Ok(());
    }
    load()?;
    println!(
        "\n| events | bytes each | parse, events/s | all, events/s | MB/s | parse µs | rules µs | allocations each, parse + rules | rules tried each | hits | rules fired |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for name in LANES {
        let status = Command::new(std::env::current_exe()?)
            .arg(format!("--lane={name}"))
            .args(&arguments)
            .status()?;
        anyhow::ensure!(status.success(), "the lane {name} failed");
    }
    Ok(())
}

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora")
}

fn core_rules() -> anyhow::Result<Vec<RuleFile>> {
    let mut files = Vec::new();
    read_folder(&corpora().join("sigma/rules"), &mut files)?;
    Ok(files)
}

fn read_folder(folder: &Path, files: &mut Vec<RuleFile>) -> anyhow::Result<()> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_folder(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "yml") {
            let text = fs::read_to_string(&path)?;
            files.push(RuleFile { path: path.display().to_string(), text });
        }
    }
    Ok(())
}

/// Tells what loading costs, and what the loaded rules weigh.
fn load() -> anyhow::Result<()> {
    let files = core_rules()?;
    let before = (allocations::counts().live_bytes, resident_bytes());
    let mut times = Vec::new();
    let mut loaded = None;
    for _ in 0..LOADS {
        drop(loaded.take());
        let started = timing::thread_time();
        loaded = Some(black_box(RuleSet::load(&files)));
        times.push(timing::thread_time().saturating_sub(started));
    }
    times.sort();
    let (rules, faults) = loaded.context("no load")?;
    drop(files);
    println!("| rules | set aside | load, CPU s | live MB of rules | resident MB, whole process |");
    println!("|---|---|---|---|---|");
    println!(
        "| {} | {} | {:.3} | {:.1} | {:.1} (before: {:.1}) |",
        rules.rules().len(),
        faults.len(),
        times.get(LOADS / 2).copied().unwrap_or_default().as_secs_f64(),
        (allocations::counts().live_bytes - before.0) as f64 / 1e6,
        resident_bytes() as f64 / 1e6,
        before.1 as f64 / 1e6,
    );
    Ok(())
}

fn lane(name: &str, check: bool) -> anyhow::Result<()> {
    let (rules, _) = RuleSet::load(&core_rules()?);
    let records = records(name)?;
    let parser = Parser::new(ParserConfig::default());
    let parse_time = timing::median(|| {
        let mut event = Event::default();
        for record in &records {
            event = parser.parse_again(record.clone(), event);
            black_box(&event);
        }
    });
    let mut scratch = Scratch::default();
    let mut found = Vec::new();
    let mut all = || {
        let (mut event, mut hits) = (Event::default(), 0);
        for record in &records {
            event = parser.parse_again(record.clone(), event);
            found.clear();
            rules.matches_with(&event, &mut scratch, &mut found);
            hits += found.len();
        }
        hits
    };
    let all_time = timing::median(&mut all);
    let allocated_parse = {
        let (mut event, before) = (Event::default(), allocations::counts().calls);
        for record in &records {
            event = parser.parse_again(record.clone(), event);
        }
        allocations::counts().calls - before
    };
    let allocated = allocations::counts().calls;
    let hits = all();
    let allocated = allocations::counts().calls - allocated;
    let rounds = scratch.events() as f64;
    let tried: u64 =
        (0..rules.rules().len()).map(|rule| scratch.evaluations(RuleIndex(rule))).sum();
    let fired = fired(&rules, &parser, &records, check)?;
    let bytes: usize = records.iter().map(|record| record.text.len()).sum();
    let count = records.len() as f64;
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / count;
    println!(
        "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} | {:.3} + {:.3} | {:.1} | {hits} | {} |",
        bytes as f64 / count,
        count / parse_time.as_secs_f64(),
        count / all_time.as_secs_f64(),
        bytes as f64 / 1e6 / all_time.as_secs_f64(),
        micros(parse_time),
        micros(all_time.saturating_sub(parse_time)),
        allocated_parse as f64 / count,
        (allocated - allocated_parse) as f64 / count,
        tried as f64 / rounds,
        fired.len(),
    );
    if std::env::args().any(|word| word == "--explain") {
        for (rule, hits) in fired {
            println!("{hits:6} {}", rules.rules().get(rule.0).map_or("", |rule| &rule.header.id));
        }
    }
    Ok(())
}

fn records(name: &str) -> anyhow::Result<Vec<Record>> {
    let packed = fs::read(corpora().join(format!("events/{name}.jsonl.zst")))?;
    let chunk: Arc<str> = String::from_utf8(zstd::decode_all(packed.as_slice())?)?.into();
    let origin = Arc::new(Origin::default());
    let record = |line: &str| {
        let start = line.as_ptr().addr() - chunk.as_ptr().addr();
        Some(Record {
            text: Text::slice(&chunk, start..start + line.len())?,
            received_at: Timestamp::from_seconds(0),
            origin: Arc::clone(&origin),
            truncated_bytes: 0,
            escaped_bytes: 0,
        })
    };
    chunk.lines().map(record).collect::<Option<_>>().context("the events are over 4 GiB")
}

/// Gives how often each rule fires; with `check`, holds every event against every rule.
fn fired(
    rules: &RuleSet,
    parser: &Parser,
    records: &[Record],
    check: bool,
) -> anyhow::Result<BTreeMap<RuleIndex, usize>> {
    let mut fired = BTreeMap::new();
    let mut scratch = Scratch::default();
    for (number, record) in (1..).zip(records) {
        let event = parser.parse(record.clone());
        let mut found = Vec::new();
        rules.matches_with(&event, &mut scratch, &mut found);
        for rule in &found {
            *fired.entry(*rule).or_default() += 1;
        }
        if check {
            let expected = one_by_one(rules, &event);
            anyhow::ensure!(found == expected, "event {number}: {found:?}, not {expected:?}");
        }
    }
    Ok(fired)
}

fn one_by_one(rules: &RuleSet, event: &Event) -> Vec<RuleIndex> {
    let hit = |index: &usize| {
        rules.rules().get(*index).is_some_and(|rule| match &rule.kind {
            RuleKind::Event(predicate) => {
                rule.enabled && rule.logsource.fits(event) && predicate.matches(event)
            }
            RuleKind::Correlation(_) => false,
        })
    };
    (0..rules.rules().len()).filter(hit).map(RuleIndex).collect()
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kilobytes.unwrap_or(0_u64) * 1024
}
