//! Correlations in a flood: thresholds of millions, forged groups, and what memory that takes.

#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use std::time::Duration;

use expect_test::{Expect, expect};
use model::{Event, EventId, Field, Text, Timestamp};
use sigma::{Fired, Memory, RuleFile, RuleSet};

fn load(correlation: &str) -> RuleSet {
    let text = format!(
        "title: A\nname: a\ndetection: {{s: {{event.action: a}}, condition: s}}\n---
title: X\nid: x\ncorrelation: {{rules: a, timespan: 1h, {correlation}}}\n"
    );
    let (rules, faults) = RuleSet::load(&[RuleFile { path: "a.yml".to_owned(), text }]);
    assert_eq!(faults, []);
    rules
}

fn event(id: u64, millis: i64, user: &str) -> Event {
    let mut event = Event::new(Text::from("x"), Timestamp::from_millis(millis));
    event.id = EventId(id);
    event.set(Field::EventAction, "a");
    event.set(Field::UserName, user);
    event
}

fn observe(rules: &RuleSet, memory: &mut Memory, event: &Event) -> Option<Fired> {
    let (mut matched, mut fired) = (Vec::new(), Vec::new());
    rules.matches(event, &mut matched);
    rules.correlate(event, &matched, memory, &mut fired);
    fired.pop()
}

/// Gives when it first fires, counted in events, and with what count.
fn first_fired(
    correlation: &str,
    events: u64,
    each: impl Fn(u64) -> Event,
) -> (u64, Fired, Memory) {
    let rules = load(correlation);
    let mut memory = Memory::default();
    let found =
        (1..=events).find_map(|id| Some((id, observe(&rules, &mut memory, &each(id))?))).unwrap();
    (found.0, found.1, memory)
}

fn millis(id: u64, step: i64) -> i64 {
    i64::try_from(id).unwrap() * step
}

#[test]
fn a_threshold_above_what_is_kept_one_by_one() {
    let (at, fired, memory) =
        first_fired("type: event_count, condition: {gte: 90000}", 99_000, |id| {
            event(id, millis(id, 10), "u")
        });
    // All of it lies within the hour, so the count is exact; the evidence is the newest.
    assert_eq!((at, fired.count), (90_000, 90_000));
    assert_eq!(fired.first, Timestamp::from_millis(10));
    assert_eq!((fired.events.len(), fired.events.last()), (100, Some(&EventId(90_000))));
    assert!(memory.bytes() < 200_000, "{}", memory.bytes());
    assert_eq!(memory.counters().entries_sliced, 90_000 - 2_047);
    assert_eq!(memory.counters().entries_evicted, 0);
}

