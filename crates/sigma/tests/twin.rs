//! The compiled rules against a naive twin, which holds every rule against every event.

#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use model::{Event, Field, Text, Timestamp, Value};
use proptest::prelude::*;
use proptest::sample::select;
use sigma::{RuleFile, RuleIndex, RuleKind, RuleSet, Scratch};

/// What the rules mean, said as plainly as it can be.
fn naive(rules: &RuleSet, event: &Event) -> Vec<RuleIndex> {
    let matches = |index: &RuleIndex| {
        let rule = rules.rule(*index).unwrap();
        let RuleKind::Event(predicate) = &rule.kind else { return false };
        rule.enabled && rule.logsource.fits(event) && predicate.matches(event)
    };
    (0..rules.rules().len()).map(RuleIndex).filter(matches).collect()
}

const FIELDS: [&str; 7] =
    ["a", "b", "user.name", "message", "source.port", "source.ip", "event.id"];

/// Texts that often meet: few letters, both cases, letters of several bytes and of two scripts that
/// fold to one another, wildcards, escapes, dashes, digits.
const TEXT: &str =
    r"[abABkKſsé /*?1-]{0,6}|abab[abAB*é]{0,4}|-?1{1,2}|\*[aB]{1,5}\*|\\\\[ab*]{1,4}";

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn item() -> impl Strategy<Value = String> {
    let texts = || prop::collection::vec(TEXT, 1..4);
    let list = |values: Vec<String>| {
        values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ")
    };
    let modifiers = select(vec![
        "",
        "|contains",
        "|startswith",
        "|endswith",
        "|contains|all",
        "|cased",
        "|contains|cased",
        "|endswith|cased",
        "|neq",
        "|windash|contains",
        "|wide|base64offset|contains",
        "|exact",
        "|utf16|base64",
        "|startswith|all",
    ]);
    let field = || select(FIELDS.to_vec());
    let text = (field(), modifiers, texts()).prop_map(move |(field, modifiers, values)| {
        let values: Vec<String> = if modifiers.contains("64") {
            values.iter().map(|value| value.replace(['*', '?', '\\'], "")).collect()
        } else {
            values
        };
        format!("{field}{modifiers}: [{}]", list(values))
    });
    let others = select(vec![
        "|re: '^a.+b$'",
        "|re: 'aba[bk]|s+1'",
        "|re|i: 'ABA?'",
        "|re: 'k{2,}'",
        "|exists: true",
        "|exists: false",
        ": null",
        ": ''",
        ": [1, 11, -1]",
        ": 1.0",
        ": [null, 'abab', 1]",
        "|gt: 0",
        "|lte: 1.5",
        "|cidr: [10.0.0.0/8, '2001:db8::/32']",
        "|fieldref: a",
        "|fieldref|endswith: b",
        "|fieldref|contains|cased: user.name",
        ": true",
        "|hour: 0",
        "|contains: 1",
        "|contains: ''",
        "|re: ''",
    ]);
    let other = (field(), others).prop_map(|(field, test)| format!("{field}{test}"));
    prop_oneof![3 => text, 2 => other]
}

fn selection() -> impl Strategy<Value = String> {
    let map = || {
        prop::collection::btree_map("[xyz]", item(), 1..4).prop_map(|items| {
            // One item a field: a second would replace nothing, it is an error of YAML.
            let mut fields = Vec::new();
            let items = items.into_values().filter(|item| {
                let field = item.split(['|', ':']).next().unwrap().to_owned();
                let new = !fields.contains(&field);
                fields.push(field);
                new
            });
            format!("{{{}}}", items.collect::<Vec<_>>().join(", "))
        })
    };
    let maps = prop::collection::vec(map(), 1..3).prop_map(|maps| format!("[{}]", maps.join(", ")));
    let keywords = prop::collection::vec(prop_oneof![TEXT, "[ab]{3,5}"], 1..3).prop_map(|words| {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        format!("[{}]", words.join(", "))
    });
    prop_oneof![4 => map(), 1 => maps, 1 => keywords]
}

