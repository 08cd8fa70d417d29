//! What `bartizan simulate --scenario` sends is told by the rule that it names: as it stands in a file, and as it comes
//! over syslog.

use std::sync::Arc;

use detect::{Engine, Indicators, Memory};
use model::{Clock, EventId, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};
use sigma::{RuleFile, RuleSet};
use simulate::{SCENARIOS, Sample, Scenario};

/// Gives the titles of the rules that tell of some records.
fn told(samples: &[Sample], text: fn(&Sample) -> &str) -> Vec<String> {
    let files: Vec<RuleFile> = detect::shipped_rules()
        .into_iter()
        .filter(|file| file.text.contains("service: detector"))
        .collect();
    let (rules, faults) = RuleSet::load(&files);
    assert!(faults.is_empty(), "{faults:?}");
    let (engine, mut memory) = (Engine::new(rules), Memory::new());
    let parser = Parser::new(ParserConfig::default());
    let (mut found, indicators) = (Vec::new(), Indicators::default());
    for (sample, id) in samples.iter().zip(1..) {
        let mut event = parser.parse(Record {
            text: Text::from(text(sample)),
            received_at: sample.time,
            origin: Arc::new(Origin { clock: Clock::File(sample.time), ..Origin::default() }),
            truncated_bytes: 0,
            escaped_bytes: 0,
        });
        event.id = EventId(id);
        engine.analyse(&mut event, &indicators);
        engine.observe(&event, &mut memory, &mut found);
    }
    found.into_iter().map(|detection| detection.rule.title.clone()).collect()
}

/// Gives the scenarios that their rules do not tell of, and what was told instead.
fn missed(
    scenarios: impl Iterator<Item = &'static Scenario>,
    seed: u64,
    text: fn(&Sample) -> &str,
) -> Vec<(&'static str, Vec<String>)> {
    let all = scenarios.map(|one| (one, told(&one.samples(seed, end()), text)));
    let missed = all.filter(|(one, told)| !told.iter().any(|title| title == one.expects));
    missed.map(|(one, told)| (one.name, told)).collect()
}

fn end() -> Timestamp {
    Timestamp::parse("2026-11-20T16:00:00Z").unwrap_or_default()
}

#[test]
fn every_scenario_is_told_by_its_rule() {
    assert_eq!(missed(SCENARIOS.iter(), 1, |sample| &sample.line), []);
}

#[test]
fn what_live_inputs_take_is_told_over_syslog_too() {
    let live = SCENARIOS.iter().filter(|scenario| scenario.is_live());
    assert_eq!(missed(live, 2, |sample| &sample.frame), []);
}

#[test]
fn the_rule_does_not_tell_of_the_peace_before() {
    for name in ["rare-program", "request-flood", "data-out"] {
        let scenario = Scenario::named(name).unwrap();
        let peace = |sample: &Sample| sample.kind == simulate::Kind::Benign;
        let peace: Vec<Sample> = scenario.samples(3, end()).into_iter().filter(peace).collect();
        assert!(peace.len() > 1_000);
        let told = told(&peace, |sample| &sample.line);
        assert!(told.iter().all(|title| title != scenario.expects), "{name}: {told:?}");
    }
}
