//! Correlations of correlations: what counts, and what stands in evidence.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the whole file is a test")]

use std::fmt::Write;

use expect_test::{Expect, expect};
use model::{Event, EventId, Field, Text, Timestamp};
use sigma::{Memory, RuleFile, RuleSet};

const BASE: &str = "
title: Failed
name: failed
detection: {s: {event.outcome: failure}, condition: s}
---
title: Success
name: success
detection: {s: {event.outcome: success}, condition: s}
---
title: Burst
name: burst
correlation: {type: event_count, rules: failed, group-by: source.ip, timespan: 1m, condition: {gte: 3}, generate: true}
---
";

/// Plays `second outcome address` lines, and gives what fires.
#[track_caller]
fn check(correlation: &str, lines: &str, expect: Expect) {
    let text = format!("{BASE}{correlation}");
    let (rules, faults) = RuleSet::load(&[RuleFile { path: "a.yml".to_owned(), text }]);
    assert_eq!(faults, []);
    let (mut memory, mut told) = (Memory::default(), String::new());
    for (id, line) in (1..).zip(lines.lines()) {
        let words: Vec<&str> = line.split(' ').collect();
        let time = Timestamp::from_seconds(words[0].parse().unwrap());
        let mut event = Event::new(Text::from(line), time);
        event.id = EventId(id);
        event.set(Field::EventOutcome, words[1]);
        event.set(Field::SourceIp, words[2]);
        let (mut matched, mut fired) = (Vec::new(), Vec::new());
        rules.matches(&event, &mut matched);
        rules.correlate(&event, &matched, &mut memory, &mut fired);
        for firing in fired {
            let rule = rules.rule(firing.rule).unwrap();
            let events: Vec<String> = firing.events.iter().map(ToString::to_string).collect();
            let (first, said) = (firing.first.seconds(), rules.summary_of(rule, &event, &firing));
            writeln!(told, "{} from {first}: {said} [{}]", words[0], events.join(" ")).unwrap();
        }
    }
    expect.assert_eq(&told);
}

fn failures(from: u32, until: u32, address: &str) -> String {
    let lines = (from..until).map(|second| format!("{second} failure {address}"));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn success_after_failures_names_the_failures() {
    let guessed = "
title: Guessed
correlation: {type: temporal_ordered, rules: [burst, success], group-by: source.ip, timespan: 1h}
";
    let lines = format!("{}70 success 192.0.2.1\n", failures(1, 8, "192.0.2.1"));
    check(
        guessed,
        &lines,
        expect![[r"
            3 from 1: Burst: 3 within 1 minute [1 2 3]
            6 from 1: Burst: 6 within 1 minute [1 2 3 4 5 6]
            70 from 1: Guessed: 7 within 1 hour [1 2 3 4 5 6 8]
        "]],
    );
}

#[test]
fn bursts_are_counted_once_however_often_they_double() {
    let bursts = "
title: Bursts
correlation: {type: event_count, rules: burst, timespan: 1h, condition: {gte: 2}}
";
    let one = failures(1, 50, "192.0.2.1");
    let lines = format!("{one}{}", failures(100, 103, "192.0.2.2"));
    check(
        bursts,
        &lines,
        expect![[r"
        3 from 1: Burst: 3 within 1 minute [1 2 3]
        6 from 1: Burst: 6 within 1 minute [1 2 3 4 5 6]
        12 from 1: Burst: 12 within 1 minute [1 2 3 4 5 6 7 8 9 10 11 12]
        24 from 1: Burst: 24 within 1 minute [1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24]
        48 from 1: Burst: 48 within 1 minute [1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48]
        102 from 100: Burst: 3 within 1 minute [50 51 52]
        102 from 1: Bursts: 2 within 1 hour [1 2 3 50 51 52]
    "]],
    );
}

#[test]
fn what_was_measured_stands_in_the_sentence() {
    let sum = "
title: Sum
correlation: {type: value_avg, rules: failed, timespan: 1h, condition: {field: '@timestamp', gte: 2}}
---
title: Much
correlation: {type: value_sum, rules: burst, timespan: 1h, condition: {field: event.original, gte: 1}}
---
title: Sent
correlation: {type: value_sum, rules: success, timespan: 1h, condition: {field: event.id, gte: 3}}
bartizan: {summary: 'ids up to {value} in {timespan}[ and {value} more {no.field}]'}
";
    check(
        sum,
        "1 success 192.0.2.1\n2 success 192.0.2.1\n",
        expect![[r"
        2 from 1: ids up to 3 in 1 hour [1 2]
    "]],
    );
}
