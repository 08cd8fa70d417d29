//! The shipped rules: every one loads, has examples, and does what they say.

use std::fmt::Write;
use std::sync::Arc;

use detect::{Engine, Indicators, Memory, shipped_rules};
use expect_test::expect;
use model::{Clock, Detection, Event, EventId, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};
use proptest::prelude::*;
use sigma::{RuleFile, RuleIndex, RuleSet};

fn engine() -> Engine {
    let (rules, faults) = RuleSet::load(&shipped_rules());
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Engine::new(rules)
}

fn events<'l>(lines: impl IntoIterator<Item = &'l str>) -> Vec<Event> {
    let parser = Parser::new(ParserConfig { utc_offset_seconds: 0 });
    let now = Timestamp::from_seconds(1_795_262_400); // 2026-11-21T12:00:00Z
    let record = |line| {
        let (format, line) = sigma::Example::record(line);
        let format = format.map(str::to_owned);
        Record {
            text: Text::from(line),
            received_at: now,
            origin: Arc::new(Origin { clock: Clock::File(now), format, ..Origin::default() }),
            truncated_bytes: 0,
            escaped_bytes: 0,
        }
    };
    let mut id = 0;
    lines
        .into_iter()
        .map(|line| {
            let mut event = parser.parse(record(line));
            id += 1;
            event.id = EventId(id);
            event
        })
        .collect()
}

