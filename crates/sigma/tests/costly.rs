//! Rules that are made to cost much: each is refused with its place and reason, or simply taken.

use std::fmt::Write;

use expect_test::{Expect, expect};
use sigma::{RuleFile, RuleSet};

#[track_caller]
fn check(detection: &str, expect: Expect) {
    let text = format!(
        "title: T\nlogsource: {{product: windows, category: process_creation}}\ndetection:\n{detection}"
    );
    let (rules, faults) = RuleSet::load(&[RuleFile { path: "h.yml".to_owned(), text }]);
    let mut told = format!("{} rules", rules.rules().len());
    for fault in faults {
        let _ = write!(told, "\n{fault}");
    }
    expect.assert_eq(&told);
}

fn values(modifiers: &str, count: usize, value: impl Fn(usize) -> String) -> String {
    let mut text = format!("    CommandLine|{modifiers}:\n");
    for number in 0..count {
        let _ = writeln!(text, "      - '{}'", value(number));
    }
    text
}

#[test]
fn a_list_of_a_hundred_thousand_values() {
    let list = values("contains", 100_000, |number| format!("value{number}x"));
    check(
        &format!("  s:\n{list}  condition: s\n"),
        expect![[r"
        0 rules
        h.yml:20006:9: more than 20000 items in one list or map"]],
    );
}

#[test]
fn a_condition_that_names_a_long_list_often() {
    let list = values("contains", 1_000, |number| format!("value{number}x"));
    let condition = vec!["s"; 2_000].join(" or ");
    check(
        &format!("  s:\n{list}  condition: {condition}\n"),
        expect![[r"
            0 rules
            h.yml:1006:259: the rule stands for more than 200000 tests"]],
    );
}

#[test]
fn every_choice_of_long_lists() {
    let mut text = String::new();
    for name in 0..12 {
        let list = values("contains", 300, |number| format!("value{name}of{number}"));
        let _ = write!(text, "  s{name}:\n{list}");
    }
    text.push_str("  condition: 5 of s*\n");
    check(
        &text,
        expect![[r"
            0 rules
            h.yml:3628:21: the rule stands for more than 200000 tests"]],
    );
}

#[test]
fn dashes_of_every_kind_in_a_long_list() {
    let list = values("windash|contains", 100_000, |number| format!(" -a{number} -b -c"));
    check(
        &format!("  s:\n{list}  condition: s\n"),
        expect![[r"
            0 rules
            h.yml:20006:9: more than 20000 items in one list or map"]],
    );
}

#[test]
fn expressions_of_pathological_size() {
    let nested = values("re", 1, |_| "((a{1000}){1000}){1000}".to_owned());
    check(
        &format!("  s:\n{nested}  condition: s\n"),
        expect![[r"
            0 rules
            h.yml:6:9: regular expression: Compiled regex exceeds size limit of 4194304 bytes."]],
    );
    let many = values("re", 1_000, |number| format!("a{number}.b"));
    check(
        &format!("  s:\n{many}  condition: s\n"),
        expect![[r"
            0 rules
            h.yml:46:9: a rule holds at most 40 regular expressions"]],
    );
}
