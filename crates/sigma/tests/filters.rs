//! Filters, and collections of documents that complete one another.

use expect_test::{Expect, expect};
use model::{Event, Text, Timestamp};
use sigma::{Memory, RuleFile, RuleSet};

const RULES: &str = "
title: Process
id: process
name: a_process
logsource: {product: windows, category: process_creation}
detection: {s: {Image|endswith: tool.exe}, condition: s}
---
title: Log-in
id: login
logsource: {product: linux, service: sshd}
detection: {s: {user.name|exists: true}, condition: s}
---
title: Burst
id: burst
correlation: {type: event_count, rules: login, timespan: 1m, condition: {gte: 2}, generate: true}
---
";

/// Loads the rules and a filter, and gives the faults and what two events of each kind match.
#[track_caller]
fn check(filter: &str, expect: Expect) {
    let text = format!("{RULES}{filter}");
    let (rules, faults) = RuleSet::load(&[RuleFile { path: "a.yml".to_owned(), text }]);
    let mut told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let mut memory = Memory::default();
    for (name, value) in [
        ("Image", "C:\\tool.exe"),
        ("Image", "C:\\backup\\tool.exe"),
        ("user.name", "adm_root"),
        ("user.name", "bob"),
        ("user.name", "adm_bob"),
    ] {
        let mut event = Event::new(Text::from("x"), Timestamp::from_seconds(1));
        event.set_extra(name, value);
        let mut user = Event::new(Text::from("x"), Timestamp::from_seconds(1));
        user.set(model::Field::UserName, value);
        let event = if name == "user.name" { user } else { event };
        let (mut matched, mut fired) = (Vec::new(), Vec::new());
        rules.matches(&event, &mut matched);
        rules.correlate(&event, &matched, &mut memory, &mut fired);
        let found = matched.into_iter().chain(fired.into_iter().map(|firing| firing.rule));
        let titles = found.filter_map(|index| rules.rule(index));
        let titles: Vec<&str> = titles.map(|rule| rule.header.title.as_str()).collect();
        let titles = if titles.is_empty() { "nothing".to_owned() } else { titles.join(", ") };
        told.push(format!("{value}: {titles}"));
    }
    let narrowed = rules.rules().iter().filter(|rule| !rule.filters.is_empty());
    told.extend(
        narrowed.map(|rule| format!("{} by {}", rule.header.title, rule.filters.join(", "))),
    );
    expect.assert_eq(&told.join("\n"));
}

#[test]
fn what_a_filter_says_is_joined_by_and() {
    check(
        "title: Administrators
logsource: {product: linux}
filter: {rules: [login], selection: {user.name|startswith: adm_}, condition: not selection}
",
        expect![[r"
            C:\tool.exe: Process
            C:\backup\tool.exe: Process
            adm_root: nothing
            bob: Log-in
            adm_bob: nothing
            Log-in by Administrators"]],
    );
    check(
        "title: Administrators
filter: {rules: [login], selection: {user.name|startswith: adm_}, condition: selection}
",
        expect![[r"
            C:\tool.exe: Process
            C:\backup\tool.exe: Process
            adm_root: Log-in
            bob: nothing
            adm_bob: Log-in, Burst
            Log-in by Administrators"]],
    );
}

#[test]
fn any_rule_that_the_log_source_fits() {
    check(
        "title: Backups
logsource: {product: windows}
filter: {rules: any, one: {Image|contains: backup}, two: {Image|contains: restore}, condition: not 1 of them}
",
        expect![[r"
            C:\tool.exe: Process
            C:\backup\tool.exe: nothing
            adm_root: Log-in
            bob: Log-in, Burst
            adm_bob: Log-in
            Process by Backups"]],
    );
    check(
        "title: All\nfilter: {rules: [], s: {Image|contains: nothing}, condition: s}\n",
        expect![[r"
            C:\tool.exe: nothing
            C:\backup\tool.exe: nothing
            adm_root: nothing
            bob: nothing
            adm_bob: nothing
            Process by All
            Log-in by All"]],
    );
}

#[test]
fn faults() {
    check(
        "title: Wrong
logsource: {product: linux}
filter: {rules: [nobody, a_process, burst, login], s: {user.name: bob}, condition: not s}
---
title: Nowhere
logsource: {product: macos}
filter: {rules: any, s: {user.name: bob}, condition: not s}
---
title: No rules
filter: {s: {user.name: bob}, condition: not s}
---
title: No condition
filter: {rules: any, s: {user.name: bob}}
",
        expect![[r"
            a.yml:26:9: a filter names its `rules`, or says `any`
            a.yml:29:9: `detection` needs a `condition`
            a.yml:19:18: there is no rule `nobody`
            a.yml:19:26: the log source of `a_process` is not the filter's
            a.yml:19:37: `burst` is a correlation: filters narrow the rules of events
            a.yml:23:9: this filter's log source is that of no rule
            C:\tool.exe: Process
            C:\backup\tool.exe: Process
            adm_root: Log-in
            bob: nothing
            adm_bob: Log-in, Burst
            Log-in by Wrong"]],
    );
}

#[track_caller]
fn check_collection(text: &str, expect: Expect) {
    let (rules, faults) =
        RuleSet::load(&[RuleFile { path: "a.yml".to_owned(), text: text.to_owned() }]);
    let mut told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    for rule in rules.rules() {
        let sigma::RuleKind::Event(predicate) = &rule.kind else { continue };
        let header = &rule.header;
        let source = rule.logsource.product.as_deref().unwrap_or_default();
        told.push(format!("{} {} {source}: {}", header.id, header.title, predicate.node()));
    }
    expect.assert_eq(&told.join("\n"));
}

#[test]
fn collections() {
    check_collection(
        "action: global
title: Tool
id: tool
level: high
detection: {condition: 1 of them}
---
logsource: {product: windows}
detection: {one: {a: 1}}
---
logsource: {product: linux}
detection: {two: {b: 2}}
---
action: repeat
detection: {three: {c: 3}}
---
action: reset
---
title: Alone
id: alone
detection: {s: {a: 1}, condition: s}
",
        expect![[r"
            tool Tool windows: (a: 1 or winlog.event_data.a: 1 or winlog.user_data.a: 1)
            tool_2 Tool linux: b: 2
            tool_3 Tool linux: (b: 2) or (c: 3)
            alone Alone : a: 1"]],
    );
    check_collection(
        "action: repeat\ntitle: A\n",
        expect!["a.yml:1:1: there is no document before this one to repeat"],
    );
    check_collection(
        "action: explode\ntitle: A\n",
        expect!["a.yml:1:9: the action is global, reset or repeat"],
    );
}
