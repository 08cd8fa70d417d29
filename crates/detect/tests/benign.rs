//! Traffic in which nothing is wrong: the shipped rules keep quiet.

#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use detect::{Engine, Memory, shipped_rules};
use expect_test::expect;
use model::{Clock, EventId, Level, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};
use sigma::RuleSet;
use simulate::{Config, Generator, Mix};

/// Gives how often each rule fires that is at least `low`, by level and title.
fn fired<'l>(lines: impl Iterator<Item = &'l str>) -> BTreeMap<(Level, String), usize> {
    let engine = Engine::new(RuleSet::load(&shipped_rules()).0);
    let parser = Parser::new(ParserConfig { utc_offset_seconds: 0 });
    let now = Timestamp::parse("2026-12-01T00:00:00Z").unwrap();
    let origin = Arc::new(Origin { clock: Clock::File(now), ..Origin::default() });
    let (mut memory, mut found) = (Memory::new(), Vec::new());
    for (number, line) in lines.enumerate() {
        let mut event = parser.parse(Record {
            text: Text::from(line),
            received_at: now,
            origin: Arc::clone(&origin),
            truncated_bytes: 0,
            escaped_bytes: 0,
        });
        event.id = EventId(u64::try_from(number).unwrap());
        engine.analyse(&mut event, &memory.indicators());
        engine.observe(&event, &mut memory, &mut found);
    }
    let mut counts = BTreeMap::new();
    for detection in &found {
        *counts.entry((detection.rule.level, detection.rule.title.clone())).or_default() += 1;
    }
    counts
}

fn told(counts: &BTreeMap<(Level, String), usize>) -> String {
    let mut told = String::new();
    for ((level, title), count) in counts.iter().rev() {
        writeln!(told, "{level} {title}: {count}").unwrap();
    }
    told
}

/// Half a day of a small house.
#[test]
fn simulated_everyday_traffic() {
    let mix = Mix::parse("benign=1").unwrap();
    let start = Timestamp::parse("2026-11-21T06:58:00Z").unwrap();
    let config = Config { seed: 1, start, step: Duration::from_secs(2), mix };
    let samples: Vec<_> = Generator::new(config).take(20_000).collect();
    let counts = fired(samples.iter().map(|sample| sample.frame.as_str()));
    expect![[""]].assert_eq(&told(&counts));
}

/// Real logs of fourteen systems, two thousand lines each.
#[test]
fn logs_of_fourteen_systems() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/logs");
    let Ok(folders) = fs::read_dir(&root) else {
        return println!("skipped: {} is not there", root.display());
    };
    let mut all = String::new();
    let mut folders: Vec<_> = folders.map(|folder| folder.unwrap().path()).collect();
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for file in fs::read_dir(folder).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let counts = fired(text.lines());
            if !counts.is_empty() {
                let name = folder.file_name().unwrap().to_string_lossy();
                writeln!(all, "{name}\n{}", told(&counts)).unwrap();
            }
        }
    }
    assert!(all.is_empty(), "{all}");
}
