//! Every kind of correlation against a twin that keeps everything and looks at it anew each time.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the whole file is a test")]

use std::collections::{BTreeMap, BTreeSet};

use model::{Event, EventId, Field, Text, Timestamp};
use proptest::prelude::*;
use sigma::{Fired, Memory, RuleFile, RuleSet};

const SPAN: i64 = 60;

const BASE: &str = "
title: A
name: a
detection: {s: {event.action: a}, condition: s}
---
title: B
name: b
detection: {s: {event.action: b}, condition: s}
---
title: C
name: c
detection: {s: {event.action: c}, condition: s}
---
";

fn load(correlation: &str) -> RuleSet {
    let text = format!("{BASE}{correlation}");
    let (rules, faults) = RuleSet::load(&[RuleFile { path: "a.yml".to_owned(), text }]);
    assert_eq!(faults, []);
    rules
}

/// A correlation over all three rules.
fn of(kind: &str, condition: &str) -> RuleSet {
    load(&format!(
        "title: X\ncorrelation: {{type: {kind}, rules: [a, b, c], group-by: source.ip, timespan: 1m, condition: {condition}}}\n"
    ))
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Match {
    time: i64,
    rule: usize,
    value: i64,
}

#[derive(Clone, Debug)]
struct Step {
    forward: i64,
    late: i64,
    rule: usize,
    value: i64,
    group: usize,
}

fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let late = prop_oneof![4 => Just(0_i64), 1 => 0..80_i64];
    let step = (0..25_i64, late, 0..3_usize, -3..6_i64, 0..2_usize);
    let step = step.prop_map(|(forward, late, rule, value, group)| Step {
        forward,
        late,
        rule,
        value,
        group,
    });
    prop::collection::vec(step, 1..length)
}

fn event(id: u64, time: i64, step: &Step) -> Event {
    let mut event = Event::new(Text::from("x"), Timestamp::from_seconds(time));
    event.id = EventId(id);
    event.set(Field::EventAction, ["a", "b", "c"][step.rule]);
    event.set(Field::SourceIp, format!("192.0.2.{}", step.group).as_str());
    event.set(Field::UserName, step.value.to_string().as_str());
    event
}

fn observe(rules: &RuleSet, memory: &mut Memory, event: &Event) -> Option<Fired> {
    let (mut matched, mut fired) = (Vec::new(), Vec::new());
    rules.matches(event, &mut matched);
    rules.correlate(event, &matched, memory, &mut fired);
    assert!(fired.len() <= 1);
    fired.pop()
}

/// One group of the twin.
#[derive(Default)]
struct Group {
    all: Vec<Match>,
    told: Option<(i64, u64)>,
}

impl Group {
    fn latest(&self) -> Option<i64> {
        self.all.iter().map(|found| found.time).max()
    }

    fn within(&self, from: i64) -> Vec<Match> {
        let mut within = self.all.clone();
        within.retain(|found| (from..=from + SPAN).contains(&found.time));
        within
    }

    /// The most that a measure gives for any span around a moment.
    fn most(&self, time: i64, measure: impl Fn(&[Match]) -> u64) -> u64 {
        (time - SPAN..=time).map(|from| measure(&self.within(from))).max().unwrap()
    }

    fn told_before(&self, time: i64) -> u64 {
        self.told.filter(|(told, _)| (time - told).abs() <= SPAN).map_or(0, |(_, count)| count)
    }
}

