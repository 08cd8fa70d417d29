use model::EventId;
use proptest::prelude::*;

use super::*;
use crate::{RuleFile, RuleKind, RuleSet};

const SPAN_MILLIS: i64 = 60_000;

fn correlation(text: &str) -> Correlation {
    let text = format!(
        "title: A\nname: a\ndetection: {{s: {{a: 1}}, condition: s}}\n---
title: X\ncorrelation: {{rules: a, timespan: 1m, {text}}}\n"
    );
    let (rules, faults) = RuleSet::load(&[RuleFile { path: "a.yml".to_owned(), text }]);
    assert_eq!(faults, []);
    match &rules.rules()[1].kind {
        RuleKind::Correlation(correlation) => correlation.clone(),
        RuleKind::Event(_) => unreachable!(),
    }
}

fn entry(millis: i64, value: u64) -> Entry {
    Entry {
        time: Timestamp::from_millis(millis),
        event: EventId(0),
        weight: 1,
        value,
        evidence: None,
        rule: 0,
        simulated: false,
    }
}

/// Steps of a flood with quiet times, and how late each match comes.
fn steps() -> impl Strategy<Value = Vec<(i64, i64)>> {
    let forward = prop_oneof![30 => 0..20_i64, 5 => 20..400_i64, 1 => 400..30_000_i64];
    let late = prop_oneof![9 => Just(0_i64), 1 => 0..70_000_i64];
    prop::collection::vec((forward, late), 6_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_flood_is_counted_to_within_a_slice(steps in steps()) {
        let correlation = correlation("type: event_count, condition: {gte: 1}");
        let (mut window, mut times, mut now, mut sliced) = (Window::default(), Vec::new(), 0, 0);
        for (forward, late) in steps {
            now += forward;
            let (time, latest) = (now - late, times.last().copied().unwrap_or(i64::MIN));
            let (taken, at) = window.insert(entry(time, 0), &correlation);
            prop_assert_eq!(taken.late, time < latest.saturating_sub(SPAN_MILLIS));
            prop_assert_eq!(taken.evicted, 0);
            sliced += taken.sliced;
            if at.is_none() {
                continue;
            }
            times.insert(times.partition_point(|known| *known <= time), time);
            let from = times.last().unwrap() - SPAN_MILLIS;
            let begin = times.partition_point(|known| *known < from);
            // What is left out lies in the first slice of the timespan.
            let width = SPAN_MILLIS / i64::from(SLICES) + 1;
            let least = times.len() - times.partition_point(|known| *known < from + width);
            let counted = usize::try_from(window.recent.as_ref().unwrap().tally.count()).unwrap();
            prop_assert!((least..=times.len() - begin).contains(&counted));
            if sliced == 0 {
                prop_assert_eq!(counted, times.len() - begin);
            }
            prop_assert!(window.entries.len() <= ENTRIES_MAX && window.slices.len() <= 1_200);
        }
    }

    #[test]
    fn many_values_are_counted_as_they_are(steps in steps(), most in 2..6_000_u64) {
        let correlation = correlation("type: value_count, condition: {field: a, gte: 1}");
        let (mut window, mut now) = (Window::default(), 0);
        let mut last = std::collections::HashMap::new();
        for ((forward, _), id) in steps.into_iter().zip(1_u64..) {
            now += forward;
            let value = id * 7_919 % most;
            let (taken, _) = window.insert(entry(now, value), &correlation);
            prop_assert_eq!(taken.evicted, 0);
            last.insert(value, now);
            if id.is_multiple_of(50) {
                last.retain(|_, time| now - *time <= SPAN_MILLIS);
                let counted = usize::try_from(window.recent.as_ref().unwrap().tally.count()).unwrap();
                prop_assert_eq!(counted, last.len());
            }
        }
    }
}

#[test]
fn too_late_and_in_between() {
    let correlation = correlation("type: event_count, condition: {gte: 1}");
    let mut window = Window::default();
    window.insert(entry(100_000, 0), &correlation);
    let (taken, at) = window.insert(entry(39_999, 0), &correlation);
    assert!(taken.late && at.is_none());
    let (taken, at) = window.insert(entry(40_000, 0), &correlation);
    assert!(taken.reordered && at == Some(At::Entry(0)));
    let mut told = Vec::new();
    for count in 6..100 {
        told.extend(window.news(Timestamp::from_seconds(10), count, correlation.timespan));
    }
    assert_eq!(told, [6, 6, 12, 24, 48]);
    assert_eq!(window.news(Timestamp::from_seconds(70), 97, correlation.timespan), None);
    assert_eq!(window.news(Timestamp::from_seconds(71), 97, correlation.timespan), Some(97));
}
