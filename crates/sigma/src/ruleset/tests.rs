use std::fmt::Write;

use expect_test::{Expect, expect};
use model::{EventId, Field, Text, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{Fired, Memory};

const BASE: &str = r"
title: Failed
name: failed
detection: {s: {event.outcome: failure}, condition: s}
---
title: Success
name: success
detection: {s: {event.outcome: success}, condition: s}
---
";

const BURST: &str = r"
title: Burst
id: burst
correlation:
  type: event_count
  rules: failed
  group-by: source.ip
  timespan: 1m
  condition: {gt: 5}
";

/// Plays `seconds outcome address user` lines and gives what fires.
fn play(rules: &RuleSet, memory: &mut Memory, events: &[Event]) -> String {
    let mut told = String::new();
    for event in events {
        let (mut matched, mut fired) = (Vec::new(), Vec::new());
        rules.matches(event, &mut matched);
        rules.correlate(event, &matched, memory, &mut fired);
        for Fired { rule, count, events, .. } in fired {
            let ids: Vec<String> = events.iter().map(ToString::to_string).collect();
            writeln!(
                told,
                "{} {} {count} [{}]",
                event.time.seconds(),
                rules.rules[rule.0].header.id,
                ids.join(" ")
            )
            .unwrap();
        }
    }
    told
}

fn event(id: u64, line: &str) -> Event {
    let words: Vec<&str> = line.split(' ').collect();
    let mut event =
        Event::new(Text::from(line), Timestamp::from_seconds(words[0].parse().unwrap()));
    event.id = EventId(id);
    event.set(Field::EventOutcome, words[1]);
    event.set(Field::SourceIp, words[2]);
    if let Some(user) = words.get(3) {
        event.set(Field::UserName, *user);
    }
    event
}

fn events(lines: &[&str]) -> Vec<Event> {
    lines.iter().enumerate().map(|(at, line)| event(u64::try_from(at).unwrap() + 1, line)).collect()
}

fn load(text: &str) -> (RuleSet, Vec<RuleFault>) {
    RuleSet::load(&[RuleFile { path: "rules/a.yml".to_owned(), text: text.to_owned() }])
}

#[track_caller]
fn check(correlation: &str, lines: &[&str], expect: Expect) {
    let (rules, faults) = load(&format!("{BASE}{correlation}"));
    assert_eq!(faults, []);
    expect.assert_eq(&play(&rules, &mut Memory::default(), &events(lines)));
}

#[test]
fn more_than_five_within_any_minute() {
    let six = [
        "0 failure 1.1.1.1",
        "10 failure 1.1.1.1",
        "20 failure 1.1.1.1",
        "30 failure 1.1.1.1",
        "40 failure 1.1.1.1",
        "60 failure 1.1.1.1",
    ];
    check(
        BURST,
        &six,
        expect![[r"
        60 burst 6 [1 2 3 4 5 6]
    "]],
    );
    let slow = [
        "0 failure 1.1.1.1",
        "10 failure 1.1.1.1",
        "20 failure 1.1.1.1",
        "30 failure 1.1.1.1",
        "40 failure 1.1.1.1",
        "61 failure 1.1.1.1",
    ];
    check(BURST, &slow, expect![]);
    let two = [
        "0 failure 1.1.1.1",
        "1 failure 1.1.1.1",
        "2 failure 1.1.1.1",
        "3 failure 1.1.1.2",
        "4 failure 1.1.1.2",
        "5 failure 1.1.1.2",
    ];
    check(BURST, &two, expect![]);
}

#[test]
fn a_record_that_stands_for_several() {
    let (rules, _) = load(&format!("{BASE}{BURST}"));
    let mut played = events(&["0 failure 1.1.1.1", "1 failure 1.1.1.1"]);
    played[1].set(Field::Repeat, 5_i64);
    expect![[r"
        1 burst 6 [1 2]
    "]]
    .assert_eq(&play(&rules, &mut Memory::default(), &played));
}

#[test]
fn a_late_one_completes_the_minute() {
    let late = [
        "0 failure 1.1.1.1",
        "10 failure 1.1.1.1",
        "20 failure 1.1.1.1",
        "30 failure 1.1.1.1",
        "90 failure 1.1.1.1",
        "40 failure 1.1.1.1",
        "50 failure 1.1.1.1",
    ];
    check(
        BURST,
        &late,
        expect![[r"
        50 burst 6 [1 2 3 4 6 7]
    "]],
    );
}

#[test]
fn password_spray_counts_users() {
    let spray = r"
title: Spray
id: spray
correlation:
  type: value_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 5m
  condition: {field: user.name, gte: 3}
";
    check(
        spray,
        &[
            "0 failure 1.1.1.1 a",
            "1 failure 1.1.1.1 a",
            "2 failure 1.1.1.1 b",
            "3 failure 1.1.1.1",
            "4 failure 1.1.1.1 c",
        ],
        expect![[r"
            4 spray 3 [1 2 3 5]
        "]],
    );
}

#[test]
fn success_after_failures() {
    let chain = format!(
        "{BURST}---
title: Guessed
id: guessed
correlation:
  type: temporal_ordered
  rules: [burst, success]
  group-by: [source.ip]
  timespan: 10m
  generate: true
"
    );
    let lines = [
        "0 success 1.1.1.1",
        "1 failure 1.1.1.1",
        "2 failure 1.1.1.1",
        "3 failure 1.1.1.1",
        "4 failure 1.1.1.1",
        "5 failure 1.1.1.1",
        "6 failure 1.1.1.1",
        "7 success 1.1.1.2",
        "8 success 1.1.1.1",
    ];
    check(
        &chain,
        &lines,
        expect![[r"
            6 burst 6 [2 3 4 5 6 7]
            8 guessed 7 [2 3 4 5 6 7 9]
        "]],
    );
}

#[test]
fn temporal_in_any_order_with_aliases() {
    let both = r"
title: Both
id: both
correlation:
  type: temporal
  rules: [success, failed]
  aliases: {who: {success: user.name, failed: source.ip}}
  group-by: [who]
  timespan: 10s
";
    check(
        both,
        &["0 failure 1.1.1.1", "5 success 2.2.2.2 1.1.1.1", "30 success 2.2.2.2 1.1.1.1"],
        expect![[r"
            5 both 2 [1 2]
        "]],
    );
}

#[test]
fn who_reports() {
    let (rules, _) = load(&format!("{BASE}{BURST}"));
    let reports: Vec<bool> = rules.rules().iter().map(|rule| rule.reports).collect();
    assert_eq!(reports, [false, true, true]);
    let (rules, _) = load(&format!("{BASE}{BURST}  generate: true\n"));
    assert!(rules.rules()[0].reports);
}

#[test]
fn a_bad_rule_never_stops_the_rest() {
    let files = [
        ("a/one.yml", "title: One\nid: x\ndetection:\n  s: {a: 1}\n  condition: s and\n"),
        ("a/two.yml", "title: Two\nid: y\ndetection: {s: {a: 1}, condition: s}\n---\ntitle: [\n"),
        ("a/three.yml", "title: Three\nid: y\ndetection: {s: {a: 1}, condition: s}\n"),
        ("a/four.yml", "id: z\ndetection: {s: {a: 1}, condition: s}\n"),
        ("a/five.yml", "title: Five\nstatus: deprecated\ndetection: {s: {a: 1}, condition: s}\n"),
        (
            "a/six.yml",
            "title: Six\ncorrelation: {type: event_count, rules: nobody, timespan: 1m, condition: {gt: 1}}\n",
        ),
        (
            "a/seven.yml",
            "title: Seven\nname: seven\ncorrelation: {type: event_count, rules: seven, timespan: 1m, condition: {gt: 1}}\n",
        ),
        (
            "a/eight.yml",
            "title: Eight\ncorrelation: {type: event_count, rules: y, timespan: 2y, condition: {gt: 1}}\n",
        ),
        ("a/nine.yml", "title: Nine\nlevel: bad\ndetection: {s: {a: 1}, condition: s}\n"),
        ("a/ten.yml", "- 1\n"),
        ("a/eleven.yml", "title: Eleven\ndetection: {s: {a|expand: '%x%'}, condition: s}\n"),
    ];
    let files = files.map(|(path, text)| RuleFile { path: path.to_owned(), text: text.to_owned() });
    let (rules, faults) = RuleSet::load(&files);
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let titles: Vec<&str> = rules.rules().iter().map(|rule| rule.header.title.as_str()).collect();
    expect![[r"
        a/one.yml:5:19: expected the name of a selection
        a/two.yml:6:1: while parsing a node, did not find expected node content
        a/three.yml:2:5: another rule has the id y
        a/four.yml:1:1: a rule needs a `title`
        a/five.yml:2:9: its status is deprecated: it is not run
        a/eight.yml:2:54: a timespan is a number and s, m, h, d, w, M or y, up to 366 days
        a/nine.yml:2:8: the level is informational, low, medium, high or critical
        a/ten.yml:1:1: a rule is a map
        a/eleven.yml:2:27: nothing is known of the placeholder %x%
        a/seven.yml:3:41: `seven` waits for this correlation itself, or for a rule that is not there
        a/six.yml:2:41: there is no rule `nobody`, or it was set aside
        loaded: Two"]]
    .assert_eq(&format!("{}\nloaded: {}", faults.join("\n"), titles.join(", ")));
}

proptest! {
    #[test]
    fn two_halves_are_one_whole(
        lines in prop::collection::vec((0..20_i64, any::<bool>(), 0..3_u8, 0..3_u8), 1..60),
        cut in 0..60_usize,
    ) {
        let (rules, _) = load(&format!("{BASE}{BURST}---\ntitle: T\ncorrelation: {{type: temporal_ordered, rules: [burst, success], group-by: source.ip, timespan: 2m}}\n"));
        let mut now = 0;
        let played: Vec<Event> = lines.iter().enumerate().map(|(id, (step, failed, address, user))| {
            now += step;
            let outcome = if *failed { "failure" } else { "success" };
            event(u64::try_from(id).unwrap(), &format!("{now} {outcome} 1.1.1.{address} u{user}"))
        }).collect();
        let whole = play(&rules, &mut Memory::default(), &played);
        let mut memory = Memory::default();
        let (first, second) = played.split_at(cut.min(played.len()));
        let halves = play(&rules, &mut memory, first) + &play(&rules, &mut memory, second);
        prop_assert_eq!(whole, halves);
    }

    #[test]
    fn any_rule_text_is_survived(text in r"(title: [a-z]{1,3}\n|detection: \{s: \{[a-z|]{1,12}: [a-z*%0-9\[\]{},']{0,6}\}, condition: [a-z0-9 *()]{0,9}\}\n|[a-z:\n \[\]{}&*'-]{0,9}){0,5}") {
        let _ = load(&text);
    }
}
