//! Rule files that mean harm: each is refused with its place and reason, at little cost, and the rest
//! of the rules runs.

#![expect(clippy::format_collect, reason = "texts of a few thousand lines, once")]

use std::fmt::Write;

use expect_test::{Expect, expect};
use sigma::{RuleFile, RuleSet};

const GOOD: &str = "title: Good\nid: good\ndetection: {s: {a: 1}, condition: s}\n";

/// Loads a hostile file beside a good one; of many faults the first three are told.
#[track_caller]
fn check(text: &str, expect: Expect) {
    let file = |path: &str, text: &str| RuleFile { path: path.to_owned(), text: text.to_owned() };
    let (rules, faults) = RuleSet::load(&[file("bad.yml", text), file("good.yml", GOOD)]);
    assert!(rules.rules().iter().any(|rule| rule.header.title == "Good"));
    let mut told: Vec<String> = faults.iter().take(3).map(ToString::to_string).collect();
    if faults.len() > 3 {
        told.push(format!("and {} more", faults.len() - 3));
    }
    if rules.rules().len() > 1 {
        told.push(format!("{} rules loaded", rules.rules().len() - 1));
    }
    expect.assert_eq(&told.join("\n"));
}

fn rule(detection: &str) -> String {
    format!("title: Bad\ndetection:\n{detection}\n  condition: s\n")
}

#[test]
fn aliases_that_multiply() {
    let level = |n: usize| {
        let below = format!("*a{}", n - 1);
        format!("a{n}: &a{n} [{}]\n", [below.as_str(); 10].join(","))
    };
    let laughs = (1..12).map(level).collect::<Vec<_>>().concat();
    check(&format!("a0: &a0 lol\n{laughs}"), expect!["bad.yml:7:18: more than 500000 nodes"]);
    // Few nodes, but long ones.
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a,".repeat(1_000));
    check(&long, expect!["bad.yml:2:50: aliases copy more than 16777216 bytes"]);
    // Anchors within anchors: each copies all below it.
    let nested = format!("a: {}x{}\n", "&a [".repeat(31), "]".repeat(31));
    check(
        &format!("{nested}b: *a\n"),
        expect!["bad.yml:1:1: a rule has a `detection`, a `correlation` or a `filter`"],
    );
}

#[test]
fn anchors_that_hold_themselves() {
    check("a: &a [*a]\n", expect!["bad.yml:1:8: this alias names nothing before it"]);
    check(
        "&a a: *a\n",
        expect!["bad.yml:1:1: a rule has a `detection`, a `correlation` or a `filter`"],
    );
    check("a: &a {<<: *a}\n", expect!["bad.yml:1:12: this alias names nothing before it"]);
}

