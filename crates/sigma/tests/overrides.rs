//! What an installation changes of its rules.

#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use std::fmt::Write;

use expect_test::{Expect, expect};
use model::{Event, Field, Text, Timestamp};
use sigma::{Options, Overrides, Rule, RuleFile, RuleIndex, RuleSet};

const RULES: &str = "
title: Log-in failed
id: 11111111-0000-4000-8000-000000000001
name: failed
author: Somebody
license: DRL-1.1
date: 2026-11-01
modified: 2026-11-20
level: high
detection: {s: {event.outcome: failure}, condition: s}
---
title: Any log-in
id: 11111111-0000-4000-8000-000000000002
level: low
detection: {s: {event.outcome|exists: true}, condition: s}
---
title: Burst
id: 11111111-0000-4000-8000-000000000003
correlation: {type: event_count, rules: failed, group-by: source.ip, timespan: 1m, condition: {gte: 3}}
";

fn load(overrides: &str) -> (RuleSet, String) {
    let (overrides, faults) = Overrides::parse("overrides.yml", overrides);
    let file = RuleFile { path: "rules/logins/all.yml".to_owned(), text: RULES.to_owned() };
    let options = Options { overrides, ..Options::default() };
    let (rules, more) = RuleSet::load_with(&[file], &options);
    let told: Vec<String> = faults.iter().chain(&more).map(ToString::to_string).collect();
    (rules, told.join("\n"))
}

fn line(rule: &Rule) -> String {
    let mut line = format!("{} {}", rule.header.title, rule.header.level);
    if let Some(level) = rule.changed.as_ref().and_then(|change| change.level) {
        write!(line, " (was {level})").unwrap();
    }
    if !rule.enabled {
        line.push_str(" off");
    }
    for change in rule.changed.iter().filter(|change| !change.exceptions.is_empty()) {
        write!(line, " but {}", change.exceptions.join(", ")).unwrap();
    }
    line
}

#[track_caller]
fn check(overrides: &str, expect: Expect) {
    let (rules, faults) = load(overrides);
    let mut told: Vec<String> = rules.rules().iter().map(line).collect();
    told.extend((!faults.is_empty()).then_some(faults));
    expect.assert_eq(&told.join("\n"));
}

#[test]
fn by_id_name_title_and_path() {
    check(
        "- {rule: 11111111-0000-4000-8000-000000000002, enabled: false}
- {rule: failed, level: critical, reason: it matters here}
- {rule: 'BUR*', level: medium}
",
        expect![[r"
            Log-in failed critical (was high)
            Any log-in low off
            Burst medium (was informational)"]],
    );
    check(
        "- {rule: '*/logins/*', enabled: false}
- {rule: any LOG-in, enabled: true}
- {rule: any log-in, level: high}
- {rule: any log-in, level: low}
",
        expect![[r"
            Log-in failed high off
            Any log-in low
            Burst informational off"]],
    );
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_counts() {
    check(
        "- {rule: nobody, enabled: false}
- {rule: 'failed', exceptions: ['a: (']}
- {rule: failed, colour: red}
- {enabled: false}
- {rule: failed, enabled: maybe}
- {rule: failed, level: bad}
- {rule: failed, exceptions: [' ']}
- {rule: failed, exceptions: ['source.ip: 192.0.2.0/24', 'user.name: probe']}
",
        expect![[r"
            Log-in failed high but source.ip: 192.0.2.0/24, user.name: probe
            Any log-in low
            Burst informational
            overrides.yml:2:33: in this exception: column 5: expected a value
            overrides.yml:3:18: an override has rule, enabled, level, exceptions and reason
            overrides.yml:4:3: an override is a map that names a `rule`
            overrides.yml:5:27: `enabled` is true or false
            overrides.yml:6:25: the level is informational, low, medium, high or critical
            overrides.yml:7:31: an exception is a text of the search bar
            overrides.yml:1:10: no rule has the id, name, title or path `nobody`"]],
    );
    check(
        "- {rule: failed, enabled: false}\n- [\n",
        expect![[r"
        Log-in failed high
        Any log-in low
        Burst informational
        overrides.yml:3:1: while parsing a node, did not find expected node content"]],
    );
}

#[test]
fn what_a_rule_says_of_itself_is_kept() {
    let (rules, _) = load("");
    let rule = rules.rule(RuleIndex(0)).unwrap();
    let header = &rule.header;
    assert_eq!((header.author.as_str(), header.license.as_str()), ("Somebody", "DRL-1.1"));
    assert_eq!((rule.date.as_str(), rule.modified.as_str()), ("2026-11-01", "2026-11-20"));
    assert!(rule.enabled && rule.changed.is_none());
}

/// Gives the ids of the rules that match, and how often the correlation fires on three such events.
fn play(rules: &RuleSet, address: &str) -> (Vec<usize>, usize) {
    let (mut matched, mut fired) = (Vec::new(), Vec::new());
    let mut memory = sigma::Memory::default();
    for second in 0..3 {
        let mut event = Event::new(Text::from("x"), Timestamp::from_seconds(second));
        event.set(Field::EventOutcome, "failure");
        event.set(Field::SourceIp, address);
        matched.clear();
        rules.matches(&event, &mut matched);
        rules.correlate(&event, &matched, &mut memory, &mut fired);
    }
    (matched.iter().map(|index| index.0).collect(), fired.len())
}

#[test]
fn a_rule_switched_off_never_matches() {
    let (rules, _) = load("- {rule: any log-in, enabled: false}\n- {rule: burst, enabled: false}");
    assert_eq!(play(&rules, "192.0.2.1"), (vec![0], 0));
    let (rules, _) = load("- {rule: failed, enabled: false}");
    assert_eq!(play(&rules, "192.0.2.1"), (vec![1], 0));
}

#[test]
fn exceptions_take_events_out() {
    let (rules, _) = load("- {rule: failed, exceptions: ['source.ip: 192.0.2.0/24']}");
    assert_eq!(play(&rules, "192.0.2.1"), (vec![1], 0));
    assert_eq!(play(&rules, "203.0.113.1"), (vec![0, 1], 1));
    // Of a correlation: the base rule still matches, but is not counted.
    let (rules, _) = load("- {rule: burst, exceptions: ['source.ip: 192.0.2.0/24']}");
    assert_eq!(play(&rules, "192.0.2.1"), (vec![0, 1], 0));
    assert_eq!(play(&rules, "203.0.113.1"), (vec![0, 1], 1));
}