/// Plays steps to both. `holds` gives, for a group and the newest match, the count if the twin sees
/// the condition hold.
fn compare(
    rules: &RuleSet,
    steps: &[Step],
    holds: impl Fn(&Group, Match, bool) -> Option<u64>,
) -> Result<(), TestCaseError> {
    let mut memory = Memory::default();
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    let (mut now, mut late) = (10_000, 0);
    for (id, step) in (1..).zip(steps) {
        now += step.forward;
        let time = now - step.late;
        let fired = observe(rules, &mut memory, &event(id, time, step));
        let group = groups.entry(step.group).or_default();
        let latest = group.latest().unwrap_or(time);
        if time < latest - SPAN {
            late += 1;
            prop_assert!(fired.is_none());
            continue;
        }
        let found = Match { time, rule: step.rule, value: step.value };
        group.all.push(found);
        let expected = holds(group, found, time >= latest)
            .filter(|count| *count >= group.told_before(time) * 2)
            .inspect(|count| group.told = Some((time, *count)));
        prop_assert_eq!(fired.map(|fired| fired.count), expected, "event {}", id);
    }
    prop_assert_eq!(memory.counters().late, late);
    Ok(())
}

fn count(found: &[Match]) -> u64 {
    u64::try_from(found.len()).unwrap()
}

fn values(found: &[Match]) -> u64 {
    let values: BTreeSet<i64> = found.iter().map(|found| found.value).collect();
    u64::try_from(values.len()).unwrap()
}

fn rules_in(found: &[Match]) -> u64 {
    let rules: BTreeSet<usize> = found.iter().map(|found| found.rule).collect();
    u64::try_from(rules.len()).unwrap()
}

/// The timespans that a measured kind looks at: the one that ends with the match, and, when that came
/// late, the one that ends with the latest.
fn measured(
    group: &Group,
    found: Match,
    in_order: bool,
    accepts: impl Fn(&[i64]) -> bool,
) -> Option<u64> {
    let mut ends = vec![found.time];
    ends.extend((!in_order).then(|| group.latest().unwrap()));
    ends.into_iter().find_map(|end| {
        let within = group.within(end - SPAN);
        let mut numbers: Vec<i64> = within.iter().map(|found| found.value).collect();
        numbers.sort_unstable();
        accepts(&numbers).then(|| count(&within))
    })
}