fn rule() -> impl Strategy<Value = String> {
    let conditions = select(vec![
        "s1",
        "not s1",
        "s1 and not s2",
        "s1 or s2",
        "1 of s*",
        "all of them",
        "2 of them",
        "(s1 or s2) and not (s3 and not s2)",
        "not 1 of s*",
        "s1 and (s2 or not s3)",
    ]);
    let logsources = select(vec![
        "{}",
        "{product: windows}",
        "{product: windows, category: process_creation}",
        "{category: registry_event}",
        "{product: linux, service: sshd}",
    ]);
    (selection(), selection(), selection(), conditions, logsources).prop_map(
        |(one, two, three, condition, logsource)| {
            format!(
                "logsource: {logsource}\ndetection:\n  s1: {one}\n  s2: {two}\n  s3: {three}\n  condition: {condition}\n"
            )
        },
    )
}

/// A value as a sender may write it.
#[derive(Clone, Debug)]
enum Sent {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    List(Vec<String>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let text =
        r"[abABkKKſé /1-]{0,12}|abab[abéß]{0,6}|10\.0\.0\.[0-9]|2001:db8::1|1|-1|11|1\.0|true";
    prop_oneof![
        6 => text.prop_map(Sent::Text),
        1 => (-2..12_i64).prop_map(Sent::Integer),
        1 => select(vec![1.0, 1.5, -1.0, 0.1]).prop_map(Sent::Float),
        1 => any::<bool>().prop_map(Sent::Flag),
        1 => prop::collection::vec(text, 1..4).prop_map(Sent::List),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let fields = prop::collection::vec((select(FIELDS.to_vec()), sent()), 0..7);
    let labels = select(vec![
        vec![],
        vec![("product", "windows")],
        vec![("product", "Windows"), ("category", "process_creation")],
        vec![("product", "windows"), ("category", "registry_set")],
        vec![("product", "linux"), ("service", "sshd")],
        vec![("Channel", "Security")],
    ]);
    (fields, labels, "[abABkKſé 1-]{0,20}").prop_map(|(fields, labels, original)| {
        let mut event = Event::new(Text::from(original.as_str()), Timestamp::from_seconds(0));
        for (name, sent) in fields {
            match sent {
                Sent::Text(text) => event.set_path(name, text.as_str()),
                Sent::Integer(number) => event.set_path(name, number),
                Sent::Float(number) => event.set_path(name, number),
                Sent::Flag(flag) => event.set_path(name, flag),
                Sent::List(texts) => {
                    event.set_path_list(name, texts.iter().map(|text| Value::Text(text)));
                }
            }
        }
        // A name of the schema beside the known field, as a value that did not fit leaves it.
        if event.get(Field::UserName).is_none() {
            event.set_extra("user.name", "abab");
        }
        for (name, value) in labels {
            event.set_path(name, value);
        }
        event
    })
}

fn load(rules: &[String]) -> RuleSet {
    let files: Vec<RuleFile> = rules
        .iter()
        .enumerate()
        .map(|(number, rule)| RuleFile {
            path: format!("{number}.yml"),
            text: format!("title: Rule {number}\nid: r{number}\n{rule}"),
        })
        .collect();
    RuleSet::load(&files).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn same_rules_match_as_one_by_one(
        rules in prop::collection::vec(rule(), 1..10),
        events in prop::collection::vec(event(), 1..12),
    ) {
        let rules = load(&rules);
        let mut scratch = Scratch::default();
        for event in &events {
            let mut found = Vec::new();
            rules.matches_with(event, &mut scratch, &mut found);
            prop_assert_eq!(found, naive(&rules, event), "{}", event);
        }
    }
}

/// The generators above must make rules that load and match, or the property says nothing.
#[test]
fn the_twins_have_something_to_say() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut make = || rule().new_tree(&mut runner).unwrap().current();
    let written: Vec<String> = (0..200).map(|_| make()).collect();
    let rules = load(&written);
    assert!(rules.rules().len() > 150, "only {} of 200 rules load", rules.rules().len());
    let mut matching = 0;
    for _ in 0..50 {
        let event = event().new_tree(&mut runner).unwrap().current();
        matching += naive(&rules, &event).len();
    }
    assert!((500..9_000).contains(&matching), "{matching} matches of 10,000");
}