#[test]
fn every_rule_does_what_its_examples_say() {
    let engine = engine();
    let mut wrong = String::new();
    for (index, rule) in engine.rules().rules().iter().enumerate() {
        // One that only serves a correlation is tried by the correlation's examples.
        for matches in [true, false] {
            if rule.reports && !rule.examples.iter().any(|example| example.matches == matches) {
                writeln!(wrong, "{}: no example with matches = {matches}", rule.path).unwrap();
            }
        }
        for example in &rule.examples {
            let lines: Vec<String> = example.lines().collect();
            let mut played = events(lines.iter().map(String::as_str));
            if engine.fires(RuleIndex(index), &mut played) != example.matches {
                let last = played.last().unwrap();
                writeln!(
                    wrong,
                    "{}: {} must give {}\n{last}",
                    rule.path,
                    lines.join("\n"),
                    example.matches
                )
                .unwrap();
            }
        }
    }
    println!("{} rules", engine.rules().rules().len());
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_rule_says_what_people_need() {
    for rule in engine().rules().rules().iter().filter(|rule| rule.reports) {
        let header = &rule.header;
        assert_eq!(header.id.len(), 36, "{}: the id is a UUID", rule.path);
        assert!(!header.description.is_empty(), "{}", rule.path);
        assert!(!header.false_positives.is_empty(), "{}", rule.path);
        assert_eq!(header.author, "Bartizan", "{}", rule.path);
        let (tactic, _) = rule.path.split_once('/').unwrap();
        let tag = format!("attack.{}", tactic.replace('_', "-"));
        assert!(header.tags.contains(&tag), "{}: lacks the tag {tag}", rule.path);
        assert!(header.tags.iter().any(|tag| tag.starts_with("attack.t1")), "{}", rule.path);
    }
}

fn observe(engine: &Engine, memory: &mut Memory, events: &[Event]) -> Vec<Detection> {
    let mut found = Vec::new();
    for event in events {
        let mut event = event.clone();
        engine.analyse(&mut event, &Indicators::default());
        engine.observe(&event, memory, &mut found);
    }
    found
}

fn told(found: &[Detection]) -> String {
    found.iter().map(line).collect()
}

fn line(detection: &Detection) -> String {
    let Detection { time, rule, entity, count, summary, events, .. } = detection;
    let whom = entity.as_ref().map(|entity| format!("{} {}", entity.kind.as_str(), entity.value));
    let whom = whom.unwrap_or_default();
    let evidence: Vec<String> = events.iter().map(ToString::to_string).collect();
    format!("{time} {} | {whom} | {count} | {summary} | {}\n", rule.level, evidence.join(" "))
}

/// Rules of this test's own, so that a better wording of a shipped one does not break it.
const RULES: &str = "
title: Failed
name: failed
logsource: {product: linux, service: sshd}
detection: {s: {event.action: ssh_login, event.outcome: failure}, condition: s}
---
title: Burst
name: burst
level: medium
correlation: {type: event_count, rules: failed, group-by: source.ip, timespan: 1m, condition: {gt: 5}}
bartizan:
  reports: true
  summary: '{source.ip} failed {count} SSH log-ins within {timespan}[ on {host.name}]'
---
title: Success
name: success
logsource: {product: linux, service: sshd}
detection: {s: {event.action: ssh_login, event.outcome: success}, condition: s}
---
title: Guessed
level: critical
correlation: {type: temporal_ordered, rules: [burst, success], group-by: source.ip, timespan: 1h}
---
title: Many addresses for one user
level: high
correlation: {type: value_count, rules: failed, group-by: user.name, timespan: 1h, condition: {field: source.ip, gte: 2}}
---
title: Sudo denied
logsource: {product: linux, service: sudo}
detection: {s: {event.action: sudo_denied}, condition: s}
bartizan: {summary: '{user.name} may not run {process.command_line}[ on {no.such.field}]'}
---
title: SQL injection
level: high
logsource: {category: webserver}
detection: {s: {bartizan.inspection.classes: sql_injection}, condition: s}
bartizan: {summary: '{http.request.method} {url.original} from {source.ip} looks like SQL injection'}
";

#[test]
fn sentences_entities_and_evidence() {
    let file = RuleFile { path: "own.yml".to_owned(), text: RULES.to_owned() };
    let (rules, faults) = RuleSet::load(&[file]);
    assert_eq!(faults, []);
    let lines = [
        "Nov 21 06:58:00 web1 sshd[4711]: Failed password for root from 203.0.113.9 port 51514 ssh2",
        "Nov 21 06:58:07 web1 sshd[4713]: message repeated 5 times: [ Failed password for root from 203.0.113.9 port 51514 ssh2]",
        "Nov 21 06:59:03 web1 sshd-session[4712]: Accepted password for root from 203.0.113.9 port 51514 ssh2",
        "Nov 21 06:59:04 web1 sshd[4711]: Failed password for root from 198.51.100.7 port 51514 ssh2",
        "Nov 21 06:59:10 web1 sudo:      bob : user NOT in sudoers ; TTY=pts/1 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id",
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET /a?id=1%27%20UNION%20SELECT%20user,password%20FROM%20users--%20 HTTP/1.1" 200 512 "-" "sqlmap/1.8""#,
        r#"198.51.100.7 - - [21/Nov/2026:06:58:00 +0000] "GET / HTTP/1.1" 200 512 "-" "Mozilla/5.0""#,
    ];
    expect![[r"
        2026-11-21T06:58:07.000Z medium | address 203.0.113.9 | 6 | 203.0.113.9 failed 6 SSH log-ins within 1 minute on web1 | 1 2
        2026-11-21T06:59:03.000Z critical | address 203.0.113.9 | 7 | Guessed: 7 within 1 hour | 1 2 3
        2026-11-21T06:59:04.000Z high | user root | 2 | Many addresses for one user: 2 within 1 hour | 1 2 4
        2026-11-21T06:59:10.000Z informational | user bob | 1 | bob may not run /usr/bin/id | 5
        2026-11-21T06:58:00.000Z high | address 203.0.113.9 | 1 | GET /a?id=1%27%20UNION%20SELECT%20user,password%20FROM%20users--%20 from 203.0.113.9 looks like SQL injection | 6
    "]].assert_eq(&told(&observe(&Engine::new(rules), &mut Memory::new(), &events(lines))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn replay_in_two_halves_is_replay_in_one(
        picks in prop::collection::vec((0..6_u8, 0..3_u8, 0..20_u32), 1..60),
        cut in 0..60_usize,
    ) {
        let engine = engine_once();
        let mut second = 0;
        let lines: Vec<String> = picks.iter().map(|(kind, who, step)| {
            second += step;
            let time = format!("{:02}:{:02}:{:02}", 6 + second / 3600, second / 60 % 60, second % 60);
            match kind {
                0..3 => format!("Nov 21 {time} web1 sshd[1]: Failed password for u{who} from 203.0.113.{who} port 1 ssh2"),
                3 => format!("Nov 21 {time} web1 sshd[1]: Accepted password for u{who} from 203.0.113.{who} port 1 ssh2"),
                4 => format!("Nov 21 {time} web1 su[1]: FAILED SU (to root) u{who} on pts/0"),
                _ => format!("Nov 21 {time} web1 sshd[1]: Invalid user u{second} from 203.0.113.{who} port 1"),
            }
        }).collect();
        let played = events(lines.iter().map(String::as_str));
        let whole = told(&observe(engine, &mut Memory::new(), &played));
        let mut memory = Memory::new();
        let (first, rest) = played.split_at(cut.min(played.len()));
        let halves = told(&observe(engine, &mut memory, first)) + &told(&observe(engine, &mut memory, rest));
        prop_assert_eq!(whole, halves);
    }
}

fn engine_once() -> &'static Engine {
    static ENGINE: std::sync::OnceLock<Engine> = std::sync::OnceLock::new();
    ENGINE.get_or_init(engine)
}
