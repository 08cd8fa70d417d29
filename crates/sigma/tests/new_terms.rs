//! Values that a group has not shown before.

#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use std::collections::HashMap;

use expect_test::{Expect, expect};
use model::{Event, EventId, Field, Timestamp};
use proptest::prelude::*;
use sigma::{Memory, RuleFile, RuleSet};

const RULE: &str = "
title: Log-in
name: login
detection: {s: {event.action: login}, condition: s}
---
title: New address
id: new
correlation:
  type: new_terms
  rules: login
  group-by: user.name
  timespan: 10d
  condition: {field: source.ip, learn: 3d}
";

fn rules(text: &str) -> RuleSet {
    let (rules, faults) = RuleSet::load(&[RuleFile { path: "r.yml".into(), text: text.into() }]);
    assert!(faults.is_empty(), "{faults:?}");
    rules
}

/// Plays log-ins of `(day, user, address)` and gives which of them were news.
fn play(memory: &mut Memory, logins: &[(i64, u8, u8)], from: usize) -> Vec<usize> {
    let rules = rules(RULE);
    let mut news = Vec::new();
    for (place, (day, user, address)) in (from..).zip(logins) {
        let mut event = Event::default();
        event.id = EventId(u64::try_from(place).unwrap());
        event.time = Timestamp::from_seconds(1_000_000_000 + day * 86_400);
        event.set(Field::EventAction, "login");
        event.set(Field::UserName, format!("user{user}").as_str());
        event.set(Field::SourceIp, std::net::Ipv4Addr::new(192, 0, 2, *address));
        let (mut matched, mut fired) = (Vec::new(), Vec::new());
        rules.matches(&event, &mut matched);
        rules.correlate(&event, &matched, memory, &mut fired);
        for firing in fired {
            assert_eq!((firing.count, firing.events), (1, vec![event.id]));
            news.push(place);
        }
    }
    news
}

#[test]
fn learns_first_and_forgets_after_the_timespan() {
    let days = [(0, 1, 1), (1, 1, 2), (3, 1, 3), (3, 1, 3), (4, 1, 2), (4, 2, 9), (20, 1, 2)];
    // The address of day 3 is new; the one of day 1 was learned, and forgotten by day 20.
    assert_eq!(play(&mut Memory::default(), &days, 0), [2, 6]);
}

#[test]
fn what_cannot_be_written() {
    check(
        "{field: a, gte: 3}",
        expect!["r.yml:13:25: new_terms have a `field`, and how long to `learn`"],
    );
    check("{learn: 1d}", expect!["r.yml:13:14: the condition of a new_terms names a `field`"]);
    check(
        "{field: a, learn: 30d}",
        expect!["r.yml:13:32: how long to learn is a timespan, no longer than the correlation's"],
    );
}

#[track_caller]
fn check(condition: &str, expect: Expect) {
    let text = RULE.replace("{field: source.ip, learn: 3d}", condition);
    let (_, faults) = RuleSet::load(&[RuleFile { path: "r.yml".into(), text }]);
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    expect.assert_eq(&told.join("\n"));
}

/// The same in the simplest words: all that was ever seen is kept.
fn naive(logins: &[(i64, u8, u8)]) -> Vec<usize> {
    let mut since: HashMap<u8, i64> = HashMap::new();
    let mut last: HashMap<(u8, u8), i64> = HashMap::new();
    let mut news = Vec::new();
    for (place, (day, user, address)) in logins.iter().enumerate() {
        let known = since.contains_key(user);
        let first = *since.entry(*user).or_insert(*day);
        let seen = last.insert((*user, *address), *day).is_some_and(|seen| day - seen <= 10);
        if known && !seen && day - first >= 3 {
            news.push(place);
        }
    }
    news
}

proptest! {
    #[test]
    fn as_if_all_were_kept(
        steps in prop::collection::vec((0_i64..2, 0_u8..3, 0_u8..4), 0..120),
        cut in 0_usize..120,
    ) {
        let mut day = 0;
        let logins: Vec<(i64, u8, u8)> = steps
            .into_iter()
            .map(|(step, user, address)| {
                day += step;
                (day, user, address)
            })
            .collect();
        let expected = naive(&logins);
        // A group idle for longer than the timespan may be forgotten, and learns anew.
        let alive = |login: &[(i64, u8, u8)]| {
            let mut last: HashMap<u8, i64> = HashMap::new();
            login.iter().all(|(day, user, _)| last.insert(*user, *day).is_none_or(|seen| day - seen <= 10))
        };
        prop_assume!(alive(&logins));
        let (before, after) = logins.split_at(cut.min(logins.len()));
        let mut memory = Memory::default();
        let mut news = play(&mut memory, before, 0);
        let mut memory = Memory::restore(&memory.snapshot()).unwrap();
        news.extend(play(&mut memory, after, before.len()));
        prop_assert_eq!(news, expected);
    }
}
