//! What correlations remember, over reloads and restarts.

#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use std::fmt::Write;

use model::{Event, EventId, Field, Text, Timestamp};
use proptest::prelude::*;
use sigma::{Memory, RuleFile, RuleSet, SnapshotError};

const RULES: [&str; 9] = [
    "title: Failed\nname: failed\ndetection: {s: {event.outcome: failure}, condition: s}\n",
    "title: Success\nname: success\ndetection: {s: {event.outcome: success}, condition: s}\n",
    "title: Burst\nname: burst\ncorrelation: {type: event_count, rules: failed, group-by: source.ip, timespan: 1m, condition: {gte: 4}, generate: true}\n",
    "title: Spray\nname: spray\ncorrelation: {type: value_count, rules: failed, group-by: source.ip, timespan: 1m, condition: {field: user.name, gte: 3}, generate: true}\n",
    "title: Guessed\nname: guessed\ncorrelation: {type: temporal_ordered, rules: [burst, success], group-by: source.ip, timespan: 2m}\n",
    "title: Sum\nname: sum\ncorrelation: {type: value_sum, rules: failed, timespan: 1m, condition: {field: user.id, gte: 9}}\n",
    "title: Median\nname: median\ncorrelation: {type: value_median, rules: success, timespan: 1m, condition: {field: user.id, gt: 2}}\n",
    "title: Alone\nname: alone\ncorrelation: {type: temporal, rules: [spray, success], timespan: 1m, condition: spray and not success}\n",
    "title: Bursts\nname: bursts\ncorrelation: {type: event_count, rules: burst, timespan: 5m, condition: {gte: 2}}\n",
];

fn load(texts: &[&str]) -> RuleSet {
    let file = |text: &&str| RuleFile { path: "a.yml".to_owned(), text: (*text).to_owned() };
    let files: Vec<RuleFile> = texts.iter().map(file).collect();
    let (rules, faults) = RuleSet::load(&files);
    assert_eq!(faults, []);
    rules
}

fn play(rules: &RuleSet, memory: &mut Memory, events: &[Event]) -> String {
    let mut told = String::new();
    for event in events {
        let (mut matched, mut fired) = (Vec::new(), Vec::new());
        rules.matches(event, &mut matched);
        rules.correlate(event, &matched, memory, &mut fired);
        // The order of the rules is not the order of what they find.
        let mut lines: Vec<String> = fired
            .iter()
            .map(|firing| {
                let rule = rules.rule(firing.rule).unwrap();
                let (count, fresh, events) = (firing.count, firing.fresh, &firing.events);
                format!("{} {} {count} {fresh} {events:?}", event.id, rule.header.title)
            })
            .collect();
        lines.sort();
        for line in lines {
            writeln!(told, "{line}").unwrap();
        }
    }
    told
}

fn events(steps: &[(i64, i64, bool, u8, u8)]) -> Vec<Event> {
    let mut now = 1_000;
    (1..)
        .zip(steps)
        .map(|(id, (step, late, failed, address, user))| {
            now += step;
            let mut event = Event::new(Text::from("x"), Timestamp::from_seconds(now - late));
            event.id = EventId(id);
            event.set(Field::EventOutcome, if *failed { "failure" } else { "success" });
            event.set(Field::SourceIp, format!("192.0.2.{address}").as_str());
            event.set(Field::UserName, format!("u{user}").as_str());
            event.set_extra("user.id", i64::from(*user));
            event
        })
        .collect()
}

fn steps() -> impl Strategy<Value = Vec<(i64, i64, bool, u8, u8)>> {
    prop::collection::vec((0..20_i64, 0..90_i64, any::<bool>(), 0..3_u8, 0..5_u8), 1..80)
}

proptest! {
    #[test]
    fn a_restart_changes_nothing(steps in steps(), cut in 0..80_usize) {
        let rules = load(&RULES);
        let played = events(&steps);
        // Both with the same secret.
        let empty = Memory::default().snapshot();
        let mut whole_memory = Memory::restore(&empty).unwrap();
        let whole = play(&rules, &mut whole_memory, &played);
        let (first, second) = played.split_at(cut.min(played.len()));
        let mut memory = Memory::restore(&empty).unwrap();
        let mut halves = play(&rules, &mut memory, first);
        let bytes = memory.snapshot();
        let mut memory = Memory::restore(&bytes).unwrap();
        prop_assert_eq!(memory.snapshot(), bytes);
        halves += &play(&rules, &mut memory, second);
        prop_assert_eq!(whole, halves);
        prop_assert_eq!(memory.snapshot(), whole_memory.snapshot());
    }

    #[test]
    fn a_reload_in_another_order_changes_nothing(steps in steps(), cut in 0..80_usize) {
        let mut turned = RULES;
        turned.reverse();
        let (rules, others) = (load(&RULES), load(&turned));
        let played = events(&steps);
        let whole = play(&rules, &mut Memory::default(), &played);
        let (first, second) = played.split_at(cut.min(played.len()));
        let mut memory = Memory::default();
        let halves = play(&rules, &mut memory, first) + &play(&others, &mut memory, second);
        prop_assert_eq!(whole, halves);
    }

    #[test]
    fn damaged_snapshots_are_refused(steps in steps(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut memory = Memory::default();
        play(&load(&RULES), &mut memory, &events(&steps));
        let mut bytes = memory.snapshot();
        let at = at.index(bytes.len());
        prop_assert!(Memory::restore(&bytes[..at]).is_err());
        bytes[at] ^= 1 << bit;
        prop_assert!(Memory::restore(&bytes).is_err());
    }

    #[test]
    fn forged_snapshots_are_survived(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = Memory::default().snapshot();
        bytes.truncate(9);
        bytes.extend(body);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        let _ = Memory::restore(&bytes);
    }
}

#[test]
fn a_changed_definition_begins_anew_and_is_counted() {
    let rules = load(&RULES);
    let mut memory = Memory::default();
    let failure = (1, 0, true, 1, 1);
    let played = events(&[failure; 6]);
    assert_eq!(play(&rules, &mut memory, &played[..3]), "");
    let changed = RULES.map(|text| text.replace("timespan: 1m", "timespan: 90s"));
    let changed = load(&changed.each_ref().map(String::as_str));
    assert_eq!(play(&changed, &mut memory, &played[3..]), "");
    assert_eq!(memory.counters().changed, 3);
    assert_eq!(play(&changed, &mut memory, &played[3..4]).lines().count(), 1);
    // What no rule can use goes when the set is adopted.
    let ids = |memory: &Memory| -> Vec<String> {
        memory.uses().into_iter().map(|used| used.id).collect()
    };
    assert_eq!(ids(&memory), ["burst", "bursts", "guessed", "spray", "sum"]);
    memory.adopt(&load(&RULES[..4]));
    assert_eq!((ids(&memory), memory.counters().changed), (Vec::new(), 8));
}

#[test]
fn another_version_is_refused() {
    assert_eq!(Memory::restore(b"").unwrap_err(), SnapshotError::Version);
    assert_eq!(Memory::restore(b"something else").unwrap_err(), SnapshotError::Version);
    assert_eq!(Memory::restore(b"bartcorr").unwrap_err(), SnapshotError::Checksum);
}