proptest! {
    #[test]
    fn event_count(steps in steps(60), bound in 1..8_u64) {
        compare(&of("event_count", &format!("{{gte: {bound}}}")), &steps, |group, found, _| {
            Some(group.most(found.time, count)).filter(|count| *count >= bound)
        })?;
        compare(&of("event_count", &format!("{{neq: {bound}}}")), &steps, |group, found, _| {
            Some(group.most(found.time, count)).filter(|count| *count != bound)
        })?;
        compare(&of("event_count", &format!("{{gt: 2, lte: {bound}}}")), &steps, |group, found, _| {
            Some(group.most(found.time, count)).filter(|count| *count > 2 && *count <= bound)
        })?;
    }

    #[test]
    fn value_count(steps in steps(60), bound in 1..8_u64) {
        let condition = format!("{{field: user.name, gte: {bound}}}");
        compare(&of("value_count", &condition), &steps, |group, found, _| {
            Some(group.most(found.time, values)).filter(|count| *count >= bound)
        })?;
    }

    #[test]
    fn how_many_rules(steps in steps(60), bound in 1..4_u64) {
        compare(&of("temporal", &format!("{{gte: {bound}}}")), &steps, |group, found, _| {
            Some(group.most(found.time, rules_in)).filter(|count| *count >= bound)
        })?;
    }

    #[test]
    fn value_sum_and_avg(steps in steps(60), bound in -5..20_i64) {
        let condition = format!("{{field: user.name, gt: {bound}}}");
        compare(&of("value_sum", &condition), &steps, |group, found, in_order| {
            measured(group, found, in_order, |numbers| numbers.iter().sum::<i64>() > bound)
        })?;
        let condition = format!("{{field: user.name, lte: {bound}.5}}");
        compare(&of("value_avg", &condition), &steps, |group, found, in_order| {
            measured(group, found, in_order, |numbers| {
                let count = i64::try_from(numbers.len()).unwrap();
                numbers.iter().sum::<i64>() * 10 <= (bound * 10 + if bound < 0 { -5 } else { 5 }) * count
            })
        })?;
    }

    #[test]
    fn value_median_and_percentile(steps in steps(60), bound in -3..6_i64, percent in 0..=100_u32) {
        let at = |numbers: &[i64], percent: u32| {
            let numbers: Vec<f64> =
                numbers.iter().map(|number| f64::from(i32::try_from(*number).unwrap())).collect();
            let last = u32::try_from(numbers.len() - 1).unwrap();
            let place = f64::from(percent) / 100.0 * f64::from(last);
            let below = numbers.iter().zip(0_u32..).filter(|(_, at)| f64::from(*at) <= place).last().unwrap().0;
            let above = numbers.iter().zip(0_u32..).find(|(_, at)| f64::from(*at) >= place).unwrap().0;
            below + (above - below) * place.fract()
        };
        let limit = f64::from(i32::try_from(bound).unwrap());
        let condition = format!("{{field: user.name, gte: {bound}}}");
        compare(&of("value_median", &condition), &steps, |group, found, in_order| {
            measured(group, found, in_order, |numbers| at(numbers, 50) >= limit)
        })?;
        let condition = format!("{{field: user.name, percentile: {percent}, lt: {bound}}}");
        compare(&of("value_percentile", &condition), &steps, |group, found, in_order| {
            measured(group, found, in_order, |numbers| at(numbers, percent) < limit)
        })?;
    }

    #[test]
    fn temporal(steps in steps(60)) {
        // In any order, in order, one or the other, and one in the absence of another.
        let kinds: [(&str, &str, Holds); 5] = [
            ("temporal", "a and b and c", |recent, _| rules_in(recent) == 3),
            ("temporal_ordered", "a and b and c", |recent, newest| {
                newest.rule == 2 && in_order(recent, &[0, 1, 2])
            }),
            ("temporal", "a and (b or c)", |recent, newest| {
                let has = |rule| recent.iter().any(|found| found.rule == rule);
                has(0) && (has(1) || has(2)) && match newest.rule { 0 => true, other => has(other) }
            }),
            ("temporal", "a and not b", |recent, newest| {
                newest.rule == 0 && recent.iter().all(|found| found.rule != 1)
            }),
            ("temporal_ordered", "b and c", |recent, newest| {
                newest.rule == 2 && in_order(recent, &[1, 2])
            }),
        ];
        for (kind, condition, holds) in kinds {
            waits(&of(kind, &format!("'{condition}'")), &steps, holds)?;
        }
        waits(&of("temporal_ordered", "{gte: 2}"), &steps, |recent, newest| {
            match newest.rule {
                0 => false,
                1 => in_order(recent, &[0, 1]),
                _ => in_order(recent, &[0, 2]) || in_order(recent, &[1, 2]),
            }
        })?;
    }
}

type Holds = fn(&[Match], Match) -> bool;

fn in_order(found: &[Match], rules: &[usize]) -> bool {
    let mut rest = found.iter();
    rules.iter().all(|rule| rest.any(|next| next.rule == *rule))
}

/// Compares a temporal correlation on matches in their order; what counts is whether it holds, since
/// how many matches a shortest stretch has is the engine's own matter.
fn waits(rules: &RuleSet, steps: &[Step], holds: Holds) -> Result<(), TestCaseError> {
    let mut memory = Memory::default();
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    let mut now = 10_000;
    for (id, step) in (1..).zip(steps) {
        now += step.forward;
        let fired = observe(rules, &mut memory, &event(id, now, step));
        let group = groups.entry(step.group).or_default();
        let found = Match { time: now, rule: step.rule, value: step.value };
        group.all.push(found);
        let expected = holds(&group.within(now - SPAN), found);
        let told = group.told_before(now);
        match fired {
            Some(fired) => {
                prop_assert!(expected, "event {}", id);
                prop_assert!(fired.count >= told * 2);
                group.told = Some((now, fired.count));
            }
            None => prop_assert!(!expected || told > 0, "event {}", id),
        }
    }
    Ok(())
}
