//! What the items of one rule may stand for: past it the rule is refused, with the place.

#![expect(clippy::format_collect, reason = "texts of a few thousand lines, once")]

use expect_test::{Expect, expect};
use sigma::{RuleFile, RuleSet};

#[track_caller]
fn check(modifiers: &str, count: usize, value: impl Fn(usize) -> String, expect: Expect) {
    check_rule(&format!("  s:\n{}  condition: s\n", list(modifiers, count, value)), expect);
}

#[track_caller]
fn check_rule(detection: &str, expect: Expect) {
    let text = format!(
        "title: T\nlogsource: {{product: windows, category: process_creation}}\ndetection:\n{detection}"
    );
    let (rules, faults) = RuleSet::load(&[RuleFile { path: "h.yml".to_owned(), text }]);
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    expect.assert_eq(&format!("{} rules {}", rules.rules().len(), faults.join(" ")));
}

fn list(modifiers: &str, count: usize, value: impl Fn(usize) -> String) -> String {
    let values: String =
        (0..count).map(|number| format!("      - '{}'\n", value(number))).collect();
    format!("    CommandLine|{modifiers}:\n{values}")
}

#[test]
fn a_long_list_is_taken() {
    check("contains", 19_000, |number| format!("value{number}x"), expect!["1 rules "]);
    check("contains", 19_000, |number| format!("v{number}*x"), expect!["1 rules "]);
}

#[test]
fn dashes_of_every_kind_in_a_long_list() {
    let value = |number| format!(" -a{number} -b -c");
    check(
        "windash|contains",
        9_000,
        value,
        expect!["0 rules h.yml:539:9: the rule stands for more than 200000 tests"],
    );
}

#[test]
fn expressions_of_pathological_size() {
    check(
        "re",
        1,
        |_| "((a{1000}){1000}){1000}".to_owned(),
        expect![
            "0 rules h.yml:6:9: regular expression: Compiled regex exceeds size limit of 4194304 bytes."
        ],
    );
    check(
        "re",
        1_000,
        |number| format!("a{number}.b"),
        expect!["0 rules h.yml:46:9: a rule holds at most 40 regular expressions"],
    );
}

#[test]
fn a_condition_that_names_a_long_list_often() {
    let list = list("contains", 1_000, |number| format!("value{number}x"));
    let condition = vec!["s"; 2_000].join(" or ");
    check_rule(
        &format!("  s:\n{list}  condition: {condition}\n"),
        expect!["0 rules h.yml:1006:259: the rule stands for more than 200000 tests"],
    );
}

#[test]
fn every_choice_of_long_lists() {
    let long =
        |name| format!("  s{name}:\n{}", list("contains", 300, |n| format!("value{name}of{n}")));
    let lists: String = (0..12).map(long).collect();
    check_rule(
        &format!("{lists}  condition: 5 of s*\n"),
        expect!["0 rules h.yml:3628:21: the rule stands for more than 200000 tests"],
    );
}

#[test]
fn a_condition_that_looks_through_many_selections_often() {
    let selections: String = (0..10_000).map(|n| format!("  s{n}: {{a: {n}}}\n")).collect();
    let condition = vec!["1 of s1"; 100_000].join(" or ");
    check_rule(
        &format!("{selections}  condition: {condition}\n"),
        expect!["0 rules h.yml:10004:206: the rule stands for more than 200000 tests"],
    );
}