#[test]
fn a_sliding_count_is_too_low_by_a_slice_at_most() {
    // 30,000 in any hour, steadily: the count stays between that and a 256th less.
    let rules = load("type: event_count, condition: {gte: 1}");
    let mut memory = Memory::default();
    let mut counts = Vec::new();
    for id in 1..=90_000 {
        if let Some(fired) = observe(&rules, &mut memory, &event(id, millis(id, 120), "u"))
            && id > 30_000
        {
            counts.push(fired.count);
        }
    }
    let exact = 30_001;
    assert!(
        counts.iter().all(|count| (exact - exact / 256 - 2..=exact).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn a_sum_above_what_is_kept_one_by_one() {
    let (at, fired, _) = first_fired(
        "type: value_sum, condition: {field: user.name, gte: 1000000}",
        200_000,
        |id| event(id, millis(id, 10), "10.5"),
    );
    assert_eq!((at, fired.count, fired.value), (95_239, 95_239, Some(1_000_009.5)));
}

#[test]
fn a_restart_in_a_flood_changes_nothing() {
    for correlation in [
        "type: event_count, condition: {gte: 4000}",
        "type: value_sum, condition: {field: user.name, gte: 100000}",
        "type: value_count, condition: {field: user.name, gte: 2000}",
    ] {
        let rules = load(correlation);
        // Both with the same secret.
        let empty = Memory::default().snapshot();
        let mut whole = Memory::restore(&empty).unwrap();
        let mut memory = Memory::restore(&empty).unwrap();
        for id in 1..12_000 {
            // Some come late, and the hour slides on.
            let late = if id % 7 == 0 { 600_000 } else { 0 };
            let event = event(id, millis(id, 900) - late, &(id * 7_919 % 3_000).to_string());
            if id == 6_000 {
                memory = Memory::restore(&memory.snapshot()).unwrap();
            }
            let told = observe(&rules, &mut whole, &event);
            assert_eq!(told, observe(&rules, &mut memory, &event), "{correlation} {id}");
        }
        assert!(whole.counters().entries_sliced + whole.counters().reordered > 1_500);
        assert_eq!(memory.snapshot(), whole.snapshot());
    }
}

#[test]
fn one_huge_number_leaves_nothing_behind() {
    let rules = load("type: value_sum, condition: {field: user.name, gte: 3}");
    let mut memory = Memory::default();
    let mut told = Vec::new();
    // The huge ones cancel out at first, and are gone after an hour.
    for (id, (second, user)) in
        (1..).zip([(0, "1e18"), (1, "-1e18"), (4_000, "1.25"), (4_001, "1.75"), (4_002, "1e300")])
    {
        let fired = observe(&rules, &mut memory, &event(id, second * 1_000, user));
        told.extend(fired.map(|fired| (id, fired.value)));
    }
    assert_eq!(told, [(1, Some(1e18)), (4, Some(3.0))]);
    assert_eq!(memory.counters().not_numbers, 1);
}

#[test]
fn different_values_up_to_the_bound() {
    let (at, fired, memory) = first_fired(
        "type: value_count, condition: {field: user.name, gte: 16384}",
        40_000,
        // Each name comes twice, so repeated ones must not push out others.
        |id| event(id, millis(id, 10), &format!("user{}", id / 2)),
    );
    assert_eq!((at, fired.count), (32_766, 16_384));
    assert_eq!(memory.counters().entries_evicted, 0);
    assert!(memory.bytes() < 3_000_000, "{}", memory.bytes());
}

#[test]
fn values_of_several_fields_count_together() {
    let correlation = "type: value_count, condition: {field: [user.name, event.action], gte: 3}";
    let (at, ..) = first_fired(correlation, 10, |id| {
        let mut event = event(id, millis(id, 10), if id % 2 == 0 { "one" } else { "two" });
        event.set(Field::EventAction, "a");
        if id == 7 {
            event.set_extra("event.action", "b");
            event.set(Field::UserName, "three");
        }
        event
    });
    assert_eq!(at, 7);
}

#[test]
fn repeated_values_do_not_push_out_the_others() {
    let (at, ..) =
        first_fired("type: value_count, condition: {field: user.name, gte: 2}", 20_000, |id| {
            event(id, millis(id, 10), if id == 1 || id > 10_000 { "rare" } else { "usual" })
        });
    assert_eq!(at, 2);
    let (at, ..) =
        first_fired("type: value_count, condition: {field: user.name, gte: 3}", 20_000, |id| {
            event(
                id,
                millis(id, 10),
                match id {
                    1 => "one",
                    10_000 => "two",
                    _ => "usual",
                },
            )
        });
    assert_eq!(at, 10_000);
}

#[test]
fn the_evidence_names_every_value_before_more_of_the_same() {
    let user = |id| match id {
        1 => "one",
        2 => "two",
        400 => "four",
        _ => "usual",
    };
    let correlation = "type: value_count, condition: {field: user.name, gte: 4}";
    let (at, fired, _) = first_fired(correlation, 500, |id| event(id, millis(id, 10), user(id)));
    assert_eq!((at, fired.count, fired.events.len()), (400, 4, 100));
    assert_eq!(fired.events[..3], [EventId(1), EventId(2), EventId(303)]);
    assert_eq!(fired.first, Timestamp::from_millis(10));
}

#[test]
fn forged_groups_push_out_idle_ones_and_are_counted() {
    let rules = load("type: event_count, group-by: user.name, condition: {gt: 5}");
    let mut memory = Memory::default();
    let mut attacked = 0;
    for id in 0..150_000_u64 {
        // One name keeps on, among ever new ones.
        let name = if id.is_multiple_of(20_000) { "root".to_owned() } else { id.to_string() };
        attacked += usize::from(observe(&rules, &mut memory, &event(id, 1_000, &name)).is_some());
    }
    assert_eq!(attacked, 1);
    let uses = memory.uses();
    assert_eq!((uses.len(), uses[0].id.as_str()), (1, "x"));
    assert!(uses[0].counters.groups_evicted >= 49_999 && uses[0].groups <= 100_000);
    assert!((10_000_000..64_000_000).contains(&memory.bytes()), "{}", memory.bytes());
    // Two timespans later the idle ones are over, which is no eviction.
    let evicted = memory.counters().groups_evicted;
    let hours = |hours: i64| Duration::from_hours(u64::try_from(hours).unwrap());
    for hour in [3_i64, 6, 9] {
        observe(
            &rules,
            &mut memory,
            &event(0, 1_000 + i64::try_from(hours(hour).as_millis()).unwrap(), "root"),
        );
    }
    assert_eq!(memory.counters().groups_evicted, evicted);
    assert_eq!(memory.uses()[0].groups, 1);
    assert!(memory.bytes() < 2_000, "{}", memory.bytes());
}

#[test]
fn what_cannot_be_counted_is_told() {
    let rules = load("type: value_sum, group-by: source.ip, condition: {field: user.name, gte: 3}");
    let mut memory = Memory::default();
    observe(&rules, &mut memory, &event(1, 0, "5"));
    let mut with_address = event(2, 10, "many");
    with_address.set(Field::SourceIp, "192.0.2.1");
    observe(&rules, &mut memory, &with_address);
    let counters = memory.uses()[0].counters;
    assert_eq!((counters.incomplete, counters.not_numbers), (1, 1));
}

#[track_caller]
fn check(correlation: &str, expect: Expect) {
    let text = format!(
        "title: A\nname: a\ndetection: {{s: {{a: 1}}, condition: s}}\n---\ntitle: X\ncorrelation: {{rules: a, {correlation}}}\n"
    );
    let (_, faults) = RuleSet::load(&[RuleFile { path: "a.yml".to_owned(), text }]);
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    expect.assert_eq(&faults.join("\n"));
}

#[test]
fn what_is_refused() {
    check(
        "type: value_max, timespan: 1h",
        expect![
            "a.yml:6:31: the type is one of event_count, value_count, value_sum, value_avg, value_percentile, value_median, new_terms, temporal, temporal_ordered"
        ],
    );
    check(
        "type: event_count, timespan: 1h, condition: {gte: 1.5}",
        expect!["a.yml:6:75: expected a whole number"],
    );
    check(
        "type: event_count, timespan: 1h, condition: {gte: -1}",
        expect!["a.yml:6:75: expected a whole number"],
    );
    check(
        "type: event_count, timespan: 1h, condition: {about: 1}",
        expect!["a.yml:6:70: a condition is made of gt, gte, lt, lte, eq and neq"],
    );
    check(
        "type: event_count, timespan: 1h",
        expect!["a.yml:6:14: `correlation` needs `condition`"],
    );
    check(
        "type: event_count, timespan: 1x, condition: {gte: 1}",
        expect!["a.yml:6:54: a timespan is a number and s, m, h, d, w, M or y, up to 366 days"],
    );
    check(
        "type: event_count, timespan: 99999999999999999999w, condition: {gte: 1}",
        expect!["a.yml:6:54: a timespan is a number and s, m, h, d, w, M or y, up to 366 days"],
    );
    check(
        "type: value_count, timespan: 1h, condition: {gte: 1}",
        expect!["a.yml:6:69: the condition of a value_count names a `field`"],
    );
    check(
        "type: value_count, timespan: 1h, condition: {field: a, gt: 16384}",
        expect!["a.yml:6:69: a group keeps 16384 different values: this can never come true"],
    );
    check(
        "type: value_sum, timespan: 1h, condition: {field: [a, b], gt: 1}",
        expect!["a.yml:6:67: the condition of a value_sum names a `field`"],
    );
    check(
        "type: value_sum, timespan: 1h, condition: {field: a, gt: many}",
        expect!["a.yml:6:82: expected a number"],
    );
    check(
        "type: value_percentile, timespan: 1h, condition: {field: a, gt: 1, percentile: 101}",
        expect!["a.yml:6:104: a percentile is a number from 0 to 100"],
    );
    check(
        "type: temporal, timespan: 1h, condition: b",
        expect!["a.yml:6:66: `b` is none of the correlation's rules"],
    );
    check(
        "type: temporal_ordered, timespan: 1h, condition: {gte: 2}",
        expect!["a.yml:6:74: there are 1 rules: never so many match"],
    );
    check(
        "type: temporal_ordered, timespan: 1h, condition: {lt: 2}",
        expect!["a.yml:6:74: rules in their order are counted by gt or gte alone"],
    );
    check("type: event_count, timespan: 1w, condition: {gte: 1, neq: 7}", expect![""]);
    check(
        "type: temporal, timespan: 1h, condition: {gt: 1}",
        expect!["a.yml:6:22: 1 rules are named: `gt 1` can never come true"],
    );
    check("type: value_count, field: a, timespan: 1h, condition: {gt: 1}", expect![""]);
    check("type: event_count, timespan: 1M, condition: {gte: 1}", expect![""]);
}
