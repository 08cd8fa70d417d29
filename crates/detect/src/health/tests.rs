//! What is said of rules after some events.

use expect_test::{Expect, expect};
use model::{Field, Text};
use sigma::{RuleFile, RuleSet};

use super::*;

const HOUR: i64 = 3_600;
const NOW: i64 = 1_795_219_200;

/// An event so many seconds ago, of a module, with fields.
fn event(ago: i64, module: &str, fields: &[&str]) -> Event {
    let mut event = Event::new(Text::from("a line"), Timestamp::from_seconds(NOW - ago));
    event.set(Field::EventModule, module);
    for field in fields {
        event.set_path(field, "x");
    }
    event
}

const SSHD: &str = "{id: r, title: r, logsource: {product: linux, service: sshd}, \
    detection: {s: {user.name: x, source.ip: y}, condition: s}}";

#[test]
fn a_source_that_comes_with_its_fields() {
    let events =
        [event(60, "sshd", &["user.name", "source.ip"]), event(30, "sshd", &["user.name"])];
    check(SSHD, &events, expect!["able, source 30 s ago, 1 an hour, could 60 s ago"]);
}

#[test]
fn fields_that_never_came_together_and_one_that_never_came() {
    let events = [event(60, "sshd", &["source.ip"]), event(30, "sshd", &["user.name"])];
    check(SSHD, &events, expect!["blind, source 30 s ago, 1 an hour"]);
    let events = [event(30, "sshd", &["user.name"])];
    check(SSHD, &events, expect!["blind, source 30 s ago, 1 an hour, missing source.ip"]);
}

#[test]
fn a_source_that_is_another_or_came_long_ago() {
    let fields = ["user.name", "source.ip"];
    check(SSHD, &[event(30, "access", &fields)], expect!["silent"]);
    check(
        SSHD,
        &[event(25 * HOUR, "sshd", &fields)],
        expect!["silent, source 90000 s ago, 0 an hour, could 90000 s ago"],
    );
}

#[test]
fn a_source_of_which_nothing_is_known_counts_with_its_fields_alone() {
    let process = "{id: r, title: r, logsource: {product: windows, category: process_creation}, \
        detection: {s: {Image|endswith: cmd.exe, CommandLine|contains: x}, f: {User: y}, condition: s and not f}}";
    check(process, &[event(30, "json", &["Image"])], expect!["silent"]);
    check(
        process,
        &[event(30, "json", &["Image", "CommandLine"])],
        expect!["able, source 30 s ago, 1 an hour, could 30 s ago"],
    );
    let words = "{id: r, title: r, logsource: {product: linux}, detection: {w: [x], condition: w}}";
    check(words, &[event(30, "json", &[])], expect!["silent"]);
    check(
        words,
        &[event(30, "sshd", &[])],
        expect!["able, source 30 s ago, 1 an hour, could 30 s ago"],
    );
}

#[test]
fn a_field_by_one_of_its_names() {
    let unix = "{id: r, title: r, logsource: {product: linux, service: sudo}, \
        detection: {s: {CommandLine|contains: x, Image: y}, condition: s}}";
    check(
        unix,
        &[event(30, "sudo", &["process.command_line"])],
        expect!["blind, source 30 s ago, 1 an hour, missing Image"],
    );
}

#[test]
fn a_kind_of_event_that_is_another() {
    let rule =
        "{id: r, title: r, detection: {s: {event.module: sshd, user.name: x}, condition: s}}";
    check(
        rule,
        &[event(30, "samba", &["user.name"])],
        expect!["blind, source 30 s ago, 1 an hour"],
    );
    check(
        rule,
        &[event(30, "sshd", &["user.name"])],
        expect!["able, source 30 s ago, 1 an hour, could 30 s ago"],
    );
}

#[test]
fn correlations_need_one_of_their_rules_or_all() {
    let web = "---\n{id: w, title: w, logsource: {category: webserver}, \
        detection: {s: {url.path: x}, condition: s}}";
    let many = "---\n{id: r, title: r, correlation: {type: event_count, rules: [a, w], \
        timespan: 1m, group-by: [source.ip], condition: {gte: 3}}}";
    let both = "---\n{id: r, title: r, correlation: {type: temporal, rules: [a, w], \
        timespan: 1m, group-by: [source.ip]}}";
    let first = SSHD.replace("id: r, title: r", "id: a, title: a");
    let events = [event(60, "sshd", &["user.name", "source.ip"])];
    check(
        &format!("{first}\n{web}\n{many}"),
        &events,
        expect!["able, source 60 s ago, 1 an hour, could 60 s ago"],
    );
    check(&format!("{first}\n{web}\n{both}"), &events, expect!["silent"]);
}