#[test]
fn nesting() {
    check(&"[".repeat(1 << 20), expect!["bad.yml:1:256: recursion limit exceeded"]);
    check(&"{a: ".repeat(1 << 18), expect!["bad.yml:1:1021: recursion limit exceeded"]);
    check(&"- ".repeat(1 << 20), expect!["bad.yml:1:65: nested deeper than 32"]);
    let deep: String = (0..2_000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    check(&deep, expect!["bad.yml:33:33: nested deeper than 32"]);
    check(
        &rule(&format!("  s: {{a: {}1{}}}", "[".repeat(28), "]".repeat(28))),
        expect!["bad.yml:3:11: expected a value"],
    );
}

#[test]
fn long_lists_and_large_files() {
    let mut list = String::from("  s:\n    a:\n");
    for number in 0..100_000 {
        writeln!(list, "      - value{number}").unwrap();
    }
    check(&rule(&list), expect!["bad.yml:20005:9: more than 20000 items in one list or map"]);
    let keys: String = (0..100_000).map(|number| format!("k{number}: 1\n")).collect();
    check(&keys, expect!["bad.yml:20001:1: more than 20000 items in one list or map"]);
    check(
        &format!("title: {}", "x".repeat(50 << 20)),
        expect!["bad.yml:1:1: the file is over 4194304 bytes"],
    );
    check(
        &"a: *b\n".repeat(100_000),
        expect!["bad.yml:1:4: while parsing node, found unknown anchor"],
    );
    check(&"--- &a\n".repeat(200_000), expect![""]);
    check(
        &"\u{0}\u{1}\u{fffe}".repeat(1 << 18),
        expect!["bad.yml:1:1: found unprintable character"],
    );
    check(
        &"\"".repeat(1 << 20),
        expect!["bad.yml:1:3: invalid trailing content after double-quoted scalar"],
    );
    check(&"? ".repeat(1 << 18), expect!["bad.yml:1:65: nested deeper than 32"]);
    check(
        &"!<".repeat(1 << 18),
        expect!["bad.yml:1:1: while scanning a verbatim tag, did not find the expected '>'"],
    );
}

#[test]
fn keys() {
    check("title: A\ntitle: B\n", expect!["bad.yml:2:1: this key stands twice"]);
    check("[a, b]: c\n", expect!["bad.yml:1:1: a key is a text"]);
    check("{a: b}: c\n", expect!["bad.yml:1:1: a key is a text"]);
}

#[test]
fn examples_that_are_written_out() {
    let line = "x".repeat(100_000);
    let text = format!(
        "{}bartizan: {{examples: {{match: [{{repeat: 10000, line: {line}}}]}}}}\n",
        rule("  s: {a: 1}")
    );
    check(
        &text,
        expect!["bad.yml:5:31: the examples of one file come to more than 16777216 bytes"],
    );
}

#[test]
fn correlations_that_wait_for_each_other() {
    let correlation = |name: &str, rules: &str| {
        format!(
            "title: {name}\nname: {name}\ncorrelation: {{type: temporal, rules: [{rules}], timespan: 1m}}\n---\n"
        )
    };
    check(
        &correlation("a", "a"),
        expect![
            "bad.yml:3:39: `a` waits for this correlation itself, or for a rule that is not there"
        ],
    );
    let three = [("a", "b"), ("b", "c"), ("c", "a, good")];
    let three: String = three.map(|(name, rules)| correlation(name, rules)).concat();
    check(
        &three,
        expect![[r"
        bad.yml:3:39: `b` waits for this correlation itself, or for a rule that is not there
        bad.yml:7:39: `c` waits for this correlation itself, or for a rule that is not there
        bad.yml:11:39: `a` waits for this correlation itself, or for a rule that is not there"]],
    );
    // A long chain in the wrong order costs no more than in the right one.
    let mut chain: Vec<String> =
        (1..8_000).map(|n| correlation(&format!("c{n}"), &format!("c{}", n - 1))).collect();
    chain.push(correlation("c0", "good"));
    chain.reverse();
    check(&chain.concat(), expect!["8000 rules loaded"]);
    chain.reverse();
    check(&chain.concat(), expect!["8000 rules loaded"]);
    let names: Vec<String> = (0..65).map(|n| format!("r{n}")).collect();
    check(
        &correlation("many", &names.join(", ")),
        expect!["bad.yml:3:38: a correlation names 1 to 64 rules"],
    );
}

#[test]
fn twins() {
    check(
        "title: Bad\nid: same\ndetection: {s: {a: 1}, condition: s}\n---\ntitle: Bad\nid: same\ndetection: {s: {a: 1}, condition: s}\n",
        expect![[r"
            bad.yml:6:5: another rule has the id same
            1 rules loaded"]],
    );
    check(
        "title: Bad\nid: same\ncorrelation: {type: temporal, rules: good, timespan: 1m}\n---\ntitle: Bad\nid: same\ncorrelation: {type: temporal, rules: good, timespan: 1m}\n",
        expect![[r"
            bad.yml:6:5: another rule has the id same
            1 rules loaded"]],
    );
    let many: String = (0..20_000).map(|_| "title: T\nid: same\n---\n").collect();
    check(
        &many,
        expect![[r"
        bad.yml:1:1: a rule has a `detection`, a `correlation` or a `filter`
        bad.yml:4:1: a rule has a `detection`, a `correlation` or a `filter`
        bad.yml:7:1: a rule has a `detection`, a `correlation` or a `filter`
        and 19997 more"]],
    );
}

#[test]
fn modifiers_and_conditions() {
    check(&rule("  s: {a|sounds_like: 1}"), expect!["bad.yml:3:7: unknown modifier `sounds_like`"]);
    let selections: String = (0..1_000).map(|n| format!("  s{n}: {{a: {n}}}\n")).collect();
    let text =
        |condition: &str| format!("title: Bad\ndetection:\n{selections}  condition: {condition}\n");
    check(
        &text(&format!("s1{}", " and all of s*".repeat(10_000))),
        expect!["bad.yml:1003:952: the rule stands for more than 200000 tests"],
    );
    check(
        &text(&format!("s1{}", " or s1".repeat(100_000))),
        expect!["bad.yml:1003:597014: the rule stands for more than 200000 tests"],
    );
    check(&text("500 of s*"), expect!["bad.yml:1003:23: `500 of` 1000 selections is too many"]);
    check(
        &text(&"(".repeat(100_000)),
        expect!["bad.yml:1003:31: too many parentheses or `not` within one another"],
    );
}

#[test]
fn collections_that_multiply() {
    let mut text = String::from("action: global\ntitle: Bad\ndetection:\n  condition: s\n  big:\n");
    for number in 0..5_000 {
        writeln!(text, "    - value{number}").unwrap();
    }
    for number in 0..2_000 {
        writeln!(text, "---\nid: x{number}\ndetection: {{s: {{a: {number}}}}}").unwrap();
    }
    check(
        &text,
        expect![[r"
            bad.yml:5154:1: the actions of this file multiply too much
            49 rules loaded"]],
    );
    let repeats = "---\naction: repeat\ndetection: {s: {a: 2}}\n".repeat(20_000);
    check(
        &format!("{}{repeats}", rule("  s: {a: 1}")),
        expect![[r"
            bad.yml:44121:1: the actions of this file multiply too much
            14706 rules loaded"]],
    );
}

#[test]
fn filters_that_multiply() {
    let mut text = String::new();
    for number in 0..2_000 {
        writeln!(text, "title: R\nid: r{number}\ndetection: {{s: {{a: 1}}, condition: s}}\n---")
            .unwrap();
    }
    for _ in 0..2_000 {
        text.push_str("title: F\nfilter: {rules: any, s: {b: 2}, condition: not s}\n---\n");
    }
    check(
        &text,
        expect![[r"
        bad.yml:8500:9: filters add more than 1000000 tests to the rules
        bad.yml:8503:9: filters add more than 1000000 tests to the rules
        bad.yml:8506:9: filters add more than 1000000 tests to the rules
        and 1831 more
        2000 rules loaded"]],
    );
}
