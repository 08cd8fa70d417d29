//! The public rules and events, where they lie beside the project.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the whole file is a test that tells its figures"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use model::{Event, Text, Timestamp, Value};
use sigma::{Labels, RuleFile, RuleIndex, RuleKind, RuleSet, Scratch};

/// The rules there are.
const RULES: usize = 3_756;
/// Those that load; the other two hold a placeholder, whose meaning only an installation knows.
const LOADED: usize = 3_754;

fn corpora() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    if !path.is_dir() {
        println!("skipped: no public corpora at {}", path.display());
        return None;
    }
    Some(path)
}

fn rule_files(folder: &Path, files: &mut Vec<RuleFile>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rule_files(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "yml") {
            let text = fs::read_to_string(&path).unwrap();
            files.push(RuleFile { path: path.display().to_string(), text });
        }
    }
}

#[test]
fn public_rules_load() {
    let Some(corpora) = corpora() else { return };
    let mut files = Vec::new();
    rule_files(&corpora.join("sigma"), &mut files);
    let started = Instant::now();
    let (rules, faults) = RuleSet::load(&files);
    println!(
        "{} files, {} rules load, {} set aside, {:?}",
        files.len(),
        rules.rules().len(),
        faults.len(),
        started.elapsed()
    );
    for fault in &faults {
        println!("set aside: {fault}");
    }
    assert_eq!(files.len(), RULES);
    assert_eq!(rules.rules().len(), LOADED);
}

/// Sets every field of flat or nested JSON under its dotted name.
fn set(event: &mut Event, name: &str, value: &serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            for (key, member) in members {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                set(event, &name, member);
            }
        }
        serde_json::Value::String(text) => event.set_path(name, text.as_str()),
        serde_json::Value::Bool(flag) => event.set_path(name, *flag),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => event.set_path(name, whole),
            None => event.set_path(name, number.as_f64().unwrap()),
        },
        serde_json::Value::Array(items) => {
            let texts: Vec<&str> = items.iter().filter_map(|item| item.as_str()).collect();
            event.set_path_list(name, texts.into_iter().map(Value::Text));
        }
        serde_json::Value::Null => {}
    }
}

/// The corpora of events, and what the rules find in all of each: hits and rules that fire.
const EVENTS: [(&str, usize, usize); 2] =
    [("windows-mixed-20k", 150, 43), ("windows-process-creation-11k", 2_498, 116)];

#[test]
fn public_events_match_as_one_by_one() {
    let Some(corpora) = corpora() else { return };
    let mut files = Vec::new();
    rule_files(&corpora.join("sigma/rules"), &mut files);
    let (rules, _) = RuleSet::load(&files);
    for (name, hits_expected, rules_expected) in EVENTS {
        let packed = fs::File::open(corpora.join(format!("events/{name}.jsonl.zst"))).unwrap();
        let text = String::from_utf8(zstd::decode_all(packed).unwrap()).unwrap();
        // Without optimisation the whole of it would take minutes; the bench does it with `--check`.
        let (step, step_naive) = if cfg!(debug_assertions) { (13, 397) } else { (1, 97) };
        let mut scratch = Scratch::default();
        let mut fired: BTreeMap<RuleIndex, usize> = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            if number % step != 0 && number % step_naive != 0 {
                continue;
            }
            let mut event = Event::new(Text::from(line), Timestamp::from_seconds(0));
            set(&mut event, "", &serde_json::from_str(line).unwrap());
            let mut found = Vec::new();
            rules.matches_with(&event, &mut scratch, &mut found);
            if number % step_naive == 0 {
                assert_eq!(found, one_by_one(&rules, &event), "{name}, line {}", number + 1);
            }
            for rule in found {
                *fired.entry(rule).or_default() += 1;
            }
        }
        let hits: usize = fired.values().sum();
        println!("{name}, every {step}th event: {hits} hits of {} rules", fired.len());
        assert!(!fired.is_empty());
        if step == 1 {
            assert_eq!((hits, fired.len()), (hits_expected, rules_expected), "{name}");
        }
    }
}

fn one_by_one(rules: &RuleSet, event: &Event) -> Vec<RuleIndex> {
    let labels = Labels::of(event);
    let matches = |index: &RuleIndex| {
        rules.rule(*index).is_some_and(|rule| match &rule.kind {
            RuleKind::Event(predicate) => {
                rule.logsource.fits_labels(&labels) && predicate.matches(event)
            }
            RuleKind::Correlation(_) => false,
        })
    };
    (0..rules.rules().len()).map(RuleIndex).filter(matches).collect()
}