#[test]
fn hits_and_evaluations() {
    let (rules, _) = RuleSet::load(&[file(SSHD)]);
    let mut health = Health::new();
    health.hit("r", Timestamp::from_seconds(NOW - 5));
    health.hit("r", Timestamp::from_seconds(NOW - 9));
    health.evaluations("r", 30);
    health.evaluations("other", 10);
    health.renew();
    health.evaluations("r", 30);
    let all = health.of_all(&rules, Timestamp::from_seconds(NOW));
    assert_eq!((all[0].hits, all[0].evaluations), (2, 60));
    assert_eq!(all[0].fired, Some(Timestamp::from_seconds(NOW - 5)));
    assert!((all[0].share - 60.0 / 70.0).abs() < 1e-9);
}

#[test]
fn forged_fields_and_sources_cost_bounded_memory() {
    let mut health = Health::new();
    for number in 0..20_000 {
        let mut event = event(0, "sshd", &[]);
        event.set_path(&format!("field{number}"), "x");
        health.observe(&event);
        event.set_path("product", format!("product{number}").as_str());
        health.observe(&event);
    }
    assert!(health.sources.len() <= SOURCES_MAX && health.shapes.len() <= SHAPES_MAX + SOURCES_MAX);
    assert!(health.shape_of.len() <= GLANCES_MAX && health.unnoted > 0);
    let again = Health::restore(&health.snapshot()).unwrap();
    assert_eq!(again.snapshot(), health.snapshot());
    // Sources for which there was no shape of their own are still seen with their fields.
    let rule = "{id: r, title: r, logsource: {service: sshd}, detection: {s: {field700: x}, condition: s}}";
    let (rules, _) = RuleSet::load(&[file(rule)]);
    let all = again.of_all(&rules, Timestamp::from_seconds(NOW));
    assert_eq!(all[0].verdict, Verdict::Able);
}

#[test]
fn damaged_texts_are_refused() {
    let mut health = Health::new();
    health.observe(&event(30, "sshd", &["user.name", "strange\tname"]));
    health.hit("r", Timestamp::from_seconds(NOW));
    let text = health.snapshot();
    assert_eq!(Health::restore(&text).unwrap().snapshot(), text);
    for damaged in [
        "",
        "bartizan health 2\n",
        "bartizan health 1\nsource\t1\n",
        "bartizan health 1\nshape\t0\t1\t1\ta\tb\n",
    ] {
        assert!(Health::restore(damaged).is_none(), "{damaged:?}");
    }
}

fn file(text: &str) -> RuleFile {
    RuleFile { path: "rule.yml".to_owned(), text: text.to_owned() }
}

/// Tells the health of the rule `r` after these events, the same before and after a restart.
#[track_caller]
fn check(rules: &str, events: &[Event], expect: Expect) {
    let (set, faults) = RuleSet::load(&[file(rules)]);
    assert!(faults.is_empty(), "{faults:?}");
    let place = set.rules().iter().position(|rule| rule.header.id == "r").unwrap();
    let mut health = Health::new();
    for event in events {
        health.observe(event);
    }
    let now = Timestamp::from_seconds(NOW);
    let found = health.of_all(&set, now)[place].clone();
    let mut again = Health::restore(&health.snapshot()).unwrap();
    assert_eq!(again.of_all(&set, now)[place], found);
    for event in events {
        again.observe(event);
    }
    assert_eq!(again.shapes.len(), health.shapes.len());

    let ago = |time: Timestamp| format!("{} s ago", now.since(time).as_secs());
    let mut told = vec![found.verdict.as_str().to_owned()];
    if let Some(last) = found.source_last {
        told.push(format!("source {}, {} an hour", ago(last), found.source_per_hour));
    }
    told.extend(found.could.map(|time| format!("could {}", ago(time))));
    if !found.missing.is_empty() {
        told.push(format!("missing {}", found.missing.join(" ")));
    }
    expect.assert_eq(&told.join(", "));
}
